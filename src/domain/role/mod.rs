//! Role (rolle): who holds which part in the project's organisation, and when (rules R1–R5, W7).

mod finding;
mod holder;

use super::authority;
use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream, same_person, unchanged_or};
use crate::schema::v1::role_holder::Holder;
use crate::schema::v1::*;

pub(super) use finding::{find, follow};

impl ProjectRole {
    /// The role in words.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Unspecified => "role",
            Self::Owner => "owner",
            Self::Sponsor => "sponsor",
            Self::Responsible => "project responsible",
            Self::Leader => "project leader",
            Self::SteeringGroup => "steering group",
            Self::ReferenceGroup => "reference group",
            Self::GroupMember => "member of the project group",
            Self::WorkingGroupLeader => "working-group leader",
            Self::BenefitOwner => "benefit owner",
            Self::RiskOwner => "risk owner",
            Self::Architect => "architect",
            Self::Expert => "expert",
            Self::CitizenRepresentative => "citizen representative",
            Self::BusinessRepresentative => "business representative",
            Self::StateRepresentative => "state representative",
        }
    }
}

impl AssignRole {
    fn holder(&self) -> Option<&Holder> {
        self.holder.as_ref()?.holder.as_ref()
    }

    /// The organisation that the holder is, belongs to, or comes from.
    pub(super) fn organization_id(&self) -> Option<&str> {
        match self.holder()? {
            Holder::Person(person) => person.organization_id.as_deref(),
            Holder::Body(body) => Some(&body.organization_id),
            Holder::Office(office) => Some(&office.organization_id),
            Holder::OrganizationId(id) => Some(id),
        }
    }

    /// A group is a body; owner and sponsor may be anyone; every other role is held by a person.
    fn require_holder_that_fits(&self) -> Result<(), Refusal> {
        let role = self.role().in_words();
        let (reason, problem, remedy) = match (self.role(), self.holder()) {
            (_, None) => (
                "HOLDER_REQUIRED",
                format!("Nobody is named as {role}."),
                "Give one of `person`, `body`, `office` and `organization_id`.",
            ),
            (ProjectRole::SteeringGroup | ProjectRole::ReferenceGroup, Some(Holder::Body(_))) => return Ok(()),
            (ProjectRole::SteeringGroup | ProjectRole::ReferenceGroup, Some(_)) => (
                "HOLDER_MUST_BE_BODY",
                format!("The {role} is a body."),
                "Establish it in its organisation, and name it in `body`.",
            ),
            (ProjectRole::Owner | ProjectRole::Sponsor, Some(_))
            | (ProjectRole::Responsible, Some(Holder::Office(_)))
            | (_, Some(Holder::Person(_))) => return Ok(()),
            (_, Some(_)) => (
                "HOLDER_MUST_BE_PERSON",
                format!("The {role} is a person."),
                "Name the person in `person`.",
            ),
        };
        Err(Refusal::invalid("holder", reason, problem).mend(remedy))
    }

    /// What is named in another stream must be there; a body must not be dissolved when the role begins.
    fn require_holder_that_exists(&self, facts: &Facts<'_>) -> Result<(), Refusal> {
        let Some(id) = self.organization_id() else {
            return Ok(());
        };
        let organization = facts
            .organization(id)
            .ok_or_else(|| Refusal::not_found("organisation", id))?;
        match self.holder() {
            Some(Holder::Body(body)) => organization.body_on(&body.body_id, &self.from).map(|_| ()),
            Some(Holder::Office(office)) => organization.office_on(&office.office_id, &self.from).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// R1: the project leader and the project responsible are different persons on every day.
    fn require_other_than_counterpart(&self, project: &Project) -> Result<(), Refusal> {
        let counterpart = match self.role() {
            ProjectRole::Leader => ProjectRole::Responsible,
            ProjectRole::Responsible => ProjectRole::Leader,
            _ => return Ok(()),
        };
        let Some(Holder::Person(person)) = self.holder() else {
            return Ok(());
        };
        let same_person = |other: &&RoleAssignment| {
            other.role() == counterpart
                && other
                    .subject()
                    .is_some_and(|subject| same_person(subject, &person.subject))
                && other.overlaps(&self.from, self.to.as_deref())
        };
        let Some(other) = project.roles.iter().find(same_person) else {
            return Ok(());
        };
        let until = other.to.as_deref().map(|to| format!(" to {to}")).unwrap_or_default();
        let (role, counterpart) = (self.role().in_words(), counterpart.in_words());
        Err(Refusal::rule(
            "R1",
            "LEADER_IS_RESPONSIBLE",
            format!(
                "{} is {counterpart} from {}{until}, and cannot be {role} as well.",
                person.subject, other.from
            ),
        )
        .mend(format!(
            "Assign the role to another person, or first release {} from being {counterpart}.",
            person.subject
        )))
    }
}

impl AssignRole {
    fn is(&self, known: &RoleAssignment) -> bool {
        known.role == self.role
            && known.holder == self.holder
            && known.from == self.from
            && known.to == self.to
            && known.reason == self.reason
    }

    /// Whether it is recorded in the project.
    pub(super) fn is_in(&self, project: &Project) -> bool {
        project
            .role_assignment(&self.assignment_id)
            .is_ok_and(|known| self.is(known))
    }

    /// The holder fits the role, exists, and does not hold what this role may not be held with.
    pub(super) fn require_holder(&self, project: &Project, facts: &Facts<'_>) -> Result<(), Refusal> {
        self.require_holder_that_fits()?;
        if let Some(to) = self.to.as_deref().filter(|to| *to < self.from.as_str()) {
            return Err(Refusal::invalid(
                "to",
                "ENDS_BEFORE_IT_BEGINS",
                format!("The last day, {to}, is before the first day, {}.", self.from),
            )
            .mend("Give a last day that is not before the first one, or leave it out."));
        }
        if self.role() == ProjectRole::Sponsor && self.reason.is_empty() {
            return Err(Refusal::invalid("reason", "REASON_REQUIRED", "A sponsor is named for a stated reason.")
                .mend("Say in `reason` why this is the sponsor, such as that the project was ordered as a part of a reorganisation."));
        }
        self.require_holder_that_exists(facts)?;
        self.require_other_than_counterpart(project)
    }

    /// What records it.
    pub(super) fn assigned(&self) -> RoleAssigned {
        RoleAssigned {
            assignment_id: self.assignment_id.clone(),
            role: self.role,
            holder: self.holder.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            reason: self.reason.clone(),
        }
    }
}

impl Decide for AssignRole {
    type State = Project;

    fn decide(&self, project: &Project, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        if let Ok(known) = project.role_assignment(&self.assignment_id) {
            return unchanged_or(self.is(known), || {
                Refusal::already_exists("role assignment", &self.assignment_id)
            });
        }
        self.require_holder(project, facts)?;
        if let Some(Holder::Person(person)) = self.holder() {
            authority::require_other(&person.subject, "holder", context)?;
        }
        Ok(vec![self.assigned().into()])
    }

    fn relies_on(&self, _: &Project, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        self.organization_id().map(Stream::organization).into_iter().collect()
    }

    fn counts(&self, project: &Project, holder: &authority::Holder) -> bool {
        project.may_change(self.role(), holder)
    }
}

impl Fold for RoleAssigned {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.roles.push(RoleAssignment {
            assignment_id: self.assignment_id.clone(),
            role: self.role,
            holder: self.holder.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            reason: self.reason.clone(),
            recorded: at.recorded.to_owned(),
            provenance: at.provenance(),
        });
    }
}

impl Project {
    /// W7: the responsible makes no owners and unmakes none, and an administrator only gives a project without owners its first.
    fn may_change(&self, role: ProjectRole, holder: &authority::Holder) -> bool {
        match holder {
            authority::Holder::Administrator => {
                role == ProjectRole::Owner && !self.roles.iter().any(|assignment| assignment.role() == role)
            }
            authority::Holder::Role { role: own, .. } => role != ProjectRole::Owner || *own != ProjectRole::Responsible,
            _ => true,
        }
    }
}

impl Decide for ReleaseRole {
    type State = Project;

    fn counts(&self, project: &Project, holder: &authority::Holder) -> bool {
        let role = project.role_assignment(&self.assignment_id).map(RoleAssignment::role);
        role.is_ok_and(|role| project.may_change(role, holder))
    }

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let assignment = project.role_assignment(&self.assignment_id)?;
        if self.to < assignment.from {
            return Err(Refusal::invalid(
                "to",
                "ENDS_BEFORE_IT_BEGINS",
                format!(
                    "The last day, {}, is before the first day, {}.",
                    self.to, assignment.from
                ),
            )
            .mend("Give a last day that is not before the first one."));
        }
        match assignment.to.as_deref() {
            Some(to) if to == self.to => Ok(Vec::new()),
            // A longer time could break R1; only AssignRole judges that.
            Some(to) if to < self.to.as_str() => Err(Refusal::precondition(
                "ROLE_RELEASED",
                format!("The role is held to {to} already, and a release does not make that later."),
            )
            .mend("Use AssignRole for the time after that.")),
            _ => Ok(vec![
                RoleReleased {
                    assignment_id: self.assignment_id.clone(),
                    to: self.to.clone(),
                }
                .into(),
            ]),
        }
    }
}

impl Fold for RoleReleased {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(assignment) = project
            .roles
            .iter_mut()
            .find(|assignment| assignment.assignment_id == self.assignment_id)
        {
            assignment.to = Some(self.to.clone());
            at.touch(&mut assignment.provenance);
        }
    }
}
