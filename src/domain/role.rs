//! Role (rolle): who holds which part in the project's organisation, and when (rules R1–R5).

use std::collections::HashSet;

use super::authority::{self, Authority};
use super::seat;
use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream, Suspicion, unchanged_or};
use crate::schema::v1::role_holder::Holder;
use crate::schema::v1::*;

/// The roles that every project needs somebody in (R5).
const REQUIRED: [ProjectRole; 5] = [
    ProjectRole::Owner,
    ProjectRole::Sponsor,
    ProjectRole::Responsible,
    ProjectRole::Leader,
    ProjectRole::SteeringGroup,
];

impl Project {
    /// The roles that this subject holds in person on a date (YYYY-MM-DD), as the record names them (R4).
    pub(super) fn roles_held(&self, subject: &str, date: &str) -> Vec<String> {
        let held = |assignment: &&RoleAssignment| assignment.is_held_on(date) && assignment.subject() == Some(subject);
        let mut roles: Vec<String> = Vec::new();
        for assignment in self.roles.iter().filter(held) {
            let role = assignment.role().on_record();
            if !roles.contains(&role) {
                roles.push(role);
            }
        }
        roles
    }

    /// What the actor acts in the role by on the effective date: as the person who holds it, by a seat in the body that holds it,
    /// or, where an organisation holds it, by a seat in a body that speaks for the whole of it. Only bodies that count are asked.
    /// The facts are those of `role_streams`.
    pub(super) fn acts_in_role(
        &self,
        role: ProjectRole,
        facts: &Facts<'_>,
        context: &Context<'_>,
        counts: impl Fn(&Body) -> bool,
    ) -> Option<Authority> {
        let mut holders = self.holders(role, context.effective_date);
        if let Some(own) = holders.find(|assignment| assignment.subject().is_some_and(|subject| context.is(subject))) {
            return Some(own.authority(role.on_record(), "ROLE", &own.recorded));
        }
        self.holders(role, context.effective_date).find_map(|assignment| {
            let offices = assignment.offices(|id| facts.organization(id)).into_iter();
            let mut offices = offices.filter_map(|office| {
                facts
                    .organization(&office.organization_id)?
                    .office_held(&office, context)
            });
            let mut bodies = assignment.bodies(|id| facts.organization(id)).into_iter();
            let by = offices.next().or_else(|| {
                let seat =
                    bodies.find_map(|body| seat::held(&body, facts, context).filter(|seat| counts(seat.place.body)))?;
                Some(seat.authority())
            })?;
            // The later of the two is when the right came about.
            let recorded = (&by.recorded).max(&assignment.recorded);
            let role = format!("{} by {}", role.on_record(), by.role);
            Some(assignment.authority(role, by.kind, recorded))
        })
    }

    /// The bodies that act in the role on a date, as far as the organisations are known.
    pub(super) fn role_bodies(&self, role: ProjectRole, facts: &Facts<'_>, date: &str) -> Vec<BodyReference> {
        let holders = self.holders(role, date);
        holders
            .flat_map(|assignment| assignment.bodies(|id| facts.organization_if_loaded(id)))
            .collect()
    }

    /// The offices that act in the role on a date, as far as the organisations are known.
    pub(super) fn role_offices(&self, role: ProjectRole, facts: &Facts<'_>, date: &str) -> Vec<OfficeReference> {
        let holders = self.holders(role, date);
        holders
            .flat_map(|assignment| assignment.offices(|id| facts.organization_if_loaded(id)))
            .collect()
    }

    /// The persons who hold the role on a date.
    pub(super) fn subjects_in(&self, role: ProjectRole, date: &str) -> Vec<String> {
        let subjects = self.holders(role, date).filter_map(RoleAssignment::subject);
        subjects.map(str::to_owned).collect()
    }

    /// The organisations that have to be known to say who acts in the role on the effective date, as far as they can be named yet.
    pub(super) fn role_streams(&self, role: ProjectRole, facts: &Facts<'_>, context: &Context<'_>) -> Vec<Stream> {
        let holders = self.holders(role, context.effective_date);
        holders
            .flat_map(|assignment| {
                let own = assignment.acting_organization().map(Stream::organization);
                let bodies = assignment.bodies(|id| facts.organization_if_loaded(id));
                let seats = bodies.into_iter().flat_map(|body| seat::streams(&body, facts));
                own.into_iter().chain(seats)
            })
            .collect()
    }

    /// The assignments of a role that are held on a date.
    pub(super) fn holders(&self, role: ProjectRole, date: &str) -> impl Iterator<Item = &RoleAssignment> {
        self.roles
            .iter()
            .filter(move |assignment| assignment.role() == role && assignment.is_held_on(date))
    }

    /// How many organisations own the project together on a date (B4).
    pub(super) fn owning_organizations(&self, date: &str) -> usize {
        let owners = self.holders(ProjectRole::Owner, date);
        let organizations: HashSet<&str> = owners.filter_map(RoleAssignment::organization_id).collect();
        organizations.len()
    }

    fn role_assignment(&self, id: &str) -> Result<&RoleAssignment, Refusal> {
        self.roles
            .iter()
            .find(|assignment| assignment.assignment_id == id)
            .ok_or_else(|| Refusal::not_found("role assignment", id))
    }
}

impl RoleAssignment {
    /// Whether it is held on a date (R4).
    #[must_use]
    pub fn is_held_on(&self, date: &str) -> bool {
        self.from.as_str() <= date && self.to.as_deref().is_none_or(|to| date <= to)
    }

    fn holder_named(&self) -> Option<&Holder> {
        self.holder.as_ref()?.holder.as_ref()
    }

    /// What somebody who acts in it acts by.
    fn authority(&self, role: String, kind: &'static str, recorded: &str) -> Authority {
        Authority {
            role,
            kind,
            position: self
                .provenance
                .as_ref()
                .map_or(0, |provenance| provenance.first_position),
            recorded: recorded.to_owned(),
        }
    }

    /// The organisation that holds it as a whole, or by an office, when one does.
    fn acting_organization(&self) -> Option<&str> {
        match self.holder_named()? {
            Holder::OrganizationId(id) => Some(id),
            Holder::Office(office) => Some(&office.organization_id),
            Holder::Person(_) | Holder::Body(_) => None,
        }
    }

    /// The offices that act for its holder: itself, or those that speak for the whole of an organisation that is known (O7).
    fn offices<'a>(&self, known: impl Fn(&str) -> Option<&'a Organization>) -> Vec<OfficeReference> {
        match self.holder_named() {
            Some(Holder::Office(office)) => vec![office.clone()],
            Some(Holder::OrganizationId(id)) => {
                let offices = known(id).into_iter().flat_map(|organization| &organization.offices);
                let speaking = offices.filter(|office| office.speaks_for_all);
                let reference = |office: &Office| OfficeReference {
                    organization_id: id.clone(),
                    office_id: office.office_id.clone(),
                };
                speaking.map(reference).collect()
            }
            Some(Holder::Person(_) | Holder::Body(_)) | None => Vec::new(),
        }
    }

    /// The bodies that act for its holder: itself, or those that speak for the whole of an organisation that is known.
    fn bodies<'a>(&self, known: impl Fn(&str) -> Option<&'a Organization>) -> Vec<BodyReference> {
        match self.holder_named() {
            Some(Holder::Body(body)) => vec![body.clone()],
            Some(Holder::OrganizationId(id)) => {
                let bodies = known(id).into_iter().flat_map(|organization| &organization.bodies);
                let speaking = bodies.filter(|body| body.speaks_for_all());
                let reference = |body: &Body| BodyReference {
                    organization_id: id.clone(),
                    body_id: body.body_id.clone(),
                };
                speaking.map(reference).collect()
            }
            Some(Holder::Person(_) | Holder::Office(_)) | None => Vec::new(),
        }
    }

    /// The organisation that the holder is, belongs to, or comes from.
    fn organization_id(&self) -> Option<&str> {
        match self.holder_named()? {
            Holder::Person(person) => person.organization_id.as_deref(),
            Holder::Body(body) => Some(&body.organization_id),
            Holder::Office(office) => Some(&office.organization_id),
            Holder::OrganizationId(id) => Some(id),
        }
    }

    /// The subject who holds it, when a person does.
    fn subject(&self) -> Option<&str> {
        match self.holder_named()? {
            Holder::Person(person) => Some(&person.subject),
            Holder::Body(_) | Holder::Office(_) | Holder::OrganizationId(_) => None,
        }
    }

    /// Whether there is a day that lies both in it and in the given period.
    fn overlaps(&self, from: &str, to: Option<&str>) -> bool {
        to.is_none_or(|to| self.from.as_str() <= to) && self.to.as_deref().is_none_or(|own| from <= own)
    }
}

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
                && other.subject() == Some(&person.subject)
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

/// R3: a project leader before the start is financed and decided. R5: a required role that nobody holds today.
pub(super) fn find(project: &Project, today: &str, found: &mut Vec<Suspicion>) {
    if project.require_active().is_err() {
        return;
    }
    find_leader_before_start(project, today, found);
    for role in REQUIRED
        .into_iter()
        .filter(|role| project.holders(*role, today).next().is_none())
    {
        let earlier = project.roles.iter().filter(|assignment| assignment.role() == role);
        found.push(suspicion(
            "R5",
            format!("The project has no {} on {today}.", role.in_words()),
            earlier,
        ));
    }
}

/// A start decision is not made before the money is settled (B4), so the decision settles both, whatever the budget becomes later.
fn find_leader_before_start(project: &Project, today: &str, found: &mut Vec<Suspicion>) {
    let mut points = project.decision_points.iter();
    if points.any(|point| point.kind() == DecisionPointKind::Start && point.is_approved()) {
        return;
    }
    let missing = if project.finance_is_settled() {
        "not decided"
    } else {
        "neither financed nor decided"
    };
    let leaders: Vec<&RoleAssignment> = project.holders(ProjectRole::Leader, today).collect();
    if let Some(first) = leaders.iter().map(|assignment| assignment.from.as_str()).min() {
        let description = format!("The project has had a project leader since {first}, but its start is {missing}.");
        found.push(suspicion("R3", description, leaders.into_iter()));
    }
}

fn suspicion<'a>(
    code: &'static str,
    description: String,
    about: impl Iterator<Item = &'a RoleAssignment> + Clone,
) -> Suspicion {
    Suspicion {
        code,
        severity: Severity::Warning,
        description,
        entities: about
            .clone()
            .map(|assignment| assignment.assignment_id.clone())
            .collect(),
        events: about
            .filter_map(|assignment| assignment.provenance.as_ref())
            .map(|provenance| provenance.last_position)
            .collect(),
    }
}
