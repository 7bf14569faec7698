//! Who may decide: the body or role that the point names, and nobody else (rules B2, O1, O2).

use super::super::seat::{self, Authority, require_deciding_body};
use super::{Context, Facts, Refusal, Stream};
use crate::schema::v1::*;

impl Decider {
    /// The body that decides, when it is one.
    pub(super) fn body(&self) -> Option<&BodyReference> {
        match self.decider.as_ref()? {
            decider::Decider::Body(body) => Some(body),
            decider::Decider::Role(_) => None,
        }
    }

    /// Refuses a decider that names nobody, or a body that does not exist on the date or only advises (O1).
    pub(super) fn check(&self, date: &str, facts: &Facts<'_>) -> Result<(), Refusal> {
        match &self.decider {
            Some(decider::Decider::Body(body)) => require_deciding_body(body, date, facts).map(|_| ()),
            Some(decider::Decider::Role(_)) => Ok(()),
            None => Err(
                Refusal::invalid("decider", "DECIDER_REQUIRED", "A decision point needs a decider.")
                    .mend("Give either a body or a role."),
            ),
        }
    }
}

impl DecisionPoint {
    /// The streams that say who may decide this point, as far as they can be named yet.
    pub(super) fn relies_on(&self, project: &Project, facts: &Facts<'_>, context: &Context<'_>) -> Vec<Stream> {
        match self.decider.as_ref().and_then(|decider| decider.decider.as_ref()) {
            Some(decider::Decider::Body(body)) => seat::streams(body, facts),
            Some(decider::Decider::Role(role)) => {
                project.role_streams(ProjectRole::try_from(*role).unwrap_or_default(), facts, context)
            }
            None => Vec::new(),
        }
    }

    /// B2: what the actor decides by, being the decider or holding a seat in it on the effective date; otherwise the refusal.
    pub(super) fn authority<'a>(
        &self,
        project: &Project,
        facts: &Facts<'a>,
        context: &Context<'_>,
    ) -> Result<Authority<'a>, Refusal> {
        match self.decider.as_ref().and_then(|decider| decider.decider.as_ref()) {
            Some(decider::Decider::Body(body)) => {
                let name = require_deciding_body(body, context.effective_date, facts)?
                    .name
                    .as_str();
                let seat = seat::held(body, facts, context).ok_or_else(|| {
                    self.not_the_decider(&format!("a seat in {name}"), context)
                        .mend(format!("Let a member or the secretary of {name} record it."))
                })?;
                Ok(Authority {
                    role: None,
                    seat: Some(seat),
                })
            }
            Some(decider::Decider::Role(role)) => {
                let role = ProjectRole::try_from(*role).unwrap_or_default();
                // O1: a seat in a body that advises does not decide, even where that body holds the role.
                let decides = |body: &Body| body.decides;
                project.acts_in_role(role, facts, context, decides).ok_or_else(|| {
                    let role = role.in_words();
                    self.not_the_decider(&format!("the role {role}"), context).mend(format!(
                        "Let the {role} of that day record it, or assign the role from that day first."
                    ))
                })
            }
            None => Err(self
                .not_the_decider("a decider's place", context)
                .mend("Name a decider with ReassignDecider.")),
        }
    }

    fn not_the_decider(&self, place: &str, context: &Context<'_>) -> Refusal {
        let (subject, date) = (context.subject, context.effective_date);
        let problem = format!(
            "{} is decided by others: {subject} did not hold {place} on {date}.",
            self.label()
        );
        Refusal::forbidden("B2", "NOT_THE_DECIDER", problem)
    }
}
