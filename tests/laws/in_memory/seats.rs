//! Who may act in whose name, found anew from the states: for the oracle of the gates, which asks nothing of the domain's own checks.

use vedtak::domain::State;
use vedtak::schema::v1::role_holder::Holder;
use vedtak::schema::v1::*;

use super::ledger::States;

pub fn organization<'a>(states: &'a States, id: &str) -> Option<&'a Organization> {
    match states.get(&format!("organization/{id}")).map(AsRef::as_ref) {
        Some(State::Organization(organization)) if organization.version > 0 => Some(organization),
        _ => None,
    }
}

/// A day within a period, whose last day may be open.
pub fn within(from: &str, date: &str, to: Option<&str>) -> bool {
    from <= date && to.is_none_or(|to| date <= to)
}

fn body<'a>(states: &'a States, reference: &BodyReference, date: &str) -> Option<&'a Body> {
    let organization = organization(states, &reference.organization_id)?;
    let mut bodies = organization.bodies.iter();
    let body = bodies.find(|body| body.body_id == reference.body_id)?;
    within(&body.established, date, body.dissolved.as_deref()).then_some(body)
}

/// Whether somebody has a seat in the body, or in a standing body that it is composed of (O2). An observer has none.
pub fn sits(states: &States, reference: &BodyReference, subject: &str, date: &str) -> bool {
    let Some(body) = body(states, reference, date) else {
        return false;
    };
    let organization = organization(states, &reference.organization_id).expect("it has the body");
    let mut terms = organization.appointments.iter().filter_map(|one| one.terms.as_ref());
    let appointed = terms.any(|terms| {
        terms.body_id == body.body_id
            && terms.subject == subject
            && terms.function() != AppointmentFunction::Observer
            && within(&terms.from, date, terms.to.as_deref())
    });
    appointed
        || body
            .composed_of
            .as_ref()
            .is_some_and(|inside| sits(states, inside, subject, date))
}

/// Whether the body is one that decides and exists on the day (O1).
pub fn decides(states: &States, reference: &BodyReference, date: &str) -> bool {
    body(states, reference, date).is_some_and(|body| body.decides)
}

/// Whether somebody holds the office, or acts in it, on a day when there is one (O7).
pub fn holds_office(states: &States, reference: &OfficeReference, subject: &str, date: &str) -> bool {
    let offices = organization(states, &reference.organization_id).map(|organization| organization.offices.iter());
    let mut standing = offices.into_iter().flatten().filter(|office| {
        office.office_id == reference.office_id && within(&office.established, date, office.ended.as_deref())
    });
    let in_it = |officer: &Officer| {
        officer.person.as_ref().is_some_and(|person| person.subject == subject)
            && within(&officer.from, date, officer.to.as_deref())
    };
    standing.any(|office| office.officers.iter().any(in_it))
}

/// Whether somebody acts in a role of the project: in person, or by a seat in a body that holds it or that speaks for the whole of an
/// organisation that does, or by an office. Where the role decides, a seat in a body that advises does not count (O1).
pub fn acts(states: &States, project: &Project, role: ProjectRole, subject: &str, date: &str, deciding: bool) -> bool {
    let by_seat = |reference: &BodyReference| {
        (!deciding || decides(states, reference, date)) && sits(states, reference, subject, date)
    };
    let held = project.roles.iter().filter(|held| held.role() == role);
    let mut held = held.filter(|held| within(&held.from, date, held.to.as_deref()));
    held.any(
        |held| match held.holder.as_ref().and_then(|holder| holder.holder.as_ref()) {
            Some(Holder::Person(person)) => person.subject == subject,
            Some(Holder::Body(reference)) => by_seat(reference),
            Some(Holder::Office(reference)) => holds_office(states, reference, subject, date),
            Some(Holder::OrganizationId(id)) => organization(states, id).is_some_and(|organization| {
                let speaking = organization.bodies.iter().filter(|body| {
                    body.decides && matches!(body.kind(), BodyKind::MunicipalCouncil | BodyKind::ExecutiveBoard)
                });
                let mut references = speaking.map(|body| BodyReference {
                    organization_id: id.clone(),
                    body_id: body.body_id.clone(),
                });
                let speaking = organization.offices.iter().filter(|office| office.speaks_for_all);
                let mut offices = speaking.map(|office| OfficeReference {
                    organization_id: id.clone(),
                    office_id: office.office_id.clone(),
                });
                references.any(|reference| by_seat(&reference))
                    || offices.any(|office| holds_office(states, &office, subject, date))
            }),
            None => false,
        },
    )
}

/// How many organisations own the project together on a day.
pub fn owners(project: &Project, date: &str) -> usize {
    let owning = project.roles.iter().filter(|held| held.role() == ProjectRole::Owner);
    let owning = owning.filter(|held| within(&held.from, date, held.to.as_deref()));
    let organizations = owning.filter_map(|held| match held.holder.as_ref()?.holder.as_ref()? {
        Holder::Person(person) => person.organization_id.as_deref(),
        Holder::Body(body) => Some(body.organization_id.as_str()),
        Holder::Office(office) => Some(office.organization_id.as_str()),
        Holder::OrganizationId(id) => Some(id.as_str()),
    });
    organizations.collect::<std::collections::HashSet<_>>().len()
}
