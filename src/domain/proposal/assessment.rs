//! How a proposal is weighed: assessed, heard by those it affects, and reviewed by the change board (rules P1 and P2).

use super::super::authority::Holder;
use super::super::seat;
use super::{Context, Decide, Decision, Facts, Fold, ProposalRegister, Recorded, Refusal, Stream, require_new_parties};
use crate::schema::v1::*;

impl Decide for AssessProposal {
    type State = ProposalRegister;

    fn decide(&self, register: &ProposalRegister, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        let proposal = register.living(&self.proposal_id, context)?;
        let known = proposal
            .affected_parties
            .iter()
            .filter_map(|consulted| consulted.party.as_ref());
        let mut known_last = known.rev().take(self.further_affected_parties.len());
        let last = proposal.assessments.last();
        let same = last.is_some_and(|last| last.assessment == self.assessment && last.date == context.effective_date);
        if same
            && self
                .further_affected_parties
                .iter()
                .rev()
                .all(|party| known_last.next() == Some(party))
        {
            return Ok(Vec::new());
        }
        if let Some(cost) = self.assessment.as_ref().and_then(|assessment| assessment.cost.as_ref()) {
            cost.check("assessment.cost")?;
        }
        require_new_parties(
            &proposal.affected_parties,
            &self.further_affected_parties,
            "further_affected_parties",
        )?;
        Ok(vec![
            ProposalAssessed {
                proposal_id: self.proposal_id.clone(),
                assessment: self.assessment.clone(),
                further_affected_parties: self.further_affected_parties.clone(),
            }
            .into(),
        ])
    }

    fn entitled(&self, register: &ProposalRegister, ground: Ground) -> Vec<Holder> {
        let organization = Some(&register.organization_id).filter(|_| ground == Ground::Organization);
        organization.cloned().map(Holder::AnyBodyOf).into_iter().collect()
    }
}

impl Fold for ProposalAssessed {
    type State = ProposalRegister;

    fn fold(&self, register: &mut ProposalRegister, at: &Recorded<'_>) {
        if let Some(proposal) = register.step(&self.proposal_id, ProposalStepKind::Assessed, at) {
            proposal.assessments.push(AssessedProposal {
                assessment: self.assessment.clone(),
                date: at.effective_date.to_owned(),
            });
            proposal.add_affected(&self.further_affected_parties);
        }
    }
}

impl ConsultedParty {
    pub(super) fn name(&self) -> &str {
        self.party.as_ref().map_or("", |party| &party.name)
    }

    fn has_id(&self, id: &str) -> bool {
        self.party.as_ref().is_some_and(|party| party.party_id == id)
    }
}

impl Decide for ConsultParty {
    type State = ProposalRegister;

    fn decide(&self, register: &ProposalRegister, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        let proposal = register.living(&self.proposal_id, context)?;
        let mut parties = proposal.affected_parties.iter();
        let party = parties
            .find(|party| party.has_id(&self.party_id))
            .ok_or_else(|| Refusal::not_found("affected party", &self.party_id))?;
        let said = |last: &Consultation| (last.answer, &last.note) == (self.answer, &self.note);
        let last = party.consultations.last();
        if last.is_some_and(|last| said(last) && last.date == context.effective_date) {
            return Ok(Vec::new());
        }
        Ok(vec![
            PartyConsulted {
                proposal_id: self.proposal_id.clone(),
                party_id: self.party_id.clone(),
                answer: self.answer,
                note: self.note.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for PartyConsulted {
    type State = ProposalRegister;

    fn fold(&self, register: &mut ProposalRegister, at: &Recorded<'_>) {
        let Some(proposal) = register.step(&self.proposal_id, ProposalStepKind::Consulted, at) else {
            return;
        };
        let mut parties = proposal.affected_parties.iter_mut();
        if let Some(party) = parties.find(|party| party.has_id(&self.party_id)) {
            party.consultations.push(Consultation {
                date: at.effective_date.to_owned(),
                answer: self.answer,
                note: self.note.clone(),
            });
        }
    }
}

impl ReviewProposal {
    /// P1: the change board reviews.
    fn require_body(&self, facts: &Facts<'_>, context: &Context<'_>) -> Result<(), Refusal> {
        let nowhere = BodyReference::default();
        let reference = self.body.as_ref().unwrap_or(&nowhere);
        let body = seat::require_body(reference, context.effective_date, facts)?;
        if body.kind() != BodyKind::ChangeBoard {
            let problem = format!("{} is not a change board.", body.name);
            return Err(Refusal::rule("P1", "NOT_A_CHANGE_BOARD", problem)
                .mend("Name the body of the kind change board that reviewed it."));
        }
        Ok(())
    }
}

impl Decide for ReviewProposal {
    type State = ProposalRegister;

    fn decide(&self, register: &ProposalRegister, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        let proposal = register.living(&self.proposal_id, context)?;
        self.require_body(facts, context)?;
        let said = |last: &ProposalReview| {
            (&last.body, last.outcome, &last.note) == (&self.body, self.outcome, &self.note)
                && last.date == context.effective_date
        };
        if proposal.reviews.last().is_some_and(said) {
            return Ok(Vec::new());
        }
        Ok(vec![
            ProposalReviewed {
                proposal_id: self.proposal_id.clone(),
                body: self.body.clone(),
                outcome: self.outcome,
                note: self.note.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &ProposalRegister, facts: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        self.body.iter().flat_map(|body| seat::streams(body, facts)).collect()
    }

    fn entitled(&self, _: &ProposalRegister, ground: Ground) -> Vec<Holder> {
        let body = self.body.iter().filter(|_| ground == Ground::Body);
        body.cloned().map(Holder::Body).collect()
    }
}

impl Fold for ProposalReviewed {
    type State = ProposalRegister;

    fn fold(&self, register: &mut ProposalRegister, at: &Recorded<'_>) {
        if let Some(proposal) = register.step(&self.proposal_id, ProposalStepKind::Reviewed, at) {
            proposal.reviews.push(ProposalReview {
                body: self.body.clone(),
                outcome: self.outcome,
                note: self.note.clone(),
                date: at.effective_date.to_owned(),
            });
        }
    }
}
