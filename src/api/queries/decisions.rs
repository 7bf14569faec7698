//! Readings of decisions: the decision points, and what each decision was frozen to.

use super::Answer;
use super::reading::{self, Page, Part, state_page};
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::domain;
use crate::schema::v1::*;

impl Answer for ListDecisionPoints {
    type Reply = DecisionPointList;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<DecisionPointList, Failure> {
        let part = Part {
            as_of: self.as_of,
            at_least: self.at_least,
            page_token: self.page_token,
            page_size: self.page_size,
        };
        let mut changed_after_decision_ids = Vec::new();
        let Page {
            items,
            next_page_token,
            position,
        } = state_page(service, caller, &self.project_id, part, |project: &Project| {
            changed_after_decision_ids = domain::changed_after_decision(project);
            project.decision_points.iter().collect()
        })
        .await?;
        Ok(DecisionPointList {
            decision_points: items,
            next_page_token,
            position,
            changed_after_decision_ids,
        })
    }
}

impl Answer for GetConditions {
    type Reply = ConditionReading;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<ConditionReading, Failure> {
        let reading = reading::project(service, caller, &self.project_id, self.as_of, self.at_least).await?;
        reading
            .answer(service, caller, |project, today| {
                Ok(domain::condition_reading(project, today))
            })
            .await
    }
}

impl Answer for GetDecisionBasis {
    type Reply = DecisionBasis;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<DecisionBasis, Failure> {
        let id = &self.decision_point_id;
        let now = reading::project(service, caller, &self.project_id, self.as_of, self.at_least).await?;
        let mut points = now.get()?.decision_points.iter();
        let frozen = points
            .find(|point| point.decision_point_id == *id)
            .and_then(|point| point.frozen_basis.as_ref());
        // The project as the decision saw it.
        let asked = id.clone();
        let basis = match frozen {
            Some(frozen) => {
                let then = reading::project_at(service, caller, &self.project_id, frozen.project_position).await?;
                let basis = move |then: &Project, now: &Project| domain::decision_basis(Some(then), now, &asked);
                reading::compared(service, caller, (&then, &now), basis).await?
            }
            None => {
                let basis = move |now: &Project, _: &str| Ok(domain::decision_basis(None, now, &asked));
                now.answer(service, caller, basis).await?
            }
        };
        basis.ok_or_else(|| reading::nothing_there("decision point", id))
    }
}
