//! What a decision is frozen to, and what has changed since in that which it rests on (rule B6).

use std::collections::{HashMap, HashSet};

use crate::schema::v1::*;

impl Project {
    /// B6: where in the ledger everything stands that a decision on this point rests on.
    pub(super) fn freeze(&self, point: &DecisionPoint) -> FrozenBasis {
        let basis = point.basis.as_ref();
        let hash = |document: &DocumentReference| document.sha256.clone();
        let risks = self.risks.iter().map(|risk| last(&risk.provenance));
        FrozenBasis {
            project_version: self.version,
            project_position: self.position,
            basis_position: basis.map_or(0, |basis| basis.position),
            basis_sha256: basis.map_or_else(Vec::new, |basis| basis.documents.iter().map(hash).collect()),
            option_ids: point.options().iter().map(|option| option.option_id.clone()).collect(),
            phase_position: self.gated_phase(point).map_or(0, Phase::plan_position),
            budget_position: self.budget.as_ref().map_or(0, |budget| budget.lines_position),
            risks_position: risks.max().unwrap_or_default(),
            milestones_position: self
                .milestones
                .iter()
                .map(Milestone::planned_position)
                .max()
                .unwrap_or_default(),
        }
    }

    fn gated_phase(&self, point: &DecisionPoint) -> Option<&Phase> {
        self.phase(point.gates_phase_id.as_deref()?).ok()
    }
}

impl Phase {
    fn plan_position(&self) -> i64 {
        self.plan.as_ref().map_or(0, |plan| plan.position)
    }
}

impl Milestone {
    /// The position of its last change as a plan: to reach it is no change of what was planned.
    fn planned_position(&self) -> i64 {
        if self.status() == MilestoneStatus::Cancelled {
            return last(&self.provenance);
        }
        let planned = self.provenance.map_or(0, |at| at.first_position);
        self.moves.last().map_or(planned, |moved| moved.position)
    }
}

fn last(provenance: &Option<Provenance>) -> i64 {
    provenance.map_or(0, |at| at.last_position)
}

/// The decided points that rest on something which has changed since (B6).
#[must_use]
pub fn changed_after_decision(project: &Project) -> Vec<String> {
    let changed = |point: &&DecisionPoint| {
        point.frozen_basis.as_ref().is_some_and(|then| {
            let now = project.freeze(point);
            !point.changed_after_decision.is_empty()
                || now.phase_position > then.phase_position
                || now.budget_position > then.budget_position
                || now.risks_position > then.risks_position
                || now.milestones_position > then.milestones_position
        })
    };
    let points = project.decision_points.iter().filter(changed);
    points.map(|point| point.decision_point_id.clone()).collect()
}

/// What a decision was frozen to, and what has changed between the project as the decision saw it, `then`, and the project as it
/// is read (B6). There is no `then` where nothing is decided.
#[must_use]
pub fn decision_basis(then: Option<&Project>, now: &Project, decision_point_id: &str) -> Option<DecisionBasis> {
    let point = now.decision_point(decision_point_id).ok()?;
    let mut changes = Vec::new();
    if let Some(then) = then {
        changes.extend(basis_changes(then, point));
        changes.extend(phase_change(then, now, point));
        let lines = now.budget.as_ref().map_or(0, |budget| budget.lines_position);
        for (part, then, now) in [
            (BasisPart::CostLine, then.seen_cost_lines(), now.seen_cost_lines()),
            (
                BasisPart::FinancingLine,
                then.seen_financing_lines(),
                now.seen_financing_lines(),
            ),
            (BasisPart::Risk, then.seen_risks(), now.seen_risks()),
            (BasisPart::Milestone, then.seen_milestones(), now.seen_milestones()),
        ] {
            changes.extend(compare(part, &then, &now, lines));
        }
    }
    Some(DecisionBasis {
        decision_point_id: decision_point_id.to_owned(),
        status: point.status,
        decided: point.decided.clone(),
        decided_position: point.decided_position,
        frozen_basis: point.frozen_basis.clone(),
        basis: point.basis.clone(),
        changes,
        position: now.position,
    })
}

/// Another basis, and new versions of its documents: the fold has seen them come.
fn basis_changes(then: &Project, point: &DecisionPoint) -> Vec<BasisChange> {
    let frozen = point.frozen_basis.as_ref().map_or(0, |frozen| frozen.basis_position);
    let change = |change: &ChangeAfterDecision| {
        let date = &change.date;
        let (part, entity_id, before_position, description) = match &change.document_id {
            Some(id) => {
                let before = then.document(id).map_or(0, |document| last(&document.provenance));
                let description = format!("A document of the basis got a new version on {date}.");
                (BasisPart::Document, id, before, description)
            }
            None => {
                let description = format!("Another basis was attached on {date}.");
                (BasisPart::Basis, &point.decision_point_id, frozen, description)
            }
        };
        BasisChange {
            part: part.into(),
            entity_id: entity_id.clone(),
            before_position,
            after_position: change.position,
            description,
        }
    };
    point.changed_after_decision.iter().map(change).collect()
}

fn phase_change(then: &Project, now: &Project, point: &DecisionPoint) -> Option<BasisChange> {
    let phase = now.gated_phase(point)?;
    let before_position = then.gated_phase(point).map_or(0, Phase::plan_position);
    let plan = phase.plan.as_ref().filter(|plan| plan.position != before_position)?;
    Some(BasisChange {
        part: BasisPart::Phase.into(),
        entity_id: phase.phase_id.clone(),
        before_position,
        after_position: plan.position,
        description: format!(
            "{}: version {} of its plan was approved on {}.",
            phase.label(),
            plan.version,
            plan.approved
        ),
    })
}

/// One of a list of things, as it was then or is now.
struct Seen<'a> {
    id: &'a str,
    position: i64,
    /// What it is called.
    name: String,
    /// What is said of it that may change.
    says: String,
}

/// What has come, changed or gone between two lists of the same things.
fn compare(part: BasisPart, then: &[Seen<'_>], now: &[Seen<'_>], gone_position: i64) -> Vec<BasisChange> {
    let before: HashMap<&str, &Seen<'_>> = then.iter().map(|seen| (seen.id, seen)).collect();
    let staying: HashSet<&str> = now.iter().map(|seen| seen.id).collect();
    let change = |id: &str, before_position, after_position, description| BasisChange {
        part: part.into(),
        entity_id: id.to_owned(),
        before_position,
        after_position,
        description,
    };
    let come_or_changed = now.iter().filter_map(|seen| {
        let Seen {
            id,
            position,
            name,
            says,
        } = seen;
        match before.get(id) {
            Some(earlier) if earlier.position == *position => None,
            Some(earlier) if earlier.says == *says => Some(change(
                id,
                earlier.position,
                *position,
                format!("{name} has changed, and still says {says}."),
            )),
            Some(earlier) => Some(change(
                id,
                earlier.position,
                *position,
                format!("{name}: {} has become {says}.", earlier.says),
            )),
            None => Some(change(id, 0, *position, format!("{name} is new: {says}."))),
        }
    });
    let gone = then.iter().filter(|seen| !staying.contains(seen.id));
    let gone = gone.map(|seen| {
        let description = format!("{} was removed; it said {}.", seen.name, seen.says);
        change(seen.id, seen.position, gone_position, description)
    });
    come_or_changed.chain(gone).collect()
}

impl Project {
    fn seen_line<'a>(&self, what: &str, id: &'a str, line: &BudgetLine, provenance: &Option<Provenance>) -> Seen<'a> {
        let period = self.phase(&line.period).map_or(&line.period, |phase| &phase.name);
        let amount = line.amount.as_ref().map(Amount::words).unwrap_or_default();
        Seen {
            id,
            position: last(provenance),
            name: format!("A {what}"),
            says: format!("{} in {period}, {amount}", line.post),
        }
    }

    fn seen_cost_lines(&self) -> Vec<Seen<'_>> {
        let lines = self.budget.iter().flat_map(|budget| &budget.cost_lines);
        lines
            .filter_map(|line| Some(self.seen_line("cost line", &line.line_id, line.line.as_ref()?, &line.provenance)))
            .collect()
    }

    fn seen_financing_lines(&self) -> Vec<Seen<'_>> {
        let lines = self.budget.iter().flat_map(|budget| &budget.financing_lines);
        lines
            .filter_map(|line| {
                Some(self.seen_line("financing line", &line.line_id, line.line.as_ref()?, &line.provenance))
            })
            .collect()
    }

    fn seen_risks(&self) -> Vec<Seen<'_>> {
        let risks = self.risks.iter().map(|risk| {
            let status = risk
                .status()
                .as_str_name()
                .trim_start_matches("RISK_STATUS_")
                .to_lowercase();
            Seen {
                id: &risk.risk_id,
                position: last(&risk.provenance),
                name: format!("Risk {}", risk.label()),
                says: format!("RF {}, {status}", risk.factor),
            }
        });
        risks.collect()
    }

    fn seen_milestones(&self) -> Vec<Seen<'_>> {
        let milestones = self.milestones.iter().map(|milestone| Seen {
            id: &milestone.milestone_id,
            position: milestone.planned_position(),
            name: format!("Milestone {}", milestone.label()),
            says: if milestone.status() == MilestoneStatus::Cancelled {
                "cancelled".to_owned()
            } else {
                milestone.deadline.clone()
            },
        });
        milestones.collect()
    }
}
