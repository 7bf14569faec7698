//! Proves the rules of phases: F1 to F3 and D1.

use vedtak::domain::Kind;
use vedtak::schema::v1::*;

use super::checkpoint::{answer_yes, define, reopen};
use super::decision_point::{approve, plan as plan_point, project_with_council, reject};
use super::document::{approve_document, draft};
use super::risk::project;
use super::scenario::{PROJECT, Scenario, id};

/// Plans the phase of this number under `id(100 + number)`.
pub fn plan(number: u32, kind: PhaseKind) -> PlanPhase {
    let mode = if kind == PhaseKind::Execution {
        PhaseMode::Milestones
    } else {
        PhaseMode::Unspecified
    };
    PlanPhase {
        project_id: PROJECT.to_owned(),
        phase_id: phase(number),
        number: number as i32,
        name: format!("Stage {number}"),
        kind: kind.into(),
        mode: mode.into(),
        ..Default::default()
    }
}

/// The id of the phase of this number.
pub fn phase(number: u32) -> String {
    id(100 + number)
}

/// Makes the document `id(30)` the plan of the phase.
pub fn approve_plan(number: u32) -> ApprovePhasePlan {
    ApprovePhasePlan {
        project_id: PROJECT.to_owned(),
        phase_id: phase(number),
        document_id: id(30),
        version: "1.0".to_owned(),
        ..Default::default()
    }
}

pub fn start(number: u32) -> StartPhase {
    StartPhase {
        project_id: PROJECT.to_owned(),
        phase_id: phase(number),
        ..Default::default()
    }
}

pub fn evaluate(number: u32) -> EvaluatePhase {
    let assessment = "Done on time.".to_owned();
    EvaluatePhase {
        project_id: PROJECT.to_owned(),
        phase_id: phase(number),
        assessment,
        ..Default::default()
    }
}

pub fn complete(number: u32) -> CompletePhase {
    CompletePhase {
        project_id: PROJECT.to_owned(),
        phase_id: phase(number),
        ..Default::default()
    }
}

fn skip(number: u32) -> SkipPhase {
    SkipPhase {
        project_id: PROJECT.to_owned(),
        phase_id: phase(number),
        ..Default::default()
    }
}

/// A project with an approved project plan, and this phase planned on it.
pub fn ready(scenario: Scenario, number: u32, kind: PhaseKind) -> Scenario {
    let scenario = scenario.given(draft(30, "1.0", 'a')).given(approve_document(30, "1.0"));
    scenario.given(plan(number, kind)).given(approve_plan(number))
}

pub fn started(number: u32) -> Scenario {
    ready(project(), number, PhaseKind::Execution).given(start(number))
}

#[test]
fn f1_an_execution_phase_says_whether_it_goes_by_milestones_or_in_sprints() {
    let unsaid = PlanPhase {
        mode: PhaseMode::Unspecified.into(),
        ..plan(1, PhaseKind::Execution)
    };
    let sprints = PlanPhase {
        mode: PhaseMode::Sprints.into(),
        ..unsaid.clone()
    };
    project()
        .when(unsaid)
        .then_refused_by("F1", "MODE_REQUIRED")
        .when(sprints)
        .then_accepted();
}

#[test]
fn f1_closing_starts_only_in_a_project_with_a_phase_of_execution() {
    let execution = plan(3, PhaseKind::Execution);
    ready(project(), 2, PhaseKind::Closing)
        .when(start(2))
        .then_refused_by("F1", "EXECUTION_PHASE_MISSING")
        .given(execution)
        .when(start(2))
        .then_accepted();
}

#[test]
fn f2_a_phase_starts_when_the_one_before_is_completed() {
    ready(project(), 2, PhaseKind::Execution)
        .given(plan(1, PhaseKind::Concept))
        .when(start(2))
        .then_refused_by("F2", "PHASE_BEFORE_NOT_COMPLETED")
        .given(approve_plan(1))
        .given(start(1))
        .on("2017-02-01")
        .given(evaluate(1))
        .given(complete(1))
        .effective("2017-01-31")
        .when(start(2))
        .then_refused_by("F2", "PHASE_BEFORE_NOT_COMPLETED")
        .effective("2017-02-01")
        .when(start(2))
        .then_accepted()
        .when(start(2))
        .then_unchanged();
}

#[test]
fn f2_skipping_a_phase_does_not_do_away_with_the_one_before_it() {
    ready(project(), 3, PhaseKind::Execution)
        .given(plan(1, PhaseKind::Concept))
        .given(plan(2, PhaseKind::Planning))
        .because("Planned in the pre-project.")
        .given(skip(2))
        .when(start(3))
        .then_refused_by("F2", "PHASE_BEFORE_NOT_COMPLETED")
        .given(skip(1))
        .when(start(3))
        .then_accepted();
}

#[test]
fn f2_a_phase_starts_on_its_own_approved_plan() {
    project()
        .given(plan(1, PhaseKind::Concept))
        .when(start(1))
        .then_refused_by("F2", "PHASE_PLAN_NOT_APPROVED")
        .when(approve_plan(1))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(draft(30, "1.0", 'a'))
        .when(approve_plan(1))
        .then_refused_by("F2", "DOCUMENT_NOT_APPROVED")
        .given(approve_document(30, "1.0"))
        .when(approve_plan(1))
        .then_accepted()
        .when(approve_plan(1))
        .then_unchanged()
        .when(start(1))
        .then_accepted();
}

#[test]
fn f2_a_phase_starts_when_the_decision_points_that_gate_it_are_approved() {
    let gate = |number| PlanDecisionPoint {
        gates_phase_id: Some(phase(1)),
        ..plan_point(number)
    };
    let gated = ready(project_with_council(), 1, PhaseKind::Execution)
        .given(gate(1))
        .when(start(1))
        .then_refused_by("F2", "GATE_NOT_APPROVED");
    let passed = gated.clone().given(approve(1)).when(start(1)).then_accepted();
    passed.then_project(|project| assert_eq!(project.phases[0].started.as_deref(), Some("2017-01-02")));
    gated
        .given(reject(1))
        .when(start(1))
        .then_refused_by("F2", "GATE_NOT_APPROVED")
        .given(PlanDecisionPoint {
            supersedes_id: Some(id(1)),
            ..plan_point(2)
        })
        .when(start(1))
        .then_refused_by("F2", "GATE_NOT_APPROVED")
        .given(approve(2))
        .when(start(1))
        .then_accepted();
}

#[test]
fn f2_an_approved_gate_stays_open_until_the_point_that_supersedes_it_is_decided() {
    let gate = |number| PlanDecisionPoint {
        gates_phase_id: Some(phase(1)),
        ..plan_point(number)
    };
    let reconsidered = ready(project_with_council(), 1, PhaseKind::Execution)
        .given(gate(1))
        .given(approve(1))
        .given(PlanDecisionPoint {
            supersedes_id: Some(id(1)),
            ..gate(2)
        });
    reconsidered.clone().when(start(1)).then_accepted();
    reconsidered
        .given(reject(2))
        .when(start(1))
        .then_refused_by("F2", "GATE_NOT_APPROVED");
}

#[test]
fn f2_a_decision_at_no_gate_does_not_open_that_of_the_point_that_would_supersede_it() {
    ready(project_with_council(), 1, PhaseKind::Execution)
        .given(plan_point(1))
        .given(approve(1))
        .given(PlanDecisionPoint {
            gates_phase_id: Some(phase(1)),
            supersedes_id: Some(id(1)),
            ..plan_point(2)
        })
        .when(start(1))
        .then_refused_by("F2", "GATE_NOT_APPROVED")
        .given(approve(2))
        .when(start(1))
        .then_accepted();
}

#[test]
fn f2_a_gate_stays_open_while_what_superseded_it_is_reconsidered() {
    let supersede = |old, new| PlanDecisionPoint {
        supersedes_id: Some(id(old)),
        ..plan_point(new)
    };
    ready(project_with_council(), 1, PhaseKind::Execution)
        .given(PlanDecisionPoint {
            gates_phase_id: Some(phase(1)),
            ..plan_point(1)
        })
        .given(reject(1))
        .given(supersede(1, 2))
        .given(approve(2))
        .given(PlanDecisionPoint {
            gates_phase_id: Some(phase(1)),
            ..supersede(2, 3)
        })
        .when(start(1))
        .then_accepted();
}

#[test]
fn f3_a_phase_is_completed_when_it_is_evaluated() {
    started(1)
        .when(complete(1))
        .then_refused_by("F3", "PHASE_NOT_EVALUATED")
        .on("2017-06-01")
        .when(evaluate(1))
        .then_accepted()
        .when(evaluate(1))
        .then_unchanged()
        .effective("2017-05-31")
        .when(complete(1))
        .then_refused_by("F3", "PHASE_NOT_EVALUATED")
        .effective("2017-01-01")
        .when(complete(1))
        .then_refused(Kind::InvalidArgument, "COMPLETED_BEFORE_START")
        .effective("2017-06-01")
        .when(complete(1))
        .then_accepted()
        .when(complete(1))
        .then_unchanged()
        .when(start(1))
        .then_refused(Kind::FailedPrecondition, "PHASE_OVER");
}

#[test]
fn f3_a_phase_is_completed_when_every_mandatory_checkpoint_is_answered() {
    started(1)
        .given(define(1, phase(1), true))
        .given(define(2, phase(1), false))
        .given(evaluate(1))
        .when(complete(1))
        .then_refused_by("F3", "CHECKPOINT_UNANSWERED")
        .given(answer_yes(1))
        .when(complete(1))
        .then_accepted();
}

#[test]
fn f3_skipping_a_phase_does_not_bypass_its_mandatory_checkpoints() {
    let skipped = ready(project(), 2, PhaseKind::Execution)
        .given(plan(1, PhaseKind::Concept))
        .given(define(1, phase(1), true))
        .because("Done in the pre-project.")
        .when(skip(1))
        .then_refused_by("F3", "CHECKPOINT_UNANSWERED")
        .given(answer_yes(1))
        .when(skip(1))
        .then_accepted()
        .when(skip(1))
        .then_unchanged();
    skipped.clone().when(start(2)).then_accepted();
    skipped
        .given(reopen(1))
        .when(start(2))
        .then_refused_by("F3", "CHECKPOINT_UNANSWERED")
        .then_found("CHECKPOINT_OPEN_AFTER_PHASE", 1)
        .given(answer_yes(1))
        .then_found("CHECKPOINT_OPEN_AFTER_PHASE", 0);
}

#[test]
fn d1_execution_starts_only_on_an_approved_governing_document() {
    let phase_plan = DraftDocument {
        kind: DocumentKind::PhasePlan.into(),
        ..draft(30, "1.0", 'a')
    };
    project()
        .given(phase_plan)
        .given(approve_document(30, "1.0"))
        .given(plan(1, PhaseKind::Execution))
        .given(approve_plan(1))
        .when(start(1))
        .then_refused_by("D1", "NO_APPROVED_DOCUMENT")
        .given(draft(31, "1.0", 'b'))
        .when(start(1))
        .then_refused_by("D1", "NO_APPROVED_DOCUMENT")
        .given(approve_document(31, "1.0"))
        .when(start(1))
        .then_accepted();
}

#[test]
fn a_phase_is_skipped_for_a_reason_and_before_it_starts() {
    started(1)
        .given(plan(2, PhaseKind::Closing))
        .when(skip(2))
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("Nothing is left to do.")
        .when(skip(1))
        .then_refused(Kind::FailedPrecondition, "PHASE_STARTED")
        .when(start(1))
        .then_unchanged()
        .on("2017-02-01")
        .when(start(1))
        .then_refused(Kind::FailedPrecondition, "PHASE_STARTED");
}

#[test]
fn a_phase_that_has_not_started_is_neither_evaluated_nor_completed() {
    project()
        .given(plan(1, PhaseKind::Concept))
        .when(evaluate(1))
        .then_refused(Kind::FailedPrecondition, "PHASE_NOT_STARTED")
        .when(complete(1))
        .then_refused(Kind::FailedPrecondition, "PHASE_NOT_STARTED");
}

#[test]
fn phases_stand_in_the_order_of_their_numbers_each_its_own() {
    let same_number = PlanPhase {
        phase_id: id(1),
        ..plan(2, PhaseKind::Other)
    };
    project()
        .given(plan(2, PhaseKind::Execution))
        .given(plan(1, PhaseKind::Concept))
        .then_project(|project| {
            let numbers: Vec<i32> = project.phases.iter().map(|phase| phase.number).collect();
            assert_eq!(numbers, [1, 2]);
        })
        .when(same_number)
        .then_refused(Kind::FailedPrecondition, "PHASE_NUMBER_TAKEN")
        .when(plan(1, PhaseKind::Concept))
        .then_unchanged()
        .when(plan(1, PhaseKind::Planning))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS");
}

#[test]
fn a_phase_ends_on_or_after_its_first_day() {
    let period = |from: &str, to: &str| {
        Some(Period {
            from: from.to_owned(),
            to: Some(to.to_owned()),
        })
    };
    let reversed = PlanPhase {
        period: period("2017-12-31", "2017-01-01"),
        ..plan(1, PhaseKind::Concept)
    };
    let one_day = PlanPhase {
        period: period("2017-01-01", "2017-01-01"),
        ..plan(1, PhaseKind::Concept)
    };
    project()
        .when(reversed)
        .then_refused(Kind::InvalidArgument, "PERIOD_REVERSED")
        .when(one_day)
        .then_accepted();
}

#[test]
fn a_phase_that_does_not_exist_is_not_found() {
    let nothing = project()
        .because("For a reason.")
        .when(start(1))
        .then_refused(Kind::NotFound, "NOT_FOUND");
    let nothing = nothing.when(approve_plan(1)).then_refused(Kind::NotFound, "NOT_FOUND");
    let nothing = nothing.when(evaluate(1)).then_refused(Kind::NotFound, "NOT_FOUND");
    let nothing = nothing.when(complete(1)).then_refused(Kind::NotFound, "NOT_FOUND");
    nothing.when(skip(1)).then_refused(Kind::NotFound, "NOT_FOUND");
}
