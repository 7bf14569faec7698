//! Appointment (verv): who sits in which body, by whose choice, for whom, and when (rule O4).

use super::super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream, authority, unchanged_or};
use super::require_order;
use crate::schema::v1::*;

impl Organization {
    /// Who sits in the body on the date, observers included (O4). Whoever sits in a body of this organisation that it is composed
    /// of, sits in it (O2); who sits in one of another organisation is read there.
    #[must_use]
    pub fn sitting(&self, body_id: &str, date: &str) -> Vec<&Appointment> {
        let bodies = self.composition(body_id);
        if bodies.iter().any(|body| !body.stands_on(date)) {
            return Vec::new();
        }
        self.appointments_to(body_id)
            .into_iter()
            .filter(|appointment| appointment.holds_on(date))
            .collect()
    }

    /// Every appointment to the body, past and coming ones included, in the order they were recorded.
    #[must_use]
    pub fn appointments_to(&self, body_id: &str) -> Vec<&Appointment> {
        let bodies = self.composition(body_id);
        let to_one_of_them = |appointment: &&Appointment| {
            appointment
                .terms
                .as_ref()
                .is_some_and(|terms| bodies.iter().any(|body| body.body_id == terms.body_id))
        };
        self.appointments.iter().filter(to_one_of_them).collect()
    }

    fn appointment(&self, id: &str) -> Result<&Appointment, Refusal> {
        self.appointments
            .iter()
            .find(|appointment| appointment.appointment_id == id)
            .ok_or_else(|| Refusal::not_found("appointment", id))
    }

    /// Ends what goes on for longer than the body.
    pub(super) fn end_appointments(&mut self, body_id: &str, dissolved: &str, at: &Recorded<'_>) {
        for appointment in &mut self.appointments {
            let Some(terms) = appointment.terms.as_mut().filter(|terms| terms.body_id == body_id) else {
                continue;
            };
            if terms.to.as_deref().is_none_or(|to| dissolved < to) {
                terms.to = Some(dissolved.to_owned());
                at.touch(&mut appointment.provenance);
            }
        }
    }
}

impl Body {
    /// Whether it exists on the date.
    pub(in crate::domain) fn stands_on(&self, date: &str) -> bool {
        self.established.as_str() <= date && self.dissolved.as_deref().is_none_or(|dissolved| date <= dissolved)
    }
}

impl Appointment {
    /// Whether the person is appointed on the date (O4).
    #[must_use]
    pub fn holds_on(&self, date: &str) -> bool {
        self.terms
            .as_ref()
            .is_some_and(|terms| terms.from.as_str() <= date && terms.to.as_deref().is_none_or(|to| date <= to))
    }
}

impl Decide for AppointMember {
    type State = Organization;

    fn decide(&self, organization: &Organization, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        if let Ok(known) = organization.appointment(&self.appointment_id) {
            return unchanged_or(known.terms == self.terms, || {
                Refusal::already_exists("appointment", &self.appointment_id)
            });
        }
        let Some(terms) = &self.terms else {
            return Err(
                Refusal::invalid("terms", "TERMS_REQUIRED", "The appointment says nothing.").mend("Give its terms."),
            );
        };
        organization.body_on(&terms.body_id, &terms.from)?;
        if let Some(to) = &terms.to {
            require_order(&terms.from, to)?;
            organization.body_on(&terms.body_id, to)?;
        }
        if let Some(representing) = &terms.representing {
            representing.require_truth("terms.representing", organization, facts)?;
        }
        authority::require_other(&terms.subject, "terms.subject", context)?;
        Ok(vec![
            MemberAppointed {
                appointment_id: self.appointment_id.clone(),
                terms: self.terms.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &Organization, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        let representing = self.terms.iter().filter_map(|terms| terms.representing.as_ref());
        representing
            .filter_map(|other| other.relies_on(&self.organization_id))
            .collect()
    }
}

impl Fold for MemberAppointed {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, at: &Recorded<'_>) {
        organization.appointments.push(Appointment {
            appointment_id: self.appointment_id.clone(),
            terms: self.terms.clone(),
            recorded: at.recorded.to_owned(),
            provenance: at.provenance(),
        });
    }
}

impl Decide for EndAppointment {
    type State = Organization;

    fn decide(&self, organization: &Organization, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        let appointment = organization.appointment(&self.appointment_id)?;
        let Some(terms) = &appointment.terms else {
            return Ok(Vec::new());
        };
        match &terms.to {
            Some(to) if *to == self.to => return Ok(Vec::new()),
            Some(to) if *to < self.to => {
                return Err(Refusal::precondition(
                    "APPOINTMENT_ENDED",
                    format!("The appointment ends on {to} already."),
                )
                .mend("Appoint the person anew for the time after that."));
            }
            _ => require_order(&terms.from, &self.to)?,
        }
        Ok(vec![
            AppointmentEnded {
                appointment_id: self.appointment_id.clone(),
                to: self.to.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for AppointmentEnded {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, at: &Recorded<'_>) {
        let mut appointments = organization.appointments.iter_mut();
        let Some(appointment) = appointments.find(|appointment| appointment.appointment_id == self.appointment_id)
        else {
            return;
        };
        if let Some(terms) = &mut appointment.terms {
            terms.to = Some(self.to.clone());
        }
        at.touch(&mut appointment.provenance);
    }
}
