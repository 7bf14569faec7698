//! What becomes of a proposal: decided, carried over, turned into a project, in use (rules P1, P2 and P4).

use super::super::authority::Holder;
use super::super::seat;
use super::{Context, Decide, Decision, Facts, Fold, ProposalRegister, Recorded, Refusal, Stream, unchanged_or};
use crate::schema::v1::*;

/// How many names a sentence bears.
const NAMES: usize = 3;

impl Proposal {
    /// P1: it passes the change board before it is started. The last review by that day counts.
    fn require_passed(&self, date: &str) -> Result<(), Refusal> {
        let last = self.reviews.iter().rev().find(|review| review.date.as_str() <= date);
        let (reason, problem) = match last.map(ProposalReview::outcome) {
            Some(ReviewOutcome::Passed) => return Ok(()),
            Some(_) => ("CHANGE_BOARD_NOT_PASSED", "did not pass the change board"),
            None => ("CHANGE_BOARD_NOT_ASKED", "was not before the change board"),
        };
        let problem = format!("The proposal {} {problem} by {date}.", self.label());
        Err(Refusal::rule("P1", reason, problem).mend("Let the change board review it, and record that it passed."))
    }

    /// P2: every affected party is consulted before one that is cross-sector is started.
    fn require_consulted(&self, date: &str) -> Result<(), Refusal> {
        if !self.cross_sector {
            return Ok(());
        }
        if self.affected_parties.is_empty() {
            let problem = format!(
                "The proposal {} is cross-sector, and names no affected party.",
                self.label()
            );
            return Err(Refusal::rule("P2", "AFFECTED_PARTIES_UNKNOWN", problem)
                .mend("Assess it, name the parties that it affects, and consult them."));
        }
        let heard = |given: &Consultation| given.date.as_str() <= date;
        let unheard = |party: &&ConsultedParty| !party.consultations.iter().any(heard);
        let names: Vec<&str> = self
            .affected_parties
            .iter()
            .filter(unheard)
            .map(ConsultedParty::name)
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        let (first, more) = names.split_at(names.len().min(NAMES));
        let others = match more.len() {
            0 => String::new(),
            number => format!(" and {number} more"),
        };
        let problem = format!(
            "The proposal {} is cross-sector, and was not put to {}{others} by {date}.",
            self.label(),
            first.join(", ")
        );
        Err(Refusal::rule("P2", "AFFECTED_PARTY_NOT_CONSULTED", problem)
            .mend("Consult every affected party, and record what it answered."))
    }

    /// Refuses when what is to become of it is settled: started or converted.
    fn require_undecided(&self) -> Result<(), Refusal> {
        let settled = match self.status() {
            ProposalStatus::Started => "is to be started",
            ProposalStatus::Converted => "has become a project",
            _ => return Ok(()),
        };
        let problem = format!("The proposal {} {settled}.", self.label());
        Err(Refusal::precondition("PROPOSAL_STARTED", problem)
            .mend("Withdraw it when it is not to be done after all, or cancel its project."))
    }

    /// The decision to start it, when that was made by a date.
    fn require_started(&self, date: &str) -> Result<(), Refusal> {
        let start = self
            .decisions
            .iter()
            .find(|decision| decision.outcome() == ProposalOutcome::StartNow);
        if start.is_some_and(|start| start.date.as_str() <= date) {
            return Ok(());
        }
        let problem = format!("The start of the proposal {} was not decided by {date}.", self.label());
        Err(Refusal::precondition("PROPOSAL_NOT_STARTED", problem).mend("Decide first that it is started now."))
    }
}

impl Decide for DecideProposal {
    type State = ProposalRegister;

    fn decide(&self, register: &ProposalRegister, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        let proposal = register.proposal(&self.proposal_id)?;
        let said = |last: &ProposalDecision| {
            (last.outcome, &last.body, last.date.as_str()) == (self.outcome, &self.body, context.effective_date)
                && last.round_id == proposal.round_id
        };
        if let Some(body) = &self.body {
            seat::require_deciding_body(body, context.effective_date, facts)?;
        }
        let decided = proposal.status() != ProposalStatus::Open && proposal.status() != ProposalStatus::Withdrawn;
        if decided && proposal.decisions.last().is_some_and(said) {
            return Ok(Vec::new());
        }
        register.living(&self.proposal_id, context)?.require_undecided()?;
        match self.outcome() {
            ProposalOutcome::StartNow => {
                proposal.require_passed(context.effective_date)?;
                proposal.require_consulted(context.effective_date)?;
            }
            ProposalOutcome::Reject => context.require_reason(
                "A proposal is rejected for a reason.",
                "Say in the context's reason why, so that who proposed it can read it.",
            )?,
            _ => {}
        }
        Ok(vec![
            ProposalDecided {
                proposal_id: self.proposal_id.clone(),
                outcome: self.outcome,
                body: self.body.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &ProposalRegister, facts: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        self.body.iter().flat_map(|body| seat::streams(body, facts)).collect()
    }

    fn entitled(&self, register: &ProposalRegister, ground: Ground) -> Vec<Holder> {
        match (ground, &self.body) {
            (Ground::Body, Some(body)) => vec![Holder::Body(body.clone())],
            (Ground::Organization, None) => vec![Holder::AnyBodyOf(register.organization_id.clone())],
            _ => Vec::new(),
        }
    }

    fn outcome(&self) -> Option<MatterOutcome> {
        Some(match self.outcome() {
            ProposalOutcome::Reject => MatterOutcome::Rejected,
            ProposalOutcome::StartNow => MatterOutcome::Approved,
            _ => MatterOutcome::Deferred,
        })
    }
}

impl Fold for ProposalDecided {
    type State = ProposalRegister;

    fn fold(&self, register: &mut ProposalRegister, at: &Recorded<'_>) {
        let Some(proposal) = register.step(&self.proposal_id, ProposalStepKind::Decided, at) else {
            return;
        };
        if let Some(step) = proposal.steps.last_mut() {
            step.outcome = self.outcome;
        }
        proposal.set_status(match self.outcome() {
            ProposalOutcome::StartNow => ProposalStatus::Started,
            ProposalOutcome::Later => ProposalStatus::Later,
            ProposalOutcome::Investigate => ProposalStatus::Investigated,
            ProposalOutcome::Reject => ProposalStatus::Rejected,
            ProposalOutcome::Unspecified => proposal.status(),
        });
        let round_id = proposal.round_id.clone();
        proposal.decisions.push(ProposalDecision {
            outcome: self.outcome,
            round_id: round_id.clone(),
            date: at.effective_date.to_owned(),
            body: self.body.clone(),
            authority: at.authority.to_owned(),
            reason: at.reason.to_owned(),
        });
        if self.outcome() == ProposalOutcome::StartNow
            && let Some(round) = register.round_mut(&round_id, at)
        {
            round.starts.push(RoundStart {
                proposal_id: self.proposal_id.clone(),
                position: at.position,
            });
        }
    }
}

impl Decide for CarryOverProposal {
    type State = ProposalRegister;

    fn decide(&self, register: &ProposalRegister, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        let proposal = register.living(&self.proposal_id, context)?;
        let (from, to) = (register.round(&proposal.round_id)?, register.round(&self.round_id)?);
        if from.round_id == to.round_id {
            return Ok(Vec::new());
        }
        proposal.require_undecided()?;
        if to.year < from.year {
            let problem = format!(
                "The round {} is for {}, before {} for {}.",
                to.name, to.year, from.name, from.year
            );
            return Err(Refusal::invalid("round_id", "ROUND_IS_EARLIER", problem).mend("Name a later round."));
        }
        Ok(vec![
            ProposalCarriedOver {
                proposal_id: self.proposal_id.clone(),
                round_id: self.round_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for ProposalCarriedOver {
    type State = ProposalRegister;

    fn fold(&self, register: &mut ProposalRegister, at: &Recorded<'_>) {
        let Some(proposal) = register.step(&self.proposal_id, ProposalStepKind::CarriedOver, at) else {
            return;
        };
        proposal.round_id.clone_from(&self.round_id);
        proposal.set_status(ProposalStatus::Open);
        if let Some(step) = proposal.steps.last_mut() {
            step.round_id.clone_from(&self.round_id);
        }
    }
}

impl Decide for ConvertToProject {
    type State = ProposalRegister;

    fn decide(&self, register: &ProposalRegister, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        let proposal = register.proposal(&self.proposal_id)?;
        if let Some(known) = &proposal.project_id {
            return unchanged_or(*known == self.project_id, || {
                let problem = format!("The proposal {} has become the project {known}.", proposal.label());
                Refusal::precondition("PROPOSAL_CONVERTED", problem).mend("Submit a new proposal for another project.")
            });
        }
        register
            .living(&self.proposal_id, context)?
            .require_started(context.effective_date)?;
        facts
            .project(&self.project_id)
            .ok_or_else(|| Refusal::not_found("project", &self.project_id))?;
        Ok(vec![
            ProposalConverted {
                proposal_id: self.proposal_id.clone(),
                project_id: self.project_id.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &ProposalRegister, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        vec![Stream::project(&self.project_id)]
    }
}

impl Fold for ProposalConverted {
    type State = ProposalRegister;

    fn fold(&self, register: &mut ProposalRegister, at: &Recorded<'_>) {
        if let Some(proposal) = register.step(&self.proposal_id, ProposalStepKind::Converted, at) {
            proposal.set_status(ProposalStatus::Converted);
            proposal.project_id = Some(self.project_id.clone());
        }
    }
}

impl Decide for RecordRealization {
    type State = ProposalRegister;

    fn decide(&self, register: &ProposalRegister, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        let proposal = register.proposal(&self.proposal_id)?;
        if proposal.status() == ProposalStatus::Realized {
            return unchanged_or(proposal.realized_as == self.note, || {
                let problem = format!("The proposal {} is in use already.", proposal.label());
                Refusal::precondition("PROPOSAL_REALIZED", problem)
                    .mend("Submit a new proposal for what is still missing.")
            });
        }
        register
            .living(&self.proposal_id, context)?
            .require_started(context.effective_date)?;
        let project = proposal.project_id.as_deref().and_then(|id| facts.project(id));
        if let Some(project) = project.filter(|project| project.status() == ProjectStatus::Cancelled) {
            let problem = format!("The project {}, which it became, was cancelled.", project.name);
            return Err(Refusal::precondition("PROJECT_CANCELLED", problem)
                .mend("Submit a new proposal when it is to be done after all."));
        }
        Ok(vec![
            ProposalRealized {
                proposal_id: self.proposal_id.clone(),
                note: self.note.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, register: &ProposalRegister, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        let proposal = register.proposal(&self.proposal_id);
        let project_id = proposal.ok().and_then(|proposal| proposal.project_id.as_deref());
        project_id.map(Stream::project).into_iter().collect()
    }
}

impl Fold for ProposalRealized {
    type State = ProposalRegister;

    fn fold(&self, register: &mut ProposalRegister, at: &Recorded<'_>) {
        if let Some(proposal) = register.step(&self.proposal_id, ProposalStepKind::Realized, at) {
            proposal.set_status(ProposalStatus::Realized);
            proposal.realized_as.clone_from(&self.note);
        }
    }
}
