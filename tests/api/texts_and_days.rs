//! Proves what texts and dates must be (X9, X10), by the checks of the schema and through both doors.

use prost::Message;
use serde_json::{Value, json};
use tonic::Code;
use tonic_types::StatusExt;
use vedtak::schema::v1::ledger_service_client::LedgerServiceClient;
use vedtak::schema::v1::project_service_client::ProjectServiceClient;
use vedtak::schema::v1::*;
use vedtak::schema::{Validate, Violation, refused, text_kind};

use crate::support::{Server, administrator, context, new_id, register_project, register_risk};

/// Texts that cannot say who or what something is, and what the refusal says of each.
const NOT_IDENTIFYING: [(&str, &str); 14] = [
    ("ka\u{30a}re", "normal form C"),
    ("kåre ", "begin or end with white space"),
    ("\u{a0}kåre", "begin or end with white space"),
    ("kåre\n", "begin or end with white space"),
    ("kåre\thansen", "U+0009. Write an ordinary space"),
    ("kåre\u{2028}hansen", "U+2028. Write an ordinary space"),
    ("kåre\u{a0}hansen", "U+00A0. Write an ordinary space"),
    ("k\u{200b}åre", "U+200B, which is not seen"),
    ("k\u{ad}åre", "U+00AD, which is not seen"),
    ("\u{202e}eråk", "U+202E, which is not seen"),
    ("kåre\u{fe0f}", "U+FE0F, which is not seen"),
    ("k\0åre", "U+0000"),
    ("\u{200b}\u{2800}", "something that is seen"),
    (" ", "something that is seen"),
];

fn only(violations: &[Violation]) -> &Violation {
    assert_eq!(violations.len(), 1, "{violations:?}");
    &violations[0]
}

fn named(name: &str) -> RegisterProject {
    RegisterProject {
        name: name.to_owned(),
        ..register_project(&new_id())
    }
}

fn because(reason: &str) -> RegisterProject {
    let mut command = register_project(&new_id());
    command.context.as_mut().unwrap().reason = reason.to_owned();
    command
}

#[test]
fn x9_an_identifying_text_is_what_one_reads_in_it() {
    for (text, says) in NOT_IDENTIFYING {
        let violations = named(text).check();
        let violation = only(&violations);
        assert_eq!(
            (violation.field.as_str(), violation.rule),
            ("name", Some("X9")),
            "{text:?}"
        );
        assert!(violation.description.contains(says), "{text:?}: {violation:?}");
    }
    for text in [
        "Kåre Ødegård",
        "2017/1234",
        "مشروع رقمي",
        "Ærøya – trinn 2",
        "🦊",
        "日本",
    ] {
        assert_eq!(named(text).check(), Vec::new(), "{text:?}");
    }
}

#[test]
fn x9_circumstances_are_identified_as_names_are() {
    for (text, _) in NOT_IDENTIFYING {
        for field in ["authority", "on_behalf_of"] {
            let mut command = register_project(&new_id());
            let context = command.context.as_mut().unwrap();
            match field {
                "authority" => text.clone_into(&mut context.authority),
                _ => text.clone_into(&mut context.on_behalf_of),
            }
            let violations = command.check();
            let violation = only(&violations);
            assert_eq!(
                (violation.field.as_str(), violation.rule),
                (format!("context.{field}").as_str(), Some("X9")),
                "{text:?}"
            );
        }
    }
}

#[test]
fn x9_each_text_has_a_kind_by_its_length_or_by_what_the_schema_says() {
    for (field, kind) in [
        ("Person.subject", TextKind::Identifying),
        ("DocumentReference.title", TextKind::Identifying),
        ("CommandContext.authority", TextKind::Identifying),
        ("MeetingMinutes.present", TextKind::Identifying),
        ("CommandContext.reason", TextKind::Free),
        ("ContractOption.description", TextKind::Free),
        ("ActivityPlan.tasks", TextKind::Free),
    ] {
        assert_eq!(text_kind(&format!("vedtak.v1.{field}")), Some(kind), "{field}");
    }
    assert_eq!(text_kind("vedtak.v1.CommandContext.request_id"), None);
    assert_eq!(text_kind("vedtak.v1.CommandContext.effective_date"), None);
    let turning = refused(TextKind::Free);
    assert_eq!(turning, ['\0'..='\0', '\u{202a}'..='\u{202e}', '\u{2066}'..='\u{2069}']);
}

#[test]
fn x10_dates_lie_between_1900_and_2199() {
    let on = |date: &str| {
        let mut command = register_project(&new_id());
        command.context.as_mut().unwrap().effective_date = Some(date.to_owned());
        command.check()
    };
    for date in ["1899-12-31", "0001-01-01", "2200-01-01", "9999-12-31"] {
        let violations = on(date);
        let violation = only(&violations);
        assert_eq!(
            (violation.field.as_str(), violation.rule),
            ("context.effective_date", Some("X10")),
            "{date}"
        );
        assert!(
            violation.description.contains("between 1900-01-01 and 2199-12-31"),
            "{violation:?}"
        );
    }
    for date in ["1900-01-01", "2199-12-31"] {
        assert_eq!(on(date), Vec::new(), "{date}");
    }
    // What is no date at all is told so, in whichever year.
    assert_eq!(only(&on("1899-02-30")).rule, None);
}

async fn post(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let request = reqwest::Client::new()
        .post(server.url(path))
        .bearer_auth(administrator());
    let answer = request.json(body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn x9_and_x10_are_named_by_both_doors() {
    let server = Server::start().await;
    let mut projects = ProjectServiceClient::new(server.channel(&administrator()).await);
    let path = format!("/v1/projects/{}/register", new_id());
    let body = |name: &str, reason: &str, date: &str| json!({"context": {"request_id": new_id(), "reason": reason, "effective_date": date}, "name": name, "kind": "PROJECT_KIND_MAIN_PROJECT"});
    for (name, reason, date, field, rule) in [
        ("Skole ", "", "2024-01-01", "name", "X9"),
        ("Skole", "\u{202e}nrut", "2024-01-01", "context.reason", "X9"),
        ("Skole", "a \u{2066}b\u{2069}", "2024-01-01", "context.reason", "X9"),
        ("Skole", "", "1824-01-01", "context.effective_date", "X10"),
    ] {
        let (status, problem) = post(&server, &path, &body(name, reason, date)).await;
        assert_eq!((status, &problem["rule"]), (400, &json!(rule)), "{problem}");
        assert_eq!(problem["violations"][0]["field"], json!(field), "{problem}");
        assert_eq!(problem["violations"][0]["rule"], json!(rule), "{problem}");
        let mut command = because(reason);
        name.clone_into(&mut command.name);
        command.context.as_mut().unwrap().effective_date = Some(date.to_owned());
        let refused = projects.register_project(command).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        let details = refused.get_error_details();
        assert_eq!(details.error_info().unwrap().metadata["rule"], rule);
        let violation = &details.bad_request().unwrap().field_violations[0];
        assert_eq!((violation.field.as_str(), violation.reason.as_str()), (field, rule));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn x9_a_free_text_is_one_text_in_every_normal_form() {
    let server = Server::start().await;
    let channel = server.channel(&administrator()).await;
    let mut projects = ProjectServiceClient::new(channel.clone());
    let decomposed = because("A\u{30a} bygge pa\u{30a} nytt");
    let first = projects
        .register_project(decomposed.clone())
        .await
        .unwrap()
        .into_inner();
    let mut composed = decomposed.clone();
    composed.context.as_mut().unwrap().reason = "Å bygge på nytt".to_owned();
    let second = projects.register_project(composed).await.unwrap().into_inner();
    assert_eq!(first, second, "a retry in another normal form is the same request");
    let project_id = &decomposed.project_id;
    let mut ledger = LedgerServiceClient::new(channel);
    // In a batch the context comes with the batch.
    let risk = RegisterRisk {
        context: None,
        description: "Fa\u{30a} so\u{308}ker".to_owned(),
        ..register_risk(project_id)
    };
    let batch = |reason: &str, description: &str, request: &CommandContext| RecordBatch {
        context: Some(CommandContext {
            reason: reason.to_owned(),
            ..request.clone()
        }),
        commands: vec![prost_types::Any {
            type_url: "type.googleapis.com/vedtak.v1.RegisterRisk".to_owned(),
            value: RegisterRisk {
                description: description.to_owned(),
                ..risk.clone()
            }
            .encode_to_vec(),
        }],
    };
    let request = context().unwrap();
    let first = ledger
        .record_batch(batch("Na\u{30a}", &risk.description, &request))
        .await;
    let second = ledger.record_batch(batch("Nå", "Få söker", &request)).await;
    assert_eq!(first.unwrap().into_inner(), second.unwrap().into_inner());
    let records = ledger.list_records(ListRecords {
        stream: Some(format!("project/{project_id}")),
        ..ListRecords::default()
    });
    let records = records.await.unwrap().into_inner().records;
    let mut texts: Vec<String> = records
        .iter()
        .flat_map(|record| {
            let record: Value = serde_json::from_str(&record.record).unwrap();
            [record["reason"].clone(), record["data"]["description"].clone()]
        })
        .filter_map(|text| text.as_str().map(str::to_owned))
        .collect();
    // What registers a project may record more than one event for the same reason.
    texts.dedup();
    assert_eq!(texts, ["Å bygge på nytt", "Nå", "Få söker"]);
}
