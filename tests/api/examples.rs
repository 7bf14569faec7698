//! Proves that the example of each RPC is a request that is answered, when they are all sent in the order in which they stand.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vedtak::api::openapi::{Example, examples};
use vedtak::schema::{METHODS, MethodKind};

use crate::laws::doors::Doors;
use crate::support::{Server, administrator, new_id};

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
    let doors = Doors::of(&server, &administrator()).await;
    let mut refused = Vec::new();
    for Example {
        method, mut request, ..
    } in examples().unwrap()
    {
        if method.has_body {
            request["context"]["request_id"] = json!(new_id());
        }
        let text = format!("{} {request}", method.name);
        let answer = doors.request(method, request).send().await.unwrap();
        let (status, body) = (answer.status(), answer.text().await.unwrap());
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
