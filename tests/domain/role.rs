//! Proves the rules of roles: R1 to R5.

use vedtak::domain::{Kind, same_person};
use vedtak::schema::v1::role_holder::Holder;
use vedtak::schema::v1::*;

use super::organization::{body, establish, municipality};
use super::scenario::{ORGANIZATION, PROJECT, Scenario, id};

/// A municipality with a steering group under `id(1)`, and a project.
pub fn project_of_a_municipality() -> Scenario {
    municipality()
        .given(establish(1, BodyKind::SteeringGroup, true))
        .given(RegisterProject {
            project_id: PROJECT.to_owned(),
            name: "Digitalisering".to_owned(),
            kind: ProjectKind::MainProject.into(),
            owner: super::project::first_owner(900, "kari"),
            ..Default::default()
        })
}

/// The same, with `eier` acting, who gives the rights in it.
fn given_rights() -> Scenario {
    municipality()
        .given(establish(1, BodyKind::SteeringGroup, true))
        .given(RegisterProject {
            owner: super::project::first_owner(900, "eier"),
            ..super::project::register(ProjectKind::MainProject)
        })
        .by("eier")
}

/// Assigns a role from 2017-01-01 under `id(number)`.
pub fn assign_to(number: u32, role: ProjectRole, holder: Holder) -> AssignRole {
    AssignRole {
        project_id: PROJECT.to_owned(),
        assignment_id: id(number),
        role: role.into(),
        holder: Some(RoleHolder { holder: Some(holder) }),
        from: "2017-01-01".to_owned(),
        reason: "Ordered as a part of the reorganisation".to_owned(),
        ..Default::default()
    }
}

/// Assigns a role to a person.
pub fn assign(number: u32, role: ProjectRole, subject: &str) -> AssignRole {
    assign_to(
        number,
        role,
        Holder::Person(Person {
            subject: subject.to_owned(),
            ..Default::default()
        }),
    )
}

fn in_period(command: AssignRole, from: &str, to: Option<&str>) -> AssignRole {
    AssignRole {
        from: from.to_owned(),
        to: to.map(str::to_owned),
        ..command
    }
}

fn release(number: u32, to: &str) -> ReleaseRole {
    ReleaseRole {
        project_id: PROJECT.to_owned(),
        assignment_id: id(number),
        to: to.to_owned(),
        ..Default::default()
    }
}

/// The assignments that are held on a date, by the numbers of their ids.
#[track_caller]
fn held(scenario: Scenario, date: &str, expected: &[u32]) -> Scenario {
    scenario.then_project(|project| {
        let held = project.roles.iter().filter(|assignment| assignment.is_held_on(date));
        let ids: Vec<&str> = held.map(|assignment| assignment.assignment_id.as_str()).collect();
        assert_eq!(ids, expected.iter().map(|number| id(*number)).collect::<Vec<String>>());
    })
}

#[test]
fn r1_the_leader_and_the_responsible_are_different_persons() {
    given_rights()
        .given(assign(10, ProjectRole::Leader, "kari"))
        .when(assign(11, ProjectRole::Responsible, "kari"))
        .then_refused_by("R1", "LEADER_IS_RESPONSIBLE")
        .when(assign(11, ProjectRole::Responsible, "ola"))
        .then_accepted()
        .when(assign(12, ProjectRole::Leader, "ola"))
        .then_refused_by("R1", "LEADER_IS_RESPONSIBLE");
}

#[test]
fn r1_one_person_may_be_first_the_leader_and_then_the_responsible() {
    let responsible = |from, to| in_period(assign(11, ProjectRole::Responsible, "kari"), from, to);
    given_rights()
        .given(in_period(assign(10, ProjectRole::Leader, "kari"), "2017-02-01", None))
        .given(release(10, "2017-06-30"))
        .when(responsible("2017-06-30", None))
        .then_refused_by("R1", "LEADER_IS_RESPONSIBLE")
        .when(responsible("2017-01-01", Some("2017-02-01")))
        .then_refused_by("R1", "LEADER_IS_RESPONSIBLE")
        .when(responsible("2017-01-01", None))
        .then_refused_by("R1", "LEADER_IS_RESPONSIBLE")
        .when(responsible("2017-01-01", Some("2017-01-31")))
        .then_accepted()
        .when(in_period(
            assign(12, ProjectRole::Responsible, "kari"),
            "2017-07-01",
            None,
        ))
        .then_accepted();
}

#[test]
fn x9_subjects_that_look_the_same_are_one_person() {
    for other in [
        "KÅRE",
        "ka\u{30a}re",
        "kåre ",
        "\u{feff}k\u{200b}åre\n",
        "\u{a0}Ka\u{30a}re\u{ad}",
    ] {
        assert!(same_person("kåre", other) && same_person(other, "kåre"), "{other:?}");
    }
    for (one, other) in [
        ("kåre", "kare"),
        ("kåre", "kår e"),
        ("", "kåre"),
        ("kari", "kåre"),
        ("a b", "ab"),
    ] {
        assert!(!same_person(one, other), "{one:?} and {other:?}");
    }
    for (one, other) in [
        ("straße", "STRASSE"),
        ("ΟΔΥΣΣΕΎΣ", "οδυσσεύς"),
        ("a b", "A\u{3000}b"),
        ("KARI", "kari"),
    ] {
        assert!(same_person(one, other), "{one:?} and {other:?}");
    }
}

#[test]
fn x9_r1_holds_for_one_person_under_subjects_that_look_the_same() {
    given_rights()
        .given(assign(10, ProjectRole::Leader, "kåre"))
        .when(assign(11, ProjectRole::Responsible, "Kåre"))
        .then_refused_by("R1", "LEADER_IS_RESPONSIBLE");
}

#[test]
fn x9_a_right_is_held_by_a_person_however_the_token_writes_the_subject() {
    given_rights()
        .by("Eie\u{200b}r")
        .recording_only()
        .when(assign(10, ProjectRole::Leader, "kåre"))
        .then_accepted()
        .by("eierinne")
        .when(assign(11, ProjectRole::Leader, "kari"))
        .then_refused(Kind::PermissionDenied, "NOT_ENTITLED");
}

#[test]
fn r2_a_working_group_leader_may_also_be_project_leader() {
    given_rights()
        .given(assign(10, ProjectRole::Leader, "kari"))
        .when(assign(11, ProjectRole::WorkingGroupLeader, "kari"))
        .then_accepted();
}

#[test]
fn r3_a_leader_before_the_start_is_financed_and_decided_is_found() {
    let start = PlanDecisionPoint {
        project_id: PROJECT.to_owned(),
        decision_point_id: id(1),
        name: "Start".to_owned(),
        date: "2017-03-15".to_owned(),
        kind: DecisionPointKind::Start.into(),
        decider: Some(Decider {
            decider: Some(decider::Decider::Role(ProjectRole::Responsible.into())),
        }),
        ..Default::default()
    };
    let cost = BudgetLine {
        post: "Pay".to_owned(),
        period: "2017".to_owned(),
        kind: BudgetKind::Investment.into(),
        amount: Some(Amount {
            certainty: Certainty::Known.into(),
            ore: Some(50_000_000),
        }),
        ..Default::default()
    };
    let cost = SetCostLine {
        project_id: PROJECT.to_owned(),
        line_id: id(1),
        line: Some(cost),
        ..Default::default()
    };
    let says = |scenario: &Scenario, what: &str| {
        let found = scenario
            .findings()
            .into_iter()
            .find(|finding| finding.code == "R3")
            .unwrap();
        assert!(found.description.ends_with(what), "{}", found.description);
    };

    let scenario = given_rights()
        .then_found("R3", 0)
        .given(assign(10, ProjectRole::Leader, "kari"));
    says(&scenario, "its start is neither financed nor decided.");
    let financed = scenario
        .given(assign(11, ProjectRole::Responsible, "ola"))
        .given(cost)
        .with_authority("K-sak 1/2017")
        .given(ApproveBudget {
            project_id: PROJECT.to_owned(),
            ..Default::default()
        });
    says(&financed, "its start is not decided.");
    let approve = ApproveDecisionPoint {
        project_id: PROJECT.to_owned(),
        decision_point_id: id(1),
        ..Default::default()
    };
    financed.given(start).by("ola").given(approve).then_found("R3", 0);
}

#[test]
fn r4_who_held_which_role_on_any_date_is_known() {
    let scenario = given_rights()
        .given(assign(10, ProjectRole::Leader, "kari"))
        .given(in_period(
            assign(11, ProjectRole::Leader, "ola"),
            "2018-01-01",
            Some("2018-12-31"),
        ))
        .given(release(10, "2017-12-31"));
    let scenario = held(scenario, "2016-12-31", &[900]);
    let scenario = held(scenario, "2017-12-31", &[900, 10]);
    let scenario = held(scenario, "2018-12-31", &[900, 11]);
    held(scenario, "2019-01-01", &[900]);
}

#[test]
fn r5_a_required_role_that_nobody_holds_today_is_found() {
    given_rights()
        .then_found("R5", 4)
        .given(assign(11, ProjectRole::Sponsor, "sponsor"))
        .given(assign(12, ProjectRole::Responsible, "responsible"))
        .given(assign(13, ProjectRole::Leader, "kari"))
        .given(assign_to(14, ProjectRole::SteeringGroup, Holder::Body(body(1))))
        .then_found("R5", 0)
        .given(release(13, "2017-01-31"))
        .then_found("R5", 0)
        .on("2017-02-01")
        .then_found("R5", 1)
        .given(in_period(assign(15, ProjectRole::Leader, "ola"), "2017-02-01", None))
        .then_found("R5", 0);
}

#[test]
fn a_group_is_a_body_and_other_roles_are_held_by_persons() {
    let organization = || Holder::OrganizationId(ORGANIZATION.to_owned());
    given_rights()
        .when(assign(10, ProjectRole::SteeringGroup, "kari"))
        .then_refused(Kind::InvalidArgument, "HOLDER_MUST_BE_BODY")
        .when(assign_to(10, ProjectRole::ReferenceGroup, organization()))
        .then_refused(Kind::InvalidArgument, "HOLDER_MUST_BE_BODY")
        .when(assign_to(10, ProjectRole::Leader, Holder::Body(body(1))))
        .then_refused(Kind::InvalidArgument, "HOLDER_MUST_BE_PERSON")
        .when(assign_to(10, ProjectRole::Responsible, organization()))
        .then_refused(Kind::InvalidArgument, "HOLDER_MUST_BE_PERSON")
        .given(assign_to(11, ProjectRole::ReferenceGroup, Holder::Body(body(1))))
        .given(assign_to(12, ProjectRole::Owner, organization()))
        .given(assign_to(13, ProjectRole::Owner, Holder::Body(body(1))))
        .when(AssignRole {
            holder: Some(RoleHolder::default()),
            ..assign(14, ProjectRole::Leader, "kari")
        })
        .then_refused(Kind::InvalidArgument, "HOLDER_REQUIRED");
}

#[test]
fn a_body_or_organisation_that_holds_a_role_exists() {
    let missing = |organization: &str, body: u32| {
        let body = BodyReference {
            organization_id: organization.to_owned(),
            body_id: id(body),
        };
        assign_to(10, ProjectRole::SteeringGroup, Holder::Body(body))
    };
    given_rights()
        .when(missing(&id(99), 1))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(in_period(missing(ORGANIZATION, 1), "2015-12-31", None))
        .then_refused(Kind::FailedPrecondition, "BODY_NOT_ESTABLISHED")
        .when(missing(ORGANIZATION, 2))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(assign_to(10, ProjectRole::Owner, Holder::OrganizationId(id(99))))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(DissolveBody {
            organization_id: ORGANIZATION.to_owned(),
            body_id: id(1),
            dissolved: "2016-12-31".to_owned(),
            ..Default::default()
        })
        .when(missing(ORGANIZATION, 1))
        .then_refused(Kind::FailedPrecondition, "BODY_DISSOLVED");
}

#[test]
fn a_sponsor_is_named_for_a_stated_reason() {
    given_rights()
        .when(AssignRole {
            reason: String::new(),
            ..assign(10, ProjectRole::Sponsor, "ola")
        })
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .when(assign(10, ProjectRole::Sponsor, "ola"))
        .then_accepted();
}

#[test]
fn assigning_the_same_twice_changes_nothing_and_another_under_its_id_is_refused() {
    given_rights()
        .given(assign(10, ProjectRole::Leader, "kari"))
        .when(assign(10, ProjectRole::Leader, "kari"))
        .then_unchanged()
        .when(assign(10, ProjectRole::Leader, "ola"))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(in_period(
            assign(11, ProjectRole::Expert, "ola"),
            "2017-01-02",
            Some("2017-01-01"),
        ))
        .then_refused(Kind::InvalidArgument, "ENDS_BEFORE_IT_BEGINS");
}

#[test]
fn a_role_is_released_once_and_never_later_than_before() {
    given_rights()
        .given(assign(10, ProjectRole::Leader, "kari"))
        .when(release(11, "2017-12-31"))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(release(10, "2016-12-31"))
        .then_refused(Kind::InvalidArgument, "ENDS_BEFORE_IT_BEGINS")
        .given(release(10, "2017-12-31"))
        .when(release(10, "2017-12-31"))
        .then_unchanged()
        .when(release(10, "2018-01-01"))
        .then_refused(Kind::FailedPrecondition, "ROLE_RELEASED")
        .when(release(10, "2017-11-30"))
        .then_accepted();
}
