//! Proves the rules of decision points: B1 to B8 and O1, and what is found among them.

use vedtak::domain::{Kind, condition_reading};
use vedtak::schema::v1::*;

use super::budget;
use super::document::{draft, file, revise};
use super::organization::{REGION, appoint, body, establish, register_region, terms};
use super::role::{assign, assign_to, project_of_a_municipality};
use super::scenario::{ORGANIZATION, PROJECT, Scenario, id};

/// The council decides; kari is a member of it. The advisory group advises.
const COUNCIL: u32 = 2;
const ADVISORY: u32 = 3;

/// A project, a council that decides (with kari as a member) and a group that advises.
pub fn project_with_council() -> Scenario {
    project_of_a_municipality()
        .given(establish(COUNCIL, BodyKind::MunicipalCouncil, true))
        .given(establish(ADVISORY, BodyKind::ReferenceGroup, false))
        .given(appoint(1, terms(COUNCIL, "kari", AppointmentFunction::Member)))
        .given(appoint(2, terms(ADVISORY, "ola", AppointmentFunction::Leader)))
}

pub fn decided_by(decider: decider::Decider) -> Option<Decider> {
    Some(Decider { decider: Some(decider) })
}

/// Plans a point under `id(number)`, decided by the council on 2017-03-15.
pub fn plan(number: u32) -> PlanDecisionPoint {
    PlanDecisionPoint {
        project_id: PROJECT.to_owned(),
        decision_point_id: id(number),
        number: format!("BP{number}"),
        name: "Project plan approved".to_owned(),
        date: "2017-03-15".to_owned(),
        kind: DecisionPointKind::PhaseGate.into(),
        decider: decided_by(decider::Decider::Body(body(COUNCIL))),
        ..Default::default()
    }
}

fn advised(command: PlanDecisionPoint) -> PlanDecisionPoint {
    let advising_bodies = vec![body(ADVISORY)];
    PlanDecisionPoint {
        advising_bodies,
        ..command
    }
}

pub fn mandatory(command: PlanDecisionPoint) -> PlanDecisionPoint {
    PlanDecisionPoint {
        mandatory: true,
        ..command
    }
}

fn superseding(number: u32, command: PlanDecisionPoint) -> PlanDecisionPoint {
    let supersedes_id = Some(id(number));
    PlanDecisionPoint {
        supersedes_id,
        ..command
    }
}

pub fn approve(number: u32) -> ApproveDecisionPoint {
    ApproveDecisionPoint {
        project_id: PROJECT.to_owned(),
        decision_point_id: id(number),
        ..Default::default()
    }
}

pub fn reject(number: u32) -> RejectDecisionPoint {
    RejectDecisionPoint {
        project_id: PROJECT.to_owned(),
        decision_point_id: id(number),
        ..Default::default()
    }
}

fn defer(number: u32, date: &str) -> DeferDecisionPoint {
    let (project_id, date) = (PROJECT.to_owned(), date.to_owned());
    DeferDecisionPoint {
        project_id,
        decision_point_id: id(number),
        date,
        ..Default::default()
    }
}

fn send_back(number: u32) -> ReturnForRework {
    let request = "Weigh a cheaper option.".to_owned();
    ReturnForRework {
        project_id: PROJECT.to_owned(),
        decision_point_id: id(number),
        request,
        ..Default::default()
    }
}

pub fn withdraw(number: u32) -> WithdrawDecisionPoint {
    WithdrawDecisionPoint {
        project_id: PROJECT.to_owned(),
        decision_point_id: id(number),
        ..Default::default()
    }
}

fn reschedule(number: u32, date: &str) -> RescheduleDecisionPoint {
    let (project_id, date) = (PROJECT.to_owned(), date.to_owned());
    RescheduleDecisionPoint {
        project_id,
        decision_point_id: id(number),
        date,
        ..Default::default()
    }
}

pub fn attach(number: u32, documents: Vec<DocumentReference>, options: &[u32]) -> AttachBasis {
    let option = |number: &u32| DecisionOption {
        option_id: id(*number),
        title: format!("Supplier {number}"),
        description: String::new(),
    };
    AttachBasis {
        project_id: PROJECT.to_owned(),
        decision_point_id: id(number),
        documents,
        options: options.iter().map(option).collect(),
        ..Default::default()
    }
}

fn recommend(number: u32, advice: Advice, option: Option<u32>) -> RecordRecommendation {
    RecordRecommendation {
        project_id: PROJECT.to_owned(),
        decision_point_id: id(number),
        body: Some(body(ADVISORY)),
        advice: advice.into(),
        option_id: option.map(id),
        ..Default::default()
    }
}

fn condition(number: u32, due: &str) -> Condition {
    Condition {
        condition_id: id(number),
        text: "The operating costs are covered.".to_owned(),
        due: due.to_owned(),
        owner: Some(condition::Owner::Role(ProjectRole::Leader.into())),
    }
}

fn on_conditions(conditions: Vec<Condition>) -> ApproveDecisionPoint {
    ApproveDecisionPoint {
        conditions,
        ..approve(1)
    }
}

fn fulfil(number: u32) -> FulfilCondition {
    FulfilCondition {
        project_id: PROJECT.to_owned(),
        decision_point_id: id(1),
        condition_id: id(number),
        note: "In the budget for 2018.".to_owned(),
        ..Default::default()
    }
}

#[test]
fn b1_a_decision_waits_for_the_body_that_advises() {
    project_with_council()
        .given(advised(plan(1)))
        .on("2017-03-10")
        .when(approve(1))
        .then_refused_by("B1", "RECOMMENDATION_MISSING")
        .when(reject(1))
        .then_refused_by("B1", "RECOMMENDATION_MISSING")
        .given(recommend(1, Advice::Approve, None))
        .effective("2017-03-09")
        .when(approve(1))
        .then_refused_by("B1", "RECOMMENDATION_MISSING")
        .effective("2017-03-10")
        .when(approve(1))
        .then_accepted();
}

#[test]
fn b1_a_decision_without_the_recommendation_says_why() {
    let because = "The group could not meet before the deadline.".to_owned();
    let without = ApproveDecisionPoint {
        without_recommendation_because: because.clone(),
        ..approve(1)
    };
    project_with_council()
        .given(advised(plan(1)))
        .when(without)
        .then_accepted()
        .then_project(|project| {
            assert_eq!(project.decision_points[0].without_recommendation_because, because);
        });
    let without = RejectDecisionPoint {
        without_recommendation_because: because.clone(),
        ..reject(1)
    };
    project_with_council()
        .given(advised(plan(1)))
        .when(without.clone())
        .then_accepted()
        .when(without)
        .then_unchanged();
}

#[test]
fn b1_after_rework_the_body_recommends_anew() {
    project_with_council()
        .given(advised(plan(1)))
        .given(recommend(1, Advice::Wait, None))
        .when(send_back(1))
        .then_accepted()
        .when(send_back(1))
        .then_unchanged()
        .when(approve(1))
        .then_refused_by("B1", "RECOMMENDATION_MISSING")
        .given(recommend(1, Advice::Approve, None))
        .when(recommend(1, Advice::Approve, None))
        .then_unchanged()
        .when(approve(1))
        .then_accepted();
}

#[test]
fn b1_only_a_body_that_advises_on_the_point_recommends() {
    let council = RecordRecommendation {
        body: Some(body(COUNCIL)),
        ..recommend(1, Advice::Approve, None)
    };
    project_with_council()
        .given(advised(plan(1)))
        .when(council)
        .then_refused(Kind::InvalidArgument, "BODY_DOES_NOT_ADVISE");
}

#[test]
fn b2_only_the_named_body_decides() {
    let strangers = project_with_council().given(plan(1)).by("ola");
    let strangers = strangers
        .when(approve(1))
        .then_refused(Kind::PermissionDenied, "NOT_THE_DECIDER");
    let strangers = strangers
        .when(reject(1))
        .then_refused(Kind::PermissionDenied, "NOT_THE_DECIDER");
    let strangers = strangers
        .when(defer(1, "2017-06-01"))
        .then_refused(Kind::PermissionDenied, "NOT_THE_DECIDER");
    let strangers = strangers
        .when(send_back(1))
        .then_refused(Kind::PermissionDenied, "NOT_THE_DECIDER");
    strangers
        .by("kari")
        .when(approve(1))
        .then_accepted()
        .then_project(|project| {
            assert_eq!(project.decision_points[0].decided_by, "kari");
            assert_eq!(project.decision_points[0].decided.as_deref(), Some("2017-01-02"));
        });
}

#[test]
fn b2_the_seat_is_held_on_the_effective_date() {
    let late = AppointmentTerms {
        from: "2017-02-01".to_owned(),
        to: Some("2017-03-01".to_owned()),
        ..terms(COUNCIL, "per", AppointmentFunction::Member)
    };
    project_with_council()
        .given(appoint(3, late))
        .given(plan(1))
        .by("per")
        .on("2017-04-01")
        .when(approve(1))
        .then_refused(Kind::PermissionDenied, "NOT_THE_DECIDER")
        .effective("2017-01-31")
        .when(approve(1))
        .then_refused(Kind::PermissionDenied, "NOT_THE_DECIDER")
        .effective("2017-03-01")
        .when(approve(1))
        .then_refused_by("W3", "AUTHORITY_ENDED")
        .on("2017-03-01")
        .when(approve(1))
        .then_accepted();
}

#[test]
fn b2_an_observer_does_not_decide_and_the_secretary_records() {
    project_with_council()
        .given(appoint(3, terms(COUNCIL, "observer", AppointmentFunction::Observer)))
        .given(appoint(4, terms(COUNCIL, "secretary", AppointmentFunction::Secretary)))
        .given(plan(1))
        .by("observer")
        .when(approve(1))
        .then_refused(Kind::PermissionDenied, "NOT_THE_DECIDER")
        .by("secretary")
        .when(approve(1))
        .then_accepted();
}

#[test]
fn b2_a_body_composed_of_one_in_another_organisation_is_sat_in_from_there() {
    let committee = EstablishBody {
        organization_id: REGION.to_owned(),
        ..establish(7, BodyKind::Committee, true)
    };
    let composed = EstablishBody {
        composed_of: Some(BodyReference {
            organization_id: REGION.to_owned(),
            body_id: id(7),
        }),
        ..establish(8, BodyKind::SteeringGroup, true)
    };
    let chief = AppointMember {
        organization_id: REGION.to_owned(),
        ..appoint(9, terms(7, "chief", AppointmentFunction::Member))
    };
    let by_steering_group = PlanDecisionPoint {
        decider: decided_by(decider::Decider::Body(body(8))),
        ..plan(1)
    };
    project_with_council()
        .given(register_region())
        .given(committee)
        .given(composed)
        .given(chief)
        .given(by_steering_group)
        .when(approve(1))
        .then_refused(Kind::PermissionDenied, "NOT_THE_DECIDER")
        .by("chief")
        .when(approve(1))
        .then_accepted()
        .then_acted_as(&format!(
            "STEERING_GROUP:MEMBER@{ORGANIZATION}/{} via COMMITTEE@{REGION}/{}",
            id(8),
            id(7)
        ));
}

#[test]
fn b2_a_role_decides_in_person_or_through_the_body_or_organisation_that_holds_it() {
    let owner = |number| PlanDecisionPoint {
        decider: decided_by(decider::Decider::Role(ProjectRole::Owner.into())),
        ..plan(number)
    };
    project_with_council()
        .given(owner(1))
        .given(owner(2))
        .by("eva")
        .when(approve(1))
        .then_refused(Kind::PermissionDenied, "NOT_THE_DECIDER")
        .by("kari")
        .given(assign(10, ProjectRole::Owner, "eva"))
        .given(assign_to(
            11,
            ProjectRole::Owner,
            role_holder::Holder::Body(body(COUNCIL)),
        ))
        .by("eva")
        .when(approve(1))
        .then_accepted()
        .by("kari")
        .when(approve(2))
        .then_accepted();
    project_with_council()
        .given(owner(1))
        .given(assign_to(
            10,
            ProjectRole::Owner,
            role_holder::Holder::OrganizationId(ORGANIZATION.to_owned()),
        ))
        .by("ola")
        .when(approve(1))
        .then_refused(Kind::PermissionDenied, "NOT_THE_DECIDER")
        .by("kari")
        .when(approve(1))
        .then_accepted();
}

#[test]
fn o1_an_advising_body_never_decides() {
    let by_advisers = PlanDecisionPoint {
        decider: decided_by(decider::Decider::Body(body(ADVISORY))),
        ..plan(1)
    };
    project_with_council()
        .when(by_advisers)
        .then_refused_by("O1", "BODY_ADVISES");
    let by_group = decider::Decider::Role(ProjectRole::ReferenceGroup.into());
    project_with_council()
        .given(assign_to(
            10,
            ProjectRole::ReferenceGroup,
            role_holder::Holder::Body(body(ADVISORY)),
        ))
        .given(PlanDecisionPoint {
            decider: decided_by(by_group),
            ..plan(1)
        })
        .by("ola")
        .when(approve(1))
        .then_refused(Kind::PermissionDenied, "NOT_THE_DECIDER");
}

#[test]
fn a_point_names_a_decider_and_bodies_that_exist() {
    let twice = PlanDecisionPoint {
        advising_bodies: vec![body(ADVISORY), body(ADVISORY)],
        ..plan(1)
    };
    let unknown = PlanDecisionPoint {
        advising_bodies: vec![body(99)],
        ..plan(1)
    };
    let elsewhere = BodyReference {
        organization_id: REGION.to_owned(),
        body_id: id(7),
    };
    project_with_council()
        .when(PlanDecisionPoint {
            decider: Some(Decider { decider: None }),
            ..plan(1)
        })
        .then_refused(Kind::InvalidArgument, "DECIDER_REQUIRED")
        .when(twice)
        .then_refused(Kind::InvalidArgument, "BODY_REPEATED")
        .when(unknown)
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(PlanDecisionPoint {
            decider: decided_by(decider::Decider::Body(elsewhere)),
            ..plan(1)
        })
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(PlanDecisionPoint {
            gates_phase_id: Some(id(99)),
            ..plan(1)
        })
        .then_refused(Kind::NotFound, "NOT_FOUND");
}

#[test]
fn a_body_that_is_dissolved_by_the_planned_date_is_not_named() {
    let dissolve = DissolveBody {
        organization_id: ORGANIZATION.to_owned(),
        body_id: id(COUNCIL),
        dissolved: "2017-01-01".to_owned(),
        ..Default::default()
    };
    project_with_council()
        .given(dissolve)
        .when(plan(1))
        .then_refused(Kind::FailedPrecondition, "BODY_DISSOLVED");
}

#[test]
fn b3_a_mandatory_point_cannot_be_withdrawn_and_another_can() {
    project_with_council()
        .given(mandatory(plan(1)))
        .when(withdraw(1))
        .then_refused_by("B3", "DECISION_POINT_MANDATORY")
        .given(plan(2))
        .when(withdraw(2))
        .then_accepted()
        .when(withdraw(2))
        .then_unchanged()
        .when(approve(2))
        .then_refused(Kind::FailedPrecondition, "DECISION_POINT_WITHDRAWN");
}

#[test]
fn b4_a_start_is_decided_when_the_finance_is_settled() {
    let start = PlanDecisionPoint {
        kind: DecisionPointKind::Start.into(),
        ..plan(1)
    };
    let planned = project_with_council()
        .given(start)
        .given(budget::cost(50, "2017", budget::known(60_000)))
        .when(approve(1))
        .then_refused_by("B4", "FINANCE_NOT_SETTLED");
    planned.clone().when(reject(1)).then_accepted();
    planned
        .with_authority("K-sak 101/2016")
        .on("2017-01-10")
        .given(budget::approve())
        .effective("2017-01-09")
        .when(approve(1))
        .then_refused_by("B4", "FINANCE_NOT_SETTLED")
        .effective("2017-01-10")
        .when(approve(1))
        .then_accepted();
}

#[test]
fn b5_the_basis_names_the_options_that_are_weighed() {
    let choose = |option| ApproveDecisionPoint {
        chosen_option_id: Some(id(option)),
        ..approve(1)
    };
    project_with_council()
        .given(PlanDecisionPoint {
            weighs_options: true,
            ..plan(1)
        })
        .given(attach(1, vec![file("Offers", 'a')], &[]))
        .when(approve(1))
        .then_refused_by("B5", "OPTIONS_MISSING")
        .when(reject(1))
        .then_refused_by("B5", "OPTIONS_MISSING")
        .given(attach(1, vec![file("Offers", 'a')], &[21, 22]))
        .when(approve(1))
        .then_refused_by("B5", "OPTION_NOT_CHOSEN")
        .when(choose(23))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(choose(22))
        .then_accepted()
        .when(choose(22))
        .then_unchanged();
}

#[test]
fn a_basis_holds_something_and_its_options_have_ids_of_their_own() {
    project_with_council()
        .given(plan(1))
        .when(attach(1, Vec::new(), &[]))
        .then_refused(Kind::InvalidArgument, "BASIS_EMPTY")
        .when(attach(1, Vec::new(), &[21, 21]))
        .then_refused(Kind::InvalidArgument, "OPTION_REPEATED")
        .when(attach(1, Vec::new(), &[21]))
        .then_accepted()
        .when(attach(1, Vec::new(), &[21]))
        .then_unchanged();
}

#[test]
fn a_body_recommends_an_option_of_the_basis_and_only_to_approve_it() {
    project_with_council()
        .given(advised(plan(1)))
        .given(appoint(50, terms(ADVISORY, "siri", AppointmentFunction::Member)))
        .by("siri")
        .when(recommend(1, Advice::Approve, Some(21)))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(attach(1, Vec::new(), &[21]))
        .when(recommend(1, Advice::Reject, Some(21)))
        .then_refused(Kind::InvalidArgument, "OPTION_NOT_ADVISED")
        .when(recommend(1, Advice::Approve, Some(21)))
        .then_accepted();
}

#[test]
fn b6_the_decision_is_frozen_to_its_basis_and_what_changed_after_is_flagged() {
    let decided = project_with_council()
        .given(plan(1))
        .given(draft(30, "1.0", 'a'))
        .given(attach(1, vec![file("Project plan", 'a')], &[]));
    let attached = decided.project().position;
    decided
        .given(approve(1))
        .given(revise(30, "2.0", 'b'))
        .given(attach(1, vec![file("Late document", 'c')], &[]))
        .when(attach(1, vec![file("Late document", 'c')], &[]))
        .then_unchanged()
        .then_project(|project| {
            let point = &project.decision_points[0];
            let frozen = point.frozen_basis.as_ref().unwrap();
            assert_eq!(frozen.basis_position, attached);
            assert_eq!(frozen.basis_sha256, ["a".repeat(64)]);
            assert_eq!(point.basis.as_ref().unwrap().documents, [file("Project plan", 'a')]);
            let [revised, replaced] = point.changed_after_decision.as_slice() else {
                panic!("two changes")
            };
            assert_eq!(revised.document_id, Some(id(30)));
            assert_eq!(replaced.basis.as_ref().unwrap().documents, [file("Late document", 'c')]);
        });
}

#[test]
fn b6_a_document_that_the_decision_does_not_rest_on_is_not_flagged() {
    project_with_council()
        .given(plan(1))
        .given(draft(30, "1.0", 'a'))
        .given(approve(1))
        .given(revise(30, "2.0", 'b'))
        .then_project(|project| assert!(project.decision_points[0].changed_after_decision.is_empty()));
}

#[test]
fn b7_a_decided_point_is_never_decided_again() {
    let decided = project_with_council()
        .given(plan(1))
        .when(approve(1))
        .then_accepted()
        .when(approve(1))
        .then_unchanged();
    let decided = decided.when(reject(1)).then_refused_by("B7", "DECIDED_ALREADY");
    let decided = decided
        .when(defer(1, "2017-06-01"))
        .then_refused_by("B7", "DECIDED_ALREADY");
    let decided = decided.when(send_back(1)).then_refused_by("B7", "DECIDED_ALREADY");
    let decided = decided
        .when(reschedule(1, "2017-06-01"))
        .then_refused_by("B7", "DECIDED_ALREADY");
    let decided = decided.when(withdraw(1)).then_refused_by("B7", "DECIDED_ALREADY");
    decided
        .on("2017-01-03")
        .when(approve(1))
        .then_refused_by("B7", "DECIDED_ALREADY");
}

#[test]
fn b7_a_decided_point_is_superseded_by_a_new_one_that_refers_to_it() {
    project_with_council()
        .given(plan(1))
        .when(superseding(1, plan(2)))
        .then_refused_by("B7", "SUPERSEDES_UNDECIDED")
        .when(superseding(99, plan(2)))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(approve(1))
        .given(superseding(1, plan(2)))
        .then_project(|project| assert_eq!(project.decision_points[0].superseded_by_id, None))
        .when(superseding(1, plan(3)))
        .then_refused_by("B7", "SUPERSEDED_ALREADY")
        .given(approve(2))
        .then_project(|project| assert_eq!(project.decision_points[0].superseded_by_id, Some(id(2))));
}

#[test]
fn w10_what_supersedes_and_is_rejected_leaves_the_earlier_decision_in_force() {
    project_with_council()
        .given(plan(1))
        .given(approve(1))
        .given(superseding(1, plan(2)))
        .given(reject(2))
        .then_project(|project| assert_eq!(project.decision_points[0].superseded_by_id, None))
        .when(superseding(1, plan(3)))
        .then_accepted();
}

#[test]
fn b8_a_condition_is_fulfilled_or_overdue() {
    project_with_council()
        .given(plan(1))
        .given(on_conditions(vec![
            condition(41, "2017-02-01"),
            condition(42, "2017-06-01"),
        ]))
        .then_found("CONDITION_OVERDUE", 0)
        .on("2017-02-01")
        .then_found("CONDITION_OVERDUE", 0)
        .on("2017-02-02")
        .then_found("CONDITION_OVERDUE", 1)
        .when(fulfil(41))
        .then_accepted()
        .when(fulfil(41))
        .then_unchanged()
        .then_found("CONDITION_OVERDUE", 0)
        .then_project(|project| {
            let on = |today: &str| {
                let reading = condition_reading(project, today);
                let standing = reading.conditions.iter().map(|standing| standing.overdue);
                standing.collect::<Vec<_>>()
            };
            assert_eq!(
                (on("2017-06-01"), on("2017-06-02")),
                (vec![false, false], vec![false, true])
            );
        })
        .when(FulfilCondition {
            note: "Otherwise.".to_owned(),
            ..fulfil(41)
        })
        .then_refused(Kind::FailedPrecondition, "CONDITION_FULFILLED")
        .when(fulfil(43))
        .then_refused(Kind::NotFound, "NOT_FOUND");
}

#[test]
fn b8_a_condition_has_an_owner_a_due_date_to_come_and_an_id_of_its_own() {
    let unowned = Condition {
        owner: None,
        ..condition(41, "2017-02-01")
    };
    project_with_council()
        .given(plan(1))
        .when(on_conditions(vec![unowned]))
        .then_refused(Kind::InvalidArgument, "OWNER_REQUIRED")
        .when(on_conditions(vec![condition(41, "2017-01-01")]))
        .then_refused(Kind::InvalidArgument, "DUE_BEFORE_DECISION")
        .when(on_conditions(vec![
            condition(41, "2017-02-01"),
            condition(41, "2017-02-01"),
        ]))
        .then_refused(Kind::InvalidArgument, "CONDITION_REPEATED");
}

#[test]
fn a_point_is_rescheduled_for_a_reason_and_deferred_to_a_later_date() {
    project_with_council()
        .given(plan(1))
        .when(reschedule(1, "2017-04-15"))
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("The offers came late.")
        .given(reschedule(1, "2017-04-15"))
        .when(reschedule(1, "2017-04-15"))
        .then_unchanged()
        .on("2017-04-15")
        .when(defer(1, "2017-04-15"))
        .then_refused(Kind::InvalidArgument, "DEFERRED_TO_THE_PAST")
        .given(defer(1, "2017-05-15"))
        .when(defer(1, "2017-05-15"))
        .then_unchanged()
        .then_project(|project| {
            let point = &project.decision_points[0];
            assert_eq!(
                (point.date.as_str(), point.status()),
                ("2017-05-15", DecisionPointStatus::Deferred)
            );
            let moves: Vec<_> = point
                .moves
                .iter()
                .map(|moved| (moved.from.as_str(), moved.deferred))
                .collect();
            assert_eq!(moves, [("2017-03-15", false), ("2017-04-15", true)]);
            assert_eq!(point.moves[0].reason, "The offers came late.");
        })
        .when(plan(1))
        .then_unchanged();
}

#[test]
fn planning_the_same_point_twice_changes_nothing_and_another_under_its_id_is_refused() {
    project_with_council()
        .given(plan(1))
        .when(plan(1))
        .then_unchanged()
        .when(mandatory(plan(1)))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS");
}

#[test]
fn a_point_that_does_not_exist_is_not_found() {
    let nothing = project_with_council().because("For a reason.");
    let nothing = nothing.when(approve(9)).then_refused(Kind::NotFound, "NOT_FOUND");
    let nothing = nothing.when(reject(9)).then_refused(Kind::NotFound, "NOT_FOUND");
    let nothing = nothing
        .when(defer(9, "2017-06-01"))
        .then_refused(Kind::NotFound, "NOT_FOUND");
    let nothing = nothing.when(send_back(9)).then_refused(Kind::NotFound, "NOT_FOUND");
    let nothing = nothing.when(withdraw(9)).then_refused(Kind::NotFound, "NOT_FOUND");
    let nothing = nothing
        .when(reschedule(9, "2017-06-01"))
        .then_refused(Kind::NotFound, "NOT_FOUND");
    let nothing = nothing
        .when(recommend(9, Advice::Approve, None))
        .then_refused(Kind::NotFound, "NOT_FOUND");
    nothing
        .when(attach(9, Vec::new(), &[21]))
        .then_refused(Kind::NotFound, "NOT_FOUND");
}

#[test]
fn a_number_used_twice_is_found_until_one_of_the_points_is_withdrawn() {
    let same_number = PlanDecisionPoint {
        number: "BP1".to_owned(),
        ..plan(2)
    };
    project_with_council()
        .given(plan(1))
        .given(same_number)
        .then_found("DECISION_POINT_NUMBER_REPEATED", 1)
        .given(withdraw(2))
        .then_found("DECISION_POINT_NUMBER_REPEATED", 0)
        .given(approve(1))
        .given(superseding(
            1,
            PlanDecisionPoint {
                number: "BP1".to_owned(),
                ..plan(3)
            },
        ))
        .then_found("DECISION_POINT_NUMBER_REPEATED", 0);
}

#[test]
fn a_mandatory_point_past_its_date_is_found_until_it_is_decided() {
    project_with_council()
        .given(mandatory(plan(1)))
        .given(plan(2))
        .on("2017-03-15")
        .then_found("DECISION_POINT_OVERDUE", 0)
        .on("2017-03-16")
        .then_found("DECISION_POINT_OVERDUE", 1)
        .given(reject(1))
        .then_found("DECISION_POINT_OVERDUE", 0);
}
