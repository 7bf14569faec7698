//! What is found among decision points: numbers used twice, mandatory points past their date, overdue conditions.

use std::collections::HashSet;

use crate::domain::Suspicion;
use crate::domain::finding::sharing_a_number;
use crate::domain::since::{Each, Followers, Share, Tally};
use crate::schema::v1::*;

pub(in crate::domain) fn find(project: &Project, today: &str, found: &mut Vec<Suspicion>) {
    repeated_numbers(project, found);
    // In a project that has ended nothing is decided any more, but a condition can still be fulfilled.
    let active = project.require_active().is_ok();
    for point in &project.decision_points {
        if active {
            point.find_overdue(today, found);
        }
        point.find_overdue_conditions(today, found);
    }
}

pub(in crate::domain) fn follow() -> Followers<Project> {
    let numbers = Tally::<Project>::of_numbers(
        &[
            ("decision points", |project, index, _, _, shares| {
                let superseded = project.decision_points[index].would_supersede();
                shares.extend(superseded.map(|id| Share {
                    group: (SUPERSEDED, id.to_owned()),
                    named: false,
                    amounts: [1, 0, 0, 0, 0],
                }));
            }),
            ("decision points", |project, index, _, sum_of, shares| {
                let point = &project.decision_points[index];
                let superseded = sum_of(&(SUPERSEDED, point.decision_point_id.clone()))[0] > 0;
                if !superseded && point.status() != DecisionPointStatus::Withdrawn {
                    shares.extend(Share::of_number("DECISION_POINT_NUMBER_REPEATED", &point.number));
                }
            }),
        ],
        |project, places, found| {
            let point = &project.decision_points[places.find(project, "decision points", found.entities.first()?)?];
            Some((found.code, point.number.clone()))
        },
    );
    let each = Each::<Project>::of("decision points", |project, _, index, today, found| {
        project.decision_points[index].find_overdue(today, found);
        project.decision_points[index].find_overdue_conditions(today, found);
    });
    vec![each, numbers]
}

/// Points that others supersede, or would.
const SUPERSEDED: &str = "superseded";

impl DecisionPoint {
    /// The point that it supersedes, or would if it were decided.
    fn would_supersede(&self) -> Option<&str> {
        let superseded = self.supersedes_id.as_deref();
        superseded.filter(|_| self.status() != DecisionPointStatus::Withdrawn)
    }

    fn find_overdue(&self, today: &str, found: &mut Vec<Suspicion>) {
        let open = !self.is_decided() && self.status() != DecisionPointStatus::Withdrawn;
        if self.mandatory && open && self.date.as_str() < today {
            let description = format!(
                "{} is mandatory, was to be decided by {}, and is not.",
                self.label(),
                self.date
            );
            found.push(suspicion("DECISION_POINT_OVERDUE", description, &[self], None));
        }
    }

    fn find_overdue_conditions(&self, today: &str, found: &mut Vec<Suspicion>) {
        for condition in self.overdue_conditions(today) {
            let description = format!(
                "{}: the condition \"{}\" was due {}.",
                self.label(),
                condition.text,
                condition.due
            );
            found.push(suspicion(
                "CONDITION_OVERDUE",
                description,
                &[self],
                Some(&condition.condition_id),
            ));
        }
    }

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
    let points = project.decision_points.iter();
    let superseding: HashSet<&str> = points.filter_map(DecisionPoint::would_supersede).collect();
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
