//! Proves the rules of the lines, the totals and the approval of a budget: E1–E5.

use proptest::prelude::*;
use vedtak::domain::{Event, Kind, budget_reading};
use vedtak::schema::v1::*;

use super::super::risk::project;
use super::super::scenario::{PROJECT, id};
use super::*;

#[test]
fn e1_an_unknown_amount_carries_no_figure_and_the_others_carry_one() {
    let figure = Some(Amount {
        certainty: Certainty::Unknown.into(),
        ore: Some(100),
    });
    project()
        .when(cost(1, "2017", figure))
        .then_refused_by("E1", "UNKNOWN_AMOUNT_WITH_FIGURE")
        .when(cost(1, "2017", without_figure(known(1))))
        .then_refused_by("E1", "AMOUNT_WITHOUT_FIGURE")
        .when(financing(1, "2017", without_figure(estimated(1))))
        .then_refused_by("E1", "AMOUNT_WITHOUT_FIGURE")
        .when(financing(1, "2017", known(-1)))
        .then_refused_by("E1", "AMOUNT_NEGATIVE")
        .when(cost(1, "2017", unknown()))
        .then_accepted()
        .when(cost(1, "2017", estimated(5)))
        .then_accepted();
}

/// An amount that does not say how much.
fn without_figure(amount: Option<Amount>) -> Option<Amount> {
    amount.map(|amount| Amount { ore: None, ..amount })
}

#[test]
fn e13_known_zero_estimated_zero_and_unknown_are_three_things() {
    let zero_but_unknown = unknown().map(|amount| Amount { ore: Some(0), ..amount });
    let read = |amount: Option<Amount>| {
        let scenario = project()
            .given(cost(1, "2017", amount))
            .given(financing(2, "2017", amount));
        let event = CostLineSet {
            line_id: id(1),
            line: scenario.project().budget.unwrap().cost_lines[0].line.clone(),
        };
        let mut record = Vec::new();
        Event::from(event).write(&mut record);
        let reading = budget_reading(&scenario.project());
        assert_eq!(reading.cost, reading.financing);
        (reading.cost.unwrap(), String::from_utf8(record).unwrap())
    };
    let (known_zero, known_record) = read(known(0));
    let (estimated_zero, estimated_record) = read(estimated(0));
    let (nobody_knows, unknown_record) = read(unknown());
    assert_eq!((known_zero.estimated_ore, known_zero.unknown), (None, 0));
    assert_eq!((estimated_zero.estimated_ore, estimated_zero.unknown), (Some(0), 0));
    assert_eq!((nobody_knows.estimated_ore, nobody_knows.unknown), (None, 1));
    assert!(
        known_record.contains(r#""certainty":"CERTAINTY_KNOWN","ore":"0""#),
        "{known_record}"
    );
    assert!(
        estimated_record.contains(r#""certainty":"CERTAINTY_ESTIMATED","ore":"0""#),
        "{estimated_record}"
    );
    assert!(
        unknown_record.contains(r#""amount":{"certainty":"CERTAINTY_UNKNOWN"}"#),
        "{unknown_record}"
    );
    project()
        .when(cost(1, "2017", zero_but_unknown))
        .then_refused_by("E1", "UNKNOWN_AMOUNT_WITH_FIGURE")
        .given(cost(1, "2017", known(0)))
        .when(cost(1, "2017", estimated(0)))
        .then_accepted()
        .when(state_total(BudgetSide::Cost, "2017", known(0)))
        .then_accepted();
}

#[test]
fn e13_what_is_committed_used_and_carried_over_may_be_zero() {
    let scenario = project()
        .given(cost(1, "2017", known(5)))
        .given(commitment(10, 1, known(0)))
        .given(commitment(11, 1, estimated(0)))
        .given(actual(12, 1, 0));
    let posts = budget_reading(&scenario.project()).periods[0].posts.clone();
    assert_eq!(
        (posts[0].committed, posts[0].actual),
        (zero_estimated(), total(0, 0, 0))
    );
    assert_eq!(posts[0].remaining.map(|left| left.known_ore), Some(500));
}

/// A sum of estimates that come to nothing.
fn zero_estimated() -> Option<Total> {
    Some(Total {
        estimated_ore: Some(0),
        ..Total::default()
    })
}

#[test]
fn e1_a_total_loses_no_unknown() {
    let project = project()
        .given(cost(1, "2017", known(7)))
        .given(cost(2, "2017", estimated(5)))
        .given(cost(3, "2017", unknown()))
        .project();
    assert_eq!(budget_reading(&project).cost, total(7, 5, 1));
}

#[test]
fn e2_a_line_belongs_to_a_year_or_to_a_phase_of_the_project() {
    let phase = PlanPhase {
        project_id: PROJECT.to_owned(),
        phase_id: id(77),
        number: 1,
        name: "Phase 1".to_owned(),
        kind: PhaseKind::Planning.into(),
        ..Default::default()
    };
    let by_phase = project()
        .when(cost(1, &id(77), known(1)))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(state_total(BudgetSide::Cost, &id(77), known(1)))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(phase)
        .when(cost(1, &id(77), known(1)))
        .then_accepted()
        .given(cost(2, "2018", known(1)))
        .given(cost(3, "2017", known(1)));
    let periods = budget_reading(&by_phase.project()).periods;
    assert_eq!(
        periods
            .iter()
            .map(|summary| summary.period.as_str())
            .collect::<Vec<_>>(),
        ["2017", "2018", &id(77)]
    );
    assert_eq!(sentences(&by_phase, "E5")[2], "Phase 1: cost is 1 kr, financing 0 kr.");
}

#[test]
fn e2_lines_with_and_without_vat_in_one_period_are_found() {
    let including = |command: SetCostLine| SetCostLine {
        line: command.line.map(|line| BudgetLine {
            including_vat: true,
            ..line
        }),
        ..command
    };
    let mixed = project()
        .given(cost(1, "2017", known(1)))
        .given(including(cost(2, "2017", known(1))));
    assert_eq!(
        sentences(&mixed, "VAT_MIXED"),
        ["2017: 1 of 2 lines include VAT, and are added up with lines that do not."]
    );
    mixed
        .given(including(cost(1, "2017", known(1))))
        .then_found("VAT_MIXED", 0);
}

#[test]
fn e3_a_source_says_what_its_kind_demands() {
    use FinancingSourceKind::*;
    let plain = || financing(1, "2018", known(1));
    project()
        .when(from(source(OwnBudget, None, None), plain()))
        .then_refused_by("E3", "YEAR_REQUIRED")
        .when(from(source(CarriedOver, Some("2018"), None), plain()))
        .then_refused_by("E3", "YEARS_NOT_IN_ORDER")
        .when(from(source(MemberShare, None, None), plain()))
        .then_refused_by("E3", "MUNICIPALITY_REQUIRED")
        .when(from(source(InKind, None, None), plain()))
        .then_refused_by("E3", "KIND_NOT_IN_KIND")
        .when(of_kind(
            BudgetKind::InKind,
            from(source(CarriedOver, Some("2017"), None), plain()),
        ))
        .then_refused_by("E3", "IN_KIND_CARRIED_OVER")
        .when(of_kind(BudgetKind::InKind, from(source(InKind, None, None), plain())))
        .then_accepted()
        .when(from(source(CarriedOver, Some("2017"), None), plain()))
        .then_accepted()
        .when(from(source(Grant, None, None), plain()))
        .then_accepted()
        .when(from(source(CentralPot, None, None), plain()))
        .then_accepted();
}

#[test]
fn e4_a_stated_total_that_is_not_the_computed_one_is_found_until_it_is_mended() {
    let stated = project()
        .given(cost(1, "2017", known(2_960_000)))
        .given(state_total(BudgetSide::Cost, "2017", known(3_060_000)))
        .given(state_total(BudgetSide::Financing, "2017", unknown()));
    assert_eq!(
        sentences(&stated, "E4"),
        ["2017: the stated total of the cost is 3 060 000 kr, but its lines add up to 2 960 000 kr."]
    );
    stated
        .when(state_total(BudgetSide::Cost, "2017", known(3_060_000)))
        .then_unchanged()
        .given(cost(2, "2017", unknown()))
        .given(state_total(BudgetSide::Cost, "2017", known(2_960_000)))
        .then_found("E4", 1)
        .given(remove(2))
        .then_found("E4", 0);
}

#[test]
fn e5_cost_and_financing_that_differ_are_found_with_their_unknowns() {
    let unequal = project()
        .given(cost(1, "2018", known(1_000_000)))
        .given(cost(2, "2018", unknown()))
        .given(financing(3, "2018", known(700_000)))
        .given(financing(4, "2018", unknown()));
    assert_eq!(
        sentences(&unequal, "E5"),
        ["2018: cost is 1 000 000 kr known + 1 unknown, financing 700 000 kr known + 1 unknown."]
    );
    let equal = unequal
        .given(financing(5, "2018", estimated(300_000)))
        .then_found("E5", 0);
    let fewer_unknown = equal.given(remove(2));
    assert_eq!(
        sentences(&fewer_unknown, "E5"),
        ["2018: cost is 1 000 000 kr, financing 700 000 kr known + 300 000 kr estimated + 1 unknown."]
    );
}

#[test]
fn an_approval_covers_the_lines_of_its_moment_and_rests_on_a_decision() {
    let approved = project()
        .when(approve())
        .then_refused(Kind::FailedPrecondition, "BUDGET_EMPTY")
        .given(cost(1, "2017", known(500)))
        .when(approve())
        .then_refused(Kind::InvalidArgument, "AUTHORITY_REQUIRED")
        .when(ApproveBudget {
            decision_point_id: Some(id(9)),
            ..approve()
        })
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .with_authority("K-sak 112/2016")
        .when(approve())
        .then_accepted()
        .when(approve())
        .then_unchanged();
    let approval = approved.project().budget.unwrap().approvals.remove(0);
    assert_eq!(
        (approval.authority.as_str(), approval.cost),
        ("K-sak 112/2016", total(500, 0, 0))
    );
    approved
        .then_found("BUDGET_CHANGED_SINCE_APPROVAL", 0)
        .given(cost(1, "2017", known(600)))
        .then_found("BUDGET_CHANGED_SINCE_APPROVAL", 1)
        .then_project(|project| assert_eq!(project.budget.as_ref().unwrap().status(), BudgetStatus::Changed))
        .given(approve())
        .then_found("BUDGET_CHANGED_SINCE_APPROVAL", 0);
}

#[test]
fn an_approval_may_rest_on_an_approved_decision_point() {
    let sponsor = role_holder::Holder::Person(Person {
        subject: "siri".to_owned(),
        ..Default::default()
    });
    let assign = AssignRole {
        project_id: PROJECT.to_owned(),
        assignment_id: id(50),
        role: ProjectRole::Sponsor.into(),
        reason: "Ordered".to_owned(),
        holder: Some(RoleHolder { holder: Some(sponsor) }),
        from: "2017-01-01".to_owned(),
        ..Default::default()
    };
    let decision_point = PlanDecisionPoint {
        project_id: PROJECT.to_owned(),
        decision_point_id: id(51),
        name: "Budget 2017 adopted".to_owned(),
        date: "2017-01-02".to_owned(),
        kind: DecisionPointKind::Budget.into(),
        decider: Some(Decider {
            decider: Some(decider::Decider::Role(ProjectRole::Sponsor.into())),
        }),
        ..Default::default()
    };
    let decide = ApproveDecisionPoint {
        project_id: PROJECT.to_owned(),
        decision_point_id: id(51),
        ..Default::default()
    };
    let by_decision = || ApproveBudget {
        decision_point_id: Some(id(51)),
        ..approve()
    };
    project()
        .given(assign)
        .given(cost(1, "2017", known(500)))
        .given(decision_point)
        .when(by_decision())
        .then_refused(Kind::FailedPrecondition, "DECISION_NOT_APPROVED")
        .by("siri")
        .given(decide)
        .by("kari")
        .effective("2017-01-01")
        .when(by_decision())
        .then_refused(Kind::FailedPrecondition, "DECISION_NOT_APPROVED")
        .effective("2017-01-02")
        .when(by_decision())
        .then_accepted();
}

#[test]
fn a_line_is_set_anew_under_its_id_and_its_repeat_changes_nothing() {
    project()
        .given(cost(1, "2017", known(5)))
        .when(cost(1, "2017", known(5)))
        .then_unchanged()
        .when(cost(1, "2018", known(6)))
        .then_accepted()
        .when(financing(1, "2017", known(5)))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .given(financing(2, "2017", known(5)))
        .when(financing(2, "2017", known(5)))
        .then_unchanged()
        .when(cost(2, "2017", known(5)))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .then_project(|project| assert_eq!(budget_reading(project).cost, total(6, 0, 0)));
}

/// One step of a budget's making: a line of either side set or removed.
fn step() -> impl Strategy<Value = (bool, u32, bool, i32, i64)> {
    (any::<bool>(), 1..8_u32, any::<bool>(), 1..=3, 0..=1_000_000_000_000_i64)
}

proptest! {
    #[test]
    fn e1_totals_equal_their_lines_whatever_the_order_of_commands(steps in prop::collection::vec(step(), 0..40)) {
        let mut scenario = project();
        for (is_cost, number, removed, certainty, kroner) in steps {
            let amount = Some(Amount { certainty, ore: (certainty != 3).then_some(kroner) });
            let period = if number % 2 == 0 { "2017" } else { "2018" };
            // Costs and financing have ids of their own.
            scenario = match (removed, is_cost) {
                (true, true) => scenario.when(remove(number)),
                (true, false) => scenario.when(remove(number + 100)),
                (false, true) => scenario.when(cost(number, period, amount)),
                (false, false) => scenario.when(financing(number + 100, period, amount)),
            };
        }
        let project = scenario.project();
        let reading = budget_reading(&project);
        let amounts = |lines: Vec<&BudgetLine>| {
            lines.iter().filter_map(|line| line.amount).fold((0_i64, 0_i64, 0), |(known, estimated, unknown), amount| match amount.certainty() {
                Certainty::Known => (known + amount.ore(), estimated, unknown),
                Certainty::Estimated => (known, estimated + amount.ore(), unknown),
                _ => (known, estimated, unknown + 1),
            })
        };
        let parts = |total: Option<Total>| total.map(|total| (total.known_ore, total.estimated_ore(), total.unknown)).unwrap();
        let costs: Vec<&BudgetLine> = reading.cost_lines.iter().filter_map(|line| line.line.as_ref()).collect();
        let financing: Vec<&BudgetLine> = reading.financing_lines.iter().filter_map(|line| line.line.as_ref()).collect();
        prop_assert_eq!(parts(reading.cost), amounts(costs.clone()));
        prop_assert_eq!(parts(reading.financing), amounts(financing));
        for period in &reading.periods {
            let of_period = costs.iter().copied().filter(|line| line.period == period.period).collect();
            prop_assert_eq!(parts(period.cost), amounts(of_period));
            prop_assert_eq!(parts(period.cost), parts(period.remaining));
        }
    }
}
