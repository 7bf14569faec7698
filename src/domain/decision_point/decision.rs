//! The decision itself: approve, reject, defer, or send back for rework (rules B1, B2, B4–B7).

use super::super::authority::Holder;
use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream};
use crate::schema::v1::*;

impl Project {
    /// B7: the decided point, and with it the one that it supersedes. One that is rejected overturns nothing (W10).
    fn decided(&mut self, id: &str, approved: bool, at: &Recorded<'_>) -> Option<&mut DecisionPoint> {
        let supersedes = self.decision_point(id).ok()?.supersedes_id.clone().filter(|_| approved);
        if let Some(superseded) = supersedes.and_then(|superseded| self.decision_point_mut(&superseded, at)) {
            superseded.superseded_by_id = Some(id.to_owned());
        }
        let point = self.decision_point_mut(id, at)?;
        point.decided = Some(at.effective_date.to_owned());
        point.decided_position = at.position;
        at.subject.clone_into(&mut point.decided_by);
        at.authority.clone_into(&mut point.authority);
        Some(point)
    }
}

impl DecisionPoint {
    /// B1: the bodies that advise meet first, unless the decision says why not.
    fn require_recommendations(&self, because: &str, context: &Context<'_>) -> Result<(), Refusal> {
        let silent = self.silent_bodies(context.effective_date);
        if silent == 0 || !because.is_empty() {
            return Ok(());
        }
        let (named, date) = (self.advising_bodies.len(), context.effective_date);
        let problem = format!(
            "{silent} of the {named} bodies that advise on {} had not recommended by {date}.",
            self.label()
        );
        Err(Refusal::rule("B1", "RECOMMENDATION_MISSING", problem).mend(
            "Record their recommendations first, or say why it is decided without in `without_recommendation_because`.",
        ))
    }

    /// W2, W10: the basis lay there, and what it supersedes was decided, before it.
    fn require_order_of_time(&self, project: &Project, context: &Context<'_>) -> Result<(), Refusal> {
        self.require_basis_by(context)?;
        let superseded = self
            .supersedes_id
            .as_deref()
            .and_then(|id| project.decision_point(id).ok());
        let Some(day) = superseded.and_then(|point| point.decided.as_deref()) else {
            return Ok(());
        };
        if day <= context.effective_date {
            return Ok(());
        }
        let problem = format!(
            "{} supersedes what was decided on {day}, after {}.",
            self.label(),
            context.effective_date
        );
        Err(Refusal::rule("W10", "SUPERSEDES_WHAT_CAME_LATER", problem).mend("Give a day on or after that."))
    }

    /// B5: when several options are weighed, the basis names them.
    fn require_options(&self) -> Result<(), Refusal> {
        if !self.weighs_options || !self.options().is_empty() {
            return Ok(());
        }
        let problem = format!("{} weighs several options, and the basis names none.", self.label());
        Err(Refusal::rule("B5", "OPTIONS_MISSING", problem).mend("Attach a basis that names the options."))
    }

    fn require_choice(&self, chosen: Option<&str>) -> Result<(), Refusal> {
        self.require_options()?;
        match chosen {
            Some(id) => self.require_option(id),
            None if self.weighs_options || self.options().len() > 1 => {
                let problem = format!("{} chooses between {} option(s).", self.label(), self.options().len());
                Err(Refusal::rule("B5", "OPTION_NOT_CHOSEN", problem)
                    .mend("Name the chosen one in `chosen_option_id`."))
            }
            None => Ok(()),
        }
    }

    fn was_decided(&self, status: DecisionPointStatus, context: &Context<'_>) -> bool {
        self.status() == status && self.decided.as_deref() == Some(context.effective_date)
    }
}

impl ApproveDecisionPoint {
    fn says_what_is(&self, point: &DecisionPoint, context: &Context<'_>) -> bool {
        point.was_decided(DecisionPointStatus::Approved, context)
            && point.chosen_option_id == self.chosen_option_id
            && point.without_recommendation_because == self.without_recommendation_because
            && point
                .conditions
                .iter()
                .map(|given| given.condition.as_ref())
                .eq(self.conditions.iter().map(Some))
    }
}

impl Decide for ApproveDecisionPoint {
    type State = Project;

    fn decide(&self, project: &Project, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        if self.says_what_is(project.decision_point(&self.decision_point_id)?, context) {
            return Ok(Vec::new());
        }
        let point = project.open_decision_point(&self.decision_point_id)?;
        point.require_order_of_time(project, context)?;
        point.require_recommendations(&self.without_recommendation_because, context)?;
        point.require_settled_finance(project, context.effective_date)?;
        let agreements = point.require_settled_agreements(project, facts, context)?;
        point.require_choice(self.chosen_option_id.as_deref())?;
        super::condition::check(&self.conditions, context)?;
        Ok(vec![
            DecisionPointApproved {
                decision_point_id: self.decision_point_id.clone(),
                chosen_option_id: self.chosen_option_id.clone(),
                conditions: self.conditions.clone(),
                without_recommendation_because: self.without_recommendation_because.clone(),
                frozen_basis: Some(project.freeze(point)),
                agreements,
            }
            .into(),
        ])
    }

    fn relies_on(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        let point = project.decision_point(&self.decision_point_id);
        point.map(|point| point.agreement_streams(project)).unwrap_or_default()
    }

    fn entitled(&self, project: &Project, ground: Ground) -> Vec<Holder> {
        project.deciders(&self.decision_point_id, ground)
    }
}

impl Fold for DecisionPointApproved {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let Some(point) = project.decided(&self.decision_point_id, true, at) else {
            return;
        };
        point.set_status(DecisionPointStatus::Approved);
        point.chosen_option_id.clone_from(&self.chosen_option_id);
        let unfulfilled = |condition: &Condition| DecisionCondition {
            condition: Some(condition.clone()),
            ..Default::default()
        };
        point.conditions = self.conditions.iter().map(unfulfilled).collect();
        point
            .without_recommendation_because
            .clone_from(&self.without_recommendation_because);
        point.frozen_basis.clone_from(&self.frozen_basis);
        point.agreements.clone_from(&self.agreements);
    }
}

impl Decide for RejectDecisionPoint {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let point = project.decision_point(&self.decision_point_id)?;
        if point.was_decided(DecisionPointStatus::Rejected, context)
            && point.without_recommendation_because == self.without_recommendation_because
        {
            return Ok(Vec::new());
        }
        let point = project.open_decision_point(&self.decision_point_id)?;
        point.require_order_of_time(project, context)?;
        point.require_recommendations(&self.without_recommendation_because, context)?;
        point.require_options()?;
        Ok(vec![
            DecisionPointRejected {
                decision_point_id: self.decision_point_id.clone(),
                without_recommendation_because: self.without_recommendation_because.clone(),
                frozen_basis: Some(project.freeze(point)),
            }
            .into(),
        ])
    }

    fn entitled(&self, project: &Project, ground: Ground) -> Vec<Holder> {
        project.deciders(&self.decision_point_id, ground)
    }
}

impl Fold for DecisionPointRejected {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let Some(point) = project.decided(&self.decision_point_id, false, at) else {
            return;
        };
        point.set_status(DecisionPointStatus::Rejected);
        point
            .without_recommendation_because
            .clone_from(&self.without_recommendation_because);
        point.frozen_basis.clone_from(&self.frozen_basis);
    }
}

impl Decide for DeferDecisionPoint {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let point = project.decision_point(&self.decision_point_id)?;
        if point.status() == DecisionPointStatus::Deferred && point.date == self.date {
            return Ok(Vec::new());
        }
        project.open_decision_point(&self.decision_point_id)?;
        if self.date.as_str() <= context.effective_date {
            let problem = format!(
                "{} is not later than {}, the day of the deferral.",
                self.date, context.effective_date
            );
            return Err(Refusal::invalid("date", "DEFERRED_TO_THE_PAST", problem).mend("Give a later date."));
        }
        let (decision_point_id, date) = (self.decision_point_id.clone(), self.date.clone());
        Ok(vec![
            DecisionPointDeferred {
                decision_point_id,
                date,
            }
            .into(),
        ])
    }

    fn entitled(&self, project: &Project, ground: Ground) -> Vec<Holder> {
        project.deciders(&self.decision_point_id, ground)
    }
}

impl Fold for DecisionPointDeferred {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(point) = project.decision_point_mut(&self.decision_point_id, at) {
            point.set_status(DecisionPointStatus::Deferred);
            point.move_to(&self.date, true, at);
        }
    }
}

impl Decide for ReturnForRework {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let point = project.decision_point(&self.decision_point_id)?;
        let nothing_since = point.recommendations.iter().all(|given| given.before_rework);
        if point.status() == DecisionPointStatus::Returned && point.rework_request == self.request && nothing_since {
            return Ok(Vec::new());
        }
        project.open_decision_point(&self.decision_point_id)?;
        let (decision_point_id, request) = (self.decision_point_id.clone(), self.request.clone());
        Ok(vec![
            ReturnedForRework {
                decision_point_id,
                request,
            }
            .into(),
        ])
    }

    fn entitled(&self, project: &Project, ground: Ground) -> Vec<Holder> {
        project.deciders(&self.decision_point_id, ground)
    }
}

impl Fold for ReturnedForRework {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let Some(point) = project.decision_point_mut(&self.decision_point_id, at) else {
            return;
        };
        point.set_status(DecisionPointStatus::Returned);
        point.rework_request.clone_from(&self.request);
        for recommendation in &mut point.recommendations {
            recommendation.before_rework = true;
        }
    }
}
