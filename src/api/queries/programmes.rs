//! Readings of a programme, and of its projects together with it.

use super::Answer;
use super::reading;
use super::states::{found, minuted, since_the_last_event};
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::domain::{self, Facts, Stream};
use crate::schema::v1::*;

impl Answer for GetProgramme {
    type Reply = Programme;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<Programme, Failure> {
        reading::state(service, caller, &self.programme_id, self.as_of, self.at_least)
            .await?
            .whole(service, caller)
            .await
    }
}

impl Answer for GetPortfolio {
    type Reply = PortfolioReading;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<PortfolioReading, Failure> {
        let id = self.programme_id;
        let asked = id.clone();
        let streams = move |facts: &Facts<'_>| domain::streams_of_programme(&asked, facts);
        reading::together(
            service,
            caller,
            (self.as_of, self.at_least),
            streams,
            move |facts, point| Ok(domain::portfolio_reading(point.require(facts, &id)?, facts)),
        )
        .await
    }
}

impl Answer for ListProgrammeFindings {
    type Reply = FindingList;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<FindingList, Failure> {
        let id = self.programme_id;
        let (asked, of) = (id.clone(), id.clone());
        let streams = move |facts: &Facts<'_>| domain::streams_of_programme(&asked, facts);
        let asked = (self.as_of, self.at_least);
        let (suspicions, projects, seen, position) =
            reading::together(service, caller, asked, streams, move |facts, point| {
                let programme = point.require::<Programme>(facts, &of)?;
                let read = domain::streams_of_programme(&of, facts);
                let read = read.iter().filter_map(|stream| facts.position(stream)).max();
                let found = domain::programme_findings(programme, facts);
                let projects = domain::projects_of_programme(programme, facts);
                Ok((found, projects, point.seen(), read.unwrap_or_default()))
            })
            .await?;
        let stream = Stream::of::<Programme>(&id).to_string();
        let mut findings = since_the_last_event(service, caller, &stream, suspicions).await?;
        let (reach, today) = seen;
        let as_of = AsOf {
            point: reach.position.map(as_of::Point::Position),
            effective_date: reach.decided_by.clone(),
        };
        for project in projects {
            let (in_project, _) = found(service, caller, &project, (&reach, &today), domain::findings).await?;
            findings.extend(in_project);
            let (as_of, seen_on) = (Some(as_of.clone()), Some(today.clone()));
            findings.extend(minuted(service, caller, &project, as_of, seen_on).await?);
        }
        Ok(FindingList { findings, position })
    }
}
