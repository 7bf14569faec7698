//! Who may decide: the body, office or role that the point names, and nobody else (rules B2, O1, O2).

use super::super::authority::Holder;
use super::super::seat::require_deciding_body;
use super::{Facts, Refusal, Stream};
use crate::schema::v1::*;

impl Decider {
    /// The stream that says who it is, when that is another one.
    pub(super) fn stream(&self) -> Option<Stream> {
        match self.decider.as_ref()? {
            decider::Decider::Body(body) => Some(Stream::organization(&body.organization_id)),
            decider::Decider::Office(office) => Some(Stream::organization(&office.organization_id)),
            decider::Decider::Role(_) => None,
        }
    }

    /// Refuses a decider that names nobody, a body or office that does not exist on the date, or a body that only advises (O1).
    pub(super) fn check(&self, date: &str, facts: &Facts<'_>) -> Result<(), Refusal> {
        match &self.decider {
            Some(decider::Decider::Body(body)) => require_deciding_body(body, date, facts).map(|_| ()),
            Some(decider::Decider::Office(office)) => facts
                .organization(&office.organization_id)
                .ok_or_else(|| Refusal::not_found("organisation", &office.organization_id))?
                .office_on(&office.office_id, date)
                .map(|_| ()),
            Some(decider::Decider::Role(_)) => Ok(()),
            None => Err(
                Refusal::invalid("decider", "DECIDER_REQUIRED", "A decision point needs a decider.")
                    .mend("Give a body, an office or a role."),
            ),
        }
    }
}

impl Project {
    /// Whoever decides the point of this id (B2).
    pub(super) fn deciders(&self, id: &str, ground: Ground) -> Vec<Holder> {
        if ground != Ground::Decider {
            return Vec::new();
        }
        let point = self.decision_point(id).ok();
        let decider = point.and_then(|point| point.decider.as_ref());
        decider.and_then(Holder::decider).into_iter().collect()
    }
}
