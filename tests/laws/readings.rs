//! Proves that an answer, once given, stands: as of a position or a time it is given again byte for byte, page by page, by any server.

use prost::Message;
use prost_reflect::{DynamicMessage, Value as Field};
use prost_types::Timestamp;
use time::OffsetDateTime;
use tokio::task::JoinSet;
use vedtak::schema::v1::*;
use vedtak::{clock, schema};

use super::doors::{Door, Doors, method};
use crate::support::{
    Server, administrator, context, new_id, register_owned_project, register_project, register_risk, scale,
};

const DOORS: [Door; 2] = [Door::Grpc, Door::Json];

/// The questions about one project that can be asked as of an earlier point.
const QUESTIONS: &[&str] = &[
    "GetProject",
    "GetBudget",
    "GetConditions",
    "GetGantt",
    "GetRiskMatrix",
    "GetStakeholderMap",
    "ListActivities",
    "ListCheckpoints",
    "ListDecisionPoints",
    "ListDeviations",
    "ListDocuments",
    "ListEvaluations",
    "ListFindings",
    "ListLessons",
    "ListMilestones",
    "ListPhases",
    "ListReportRhythms",
    "ListReports",
    "ListRisks",
    "ListRoles",
    "ListStakeholders",
    "ListSuccessFactors",
];

async fn two_servers() -> ([Server; 2], [Doors; 2]) {
    let first = Server::start().await;
    let second = Server::on(first.database.clone()).await;
    let doors = [
        Doors::of(&first, &administrator()).await,
        Doors::of(&second, &administrator()).await,
    ];
    ([first, second], doors)
}

async fn record(doors: &Doors, name: &str, command: &impl Message) -> Receipt {
    doors.call(Door::Grpc, name, command).await.unwrap()
}

fn at(time: OffsetDateTime) -> AsOf {
    let nanos = i32::try_from(time.nanosecond()).unwrap();
    AsOf {
        point: Some(as_of::Point::Time(Timestamp {
            seconds: time.unix_timestamp(),
            nanos,
        })),
        effective_date: None,
    }
}

const fn after(position: i64) -> AsOf {
    AsOf {
        point: Some(as_of::Point::Position(position)),
        effective_date: None,
    }
}

/// What a question about a project is answered with.
async fn answer(doors: &Doors, door: Door, question: &str, project_id: &str, as_of: Option<AsOf>) -> Vec<u8> {
    let method = method(question);
    let mut request = DynamicMessage::new(schema::pool().get_message_by_name(method.input).unwrap());
    request.set_field_by_name("project_id", Field::String(project_id.to_owned()));
    if let Some(as_of) = as_of {
        let descriptor = schema::pool().get_message_by_name("vedtak.v1.AsOf").unwrap();
        let as_of = DynamicMessage::decode(descriptor, as_of.encode_to_vec().as_slice()).unwrap();
        request.set_field_by_name("as_of", Field::Message(as_of));
    }
    doors
        .send(door, method, &request.encode_to_vec())
        .await
        .unwrap()
        .to_vec()
}

/// What was answered to each question once, and when that was.
struct Given {
    position: i64,
    time: OffsetDateTime,
    answers: Vec<Vec<u8>>,
}

async fn give(doors: &Doors, project_id: &str, position: i64) -> Given {
    let mut answers = Vec::new();
    for question in QUESTIONS {
        answers.push(answer(doors, Door::Grpc, question, project_id, None).await);
    }
    Given {
        position,
        time: clock::now(),
        answers,
    }
}

/// A project that grows by a risk, a milestone, a line of the budget and an activity each time.
async fn grow(doors: &Doors, project_id: &str, step: usize) -> i64 {
    record(doors, "RegisterRisk", &register_risk(project_id)).await;
    let milestone = PlanMilestone {
        context: context(),
        project_id: project_id.to_owned(),
        milestone_id: new_id(),
        plan: Some(MilestonePlan {
            name: format!("{step}"),
            measurable_result: "It is done".to_owned(),
            ..Default::default()
        }),
        deadline: "2017-06-01".to_owned(),
    };
    record(doors, "PlanMilestone", &milestone).await;
    let amount = Amount {
        certainty: Certainty::Known.into(),
        ore: Some(100),
    };
    let line = BudgetLine {
        post: format!("Post {step}"),
        period: "2017".to_owned(),
        kind: BudgetKind::Operating.into(),
        including_vat: step.is_multiple_of(2),
        amount: Some(amount),
    };
    let line = SetCostLine {
        context: context(),
        project_id: project_id.to_owned(),
        line_id: new_id(),
        line: Some(line),
    };
    record(doors, "SetCostLine", &line).await;
    let plan = ActivityPlan {
        name: format!("{step}"),
        schedule: vec![ScheduleSpan {
            from: "2017-01".to_owned(),
            to: "2017-Q3".to_owned(),
        }],
        ..Default::default()
    };
    let activity = PlanActivity {
        context: context(),
        project_id: project_id.to_owned(),
        activity_id: new_id(),
        plan: Some(plan),
    };
    record(doors, "PlanActivity", &activity).await.position
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_given_again_as_of_its_position_and_as_of_its_time() {
    let (_servers, doors) = two_servers().await;
    let project_id = new_id();
    record(&doors[0], "RegisterProject", &register_project(&project_id)).await;
    let mut given = Vec::new();
    for step in 0..3 * scale().min(20) {
        let position = grow(&doors[step % 2], &project_id, step).await;
        given.push(give(&doors[step % 2], &project_id, position).await);
    }
    grow(&doors[0], &project_id, 0).await;
    for (index, earlier) in given.iter().enumerate() {
        for (question, answered) in QUESTIONS.iter().zip(&earlier.answers) {
            for as_of in [after(earlier.position), at(earlier.time)] {
                let again = answer(
                    &doors[(index + 1) % 2],
                    DOORS[index % 2],
                    question,
                    &project_id,
                    Some(as_of.clone()),
                )
                .await;
                assert_eq!(*answered, again, "{question} as of {as_of:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_as_of_a_time_stands_even_when_it_was_given_while_others_were_recording() {
    answers_as_of_a_time_stand(2).await;
}

/// One server that records alone gives its records a time before it has the head: none may come to lie before an answer.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_as_of_a_time_stands_even_when_one_server_alone_was_recording() {
    answers_as_of_a_time_stand(1).await;
}

async fn answers_as_of_a_time_stand(recording: usize) {
    let (_servers, doors) = two_servers().await;
    let project_id = new_id();
    record(&doors[0], "RegisterProject", &register_project(&project_id)).await;
    let goal_ids: Vec<String> = (0..8).map(|_| new_id()).collect();
    let mut writing = JoinSet::new();
    for (writer, goal_id) in goal_ids.into_iter().enumerate() {
        let (doors, project_id) = (doors[writer % recording].clone(), project_id.clone());
        writing.spawn(async move {
            for step in 0..20 * scale().min(20) {
                let (context, description) = (context(), format!("{step}"));
                let goal = DefineGoal {
                    context,
                    project_id: project_id.clone(),
                    goal_id: goal_id.clone(),
                    kind: 3,
                    description,
                };
                if step == 0 {
                    record(&doors, "DefineGoal", &goal).await;
                } else {
                    let DefineGoal {
                        context,
                        project_id,
                        goal_id,
                        description,
                        ..
                    } = goal;
                    record(
                        &doors,
                        "ReviseGoal",
                        &ReviseGoal {
                            context,
                            project_id,
                            goal_id,
                            description,
                        },
                    )
                    .await;
                }
            }
        });
    }
    let mut given = Vec::new();
    while !writing.is_empty() {
        let time = clock::now();
        let answered = answer(
            &doors[given.len() % 2],
            Door::Grpc,
            "GetProject",
            &project_id,
            Some(at(time)),
        )
        .await;
        given.push((time, answered));
        while let Some(ended) = writing.try_join_next() {
            ended.unwrap();
        }
    }
    for (index, (time, answered)) in given.iter().enumerate() {
        let again = answer(
            &doors[index % 2],
            Door::Grpc,
            "GetProject",
            &project_id,
            Some(at(*time)),
        )
        .await;
        assert_eq!(
            *answered,
            again,
            "answer {index} of {} changed, as of {time}",
            given.len()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as_of_the_time_of_a_record_is_as_of_its_position() {
    let (_servers, doors) = two_servers().await;
    let project_id = new_id();
    record(&doors[0], "RegisterProject", &register_project(&project_id)).await;
    for step in 0..3 {
        grow(&doors[step % 2], &project_id, step).await;
    }
    let ask = ListAuditTrail {
        stream: format!("project/{project_id}"),
        ..Default::default()
    };
    let trail: AuditTrail = doors[0].call(Door::Grpc, "ListAuditTrail", &ask).await.unwrap();
    for entry in trail.entries {
        let time = AsOf {
            point: entry.recorded_at.map(as_of::Point::Time),
            effective_date: None,
        };
        let by_time = answer(&doors[0], Door::Json, "GetProject", &project_id, Some(time)).await;
        let by_position = answer(
            &doors[1],
            Door::Grpc,
            "GetProject",
            &project_id,
            Some(after(entry.position)),
        )
        .await;
        assert_eq!(by_time, by_position, "position {}", entry.position);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_point_that_lies_ahead_is_refused() {
    let (_servers, doors) = two_servers().await;
    let project_id = new_id();
    record(&doors[0], "RegisterProject", &register_project(&project_id)).await;
    let ahead = clock::now() + time::Duration::hours(1);
    for door in DOORS {
        for (as_of, at_least, reason) in [
            (Some(after(2)), 0, "POSITION_NOT_REACHED"),
            (Some(at(ahead)), 0, "INVALID_FIELDS"),
            (None, 2, "POSITION_NOT_REACHED"),
        ] {
            let ask = GetProject {
                project_id: project_id.clone(),
                as_of,
                at_least,
            };
            let refused = doors[1].call::<Project>(door, "GetProject", &ask).await.unwrap_err();
            assert_eq!(refused.reason, reason, "{refused:?}");
            assert_eq!(
                refused.metadata.get("head").map(String::as_str),
                (reason == "POSITION_NOT_REACHED").then_some("1")
            );
        }
        let ask = GetProject {
            project_id: project_id.clone(),
            as_of: Some(after(0)),
            at_least: 0,
        };
        let refused = doors[1].call::<Project>(door, "GetProject", &ask).await.unwrap_err();
        assert_eq!(
            (refused.code.as_str(), refused.reason.as_str()),
            ("NOT_FOUND", "STREAM_NOT_FOUND")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gives_the_position_of_a_receipt_reads_its_own_write_on_any_server() {
    let (_servers, doors) = two_servers().await;
    let project_id = new_id();
    record(&doors[0], "RegisterProject", &register_project(&project_id)).await;
    for turn in 0..20 * scale().min(20) {
        let receipt = record(&doors[turn % 2], "RegisterRisk", &register_risk(&project_id)).await;
        let (reader, door, at_least) = (&doors[(turn + 1) % 2], DOORS[turn % 2], receipt.position);
        let ask = GetProject {
            project_id: project_id.clone(),
            as_of: None,
            at_least,
        };
        let project: Project = reader.call(door, "GetProject", &ask).await.unwrap();
        assert_eq!(project.version, receipt.version);
        let ask = ListRecords {
            at_least,
            after_position: at_least - 1,
            ..Default::default()
        };
        let list: RecordList = reader.call(door, "ListRecords", &ask).await.unwrap();
        assert_eq!(list.records[0].leaf_hash, receipt.events[0].leaf_hash);
        let list: ProjectList = reader
            .call(
                door,
                "ListProjects",
                &ListProjects {
                    at_least,
                    ..Default::default()
                },
            )
            .await
            .unwrap();
        assert!(list.position >= at_least);
        assert_eq!(list.projects[0].version, receipt.version);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_a_list_are_all_of_one_position_whatever_is_recorded_between_them() {
    let (_servers, doors) = two_servers().await;
    let project_id = new_id();
    record(
        &doors[0],
        "RegisterProject",
        &register_owned_project(&project_id, "kari"),
    )
    .await;
    for _ in 0..10 {
        record(&doors[0], "RegisterRisk", &register_risk(&project_id)).await;
    }
    for (turn, page_size) in [1, 3, 5, 100].into_iter().enumerate() {
        let whole: RiskList = all_risks(&doors[0], &project_id, 0, String::new()).await;
        let (mut found, mut page_token) = (Vec::new(), String::new());
        loop {
            let ask = ListRisks {
                project_id: project_id.clone(),
                page_size,
                page_token,
                ..Default::default()
            };
            let page: RiskList = doors[found.len() % 2]
                .call(DOORS[turn % 2], "ListRisks", &ask)
                .await
                .unwrap();
            assert!(page.risks.len() <= usize::try_from(page_size).unwrap());
            assert_eq!(page.position, whole.position);
            found.extend(page.risks);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
            // Between the pages one more is registered, and one that was listed already is closed.
            record(&doors[1], "RegisterRisk", &register_risk(&project_id)).await;
            let (context, risk_id) = (context(), found[found.len() - 1].risk_id.clone());
            let context = context.map(|context| CommandContext {
                reason: "It has passed".to_owned(),
                ..context
            });
            record(
                &doors[0],
                "CloseRisk",
                &CloseRisk {
                    context,
                    project_id: project_id.clone(),
                    risk_id,
                },
            )
            .await;
        }
        assert_eq!(found, whole.risks);
    }
}

async fn all_risks(doors: &Doors, project_id: &str, page_size: i32, page_token: String) -> RiskList {
    let ask = ListRisks {
        project_id: project_id.to_owned(),
        page_size: page_size.max(1_000),
        page_token,
        ..Default::default()
    };
    doors.call(Door::Grpc, "ListRisks", &ask).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_page_token_is_refused_naming_the_field() {
    let (_servers, doors) = two_servers().await;
    let project_id = new_id();
    record(&doors[0], "RegisterProject", &register_project(&project_id)).await;
    for page_token in ["x", "1", "1.x", ".", "0.0", "-1.0", "1.-1", "99999999999999999999.1"] {
        for door in DOORS {
            let ask = ListRisks {
                project_id: project_id.clone(),
                page_token: page_token.to_owned(),
                ..Default::default()
            };
            let refused = doors[0].call::<RiskList>(door, "ListRisks", &ask).await.unwrap_err();
            assert_eq!(
                (refused.code.as_str(), &refused.fields[..]),
                ("INVALID_ARGUMENT", &["page_token".to_owned()][..]),
                "{page_token}"
            );
        }
    }
}

#[test]
fn a_day_begins_in_norway_for_a_reading_of_now_and_for_one_of_then() {
    let late = OffsetDateTime::parse("2017-03-15T22:30:00Z", &time::format_description::well_known::Rfc3339).unwrap();
    assert_eq!(clock::day_of(late), "2017-03-16");
}
