//! Readings of reports: one as it was submitted.

use super::{Answer, reading};
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::domain;
use crate::schema::v1::*;

impl Answer for GetReport {
    type Reply = ReportReading;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<ReportReading, Failure> {
        let reading = reading::project(service, caller, &self.project_id, self.as_of, self.at_least).await?;
        domain::report_reading(reading.get()?, &self.report_id)
            .ok_or_else(|| reading::nothing_there("report", &self.report_id))
    }
}
