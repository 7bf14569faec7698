//! Readings of governing documents: what differs between two versions of a plan.

use super::{Answer, reading};
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::domain;
use crate::schema::v1::*;

impl Answer for GetPlanDifference {
    type Reply = PlanDifference;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<PlanDifference, Failure> {
        let id = &self.project_id;
        let now = reading::project(service, caller, id, self.as_of.clone(), self.at_least).await?;
        let project = now.get()?;
        let (from, to) = domain::compared_versions(project, &self)?;
        let before = reading::project_at(service, caller, id, from.position).await?;
        let after = reading::project_at(service, caller, id, to.position).await?;
        let compare = |before: &Project, after: &Project| domain::plan_difference(before, after);
        Ok(PlanDifference {
            from: Some(from.clone()),
            to: Some(to.clone()),
            changes: reading::compared(service, caller, (&before, &after), compare).await?,
            position: project.position,
        })
    }
}
