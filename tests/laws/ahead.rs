//! Proves that what a server judges before it has the head of a ledger is what it would have judged with it: whatever another server
//! records meanwhile, and whatever is sent again.

use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection};
use vedtak::schema::v1::*;

use super::doors::{Door, Doors};
use crate::support::{Server, context, new_id, register_project, register_risk, scale, token};

async fn two_servers() -> [Server; 2] {
    let first = Server::start().await;
    let second = Server::on(first.database.clone()).await;
    [first, second]
}

/// A project in a ledger of its own, and doors to it on both servers. The first of them has just recorded it, so that it takes the
/// head to be where it left it: once the other has recorded something, too, that lasts no longer.
async fn new_ledger(servers: &[Server; 2]) -> ([Doors; 2], String) {
    let token = token(&new_id(), "kari", &["administrator"]);
    let doors = [
        Doors::of(&servers[0], &token).await,
        Doors::of(&servers[1], &token).await,
    ];
    let project_id = new_id();
    let _: Receipt = send(&doors[0], "RegisterProject", &register_project(&project_id)).await;
    let _: Receipt = send(&doors[0], "RegisterRisk", &register_risk(&project_id)).await;
    (doors, project_id)
}

async fn send(doors: &Doors, name: &str, command: &impl prost::Message) -> Receipt {
    let answer = doors.call(Door::Grpc, name, command).await;
    answer.unwrap_or_else(|refused| panic!("{name}: {refused:?}"))
}

fn assess(risk: &RegisterRisk, probability: i32) -> AssessRisk {
    AssessRisk {
        context: context(),
        project_id: risk.project_id.clone(),
        risk_id: risk.risk_id.clone(),
        assessment: Some(RiskAssessment {
            probability,
            consequence: 1,
            stated_factor: None,
        }),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_refused_for_what_another_server_has_recorded_meanwhile() {
    let servers = two_servers().await;
    for _ in 0..20 * scale().min(50) {
        let (doors, project_id) = new_ledger(&servers).await;
        let risk = register_risk(&project_id);
        let there = send(&doors[1], "RegisterRisk", &risk).await;
        // The first server has a state of this project in which there is no such risk.
        let here = send(&doors[0], "AssessRisk", &assess(&risk, 2)).await;
        assert_eq!([there.position, here.position], [3, 4]);
        assert_eq!(here.version, here.position);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_is_answered_as_before_though_it_would_be_refused_now() {
    let servers = two_servers().await;
    for round in 0..20 * scale().min(50) {
        let (doors, project_id) = new_ledger(&servers).await;
        // Alone, or with another server that has recorded in between.
        let other = &doors[round % 2];
        let risk = register_risk(&project_id);
        let version = send(&doors[0], "RegisterRisk", &risk).await.version;
        let expecting = |mut command: AssessRisk| {
            command.context.as_mut().unwrap().expected_version = Some(version);
            command
        };
        let command = expecting(assess(&risk, 1));
        let first = send(&doors[0], "AssessRisk", &command).await;
        let next = send(other, "RegisterRisk", &register_risk(&project_id)).await;
        // Its version is no longer the one it expects.
        assert_eq!(send(&doors[0], "AssessRisk", &command).await, first);
        let another = expecting(assess(&risk, 3));
        let refused = doors[0].call::<Receipt>(Door::Grpc, "AssessRisk", &another).await;
        assert_eq!(refused.unwrap_err().code, "ABORTED");
        let after = send(&doors[0], "RegisterRisk", &register_risk(&project_id)).await;
        assert_eq!(after.position, next.position + 1, "neither leaves a trace");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_nothing_is_answered_as_before_though_it_would_change_something_now() {
    let servers = two_servers().await;
    for round in 0..20 * scale().min(50) {
        let (doors, project_id) = new_ledger(&servers).await;
        // Alone, or with another server that has recorded in between.
        let other = &doors[round % 2];
        let risk = register_risk(&project_id);
        send(&doors[0], "RegisterRisk", &risk).await;
        let recorded = assess(&risk, 2);
        send(&doors[0], "AssessRisk", &recorded).await;
        let idle = assess(&risk, 2);
        let first = send(&doors[0], "AssessRisk", &idle).await;
        assert!(first.unchanged && first.events.is_empty(), "{first:?}");
        let next = send(other, "AssessRisk", &assess(&risk, 3)).await;
        assert_eq!(send(&doors[0], "AssessRisk", &idle).await, first);
        assert_eq!(send(&doors[1], "AssessRisk", &idle).await, first);
        // The id of the one with the content of the other: what would be recorded now, and what would change nothing.
        for (content, of) in [(4, &idle), (3, &idle), (4, &recorded), (3, &recorded)] {
            let reused = AssessRisk {
                context: of.context.clone(),
                ..assess(&risk, content)
            };
            let refused = doors[0].call::<Receipt>(Door::Grpc, "AssessRisk", &reused).await;
            assert_eq!(refused.unwrap_err().reason, "REQUEST_ID_REUSED");
        }
        let after = send(&doors[0], "RegisterRisk", &register_risk(&project_id)).await;
        assert_eq!(after.position, next.position + 1, "none of them leaves a trace");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_of_what_is_recorded_is_refused_for_what_changes_nothing() {
    let servers = two_servers().await;
    for _ in 0..20 * scale().min(50) {
        let (doors, project_id) = new_ledger(&servers).await;
        let [risk, other] = [register_risk(&project_id), register_risk(&project_id)];
        send(&doors[0], "RegisterRisk", &risk).await;
        send(&doors[0], "RegisterRisk", &other).await;
        let recorded = assess(&risk, 2);
        send(&doors[0], "AssessRisk", &recorded).await;
        send(&doors[0], "AssessRisk", &assess(&other, 3)).await;
        let reused = AssessRisk {
            context: recorded.context,
            ..assess(&other, 3)
        };
        let refused = doors[0].call::<Receipt>(Door::Grpc, "AssessRisk", &reused).await;
        assert_eq!(refused.unwrap_err().reason, "REQUEST_ID_REUSED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_many_times_at_once_is_recorded_once() {
    let servers = two_servers().await;
    for round in 0..10 * scale().min(50) {
        let (doors, project_id) = new_ledger(&servers).await;
        let mut risk = register_risk(&project_id);
        // Once it is recorded, it would be refused.
        risk.context.as_mut().unwrap().expected_version = Some(2);
        let calls = (0..16).map(|call| send(&doors[(call * round) % 2], "RegisterRisk", &risk));
        let receipts = futures_util::future::join_all(calls).await;
        assert!(receipts.iter().all(|receipt| *receipt == receipts[0]), "{receipts:?}");
        let head: Head = doors[0].call(Door::Grpc, "GetHead", &GetHead::default()).await.unwrap();
        assert_eq!(head.position, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_while_it_is_being_committed_is_answered_as_the_first() {
    let servers = two_servers().await;
    let mut session = PgConnection::connect(&servers[0].database).await.unwrap();
    let (doors, project_id) = new_ledger(&servers).await;
    let mut risk = register_risk(&project_id);
    // Once it is recorded, it would be refused.
    risk.context.as_mut().unwrap().expected_version = Some(2);
    // What is judged ahead waits for the head, and is then found to be too late.
    session.execute("BEGIN").await.unwrap();
    let settle = "UPDATE vedtak.heads SET settled_at = clock_timestamp() + interval '5 seconds'";
    session.execute(settle).await.unwrap();
    let sending = async {
        let again = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            send(&doors[0], "RegisterRisk", &risk).await
        };
        futures_util::future::join(send(&doors[0], "RegisterRisk", &risk), again).await
    };
    let letting_go = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        session.execute("COMMIT").await.unwrap();
    };
    let ((first, again), ()) = futures_util::future::join(sending, letting_go).await;
    assert_eq!(first, again);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_many_tenants_send_at_once_stands_where_its_record_says() {
    let server = Server::start().await;
    let tenants: Vec<String> = (0..16).map(|_| new_id()).collect();
    let callers = tenants.iter().flat_map(|tenant| [tenant; 4]).map(|tenant| async {
        let doors = Doors::of(&server, &token(tenant, "kari", &["administrator"])).await;
        let project_id = new_id();
        send(&doors, "RegisterProject", &register_project(&project_id)).await;
        for _ in 0..20 * scale().min(20) {
            send(&doors, "RegisterRisk", &register_risk(&project_id)).await;
        }
    });
    futures_util::future::join_all(callers).await;
    let mut session = PgConnection::connect(&server.database).await.unwrap();
    let query = "SELECT count(*), count(*) FILTER (WHERE envelope ->> 'tenant' = tenant AND envelope ->> 'position' = position::text
                     AND envelope ->> 'stream' = stream AND (envelope ->> 'recorded_at')::timestamptz = recorded_at)
                 FROM vedtak.records, convert_from(record, 'UTF8') AS text, CAST(text AS jsonb) AS envelope";
    let (all, right): (i64, i64) = sqlx::query_as(query).fetch_one(&mut session).await.unwrap();
    assert_eq!(all, 64 * (20 * scale().min(20) as i64 + 1));
    assert_eq!(right, all);
}
