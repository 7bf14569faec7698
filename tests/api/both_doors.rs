//! Proves that the two doors lead to one handler: what goes in by one is seen by the other, receipts and errors alike.

use serde_json::{Value, json};
use tonic::Code;
use tonic_types::StatusExt;
use vedtak::schema::v1::project_service_client::ProjectServiceClient;
use vedtak::schema::v1::risk_service_client::RiskServiceClient;
use vedtak::schema::v1::*;

use crate::support::{Server, administrator, context, new_id, register_project, register_risk};

async fn post(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let answer = reqwest::Client::new()
        .post(server.url(path))
        .bearer_auth(administrator())
        .json(body)
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn get(server: &Server, path: &str) -> (u16, Value) {
    let answer = reqwest::Client::new()
        .get(server.url(path))
        .bearer_auth(administrator())
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_over_grpc_is_read_over_json() {
    let server = Server::start().await;
    let channel = server.channel(&administrator()).await;
    let project_id = new_id();
    let receipt = ProjectServiceClient::new(channel.clone())
        .register_project(register_project(&project_id))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((receipt.version, receipt.position, receipt.events.len()), (1, 1, 1));
    let risk = RiskServiceClient::new(channel)
        .register_risk(register_risk(&project_id))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((risk.version, risk.position), (2, 2));
    let (status, project) = get(&server, &format!("/v1/projects/{project_id}")).await;
    assert_eq!(status, 200, "{project}");
    assert_eq!(project["risks"][0]["factor"], json!(20));
    let (status, page) = get(&server, "/v1/projects?at_least=2").await;
    assert_eq!(
        (status, &page["projects"][0]["worst_risk_factor"]),
        (200, &json!(20)),
        "{page}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_by_the_other_door_answers_with_the_first_receipt() {
    let server = Server::start().await;
    let channel = server.channel(&administrator()).await;
    let project_id = new_id();
    let command = register_project(&project_id);
    let first = ProjectServiceClient::new(channel)
        .register_project(command.clone())
        .await
        .unwrap()
        .into_inner();
    let body = json!({"context": {"request_id": command.context.as_ref().unwrap().request_id}, "name": command.name, "kind": "PROJECT_KIND_MAIN_PROJECT"});
    let (status, again) = post(&server, &format!("/v1/projects/{project_id}/register"), &body).await;
    assert_eq!(status, 200, "{again}");
    assert_eq!(again["position"], json!(first.position.to_string()));
    let (_, head) = get(&server, "/v1/ledger/head").await;
    assert_eq!(head["position"], json!("1"));
    let other = json!({"context": {"request_id": command.context.unwrap().request_id}, "name": "Another", "kind": "PROJECT_KIND_MAIN_PROJECT"});
    let (status, refused) = post(&server, &format!("/v1/projects/{project_id}/register"), &other).await;
    assert_eq!((status, &refused["reason"]), (409, &json!("REQUEST_ID_REUSED")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_the_same_by_both_doors() {
    let server = Server::start().await;
    let channel = server.channel(&administrator()).await;
    let command = AcceptRisk {
        context: context(),
        project_id: new_id(),
        risk_id: new_id(),
    };
    let status = RiskServiceClient::new(channel)
        .accept_risk(command.clone())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    let path = format!("/v1/projects/{}/risks/{}/accept", command.project_id, command.risk_id);
    let (http, problem) = post(&server, &path, &json!({"context": {"request_id": new_id()}})).await;
    assert_eq!(http, 404);
    assert_eq!(problem["reason"], json!(info.reason));
    assert_eq!(problem["detail"], json!(status.message()));
    assert_eq!(problem["metadata"], json!(info.metadata));
}
