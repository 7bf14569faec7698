//! Proves that whoever follows a ledger is sent every record once and in order, however it comes and goes, and that it ends in words.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tonic::{Code, Streaming};
use tonic_types::StatusExt;
use vedtak::ledger::leaf_hash;
use vedtak::schema::v1::ledger_service_client::LedgerServiceClient;
use vedtak::schema::v1::*;

use super::doors::{Door, Doors};
use crate::support::{ISSUER, Server, administrator, issuer, new_id, register_project, register_risk, scale};

async fn follow(server: &Server, token: &str, ask: StreamRecords) -> Result<Streaming<Record>, tonic::Status> {
    let mut client = LedgerServiceClient::new(server.channel(token).await);
    Ok(client.stream_records(ask).await?.into_inner())
}

/// Follows from a position on until a last one, now and then slowly, now and then anew from where it came to; answers what it was sent.
async fn followed(server: std::sync::Arc<Server>, seed: u64, stream: Option<String>, last: i64) -> Vec<(i64, Vec<u8>)> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut got: Vec<(i64, Vec<u8>)> = Vec::new();
    loop {
        let after = got.last().map_or(0, |(position, _)| *position);
        let after_leaf_hash = got.last().map(|(_, leaf)| hex::encode(leaf));
        let ask = StreamRecords {
            stream: stream.clone(),
            after_position: after,
            follow: true,
            after_leaf_hash,
        };
        let mut records = follow(&server, &administrator(), ask).await.unwrap();
        let until = random.random_range(1..400);
        for _ in 0..until {
            let record = records.message().await.unwrap().expect("a follower is sent on");
            assert_eq!(record.leaf_hash, leaf_hash(record.record.as_bytes()).to_vec());
            let position = record.position;
            got.push((position, record.leaf_hash.to_vec()));
            if position >= last {
                return got;
            }
            if random.random_range(0..50) == 0 {
                tokio::time::sleep(Duration::from_millis(random.random_range(0..80))).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_follower_is_sent_every_record_once_and_in_order() {
    let server = std::sync::Arc::new(Server::start().await);
    let doors = Doors::of(&server, &administrator()).await;
    let projects: Vec<String> = (0..3).map(|_| new_id()).collect();
    for id in &projects {
        let _: Receipt = doors
            .call(Door::Grpc, "RegisterProject", &register_project(id))
            .await
            .unwrap();
    }
    let each = 200 * scale().min(20);
    let last = (3 + each * 3) as i64;
    let mut writers = JoinSet::new();
    for id in projects.clone() {
        let doors = doors.clone();
        writers.spawn(async move {
            for _ in 0..each {
                let _: Receipt = doors
                    .call(Door::Grpc, "RegisterRisk", &register_risk(&id))
                    .await
                    .unwrap();
            }
        });
    }
    let mut followers = JoinSet::new();
    for seed in 0..24 {
        // Most of them come while it is written.
        tokio::time::sleep(Duration::from_millis(5)).await;
        followers.spawn(followed(std::sync::Arc::clone(&server), seed, None, last));
    }
    let got = followers.join_all().await;
    writers.join_all().await;
    for got in &got {
        let positions: Vec<i64> = got.iter().map(|(position, _)| *position).collect();
        assert_eq!(positions, (1..=last).collect::<Vec<_>>());
    }
    // Those of one stream: what the whole ledger says of it.
    let ask = ListRecords {
        stream: Some(format!("project/{}", projects[0])),
        page_size: 1_000,
        ..ListRecords::default()
    };
    let mut of_one = Vec::new();
    loop {
        let after_position = of_one.last().copied().unwrap_or_default();
        let page: RecordList = doors
            .call(
                Door::Grpc,
                "ListRecords",
                &ListRecords {
                    after_position,
                    ..ask.clone()
                },
            )
            .await
            .unwrap();
        of_one.extend(page.records.iter().map(|record| record.position));
        if page.next_after_position == 0 {
            break;
        }
    }
    assert_eq!(of_one.len(), each + 1);
    let own = followed(server, 99, ask.stream, *of_one.last().unwrap()).await;
    assert_eq!(own.iter().map(|(position, _)| *position).collect::<Vec<_>>(), of_one);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_token_and_says_where_it_came_to() {
    let server = Server::start().await;
    let doors = Doors::of(&server, &administrator()).await;
    let _: Receipt = doors
        .call(Door::Grpc, "RegisterProject", &register_project(&new_id()))
        .await
        .unwrap();
    let now = vedtak::clock::now().unix_timestamp();
    let token = issuer().sign(&json!({
        "iss": ISSUER, "aud": "vedtak", "sub": "ola", "tenant": crate::support::TENANT, "roles": ["reader"], "iat": now, "exp": now + 2,
    }));
    let ask = StreamRecords {
        follow: true,
        ..StreamRecords::default()
    };
    let lines = reqwest::Client::new()
        .get(server.url("/v1/ledger/stream?follow=true"))
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    let mut records = follow(&server, &token, ask).await.unwrap();
    assert_eq!(records.message().await.unwrap().unwrap().position, 1);
    let began = std::time::Instant::now();
    let ended = records.message().await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(ended.code(), Code::Unauthenticated);
    let info = ended.get_details_error_info().unwrap();
    assert_eq!(
        (info.reason.as_str(), info.metadata["last_position"].as_str()),
        ("TOKEN_EXPIRED", "1")
    );
    let lines = lines.text().await.unwrap();
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(last["error"]["reason"], "TOKEN_EXPIRED", "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_the_ledger_has_not_come_to_or_a_record_that_it_does_not_hold_is_no_beginning() {
    let server = Server::start().await;
    let doors = Doors::of(&server, &administrator()).await;
    let id = new_id();
    let _: Receipt = doors
        .call(Door::Grpc, "RegisterProject", &register_project(&id))
        .await
        .unwrap();
    for follow_on in [true, false] {
        let ask = StreamRecords {
            after_position: 2,
            follow: follow_on,
            ..StreamRecords::default()
        };
        let refused = follow(&server, &administrator(), ask).await.unwrap_err();
        assert_eq!(refused.get_details_error_info().unwrap().reason, "POSITION_NOT_REACHED");
    }
    let stream = format!("project/{id}");
    for door in [Door::Grpc, Door::Json] {
        let records = ListRecords {
            after_position: 2,
            ..ListRecords::default()
        };
        let refused = doors
            .call::<RecordList>(door, "ListRecords", &records)
            .await
            .unwrap_err();
        assert_eq!(refused.reason, "POSITION_NOT_REACHED");
        let trail = ListAuditTrail {
            after_position: 2,
            stream: stream.clone(),
            ..ListAuditTrail::default()
        };
        let refused = doors
            .call::<AuditTrail>(door, "ListAuditTrail", &trail)
            .await
            .unwrap_err();
        assert_eq!(refused.reason, "POSITION_NOT_REACHED");
        // Another record than the one that the caller has.
        for after_position in [1, 2] {
            let after_leaf_hash = Some("0".repeat(64));
            let records = ListRecords {
                after_position,
                after_leaf_hash,
                ..ListRecords::default()
            };
            let refused = doors
                .call::<RecordList>(door, "ListRecords", &records)
                .await
                .unwrap_err();
            assert_eq!(
                (refused.code.as_str(), refused.reason.as_str()),
                ("DATA_LOSS", "HISTORY_LOST")
            );
        }
    }
    let first: RecordList = doors
        .call(Door::Grpc, "ListRecords", &ListRecords::default())
        .await
        .unwrap();
    let after_leaf_hash = Some(hex::encode(&first.records[0].leaf_hash));
    let ask = StreamRecords {
        after_position: 1,
        after_leaf_hash,
        ..StreamRecords::default()
    };
    let mut records = follow(&server, &administrator(), ask).await.unwrap();
    assert!(records.message().await.unwrap().is_none());
}
