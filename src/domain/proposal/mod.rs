//! Proposal (forslag til tiltak, behov): the register with its rounds and groups; weighed, ranked and decided beside (rules P1–P5).

mod assessment;
mod decision;
mod finding;
mod priority;
mod reading;

use std::collections::HashSet;

use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream, unchanged_or};
use crate::schema::v1::*;

pub(super) use finding::{find, follow};
pub use reading::proposal_fate;

impl ProposalRegister {
    fn proposal(&self, id: &str) -> Result<&Proposal, Refusal> {
        self.proposals
            .iter()
            .find(|proposal| proposal.proposal_id == id)
            .ok_or_else(|| Refusal::not_found("proposal", id))
    }

    /// The proposal, when it can still be worked on, and was submitted by the effective date.
    fn living(&self, id: &str, context: &Context<'_>) -> Result<&Proposal, Refusal> {
        let proposal = self.proposal(id)?;
        proposal.require_submitted(context)?;
        let ended = match proposal.status() {
            ProposalStatus::Rejected => "was rejected",
            ProposalStatus::Realized => "is in use",
            ProposalStatus::Withdrawn => "has been withdrawn",
            _ => return Ok(proposal),
        };
        let problem = format!("The proposal {} {ended}.", proposal.label());
        Err(Refusal::precondition("PROPOSAL_ENDED", problem).mend("Submit a new proposal."))
    }

    fn round(&self, id: &str) -> Result<&ProposalRound, Refusal> {
        self.rounds
            .iter()
            .find(|round| round.round_id == id)
            .ok_or_else(|| Refusal::not_found("round", id))
    }

    fn round_mut(&mut self, id: &str, at: &Recorded<'_>) -> Option<&mut ProposalRound> {
        let round = self.rounds.iter_mut().find(|round| round.round_id == id)?;
        at.touch(&mut round.provenance);
        Some(round)
    }

    /// The proposal, with this step added to its life (P4).
    fn step(&mut self, id: &str, kind: ProposalStepKind, at: &Recorded<'_>) -> Option<&mut Proposal> {
        let mut proposals = self.proposals.iter_mut();
        let proposal = proposals.find(|proposal| proposal.proposal_id == id)?;
        proposal.add_step(kind, at);
        Some(proposal)
    }
}

impl Proposal {
    /// Its number and title, as a sentence speaks of it.
    fn label(&self) -> String {
        if self.number.is_empty() {
            self.title.clone()
        } else {
            format!("{} ({})", self.number, self.title)
        }
    }

    fn require_submitted(&self, context: &Context<'_>) -> Result<(), Refusal> {
        if self.submitted.as_str() <= context.effective_date {
            return Ok(());
        }
        let (label, date) = (self.label(), context.effective_date);
        let problem = format!(
            "The proposal {label} was submitted on {}, after {date}.",
            self.submitted
        );
        Err(Refusal::invalid("context.effective_date", "BEFORE_SUBMISSION", problem)
            .mend("Give an effective date on or after that day."))
    }

    fn add_step(&mut self, kind: ProposalStepKind, at: &Recorded<'_>) {
        at.touch(&mut self.provenance);
        self.steps.push(ProposalStep {
            kind: kind.into(),
            date: at.effective_date.to_owned(),
            round_id: self.round_id.clone(),
            outcome: ProposalOutcome::Unspecified.into(),
            position: at.position,
        });
    }

    fn add_affected(&mut self, parties: &[AffectedParty]) {
        let unheard = |party: &AffectedParty| ConsultedParty {
            party: Some(party.clone()),
            consultations: Vec::new(),
        };
        self.affected_parties.extend(parties.iter().map(unheard));
        self.cross_sector |= !parties.is_empty();
    }
}

/// Refuses a party whose id is taken, among those known or among themselves.
fn require_new_parties(known: &[ConsultedParty], parties: &[AffectedParty], field: &str) -> Result<(), Refusal> {
    let known = known.iter().filter_map(|consulted| consulted.party.as_ref());
    let mut ids: HashSet<&str> = known.map(|party| party.party_id.as_str()).collect();
    match parties.iter().find(|party| !ids.insert(&party.party_id)) {
        Some(party) => {
            let problem = format!("The id of the affected party {} is taken.", party.name);
            Err(Refusal::invalid(field, "PARTY_REPEATED", problem).mend("Give each party an id of its own."))
        }
        None => Ok(()),
    }
}

impl Decide for OpenProposalRegister {
    type State = ProposalRegister;
    const OPENS: bool = true;

    fn decide(&self, register: &ProposalRegister, facts: &Facts<'_>, _: &Context<'_>) -> Decision {
        if register.version > 0 {
            let same = register.organization_id == self.organization_id && register.name == self.name;
            return unchanged_or(same, || {
                Refusal::already_exists("register of proposals", &self.proposal_register_id)
            });
        }
        facts
            .organization(&self.organization_id)
            .ok_or_else(|| Refusal::not_found("organisation", &self.organization_id))?;
        Ok(vec![
            ProposalRegisterOpened {
                proposal_register_id: self.proposal_register_id.clone(),
                organization_id: self.organization_id.clone(),
                name: self.name.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &ProposalRegister, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        vec![Stream::organization(&self.organization_id)]
    }
}

impl Fold for ProposalRegisterOpened {
    type State = ProposalRegister;

    fn fold(&self, register: &mut ProposalRegister, _: &Recorded<'_>) {
        register.proposal_register_id.clone_from(&self.proposal_register_id);
        register.organization_id.clone_from(&self.organization_id);
        register.name.clone_from(&self.name);
    }
}

impl Decide for OpenRound {
    type State = ProposalRegister;

    fn decide(&self, register: &ProposalRegister, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        if let Ok(round) = register.round(&self.round_id) {
            let same = round.name == self.name && round.year == self.year && round.most_starts == self.most_starts;
            return unchanged_or(same, || Refusal::already_exists("round", &self.round_id));
        }
        Ok(vec![
            RoundOpened {
                round_id: self.round_id.clone(),
                name: self.name.clone(),
                year: self.year,
                most_starts: self.most_starts,
            }
            .into(),
        ])
    }
}

impl Fold for RoundOpened {
    type State = ProposalRegister;

    fn fold(&self, register: &mut ProposalRegister, at: &Recorded<'_>) {
        register.rounds.push(ProposalRound {
            round_id: self.round_id.clone(),
            name: self.name.clone(),
            year: self.year,
            most_starts: self.most_starts,
            provenance: at.provenance(),
            ..ProposalRound::default()
        });
    }
}

impl SubmitProposal {
    fn says_what_is(&self, proposal: &Proposal) -> bool {
        let first_round = proposal.steps.first().map(|submitted| &submitted.round_id);
        let parties = proposal
            .affected_parties
            .iter()
            .filter_map(|consulted| consulted.party.as_ref());
        // Those that an assessment found later stand after those named here.
        first_round == Some(&self.round_id)
            && (&self.number, &self.title) == (&proposal.number, &proposal.title)
            && (&self.need, &self.proposer) == (&proposal.need, &proposal.proposer)
            && (proposal.cross_sector || !self.cross_sector)
            && parties.take(self.affected_parties.len()).eq(&self.affected_parties)
    }
}

impl Decide for SubmitProposal {
    type State = ProposalRegister;

    fn decide(&self, register: &ProposalRegister, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        if let Ok(proposal) = register.proposal(&self.proposal_id) {
            return unchanged_or(self.says_what_is(proposal), || {
                Refusal::already_exists("proposal", &self.proposal_id)
            });
        }
        register.round(&self.round_id)?;
        require_new_parties(&[], &self.affected_parties, "affected_parties")?;
        Ok(vec![
            ProposalSubmitted {
                proposal_id: self.proposal_id.clone(),
                round_id: self.round_id.clone(),
                number: self.number.clone(),
                title: self.title.clone(),
                need: self.need.clone(),
                proposer: self.proposer.clone(),
                cross_sector: self.cross_sector || !self.affected_parties.is_empty(),
                affected_parties: self.affected_parties.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for ProposalSubmitted {
    type State = ProposalRegister;

    fn fold(&self, register: &mut ProposalRegister, at: &Recorded<'_>) {
        let mut proposal = Proposal {
            proposal_id: self.proposal_id.clone(),
            round_id: self.round_id.clone(),
            number: self.number.clone(),
            title: self.title.clone(),
            need: self.need.clone(),
            proposer: self.proposer.clone(),
            submitted: at.effective_date.to_owned(),
            cross_sector: self.cross_sector,
            status: ProposalStatus::Open.into(),
            provenance: at.provenance(),
            ..Proposal::default()
        };
        proposal.add_affected(&self.affected_parties);
        proposal.add_step(ProposalStepKind::Submitted, at);
        register.proposals.push(proposal);
    }
}

impl Decide for GroupProposal {
    type State = ProposalRegister;

    fn decide(&self, register: &ProposalRegister, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        let proposal = register.living(&self.proposal_id, context)?;
        if proposal.group == self.group {
            return Ok(Vec::new());
        }
        Ok(vec![
            ProposalGrouped {
                proposal_id: self.proposal_id.clone(),
                group: self.group.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for ProposalGrouped {
    type State = ProposalRegister;

    fn fold(&self, register: &mut ProposalRegister, at: &Recorded<'_>) {
        if let Some(proposal) = register.step(&self.proposal_id, ProposalStepKind::Grouped, at) {
            proposal.group.clone_from(&self.group);
        }
    }
}

impl Decide for WithdrawProposal {
    type State = ProposalRegister;

    fn decide(&self, register: &ProposalRegister, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        if register.proposal(&self.proposal_id)?.status() == ProposalStatus::Withdrawn {
            return Ok(Vec::new());
        }
        let proposal = register.living(&self.proposal_id, context)?;
        if proposal.status() == ProposalStatus::Converted {
            let problem = format!("The proposal {} has become a project.", proposal.label());
            return Err(Refusal::precondition("PROPOSAL_CONVERTED", problem)
                .mend("Cancel the project instead, with CancelProject."));
        }
        context.require_reason(
            "A proposal is withdrawn for a reason.",
            "Say in the context's reason why it is withdrawn.",
        )?;
        Ok(vec![
            ProposalWithdrawn {
                proposal_id: self.proposal_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for ProposalWithdrawn {
    type State = ProposalRegister;

    fn fold(&self, register: &mut ProposalRegister, at: &Recorded<'_>) {
        let Some(proposal) = register.step(&self.proposal_id, ProposalStepKind::Withdrawn, at) else {
            return;
        };
        proposal.set_status(ProposalStatus::Withdrawn);
        let round_id = proposal.round_id.clone();
        if let Some(round) = register.rounds.iter_mut().find(|round| round.round_id == round_id) {
            round.starts.retain(|start| start.proposal_id != self.proposal_id);
        }
    }
}
