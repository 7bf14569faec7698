//! Readings that cross projects, answered from the projections.

use super::Answer;
use super::reading::{page_size, reached};
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::projections::{Filter, ProjectOverviews};
use crate::schema::v1::*;

impl Answer for ListProjects {
    type Reply = ProjectList;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<ProjectList, Failure> {
        reached(service, caller, self.at_least).await?;
        let projections = service.projections();
        let position = projections
            .wait::<ProjectOverviews>(&caller.tenant, self.at_least)
            .await?;
        let size = page_size(self.page_size);
        let filter = Filter {
            kind: self.kind,
            status: self.status,
            after: self.page_token,
            at_most: i64::from(size) + 1,
        };
        let mut projects = projections.project_overviews(&caller.tenant, &filter).await?;
        let size = usize::try_from(size).unwrap_or_default();
        let more = projects.len() > size;
        projects.truncate(size);
        let next_page_token = projects
            .last()
            .filter(|_| more)
            .map(|last| last.project_id.clone())
            .unwrap_or_default();
        Ok(ProjectList {
            projects,
            next_page_token,
            position,
        })
    }
}
