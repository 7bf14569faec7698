//! Obligation (forpliktelse): what a party has promised, and that it has been kept (rule A4).

use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, unchanged_or};
use crate::schema::v1::*;

impl Agreement {
    pub(super) fn fulfilment(&self, obligation_id: &str) -> Option<&ObligationFulfilment> {
        self.fulfilments
            .iter()
            .find(|fulfilment| fulfilment.obligation_id == obligation_id)
    }
}

impl Decide for RecordFulfilment {
    type State = Agreement;

    fn decide(&self, agreement: &Agreement, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        if let Some(known) = agreement.fulfilment(&self.obligation_id) {
            let same = known.note == self.note && known.fulfilled == context.effective_date;
            return unchanged_or(same, || {
                let problem = format!("The obligation was fulfilled on {}.", known.fulfilled);
                Refusal::precondition("OBLIGATION_FULFILLED", problem)
                    .mend("Amend the agreement with a new obligation for what is still to be done.")
            });
        }
        // A promise binds from when all have signed it; it may be kept late, so its end does not matter.
        let signed = agreement.signed_by(context.effective_date).ok_or_else(|| {
            let problem = format!(
                "Nobody was bound by {} on {}: not every party had signed it.",
                agreement.title(),
                context.effective_date
            );
            Refusal::rule("A1", "AGREEMENT_NOT_SIGNED_BY_ALL", problem).mend("Have every party sign it first.")
        })?;
        let mut obligations = signed.terms.iter().flat_map(AgreementTerms::obligations);
        if !obligations.any(|(_, obligation)| obligation.obligation_id == self.obligation_id) {
            return Err(Refusal::not_found("obligation", &self.obligation_id));
        }
        Ok(vec![
            FulfilmentRecorded {
                obligation_id: self.obligation_id.clone(),
                note: self.note.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for FulfilmentRecorded {
    type State = Agreement;

    fn fold(&self, agreement: &mut Agreement, at: &Recorded<'_>) {
        agreement.fulfilments.push(ObligationFulfilment {
            obligation_id: self.obligation_id.clone(),
            fulfilled: at.effective_date.to_owned(),
            note: self.note.clone(),
            provenance: at.provenance(),
        });
    }
}
