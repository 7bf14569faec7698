//! What is found in one project, organisation or register, and since when, cut into pages.

use std::sync::Arc;

use time::OffsetDateTime;

use super::Answer;
use super::reading::{self, PageToken, Part, page_size, reached};
use super::states::timestamp;
use crate::api::failure::Failure;
use crate::api::histories::{Found, Standing};
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::domain::{self, Aggregated, Facts, Stream, Suspicion};
use crate::ledger::Reach;
use crate::schema::v1::*;

/// A request for findings, and what they are found in.
macro_rules! findings {
    ($of:ident($id:ident), $request:ident, $find:path) => {
        impl Answer for $request {
            type Reply = FindingList;

            async fn answer(self, service: &Service, caller: &Caller) -> Result<FindingList, Failure> {
                let part = Part {
                    as_of: self.as_of,
                    at_least: self.at_least,
                    page_token: self.page_token,
                    page_size: self.page_size,
                };
                findings::<$of>(service, caller, &self.$id, part, $find).await
            }
        }
    };
}

findings!(Project(project_id), ListFindings, domain::findings);
findings!(
    Organization(organization_id),
    ListOrganizationFindings,
    domain::organization_findings
);
findings!(
    ProposalRegister(proposal_register_id),
    ListProposalFindings,
    domain::proposal_findings
);

/// What the rules find in the state of the stream of this kind and id. Every page after the first is of the position that the first one
/// was of, and seen on the same day.
async fn findings<S: Aggregated + Send + Sync + 'static>(
    service: &Service,
    caller: &Caller,
    id: &str,
    part: Part,
    find: fn(&S, &str) -> Vec<Suspicion>,
) -> Result<FindingList, Failure> {
    let stream = Stream::of::<S>(id);
    let (reach, today, offset, beside) = match PageToken::of(&part.page_token)? {
        Some(token) => {
            reached(service, caller, part.at_least).await?;
            let (reach, today) = going_on(service, caller, &token).await?;
            let beside = beside::<S>(service, caller, id, (&reach, &today)).await?;
            (reach, today, token.offset, beside)
        }
        None => {
            let reading = reading::state::<S>(service, caller, id, part.as_of, part.at_least).await?;
            let (reach, today) = (reading.reach.clone(), reading.today.clone());
            let beside = beside::<S>(service, caller, id, (&reach, &today)).await?;
            let asked = (caller.tenant.as_str(), &stream);
            if beside.is_empty() && !service.histories().has_walked(asked, (&reach, &today)) {
                let nothing = move |state: &S, today: &str| Ok(find(state, today).is_empty());
                // Nothing is found, so nothing has been there since anything.
                if reading.answer(service, caller, nothing).await? {
                    return Ok(FindingList {
                        position: reading.position(),
                        ..FindingList::default()
                    });
                }
            }
            (reach, today, 0, beside)
        }
    };
    let found = found::<S>(service, caller, id, (&reach, &today)).await?;
    let found = found.ok_or_else(|| reading::not_found(&stream.to_string(), &reach))?;
    let count = found.all.len() + beside.len();
    let all = found.all.iter().map(|standing| told(standing, &stream)).chain(beside);
    let (mut findings, next) = cut(all, (offset, page_size(part.page_size), count));
    add_times(service, caller, &mut findings).await?;
    Ok(FindingList {
        findings,
        position: found.position,
        next_page_token: next
            .map(|offset| PageToken::write((found.position, offset), &found.known, &reach, Some(&today)))
            .unwrap_or_default(),
    })
}

/// What is found where a stream is held against others.
async fn beside<S: Aggregated>(
    service: &Service,
    caller: &Caller,
    id: &str,
    seen: (&Reach, &str),
) -> Result<Vec<Finding>, Failure> {
    match S::AGGREGATE {
        Aggregate::Project => minuted(service, caller, id, seen).await,
        _ => Ok(Vec::new()),
    }
}

/// What is found where the decisions of the project are held against the minutes of the bodies that made them (V3, V11), seen on a day.
/// It rests on several streams: it has been there since the last of the events that it rests on.
pub(super) async fn minuted(
    service: &Service,
    caller: &Caller,
    project_id: &str,
    (reach, today): (&Reach, &str),
) -> Result<Vec<Finding>, Failure> {
    let as_of = AsOf {
        point: reach.position.map(as_of::Point::Position),
        effective_date: reach.decided_by.clone(),
    };
    let (asked, of, today) = (project_id.to_owned(), project_id.to_owned(), today.to_owned());
    let streams = move |facts: &Facts<'_>| domain::streams_of_minuted(&asked, facts);
    let suspicions = reading::together(service, caller, (Some(as_of), 0), streams, move |facts, point| {
        let project = point.require::<Project>(facts, &of)?;
        Ok(domain::minuted_findings(project, facts, &today))
    })
    .await?;
    let stream = Stream::project(project_id).to_string();
    Ok(suspicions.into_iter().map(|found| resting(found, &stream)).collect())
}

/// What rests on several streams: it has been there since the last of the events that it rests on, whose time is still to be added.
pub(super) fn resting(found: Suspicion, stream: &str) -> Finding {
    let since = found.events.iter().max().copied().unwrap_or_default();
    finding(found, stream, since, None)
}

/// Adds the times since which what rests on several streams has been there.
pub(super) async fn add_times(service: &Service, caller: &Caller, findings: &mut [Finding]) -> Result<(), Failure> {
    for finding in findings.iter_mut().filter(|finding| finding.since.is_none()) {
        let record = service
            .ledger()
            .record_at(&caller.tenant, finding.since_position)
            .await?;
        finding.since = record.map(|record| timestamp(record.recorded_at));
    }
    Ok(())
}

/// What is read for a page after the first, and the day that the first one was seen on.
pub(super) async fn going_on(
    service: &Service,
    caller: &Caller,
    token: &PageToken,
) -> Result<(Reach, String), Failure> {
    token.require(service, caller).await?;
    let today = token.seen.clone().ok_or_else(PageToken::foreign)?;
    let reach = Reach {
        position: token.position(),
        decided_by: token.as_of.effective_date.clone(),
    };
    Ok((reach, today))
}

/// What the rules find in the stream of this kind and id as far as it is read, seen on a day, each with since when it was there: a
/// finding is as old as the event since which it was there all along. None when nothing is recorded there.
pub(super) async fn found<S: Aggregated>(
    service: &Service,
    caller: &Caller,
    id: &str,
    seen: (&Reach, &str),
) -> Result<Option<Arc<Found>>, Failure> {
    let (stream, ledger) = (Stream::of::<S>(id), service.ledger());
    let asked = (caller.tenant.as_str(), &stream);
    let found = service.histories().findings(ledger, asked, seen).await?;
    Ok(found.filter(|found| found.position > 0))
}

/// The part of all findings that a page shows, `(offset, size, how many there are)`, and where the next page begins.
pub(super) fn cut(all: impl Iterator<Item = Finding>, page: (usize, i32, usize)) -> (Vec<Finding>, Option<usize>) {
    let (offset, size, count) = page;
    let size = usize::try_from(size).unwrap_or_default();
    let end = offset.saturating_add(size);
    (all.skip(offset).take(size).collect(), (end < count).then_some(end))
}

/// A finding in a stream that was walked, as the API answers with it.
pub(super) fn told(standing: &Standing, stream: &Stream) -> Finding {
    let name = stream.to_string();
    finding(standing.found.clone(), &name, standing.position, Some(standing.time))
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
