//! Holder of a role (rolleinnehaver): who acts in it on a day, in person or by a seat or an office (rules R4, O7, B2).

use std::collections::HashSet;

use super::super::authority::Authority;
use super::super::{Context, Facts, Refusal, Stream, same_person, seat};
use crate::schema::v1::role_holder::Holder;
use crate::schema::v1::*;

impl Project {
    /// The roles that this subject holds in person on a date (YYYY-MM-DD), as the record names them (R4).
    pub(in crate::domain) fn roles_held(&self, subject: &str, date: &str) -> Vec<String> {
        let held = |assignment: &&RoleAssignment| {
            assignment.is_held_on(date) && assignment.subject().is_some_and(|held| same_person(held, subject))
        };
        let mut roles: Vec<String> = Vec::new();
        for assignment in self.roles.iter().filter(held) {
            let role = assignment.role().on_record();
            if !roles.contains(&role) {
                roles.push(role);
            }
        }
        roles
    }

    /// What the actor acts in the role by on the effective date: as the person who holds it, by a seat in the body that holds it,
    /// or, where an organisation holds it, by a seat in a body that speaks for the whole of it. Only bodies that count are asked.
    /// The facts are those of `role_streams`.
    pub(in crate::domain) fn acts_in_role(
        &self,
        role: ProjectRole,
        facts: &Facts<'_>,
        context: &Context<'_>,
        counts: impl Fn(&Body) -> bool,
    ) -> Option<Authority> {
        let mut holders = self.holders(role, context.effective_date);
        if let Some(own) = holders.find(|assignment| assignment.subject().is_some_and(|subject| context.is(subject))) {
            return Some(own.authority(role.on_record(), "ROLE", &own.recorded));
        }
        self.holders(role, context.effective_date).find_map(|assignment| {
            let offices = assignment.offices(|id| facts.organization(id)).into_iter();
            let mut offices = offices.filter_map(|office| {
                facts
                    .organization(&office.organization_id)?
                    .office_held(&office, context)
            });
            let mut bodies = assignment.bodies(|id| facts.organization(id)).into_iter();
            let by = offices.next().or_else(|| {
                let seat =
                    bodies.find_map(|body| seat::held(&body, facts, context).filter(|seat| counts(seat.place.body)))?;
                Some(seat.authority())
            })?;
            // The later of the two is when the right came about.
            let recorded = (&by.recorded).max(&assignment.recorded);
            let role = format!("{} by {}", role.on_record(), by.role);
            Some(assignment.authority(role, by.kind, recorded))
        })
    }

    /// The bodies that act in the role on a date, as far as the organisations are known.
    pub(in crate::domain) fn role_bodies(
        &self,
        role: ProjectRole,
        facts: &Facts<'_>,
        date: &str,
    ) -> Vec<BodyReference> {
        let holders = self.holders(role, date);
        holders
            .flat_map(|assignment| assignment.bodies(|id| facts.organization_if_loaded(id)))
            .collect()
    }

    /// The offices that act in the role on a date, as far as the organisations are known.
    pub(in crate::domain) fn role_offices(
        &self,
        role: ProjectRole,
        facts: &Facts<'_>,
        date: &str,
    ) -> Vec<OfficeReference> {
        let holders = self.holders(role, date);
        holders
            .flat_map(|assignment| assignment.offices(|id| facts.organization_if_loaded(id)))
            .collect()
    }

    /// The persons who hold the role on a date.
    pub(in crate::domain) fn subjects_in(&self, role: ProjectRole, date: &str) -> Vec<String> {
        let subjects = self.holders(role, date).filter_map(RoleAssignment::subject);
        subjects.map(str::to_owned).collect()
    }

    /// The organisations that have to be known to say who acts in the role on the effective date, as far as they can be named yet.
    pub(in crate::domain) fn role_streams(
        &self,
        role: ProjectRole,
        facts: &Facts<'_>,
        context: &Context<'_>,
    ) -> Vec<Stream> {
        let holders = self.holders(role, context.effective_date);
        holders
            .flat_map(|assignment| {
                let own = assignment.acting_organization().map(Stream::organization);
                let bodies = assignment.bodies(|id| facts.organization_if_loaded(id));
                let seats = bodies.into_iter().flat_map(|body| seat::streams(&body, facts));
                own.into_iter().chain(seats)
            })
            .collect()
    }

    /// The assignments of a role that are held on a date.
    pub(in crate::domain) fn holders(&self, role: ProjectRole, date: &str) -> impl Iterator<Item = &RoleAssignment> {
        self.roles
            .iter()
            .filter(move |assignment| assignment.role() == role && assignment.is_held_on(date))
    }

    /// How many organisations own the project together on a date (B4).
    pub(in crate::domain) fn owning_organizations(&self, date: &str) -> usize {
        let owners = self.holders(ProjectRole::Owner, date);
        let organizations: HashSet<&str> = owners.filter_map(RoleAssignment::organization_id).collect();
        organizations.len()
    }

    pub(in crate::domain) fn role_assignment(&self, id: &str) -> Result<&RoleAssignment, Refusal> {
        self.roles
            .iter()
            .find(|assignment| assignment.assignment_id == id)
            .ok_or_else(|| Refusal::not_found("role assignment", id))
    }
}

impl RoleAssignment {
    /// Whether it is held on a date (R4).
    #[must_use]
    pub fn is_held_on(&self, date: &str) -> bool {
        self.from.as_str() <= date && self.to.as_deref().is_none_or(|to| date <= to)
    }

    pub(in crate::domain) fn holder_named(&self) -> Option<&Holder> {
        self.holder.as_ref()?.holder.as_ref()
    }

    /// What somebody who acts in it acts by.
    pub(in crate::domain) fn authority(&self, role: String, kind: &'static str, recorded: &str) -> Authority {
        Authority {
            role,
            kind,
            position: self
                .provenance
                .as_ref()
                .map_or(0, |provenance| provenance.first_position),
            recorded: recorded.to_owned(),
        }
    }

    /// The organisation that holds it as a whole, or by an office, when one does.
    pub(in crate::domain) fn acting_organization(&self) -> Option<&str> {
        match self.holder_named()? {
            Holder::OrganizationId(id) => Some(id),
            Holder::Office(office) => Some(&office.organization_id),
            Holder::Person(_) | Holder::Body(_) => None,
        }
    }

    /// The offices that act for its holder: itself, or those that speak for the whole of an organisation that is known (O7).
    pub(in crate::domain) fn offices<'a>(
        &self,
        known: impl Fn(&str) -> Option<&'a Organization>,
    ) -> Vec<OfficeReference> {
        match self.holder_named() {
            Some(Holder::Office(office)) => vec![office.clone()],
            Some(Holder::OrganizationId(id)) => {
                let offices = known(id).into_iter().flat_map(|organization| &organization.offices);
                let speaking = offices.filter(|office| office.speaks_for_all);
                let reference = |office: &Office| OfficeReference {
                    organization_id: id.clone(),
                    office_id: office.office_id.clone(),
                };
                speaking.map(reference).collect()
            }
            Some(Holder::Person(_) | Holder::Body(_)) | None => Vec::new(),
        }
    }

    /// The bodies that act for its holder: itself, or those that speak for the whole of an organisation that is known.
    pub(in crate::domain) fn bodies<'a>(&self, known: impl Fn(&str) -> Option<&'a Organization>) -> Vec<BodyReference> {
        match self.holder_named() {
            Some(Holder::Body(body)) => vec![body.clone()],
            Some(Holder::OrganizationId(id)) => {
                let bodies = known(id).into_iter().flat_map(|organization| &organization.bodies);
                let speaking = bodies.filter(|body| body.speaks_for_all());
                let reference = |body: &Body| BodyReference {
                    organization_id: id.clone(),
                    body_id: body.body_id.clone(),
                };
                speaking.map(reference).collect()
            }
            Some(Holder::Person(_) | Holder::Office(_)) | None => Vec::new(),
        }
    }

    /// The organisation that the holder is, belongs to, or comes from.
    pub(in crate::domain) fn organization_id(&self) -> Option<&str> {
        match self.holder_named()? {
            Holder::Person(person) => person.organization_id.as_deref(),
            Holder::Body(body) => Some(&body.organization_id),
            Holder::Office(office) => Some(&office.organization_id),
            Holder::OrganizationId(id) => Some(id),
        }
    }

    /// The subject who holds it, when a person does.
    pub(in crate::domain) fn subject(&self) -> Option<&str> {
        match self.holder_named()? {
            Holder::Person(person) => Some(&person.subject),
            Holder::Body(_) | Holder::Office(_) | Holder::OrganizationId(_) => None,
        }
    }

    /// Whether there is a day that lies both in it and in the given period.
    pub(in crate::domain) fn overlaps(&self, from: &str, to: Option<&str>) -> bool {
        to.is_none_or(|to| self.from.as_str() <= to) && self.to.as_deref().is_none_or(|own| from <= own)
    }
}
