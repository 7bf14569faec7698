//! The lists inside one project or organisation, and the list of all projects.

use super::Answer;
use super::reading::{Page, Part, project_page};
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::schema::v1::*;

/// A list inside a project: the request, its answer, and where the items are.
macro_rules! project_list {
    ($request:ident => $reply:ident . $field:ident, |$project:ident| $items:expr) => {
        impl Answer for $request {
            type Reply = $reply;

            async fn answer(self, service: &Service, caller: &Caller) -> Result<$reply, Failure> {
                let part = Part { as_of: self.as_of, at_least: self.at_least, page_token: self.page_token, page_size: self.page_size };
                let Page { items, next_page_token, position } =
                    project_page(service, caller, &self.project_id, part, |$project, _| $items).await?;
                Ok($reply { $field: items, next_page_token, position })
            }
        }
    };
}

project_list!(ListRisks => RiskList.risks, |project| project.risks.clone());
