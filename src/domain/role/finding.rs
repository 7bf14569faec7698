//! What is found about roles: a leader before the start, and a required role that nobody holds (rules R3, R5).

use super::super::Suspicion;
use super::super::since::{Amounts, Followers, Group, Share, Tally};
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

/// R3 and R5 along a history: who holds which role today, and whether the start is decided.
pub(in crate::domain) fn follow() -> Followers<Project> {
    let rule = Tally::<Project> {
        lists: &[
            ("decision points", |project, index, _, _, shares| {
                if project.decision_points[index].is_the_start() {
                    shares.push(share(("R3", String::new()), false, [0, 1, 0, 0, 0]));
                }
            }),
            ("roles", |project, index, today, _, shares| {
                let assignment = &project.roles[index];
                let held = assignment.is_held_on(today);
                let group = ("R5", assignment.role().in_words().to_owned());
                shares.push(share(group, true, [i128::from(held), 0, 0, 0, 0]));
                if held && assignment.role() == ProjectRole::Leader {
                    shares.push(share(("R3", String::new()), true, [1, 0, 0, 0, 0]));
                }
            }),
        ],
        always: |_| {
            let required = REQUIRED.iter().map(|role| ("R5", role.in_words().to_owned()));
            required.collect()
        },
        stands: |_, _, group, sum_of| {
            let [held, started, ..] = sum_of(group);
            if group.0 == "R5" {
                held == 0
            } else {
                held > 0 && started == 0
            }
        },
        group: |project, places, found| {
            let assignment = &project.roles[places.find(project, "roles", found.entities.first()?)?];
            match found.code {
                "R3" => Some(("R3", String::new())),
                "R5" => Some(("R5", assignment.role().in_words().to_owned())),
                _ => None,
            }
        },
    };
    vec![rule.boxed()]
}

fn share(group: Group, named: bool, amounts: Amounts) -> Share {
    Share { group, named, amounts }
}

impl DecisionPoint {
    /// Whether it is a start decision that was made and stands.
    fn is_the_start(&self) -> bool {
        self.kind() == DecisionPointKind::Start && self.is_approved()
    }
}

/// A start decision is not made before the money is settled (B4), so the decision settles both, whatever the budget becomes later.
fn find_leader_before_start(project: &Project, today: &str, found: &mut Vec<Suspicion>) {
    if project.decision_points.iter().any(DecisionPoint::is_the_start) {
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
