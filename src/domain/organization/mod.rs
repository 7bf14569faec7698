//! Organisation (organisasjon): registration, name and members (rule O6, and the control digit of its number).

mod appointment;
mod attendance;
mod body;
mod correction;
mod decision;
mod delegation;
mod matter;
mod meeting;
mod minutes;
mod moving;
mod office;
mod series;
mod urgent;

use super::since::Rule;
use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream, unchanged_or};
use crate::schema::v1::*;

pub use decision::{body_decision, decisions_in, resting_mark, streams_of_decision};

/// What is found in an organisation, in the order in which it is told.
pub(super) const RULES: &[Rule<Organization>] = &[
    Rule::followed(series::find, series::follow),
    Rule::followed(attendance::find, attendance::follow),
    Rule::followed(urgent::find, urgent::follow),
];

/// Refuses an organisation number whose last digit is not the MOD-11 control digit of the eight before it.
pub(super) fn require_control_digit(field: &str, number: &str) -> Result<(), Refusal> {
    const WEIGHTS: [u32; 8] = [3, 2, 7, 6, 5, 4, 3, 2];
    let digits: Vec<u32> = number.chars().filter_map(|digit| digit.to_digit(10)).collect();
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    // A remainder of 1 would need the control digit 10: such numbers are never given out.
    let control = (11 - sum % 11) % 11;
    if digits.len() == 9 && digits.last() == Some(&control) {
        return Ok(());
    }
    let problem = format!("The organisation number {number} is not valid: its last digit is not its control digit.");
    Err(Refusal::invalid(field, "ORGANIZATION_NUMBER_INVALID", problem)
        .mend("Look the number up in the register of legal entities (Enhetsregisteret)."))
}

impl OrganizationReference {
    /// The stream of the organisation that it names, when that is another than this one.
    fn relies_on(&self, own: &str) -> Option<Stream> {
        self.organization_id
            .as_deref()
            .filter(|id| *id != own)
            .map(Stream::organization)
    }

    /// The stream of the organisation that it names, when it names one of this tenant.
    pub(super) fn stream(&self) -> Option<Stream> {
        self.organization_id.as_deref().map(Stream::organization)
    }

    /// As `check` does; it may name the organisation whose stream this is.
    fn require_truth(&self, field: &str, own: &Organization, facts: &Facts<'_>) -> Result<(), Refusal> {
        self.check(field, |id| {
            if id == own.organization_id {
                Some(own)
            } else {
                facts.organization(id)
            }
        })
    }

    /// Refuses a number that cannot be, and an id whose organisation is not registered or has another number.
    pub(super) fn check<'a>(
        &self,
        field: &str,
        known: impl FnOnce(&str) -> Option<&'a Organization>,
    ) -> Result<(), Refusal> {
        let number_field = format!("{field}.organization_number");
        require_control_digit(&number_field, &self.organization_number)?;
        let Some(id) = self.organization_id.as_deref() else {
            return Ok(());
        };
        let organization = known(id).ok_or_else(|| Refusal::not_found("organisation", id))?;
        if organization.organization_number != self.organization_number {
            let problem = format!(
                "The organisation {} is registered with the number {}, not {}.",
                organization.name, organization.organization_number, self.organization_number
            );
            return Err(Refusal::invalid(&number_field, "ORGANIZATION_NUMBER_DIFFERS", problem)
                .mend("Give the number that it is registered with, or leave the id out."));
        }
        Ok(())
    }
}

impl Organization {
    fn member(&self, id: &str) -> Result<&OrganizationMember, Refusal> {
        self.members
            .iter()
            .find(|member| member.member_id == id)
            .ok_or_else(|| Refusal::not_found("membership", id))
    }
}

impl Decide for RegisterOrganization {
    type State = Organization;
    const OPENS: bool = true;

    fn decide(&self, organization: &Organization, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        if organization.version > 0 {
            let same = organization.name == self.name
                && organization.organization_number == self.organization_number
                && organization.kind == self.kind;
            return unchanged_or(same, || Refusal::already_exists("organisation", &self.organization_id));
        }
        require_control_digit("organization_number", &self.organization_number)?;
        Ok(vec![
            OrganizationRegistered {
                organization_id: self.organization_id.clone(),
                name: self.name.clone(),
                organization_number: self.organization_number.clone(),
                kind: self.kind,
            }
            .into(),
        ])
    }
}

impl Fold for OrganizationRegistered {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, _: &Recorded<'_>) {
        organization.organization_id.clone_from(&self.organization_id);
        organization.name.clone_from(&self.name);
        organization.organization_number.clone_from(&self.organization_number);
        organization.kind = self.kind;
    }
}

impl Decide for RenameOrganization {
    type State = Organization;

    fn decide(&self, organization: &Organization, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        if organization.name == self.name {
            return Ok(Vec::new());
        }
        Ok(vec![
            OrganizationRenamed {
                name: self.name.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for OrganizationRenamed {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, _: &Recorded<'_>) {
        organization.name.clone_from(&self.name);
    }
}

impl AdmitMember {
    fn number(&self) -> &str {
        self.member.as_ref().map_or("", |member| &member.organization_number)
    }
}

impl Decide for AdmitMember {
    type State = Organization;

    fn decide(&self, organization: &Organization, facts: &Facts<'_>, _: &Context<'_>) -> Decision {
        if let Ok(known) = organization.member(&self.member_id) {
            let same = known.member == self.member && known.from == self.from;
            return unchanged_or(same, || Refusal::already_exists("membership", &self.member_id));
        }
        if let Some(member) = &self.member {
            member.require_truth("member", organization, facts)?;
        }
        let same_number = |known: &&OrganizationMember| {
            known
                .member
                .as_ref()
                .is_some_and(|member| member.organization_number == self.number())
        };
        let goes_on = |known: &&OrganizationMember| known.to.as_ref().is_none_or(|to| self.from <= *to);
        if let Some(known) = organization.members.iter().filter(same_number).find(goes_on) {
            let problem = format!(
                "The organisation {} is a member already, from {}.",
                self.number(),
                known.from
            );
            return Err(Refusal::precondition("ALREADY_A_MEMBER", problem)
                .mend("Record its withdrawal first, and admit it anew from a later day."));
        }
        Ok(vec![
            MemberAdmitted {
                member_id: self.member_id.clone(),
                member: self.member.clone(),
                from: self.from.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &Organization, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        self.member
            .iter()
            .filter_map(|member| member.relies_on(&self.organization_id))
            .collect()
    }
}

impl Fold for MemberAdmitted {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, at: &Recorded<'_>) {
        organization.members.push(OrganizationMember {
            member_id: self.member_id.clone(),
            member: self.member.clone(),
            from: self.from.clone(),
            to: None,
            provenance: at.provenance(),
        });
    }
}

impl Decide for WithdrawMember {
    type State = Organization;

    fn decide(&self, organization: &Organization, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        let member = organization.member(&self.member_id)?;
        if let Some(to) = &member.to {
            return unchanged_or(*to == self.to, || {
                Refusal::precondition(
                    "MEMBER_WITHDRAWN",
                    format!("The member has withdrawn already, with {to} as its last day."),
                )
                .mend("Admit it anew if it has come back.")
            });
        }
        require_order(&member.from, &self.to)?;
        Ok(vec![
            MemberWithdrawn {
                member_id: self.member_id.clone(),
                to: self.to.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for MemberWithdrawn {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, at: &Recorded<'_>) {
        if let Some(member) = organization
            .members
            .iter_mut()
            .find(|member| member.member_id == self.member_id)
        {
            member.to = Some(self.to.clone());
            at.touch(&mut member.provenance);
        }
    }
}

/// Refuses a last day before the first one.
fn require_order(from: &str, to: &str) -> Result<(), Refusal> {
    if from <= to {
        return Ok(());
    }
    let problem = format!("The last day, {to}, is before the first day, {from}.");
    Err(Refusal::invalid("to", "ENDS_BEFORE_IT_BEGINS", problem)
        .mend("Give a last day that is not before the first one."))
}
