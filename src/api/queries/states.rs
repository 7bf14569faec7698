//! Readings of one project or organisation as a whole, and its findings.

use prost_types::Timestamp;
use time::OffsetDateTime;

use super::Answer;
use super::reading;
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::domain::{self, Aggregated, Facts, Stream, Suspicion};
use crate::ledger::Reach;
use crate::schema::v1::*;

impl Answer for GetProject {
    type Reply = Project;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<Project, Failure> {
        reading::project(service, caller, &self.project_id, self.as_of, self.at_least)
            .await?
            .whole(service, caller)
            .await
    }
}

impl Answer for GetOrganization {
    type Reply = Organization;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<Organization, Failure> {
        reading::organization(service, caller, &self.organization_id, self.as_of, self.at_least)
            .await?
            .whole(service, caller)
            .await
    }
}

impl Answer for GetBudget {
    type Reply = BudgetReading;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<BudgetReading, Failure> {
        let reading = reading::project(service, caller, &self.project_id, self.as_of, self.at_least).await?;
        reading
            .answer(service, caller, |project, _| Ok(domain::budget_reading(project)))
            .await
    }
}

impl Answer for GetGantt {
    type Reply = GanttReading;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<GanttReading, Failure> {
        let granularity = self.granularity();
        let reading = reading::project(service, caller, &self.project_id, self.as_of, self.at_least).await?;
        reading
            .answer(service, caller, move |project, _| {
                Ok(domain::gantt_reading(project, granularity))
            })
            .await
    }
}

impl Answer for ListFindings {
    type Reply = FindingList;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<FindingList, Failure> {
        let id = &self.project_id;
        let as_of = self.as_of.clone();
        let mut list = findings(service, caller, id, self.as_of, self.at_least, domain::findings).await?;
        list.findings.extend(minuted(service, caller, id, as_of, None).await?);
        Ok(list)
    }
}

/// What is found where the decisions of the project are held against the minutes of the bodies that made them (V3, V11), seen on a day
/// or on the one that it is read as of.
pub(super) async fn minuted(
    service: &Service,
    caller: &Caller,
    project_id: &str,
    as_of: Option<AsOf>,
    seen_on: Option<String>,
) -> Result<Vec<Finding>, Failure> {
    let (asked, of) = (project_id.to_owned(), project_id.to_owned());
    let streams = move |facts: &Facts<'_>| domain::streams_of_minuted(&asked, facts);
    let suspicions = reading::together(service, caller, (as_of, 0), streams, move |facts, point| {
        let project = point.require::<Project>(facts, &of)?;
        let today = seen_on.as_ref().unwrap_or(&point.today);
        Ok(domain::minuted_findings(project, facts, today))
    })
    .await?;
    let stream = Stream::project(project_id).to_string();
    since_the_last_event(service, caller, &stream, suspicions).await
}

/// What rests on several streams: it has been there since the last of the events that it rests on.
pub(super) async fn since_the_last_event(
    service: &Service,
    caller: &Caller,
    stream: &str,
    suspicions: Vec<Suspicion>,
) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for found in suspicions {
        let since_position = found.events.iter().max().copied().unwrap_or_default();
        let record = service.ledger().record_at(&caller.tenant, since_position).await?;
        let since = record.map(|record| record.recorded_at);
        findings.push(finding(found, stream, since_position, since));
    }
    Ok(findings)
}

/// To tell so many findings takes as long as a few commands.
const MANY_FINDINGS: usize = 500;

/// What the rules find in the state of the stream of this kind and id.
pub(super) async fn findings<S: Aggregated + Send + Sync + 'static>(
    service: &Service,
    caller: &Caller,
    id: &str,
    as_of: Option<AsOf>,
    at_least: i64,
    find: fn(&S, &str) -> Vec<Suspicion>,
) -> Result<FindingList, Failure> {
    let reading = reading::state::<S>(service, caller, id, as_of, at_least).await?;
    let (reach, position) = (reading.reach.clone(), reading.position());
    let stands = reading
        .answer(service, caller, move |state, today| Ok(!find(state, today).is_empty()))
        .await?;
    if !stands {
        // Nothing is found, so nothing has been there since anything.
        let findings = Vec::new();
        return Ok(FindingList { findings, position });
    }
    let (findings, position) = found(service, caller, id, (&reach, &reading.today), find).await?;
    Ok(FindingList { findings, position })
}

/// What the rules find in the stream of this kind and id as far as it is read, seen on a day, each with since when it was there: a
/// finding is as old as the event since which it was there all along. Answers, too, how far the stream was read.
pub(super) async fn found<S: Aggregated + Send + Sync + 'static>(
    service: &Service,
    caller: &Caller,
    id: &str,
    (reach, today): (&Reach, &str),
    find: fn(&S, &str) -> Vec<Suspicion>,
) -> Result<(Vec<Finding>, i64), Failure> {
    let (stream, ledger) = (Stream::of::<S>(id), service.ledger());
    let (asked, seen) = ((caller.tenant.as_str(), &stream), (reach, today));
    let walked = service.histories().findings(ledger, asked, seen, find).await?;
    let Some((reading, standing)) = walked else {
        return Ok((Vec::new(), 0));
    };
    let is_long = standing.len() > MANY_FINDINGS;
    let tell = move || {
        let name = stream.to_string();
        let findings = standing
            .iter()
            .map(|standing| finding(standing.found.clone(), &name, standing.position, Some(standing.time)));
        (findings.collect(), reading.state.position())
    };
    Ok(ledger.long().when(is_long, &caller.tenant, tell).await?)
}

/// A finding in a stream, as the API answers with it, and since when it was there.
fn finding(found: Suspicion, stream: &str, position: i64, since: Option<OffsetDateTime>) -> Finding {
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
