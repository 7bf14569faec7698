//! What is found about roles: a leader before the start, and a required role that nobody holds (rules R3, R5).

use super::super::Suspicion;
use crate::schema::v1::*;

/// The roles that every project needs somebody in (R5).
const REQUIRED: [ProjectRole; 5] = [
    ProjectRole::Owner,
    ProjectRole::Sponsor,
    ProjectRole::Responsible,
    ProjectRole::Leader,
    ProjectRole::SteeringGroup,
];

/// R3: a project leader before the start is financed and decided. R5: a required role that nobody holds today.
pub(in crate::domain) fn find(project: &Project, today: &str, found: &mut Vec<Suspicion>) {
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
