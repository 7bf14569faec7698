//! Readings of risks: one with its history, and the matrix of them all.

use super::{Answer, reading};
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::domain;
use crate::schema::v1::*;

impl Answer for GetRisk {
    type Reply = RiskReading;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<RiskReading, Failure> {
        let reading = reading::project(service, caller, &self.project_id, self.as_of, self.at_least).await?;
        let project = reading.get()?;
        Ok(RiskReading {
            risk: Some(project.risk(&self.risk_id)?.clone()),
            position: project.position,
        })
    }
}

impl Answer for GetRiskMatrix {
    type Reply = RiskMatrixReading;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<RiskMatrixReading, Failure> {
        let reading = reading::project(service, caller, &self.project_id, self.as_of, self.at_least).await?;
        reading
            .answer(service, caller, |state, _| Ok(domain::risk_matrix(state)))
            .await
    }
}
