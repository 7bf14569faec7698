//! Addressee (mottaker): to whom a report or a matter goes, and whether that one is there.

use super::seat::require_body;
use super::{Facts, Refusal, Stream};
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
