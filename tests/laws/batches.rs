//! Proves the batch: several commands on one stream are recorded all or none, each judged after those before it, by both doors.

use prost::{Message, Name};
use prost_types::Any;
use serde_json::{Value, json};
use vedtak::schema::v1::*;

use super::doors::{Door, Doors, Refused};
use crate::support::{Server, administrator, context, new_id, register_project, register_risk, token};

const DOORS: [Door; 2] = [Door::Grpc, Door::Json];

/// A server, a caller, and a project to record in.
struct Scene {
    server: Server,
    doors: Doors,
    project_id: String,
}

async fn scene() -> Scene {
    let server = Server::start().await;
    let doors = Doors::of(&server, &administrator()).await;
    let project_id = new_id();
    let _: Receipt = doors
        .call(Door::Grpc, "RegisterProject", &register_project(&project_id))
        .await
        .unwrap();
    Scene {
        server,
        doors,
        project_id,
    }
}

impl Scene {
    async fn record(&self, door: Door, batch: &RecordBatch) -> Result<Receipt, Refused> {
        self.doors.call(door, "RecordBatch", batch).await
    }

    async fn head(&self) -> i64 {
        let head: Head = self.doors.call(Door::Grpc, "GetHead", &GetHead {}).await.unwrap();
        head.position
    }

    async fn project(&self) -> Project {
        let ask = GetProject {
            project_id: self.project_id.clone(),
            ..Default::default()
        };
        self.doors.call(Door::Grpc, "GetProject", &ask).await.unwrap()
    }

    /// A risk without a context of its own, as a batch carries it.
    fn risk(&self, risk_id: &str) -> Any {
        any(&RegisterRisk {
            context: None,
            risk_id: risk_id.to_owned(),
            ..register_risk(&self.project_id)
        })
    }

    fn assess(&self, risk_id: &str) -> Any {
        any(&AssessRisk {
            context: None,
            project_id: self.project_id.clone(),
            risk_id: risk_id.to_owned(),
            assessment: Some(RiskAssessment {
                probability: 1,
                consequence: 2,
                stated_factor: None,
            }),
        })
    }
}

fn any<M: Message + Name>(message: &M) -> Any {
    Any {
        type_url: format!("type.googleapis.com/{}", M::full_name()),
        value: message.encode_to_vec(),
    }
}

fn batch(commands: Vec<Any>) -> RecordBatch {
    let context = context().map(|context| CommandContext {
        reason: "Decided in the meeting".to_owned(),
        ..context
    });
    RecordBatch { context, commands }
}

fn code_and_reason(refused: &Refused) -> (&str, &str) {
    (&refused.code, &refused.reason)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_is_judged_after_those_before_it_and_all_share_one_receipt() {
    let scene = scene().await;
    for (door, before) in DOORS.into_iter().zip([1, 4]) {
        let risk_id = new_id();
        let mut sent = batch(vec![
            scene.risk(&risk_id),
            scene.assess(&risk_id),
            scene.risk(&new_id()),
        ]);
        let circumstances = sent.context.as_mut().unwrap();
        (circumstances.expected_version, circumstances.authority) = (Some(before), "KST sak 12/2017".to_owned());
        let receipt = scene.record(door, &sent).await.unwrap();
        assert_eq!(
            (receipt.position, receipt.version, receipt.unchanged),
            (before + 3, before + 3, false)
        );
        let events: Vec<_> = receipt
            .events
            .iter()
            .map(|event| (event.position, event.version, event.r#type.as_str()))
            .collect();
        let types = [
            "vedtak.v1.RiskRegistered",
            "vedtak.v1.RiskAssessed",
            "vedtak.v1.RiskRegistered",
        ];
        assert_eq!(
            events,
            types
                .into_iter()
                .zip(before + 1..)
                .map(|(name, at)| (at, at, name))
                .collect::<Vec<_>>()
        );
        assert_eq!(
            scene.record(door.other(), &sent).await.unwrap(),
            receipt,
            "a retry is answered with the very same receipt"
        );
        assert_eq!(scene.head().await, before + 3);
    }
    let ask = ListAuditTrail {
        stream: format!("project/{}", scene.project_id),
        after_position: 1,
        ..Default::default()
    };
    let trail: AuditTrail = scene.doors.call(Door::Grpc, "ListAuditTrail", &ask).await.unwrap();
    assert!(
        trail.entries.iter().all(|entry| entry.authority == "KST sak 12/2017"),
        "the context of the batch holds for each"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_in_the_middle_leaves_nothing_and_says_which_command_it_was() {
    let scene = scene().await;
    for door in DOORS {
        let (known, unknown) = (new_id(), new_id());
        let mut sent = batch(vec![
            scene.risk(&known),
            scene.assess(&known),
            scene.assess(&unknown),
            scene.risk(&new_id()),
        ]);
        let refused = scene.record(door, &sent).await.unwrap_err();
        assert_eq!(
            (code_and_reason(&refused), refused.metadata["command_index"].as_str()),
            (("NOT_FOUND", "NOT_FOUND"), "2")
        );
        assert_eq!((scene.head().await, scene.project().await.risks.len()), (1, 0));
        // Nothing is known of the request either: mended, it goes through under the same id.
        sent.commands = vec![scene.assess(&unknown)];
        assert_eq!(
            scene.record(door, &sent).await.unwrap_err().metadata["command_index"],
            "0"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_batch_can_be_mended_and_sent_under_the_same_request_id() {
    let scene = scene().await;
    let risk_id = new_id();
    let mut sent = batch(vec![scene.risk(&risk_id), scene.assess(&new_id())]);
    scene.record(Door::Grpc, &sent).await.unwrap_err();
    sent.commands[1] = scene.assess(&risk_id);
    let receipt = scene.record(Door::Json, &sent).await.unwrap();
    assert_eq!((receipt.position, receipt.events.len()), (3, 2));
    sent.commands.pop();
    let refused = scene.record(Door::Grpc, &sent).await.unwrap_err();
    assert_eq!(code_and_reason(&refused), ("ALREADY_EXISTS", "REQUEST_ID_REUSED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_changes_nothing_says_so_and_one_that_changes_a_part_records_that_part() {
    let scene = scene().await;
    let (first, second) = (new_id(), new_id());
    scene
        .record(Door::Grpc, &batch(vec![scene.risk(&first)]))
        .await
        .unwrap();
    let same = scene
        .record(Door::Json, &batch(vec![scene.risk(&first), scene.risk(&first)]))
        .await
        .unwrap();
    assert_eq!(
        (same.unchanged, same.position, same.version, same.events.len()),
        (true, 2, 2, 0)
    );
    let half = scene
        .record(Door::Json, &batch(vec![scene.risk(&first), scene.risk(&second)]))
        .await
        .unwrap();
    assert_eq!(
        (half.unchanged, half.position, half.version, half.events.len()),
        (false, 3, 3, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_may_open_its_stream() {
    let scene = scene().await;
    for door in DOORS {
        let project_id = new_id();
        let opening = RegisterProject {
            context: None,
            ..register_project(&project_id)
        };
        let risk = RegisterRisk {
            context: None,
            ..register_risk(&project_id)
        };
        let receipt = scene
            .record(door, &batch(vec![any(&opening), any(&risk)]))
            .await
            .unwrap();
        assert_eq!(receipt.version, 2);
        let refused = scene
            .record(
                door,
                &batch(vec![any(&RegisterRisk {
                    project_id: new_id(),
                    ..risk
                })]),
            )
            .await
            .unwrap_err();
        assert_eq!(code_and_reason(&refused), ("NOT_FOUND", "STREAM_NOT_FOUND"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_one_batch_is_refused_naming_the_field() {
    let scene = scene().await;
    let (one, risk_id) = (scene.risk(&new_id()), new_id());
    let elsewhere = any(&RegisterRisk {
        context: None,
        ..register_risk(&new_id())
    });
    let with_context = any(&register_risk(&scene.project_id));
    let misshapen = any(&AcceptRisk {
        context: None,
        project_id: scene.project_id.clone(),
        risk_id: "1".to_owned(),
    });
    let question = any(&GetProject {
        project_id: scene.project_id.clone(),
        ..Default::default()
    });
    let nested = any(&batch(vec![scene.risk(&risk_id)]));
    let cases: Vec<(Vec<Any>, &str)> = vec![
        (vec![one.clone(), elsewhere], "commands[1]"),
        (vec![one.clone(), with_context], "commands[1].context"),
        (vec![one.clone(), misshapen], "commands[1].risk_id"),
        (vec![one.clone(), question], "commands[1]"),
        (vec![one.clone(), nested], "commands[1]"),
        (vec![], "commands"),
        (vec![one.clone(); 101], "commands"),
    ];
    for (commands, field) in cases {
        let sent = batch(commands);
        for door in DOORS {
            let refused = scene.record(door, &sent).await.unwrap_err();
            assert_eq!(
                code_and_reason(&refused),
                ("INVALID_ARGUMENT", "INVALID_FIELDS"),
                "{refused:?}"
            );
            assert_eq!(refused.fields, [field], "{door:?}: {refused:?}");
        }
    }
    for context in [
        None,
        Some(CommandContext {
            request_id: "1".to_owned(),
            ..Default::default()
        }),
    ] {
        for door in DOORS {
            let refused = scene
                .record(
                    door,
                    &RecordBatch {
                        context: context.clone(),
                        commands: vec![one.clone()],
                    },
                )
                .await
                .unwrap_err();
            let field = if context.is_some() {
                "context.request_id"
            } else {
                "context"
            };
            assert_eq!(
                (refused.code.as_str(), &refused.fields[..]),
                ("INVALID_ARGUMENT", &[field.to_owned()][..])
            );
        }
    }
    assert_eq!(scene.head().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_of_no_known_type_is_refused_naming_where_it_stands() {
    let scene = scene().await;
    for type_url in [
        "type.googleapis.com/vedtak.v1.ApproveEverything",
        "vedtak.v1.ApproveEverything",
        "",
        "/",
    ] {
        let unknown = Any {
            type_url: type_url.to_owned(),
            value: Vec::new(),
        };
        let refused = scene
            .record(Door::Grpc, &batch(vec![scene.risk(&new_id()), unknown]))
            .await
            .unwrap_err();
        assert_eq!(
            (refused.code.as_str(), &refused.fields[..]),
            ("INVALID_ARGUMENT", &["commands[1]".to_owned()][..]),
            "{refused:?}"
        );
    }
    let bytes = Any {
        value: vec![0xff, 0xff],
        ..scene.risk(&new_id())
    };
    let refused = scene
        .record(Door::Grpc, &batch(vec![scene.risk(&new_id()), bytes]))
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code.as_str(), &refused.fields[..]),
        ("INVALID_ARGUMENT", &["commands[1]".to_owned()][..]),
        "{refused:?}"
    );

    let good = json!({"@type": "type.googleapis.com/vedtak.v1.AcceptRisk", "project_id": scene.project_id, "risk_id": new_id()});
    let mut misspelt = good.clone();
    misspelt["risk"] = json!("1");
    let mut untyped = good.clone();
    untyped.as_object_mut().unwrap().remove("@type");
    let unknown = json!({"@type": "type.googleapis.com/vedtak.v1.ApproveEverything", "project_id": scene.project_id});
    for bad in [
        misspelt,
        untyped,
        unknown,
        json!({"@type": 1}),
        json!("AcceptRisk"),
        Value::Null,
    ] {
        let body = json!({"context": {"request_id": new_id()}, "commands": [good, bad]});
        let refused = scene.doors.post("/v1/batches", &body).await.unwrap_err();
        assert_eq!(refused.code, "INVALID_ARGUMENT", "{bad}: {refused:?}");
        let named = refused.fields.iter().any(|field| field.starts_with("commands[1]"));
        assert!(
            named,
            "{bad}: the refusal names {:?}: {}",
            refused.fields, refused.sentence
        );
    }
    assert_eq!(scene.head().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_commands_are_one_batch_and_one_position_each() {
    let scene = scene().await;
    for (door, last) in DOORS.into_iter().zip([101, 201]) {
        let sent = batch((0..100).map(|_| scene.risk(&new_id())).collect());
        let receipt = scene.record(door, &sent).await.unwrap();
        assert_eq!(
            (receipt.position, receipt.version, receipt.events.len()),
            (last, last, 100)
        );
        assert_eq!(scene.record(door.other(), &sent).await.unwrap(), receipt);
    }
    assert_eq!(scene.project().await.risks.len(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_everything_in_a_batch_is_wrong_the_answer_still_fits_through_the_door() {
    let scene = scene().await;
    let wrong = AssessRisk {
        context: context(),
        project_id: "1".to_owned(),
        risk_id: "2".to_owned(),
        assessment: Some(RiskAssessment::default()),
    };
    let sent = batch(vec![any(&wrong); 100]);
    for door in DOORS {
        let refused = scene.record(door, &sent).await.unwrap_err();
        assert_eq!(
            code_and_reason(&refused),
            ("INVALID_ARGUMENT", "INVALID_FIELDS"),
            "{refused:?}"
        );
        assert!(
            (1..=100).contains(&refused.fields.len()),
            "{} fields are named",
            refused.fields.len()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_needs_the_access_of_its_most_demanding_command() {
    let scene = scene().await;
    let organization = RegisterOrganization {
        context: None,
        organization_id: new_id(),
        name: "Nordre Land".to_owned(),
        organization_number: "999000207".to_owned(),
        kind: OrganizationKind::Municipality.into(),
    };
    for (role, command, allowed) in [
        ("reader", scene.risk(&new_id()), false),
        ("recorder", scene.risk(&new_id()), true),
        ("recorder", any(&organization), false),
        ("administrator", any(&organization), true),
    ] {
        let doors = Doors::of(&scene.server, &token(crate::support::TENANT, "ola", &[role])).await;
        let mut sent = batch(vec![command]);
        for door in DOORS {
            let outcome = doors.call::<Receipt>(door, "RecordBatch", &sent).await;
            assert_eq!(outcome.is_ok(), allowed, "{role}: {outcome:?}");
            assert!(
                outcome.is_ok()
                    || outcome
                        .is_err_and(|refused| code_and_reason(&refused) == ("PERMISSION_DENIED", "ROLE_INSUFFICIENT"))
            );
        }
        sent.context = context();
    }
}
