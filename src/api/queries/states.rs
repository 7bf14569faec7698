//! Readings of one project or organisation as a whole, and its findings.

use std::collections::HashMap;

use prost_types::Timestamp;
use time::OffsetDateTime;

use super::Answer;
use super::reading;
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::domain::{self, Aggregated, Stream, Suspicion};
use crate::ledger::Reach;
use crate::schema::v1::*;

impl Answer for GetProject {
    type Reply = Project;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<Project, Failure> {
        reading::project(service, caller, &self.project_id, self.as_of, self.at_least)
            .await?
            .get()
            .cloned()
    }
}

impl Answer for GetOrganization {
    type Reply = Organization;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<Organization, Failure> {
        reading::organization(service, caller, &self.organization_id, self.as_of, self.at_least)
            .await?
            .get()
            .cloned()
    }
}

impl Answer for GetBudget {
    type Reply = BudgetReading;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<BudgetReading, Failure> {
        let reading = reading::project(service, caller, &self.project_id, self.as_of, self.at_least).await?;
        Ok(domain::budget_reading(reading.get()?))
    }
}

impl Answer for GetGantt {
    type Reply = GanttReading;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<GanttReading, Failure> {
        let reading = reading::project(service, caller, &self.project_id, self.as_of.clone(), self.at_least).await?;
        Ok(domain::gantt_reading(reading.get()?, self.granularity()))
    }
}

impl Answer for ListFindings {
    type Reply = FindingList;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<FindingList, Failure> {
        findings(
            service,
            caller,
            &self.project_id,
            self.as_of,
            self.at_least,
            domain::findings,
        )
        .await
    }
}

/// What the rules find in the state of the stream of this kind and id.
pub(super) async fn findings<S: Aggregated + Send + Sync>(
    service: &Service,
    caller: &Caller,
    id: &str,
    as_of: Option<AsOf>,
    at_least: i64,
    find: fn(&S, &str) -> Vec<Suspicion>,
) -> Result<FindingList, Failure> {
    let reading = reading::state::<S>(service, caller, id, as_of, at_least).await?;
    // What is recorded while the history is walked is in neither.
    let reach = Reach {
        position: Some(reading.position()),
        ..reading.reach.clone()
    };
    Ok(FindingList {
        findings: found(service, caller, id, (&reach, &reading.today), find).await?,
        position: reading.position(),
    })
}

/// What the rules find in the stream of this kind and id as far as it is read, seen on a day, each with since when it was there.
pub(super) async fn found<S: Aggregated + Send + Sync>(
    service: &Service,
    caller: &Caller,
    id: &str,
    (reach, today): (&Reach, &str),
    find: fn(&S, &str) -> Vec<Suspicion>,
) -> Result<Vec<Finding>, Failure> {
    let stream = Stream::of::<S>(id).to_string();
    // The history is walked: a finding is as old as the event since which it was there all along.
    let mut standing: Vec<(Suspicion, i64, OffsetDateTime)> = Vec::new();
    service
        .ledger()
        .walk(&caller.tenant, &stream, reach, |entry, state| {
            let Some(state) = S::of(state) else { return };
            let mut since: HashMap<(&'static str, Vec<String>), (i64, OffsetDateTime)> = HashMap::new();
            since.extend(
                std::mem::take(&mut standing)
                    .into_iter()
                    .map(|(found, position, time)| ((found.code, found.entities), (position, time))),
            );
            standing = find(state, today)
                .into_iter()
                .map(|found| {
                    let key = (found.code, found.entities.clone());
                    let (position, time) = since.get(&key).copied().unwrap_or((entry.position, entry.recorded_at));
                    (found, position, time)
                })
                .collect();
        })
        .await?;
    let findings = standing.into_iter();
    Ok(findings
        .map(|(found, position, time)| finding(found, &stream, position, Some(time)))
        .collect())
}

/// A finding in a stream, as the API answers with it, and since when it was there.
pub(super) fn finding(found: Suspicion, stream: &str, position: i64, since: Option<OffsetDateTime>) -> Finding {
    Finding {
        code: found.code.to_owned(),
        severity: found.severity.into(),
        description: found.description,
        entities: found.entities,
        events: found.events,
        since_position: position,
        since: since.map(timestamp),
        stream: stream.to_owned(),
    }
}

/// A time as protobuf writes it.
pub(super) fn timestamp(time: OffsetDateTime) -> Timestamp {
    Timestamp {
        seconds: time.unix_timestamp(),
        nanos: i32::try_from(time.nanosecond()).unwrap_or_default(),
    }
}
