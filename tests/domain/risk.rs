//! Proves the rules of risk: X1, X2, X3, X5.

use vedtak::domain::{Kind, risk_matrix};
use vedtak::schema::v1::*;

use super::scenario::{PROJECT, Scenario, id, scenario};

pub fn project() -> Scenario {
    scenario().given(RegisterProject {
        project_id: PROJECT.to_owned(),
        name: "Digitalisering".to_owned(),
        kind: ProjectKind::MainProject.into(),
        owner: super::project::first_owner(900, "kari"),
        ..Default::default()
    })
}

fn register(number: &str, probability: i32, consequence: i32, stated_factor: Option<i32>) -> RegisterRisk {
    RegisterRisk {
        project_id: PROJECT.to_owned(),
        risk_id: id(1),
        number: number.to_owned(),
        description: "Too little operating money".to_owned(),
        assessment: Some(RiskAssessment {
            probability,
            consequence,
            stated_factor,
        }),
        ..Default::default()
    }
}

#[test]
fn x1_the_risk_factor_is_computed_and_never_taken() {
    project()
        .when(register("3", 4, 2, Some(10)))
        .then_accepted()
        .then_project(|project| {
            assert_eq!(project.risks[0].factor, 8);
            assert_eq!(
                project.risks[0].assessments[0].assessment.unwrap().stated_factor,
                Some(10)
            );
        });
}

#[test]
fn x2_a_stated_factor_that_is_not_the_product_is_found() {
    let stated_wrongly = project().given(register("3", 4, 2, Some(10))).then_found("X2", 1);
    let found = stated_wrongly
        .findings()
        .into_iter()
        .find(|finding| finding.code == "X2")
        .unwrap();
    assert_eq!(found.description, "Risk 3: the stated RF is 10, but 4 × 2 is 8.");
    let assessment = Some(RiskAssessment {
        probability: 4,
        consequence: 2,
        stated_factor: Some(8),
    });
    stated_wrongly
        .given(AssessRisk {
            project_id: PROJECT.to_owned(),
            risk_id: id(1),
            assessment,
            ..Default::default()
        })
        .then_found("X2", 0);
}

#[test]
fn x3_a_risk_without_a_measure_is_found_until_one_is_planned() {
    project()
        .given(register("3", 4, 2, None))
        .then_found("X3", 1)
        .given(plan_measure())
        .then_found("X3", 0);
}

fn plan_measure() -> PlanMeasure {
    PlanMeasure {
        project_id: PROJECT.to_owned(),
        risk_id: id(1),
        measure_id: id(2),
        description: "Postpone".to_owned(),
        ..Default::default()
    }
}

/// Completes the measure; what remains is 2 × 3.
fn complete_measure() -> CompleteMeasure {
    CompleteMeasure {
        project_id: PROJECT.to_owned(),
        risk_id: id(1),
        measure_id: id(2),
        residual: Some(RiskAssessment {
            probability: 2,
            consequence: 3,
            stated_factor: None,
        }),
        ..Default::default()
    }
}

fn accept(number: u32) -> AcceptRisk {
    AcceptRisk {
        project_id: PROJECT.to_owned(),
        risk_id: id(number),
        ..Default::default()
    }
}

/// The cells of a matrix in which risks stand, as (probability, consequence, risks), and how many stand in none.
fn standing(matrix: Option<&RiskMatrix>) -> (Vec<(i32, i32, i32)>, i32) {
    let matrix = matrix.unwrap();
    assert_eq!(matrix.cells.len(), 25);
    let cells = matrix
        .cells
        .iter()
        .map(|cell| (cell.probability, cell.consequence, cell.risks));
    (cells.filter(|cell| cell.2 > 0).collect(), matrix.unassessed_risks)
}

#[test]
fn x5_the_risk_matrix_of_a_project_stands_before_and_after_its_measures() {
    let unassessed = RegisterRisk {
        risk_id: id(5),
        assessment: None,
        ..register("5", 1, 1, None)
    };
    let another = |number: u32| RegisterRisk {
        risk_id: id(number),
        ..register(&number.to_string(), 4, 2, None)
    };
    project()
        .given(register("3", 4, 2, None))
        .given(another(4))
        .given(unassessed)
        .given(another(6))
        .given(plan_measure())
        .given(complete_measure())
        .because("The savings elsewhere cover it.")
        .given(accept(6))
        .then_project(|project| {
            let reading = risk_matrix(project);
            assert_eq!(standing(reading.before_measures.as_ref()), (vec![(4, 2, 2)], 1));
            assert_eq!(standing(reading.matrix.as_ref()), (vec![(2, 3, 1), (4, 2, 1)], 1));
            let after: Vec<(&str, &str)> = reading
                .risks
                .iter()
                .map(|risk| (risk.number.as_str(), risk.after_measure_id.as_str()))
                .collect();
            assert_eq!(after, [("3", id(2).as_str()), ("4", ""), ("5", "")]);
        });
}

#[test]
fn x5_the_history_of_a_risk_shows_what_remains_after_a_measure() {
    project()
        .given(register("3", 4, 2, None))
        .given(plan_measure())
        .given(complete_measure())
        .then_project(|project| {
            let risk = &project.risks[0];
            let assessed = risk.assessments.iter();
            let history: Vec<_> = assessed
                .map(|assessed| (assessed.factor, assessed.after_measure_id.clone()))
                .collect();
            assert_eq!(history, [(8, String::new()), (6, id(2))]);
            assert_eq!(risk.factor, 6);
            assert!(risk.measures[0].completed.is_some());
        });
}

#[test]
fn x5_the_history_of_a_risk_shows_where_it_has_stood_and_why() {
    project()
        .given(register("3", 4, 2, None))
        .on("2017-02-01")
        .because("The savings elsewhere cover it.")
        .given(accept(1))
        .then_project(|project| {
            let turns = &project.risk(&id(1)).unwrap().turns;
            let turns: Vec<(RiskStatus, &str, &str)> = turns
                .iter()
                .map(|turn| (turn.status(), turn.effective_date.as_str(), turn.reason.as_str()))
                .collect();
            assert_eq!(
                turns,
                [
                    (RiskStatus::Open, "2017-01-02", ""),
                    (RiskStatus::Accepted, "2017-02-01", "The savings elsewhere cover it."),
                ]
            );
        });
}

#[test]
fn registering_the_same_risk_twice_changes_nothing_and_another_under_its_id_is_refused() {
    project()
        .given(register("3", 4, 2, None))
        .when(register("3", 4, 2, None))
        .then_unchanged()
        .when(register("4", 4, 2, None))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS");
}

#[test]
fn a_risk_is_accepted_only_for_a_reason() {
    project()
        .given(register("3", 4, 2, None))
        .when(accept(1))
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("The savings elsewhere cover it.")
        .when(accept(1))
        .then_accepted();
}
