//! Proves that the queues are bounded, that whoever finds one full is told when to come back, and that no tenant waits for another's flood.

use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::task::JoinSet;
use vedtak::ledger::{Envelope, WriterConfig};
use vedtak::schema::v1::*;

use super::doors::{Door, Doors, Refused};
use crate::support::{Server, context, database, new_id, register_project, token};

/// Keeps the writers from going on, as a slow database would: it holds the head that they must lock.
struct Held(PgConnection);

impl Held {
    async fn by_head_of(server: &Server, tenant: &str) -> Self {
        let mut connection = PgConnection::connect(&server.database).await.unwrap();
        connection.execute("BEGIN").await.unwrap();
        connection
            .execute(AssertSqlSafe(format!(
                "SELECT FROM vedtak.heads WHERE tenant = '{tenant}' FOR UPDATE"
            )))
            .await
            .unwrap();
        Self(connection)
    }

    async fn let_go(mut self) {
        self.0.execute("COMMIT").await.unwrap();
    }
}

async fn doors_of(server: &Server, tenant: &str) -> Doors {
    Doors::of(server, &token(tenant, "kari", &["administrator"])).await
}

async fn register(doors: &Doors, door: Door, command: &RegisterProject) -> Result<Receipt, Refused> {
    doors.call(door, "RegisterProject", command).await
}

/// Sends more commands of a tenant than may wait, all at once, and answers what the first was told that found no place.
async fn flood(doors: &Arc<Doors>, places: usize, waiting: &mut JoinSet<Receipt>) -> Refused {
    let (full, mut told) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..places + 10 {
        let (doors, full) = (Arc::clone(doors), full.clone());
        waiting.spawn(async move {
            let command = register_project(&new_id());
            loop {
                match register(&doors, Door::Grpc, &command).await {
                    Ok(receipt) => return receipt,
                    Err(refused) => drop(full.send(refused)),
                }
                // It comes back with the same request id when it was told to.
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
    }
    told.recv().await.expect("one of them found no place")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_says_when_to_come_back_and_keeps_nothing() {
    let config = WriterConfig {
        writers: 1,
        batch: 4,
        queue_per_tenant: 8,
        ..WriterConfig::default()
    };
    let server = Server::with(database().await, &config).await;
    let doors = Arc::new(doors_of(&server, "nordre-land").await);
    register(&doors, Door::Grpc, &register_project(&new_id()))
        .await
        .unwrap();
    let held = Held::by_head_of(&server, "nordre-land").await;
    let mut waiting = JoinSet::new();
    let by_grpc = flood(&doors, config.queue_per_tenant, &mut waiting).await;
    let late = register_project(&new_id());
    let by_json = register(&doors, Door::Json, &late).await.unwrap_err();
    for refused in [&by_grpc, &by_json] {
        assert_eq!(
            (refused.code.as_str(), refused.reason.as_str(), refused.says_when),
            ("RESOURCE_EXHAUSTED", "QUEUE_FULL", true)
        );
    }
    held.let_go().await;
    let sent = waiting.len();
    let receipts = waiting.join_all().await;
    assert_eq!(
        receipts.iter().filter(|receipt| receipt.events.len() == 1).count(),
        sent
    );
    let receipt = register(&doors, Door::Json, &late).await.unwrap();
    assert_eq!(
        receipt.position,
        sent as i64 + 2,
        "what was refused left nothing behind, and came through later"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_floods_its_queue_does_not_keep_another_waiting() {
    let config = WriterConfig {
        writers: 1,
        batch: 4,
        queue_per_tenant: 200,
        ..WriterConfig::default()
    };
    let server = Server::with(database().await, &config).await;
    let loud = Arc::new(doors_of(&server, "loud").await);
    let quiet = Arc::new(doors_of(&server, "quiet").await);
    for doors in [&loud, &quiet] {
        register(doors, Door::Grpc, &register_project(&new_id())).await.unwrap();
    }
    let held = Held::by_head_of(&server, "loud").await;
    let (mut of_loud, mut of_quiet) = (JoinSet::new(), JoinSet::new());
    flood(&loud, config.queue_per_tenant, &mut of_loud).await;
    // The queue of the loud one is full. When the same is true of the other, its first command waits behind all those, too.
    flood(&quiet, config.queue_per_tenant, &mut of_quiet).await;
    held.let_go().await;
    of_loud.join_all().await;
    of_quiet.join_all().await;
    let first = times(&quiet).await[1];
    let before = times(&loud)
        .await
        .into_iter()
        .skip(1)
        .filter(|time| *time < first)
        .count();
    assert!(
        before <= 12,
        "{before} commands of the loud tenant went before the first of the quiet one"
    );
}

/// When each record of a tenant was recorded.
async fn times(doors: &Doors) -> Vec<OffsetDateTime> {
    let list: RecordList = doors
        .call(
            Door::Grpc,
            "ListRecords",
            &ListRecords {
                page_size: 1_000,
                ..Default::default()
            },
        )
        .await
        .unwrap();
    let time = |record: &Record| {
        let envelope = Envelope::parse(record.record.as_bytes()).unwrap();
        OffsetDateTime::parse(&envelope.recorded_at, &Rfc3339).unwrap()
    };
    list.records.iter().map(time).collect()
}

/// A command of some hundred thousand bytes.
fn heavy(project_id: &str, number: usize) -> PlanActivity {
    PlanActivity {
        context: context(),
        project_id: project_id.to_owned(),
        activity_id: new_id(),
        plan: Some(ActivityPlan {
            name: "Vei-".repeat(50),
            number: number.to_string(),
            ..ActivityPlan::default()
        }),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_bounded_in_bytes_and_one_tenant_leaves_room_for_another() {
    let one = heavy(&new_id(), 0).encoded_len();
    let config = WriterConfig {
        writers: 1,
        // Room for some ten of a tenant, whatever their number.
        queue_bytes_per_tenant: 10 * (8 * one + 2_048),
        ..WriterConfig::default()
    };
    let server = Server::with(database().await, &config).await;
    let loud = Arc::new(doors_of(&server, "loud").await);
    let quiet = Arc::new(doors_of(&server, "quiet").await);
    let project = register_project(&new_id());
    for doors in [&loud, &quiet] {
        register(doors, Door::Grpc, &project).await.unwrap();
    }
    let held = Held::by_head_of(&server, "loud").await;
    let mut waiting = JoinSet::new();
    for number in 0..30 {
        let (doors, command) = (Arc::clone(&loud), heavy(&project.project_id, number));
        waiting.spawn(async move { doors.call::<Receipt>(Door::Grpc, "PlanActivity", &command).await });
    }
    let mut refused = Vec::new();
    while refused.len() < 18 {
        refused.push(waiting.join_next().await.unwrap().unwrap().unwrap_err());
    }
    for refused in &refused {
        assert_eq!(
            (refused.code.as_str(), refused.reason.as_str(), refused.says_when),
            ("RESOURCE_EXHAUSTED", "QUEUE_FULL", true)
        );
    }
    // The other one finds room, though it waits for the same writer.
    let command = heavy(&project.project_id, 0);
    let quiet = tokio::spawn(async move { quiet.call::<Receipt>(Door::Grpc, "PlanActivity", &command).await });
    held.let_go().await;
    quiet.await.unwrap().unwrap();
    let done = waiting.join_all().await;
    assert!(done.iter().filter(|done| done.is_ok()).count() >= 9, "{done:?}");
}
