//! Proves the readings as of an effective date: what had been decided by a day, whenever it was recorded, and the same again page by page.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vedtak::domain::State;
use vedtak::ledger::{Envelope, Judge};
use vedtak::rules::Rules;
use vedtak::schema::v1::*;
use vedtak::schema::{self, METHODS, MethodKind};

use super::doors::{Door, Doors};
use super::replay::{answered, records};
use super::sequence::Sequence;
use crate::support::{Server, administrator, context, new_id, register_project, register_risk, scale};

const DOORS: [Door; 2] = [Door::Grpc, Door::Json];

fn decided_by(day: &str) -> AsOf {
    AsOf {
        point: None,
        effective_date: Some(day.to_owned()),
    }
}

fn on(day: &str) -> Option<CommandContext> {
    context().map(|context| CommandContext {
        effective_date: Some(day.to_owned()),
        ..context
    })
}

async fn server() -> (Server, Doors) {
    let server = Server::start().await;
    let doors = Doors::of(&server, &administrator()).await;
    (server, doors)
}

async fn record(doors: &Doors, name: &str, command: &impl prost::Message) -> Receipt {
    doors.call(Door::Grpc, name, command).await.unwrap()
}

/// A project that was registered on the first day of 2017, with a risk decided on each of these days, recorded in this order.
async fn project_with_risks(doors: &Doors, days: &[&str]) -> String {
    let project_id = new_id();
    let register = RegisterProject {
        context: on("2017-01-01"),
        ..register_project(&project_id)
    };
    record(doors, "RegisterProject", &register).await;
    for day in days {
        let risk = RegisterRisk {
            context: on(day),
            number: (*day).to_owned(),
            ..register_risk(&project_id)
        };
        record(doors, "RegisterRisk", &risk).await;
    }
    project_id
}

async fn project(doors: &Doors, door: Door, project_id: &str, as_of: AsOf) -> Project {
    let ask = GetProject {
        project_id: project_id.to_owned(),
        as_of: Some(as_of),
        at_least: 0,
    };
    doors.call(door, "GetProject", &ask).await.unwrap()
}

fn numbers(project: &Project) -> Vec<&str> {
    project.risks.iter().map(|risk| risk.number.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_by_a_day_is_read_whenever_it_was_recorded() {
    let (_server, doors) = server().await;
    let days = ["2017-03-01", "2017-05-01", "2017-02-01"];
    let project_id = project_with_risks(&doors, &days).await;
    for door in DOORS {
        for (day, expected, position) in [
            ("2017-01-31", &[][..], 1),
            ("2017-02-01", &["2017-02-01"], 4),
            ("2017-03-01", &["2017-03-01", "2017-02-01"], 4),
            ("2017-05-01", &["2017-03-01", "2017-05-01", "2017-02-01"], 4),
        ] {
            let read = project(&doors, door, &project_id, decided_by(day)).await;
            assert_eq!((numbers(&read), read.position), (expected.to_vec(), position), "{day}");
        }
        let both = AsOf {
            point: Some(as_of::Point::Position(3)),
            ..decided_by("2017-03-01")
        };
        let read = project(&doors, door, &project_id, both).await;
        assert_eq!((numbers(&read), read.position), (vec!["2017-03-01"], 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_as_of_an_effective_date_are_seen_on_that_day() {
    let (_server, doors) = server().await;
    let organization_id = new_id();
    let register = RegisterOrganization {
        context: on("2016-01-01"),
        organization_id: organization_id.clone(),
        name: "Nordre Land".to_owned(),
        organization_number: "999000207".to_owned(),
        kind: OrganizationKind::Municipality.into(),
    };
    record(&doors, "RegisterOrganization", &register).await;
    let body_id = new_id();
    let establish = EstablishBody {
        context: on("2016-01-01"),
        organization_id: organization_id.clone(),
        body_id: body_id.clone(),
        name: "Steering group".to_owned(),
        kind: BodyKind::SteeringGroup.into(),
        decides: Some(true),
        established: "2016-01-01".to_owned(),
        ..Default::default()
    };
    record(&doors, "EstablishBody", &establish).await;
    let recurrence = Some(MeetingRecurrence {
        every: 14,
        unit: RecurrenceUnit::Days.into(),
    });
    let schedule = ScheduleMeeting {
        context: on("2017-01-01"),
        organization_id: organization_id.clone(),
        meeting_id: new_id(),
        plan: Some(MeetingPlan {
            body_id,
            date: "2017-02-01".to_owned(),
            recurrence,
            ..Default::default()
        }),
    };
    record(&doors, "ScheduleMeeting", &schedule).await;
    for (day, overdue) in [("2016-12-31", 0), ("2017-02-01", 0), ("2017-02-02", 1)] {
        for door in DOORS {
            let ask = ListOrganizationFindings {
                organization_id: organization_id.clone(),
                as_of: Some(decided_by(day)),
                ..Default::default()
            };
            let list: FindingList = doors.call(door, "ListOrganizationFindings", &ask).await.unwrap();
            let codes: Vec<&str> = list.findings.iter().map(|finding| finding.code.as_str()).collect();
            assert_eq!(codes, vec!["O5"; overdue], "{day}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_a_list_as_of_an_effective_date_are_all_of_that_day_and_position() {
    let (_server, doors) = server().await;
    let days = ["2017-03-01", "2017-05-01", "2017-02-01", "2017-01-15", "2017-06-01"];
    let project_id = project_with_risks(&doors, &days).await;
    for door in DOORS {
        let (mut found, mut page_token) = (Vec::new(), String::new());
        loop {
            let ask = ListRisks {
                project_id: project_id.clone(),
                as_of: Some(decided_by("2017-03-01")),
                page_size: 1,
                page_token,
                ..Default::default()
            };
            let page: RiskList = doors.call(door, "ListRisks", &ask).await.unwrap();
            found.extend(page.risks.into_iter().map(|risk| risk.number));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
            // What is recorded between the pages, and was decided before that day, comes too late for this list.
            let late = RegisterRisk {
                context: on("2017-01-02"),
                ..register_risk(&project_id)
            };
            record(&doors, "RegisterRisk", &late).await;
        }
        assert_eq!(found[..3], ["2017-03-01", "2017-02-01", "2017-01-15"]);
        assert!(found[3..].iter().all(|number| number == "1"), "{found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_lies_ahead_or_is_none_and_a_stream_of_which_nothing_was_decided_are_refused() {
    let (_server, doors) = server().await;
    let project_id = project_with_risks(&doors, &["2017-03-01", "2017-04-01"]).await;
    for door in DOORS {
        for (day, code) in [
            ("9999-12-31", "INVALID_ARGUMENT"),
            ("2017-02-30", "INVALID_ARGUMENT"),
            ("2016-12-31", "NOT_FOUND"),
        ] {
            let ask = GetProject {
                project_id: project_id.clone(),
                as_of: Some(decided_by(day)),
                at_least: 0,
            };
            let refused = doors.call::<Project>(door, "GetProject", &ask).await.unwrap_err();
            assert_eq!(refused.code, code, "{day}: {refused:?}");
        }
        for page_token in ["3.1.", "3.1.2017-02-30", "3.1.9999-12-31", "3.1.2017-01-01.1"] {
            let ask = ListRisks {
                project_id: project_id.clone(),
                page_token: page_token.to_owned(),
                ..Default::default()
            };
            let refused = doors.call::<RiskList>(door, "ListRisks", &ask).await.unwrap_err();
            assert_eq!(refused.fields, ["page_token"], "{page_token}");
        }
    }
}

/// What the records alone say was decided by a day: the state of the stream, when anything was.
fn folded(records: &[Record], stream: &str, day: &str) -> Option<State> {
    let mut state = Rules.empty(stream).unwrap();
    for record in records.iter().filter(|record| record.stream == stream) {
        let envelope = Envelope::parse(record.record.as_bytes()).unwrap();
        if *envelope.effective_date <= *day {
            let event = Rules.read(&envelope.event_type, envelope.data.get()).unwrap();
            let at = envelope.standing();
            Rules.fold(&mut state, &event, &at).unwrap();
        }
    }
    Some(state).filter(|state| state.version() > 0)
}

/// Every question about one stream of this kind can be asked as of the day.
async fn is_answered_in_every_way(doors: &Doors, stream: &str, day: &str) {
    let (kind, id) = stream.split_once('/').unwrap();
    let id_field = format!("{kind}_id");
    for method in METHODS.iter().filter(|method| method.kind == MethodKind::Query) {
        let input = schema::pool().get_message_by_name(method.input).unwrap();
        let first = input.get_field(1).is_some_and(|field| field.name() == id_field);
        if !first || input.get_field_by_name("as_of").is_none() {
            continue;
        }
        let ask: Value = json!({ &id_field: id, "as_of": { "effective_date": day } });
        let ask = schema::from_json(method.input, ask).unwrap();
        if let Err(refused) = doors.send(Door::Grpc, method, &ask).await {
            assert!(
                ["NOT_FOUND", "INVALID_ARGUMENT"].contains(&refused.code.as_str()),
                "{} of {stream} as of {day}: {refused:?}",
                method.name
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_part_of_a_history_can_be_folded_and_gives_what_is_answered_as_of_the_day() {
    let server = Server::start().await;
    for seed in 1..=6 * scale() as u64 {
        let tenant = format!("effective-{seed}");
        let mut sequence = Sequence::begin(seed, &tenant, [&server, &server]).await;
        for _ in 0..60 {
            sequence.step().await;
        }
        let records = records(&sequence.readers).await;
        let streams: BTreeSet<&str> = records.iter().map(|record| record.stream.as_str()).collect();
        for stream in streams {
            for day in ["2016-12-31", "2017-02-01", "2017-06-01", "2018-06-30", "2026-01-01"] {
                let own = folded(&records, stream, day).map(|state| state.encode());
                for (doors, door) in sequence.readers.iter().zip(DOORS) {
                    let as_of = json!({ "effective_date": day });
                    let answer = answered(doors, door, stream, Some(as_of)).await;
                    assert_eq!(answer, own, "VEDTAK_TEST_SEED={seed}: {stream} as of {day}");
                }
                is_answered_in_every_way(&sequence.readers[0], stream, day).await;
            }
        }
    }
}
