//! The end of a project (avslutning): closed as decided, or cancelled (rule J2).

use super::super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal};
use crate::schema::v1::*;

impl Project {
    fn end_as(&mut self, status: ProjectStatus, decision_point_id: &str, at: &Recorded<'_>) {
        self.set_status(status);
        self.end = Some(ProjectEnd {
            date: at.effective_date.to_owned(),
            reason: at.reason.to_owned(),
            decision_point_id: decision_point_id.to_owned(),
            provenance: at.provenance(),
        });
    }
}

impl Decide for ApproveClosing {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        if project.closing_approval.is_some() {
            return Ok(Vec::new());
        }
        Ok(vec![ClosingApproved {}.into()])
    }
}

impl Fold for ClosingApproved {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.closing_approval = Some(ClosingApproval {
            date: at.effective_date.to_owned(),
            subject: at.subject.to_owned(),
            authority: at.authority.to_owned(),
            provenance: at.provenance(),
        });
    }
}

impl CloseProject {
    /// J2, one condition after the other.
    fn require_everything_done(&self, project: &Project, context: &Context<'_>) -> Result<(), Refusal> {
        if project
            .closing_approval
            .as_ref()
            .is_none_or(|approval| context.effective_date < approval.date.as_str())
        {
            return Err(Refusal::rule(
                "J2",
                "CLOSING_NOT_APPROVED",
                format!(
                    "No owner has approved by {} that closing activities may start.",
                    context.effective_date
                ),
            )
            .mend("Let an owner use ApproveClosing first."));
        }
        let point = project.decision_point(&self.decision_point_id)?;
        if point.kind() != DecisionPointKind::ProjectClosing {
            let problem = format!("The decision point {} is not about closing the project.", point.label());
            return Err(Refusal::rule("J2", "DECISION_NOT_ABOUT_CLOSING", problem)
                .mend("Name a decision point of the kind project closing."));
        }
        if !point.is_approved_by(context.effective_date) {
            let problem = format!(
                "The decision point {} is not approved on {}.",
                point.label(),
                context.effective_date
            );
            return Err(Refusal::rule("J2", "CLOSING_DECISION_NOT_APPROVED", problem).mend("Have it approved first."));
        }
        let decided = |point: &DecisionPoint| {
            point.is_decided() && point.decided.as_deref().is_none_or(|day| day <= context.effective_date)
        };
        let open = |point: &&DecisionPoint| point.mandatory && !decided(point);
        let open: Vec<String> = project
            .decision_points
            .iter()
            .filter(open)
            .map(DecisionPoint::label)
            .collect();
        if !open.is_empty() {
            let problem = format!(
                "{} mandatory decision point(s) were not decided by {}: {}.",
                open.len(),
                context.effective_date,
                open.join(", ")
            );
            return Err(Refusal::rule("J2", "MANDATORY_DECISIONS_OPEN", problem).mend("Have them decided first."));
        }
        project.require_deliverables_settled(None, context.effective_date, "J2")
    }
}

/// J2: closing needs a final report.
fn require_final_report(project: &Project, date: &str) -> Result<(), Refusal> {
    if project.has_final_report_by(date) {
        return Ok(());
    }
    let problem = format!("No final report had been submitted by {date}.");
    Err(Refusal::rule("J2", "FINAL_REPORT_MISSING", problem).mend("Submit it first (SubmitFinalReport)."))
}

impl Decide for CloseProject {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        let by_this = project
            .end
            .as_ref()
            .is_some_and(|end| end.decision_point_id == self.decision_point_id);
        if project.status() == ProjectStatus::Closed && by_this {
            return Ok(Vec::new());
        }
        project.require_active()?;
        self.require_everything_done(project, context)?;
        require_final_report(project, context.effective_date)?;
        Ok(vec![
            ProjectClosed {
                decision_point_id: self.decision_point_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for ProjectClosed {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.end_as(ProjectStatus::Closed, &self.decision_point_id, at);
    }
}

impl Decide for CancelProject {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        if project.status() == ProjectStatus::Cancelled {
            return Ok(Vec::new());
        }
        project.require_active()?;
        context.require_reason(
            "A project is cancelled for a reason.",
            "Say in the context's reason why it does not go on.",
        )?;
        Ok(vec![ProjectCancelled {}.into()])
    }
}

impl Fold for ProjectCancelled {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.end_as(ProjectStatus::Cancelled, "", at);
    }
}
