//! Proves since when findings are said to stand: as the whole history says when it is walked step by step, however often it was asked
//! about before, and from whichever point.

use std::collections::{BTreeSet, HashMap};

use vedtak::clock;
use vedtak::domain::{self, Aggregated, State, Suspicion};
use vedtak::ledger::{Envelope, Judge};
use vedtak::rules::Rules;
use vedtak::schema::v1::*;

use super::doors::{Door, Doors};
use super::replay::records;
use super::sequence::Sequence;
use crate::support::{Server, scale};

/// What is found, where, and the position since which it stands.
type Found = Vec<(String, Vec<String>, i64)>;

/// The slow way: all findings after each record.
fn walked(records: &[Record], stream: &str, up_to: i64, today: &str) -> Found {
    let mut state = Rules.empty(stream).unwrap();
    let mut standing: Vec<(Suspicion, i64)> = Vec::new();
    for record in records
        .iter()
        .filter(|record| record.stream == stream && record.position <= up_to)
    {
        let envelope = Envelope::parse(record.record.as_bytes()).unwrap();
        let event = Rules.read(&envelope.event_type, envelope.data.get()).unwrap();
        let at = envelope.standing();
        Rules.fold(&mut state, &event, &at).unwrap();
        let since: HashMap<_, _> = standing
            .into_iter()
            .map(|(found, since)| ((found.code, found.entities), since))
            .collect();
        standing = found(&state, today)
            .into_iter()
            .map(|found| {
                let since = since.get(&(found.code, found.entities.clone())).copied();
                (found, since.unwrap_or(record.position))
            })
            .collect();
    }
    standing
        .into_iter()
        .map(|(found, since)| (found.code.to_owned(), found.entities, since))
        .collect()
}

fn found(state: &State, today: &str) -> Vec<Suspicion> {
    if let Some(project) = Project::of(state) {
        return domain::findings(project, today);
    }
    if let Some(organization) = Organization::of(state) {
        return domain::organization_findings(organization, today);
    }
    ProposalRegister::of(state).map_or_else(Vec::new, |register| domain::proposal_findings(register, today))
}

/// What is answered; none when the stream has no list of findings.
async fn answered(doors: &Doors, stream: &str, position: Option<i64>) -> Option<Found> {
    let (kind, id) = stream.split_once('/').unwrap();
    let (id, at_least) = (id.to_owned(), 0);
    let as_of = position.map(|position| AsOf {
        point: Some(as_of::Point::Position(position)),
        ..AsOf::default()
    });
    let list: Result<FindingList, _> = match kind {
        "project" => {
            let ask = ListFindings {
                project_id: id,
                as_of,
                at_least,
            };
            doors.call(Door::Grpc, "ListFindings", &ask).await
        }
        "organization" => {
            let ask = ListOrganizationFindings {
                organization_id: id,
                as_of,
                at_least,
            };
            doors.call(Door::Grpc, "ListOrganizationFindings", &ask).await
        }
        "proposal_register" => {
            let ask = ListProposalFindings {
                proposal_register_id: id,
                as_of,
                at_least,
            };
            doors.call(Door::Grpc, "ListProposalFindings", &ask).await
        }
        _ => return None,
    };
    let list = list.unwrap();
    let found = list.findings.into_iter();
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
        for _ in 0..12 {
            for _ in 0..8 {
                sequence.step().await;
            }
            let records = records(&sequence.readers).await;
            let (head, today) = (records.last().map_or(0, |record| record.position), clock::today());
            let streams: BTreeSet<&str> = records.iter().map(|record| record.stream.as_str()).collect();
            for stream in streams {
                let first = records.iter().find(|record| record.stream == stream).unwrap().position;
                for position in [None, Some(first.midpoint(head)), Some(head)] {
                    let Some(found) = answered(&sequence.readers[0], stream, position).await else {
                        continue;
                    };
                    let own = walked(&records, stream, position.unwrap_or(head), &today);
                    assert_eq!(found, own, "VEDTAK_TEST_SEED={seed}: {stream} as of {position:?}");
                    asked += 1;
                    told += found.len();
                }
            }
        }
    }
    assert!(told > 100, "{asked} questions were answered with {told} findings");
}
