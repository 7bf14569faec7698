//! Addressee (mottaker): to whom a report or a matter goes, and whether that one is there.

use super::seat::{self, Authority, require_body};
use super::{Context, Facts, Refusal, Stream};
use crate::schema::v1::addressee::Addressee as To;
use crate::schema::v1::*;

impl Addressee {
    /// Refuses an addressee that names nobody, or a body that does not exist on the date.
    pub(super) fn check(&self, field: &str, date: &str, facts: &Facts<'_>) -> Result<(), Refusal> {
        match &self.addressee {
            Some(To::Body(body)) => require_body(body, date, facts).map(|_| ()),
            Some(To::Role(_) | To::External(_)) => Ok(()),
            None => Err(
                Refusal::invalid(field, "ADDRESSEE_REQUIRED", "It is addressed to nobody.")
                    .mend("Give one of `body`, `role` and `external`."),
            ),
        }
    }

    /// The stream that says whether it is there.
    pub(super) fn stream(&self) -> Option<Stream> {
        match self.addressee.as_ref()? {
            To::Body(body) => Some(Stream::organization(&body.organization_id)),
            To::Role(_) | To::External(_) => None,
        }
    }

    /// The streams that say whether somebody acts for it, as far as they can be named yet.
    pub(super) fn acting_streams(&self, project: &Project, facts: &Facts<'_>, context: &Context<'_>) -> Vec<Stream> {
        match &self.addressee {
            Some(To::Body(body)) => seat::streams(body, facts),
            Some(To::Role(role)) => {
                project.role_streams(ProjectRole::try_from(*role).unwrap_or_default(), facts, context)
            }
            Some(To::External(_)) | None => Vec::new(),
        }
    }

    /// What the actor acts for it by on the effective date: the role, or a seat in the body.
    pub(super) fn acted_for<'a>(
        &self,
        project: &Project,
        facts: &Facts<'a>,
        context: &Context<'_>,
    ) -> Option<Authority<'a>> {
        match self.addressee.as_ref()? {
            To::Body(body) => {
                let seat = Some(seat::held(body, facts, context)?);
                Some(Authority { role: None, seat })
            }
            To::Role(role) => {
                let role = ProjectRole::try_from(*role).unwrap_or_default();
                project.acts_in_role(role, facts, context, |_| true)
            }
            To::External(_) => None,
        }
    }

    /// Whether it is outside the registers, so that nobody here can be said to act for it.
    pub(super) const fn is_external(&self) -> bool {
        matches!(self.addressee, Some(To::External(_)))
    }

    /// As a sentence speaks of it. What a body is called stands in another stream.
    pub(super) fn in_words(&self) -> String {
        match &self.addressee {
            Some(To::Body(body)) => format!("the body {}", body.body_id),
            Some(To::Role(role)) => {
                let role = ProjectRole::try_from(*role).unwrap_or_default();
                format!("the {}", role.in_words())
            }
            Some(To::External(name)) => name.clone(),
            None => "nobody".to_owned(),
        }
    }
}
