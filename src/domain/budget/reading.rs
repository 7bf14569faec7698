//! The budget read: what each period and post has budgeted, committed, used and left, and what each municipality bears (E8).

use std::collections::{BTreeSet, HashMap, HashSet};

use super::is_year;
use crate::schema::v1::*;

/// The budget of a project as it stands: its lines, and everything that is computed from them.
#[must_use]
pub fn budget_reading(project: &Project) -> BudgetReading {
    let empty = Budget {
        status: BudgetStatus::Draft.into(),
        ..Budget::default()
    };
    let budget = project.budget.as_ref().unwrap_or(&empty);
    let usage = budget.usage();
    let periods = budget.periods(project);
    let parts = budget.by_period(&periods);
    BudgetReading {
        status: budget.status,
        cost_lines: budget.cost_lines.clone(),
        financing_lines: budget.financing_lines.clone(),
        periods: periods
            .iter()
            .map(|period| parts.of(period).period(period, &usage))
            .collect(),
        shares: budget.shares(),
        cost: Some(budget.cost()),
        financing: Some(budget.financing()),
        position: project.position,
    }
}

/// So many periods are looked for in the whole of a budget: to part it would take longer.
const FEW_PERIODS: usize = 12;

/// A budget in parts by period.
pub(super) enum Parts<'a> {
    Whole(&'a Budget),
    Many(HashMap<&'a str, Budget>),
}

impl Parts<'_> {
    /// The part with all that is said of a period.
    ///
    /// # Panics
    /// When the budget was not parted by this period.
    pub(super) fn of(&self, period: &str) -> &Budget {
        match self {
            Self::Whole(budget) => budget,
            Self::Many(parts) => parts.get(period).expect("it was parted by this period"),
        }
    }
}

/// What happens to the money of one line.
#[derive(Clone, Copy, Default)]
struct Usage {
    committed: Total,
    used: i64,
    /// What is committed and not yet paid.
    outstanding: Total,
}

fn add(sum: &mut i64, ore: i64) {
    *sum = sum.saturating_add(ore);
}

impl CostLine {
    fn said(&self) -> Option<(&str, &BudgetLine)> {
        Some((&self.line_id, self.line.as_ref()?))
    }
}

impl Budget {
    fn cost_said(&self) -> impl Iterator<Item = (&str, &BudgetLine)> {
        self.cost_lines.iter().filter_map(CostLine::said)
    }

    pub(super) fn financing_said(&self) -> impl Iterator<Item = (&FinancingSource, &BudgetLine)> {
        self.financing_lines
            .iter()
            .filter_map(|line| Some((line.source.as_ref()?, line.line.as_ref()?)))
    }

    /// What the project costs in all.
    pub(in crate::domain) fn cost(&self) -> Total {
        Total::of(self.cost_said().filter_map(|(_, line)| line.amount.as_ref()))
    }

    /// What is financed in all.
    pub(in crate::domain) fn financing(&self) -> Total {
        Total::of(self.financing_said().filter_map(|(_, line)| line.amount.as_ref()))
    }

    /// What one side of a period adds up to.
    pub(super) fn side_of(&self, side: BudgetSide, period: &str) -> Total {
        let of_period = |line: &&BudgetLine| line.period == period;
        match side {
            BudgetSide::Financing => Total::of(
                self.financing_said()
                    .map(|(_, line)| line)
                    .filter(of_period)
                    .filter_map(|line| line.amount.as_ref()),
            ),
            BudgetSide::Cost | BudgetSide::Unspecified => Total::of(
                self.cost_said()
                    .map(|(_, line)| line)
                    .filter(of_period)
                    .filter_map(|line| line.amount.as_ref()),
            ),
        }
    }

    pub(super) fn stated_total(&self, side: BudgetSide, period: &str) -> Option<&StatedTotal> {
        self.stated_totals
            .iter()
            .find(|stated| stated.side() == side && stated.period == period)
    }

    /// Every period that is spoken of: years in order, then phases in the order of the plan.
    pub(super) fn periods(&self, project: &Project) -> Vec<String> {
        let lines = self
            .cost_said()
            .map(|(_, line)| line)
            .chain(self.financing_said().map(|(_, line)| line));
        let periods: BTreeSet<&str> = lines
            .map(|line| line.period.as_str())
            .chain(self.stated_totals.iter().map(|stated| stated.period.as_str()))
            .collect();
        let mut periods: Vec<&str> = periods.into_iter().collect();
        let phases = project.phases.iter().enumerate();
        let places: HashMap<&str, usize> = phases.map(|(place, phase)| (phase.phase_id.as_str(), place)).collect();
        periods.sort_by_key(|period| {
            if is_year(period) {
                None
            } else {
                Some(places.get(period).copied().unwrap_or(usize::MAX))
            }
        });
        periods.into_iter().map(str::to_owned).collect()
    }

    /// The budget in parts, each with all that is said of one of these periods, in the order in which it stands: where there are many,
    /// nobody looks through all of it for each of them.
    pub(super) fn by_period<'a>(&'a self, periods: &'a [String]) -> Parts<'a> {
        if periods.len() <= FEW_PERIODS {
            return Parts::Whole(self);
        }
        let mut parts: HashMap<&str, Self> = periods
            .iter()
            .map(|period| (period.as_str(), Self::default()))
            .collect();
        let mut period_of: HashMap<&str, &str> = HashMap::new();
        for (line, said) in self
            .cost_lines
            .iter()
            .filter_map(|line| Some((line, line.line.as_ref()?)))
        {
            period_of.insert(&line.line_id, &said.period);
            if let Some(part) = parts.get_mut(said.period.as_str()) {
                part.cost_lines.push(line.clone());
            }
        }
        for line in &self.financing_lines {
            let period = line.line.as_ref().map(|said| said.period.as_str());
            let from = line.source.as_ref().and_then(|source| source.year.as_deref());
            for period in period.into_iter().chain(from.filter(|from| Some(*from) != period)) {
                if let Some(part) = parts.get_mut(period) {
                    part.financing_lines.push(line.clone());
                }
            }
        }
        for stated in &self.stated_totals {
            if let Some(part) = parts.get_mut(stated.period.as_str()) {
                part.stated_totals.push(stated.clone());
            }
        }
        for actual in &self.actuals {
            let line = actual.entry.as_ref().map(|entry| entry.line_id.as_str());
            let period = line.and_then(|line| period_of.get(line));
            if let Some(part) = period.and_then(|period| parts.get_mut(period)) {
                part.actuals.push(actual.clone());
            }
        }
        Parts::Many(parts)
    }

    fn period(&self, period: &str, usage: &HashMap<&str, Usage>) -> BudgetPeriodSummary {
        let posts = self.posts(period, usage);
        let sum = |part: fn(&BudgetPostSummary) -> Option<Total>| {
            posts
                .iter()
                .filter_map(part)
                .fold(Total::default(), |sum, total| sum.plus(&total))
        };
        let stated = |side| self.stated_total(side, period).and_then(|stated| stated.amount);
        BudgetPeriodSummary {
            period: period.to_owned(),
            cost: Some(self.side_of(BudgetSide::Cost, period)),
            financing: Some(self.side_of(BudgetSide::Financing, period)),
            committed: Some(sum(|post| post.committed)),
            actual: Some(sum(|post| post.actual)),
            remaining: Some(sum(|post| post.remaining)),
            carried_in: Some(self.carried(|_, line| line.period == period)),
            carried_out: Some(self.carried_out(period)),
            stated_cost: stated(BudgetSide::Cost),
            stated_financing: stated(BudgetSide::Financing),
            posts,
        }
    }

    fn carried(&self, counts: impl Fn(&FinancingSource, &BudgetLine) -> bool) -> Total {
        let carried = self
            .financing_said()
            .filter(|(source, line)| source.kind() == FinancingSourceKind::CarriedOver && counts(source, line));
        Total::of(carried.filter_map(|(_, line)| line.amount.as_ref()))
    }

    /// What later years take over from a year, planned or done.
    pub(super) fn carried_out(&self, year: &str) -> Total {
        self.carried(|source, _| source.year.as_deref() == Some(year))
    }

    fn posts(&self, period: &str, usage: &HashMap<&str, Usage>) -> Vec<BudgetPostSummary> {
        let mut posts: Vec<BudgetPostSummary> = Vec::new();
        let mut places: HashMap<(&str, i32), usize> = HashMap::new();
        for (line_id, line) in self.cost_said().filter(|(_, line)| line.period == period) {
            let index = *places.entry((&line.post, line.kind)).or_insert_with(|| {
                posts.push(BudgetPostSummary {
                    post: line.post.clone(),
                    kind: line.kind,
                    ..BudgetPostSummary::default()
                });
                posts.len() - 1
            });
            let post = &mut posts[index];
            let budget = Total::of(&line.amount);
            let usage = usage.get(line_id).copied().unwrap_or_default();
            let (committed, actual) = (usage.committed, Total::known(usage.used));
            let remaining = budget.less(&actual).less(&usage.outstanding);
            post.line_ids.push(line_id.to_owned());
            for (sum, part) in [
                (&mut post.budget, budget),
                (&mut post.committed, committed),
                (&mut post.actual, actual),
                (&mut post.remaining, remaining),
            ] {
                *sum = Some(sum.unwrap_or_default().plus(&part));
            }
        }
        posts
    }

    /// What is committed, used and outstanding of every line, in a few passes: the books of a project may hold thousands of entries.
    fn usage(&self) -> HashMap<&str, Usage> {
        let mut lines: HashMap<&str, Usage> = HashMap::new();
        let mut corrected: HashMap<&str, i64> = HashMap::new();
        for (id, entry) in self.entries() {
            add(&mut lines.entry(&entry.line_id).or_default().used, entry.ore());
            add(
                corrected
                    .entry(entry.corrects_actual_id.as_deref().unwrap_or(id))
                    .or_default(),
                entry.ore(),
            );
        }
        let mut paid: HashMap<&str, i64> = HashMap::new();
        for (id, entry) in self.entries() {
            if let Some(commitment) = &entry.commitment_id {
                let stands = corrected.get(id).copied().unwrap_or_default();
                add(paid.entry(commitment).or_default(), stands);
            }
        }
        for commitment in &self.commitments {
            let Some(amount) = commitment.amount else { continue };
            let paid = paid.get(commitment.commitment_id.as_str()).copied().unwrap_or_default();
            let ore = amount.ore.map(|ore| ore.saturating_sub(paid).max(0));
            let usage = lines.entry(&commitment.line_id).or_default();
            usage.committed = usage.committed.plus(&amount.total());
            usage.outstanding = usage.outstanding.plus(&Amount { ore, ..amount }.total());
        }
        lines
    }

    /// What is used of a period in money: on its cost lines, own effort apart.
    pub(super) fn used_of(&self, period: &str) -> i64 {
        let said = self
            .cost_said()
            .filter(|(_, line)| line.period == period && line.kind() != BudgetKind::InKind);
        let lines: HashSet<&str> = said.map(|(line_id, _)| line_id).collect();
        self.entries()
            .filter(|(_, entry)| lines.contains(entry.line_id.as_str()))
            .fold(0, |sum, (_, entry)| sum.saturating_add(entry.ore()))
    }

    fn shares(&self) -> Vec<MunicipalityShare> {
        let mut shares: Vec<(String, Total)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (source, line) in self.financing_said() {
            let Some(municipality) = &source.municipality else {
                continue;
            };
            let amount = Total::of(&line.amount);
            let place = *places.entry(municipality).or_insert(shares.len());
            match shares.get_mut(place) {
                Some((_, sum)) => *sum = sum.plus(&amount),
                None => shares.push((municipality.clone(), amount)),
            }
        }
        let all = shares
            .iter()
            .fold(Total::default(), |sum, (_, amount)| sum.plus(amount));
        shares
            .into_iter()
            .map(|(municipality, amount)| MunicipalityShare {
                municipality,
                amount: Some(amount),
                basis_points: basis_points(&amount, &all),
            })
            .collect()
    }
}

/// The part in hundredths of a per cent, unless an amount of the whole is unknown.
fn basis_points(part: &Total, whole: &Total) -> Option<i32> {
    if whole.unknown > 0 || whole.figure() <= 0 {
        return None;
    }
    i32::try_from(i128::from(part.figure()) * 10_000 / i128::from(whole.figure())).ok()
}
