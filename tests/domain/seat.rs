//! Proves by which seat somebody acts, through however many organisations, and how the record names it (B2, O1, O2, R4).

use std::collections::HashMap;

use prost::{Message, Name};
use vedtak::domain::{Command, Context, Facts, Kind, State};
use vedtak::schema::v1::*;

use super::decision_point::{approve, decided_by, plan, project_with_council};
use super::organization::{REGION, appoint, body, establish, municipality, register_region, terms};
use super::role::{assign, assign_to};
use super::scenario::{ORGANIZATION, PROJECT, Scenario, id};

/// The council that decides and the group that advises, of `project_with_council`.
const COUNCIL: u32 = 2;
const ADVISORY: u32 = 3;
/// A third organisation.
const COUNTY: &str = "00000000-0000-4000-8000-0000000000cc";

fn body_of(organization: &str, number: u32) -> BodyReference {
    BodyReference {
        organization_id: organization.to_owned(),
        body_id: id(number),
    }
}

fn by_role(number: u32, role: ProjectRole) -> PlanDecisionPoint {
    PlanDecisionPoint {
        decider: decided_by(decider::Decider::Role(role.into())),
        ..plan(number)
    }
}

fn owned_by(number: u32, body: BodyReference) -> AssignRole {
    assign_to(number, ProjectRole::Owner, role_holder::Holder::Body(body))
}

/// The municipality's steering group 8 is the region's committee 7, which is the county's committee 6, which is the municipality's
/// committee 5, where `chief` is the leader.
fn round_trip() -> Scenario {
    let composed = |organization: &str, number, inside: BodyReference| EstablishBody {
        organization_id: organization.to_owned(),
        composed_of: Some(inside),
        ..establish(number, BodyKind::Committee, true)
    };
    project_with_council()
        .given(register_region())
        .given(RegisterOrganization {
            organization_id: COUNTY.to_owned(),
            organization_number: "974760673".to_owned(),
            ..register_region()
        })
        .given(establish(5, BodyKind::Committee, true))
        .given(composed(COUNTY, 6, body(5)))
        .given(composed(REGION, 7, body_of(COUNTY, 6)))
        .given(composed(ORGANIZATION, 8, body_of(REGION, 7)))
        .given(appoint(9, terms(5, "chief", AppointmentFunction::Leader)))
}

fn seat(kind: &str, function: &str, number: u32) -> String {
    format!("{kind}:{function}@{ORGANIZATION}/{}", id(number))
}

#[test]
fn o2_a_seat_is_followed_through_several_organisations() {
    let through = format!(
        "{} via COMMITTEE@{ORGANIZATION}/{}",
        seat("COMMITTEE", "LEADER", 8),
        id(5)
    );
    round_trip()
        .given(PlanDecisionPoint {
            decider: decided_by(decider::Decider::Body(body(8))),
            ..plan(1)
        })
        .when(approve(1))
        .then_refused(Kind::PermissionDenied, "NOT_THE_DECIDER")
        .by("chief")
        .when(approve(1))
        .then_accepted()
        .then_acted_as(&through);
    round_trip()
        .given(owned_by(10, body(8)))
        .by("ola")
        .when(ApproveClosing {
            project_id: PROJECT.to_owned(),
            ..Default::default()
        })
        .then_refused(Kind::PermissionDenied, "NOT_THE_OWNER")
        .by("chief")
        .when(ApproveClosing {
            project_id: PROJECT.to_owned(),
            ..Default::default()
        })
        .then_accepted()
        .then_acted_as(&format!("PROJECT_OWNER by {through}"));
}

#[test]
fn the_record_says_the_seat_that_a_decision_rests_on_and_then_the_roles_held() {
    project_with_council()
        .given(plan(1))
        .given(assign(9, ProjectRole::Owner, "eier"))
        .given(assign(10, ProjectRole::Leader, "kari"))
        .given(approve(1))
        .then_acted_as(&format!(
            "{}, PROJECT_OWNER, PROJECT_LEADER",
            seat("MUNICIPAL_COUNCIL", "MEMBER", COUNCIL)
        ));
}

#[test]
fn the_record_says_the_role_that_a_decision_rests_on_and_how_it_is_held() {
    project_with_council()
        .given(by_role(1, ProjectRole::Owner))
        .given(by_role(2, ProjectRole::Owner))
        .given(assign(10, ProjectRole::Leader, "eva"))
        .given(assign(11, ProjectRole::Owner, "eva"))
        .given(owned_by(12, body(COUNCIL)))
        .given(appoint(13, terms(COUNCIL, "ola", AppointmentFunction::Member)))
        .by("ola")
        .given(approve(1))
        .then_acted_as(&format!(
            "PROJECT_OWNER by {}",
            seat("MUNICIPAL_COUNCIL", "MEMBER", COUNCIL)
        ))
        .by("eva")
        .given(approve(2))
        .then_acted_as("PROJECT_OWNER, PROJECT_LEADER");
    project_with_council()
        .given(by_role(1, ProjectRole::Owner))
        .given(assign_to(
            10,
            ProjectRole::Owner,
            role_holder::Holder::OrganizationId(ORGANIZATION.to_owned()),
        ))
        .given(appoint(14, terms(COUNCIL, "ola", AppointmentFunction::Member)))
        .by("ola")
        .given(approve(1))
        .then_acted_as(&format!(
            "PROJECT_OWNER by {}",
            seat("MUNICIPAL_COUNCIL", "MEMBER", COUNCIL)
        ));
}

#[test]
fn the_record_of_an_organisation_says_the_seats_held_there() {
    let rename = |name: &str| RenameOrganization {
        organization_id: ORGANIZATION.to_owned(),
        name: name.to_owned(),
        ..Default::default()
    };
    municipality()
        .given(rename("Land"))
        .then_acted_as("ADMINISTRATOR")
        .given(establish(1, BodyKind::ExecutiveBoard, true))
        .given(appoint(2, terms(1, "kari", AppointmentFunction::Secretary)))
        .given(rename("Nordre Land"))
        .then_acted_as(&format!("ADMINISTRATOR, {}", seat("EXECUTIVE_BOARD", "SECRETARY", 1)))
        .effective("2015-12-31")
        .given(rename("Land"))
        .then_acted_as("ADMINISTRATOR");
}

#[test]
fn o1_a_seat_in_an_advising_body_takes_nothing_from_one_in_a_body_that_decides() {
    let advisers_own = project_with_council()
        .given(by_role(1, ProjectRole::Owner))
        .given(owned_by(10, body(ADVISORY)))
        .by("ola")
        .when(approve(1))
        .then_refused(Kind::PermissionDenied, "NOT_THE_DECIDER");
    advisers_own
        .given(owned_by(11, body(COUNCIL)))
        .given(appoint(12, terms(COUNCIL, "ola", AppointmentFunction::Member)))
        .when(approve(1))
        .then_accepted()
        .then_acted_as(&format!(
            "PROJECT_OWNER by {}",
            seat("MUNICIPAL_COUNCIL", "MEMBER", COUNCIL)
        ));
}

#[test]
fn a_role_given_up_before_the_decision_gives_no_seat() {
    project_with_council()
        .given(by_role(1, ProjectRole::Owner))
        .given(AssignRole {
            to: Some("2017-01-01".to_owned()),
            ..owned_by(10, body(COUNCIL))
        })
        .given(appoint(12, terms(COUNCIL, "ola", AppointmentFunction::Member)))
        .by("ola")
        .when(approve(1))
        .then_refused(Kind::PermissionDenied, "NOT_THE_DECIDER");
}

#[test]
fn a_command_judged_against_another_kind_of_stream_is_refused() {
    let command = RenameOrganization::default();
    let command = Command::decode(&RenameOrganization::full_name(), &command.encode_to_vec());
    let state = State::Project(Project {
        version: 1,
        ..Project::default()
    });
    let (none, context) = (
        HashMap::new(),
        Context {
            subject: "kari",
            on_behalf_of: "",
            authority: "",
            reason: "",
            effective_date: "2017-01-02",
            today: "2017-01-02",
            ground: None,
            administrator: true,
            mandate: &[],
        },
    );
    let refusal = command
        .unwrap()
        .unwrap()
        .judge(&state, &Facts::new(&none), &context)
        .unwrap_err();
    assert_eq!(refusal.reason, "STREAM_OF_ANOTHER_KIND");
}

#[test]
#[should_panic(expected = "is not among what the command relies on")]
#[cfg(debug_assertions)]
fn a_stream_that_was_not_asked_for_is_not_taken_for_one_that_is_not_registered() {
    let _ = Facts::new(&HashMap::new()).organization(ORGANIZATION);
}
