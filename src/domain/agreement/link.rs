//! The agreements that a project rests on (rule B4).

use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream};
use crate::schema::v1::*;

impl Project {
    fn is_linked_to(&self, agreement_id: &str) -> bool {
        self.agreements.iter().any(|linked| linked.agreement_id == agreement_id)
    }
}

impl AgreementTerms {
    /// Whether they name the project, or a programme that it is in on the date.
    fn is_for(&self, project: &Project, facts: &Facts<'_>, date: &str) -> bool {
        let programme: Option<&Programme> = self.programme_id.as_deref().and_then(|id| facts.state(id));
        let mut included = programme.into_iter().flat_map(|programme| &programme.projects);
        let is_in = |included: &IncludedProject| {
            included.project_id == project.project_id
                && included.from.as_str() <= date
                && included.to.as_deref().is_none_or(|to| date <= to)
        };
        self.project_ids.contains(&project.project_id) || included.any(is_in)
    }
}

impl Decide for LinkAgreement {
    type State = Project;

    fn decide(&self, project: &Project, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        if project.is_linked_to(&self.agreement_id) {
            return Ok(Vec::new());
        }
        let agreement = facts
            .state::<Agreement>(&self.agreement_id)
            .ok_or_else(|| Refusal::not_found("agreement", &self.agreement_id))?;
        let terms = agreement.latest()?.terms.as_ref();
        if !terms.is_some_and(|terms| terms.is_for(project, facts, context.effective_date)) {
            let problem = format!("{} is not for the project {}.", agreement.title(), project.name);
            return Err(Refusal::rule("B4", "AGREEMENT_FOR_OTHERS", problem)
                .mend("Amend the agreement so that it names the project or its programme, or link another one."));
        }
        Ok(vec![
            AgreementLinked {
                agreement_id: self.agreement_id.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &Project, facts: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        let agreement = facts.state_if_loaded::<Agreement>(&self.agreement_id);
        let latest = agreement.and_then(|agreement| agreement.editions.last());
        let terms = latest.and_then(|latest| latest.terms.as_ref());
        let programme = terms.and_then(|terms| terms.programme_id.as_deref());
        programme
            .map(Stream::of::<Programme>)
            .into_iter()
            .chain([Stream::of::<Agreement>(&self.agreement_id)])
            .collect()
    }
}

impl Fold for AgreementLinked {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.agreements.push(LinkedAgreement {
            agreement_id: self.agreement_id.clone(),
            provenance: at.provenance(),
        });
    }
}

impl Decide for UnlinkAgreement {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        if !project.is_linked_to(&self.agreement_id) {
            return Err(Refusal::not_found("linked agreement", &self.agreement_id));
        }
        context.require_reason(
            "A project leaves an agreement for a reason.",
            "Say in the context's reason why it no longer rests on it.",
        )?;
        Ok(vec![
            AgreementUnlinked {
                agreement_id: self.agreement_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for AgreementUnlinked {
    type State = Project;

    fn fold(&self, project: &mut Project, _: &Recorded<'_>) {
        project
            .agreements
            .retain(|linked| linked.agreement_id != self.agreement_id);
    }
}
