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

/// What the rules find in the state of the stream of this kind and id, each with since when it was there.
pub(super) async fn findings<S: Aggregated + Send + Sync>(
    service: &Service,
    caller: &Caller,
    id: &str,
    as_of: Option<AsOf>,
    at_least: i64,
    find: fn(&S, &str) -> Vec<Suspicion>,
) -> Result<FindingList, Failure> {
    let reading = reading::state::<S>(service, caller, id, as_of, at_least).await?;
    let suspicions = find(reading.get()?, &reading.today);
    // Since when: the history is walked once more, and a finding is as old as the event since which it was there all along.
    let mut since: HashMap<(&'static str, Vec<String>), (i64, OffsetDateTime)> = HashMap::new();
    let stream = Stream::of::<S>(id).to_string();
    service
        .ledger()
        .walk(&caller.tenant, &stream, &reading.reach, |entry, state| {
            let Some(state) = S::of(state) else { return };
            let standing = find(state, &reading.today)
                .into_iter()
                .map(|found| (found.code, found.entities));
            since = standing
                .map(|key| {
                    (
                        key.clone(),
                        since.get(&key).copied().unwrap_or((entry.position, entry.recorded_at)),
                    )
                })
                .collect();
        })
        .await?;
    let findings = suspicions.into_iter().map(|found| {
        let began = since.get(&(found.code, found.entities.clone()));
        Finding {
            code: found.code.to_owned(),
            severity: found.severity.into(),
            description: found.description,
            since_position: began.map_or(0, |(position, _)| *position),
            since: began.map(|(_, time)| timestamp(*time)),
            entities: found.entities,
            events: found.events,
        }
    });
    Ok(FindingList {
        findings: findings.collect(),
        position: reading.position(),
    })
}

/// A time as protobuf writes it.
pub(super) fn timestamp(time: OffsetDateTime) -> Timestamp {
    Timestamp {
        seconds: time.unix_timestamp(),
        nanos: i32::try_from(time.nanosecond()).unwrap_or_default(),
    }
}
