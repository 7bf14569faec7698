//! How a party leaves an agreement, and how an agreement ends before its time (rule A2).

use super::super::authority::Holder;
use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, unchanged_or};
use crate::schema::v1::*;

impl AgreementEdition {
    /// Whether a last day leaves a party that is bound for the full period too early (A2).
    pub(super) fn holds_longer(&self, party: &AgreementParty, to: &str) -> bool {
        let end = self.terms.as_ref().and_then(|terms| terms.days().1);
        party.bound_for_full_period && end.is_none_or(|end| to < end)
    }

    /// The period in words, from when to when.
    fn period_in_words(&self) -> String {
        let (from, to) = self.terms.as_ref().map_or(("", None), AgreementTerms::days);
        to.map_or_else(|| format!("from {from} on"), |to| format!("from {from} to {to}"))
    }

    fn require_day_inside(&self, to: &str) -> Result<(), Refusal> {
        let end = self.terms.as_ref().and_then(|terms| terms.days().1);
        let Some(end) = end.filter(|end| *end < to) else {
            return Ok(());
        };
        let problem = format!("{} ends on {end}, before {to}.", self.title());
        Err(Refusal::invalid("to", "AFTER_THE_PERIOD", problem)
            .mend("Nothing needs to be recorded for the time after the period; give a day inside it."))
    }
}

/// The last day is not before the day that it is said.
fn require_not_before_notice(to: &str, context: &Context<'_>) -> Result<(), Refusal> {
    if context.effective_date <= to {
        return Ok(());
    }
    let problem = format!(
        "The last day, {to}, is before {}, when it is said.",
        context.effective_date
    );
    Err(Refusal::invalid("to", "ENDS_BEFORE_NOTICE", problem)
        .mend("Give a last day that is not before the effective date, or the effective date when it was said."))
}

impl Decide for WithdrawParty {
    type State = Agreement;

    fn decide(&self, agreement: &Agreement, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        let known = agreement
            .editions
            .last()
            .and_then(|latest| agreement.withdrawal(&self.party_id, latest.edition));
        if known.is_some_and(|known| known.to == self.to && known.noticed == context.effective_date) {
            return Ok(Vec::new());
        }
        agreement.require_not_terminated()?;
        let edition = agreement.in_force_on(context.effective_date).map_err(|why| {
            Refusal::precondition("AGREEMENT_NOT_IN_FORCE", format!("Nobody is bound by it: {why}"))
                .mend("Amend the agreement without the party, and have the others sign it.")
        })?;
        let party = edition.party(&self.party_id)?;
        if let Some(known) = agreement.withdrawal(&self.party_id, edition.edition) {
            let problem = format!("{} has withdrawn already: {} is its last day.", party.name(), known.to);
            return Err(Refusal::precondition("PARTY_WITHDRAWN", problem)
                .mend("Amend the agreement when the party is to stay for longer or shorter."));
        }
        require_not_before_notice(&self.to, context)?;
        edition.require_day_inside(&self.to)?;
        if edition.holds_longer(party, &self.to) && context.authority.trim().is_empty() {
            let problem = format!(
                "{} is bound for the full period, {}, and cannot withdraw with {} as its last day.",
                party.name(),
                edition.period_in_words(),
                self.to
            );
            return Err(Refusal::rule("A2", "PARTY_BOUND_FOR_FULL_PERIOD", problem).mend(
                "Name the authority for the exception in the context, such as the case in which it was decided.",
            ));
        }
        let (party_id, to) = (self.party_id.clone(), self.to.clone());
        Ok(vec![PartyWithdrawn { party_id, to }.into()])
    }

    fn entitled(&self, agreement: &Agreement, ground: Ground) -> Vec<Holder> {
        agreement.acting_for(Some(self.party_id.as_str()), ground)
    }
}

impl Fold for PartyWithdrawn {
    type State = Agreement;

    fn fold(&self, agreement: &mut Agreement, at: &Recorded<'_>) {
        let edition = agreement.editions.last().map_or(0, |latest| latest.edition);
        agreement.withdrawals.push(PartyWithdrawal {
            party_id: self.party_id.clone(),
            to: self.to.clone(),
            noticed: at.effective_date.to_owned(),
            edition,
            reason: at.reason.to_owned(),
            authority: at.authority.to_owned(),
            provenance: at.provenance(),
        });
    }
}

impl TerminateAgreement {
    /// A2: who is bound for the full period stays so, unless an authority allows the exception.
    fn require_nobody_bound(&self, agreement: &Agreement, context: &Context<'_>) -> Result<(), Refusal> {
        let Some(edition) = agreement.signed_by(context.effective_date) else {
            return Ok(());
        };
        let bound = |party: &&AgreementParty| {
            edition.holds_longer(party, &self.to) && agreement.is_bound(edition, &party.party_id, &self.to)
        };
        let Some(party) = edition.parties().iter().find(bound) else {
            return Ok(());
        };
        if !context.authority.trim().is_empty() {
            return Ok(());
        }
        let problem = format!(
            "{} is bound for the full period, {}, and the agreement cannot end on {}.",
            party.name(),
            edition.period_in_words(),
            self.to
        );
        Err(Refusal::rule("A2", "AGREEMENT_BINDS_FOR_FULL_PERIOD", problem)
            .mend("Name the authority for the exception in the context, such as the case in which it was decided."))
    }
}

impl Decide for TerminateAgreement {
    type State = Agreement;

    fn decide(&self, agreement: &Agreement, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        if let Some(known) = &agreement.termination {
            let same = known.to == self.to;
            let refusal = || {
                let problem = format!("It is terminated already: {} is its last day.", known.to);
                Refusal::precondition("AGREEMENT_TERMINATED", problem).mend("Draft a new agreement for another time.")
            };
            return unchanged_or(same, refusal);
        }
        context.require_reason(
            "An agreement is terminated for a reason.",
            "Say in the context's reason why it ends before its time.",
        )?;
        require_not_before_notice(&self.to, context)?;
        self.require_nobody_bound(agreement, context)?;
        Ok(vec![AgreementTerminated { to: self.to.clone() }.into()])
    }

    fn entitled(&self, agreement: &Agreement, ground: Ground) -> Vec<Holder> {
        agreement.acting_for(None, ground)
    }
}

impl Fold for AgreementTerminated {
    type State = Agreement;

    fn fold(&self, agreement: &mut Agreement, at: &Recorded<'_>) {
        agreement.termination = Some(AgreementTermination {
            to: self.to.clone(),
            decided: at.effective_date.to_owned(),
            reason: at.reason.to_owned(),
            authority: at.authority.to_owned(),
            provenance: at.provenance(),
        });
    }
}
