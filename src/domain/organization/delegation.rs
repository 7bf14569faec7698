//! Delegation (delegert myndighet): what a body or an office gives others the right to decide in its place (rule O8).

use super::super::authority::{self, Holder};
use super::super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, unchanged_or};
use super::require_order;
use crate::schema::v1::delegation_party::Party;
use crate::schema::v1::*;

impl Organization {
    /// The delegation.
    pub(in crate::domain) fn delegation(&self, id: &str) -> Result<&Delegation, Refusal> {
        self.delegations
            .iter()
            .find(|delegation| delegation.delegation_id == id)
            .ok_or_else(|| Refusal::not_found("delegation", id))
    }

    /// Whoever gives or gets authority exists on that day; only a body that decides has any to give (O1).
    fn require_party(&self, party: Option<&DelegationParty>, gives: bool, date: &str) -> Result<(), Refusal> {
        match party.and_then(|party| party.party.as_ref()) {
            Some(Party::BodyId(id)) => {
                let body = self.body_on(id, date)?;
                if gives && !body.decides {
                    let problem = format!("{} advises: it has nothing to delegate.", body.name);
                    return Err(Refusal::rule("O1", "BODY_ADVISES", problem).mend("Name a body that decides."));
                }
                Ok(())
            }
            Some(Party::OfficeId(id)) => self.office_on(id, date).map(|_| ()),
            Some(Party::Subject(_)) if !gives => Ok(()),
            Some(Party::Subject(_)) | None => {
                let (field, problem) = if gives {
                    ("terms.from_party", "Authority is delegated by a body or an office.")
                } else {
                    ("terms.to_party", "Nobody is named to whom authority is delegated.")
                };
                Err(Refusal::invalid(field, "PARTY_REQUIRED", problem).mend("Give `body_id` or `office_id`."))
            }
        }
    }
}

impl Decide for DelegateAuthority {
    type State = Organization;

    fn decide(&self, organization: &Organization, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        if let Ok(known) = organization.delegation(&self.delegation_id) {
            return unchanged_or(known.terms == self.terms, || {
                Refusal::already_exists("delegation", &self.delegation_id)
            });
        }
        let terms = self.terms.clone().unwrap_or_default();
        organization.require_party(terms.from_party.as_ref(), true, &terms.from)?;
        organization.require_party(terms.to_party.as_ref(), false, &terms.from)?;
        if terms.from_party == terms.to_party {
            let problem = "Authority is delegated to somebody else than the one who has it.";
            return Err(Refusal::invalid("terms.to_party", "DELEGATED_TO_ITSELF", problem).mend("Name somebody else."));
        }
        if let Some(to) = &terms.to {
            require_order(&terms.from, to)?;
        }
        if let Some(Party::Subject(subject)) = terms.to_party.as_ref().and_then(|to| to.party.as_ref()) {
            authority::require_other(subject, "terms.to_party.subject", context)?;
        }
        Ok(vec![
            AuthorityDelegated {
                delegation_id: self.delegation_id.clone(),
                terms: Some(terms),
            }
            .into(),
        ])
    }

    fn entitled(&self, _: &Organization, ground: Ground) -> Vec<Holder> {
        let from = self.terms.as_ref().and_then(|terms| terms.from_party.as_ref());
        by(from, &self.organization_id, ground)
    }
}

/// Whoever acts for the one who delegates.
fn by(from: Option<&DelegationParty>, organization_id: &str, ground: Ground) -> Vec<Holder> {
    let from = from.filter(|_| ground == Ground::Body);
    from.and_then(|from| from.holder(organization_id)).into_iter().collect()
}

impl Fold for AuthorityDelegated {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, at: &Recorded<'_>) {
        organization.delegations.push(Delegation {
            delegation_id: self.delegation_id.clone(),
            terms: self.terms.clone(),
            recorded: at.recorded.to_owned(),
            provenance: at.provenance(),
        });
    }
}

impl Decide for RevokeDelegation {
    type State = Organization;

    fn decide(&self, organization: &Organization, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        let delegation = organization.delegation(&self.delegation_id)?;
        let Some(terms) = &delegation.terms else {
            return Ok(Vec::new());
        };
        match &terms.to {
            Some(to) if *to == self.to => return Ok(Vec::new()),
            Some(to) if *to < self.to => {
                let problem = format!("The delegation holds to {to}, and revoking it does not make that later.");
                return Err(
                    Refusal::precondition("DELEGATION_ENDED", problem).mend("Delegate anew for the time after that.")
                );
            }
            _ => require_order(&terms.from, &self.to)?,
        }
        Ok(vec![
            DelegationRevoked {
                delegation_id: self.delegation_id.clone(),
                to: self.to.clone(),
            }
            .into(),
        ])
    }

    fn entitled(&self, organization: &Organization, ground: Ground) -> Vec<Holder> {
        let delegation = organization.delegation(&self.delegation_id).ok();
        let terms = delegation.and_then(|delegation| delegation.terms.as_ref());
        by(
            terms.and_then(|terms| terms.from_party.as_ref()),
            &self.organization_id,
            ground,
        )
    }
}

impl Fold for DelegationRevoked {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, at: &Recorded<'_>) {
        let mut delegations = organization.delegations.iter_mut();
        let Some(delegation) = delegations.find(|delegation| delegation.delegation_id == self.delegation_id) else {
            return;
        };
        at.touch(&mut delegation.provenance);
        if let Some(terms) = &mut delegation.terms {
            terms.to = Some(self.to.clone());
        }
    }
}
