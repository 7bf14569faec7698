//! Deliverable (prosjektprodukt): defined, delivered, and accepted, rejected or dropped; handed over beside (rules L1, L2, F3, J2).

mod handover;
mod reading;

use super::authority::Holder;
use super::since::{Each, Followers};
use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream, Suspicion, unchanged_or};
use crate::schema::v1::*;

pub use reading::handover_reading;

impl Project {
    fn deliverable(&self, id: &str) -> Result<&Deliverable, Refusal> {
        self.deliverables
            .iter()
            .find(|deliverable| deliverable.deliverable_id == id)
            .ok_or_else(|| Refusal::not_found("deliverable", id))
    }

    /// The deliverable, when it is not dropped.
    fn standing_deliverable(&self, id: &str) -> Result<&Deliverable, Refusal> {
        let deliverable = self.deliverable(id)?;
        let Some(dropped) = &deliverable.dropped else {
            return Ok(deliverable);
        };
        let problem = format!("The deliverable {} was dropped on {dropped}.", deliverable.name);
        Err(Refusal::precondition("DELIVERABLE_DROPPED", problem)
            .mend("Define a new deliverable when it is made after all."))
    }

    /// The deliverable, when it is neither dropped nor accepted.
    fn open_deliverable(&self, id: &str) -> Result<&Deliverable, Refusal> {
        let deliverable = self.standing_deliverable(id)?;
        let Some(accepted) = &deliverable.accepted else {
            return Ok(deliverable);
        };
        let problem = format!("The deliverable {} was accepted on {accepted}.", deliverable.name);
        Err(Refusal::precondition("DELIVERABLE_ACCEPTED", problem)
            .mend("Define a new deliverable for what is still to be made."))
    }

    fn deliverable_mut(&mut self, id: &str, at: &Recorded<'_>) -> Option<&mut Deliverable> {
        let deliverable = self
            .deliverables
            .iter_mut()
            .find(|deliverable| deliverable.deliverable_id == id)?;
        at.touch(&mut deliverable.provenance);
        Some(deliverable)
    }

    /// F3 and J2: what ends a phase, or the whole project when none is named, was accepted or dropped by a date.
    pub(super) fn require_deliverables_settled(
        &self,
        phase: Option<&Phase>,
        date: &str,
        rule: &'static str,
    ) -> Result<(), Refusal> {
        let concerned = |deliverable: &&Deliverable| {
            phase.is_none_or(|phase| deliverable.phase_id.as_deref() == Some(&phase.phase_id))
        };
        let open: Vec<&str> = self
            .deliverables
            .iter()
            .filter(|deliverable| concerned(deliverable) && !deliverable.is_settled_by(date))
            .map(|deliverable| deliverable.name.as_str())
            .collect();
        let Some(first) = open.first() else { return Ok(()) };
        let whole = phase.map_or_else(|| "The project".to_owned(), Phase::label);
        let problem = format!(
            "{whole} has {} deliverable(s) that were neither accepted nor dropped by {date}, the first: {first}.",
            open.len()
        );
        Err(Refusal::rule(rule, "DELIVERABLE_NOT_ACCEPTED", problem)
            .mend("Have each deliverable accepted (AcceptDeliverable), or drop it for a reason (DropDeliverable)."))
    }
}

impl Deliverable {
    /// Whether it was accepted or dropped by a date.
    fn is_settled_by(&self, date: &str) -> bool {
        let by_then = |day: &Option<String>| day.as_deref().is_some_and(|day| day <= date);
        by_then(&self.accepted) || by_then(&self.dropped)
    }

    /// Refuses to judge what was not delivered by the effective date.
    fn require_delivered(&self, context: &Context<'_>) -> Result<(), Refusal> {
        let waiting = self.status() == DeliverableStatus::Delivered;
        let delivery = self
            .deliveries
            .last()
            .filter(|last| waiting && last.delivered.as_str() <= context.effective_date);
        if delivery.is_some() {
            return Ok(());
        }
        let problem = format!(
            "Nothing of the deliverable {} that waits for a judgement was delivered by {}.",
            self.name, context.effective_date
        );
        Err(Refusal::precondition("NOT_DELIVERED", problem).mend("Record the delivery first (Deliver)."))
    }
}

impl Decide for DefineDeliverable {
    type State = Project;

    fn decide(&self, project: &Project, facts: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        if let Ok(deliverable) = project.deliverable(&self.deliverable_id) {
            let same = (&self.name, &self.description) == (&deliverable.name, &deliverable.description)
                && (&self.phase_id, &self.due) == (&deliverable.phase_id, &deliverable.due)
                && self.receiver == deliverable.receiver;
            return unchanged_or(same, || Refusal::already_exists("deliverable", &self.deliverable_id));
        }
        if let Some(phase_id) = &self.phase_id {
            project.phase_not_over(phase_id)?;
        }
        if let Some(id) = &self.receiver {
            facts
                .organization(id)
                .ok_or_else(|| Refusal::not_found("organisation", id))?;
        }
        Ok(vec![
            DeliverableDefined {
                deliverable_id: self.deliverable_id.clone(),
                name: self.name.clone(),
                description: self.description.clone(),
                phase_id: self.phase_id.clone(),
                due: self.due.clone(),
                receiver: self.receiver.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &Project, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        self.receiver.iter().map(|id| Stream::organization(id)).collect()
    }
}

impl Fold for DeliverableDefined {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.deliverables.push(Deliverable {
            deliverable_id: self.deliverable_id.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            phase_id: self.phase_id.clone(),
            due: self.due.clone(),
            receiver: self.receiver.clone(),
            status: DeliverableStatus::Defined.into(),
            provenance: at.provenance(),
            ..Deliverable::default()
        });
    }
}

impl Decide for Deliver {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let deliverable = project.open_deliverable(&self.deliverable_id)?;
        let last = deliverable.deliveries.last();
        if deliverable.status() == DeliverableStatus::Delivered
            && let Some(last) = last
        {
            let same = last.delivered == context.effective_date
                && (&last.documents, &last.note) == (&self.documents, &self.note);
            return unchanged_or(same, || {
                let problem = format!(
                    "The deliverable {} was delivered on {} and waits for a judgement.",
                    deliverable.name, last.delivered
                );
                Refusal::precondition("DELIVERED_ALREADY", problem).mend("Have it accepted or rejected first.")
            });
        }
        if let Some(rejected) = last.and_then(|last| last.rejected.as_deref())
            && context.effective_date < rejected
        {
            let problem = format!(
                "The deliverable {} was rejected on {rejected}, after {}.",
                deliverable.name, context.effective_date
            );
            return Err(
                Refusal::invalid("context.effective_date", "DELIVERED_BEFORE_REJECTION", problem)
                    .mend("Give the day that it was delivered again."),
            );
        }
        Ok(vec![
            DeliverableDelivered {
                deliverable_id: self.deliverable_id.clone(),
                documents: self.documents.clone(),
                note: self.note.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for DeliverableDelivered {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(deliverable) = project.deliverable_mut(&self.deliverable_id, at) {
            deliverable.set_status(DeliverableStatus::Delivered);
            deliverable.deliveries.push(Delivery {
                delivered: at.effective_date.to_owned(),
                documents: self.documents.clone(),
                note: self.note.clone(),
                ..Delivery::default()
            });
        }
    }
}

impl Project {
    /// The organisation that receives the deliverable, when one is named (W1).
    fn receivers(&self, deliverable_id: &str, ground: Ground) -> Vec<Holder> {
        let deliverable = self
            .deliverable(deliverable_id)
            .ok()
            .filter(|_| ground == Ground::Named);
        let receiver = deliverable.and_then(|deliverable| deliverable.receiver.clone());
        receiver.map(Holder::Organization).into_iter().collect()
    }
}

impl Decide for AcceptDeliverable {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let deliverable = project.deliverable(&self.deliverable_id)?;
        if deliverable.accepted.as_deref() == Some(context.effective_date) {
            return Ok(Vec::new());
        }
        project
            .open_deliverable(&self.deliverable_id)?
            .require_delivered(context)?;
        Ok(vec![
            DeliverableAccepted {
                deliverable_id: self.deliverable_id.clone(),
            }
            .into(),
        ])
    }

    fn entitled(&self, project: &Project, ground: Ground) -> Vec<Holder> {
        project.receivers(&self.deliverable_id, ground)
    }
}

impl Fold for DeliverableAccepted {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(deliverable) = project.deliverable_mut(&self.deliverable_id, at) {
            deliverable.set_status(DeliverableStatus::Accepted);
            deliverable.accepted = Some(at.effective_date.to_owned());
            at.subject.clone_into(&mut deliverable.accepted_by);
        }
    }
}

impl Decide for RejectDeliverable {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let deliverable = project.open_deliverable(&self.deliverable_id)?;
        let same =
            |last: &Delivery| last.rejected.as_deref() == Some(context.effective_date) && last.faults == self.faults;
        if deliverable.status() == DeliverableStatus::Rejected && deliverable.deliveries.last().is_some_and(same) {
            return Ok(Vec::new());
        }
        deliverable.require_delivered(context)?;
        Ok(vec![
            DeliverableRejected {
                deliverable_id: self.deliverable_id.clone(),
                faults: self.faults.clone(),
            }
            .into(),
        ])
    }

    fn entitled(&self, project: &Project, ground: Ground) -> Vec<Holder> {
        project.receivers(&self.deliverable_id, ground)
    }
}

impl Fold for DeliverableRejected {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(deliverable) = project.deliverable_mut(&self.deliverable_id, at) {
            deliverable.set_status(DeliverableStatus::Rejected);
            if let Some(last) = deliverable.deliveries.last_mut() {
                last.rejected = Some(at.effective_date.to_owned());
                last.faults.clone_from(&self.faults);
            }
        }
    }
}

impl Decide for DropDeliverable {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        if project.deliverable(&self.deliverable_id)?.status() == DeliverableStatus::Dropped {
            return Ok(Vec::new());
        }
        let deliverable = project.open_deliverable(&self.deliverable_id)?;
        context.require_reason(
            format!("The deliverable {} is dropped for a reason.", deliverable.name),
            "Say in the context's reason why the project can do without it.",
        )?;
        Ok(vec![
            DeliverableDropped {
                deliverable_id: self.deliverable_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for DeliverableDropped {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(deliverable) = project.deliverable_mut(&self.deliverable_id, at) {
            deliverable.set_status(DeliverableStatus::Dropped);
            deliverable.dropped = Some(at.effective_date.to_owned());
            at.reason.clone_into(&mut deliverable.drop_reason);
        }
    }
}

/// What is due and not delivered. In a project that has ended nothing is delivered any more.
pub(super) fn find(project: &Project, today: &str, found: &mut Vec<Suspicion>) {
    if project.require_active().is_err() {
        return;
    }
    for deliverable in &project.deliverables {
        deliverable.find_overdue(today, found);
    }
}

pub(super) fn follow() -> Followers<Project> {
    vec![Each::of("deliverables", |project, _, index, today, found| {
        project.deliverables[index].find_overdue(today, found);
    })]
}

impl Deliverable {
    fn find_overdue(&self, today: &str, found: &mut Vec<Suspicion>) {
        let waiting = matches!(self.status(), DeliverableStatus::Defined | DeliverableStatus::Rejected);
        if let Some(due) = self.due.as_deref().filter(|due| waiting && *due < today) {
            found.push(Suspicion {
                code: "DELIVERABLE_OVERDUE",
                severity: Severity::Warning,
                description: format!("The deliverable {} was due by {due} and is not delivered.", self.name),
                entities: vec![self.deliverable_id.clone()],
                events: self
                    .provenance
                    .iter()
                    .map(|provenance| provenance.last_position)
                    .collect(),
            });
        }
    }
}
