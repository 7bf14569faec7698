//! Project (prosjekt): registration, goals, scope, frame and life (rules J1–J4).

use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Suspicion, unchanged_or};
use crate::schema::v1::*;

impl Project {
    /// Refuses when the project has ended.
    pub(super) fn require_active(&self) -> Result<(), Refusal> {
        match self.status() {
            ProjectStatus::Closed | ProjectStatus::Cancelled => {
                Err(Refusal::precondition("PROJECT_ENDED", format!("The project {} has ended.", self.name)).mend("Record it in the project that goes on."))
            }
            _ => Ok(()),
        }
    }
}

impl Decide for RegisterProject {
    type State = Project;
    const OPENS: bool = true;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        if project.version > 0 {
            let same = project.name == self.name && project.kind == self.kind;
            return unchanged_or(same, || Refusal::already_exists("project", &self.project_id));
        }
        Ok(vec![
            ProjectRegistered {
                project_id: self.project_id.clone(),
                name: self.name.clone(),
                kind: self.kind,
                predecessor_id: self.predecessor_id.clone(),
                parent_id: self.parent_id.clone(),
            }
            .into(),
        ])
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
    }
}

pub(super) fn find(_project: &Project, _today: &str, _found: &mut Vec<Suspicion>) {}
