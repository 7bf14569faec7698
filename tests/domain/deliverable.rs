//! Proves the rules of deliverables and handovers: L1, L2, and what F3 and J2 ask of them.

use vedtak::domain::{Kind, handover_reading};
use vedtak::schema::Validate;
use vedtak::schema::v1::*;

use super::organization::{REGION, register_region};
use super::phase::{complete, evaluate, phase, started};
use super::project::{approve_closing, approve_point, close, governed, plan_point};
use super::risk::project;
use super::role::project_of_a_municipality;
use super::scenario::{ORGANIZATION, PROJECT, Scenario, id};

/// Defines a deliverable under `id(number)`, due on 2017-06-01.
pub fn define(number: u32) -> DefineDeliverable {
    DefineDeliverable {
        project_id: PROJECT.to_owned(),
        deliverable_id: id(number),
        name: format!("Archive {number}"),
        description: "Every case can be found again.".to_owned(),
        due: Some("2017-06-01".to_owned()),
        ..Default::default()
    }
}

fn of_phase(number: u32, command: DefineDeliverable) -> DefineDeliverable {
    let phase_id = Some(phase(number));
    DefineDeliverable { phase_id, ..command }
}

pub fn deliver(number: u32) -> Deliver {
    Deliver {
        project_id: PROJECT.to_owned(),
        deliverable_id: id(number),
        note: "Installed on the test server.".to_owned(),
        ..Default::default()
    }
}

pub fn accept(number: u32) -> AcceptDeliverable {
    AcceptDeliverable {
        project_id: PROJECT.to_owned(),
        deliverable_id: id(number),
        ..Default::default()
    }
}

fn reject(number: u32) -> RejectDeliverable {
    RejectDeliverable {
        project_id: PROJECT.to_owned(),
        deliverable_id: id(number),
        faults: "Nothing is found again.".to_owned(),
        ..Default::default()
    }
}

fn drop_it(number: u32) -> DropDeliverable {
    DropDeliverable {
        project_id: PROJECT.to_owned(),
        deliverable_id: id(number),
        ..Default::default()
    }
}

/// Names an organisation by its number, and by its id when that is given.
fn named(number: &str, name: &str, id: Option<&str>) -> OrganizationReference {
    OrganizationReference {
        organization_number: number.to_owned(),
        name: name.to_owned(),
        organization_id: id.map(str::to_owned),
    }
}

fn nordre_land() -> OrganizationReference {
    named("999000207", "Nordre Land", Some(ORGANIZATION))
}

/// A municipality that is not registered here.
fn neighbour() -> OrganizationReference {
    named("974760673", "The neighbour", None)
}

/// Hands the deliverable under `id(number)` over to the archive unit, under `id(handover)`.
fn hand_over(number: u32, handover: u32, host: OrganizationReference) -> HandOver {
    HandOver {
        project_id: PROJECT.to_owned(),
        deliverable_id: id(number),
        handover_id: id(handover),
        receiving_line_organization: "Archive unit".to_owned(),
        host_municipality: Some(host),
        ..Default::default()
    }
}

fn take_part(number: u32, participants: &[OrganizationReference]) -> ChangeParticipants {
    ChangeParticipants {
        project_id: PROJECT.to_owned(),
        deliverable_id: id(number),
        participants: participants.to_vec(),
        ..Default::default()
    }
}

/// A project of a municipality with a deliverable under `id(1)` that was accepted on 2017-05-10.
fn accepted() -> Scenario {
    project_of_a_municipality()
        .given(define(1))
        .on("2017-05-01")
        .given(deliver(1))
        .on("2017-05-10")
        .given(accept(1))
}

#[test]
fn l1_a_deliverable_is_accepted_before_it_is_handed_over() {
    project_of_a_municipality()
        .given(define(1))
        .when(hand_over(1, 10, nordre_land()))
        .then_refused_by("L1", "NOT_ACCEPTED")
        .on("2017-05-01")
        .given(deliver(1))
        .when(hand_over(1, 10, nordre_land()))
        .then_refused_by("L1", "NOT_ACCEPTED")
        .on("2017-05-10")
        .given(accept(1))
        .effective("2017-05-09")
        .when(hand_over(1, 10, nordre_land()))
        .then_refused_by("L1", "NOT_ACCEPTED")
        .effective("2017-05-10")
        .when(hand_over(1, 10, nordre_land()))
        .then_accepted()
        .when(hand_over(1, 10, nordre_land()))
        .then_unchanged()
        .when(hand_over(1, 10, neighbour()))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(hand_over(2, 11, nordre_land()))
        .then_refused(Kind::NotFound, "NOT_FOUND");
}

#[test]
fn l1_a_handover_names_the_receiving_line_organisation_and_the_host() {
    let nameless = HandOver {
        receiving_line_organization: String::new(),
        host_municipality: None,
        ..hand_over(1, 10, nordre_land())
    };
    let mut violations = Vec::new();
    nameless.validate(&vedtak::schema::At::Root, &mut violations);
    let fields: Vec<&str> = violations.iter().map(|violation| violation.field.as_str()).collect();
    assert!(fields.contains(&"receiving_line_organization") && fields.contains(&"host_municipality"));
}

#[test]
fn l1_the_host_is_a_municipality_that_is_what_it_is_said_to_be() {
    let region = named("999000304", "The region", Some(REGION));
    accepted()
        .given(register_region())
        .when(hand_over(1, 10, region))
        .then_refused_by("L1", "HOST_NOT_A_MUNICIPALITY")
        .when(hand_over(1, 10, named("974760673", "Nordre Land", Some(ORGANIZATION))))
        .then_refused(Kind::InvalidArgument, "ORGANIZATION_NUMBER_DIFFERS")
        .when(hand_over(1, 10, named("974760674", "The neighbour", None)))
        .then_refused(Kind::InvalidArgument, "ORGANIZATION_NUMBER_INVALID")
        .when(hand_over(1, 10, named("974760673", "The neighbour", Some(&id(99)))))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(hand_over(1, 10, neighbour()))
        .then_accepted();
}

#[test]
fn l2_several_handovers_and_the_part_of_each_municipality_are_read() {
    let scenario = accepted()
        .given(define(2))
        .given(define(3))
        .given(define(4))
        .given(take_part(1, &[nordre_land(), neighbour()]))
        .given(take_part(2, &[neighbour()]))
        .given(take_part(3, &[neighbour()]))
        .given(hand_over(1, 10, neighbour()))
        .given(hand_over(1, 11, neighbour()))
        .given(deliver(2))
        .given(accept(2))
        .given(deliver(4))
        .given(accept(4))
        .because("Bought by the region")
        .given(drop_it(3))
        .on("2017-06-01")
        .effective("2017-05-20")
        .given(hand_over(2, 12, nordre_land()));
    let reading = handover_reading(&scenario.project());
    let handed: Vec<_> = reading
        .handovers
        .iter()
        .map(|handed| {
            let handover = handed.handover.as_ref().unwrap();
            (
                handed.name.as_str(),
                handover.handover_id.clone(),
                handover.handed_over.as_str(),
            )
        })
        .collect();
    assert_eq!(
        handed,
        [
            ("Archive 1", id(10), "2017-05-10"),
            ("Archive 1", id(11), "2017-05-10"),
            ("Archive 2", id(12), "2017-05-20")
        ]
    );
    assert_eq!(reading.awaiting_deliverable_ids, [id(4)]);
    let parts: Vec<_> = reading
        .municipalities
        .iter()
        .map(|part| {
            let name = part.municipality.as_ref().unwrap().name.as_str();
            (
                name,
                part.participates_in_deliverable_ids.clone(),
                part.hosts_deliverable_ids.clone(),
            )
        })
        .collect();
    assert_eq!(
        parts,
        [
            ("The neighbour", vec![id(1), id(2)], vec![id(1)]),
            ("Nordre Land", vec![id(1)], vec![id(2)])
        ]
    );
}

#[test]
fn l2_participants_are_named_as_a_whole_and_each_once() {
    accepted()
        .when(take_part(1, &[neighbour(), nordre_land(), neighbour()]))
        .then_refused(Kind::InvalidArgument, "PARTICIPANT_REPEATED")
        .when(take_part(1, &[named("974760674", "Nobody", None)]))
        .then_refused(Kind::InvalidArgument, "ORGANIZATION_NUMBER_INVALID")
        .given(take_part(1, &[neighbour(), nordre_land()]))
        .when(take_part(1, &[neighbour(), nordre_land()]))
        .then_unchanged()
        .given(take_part(1, &[nordre_land()]))
        .then_project(|project| assert_eq!(project.deliverables[0].participants, [nordre_land()]));
}

#[test]
fn f3_a_phase_is_completed_when_all_its_deliverables_are_accepted_or_dropped() {
    started(1)
        .given(of_phase(1, define(1)))
        .given(of_phase(1, define(2)))
        .given(define(3))
        .given(evaluate(1))
        .when(complete(1))
        .then_refused_by("F3", "DELIVERABLE_NOT_ACCEPTED")
        .then_says("2 deliverable(s)")
        .given(deliver(1))
        .when(complete(1))
        .then_refused_by("F3", "DELIVERABLE_NOT_ACCEPTED")
        .on("2017-02-01")
        .given(accept(1))
        .because("Bought by the region")
        .given(drop_it(2))
        .effective("2017-01-31")
        .when(complete(1))
        .then_refused_by("F3", "DELIVERABLE_NOT_ACCEPTED")
        .effective("2017-02-01")
        .when(complete(1))
        .then_accepted()
        .when(of_phase(1, define(4)))
        .then_refused(Kind::FailedPrecondition, "PHASE_OVER")
        .when(of_phase(9, define(4)))
        .then_refused(Kind::NotFound, "NOT_FOUND");
}

#[test]
fn j2_a_project_is_closed_when_every_deliverable_is_accepted_or_dropped() {
    governed()
        .given(plan_point(50, DecisionPointKind::ProjectClosing, true))
        .given(define(1))
        .given(define(2))
        .by("owner")
        .given(approve_closing())
        .by("ola")
        .given(approve_point(50))
        .given(deliver(1))
        .given(accept(1))
        .when(close(50))
        .then_refused_by("J2", "DELIVERABLE_NOT_ACCEPTED")
        .then_says("Archive 2")
        .because("Bought by the region")
        .given(drop_it(2))
        .given(super::report::submit_final(90))
        .when(close(50))
        .then_accepted();
}

#[test]
fn what_is_rejected_is_delivered_again_and_both_deliveries_are_kept() {
    project()
        .given(define(1))
        .when(accept(1))
        .then_refused(Kind::FailedPrecondition, "NOT_DELIVERED")
        .when(reject(1))
        .then_refused(Kind::FailedPrecondition, "NOT_DELIVERED")
        .on("2017-05-01")
        .given(deliver(1))
        .when(deliver(1))
        .then_unchanged()
        .on("2017-05-10")
        .when(deliver(1))
        .then_refused(Kind::FailedPrecondition, "DELIVERED_ALREADY")
        .effective("2017-04-30")
        .when(reject(1))
        .then_refused(Kind::FailedPrecondition, "NOT_DELIVERED")
        .effective("2017-05-10")
        .given(reject(1))
        .when(reject(1))
        .then_unchanged()
        .when(accept(1))
        .then_refused(Kind::FailedPrecondition, "NOT_DELIVERED")
        .effective("2017-05-09")
        .when(deliver(1))
        .then_refused(Kind::InvalidArgument, "DELIVERED_BEFORE_REJECTION")
        .on("2017-05-20")
        .given(deliver(1))
        .given(accept(1))
        .when(accept(1))
        .then_unchanged()
        .then_project(|project| {
            let deliverable = &project.deliverables[0];
            assert_eq!(deliverable.status(), DeliverableStatus::Accepted);
            assert_eq!(
                (deliverable.accepted.as_deref(), deliverable.accepted_by.as_str()),
                (Some("2017-05-20"), "kari")
            );
            let deliveries: Vec<_> = deliverable
                .deliveries
                .iter()
                .map(|delivery| {
                    (
                        delivery.delivered.as_str(),
                        delivery.rejected.as_deref(),
                        delivery.faults.as_str(),
                    )
                })
                .collect();
            assert_eq!(
                deliveries,
                [
                    ("2017-05-01", Some("2017-05-10"), "Nothing is found again."),
                    ("2017-05-20", None, "")
                ]
            );
        });
}

#[test]
fn a_deliverable_is_dropped_for_a_reason_and_then_stays_so() {
    project()
        .given(define(1))
        .when(define(1))
        .then_unchanged()
        .when(DefineDeliverable { due: None, ..define(1) })
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(drop_it(1))
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("Bought by the region")
        .given(drop_it(1))
        .when(drop_it(1))
        .then_unchanged()
        .when(deliver(1))
        .then_refused(Kind::FailedPrecondition, "DELIVERABLE_DROPPED")
        .when(take_part(1, &[]))
        .then_refused(Kind::FailedPrecondition, "DELIVERABLE_DROPPED")
        .then_project(|project| assert_eq!(project.deliverables[0].drop_reason, "Bought by the region"));
    accepted()
        .because("Bought by the region")
        .when(drop_it(1))
        .then_refused(Kind::FailedPrecondition, "DELIVERABLE_ACCEPTED");
}

#[test]
fn a_deliverable_past_its_date_is_found_until_it_is_delivered() {
    project()
        .given(define(1))
        .on("2017-06-01")
        .then_found("DELIVERABLE_OVERDUE", 0)
        .on("2017-06-02")
        .then_found("DELIVERABLE_OVERDUE", 1)
        .given(deliver(1))
        .then_found("DELIVERABLE_OVERDUE", 0)
        .given(reject(1))
        .then_found("DELIVERABLE_OVERDUE", 1);
}
