//! Proves that what a server judges before it has the head of a ledger is what it would have judged with it: whatever another server
//! records meanwhile, and whatever is sent again.

use vedtak::schema::v1::*;

use super::doors::{Door, Doors};
use crate::support::{Server, context, new_id, register_project, register_risk, scale, token};

/// Doors to two servers over one database. The first has just recorded a project, so that it takes the head of the ledger to be
/// where it left it.
async fn two_servers(project_id: &str) -> ([Server; 2], [Doors; 2]) {
    let first = Server::start().await;
    let second = Server::on(first.database.clone()).await;
    let token = token(&new_id(), "kari", &["administrator"]);
    let doors = [Doors::of(&first, &token).await, Doors::of(&second, &token).await];
    let _: Receipt = send(&doors[0], "RegisterProject", &register_project(project_id)).await;
    let _: Receipt = send(&doors[0], "RegisterRisk", &register_risk(project_id)).await;
    ([first, second], doors)
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
    let project_id = new_id();
    let (_servers, doors) = two_servers(&project_id).await;
    let mut position = 3;
    for _ in 0..20 * scale().min(50) {
        let risk = register_risk(&project_id);
        let there = send(&doors[1], "RegisterRisk", &risk).await;
        // The first server has a state of this project in which there is no such risk.
        let here = send(&doors[0], "AssessRisk", &assess(&risk, 2)).await;
        assert_eq!([there.position, here.position], [position, position + 1]);
        assert_eq!(here.version, here.position);
        position += 2;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_is_answered_as_before_though_it_would_be_refused_now() {
    let project_id = new_id();
    let (_servers, doors) = two_servers(&project_id).await;
    let risk = register_risk(&project_id);
    send(&doors[0], "RegisterRisk", &risk).await;
    for round in 0..20 * scale().min(50) {
        let doors = &doors[round % 2];
        let mut stale = assess(&risk, 1 + i32::try_from(round % 2).unwrap());
        let version = send(doors, "RegisterRisk", &register_risk(&project_id)).await.version;
        stale.context.as_mut().unwrap().expected_version = Some(version);
        let first = send(doors, "AssessRisk", &stale).await;
        let next = send(doors, "RegisterRisk", &register_risk(&project_id)).await;
        // Its version is no longer the one it expects.
        assert_eq!(send(doors, "AssessRisk", &stale).await, first);
        let refused = doors
            .call::<Receipt>(
                Door::Grpc,
                "AssessRisk",
                &AssessRisk {
                    context: Some(CommandContext {
                        expected_version: Some(version),
                        ..context().unwrap()
                    }),
                    ..assess(&risk, 3)
                },
            )
            .await;
        assert_eq!(refused.unwrap_err().code, "ABORTED");
        let after = send(doors, "RegisterRisk", &register_risk(&project_id)).await;
        assert_eq!(after.position, next.position + 1, "a repetition leaves no trace");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_many_times_at_once_is_recorded_once() {
    let project_id = new_id();
    let (_servers, doors) = two_servers(&project_id).await;
    for round in 0..10 * scale().min(50) {
        let risk = register_risk(&project_id);
        let calls = (0..16).map(|call| send(&doors[(call * round) % 2], "RegisterRisk", &risk));
        let receipts = futures_util::future::join_all(calls).await;
        assert!(receipts.iter().all(|receipt| *receipt == receipts[0]), "{receipts:?}");
    }
    let head: Head = doors[0].call(Door::Grpc, "GetHead", &GetHead::default()).await.unwrap();
    assert_eq!(head.position, i64::try_from(2 + 10 * scale().min(50)).unwrap());
}
