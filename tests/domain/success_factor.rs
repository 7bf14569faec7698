//! Proves the rule of success factors: Q1.

use vedtak::domain::Kind;
use vedtak::schema::v1::*;

use super::risk::project;
use super::scenario::{PROJECT, id};

fn identify(number: u32) -> IdentifySuccessFactor {
    IdentifySuccessFactor {
        project_id: PROJECT.to_owned(),
        success_factor_id: id(number),
        description: "The leaders stand behind it".to_owned(),
        ..Default::default()
    }
}

fn plan(factor: u32, description: &str) -> PlanQualityMeasure {
    PlanQualityMeasure {
        project_id: PROJECT.to_owned(),
        success_factor_id: id(factor),
        measure_id: id(10),
        description: description.to_owned(),
        responsible: "The project responsible".to_owned(),
        due: Some("2017-06-01".to_owned()),
        ..Default::default()
    }
}

fn assess(factor: u32, standing: FactorStanding) -> AssessSuccessFactor {
    AssessSuccessFactor {
        project_id: PROJECT.to_owned(),
        success_factor_id: id(factor),
        standing: standing.into(),
        note: "Two of five take part.".to_owned(),
        ..Default::default()
    }
}

#[test]
fn q1_a_success_factor_without_a_measure_is_found_until_one_is_planned() {
    let identified = project().given(identify(1)).then_found("Q1", 1);
    let found = identified.findings().into_iter().find(|finding| finding.code == "Q1");
    assert_eq!(
        found.unwrap().description,
        "The success factor \"The leaders stand behind it\" has no measure."
    );
    identified.given(plan(1, "Monthly meetings")).then_found("Q1", 0);
}

#[test]
fn q1_in_a_project_that_has_ended_no_measure_is_missed() {
    project()
        .given(identify(1))
        .because("No money")
        .given(CancelProject {
            project_id: PROJECT.to_owned(),
            ..Default::default()
        })
        .then_found("Q1", 0);
}

#[test]
fn a_success_factor_and_its_measures_are_said_once() {
    let other = IdentifySuccessFactor {
        description: "Another".to_owned(),
        ..identify(1)
    };
    project()
        .given(identify(1))
        .when(identify(1))
        .then_unchanged()
        .when(other)
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(plan(2, "Monthly meetings"))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(plan(1, "Monthly meetings"))
        .when(plan(1, "Monthly meetings"))
        .then_unchanged()
        .when(plan(1, "Yearly meetings"))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS");
}

#[test]
fn every_assessment_of_a_success_factor_stays_in_its_history() {
    project()
        .given(identify(1))
        .when(assess(2, FactorStanding::OnTrack))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(assess(1, FactorStanding::Threatened))
        .when(assess(1, FactorStanding::Threatened))
        .then_unchanged()
        .on("2017-03-01")
        .given(assess(1, FactorStanding::InPlace))
        .then_project(|project| {
            let assessed = project.success_factors[0].assessments.iter();
            let history: Vec<_> = assessed.map(|given| (given.standing(), given.date.as_str())).collect();
            assert_eq!(
                history,
                [
                    (FactorStanding::Threatened, "2017-01-02"),
                    (FactorStanding::InPlace, "2017-03-01")
                ]
            );
        });
}
