//! By delegated authority (delegert myndighet): what a body or an office could do, done by whom it gave that to (rule O8).

use super::super::{Facts, Refusal, Stream, seat};
use super::{Authority, Case, Holder};
use crate::schema::v1::delegation_party::Party;
use crate::schema::v1::*;

/// The streams that say who sits in the bodies that the delegation names.
pub(super) fn streams(reference: &DelegationReference, facts: &Facts<'_>) -> Vec<Stream> {
    let organization = facts.organization_if_loaded(&reference.organization_id);
    let delegation = organization.and_then(|organization| organization.delegation(&reference.delegation_id).ok());
    let to = delegation.and_then(|delegation| delegation.terms.as_ref()?.to_party.as_ref());
    let body = to.and_then(|to| to.body(&reference.organization_id));
    body.iter().flat_map(|body| seat::streams(body, facts)).collect()
}

impl DelegationParty {
    /// The body that it is, in its organisation.
    pub(in crate::domain) fn body(&self, organization_id: &str) -> Option<BodyReference> {
        match self.party.as_ref()? {
            Party::BodyId(id) => Some(BodyReference {
                organization_id: organization_id.to_owned(),
                body_id: id.clone(),
            }),
            Party::OfficeId(_) | Party::Subject(_) => None,
        }
    }

    /// Who that is, as a holder.
    pub(in crate::domain) fn holder(&self, organization_id: &str) -> Option<Holder> {
        Some(match self.party.as_ref()? {
            Party::BodyId(_) => Holder::Body(self.body(organization_id)?),
            Party::OfficeId(id) => Holder::Office(OfficeReference {
                organization_id: organization_id.to_owned(),
                office_id: id.clone(),
            }),
            Party::Subject(subject) => Holder::Person(subject.clone()),
        })
    }
}

impl DelegationTerms {
    /// Whether it is in force on a date.
    pub(super) fn is_in_force(&self, date: &str) -> bool {
        self.from.as_str() <= date && self.to.as_deref().is_none_or(|to| date <= to)
    }
}

impl Case<'_> {
    /// O8: by a delegation from a body or office that could do it, which covers the matter and is in force.
    pub(super) fn by_delegation(&self, reference: &DelegationReference) -> Result<Authority, Refusal> {
        let organization = self
            .facts
            .organization(&reference.organization_id)
            .ok_or_else(|| Refusal::not_found("organisation", &reference.organization_id))?;
        let delegation = organization.delegation(&reference.delegation_id)?;
        let Some(terms) = &delegation.terms else {
            return Err(Refusal::not_found("delegation", &reference.delegation_id));
        };
        self.require_in_force(terms)?;
        self.require_could(terms, &reference.organization_id)?;
        self.require_covered(terms)?;
        let holder = terms
            .to_party
            .as_ref()
            .and_then(|to| to.holder(&reference.organization_id));
        let held = holder.and_then(|holder| holder.acts(self.project, &self.facts, self.context));
        let Some(held) = held else {
            let problem = format!(
                "The delegation is not to {}, nor to an office or body of theirs on {}.",
                self.context.subject, self.context.effective_date
            );
            return Err(refusal("NOT_DELEGATED_TO", problem).mend("Let whoever got it record this."));
        };
        Ok(Authority {
            role: format!(
                "{} by delegation {}@{}",
                held.role, reference.delegation_id, reference.organization_id
            ),
            kind: "DELEGATION",
            position: delegation
                .provenance
                .as_ref()
                .map_or(0, |provenance| provenance.first_position),
            recorded: delegation.recorded.clone(),
        })
    }

    fn require_in_force(&self, terms: &DelegationTerms) -> Result<(), Refusal> {
        let date = self.context.effective_date;
        if terms.is_in_force(date) {
            return Ok(());
        }
        let until = terms.to.as_deref().map(|to| format!(" to {to}")).unwrap_or_default();
        let problem = format!("The delegation holds from {}{until}, and not on {date}.", terms.from);
        Err(refusal("DELEGATION_NOT_IN_FORCE", problem).mend("Name one that was in force on that day."))
    }

    /// Whoever delegated could have done it.
    fn require_could(&self, terms: &DelegationTerms, organization_id: &str) -> Result<(), Refusal> {
        let from = terms.from_party.as_ref().and_then(|from| from.holder(organization_id));
        let date = self.context.effective_date;
        let could = |holder: &Holder| match &from {
            Some(Holder::Body(body)) => holder.is_body(body, self.project, &self.facts, date),
            Some(Holder::Office(office)) => holder.is_office(office, self.project, &self.facts, date),
            _ => false,
        };
        if self.holders.iter().any(could) {
            return Ok(());
        }
        let problem = format!(
            "The delegation comes from somebody who could not do this; it is for {} to do.",
            self.in_words()
        );
        Err(refusal("DELEGATOR_WITHOUT_AUTHORITY", problem).mend("Name a delegation from one of them."))
    }

    /// It covers the matter: its kind, the project or programme, and the amount.
    fn require_covered(&self, terms: &DelegationTerms) -> Result<(), Refusal> {
        let matter = self.declared.matter;
        let kind = terms.matters.is_empty() || terms.matters().any(|covered| covered == matter);
        let stream = terms
            .stream_id
            .as_ref()
            .is_none_or(|id| *id == self.command.stream().id);
        if !kind || !stream {
            let problem = format!("The delegation does not cover this {}.", matter.in_words());
            return Err(refusal("NOT_COVERED", problem)
                .mend("Name a delegation that covers it, or let whoever gave it decide."));
        }
        let Some(most) = terms.up_to_ore else { return Ok(()) };
        // No command says how much it is about yet, so a limit covers none.
        let problem = format!("The delegation goes up to {most} øre, and how much this is about is not recorded.");
        Err(refusal("AMOUNT_NOT_COVERED", problem).mend("Let whoever gave the delegation decide."))
    }
}

fn refusal(reason: &'static str, problem: String) -> Refusal {
    Refusal::forbidden("O8", reason, problem)
}
