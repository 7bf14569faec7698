//! Money adds up: every total of every reading is the sum of its lines, added up here anew, and none of them loses an unknown one.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use vedtak::domain::{self, Facts, State, Stream};
use vedtak::schema::v1::*;

use super::decisions::is_left_in;
use super::ledger::{States, Step};
use super::sum::{Checked, Sum};

/// Holds all that is read of money after a step against its lines; answers how many totals there were.
pub fn adds_up(states: &States, step: &Step) -> usize {
    let mut checked = Checked::default();
    match &*step.after {
        State::Project(project) => {
            checked.budget(project);
            checked.approval(project);
            checked.contracts(project);
            checked.benefits(project);
            checked.report(project);
        }
        State::Programme(programme) => checked.portfolio(states, programme),
        State::Agreement(agreement) => checked.agreement(states, agreement, &step.circumstances.effective_date),
        _ => {}
    }
    checked.0
}

/// The lines of one side that speak of a period, or all of them.
fn lines<'a>(all: impl Iterator<Item = &'a Option<BudgetLine>>, period: Option<&str>) -> Sum {
    let said = all.map(|line| line.as_ref().expect("a line says something"));
    let of_period = said.filter(|line| period.is_none_or(|period| line.period == period));
    Sum::of(of_period.map(|line| line.amount.as_ref().expect("a line has an amount")))
}

fn costs(budget: &Budget, period: Option<&str>) -> Sum {
    lines(budget.cost_lines.iter().map(|line| &line.line), period)
}

fn financing(budget: &Budget, period: Option<&str>) -> Sum {
    lines(budget.financing_lines.iter().map(|line| &line.line), period)
}

/// What is carried over by the lines of which this is so.
fn carried(budget: &Budget, counts: impl Fn(&FinancingLine) -> bool) -> Sum {
    let is_carried = |line: &&FinancingLine| {
        let source = line.source.as_ref();
        source.is_some_and(|source| source.kind() == FinancingSourceKind::CarriedOver)
    };
    let counting = budget
        .financing_lines
        .iter()
        .filter(is_carried)
        .filter(|line| counts(line));
    lines(counting.map(|line| &line.line), None)
}

fn entries<'a>(budget: &'a Budget, line_id: &'a str) -> impl Iterator<Item = (&'a str, &'a ActualEntry)> {
    let entries = budget
        .actuals
        .iter()
        .map(|one| (one.actual_id.as_str(), one.entry.as_ref().expect("an entry")));
    entries.filter(move |(_, entry)| entry.line_id == line_id)
}

fn used(budget: &Budget, line_id: &str) -> i128 {
    entries(budget, line_id).map(|(_, entry)| i128::from(entry.ore())).sum()
}

fn committed(budget: &Budget, line_id: &str) -> Sum {
    let on_line = budget.commitments.iter().filter(|one| one.line_id == line_id);
    Sum::of(on_line.map(|one| one.amount.as_ref().expect("a commitment has an amount")))
}

/// What is committed on a line and not yet paid: of each commitment what its payments leave, their corrections counted in.
fn outstanding(budget: &Budget, line_id: &str) -> Sum {
    let left = |one: &Commitment| {
        let pays = |entry: &ActualEntry| entry.commitment_id.as_ref() == Some(&one.commitment_id);
        let paying: Vec<&str> = entries(budget, line_id)
            .filter(|(_, entry)| pays(entry))
            .map(|(id, _)| id)
            .collect();
        let counts = |id: &str, entry: &ActualEntry| {
            paying.contains(&id)
                || entry
                    .corrects_actual_id
                    .as_deref()
                    .is_some_and(|id| paying.contains(&id))
        };
        let paid: i128 = entries(budget, line_id)
            .filter(|(id, entry)| counts(id, entry))
            .map(|(_, entry)| i128::from(entry.ore()))
            .sum();
        let amount = one.amount.as_ref().expect("a commitment has an amount");
        let rest = (i128::from(amount.ore()) - paid).max(0);
        match amount.certainty() {
            Certainty::Known => Sum::known(rest),
            Certainty::Estimated => Sum {
                estimated: rest,
                ..Sum::default()
            },
            _ => Sum::of([amount]),
        }
    };
    budget
        .commitments
        .iter()
        .filter(|one| one.line_id == line_id)
        .map(left)
        .sum()
}

impl Checked {
    fn budget(&mut self, project: &Project) {
        let Some(budget) = &project.budget else { return };
        let reading = domain::budget_reading(project);
        self.same(reading.cost, costs(budget, None), "the cost");
        self.same(reading.financing, financing(budget, None), "the financing");
        let spoken_of: BTreeSet<&str> = budget
            .cost_lines
            .iter()
            .filter_map(|one| one.line.as_ref())
            .chain(budget.financing_lines.iter().filter_map(|one| one.line.as_ref()))
            .map(|line| line.period.as_str())
            .chain(budget.stated_totals.iter().map(|stated| stated.period.as_str()))
            .collect();
        let shown: BTreeSet<&str> = reading.periods.iter().map(|period| period.period.as_str()).collect();
        assert_eq!(
            (shown.len(), &shown),
            (reading.periods.len(), &spoken_of),
            "every period once"
        );
        for period in &reading.periods {
            self.period(budget, period);
        }
        let whole = |part: fn(&BudgetPeriodSummary) -> Option<Total>| -> Sum {
            reading.periods.iter().map(|period| sum_of(part(period))).sum()
        };
        assert_eq!(
            whole(|period| period.cost),
            costs(budget, None),
            "the periods cost what the project costs"
        );
        let all_used: i128 = budget
            .actuals
            .iter()
            .filter_map(|one| one.entry.as_ref())
            .map(|entry| i128::from(entry.ore()))
            .sum();
        assert_eq!(
            whole(|period| period.actual),
            Sum::known(all_used),
            "all that is used is used in a period"
        );
        let all_committed = Sum::of(budget.commitments.iter().filter_map(|one| one.amount.as_ref()));
        assert_eq!(
            whole(|period| period.committed),
            all_committed,
            "all that is committed is so in a period"
        );
        self.0 += 3;
        self.shares(budget, &reading.shares);
        self.findings(project, budget, &spoken_of);
    }

    fn period(&mut self, budget: &Budget, period: &BudgetPeriodSummary) {
        let name = Some(period.period.as_str());
        self.same(period.cost, costs(budget, name), "the cost of a period");
        self.same(period.financing, financing(budget, name), "the financing of a period");
        let into = carried(budget, |line| {
            line.line.as_ref().is_some_and(|line| line.period == period.period)
        });
        self.same(period.carried_in, into, "what a period gets from earlier ones");
        let out = carried(budget, |line| {
            line.source
                .as_ref()
                .is_some_and(|source| source.year == Some(period.period.clone()))
        });
        self.same(period.carried_out, out, "what later periods get from it");
        let of_period: Vec<&CostLine> = budget
            .cost_lines
            .iter()
            .filter(|line| line.line.as_ref().is_some_and(|line| line.period == period.period))
            .collect();
        self.rows(
            budget,
            &of_period,
            [period.cost, period.committed, period.actual, period.remaining],
        );
        let mut seen = BTreeSet::new();
        for post in &period.posts {
            let of_post: Vec<&CostLine> = of_period
                .iter()
                .copied()
                .filter(|one| {
                    one.line
                        .as_ref()
                        .is_some_and(|line| line.post == post.post && line.kind == post.kind)
                })
                .collect();
            assert_eq!(
                post.line_ids,
                of_post.iter().map(|line| line.line_id.clone()).collect::<Vec<_>>()
            );
            seen.extend(post.line_ids.iter().cloned());
            self.rows(
                budget,
                &of_post,
                [post.budget, post.committed, post.actual, post.remaining],
            );
        }
        assert_eq!(seen.len(), of_period.len(), "every line stands under a post");
    }

    /// Budgeted, committed, used and left of some lines.
    fn rows(
        &mut self,
        budget: &Budget,
        of: &[&CostLine],
        [budgeted, commitments, actual, remaining]: [Option<Total>; 4],
    ) {
        let ids = || of.iter().map(|line| line.line_id.as_str());
        let planned = lines(of.iter().map(|line| &line.line), None);
        let gone = Sum::known(ids().map(|id| used(budget, id)).sum());
        let bound: Sum = ids().map(|id| outstanding(budget, id)).sum();
        self.same(budgeted, planned, "what is budgeted");
        self.same(
            commitments,
            ids().map(|id| committed(budget, id)).sum(),
            "what is committed",
        );
        self.same(actual, gone, "what is used");
        self.same(remaining, planned.less(gone).less(bound), "what is left");
    }

    fn shares(&mut self, budget: &Budget, shares: &[MunicipalityShare]) {
        let mut borne: HashMap<&str, Vec<&Amount>> = HashMap::new();
        for line in &budget.financing_lines {
            let municipality = line.source.as_ref().and_then(|source| source.municipality.as_deref());
            let amount = line.line.as_ref().and_then(|line| line.amount.as_ref());
            if let Some(municipality) = municipality {
                borne.entry(municipality).or_default().extend(amount);
            }
        }
        assert_eq!(shares.len(), borne.len(), "each municipality once");
        let whole: Sum = borne.values().map(|amounts| Sum::of(amounts.iter().copied())).sum();
        for share in shares {
            let part = Sum::of(borne[share.municipality.as_str()].iter().copied());
            self.same(share.amount, part, "what a municipality bears");
            let sayable = whole.unknown == 0 && whole.figure() > 0;
            let expected = sayable.then(|| part.figure() * 10_000 / whole.figure());
            assert_eq!(share.basis_points.map(i128::from), expected, "its part of the whole");
        }
    }

    /// E4 and E5 are found exactly where the sums differ.
    fn findings(&mut self, project: &Project, budget: &Budget, periods: &BTreeSet<&str>) {
        let found = domain::findings(project, super::TODAY);
        let times = |code| found.iter().filter(|finding| finding.code == code).count();
        let stated = budget.stated_totals.iter().filter(|stated| {
            let amount = stated.amount.as_ref().expect("a stated total has an amount");
            let period = Some(stated.period.as_str());
            let sum = if stated.side() == BudgetSide::Cost {
                costs(budget, period)
            } else {
                financing(budget, period)
            };
            amount.certainty() != Certainty::Unknown && (sum.unknown > 0 || sum.figure() != i128::from(amount.ore()))
        });
        assert_eq!(times("E4"), stated.count(), "E4: each stated total that differs");
        let unequal = periods.iter().filter(|period| {
            let (cost, financing) = (costs(budget, Some(period)), financing(budget, Some(period)));
            (cost.figure(), cost.unknown) != (financing.figure(), financing.unknown)
        });
        assert_eq!(times("E5"), unequal.count(), "E5: each period whose sides differ");
        self.0 += 2;
    }

    /// What was approved last is what the lines came to then.
    fn approval(&mut self, project: &Project) {
        let Some(budget) = &project.budget else { return };
        let Some(last) = budget.approvals.last() else { return };
        if budget.status() == BudgetStatus::Approved {
            self.same(last.cost, costs(budget, None), "the approved cost");
            self.same(last.financing, financing(budget, None), "the approved financing");
        }
    }

    fn contracts(&mut self, project: &Project) {
        let reading = domain::contract_reading(project);
        let signed = project.procurements.iter().filter_map(|one| one.contract.as_ref());
        let (mut all, mut all_with_options) = (Sum::default(), Sum::default());
        assert_eq!(reading.contracts.len(), signed.clone().count(), "each contract once");
        for (contract, read) in signed.zip(&reading.contracts) {
            let terms = contract.terms.as_ref().expect("a contract has terms");
            let mut value = Sum::of(&terms.value);
            let mut taken_up = Vec::new();
            for (amendment, read) in contract.amendments.iter().zip(&read.amendments) {
                let change = amendment.change.as_ref().expect("an amendment changes something");
                let option = terms
                    .options
                    .iter()
                    .find(|option| Some(&option.option_id) == change.option_id.as_ref());
                taken_up.extend(option.map(|option| &option.option_id));
                value = value.plus(Sum::of(option.map_or(&change.value, |option| &option.value)));
                self.same(read.value_after, value, "the value after an amendment");
            }
            let open = terms
                .options
                .iter()
                .filter(|one| contract.terminated.is_none() && !taken_up.contains(&&one.option_id));
            let with_options = value.plus(Sum::of(open.filter_map(|option| option.value.as_ref())));
            self.same(read.value, value, "the value of a contract");
            self.same(read.value_with_options, with_options, "its value with options");
            (all, all_with_options) = (all.plus(value), all_with_options.plus(with_options));
        }
        self.same(reading.value, all, "the value of the contracts");
        self.same(reading.value_with_options, all_with_options, "their value with options");
    }

    fn benefits(&mut self, project: &Project) {
        let aimed_at = project
            .benefits
            .iter()
            .filter(|one| one.status() != BenefitStatus::Dropped);
        let plans: Vec<&BenefitPlan> = aimed_at.filter_map(|one| one.plans.last()?.plan.as_ref()).collect();
        let sum = |name: &str, side: fn(&BenefitPlan) -> &Vec<BenefitParty>| {
            let parties = plans
                .iter()
                .flat_map(|plan| side(plan))
                .filter(|party| party.name == name);
            Sum::of(parties.filter_map(|party| party.yearly.as_ref()))
        };
        for party in domain::benefit_reading(project).parties {
            self.same(
                party.pays_yearly,
                sum(&party.name, |plan| &plan.payers),
                "what a party pays",
            );
            self.same(
                party.gains_yearly,
                sum(&party.name, |plan| &plan.gainers),
                "what a party gains",
            );
        }
    }

    /// The figures of the last report, as of now.
    fn report(&mut self, project: &Project) {
        let Some(report) = project.reports.last() else { return };
        let reading = domain::report_reading(project, &report.report_id).expect("it is there");
        let figures = reading.figures.expect("a report has figures");
        let empty = Budget::default();
        let budget = project.budget.as_ref().unwrap_or(&empty);
        let ids = || budget.cost_lines.iter().map(|line| line.line_id.as_str());
        let used: Sum = Sum::known(ids().map(|id| used(budget, id)).sum());
        let bound: Sum = ids().map(|id| outstanding(budget, id)).sum();
        self.same(figures.cost, costs(budget, None), "the reported cost");
        self.same(figures.financing, financing(budget, None), "the reported financing");
        self.same(
            figures.committed,
            ids().map(|id| committed(budget, id)).sum(),
            "what is reported as committed",
        );
        self.same(figures.actual, used, "what is reported as used");
        self.same(
            figures.remaining,
            costs(budget, None).less(used).less(bound),
            "what is reported as left",
        );
    }

    fn portfolio(&mut self, states: &States, programme: &Programme) {
        let stream = |id: &str| format!("project/{id}");
        let included: Vec<&IncludedProject> = programme.projects.iter().filter(|one| one.to.is_none()).collect();
        let named = included.iter().map(|one| Stream::project(&one.project_id));
        let facts: HashMap<Stream, Arc<State>> = named
            .filter_map(|one| Some((one.clone(), Arc::clone(states.get(&one.to_string())?))))
            .collect();
        let reading = domain::portfolio_reading(programme, &Facts::new(&facts));
        let mut sides = [Sum::default(); 2];
        assert_eq!(reading.projects.len(), included.len(), "each project once");
        for line in &reading.projects {
            let Some(State::Project(project)) = states.get(&stream(&line.project_id)).map(AsRef::as_ref) else {
                panic!("the portfolio shows a project that is not there")
            };
            let empty = Budget::default();
            let budget = project.budget.as_ref().unwrap_or(&empty);
            let own = [costs(budget, None), financing(budget, None)];
            self.same(line.cost, own[0], "the cost of a project in the portfolio");
            self.same(line.financing, own[1], "its financing");
            sides = [sides[0].plus(own[0]), sides[1].plus(own[1])];
        }
        self.same(reading.cost, sides[0], "the cost of the portfolio");
        self.same(reading.financing, sides[1], "the financing of the portfolio");
    }

    /// What the withdrawal of each party would touch: its own share and money, and the shares of the others.
    fn agreement(&mut self, states: &States, agreement: &Agreement, date: &str) {
        let latest = agreement.editions.last().expect("an agreement has an edition");
        let terms = latest.terms.as_ref().expect("an edition has terms");
        let whole: i64 = terms.parties.iter().map(|party| i64::from(party.cost_share)).sum();
        assert!(
            (0..=10_000).contains(&whole),
            "the shares of an agreement are parts of a whole"
        );
        let parsed = states
            .iter()
            .filter_map(|(stream, state)| Some((Stream::parse(stream)?, Arc::clone(state))));
        let facts: HashMap<Stream, Arc<State>> = parsed.collect();
        for party in &terms.parties {
            let Some(impact) = domain::withdrawal_impact(agreement, &party.party_id, date, &Facts::new(&facts)) else {
                continue;
            };
            let mut editions = agreement.editions.iter();
            let edition = editions
                .find(|edition| edition.edition == impact.edition)
                .expect("the edition that is shown");
            let parties = || edition.terms.iter().flat_map(|terms| &terms.parties);
            let own = parties()
                .find(|one| one.party_id == party.party_id)
                .expect("the party is in it");
            let paid = |id: &str| {
                agreement
                    .fulfilments
                    .iter()
                    .any(|one| one.obligation_id == id && one.fulfilled.as_str() <= date)
            };
            let unpaid = own.obligations.iter().filter(|one| !paid(&one.obligation_id));
            self.same(
                impact.money,
                Sum::of(unpaid.filter_map(|one| one.amount.as_ref())),
                "the money that is touched",
            );
            assert_eq!(impact.cost_share, own.cost_share, "the share that falls away");
            // A party whose last day this is has left when the next day comes.
            let stays = |one: &&AgreementParty| {
                let leaves = agreement
                    .withdrawals
                    .iter()
                    .rfind(|gone| gone.party_id == one.party_id && edition.edition <= gone.edition);
                one.party_id != own.party_id
                    && is_left_in(agreement, edition, &one.party_id, date)
                    && leaves.is_none_or(|gone| gone.to != date)
            };
            let rest: i64 = parties().filter(stays).map(|one| i64::from(one.cost_share)).sum();
            assert_eq!(
                i64::from(impact.remaining_cost_share),
                rest,
                "the shares of those who stay"
            );
            self.0 += 2;
        }
    }
}

fn sum_of(total: Option<Total>) -> Sum {
    let total = total.expect("a total");
    Sum {
        known: total.known_ore.into(),
        estimated: total.estimated_ore().into(),
        unknown: total.unknown.into(),
    }
}
