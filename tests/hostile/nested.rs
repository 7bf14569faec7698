//! Batches, whose commands name their own type: the one place where a caller chooses what is read.

use serde_json::{Value, json};
use tonic::Code;
use vedtak::schema::v1::RecordBatch;
use vedtak::schema::v1::ledger_service_client::LedgerServiceClient;

use super::json::{Case, client, send};
use super::{Target, answer, send_all};
use crate::support::{context, new_id};

/// The batch with these commands, as text so that they need not be JSON.
fn batch(commands: &str) -> String {
    format!(
        "{{\"context\": {{\"request_id\": \"{}\", \"expected_version\": \"999999\"}}, \"commands\": [{commands}]}}",
        new_id()
    )
}

fn any(name: &str) -> String {
    format!("type.googleapis.com/{name}")
}

/// Commands of a batch that are none.
fn wrong_commands(target: &Target) -> Vec<(&'static str, String)> {
    let risk = |kind: Value| json!({"@type": kind, "project_id": target.project_id, "risk_id": new_id()}).to_string();
    let good = risk(json!(any("vedtak.v1.AcceptRisk")));
    let elsewhere = json!({"@type": any("vedtak.v1.AcceptRisk"), "project_id": new_id(), "risk_id": new_id()});
    let with_context = json!({"@type": any("vedtak.v1.AcceptRisk"), "context": {"request_id": new_id()}, "project_id": target.project_id, "risk_id": new_id()});
    vec![
        ("no type", json!({"project_id": target.project_id}).to_string()),
        ("null", "null".to_owned()),
        ("a text", "\"x\"".to_owned()),
        ("a list", "[]".to_owned()),
        ("an empty type", risk(json!(""))),
        ("a number for a type", risk(json!(5))),
        ("a type of nobody", risk(json!(any("vedtak.v1.Nope")))),
        ("a type without its domain", risk(json!("vedtak.v1.AcceptRisk/"))),
        ("a query", risk(json!(any("vedtak.v1.ListRisks")))),
        (
            "a batch in a batch",
            json!({"@type": any("vedtak.v1.RecordBatch"), "commands": []}).to_string(),
        ),
        (
            "an event",
            json!({"@type": any("vedtak.v1.RiskAccepted"), "risk_id": new_id()}).to_string(),
        ),
        (
            "a state",
            json!({"@type": any("vedtak.v1.Project"), "project_id": target.project_id}).to_string(),
        ),
        (
            "a type of protobuf",
            json!({"@type": any("google.protobuf.Timestamp"), "value": "2024-05-01T00:00:00Z"}).to_string(),
        ),
        (
            "a descriptor",
            json!({"@type": any("google.protobuf.FileDescriptorSet"), "file": []}).to_string(),
        ),
        ("an address", risk(json!("https://evil.example/vedtak.v1.Nope"))),
        ("a file", risk(json!("file:///etc/passwd"))),
        ("a type of 500 000 bytes", risk(json!("x".repeat(500_000)))),
        (
            "two types",
            good.replacen('{', &format!("{{\"@type\": \"{}\", ", any("vedtak.v1.CloseRisk")), 1),
        ),
        ("a wrong field", good.replace("risk_id", "risk")),
        ("a wrong value", good.replace("\"project_id\":\"", "\"project_id\":\"x")),
        ("another stream", format!("{good}, {elsewhere}")),
        ("a context of its own", with_context.to_string()),
        ("101 commands", vec![good.clone(); 101].join(",")),
        ("5 000 that are none", vec!["{\"@type\": \"x/y\"}"; 5_000].join(",")),
        ("any in any", nested_any(60)),
        ("any in any, far too deep", nested_any(20_000)),
        ("a text that is read as JSON", read_again(&good, "", 3)),
        (
            "texts in texts that are read as JSON",
            read_again(&nested_any(50), &opened_any(50), 30),
        ),
    ]
}

/// An Any in an Any in an Any …
fn nested_any(depth: usize) -> String {
    format!("{}{{}}{}", opened_any(depth), "}".repeat(depth))
}

fn opened_any(depth: usize) -> String {
    format!("{{\"@type\": \"{}\", \"value\": ", any("google.protobuf.Any")).repeat(depth)
}

/// The name that `serde_json` gives its raw values: a reader that knows it takes the text beside it for JSON, and begins to count
/// its depth anew.
pub fn read_again(inner: &str, around: &str, times: usize) -> String {
    let close: String = around
        .chars()
        .filter_map(|letter| match letter {
            '[' => Some(']'),
            '{' => Some('}'),
            _ => None,
        })
        .collect();
    let mut text = inner.to_owned();
    for _ in 0..times {
        // Escaped so that the backslashes themselves grow by a few bytes each time, not twofold.
        let escaped = text.replace('\\', "\\u005c").replace('"', "\\u0022");
        let next = format!("{around}{{\"$serde_json::private::RawValue\": \"{escaped}\"}}{close}");
        if next.len() > 900_000 {
            break;
        }
        text = next;
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_command_is_refused_in_a_batch() {
    let target = Target::start().await;
    let cases: Vec<Case> = wrong_commands(&target)
        .into_iter()
        .map(|(name, commands)| Case::post(name, "/v1/batches", batch(&commands)))
        .collect();
    let client = client();
    send_all("JSON, a wrong batch", cases, |case| send(&target, &client, case)).await;
    target.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_command_is_refused_in_a_batch_over_grpc() {
    let target = Target::start().await;
    let mut client = LedgerServiceClient::new(target.server.channel(&target.token).await);
    let types = [
        "",
        "/",
        "vedtak.v1.AcceptRisk",
        "x/vedtak.v1.AcceptRisk",
        "x/vedtak.v1.RecordBatch",
        "x/vedtak.v1.Project",
        "x/\0",
        "x/🦊",
        &"x".repeat(100_000),
    ];
    for type_url in types {
        for value in [vec![], vec![0xFF; 3], vec![10; 100_000], vec![10, 0]] {
            let any = prost_types::Any {
                type_url: type_url.to_owned(),
                value,
            };
            let status = client
                .record_batch(RecordBatch {
                    context: context(),
                    commands: vec![any],
                })
                .await
                .unwrap_err();
            answer::refusal(&status, true, None, &target.token).unwrap();
            assert_eq!(status.code(), Code::InvalidArgument);
        }
    }
    target.is_unharmed().await;
}
