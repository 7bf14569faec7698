//! One project at a glance, as the overview of all projects shows it.

use crate::schema::v1::*;

impl Project {
    /// The risks that are neither closed nor accepted.
    pub(super) fn open_risks(&self) -> impl Iterator<Item = &Risk> {
        self.risks.iter().filter(|risk| risk.is_open())
    }

    /// The decision points that are neither decided nor withdrawn.
    pub(super) fn open_decision_points(&self) -> impl Iterator<Item = &DecisionPoint> {
        self.decision_points
            .iter()
            .filter(|point| !point.is_decided() && point.status() != DecisionPointStatus::Withdrawn)
    }

    /// The one of these that comes first by date.
    pub(super) fn next_decision_point(&self) -> Option<&DecisionPoint> {
        self.open_decision_points()
            .min_by_key(|point| (&point.date, &point.number))
    }
}

/// The overview of a project as it stands.
#[must_use]
pub fn overview(project: &Project) -> ProjectOverview {
    let next = project.next_decision_point();
    ProjectOverview {
        project_id: project.project_id.clone(),
        name: project.name.clone(),
        kind: project.kind,
        status: project.status,
        version: project.version,
        position: project.position,
        next_decision_point: next.map(|point| point.number.clone()).unwrap_or_default(),
        next_decision_date: next.map(|point| point.date.clone()).unwrap_or_default(),
        open_risks: i32::try_from(project.open_risks().count()).unwrap_or(i32::MAX),
        worst_risk_factor: project.open_risks().map(|risk| risk.factor).max().unwrap_or_default(),
    }
}
