//! Readings of one project or organisation as a whole.

use prost_types::Timestamp;
use time::OffsetDateTime;

use super::Answer;
use super::reading;
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::domain;
use crate::schema::v1::*;

impl Answer for GetProject {
    type Reply = Project;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<Project, Failure> {
        reading::project(service, caller, &self.project_id, self.as_of, self.at_least)
            .await?
            .whole(service, caller)
            .await
    }
}

impl Answer for GetOrganization {
    type Reply = Organization;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<Organization, Failure> {
        reading::organization(service, caller, &self.organization_id, self.as_of, self.at_least)
            .await?
            .whole(service, caller)
            .await
    }
}

impl Answer for GetBudget {
    type Reply = BudgetReading;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<BudgetReading, Failure> {
        let reading = reading::project(service, caller, &self.project_id, self.as_of, self.at_least).await?;
        reading
            .answer(service, caller, |project, _| Ok(domain::budget_reading(project)))
            .await
    }
}

impl Answer for GetGantt {
    type Reply = GanttReading;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<GanttReading, Failure> {
        let granularity = self.granularity();
        let reading = reading::project(service, caller, &self.project_id, self.as_of, self.at_least).await?;
        reading
            .answer(service, caller, move |project, _| {
                Ok(domain::gantt_reading(project, granularity))
            })
            .await
    }
}

/// A time as protobuf writes it.
pub(super) fn timestamp(time: OffsetDateTime) -> Timestamp {
    Timestamp {
        seconds: time.unix_timestamp(),
        nanos: i32::try_from(time.nanosecond()).unwrap_or_default(),
    }
}
