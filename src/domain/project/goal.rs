//! Goals and scope (mål, omfang): what the project is for, what it is to do, and what not.

use super::super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, unchanged_or};
use crate::schema::v1::*;

impl Project {
    fn goal(&self, id: &str) -> Result<&Goal, Refusal> {
        self.goals
            .iter()
            .find(|goal| goal.goal_id == id)
            .ok_or_else(|| Refusal::not_found("goal", id))
    }
}

impl Decide for DefineGoal {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        if let Ok(goal) = project.goal(&self.goal_id) {
            let same = goal.kind == self.kind && goal.description == self.description;
            return unchanged_or(same, || Refusal::already_exists("goal", &self.goal_id));
        }
        Ok(vec![
            GoalDefined {
                goal_id: self.goal_id.clone(),
                kind: self.kind,
                description: self.description.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for GoalDefined {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.goals.push(Goal {
            goal_id: self.goal_id.clone(),
            kind: self.kind,
            description: self.description.clone(),
            provenance: at.provenance(),
        });
    }
}

impl Decide for ReviseGoal {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        if project.goal(&self.goal_id)?.description == self.description {
            return Ok(Vec::new());
        }
        Ok(vec![
            GoalRevised {
                goal_id: self.goal_id.clone(),
                description: self.description.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for GoalRevised {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(goal) = project.goals.iter_mut().find(|goal| goal.goal_id == self.goal_id) {
            goal.description.clone_from(&self.description);
            at.touch(&mut goal.provenance);
        }
    }
}

impl Decide for DefineScope {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        if self
            .scope
            .iter()
            .all(|scope| scope.inside.is_empty() && scope.outside.is_empty() && scope.exceptions.is_empty())
        {
            return Err(Refusal::invalid("scope", "SCOPE_EMPTY", "The scope says nothing.")
                .mend("Name at least one thing that is inside, outside, or outside with an exception."));
        }
        if project.scope == self.scope {
            return Ok(Vec::new());
        }
        Ok(vec![
            ScopeDefined {
                scope: self.scope.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for ScopeDefined {
    type State = Project;

    fn fold(&self, project: &mut Project, _: &Recorded<'_>) {
        project.scope.clone_from(&self.scope);
    }
}
