//! Holder (innehaver): somebody or something that is entitled, and by what a person acts for it on a day.

use super::super::seat;
use super::super::{Context, Facts, Stream, same_person};
use super::Authority;
use crate::schema::v1::*;

/// Somebody or something that is entitled to a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Holder {
    /// Whoever holds this role in the project.
    Role {
        /// The role.
        role: ProjectRole,
        /// Whether only bodies that decide may act in it (O1).
        deciding: bool,
    },
    /// Whoever has a seat in this body.
    Body(BodyReference),
    /// Whoever holds this office, or acts in it.
    Office(OfficeReference),
    /// This subject.
    Person(String),
    /// Whoever acts for this organisation: its offices and bodies that speak for all of it.
    Organization(String),
    /// Whoever has a seat in any body of this organisation.
    AnyBodyOf(String),
    /// Whoever has the access of an administrator.
    Administrator,
    /// Whoever may record: where those that it is for are outside the registers.
    Anyone,
}

impl Holder {
    /// The decider of a decision point.
    pub(in crate::domain) fn decider(decider: &Decider) -> Option<Self> {
        Some(match decider.decider.as_ref()? {
            decider::Decider::Body(body) => Self::Body(body.clone()),
            decider::Decider::Office(office) => Self::Office(office.clone()),
            decider::Decider::Role(role) => Self::Role {
                role: ProjectRole::try_from(*role).unwrap_or_default(),
                deciding: true,
            },
        })
    }

    /// Who an addressee is, when it is in the registers.
    pub(in crate::domain) fn addressee(addressee: &Addressee) -> Option<Self> {
        Some(match addressee.addressee.as_ref()? {
            addressee::Addressee::Body(body) => Self::Body(body.clone()),
            addressee::Addressee::Role(role) => Self::role(ProjectRole::try_from(*role).unwrap_or_default()),
            addressee::Addressee::External(_) => Self::Anyone,
        })
    }

    /// Whoever holds this role.
    pub(in crate::domain) const fn role(role: ProjectRole) -> Self {
        Self::Role { role, deciding: false }
    }

    /// The streams that say who that is, as far as they can be named yet.
    pub(super) fn streams(&self, project: Option<&Project>, facts: &Facts<'_>, context: &Context<'_>) -> Vec<Stream> {
        match self {
            Self::Role { role, .. } => {
                let now = Context {
                    effective_date: context.today,
                    ..*context
                };
                let both = |project: &Project| {
                    let mut streams = project.role_streams(*role, facts, context);
                    streams.extend(project.role_streams(*role, facts, &now));
                    streams
                };
                project.map(both).unwrap_or_default()
            }
            Self::Body(body) => seat::streams(body, facts),
            Self::Office(office) => vec![Stream::organization(&office.organization_id)],
            Self::Organization(id) | Self::AnyBodyOf(id) => {
                let known = facts.organization_if_loaded(id);
                let inside = known
                    .into_iter()
                    .flat_map(|organization| organization.bodies_that_act(self));
                let inside = inside.flat_map(|body| seat::streams(&body, facts));
                inside.chain([Stream::organization(id)]).collect()
            }
            Self::Person(_) | Self::Administrator | Self::Anyone => Vec::new(),
        }
    }

    /// By what the actor acts for it on the effective date.
    pub(super) fn acts(
        &self,
        project: Option<&Project>,
        facts: &Facts<'_>,
        context: &Context<'_>,
    ) -> Option<Authority> {
        match self {
            Self::Role { role, deciding } => {
                project?.acts_in_role(*role, facts, context, |body| !deciding || body.decides)
            }
            Self::Body(body) => seat::held(body, facts, context).map(|seat| seat.authority()),
            Self::Office(office) => facts
                .organization(&office.organization_id)?
                .office_held(office, context),
            Self::Person(subject) => context.is(subject).then(|| Authority {
                kind: "PERSON",
                ..Authority::outside("NAMED")
            }),
            Self::Organization(id) | Self::AnyBodyOf(id) => {
                let organization = facts.organization(id)?;
                let offices = organization.offices.iter().filter(|office| office.speaks_for_all);
                let mut offices = offices.filter_map(|office| office.authority(organization, context));
                offices.next().or_else(|| {
                    let mut bodies = organization.bodies_that_act(self).into_iter();
                    bodies.find_map(|body| seat::held(&body, facts, context).map(|seat| seat.authority()))
                })
            }
            Self::Administrator => context.administrator.then(|| Authority::outside("ADMINISTRATOR")),
            Self::Anyone => Some(Authority::outside("RECORDER")),
        }
    }

    /// Whether this body can be the one that acts.
    pub(super) fn is_body(
        &self,
        body: &BodyReference,
        project: Option<&Project>,
        facts: &Facts<'_>,
        date: &str,
    ) -> bool {
        match self {
            Self::Body(own) => own == body,
            Self::Role { role, deciding } => {
                let decides = || {
                    let organization = facts.organization(&body.organization_id);
                    organization
                        .and_then(|organization| organization.body(&body.body_id))
                        .is_some_and(|body| body.decides)
                };
                project.is_some_and(|project| project.role_bodies(*role, facts, date).contains(body))
                    && (!deciding || decides())
            }
            Self::Organization(id) | Self::AnyBodyOf(id) => {
                let organization = facts.organization_if_loaded(id);
                organization.is_some_and(|organization| organization.bodies_that_act(self).contains(body))
            }
            Self::Office(_) | Self::Person(_) | Self::Administrator | Self::Anyone => false,
        }
    }

    /// Whether this office can be the one that acts.
    pub(super) fn is_office(
        &self,
        office: &OfficeReference,
        project: Option<&Project>,
        facts: &Facts<'_>,
        date: &str,
    ) -> bool {
        match self {
            Self::Office(own) => own == office,
            Self::Role { role, .. } => {
                project.is_some_and(|project| project.role_offices(*role, facts, date).contains(office))
            }
            Self::Organization(id) => {
                let organization = facts
                    .organization_if_loaded(id)
                    .filter(|_| *id == office.organization_id);
                let known = organization.and_then(|organization| organization.office(&office.office_id).ok());
                known.is_some_and(|office| office.speaks_for_all)
            }
            Self::Body(_) | Self::AnyBodyOf(_) | Self::Person(_) | Self::Administrator | Self::Anyone => false,
        }
    }

    /// As a sentence speaks of it, with the persons who are it when that is known.
    pub(super) fn in_words(&self, project: Option<&Project>, facts: &Facts<'_>, context: &Context<'_>) -> String {
        match self {
            Self::Role { role, .. } => {
                let named = project
                    .map(|project| project.subjects_in(*role, context.today))
                    .unwrap_or_default();
                let named = if named.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", named.join(", "))
                };
                format!("the {}{named}", role.in_words())
            }
            Self::Body(reference) => {
                let organization = facts.organization_if_loaded(&reference.organization_id);
                let body = organization.and_then(|organization| organization.body(&reference.body_id));
                format!(
                    "a member or the secretary of {}",
                    body.map_or(&reference.body_id, |body| &body.name)
                )
            }
            Self::Office(reference) => {
                let organization = facts.organization_if_loaded(&reference.organization_id);
                let office = organization.and_then(|organization| organization.office(&reference.office_id).ok());
                format!(
                    "the holder of the office {}",
                    office.map_or(&reference.office_id, |office| &office.name)
                )
            }
            Self::Person(subject) => subject.clone(),
            Self::Organization(id) | Self::AnyBodyOf(id) => {
                let organization = facts.organization_if_loaded(id);
                format!(
                    "somebody who acts for {}",
                    organization.map_or(id, |organization| &organization.name)
                )
            }
            Self::Administrator => "an administrator".to_owned(),
            Self::Anyone => "anybody who may record".to_owned(),
        }
    }
}

impl Organization {
    /// The bodies by which this holder acts, being this organisation: those that speak for all of it, or every one.
    fn bodies_that_act(&self, holder: &Holder) -> Vec<BodyReference> {
        let any = matches!(holder, Holder::AnyBodyOf(_));
        let acting = self.bodies.iter().filter(|body| any || body.speaks_for_all());
        let reference = |body: &Body| BodyReference {
            organization_id: self.organization_id.clone(),
            body_id: body.body_id.clone(),
        };
        acting.map(reference).collect()
    }
}

impl Context<'_> {
    /// Whether the actor is this subject, or acts on its behalf: that it may is judged before (W8).
    pub(in crate::domain) fn is(&self, subject: &str) -> bool {
        same_person(subject, self.subject) || (!self.on_behalf_of.is_empty() && same_person(subject, self.on_behalf_of))
    }
}
