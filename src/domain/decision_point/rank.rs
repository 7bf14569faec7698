//! Rank (rang): who may overturn what whom decided, and what is never for the leader to decide (rule W10).

use super::{Facts, Refusal};
use crate::schema::v1::*;

/// How high a decider stands; the order is that of the variants, highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Council,
    ExecutiveBoard,
    SteeringGroup,
    Office,
    Owner,
    Role,
}

impl Decider {
    /// What it is in rank; a body that is not known stands as low as a group.
    fn rank(&self, facts: &Facts<'_>) -> Option<Rank> {
        Some(match self.decider.as_ref()? {
            decider::Decider::Body(reference) => {
                let organization = facts.organization(&reference.organization_id);
                let body = organization.and_then(|organization| organization.body(&reference.body_id));
                match body.map(Body::kind) {
                    Some(BodyKind::MunicipalCouncil) => Rank::Council,
                    Some(BodyKind::ExecutiveBoard) => Rank::ExecutiveBoard,
                    _ => Rank::SteeringGroup,
                }
            }
            decider::Decider::Office(_) => Rank::Office,
            decider::Decider::Role(role) if *role == i32::from(ProjectRole::Owner) => Rank::Owner,
            decider::Decider::Role(role) if *role == i32::from(ProjectRole::SteeringGroup) => Rank::SteeringGroup,
            decider::Decider::Role(_) => Rank::Role,
        })
    }

    /// W10: what binds the owner is never the leader's to decide.
    pub(super) fn require_enough_for(&self, kind: DecisionPointKind) -> Result<(), Refusal> {
        let leader = decider::Decider::Role(ProjectRole::Leader.into());
        let binding = matches!(
            kind,
            DecisionPointKind::Start
                | DecisionPointKind::Extension
                | DecisionPointKind::Budget
                | DecisionPointKind::ContractAward
                | DecisionPointKind::ProjectClosing
        );
        if !binding || self.decider != Some(leader) {
            return Ok(());
        }
        let problem = "Start, extension, budget, award and closing are never the project leader's to decide.";
        Err(Refusal::rule("W10", "NEVER_THE_LEADER", problem)
            .mend("Name the owner, an office or a body that decides as the decider."))
    }

    /// W10: the same decider, or one above it, overturns what was decided.
    pub(super) fn require_may_overturn(&self, superseded: &DecisionPoint, facts: &Facts<'_>) -> Result<(), Refusal> {
        let Some(before) = &superseded.decider else {
            return Ok(());
        };
        if self == before || self.rank(facts) < before.rank(facts) {
            return Ok(());
        }
        let problem = format!(
            "The decision point {} was decided by another than this decider, and not by one below it.",
            superseded.label()
        );
        Err(Refusal::rule("W10", "DECIDER_TOO_LOW", problem)
            .mend("Name the decider of that point, or one above it: council, executive board, steering group, office, owner, other roles."))
    }
}
