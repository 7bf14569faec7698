//! Proves that an undecided point can get another decider, so that none is stuck with a body that is gone.

use vedtak::domain::Kind;
use vedtak::schema::v1::decider::Decider::{Body, Role};
use vedtak::schema::v1::*;

use super::decision_point::{approve, decided_by, mandatory, plan, project_with_council, reject, withdraw};
use super::organization::{appoint, body, establish, terms};
use super::role::assign;
use super::scenario::{ORGANIZATION, PROJECT, Scenario, id};

/// The bodies that decide, and the one that advises, of `project_with_council`; and a board that comes after the council.
const COUNCIL: u32 = 2;
const ADVISORY: u32 = 3;
const BOARD: u32 = 20;

fn reassign(number: u32, decider: decider::Decider) -> ReassignDecider {
    ReassignDecider {
        project_id: PROJECT.to_owned(),
        decision_point_id: id(number),
        decider: decided_by(decider),
        ..Default::default()
    }
}

/// A mandatory point planned for 2017-03-15, whose council is dissolved by then; `eva` sits in the board that comes after it.
fn stuck() -> Scenario {
    project_with_council()
        .given(mandatory(plan(1)))
        .given(DissolveBody {
            organization_id: ORGANIZATION.to_owned(),
            body_id: id(COUNCIL),
            dissolved: "2017-02-28".to_owned(),
            ..Default::default()
        })
        .given(EstablishBody {
            established: "2017-04-01".to_owned(),
            ..establish(BOARD, BodyKind::ExecutiveBoard, true)
        })
        .given(appoint(
            21,
            AppointmentTerms {
                from: "2017-04-01".to_owned(),
                ..terms(BOARD, "eva", AppointmentFunction::Leader)
            },
        ))
        .on("2017-05-01")
}

#[test]
fn a_mandatory_point_whose_body_is_dissolved_is_decided_by_another_one() {
    stuck()
        .when(approve(1))
        .then_refused_by("B2", "NOT_THE_DECIDER")
        .when(withdraw(1))
        .then_refused_by("B3", "DECISION_POINT_MANDATORY")
        .because("The board has taken over from the council.")
        .given(reassign(1, Body(body(BOARD))))
        .when(approve(1))
        .then_refused(Kind::PermissionDenied, "NOT_THE_DECIDER")
        .by("eva")
        .when(approve(1))
        .then_accepted();
}

#[test]
fn the_earlier_deciders_stay_readable_with_the_reason() {
    stuck()
        .because("The board has taken over from the council.")
        .given(reassign(1, Body(body(BOARD))))
        .when(reassign(1, Body(body(BOARD))))
        .then_unchanged()
        .given(reassign(1, Role(ProjectRole::Owner.into())))
        .then_project(|project| {
            let point = &project.decision_points[0];
            let [first, second] = point.reassignments.as_slice() else {
                panic!("two reassignments")
            };
            assert_eq!(first.from, decided_by(Body(body(COUNCIL))));
            assert_eq!((&first.to, &second.to), (&second.from, &point.decider));
            assert_eq!(first.reason, "The board has taken over from the council.");
            assert_eq!(first.reassigned, "2017-05-01");
        })
        .when(mandatory(plan(1)))
        .then_unchanged();
}

#[test]
fn a_decider_is_replaced_for_a_reason_by_one_that_exists_and_decides() {
    stuck()
        .when(reassign(1, Body(body(BOARD))))
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because(" ")
        .when(reassign(1, Body(body(BOARD))))
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("The council is gone.")
        .when(ReassignDecider {
            decider: Some(Decider::default()),
            ..reassign(1, Body(body(BOARD)))
        })
        .then_refused(Kind::InvalidArgument, "DECIDER_REQUIRED")
        .when(reassign(1, Body(body(ADVISORY))))
        .then_refused_by("O1", "BODY_ADVISES")
        .when(reassign(1, Body(body(99))))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(reassign(9, Body(body(BOARD))))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .effective("2017-03-20")
        .when(reassign(1, Body(body(BOARD))))
        .then_refused(Kind::FailedPrecondition, "BODY_NOT_ESTABLISHED");
}

#[test]
fn b7_a_decided_or_withdrawn_point_keeps_its_decider() {
    project_with_council()
        .given(assign(10, ProjectRole::Owner, "eva"))
        .given(plan(1))
        .given(plan(2))
        .given(reject(1))
        .given(withdraw(2))
        .because("The owner wants to decide.")
        .when(reassign(1, Role(ProjectRole::Owner.into())))
        .then_refused_by("B7", "DECIDED_ALREADY")
        .when(reassign(2, Role(ProjectRole::Owner.into())))
        .then_refused(Kind::FailedPrecondition, "DECISION_POINT_WITHDRAWN");
}
