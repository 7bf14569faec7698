//! The portfolio read: its projects by phase, what is decided next, the worst risks, the money and the benefits (rule G3).

use std::collections::HashMap;

use super::super::{Facts, overview};
use crate::schema::v1::*;

/// The portfolio of a programme. The facts hold its projects, as of the same point.
#[must_use]
pub fn portfolio_reading(programme: &Programme, facts: &Facts<'_>) -> PortfolioReading {
    let order = programme
        .priorities
        .last()
        .map_or(&[][..], |priority| &priority.project_ids);
    let places: HashMap<&str, usize> = order
        .iter()
        .enumerate()
        .map(|(index, id)| (id.as_str(), index))
        .collect();
    let included = programme.included();
    let mut projects: Vec<&Project> = included
        .filter_map(|project| facts.project(&project.project_id))
        .collect();
    projects.sort_by_key(|project| places.get(project.project_id.as_str()).copied().unwrap_or(usize::MAX));
    let mut reading = PortfolioReading {
        programme_id: programme.programme_id.clone(),
        position: programme.position,
        ..PortfolioReading::default()
    };
    let (mut cost, mut financing) = (Total::default(), Total::default());
    let mut risk_matrix = RiskMatrix::empty();
    for project in projects {
        let place = places.get(project.project_id.as_str());
        let line = line(project, place.map_or(0, |index| count(index.saturating_add(1))));
        cost = cost.plus(&line.cost.unwrap_or_default());
        financing = financing.plus(&line.financing.unwrap_or_default());
        if !line.has_budget {
            reading.projects_without_budget += 1;
        }
        reading.benefits_planned = reading.benefits_planned.saturating_add(line.benefits_planned);
        reading.benefits_realised = reading.benefits_realised.saturating_add(line.benefits_realised);
        reading.position = reading.position.max(project.position);
        add_to_phase(&mut reading.phases, &line);
        risk_matrix.add_project(project);
        reading.projects.push(line);
    }
    reading.phases.sort_by_key(|phase| phase.kind);
    reading.risk_matrix = Some(risk_matrix);
    reading.cost = Some(cost);
    reading.financing = Some(financing);
    reading
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// What the portfolio shows of one project.
fn line(project: &Project, priority: i32) -> PortfolioProject {
    let overview = overview::overview(project);
    let mut under_way = project
        .phases
        .iter()
        .filter(|phase| phase.status() == PhaseStatus::Started);
    let phase = under_way.next();
    let budget = project.budget.as_ref();
    let benefits = |such: &[BenefitStatus]| {
        let counted = project
            .benefits
            .iter()
            .filter(|benefit| such.contains(&benefit.status()));
        count(counted.count())
    };
    PortfolioProject {
        project_id: overview.project_id,
        name: overview.name,
        status: overview.status,
        priority,
        phase: phase.map(|phase| phase.name.clone()).unwrap_or_default(),
        phase_kind: phase.map(|phase| phase.kind).unwrap_or_default(),
        next_decision_point: overview.next_decision_point,
        next_decision_date: overview.next_decision_date,
        open_risks: overview.open_risks,
        worst_risk_factor: overview.worst_risk_factor,
        cost: Some(budget.map(Budget::cost).unwrap_or_default()),
        financing: Some(budget.map(Budget::financing).unwrap_or_default()),
        has_budget: budget.is_some_and(|budget| !budget.cost_lines.is_empty()),
        benefits_planned: benefits(&[BenefitStatus::Planned, BenefitStatus::Realized]),
        benefits_realised: benefits(&[BenefitStatus::Realized]),
    }
}

fn add_to_phase(phases: &mut Vec<PortfolioPhase>, line: &PortfolioProject) {
    let project_id = line.project_id.clone();
    match phases.iter_mut().find(|phase| phase.kind == line.phase_kind) {
        Some(phase) => phase.project_ids.push(project_id),
        None => phases.push(PortfolioPhase {
            kind: line.phase_kind,
            project_ids: vec![project_id],
        }),
    }
}
