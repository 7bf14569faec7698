//! Matter (sak): what a decision of a body treats, and whether it is recorded (rules O3, V10).

use super::super::{Facts, Refusal, Stream};
use crate::schema::v1::*;

impl Matter {
    /// The stream that has to be known to say whether it is recorded.
    pub(super) fn stream(&self) -> Option<Stream> {
        let id = self.stream_id.as_deref()?;
        match self.kind() {
            MatterKind::Proposal | MatterKind::ProposalRegister => Some(Stream::of::<ProposalRegister>(id)),
            MatterKind::Programme => Some(Stream::of::<Programme>(id)),
            kind if kind.is_in_project() || kind == MatterKind::Assignment => Some(Stream::project(id)),
            // What a body elects, establishes, delegates or agrees to is often recorded after its decision.
            _ => None,
        }
    }

    /// The stream that it is or will be recorded in.
    pub(super) fn recorded_in(&self) -> Option<Stream> {
        let id = self.stream_id.as_deref()?;
        match self.kind() {
            MatterKind::Agreement => Some(Stream::of::<Agreement>(id)),
            MatterKind::Appointment
            | MatterKind::Body
            | MatterKind::Office
            | MatterKind::Delegation
            | MatterKind::Organization => Some(Stream::organization(id)),
            _ => self.stream(),
        }
    }

    /// O3: what a decision refers to is recorded, when it is something that is recorded before it is decided.
    pub(super) fn require_recorded(&self, facts: &Facts<'_>) -> Result<(), Refusal> {
        let Some(stream_id) = &self.stream_id else {
            return self.require_nameless();
        };
        let id = self.matter_id();
        match self.kind() {
            MatterKind::Proposal | MatterKind::ProposalRegister => {
                let register: &ProposalRegister = facts
                    .state(stream_id)
                    .ok_or_else(|| Refusal::not_found("register of proposals", stream_id))?;
                let known = register.proposals.iter().any(|proposal| proposal.proposal_id == id);
                found(self.kind() == MatterKind::ProposalRegister || known, "proposal", id)
            }
            MatterKind::Programme => {
                let programme: Option<&Programme> = facts.state(stream_id);
                found(programme.is_some(), "programme", stream_id)
            }
            kind if kind.is_in_project() || kind == MatterKind::Assignment => {
                let project = facts
                    .project(stream_id)
                    .ok_or_else(|| Refusal::not_found("project", stream_id))?;
                found(project.has_matter(kind, id), &kind.in_words(), id)
            }
            _ => Ok(()),
        }
    }

    /// Only what nothing here has a name for is in no stream.
    fn require_nameless(&self) -> Result<(), Refusal> {
        if self.kind() == MatterKind::Other {
            return Ok(());
        }
        let problem = format!("It is not said where the {} is recorded.", self.kind().in_words());
        Err(Refusal::invalid("minutes.decisions", "STREAM_REQUIRED", problem)
            .mend("Give `stream_id`, or the kind other where nothing here has a name for it."))
    }
}

impl MatterKind {
    /// Whether it is a part of a project that is there before it is decided, or the project itself.
    const fn is_in_project(self) -> bool {
        matches!(
            self,
            Self::DecisionPoint
                | Self::Report
                | Self::Project
                | Self::Phase
                | Self::Document
                | Self::Deliverable
                | Self::Procurement
                | Self::Risk
                | Self::Deviation
                | Self::Benefit
        )
    }
}

impl Project {
    /// Whether this part of it is recorded.
    fn has_matter(&self, kind: MatterKind, id: &str) -> bool {
        match kind {
            MatterKind::DecisionPoint => self.decision_point(id).is_ok(),
            MatterKind::Report => self.reports.iter().any(|report| report.report_id == id),
            MatterKind::Phase => self.phases.iter().any(|phase| phase.phase_id == id),
            MatterKind::Document => self.documents.iter().any(|document| document.document_id == id),
            MatterKind::Deliverable => self
                .deliverables
                .iter()
                .any(|deliverable| deliverable.deliverable_id == id),
            MatterKind::Procurement => self
                .procurements
                .iter()
                .any(|procurement| procurement.procurement_id == id),
            MatterKind::Risk => self.risks.iter().any(|risk| risk.risk_id == id),
            MatterKind::Deviation => self.deviations.iter().any(|deviation| deviation.deviation_id == id),
            MatterKind::Benefit => self.benefits.iter().any(|benefit| benefit.benefit_id == id),
            _ => true,
        }
    }
}

fn found(known: bool, what: &str, id: &str) -> Result<(), Refusal> {
    known.then_some(()).ok_or_else(|| Refusal::not_found(what, id))
}
