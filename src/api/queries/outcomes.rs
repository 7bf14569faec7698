//! Readings of what a project brings about: its handovers, its contracts and its benefits.

use super::Answer;
use super::reading;
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::domain;
use crate::schema::v1::*;

impl Answer for GetHandovers {
    type Reply = HandoverReading;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<HandoverReading, Failure> {
        let reading = reading::project(service, caller, &self.project_id, self.as_of, self.at_least).await?;
        reading
            .answer(service, caller, |state, _| Ok(domain::handover_reading(state)))
            .await
    }
}

impl Answer for GetContracts {
    type Reply = ContractReading;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<ContractReading, Failure> {
        let reading = reading::project(service, caller, &self.project_id, self.as_of, self.at_least).await?;
        reading
            .answer(service, caller, |state, _| Ok(domain::contract_reading(state)))
            .await
    }
}

impl Answer for GetBenefitProgress {
    type Reply = BenefitReading;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<BenefitReading, Failure> {
        let reading = reading::project(service, caller, &self.project_id, self.as_of, self.at_least).await?;
        reading
            .answer(service, caller, |state, _| Ok(domain::benefit_reading(state)))
            .await
    }
}
