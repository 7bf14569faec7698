//! Readings of one register of proposals.

use super::Answer;
use super::reading;
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::domain;
use crate::schema::v1::*;

impl Answer for GetProposalRegister {
    type Reply = ProposalRegister;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<ProposalRegister, Failure> {
        let id = &self.proposal_register_id;
        reading::state::<ProposalRegister>(service, caller, id, self.as_of, self.at_least)
            .await?
            .whole(service, caller)
            .await
    }
}

impl Answer for GetProposal {
    type Reply = ProposalFate;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<ProposalFate, Failure> {
        let id = &self.proposal_register_id;
        let reading = reading::state(service, caller, id, self.as_of, self.at_least).await?;
        Ok(domain::proposal_fate(reading.get()?, &self.proposal_id)?)
    }
}
