//! The lines of both sides, the totals that a plan states, and the approval of it all (rules E1–E3).

use super::super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal};
use super::is_year;
use crate::schema::v1::*;

impl BudgetLine {
    fn check(&self, project: &Project) -> Result<(), Refusal> {
        project.check_period(&self.period)?;
        self.amount
            .as_ref()
            .map_or(Ok(()), |amount| amount.check("line.amount"))
    }
}

impl FinancingSource {
    /// What the kind of source demands (E3).
    pub(super) fn check(&self, line: &BudgetLine) -> Result<(), Refusal> {
        let refuse = |field: &str, reason, problem: String, remedy: &str| {
            Err(Refusal {
                rule: Some("E3"),
                ..Refusal::invalid(field, reason, problem).mend(remedy)
            })
        };
        match (self.kind(), self.year.as_deref()) {
            (FinancingSourceKind::OwnBudget | FinancingSourceKind::CarriedOver, None) => refuse(
                "source.year",
                "YEAR_REQUIRED",
                format!("The source of {} names no year.", line.post),
                "Name the year of the budget that the money comes from.",
            ),
            (FinancingSourceKind::CarriedOver, Some(year)) if is_year(&line.period) && year >= line.period.as_str() => {
                let problem = format!("Money of {year} cannot be carried over to {}.", line.period);
                refuse(
                    "source.year",
                    "YEARS_NOT_IN_ORDER",
                    problem,
                    "Name an earlier year than the one that gets the money.",
                )
            }
            (FinancingSourceKind::MemberShare, _) if self.municipality.is_none() => {
                let problem = format!("The source of {} names no municipality.", line.post);
                refuse(
                    "source.municipality",
                    "MUNICIPALITY_REQUIRED",
                    problem,
                    "Name the municipality that bears the share.",
                )
            }
            (FinancingSourceKind::InKind, _) if line.kind() != BudgetKind::InKind => {
                let problem = format!(
                    "{} is financed by own effort, but is not of the kind in-kind.",
                    line.post
                );
                refuse(
                    "line.kind",
                    "KIND_NOT_IN_KIND",
                    problem,
                    "Set the kind in-kind, or name the source that the money comes from.",
                )
            }
            (FinancingSourceKind::CarriedOver, _) if line.kind() == BudgetKind::InKind => {
                let problem = format!("{} is own effort, which cannot be carried over.", line.post);
                refuse(
                    "line.kind",
                    "IN_KIND_CARRIED_OVER",
                    problem,
                    "Set the kind of the money that is carried over, or another source.",
                )
            }
            _ => Ok(()),
        }
    }
}

impl Decide for SetCostLine {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let Some(line) = &self.line else { return Ok(Vec::new()) };
        line.check(project)?;
        if project.financing_line(&self.line_id).is_ok() {
            return Err(Refusal::already_exists("financing line", &self.line_id));
        }
        let before = project
            .cost_line(&self.line_id)
            .ok()
            .and_then(|before| before.line.as_ref());
        if before == Some(line) {
            return Ok(Vec::new());
        }
        if before.is_some_and(|before| before.period != line.period) && project.line_is_used(&self.line_id) {
            return Err(Refusal::precondition(
                "LINE_IN_USE",
                format!("Money is committed or used on {}, so its period stays.", line.post),
            )
            .mend("Set a new line for the other period, and lower this one."));
        }
        Ok(vec![
            CostLineSet {
                line_id: self.line_id.clone(),
                line: Some(line.clone()),
            }
            .into(),
        ])
    }
}

impl Fold for CostLineSet {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let budget = project.budget_mut(at);
        budget.changed(at);
        if let Some(line) = budget.cost_lines.iter_mut().find(|line| line.line_id == self.line_id) {
            line.line.clone_from(&self.line);
            at.touch(&mut line.provenance);
        } else {
            budget.cost_lines.push(CostLine {
                line_id: self.line_id.clone(),
                line: self.line.clone(),
                provenance: at.provenance(),
            });
        }
    }
}

impl Decide for SetFinancingLine {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let (Some(line), Some(source)) = (&self.line, &self.source) else {
            return Ok(Vec::new());
        };
        line.check(project)?;
        source.check(line)?;
        if project.cost_line(&self.line_id).is_ok() {
            return Err(Refusal::already_exists("cost line", &self.line_id));
        }
        if let Ok(before) = project.financing_line(&self.line_id) {
            if before.line == self.line && before.source == self.source {
                return Ok(Vec::new());
            }
            if let Some(date) = &before.carried_over_on {
                return Err(Refusal::precondition(
                    "FUNDS_CARRIED_OVER",
                    format!("The money of this line was carried over on {date}."),
                )
                .mend("Use CarryOverFunds with this line to carry over another sum."));
            }
        }
        Ok(vec![
            FinancingLineSet {
                line_id: self.line_id.clone(),
                line: self.line.clone(),
                source: self.source.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for FinancingLineSet {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let line = project.budget_mut(at).financing_line_mut(&self.line_id, at);
        line.line.clone_from(&self.line);
        line.source.clone_from(&self.source);
    }
}

impl Budget {
    /// The financing line of this id, made when it is not there; either way the budget has changed.
    pub(super) fn financing_line_mut(&mut self, id: &str, at: &Recorded<'_>) -> &mut FinancingLine {
        self.changed(at);
        let index = self
            .financing_lines
            .iter()
            .position(|line| line.line_id == id)
            .unwrap_or_else(|| {
                self.financing_lines.push(FinancingLine {
                    line_id: id.to_owned(),
                    ..FinancingLine::default()
                });
                self.financing_lines.len() - 1
            });
        let line = &mut self.financing_lines[index];
        at.touch(&mut line.provenance);
        line
    }
}

impl Decide for RemoveLine {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        if project.financing_line(&self.line_id).is_err() && project.cost_line(&self.line_id).is_err() {
            return Err(Refusal::not_found("budget line", &self.line_id));
        }
        if project.line_is_used(&self.line_id) {
            return Err(
                Refusal::precondition("LINE_IN_USE", "Money is committed or used on this line, so it stays.")
                    .mend("Set its amount to what is committed and used, or correct the entries first."),
            );
        }
        Ok(vec![
            LineRemoved {
                line_id: self.line_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for LineRemoved {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let budget = project.budget_mut(at);
        budget.changed(at);
        budget.cost_lines.retain(|line| line.line_id != self.line_id);
        budget.financing_lines.retain(|line| line.line_id != self.line_id);
    }
}

impl Decide for ApproveBudget {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        if project.budget_is_approved() {
            return Ok(Vec::new());
        }
        if project
            .budget
            .as_ref()
            .is_none_or(|budget| budget.cost_lines.is_empty())
        {
            return Err(Refusal::precondition(
                "BUDGET_EMPTY",
                "The budget has no cost line, so there is nothing to approve.",
            )
            .mend("Set the cost lines first; an amount that nobody knows yet is set as unknown."));
        }
        if self.decision_point_id.is_none() && context.authority.is_empty() && context.ground.is_none() {
            return Err(Refusal::invalid(
                "context.authority",
                "AUTHORITY_REQUIRED",
                "The approval of a budget rests on a decision, and none is named.",
            )
            .mend("Name the case in the context's authority, or the decision point by which it was adopted."));
        }
        if let Some(id) = &self.decision_point_id {
            let point = project.decision_point(id)?;
            if !point.is_approved_by(context.effective_date) {
                let date = context.effective_date;
                return Err(Refusal::precondition(
                    "DECISION_NOT_APPROVED",
                    format!("The decision point {} is not approved on {date}.", point.label()),
                )
                .mend("Approve it first, or name the case in the context's authority instead."));
            }
        }
        Ok(vec![
            BudgetApproved {
                decision_point_id: self.decision_point_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for BudgetApproved {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let budget = project.budget_mut(at);
        let (cost, financing) = (budget.cost(), budget.financing());
        budget.set_status(BudgetStatus::Approved);
        budget.approvals.push(BudgetApproval {
            effective_date: at.effective_date.to_owned(),
            authority: at.authority.to_owned(),
            decision_point_id: self.decision_point_id.clone(),
            cost: Some(cost),
            financing: Some(financing),
            provenance: at.provenance(),
        });
    }
}

impl Decide for StateTotal {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        project.check_period(&self.period)?;
        self.amount.as_ref().map_or(Ok(()), |amount| amount.check("amount"))?;
        let stated = project
            .budget
            .as_ref()
            .and_then(|budget| budget.stated_total(self.side(), &self.period));
        let same = stated.is_some_and(|stated| stated.amount == self.amount);
        if same {
            return Ok(Vec::new());
        }
        Ok(vec![
            TotalStated {
                side: self.side,
                period: self.period.clone(),
                amount: self.amount,
            }
            .into(),
        ])
    }
}

impl Fold for TotalStated {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let budget = project.budget_mut(at);
        let same = |stated: &&mut StatedTotal| stated.side == self.side && stated.period == self.period;
        if let Some(stated) = budget.stated_totals.iter_mut().find(same) {
            stated.amount = self.amount;
            at.touch(&mut stated.provenance);
        } else {
            let (side, period) = (self.side, self.period.clone());
            budget.stated_totals.push(StatedTotal {
                side,
                period,
                amount: self.amount,
                provenance: at.provenance(),
            });
        }
    }
}
