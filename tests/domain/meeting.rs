//! Proves the rules of meetings and minutes: O3 and O5, and who sat in a body, O4.

use std::collections::HashMap;

use vedtak::domain::{self, Facts, Kind, Stream};
use vedtak::schema::v1::*;

use super::decision_point::{plan as plan_decision_point, project_with_council};
use super::organization::{REGION, body, establish, municipality, register_region, terms};
use super::report::submit_final;
use super::scenario::{ORGANIZATION, PROJECT, Scenario, id};

const EVERY_14_DAYS: MeetingRecurrence = MeetingRecurrence {
    every: 14,
    unit: RecurrenceUnit::Days as i32,
};

fn plan(date: &str) -> MeetingPlan {
    MeetingPlan {
        body_id: id(1),
        name: "Steering group".to_owned(),
        date: date.to_owned(),
        ..Default::default()
    }
}

fn schedule(number: u32, plan: MeetingPlan) -> ScheduleMeeting {
    ScheduleMeeting {
        organization_id: ORGANIZATION.to_owned(),
        meeting_id: id(number),
        plan: Some(plan),
        ..Default::default()
    }
}

/// A meeting that another is to follow after a time, itself perhaps following one.
fn recurring(number: u32, date: &str, recurrence: MeetingRecurrence, follows: Option<u32>) -> ScheduleMeeting {
    let plan = MeetingPlan {
        recurrence: Some(recurrence),
        follows_id: follows.map(id),
        ..plan(date)
    };
    schedule(number, plan)
}

fn minutes(number: u32, decisions: Vec<MeetingDecision>) -> RecordMinutes {
    RecordMinutes {
        organization_id: ORGANIZATION.to_owned(),
        meeting_id: id(number),
        minutes: Some(MeetingMinutes {
            present: vec!["kari".to_owned()],
            decisions,
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn decision(treats: Vec<Matter>) -> MeetingDecision {
    MeetingDecision {
        number: "5/2017".to_owned(),
        text: "The project goes on.".to_owned(),
        treats,
        ..Default::default()
    }
}

fn matter(kind: MatterKind, stream_id: &str, number: u32) -> Matter {
    Matter {
        kind: kind.into(),
        stream_id: Some(stream_id.to_owned()),
        matter_id: Some(id(number)),
        ..Default::default()
    }
}

fn cancel(number: u32) -> CancelMeeting {
    CancelMeeting {
        organization_id: ORGANIZATION.to_owned(),
        meeting_id: id(number),
        ..Default::default()
    }
}

/// A municipality with the steering group `id(1)`.
fn steered() -> Scenario {
    municipality().given(establish(1, BodyKind::SteeringGroup, true))
}

/// Then the meetings that are overdue on a day are those of this many series.
#[track_caller]
fn overdue(scenario: Scenario, today: &str, times: usize) -> Scenario {
    scenario.then_organization(|organization| {
        let found = domain::organization_findings(organization, today);
        let found: Vec<_> = found.iter().filter(|found| found.code == "O5").collect();
        assert_eq!(found.len(), times, "on {today}: {found:?}");
    })
}

#[test]
fn o3_minutes_belong_to_a_meeting_that_has_been_held() {
    steered()
        .when(minutes(10, vec![]))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(schedule(10, plan("2017-01-10")))
        .when(minutes(10, vec![]))
        .then_refused_by("O3", "MEETING_NOT_HELD")
        .on("2017-01-12")
        .effective("2017-01-09")
        .when(minutes(10, vec![]))
        .then_refused_by("O3", "MEETING_NOT_HELD")
        .effective("2017-01-10")
        .when(minutes(10, vec![]))
        .then_accepted()
        .when(minutes(10, vec![]))
        .then_unchanged()
        .then_organization(|organization| assert_eq!(organization.meetings[0].status(), MeetingStatus::Held));
}

#[test]
fn o3_a_cancelled_meeting_has_no_minutes() {
    steered()
        .given(schedule(10, plan("2017-01-02")))
        .because("Too few can come.")
        .given(cancel(10))
        .when(cancel(10))
        .then_unchanged()
        .when(minutes(10, vec![]))
        .then_refused_by("O3", "MEETING_CANCELLED")
        .then_organization(|organization| {
            assert_eq!(organization.meetings[0].cancelled_because, "Too few can come.");
        });
}

#[test]
fn o3_a_decision_of_a_meeting_refers_to_what_it_treats() {
    let treating = |treats| minutes(10, vec![decision(treats)]);
    project_with_council()
        .given(establish(1, BodyKind::SteeringGroup, true))
        .given(schedule(10, plan("2017-01-02")))
        .when(treating(vec![]))
        .then_refused_by("O3", "DECISION_TREATS_NOTHING")
        .when(treating(vec![matter(MatterKind::DecisionPoint, &id(99), 1)]))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(treating(vec![matter(MatterKind::DecisionPoint, PROJECT, 1)]))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(treating(vec![matter(MatterKind::Proposal, &id(99), 1)]))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(treating(vec![matter(MatterKind::Report, PROJECT, 50)]))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(submit_final(50))
        .when(treating(vec![matter(MatterKind::Report, PROJECT, 51)]))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(plan_decision_point(1))
        .when(treating(vec![
            matter(MatterKind::DecisionPoint, PROJECT, 1),
            matter(MatterKind::Report, PROJECT, 50),
        ]))
        .then_accepted();
}

#[test]
fn minutes_are_recorded_once_and_a_meeting_that_was_held_is_not_cancelled() {
    steered()
        .given(schedule(10, plan("2017-01-02")))
        .given(minutes(10, vec![]))
        .when(RecordMinutes {
            minutes: Some(MeetingMinutes::default()),
            ..minutes(10, vec![])
        })
        .then_refused(Kind::FailedPrecondition, "MINUTES_RECORDED")
        .when(cancel(10))
        .then_refused(Kind::FailedPrecondition, "MEETING_HELD")
        .when(cancel(11))
        .then_refused(Kind::NotFound, "NOT_FOUND");
}

#[test]
fn a_meeting_is_one_of_a_body_that_exists_on_its_day() {
    municipality()
        .when(schedule(10, plan("2017-01-10")))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(establish(1, BodyKind::SteeringGroup, true))
        .when(schedule(10, plan("2015-12-31")))
        .then_refused(Kind::FailedPrecondition, "BODY_NOT_ESTABLISHED")
        .given(schedule(10, plan("2017-01-10")))
        .when(schedule(10, plan("2017-01-10")))
        .then_unchanged()
        .when(schedule(10, plan("2017-01-11")))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS");
}

#[test]
fn a_series_goes_forwards_in_one_body() {
    let in_body = |number, body: u32, date: &str| {
        let plan = MeetingPlan {
            body_id: id(body),
            follows_id: Some(id(10)),
            ..plan(date)
        };
        schedule(number, plan)
    };
    steered()
        .given(establish(2, BodyKind::ReferenceGroup, false))
        .when(in_body(11, 1, "2017-01-24"))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(recurring(10, "2017-01-10", EVERY_14_DAYS, None))
        .when(in_body(11, 2, "2017-01-24"))
        .then_refused(Kind::FailedPrecondition, "SERIES_OF_ANOTHER_BODY")
        .when(in_body(11, 1, "2017-01-10"))
        .then_refused(Kind::InvalidArgument, "SERIES_GOES_BACK")
        .when(in_body(11, 1, "2017-01-24"))
        .then_accepted()
        .then_organization(|organization| assert_eq!(organization.meetings[1].series_id, id(10)));
}

#[test]
fn o5_a_recurring_meeting_is_overdue_until_minutes_say_that_it_was_held() {
    let scenario = steered().given(recurring(10, "2017-01-02", EVERY_14_DAYS, None));
    let scenario = overdue(scenario, "2017-01-02", 0);
    let scenario = overdue(scenario, "2017-01-03", 1).given(minutes(10, vec![]));
    let scenario = overdue(scenario, "2017-01-16", 0);
    let scenario = overdue(scenario, "2017-01-17", 1).given(recurring(11, "2017-01-18", EVERY_14_DAYS, Some(10)));
    let scenario = overdue(scenario, "2017-01-18", 0);
    let scenario = overdue(scenario, "2017-01-19", 1).given(cancel(11));
    overdue(scenario, "2017-01-17", 1).then_organization(|organization| {
        let found = domain::organization_findings(organization, "2017-01-17");
        assert_eq!(
            found[0].description,
            "Body 1 was to meet by 2017-01-16, and no minutes say that it has."
        );
    });
}

#[test]
fn o5_a_meeting_recurs_by_days_weeks_months_and_years() {
    for (every, unit, first, next) in [
        (14, RecurrenceUnit::Days, "2016-12-20", "2017-01-03"),
        (3, RecurrenceUnit::Weeks, "2016-12-20", "2017-01-10"),
        (1, RecurrenceUnit::Months, "2016-12-31", "2017-01-31"),
        (3, RecurrenceUnit::Months, "2016-11-30", "2017-02-28"),
        (1, RecurrenceUnit::Years, "2016-02-29", "2017-02-28"),
        (1, RecurrenceUnit::Years, "2016-12-31", "2017-12-31"),
    ] {
        let recurrence = MeetingRecurrence {
            every,
            unit: unit.into(),
        };
        let scenario = steered()
            .given(recurring(10, first, recurrence, None))
            .given(minutes(10, vec![]));
        let scenario = overdue(scenario, next, 0);
        overdue(scenario, "2018-01-01", 1);
    }
}

#[test]
fn o5_a_meeting_that_does_not_recur_and_a_body_that_is_dissolved_are_never_overdue() {
    let dissolve = DissolveBody {
        organization_id: ORGANIZATION.to_owned(),
        body_id: id(1),
        dissolved: "2017-01-10".to_owned(),
        ..Default::default()
    };
    let scenario = overdue(steered().given(schedule(10, plan("2017-01-02"))), "2017-06-01", 0);
    let scenario = scenario
        .given(recurring(11, "2017-01-02", EVERY_14_DAYS, None))
        .given(minutes(11, vec![]));
    let scenario = overdue(scenario, "2017-06-01", 1).given(dissolve);
    overdue(scenario, "2017-06-01", 0);
}

#[test]
fn o5_a_date_at_the_end_of_time_is_never_overdue() {
    let scenario = steered().given(recurring(10, "2199-12-31", EVERY_14_DAYS, None));
    let scenario = overdue(scenario, "2017-06-01", 0)
        .on("2199-12-31")
        .given(minutes(10, vec![]));
    overdue(scenario, "2199-12-31", 0);
}

#[test]
fn o4_who_sits_in_a_body_is_read_through_the_standing_bodies_of_other_organisations() {
    let in_region = |terms: AppointmentTerms| AppointMember {
        organization_id: REGION.to_owned(),
        appointment_id: id(20),
        terms: Some(AppointmentTerms {
            representing: Some(OrganizationReference {
                organization_number: "999000207".to_owned(),
                name: "Nordre Land".to_owned(),
                organization_id: Some(ORGANIZATION.to_owned()),
            }),
            ..terms
        }),
        ..Default::default()
    };
    let scenario = municipality()
        .given(register_region())
        .given(EstablishBody {
            organization_id: REGION.to_owned(),
            ..establish(1, BodyKind::Committee, true)
        })
        .given(EstablishBody {
            composed_of: Some(BodyReference {
                organization_id: REGION.to_owned(),
                body_id: id(1),
            }),
            ..establish(2, BodyKind::SteeringGroup, true)
        })
        .given(in_region(terms(1, "kari", AppointmentFunction::Leader)))
        .given(AppointMember {
            organization_id: ORGANIZATION.to_owned(),
            appointment_id: id(21),
            terms: Some(terms(2, "ola", AppointmentFunction::Observer)),
            ..Default::default()
        });
    let known: HashMap<_, _> = [ORGANIZATION, REGION]
        .map(|id| (Stream::organization(id), scenario.state(&Stream::organization(id))))
        .into();
    let facts = Facts::new(&known);
    let composition = domain::body_composition(&body(2), &facts, "2017-01-01").unwrap();
    let seats: Vec<(&str, &str, &str)> = composition
        .seats
        .iter()
        .map(|seat| {
            let terms = seat.terms.as_ref().unwrap();
            let representing = terms.representing.as_ref().map_or("", |reference| &reference.name);
            (terms.subject.as_str(), representing, terms.appointed_by.as_str())
        })
        .collect();
    assert_eq!(
        seats,
        [
            ("ola", "", "Municipal council"),
            ("kari", "Nordre Land", "Municipal council")
        ]
    );
    assert!(
        domain::body_composition(&body(2), &facts, "2015-12-31")
            .unwrap()
            .seats
            .is_empty()
    );
    assert!(domain::body_composition(&body(9), &facts, "2017-01-01").is_none());
}
