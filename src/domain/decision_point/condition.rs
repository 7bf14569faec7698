//! The conditions (vilkår) of an approval: each has an owner and a due date, and is fulfilled or overdue (rule B8).

use super::super::authority::Holder;
use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, unchanged_or};
use crate::schema::v1::*;

/// Refuses conditions that nobody owns, that are due before they are set, or that share an id.
pub(super) fn check(conditions: &[Condition], context: &Context<'_>) -> Result<(), Refusal> {
    for (index, condition) in conditions.iter().enumerate() {
        let field = format!("conditions[{index}]");
        if condition.owner.is_none() {
            return Err(Refusal::invalid(
                &field,
                "OWNER_REQUIRED",
                format!("Nobody owns the condition \"{}\".", condition.text),
            )
            .mend("Give the subject or the role that must see to it."));
        }
        if condition.due.as_str() < context.effective_date {
            let problem = format!(
                "The condition is due {}, before the decision on {}.",
                condition.due, context.effective_date
            );
            return Err(Refusal::invalid(&field, "DUE_BEFORE_DECISION", problem)
                .mend("Give a due date on or after the decision."));
        }
        if conditions
            .iter()
            .take(index)
            .any(|earlier| earlier.condition_id == condition.condition_id)
        {
            let problem = format!("The condition {} stands twice.", condition.condition_id);
            return Err(
                Refusal::invalid(&field, "CONDITION_REPEATED", problem).mend("Give each condition an id of its own.")
            );
        }
    }
    Ok(())
}

impl DecisionCondition {
    fn has_id(&self, id: &str) -> bool {
        self.condition
            .as_ref()
            .is_some_and(|condition| condition.condition_id == id)
    }
}

impl DecisionPoint {
    /// Whether its approval stands, and the condition is past its date and not fulfilled.
    pub(super) fn has_overdue(&self, given: &DecisionCondition, today: &str) -> bool {
        let due = given.condition.as_ref().map(|condition| condition.due.as_str());
        self.is_approved() && given.fulfilled.is_none() && due.is_some_and(|due| due < today)
    }
}

/// The conditions of a project's approvals, and where each stands on a day.
#[must_use]
pub fn condition_reading(project: &Project, today: &str) -> ConditionReading {
    let points = project.decision_points.iter();
    let standing = points.flat_map(|point| {
        point.conditions.iter().map(move |given| ConditionStanding {
            decision_point_id: point.decision_point_id.clone(),
            condition: Some(given.clone()),
            overdue: point.has_overdue(given, today),
        })
    });
    ConditionReading {
        conditions: standing.collect(),
        position: project.position,
    }
}

impl Decide for FulfilCondition {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        // A condition outlives the project: the decision to close it may be given on one.
        let point = project.decision_point(&self.decision_point_id)?;
        let condition = point
            .conditions
            .iter()
            .find(|condition| condition.has_id(&self.condition_id))
            .ok_or_else(|| {
                Refusal::not_found("condition", &self.condition_id)
                    .mend("Check the id; conditions come with the approval.")
            })?;
        if let Some(fulfilled) = &condition.fulfilled {
            return unchanged_or(
                fulfilled == context.effective_date && condition.note == self.note,
                || {
                    Refusal::precondition(
                        "CONDITION_FULFILLED",
                        format!("The condition was fulfilled already, on {fulfilled}."),
                    )
                    .mend("Nothing more is needed; what was recorded stays as it is.")
                },
            );
        }
        Ok(vec![
            ConditionFulfilled {
                decision_point_id: self.decision_point_id.clone(),
                condition_id: self.condition_id.clone(),
                note: self.note.clone(),
            }
            .into(),
        ])
    }

    fn entitled(&self, project: &Project, ground: Ground) -> Vec<Holder> {
        if ground != Ground::Named {
            return project.deciders(&self.decision_point_id, ground);
        }
        let point = project.decision_point(&self.decision_point_id).ok();
        let mut conditions = point.into_iter().flat_map(|point| &point.conditions);
        let condition = conditions.find(|condition| condition.has_id(&self.condition_id));
        let owner = condition.and_then(|condition| condition.condition.as_ref()?.owner.as_ref());
        let holder = owner.map(|owner| match owner {
            condition::Owner::Subject(subject) => Holder::Person(subject.clone()),
            condition::Owner::Role(role) => Holder::role(ProjectRole::try_from(*role).unwrap_or_default()),
        });
        holder.into_iter().collect()
    }
}

impl Fold for ConditionFulfilled {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let Some(point) = project.decision_point_mut(&self.decision_point_id, at) else {
            return;
        };
        if let Some(condition) = point
            .conditions
            .iter_mut()
            .find(|condition| condition.has_id(&self.condition_id))
        {
            condition.fulfilled = Some(at.effective_date.to_owned());
            condition.note.clone_from(&self.note);
        }
    }
}
