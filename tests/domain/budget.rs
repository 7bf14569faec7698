//! Proves the rules of budget and financing: E1–E8.

use proptest::prelude::*;
use vedtak::domain::{Kind, budget_reading};
use vedtak::schema::v1::*;

use super::risk::project;
use super::scenario::{PROJECT, Scenario, id};

pub fn known(kroner: i64) -> Option<Amount> {
    Some(Amount {
        certainty: Certainty::Known.into(),
        ore: kroner * 100,
    })
}

fn estimated(kroner: i64) -> Option<Amount> {
    Some(Amount {
        certainty: Certainty::Estimated.into(),
        ore: kroner * 100,
    })
}

fn unknown() -> Option<Amount> {
    Some(Amount {
        certainty: Certainty::Unknown.into(),
        ore: 0,
    })
}

fn line(period: &str, post: &str, amount: Option<Amount>) -> BudgetLine {
    BudgetLine {
        post: post.to_owned(),
        period: period.to_owned(),
        kind: BudgetKind::Operating.into(),
        including_vat: false,
        amount,
    }
}

/// A cost line, so that other concepts can have a budget.
pub fn cost(number: u32, period: &str, amount: Option<Amount>) -> SetCostLine {
    let line = Some(line(period, "Courses", amount));
    SetCostLine {
        project_id: PROJECT.to_owned(),
        line_id: id(number),
        line,
        ..Default::default()
    }
}

fn source(kind: FinancingSourceKind, year: Option<&str>, municipality: Option<&str>) -> Option<FinancingSource> {
    Some(FinancingSource {
        kind: kind.into(),
        year: year.map(str::to_owned),
        municipality: municipality.map(str::to_owned),
    })
}

fn financing(number: u32, period: &str, amount: Option<Amount>) -> SetFinancingLine {
    SetFinancingLine {
        project_id: PROJECT.to_owned(),
        line_id: id(number),
        line: Some(line(period, "Operating, digitalisation", amount)),
        source: source(FinancingSourceKind::OwnBudget, Some("2017"), None),
        ..Default::default()
    }
}

fn from(source: Option<FinancingSource>, command: SetFinancingLine) -> SetFinancingLine {
    SetFinancingLine { source, ..command }
}

fn of_kind(kind: BudgetKind, command: SetFinancingLine) -> SetFinancingLine {
    SetFinancingLine {
        line: command.line.map(|line| BudgetLine {
            kind: kind.into(),
            ..line
        }),
        ..command
    }
}

fn state_total(side: BudgetSide, period: &str, amount: Option<Amount>) -> StateTotal {
    StateTotal {
        project_id: PROJECT.to_owned(),
        side: side.into(),
        period: period.to_owned(),
        amount,
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

fn commitment(number: u32, line: u32, amount: Option<Amount>) -> RecordCommitment {
    RecordCommitment {
        project_id: PROJECT.to_owned(),
        commitment_id: id(number),
        line_id: id(line),
        amount,
        description: "Course in archiving".to_owned(),
        ..Default::default()
    }
}

fn actual(number: u32, line: u32, kroner: i64) -> RecordActual {
    let entry = ActualEntry {
        line_id: id(line),
        ore: kroner * 100,
        description: "Voucher 17".to_owned(),
        ..Default::default()
    };
    RecordActual {
        project_id: PROJECT.to_owned(),
        actual_id: id(number),
        entry: Some(entry),
        ..Default::default()
    }
}

fn correcting(corrected: u32, command: RecordActual) -> RecordActual {
    let entry = command.entry.map(|entry| ActualEntry {
        corrects_actual_id: Some(id(corrected)),
        ..entry
    });
    RecordActual { entry, ..command }
}

fn paying(commitment: u32, command: RecordActual) -> RecordActual {
    let entry = command.entry.map(|entry| ActualEntry {
        commitment_id: Some(id(commitment)),
        ..entry
    });
    RecordActual { entry, ..command }
}

fn carry_over(number: u32, kroner: i64) -> CarryOverFunds {
    CarryOverFunds {
        project_id: PROJECT.to_owned(),
        line_id: id(number),
        post: "Investment budget".to_owned(),
        kind: BudgetKind::Investment.into(),
        from_year: "2017".to_owned(),
        to_year: "2018".to_owned(),
        amount: known(kroner),
        ..Default::default()
    }
}

/// An approval; the authority must be given beside it.
pub fn approve() -> ApproveBudget {
    ApproveBudget {
        project_id: PROJECT.to_owned(),
        ..Default::default()
    }
}

fn total(known: i64, estimated: i64, unknown: i32) -> Option<Total> {
    Some(Total {
        known_ore: known * 100,
        estimated_ore: estimated * 100,
        unknown,
    })
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
fn e1_an_unknown_amount_carries_no_figure_and_the_others_carry_one() {
    let figure = Some(Amount {
        certainty: Certainty::Unknown.into(),
        ore: 100,
    });
    project()
        .when(cost(1, "2017", figure))
        .then_refused_by("E1", "UNKNOWN_AMOUNT_WITH_FIGURE")
        .when(cost(1, "2017", known(0)))
        .then_refused_by("E1", "AMOUNT_WITHOUT_FIGURE")
        .when(financing(1, "2017", estimated(0)))
        .then_refused_by("E1", "AMOUNT_WITHOUT_FIGURE")
        .when(financing(1, "2017", known(-1)))
        .then_refused_by("E1", "AMOUNT_NEGATIVE")
        .when(cost(1, "2017", unknown()))
        .then_accepted()
        .when(cost(1, "2017", estimated(5)))
        .then_accepted();
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
fn e6_carried_over_money_beyond_what_the_earlier_year_left_is_found() {
    let used = project()
        .given(cost(1, "2017", known(500)))
        .given(financing(2, "2017", known(500)))
        .given(actual(3, 1, 400))
        .given(carry_over(4, 100))
        .then_found("E6", 0)
        .given(carry_over(4, 300));
    assert_eq!(
        sentences(&used, "E6"),
        ["300 kr is carried over from 2017, which left 100 kr."]
    );
    used.given(carry_over(4, 100))
        .then_found("E6", 0)
        .given(financing(2, "2017", unknown()))
        .then_found("E6", 0);
}

#[test]
fn carried_over_funds_become_a_financing_line_of_the_later_year() {
    let planned = from(
        source(FinancingSourceKind::CarriedOver, Some("2017"), None),
        financing(1, "2018", known(300)),
    );
    project()
        .given(planned.clone())
        .when(carry_over(1, 300))
        .then_accepted()
        .then_project(|project| {
            let line = &project.budget.as_ref().unwrap().financing_lines[0];
            assert_eq!(line.carried_over_on.as_deref(), Some("2017-01-02"));
            assert_eq!(budget_reading(project).periods[0].carried_in, total(300, 0, 0));
        })
        .when(carry_over(1, 300))
        .then_unchanged()
        .when(planned)
        .then_refused(Kind::FailedPrecondition, "FUNDS_CARRIED_OVER")
        .given(cost(2, "2018", known(1)))
        .when(carry_over(2, 300))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .given(financing(3, "2018", known(1)))
        .when(carry_over(3, 300))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(CarryOverFunds {
            from_year: "2018".to_owned(),
            ..carry_over(4, 300)
        })
        .then_refused_by("E3", "YEARS_NOT_IN_ORDER");
}

#[test]
fn e7_an_actual_is_negative_only_as_a_correction_that_names_what_it_corrects() {
    project()
        .given(cost(1, "2017", known(500)))
        .given(cost(2, "2017", known(500)))
        .given(actual(10, 1, 400))
        .when(actual(11, 1, -100))
        .then_refused_by("E7", "ACTUAL_NEGATIVE")
        .when(correcting(99, actual(11, 1, -100)))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(correcting(10, actual(11, 2, -100)))
        .then_refused_by("E7", "CORRECTION_ELSEWHERE")
        .when(correcting(10, actual(11, 1, -500)))
        .then_refused_by("E7", "CORRECTION_EXCEEDS_ENTRY")
        .when(correcting(10, actual(11, 1, -100)))
        .then_accepted()
        .when(correcting(11, actual(12, 1, -100)))
        .then_refused_by("E7", "CORRECTION_OF_CORRECTION")
        .when(correcting(10, actual(12, 1, -301)))
        .then_refused_by("E7", "CORRECTION_EXCEEDS_ENTRY")
        .then_project(|project| assert_eq!(budget_reading(project).periods[0].actual, total(300, 0, 0)));
}

#[test]
fn e8_what_remains_is_the_budget_less_what_is_used_and_what_is_committed_and_unpaid() {
    project()
        .given(cost(1, "2017", known(1_000)))
        .given(cost(2, "2017", estimated(50)))
        .given(cost(3, "2018", unknown()))
        .given(commitment(10, 1, known(600)))
        .given(paying(10, actual(11, 1, 200)))
        .given(correcting(11, actual(12, 1, -50)))
        .given(actual(13, 2, 10))
        .then_project(|project| {
            let reading = budget_reading(project);
            let year = &reading.periods[0];
            assert_eq!(
                (year.cost, year.committed, year.actual),
                (total(1_000, 50, 0), total(600, 0, 0), total(160, 0, 0))
            );
            // Of the 600, 150 are paid: 1 000 + 50 − 160 − 450.
            assert_eq!(year.remaining, total(390, 50, 0));
            assert_eq!(year.posts.len(), 1, "one kind and post");
            assert_eq!(year.posts[0].line_ids, [id(1), id(2)]);
            assert_eq!(year.posts[0].remaining, year.remaining);
            assert_eq!(reading.periods[1].remaining, total(0, 0, 1));
        });
}

#[test]
fn e8_each_municipality_bears_a_share() {
    let share = |number, municipality, kroner| {
        from(
            source(FinancingSourceKind::MemberShare, None, Some(municipality)),
            financing(number, "2017", known(kroner)),
        )
    };
    let shared = project()
        .given(share(1, "974760673", 100))
        .given(share(2, "940192226", 200))
        .given(share(3, "974760673", 500));
    let shares = budget_reading(&shared.project()).shares;
    let expected = [
        ("974760673", total(600, 0, 0), Some(7_500)),
        ("940192226", total(200, 0, 0), Some(2_500)),
    ];
    let read: Vec<_> = shares
        .iter()
        .map(|share| (share.municipality.as_str(), share.amount, share.basis_points))
        .collect();
    assert_eq!(read, expected);
    let unsure = shared.given(SetFinancingLine {
        line: Some(line("2018", "Share", unknown())),
        ..share(4, "940192226", 1)
    });
    assert!(
        budget_reading(&unsure.project())
            .shares
            .iter()
            .all(|share| share.basis_points.is_none())
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
    let leader = role_holder::Holder::Person(Person {
        subject: "kari".to_owned(),
        ..Default::default()
    });
    let assign = AssignRole {
        project_id: PROJECT.to_owned(),
        assignment_id: id(50),
        role: ProjectRole::Leader.into(),
        holder: Some(RoleHolder { holder: Some(leader) }),
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
            decider: Some(decider::Decider::Role(ProjectRole::Leader.into())),
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
        .given(decide)
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

#[test]
fn a_line_that_money_is_committed_or_used_on_stays_in_its_period() {
    project()
        .when(remove(1))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(cost(1, "2017", known(5)))
        .given(cost(2, "2017", known(5)))
        .given(commitment(10, 1, unknown()))
        .when(remove(1))
        .then_refused(Kind::FailedPrecondition, "LINE_IN_USE")
        .when(cost(1, "2018", known(5)))
        .then_refused(Kind::FailedPrecondition, "LINE_IN_USE")
        .when(cost(1, "2017", known(50)))
        .then_accepted()
        .when(remove(2))
        .then_accepted();
}

#[test]
fn entries_are_recorded_once_on_lines_that_are_there() {
    project()
        .when(commitment(10, 1, known(1)))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(actual(11, 1, 1))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(cost(1, "2017", known(5)))
        .given(cost(2, "2017", known(5)))
        .given(commitment(10, 1, known(1)))
        .when(commitment(10, 1, known(1)))
        .then_unchanged()
        .when(commitment(10, 1, known(2)))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(actual(11, 1, 0))
        .then_refused(Kind::InvalidArgument, "ACTUAL_WITHOUT_FIGURE")
        .when(paying(10, actual(11, 2, 1)))
        .then_refused(Kind::FailedPrecondition, "COMMITMENT_ON_OTHER_LINE")
        .given(paying(10, actual(11, 1, 1)))
        .when(paying(10, actual(11, 1, 1)))
        .then_unchanged()
        .when(actual(11, 1, 2))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS");
}

/// One step of a budget's making: a line of either side set or removed.
fn step() -> impl Strategy<Value = (bool, u32, bool, i32, i64)> {
    (any::<bool>(), 1..8_u32, any::<bool>(), 1..=3, 1..=1_000_000_000_000_i64)
}

proptest! {
    #[test]
    fn e1_totals_equal_their_lines_whatever_the_order_of_commands(steps in prop::collection::vec(step(), 0..40)) {
        let mut scenario = project();
        for (is_cost, number, removed, certainty, kroner) in steps {
            let ore = if certainty == 3 { 0 } else { kroner };
            let amount = Some(Amount { certainty, ore });
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
                Certainty::Known => (known + amount.ore, estimated, unknown),
                Certainty::Estimated => (known, estimated + amount.ore, unknown),
                _ => (known, estimated, unknown + 1),
            })
        };
        let parts = |total: Option<Total>| total.map(|total| (total.known_ore, total.estimated_ore, total.unknown)).unwrap();
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
