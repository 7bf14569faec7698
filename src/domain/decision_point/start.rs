//! Start decision: finance and agreement must be settled before a project starts (rule B4).

use super::{Context, Facts, Refusal, Stream};
use crate::schema::v1::*;

impl DecisionPoint {
    /// B4: a project starts only when its finance was settled by that day.
    pub(super) fn require_settled_finance(&self, project: &Project, date: &str) -> Result<(), Refusal> {
        let approval = project.budget.as_ref().and_then(|budget| budget.approvals.last());
        let settled =
            || project.finance_is_settled() && approval.is_some_and(|last| last.effective_date.as_str() <= date);
        if self.kind() != DecisionPointKind::Start || settled() {
            return Ok(());
        }
        let problem = format!(
            "{} starts the project, and its finance was not settled by {date}.",
            self.label()
        );
        Err(Refusal::rule("B4", "FINANCE_NOT_SETTLED", problem).mend("Have the budget approved first."))
    }

    /// B4: a project starts only while every agreement that it rests on is in force, and a cooperation rests on at least one.
    /// Answers which edition of each.
    pub(super) fn require_settled_agreements(
        &self,
        project: &Project,
        facts: &Facts<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<AgreementBasis>, Refusal> {
        if self.kind() != DecisionPointKind::Start {
            return Ok(Vec::new());
        }
        let owners = project.owning_organizations(context.effective_date);
        if project.agreements.is_empty() && owners > 1 {
            let problem = format!(
                "{} starts the project, which {owners} organisations own together, and it rests on no agreement between them.",
                self.label()
            );
            return Err(Refusal::rule("B4", "AGREEMENT_MISSING", problem)
                .mend("Draft the agreement, have every party sign it, and link it with LinkAgreement."));
        }
        let linked = project.agreements.iter().map(|linked| linked.agreement_id.as_str());
        let in_force = |id: &str| {
            let agreement = facts
                .state::<Agreement>(id)
                .ok_or_else(|| Refusal::not_found("agreement", id))?;
            let edition = agreement.in_force_on(context.effective_date).map_err(|why| {
                let problem = format!(
                    "{} starts the project, and its agreement is not in force: {why}",
                    self.label()
                );
                Refusal::rule("B4", "AGREEMENT_NOT_IN_FORCE", problem).mend(
                    "Have every party sign the agreement first, or unlink it when the project does not rest on it.",
                )
            })?;
            Ok(AgreementBasis {
                agreement_id: id.to_owned(),
                edition: edition.edition,
            })
        };
        linked.map(in_force).collect()
    }

    /// The streams of the agreements that this decision may rest on.
    pub(super) fn agreement_streams(&self, project: &Project) -> Vec<Stream> {
        if self.kind() != DecisionPointKind::Start {
            return Vec::new();
        }
        let linked = project.agreements.iter();
        linked
            .map(|linked| Stream::of::<Agreement>(&linked.agreement_id))
            .collect()
    }
}
