//! The attacks: each does as hard as it can what used to shut out others.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::StreamBody;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot::Receiver;
use tokio::task::JoinSet;
use vedtak::schema::v1::ledger_service_client::LedgerServiceClient;
use vedtak::schema::v1::risk_service_client::RiskServiceClient;
use vedtak::schema::v1::*;

use super::{Street, batch, status_of};
use crate::support::{channel, register_risk, scale};

/// Over HTTP/2, many requests a connection whose bodies never come.
#[tokio::test(flavor = "multi_thread")]
async fn requests_whose_bodies_never_come_shut_nobody_out() {
    let street = Street::new().await;
    let (address, url, token) = (
        street.program.address(),
        street.program.url("/v1/batches"),
        street.token(),
    );
    street
        .holds("bodies that never come", move |over| {
            let (url, token) = (url.clone(), token.clone());
            async move {
                let mut waiting = JoinSet::new();
                for _ in 0..5 {
                    let stream = TcpStream::connect(address).await.unwrap();
                    let (connection, serving) =
                        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                            .await
                            .unwrap();
                    waiting.spawn(async move {
                        let _ = serving.await;
                    });
                    for _ in 0..510 {
                        let mut connection = connection.clone();
                        let never = futures_util::stream::pending::<
                            Result<hyper::body::Frame<Bytes>, std::convert::Infallible>,
                        >();
                        let request = http::Request::post(&url)
                            .header("content-type", "application/json")
                            .header("authorization", format!("Bearer {token}"))
                            .body(StreamBody::new(never.boxed()))
                            .unwrap();
                        waiting.spawn(async move {
                            if connection.ready().await.is_ok() {
                                let _ = connection.send_request(request).await;
                            }
                        });
                    }
                }
                let _ = over.await;
            }
        })
        .await;
}

/// One tenant has as many commands in flight as it likes, on two connections.
#[tokio::test(flavor = "multi_thread")]
async fn eight_hundred_commands_in_flight_shut_nobody_out() {
    let street = Street::new().await;
    let (url, token, project) = (street.program.url(""), street.token(), street.attackers_project().await);
    street
        .holds("800 commands in flight", move |mut over| {
            let (url, token, project) = (url.clone(), token.clone(), project.clone());
            async move {
                let channels = [channel(&url, &token).await, channel(&url, &token).await];
                let mut flying = JoinSet::new();
                for number in 0..800 {
                    let mut risks = RiskServiceClient::new(channels[number % 2].clone());
                    let project = project.clone();
                    flying.spawn(async move {
                        loop {
                            let _ = risks.register_risk(register_risk(&project)).await;
                        }
                    });
                }
                let _ = (&mut over).await;
            }
        })
        .await;
}

/// A project of many megabytes is asked for over HTTP/1.1, again and again, and never read.
#[tokio::test(flavor = "multi_thread")]
async fn large_answers_that_nobody_reads_shut_nobody_out() {
    let street = Street::new().await;
    let (url, token, project) = (street.program.url(""), street.token(), street.attackers_project().await);
    let mut ledger = LedgerServiceClient::new(channel(&url, &token).await);
    for _ in 0..30 {
        ledger.record_batch(batch(&project, 100, 1_900)).await.unwrap();
    }
    let address = street.program.address();
    street
        .holds("large answers that nobody reads", move |over| {
            let (token, project) = (token.clone(), project.clone());
            async move {
                let mut unread = Vec::new();
                for _ in 0..16 {
                    let mut stream = TcpStream::connect(address).await.unwrap();
                    let head = format!(
                        "GET /v1/projects/{project} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n"
                    );
                    stream.write_all(head.as_bytes()).await.unwrap();
                    unread.push(stream);
                }
                let _ = over.await;
            }
        })
        .await;
}

/// Many follow the ledger, some of them without ever reading, while it grows.
#[tokio::test(flavor = "multi_thread")]
async fn many_who_follow_shut_nobody_out() {
    let street = Street::new().await;
    let (url, token, project) = (street.program.url(""), street.token(), street.attackers_project().await);
    let mut ledger = LedgerServiceClient::new(channel(&url, &token).await);
    for _ in 0..10 {
        ledger.record_batch(batch(&project, 100, 1_900)).await.unwrap();
    }
    let count = (50 * scale()).clamp(200, 5_000);
    street
        .holds("many who follow", move |over| {
            let (url, token, project) = (url.clone(), token.clone(), project.clone());
            async move { follow(&url, &token, &project, count, over).await }
        })
        .await;
}

async fn follow(url: &str, token: &str, project: &str, count: usize, mut over: Receiver<()>) {
    let mut followers = JoinSet::new();
    let mut unread = Vec::new();
    let mut channels = Vec::new();
    for _ in 0..count.div_ceil(400) {
        channels.push(channel(url, token).await);
    }
    for number in 0..count {
        let mut ledger = LedgerServiceClient::new(channels[number % channels.len()].clone());
        let (reads, after_position) = (number % 4 != 0, if number % 4 == 0 { 0 } else { 1_000 });
        let ask = StreamRecords {
            follow: true,
            after_position,
            ..StreamRecords::default()
        };
        let Ok(stream) = ledger.stream_records(ask).await else {
            continue;
        };
        let mut stream = stream.into_inner();
        if reads {
            followers.spawn(async move { while let Ok(Some(_)) = stream.message().await {} });
        } else {
            unread.push(stream);
        }
    }
    let mut risks = RiskServiceClient::new(channels[0].clone());
    while over.try_recv().is_err() {
        let _ = risks.register_risk(register_risk(project)).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Findings of a long history, by many at a time, and readings as of a day.
#[tokio::test(flavor = "multi_thread")]
async fn questions_about_a_long_history_shut_nobody_out() {
    let street = Street::new().await;
    let (url, token, project) = (street.program.url(""), street.token(), street.attackers_project().await);
    let mut ledger = LedgerServiceClient::new(channel(&url, &token).await);
    for _ in 0..(20 * scale()).clamp(20, 600) {
        ledger.record_batch(batch(&project, 100, 20)).await.unwrap();
    }
    // Read the figures: by itself, the first question walks the history, and those after it go on from there.
    let client = reqwest::Client::new();
    for _ in 0..4 {
        let began = Instant::now();
        let ask = client
            .get(format!("{url}/v1/projects/{project}/findings"))
            .bearer_auth(&token);
        assert_eq!(status_of(ask).await.0, 200);
        println!("ListFindings by itself: {:?}", began.elapsed());
    }
    street
        .holds("questions about a long history", move |mut over| {
            let (url, token, project) = (url.clone(), token.clone(), project.clone());
            async move {
                let mut asking = JoinSet::new();
                for number in 0..20 {
                    let (url, token) = (url.clone(), token.clone());
                    let path = match number % 2 {
                        0 => format!("/v1/projects/{project}/findings"),
                        _ => format!("/v1/projects/{project}?as_of.effective_date=2026-01-{:02}", 1 + number),
                    };
                    asking.spawn(async move {
                        let client = reqwest::Client::new();
                        loop {
                            let (status, problem) =
                                status_of(client.get(format!("{url}{path}")).bearer_auth(&token)).await;
                            assert!(matches!(status, 200 | 404 | 429), "{path}: {problem}");
                        }
                    });
                }
                let _ = (&mut over).await;
            }
        })
        .await;
}

/// Batches that are large and costly, and refused at their end.
#[tokio::test(flavor = "multi_thread")]
async fn batches_that_are_refused_at_their_end_shut_nobody_out() {
    let street = Street::new().await;
    let (url, token, project) = (street.program.url(""), street.token(), street.attackers_project().await);
    street
        .holds("batches that are refused at their end", move |mut over| {
            let (url, token, project) = (url.clone(), token.clone(), project.clone());
            async move {
                let mut sending = JoinSet::new();
                for _ in 0..4 {
                    let mut ledger = LedgerServiceClient::new(channel(&url, &token).await);
                    let project = project.clone();
                    sending.spawn(async move {
                        loop {
                            let mut refused = batch(&project, 99, 1_900);
                            let of_nothing = AssessRisk {
                                project_id: project.clone(),
                                risk_id: crate::support::new_id(),
                                assessment: Some(RiskAssessment {
                                    probability: 1,
                                    consequence: 1,
                                    stated_factor: None,
                                }),
                                ..AssessRisk::default()
                            };
                            refused.commands.push(prost_types::Any::from_msg(&of_nothing).unwrap());
                            assert!(ledger.record_batch(refused).await.is_err());
                        }
                    });
                }
                let _ = (&mut over).await;
            }
        })
        .await;
}
