//! What an agreement says, and what of it cannot be.

use std::collections::{HashMap, HashSet};

use super::super::{Facts, Refusal, Stream};
use crate::schema::v1::*;

/// All shares of the costs together, in hundredths of a percent.
const WHOLE: i64 = 10_000;

impl AgreementTerms {
    /// Every obligation with the party that has it.
    pub(super) fn obligations(&self) -> impl Iterator<Item = (&AgreementParty, &AgreementObligation)> {
        let parties = self.parties.iter();
        parties.flat_map(|party| party.obligations.iter().map(move |obligation| (party, obligation)))
    }

    /// The first and the last day; no last day while it is open.
    pub(super) fn days(&self) -> (&str, Option<&str>) {
        self.period
            .as_ref()
            .map_or(("", None), |period| (&period.from, period.to.as_deref()))
    }

    fn check_purpose(&self, facts: &Facts<'_>) -> Result<(), Refusal> {
        if self.project_ids.is_empty() && self.programme_id.is_none() {
            let problem = "The agreement is for no project and no programme.";
            return Err(Refusal::invalid("terms.project_ids", "PURPOSE_MISSING", problem)
                .mend("Name the projects or the programme that it is for."));
        }
        for id in &self.project_ids {
            facts.project(id).ok_or_else(|| Refusal::not_found("project", id))?;
        }
        if let Some(id) = &self.programme_id {
            let programme: Option<&Programme> = facts.state(id);
            programme.ok_or_else(|| Refusal::not_found("programme", id))?;
        }
        Ok(())
    }

    fn check_parties(&self, facts: &Facts<'_>) -> Result<(), Refusal> {
        let (mut ids, mut numbers) = (HashSet::new(), HashSet::new());
        for party in &self.parties {
            let Some(organization) = &party.organization else {
                continue;
            };
            organization.check("terms.parties.organization", |id| facts.organization(id))?;
            if !ids.insert(&party.party_id) || !numbers.insert(&organization.organization_number) {
                let problem = format!("{} stands among the parties twice.", organization.name);
                return Err(Refusal::invalid("terms.parties", "PARTY_REPEATED", problem)
                    .mend("Name each organisation once, with an id of its own."));
            }
        }
        let shares: i64 = self.parties.iter().map(|party| i64::from(party.cost_share)).sum();
        if shares > WHOLE {
            let problem = format!("The shares of the costs add up to {} %.", percent(shares));
            return Err(Refusal::invalid("terms.parties", "COST_SHARES_EXCEED_WHOLE", problem)
                .mend("Give shares that add up to 100 % at the most, which is 10000."));
        }
        Ok(())
    }

    fn check_obligations(&self) -> Result<(), Refusal> {
        let mut ids = HashSet::new();
        for (_, obligation) in self.obligations() {
            if !ids.insert(&obligation.obligation_id) {
                let problem = format!("The obligation {} stands twice.", obligation.obligation_id);
                return Err(
                    Refusal::invalid("terms.parties.obligations", "OBLIGATION_REPEATED", problem)
                        .mend("Give each obligation an id of its own."),
                );
            }
            obligation.check()?;
        }
        Ok(())
    }
}

impl AgreementObligation {
    /// Money has an amount, people have posts, and nothing else has either.
    fn check(&self) -> Result<(), Refusal> {
        let field = "terms.parties.obligations";
        if (self.kind() == ObligationKind::Money) != self.amount.is_some() {
            return Err(Refusal::invalid(
                field,
                "AMOUNT_OUT_OF_PLACE",
                "Money has an amount, and nothing else has one.",
            )
            .mend("Give the amount of money that is promised, if only as unknown; leave it out otherwise."));
        }
        if self.full_time_hundredths.is_some() && self.kind() != ObligationKind::People {
            return Err(Refusal::invalid(
                field,
                "POSTS_OUT_OF_PLACE",
                "Only people are counted in full-time equivalents.",
            )
            .mend("Leave `full_time_hundredths` out, or give the kind as people."));
        }
        let amount = self.amount.as_ref();
        amount.map_or(Ok(()), |amount| amount.check(&format!("{field}.amount")))
    }
}

impl AgreementParty {
    pub(super) fn name(&self) -> &str {
        self.organization.as_ref().map_or("", |organization| &organization.name)
    }

    fn number(&self) -> &str {
        self.organization
            .as_ref()
            .map_or("", |organization| &organization.organization_number)
    }
}

impl Agreement {
    /// A party and an obligation that go on keep their ids, so an id never comes to mean another one.
    pub(super) fn require_same_ids(&self, terms: Option<&AgreementTerms>) -> Result<(), Refusal> {
        let earlier = || self.editions.iter().filter_map(|edition| edition.terms.as_ref());
        let parties: HashMap<&str, &AgreementParty> = earlier()
            .flat_map(|terms| &terms.parties)
            .map(|party| (party.party_id.as_str(), party))
            .collect();
        let obligations: HashMap<&str, (&str, ObligationKind)> = earlier()
            .flat_map(AgreementTerms::obligations)
            .map(|(party, obligation)| {
                (
                    obligation.obligation_id.as_str(),
                    (party.party_id.as_str(), obligation.kind()),
                )
            })
            .collect();
        let Some(terms) = terms else { return Ok(()) };
        for party in &terms.parties {
            if let Some(known) = parties.get(party.party_id.as_str())
                && known.number() != party.number()
            {
                let problem = format!("{} has the id that {} has had.", party.name(), known.name());
                return Err(Refusal::invalid("terms.parties", "PARTY_ID_TAKEN", problem)
                    .mend("Give the new party an id of its own."));
            }
        }
        for (party, obligation) in terms.obligations() {
            if let Some(known) = obligations.get(obligation.obligation_id.as_str())
                && *known != (party.party_id.as_str(), obligation.kind())
            {
                let id = &obligation.obligation_id;
                let problem = format!("The obligation {id} was of another party or kind.");
                return Err(
                    Refusal::invalid("terms.parties.obligations", "OBLIGATION_ID_TAKEN", problem)
                        .mend("Give the new obligation an id of its own."),
                );
            }
        }
        Ok(())
    }
}

/// Refuses terms that cannot be.
pub(super) fn check(terms: Option<&AgreementTerms>, facts: &Facts<'_>) -> Result<(), Refusal> {
    let missing = || Refusal::invalid("terms", "TERMS_REQUIRED", "The agreement says nothing.").mend("Give its terms.");
    let terms = terms.ok_or_else(missing)?;
    let (from, to) = terms.days();
    if let Some(to) = to.filter(|to| *to < from) {
        let problem = format!("The agreement ends on {to}, before it begins on {from}.");
        return Err(Refusal::invalid("terms.period.to", "ENDS_BEFORE_IT_BEGINS", problem)
            .mend("Give a last day that is not before the first one."));
    }
    terms.check_purpose(facts)?;
    terms.check_parties(facts)?;
    terms.check_obligations()
}

/// The streams of what the terms name.
pub(super) fn streams(terms: Option<&AgreementTerms>) -> Vec<Stream> {
    let Some(terms) = terms else { return Vec::new() };
    let parties = terms.parties.iter().filter_map(|party| party.organization.as_ref());
    let organizations = parties.filter_map(OrganizationReference::stream);
    let projects = terms.project_ids.iter().map(|id| Stream::project(id));
    let programme = terms.programme_id.iter().map(|id| Stream::of::<Programme>(id));
    organizations.chain(projects).chain(programme).collect()
}

/// A share as people write it: 3333 is "33,33".
fn percent(share: i64) -> String {
    match share % 100 {
        0 => (share / 100).to_string(),
        rest => format!("{},{rest:02}", share / 100),
    }
}
