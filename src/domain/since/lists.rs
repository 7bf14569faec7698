//! The lists that findings are looked for in: what has an id there, and what depends on what.

use super::places::{List, Places};
use crate::schema::v1::*;

pub(super) const OF_PROJECTS: &[List<Project>] = &[
    List::new(
        "activities",
        |project| project.activities.len(),
        |project, index| &project.activities[index].activity_id,
    ),
    List::new(
        "benefits",
        |project| project.benefits.len(),
        |project, index| &project.benefits[index].benefit_id,
    ),
    List {
        needs: |project, _, index| vec![project.checkpoints[index].phase_id.clone()],
        ..List::new(
            "checkpoints",
            |project| project.checkpoints.len(),
            |project, index| &project.checkpoints[index].checkpoint_id,
        )
    },
    List {
        // B7: the decision of one is the end of the other's.
        moves: |project, index| {
            let superseded = project.decision_points[index].supersedes_id.as_deref();
            superseded.into_iter().collect()
        },
        shows: |project, index| {
            let point = &project.decision_points[index];
            let (decided, next) = (point.decided.as_ref(), point.superseded_by_id.as_ref());
            format!("{:?} {} {decided:?} {next:?}", point.status(), point.date)
        },
        ..List::new(
            "decision points",
            |project| project.decision_points.len(),
            |project, index| &project.decision_points[index].decision_point_id,
        )
    },
    List::new(
        "deliverables",
        |project| project.deliverables.len(),
        |project, index| &project.deliverables[index].deliverable_id,
    ),
    List::new(
        "documents",
        |project| project.documents.len(),
        |project, index| &project.documents[index].document_id,
    ),
    List {
        needs: milestone_needs,
        shows: |project, index| {
            let milestone = &project.milestones[index];
            format!("{:?} {}", milestone.status(), milestone.date())
        },
        ..List::new(
            "milestones",
            |project| project.milestones.len(),
            |project, index| &project.milestones[index].milestone_id,
        )
    },
    List {
        in_order: true,
        shows: |project, index| project.phases[index].ended.is_some().to_string(),
        ..List::new(
            "phases",
            |project| project.phases.len(),
            |project, index| &project.phases[index].phase_id,
        )
    },
    List::new(
        "reports",
        |project| project.reports.len(),
        |project, index| &project.reports[index].report_id,
    ),
    List::new(
        "rhythms",
        |project| project.report_rhythms.len(),
        |project, index| &project.report_rhythms[index].rhythm_id,
    ),
    List::new(
        "risks",
        |project| project.risks.len(),
        |project, index| &project.risks[index].risk_id,
    ),
    List::new(
        "roles",
        |project| project.roles.len(),
        |project, index| &project.roles[index].assignment_id,
    ),
    List::new(
        "success factors",
        |project| project.success_factors.len(),
        |project, index| &project.success_factors[index].success_factor_id,
    ),
    List {
        // The line that it is on has been used by as much.
        moves: |project, index| {
            let entry = project
                .budget
                .as_ref()
                .and_then(|budget| budget.actuals[index].entry.as_ref());
            entry.map(|entry| entry.line_id.as_str()).into_iter().collect()
        },
        ..List::new(
            "actuals",
            |project| project.budget.as_ref().map_or(0, |budget| budget.actuals.len()),
            |project, index| of_budget(project, index, |budget, index| &budget.actuals[index].actual_id),
        )
    },
    List::new(
        "cost lines",
        |project| project.budget.as_ref().map_or(0, |budget| budget.cost_lines.len()),
        |project, index| of_budget(project, index, |budget, index| &budget.cost_lines[index].line_id),
    ),
    List::new(
        "financing lines",
        |project| project.budget.as_ref().map_or(0, |budget| budget.financing_lines.len()),
        |project, index| of_budget(project, index, |budget, index| &budget.financing_lines[index].line_id),
    ),
    // Those of one period are touched together.
    List::new(
        "stated totals",
        |project| project.budget.as_ref().map_or(0, |budget| budget.stated_totals.len()),
        |project, index| of_budget(project, index, |budget, index| &budget.stated_totals[index].period),
    ),
];

pub(super) const OF_ORGANIZATIONS: &[List<Organization>] = &[
    List {
        needs: |organization, _, index| {
            let inside = organization.bodies[index].composed_of.as_ref();
            inside.into_iter().map(|inside| inside.body_id.clone()).collect()
        },
        shows: |organization, index| {
            let body = &organization.bodies[index];
            let inside = organization.composition(&body.body_id);
            let inside: Vec<_> = inside.iter().map(|body| &body.composed_of).collect();
            let seats = organization.appointments_to(&body.body_id);
            let terms: Vec<&AppointmentTerms> = seats.iter().filter_map(|seat| seat.terms.as_ref()).collect();
            format!("{} {:?} {inside:?} {terms:?}", body.established, body.dissolved)
        },
        ..List::new(
            "bodies",
            |organization| organization.bodies.len(),
            |organization, index| &organization.bodies[index].body_id,
        )
    },
    List {
        needs: |organization, _, index| {
            let meeting = &organization.meetings[index];
            let told_in = organization.told_in(meeting).map(|reference| reference.meeting_id);
            told_in.chain([meeting.body_id().to_owned()]).collect()
        },
        shows: |organization, index| {
            let minutes = organization.meetings[index].minutes.iter();
            let told: Vec<&MinutesReference> = minutes
                .flat_map(|minutes| &minutes.decisions)
                .filter_map(|decision| decision.reports_urgent.as_ref())
                .collect();
            format!("{told:?}")
        },
        ..List::new(
            "meetings",
            |organization| organization.meetings.len(),
            |organization, index| &organization.meetings[index].meeting_id,
        )
    },
    List {
        moves: |organization, index| {
            let terms = organization.appointments[index].terms.as_ref();
            terms.into_iter().map(|terms| terms.body_id.as_str()).collect()
        },
        ..List::new(
            "appointments",
            |organization| organization.appointments.len(),
            |organization, index| &organization.appointments[index].appointment_id,
        )
    },
];

pub(super) const OF_PROPOSALS: &[List<ProposalRegister>] = &[
    List {
        moves: |register, index| vec![&register.proposals[index].round_id],
        ..List::new(
            "proposals",
            |register| register.proposals.len(),
            |register, index| &register.proposals[index].proposal_id,
        )
    },
    List::new(
        "rounds",
        |register| register.rounds.len(),
        |register, index| &register.rounds[index].round_id,
    ),
];

fn of_budget(project: &Project, index: usize, id: fn(&Budget, usize) -> &str) -> &str {
    project.budget.as_ref().map_or("", |budget| id(budget, index))
}

/// The milestones that it depends on, and the decision points that it hangs on, with those that stand in their place.
fn milestone_needs(project: &Project, places: &Places<Project>, index: usize) -> Vec<String> {
    let Some(plan) = &project.milestones[index].plan else {
        return Vec::new();
    };
    let mut needs = plan.depends_on.clone();
    for id in &plan.decision_point_ids {
        needs.push(id.clone());
        let chain = places
            .standing(project, id)
            .map(|point| point.decision_point_id.clone());
        needs.extend(chain);
    }
    needs
}

impl Places<Project> {
    /// The decision point of an id, and those that supersede it, one after the other: the last one stands in its place (B7).
    pub(in crate::domain) fn standing<'a>(
        &'a self,
        project: &'a Project,
        id: &str,
    ) -> impl Iterator<Item = &'a DecisionPoint> {
        let find = |id: &str| {
            self.find(project, "decision points", id)
                .map(|index| &project.decision_points[index])
        };
        // Each point is superseded once at the most, so the chain is no longer than the list.
        std::iter::successors(find(id), move |point| find(point.superseded_by_id.as_deref()?))
            .take(project.decision_points.len())
    }
}
