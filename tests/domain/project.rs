//! Proves the rules of projects: J1 to J4, and that an ended project refuses every change.

use vedtak::domain::Kind;
use vedtak::schema::v1::*;

use super::organization::{appoint, establish, municipality, terms};
use super::report::submit_final;
use super::role::{assign, assign_to, project_of_a_municipality};
use super::scenario::{ORGANIZATION, PROJECT, Scenario, id, scenario};

pub fn register(kind: ProjectKind) -> RegisterProject {
    RegisterProject {
        project_id: PROJECT.to_owned(),
        name: "Digitalisering".to_owned(),
        kind: kind.into(),
        owner: first_owner(900, "kari"),
        ..Default::default()
    }
}

/// A person as the first owner.
pub fn first_owner(number: u32, subject: &str) -> Option<FirstOwner> {
    Some(FirstOwner {
        assignment_id: id(number),
        holder: Some(RoleHolder {
            holder: Some(role_holder::Holder::Person(Person {
                subject: subject.to_owned(),
                ..Default::default()
            })),
        }),
        from: "2010-01-01".to_owned(),
    })
}

fn register_other(number: u32, kind: ProjectKind) -> RegisterProject {
    RegisterProject {
        project_id: id(number),
        name: "The other".to_owned(),
        ..register(kind)
    }
}

fn following(number: u32) -> RegisterProject {
    RegisterProject {
        predecessor_id: Some(id(number)),
        ..register(ProjectKind::MainProject)
    }
}

fn part_of(number: u32) -> RegisterProject {
    RegisterProject {
        parent_id: Some(id(number)),
        ..register(ProjectKind::Subproject)
    }
}

fn project() -> Scenario {
    scenario().given(register(ProjectKind::MainProject))
}

fn frame(from: &str, to: Option<&str>) -> SetFrame {
    let period = Period {
        from: from.to_owned(),
        to: to.map(str::to_owned),
    };
    let frame = ProjectFrame {
        period: Some(period),
        economic: None,
    };
    SetFrame {
        project_id: PROJECT.to_owned(),
        frame: Some(frame),
        ..Default::default()
    }
}

pub fn cancel() -> CancelProject {
    CancelProject {
        project_id: PROJECT.to_owned(),
        ..Default::default()
    }
}

pub fn approve_closing() -> ApproveClosing {
    ApproveClosing {
        project_id: PROJECT.to_owned(),
        ..Default::default()
    }
}

#[test]
fn j1_a_main_project_may_follow_a_pre_project_that_exists() {
    scenario()
        .when(following(2))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(register_other(2, ProjectKind::PreProject))
        .given(register_other(3, ProjectKind::MainProject))
        .when(following(3))
        .then_refused_by("J1", "PREDECESSOR_NOT_PRE_PROJECT")
        .when(RegisterProject {
            predecessor_id: Some(id(2)),
            ..register(ProjectKind::PreProject)
        })
        .then_refused_by("J1", "PREDECESSOR_NOT_ALLOWED")
        .when(following(2))
        .then_accepted();
}

#[test]
fn j1_a_subproject_has_a_parent_that_exists_and_goes_on() {
    let cancel_other = CancelProject {
        project_id: id(3),
        ..Default::default()
    };
    scenario()
        .when(register(ProjectKind::Subproject))
        .then_refused_by("J1", "PARENT_REQUIRED")
        .when(part_of(2))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(part_of(1))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(register_other(2, ProjectKind::MainProject))
        .given(register_other(3, ProjectKind::MainProject))
        .because("No money")
        .given(cancel_other)
        .when(part_of(3))
        .then_refused(Kind::FailedPrecondition, "PROJECT_ENDED")
        .when(RegisterProject {
            parent_id: Some(id(2)),
            ..register(ProjectKind::MainProject)
        })
        .then_refused_by("J1", "PARENT_NOT_ALLOWED")
        .when(part_of(2))
        .then_accepted();
}

#[test]
fn a_project_belongs_to_an_organisation_that_exists() {
    let of = |id: &str| RegisterProject {
        organization_id: Some(id.to_owned()),
        ..register(ProjectKind::MainProject)
    };
    municipality()
        .when(of(&id(99)))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(of(ORGANIZATION))
        .then_accepted();
}

#[test]
fn registering_the_same_project_twice_changes_nothing_and_another_under_its_id_is_refused() {
    project()
        .when(register(ProjectKind::MainProject))
        .then_unchanged()
        .when(register(ProjectKind::PreProject))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS");
}

#[test]
fn a_goal_is_defined_and_worded_anew() {
    let define = |description: &str| DefineGoal {
        project_id: PROJECT.to_owned(),
        goal_id: id(1),
        kind: GoalKind::Impact.into(),
        description: description.to_owned(),
        ..Default::default()
    };
    let revise = |description: &str| ReviseGoal {
        project_id: PROJECT.to_owned(),
        goal_id: id(1),
        description: description.to_owned(),
        ..Default::default()
    };
    project()
        .when(revise("Better services"))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(define("Good services"))
        .when(define("Good services"))
        .then_unchanged()
        .when(define("Better services"))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .given(revise("Better services"))
        .when(revise("Better services"))
        .then_unchanged()
        .then_project(|project| assert_eq!(project.goals[0].description, "Better services"));
}

#[test]
fn a_scope_says_what_is_inside_and_outside_and_with_which_exceptions() {
    let define = |scope| DefineScope {
        project_id: PROJECT.to_owned(),
        scope: Some(scope),
        ..Default::default()
    };
    let scope = ProjectScope {
        inside: vec!["Case and archive system".to_owned()],
        outside: vec!["Broadband".to_owned()],
        exceptions: vec!["Telephony, unless the case system needs it".to_owned()],
    };
    project()
        .when(define(ProjectScope::default()))
        .then_refused(Kind::InvalidArgument, "SCOPE_EMPTY")
        .given(define(scope.clone()))
        .when(define(scope.clone()))
        .then_unchanged()
        .then_project(|project| assert_eq!(project.scope, Some(scope)));
}

#[test]
fn a_frame_has_a_period_that_runs_forward_and_an_amount_that_can_be() {
    let mut unknown_with_figure = frame("2017-01-01", None);
    let amount = Amount {
        certainty: Certainty::Unknown.into(),
        ore: Some(1),
    };
    unknown_with_figure.frame.as_mut().unwrap().economic = Some(amount);
    project()
        .when(frame("2017-01-01", Some("2016-12-31")))
        .then_refused(Kind::InvalidArgument, "ENDS_BEFORE_IT_BEGINS")
        .when(unknown_with_figure)
        .then_refused(Kind::InvalidArgument, "UNKNOWN_AMOUNT_WITH_FIGURE")
        .given(frame("2017-01-01", None))
        .when(frame("2017-01-01", None))
        .then_unchanged()
        .given(frame("2017-01-01", Some("2019-12-31")))
        .when(frame("2017-01-01", Some("2018-12-31")))
        .then_accepted();
}

#[test]
fn j3_a_period_that_does_not_follow_the_budget_year_is_found() {
    let crooked = project()
        .then_found("J3", 0)
        .given(frame("2017-01-01", None))
        .then_found("J3", 0)
        .given(frame("2016-11-01", Some("2019-11-01")))
        .then_found("J3", 1);
    let found = crooked
        .findings()
        .into_iter()
        .find(|finding| finding.code == "J3")
        .unwrap();
    assert!(
        found.description.contains("2016-11-01") && found.description.contains("2019-11-01"),
        "{found:?}"
    );
    crooked
        .given(frame("2017-01-01", Some("2019-11-01")))
        .then_found("J3", 1)
        .given(frame("2017-01-01", Some("2018-12-31")))
        .then_found("J3", 0);
}

#[test]
fn j4_a_last_day_is_not_moved_to_later_by_setting_the_frame() {
    project()
        .given(frame("2017-01-01", Some("2018-12-31")))
        .when(frame("2017-01-01", Some("2019-12-31")))
        .then_refused_by("J4", "FRAME_IS_NO_EXTENSION")
        .when(frame("2017-01-01", None))
        .then_refused_by("J4", "FRAME_IS_NO_EXTENSION");
}

#[test]
fn j2_only_an_owner_approves_that_closing_activities_start() {
    let refused = |scenario: Scenario, subject: &str| {
        scenario
            .by(subject)
            .when(approve_closing())
            .then_refused(Kind::PermissionDenied, "NOT_THE_OWNER")
    };
    let approved = |scenario: Scenario, subject: &str| scenario.by(subject).when(approve_closing()).then_accepted();

    let owned_by_person = project_of_a_municipality()
        .given(assign(10, ProjectRole::Owner, "owner"))
        .given(assign(11, ProjectRole::Leader, "liv"));
    approved(refused(owned_by_person, "liv"), "owner")
        .when(approve_closing())
        .then_unchanged()
        .then_project(|project| {
            assert_eq!(project.closing_approval.as_ref().unwrap().subject, "owner");
        });

    let with_council = || {
        project_of_a_municipality()
            .given(establish(2, BodyKind::MunicipalCouncil, true))
            .given(appoint(20, terms(2, "mayor", AppointmentFunction::Leader)))
            .given(appoint(21, terms(2, "guest", AppointmentFunction::Observer)))
            .given(appoint(22, terms(1, "liv", AppointmentFunction::Leader)))
    };
    let council = role_holder::Holder::Body(super::organization::body(2));
    let owned_by_body = with_council().given(assign_to(10, ProjectRole::Owner, council));
    approved(refused(refused(owned_by_body, "guest"), "liv"), "mayor");

    let organization = role_holder::Holder::OrganizationId(ORGANIZATION.to_owned());
    let owned_by_organization = with_council().given(assign_to(10, ProjectRole::Owner, organization));
    approved(refused(owned_by_organization, "liv"), "mayor");
}

#[test]
fn a_project_is_cancelled_for_a_reason_and_then_refuses_changes() {
    project()
        .when(cancel())
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("No money")
        .given(cancel())
        .when(cancel())
        .then_unchanged()
        .when(frame("2017-01-01", None))
        .then_refused(Kind::FailedPrecondition, "PROJECT_ENDED")
        .when(assign(10, ProjectRole::Leader, "kari"))
        .then_refused(Kind::FailedPrecondition, "PROJECT_ENDED")
        .when(approve_closing())
        .then_refused(Kind::FailedPrecondition, "PROJECT_ENDED")
        .then_project(|project| {
            let end = project.end.as_ref().unwrap();
            assert_eq!(
                (project.status(), end.reason.as_str()),
                (ProjectStatus::Cancelled, "No money")
            );
        });
}

/// Plans a decision point under `id(number)` that the project responsible decides.
pub fn plan_point(number: u32, kind: DecisionPointKind, mandatory: bool) -> PlanDecisionPoint {
    PlanDecisionPoint {
        project_id: PROJECT.to_owned(),
        decision_point_id: id(number),
        name: format!("Point {number}"),
        date: "2018-12-01".to_owned(),
        kind: kind.into(),
        mandatory,
        decider: Some(Decider {
            decider: Some(decider::Decider::Role(ProjectRole::Responsible.into())),
        }),
        ..Default::default()
    }
}

pub fn approve_point(number: u32) -> ApproveDecisionPoint {
    ApproveDecisionPoint {
        project_id: PROJECT.to_owned(),
        decision_point_id: id(number),
        ..Default::default()
    }
}

fn extend(to: &str, number: u32) -> ExtendProject {
    ExtendProject {
        project_id: PROJECT.to_owned(),
        to: to.to_owned(),
        decision_point_id: id(number),
        ..Default::default()
    }
}

pub fn close(number: u32) -> CloseProject {
    CloseProject {
        project_id: PROJECT.to_owned(),
        decision_point_id: id(number),
        ..Default::default()
    }
}

/// A project whose responsible, `ola`, acts from 2018-12-01 on, and whose owner is `owner`.
pub fn governed() -> Scenario {
    project_of_a_municipality()
        .given(assign(10, ProjectRole::Responsible, "ola"))
        .given(assign(11, ProjectRole::Owner, "owner"))
        .by("ola")
        .on("2018-12-01")
}

#[test]
fn j4_an_extension_needs_a_reason_and_a_decision_of_its_own() {
    governed()
        .by("owner")
        .given(plan_point(1, DecisionPointKind::Extension, false))
        .given(plan_point(2, DecisionPointKind::Other, false))
        .when(extend("2019-12-31", 1))
        .then_refused(Kind::FailedPrecondition, "PERIOD_IS_OPEN")
        .given(frame("2017-01-01", Some("2018-12-31")))
        .when(extend("2019-12-31", 1))
        .then_refused_by("J4", "EXTENSION_NEEDS_REASON")
        .because("The supplier is late")
        .when(extend("2018-12-31", 1))
        .then_refused(Kind::InvalidArgument, "NOT_AN_EXTENSION")
        .when(extend("2019-12-31", 3))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(extend("2019-12-31", 2))
        .then_refused_by("J4", "DECISION_NOT_ABOUT_EXTENSION")
        .when(extend("2019-12-31", 1))
        .then_refused_by("J4", "EXTENSION_NOT_APPROVED")
        .given(approve_point(1))
        .effective("2018-11-30")
        .when(extend("2019-12-31", 1))
        .then_refused_by("J4", "EXTENSION_NOT_APPROVED")
        .effective("2018-12-01")
        .given(extend("2019-12-31", 1))
        .when(extend("2019-12-31", 1))
        .then_unchanged()
        .when(extend("2020-12-31", 1))
        .then_refused_by("J4", "EXTENSION_GIVEN")
        .then_project(|project| {
            let extension = &project.extensions[0];
            assert_eq!(
                (extension.earlier_to.as_str(), extension.to.as_str()),
                ("2018-12-31", "2019-12-31")
            );
            assert_eq!(extension.reason, "The supplier is late");
            let period = project.frame.as_ref().unwrap().period.as_ref().unwrap();
            assert_eq!(period.to.as_deref(), Some("2019-12-31"));
        });
}

#[test]
fn j2_a_project_is_closed_when_the_owner_the_decision_and_the_mandatory_points_allow_it() {
    governed()
        .given(plan_point(1, DecisionPointKind::ProjectClosing, true))
        .given(plan_point(2, DecisionPointKind::Other, true))
        .given(plan_point(3, DecisionPointKind::Other, false))
        .when(close(1))
        .then_refused_by("J2", "CLOSING_NOT_APPROVED")
        .by("owner")
        .given(approve_closing())
        .by("ola")
        .when(close(4))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(close(3))
        .then_refused_by("J2", "DECISION_NOT_ABOUT_CLOSING")
        .when(close(1))
        .then_refused_by("J2", "CLOSING_DECISION_NOT_APPROVED")
        .given(approve_point(1))
        .when(close(1))
        .then_refused_by("J2", "MANDATORY_DECISIONS_OPEN")
        .on("2018-12-10")
        .given(approve_point(2))
        .effective("2018-12-09")
        .when(close(1))
        .then_refused_by("J2", "MANDATORY_DECISIONS_OPEN")
        .effective("2018-11-30")
        .when(close(1))
        .then_refused_by("J2", "CLOSING_NOT_APPROVED")
        .effective("2018-12-10")
        .when(close(1))
        .then_refused_by("J2", "FINAL_REPORT_MISSING")
        .given(submit_final(40))
        .given(close(1))
        .when(close(1))
        .then_unchanged()
        .then_found("R5", 0)
        .when(close(2))
        .then_refused(Kind::FailedPrecondition, "PROJECT_ENDED")
        .because("No money")
        .by("owner")
        .when(cancel())
        .then_refused(Kind::FailedPrecondition, "PROJECT_ENDED");
}

#[test]
fn in_a_project_that_has_ended_nothing_is_overdue_that_can_no_longer_be_done() {
    governed()
        .given(plan_point(1, DecisionPointKind::Other, true))
        .given(PlanMilestone {
            project_id: PROJECT.to_owned(),
            milestone_id: id(20),
            plan: Some(MilestonePlan {
                name: "Contract signed".to_owned(),
                measurable_result: "A signed contract".to_owned(),
                ..Default::default()
            }),
            deadline: "2018-12-01".to_owned(),
            ..Default::default()
        })
        .on("2019-01-01")
        .then_found("DECISION_POINT_OVERDUE", 1)
        .then_found("MILESTONE_OVERDUE", 1)
        .because("No money")
        .given(cancel())
        .then_found("DECISION_POINT_OVERDUE", 0)
        .then_found("MILESTONE_OVERDUE", 0);
}

#[test]
fn b8_a_condition_of_the_closing_decision_is_fulfilled_after_the_project_is_closed() {
    let on_condition = ApproveDecisionPoint {
        conditions: vec![Condition {
            condition_id: id(30),
            text: "The archive is handed over.".to_owned(),
            due: "2019-03-01".to_owned(),
            owner: Some(condition::Owner::Role(ProjectRole::Responsible.into())),
        }],
        ..approve_point(1)
    };
    governed()
        .given(plan_point(1, DecisionPointKind::ProjectClosing, true))
        .by("owner")
        .given(approve_closing())
        .by("ola")
        .given(on_condition)
        .given(submit_final(40))
        .given(close(1))
        .on("2019-03-02")
        .then_found("CONDITION_OVERDUE", 1)
        .given(FulfilCondition {
            project_id: PROJECT.to_owned(),
            decision_point_id: id(1),
            condition_id: id(30),
            ..Default::default()
        })
        .then_found("CONDITION_OVERDUE", 0);
}
