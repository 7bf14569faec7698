//! Agreement (samarbeidsavtale): drafted, signed by all, amended and signed again; ended and fulfilled beside (rules A1–A4).

mod ending;
mod link;
mod obligation;
mod standing;
mod terms;

use std::collections::BTreeSet;

use super::authority::Holder;
use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream, unchanged_or};
use crate::schema::v1::*;

pub use standing::{agreement_standing, streams_of_agreement, withdrawal_impact};

impl Agreement {
    /// The programmes that any of its editions is for.
    fn programmes<'a>(&self, facts: &Facts<'a>) -> impl Iterator<Item = &'a Programme> {
        let terms = self.editions.iter().filter_map(|edition| edition.terms.as_ref());
        let ids = terms.filter_map(|terms| terms.programme_id.as_deref());
        ids.filter_map(|id| facts.state_if_loaded(id))
    }

    /// The projects that any of its editions is for, and those that are or were in its programmes, as far as these are loaded.
    fn project_ids<'a>(&'a self, facts: &Facts<'a>) -> BTreeSet<&'a str> {
        let terms = self.editions.iter().filter_map(|edition| edition.terms.as_ref());
        let named = terms.flat_map(|terms| terms.project_ids.iter().map(String::as_str));
        let included = self.programmes(facts).flat_map(|programme| &programme.projects);
        named
            .chain(included.map(|included| included.project_id.as_str()))
            .collect()
    }

    /// The latest edition, which every registered agreement has.
    fn latest(&self) -> Result<&AgreementEdition, Refusal> {
        let missing = || Refusal::not_found("edition of the agreement", &self.agreement_id);
        self.editions.last().ok_or_else(missing)
    }

    /// The latest edition that every party had signed by a date (A1).
    fn signed_by(&self, date: &str) -> Option<&AgreementEdition> {
        self.editions.iter().rev().find(|edition| edition.is_signed_by(date))
    }

    /// The withdrawal that keeps a party out of an edition.
    fn withdrawal(&self, party_id: &str, edition: i32) -> Option<&PartyWithdrawal> {
        let counts = |withdrawal: &&PartyWithdrawal| withdrawal.party_id == party_id && edition <= withdrawal.edition;
        self.withdrawals.iter().rev().find(counts)
    }

    fn require_not_terminated(&self) -> Result<(), Refusal> {
        let Some(termination) = &self.termination else {
            return Ok(());
        };
        let problem = format!(
            "{} was terminated on {}: {} is its last day.",
            self.title(),
            termination.decided,
            termination.to
        );
        Err(Refusal::precondition("AGREEMENT_TERMINATED", problem).mend("Draft a new agreement."))
    }

    /// The title of the latest edition.
    fn title(&self) -> &str {
        self.editions.last().map_or("The agreement", AgreementEdition::title)
    }
}

impl AgreementEdition {
    fn title(&self) -> &str {
        self.terms.as_ref().map_or("The agreement", |terms| &terms.title)
    }

    fn parties(&self) -> &[AgreementParty] {
        self.terms.as_ref().map_or(&[], |terms| &terms.parties)
    }

    fn party(&self, id: &str) -> Result<&AgreementParty, Refusal> {
        self.parties()
            .iter()
            .find(|party| party.party_id == id)
            .ok_or_else(|| Refusal::not_found("party", id))
    }

    fn signature(&self, party_id: &str) -> Option<&AgreementSignature> {
        self.signatures.iter().find(|signature| signature.party_id == party_id)
    }

    fn is_signed_by(&self, date: &str) -> bool {
        self.signed_by_all.as_deref().is_some_and(|day| day <= date)
    }
}

impl Agreement {
    /// Whoever acts for this party, or for any: the organisation when it is in the registers, and otherwise whoever may record.
    fn acting_for(&self, party_id: Option<&str>, ground: Ground) -> Vec<Holder> {
        if ground != Ground::Organization {
            return Vec::new();
        }
        let parties = self
            .editions
            .iter()
            .flat_map(|edition| edition.terms.iter().flat_map(|terms| &terms.parties));
        let named = parties.filter(|party| party_id.is_none_or(|id| party.party_id == id));
        let mut holders: Vec<Holder> = Vec::new();
        for party in named {
            let registered = party
                .organization
                .as_ref()
                .and_then(|organization| organization.organization_id.clone());
            let holder = registered.map_or(Holder::Anyone, Holder::Organization);
            if !holders.contains(&holder) {
                holders.push(holder);
            }
        }
        holders
    }
}

impl Decide for DraftAgreement {
    type State = Agreement;
    const OPENS: bool = true;

    fn decide(&self, agreement: &Agreement, facts: &Facts<'_>, _: &Context<'_>) -> Decision {
        if agreement.version > 0 {
            let same = agreement
                .editions
                .first()
                .is_some_and(|draft| draft.terms == self.terms);
            return unchanged_or(same, || Refusal::already_exists("agreement", &self.agreement_id));
        }
        terms::check(self.terms.as_ref(), facts)?;
        Ok(vec![
            AgreementDrafted {
                agreement_id: self.agreement_id.clone(),
                terms: self.terms.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &Agreement, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        terms::streams(self.terms.as_ref())
    }
}

impl Fold for AgreementDrafted {
    type State = Agreement;

    fn fold(&self, agreement: &mut Agreement, at: &Recorded<'_>) {
        agreement.agreement_id.clone_from(&self.agreement_id);
        agreement.editions.push(edition(1, self.terms.as_ref(), at));
    }
}

fn edition(number: i32, terms: Option<&AgreementTerms>, at: &Recorded<'_>) -> AgreementEdition {
    AgreementEdition {
        edition: number,
        drafted: at.effective_date.to_owned(),
        terms: terms.cloned(),
        provenance: at.provenance(),
        ..AgreementEdition::default()
    }
}

impl Decide for AmendAgreement {
    type State = Agreement;

    fn decide(&self, agreement: &Agreement, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        agreement.require_not_terminated()?;
        let latest = agreement.latest()?;
        if latest.terms == self.terms {
            return Ok(Vec::new());
        }
        if context.effective_date < latest.drafted.as_str() {
            let problem = format!(
                "The amendment of {} is dated {}, before the edition that it amends, of {}.",
                latest.title(),
                context.effective_date,
                latest.drafted
            );
            return Err(
                Refusal::invalid("context.effective_date", "AMENDED_BEFORE_DRAFTED", problem)
                    .mend("Give the day that the amendment was drafted."),
            );
        }
        terms::check(self.terms.as_ref(), facts)?;
        agreement.require_same_ids(self.terms.as_ref())?;
        Ok(vec![
            AgreementAmended {
                edition: latest.edition.saturating_add(1),
                terms: self.terms.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &Agreement, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        terms::streams(self.terms.as_ref())
    }
}

impl Fold for AgreementAmended {
    type State = Agreement;

    fn fold(&self, agreement: &mut Agreement, at: &Recorded<'_>) {
        agreement.editions.push(edition(self.edition, self.terms.as_ref(), at));
    }
}

impl SignAgreement {
    /// A1: only the latest edition is signed, so that nobody signs what has been amended in the meantime.
    fn require_latest(&self, latest: &AgreementEdition) -> Result<(), Refusal> {
        if self.edition == latest.edition {
            return Ok(());
        }
        if self.edition > latest.edition {
            return Err(Refusal::not_found("edition", &self.edition.to_string()));
        }
        let problem = format!(
            "The edition {} of {} was amended: the latest is {}.",
            self.edition,
            latest.title(),
            latest.edition
        );
        Err(Refusal::rule("A1", "EDITION_AMENDED", problem).mend("Have the party sign the latest edition."))
    }
}

impl Decide for SignAgreement {
    type State = Agreement;

    fn decide(&self, agreement: &Agreement, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        agreement.require_not_terminated()?;
        let latest = agreement.latest()?;
        self.require_latest(latest)?;
        let name = latest.party(&self.party_id)?.name();
        if let Some(known) = latest.signature(&self.party_id) {
            let same = known.signatory == self.signatory && known.date == context.effective_date;
            return unchanged_or(same, || {
                let problem = format!("{name} signed this edition on {}.", known.date);
                Refusal::precondition("SIGNED_ALREADY", problem)
                    .mend("Amend the agreement when what was signed is to change.")
            });
        }
        if let Some(withdrawal) = agreement.withdrawal(&self.party_id, latest.edition) {
            let problem = format!("{name} withdrew on {}.", withdrawal.noticed);
            return Err(Refusal::precondition("PARTY_WITHDRAWN", problem)
                .mend("Amend the agreement: with the party if it has come back, or without it."));
        }
        if context.effective_date < latest.drafted.as_str() {
            let (date, drafted) = (context.effective_date, &latest.drafted);
            let problem = format!("The signature is dated {date}, but the edition was drafted on {drafted}.");
            return Err(Refusal::rule("A1", "SIGNED_BEFORE_DRAFTED", problem)
                .mend("Give the day of the signature, or amend the agreement with the day that the text was made."));
        }
        Ok(vec![
            AgreementSigned {
                party_id: self.party_id.clone(),
                edition: self.edition,
                signatory: self.signatory.clone(),
            }
            .into(),
        ])
    }

    fn entitled(&self, agreement: &Agreement, ground: Ground) -> Vec<Holder> {
        agreement.acting_for(Some(self.party_id.as_str()), ground)
    }
}

impl Fold for AgreementSigned {
    type State = Agreement;

    fn fold(&self, agreement: &mut Agreement, at: &Recorded<'_>) {
        let mut editions = agreement.editions.iter_mut();
        let Some(edition) = editions.find(|edition| edition.edition == self.edition) else {
            return;
        };
        edition.signatures.push(AgreementSignature {
            party_id: self.party_id.clone(),
            date: at.effective_date.to_owned(),
            signatory: self.signatory.clone(),
            authority: at.authority.to_owned(),
        });
        at.touch(&mut edition.provenance);
        // Each party signs an edition once.
        if edition.signatures.len() == edition.parties().len() {
            let last = edition.signatures.iter().map(|signature| &signature.date).max();
            edition.signed_by_all = last.cloned();
        }
    }
}
