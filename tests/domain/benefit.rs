//! Proves the rules of benefits: N1 to N4.

use vedtak::domain::{Kind, benefit_reading};
use vedtak::schema::v1::*;

use super::budget::known;
use super::project::{approve_closing, approve_point, cancel, close, governed, plan_point};
use super::risk::project;
use super::scenario::{PROJECT, Scenario, id};

/// Maps a benefit under `id(number)`.
pub fn map(number: u32) -> MapBenefit {
    MapBenefit {
        project_id: PROJECT.to_owned(),
        benefit_id: id(number),
        name: format!("Cheaper visits {number}"),
        ..Default::default()
    }
}

fn party(name: &str, yearly: Option<Amount>) -> BenefitParty {
    BenefitParty {
        name: name.to_owned(),
        yearly,
    }
}

/// 100 kr a visit is to become 95 kr, with quality at least as before.
fn five_per_cent_cheaper() -> BenefitPlan {
    BenefitPlan {
        indicator: "Cost of a home visit".to_owned(),
        unit: "kr".to_owned(),
        baseline: 100_000,
        target: 95_000,
        side_condition: "Quality at least as before".to_owned(),
        measuring_dates: vec!["2018-06-30".to_owned(), "2019-06-30".to_owned()],
        owner: Some(benefit_plan::Owner::Role(ProjectRole::BenefitOwner.into())),
        payers: vec![party("Municipality", known(200_000))],
        gainers: vec![party("Municipality", known(500_000)), party("Users", None)],
    }
}

fn plan_as(number: u32, plan: BenefitPlan) -> PlanBenefit {
    PlanBenefit {
        project_id: PROJECT.to_owned(),
        benefit_id: id(number),
        plan: Some(plan),
        ..Default::default()
    }
}

pub fn plan(number: u32) -> PlanBenefit {
    plan_as(number, five_per_cent_cheaper())
}

fn revise(number: u32, plan: BenefitPlan) -> ReviseBenefit {
    ReviseBenefit {
        project_id: PROJECT.to_owned(),
        benefit_id: id(number),
        plan: Some(plan),
        ..Default::default()
    }
}

/// Measures the benefit under `id(1)`.
fn measure(number: u32, value: i64, side_condition_held: Option<bool>) -> RecordMeasurement {
    RecordMeasurement {
        project_id: PROJECT.to_owned(),
        benefit_id: id(1),
        measurement_id: id(number),
        value,
        side_condition_held,
        ..Default::default()
    }
}

fn confirm(number: u32) -> ConfirmRealization {
    ConfirmRealization {
        project_id: PROJECT.to_owned(),
        benefit_id: id(number),
        ..Default::default()
    }
}

fn drop_it(number: u32) -> DropBenefit {
    DropBenefit {
        project_id: PROJECT.to_owned(),
        benefit_id: id(number),
        ..Default::default()
    }
}

fn planned() -> Scenario {
    project().given(map(1)).given(plan(1))
}

#[test]
fn n1_a_benefit_is_confirmed_only_against_a_measurement_that_reached_the_target() {
    planned()
        .on("2018-06-30")
        .when(confirm(1))
        .then_refused_by("N1", "NOT_MEASURED")
        .given(measure(10, 95_500, Some(true)))
        .when(confirm(1))
        .then_refused_by("N1", "TARGET_NOT_REACHED")
        .then_says("shows 95,5, and the target is 95 kr")
        .on("2018-12-31")
        .given(measure(11, 94_000, Some(true)))
        .effective("2018-12-30")
        .when(confirm(1))
        .then_refused_by("N1", "TARGET_NOT_REACHED")
        .effective("2018-12-31")
        .when(confirm(1))
        .then_accepted()
        .when(confirm(1))
        .then_unchanged()
        .then_project(|project| {
            let benefit = &project.benefits[0];
            assert_eq!(benefit.status(), BenefitStatus::Realized);
            assert_eq!(benefit.confirmed_against_measurement_id, id(11));
        });
}

#[test]
fn n1_a_benefit_is_confirmed_only_if_the_side_condition_held() {
    planned()
        .on("2018-06-30")
        .when(measure(10, 94_000, None))
        .then_refused_by("N1", "SIDE_CONDITION_UNANSWERED")
        .given(measure(10, 94_000, Some(true)))
        .on("2018-12-31")
        .given(measure(11, 93_000, Some(false)))
        .when(confirm(1))
        .then_refused_by("N1", "SIDE_CONDITION_NOT_HELD")
        .on("2019-06-30")
        .given(measure(12, 94_000, Some(true)))
        .when(confirm(1))
        .then_accepted();
}

#[test]
fn n1_more_is_better_when_the_target_lies_above_the_baseline() {
    let more = BenefitPlan {
        indicator: "Users of the service".to_owned(),
        unit: "persons".to_owned(),
        baseline: -1_000,
        target: 2_000,
        side_condition: String::new(),
        ..five_per_cent_cheaper()
    };
    project()
        .given(map(1))
        .given(plan_as(1, more))
        .when(measure(10, 1_000, Some(true)))
        .then_refused(Kind::InvalidArgument, "NO_SIDE_CONDITION")
        .given(measure(10, 1_999, None))
        .when(confirm(1))
        .then_refused_by("N1", "TARGET_NOT_REACHED")
        .given(measure(11, 2_000, None))
        .when(confirm(1))
        .then_accepted();
}

#[test]
fn n1_what_was_measured_by_another_yardstick_confirms_nothing() {
    let in_minutes = BenefitPlan {
        unit: "minutes".to_owned(),
        ..five_per_cent_cheaper()
    };
    let less = BenefitPlan {
        target: 97_000,
        ..five_per_cent_cheaper()
    };
    let measured = planned().given(measure(10, 96_000, Some(true)));
    measured
        .clone()
        .when(revise(1, less.clone()))
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("The supplier raised its prices")
        .given(revise(1, less.clone()))
        .when(revise(1, less))
        .then_unchanged()
        .when(confirm(1))
        .then_accepted();
    measured
        .because("Time says more than money")
        .given(revise(1, in_minutes))
        .when(confirm(1))
        .then_refused_by("N1", "NOT_MEASURED")
        .then_project(|project| {
            let benefit = &project.benefits[0];
            let plans: Vec<_> = benefit
                .plans
                .iter()
                .map(|planned| (planned.number, planned.reason.as_str()))
                .collect();
            assert_eq!(plans, [(1, ""), (2, "Time says more than money")]);
            assert_eq!(benefit.measurements[0].plan_number, 1);
        });
}

#[test]
fn n2_a_project_with_no_planned_benefit_is_found_until_one_is_planned() {
    project()
        .then_found("N2", 1)
        .given(map(1))
        .then_found("N2", 1)
        .given(plan(1))
        .then_found("N2", 0)
        .because("Nobody needs it")
        .given(drop_it(1))
        .then_found("N2", 1)
        .given(cancel())
        .then_found("N2", 0);
}

#[test]
fn n3_planned_is_read_against_measured_over_time() {
    let from_there = BenefitPlan {
        baseline: 96_000,
        target: 90_000,
        measuring_dates: vec!["2018-06-30".to_owned(), "2020-06-30".to_owned()],
        ..five_per_cent_cheaper()
    };
    let scenario = planned()
        .given(map(2))
        .on("2018-06-30")
        .given(measure(10, 96_000, Some(true)))
        .on("2018-09-01")
        .given(measure(11, 100_500, Some(false)))
        .because("It went faster than planned")
        .given(revise(1, from_there))
        .on("2019-01-15")
        .given(measure(12, 89_000, Some(true)))
        .given(confirm(1));
    let reading = benefit_reading(&scenario.project());
    assert_eq!((reading.planned, reading.realized, reading.benefits.len()), (1, 1, 1));
    let points: Vec<_> = reading.benefits[0]
        .points
        .iter()
        .map(|point| {
            (
                point.date.as_str(),
                point.planned,
                point.target,
                point.value,
                point.basis_points,
            )
        })
        .collect();
    assert_eq!(
        points,
        [
            ("2018-06-30", true, 95_000, Some(96_000), Some(8_000)),
            ("2018-09-01", false, 95_000, Some(100_500), Some(-1_000)),
            ("2019-01-15", false, 90_000, Some(89_000), Some(11_666)),
            ("2020-06-30", true, 90_000, None, None),
        ]
    );
}

#[test]
fn n3_who_pays_and_who_gains_is_read_across_the_benefits() {
    let unknown = Amount {
        certainty: Certainty::Unknown.into(),
        ore: None,
    };
    let other = BenefitPlan {
        payers: vec![party("Municipality", Some(unknown))],
        gainers: vec![party("The state", known(300_000))],
        ..five_per_cent_cheaper()
    };
    let scenario = planned()
        .given(map(2))
        .given(plan_as(2, other))
        .given(map(3))
        .given(plan(3))
        .because("Nobody needs it")
        .given(drop_it(3));
    let total = |kroner: i64, unknown: i32| {
        Some(Total {
            known_ore: kroner * 100,
            estimated_ore: None,
            unknown,
        })
    };
    let reading = benefit_reading(&scenario.project());
    let parties: Vec<_> = reading
        .parties
        .iter()
        .map(|party| {
            let (pays, gains) = (party.pays_for_benefit_ids.clone(), party.gains_from_benefit_ids.clone());
            (party.name.as_str(), pays, party.pays_yearly, gains, party.gains_yearly)
        })
        .collect();
    assert_eq!(
        parties,
        [
            (
                "Municipality",
                vec![id(1), id(2)],
                total(200_000, 1),
                vec![id(1)],
                total(500_000, 0)
            ),
            ("The state", vec![], total(0, 0), vec![id(2)], total(300_000, 0)),
            ("Users", vec![], total(0, 0), vec![id(1)], total(0, 0)),
        ]
    );
}

#[test]
fn n4_measuring_goes_on_after_the_project_is_closed() {
    let less = BenefitPlan {
        target: 96_000,
        ..five_per_cent_cheaper()
    };
    governed()
        .given(plan_point(50, DecisionPointKind::ProjectClosing, true))
        .given(map(1))
        .given(plan(1))
        .given(map(2))
        .given(plan(2))
        .given(map(3))
        .by("owner")
        .given(approve_closing())
        .by("ola")
        .given(approve_point(50))
        .given(super::report::submit_final(90))
        .given(close(50))
        .on("2019-07-01")
        .then_found("MEASUREMENT_OVERDUE", 2)
        .given(measure(10, 96_000, Some(true)))
        .because("The users want other things")
        .given(drop_it(2))
        .then_found("MEASUREMENT_OVERDUE", 0)
        .by("owner")
        .when(confirm(1))
        .then_refused_by("N1", "TARGET_NOT_REACHED")
        .given(revise(1, less))
        .given(confirm(1))
        .given(measure(11, 97_000, Some(true)))
        .when(plan(3))
        .then_refused(Kind::FailedPrecondition, "PROJECT_ENDED")
        .when(map(4))
        .then_refused(Kind::FailedPrecondition, "PROJECT_ENDED");
}

#[test]
fn a_plan_agrees_with_itself() {
    let changed = |change: fn(&mut BenefitPlan)| {
        let mut plan = five_per_cent_cheaper();
        change(&mut plan);
        plan_as(1, plan)
    };
    let refused = |scenario: Scenario, change: fn(&mut BenefitPlan), reason: &str| {
        scenario
            .when(changed(change))
            .then_refused(Kind::InvalidArgument, reason)
    };
    let mut scenario = project().given(map(1));
    scenario = refused(scenario, |plan| plan.target = plan.baseline, "TARGET_IS_BASELINE");
    scenario = refused(scenario, |plan| plan.owner = None, "OWNER_REQUIRED");
    scenario = refused(scenario, |plan| plan.measuring_dates.reverse(), "DATES_NOT_IN_ORDER");
    scenario = refused(
        scenario,
        |plan| plan.measuring_dates[1] = "2018-06-30".to_owned(),
        "DATES_NOT_IN_ORDER",
    );
    scenario = refused(
        scenario,
        |plan| plan.gainers[1].name = "Municipality".to_owned(),
        "PARTY_REPEATED",
    );
    refused(
        scenario,
        |plan| plan.payers[0].yearly.as_mut().unwrap().ore = None,
        "AMOUNT_WITHOUT_FIGURE",
    );
}

#[test]
fn a_benefit_is_mapped_planned_and_dropped_once() {
    let other = BenefitPlan {
        target: 90_000,
        ..five_per_cent_cheaper()
    };
    project()
        .given(map(1))
        .when(map(1))
        .then_unchanged()
        .when(MapBenefit {
            description: "Another".to_owned(),
            ..map(1)
        })
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(measure(10, 1, None))
        .then_refused(Kind::FailedPrecondition, "BENEFIT_NOT_PLANNED")
        .when(revise(1, other.clone()))
        .then_refused(Kind::FailedPrecondition, "BENEFIT_NOT_PLANNED")
        .when(plan(2))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(plan(1))
        .when(plan(1))
        .then_unchanged()
        .when(plan_as(1, other))
        .then_refused(Kind::FailedPrecondition, "BENEFIT_PLANNED")
        .given(measure(10, 96_000, Some(true)))
        .when(measure(10, 96_000, Some(true)))
        .then_unchanged()
        .when(measure(10, 97_000, Some(true)))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(drop_it(1))
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("Nobody needs it")
        .given(drop_it(1))
        .when(drop_it(1))
        .then_unchanged()
        .when(measure(11, 96_000, Some(true)))
        .then_refused(Kind::FailedPrecondition, "BENEFIT_DROPPED")
        .when(confirm(1))
        .then_refused(Kind::FailedPrecondition, "BENEFIT_DROPPED");
    planned()
        .given(measure(10, 94_000, Some(true)))
        .given(confirm(1))
        .because("Nobody needs it")
        .when(drop_it(1))
        .then_refused(Kind::FailedPrecondition, "BENEFIT_REALIZED");
}
