//! Readings of a programme, and of its projects together with it.

use super::Answer;
use super::findings::{add_times, cut, found, going_on, minuted, resting, told};
use super::reading::{self, PageToken, page_size};
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
        let (as_of, day, offset) = match PageToken::of(&self.page_token)? {
            Some(token) => {
                let (_, today) = going_on(service, caller, &token).await?;
                (Some(token.as_of), Some(today), token.offset)
            }
            None => (self.as_of, None, 0),
        };
        let (asked, of) = (self.programme_id.clone(), self.programme_id.clone());
        let streams = move |facts: &Facts<'_>| domain::streams_of_programme(&asked, facts);
        let asked = (as_of, self.at_least);
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
        let (reach, today) = (seen.0, day.unwrap_or(seen.1));
        let stream = Stream::of::<Programme>(&self.programme_id).to_string();
        let own: Vec<Finding> = suspicions.into_iter().map(|found| resting(found, &stream)).collect();
        let mut in_projects = Vec::new();
        for id in projects {
            let found = found::<Project>(service, caller, &id, (&reach, &today)).await?;
            let minuted = minuted(service, caller, &id, (&reach, &today)).await?;
            in_projects.extend(found.map(|found| (Stream::project(&id), found, minuted)));
        }
        let of_projects = in_projects
            .iter()
            .map(|(_, found, minuted)| found.all.len() + minuted.len());
        let count = own.len() + of_projects.sum::<usize>();
        let of_projects = in_projects.iter().flat_map(|(stream, found, minuted)| {
            let all = found.all.iter().map(move |standing| told(standing, stream));
            all.chain(minuted.iter().cloned())
        });
        let (mut findings, next) = cut(
            own.into_iter().chain(of_projects),
            (offset, page_size(self.page_size), count),
        );
        add_times(service, caller, &mut findings).await?;
        let mut next_page_token = String::new();
        if let (Some(offset), Some(head)) = (next, reading::head(service, caller).await?) {
            let position = reach.position.unwrap_or(head.known.position);
            next_page_token = PageToken::write((position, offset), &head.known, &reach, Some(&today));
        }
        Ok(FindingList {
            findings,
            position,
            next_page_token,
        })
    }
}
