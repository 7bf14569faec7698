//! Readings of an organisation beside its lists: who sits in a body, what is found, and which templates can be applied.

use super::Answer;
use super::reading::{self, Part, state_page};
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::domain;
use crate::schema::v1::*;

impl Answer for GetBodyComposition {
    type Reply = BodyComposition;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<BodyComposition, Failure> {
        let body = BodyReference {
            organization_id: self.organization_id,
            body_id: self.body_id,
        };
        let asked = body.clone();
        let streams = move |facts: &domain::Facts<'_>| domain::streams_of_body(&asked, facts);
        reading::together(
            service,
            caller,
            (self.as_of, self.at_least),
            streams,
            move |facts, point| {
                point.require::<Organization>(facts, &body.organization_id)?;
                let date = self.date.as_ref().unwrap_or(&point.today);
                domain::body_composition(&body, facts, date)
                    .ok_or_else(|| reading::nothing_there("body", &body.body_id))
            },
        )
        .await
    }
}

impl Answer for ListOffices {
    type Reply = OfficeList;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<OfficeList, Failure> {
        let id = &self.organization_id;
        let read = reading::organization(service, caller, id, self.as_of, self.at_least).await?;
        let list = |organization: &Organization, _: &str| {
            Ok(OfficeList {
                offices: organization.offices.clone(),
                delegations: organization.delegations.clone(),
                position: organization.position,
            })
        };
        read.answer(service, caller, list).await
    }
}

impl Answer for ListCheckpointTemplates {
    type Reply = CheckpointTemplateList;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<CheckpointTemplateList, Failure> {
        let part = Part {
            as_of: self.as_of,
            at_least: self.at_least,
            page_token: self.page_token,
            page_size: self.page_size,
        };
        let page = state_page(
            service,
            caller,
            &self.organization_id,
            part,
            |organization: &Organization| organization.checkpoint_templates.iter().collect(),
        )
        .await?;
        Ok(CheckpointTemplateList {
            templates: page.items,
            next_page_token: page.next_page_token,
            position: page.position,
            shipped: domain::shipped_templates().to_vec(),
        })
    }
}
