//! What is found in a register of proposals (rule P3).

use super::super::Suspicion;
use super::super::since::{Each, Followers};
use crate::schema::v1::*;

/// P3: more proposals started in a round than its limit.
pub(in crate::domain) fn find(register: &ProposalRegister, _today: &str, found: &mut Vec<Suspicion>) {
    for round in &register.rounds {
        round.find(found);
    }
}

pub(in crate::domain) fn follow() -> Followers<ProposalRegister> {
    vec![Each::of("rounds", |register, _, index, _, found| {
        register.rounds[index].find(found);
    })]
}

impl ProposalRound {
    fn find(&self, found: &mut Vec<Suspicion>) {
        let over = |most: &i32| usize::try_from(*most).is_ok_and(|most| self.starts.len() > most);
        if let Some(most) = self.most_starts.filter(over) {
            found.push(Suspicion {
                code: "P3",
                severity: Severity::Warning,
                description: format!(
                    "{} proposals are started in the round {}, whose limit is {most}.",
                    self.starts.len(),
                    self.name
                ),
                entities: vec![self.round_id.clone()],
                events: self.starts.iter().map(|start| start.position).collect(),
            });
        }
    }
}
