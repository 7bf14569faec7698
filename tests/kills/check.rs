//! Whether a ledger kept its word: nothing acknowledged is lost, nothing stands twice, nothing stands that nobody asked for.

use std::collections::{HashMap, HashSet};

use sqlx::{Connection, FromRow, PgConnection};
use uuid::Uuid;
use vedtak::domain::{Aggregated, State};
use vedtak::ledger::{Entry, Judge, leaf_hash};
use vedtak::rules::Rules;
use vedtak::schema::v1::overview_service_client::OverviewServiceClient;
use vedtak::schema::v1::project_service_client::ProjectServiceClient;
use vedtak::schema::v1::*;

use super::caller::{Doors, Intention};
use super::load::{Acknowledged, Outcome};
use crate::support::TENANT;

/// A record as it lies in the database.
#[derive(FromRow)]
struct Row {
    #[sqlx(flatten)]
    entry: Entry,
    request_id: Uuid,
}

/// Checks the whole ledger of the usual tenant against what the callers were told, and tells the figures.
pub async fn keeps_its_word(database: &str, doors: &Doors, outcome: &Outcome) -> String {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let rows: Vec<Row> = sqlx::query_as("SELECT * FROM vedtak.records WHERE tenant = $1 ORDER BY position")
        .bind(TENANT)
        .fetch_all(&mut connection)
        .await
        .unwrap();
    positions_have_no_gaps(&mut connection, &rows).await;
    let asked = receipts_are_kept(&rows, &outcome.log);
    nothing_else_is_recorded(&mut connection, &rows, &asked).await;
    let states = replay(&rows);
    assert_eq!(states.len(), projects(&asked));
    let head = i64::try_from(rows.len()).unwrap();
    the_service_answers_what_replay_gives(doors, &states, head).await;
    the_overview_has_caught_up(doors, &states, head).await;
    let retried = outcome.log.iter().filter(|known| known.calls > 1).count();
    format!(
        "{} records, {} receipts, {} calls without an answer, {} told to come back, {retried} intentions sent again, {} of them found recorded",
        rows.len(),
        outcome.log.len(),
        outcome.silences,
        outcome.laters,
        found_again(&rows, &outcome.log),
    )
}

async fn positions_have_no_gaps(connection: &mut PgConnection, rows: &[Row]) {
    let head: i64 = sqlx::query_scalar("SELECT position FROM vedtak.heads WHERE tenant = $1")
        .bind(TENANT)
        .fetch_one(connection)
        .await
        .unwrap();
    for (position, row) in (1..).zip(rows) {
        assert_eq!(row.entry.position, position, "a position is missing");
    }
    assert_eq!(head, i64::try_from(rows.len()).unwrap());
    let falls = rows
        .windows(2)
        .find(|pair| pair[0].entry.recorded_at > pair[1].entry.recorded_at);
    assert!(falls.is_none(), "time falls along the positions");
}

/// Finds every receipt's records where it says they are. Answers what was asked for, by request.
fn receipts_are_kept(rows: &[Row], log: &[Acknowledged]) -> HashMap<Uuid, Intention> {
    let mut first: HashMap<Uuid, &Acknowledged> = HashMap::new();
    for known in log {
        let receipt = &known.receipt;
        let before = first.entry(known.intention.request_id()).or_insert(known);
        assert_eq!(before.receipt, *receipt, "a request has two different receipts");
        assert_eq!(receipt.request_id, known.intention.request_id().to_string());
        assert_eq!(receipt.events.len(), 1);
        for event in &receipt.events {
            let index = usize::try_from(event.position - 1).unwrap();
            let row = rows
                .get(index)
                .unwrap_or_else(|| panic!("what was acknowledged is lost: {receipt:?}"));
            let entry = &row.entry;
            assert_eq!(row.request_id, known.intention.request_id(), "{receipt:?}");
            assert_eq!(
                (&entry.stream, entry.version),
                (&receipt.stream, event.version),
                "{receipt:?}"
            );
            assert_eq!(entry.event_type, event.r#type);
            assert_eq!(entry.leaf_hash, event.leaf_hash);
            assert_eq!((receipt.position, receipt.version), (event.position, event.version));
        }
    }
    first
        .into_iter()
        .map(|(request_id, known)| (request_id, known.intention))
        .collect()
}

/// Every request has one record and every risk one registration; nothing stands there that no caller has a receipt for.
async fn nothing_else_is_recorded(connection: &mut PgConnection, rows: &[Row], asked: &HashMap<Uuid, Intention>) {
    let mut seen = HashSet::new();
    let mut named = HashSet::new();
    for row in rows {
        let envelope = row.entry.envelope().unwrap();
        assert_eq!(envelope.request_id, row.request_id);
        assert_eq!(leaf_hash(&row.entry.record).as_slice(), row.entry.leaf_hash);
        let intention = asked
            .get(&row.request_id)
            .unwrap_or_else(|| panic!("nobody was told of {envelope:?}"));
        assert!(seen.insert(row.request_id), "a request is recorded twice: {envelope:?}");
        let data: serde_json::Value = serde_json::from_str(envelope.data.get()).unwrap();
        let (field, id) = match intention {
            Intention::Project { project_id, .. } => ("project_id", project_id),
            Intention::Risk { risk_id, .. } => ("risk_id", risk_id),
        };
        assert_eq!(data[field], id.to_string());
        assert!(named.insert(id), "{id} is registered twice");
    }
    assert_eq!(seen.len(), asked.len());
    let requests: i64 = sqlx::query_scalar("SELECT count(*) FROM vedtak.requests WHERE tenant = $1")
        .bind(TENANT)
        .fetch_one(connection)
        .await
        .unwrap();
    assert_eq!(usize::try_from(requests).unwrap(), asked.len());
}

fn projects(asked: &HashMap<Uuid, Intention>) -> usize {
    let is_project = |intention: &&Intention| matches!(intention, Intention::Project { .. });
    asked.values().filter(is_project).count()
}

/// Folds every stream from its first record; a version that does not follow on the one before stops it.
fn replay(rows: &[Row]) -> HashMap<String, State> {
    let mut states = HashMap::new();
    for row in rows {
        let stream = &row.entry.stream;
        let state = states
            .entry(stream.clone())
            .or_insert_with(|| Rules.empty(stream).unwrap());
        row.entry.fold_into(&Rules, state).unwrap();
    }
    states
}

async fn the_service_answers_what_replay_gives(doors: &Doors, states: &HashMap<String, State>, head: i64) {
    let mut client = ProjectServiceClient::new(doors.channel.clone()).max_decoding_message_size(usize::MAX);
    for state in states.values() {
        let replayed = Project::of(state).unwrap();
        let query = GetProject {
            project_id: replayed.project_id.clone(),
            at_least: head,
            ..GetProject::default()
        };
        let answered = client.get_project(query).await.unwrap().into_inner();
        assert!(
            answered == *replayed,
            "the service answers another state than replay gives"
        );
    }
}

async fn the_overview_has_caught_up(doors: &Doors, states: &HashMap<String, State>, head: i64) {
    let mut client = OverviewServiceClient::new(doors.channel.clone());
    let mut query = ListProjects {
        at_least: head,
        ..ListProjects::default()
    };
    let mut seen = 0;
    loop {
        let page = client.list_projects(query.clone()).await.unwrap().into_inner();
        for overview in &page.projects {
            let project = Project::of(&states[&format!("project/{}", overview.project_id)]).unwrap();
            assert_eq!(
                (overview.version, usize::try_from(overview.open_risks).unwrap()),
                (project.version, project.risks.len())
            );
        }
        seen += page.projects.len();
        query.page_token = page.next_page_token;
        if query.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, states.len());
}

/// How many were recorded before the call that brought their receipt: their first answer was lost, and a retry found it.
fn found_again(rows: &[Row], log: &[Acknowledged]) -> usize {
    let before = |known: &&Acknowledged| {
        let index = usize::try_from(known.receipt.position - 1).unwrap();
        known.calls > 1 && rows[index].entry.recorded_at < known.sent
    };
    log.iter().filter(before).count()
}
