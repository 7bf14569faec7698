//! Proves what a reader can follow: the records from any position on, new ones as they come, the audit trail, and since when a finding holds.

use std::time::Duration;

use futures_util::{Stream, StreamExt};
use serde_json::Value;
use time::OffsetDateTime;
use vedtak::clock;
use vedtak::schema::v1::ledger_service_client::LedgerServiceClient;
use vedtak::schema::v1::*;

use super::doors::{Door, Doors};
use crate::support::{Server, administrator, context, new_id, register_project, register_risk, token};

const DOORS: [Door; 2] = [Door::Grpc, Door::Json];

/// A server, and one beside it over the same database, with a door to each and a project.
struct Scene {
    _servers: [Server; 2],
    doors: [Doors; 2],
    project_id: String,
}

async fn scene() -> Scene {
    let first = Server::start().await;
    let second = Server::on(first.database.clone()).await;
    let doors = [
        Doors::of(&first, &administrator()).await,
        Doors::of(&second, &administrator()).await,
    ];
    let project_id = new_id();
    let _: Receipt = doors[0]
        .call(Door::Grpc, "RegisterProject", &register_project(&project_id))
        .await
        .unwrap();
    Scene {
        _servers: [first, second],
        doors,
        project_id,
    }
}

impl Scene {
    async fn risk(&self, server: usize) -> Receipt {
        self.doors[server]
            .call(Door::Grpc, "RegisterRisk", &register_risk(&self.project_id))
            .await
            .unwrap()
    }

    async fn records(&self, stream: Option<&str>) -> Vec<Record> {
        let ask = ListRecords {
            stream: stream.map(str::to_owned),
            page_size: 1_000,
            ..Default::default()
        };
        let list: RecordList = self.doors[0].call(Door::Grpc, "ListRecords", &ask).await.unwrap();
        list.records
    }
}

/// How a stream of records is written.
#[derive(Clone, Copy, Debug)]
enum Written {
    Grpc,
    Lines,
    Events,
}

const WRITTEN: [Written; 3] = [Written::Grpc, Written::Lines, Written::Events];

type Records = std::pin::Pin<Box<dyn Stream<Item = Record> + Send>>;

async fn stream(doors: &Doors, written: Written, ask: &StreamRecords) -> Records {
    if let Written::Grpc = written {
        let stream = LedgerServiceClient::new(doors.channel())
            .stream_records(ask.clone())
            .await
            .unwrap()
            .into_inner();
        return Box::pin(stream.map(Result::unwrap));
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("after_position", &ask.after_position.to_string())
        .append_pair("follow", &ask.follow.to_string());
    if let Some(stream) = &ask.stream {
        query.append_pair("stream", stream);
    }
    let (accept, frame) = match written {
        Written::Events => ("text/event-stream", "\n\n"),
        _ => ("application/x-ndjson", "\n"),
    };
    let request = doors
        .get(&format!("/v1/ledger/stream?{}", query.finish()))
        .header("accept", accept);
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], accept);
    let frames = futures_util::stream::unfold((response, Vec::new()), move |(mut response, mut buffer)| async move {
        loop {
            let text = String::from_utf8_lossy(&buffer);
            if let Some(end) = text.find(frame) {
                let whole = text[..end].to_owned();
                buffer.drain(..end + frame.len());
                return Some((whole, (response, buffer)));
            }
            buffer.extend(response.chunk().await.unwrap()?);
        }
    });
    Box::pin(frames.map(move |frame| {
        match written {
            Written::Events => parsed(
                frame
                    .strip_prefix("event: message\ndata: ")
                    .unwrap_or_else(|| panic!("{frame}")),
            ),
            _ => parsed(&frame),
        }
    }))
}

fn parsed(json: &str) -> Record {
    let mut json = serde_json::Deserializer::from_str(json);
    prost::Message::decode(
        vedtak::schema::from_json("vedtak.v1.Record", &mut json)
            .unwrap()
            .as_slice(),
    )
    .unwrap()
}

/// So many of a stream that goes on.
async fn take(records: &mut Records, count: usize) -> Vec<Record> {
    let taken = records.take(count).collect::<Vec<_>>();
    tokio::time::timeout(Duration::from_secs(60), taken)
        .await
        .expect("what is recorded is delivered")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_after_any_position_and_ends_at_the_last_record() {
    let scene = scene().await;
    let other = new_id();
    for turn in 0..4 {
        scene.risk(turn % 2).await;
        if turn == 1 {
            let _: Receipt = scene.doors[0]
                .call(Door::Grpc, "RegisterProject", &register_project(&other))
                .await
                .unwrap();
        }
    }
    for filter in [
        None,
        Some(format!("project/{}", scene.project_id)),
        Some(format!("project/{other}")),
    ] {
        let all = scene.records(filter.as_deref()).await;
        for after_position in 0..=6 {
            let left: Vec<Record> = all
                .iter()
                .filter(|record| record.position > after_position)
                .cloned()
                .collect();
            for written in WRITTEN {
                let ask = StreamRecords {
                    stream: filter.clone(),
                    after_position,
                    follow: false,
                    ..StreamRecords::default()
                };
                let doors = &scene.doors[usize::try_from(after_position).unwrap() % 2];
                let found: Vec<Record> = stream(doors, written, &ask).await.collect().await;
                assert_eq!(found, left, "{filter:?} after {after_position}, {written:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_gets_every_new_record_once_in_order_from_either_server() {
    let scene = scene().await;
    let own = Some(format!("project/{}", scene.project_id));
    let mut following = Vec::new();
    for (index, written) in WRITTEN.into_iter().cycle().take(6).enumerate() {
        let ask = StreamRecords {
            stream: own.clone().filter(|_| index >= 3),
            after_position: 0,
            follow: true,
            ..StreamRecords::default()
        };
        following.push((index, written, stream(&scene.doors[index % 2], written, &ask).await));
    }
    for round in 0..3 {
        for turn in 0..5 {
            scene.risk(turn % 2).await;
            let _: Receipt = scene.doors[turn % 2]
                .call(Door::Grpc, "RegisterProject", &register_project(&new_id()))
                .await
                .unwrap();
        }
        for (index, written, records) in &mut following {
            let all = scene.records(own.as_deref().filter(|_| *index >= 3)).await;
            let new = if *index >= 3 { 5 } else { 10 };
            let count = if round == 0 { new + 1 } else { new };
            let found = take(records, count).await;
            assert_eq!(found, all[all.len() - count..], "{written:?} of server {}", *index % 2);
        }
    }
    // A stream that broke off is taken up again after the last position received, at the other server.
    scene.risk(0).await;
    let all = scene.records(None).await;
    for (index, written, records) in following {
        drop(records);
        let ask = StreamRecords {
            stream: None,
            after_position: all.len() as i64 - 1,
            follow: true,
            ..StreamRecords::default()
        };
        let mut records = stream(&scene.doors[(index + 1) % 2], written, &ask).await;
        assert_eq!(take(&mut records, 1).await, all[all.len() - 1..]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_trail_shows_who_when_in_which_role_on_what_authority_and_why() {
    let scene = scene().await;
    let assign = AssignRole {
        context: context(),
        project_id: scene.project_id.clone(),
        assignment_id: new_id(),
        role: ProjectRole::Owner.into(),
        holder: Some(RoleHolder {
            holder: Some(role_holder::Holder::Person(Person {
                subject: "ola".to_owned(),
                ..Default::default()
            })),
        }),
        from: "2017-01-01".to_owned(),
        to: Some("2017-12-31".to_owned()),
        reason: String::new(),
    };
    let _: Receipt = scene.doors[0].call(Door::Grpc, "AssignRole", &assign).await.unwrap();
    let ola = Doors::of(&scene._servers[1], &token(crate::support::TENANT, "ola", &["recorder"])).await;
    let before = clock::now();
    let mut sent = Vec::new();
    for (date, door) in ["2017-06-01", "2018-06-01"].into_iter().zip(DOORS) {
        let mut risk = register_risk(&scene.project_id);
        let context = risk.context.as_mut().unwrap();
        context.effective_date = Some(date.to_owned());
        "F-adm sak 5/2016".clone_into(&mut context.authority);
        "Fordi det haster – «nå»".clone_into(&mut context.reason);
        "per".clone_into(&mut context.on_behalf_of);
        let _: Receipt = ola.call(door, "RegisterRisk", &risk).await.unwrap();
        sent.push(risk);
    }
    for door in DOORS {
        let ask = ListAuditTrail {
            stream: format!("project/{}", scene.project_id),
            after_position: 2,
            page_size: 1,
            at_least: 4,
        };
        let first: AuditTrail = scene.doors[0].call(door, "ListAuditTrail", &ask).await.unwrap();
        assert_eq!(first.next_after_position, 3);
        let ask = ListAuditTrail {
            after_position: first.next_after_position,
            ..ask
        };
        let second: AuditTrail = scene.doors[1].call(door, "ListAuditTrail", &ask).await.unwrap();
        assert_eq!(second.next_after_position, 0);
        // The role counts on the day of the decision, not on the day of recording.
        for ((entry, risk), role) in [&first.entries[0], &second.entries[0]]
            .into_iter()
            .zip(&sent)
            .zip(["PROJECT_OWNER", ""])
        {
            says(entry, risk, role, before);
        }
    }
}

fn says(entry: &AuditEntry, risk: &RegisterRisk, role: &str, before: OffsetDateTime) {
    let context = risk.context.as_ref().unwrap();
    assert_eq!(
        (entry.r#type.as_str(), &entry.request_id),
        ("vedtak.v1.RiskRegistered", &context.request_id)
    );
    assert_eq!(
        (entry.subject.as_str(), entry.role.as_str(), &entry.on_behalf_of),
        ("ola", role, &context.on_behalf_of)
    );
    assert_eq!((&entry.authority, &entry.reason), (&context.authority, &context.reason));
    assert_eq!(Some(&entry.effective_date), context.effective_date.as_ref());
    assert_eq!(entry.position, entry.version, "one project, one ledger");
    let recorded = entry.recorded_at.unwrap();
    let recorded = OffsetDateTime::from_unix_timestamp(recorded.seconds).unwrap()
        + time::Duration::nanoseconds(recorded.nanos.into());
    assert!((before..=clock::now()).contains(&recorded), "{recorded}");
    let event: Value = serde_json::from_str(&entry.event).unwrap();
    assert_eq!(
        (event["risk_id"].as_str(), event["description"].as_str()),
        (Some(&*risk.risk_id), Some(&*risk.description))
    );
}

/// The finding that a stated factor is not what it should be: X2.
async fn x2(scene: &Scene, turn: usize, as_of: Option<i64>) -> Option<Finding> {
    let as_of = as_of.map(|position| AsOf {
        point: Some(as_of::Point::Position(position)),
        effective_date: None,
    });
    let ask = ListFindings {
        project_id: scene.project_id.clone(),
        as_of,
        ..ListFindings::default()
    };
    let list: FindingList = scene.doors[turn % 2]
        .call(DOORS[turn / 2 % 2], "ListFindings", &ask)
        .await
        .unwrap();
    list.findings.into_iter().find(|finding| finding.code == "X2")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_is_as_old_as_the_event_since_which_it_held_all_along() {
    let scene = scene().await;
    let risk = register_risk(&scene.project_id);
    let _: Receipt = scene.doors[0].call(Door::Grpc, "RegisterRisk", &risk).await.unwrap();
    let assess = |stated_factor| AssessRisk {
        context: context(),
        project_id: scene.project_id.clone(),
        risk_id: risk.risk_id.clone(),
        assessment: Some(RiskAssessment {
            probability: 4,
            consequence: 2,
            stated_factor: Some(stated_factor),
        }),
    };
    let mut since = Vec::new();
    // Right, wrong, wrong otherwise, right again, wrong again; something else is recorded after each.
    for (turn, (stated, wrong)) in [(8, false), (10, true), (11, true), (8, false), (10, true)]
        .into_iter()
        .enumerate()
    {
        let receipt: Receipt = scene.doors[turn % 2]
            .call(Door::Grpc, "AssessRisk", &assess(stated))
            .await
            .unwrap();
        since.push(wrong.then(|| since.last().copied().flatten().unwrap_or(receipt.position)));
        scene.risk(turn % 2).await;
    }
    let trail: AuditTrail = {
        let ask = ListAuditTrail {
            stream: format!("project/{}", scene.project_id),
            ..Default::default()
        };
        scene.doors[0].call(Door::Grpc, "ListAuditTrail", &ask).await.unwrap()
    };
    for turn in 0..4 {
        for (step, since) in since.iter().enumerate() {
            let position = 2 + 2 * (step as i64 + 1);
            let found = x2(&scene, turn, Some(position)).await;
            assert_eq!(
                found.as_ref().map(|finding| finding.since_position),
                *since,
                "as of {position}"
            );
            let recorded = since.map(|position| trail.entries[usize::try_from(position).unwrap() - 1].recorded_at);
            assert_eq!(found.map(|finding| finding.since), recorded);
        }
        assert_eq!(
            x2(&scene, turn, None).await.map(|finding| finding.since_position),
            since[4]
        );
    }
}
