//! Readings of one agreement.

use super::Answer;
use super::reading;
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::domain::{self, Facts};
use crate::schema::v1::*;

impl Answer for GetAgreement {
    type Reply = Agreement;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<Agreement, Failure> {
        reading::state::<Agreement>(service, caller, &self.agreement_id, self.as_of, self.at_least)
            .await?
            .whole(service, caller)
            .await
    }
}

impl Answer for GetAgreementStanding {
    type Reply = AgreementStanding;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<AgreementStanding, Failure> {
        let reading =
            reading::state::<Agreement>(service, caller, &self.agreement_id, self.as_of, self.at_least).await?;
        let date = self.date.unwrap_or_else(|| reading.today.clone());
        reading
            .answer(service, caller, move |agreement, _| {
                Ok(domain::agreement_standing(agreement, &date))
            })
            .await
    }
}

impl Answer for GetWithdrawalImpact {
    type Reply = WithdrawalImpact;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<WithdrawalImpact, Failure> {
        let id = self.agreement_id;
        let asked = id.clone();
        let streams = move |facts: &Facts<'_>| domain::streams_of_agreement(&asked, facts);
        reading::together(
            service,
            caller,
            (self.as_of, self.at_least),
            streams,
            move |facts, point| {
                let agreement: &Agreement = point.require(facts, &id)?;
                let mut withdrawals = agreement.withdrawals.iter().rev();
                let last_day = withdrawals
                    .find(|withdrawal| withdrawal.party_id == self.party_id)
                    .map(|withdrawal| withdrawal.to.clone());
                let date = self.date.or(last_day).unwrap_or_else(|| point.today.clone());
                domain::withdrawal_impact(agreement, &self.party_id, &date, facts).ok_or_else(|| {
                let sentence = format!(
                    "The agreement had no party {} on {date}. Check the id, or ask about a day when it was a party.",
                    self.party_id
                );
                Failure::new(tonic::Code::NotFound, "NOT_FOUND", sentence)
            })
            },
        )
        .await
    }
}
