//! Main activity (hovedaktivitet): planned, started, reported on, completed, and linked without circles (rules K1, K2).

mod gantt;

pub use gantt::gantt_reading;

use std::collections::HashMap;

use super::finding::sharing_a_number;
use super::since::{Followers, Share, Tally};
use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Suspicion, unchanged_or};
use crate::schema::v1::*;

/// Of a way along the links, so many activities are named.
const MOST_NAMED: usize = 10;

impl Project {
    fn activity(&self, id: &str) -> Result<&Activity, Refusal> {
        self.activities
            .iter()
            .find(|activity| activity.activity_id == id)
            .ok_or_else(|| Refusal::not_found("activity", id))
    }

    fn activity_mut(&mut self, id: &str, at: &Recorded<'_>) -> Option<&mut Activity> {
        let activity = self.activities.iter_mut().find(|activity| activity.activity_id == id)?;
        at.touch(&mut activity.provenance);
        Some(activity)
    }

    /// The way along the links from one activity to another, both ends included, if there is one.
    fn linked_way<'a>(&'a self, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
        let links = || self.activity_links.iter();
        // Nothing comes after the one, or nothing before the other: as it mostly is, when a plan is written down in order.
        let leads_on = links().any(|link| link.from_activity_id == from);
        if from != to && !(leads_on && links().any(|link| link.to_activity_id == to)) {
            return None;
        }
        let mut after: HashMap<&str, Vec<&str>> = HashMap::new();
        for link in links() {
            after
                .entry(&link.from_activity_id)
                .or_default()
                .push(&link.to_activity_id);
        }
        // Each activity that has been reached, with the one that it was reached from; the first was reached from itself.
        let mut reached = HashMap::from([(from, from)]);
        let mut waiting = vec![from];
        while let Some(here) = waiting.pop() {
            if here == to {
                let before = |here: &&'a str| reached.get(here).copied().filter(|before| before != here);
                let mut way: Vec<&str> = std::iter::successors(Some(here), before).collect();
                way.reverse();
                return Some(way);
            }
            for next in after.get(here).into_iter().flatten() {
                if !reached.contains_key(next) {
                    reached.insert(next, here);
                    waiting.push(next);
                }
            }
        }
        None
    }

    fn activity_label<'a>(&'a self, id: &'a str) -> &'a str {
        self.activity(id).map_or(id, Activity::label)
    }
}

impl Activity {
    /// How it is spoken of: by its number, or by its id when it has none.
    fn label(&self) -> &str {
        self.plan
            .as_ref()
            .map(|plan| plan.number.as_str())
            .filter(|number| !number.is_empty())
            .unwrap_or(&self.activity_id)
    }

    /// Refuses when it is completed or cancelled.
    fn require_unended(&self) -> Result<(), Refusal> {
        let ended = self.ended_on.as_deref().unwrap_or_default();
        match self.status() {
            ActivityStatus::Completed => Err(Refusal::precondition(
                "ACTIVITY_COMPLETED",
                format!("Activity {} was completed on {ended}.", self.label()),
            )
            .mend("Plan a new activity for what remains.")),
            ActivityStatus::Cancelled => Err(Refusal::precondition(
                "ACTIVITY_CANCELLED",
                format!("Activity {} was cancelled on {ended}.", self.label()),
            )
            .mend("Plan a new activity when it is to be done after all.")),
            ActivityStatus::Planned | ActivityStatus::Started | ActivityStatus::Unspecified => Ok(()),
        }
    }

    fn require_started(&self) -> Result<(), Refusal> {
        self.require_unended()?;
        if self.status() == ActivityStatus::Started {
            return Ok(());
        }
        Err(Refusal::precondition(
            "ACTIVITY_NOT_STARTED",
            format!("Activity {} has not started.", self.label()),
        )
        .mend("Start it first."))
    }
}

impl ActivityPlan {
    /// Refuses a stretch that ends before it begins.
    fn check(&self) -> Result<(), Refusal> {
        let ends_early = |(_, span): &(usize, &ScheduleSpan)| span.months().is_none();
        if let Some((index, span)) = self.schedule.iter().enumerate().find(ends_early) {
            let problem = format!("The schedule ends in {}, before it begins in {}.", span.to, span.from);
            let field = format!("plan.schedule[{index}].to");
            return Err(Refusal::invalid(&field, "SCHEDULE_ENDS_BEFORE_IT_BEGINS", problem)
                .mend("Give the first month or quarter first."));
        }
        Ok(())
    }
}

impl Decide for PlanActivity {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        if let Ok(activity) = project.activity(&self.activity_id) {
            return unchanged_or(activity.plan == self.plan, || {
                Refusal::already_exists("activity", &self.activity_id)
            });
        }
        self.plan.as_ref().map_or(Ok(()), ActivityPlan::check)?;
        Ok(vec![
            ActivityPlanned {
                activity_id: self.activity_id.clone(),
                plan: self.plan.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for ActivityPlanned {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.activities.push(Activity {
            activity_id: self.activity_id.clone(),
            plan: self.plan.clone(),
            status: ActivityStatus::Planned.into(),
            provenance: at.provenance(),
            ..Activity::default()
        });
    }
}

impl Decide for ReviseActivity {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let activity = project.activity(&self.activity_id)?;
        if activity.plan == self.plan {
            return Ok(Vec::new());
        }
        activity.require_unended()?;
        self.plan.as_ref().map_or(Ok(()), ActivityPlan::check)?;
        Ok(vec![
            ActivityRevised {
                activity_id: self.activity_id.clone(),
                plan: self.plan.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for ActivityRevised {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(activity) = project.activity_mut(&self.activity_id, at) {
            activity.plan.clone_from(&self.plan);
        }
    }
}

impl Decide for StartActivity {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let activity = project.activity(&self.activity_id)?;
        if activity.status() == ActivityStatus::Started {
            return Ok(Vec::new());
        }
        activity.require_unended()?;
        Ok(vec![
            ActivityStarted {
                activity_id: self.activity_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for ActivityStarted {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(activity) = project.activity_mut(&self.activity_id, at) {
            activity.set_status(ActivityStatus::Started);
            activity.started_on = Some(at.effective_date.to_owned());
        }
    }
}

impl Decide for ReportProgress {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let activity = project.activity(&self.activity_id)?;
        activity.require_started()?;
        // The same figure a week later is news; on the same day it is a repeat.
        let same = |last: &ActivityProgress| {
            last.percent == self.percent && last.note == self.note && last.effective_date == context.effective_date
        };
        if activity.progress.last().is_some_and(same) {
            return Ok(Vec::new());
        }
        Ok(vec![
            ProgressReported {
                activity_id: self.activity_id.clone(),
                percent: self.percent,
                note: self.note.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for ProgressReported {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(activity) = project.activity_mut(&self.activity_id, at) {
            activity.percent = self.percent;
            activity.progress.push(ActivityProgress {
                percent: self.percent,
                note: self.note.clone(),
                effective_date: at.effective_date.to_owned(),
            });
        }
    }
}

impl Decide for CompleteActivity {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let activity = project.activity(&self.activity_id)?;
        if activity.status() == ActivityStatus::Completed {
            return Ok(Vec::new());
        }
        activity.require_started()?;
        Ok(vec![
            ActivityCompleted {
                activity_id: self.activity_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for ActivityCompleted {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(activity) = project.activity_mut(&self.activity_id, at) {
            activity.set_status(ActivityStatus::Completed);
            activity.ended_on = Some(at.effective_date.to_owned());
            activity.percent = 100;
        }
    }
}

impl Decide for CancelActivity {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let activity = project.activity(&self.activity_id)?;
        if activity.status() == ActivityStatus::Cancelled {
            return Ok(Vec::new());
        }
        activity.require_unended()?;
        context.require_reason(
            "An activity is cancelled for a reason.",
            "Say why in the context's reason.",
        )?;
        Ok(vec![
            ActivityCancelled {
                activity_id: self.activity_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for ActivityCancelled {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(activity) = project.activity_mut(&self.activity_id, at) {
            activity.set_status(ActivityStatus::Cancelled);
            activity.ended_on = Some(at.effective_date.to_owned());
        }
    }
}

impl Decide for LinkActivities {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let (from, to) = (self.from_activity_id.as_str(), self.to_activity_id.as_str());
        let (first, after) = (project.activity(from)?.label(), project.activity(to)?.label());
        if project
            .activity_links
            .iter()
            .any(|link| link.from_activity_id == from && link.to_activity_id == to)
        {
            return Ok(Vec::new());
        }
        if let Some(way) = project.linked_way(to, from) {
            let problem = if from == to {
                format!("{first} cannot come before itself.")
            } else {
                let told = way.iter().take(MOST_NAMED).map(|id| project.activity_label(id));
                let told = told.collect::<Vec<_>>().join(", ");
                let more = match way.len().saturating_sub(MOST_NAMED) {
                    0 => String::new(),
                    more => format!(", and {more} more"),
                };
                format!("{first} cannot come before {after}, since {after} comes before {first} already: {told}{more}.")
            };
            return Err(Refusal::rule("K1", "LINK_CYCLE", problem).mend("Link them the other way, or not at all."));
        }
        Ok(vec![
            ActivitiesLinked {
                from_activity_id: from.to_owned(),
                to_activity_id: to.to_owned(),
            }
            .into(),
        ])
    }
}

impl Fold for ActivitiesLinked {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.activity_links.push(ActivityLink {
            from_activity_id: self.from_activity_id.clone(),
            to_activity_id: self.to_activity_id.clone(),
            provenance: at.provenance(),
        });
    }
}

/// A number that stands twice among the activities that are not cancelled.
pub(super) fn find(project: &Project, _today: &str, found: &mut Vec<Suspicion>) {
    let activities = project.activities.iter();
    let numbered = activities.filter_map(|activity| Some((activity.standing_number()?, activity)));
    for (number, same) in sharing_a_number(numbered) {
        let provenances = same.iter().filter_map(|activity| activity.provenance);
        found.push(Suspicion {
            code: "ACTIVITY_NUMBER_REPEATED",
            severity: Severity::Warning,
            description: format!("{} activities have the number {number}.", same.len()),
            entities: same.iter().map(|activity| activity.activity_id.clone()).collect(),
            events: provenances.map(|provenance| provenance.last_position).collect(),
        });
    }
}

pub(super) fn follow() -> Followers<Project> {
    let numbers = Tally::<Project>::of_numbers(
        &[("activities", |project, index, _, _, shares| {
            let number = project.activities[index].standing_number();
            shares.extend(number.and_then(|number| Share::of_number("ACTIVITY_NUMBER_REPEATED", number)));
        })],
        |project, places, found| {
            let activity = &project.activities[places.find(project, "activities", found.entities.first()?)?];
            Some((found.code, activity.standing_number()?.to_owned()))
        },
    );
    vec![numbers]
}

impl Activity {
    /// Its number, unless it is cancelled.
    fn standing_number(&self) -> Option<&str> {
        let plan = self
            .plan
            .as_ref()
            .filter(|_| self.status() != ActivityStatus::Cancelled)?;
        Some(&plan.number)
    }
}
