//! Office (stilling): held by one person at a time, with somebody acting in its place for a period (rule O7).

use super::super::authority::{self, Authority};
use super::super::calendar;
use super::super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream, unchanged_or};
use super::require_order;
use crate::schema::v1::*;

impl Organization {
    /// The office.
    pub(in crate::domain) fn office(&self, id: &str) -> Result<&Office, Refusal> {
        self.offices
            .iter()
            .find(|office| office.office_id == id)
            .ok_or_else(|| Refusal::not_found("office", id))
    }

    /// The office, which must exist on a date.
    pub(in crate::domain) fn office_on(&self, id: &str, date: &str) -> Result<&Office, Refusal> {
        let office = self.office(id)?;
        if office.stands_on(date) {
            return Ok(office);
        }
        let problem = format!("The office {} does not exist on {date}.", office.name);
        Err(Refusal::rule("O7", "OFFICE_ENDED", problem).mend("Name a day on which it exists, or another office."))
    }

    /// What the actor acts by in an office of this organisation on the effective date.
    pub(in crate::domain) fn office_held(
        &self,
        reference: &OfficeReference,
        context: &Context<'_>,
    ) -> Option<Authority> {
        self.office(&reference.office_id).ok()?.authority(self, context)
    }

    fn office_mut(&mut self, id: &str, at: &Recorded<'_>) -> Option<&mut Office> {
        let office = self.offices.iter_mut().find(|office| office.office_id == id)?;
        at.touch(&mut office.provenance);
        Some(office)
    }
}

impl Office {
    fn stands_on(&self, date: &str) -> bool {
        self.established.as_str() <= date && self.ended.as_deref().is_none_or(|ended| date <= ended)
    }

    /// Who holds it or acts in it on a date.
    pub(in crate::domain) fn officers_on<'a>(&'a self, date: &'a str) -> impl Iterator<Item = &'a Officer> {
        let stands = self.stands_on(date);
        self.officers
            .iter()
            .filter(move |officer| stands && officer.overlaps(date, Some(date)))
    }

    /// What the actor, or whom it acts for, acts by in it on the effective date.
    pub(in crate::domain) fn authority(&self, organization: &Organization, context: &Context<'_>) -> Option<Authority> {
        let mut officers = self.officers_on(context.effective_date);
        let officer = officers.find(|officer| context.is(officer.subject()))?;
        let kind = self.kind().as_str_name().trim_start_matches("OFFICE_KIND_");
        let acting = if officer.acting { ":ACTING" } else { "" };
        Some(Authority {
            role: format!("{kind}{acting}@{}/{}", organization.organization_id, self.office_id),
            kind: "OFFICE",
            position: officer
                .provenance
                .as_ref()
                .map_or(0, |provenance| provenance.first_position),
            recorded: officer.recorded.clone(),
        })
    }
}

impl Officer {
    /// The subject who holds the office.
    pub(in crate::domain) fn subject(&self) -> &str {
        self.person.as_ref().map_or("", |person| &person.subject)
    }

    fn overlaps(&self, from: &str, to: Option<&str>) -> bool {
        to.is_none_or(|to| self.from.as_str() <= to) && self.to.as_deref().is_none_or(|own| from <= own)
    }
}

impl Decide for EstablishOffice {
    type State = Organization;

    fn decide(&self, organization: &Organization, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        if let Ok(known) = organization.office(&self.office_id) {
            let same = (&known.name, known.kind, &known.established, known.speaks_for_all)
                == (&self.name, self.kind, &self.established, self.speaks_for_all);
            return unchanged_or(same, || Refusal::already_exists("office", &self.office_id));
        }
        Ok(vec![
            OfficeEstablished {
                office_id: self.office_id.clone(),
                name: self.name.clone(),
                kind: self.kind,
                established: self.established.clone(),
                speaks_for_all: self.speaks_for_all,
            }
            .into(),
        ])
    }
}

impl Fold for OfficeEstablished {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, at: &Recorded<'_>) {
        organization.offices.push(Office {
            office_id: self.office_id.clone(),
            name: self.name.clone(),
            kind: self.kind,
            established: self.established.clone(),
            speaks_for_all: self.speaks_for_all,
            provenance: at.provenance(),
            ..Office::default()
        });
    }
}

impl AppointOfficer {
    fn is(&self, known: &Officer) -> bool {
        let begins = known.person == self.person && known.acting == self.acting && known.from == self.from;
        // The end may have been set since, by the successor.
        begins && (known.to == self.to || self.to.is_none())
    }

    /// O7: one holder at a time, and one who acts in its place. A holder without an end gives way to the next one.
    fn require_free(&self, office: &Office) -> Result<(), Refusal> {
        let taken = |other: &&Officer| {
            let gives_way = other.to.is_none() && other.from < self.from;
            other.acting == self.acting && !gives_way && other.overlaps(&self.from, self.to.as_deref())
        };
        let Some(other) = office.officers.iter().find(taken) else {
            return Ok(());
        };
        let until = other.to.as_deref().map(|to| format!(" to {to}")).unwrap_or_default();
        let problem = format!(
            "{} holds the office {} from {}{until}, and it is held by one person at a time.",
            other.subject(),
            office.name,
            other.from
        );
        Err(Refusal::rule("O7", "OFFICE_HELD", problem).mend("Give a period in which nobody else holds it."))
    }
}

impl Decide for AppointOfficer {
    type State = Organization;

    fn decide(&self, organization: &Organization, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        let office = organization.office_on(&self.office_id, &self.from)?;
        let mut officers = office.officers.iter();
        if let Some(known) = officers.find(|officer| officer.appointment_id == self.appointment_id) {
            return unchanged_or(self.is(known), || {
                Refusal::already_exists("appointment", &self.appointment_id)
            });
        }
        match &self.to {
            Some(to) => {
                require_order(&self.from, to)?;
                organization.office_on(&self.office_id, to)?;
            }
            None if self.acting => {
                let problem = "Somebody acts in place of the holder for a period, and no last day is given.";
                return Err(Refusal::rule("O7", "ACTING_WITHOUT_END", problem).mend("Give the last day in `to`."));
            }
            None => {}
        }
        self.require_free(office)?;
        let person = self.person.clone().unwrap_or_default();
        if let Some(id) = person
            .organization_id
            .as_deref()
            .filter(|id| *id != self.organization_id)
        {
            facts
                .organization(id)
                .ok_or_else(|| Refusal::not_found("organisation", id))?;
        }
        authority::require_other(&person.subject, "person.subject", context)?;
        Ok(vec![
            OfficerAppointed {
                office_id: self.office_id.clone(),
                appointment_id: self.appointment_id.clone(),
                person: self.person.clone(),
                acting: self.acting,
                from: self.from.clone(),
                to: self.to.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &Organization, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        let from = self
            .person
            .as_ref()
            .and_then(|person| person.organization_id.as_deref());
        from.map(Stream::organization).into_iter().collect()
    }
}

impl Fold for OfficerAppointed {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, at: &Recorded<'_>) {
        let Some(office) = organization.office_mut(&self.office_id, at) else {
            return;
        };
        let before = calendar::days_after(&self.from, -1);
        let gives_way =
            |other: &&mut Officer| other.acting == self.acting && other.to.is_none() && other.from < self.from;
        for other in office.officers.iter_mut().filter(gives_way) {
            other.to.clone_from(&before);
            at.touch(&mut other.provenance);
        }
        office.officers.push(Officer {
            appointment_id: self.appointment_id.clone(),
            person: self.person.clone(),
            acting: self.acting,
            from: self.from.clone(),
            to: self.to.clone(),
            recorded: at.recorded.to_owned(),
            provenance: at.provenance(),
        });
    }
}

impl Decide for EndOffice {
    type State = Organization;

    fn decide(&self, organization: &Organization, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        let office = organization.office(&self.office_id)?;
        if let Some(ended) = &office.ended {
            return unchanged_or(*ended == self.ended, || {
                let problem = format!("The office {} ended on {ended} already.", office.name);
                Refusal::precondition("OFFICE_ENDED", problem)
                    .mend("Establish it anew, under a new id, for the time after that.")
            });
        }
        require_order(&office.established, &self.ended)?;
        Ok(vec![
            OfficeEnded {
                office_id: self.office_id.clone(),
                ended: self.ended.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for OfficeEnded {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, at: &Recorded<'_>) {
        if let Some(office) = organization.office_mut(&self.office_id, at) {
            office.ended = Some(self.ended.clone());
        }
    }
}
