//! Readings of what bodies have decided, and of what rests on it.

use std::collections::HashSet;

use super::Answer;
use super::reading::{self, Page, Part, state_page};
use super::states::timestamp;
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::domain;
use crate::ledger::{Entry, LedgerError, Reach};
use crate::schema::v1::*;

/// How many records that rest on a decision are told of.
const MOST_RESTING: usize = 1_000;

impl Answer for GetBodyDecision {
    type Reply = BodyDecision;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<BodyDecision, Failure> {
        let id = &self.organization_id;
        let read = reading::organization(service, caller, id, self.as_of, self.at_least).await?;
        let (body_id, number) = (self.body_id, self.number);
        let find = move |organization: &Organization, _: &str| {
            if organization.bodies.iter().all(|body| body.body_id != body_id) {
                return Err(reading::nothing_there("body", &body_id));
            }
            domain::body_decision(organization, &body_id, &number)
                .ok_or_else(|| reading::nothing_there("case", &number))
        };
        let mut decision = read.answer(service, caller, find).await?;
        let resting = resting_on(service, caller, &decision, &read.reach).await?;
        decision.more_rests_on_it = resting.len() > MOST_RESTING;
        decision.rests_on_it = resting.into_iter().take(MOST_RESTING).collect();
        Ok(decision)
    }
}

/// The records whose ground the decision is, as far as is read: one more than are told of, when there are more.
async fn resting_on(
    service: &Service,
    caller: &Caller,
    decision: &BodyDecision,
    reach: &Reach,
) -> Result<Vec<RestingRecord>, Failure> {
    let streams: Vec<String> = domain::streams_of_decision(decision)
        .iter()
        .map(ToString::to_string)
        .collect();
    if streams.is_empty() {
        return Ok(Vec::new());
    }
    let mark = domain::resting_mark(decision);
    let at_most = i64::try_from(MOST_RESTING).unwrap_or(i64::MAX) + 1;
    let ledger = service.ledger();
    let entries = ledger
        .holding(&caller.tenant, &streams, &mark, reach.up_to(), at_most)
        .await?;
    let mut resting = Vec::new();
    for entry in &entries {
        resting.extend(resting_record(entry, &mark, reach)?);
    }
    Ok(resting)
}

/// What is told of the record, when the decision is what its actor acted by.
fn resting_record(entry: &Entry, mark: &str, reach: &Reach) -> Result<Option<RestingRecord>, Failure> {
    let envelope = entry.envelope().map_err(LedgerError::from)?;
    let through = envelope.actor.through.as_ref();
    let acted = envelope.actor.role.split_once(mark).map(|(_, rest)| rest);
    let rests = through.is_some_and(|through| through.kind == "MINUTES")
        && acted.is_some_and(|rest| rest.is_empty() || rest.starts_with(", "));
    let read = reach
        .decided_by
        .as_deref()
        .is_none_or(|day| *envelope.effective_date <= *day);
    Ok((rests && read).then(|| RestingRecord {
        position: entry.position,
        stream: entry.stream.clone(),
        r#type: entry.event_type.clone(),
        effective_date: envelope.effective_date.into_owned(),
        subject: envelope.actor.subject.into_owned(),
        recorded_at: Some(timestamp(entry.recorded_at)),
    }))
}

impl Answer for ListBodyDecisions {
    type Reply = BodyDecisionList;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<BodyDecisionList, Failure> {
        let part = Part {
            as_of: self.as_of,
            at_least: self.at_least,
            page_token: self.page_token,
            page_size: self.page_size,
        };
        let mut decided = Vec::new();
        let Page {
            items,
            next_page_token,
            position,
        } = state_page(
            service,
            caller,
            &self.organization_id,
            part,
            |organization: &Organization| {
                let meetings = organization
                    .meetings
                    .iter()
                    .filter(|meeting| meeting.is_of(&self.body_id));
                let read = meetings.map(|meeting| {
                    let decisions = domain::decisions_in(organization, meeting, self.closed, self.urgent);
                    (meeting, decisions)
                });
                let (meetings, decisions): (Vec<&Meeting>, Vec<_>) =
                    read.filter(|(_, decisions)| !decisions.is_empty()).unzip();
                decided = decisions.into_iter().flatten().collect();
                meetings
            },
        )
        .await?;
        let on_page: HashSet<&str> = items.iter().map(|meeting| meeting.meeting_id.as_str()).collect();
        decided.retain(|decision: &BodyDecision| on_page.contains(decision.meeting_id.as_str()));
        Ok(BodyDecisionList {
            decisions: decided,
            next_page_token,
            position,
        })
    }
}
