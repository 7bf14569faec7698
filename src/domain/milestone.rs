//! Milestone (milepæl): planned, moved with a reason, achieved only with evidence (rules M1, M2, B9).

use std::collections::HashMap;

use super::finding::sharing_a_number;
use super::since::{Each, Followers, Share, Tally};
use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Suspicion, unchanged_or};
use crate::schema::v1::*;

impl Project {
    pub(super) fn milestone(&self, id: &str) -> Result<&Milestone, Refusal> {
        self.milestones
            .iter()
            .find(|milestone| milestone.milestone_id == id)
            .ok_or_else(|| Refusal::not_found("milestone", id))
    }

    fn milestone_mut(&mut self, id: &str, at: &Recorded<'_>) -> Option<&mut Milestone> {
        let milestone = self
            .milestones
            .iter_mut()
            .find(|milestone| milestone.milestone_id == id)?;
        at.touch(&mut milestone.provenance);
        Some(milestone)
    }

    /// The milestones that are still aimed at or were reached, each with its plan.
    fn standing_milestones(&self) -> impl Iterator<Item = (&Milestone, &MilestonePlan)> {
        let milestones = self.milestones.iter();
        milestones.filter_map(|milestone| Some((milestone, milestone.standing_plan()?)))
    }
}

impl Milestone {
    /// How it is spoken of: by its number, or by its id when it has none.
    pub(super) fn label(&self) -> &str {
        self.plan
            .as_ref()
            .map(|plan| plan.number.as_str())
            .filter(|number| !number.is_empty())
            .unwrap_or(&self.milestone_id)
    }

    /// The day that it was reached, or else shall be.
    pub(super) fn date(&self) -> &str {
        self.achieved_on.as_deref().unwrap_or(&self.deadline)
    }

    /// Refuses when it is not aimed at any more.
    fn require_planned(&self) -> Result<(), Refusal> {
        match self.status() {
            MilestoneStatus::Achieved => Err(Refusal::precondition(
                "MILESTONE_ACHIEVED",
                format!("Milestone {} was achieved on {}.", self.label(), self.date()),
            )
            .mend("Plan a new milestone for what remains.")),
            MilestoneStatus::Cancelled => Err(Refusal::precondition(
                "MILESTONE_CANCELLED",
                format!("Milestone {} is cancelled.", self.label()),
            )
            .mend("Plan a new milestone when it is aimed at again.")),
            MilestoneStatus::Planned | MilestoneStatus::Unspecified => Ok(()),
        }
    }
}

impl Decide for PlanMilestone {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let Some(plan) = &self.plan else { return Ok(Vec::new()) };
        if let Ok(milestone) = project.milestone(&self.milestone_id) {
            let same = milestone.plan == self.plan && milestone.baseline == self.deadline;
            return unchanged_or(same, || Refusal::already_exists("milestone", &self.milestone_id));
        }
        // What a milestone depends on must be there before it, so this is the only circle that can be drawn.
        if plan.depends_on.contains(&self.milestone_id) {
            return Err(Refusal::precondition(
                "DEPENDENCY_CYCLE",
                format!("The milestone {} depends on itself.", plan.name),
            )
            .mend("Name only milestones that come before it."));
        }
        for id in &plan.depends_on {
            project.milestone(id)?;
        }
        for id in &plan.decision_point_ids {
            project.decision_point(id)?;
        }
        Ok(vec![
            MilestonePlanned {
                milestone_id: self.milestone_id.clone(),
                plan: self.plan.clone(),
                deadline: self.deadline.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for MilestonePlanned {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.milestones.push(Milestone {
            milestone_id: self.milestone_id.clone(),
            plan: self.plan.clone(),
            status: MilestoneStatus::Planned.into(),
            baseline: self.deadline.clone(),
            deadline: self.deadline.clone(),
            provenance: at.provenance(),
            ..Milestone::default()
        });
    }
}

impl Decide for RescheduleMilestone {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let milestone = project.milestone(&self.milestone_id)?;
        milestone.require_planned()?;
        if milestone.deadline == self.deadline {
            return Ok(Vec::new());
        }
        context.require_reason("A milestone is moved for a reason.", "Say why in the context's reason.")?;
        Ok(vec![
            MilestoneRescheduled {
                milestone_id: self.milestone_id.clone(),
                deadline: self.deadline.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for MilestoneRescheduled {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let Some(milestone) = project.milestone_mut(&self.milestone_id, at) else {
            return;
        };
        let from = std::mem::replace(&mut milestone.deadline, self.deadline.clone());
        milestone.moves.push(MilestoneMove {
            from,
            to: self.deadline.clone(),
            reason: at.reason.to_owned(),
            effective_date: at.effective_date.to_owned(),
            position: at.position,
        });
    }
}

impl Decide for AchieveMilestone {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let milestone = project.milestone(&self.milestone_id)?;
        let achieved_on = self.achieved_on.as_deref().unwrap_or(context.effective_date);
        if milestone.achieved_on.as_deref() == Some(achieved_on)
            && milestone.document == self.document
            && milestone.evidence == self.evidence
        {
            return Ok(Vec::new());
        }
        milestone.require_planned()?;
        if achieved_on > context.today {
            let problem = format!(
                "The milestone cannot have been achieved on {achieved_on}, which is after today, {}.",
                context.today
            );
            return Err(Refusal::invalid("achieved_on", "ACHIEVED_IN_FUTURE", problem)
                .mend("Record it when the result is there."));
        }
        if self.document.is_none() && self.evidence.trim().is_empty() {
            let result = milestone.plan.as_ref().map_or("", |plan| &plan.measurable_result);
            let problem = format!(
                "Nothing shows that the measurable result of milestone {} is there: {result}.",
                milestone.label()
            );
            return Err(Refusal::rule("M1", "EVIDENCE_REQUIRED", problem)
                .mend("Give a document that shows it, or say in the evidence what does."));
        }
        Ok(vec![
            MilestoneAchieved {
                milestone_id: self.milestone_id.clone(),
                achieved_on: achieved_on.to_owned(),
                document: self.document.clone(),
                evidence: self.evidence.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for MilestoneAchieved {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(milestone) = project.milestone_mut(&self.milestone_id, at) {
            milestone.set_status(MilestoneStatus::Achieved);
            milestone.achieved_on = Some(self.achieved_on.clone());
            milestone.document.clone_from(&self.document);
            milestone.evidence.clone_from(&self.evidence);
        }
    }
}

impl Decide for CancelMilestone {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let milestone = project.milestone(&self.milestone_id)?;
        if milestone.status() == MilestoneStatus::Cancelled {
            return Ok(Vec::new());
        }
        milestone.require_planned()?;
        context.require_reason(
            "A milestone is cancelled for a reason.",
            "Say why in the context's reason.",
        )?;
        Ok(vec![
            MilestoneCancelled {
                milestone_id: self.milestone_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for MilestoneCancelled {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(milestone) = project.milestone_mut(&self.milestone_id, at) {
            milestone.set_status(MilestoneStatus::Cancelled);
        }
    }
}

pub(super) fn find(project: &Project, today: &str, found: &mut Vec<Suspicion>) {
    before_decision(project, found);
    before_dependency(project, found);
    overdue(project, today, found);
    repeated_numbers(project, found);
}

fn position(provenance: &Option<Provenance>) -> i64 {
    provenance.map_or(0, |provenance| provenance.last_position)
}

/// B9: a milestone hangs on a decision and is dated before it.
fn before_decision(project: &Project, found: &mut Vec<Suspicion>) {
    let standing = project.all_standing();
    for milestone in &project.milestones {
        milestone.find_before_decision(|id| standing.get(id).copied(), found);
    }
}

/// A milestone is dated before another one that it depends on.
fn before_dependency(project: &Project, found: &mut Vec<Suspicion>) {
    let milestones = project.milestones.iter();
    let by_id: HashMap<&str, &Milestone> = milestones
        .map(|milestone| (milestone.milestone_id.as_str(), milestone))
        .collect();
    for milestone in &project.milestones {
        milestone.find_before_dependency(|id| by_id.get(id).copied(), found);
    }
}

/// In a project that has ended nothing can be achieved or moved any more, so nothing there is overdue.
fn overdue(project: &Project, today: &str, found: &mut Vec<Suspicion>) {
    if project.require_active().is_err() {
        return;
    }
    for milestone in &project.milestones {
        milestone.find_overdue(today, found);
    }
}

pub(super) fn follow() -> Followers<Project> {
    let numbers = Tally::<Project>::of_numbers(
        &[("milestones", |project, index, _, _, shares| {
            let plan = project.milestones[index].standing_plan();
            shares.extend(plan.and_then(|plan| Share::of_number("MILESTONE_NUMBER_REPEATED", &plan.number)));
        })],
        |project, places, found| {
            let milestone = &project.milestones[places.find(project, "milestones", found.entities.first()?)?];
            Some((found.code, milestone.standing_plan()?.number.clone()))
        },
    );
    let each = Each::<Project>::of("milestones", |project, places, index, today, found| {
        let milestone = &project.milestones[index];
        milestone.find_before_decision(|id| places.standing(project, id).last(), found);
        let by_id = |id: &str| {
            places
                .find(project, "milestones", id)
                .map(|index| &project.milestones[index])
        };
        milestone.find_before_dependency(by_id, found);
        milestone.find_overdue(today, found);
    });
    vec![each, numbers]
}

impl Milestone {
    /// Its plan, when it is still aimed at or was reached.
    fn standing_plan(&self) -> Option<&MilestonePlan> {
        self.plan
            .as_ref()
            .filter(|_| self.status() != MilestoneStatus::Cancelled)
    }

    fn find_before_decision<'a>(
        &self,
        standing: impl Fn(&str) -> Option<&'a DecisionPoint>,
        found: &mut Vec<Suspicion>,
    ) {
        let Some(plan) = self.standing_plan() else { return };
        let points = plan.decision_point_ids.iter().filter_map(|id| standing(id));
        for point in points.filter(|point| point.status() != DecisionPointStatus::Withdrawn) {
            let decision = point.decided.as_ref().unwrap_or(&point.date).as_str();
            if self.date() < decision {
                let description = format!(
                    "Milestone {} ({}) is dated before decision point {} ({decision}), which it hangs on.",
                    self.label(),
                    self.date(),
                    if point.number.is_empty() {
                        &point.name
                    } else {
                        &point.number
                    },
                );
                found.push(Suspicion {
                    code: "B9",
                    severity: Severity::Warning,
                    description,
                    entities: vec![self.milestone_id.clone(), point.decision_point_id.clone()],
                    events: vec![position(&self.provenance), position(&point.provenance)],
                });
            }
        }
    }

    fn find_before_dependency<'a>(&self, by_id: impl Fn(&str) -> Option<&'a Self>, found: &mut Vec<Suspicion>) {
        let Some(plan) = self.standing_plan() else { return };
        let earlier = plan.depends_on.iter().filter_map(|id| by_id(id));
        let standing = earlier.filter(|earlier| earlier.standing_plan().is_some());
        for earlier in standing.filter(|earlier| self.date() < earlier.date()) {
            found.push(Suspicion {
                code: "MILESTONE_BEFORE_DEPENDENCY",
                severity: Severity::Warning,
                description: format!(
                    "Milestone {} ({}) is dated before milestone {} ({}), which it depends on.",
                    self.label(),
                    self.date(),
                    earlier.label(),
                    earlier.date(),
                ),
                entities: vec![self.milestone_id.clone(), earlier.milestone_id.clone()],
                events: vec![position(&self.provenance), position(&earlier.provenance)],
            });
        }
    }

    fn find_overdue(&self, today: &str, found: &mut Vec<Suspicion>) {
        if self.status() == MilestoneStatus::Planned && self.deadline.as_str() < today {
            found.push(Suspicion {
                code: "MILESTONE_OVERDUE",
                severity: Severity::Warning,
                description: format!(
                    "Milestone {} was due by {} and is not achieved.",
                    self.label(),
                    self.deadline
                ),
                entities: vec![self.milestone_id.clone()],
                events: vec![position(&self.provenance)],
            });
        }
    }
}

fn repeated_numbers(project: &Project, found: &mut Vec<Suspicion>) {
    let standing = project.standing_milestones();
    let numbered = standing.map(|(milestone, plan)| (plan.number.as_str(), milestone));
    for (number, same) in sharing_a_number(numbered) {
        found.push(Suspicion {
            code: "MILESTONE_NUMBER_REPEATED",
            severity: Severity::Warning,
            description: format!("{} milestones have the number {number}.", same.len()),
            entities: same.iter().map(|milestone| milestone.milestone_id.clone()).collect(),
            events: same.iter().map(|milestone| position(&milestone.provenance)).collect(),
        });
    }
}
