//! Proves the rules of risk: X1, X2, X3, X5.

use vedtak::domain::Kind;
use vedtak::schema::v1::*;

use super::scenario::{PROJECT, Scenario, id, scenario};

pub fn project() -> Scenario {
    scenario().given(RegisterProject {
        project_id: PROJECT.to_owned(),
        name: "Digitalisering".to_owned(),
        kind: ProjectKind::MainProject.into(),
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
    let plan = PlanMeasure {
        project_id: PROJECT.to_owned(),
        risk_id: id(1),
        measure_id: id(2),
        description: "Postpone".to_owned(),
        ..Default::default()
    };
    project()
        .given(register("3", 4, 2, None))
        .then_found("X3", 1)
        .given(plan)
        .then_found("X3", 0);
}

#[test]
fn x5_the_history_of_a_risk_shows_what_remains_after_a_measure() {
    let plan = PlanMeasure {
        project_id: PROJECT.to_owned(),
        risk_id: id(1),
        measure_id: id(2),
        description: "Postpone".to_owned(),
        ..Default::default()
    };
    let complete = CompleteMeasure {
        project_id: PROJECT.to_owned(),
        risk_id: id(1),
        measure_id: id(2),
        residual: Some(RiskAssessment {
            probability: 2,
            consequence: 3,
            stated_factor: None,
        }),
        ..Default::default()
    };
    project()
        .given(register("3", 4, 2, None))
        .given(plan)
        .given(complete)
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
    let accept = AcceptRisk {
        project_id: PROJECT.to_owned(),
        risk_id: id(1),
        ..Default::default()
    };
    project()
        .given(register("3", 4, 2, None))
        .when(accept.clone())
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("The savings elsewhere cover it.")
        .when(accept)
        .then_accepted();
}
