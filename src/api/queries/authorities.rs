//! Readings of authority: who may do what in a project on a day.

use super::{Answer, reading};
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::domain;
use crate::schema::v1::*;

impl Answer for ListAuthorities {
    type Reply = AuthorityList;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<AuthorityList, Failure> {
        let reading = reading::project(service, caller, &self.project_id, self.as_of, self.at_least).await?;
        let read = move |project: &Project, today: &str| {
            let date = self.date.as_deref().unwrap_or(today);
            Ok(domain::authorities(project, date))
        };
        reading.answer(service, caller, read).await
    }
}
