//! The fate of a proposal across the years, round by round (rule P4).

use crate::domain::refusal::Refusal;
use crate::schema::v1::*;

/// What became of a proposal in each round that it stood in.
///
/// # Errors
/// When there is no such proposal.
pub fn proposal_fate(register: &ProposalRegister, proposal_id: &str) -> Result<ProposalFate, Refusal> {
    let proposal = register.proposal(proposal_id)?;
    let mut rounds: Vec<ProposalFateInRound> = Vec::new();
    for step in &proposal.steps {
        if rounds.last().is_none_or(|last| last.round_id != step.round_id) {
            rounds.push(in_round(register, proposal_id, &step.round_id));
        }
        if let Some(last) = rounds.last_mut() {
            last.steps.push(step.clone());
        }
    }
    Ok(ProposalFate {
        proposal: Some(proposal.clone()),
        rounds,
        position: register.position,
    })
}

/// A round, with the places of the proposal in its priority lists.
fn in_round(register: &ProposalRegister, proposal_id: &str, round_id: &str) -> ProposalFateInRound {
    let round = register.rounds.iter().find(|round| round.round_id == round_id);
    let lists = round.into_iter().flat_map(|round| &round.priority_lists);
    let ranks = lists.filter_map(|list| {
        let place = list.proposal_ids.iter().position(|id| id == proposal_id)?;
        Some(ProposalRank {
            body: list.body.clone(),
            rank: i32::try_from(place.saturating_add(1)).unwrap_or(i32::MAX),
            of: i32::try_from(list.proposal_ids.len()).unwrap_or(i32::MAX),
            date: list.date.clone(),
            replaced: list.replaced_by_position.is_some(),
        })
    });
    ProposalFateInRound {
        round_id: round_id.to_owned(),
        name: round.map(|round| round.name.clone()).unwrap_or_default(),
        year: round.map_or(0, |round| round.year),
        steps: Vec::new(),
        ranks: ranks.collect(),
    }
}
