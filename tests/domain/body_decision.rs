//! Proves what bodies decide in their meetings, and what is found of it: V3, V5, V8, V10, V11.

use std::collections::HashMap;
use std::sync::Arc;

use vedtak::domain::{self, Facts, Kind, State, Stream, Suspicion};
use vedtak::schema::v1::authority_ground::Ground;
use vedtak::schema::v1::*;

use super::decision_point::{approve, plan, project_with_council, reject};
use super::organization::{appoint, establish, terms};
use super::scenario::{ORGANIZATION, PROJECT, Scenario, id};

/// The council of `project_with_council`, whose member is `kari`, and its meetings.
const COUNCIL: u32 = 2;
const FIRST: u32 = 600;
const SECOND: u32 = 601;
const THIRD: u32 = 602;

fn schedule(number: u32, body: u32, date: &str, follows: Option<u32>) -> ScheduleMeeting {
    ScheduleMeeting {
        organization_id: ORGANIZATION.to_owned(),
        meeting_id: id(number),
        plan: Some(MeetingPlan {
            body_id: id(body),
            date: date.to_owned(),
            follows_id: follows.map(id),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn written(present: &[&str], decisions: Vec<MeetingDecision>) -> Option<MeetingMinutes> {
    Some(MeetingMinutes {
        present: present.iter().map(|subject| (*subject).to_owned()).collect(),
        decisions,
        ..Default::default()
    })
}

fn minutes(number: u32, present: &[&str], decisions: Vec<MeetingDecision>) -> RecordMinutes {
    RecordMinutes {
        organization_id: ORGANIZATION.to_owned(),
        meeting_id: id(number),
        minutes: written(present, decisions),
        ..Default::default()
    }
}

/// A case that treats the decision point `id(1)` with this outcome.
fn case(number: &str, outcome: MatterOutcome) -> MeetingDecision {
    MeetingDecision {
        number: number.to_owned(),
        text: "The project begins.".to_owned(),
        treats: vec![Matter {
            kind: MatterKind::DecisionPoint.into(),
            stream_id: Some(PROJECT.to_owned()),
            matter_id: Some(id(1)),
            outcome: outcome.into(),
        }],
        ..Default::default()
    }
}

/// A case about something that nothing here has a name for.
fn other(number: &str) -> MeetingDecision {
    MeetingDecision {
        treats: vec![Matter {
            kind: MatterKind::Other.into(),
            outcome: MatterOutcome::Approved.into(),
            ..Default::default()
        }],
        ..case(number, MatterOutcome::Approved)
    }
}

fn move_to(number: u32, date: &str) -> MoveMeeting {
    MoveMeeting {
        organization_id: ORGANIZATION.to_owned(),
        meeting_id: id(number),
        date: date.to_owned(),
        ..Default::default()
    }
}

fn approve_minutes(number: u32, in_meeting: u32) -> ApproveMinutes {
    ApproveMinutes {
        organization_id: ORGANIZATION.to_owned(),
        meeting_id: id(number),
        in_meeting_id: id(in_meeting),
        ..Default::default()
    }
}

fn correct(number: u32, in_meeting: u32, minutes: Option<MeetingMinutes>) -> CorrectMinutes {
    CorrectMinutes {
        organization_id: ORGANIZATION.to_owned(),
        meeting_id: id(number),
        in_meeting_id: id(in_meeting),
        minutes,
        ..Default::default()
    }
}

/// The council with a meeting on the first of January, February and March, on the second of March.
fn meeting() -> Scenario {
    project_with_council()
        .given(plan(1))
        .on("2017-03-02")
        .given(schedule(FIRST, COUNCIL, "2017-01-01", None))
        .given(schedule(SECOND, COUNCIL, "2017-02-01", Some(FIRST)))
        .given(schedule(THIRD, COUNCIL, "2017-03-01", Some(SECOND)))
}

fn organization(scenario: &Scenario) -> Organization {
    match &*scenario.state(&Stream::organization(ORGANIZATION)) {
        State::Organization(organization) => organization.clone(),
        other => panic!("{other:?} is no organisation"),
    }
}

/// Then this many findings of the organisation have the code, on the first of June.
#[track_caller]
fn found_in_organization(scenario: Scenario, code: &str, expected: &[&str]) -> Scenario {
    let found = domain::organization_findings(&organization(&scenario), "2017-06-01");
    let found = found.iter().filter(|found| found.code == code);
    let described: Vec<&str> = found.map(|found| found.description.as_str()).collect();
    assert_eq!(described, expected);
    scenario
}

/// What is found where the project is held against the minutes.
fn minuted_findings(scenario: &Scenario, today: &str) -> Vec<Suspicion> {
    let mut states: HashMap<Stream, Arc<State>> = HashMap::new();
    loop {
        let mut streams = domain::streams_of_minuted(PROJECT, &Facts::new(&states));
        streams.retain(|stream| !states.contains_key(stream));
        if streams.is_empty() {
            break;
        }
        states.extend(
            streams
                .into_iter()
                .map(|stream| (stream.clone(), scenario.state(&stream))),
        );
    }
    domain::minuted_findings(&scenario.project(), &Facts::new(&states), today)
}

#[track_caller]
fn found_in_project(scenario: Scenario, today: &str, code: &str, expected: &[&str]) -> Scenario {
    let found = minuted_findings(&scenario, today);
    let found = found.iter().filter(|found| found.code == code);
    let described: Vec<&str> = found.map(|found| found.description.as_str()).collect();
    assert_eq!(described, expected);
    scenario
}

#[test]
fn v10_a_decision_has_a_wording_and_a_number_of_its_own_in_the_body() {
    let blank = MeetingDecision {
        text: " ".to_owned(),
        ..case("1/2017", MatterOutcome::Approved)
    };
    meeting()
        .when(minutes(FIRST, &["kari"], vec![case("", MatterOutcome::Approved)]))
        .then_refused_by("V10", "CASE_WITHOUT_NUMBER")
        .when(minutes(FIRST, &["kari"], vec![blank]))
        .then_refused_by("V10", "DECISION_WITHOUT_WORDING")
        .when(minutes(
            FIRST,
            &["kari"],
            vec![case("1/2017", MatterOutcome::Approved), other("1/2017")],
        ))
        .then_refused_by("V10", "CASE_NUMBER_TAKEN")
        .given(minutes(
            FIRST,
            &["kari"],
            vec![
                case("1/2017", MatterOutcome::Deferred),
                case("", MatterOutcome::Unspecified),
            ],
        ))
        .when(minutes(SECOND, &["kari"], vec![other("1/2017")]))
        .then_refused_by("V10", "CASE_NUMBER_TAKEN")
        .when(minutes(SECOND, &["kari"], vec![other("2/2017")]))
        .then_accepted();
}

#[test]
fn v10_another_body_has_numbers_of_its_own() {
    let scenario = meeting()
        .given(establish(4, BodyKind::Committee, true))
        .given(schedule(610, 4, "2017-01-01", None))
        .given(minutes(610, &[], vec![other("1/2017")]));
    scenario
        .when(minutes(FIRST, &["kari"], vec![other("1/2017")]))
        .then_accepted();
}

#[test]
fn v10_a_decision_is_read_by_its_number_with_where_something_can_rest_on_it() {
    let scenario = meeting().given(minutes(
        FIRST,
        &["kari"],
        vec![
            other("1/2017"),
            MeetingDecision {
                dissent: vec![Dissent {
                    by: "per".to_owned(),
                    text: "Too dear.".to_owned(),
                }],
                ..case("2/2017", MatterOutcome::Approved)
            },
        ],
    ));
    let organization = organization(&scenario);
    let decision = domain::body_decision(&organization, &id(COUNCIL), "2/2017").unwrap();
    assert_eq!(
        (decision.meeting_id.as_str(), decision.date.as_str()),
        (id(FIRST).as_str(), "2017-01-01")
    );
    assert_eq!(decision.decision.as_ref().unwrap().dissent[0].by, "per");
    assert_eq!(domain::streams_of_decision(&decision), [Stream::project(PROJECT)]);
    assert_eq!(
        domain::resting_mark(&decision),
        format!(" by minutes 2/2017@{}", id(FIRST))
    );
    let nameless = domain::body_decision(&organization, &id(COUNCIL), "1/2017").unwrap();
    assert!(domain::streams_of_decision(&nameless).is_empty());
    assert!(domain::body_decision(&organization, &id(COUNCIL), "3/2017").is_none());
    assert!(domain::body_decision(&organization, &id(3), "2/2017").is_none());
    scenario
        .by("sak-og-arkiv")
        .recording_only()
        .on_ground(Ground::Minutes(MinutesReference {
            organization_id: ORGANIZATION.to_owned(),
            meeting_id: id(FIRST),
            number: "2/2017".to_owned(),
        }))
        .when(approve(1))
        .then_accepted()
        .then_acted_as(&format!(
            "MUNICIPAL_COUNCIL@{ORGANIZATION}/{} by minutes 2/2017@{}",
            id(COUNCIL),
            id(FIRST)
        ));
}

#[test]
fn v11_a_scheduled_meeting_is_moved_within_its_series() {
    meeting()
        .because("The hall is taken.")
        .when(move_to(SECOND, "2017-01-01"))
        .then_refused_by("V11", "SERIES_GOES_BACK")
        .when(move_to(SECOND, "2017-03-01"))
        .then_refused_by("V11", "SERIES_GOES_BACK")
        .when(move_to(SECOND, "2017-02-01"))
        .then_unchanged()
        .when(move_to(FIRST, "2015-12-31"))
        .then_refused(Kind::FailedPrecondition, "BODY_NOT_ESTABLISHED")
        .when(move_to(SECOND, "2017-02-08"))
        .then_accepted()
        .then_organization(|organization| {
            let meeting = &organization.meetings[1];
            assert_eq!(meeting.plan.as_ref().unwrap().date, "2017-02-08");
            let moved = &meeting.moves[0];
            assert_eq!(
                (
                    moved.from.as_str(),
                    moved.to.as_str(),
                    moved.moved.as_str(),
                    moved.reason.as_str()
                ),
                ("2017-02-01", "2017-02-08", "2017-03-02", "The hall is taken.")
            );
        })
        .given(minutes(FIRST, &["kari"], vec![]))
        .when(move_to(FIRST, "2017-01-02"))
        .then_refused_by("V11", "MEETING_HELD")
        .given(CancelMeeting {
            organization_id: ORGANIZATION.to_owned(),
            meeting_id: id(THIRD),
            ..Default::default()
        })
        .when(move_to(THIRD, "2017-03-08"))
        .then_refused_by("V11", "MEETING_CANCELLED")
        .when(move_to(SECOND, "2017-03-08"))
        .then_accepted()
        .by("sak-og-arkiv")
        .recording_only()
        .when(move_to(SECOND, "2017-03-09"))
        .then_refused_by("V11", "NOT_ENTITLED");
}

#[test]
fn v11_minutes_are_approved_in_a_later_meeting_of_the_body() {
    meeting()
        .given(establish(4, BodyKind::Committee, true))
        .given(schedule(610, 4, "2017-02-01", None))
        .given(schedule(611, COUNCIL, "2017-03-03", None))
        .when(approve_minutes(FIRST, SECOND))
        .then_refused_by("V11", "MINUTES_MISSING")
        .given(minutes(FIRST, &["kari"], vec![]))
        .given(minutes(SECOND, &["kari"], vec![]))
        .when(approve_minutes(FIRST, 610))
        .then_refused_by("V11", "MEETING_OF_ANOTHER_BODY")
        .when(approve_minutes(SECOND, FIRST))
        .then_refused_by("V11", "MEETING_NOT_LATER")
        .when(approve_minutes(FIRST, 611))
        .then_refused_by("V11", "MEETING_NOT_HELD")
        .when(approve_minutes(FIRST, SECOND))
        .then_accepted()
        .when(approve_minutes(FIRST, SECOND))
        .then_unchanged()
        .when(approve_minutes(FIRST, THIRD))
        .then_refused_by("V11", "MINUTES_APPROVED")
        .because("Ola was there, too.")
        .when(correct(FIRST, SECOND, written(&["kari", "ola"], vec![])))
        .then_refused_by("V11", "MINUTES_APPROVED")
        .given(CancelMeeting {
            organization_id: ORGANIZATION.to_owned(),
            meeting_id: id(THIRD),
            ..Default::default()
        })
        .when(approve_minutes(SECOND, THIRD))
        .then_refused_by("V11", "MEETING_CANCELLED")
        .then_organization(|organization| {
            assert_eq!(
                organization.meetings[0].minutes_approved_in_id.as_deref(),
                Some(id(SECOND).as_str())
            );
        });
}

#[test]
fn v11_what_was_corrected_is_kept_beside_what_stood() {
    let wrong = case("1/2017", MatterOutcome::Rejected);
    let right = MeetingDecision {
        text: "The project does begin.".to_owned(),
        ..case("1/2017", MatterOutcome::Approved)
    };
    let scenario = meeting()
        .given(minutes(FIRST, &["kari"], vec![wrong.clone()]))
        .when(correct(FIRST, SECOND, written(&["kari"], vec![right.clone()])))
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("It was approved.")
        .when(correct(FIRST, SECOND, written(&["kari"], vec![wrong.clone()])))
        .then_unchanged()
        .when(correct(
            FIRST,
            SECOND,
            written(&["kari"], vec![case("", MatterOutcome::Approved)]),
        ))
        .then_refused_by("V10", "CASE_WITHOUT_NUMBER")
        .when(correct(FIRST, SECOND, written(&["kari"], vec![right.clone()])))
        .then_accepted()
        .given(approve_minutes(FIRST, SECOND));
    let organization = organization(&scenario);
    let corrections = &organization.meetings[0].minutes_corrections;
    assert_eq!(corrections.len(), 1);
    assert_eq!(corrections[0].stood, written(&["kari"], vec![wrong.clone()]));
    assert_eq!(corrections[0].reason, "It was approved.");
    assert_eq!(corrections[0].in_meeting_id, id(SECOND));
    let decision = domain::body_decision(&organization, &id(COUNCIL), "1/2017").unwrap();
    assert_eq!((decision.decision, decision.stood), (Some(right), vec![wrong]));
    assert_eq!(decision.minutes_approved_in_id, Some(id(SECOND)));
}

#[test]
fn v11_minutes_that_contradict_what_is_recorded_are_found() {
    let scenario = meeting().on("2017-01-01").given(approve(1)).given(minutes(
        FIRST,
        &["kari"],
        vec![case("1/2017", MatterOutcome::Rejected)],
    ));
    let scenario = found_in_project(
        scenario,
        "2017-01-02",
        "V11",
        &[
            "BP1 (Project plan approved) was approved on 2017-01-01, and in case 1/2017 of Body 2 on 2017-01-01 it was rejected.",
        ],
    );
    let scenario = scenario.on("2017-02-01").because("It was approved.").given(correct(
        FIRST,
        SECOND,
        written(&["kari"], vec![case("1/2017", MatterOutcome::Approved)]),
    ));
    found_in_project(scenario, "2017-12-31", "V11", &[]);
}

#[test]
fn v11_what_was_put_off_before_and_what_was_noted_contradict_nothing() {
    let scenario = meeting()
        .given(minutes(FIRST, &["kari"], vec![case("1/2017", MatterOutcome::Deferred)]))
        .on("2017-02-01")
        .given(reject(1))
        .given(minutes(SECOND, &["kari"], vec![case("2/2017", MatterOutcome::Noted)]));
    let scenario = found_in_project(scenario, "2017-02-02", "V11", &[]);
    // Put off on the day itself, it cannot have been decided as well.
    let scenario = scenario.on("2017-03-01").because("It was put off.").given(correct(
        SECOND,
        THIRD,
        written(&["kari"], vec![case("2/2017", MatterOutcome::Deferred)]),
    ));
    found_in_project(
        scenario,
        "2017-03-02",
        "V11",
        &[
            "BP1 (Project plan approved) was rejected on 2017-02-01, and in case 2/2017 of Body 2 on 2017-02-01 it was deferred.",
        ],
    );
}

#[test]
fn v11_a_decision_of_a_body_without_a_meeting_is_found() {
    let scenario = meeting().on("2017-01-15").given(approve(1));
    let scenario = found_in_project(
        scenario,
        "2017-01-16",
        "V11",
        &["Body 2 decided BP1 (Project plan approved) on 2017-01-15, and had no meeting on that day."],
    );
    let scenario = scenario.given(schedule(610, COUNCIL, "2017-01-15", None));
    found_in_project(scenario, "2017-01-16", "V11", &[]);
}

#[test]
fn v11_somebody_present_without_a_seat_is_found() {
    let scenario = meeting().given(minutes(FIRST, &["kari", "ola", "KARI"], vec![]));
    let scenario = found_in_organization(
        scenario,
        "V11",
        &["In the meeting on 2017-01-01, those present had no seat in Body 2: ola."],
    );
    let scenario = scenario.given(appoint(60, terms(COUNCIL, "ola", AppointmentFunction::Observer)));
    found_in_organization(scenario, "V11", &[]);
}

#[test]
fn v3_a_decision_by_a_seat_without_minutes_after_thirty_days_is_found() {
    let scenario = meeting().on("2017-01-01").given(approve(1));
    let scenario = found_in_project(scenario, "2017-01-31", "V3", &[]);
    let scenario = found_in_project(
        scenario,
        "2017-02-01",
        "V3",
        &["Body 2 decided BP1 (Project plan approved) on 2017-01-01, and 30 days later no minutes of it say so."],
    );
    let noted = minutes(FIRST, &["kari"], vec![case("1/2017", MatterOutcome::Noted)]);
    let scenario = found_in_project(
        scenario.clone().given(noted),
        "2017-02-01",
        "V3",
        &["Body 2 decided BP1 (Project plan approved) on 2017-01-01, and 30 days later no minutes of it say so."],
    );
    let decided = minutes(SECOND, &["kari"], vec![case("2/2017", MatterOutcome::Approved)]);
    found_in_project(scenario.on("2017-02-01").given(decided), "2017-06-01", "V3", &[]);
}

/// The council with the members kari, per, liv and eva, the leader bo, and the deputy vara.
fn full_council() -> Scenario {
    let mut scenario = meeting();
    for (number, subject) in [(70, "per"), (71, "liv"), (72, "eva")] {
        scenario = scenario.given(appoint(number, terms(COUNCIL, subject, AppointmentFunction::Member)));
    }
    scenario
        .given(appoint(73, terms(COUNCIL, "bo", AppointmentFunction::Leader)))
        .given(appoint(74, terms(COUNCIL, "vara", AppointmentFunction::DeputyMember)))
        .given(appoint(75, terms(COUNCIL, "siri", AppointmentFunction::Secretary)))
}

fn disqualified(number: &str, subject: &str) -> MeetingDecision {
    MeetingDecision {
        disqualified: vec![Disqualification {
            subject: subject.to_owned(),
            legal_basis: "forvaltningsloven § 6".to_owned(),
        }],
        ..other(number)
    }
}

#[test]
fn v5_fewer_than_half_of_the_members_are_no_quorum() {
    let few = full_council().given(minutes(FIRST, &["kari", "bo", "siri"], vec![]));
    found_in_organization(
        few,
        "V5",
        &["In the meeting on 2017-01-01, 2 of the 5 members of Body 2 attended: fewer than half, and no quorum."],
    );
    let enough = full_council().given(minutes(FIRST, &["kari", "bo", "PER"], vec![]));
    found_in_organization(enough, "V5", &[]);
    // Where nobody is named, nobody knows who was there.
    let unknown = full_council().given(minutes(FIRST, &[], vec![]));
    found_in_organization(unknown, "V5", &[]);
    let mut with_deputy = minutes(FIRST, &["kari", "bo"], vec![]);
    with_deputy.minutes.as_mut().unwrap().deputies = vec![DeputyPresent {
        subject: "vara".to_owned(),
        in_place_of: "liv".to_owned(),
    }];
    found_in_organization(full_council().given(with_deputy), "V5", &[]);
}

#[test]
fn v5_who_is_disqualified_is_not_counted_in_that_case() {
    let present = ["kari", "bo", "per"];
    let cases = vec![
        other("1/2017"),
        disqualified("2/2017", "per"),
        disqualified("3/2017", "eva"),
    ];
    let scenario = full_council().given(minutes(FIRST, &present, cases.clone()));
    let scenario = found_in_organization(
        scenario,
        "V5",
        &["In case 2/2017, 2 of the 5 members of Body 2 attended: fewer than half, and no quorum."],
    );
    let mut right = written(&present, cases);
    right.as_mut().unwrap().deputies = vec![DeputyPresent {
        subject: "vara".to_owned(),
        in_place_of: "per".to_owned(),
    }];
    let scenario = scenario
        .because("Vara came in for Per.")
        .given(correct(FIRST, SECOND, right));
    found_in_organization(scenario, "V5", &[]);
}

fn urgent(number: &str, in_place_of: Option<u32>) -> MeetingDecision {
    MeetingDecision {
        urgent: true,
        urgent_for_body_id: in_place_of.map(id),
        ..other(number)
    }
}

fn telling(number: &str, meeting: u32, of: &str) -> MeetingDecision {
    MeetingDecision {
        reports_urgent: Some(MinutesReference {
            organization_id: ORGANIZATION.to_owned(),
            meeting_id: id(meeting),
            number: of.to_owned(),
        }),
        ..other(number)
    }
}

#[test]
fn v8_an_urgent_decision_is_found_until_the_body_was_told_of_it() {
    let scenario = full_council().given(minutes(FIRST, &["bo"], vec![urgent("1/2017", None)]));
    let scenario = found_in_organization(scenario, "V5", &[]);
    let scenario = found_in_organization(
        scenario,
        "V8",
        &["Body 2 is to be told in its next meeting of the urgent decision 1/2017 on 2017-01-01."],
    );
    let scenario = scenario.given(minutes(SECOND, &["kari", "bo", "per"], vec![other("2/2017")]));
    let scenario = found_in_organization(
        scenario,
        "V8",
        &["Body 2 met on 2017-02-01, and was not told of the urgent decision 1/2017 on 2017-01-01."],
    );
    let scenario = scenario
        .when(minutes(THIRD, &["kari"], vec![telling("3/2017", SECOND, "2/2017")]))
        .then_refused_by("V8", "REPORTS_NO_URGENT_DECISION")
        .when(minutes(THIRD, &["kari"], vec![telling("3/2017", THIRD, "3/2017")]))
        .then_refused_by("V8", "REPORTS_NO_URGENT_DECISION")
        .given(minutes(
            THIRD,
            &["kari", "bo", "per"],
            vec![telling("3/2017", FIRST, "1/2017")],
        ));
    let scenario = found_in_organization(scenario, "V8", &[]);
    let decision = domain::body_decision(&organization(&scenario), &id(COUNCIL), "1/2017").unwrap();
    assert_eq!(decision.reported_in.map(|told| told.number), Some("3/2017".to_owned()));
}

#[test]
fn v8_a_committee_decides_urgently_in_place_of_the_body_that_is_told() {
    let scenario = full_council()
        .given(establish(4, BodyKind::Committee, true))
        .given(schedule(610, 4, "2017-01-15", None))
        .when(minutes(
            610,
            &[],
            vec![MeetingDecision {
                urgent: false,
                ..urgent("1/2017", Some(COUNCIL))
            }],
        ))
        .then_refused_by("V8", "NOT_URGENT")
        .when(minutes(610, &[], vec![urgent("1/2017", Some(99))]))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(minutes(610, &[], vec![urgent("1/2017", Some(COUNCIL))]))
        .given(schedule(611, 4, "2017-01-20", None))
        .when(minutes(611, &[], vec![telling("2/2017", 610, "1/2017")]))
        .then_refused_by("V8", "REPORTS_NO_URGENT_DECISION")
        .given(minutes(611, &[], vec![]));
    let scenario = found_in_organization(
        scenario,
        "V8",
        &["Body 2 is to be told in its next meeting of the urgent decision 1/2017 on 2017-01-15."],
    );
    let told = minutes(SECOND, &["kari", "bo", "per"], vec![telling("1/2017", 610, "1/2017")]);
    found_in_organization(scenario.given(told), "V8", &[]);
}

#[test]
fn v8_what_was_treated_in_a_closed_meeting_or_urgently_is_read() {
    let closed = MeetingDecision {
        closed_by: "kommuneloven § 11-5".to_owned(),
        ..other("1/2017")
    };
    let scenario = meeting().given(minutes(
        FIRST,
        &["kari"],
        vec![closed, other("2/2017"), urgent("3/2017", None)],
    ));
    let organization = organization(&scenario);
    let read = |closed, urgent| {
        let decisions = domain::decisions_in(&organization, &organization.meetings[0], closed, urgent);
        let numbers = decisions.into_iter().map(|decision| decision.decision.unwrap().number);
        numbers.collect::<Vec<_>>()
    };
    assert_eq!(read(false, false), ["1/2017", "2/2017", "3/2017"]);
    assert_eq!(read(true, false), ["1/2017"]);
    assert_eq!(read(false, true), ["3/2017"]);
}

#[test]
fn v11_a_meeting_that_approved_or_corrected_minutes_is_neither_moved_nor_cancelled() {
    let cancel = |number| CancelMeeting {
        organization_id: ORGANIZATION.to_owned(),
        meeting_id: id(number),
        ..Default::default()
    };
    let minuted = || {
        meeting()
            .given(minutes(FIRST, &["kari"], vec![]))
            .because("Per was there, too.")
    };
    for treated in [
        minuted().given(approve_minutes(FIRST, SECOND)),
        minuted().given(correct(FIRST, SECOND, written(&["kari", "per"], vec![]))),
    ] {
        treated
            .when(move_to(SECOND, "2017-02-08"))
            .then_refused_by("V11", "MEETING_HELD")
            .when(cancel(SECOND))
            .then_refused_by("V11", "MEETING_HELD")
            .when(cancel(THIRD))
            .then_accepted();
    }
}
