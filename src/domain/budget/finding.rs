//! What a budget contradicts: stated totals (E4), the two sides of a period (E5), carried-over money (E6), and a stale approval.

use std::collections::HashMap;

use super::super::Suspicion;
use super::is_year;
use super::total::kroner;
use crate::schema::v1::*;

pub(in crate::domain) fn find(project: &Project, _today: &str, found: &mut Vec<Suspicion>) {
    let Some(budget) = &project.budget else { return };
    let periods = budget.periods(project);
    let parts = budget.by_period(&periods);
    let phases = project.phases.iter();
    let names: HashMap<&str, &str> = phases
        .map(|phase| (phase.phase_id.as_str(), phase.name.as_str()))
        .collect();
    for rule in [stated_totals, unequal_sides, carried_too_much, mixed_vat] {
        for period in &periods {
            // A year as it is written, a phase by its name.
            let name = names.get(period.as_str()).copied().unwrap_or(period);
            rule(parts.of(period), period, name, found);
        }
    }
    if budget.status() == BudgetStatus::Changed {
        let approved = budget.approvals.last().map_or("", |approval| &approval.effective_date);
        found.push(Suspicion {
            code: "BUDGET_CHANGED_SINCE_APPROVAL",
            severity: Severity::Warning,
            description: format!(
                "The budget has changed since it was approved on {approved}, and is not approved as it stands."
            ),
            entities: Vec::new(),
            events: budget
                .provenance
                .iter()
                .map(|provenance| provenance.last_position)
                .collect(),
        });
    }
}

impl Budget {
    /// The ids of the lines that count, and the positions that last changed them.
    fn lines(
        &self,
        side: Option<BudgetSide>,
        counts: impl Fn(&BudgetLine, Option<&FinancingSource>) -> bool,
    ) -> (Vec<String>, Vec<i64>) {
        let costs = self
            .cost_lines
            .iter()
            .filter(|_| side != Some(BudgetSide::Financing))
            .map(|line| (&line.line_id, &line.line, None, &line.provenance));
        let financing = self
            .financing_lines
            .iter()
            .filter(|_| side != Some(BudgetSide::Cost))
            .map(|line| (&line.line_id, &line.line, line.source.as_ref(), &line.provenance));
        costs
            .chain(financing)
            .filter(|(_, line, source, _)| line.as_ref().is_some_and(|line| counts(line, *source)))
            .map(|(id, _, _, provenance)| (id.clone(), provenance.map_or(0, |provenance| provenance.last_position)))
            .unzip()
    }
}

fn warning(code: &'static str, description: String, (entities, events): (Vec<String>, Vec<i64>)) -> Suspicion {
    Suspicion {
        code,
        severity: Severity::Warning,
        description,
        entities,
        events,
    }
}

/// E4: a stated total differs from the computed one. A total that is stated as unknown contradicts nothing.
fn stated_totals(budget: &Budget, period: &str, name: &str, found: &mut Vec<Suspicion>) {
    for (side, word) in [(BudgetSide::Cost, "cost"), (BudgetSide::Financing, "financing")] {
        let Some(stated) = budget.stated_total(side, period) else {
            continue;
        };
        let Some(amount) = stated.amount.filter(|amount| amount.certainty() != Certainty::Unknown) else {
            continue;
        };
        let computed = budget.side_of(side, period);
        if computed.unknown == 0 && computed.figure() == amount.ore() {
            continue;
        }
        let description = format!(
            "{name}: the stated total of the {word} is {}, but its lines add up to {}.",
            kroner(amount.ore()),
            computed.words()
        );
        let (entities, mut events) = budget.lines(Some(side), |line, _| line.period == period);
        events.extend(stated.provenance.iter().map(|provenance| provenance.last_position));
        found.push(warning("E4", description, (entities, events)));
    }
}

/// E5: cost and financing of a period differ, in figures or in how much is unknown.
fn unequal_sides(budget: &Budget, period: &str, name: &str, found: &mut Vec<Suspicion>) {
    let (cost, financing) = (
        budget.side_of(BudgetSide::Cost, period),
        budget.side_of(BudgetSide::Financing, period),
    );
    if cost.figure() != financing.figure() || cost.unknown != financing.unknown {
        let description = format!("{name}: cost is {}, financing {}.", cost.words(), financing.words());
        found.push(warning(
            "E5",
            description,
            budget.lines(None, |line, _| line.period == period),
        ));
    }
}

/// E6: later years take over more money than a year left. While a part of its financing is unknown, nobody can say.
fn carried_too_much(budget: &Budget, period: &str, name: &str, found: &mut Vec<Suspicion>) {
    let financed = Total::of(
        budget
            .financing_said()
            .filter(|(_, line)| line.period == period && line.kind() != BudgetKind::InKind)
            .filter_map(|(_, line)| line.amount.as_ref()),
    );
    let left = financed.figure().saturating_sub(budget.used_of(period));
    let carried = budget.carried_out(period);
    if is_year(period) && financed.unknown == 0 && carried.figure() > left {
        let description = format!(
            "{} is carried over from {name}, which left {}.",
            carried.words(),
            kroner(left)
        );
        let from = |source: Option<&FinancingSource>| {
            source.is_some_and(|source| {
                source.kind() == FinancingSourceKind::CarriedOver && source.year.as_deref() == Some(period)
            })
        };
        found.push(warning(
            "E6",
            description,
            budget.lines(Some(BudgetSide::Financing), |_, source| from(source)),
        ));
    }
}

/// E2: lines with and without VAT in one period make sums that compare two things.
fn mixed_vat(budget: &Budget, period: &str, name: &str, found: &mut Vec<Suspicion>) {
    let (including, events) = budget.lines(None, |line, _| line.period == period && line.including_vat);
    let (excluding, _) = budget.lines(None, |line, _| line.period == period && !line.including_vat);
    if !including.is_empty() && !excluding.is_empty() {
        let description = format!(
            "{name}: {} of {} lines include VAT, and are added up with lines that do not.",
            including.len(),
            including.len() + excluding.len()
        );
        found.push(Suspicion {
            severity: Severity::Notice,
            ..warning("VAT_MIXED", description, (including, events))
        });
    }
}
