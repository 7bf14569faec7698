//! One project at a glance, as the overview of all projects shows it.

use crate::schema::v1::*;

/// The overview of a project as it stands.
#[must_use]
pub fn overview(project: &Project) -> ProjectOverview {
    let next = project
        .decision_points
        .iter()
        .filter(|point| !point.is_decided() && point.status() != DecisionPointStatus::Withdrawn)
        .min_by_key(|point| (&point.date, &point.number));
    let open = || project.risks.iter().filter(|risk| risk.is_open());
    ProjectOverview {
        project_id: project.project_id.clone(),
        name: project.name.clone(),
        kind: project.kind,
        status: project.status,
        version: project.version,
        position: project.position,
        next_decision_point: next.map(|point| point.number.clone()).unwrap_or_default(),
        next_decision_date: next.map(|point| point.date.clone()).unwrap_or_default(),
        open_risks: i32::try_from(open().count()).unwrap_or(i32::MAX),
        worst_risk_factor: open().map(|risk| risk.factor).max().unwrap_or_default(),
    }
}
