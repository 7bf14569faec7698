//! Programme and portfolio (program, portefølje): which projects are steered together, in what direction and order.

mod dependency;
mod participation;
mod portfolio;

use std::collections::HashSet;

use super::authority::Holder;
use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream, unchanged_or};
use crate::schema::v1::*;

pub use dependency::programme_findings;
pub use portfolio::portfolio_reading;

/// How many projects a programme may have at a time: all of them are read together.
const MOST_PROJECTS: usize = 200;

/// The streams that a reading of the programme together with its projects rests on.
#[must_use]
pub fn streams_of_programme(programme_id: &str, facts: &Facts<'_>) -> Vec<Stream> {
    let programme = facts.state_if_loaded::<Programme>(programme_id);
    let projects = programme.into_iter().flat_map(Programme::included);
    let projects = projects.map(|project| Stream::project(&project.project_id));
    projects.chain([Stream::of::<Programme>(programme_id)]).collect()
}

/// The projects of the programme of which something is known.
#[must_use]
pub fn projects_of_programme(programme: &Programme, facts: &Facts<'_>) -> Vec<String> {
    let included = programme.included().map(|project| &project.project_id);
    included
        .filter(|project_id| facts.project(project_id).is_some())
        .cloned()
        .collect()
}

impl Programme {
    /// The projects that are in it now, in the order they were taken in.
    fn included(&self) -> impl Iterator<Item = &IncludedProject> {
        self.projects.iter().filter(|project| project.to.is_none())
    }

    fn name(&self) -> &str {
        self.terms.as_ref().map_or("", |terms| &terms.name)
    }

    /// Refuses when the programme is closed.
    fn require_open(&self) -> Result<(), Refusal> {
        let Some(end) = &self.end else { return Ok(()) };
        let problem = format!("The programme {} was closed on {}.", self.name(), end.date);
        Err(Refusal::precondition("PROGRAMME_CLOSED", problem).mend("Record it in a programme that goes on."))
    }

    /// Refuses a project that is not in the programme.
    fn require_included(&self, project_id: &str) -> Result<(), Refusal> {
        if self.included().any(|project| project.project_id == project_id) {
            return Ok(());
        }
        let problem = format!("The project {project_id} is not in the programme {}.", self.name());
        Err(Refusal::precondition("PROJECT_NOT_INCLUDED", problem).mend("Include the project first, or leave it out."))
    }

    fn require_included_once(&self, project_ids: &[String]) -> Result<(), Refusal> {
        let mut seen = HashSet::new();
        for project_id in project_ids {
            if !seen.insert(project_id) {
                let problem = format!("The project {project_id} is named twice.");
                return Err(
                    Refusal::invalid("project_ids", "PROJECT_NAMED_TWICE", problem).mend("Name each project once.")
                );
            }
            self.require_included(project_id)?;
        }
        Ok(())
    }
}

impl Programme {
    /// The body that has the programme, when one is named.
    fn body(&self) -> Option<&BodyReference> {
        self.terms.as_ref()?.body.as_ref()
    }

    /// Whoever acts for that body (W1).
    fn steered_by(&self, ground: Ground) -> Vec<Holder> {
        let body = self.body().filter(|_| ground == Ground::Body);
        body.cloned().map(Holder::Body).into_iter().collect()
    }

    /// The participant of this participation.
    fn participant(&self, participation_id: &str) -> Option<&OrganizationReference> {
        let mut participations = self.participations.iter();
        let known = participations.find(|participation| participation.participation_id == participation_id);
        known.and_then(|participation| participation.participant.as_ref())
    }
}

impl Decide for EstablishProgramme {
    type State = Programme;
    const OPENS: bool = true;

    fn decide(&self, programme: &Programme, facts: &Facts<'_>, _: &Context<'_>) -> Decision {
        if programme.version > 0 {
            return unchanged_or(programme.terms == self.terms, || {
                Refusal::already_exists("programme", &self.programme_id)
            });
        }
        for id in self.organization_id() {
            facts
                .organization(id)
                .ok_or_else(|| Refusal::not_found("organisation", id))?;
        }
        Ok(vec![
            ProgrammeEstablished {
                programme_id: self.programme_id.clone(),
                terms: self.terms.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &Programme, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        self.organization_id().map(|id| Stream::organization(id)).collect()
    }
}

impl EstablishProgramme {
    fn organization_id(&self) -> impl Iterator<Item = &String> {
        self.terms.iter().filter_map(|terms| terms.organization_id.as_ref())
    }
}

impl Fold for ProgrammeEstablished {
    type State = Programme;

    fn fold(&self, programme: &mut Programme, _: &Recorded<'_>) {
        programme.programme_id.clone_from(&self.programme_id);
        programme.terms.clone_from(&self.terms);
    }
}

impl Decide for IncludeProject {
    type State = Programme;

    fn decide(&self, programme: &Programme, facts: &Facts<'_>, _: &Context<'_>) -> Decision {
        programme.require_open()?;
        if programme.require_included(&self.project_id).is_ok() {
            return Ok(Vec::new());
        }
        let project = facts
            .project(&self.project_id)
            .ok_or_else(|| Refusal::not_found("project", &self.project_id))?;
        project.require_active()?;
        if programme.included().count() >= MOST_PROJECTS {
            let problem = format!(
                "The programme {} has {MOST_PROJECTS} projects already.",
                programme.name()
            );
            return Err(Refusal::precondition("PROGRAMME_FULL", problem)
                .mend("Release a project first, or divide the programme into several."));
        }
        let project_id = self.project_id.clone();
        Ok(vec![ProjectIncluded { project_id }.into()])
    }

    fn relies_on(&self, _: &Programme, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        vec![Stream::project(&self.project_id)]
    }

    fn entitled(&self, programme: &Programme, ground: Ground) -> Vec<Holder> {
        programme.steered_by(ground)
    }
}

impl Fold for ProjectIncluded {
    type State = Programme;

    fn fold(&self, programme: &mut Programme, at: &Recorded<'_>) {
        programme.projects.push(IncludedProject {
            project_id: self.project_id.clone(),
            from: at.effective_date.to_owned(),
            to: None,
            provenance: at.provenance(),
        });
    }
}

impl Decide for ReleaseProject {
    type State = Programme;

    fn decide(&self, programme: &Programme, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        programme.require_open()?;
        let mut times = programme
            .projects
            .iter()
            .filter(|project| project.project_id == self.project_id);
        let Some(last) = times.next_back() else {
            return Err(Refusal::not_found("project in the programme", &self.project_id));
        };
        if last.to.is_some() {
            return Ok(Vec::new());
        }
        if context.effective_date < last.from.as_str() {
            let problem = format!(
                "The project was taken in on {}, after {}.",
                last.from, context.effective_date
            );
            return Err(
                Refusal::invalid("context.effective_date", "RELEASED_BEFORE_INCLUDED", problem)
                    .mend("Give a day that is not before the one when it was taken in."),
            );
        }
        let project_id = self.project_id.clone();
        Ok(vec![ProjectReleased { project_id }.into()])
    }

    fn entitled(&self, programme: &Programme, ground: Ground) -> Vec<Holder> {
        programme.steered_by(ground)
    }
}

impl Fold for ProjectReleased {
    type State = Programme;

    fn fold(&self, programme: &mut Programme, at: &Recorded<'_>) {
        let mut open = programme.projects.iter_mut().filter(|project| project.to.is_none());
        if let Some(project) = open.find(|project| project.project_id == self.project_id) {
            project.to = Some(at.effective_date.to_owned());
            at.touch(&mut project.provenance);
        }
    }
}

impl Decide for GiveDirection {
    type State = Programme;

    fn decide(&self, programme: &Programme, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        programme.require_open()?;
        let mut directions = programme.directions.iter();
        if let Some(known) = directions.find(|direction| direction.direction_id == self.direction_id) {
            let same = known.text == self.text && known.project_ids == self.project_ids;
            return unchanged_or(same, || Refusal::already_exists("direction", &self.direction_id));
        }
        programme.require_included_once(&self.project_ids)?;
        Ok(vec![
            DirectionGiven {
                direction_id: self.direction_id.clone(),
                text: self.text.clone(),
                project_ids: self.project_ids.clone(),
            }
            .into(),
        ])
    }

    fn entitled(&self, programme: &Programme, ground: Ground) -> Vec<Holder> {
        programme.steered_by(ground)
    }

    fn counts(&self, programme: &Programme, holder: &Holder) -> bool {
        *holder != Holder::Administrator || programme.body().is_none()
    }
}

impl Fold for DirectionGiven {
    type State = Programme;

    fn fold(&self, programme: &mut Programme, at: &Recorded<'_>) {
        programme.directions.push(ProgrammeDirection {
            direction_id: self.direction_id.clone(),
            text: self.text.clone(),
            project_ids: self.project_ids.clone(),
            date: at.effective_date.to_owned(),
            authority: at.authority.to_owned(),
            provenance: at.provenance(),
        });
    }
}

impl Decide for PrioritizePortfolio {
    type State = Programme;

    fn decide(&self, programme: &Programme, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        programme.require_open()?;
        programme.require_included_once(&self.project_ids)?;
        let left_out = |project: &&IncludedProject| !self.project_ids.contains(&project.project_id);
        if let Some(project) = programme.included().find(left_out) {
            let problem = format!(
                "The project {} is in the programme, and has no place in the order.",
                project.project_id
            );
            return Err(Refusal::invalid("project_ids", "PROJECT_LEFT_OUT", problem)
                .mend("Name every project of the programme, or release those that no longer belong to it."));
        }
        let last = programme.priorities.last().map(|priority| &priority.project_ids);
        if last == Some(&self.project_ids) {
            return Ok(Vec::new());
        }
        let project_ids = self.project_ids.clone();
        Ok(vec![PortfolioPrioritized { project_ids }.into()])
    }

    fn entitled(&self, programme: &Programme, ground: Ground) -> Vec<Holder> {
        programme.steered_by(ground)
    }

    fn counts(&self, programme: &Programme, holder: &Holder) -> bool {
        *holder != Holder::Administrator || programme.body().is_none()
    }
}

impl Fold for PortfolioPrioritized {
    type State = Programme;

    fn fold(&self, programme: &mut Programme, at: &Recorded<'_>) {
        programme.priorities.push(PortfolioPriority {
            project_ids: self.project_ids.clone(),
            date: at.effective_date.to_owned(),
            authority: at.authority.to_owned(),
            reason: at.reason.to_owned(),
            provenance: at.provenance(),
        });
    }
}

impl Decide for EvaluateProgramme {
    type State = Programme;

    fn decide(&self, programme: &Programme, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        // A programme may be evaluated when it is over.
        let mut evaluations = programme.evaluations.iter();
        if let Some(known) = evaluations.find(|evaluation| evaluation.evaluation_id == self.evaluation_id) {
            let same = known.assessment == self.assessment && known.report == self.report;
            return unchanged_or(same, || Refusal::already_exists("evaluation", &self.evaluation_id));
        }
        Ok(vec![
            ProgrammeEvaluated {
                evaluation_id: self.evaluation_id.clone(),
                assessment: self.assessment.clone(),
                report: self.report.clone(),
            }
            .into(),
        ])
    }

    fn entitled(&self, programme: &Programme, ground: Ground) -> Vec<Holder> {
        programme.steered_by(ground)
    }
}

impl Fold for ProgrammeEvaluated {
    type State = Programme;

    fn fold(&self, programme: &mut Programme, at: &Recorded<'_>) {
        programme.evaluations.push(ProgrammeEvaluation {
            evaluation_id: self.evaluation_id.clone(),
            assessment: self.assessment.clone(),
            report: self.report.clone(),
            date: at.effective_date.to_owned(),
            provenance: at.provenance(),
        });
    }
}

impl Decide for CloseProgramme {
    type State = Programme;

    fn decide(&self, programme: &Programme, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        if programme.end.is_some() {
            return Ok(Vec::new());
        }
        context.require_reason(
            "A programme is closed for a reason.",
            "Say in the context's reason what it has brought about, or why it is given up.",
        )?;
        Ok(vec![ProgrammeClosed {}.into()])
    }

    fn entitled(&self, programme: &Programme, ground: Ground) -> Vec<Holder> {
        programme.steered_by(ground)
    }
}

impl Fold for ProgrammeClosed {
    type State = Programme;

    fn fold(&self, programme: &mut Programme, at: &Recorded<'_>) {
        programme.end = Some(ProgrammeEnd {
            date: at.effective_date.to_owned(),
            authority: at.authority.to_owned(),
            reason: at.reason.to_owned(),
        });
    }
}
