//! Proves what bodies decide in their meetings: V8, V10, V11.

use vedtak::domain::{self, Kind, State, Stream};
use vedtak::schema::v1::authority_ground::Ground;
use vedtak::schema::v1::*;

use super::decision_point::{approve, plan, project_with_council};
use super::organization::establish;
use super::scenario::{ORGANIZATION, PROJECT, Scenario, id};

/// The council of `project_with_council`, whose member is `kari`, and its meetings.
pub const COUNCIL: u32 = 2;
pub const FIRST: u32 = 600;
pub const SECOND: u32 = 601;
pub const THIRD: u32 = 602;

pub fn schedule(number: u32, body: u32, date: &str, follows: Option<u32>) -> ScheduleMeeting {
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

pub fn written(present: &[&str], decisions: Vec<MeetingDecision>) -> Option<MeetingMinutes> {
    Some(MeetingMinutes {
        present: present.iter().map(|subject| (*subject).to_owned()).collect(),
        decisions,
        ..Default::default()
    })
}

pub fn minutes(number: u32, present: &[&str], decisions: Vec<MeetingDecision>) -> RecordMinutes {
    RecordMinutes {
        organization_id: ORGANIZATION.to_owned(),
        meeting_id: id(number),
        minutes: written(present, decisions),
        ..Default::default()
    }
}

/// A case that treats the decision point `id(1)` with this outcome.
pub fn case(number: &str, outcome: MatterOutcome) -> MeetingDecision {
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
pub fn other(number: &str) -> MeetingDecision {
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

pub fn correct(number: u32, in_meeting: u32, minutes: Option<MeetingMinutes>) -> CorrectMinutes {
    CorrectMinutes {
        organization_id: ORGANIZATION.to_owned(),
        meeting_id: id(number),
        in_meeting_id: id(in_meeting),
        minutes,
        ..Default::default()
    }
}

/// The council with a meeting on the first of January, February and March, on the second of March.
pub fn meeting() -> Scenario {
    project_with_council()
        .given(plan(1))
        .on("2017-03-02")
        .given(schedule(FIRST, COUNCIL, "2017-01-01", None))
        .given(schedule(SECOND, COUNCIL, "2017-02-01", Some(FIRST)))
        .given(schedule(THIRD, COUNCIL, "2017-03-01", Some(SECOND)))
}

pub fn organization(scenario: &Scenario) -> Organization {
    match &*scenario.state(&Stream::organization(ORGANIZATION)) {
        State::Organization(organization) => organization.clone(),
        other => panic!("{other:?} is no organisation"),
    }
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

/// An urgent decision, in place of another body when one is named.
pub fn urgent(number: &str, in_place_of: Option<u32>) -> MeetingDecision {
    MeetingDecision {
        urgent: true,
        urgent_for_body_id: in_place_of.map(id),
        ..other(number)
    }
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
