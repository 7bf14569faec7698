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
        let nothing_there = || reading::nothing_there("report", &self.report_id);
        let now = reading::project(service, caller, &self.project_id, self.as_of, self.at_least).await?;
        let mut reports = now.get()?.reports.iter();
        let report = reports.find(|report| report.report_id == self.report_id);
        let provenance = report.ok_or_else(nothing_there)?.provenance.unwrap_or_default();
        // T1: nothing but the ledger up to the report's own position has a say in the answer.
        let then = reading::project_at(service, caller, &self.project_id, provenance.first_position).await?;
        let id = self.report_id.clone();
        let read = move |project: &Project, _: &str| Ok(domain::report_reading(project, &id));
        then.answer(service, caller, read).await?.ok_or_else(nothing_there)
    }
}
