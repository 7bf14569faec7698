//! Another decider for an undecided point, named for a reason; the earlier ones stay readable (rules B2, O1).

use super::super::authority::Holder;
use super::{Context, Decide, Decision, Facts, Fold, Recorded, Stream};
use crate::schema::v1::*;

impl Decide for ReassignDecider {
    type State = Project;

    fn decide(&self, project: &Project, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let point = project.open_decision_point(&self.decision_point_id)?;
        if point.decider == self.decider {
            return Ok(Vec::new());
        }
        context.require_reason(
            format!(
                "The decision point {} gets another decider for a reason.",
                point.label()
            ),
            "Say in the context's reason why another one decides.",
        )?;
        // A point that is overdue is decided after its planned date, so the body must still be there now.
        let date = context.effective_date.max(&point.date);
        let nobody = Decider::default();
        self.decider.as_ref().unwrap_or(&nobody).check(date, facts)?;
        let decider = self.decider.as_ref().unwrap_or(&nobody);
        decider.require_enough_for(point.kind())?;
        Ok(vec![
            DeciderReassigned {
                decision_point_id: self.decision_point_id.clone(),
                decider: self.decider.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &Project, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        self.decider.iter().filter_map(Decider::stream).collect()
    }

    fn entitled(&self, project: &Project, ground: Ground) -> Vec<Holder> {
        project.deciders(&self.decision_point_id, ground)
    }
}

impl Fold for DeciderReassigned {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let Some(point) = project.decision_point_mut(&self.decision_point_id, at) else {
            return;
        };
        let from = std::mem::replace(&mut point.decider, self.decider.clone());
        point.reassignments.push(DeciderReassignment {
            from,
            to: self.decider.clone(),
            reassigned: at.effective_date.to_owned(),
            reason: at.reason.to_owned(),
        });
    }
}
