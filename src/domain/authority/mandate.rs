//! Mandate (fullmakt): by what somebody acts on behalf of somebody else (rule W8).

use super::super::{Context, Facts, Refusal, same_person, seat};
use crate::schema::v1::*;

/// W8: refuses to act on behalf of somebody without a right to, in the token or in the ground.
pub(super) fn require(facts: &Facts<'_>, context: &Context<'_>) -> Result<(), Refusal> {
    let principal = context.on_behalf_of;
    if principal.is_empty() || context.mandate.iter().any(|subject| same_person(subject, principal)) {
        return Ok(());
    }
    let may = match context.ground {
        Some(authority_ground::Ground::Office(office)) => acts_in(office, facts, context),
        Some(authority_ground::Ground::SecretaryOf(body)) => is_secretary(body, facts, context),
        Some(authority_ground::Ground::Delegation(delegation)) => has_delegated(delegation, facts, context),
        Some(authority_ground::Ground::Minutes(_) | authority_ground::Ground::DecisionPointId(_)) | None => false,
    };
    if may {
        return Ok(());
    }
    let (subject, date) = (context.subject, context.effective_date);
    let problem = format!("{subject} had nothing by which to act on behalf of {principal} on {date}.");
    Err(Refusal::forbidden("W8", "NO_MANDATE", problem).mend(
        "Leave `on_behalf_of` out, name in the context's `ground` the delegation, the office that you act in, or the body that you are the secretary of, or use a token with that mandate.",
    ))
}

/// The actor acts in the office, and the principal holds it.
fn acts_in(reference: &OfficeReference, facts: &Facts<'_>, context: &Context<'_>) -> bool {
    let organization = facts.organization(&reference.organization_id);
    let office = organization.and_then(|organization| organization.office(&reference.office_id).ok());
    let held = |subject: &str, acting: bool| {
        let mut officers = office
            .into_iter()
            .flat_map(|office| office.officers_on(context.effective_date));
        officers.any(|officer| officer.acting == acting && same_person(officer.subject(), subject))
    };
    held(context.subject, true) && held(context.on_behalf_of, false)
}

/// The actor is the secretary of the body, and the principal sits in it.
fn is_secretary(body: &BodyReference, facts: &Facts<'_>, context: &Context<'_>) -> bool {
    let own = Context {
        on_behalf_of: "",
        ..*context
    };
    let principal = Context {
        subject: context.on_behalf_of,
        ..own
    };
    let secretary = seat::held(body, facts, &own).is_some_and(|seat| seat.is_secretary());
    secretary && seat::held(body, facts, &principal).is_some()
}

/// The principal delegated to the actor: by the office that it holds, or the body that it leads.
fn has_delegated(reference: &DelegationReference, facts: &Facts<'_>, context: &Context<'_>) -> bool {
    let organization = facts.organization(&reference.organization_id);
    let delegation = organization.and_then(|organization| organization.delegation(&reference.delegation_id).ok());
    let Some(terms) = delegation.and_then(|delegation| delegation.terms.as_ref()) else {
        return false;
    };
    let acts = |party: Option<&DelegationParty>, subject: &str| {
        let holder = party.and_then(|party| party.holder(&reference.organization_id));
        let context = Context {
            subject,
            on_behalf_of: "",
            ..*context
        };
        holder.is_some_and(|holder| holder.acts(None, facts, &context).is_some())
    };
    terms.is_in_force(context.effective_date)
        && acts(terms.from_party.as_ref(), context.on_behalf_of)
        && acts(terms.to_party.as_ref(), context.subject)
}
