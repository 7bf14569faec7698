//! What is found in a register of proposals (rule P3).

use super::super::Suspicion;
use crate::schema::v1::*;

/// Everything that the rules find in a register as it stands. P3: more proposals started in a round than its limit.
#[must_use]
pub fn proposal_findings(register: &ProposalRegister, _today: &str) -> Vec<Suspicion> {
    let over = register.rounds.iter().filter_map(|round| {
        let most = round.most_starts?;
        let over = usize::try_from(most).is_ok_and(|most| round.starts.len() > most);
        over.then_some((round, most))
    });
    over.map(|(round, most)| Suspicion {
        code: "P3",
        severity: Severity::Warning,
        description: format!(
            "{} proposals are started in the round {}, whose limit is {most}.",
            round.starts.len(),
            round.name
        ),
        entities: vec![round.round_id.clone()],
        events: round.starts.iter().map(|start| start.position).collect(),
    })
    .collect()
}
