//! Proves the rule of the frozen basis: B6.

use vedtak::domain::{changed_after_decision, decision_basis};
use vedtak::schema::v1::*;

use super::budget;
use super::decision_point::{approve, attach, plan, project_with_council, reject};
use super::document::{approve_document, draft, file, revise};
use super::phase::{approve_plan, phase, plan as plan_phase};
use super::scenario::{PROJECT, Scenario, id};

fn risk(number: u32) -> RegisterRisk {
    RegisterRisk {
        project_id: PROJECT.to_owned(),
        risk_id: id(number),
        number: "3".to_owned(),
        description: "Too little money".to_owned(),
        assessment: assessment(4, 5),
        ..Default::default()
    }
}

fn assessment(probability: i32, consequence: i32) -> Option<RiskAssessment> {
    Some(RiskAssessment {
        probability,
        consequence,
        stated_factor: None,
    })
}

fn assess(number: u32) -> AssessRisk {
    AssessRisk {
        project_id: PROJECT.to_owned(),
        risk_id: id(number),
        assessment: assessment(2, 4),
        ..Default::default()
    }
}

fn milestone(number: u32) -> PlanMilestone {
    PlanMilestone {
        project_id: PROJECT.to_owned(),
        milestone_id: id(number),
        plan: Some(MilestonePlan {
            number: "MP2".to_owned(),
            name: "Contract signed".to_owned(),
            measurable_result: "The contract exists".to_owned(),
            ..Default::default()
        }),
        deadline: "2017-06-01".to_owned(),
        ..Default::default()
    }
}

fn move_milestone(number: u32) -> RescheduleMilestone {
    RescheduleMilestone {
        project_id: PROJECT.to_owned(),
        milestone_id: id(number),
        deadline: "2017-08-01".to_owned(),
        ..Default::default()
    }
}

fn achieve(number: u32) -> AchieveMilestone {
    AchieveMilestone {
        project_id: PROJECT.to_owned(),
        milestone_id: id(number),
        evidence: "The contract".to_owned(),
        ..Default::default()
    }
}

fn remove(number: u32) -> RemoveLine {
    RemoveLine {
        project_id: PROJECT.to_owned(),
        line_id: id(number),
        ..Default::default()
    }
}

/// A point that gates a phase with a plan, and a basis, two lines of the budget, a risk and a milestone.
fn prepared() -> Scenario {
    project_with_council()
        .given(draft(30, "1.0", 'a'))
        .given(approve_document(30, "1.0"))
        .given(plan_phase(1, PhaseKind::Concept))
        .given(approve_plan(1))
        .given(PlanDecisionPoint {
            gates_phase_id: Some(phase(1)),
            ..plan(1)
        })
        .given(attach(1, vec![file("Project plan", 'a')], &[21]))
        .given(budget::cost(50, "2017", budget::known(60_000)))
        .given(budget::cost(51, "2018", budget::known(40_000)))
        .given(risk(40))
        .given(milestone(60))
}

/// The project that the decision saw, and the one that has come of it.
fn basis_of(then: &Scenario, now: &Scenario) -> DecisionBasis {
    decision_basis(Some(&then.project()), &now.project(), &id(1)).unwrap()
}

fn told(then: &Scenario, now: &Scenario) -> Vec<(BasisPart, String, i64, i64, String)> {
    let changes = basis_of(then, now).changes.into_iter();
    changes
        .map(|change| {
            (
                change.part(),
                change.entity_id,
                change.before_position,
                change.after_position,
                change.description,
            )
        })
        .collect()
}

#[test]
fn b6_a_decision_holds_the_positions_of_everything_that_it_rests_on() {
    let prepared = prepared();
    let before = prepared.project();
    let at = |provenance: &Option<Provenance>| provenance.unwrap().last_position;
    let frozen = FrozenBasis {
        project_version: before.version,
        project_position: before.position,
        basis_position: before.decision_points[0].basis.as_ref().unwrap().position,
        basis_sha256: vec!["a".repeat(64)],
        option_ids: vec![id(21)],
        phase_position: at(&before.phases[0].provenance),
        budget_position: at(&before.budget.as_ref().unwrap().cost_lines[1].provenance),
        risks_position: at(&before.risks[0].provenance),
        milestones_position: at(&before.milestones[0].provenance),
    };
    let approved = DecisionPointApproved {
        decision_point_id: id(1),
        frozen_basis: Some(frozen.clone()),
        ..Default::default()
    };
    let rejected = DecisionPointRejected {
        decision_point_id: id(1),
        frozen_basis: Some(frozen.clone()),
        ..Default::default()
    };
    prepared.clone().when(reject(1)).then(vec![rejected.into()]);
    let decided = prepared.clone().when(approve(1)).then(vec![approved.into()]);
    let basis = basis_of(&prepared, &decided);
    assert_eq!(basis.frozen_basis, Some(frozen));
    assert_eq!(basis.decided_position, before.position + 1);
    assert_eq!(basis.changes, []);
    assert!(changed_after_decision(&decided.project()).is_empty());
}

#[test]
fn b6_a_decision_that_rests_on_nothing_says_so() {
    let planned = project_with_council().given(plan(1));
    let before = planned.project();
    planned.given(approve(1)).then_project(|project| {
        let frozen = FrozenBasis {
            project_version: before.version,
            project_position: before.position,
            ..FrozenBasis::default()
        };
        assert_eq!(project.decision_points[0].frozen_basis, Some(frozen));
    });
}

#[test]
fn b6_what_changed_after_the_decision_is_told_with_the_figures_of_then_and_now() {
    let prepared = prepared();
    let position = prepared.project().position;
    let later = prepared
        .clone()
        .given(approve(1))
        .because("The supplier is late")
        .given(revise(30, "2.0", 'b'))
        .given(budget::cost(50, "2017", budget::known(80_000)))
        .given(assess(40))
        .given(move_milestone(60))
        .given(budget::cost(52, "2018", budget::known(5_000)))
        .given(remove(51));
    let before = prepared.project();
    let document = before.documents[0].provenance.unwrap().last_position;
    let lines = &before.budget.as_ref().unwrap().cost_lines;
    let line = |index: usize| lines[index].provenance.unwrap().last_position;
    let said = |text: &str| text.to_owned();
    assert_eq!(
        told(&prepared, &later),
        [
            (
                BasisPart::Document,
                id(30),
                document,
                position + 2,
                said("A document of the basis got a new version on 2017-01-02.")
            ),
            (
                BasisPart::CostLine,
                id(50),
                line(0),
                position + 3,
                said("A cost line: Courses in 2017, 60 000 kr has become Courses in 2017, 80 000 kr.")
            ),
            (
                BasisPart::CostLine,
                id(52),
                0,
                position + 6,
                said("A cost line is new: Courses in 2018, 5 000 kr.")
            ),
            (
                BasisPart::CostLine,
                id(51),
                line(1),
                position + 7,
                said("A cost line was removed; it said Courses in 2018, 40 000 kr.")
            ),
            (
                BasisPart::Risk,
                id(40),
                position - 1,
                position + 4,
                said("Risk 3: RF 20, open has become RF 8, open.")
            ),
            (
                BasisPart::Milestone,
                id(60),
                position,
                position + 5,
                said("Milestone MP2: 2017-06-01 has become 2017-08-01.")
            ),
        ]
    );
    assert_eq!(changed_after_decision(&later.project()), [id(1)]);
}

#[test]
fn b6_each_change_by_itself_flags_the_decision() {
    let decided = prepared().given(approve(1)).because("Things change");
    let other_plan = || {
        decided
            .clone()
            .given(draft(31, "1.0", 'e'))
            .given(approve_document(31, "1.0"))
            .given(ApprovePhasePlan {
                document_id: id(31),
                ..approve_plan(1)
            })
    };
    for changed in [
        decided.clone().given(remove(50)),
        decided.clone().given(assess(40)),
        decided.clone().given(risk(41)),
        decided.clone().given(move_milestone(60)),
        decided.clone().given(CancelMilestone {
            project_id: PROJECT.to_owned(),
            milestone_id: id(60),
            ..Default::default()
        }),
        decided.clone().given(revise(30, "2.0", 'b')),
        decided.clone().given(attach(1, vec![file("Late document", 'c')], &[])),
        other_plan(),
    ] {
        assert_eq!(changed_after_decision(&changed.project()), [id(1)]);
        assert_eq!(told(&prepared(), &changed).len(), 1);
    }
}

#[test]
fn b6_what_follows_from_the_plan_is_no_change_of_it() {
    let later = prepared()
        .given(approve(1))
        .given(StartPhase {
            project_id: PROJECT.to_owned(),
            phase_id: phase(1),
            ..Default::default()
        })
        .given(achieve(60))
        .given(RecordCommitment {
            project_id: PROJECT.to_owned(),
            commitment_id: id(70),
            line_id: id(50),
            amount: budget::known(10_000),
            description: "Course in archiving".to_owned(),
            ..Default::default()
        });
    assert!(changed_after_decision(&later.project()).is_empty());
    assert_eq!(told(&prepared(), &later), []);
}

#[test]
fn b6_of_an_undecided_point_nothing_is_frozen_yet() {
    let basis = decision_basis(None, &prepared().project(), &id(1)).unwrap();
    assert_eq!((basis.frozen_basis, basis.decided_position), (None, 0));
    assert_eq!(basis.basis.unwrap().documents, [file("Project plan", 'a')]);
    assert!(decision_basis(None, &prepared().project(), &id(99)).is_none());
}
