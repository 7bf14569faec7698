//! Proves that the ledger follows a seat through other organisations, and that the audit trail says in which role somebody decided.

use serde_json::{Value, json};

use crate::support::{Server, TENANT, administrator, new_id, token};

/// Records a command, and answers with its status and answer.
async fn record(server: &Server, path: &str, body: Value) -> (u16, Value) {
    record_by(&administrator(), server, path, body).await
}

async fn record_by(token: &str, server: &Server, path: &str, mut body: Value) -> (u16, Value) {
    body["context"] = json!({"request_id": new_id()});
    let client = reqwest::Client::new();
    let call = client.post(server.url(path)).bearer_auth(token).json(&body);
    let answer = call.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn given(server: &Server, path: &str, body: Value) {
    // Nobody gives a seat to themselves.
    let giver = token(TENANT, "arkiv", &["administrator"]);
    let token = if path.ends_with("/appoint") {
        giver
    } else {
        administrator()
    };
    let (status, answer) = record_by(&token, server, path, body).await;
    assert_eq!(status, 200, "{path}: {answer}");
}

/// Organisations by the ledger's ids, each with a committee that is composed of the one before; `kari` leads the first committee.
async fn chain(server: &Server, length: usize) -> Vec<(String, String)> {
    let mut committees: Vec<(String, String)> = Vec::new();
    for number in [
        "999000207",
        "999000304",
        "974760673",
        "000000000",
        "999000207",
        "999000304",
    ]
    .iter()
    .take(length)
    {
        let (organization, committee) = (new_id(), new_id());
        let kind = "ORGANIZATION_KIND_REGION";
        let body = json!({"name": "Region", "organization_number": number, "kind": kind});
        given(server, &format!("/v1/organizations/{organization}/register"), body).await;
        let mut body = json!({
            "name": "Committee", "kind": "BODY_KIND_COMMITTEE", "decides": true, "established": "2016-01-01",
        });
        if let Some((organization_id, body_id)) = committees.last() {
            body["composed_of"] = json!({"organization_id": organization_id, "body_id": body_id});
        }
        given(
            server,
            &format!("/v1/organizations/{organization}/bodies/{committee}/establish"),
            body,
        )
        .await;
        committees.push((organization, committee));
    }
    let (organization, committee) = &committees[0];
    let terms = json!({
        "body_id": committee, "subject": "kari", "name": "Kari", "function": "APPOINTMENT_FUNCTION_LEADER",
        "method": "APPOINTMENT_METHOD_ELECTED", "appointed_by": "Council", "from": "2016-01-01",
    });
    let path = format!("/v1/organizations/{organization}/appointments/{}/appoint", new_id());
    given(server, &path, json!({"terms": terms})).await;
    committees
}

/// A project with a decision point that this committee decides.
async fn point(server: &Server, (organization_id, body_id): &(String, String)) -> (String, String) {
    let (project, point) = (new_id(), new_id());
    let body = json!({"name": "Digitalisering", "kind": "PROJECT_KIND_MAIN_PROJECT"});
    given(server, &format!("/v1/projects/{project}/register"), body).await;
    let decider = json!({"body": {"organization_id": organization_id, "body_id": body_id}});
    let body = json!({"name": "Start", "date": "2030-01-01", "kind": "DECISION_POINT_KIND_OTHER", "decider": decider});
    given(
        server,
        &format!("/v1/projects/{project}/decision-points/{point}/plan"),
        body,
    )
    .await;
    (project, point)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_three_organisations_away_decides_and_stands_in_the_audit_trail() {
    let server = Server::start().await;
    let committees = chain(&server, 4).await;
    let (project, point) = point(&server, &committees[3]).await;
    let path = format!("/v1/projects/{project}/decision-points/{point}/approve");
    given(&server, &path, json!({})).await;
    let trail = server.url(&format!("/v1/ledger/audit-trail?stream=project/{project}"));
    let answer = reqwest::Client::new()
        .get(trail)
        .bearer_auth(administrator())
        .send()
        .await
        .unwrap();
    let trail: Value = answer.json().await.unwrap();
    let ((decides_in, decides), (sits_in, sits)) = (&committees[3], &committees[0]);
    let seat = format!("COMMITTEE:LEADER@{decides_in}/{decides} via COMMITTEE@{sits_in}/{sits}");
    assert_eq!(trail["entries"][2]["role"], json!(seat), "{trail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_that_is_hidden_too_deep_is_refused_rather_than_taken_for_none() {
    let server = Server::start().await;
    let committees = chain(&server, 6).await;
    let (project, point) = point(&server, &committees[5]).await;
    let path = format!("/v1/projects/{project}/decision-points/{point}/approve");
    let (status, answer) = record(&server, &path, json!({})).await;
    assert_eq!(
        (status, answer.to_string().contains("RELIES_ON_TOO_MUCH")),
        (422, true),
        "{answer}"
    );
}
