//! Project (prosjekt): what it is, and its registration (rule J1).

mod ending;
mod frame;
mod goal;

use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream, unchanged_or};
use crate::schema::v1::*;

pub(super) use frame::find;

impl Project {
    /// Refuses when the project has ended.
    pub(super) fn require_active(&self) -> Result<(), Refusal> {
        let ended = match self.status() {
            ProjectStatus::Closed => "closed",
            ProjectStatus::Cancelled => "cancelled",
            ProjectStatus::Active | ProjectStatus::Unspecified => return Ok(()),
        };
        let date = self.end.as_ref().map_or("", |end| &end.date);
        Err(Refusal::precondition(
            "PROJECT_ENDED",
            format!("The project {} was {ended} on {date}.", self.name),
        )
        .mend("Record it in a project that goes on."))
    }
}

impl DecisionPoint {
    /// Whether it is approved and was so on this date: what is done because of a decision is not done before it.
    pub(super) fn is_approved_by(&self, date: &str) -> bool {
        self.is_approved() && self.decided.as_deref().is_none_or(|decided| decided <= date)
    }
}

impl RegisterProject {
    fn is(&self, project: &Project) -> bool {
        project.name == self.name
            && project.kind == self.kind
            && project.predecessor_id == self.predecessor_id
            && project.parent_id == self.parent_id
            && project.organization_id == self.organization_id
            && self.first_owner().is_none_or(|owner| owner.is_in(project))
    }

    /// The assignment of the first owner, when one is named.
    fn first_owner(&self) -> Option<AssignRole> {
        let owner = self.owner.clone()?;
        Some(AssignRole {
            project_id: self.project_id.clone(),
            assignment_id: owner.assignment_id,
            role: ProjectRole::Owner.into(),
            holder: owner.holder,
            from: owner.from,
            ..AssignRole::default()
        })
    }

    /// J1: a main project may follow a pre-project, and nothing else follows anything.
    fn require_predecessor(&self, facts: &Facts<'_>) -> Result<(), Refusal> {
        let Some(id) = &self.predecessor_id else { return Ok(()) };
        if self.kind() != ProjectKind::MainProject {
            return Err(Refusal::rule(
                "J1",
                "PREDECESSOR_NOT_ALLOWED",
                "Only a main project follows a pre-project.",
            )
            .mend("Register it as a main project, or leave `predecessor_id` out."));
        }
        let predecessor = facts.project(id).ok_or_else(|| Refusal::not_found("project", id))?;
        if predecessor.kind() != ProjectKind::PreProject {
            let problem = format!(
                "The project {} is not a pre-project, so no main project follows it.",
                predecessor.name
            );
            return Err(Refusal::rule("J1", "PREDECESSOR_NOT_PRE_PROJECT", problem)
                .mend("Name the pre-project, or leave `predecessor_id` out."));
        }
        Ok(())
    }

    /// J1: a subproject has a parent, and nothing else has.
    fn require_parent(&self, facts: &Facts<'_>) -> Result<(), Refusal> {
        match (self.kind(), &self.parent_id) {
            (ProjectKind::Subproject, Some(id)) => facts
                .project(id)
                .ok_or_else(|| Refusal::not_found("project", id))?
                .require_active(),
            (ProjectKind::Subproject, None) => Err(Refusal::rule(
                "J1",
                "PARENT_REQUIRED",
                "A subproject is a part of another project, and none is named.",
            )
            .mend("Name that project in `parent_id`.")),
            (_, Some(_)) => Err(Refusal::rule(
                "J1",
                "PARENT_NOT_ALLOWED",
                "Only a subproject is a part of another project.",
            )
            .mend("Register it as a subproject, or leave `parent_id` out.")),
            (_, None) => Ok(()),
        }
    }
}

impl Decide for RegisterProject {
    type State = Project;
    const OPENS: bool = true;

    fn decide(&self, project: &Project, facts: &Facts<'_>, _: &Context<'_>) -> Decision {
        if project.version > 0 {
            return unchanged_or(self.is(project), || {
                Refusal::already_exists("project", &self.project_id)
            });
        }
        self.require_predecessor(facts)?;
        self.require_parent(facts)?;
        if let Some(id) = &self.organization_id {
            facts
                .organization(id)
                .ok_or_else(|| Refusal::not_found("organisation", id))?;
        }
        let mut events = vec![
            ProjectRegistered {
                project_id: self.project_id.clone(),
                name: self.name.clone(),
                kind: self.kind,
                predecessor_id: self.predecessor_id.clone(),
                parent_id: self.parent_id.clone(),
                organization_id: self.organization_id.clone(),
            }
            .into(),
        ];
        if let Some(owner) = self.first_owner() {
            owner.require_holder(project, facts)?;
            events.push(owner.assigned().into());
        }
        Ok(events)
    }

    fn relies_on(&self, _: &Project, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        let others = self.predecessor_id.iter().chain(&self.parent_id);
        others
            .map(|id| Stream::project(id))
            .chain(self.organization_id.iter().map(|id| Stream::organization(id)))
            .chain(
                self.first_owner()
                    .and_then(|owner| owner.organization_id().map(Stream::organization)),
            )
            .collect()
    }
}

impl Fold for ProjectRegistered {
    type State = Project;

    fn fold(&self, project: &mut Project, _: &Recorded<'_>) {
        project.project_id.clone_from(&self.project_id);
        project.name.clone_from(&self.name);
        project.kind = self.kind;
        project.set_status(ProjectStatus::Active);
        project.predecessor_id.clone_from(&self.predecessor_id);
        project.parent_id.clone_from(&self.parent_id);
        project.organization_id.clone_from(&self.organization_id);
    }
}
