//! Handover (overlevering): to whom an accepted deliverable goes, and which municipalities take part in it (rules L1, L2).

use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream, unchanged_or};
use crate::schema::v1::*;

impl OrganizationReference {
    /// The organisation that it names by its id.
    fn registered<'a>(&self, facts: &Facts<'a>) -> Option<&'a Organization> {
        self.organization_id.as_deref().and_then(|id| facts.organization(id))
    }
}

impl HandOver {
    /// L1: only what was accepted is handed over, and not before.
    fn require_accepted(&self, deliverable: &Deliverable, date: &str) -> Result<(), Refusal> {
        if deliverable.accepted.as_deref().is_some_and(|accepted| accepted <= date) {
            return Ok(());
        }
        let problem = format!("The deliverable {} was not accepted by {date}.", deliverable.name);
        Err(Refusal::rule("L1", "NOT_ACCEPTED", problem).mend("Have it accepted first (AcceptDeliverable)."))
    }

    /// L1: who hosts it is a municipality, or a county, which is one for its own services.
    fn require_host(&self, facts: &Facts<'_>) -> Result<(), Refusal> {
        let Some(host) = &self.host_municipality else {
            return Ok(());
        };
        host.check("host_municipality", |id| facts.organization(id))?;
        match host.registered(facts) {
            Some(organization)
                if !matches!(
                    organization.kind(),
                    OrganizationKind::Municipality | OrganizationKind::County
                ) =>
            {
                let problem = format!(
                    "{} is no municipality, so it hosts nothing by itself.",
                    organization.name
                );
                Err(Refusal::rule("L1", "HOST_NOT_A_MUNICIPALITY", problem)
                    .mend("Name the municipality that hosts it on behalf of the others."))
            }
            _ => Ok(()),
        }
    }
}

impl Decide for HandOver {
    type State = Project;

    fn decide(&self, project: &Project, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let deliverable = project.standing_deliverable(&self.deliverable_id)?;
        let known = deliverable
            .handovers
            .iter()
            .find(|handover| handover.handover_id == self.handover_id);
        if let Some(known) = known {
            let same = known.receiving_line_organization == self.receiving_line_organization
                && known.host_municipality == self.host_municipality
                && known.handed_over == context.effective_date;
            return unchanged_or(same, || Refusal::already_exists("handover", &self.handover_id));
        }
        self.require_accepted(deliverable, context.effective_date)?;
        self.require_host(facts)?;
        Ok(vec![
            DeliverableHandedOver {
                deliverable_id: self.deliverable_id.clone(),
                handover_id: self.handover_id.clone(),
                receiving_line_organization: self.receiving_line_organization.clone(),
                host_municipality: self.host_municipality.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &Project, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        self.host_municipality
            .iter()
            .filter_map(OrganizationReference::stream)
            .collect()
    }
}

impl Fold for DeliverableHandedOver {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(deliverable) = project.deliverable_mut(&self.deliverable_id, at) {
            deliverable.handovers.push(Handover {
                handover_id: self.handover_id.clone(),
                receiving_line_organization: self.receiving_line_organization.clone(),
                host_municipality: self.host_municipality.clone(),
                handed_over: at.effective_date.to_owned(),
            });
        }
    }
}

impl Decide for ChangeParticipants {
    type State = Project;

    fn decide(&self, project: &Project, facts: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let deliverable = project.standing_deliverable(&self.deliverable_id)?;
        if deliverable.participants == self.participants {
            return Ok(Vec::new());
        }
        for (index, participant) in self.participants.iter().enumerate() {
            let field = format!("participants[{index}]");
            participant.check(&field, |id| facts.organization(id))?;
            let mut earlier = self.participants.iter().take(index);
            if earlier.any(|earlier| earlier.organization_number == participant.organization_number) {
                let problem = format!(
                    "{} ({}) is named twice.",
                    participant.name, participant.organization_number
                );
                return Err(
                    Refusal::invalid(&field, "PARTICIPANT_REPEATED", problem).mend("Name each municipality once.")
                );
            }
        }
        Ok(vec![
            ParticipantsChanged {
                deliverable_id: self.deliverable_id.clone(),
                participants: self.participants.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &Project, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        self.participants
            .iter()
            .filter_map(OrganizationReference::stream)
            .collect()
    }
}

impl Fold for ParticipantsChanged {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(deliverable) = project.deliverable_mut(&self.deliverable_id, at) {
            deliverable.participants.clone_from(&self.participants);
        }
    }
}
