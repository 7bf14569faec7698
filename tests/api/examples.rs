//! Proves that the example of each RPC is a request that is answered, when they are all sent in the order in which they stand.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde_json::{Value, json};
use vedtak::api::openapi::{Example, examples};
use vedtak::schema::{METHODS, MethodKind};

use crate::laws::doors::Doors;
use crate::laws::script::SUBJECTS;
use crate::support::{Server, TENANT, new_id, token};

#[test]
fn every_rpc_has_an_example() {
    let shown: BTreeSet<&str> = examples().unwrap().iter().map(|example| example.method.name).collect();
    let missing: Vec<&str> = METHODS
        .iter()
        .map(|method| method.name)
        .filter(|name| !shown.contains(name))
        .collect();
    assert!(missing.is_empty(), "no example in examples/requests.txt: {missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_accepted_or_answered_at_the_json_door() {
    let server = Server::start().await;
    // Nobody gives a right to themselves, and the leader reports: what one of them may not send, another one sends.
    let mut callers = Vec::new();
    for subject in SUBJECTS {
        callers.push(Doors::of(&server, &token(TENANT, subject, &["administrator"])).await);
    }
    let mut refused = Vec::new();
    for Example {
        method, mut request, ..
    } in examples().unwrap()
    {
        if method.has_body {
            request["context"]["request_id"] = json!(new_id());
        }
        let text = format!("{} {request}", method.name);
        let mut answered = (StatusCode::FORBIDDEN, String::new());
        for doors in &callers {
            let answer = doors.request(method, request.clone()).send().await.unwrap();
            let (status, body) = (answer.status(), answer.text().await.unwrap());
            if status != StatusCode::FORBIDDEN || answered.1.is_empty() {
                answered = (status, body);
            }
            if answered.0 != StatusCode::FORBIDDEN {
                break;
            }
        }
        let (status, body) = answered;
        let items: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let answered = match method.kind {
            MethodKind::Stream => !items.is_empty(),
            _ => items.len() == 1,
        };
        if !status.is_success() || !answered {
            refused.push(format!("{text}\n  {status}: {body}"));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}
