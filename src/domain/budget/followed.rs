//! What a budget contradicts, along a history: what the lines of each period add up to (rules E2, E4–E6).

use super::super::Suspicion;
use super::super::since::{Amounts, Followers, Group, Places, Share, Tally};
use super::is_year;
use crate::schema::v1::*;

/// What was used of a line, by the entries on it.
const USED: &str = "used";

/// The figures of E4: those of the lines of a side, how many of them are unknown, whether a total is stated, and which.
const COST: &str = "cost";
const FINANCING: &str = "financing";

pub(in crate::domain) fn follow() -> Followers<Project> {
    let rule = Tally::<Project> {
        lists: &[
            ("actuals", |project, index, _, _, shares| {
                let entry = budget(project).and_then(|budget| budget.actuals[index].entry.as_ref());
                shares.extend(entry.map(|entry| {
                    let amounts = [i128::from(entry.ore()), 0, 0, 0, 0];
                    share(USED, entry.line_id.clone(), false, amounts)
                }));
            }),
            ("cost lines", |project, index, _, sum_of, shares| {
                let Some(line) = budget(project).map(|budget| &budget.cost_lines[index]) else {
                    return;
                };
                let [used, ..] = sum_of(&(USED, line.line_id.clone()));
                if let Some(said) = &line.line {
                    of_cost(said, used, shares);
                }
            }),
            ("financing lines", |project, index, _, _, shares| {
                if let Some(line) = budget(project).map(|budget| &budget.financing_lines[index]) {
                    of_financing(line, shares);
                }
            }),
            ("stated totals", |project, index, _, _, shares| {
                if let Some(stated) = budget(project).map(|budget| &budget.stated_totals[index]) {
                    of_stated(stated, shares);
                }
            }),
        ],
        always: |_| vec![("BUDGET_CHANGED_SINCE_APPROVAL", String::new())],
        stands,
        group,
    };
    vec![rule.boxed()]
}

fn budget(project: &Project) -> Option<&Budget> {
    project.budget.as_ref()
}

fn share(code: &'static str, group: String, named: bool, amounts: Amounts) -> Share {
    Share {
        group: (code, group),
        named,
        amounts,
    }
}

/// The group of E4: one side of a period.
fn side_of(side: &str, period: &str) -> String {
    format!("{side} {period}")
}

/// The figure of an amount, and 1 when nobody knows it.
fn figures(amount: Option<&Amount>) -> (i128, i128) {
    let total = Total::of(amount);
    (i128::from(total.figure()), i128::from(total.unknown))
}

/// What is counted on either side of a period.
fn of_line(line: &BudgetLine, shares: &mut Vec<Share>) {
    let period = || line.period.clone();
    let vat = [i128::from(line.including_vat), i128::from(!line.including_vat), 0, 0, 0];
    shares.push(share("VAT_MIXED", period(), line.including_vat, vat));
    shares.push(share("E6", period(), false, [0, 0, 0, 0, 1]));
}

fn of_cost(line: &BudgetLine, used: i128, shares: &mut Vec<Share>) {
    of_line(line, shares);
    let (figure, unknown) = figures(line.amount.as_ref());
    shares.push(share(
        "E4",
        side_of(COST, &line.period),
        true,
        [figure, unknown, 0, 0, 0],
    ));
    shares.push(share("E5", line.period.clone(), true, [figure, unknown, 0, 0, 0]));
    if line.kind() != BudgetKind::InKind {
        shares.push(share("E6", line.period.clone(), false, [0, 0, used, 0, 0]));
    }
}

fn of_financing(line: &FinancingLine, shares: &mut Vec<Share>) {
    let Some(said) = &line.line else { return };
    of_line(said, shares);
    let amount = said.amount.as_ref().filter(|_| line.source.is_some());
    let (figure, unknown) = figures(amount);
    shares.push(share(
        "E4",
        side_of(FINANCING, &said.period),
        true,
        [figure, unknown, 0, 0, 0],
    ));
    shares.push(share("E5", said.period.clone(), true, [0, 0, figure, unknown, 0]));
    if said.kind() != BudgetKind::InKind {
        shares.push(share("E6", said.period.clone(), false, [figure, unknown, 0, 0, 0]));
    }
    let source = line.source.as_ref();
    let carried = source.filter(|source| source.kind() == FinancingSourceKind::CarriedOver);
    if let Some(year) = carried.and_then(|source| source.year.clone()) {
        shares.push(share("E6", year, true, [0, 0, 0, figure, 0]));
    }
}

fn of_stated(stated: &StatedTotal, shares: &mut Vec<Share>) {
    shares.push(share("E6", stated.period.clone(), false, [0, 0, 0, 0, 1]));
    let known = stated.amount.filter(|amount| amount.certainty() != Certainty::Unknown);
    let side = match stated.side() {
        BudgetSide::Cost => COST,
        BudgetSide::Financing => FINANCING,
        BudgetSide::Unspecified => return,
    };
    shares.extend(known.map(|amount| {
        let amounts = [0, 0, 1, i128::from(amount.ore()), 0];
        share("E4", side_of(side, &stated.period), false, amounts)
    }));
}

fn stands(project: &Project, _: &str, group: &Group, sum_of: &dyn Fn(&Group) -> Amounts) -> bool {
    let sums = sum_of(group);
    match group.0 {
        "E4" => {
            let [figure, unknown, is_stated, stated, _] = sums;
            is_stated > 0 && (unknown > 0 || figure != stated)
        }
        "E5" => {
            let [cost, cost_unknown, financing, financing_unknown, _] = sums;
            cost != financing || cost_unknown != financing_unknown
        }
        "E6" => {
            let [financed, unknown, used, carried, spoken_of] = sums;
            is_year(&group.1) && spoken_of > 0 && unknown == 0 && carried > financed - used
        }
        "VAT_MIXED" => sums[0] > 0 && sums[1] > 0,
        "BUDGET_CHANGED_SINCE_APPROVAL" => {
            budget(project).is_some_and(|budget| budget.status() == BudgetStatus::Changed)
        }
        _ => false,
    }
}

/// The group that a finding is of, by the first line that it concerns.
fn group(project: &Project, places: &Places<Project>, found: &Suspicion) -> Option<Group> {
    let (budget, id) = (budget(project)?, found.entities.first()?);
    let cost = places
        .find(project, "cost lines", id)
        .map(|index| &budget.cost_lines[index]);
    let financing = places
        .find(project, "financing lines", id)
        .map(|index| &budget.financing_lines[index]);
    let period = || {
        let lines = [cost.map(|line| &line.line), financing.map(|line| &line.line)];
        lines
            .into_iter()
            .flatten()
            .flatten()
            .next()
            .map(|line| line.period.clone())
    };
    let of = match found.code {
        "E4" => side_of(if cost.is_some() { COST } else { FINANCING }, &period()?),
        "E5" | "VAT_MIXED" => period()?,
        "E6" => financing?.source.as_ref()?.year.clone()?,
        _ => return None,
    };
    Some((found.code, of))
}
