//! The project in figures (nøkkeltall), as a report carries them (rule T1).

use super::super::budget_reading;
use crate::schema::v1::*;

fn count<T>(items: impl Iterator<Item = T>) -> i32 {
    i32::try_from(items.count()).unwrap_or(i32::MAX)
}

impl Project {
    /// The project as it stands, seen from a day.
    pub(super) fn key_figures(&self, date: &str) -> KeyFigures {
        let phases = |status| self.phases.iter().filter(move |phase| phase.status() == status);
        let budget = budget_reading(self);
        let sum = |part: fn(&BudgetPeriodSummary) -> Option<Total>| {
            let parts = budget.periods.iter().filter_map(part);
            Some(parts.fold(Total::default(), |sum, part| sum.plus(&part)))
        };
        let milestones = |status| {
            self.milestones
                .iter()
                .filter(move |milestone| milestone.status() == status)
        };
        let planned = || milestones(MilestoneStatus::Planned);
        let next_milestone = planned().min_by_key(|milestone| &milestone.deadline);
        let next_decision = self.next_decision_point();
        KeyFigures {
            position: self.position,
            date: date.to_owned(),
            current_phase_ids: phases(PhaseStatus::Started)
                .map(|phase| phase.phase_id.clone())
                .collect(),
            phases_completed: count(phases(PhaseStatus::Completed)),
            phases: count(
                self.phases
                    .iter()
                    .filter(|phase| phase.status() != PhaseStatus::Skipped),
            ),
            budget_status: budget.status,
            cost: budget.cost,
            financing: budget.financing,
            committed: sum(|period| period.committed),
            actual: sum(|period| period.actual),
            remaining: sum(|period| period.remaining),
            open_risks: count(self.open_risks()),
            worst_risk_factor: self.open_risks().map(|risk| risk.factor).max().unwrap_or_default(),
            open_deviations: count(self.deviations.iter().filter(|deviation| deviation.is_open())),
            milestones_achieved: count(milestones(MilestoneStatus::Achieved)),
            milestones_planned: count(planned()),
            milestones_overdue: count(planned().filter(|milestone| milestone.deadline.as_str() < date)),
            next_milestone_id: next_milestone.map(|milestone| milestone.milestone_id.clone()),
            next_milestone_deadline: next_milestone.map(|milestone| milestone.deadline.clone()),
            decision_points_decided: count(self.decision_points.iter().filter(|point| point.is_decided())),
            decision_points_open: count(self.open_decision_points()),
            next_decision_point_id: next_decision.map(|point| point.decision_point_id.clone()),
            next_decision_date: next_decision.map(|point| point.date.clone()),
        }
    }
}
