//! Proves that a stream that cannot be read stops alone: it is named, and everything else of its tenant goes on.

use std::time::Duration;

use serde_json::Value;
use tonic::Code;
use tonic_types::StatusExt;
use vedtak::schema::v1::finding_service_client::FindingServiceClient;
use vedtak::schema::v1::ledger_service_client::LedgerServiceClient;
use vedtak::schema::v1::overview_service_client::OverviewServiceClient;
use vedtak::schema::v1::project_service_client::ProjectServiceClient;
use vedtak::schema::v1::risk_service_client::RiskServiceClient;
use vedtak::schema::v1::*;

use crate::command_line::vedtak;
use crate::isolation::forged::append_unknown_event;
use crate::support::program::Program;
use crate::support::{TENANT, administrator, channel, new_id, register_project, register_risk};

async fn get(program: &Program, path: &str) -> (u16, String) {
    let answer = reqwest::Client::new()
        .get(program.url(path))
        .bearer_auth(administrator())
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_cannot_be_read_stops_alone_and_is_named() {
    let database = crate::support::database().await;
    let program = Program::serve(&database).await;
    let channel = channel(&program.url(""), &administrator()).await;
    let mut projects = ProjectServiceClient::new(channel.clone());
    let mut finding = FindingServiceClient::new(channel.clone());
    let mut overviews = OverviewServiceClient::new(channel.clone());
    let mut risks = RiskServiceClient::new(channel.clone());
    let (healthy, broken) = (new_id(), new_id());
    for id in [&healthy, &broken] {
        projects.register_project(register_project(id)).await.unwrap();
        risks.register_risk(register_risk(id)).await.unwrap();
    }
    append_unknown_event(&database, TENANT, &format!("project/{broken}")).await;

    // Its own readings and commands say which record it is, again and again.
    for _ in 0..2 {
        let read = projects
            .get_project(GetProject {
                project_id: broken.clone(),
                ..GetProject::default()
            })
            .await;
        let told = risks.register_risk(register_risk(&broken)).await;
        let findings = finding
            .list_findings(ListFindings {
                project_id: broken.clone(),
                ..ListFindings::default()
            })
            .await;
        for status in [read.unwrap_err(), told.unwrap_err(), findings.unwrap_err()] {
            assert_eq!(status.code(), Code::DataLoss, "{status:?}");
            let info = status.get_details_error_info().unwrap();
            assert_eq!(
                (info.reason.as_str(), info.metadata["position"].as_str()),
                ("STREAM_UNREADABLE", "5")
            );
            assert!(status.message().contains("vedtak.v1.OfTheFuture"), "{status:?}");
        }
    }
    let (status, problem) = get(&program, &format!("/v1/projects/{broken}")).await;
    assert!(status == 500 && problem.contains("STREAM_UNREADABLE"), "{problem}");
    // As of before, it reads as it did.
    let as_of = Some(AsOf {
        point: Some(as_of::Point::Position(4)),
        ..AsOf::default()
    });
    let before = projects
        .get_project(GetProject {
            project_id: broken.clone(),
            as_of,
            ..GetProject::default()
        })
        .await
        .unwrap();
    assert_eq!(before.into_inner().risks.len(), 1);

    // The others go on: commands, readings, findings, and the list across them.
    let receipt = risks.register_risk(register_risk(&healthy)).await.unwrap().into_inner();
    let project = projects
        .get_project(GetProject {
            project_id: healthy.clone(),
            ..GetProject::default()
        })
        .await
        .unwrap();
    assert_eq!(project.into_inner().risks.len(), 2);
    finding
        .list_findings(ListFindings {
            project_id: healthy.clone(),
            ..ListFindings::default()
        })
        .await
        .unwrap();
    let third = new_id();
    let position = projects
        .register_project(register_project(&third))
        .await
        .unwrap()
        .into_inner()
        .position;
    assert!(position > receipt.position);
    let list = overviews
        .list_projects(ListProjects {
            at_least: position,
            ..ListProjects::default()
        })
        .await
        .unwrap()
        .into_inner();
    let listed: Vec<&str> = list
        .projects
        .iter()
        .map(|project| project.project_id.as_str())
        .collect();
    assert!(
        listed.contains(&third.as_str()) && listed.contains(&healthy.as_str()),
        "{listed:?}"
    );
    assert_eq!(list.position, position);

    // It is named, in what the ledger says of itself, for operators, and by a replay, which goes on.
    let head = LedgerServiceClient::new(channel)
        .get_head(GetHead {})
        .await
        .unwrap()
        .into_inner();
    let named: Vec<(&str, i64)> = head
        .unreadable
        .iter()
        .map(|of| (of.stream.as_str(), of.position))
        .collect();
    assert_eq!(named, [(format!("project/{broken}").as_str(), 5)]);
    let (status, ready) = get(&program, "/readyz").await;
    assert!(
        status == 200 && ready.contains(&format!("unreadable: 1 streams of tenant {TENANT}")),
        "{ready}"
    );
    let gauge = "vedtak_streams_unreadable{projection=\"project_overviews_1\"} 1";
    while !get(&program, "/metrics").await.1.contains(gauge) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut replay = vedtak();
    replay.args([
        "replay",
        "--json",
        "--url",
        &program.url(""),
        "--token",
        &administrator(),
    ]);
    let replay = tokio::task::spawn_blocking(move || replay.output().unwrap())
        .await
        .unwrap();
    assert!(!replay.status.success());
    let told: Value = serde_json::from_slice(&replay.stdout).unwrap();
    assert_eq!(
        (&told["records"], &told["compared"]),
        (&Value::from(7), &Value::from(2)),
        "{told}"
    );
    assert_eq!(told["unreadable"][0]["position"], 5, "{told}");
    assert_eq!(told["differences"].as_array().unwrap().len(), 1, "{told}");
}
