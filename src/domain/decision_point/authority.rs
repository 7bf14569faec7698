//! Who may decide: the body or role that the point names, and nobody else (rules B2, O1, O2).

use super::{Context, Facts, Refusal, Stream};
use crate::schema::v1::*;

/// How many bodies deep a body may be composed of another one. Deeper chains are taken for a mistake in the register.
const DEEPEST: usize = 4;

/// The streams of these organisations, each once.
pub(super) fn streams<'a>(organizations: impl Iterator<Item = &'a str>) -> Vec<Stream> {
    let mut streams: Vec<Stream> = organizations.map(Stream::organization).collect();
    streams.sort();
    streams.dedup();
    streams
}

/// The body, which must be in the register and exist on a date.
pub(super) fn require_body<'a>(reference: &BodyReference, date: &str, facts: &Facts<'a>) -> Result<&'a Body, Refusal> {
    facts
        .organization(&reference.organization_id)
        .ok_or_else(|| Refusal::not_found("organisation", &reference.organization_id))?
        .body_on(&reference.body_id, date)
}

/// The body, which must be one that decides (O1).
pub(super) fn require_deciding_body(reference: &BodyReference, date: &str, facts: &Facts<'_>) -> Result<(), Refusal> {
    let body = require_body(reference, date, facts)?;
    if body.decides {
        return Ok(());
    }
    let problem = format!("{} advises: it recommends, and never decides.", body.name);
    Err(Refusal::rule("O1", "BODY_ADVISES", problem)
        .mend("Name a body that decides as the decider, and this one among the advising bodies."))
}

impl DecisionPoint {
    /// The streams that say who may decide this point.
    pub(super) fn relies_on(&self, project: &Project, seat_organization_id: Option<&str>) -> Vec<Stream> {
        let mut named = match self.decider.as_ref().and_then(|decider| decider.decider.as_ref()) {
            Some(decider::Decider::Body(body)) => vec![Stream::organization(&body.organization_id)],
            Some(decider::Decider::Role(role)) => {
                project.role_streams(ProjectRole::try_from(*role).unwrap_or_default())
            }
            None => Vec::new(),
        };
        named.extend(seat_organization_id.map(Stream::organization));
        named.sort();
        named.dedup();
        named
    }

    /// B2: refuses unless the actor is the decider, or holds a seat in it, on the effective date.
    pub(super) fn require_decider(
        &self,
        project: &Project,
        facts: &Facts<'_>,
        context: &Context<'_>,
    ) -> Result<(), Refusal> {
        match self.decider.as_ref().and_then(|decider| decider.decider.as_ref()) {
            Some(decider::Decider::Body(body)) => {
                require_deciding_body(body, context.effective_date, facts)?;
                if holds_seat(body, facts, context) {
                    return Ok(());
                }
                let name = require_body(body, context.effective_date, facts)?.name.as_str();
                Err(self
                    .not_the_decider(&format!("a seat in {name}"), context)
                    .mend(format!(
                        "Let a member or the secretary of {name} record it; if it is composed of a body in another \
                     organisation, name that one in `seat_organization_id`."
                    )))
            }
            Some(decider::Decider::Role(role)) => {
                let role = ProjectRole::try_from(*role).unwrap_or_default();
                let advises = |body: &BodyReference| {
                    require_deciding_body(body, context.effective_date, facts).is_err()
                        && holds_seat(body, facts, context)
                };
                // O1: a seat in a body that advises does not decide, even where that body holds the role.
                let held = project.acts_in_role(role, facts, context)
                    && (project.holds_role(context.subject, role, context.effective_date)
                        || !project.bodies_holding(role, context.effective_date).any(advises));
                if held {
                    return Ok(());
                }
                let role = role.in_words();
                Err(self.not_the_decider(&format!("the role {role}"), context).mend(format!(
                    "Let the {role} of that day record it, or assign the role from that day first."
                )))
            }
            None => Err(self
                .not_the_decider("a decider's place", context)
                .mend("Plan a new point that names a decider.")),
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

impl Project {
    /// The bodies that hold this role on a date.
    fn bodies_holding(&self, role: ProjectRole, date: &str) -> impl Iterator<Item = &BodyReference> {
        self.holders(role, date).filter_map(holding_body)
    }
}

fn holding_body(assignment: &RoleAssignment) -> Option<&BodyReference> {
    match assignment.holder.as_ref()?.holder.as_ref()? {
        role_holder::Holder::Body(body) => Some(body),
        _ => None,
    }
}

/// Whether the actor holds a seat in the body on the effective date, be it in the standing body that it is composed of (O2).
pub(in crate::domain) fn holds_seat(reference: &BodyReference, facts: &Facts<'_>, context: &Context<'_>) -> bool {
    let mut next = Some(reference);
    for _ in 0..DEEPEST {
        let Some(reference) = next else { return false };
        let Some(organization) = facts.organization(&reference.organization_id) else {
            return false;
        };
        let Ok(body) = organization.body_on(&reference.body_id, context.effective_date) else {
            return false;
        };
        if organization
            .seat(&reference.body_id, context.subject, context.effective_date)
            .is_some()
        {
            return true;
        }
        next = body.composed_of.as_ref();
    }
    false
}
