//! What is found among decision points: numbers used twice, mandatory points past their date, overdue conditions.

use std::collections::HashSet;

use crate::domain::Suspicion;
use crate::domain::finding::sharing_a_number;
use crate::schema::v1::*;

pub(in crate::domain) fn find(project: &Project, today: &str, found: &mut Vec<Suspicion>) {
    repeated_numbers(project, found);
    // In a project that has ended nothing is decided any more, but a condition can still be fulfilled.
    let active = project.require_active().is_ok();
    for point in &project.decision_points {
        let open = active && !point.is_decided() && point.status() != DecisionPointStatus::Withdrawn;
        if point.mandatory && open && point.date.as_str() < today {
            let description = format!(
                "{} is mandatory, was to be decided by {}, and is not.",
                point.label(),
                point.date
            );
            found.push(suspicion("DECISION_POINT_OVERDUE", description, &[point], None));
        }
        for condition in point.overdue_conditions(today) {
            let description = format!(
                "{}: the condition \"{}\" was due {}.",
                point.label(),
                condition.text,
                condition.due
            );
            found.push(suspicion(
                "CONDITION_OVERDUE",
                description,
                &[point],
                Some(&condition.condition_id),
            ));
        }
    }
}

impl DecisionPoint {
    /// B8: the conditions of a standing approval that are past their date and not fulfilled.
    fn overdue_conditions(&self, today: &str) -> impl Iterator<Item = &Condition> {
        let overdue = self
            .conditions
            .iter()
            .filter(move |given| self.has_overdue(given, today));
        overdue.filter_map(|given| given.condition.as_ref())
    }
}

/// A point and the one that supersedes it may well have the same number: they are the same matter.
fn repeated_numbers(project: &Project, found: &mut Vec<Suspicion>) {
    let withdrawn = |point: &DecisionPoint| point.status() == DecisionPointStatus::Withdrawn;
    let superseding: HashSet<&str> = project
        .decision_points
        .iter()
        .filter(|point| !withdrawn(point))
        .filter_map(|point| point.supersedes_id.as_deref())
        .collect();
    let counted = project
        .decision_points
        .iter()
        .filter(|point| !withdrawn(point) && !superseding.contains(point.decision_point_id.as_str()));
    for (number, same) in sharing_a_number(counted.map(|point| (point.number.as_str(), point))) {
        let description = format!("{} decision points have the number {number}.", same.len());
        found.push(suspicion("DECISION_POINT_NUMBER_REPEATED", description, &same, None));
    }
}

fn suspicion(code: &'static str, description: String, points: &[&DecisionPoint], part: Option<&str>) -> Suspicion {
    Suspicion {
        code,
        severity: Severity::Warning,
        description,
        entities: points
            .iter()
            .map(|point| point.decision_point_id.clone())
            .chain(part.map(str::to_owned))
            .collect(),
        events: points
            .iter()
            .filter_map(|point| point.provenance.as_ref())
            .map(|provenance| provenance.last_position)
            .collect(),
    }
}
