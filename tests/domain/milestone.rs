//! Proves the rules of milestones: M1, M2, B9.

use vedtak::domain::Kind;
use vedtak::schema::v1::*;

use super::risk::project;
use super::scenario::{PROJECT, Scenario, id};

pub fn plan(number: u32, deadline: &str) -> PlanMilestone {
    let plan = MilestonePlan {
        number: format!("MP{number}"),
        name: "Contract signed".to_owned(),
        measurable_result: "The contract exists".to_owned(),
        ..Default::default()
    };
    PlanMilestone {
        project_id: PROJECT.to_owned(),
        milestone_id: id(number),
        plan: Some(plan),
        deadline: deadline.to_owned(),
        ..Default::default()
    }
}

fn with(change: impl FnOnce(&mut MilestonePlan), mut command: PlanMilestone) -> PlanMilestone {
    change(command.plan.as_mut().unwrap());
    command
}

pub fn reschedule(number: u32, deadline: &str) -> RescheduleMilestone {
    RescheduleMilestone {
        project_id: PROJECT.to_owned(),
        milestone_id: id(number),
        deadline: deadline.to_owned(),
        ..Default::default()
    }
}

fn achieve(number: u32, evidence: &str) -> AchieveMilestone {
    AchieveMilestone {
        project_id: PROJECT.to_owned(),
        milestone_id: id(number),
        evidence: evidence.to_owned(),
        ..Default::default()
    }
}

pub fn cancel(number: u32) -> CancelMilestone {
    CancelMilestone {
        project_id: PROJECT.to_owned(),
        milestone_id: id(number),
        ..Default::default()
    }
}

/// A decision point BP5 of this id, that the project leader decides.
fn decision_point(number: u32, date: &str) -> PlanDecisionPoint {
    PlanDecisionPoint {
        project_id: PROJECT.to_owned(),
        decision_point_id: id(number),
        number: "BP5".to_owned(),
        name: "System chosen".to_owned(),
        date: date.to_owned(),
        kind: DecisionPointKind::Other.into(),
        decider: Some(Decider {
            decider: Some(decider::Decider::Role(ProjectRole::Leader.into())),
        }),
        ..Default::default()
    }
}

fn sentences(scenario: &Scenario, code: &str) -> Vec<String> {
    scenario
        .findings()
        .into_iter()
        .filter(|finding| finding.code == code)
        .map(|finding| finding.description)
        .collect()
}

#[test]
fn m1_a_milestone_is_achieved_only_with_evidence_of_its_result() {
    let document = DocumentReference {
        title: "Contract".to_owned(),
        sha256: "0".repeat(64),
        link: String::new(),
    };
    let shown = AchieveMilestone {
        document: Some(document),
        achieved_on: Some("2017-01-01".to_owned()),
        ..achieve(2, "")
    };
    project()
        .given(plan(1, "2017-06-01"))
        .given(plan(2, "2017-06-01"))
        .when(achieve(1, ""))
        .then_refused_by("M1", "EVIDENCE_REQUIRED")
        .when(achieve(1, "Signed by both, seen by the archive"))
        .then_accepted()
        .when(shown.clone())
        .then_accepted()
        .when(shown)
        .then_unchanged()
        .when(achieve(1, "Another text"))
        .then_refused(Kind::FailedPrecondition, "MILESTONE_ACHIEVED")
        .then_project(|project| {
            assert_eq!(project.milestones[0].achieved_on.as_deref(), Some("2017-01-02"));
            assert_eq!(project.milestones[1].achieved_on.as_deref(), Some("2017-01-01"));
            assert_eq!(project.milestones[1].status(), MilestoneStatus::Achieved);
        });
}

#[test]
fn a_milestone_is_not_achieved_in_the_future() {
    let early = AchieveMilestone {
        achieved_on: Some("2017-01-03".to_owned()),
        ..achieve(1, "Soon")
    };
    project()
        .given(plan(1, "2017-06-01"))
        .when(early)
        .then_refused(Kind::InvalidArgument, "ACHIEVED_IN_FUTURE");
}

#[test]
fn m2_the_baseline_and_every_move_stay_readable_with_their_reasons() {
    project()
        .given(plan(1, "2017-06-01"))
        .when(reschedule(1, "2017-07-01"))
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("The supplier is late")
        .given(reschedule(1, "2017-07-01"))
        .because("Summer")
        .given(reschedule(1, "2017-08-20"))
        .when(reschedule(1, "2017-08-20"))
        .then_unchanged()
        .when(plan(1, "2017-06-01"))
        .then_unchanged()
        .then_project(|project| {
            let milestone = &project.milestones[0];
            assert_eq!(
                (milestone.baseline.as_str(), milestone.deadline.as_str()),
                ("2017-06-01", "2017-08-20")
            );
            let moves: Vec<_> = milestone
                .moves
                .iter()
                .map(|moved| (moved.from.as_str(), moved.to.as_str(), moved.reason.as_str()))
                .collect();
            assert_eq!(
                moves,
                [
                    ("2017-06-01", "2017-07-01", "The supplier is late"),
                    ("2017-07-01", "2017-08-20", "Summer")
                ]
            );
            assert_eq!(milestone.moves[1].position, project.position);
        });
}

#[test]
fn b9_a_milestone_dated_before_the_decision_it_hangs_on_is_found_until_it_is_moved() {
    let early = project().given(decision_point(50, "2017-06-15")).given(with(
        |plan| plan.decision_point_ids = vec![id(50)],
        plan(2, "2017-06-01"),
    ));
    assert_eq!(
        sentences(&early, "B9"),
        ["Milestone MP2 (2017-06-01) is dated before decision point BP5 (2017-06-15), which it hangs on."]
    );
    early
        .because("The choice comes first")
        .given(reschedule(2, "2017-06-15"))
        .then_found("B9", 0);
}

#[test]
fn a_milestone_dated_before_one_it_depends_on_is_found() {
    let early = project()
        .given(plan(1, "2017-06-01"))
        .given(with(|plan| plan.depends_on = vec![id(1)], plan(2, "2017-05-01")));
    assert_eq!(
        sentences(&early, "MILESTONE_BEFORE_DEPENDENCY"),
        ["Milestone MP2 (2017-05-01) is dated before milestone MP1 (2017-06-01), which it depends on."]
    );
    early
        .because("Sooner")
        .given(reschedule(1, "2017-04-01"))
        .then_found("MILESTONE_BEFORE_DEPENDENCY", 0);
}

#[test]
fn what_a_milestone_depends_on_is_there_before_it_and_is_not_itself() {
    project()
        .when(with(|plan| plan.depends_on = vec![id(1)], plan(1, "2017-06-01")))
        .then_refused(Kind::FailedPrecondition, "DEPENDENCY_CYCLE")
        .when(with(|plan| plan.depends_on = vec![id(9)], plan(1, "2017-06-01")))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(with(
            |plan| plan.decision_point_ids = vec![id(9)],
            plan(1, "2017-06-01"),
        ))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(achieve(1, "It is there"))
        .then_refused(Kind::NotFound, "NOT_FOUND");
}

#[test]
fn a_milestone_past_its_deadline_is_found_until_it_is_achieved() {
    let late = project()
        .given(plan(1, "2017-01-03"))
        .then_found("MILESTONE_OVERDUE", 0)
        .on("2017-01-04");
    assert_eq!(
        sentences(&late, "MILESTONE_OVERDUE"),
        ["Milestone MP1 was due by 2017-01-03 and is not achieved."]
    );
    late.given(achieve(1, "It is there")).then_found("MILESTONE_OVERDUE", 0);
}

#[test]
fn a_number_used_twice_is_found_until_one_is_cancelled() {
    let twice = project()
        .given(plan(1, "2017-06-01"))
        .given(with(|plan| plan.number = "MP1".to_owned(), plan(2, "2017-06-01")));
    assert_eq!(
        sentences(&twice, "MILESTONE_NUMBER_REPEATED"),
        ["2 milestones have the number MP1."]
    );
    twice
        .because("Written twice")
        .given(cancel(2))
        .then_found("MILESTONE_NUMBER_REPEATED", 0);
}

#[test]
fn a_milestone_is_cancelled_for_a_reason_and_then_stays_so() {
    project()
        .given(plan(1, "2017-06-01"))
        .when(plan(1, "2017-07-01"))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(cancel(1))
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("Bought with another municipality")
        .given(cancel(1))
        .when(cancel(1))
        .then_unchanged()
        .when(reschedule(1, "2017-07-01"))
        .then_refused(Kind::FailedPrecondition, "MILESTONE_CANCELLED")
        .when(achieve(1, "It is there"))
        .then_refused(Kind::FailedPrecondition, "MILESTONE_CANCELLED");
}
