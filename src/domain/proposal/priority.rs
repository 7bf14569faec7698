//! Priority list (prioriteringsliste): a total order by one body for one round (rule P5).

use std::collections::{HashMap, HashSet};

use super::super::authority::Holder;
use super::super::seat;
use super::{Context, Decide, Decision, Facts, Fold, ProposalRegister, Recorded, Refusal, Stream};
use crate::schema::v1::*;

impl ProposalRound {
    /// The list of a body that holds now.
    fn standing_list(&self, body: Option<&BodyReference>) -> Option<&PriorityList> {
        let own = |list: &&PriorityList| list.body.as_ref() == body && list.replaced_by_position.is_none();
        self.priority_lists.iter().rev().find(own)
    }
}

impl PrioritizeProposals {
    fn require_body(&self, facts: &Facts<'_>, context: &Context<'_>) -> Result<(), Refusal> {
        let nowhere = BodyReference::default();
        let reference = self.body.as_ref().unwrap_or(&nowhere);
        seat::require_body(reference, context.effective_date, facts).map(|_| ())
    }

    /// P5: the list is a total order of what may be started in the round: each proposal once, none of another round, and none
    /// left out that is still to be decided.
    fn require_total_order(&self, register: &ProposalRegister) -> Result<(), Refusal> {
        let proposals = register.proposals.iter();
        let of_round: HashMap<&str, &Proposal> = proposals
            .filter(|proposal| proposal.round_id == self.round_id)
            .map(|proposal| (proposal.proposal_id.as_str(), proposal))
            .collect();
        let mut listed = HashSet::new();
        for id in &self.proposal_ids {
            let proposal = of_round.get(id.as_str()).ok_or_else(|| {
                let problem = format!("The proposal {id} does not stand in this round.");
                Refusal::rule("P5", "PROPOSAL_NOT_IN_ROUND", problem)
                    .mend("Carry it over to the round first, or leave it out of the list.")
            })?;
            if proposal.status() == ProposalStatus::Withdrawn {
                let problem = format!("The proposal {} has been withdrawn.", proposal.label());
                return Err(Refusal::rule("P5", "PROPOSAL_WITHDRAWN", problem).mend("Leave it out of the list."));
            }
            if !listed.insert(id.as_str()) {
                let problem = format!("The proposal {} stands on the list twice.", proposal.label());
                return Err(Refusal::rule("P5", "PROPOSAL_REPEATED", problem).mend("Name it once, where it belongs."));
            }
        }
        let left_out = |proposal: &&Proposal| {
            proposal.round_id == self.round_id
                && proposal.status() == ProposalStatus::Open
                && !listed.contains(proposal.proposal_id.as_str())
        };
        let mut left_out = register.proposals.iter().filter(left_out);
        let Some(first) = left_out.next() else { return Ok(()) };
        let more = left_out.count();
        let problem = format!(
            "The list leaves out {} and {more} more of the proposals that are to be decided in the round.",
            first.label()
        );
        Err(Refusal::rule("P5", "PROPOSAL_LEFT_OUT", problem)
            .mend("Give every undecided proposal of the round its place, or carry it over or withdraw it first."))
    }
}

impl Decide for PrioritizeProposals {
    type State = ProposalRegister;

    fn decide(&self, register: &ProposalRegister, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        let round = register.round(&self.round_id)?;
        self.require_body(facts, context)?;
        let same = |list: &PriorityList| list.proposal_ids == self.proposal_ids && list.date == context.effective_date;
        if round.standing_list(self.body.as_ref()).is_some_and(same) {
            return Ok(Vec::new());
        }
        self.require_total_order(register)?;
        Ok(vec![
            ProposalsPrioritized {
                round_id: self.round_id.clone(),
                body: self.body.clone(),
                proposal_ids: self.proposal_ids.clone(),
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

impl Fold for ProposalsPrioritized {
    type State = ProposalRegister;

    fn fold(&self, register: &mut ProposalRegister, at: &Recorded<'_>) {
        let Some(round) = register.round_mut(&self.round_id, at) else {
            return;
        };
        for list in &mut round.priority_lists {
            if list.body == self.body && list.replaced_by_position.is_none() {
                list.replaced_by_position = Some(at.position);
            }
        }
        round.priority_lists.push(PriorityList {
            body: self.body.clone(),
            date: at.effective_date.to_owned(),
            proposal_ids: self.proposal_ids.clone(),
            position: at.position,
            replaced_by_position: None,
        });
    }
}
