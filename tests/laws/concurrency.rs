//! Proves that many writers at once lose nothing, repeat nothing and leave no gap, through two servers over one database.
//!
//! The two servers have their own ledger, writers, queues and memory, and share nothing but the database: they are to each other
//! what two processes are. (That processes may also be killed is proved elsewhere.)

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use vedtak::ledger::Envelope;
use vedtak::schema::v1::*;

use super::doors::{Door, Doors};
use crate::support::{Server, context, new_id, register_project, scale, token};

const WRITERS: usize = 64;
/// No programme here takes this long unless somebody waits for ever.
const LIMIT: Duration = Duration::from_secs(1_800);

/// Two servers over one database, and doors to both for the tenants.
struct Pair {
    servers: [Server; 2],
}

impl Pair {
    async fn start() -> Self {
        let first = Server::start().await;
        let second = Server::on(first.database.clone()).await;
        Self {
            servers: [first, second],
        }
    }

    async fn doors(&self, tenant: &str) -> [Doors; 2] {
        let token = token(tenant, "kari", &["administrator"]);
        [
            Doors::of(&self.servers[0], &token).await,
            Doors::of(&self.servers[1], &token).await,
        ]
    }
}

/// A project with a goal for each writer to revise: its state stays small however often they do.
async fn project_with_goals(doors: &Doors, project_id: &str, goals: &[String]) {
    let _: Receipt = doors
        .call(Door::Grpc, "RegisterProject", &register_project(project_id))
        .await
        .unwrap();
    for goal_id in goals {
        let define = DefineGoal {
            context: context(),
            project_id: project_id.to_owned(),
            goal_id: goal_id.clone(),
            kind: GoalKind::Result.into(),
            description: "Before".to_owned(),
        };
        let _: Receipt = doors.call(Door::Grpc, "DefineGoal", &define).await.unwrap();
    }
}

fn revise(project_id: &str, goal_id: &str, description: String) -> ReviseGoal {
    ReviseGoal {
        context: context(),
        project_id: project_id.to_owned(),
        goal_id: goal_id.to_owned(),
        description,
    }
}

fn expecting(mut command: ReviseGoal, version: i64) -> ReviseGoal {
    command.context.as_mut().unwrap().expected_version = Some(version);
    command
}

/// The whole ledger of a tenant, checked for gaps.
async fn ledger(doors: &Doors) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    let mut versions: HashMap<String, i64> = HashMap::new();
    loop {
        let ask = ListRecords {
            after_position: records.len() as i64,
            page_size: 1_000,
            ..Default::default()
        };
        let page: RecordList = doors.call(Door::Grpc, "ListRecords", &ask).await.unwrap();
        for record in page.records {
            assert_eq!(record.position, records.len() as i64 + 1, "positions have no gaps");
            let version = versions.entry(record.stream.clone()).or_default();
            *version += 1;
            assert_eq!(record.version, *version, "versions have no gaps");
            records.push(record);
        }
        if page.next_after_position == 0 {
            return records;
        }
    }
}

/// Holds the receipts against the ledger: each is in it, exactly once, and nothing else is.
fn each_is_recorded_once(records: &[Record], before: usize, receipts: &[Receipt]) {
    let mut found: HashMap<String, Vec<i64>> = HashMap::new();
    for record in &records[before..] {
        let request = Envelope::parse(record.record.as_bytes())
            .unwrap()
            .request_id
            .to_string();
        found.entry(request).or_default().push(record.position);
    }
    for receipt in receipts {
        let recorded: Vec<i64> = receipt.events.iter().map(|event| event.position).collect();
        assert_eq!(
            (recorded.len(), found.remove(&receipt.request_id)),
            (1, Some(recorded)),
            "{}",
            receipt.request_id
        );
        let record = &records[usize::try_from(receipt.position).unwrap() - 1];
        assert_eq!(
            (&record.stream, record.version, &record.leaf_hash),
            (&receipt.stream, receipt.version, &receipt.events[0].leaf_hash)
        );
    }
    assert!(found.is_empty(), "recorded, but never acknowledged: {found:?}");
}

/// Some writers on some streams, each with a goal of its own; answers how many were acknowledged.
async fn many_writers(streams: usize) {
    let pair = Pair::start().await;
    let doors = pair.doors("nordre-land").await;
    let commands = (1_000 * scale()).min(50_000);
    let goals: Vec<String> = (0..WRITERS).map(|_| new_id()).collect();
    let projects: Vec<String> = (0..streams).map(|_| new_id()).collect();
    for (index, project_id) in projects.iter().enumerate() {
        let own: Vec<String> = goals.iter().skip(index).step_by(streams).cloned().collect();
        project_with_goals(&doors[0], project_id, &own).await;
    }
    let before = streams + WRITERS;
    let began = std::time::Instant::now();
    let mut writers = JoinSet::new();
    for (writer, goal_id) in goals.into_iter().enumerate() {
        let doors = doors.clone();
        let project_id = projects[writer % streams].clone();
        let share = (commands + WRITERS - 1 - writer) / WRITERS;
        writers.spawn(async move { one_writer(&doors, writer, &project_id, &goal_id, share).await });
    }
    let receipts: Vec<Receipt> = tokio::time::timeout(LIMIT, writers.join_all())
        .await
        .unwrap()
        .into_iter()
        .flatten()
        .collect();
    println!(
        "concurrency: {} commands by {WRITERS} writers on {streams} streams in {:.1?}",
        receipts.len(),
        began.elapsed()
    );
    assert_eq!(receipts.len(), commands);
    for doors in &doors {
        let records = ledger(doors).await;
        assert_eq!(records.len(), before + commands);
        each_is_recorded_once(&records, before, &receipts);
    }
}

/// Sends its share, one after the other. Every tenth goes to both servers at the same time, as an impatient caller would.
async fn one_writer(doors: &[Doors; 2], writer: usize, project_id: &str, goal_id: &str, share: usize) -> Vec<Receipt> {
    let door = if writer.is_multiple_of(4) {
        Door::Json
    } else {
        Door::Grpc
    };
    let mut receipts: Vec<Receipt> = Vec::new();
    for number in 0..share {
        let command = revise(project_id, goal_id, format!("{writer}: {number}"));
        let here = doors[writer % 2].call::<Receipt>(door, "ReviseGoal", &command);
        let receipt = if number % 10 == 9 {
            let there = doors[1 - writer % 2].call::<Receipt>(Door::Grpc, "ReviseGoal", &command);
            let (here, there) = tokio::join!(here, there);
            assert_eq!(here, there, "whichever came first, both are told the same");
            here.unwrap()
        } else {
            here.await.unwrap()
        };
        assert!(
            receipts.last().is_none_or(|last| last.position < receipt.position),
            "what is sent later stands later"
        );
        receipts.push(receipt);
    }
    receipts
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_on_eight_streams_lose_and_repeat_nothing() {
    many_writers(8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_on_one_stream_lose_and_repeat_nothing() {
    many_writers(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_expect_the_same_version_one_goes_on_and_the_others_are_told_the_current_one() {
    let writers = if scale() == 1 { 12 } else { WRITERS };
    let each = if scale() == 1 { 3 } else { scale().div_ceil(5) };
    let pair = Pair::start().await;
    let doors = pair.doors("nordre-land").await;
    let (project_id, goals): (String, Vec<String>) = (new_id(), (0..writers).map(|_| new_id()).collect());
    project_with_goals(&doors[0], &project_id, &goals).await;
    let began = std::time::Instant::now();
    let mut running = JoinSet::new();
    for (writer, goal_id) in goals.into_iter().enumerate() {
        let doors = doors[writer % 2].clone();
        let project_id = project_id.clone();
        running.spawn(async move { one_careful_writer(&doors, writer, &project_id, &goal_id, each).await });
    }
    let done = tokio::time::timeout(LIMIT, running.join_all())
        .await
        .expect("each of them comes through in the end");
    let stale: usize = done.iter().map(|(_, stale)| stale).sum();
    let receipts: Vec<Receipt> = done.into_iter().flat_map(|(receipts, _)| receipts).collect();
    println!(
        "concurrency: {} commands by {writers} careful writers, {stale} times stale, in {:.1?}",
        receipts.len(),
        began.elapsed()
    );
    assert!(stale > 0, "nobody stood in another's way, so nothing was proved");
    each_is_recorded_once(&ledger(&doors[1]).await, 1 + writers, &receipts);
}

/// Reads, sends what follows on what it has read, and reads again when another was faster.
async fn one_careful_writer(
    doors: &Doors,
    writer: usize,
    project_id: &str,
    goal_id: &str,
    each: usize,
) -> (Vec<Receipt>, usize) {
    let (mut receipts, mut stale) = (Vec::new(), 0);
    while receipts.len() < each {
        let ask = GetProject {
            project_id: project_id.to_owned(),
            ..Default::default()
        };
        let seen: Project = doors.call(Door::Grpc, "GetProject", &ask).await.unwrap();
        let mut expected = seen.version;
        // Once by what the reading says, and once more by what the refusal says.
        for _ in 0..2 {
            let command = expecting(
                revise(project_id, goal_id, format!("{writer}: {} {stale}", receipts.len())),
                expected,
            );
            let door = if writer.is_multiple_of(4) {
                Door::Json
            } else {
                Door::Grpc
            };
            match doors.call::<Receipt>(door, "ReviseGoal", &command).await {
                Ok(receipt) => {
                    assert_eq!(receipt.version, expected + 1);
                    receipts.push(receipt);
                    break;
                }
                Err(refused) => {
                    assert_eq!(
                        (refused.code.as_str(), refused.reason.as_str()),
                        ("ABORTED", "VERSION_CONFLICT"),
                        "{refused:?}"
                    );
                    let current: i64 = refused.metadata["current_version"].parse().unwrap();
                    assert!(current > expected, "{current} is not newer than {expected}");
                    (expected, stale) = (current, stale + 1);
                }
            }
        }
    }
    (receipts, stale)
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_do_not_mix_even_when_all_their_ids_are_the_same() {
    let pair = Arc::new(Pair::start().await);
    let (project_id, goal_id) = (new_id(), new_id());
    let requests: Arc<Vec<String>> = Arc::new((0..20 * scale().min(20)).map(|_| new_id()).collect());
    let tenants: Vec<String> = (0..8).map(|number| format!("tenant-{number}")).collect();
    let mut running = JoinSet::new();
    for tenant in tenants.clone() {
        let (pair, requests, project_id, goal_id) = (
            Arc::clone(&pair),
            Arc::clone(&requests),
            project_id.clone(),
            goal_id.clone(),
        );
        running.spawn(async move {
            let doors = pair.doors(&tenant).await;
            project_with_goals(&doors[0], &project_id, std::slice::from_ref(&goal_id)).await;
            for (index, request_id) in requests.iter().enumerate() {
                let mut command = revise(&project_id, &goal_id, format!("{tenant}: {index}"));
                command.context.as_mut().unwrap().request_id.clone_from(request_id);
                let receipt: Receipt = doors[index % 2].call(Door::Grpc, "ReviseGoal", &command).await.unwrap();
                assert_eq!(receipt.position, index as i64 + 3);
            }
        });
    }
    running.join_all().await;
    for tenant in tenants {
        let doors = pair.doors(&tenant).await;
        let records = ledger(&doors[0]).await;
        assert_eq!(records.len(), requests.len() + 2);
        let own = format!("\"tenant\":\"{tenant}\"");
        assert!(records.iter().all(|record| record.record.contains(&own)));
        let texts: BTreeMap<i64, &str> = records[2..]
            .iter()
            .map(|record| (record.position - 3, record.record.as_str()))
            .collect();
        assert!(
            texts
                .iter()
                .all(|(index, record)| record.contains(&format!("\"{tenant}: {index}\""))),
            "{texts:?}"
        );
    }
}
