//! The frame (ramme): the project period and its extensions, and the economic frame (rules J3 and J4).

use super::super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Suspicion};
use crate::schema::v1::*;

impl Project {
    pub(in crate::domain) fn period(&self) -> Option<&Period> {
        self.frame.as_ref()?.period.as_ref()
    }
}

impl SetFrame {
    /// A period runs forward, and one that has a last day gets a later one only by ExtendProject (J4).
    fn require_period(&self, project: &Project) -> Result<(), Refusal> {
        let Some(period) = self.frame.as_ref().and_then(|frame| frame.period.as_ref()) else {
            return Ok(());
        };
        if let Some(to) = period.to.as_ref().filter(|to| **to < period.from) {
            let problem = format!("The last day, {to}, is before the first day, {}.", period.from);
            return Err(Refusal::invalid("frame.period.to", "ENDS_BEFORE_IT_BEGINS", problem)
                .mend("Give a last day that is not before the first one."));
        }
        let Some(current) = project.period().and_then(|period| period.to.as_ref()) else {
            return Ok(());
        };
        if period.to.as_ref().is_none_or(|to| to > current) {
            let problem = format!(
                "The project period ends on {current}; to move that to later is an extension, which needs a decision."
            );
            return Err(Refusal::rule("J4", "FRAME_IS_NO_EXTENSION", problem)
                .mend("Use ExtendProject, with a reason and an approved decision point."));
        }
        Ok(())
    }
}

impl Decide for SetFrame {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        self.require_period(project)?;
        if let Some(economic) = self.frame.as_ref().and_then(|frame| frame.economic.as_ref()) {
            economic.check("frame.economic")?;
        }
        if project.frame == self.frame {
            return Ok(Vec::new());
        }
        Ok(vec![
            FrameSet {
                frame: self.frame.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for FrameSet {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.frame.clone_from(&self.frame);
        at.touch(&mut project.frame_provenance);
    }
}

impl ExtendProject {
    /// J4: an extension rests on a decision about just that, made once for it.
    fn require_decision(&self, project: &Project, context: &Context<'_>) -> Result<(), Refusal> {
        let point = project.decision_point(&self.decision_point_id)?;
        if point.kind() != DecisionPointKind::Extension {
            let problem = format!("The decision point {} is not about an extension.", point.label());
            return Err(Refusal::rule("J4", "DECISION_NOT_ABOUT_EXTENSION", problem)
                .mend("Name a decision point of the kind extension."));
        }
        if !point.is_approved_by(context.effective_date) {
            let problem = format!(
                "The decision point {} is not approved on {}.",
                point.label(),
                context.effective_date
            );
            return Err(Refusal::rule("J4", "EXTENSION_NOT_APPROVED", problem).mend("Have it approved first."));
        }
        if let Some(earlier) = project
            .extensions
            .iter()
            .find(|earlier| earlier.decision_point_id == self.decision_point_id)
        {
            let problem = format!(
                "The decision point {} has given the extension to {} already.",
                point.label(),
                earlier.to
            );
            return Err(Refusal::rule("J4", "EXTENSION_GIVEN", problem)
                .mend("Plan a new decision point for a further extension."));
        }
        Ok(())
    }
}

impl Decide for ExtendProject {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let Some(current) = project.period().and_then(|period| period.to.as_ref()) else {
            return Err(Refusal::precondition(
                "PERIOD_IS_OPEN",
                "The project period has no last day that could be moved.",
            )
            .mend("Use SetFrame to set it."));
        };
        let already =
            |earlier: &ProjectExtension| earlier.to == self.to && earlier.decision_point_id == self.decision_point_id;
        if project.extensions.last().is_some_and(already) && *current == self.to {
            return Ok(Vec::new());
        }
        if self.to <= *current {
            let problem = format!("The project period lasts to {current}, and {} is not later.", self.to);
            return Err(Refusal::invalid("to", "NOT_AN_EXTENSION", problem)
                .mend("Give a later day, or use SetFrame to shorten the period."));
        }
        if context.reason.trim().is_empty() {
            return Err(
                Refusal::rule("J4", "EXTENSION_NEEDS_REASON", "A project is extended for a reason.")
                    .mend("Say why in the context's reason."),
            );
        }
        self.require_decision(project, context)?;
        Ok(vec![
            ProjectExtended {
                to: self.to.clone(),
                decision_point_id: self.decision_point_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for ProjectExtended {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let Some(period) = project.frame.as_mut().and_then(|frame| frame.period.as_mut()) else {
            return;
        };
        project.extensions.push(ProjectExtension {
            earlier_to: period.to.replace(self.to.clone()).unwrap_or_default(),
            to: self.to.clone(),
            decision_point_id: self.decision_point_id.clone(),
            reason: at.reason.to_owned(),
            provenance: at.provenance(),
        });
        at.touch(&mut project.frame_provenance);
    }
}

/// J3: a project period that does not follow the budget year, which is the calendar year.
pub(in crate::domain) fn find(project: &Project, _today: &str, found: &mut Vec<Suspicion>) {
    let Some(period) = project.period() else { return };
    let mut faults = Vec::new();
    if !period.from.ends_with("-01-01") {
        faults.push(format!("it starts on {}, not on 1 January", period.from));
    }
    if let Some(to) = period.to.as_ref().filter(|to| !to.ends_with("-12-31")) {
        faults.push(format!("it ends on {to}, not on 31 December"));
    }
    if !faults.is_empty() {
        found.push(Suspicion {
            code: "J3",
            severity: Severity::Notice,
            description: format!(
                "The project period does not follow the budget year: {}.",
                faults.join(", and ")
            ),
            entities: vec![project.project_id.clone()],
            events: project
                .frame_provenance
                .iter()
                .map(|provenance| provenance.last_position)
                .collect(),
        });
    }
}
