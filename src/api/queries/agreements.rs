//! Readings of one agreement.

use super::Answer;
use super::reading::{self, head, reached};
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::clock;
use crate::domain;
use crate::schema::v1::*;

impl Answer for GetAgreement {
    type Reply = Agreement;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<Agreement, Failure> {
        reading::state::<Agreement>(service, caller, &self.agreement_id, self.as_of, self.at_least)
            .await?
            .get()
            .cloned()
    }
}

impl Answer for GetAgreementStanding {
    type Reply = AgreementStanding;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<AgreementStanding, Failure> {
        let reading =
            reading::state::<Agreement>(service, caller, &self.agreement_id, self.as_of, self.at_least).await?;
        let date = self.date.as_ref().unwrap_or(&reading.today);
        Ok(domain::agreement_standing(reading.get()?, date))
    }
}

impl Answer for GetWithdrawalImpact {
    type Reply = WithdrawalImpact;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<WithdrawalImpact, Failure> {
        reached(service, caller, self.at_least).await?;
        // The agreement and its projects are read at one point, so that the one does not know what the others do not.
        let (position, _) = head(service, caller).await?;
        let now = AsOf {
            point: Some(as_of::Point::Position(position)),
        };
        let as_of = self.as_of.unwrap_or(now);
        let reading = reading::state::<Agreement>(service, caller, &self.agreement_id, Some(as_of), 0).await?;
        let agreement = reading.get()?;
        let today = self.as_of.map_or_else(clock::today, |_| reading.today.clone());
        let last_day = agreement
            .withdrawals
            .iter()
            .rev()
            .find(|withdrawal| withdrawal.party_id == self.party_id)
            .map(|withdrawal| withdrawal.to.clone());
        let date = self.date.or(last_day).unwrap_or(today);
        let mut projects = Vec::new();
        for id in agreement.project_ids() {
            projects.push(reading::project(service, caller, id, Some(as_of), 0).await?);
        }
        let projects = projects
            .iter()
            .map(reading::Reading::get)
            .collect::<Result<Vec<_>, _>>()?;
        domain::withdrawal_impact(agreement, &self.party_id, &date, projects).ok_or_else(|| {
            let sentence = format!(
                "The agreement had no party {} on {date}. Check the id, or ask about a day when it was a party.",
                self.party_id
            );
            Failure::new(tonic::Code::NotFound, "NOT_FOUND", sentence)
        })
    }
}
