//! Proves since when findings are said to stand: as the whole history says when it is walked state by state, however often it was asked
//! about before, from whichever point, and in pages of whichever size.

use std::collections::{BTreeSet, HashMap};

use vedtak::clock;
use vedtak::domain::{self, Aggregated, Standing, State, Suspicion};
use vedtak::schema::v1::*;

use super::doors::{Door, Doors};
use super::replay::{History, records};
use super::sequence::Sequence;
use crate::support::{Server, scale};

/// What is found, where, and the position since which it stands.
type Found = Vec<(String, Vec<String>, i64)>;

/// Everything that is found in a state, seen on a day.
pub fn found(state: &State, today: &str) -> Vec<Suspicion> {
    if let Some(project) = Project::of(state) {
        return domain::findings(project, today);
    }
    if let Some(organization) = Organization::of(state) {
        return domain::organization_findings(organization, today);
    }
    ProposalRegister::of(state).map_or_else(Vec::new, |register| domain::proposal_findings(register, today))
}

/// The slow and obvious way, for one record: what is found after it, and was before, stands since then; what was not, since this record.
pub fn one_by_one(before: &[Standing], found: Vec<Suspicion>, position: i64) -> Vec<Standing> {
    let since: HashMap<(&str, &[String]), i64> = before
        .iter()
        .map(|standing| {
            let found = &standing.found;
            ((found.code, found.entities.as_slice()), standing.since)
        })
        .collect();
    let found = found.into_iter().map(|found| {
        let since = since.get(&(found.code, found.entities.as_slice())).copied();
        Standing {
            since: since.unwrap_or(position),
            found,
        }
    });
    found.collect()
}

/// The slow way, for a whole history.
fn walked<'a>(states: impl Iterator<Item = (i64, &'a State)>, today: &str) -> Found {
    let standing = states.fold(Vec::new(), |before, (position, state)| {
        one_by_one(&before, found(state, today), position)
    });
    let standing = standing.into_iter();
    standing
        .map(|standing| (standing.found.code.to_owned(), standing.found.entities, standing.since))
        .collect()
}

/// One page of the findings in a stream; none when the stream has no list of them.
async fn page(doors: &Doors, stream: &str, as_of: Option<AsOf>, page: (i32, String)) -> Option<FindingList> {
    let (kind, id) = stream.split_once('/').unwrap();
    let (id, at_least) = (id.to_owned(), 0);
    let (page_size, page_token) = page;
    let list = match kind {
        "project" => {
            let ask = ListFindings {
                project_id: id,
                as_of,
                at_least,
                page_size,
                page_token,
            };
            doors.call(Door::Grpc, "ListFindings", &ask).await
        }
        "organization" => {
            let ask = ListOrganizationFindings {
                organization_id: id,
                as_of,
                at_least,
                page_size,
                page_token,
            };
            doors.call(Door::Grpc, "ListOrganizationFindings", &ask).await
        }
        "proposal_register" => {
            let ask = ListProposalFindings {
                proposal_register_id: id,
                as_of,
                at_least,
                page_size,
                page_token,
            };
            doors.call(Door::Grpc, "ListProposalFindings", &ask).await
        }
        _ => return None,
    };
    Some(list.unwrap())
}

/// What is answered, page by page; none when the stream has no list of findings.
async fn answered(doors: &Doors, stream: &str, position: Option<i64>, page_size: i32) -> Option<Found> {
    let as_of = position.map(|position| AsOf {
        point: Some(as_of::Point::Position(position)),
        ..AsOf::default()
    });
    let first = page(doors, stream, as_of, (page_size, String::new())).await?;
    let (read, mut next) = (first.position, first.next_page_token);
    let mut all = first.findings;
    while !next.is_empty() {
        let more = page(doors, stream, None, (page_size, next)).await?;
        assert_eq!(more.position, read, "every page is of the same position");
        all.extend(more.findings);
        next = more.next_page_token;
    }
    let found = all.into_iter();
    Some(
        found
            .map(|found| (found.code, found.entities, found.since_position))
            .collect(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn since_when_a_finding_stands_is_what_the_whole_history_says_however_often_it_is_asked() {
    let server = Server::start().await;
    let (mut asked, mut told) = (0, 0);
    for seed in 1..=6 * scale() as u64 {
        let tenant = format!("findings-{seed}");
        let mut sequence = Sequence::begin(seed, &tenant, [&server, &server]).await;
        // Asked again and again while the history grows, so that what was found before is built on.
        for round in 0..12 {
            for _ in 0..8 {
                sequence.step().await;
            }
            let records = records(&sequence.readers).await;
            let (head, today) = (records.last().map_or(0, |record| record.position), clock::today());
            let history = History::of(&tenant, &records);
            let streams: BTreeSet<&str> = records.iter().map(|record| record.stream.as_str()).collect();
            for stream in streams {
                let first = records.iter().find(|record| record.stream == stream).unwrap().position;
                for position in [None, Some(first.midpoint(head)), Some(head)] {
                    let page_size = [0, 1, 4][round % 3];
                    let Some(found) = answered(&sequence.readers[0], stream, position, page_size).await else {
                        continue;
                    };
                    let own = walked(history.states(stream, position.unwrap_or(head)), &today);
                    assert_eq!(found, own, "VEDTAK_TEST_SEED={seed}: {stream} as of {position:?}");
                    asked += 1;
                    told += found.len();
                }
            }
        }
    }
    assert!(told > 100, "{asked} questions were answered with {told} findings");
}
