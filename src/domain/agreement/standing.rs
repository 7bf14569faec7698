//! How an agreement stands on a day, and what a withdrawal touches (rules A1, A3 and A4).

use super::{Facts, Stream};
use crate::schema::v1::*;

/// How many names a sentence bears.
const NAMES: usize = 3;

impl Agreement {
    /// The edition that is in force on a date, or why none is, as a sentence (A1): every party named in it has signed, its period
    /// has come, and at least two are bound. An amendment that not all have signed leaves the edition before it in force.
    pub(in crate::domain) fn in_force_on(&self, date: &str) -> Result<&AgreementEdition, String> {
        let latest = self
            .editions
            .iter()
            .rev()
            .find(|edition| edition.drafted.as_str() <= date);
        let Some(latest) = latest else {
            return Err(format!("{} was not drafted by {date}.", self.title()));
        };
        let mut signed = self.editions.iter().rev().filter(|edition| edition.is_signed_by(date));
        let from = |edition: &AgreementEdition| edition.terms.as_ref().map_or("", |terms| terms.days().0).to_owned();
        let Some(last_signed) = signed.clone().next() else {
            return Err(latest.unsigned_on(date));
        };
        let Some(edition) = signed.find(|edition| from(edition).as_str() <= date) else {
            return Err(format!(
                "{} holds from {}, after {date}.",
                last_signed.title(),
                from(last_signed)
            ));
        };
        let period_end = edition.terms.as_ref().and_then(|terms| terms.days().1);
        let terminated = self.termination.as_ref().map(|termination| termination.to.as_str());
        if let Some(end) = period_end.into_iter().chain(terminated).min().filter(|end| *end < date) {
            return Err(format!("{} ended on {end}, before {date}.", edition.title()));
        }
        let parties = edition.parties().iter();
        if parties
            .filter(|party| self.is_bound(edition, &party.party_id, date))
            .count()
            < 2
        {
            return Err(format!(
                "Fewer than two parties are left in {} on {date}.",
                edition.title()
            ));
        }
        Ok(edition)
    }

    /// Whether a party of this edition has not left it by a date.
    pub(super) fn is_bound(&self, edition: &AgreementEdition, party_id: &str, date: &str) -> bool {
        self.withdrawal(party_id, edition.edition)
            .is_none_or(|withdrawal| date <= withdrawal.to.as_str())
    }

    /// The edition that a reading of a date shows: the one in force, or else the latest of that day.
    fn shown_on(&self, date: &str) -> Option<&AgreementEdition> {
        let drafted = |edition: &&AgreementEdition| edition.drafted.as_str() <= date;
        self.in_force_on(date)
            .ok()
            .or_else(|| self.editions.iter().rev().find(drafted))
    }

    fn obligation_standing(&self, obligation: &AgreementObligation, date: &str) -> ObligationStanding {
        let fulfilment = self.fulfilment(&obligation.obligation_id);
        let fulfilled = fulfilment
            .map(|fulfilment| fulfilment.fulfilled.clone())
            .filter(|day| day.as_str() <= date);
        let past_due = obligation.due.as_deref().is_some_and(|due| due < date);
        ObligationStanding {
            obligation: Some(obligation.clone()),
            overdue: past_due && fulfilled.is_none(),
            fulfilled,
        }
    }
}

impl AgreementEdition {
    /// Who had not signed by a date, as a sentence.
    fn unsigned_on(&self, date: &str) -> String {
        let unsigned = |party: &&AgreementParty| {
            self.signature(&party.party_id)
                .is_none_or(|signature| date < signature.date.as_str())
        };
        let names: Vec<&str> = self
            .parties()
            .iter()
            .filter(unsigned)
            .map(AgreementParty::name)
            .collect();
        let (first, more) = names.split_at(names.len().min(NAMES));
        let others = match more.len() {
            0 => String::new(),
            number => format!(" and {number} more"),
        };
        format!(
            "{}{others} had not signed {} by {date}.",
            first.join(", "),
            self.title()
        )
    }
}

/// The streams of the agreement and of what it is for, as far as they can be named yet.
#[must_use]
pub fn streams_of_agreement(agreement_id: &str, facts: &Facts<'_>) -> Vec<Stream> {
    let mut streams = vec![Stream::of::<Agreement>(agreement_id)];
    if let Some(agreement) = facts.state_if_loaded::<Agreement>(agreement_id) {
        let terms = agreement.editions.iter().filter_map(|edition| edition.terms.as_ref());
        let programmes = terms.filter_map(|terms| terms.programme_id.as_deref());
        streams.extend(programmes.map(Stream::of::<Programme>));
        streams.extend(agreement.project_ids(facts).into_iter().map(Stream::project));
    }
    streams
}

/// How an agreement stands on a day: whether it is in force (A1), and which obligations are fulfilled (A4).
#[must_use]
pub fn agreement_standing(agreement: &Agreement, date: &str) -> AgreementStanding {
    let in_force = agreement.in_force_on(date);
    let edition = agreement.shown_on(date);
    let party = |edition: &AgreementEdition, party: &AgreementParty| PartyStanding {
        signed: edition
            .signature(&party.party_id)
            .map(|signature| signature.date.clone())
            .filter(|day| day.as_str() <= date),
        withdrawn: agreement
            .withdrawal(&party.party_id, edition.edition)
            .map(|withdrawal| withdrawal.to.clone()),
        obligations: party
            .obligations
            .iter()
            .map(|obligation| agreement.obligation_standing(obligation, date))
            .collect(),
        party: Some(party.clone()),
    };
    let parties = edition.into_iter().flat_map(|edition| {
        let parties = edition.parties().iter();
        parties.map(move |one| party(edition, one))
    });
    AgreementStanding {
        agreement_id: agreement.agreement_id.clone(),
        date: date.to_owned(),
        in_force: in_force.is_ok(),
        parties: parties.collect(),
        edition: edition.map_or(0, |edition| edition.edition),
        why_not: in_force.err().unwrap_or_default(),
        position: agreement.position,
    }
}

/// What the withdrawal of a party touches, with this day as its last; none when no such party is in the edition of that day (A3).
/// The facts are those of `streams_of_agreement`.
#[must_use]
pub fn withdrawal_impact(
    agreement: &Agreement,
    party_id: &str,
    date: &str,
    facts: &Facts<'_>,
) -> Option<WithdrawalImpact> {
    let edition = agreement.shown_on(date)?;
    let party = edition.party(party_id).ok()?;
    let stays = |other: &&AgreementParty| {
        let (id, withdrawal) = (&other.party_id, agreement.withdrawal(&other.party_id, edition.edition));
        id != party_id && withdrawal.is_none_or(|withdrawal| date < withdrawal.to.as_str())
    };
    let remaining: Vec<AgreementParty> = edition.parties().iter().filter(stays).cloned().collect();
    let of_kind = |kinds: &[ObligationKind]| {
        let obligations = party.obligations.iter();
        let chosen = obligations.filter(|obligation| kinds.contains(&obligation.kind()));
        chosen
            .map(|obligation| agreement.obligation_standing(obligation, date))
            .collect()
    };
    let unpaid = party.obligations.iter().filter(|obligation| {
        let paid = agreement.fulfilment(&obligation.obligation_id);
        paid.is_none_or(|paid| date < paid.fulfilled.as_str())
    });
    let mut position = agreement.position;
    let mut decisions = Vec::new();
    let named = agreement.project_ids(facts);
    for project in named.into_iter().filter_map(|id| facts.project(id)) {
        position = position.max(project.position);
        decisions.extend(resting(project, &agreement.agreement_id));
    }
    Some(WithdrawalImpact {
        agreement_id: agreement.agreement_id.clone(),
        edition: edition.edition,
        date: date.to_owned(),
        needs_authority: edition.holds_longer(party, date),
        cost_share: party.cost_share,
        remaining_cost_share: remaining.iter().map(|other| other.cost_share).sum(),
        money: Some(Total::of(unpaid.filter_map(|obligation| obligation.amount.as_ref()))),
        staffing: of_kind(&[ObligationKind::People]),
        hosting: of_kind(&[ObligationKind::Hosting]),
        others: of_kind(&[ObligationKind::Other, ObligationKind::Unspecified]),
        stays_in_force: agreement.in_force_on(date).is_ok() && remaining.len() > 1,
        party: Some(party.clone()),
        remaining,
        decisions,
        position,
    })
}

/// The decisions of a project that rest on the agreement, and stand.
fn resting<'a>(project: &'a Project, agreement_id: &'a str) -> impl Iterator<Item = RestingDecision> + 'a {
    let standing = project.decision_points.iter().filter(|point| point.is_approved());
    standing.flat_map(move |point| {
        let bases = point
            .agreements
            .iter()
            .filter(move |basis| basis.agreement_id == agreement_id);
        bases.map(|basis| RestingDecision {
            project_id: project.project_id.clone(),
            project_name: project.name.clone(),
            decision_point_id: point.decision_point_id.clone(),
            number: point.number.clone(),
            name: point.name.clone(),
            decided: point.decided.clone().unwrap_or_default(),
            edition: basis.edition,
        })
    })
}
