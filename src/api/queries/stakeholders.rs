//! Readings of stakeholders: the map.

use super::{Answer, reading};
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::domain;
use crate::schema::v1::*;

impl Answer for GetStakeholderMap {
    type Reply = StakeholderMap;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<StakeholderMap, Failure> {
        let reading = reading::project(service, caller, &self.project_id, self.as_of, self.at_least).await?;
        reading
            .answer(service, caller, |state, _| Ok(domain::stakeholder_map(state)))
            .await
    }
}
