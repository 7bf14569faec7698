//! Proves what a long history costs: the first question about since when findings stand walks it, aside; those after it go on from there.

use std::time::{Duration, Instant};

use prost::{Message, Name};
use prost_types::Any;
use vedtak::schema::v1::*;

use super::doors::{Door, Doors};
use crate::support::{Server, context, new_id, register_project, register_risk, scale, token};

/// How many events the project has; at the full scale, as many as a large project comes to in its life.
fn events() -> usize {
    (2_000 * scale()).min(60_000)
}

async fn doors(server: &Server, tenant: &str) -> Doors {
    Doors::of(server, &token(tenant, "kari", &["administrator"])).await
}

fn any<M: Message + Name>(message: &M) -> Any {
    Any {
        type_url: M::type_url(),
        value: message.encode_to_vec(),
    }
}

/// A project with a finding that has stood almost from its beginning, and with so many events after it.
async fn long_project(doors: &Doors) -> String {
    let project_id = new_id();
    let _: Receipt = doors
        .call(Door::Grpc, "RegisterProject", &register_project(&project_id))
        .await
        .unwrap();
    let risk = register_risk(&project_id);
    let _: Receipt = doors.call(Door::Grpc, "RegisterRisk", &risk).await.unwrap();
    for batch in 0..i32::try_from(events() / 100).unwrap() {
        let commands = (0..100).map(|number| {
            any(&AssessRisk {
                context: None,
                project_id: project_id.clone(),
                risk_id: risk.risk_id.clone(),
                assessment: Some(RiskAssessment {
                    probability: 1 + (batch + number) % 5,
                    consequence: 1 + (number % 2) + 2 * (batch % 2),
                    stated_factor: None,
                }),
            })
        });
        let batch = RecordBatch {
            context: context(),
            commands: commands.collect(),
        };
        let _: Receipt = doors.call(Door::Grpc, "RecordBatch", &batch).await.unwrap();
    }
    project_id
}

async fn findings(doors: &Doors, project_id: &str) -> (Duration, FindingList) {
    let ask = ListFindings {
        project_id: project_id.to_owned(),
        ..ListFindings::default()
    };
    let began = Instant::now();
    let list = doors.call(Door::Grpc, "ListFindings", &ask).await.unwrap();
    (began.elapsed(), list)
}

/// How long a reading as of an effective date takes.
async fn as_of_a_day(doors: &Doors, project_id: &str, day: &str) -> Duration {
    let ask = GetRisk {
        project_id: project_id.to_owned(),
        risk_id: new_id(),
        as_of: Some(AsOf {
            point: None,
            effective_date: Some(day.to_owned()),
        }),
        ..GetRisk::default()
    };
    let began = Instant::now();
    // There is no such risk, and to say so takes the whole history.
    let refused = doors.call::<RiskReading>(Door::Grpc, "GetRisk", &ask).await;
    assert_eq!(refused.unwrap_err().code, "NOT_FOUND");
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_history_is_walked_once_and_holds_up_nobody_else() {
    let server = Server::start().await;
    let (long, quiet) = (doors(&server, "long").await, doors(&server, "quiet").await);
    let project_id = long_project(&long).await;
    let quiet_project = new_id();
    let _: Receipt = quiet
        .call(Door::Grpc, "RegisterProject", &register_project(&quiet_project))
        .await
        .unwrap();
    // Twenty ask at once, as if by one reader, while another tenant records.
    let asking = {
        let (long, project_id) = (long.clone(), project_id.clone());
        tokio::spawn(async move {
            let all = (0..20).map(|_| findings(&long, &project_id));
            let began = Instant::now();
            let all = futures_util::future::join_all(all).await;
            (began.elapsed(), all)
        })
    };
    let mut times = Vec::new();
    while !asking.is_finished() || times.is_empty() {
        let began = Instant::now();
        let risk = register_risk(&quiet_project);
        let _: Receipt = quiet.call(Door::Grpc, "RegisterRisk", &risk).await.unwrap();
        times.push(began.elapsed());
    }
    let (first, all) = asking.await.unwrap();
    let (_, told) = &all[0];
    assert!(all.iter().all(|(_, list)| list == told));
    let unanswered = told.findings.iter().find(|finding| finding.code == "X3").unwrap();
    assert_eq!(unanswered.since_position, 2);
    times.sort_unstable();
    let (warm, again) = findings(&long, &project_id).await;
    assert_eq!(again, *told);
    // What has come since is all that is walked.
    let _: Receipt = long
        .call(Door::Grpc, "RegisterRisk", &register_risk(&project_id))
        .await
        .unwrap();
    let (after_one_more, more) = findings(&long, &project_id).await;
    assert_eq!(more.position, told.position + 1);
    let today = vedtak::clock::today();
    let (cold_day, warm_day) = (
        as_of_a_day(&long, &project_id, &today).await,
        as_of_a_day(&long, &project_id, &today).await,
    );
    println!(
        "{} events: twenty lists of findings at once {first:?}, meanwhile another tenant's command {:?}; a list after that \
         {warm:?}, after one more event {after_one_more:?}; as of a day {cold_day:?}, again {warm_day:?}",
        events(),
        times[times.len() / 2]
    );
    let limit = Duration::from_millis(500);
    assert!(
        warm < limit && after_one_more < limit && warm_day < limit,
        "{warm:?}, {after_one_more:?}, {warm_day:?}"
    );
}
