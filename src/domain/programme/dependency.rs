//! Dependency (avhengighet): which project waits for a milestone of which other one, and whether the plans agree (rules G1 and G2).

use std::collections::{HashMap, HashSet};

use super::super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream, Suspicion, unchanged_or};
use crate::schema::v1::*;

/// How many dependencies a programme may have.
const MOST_DEPENDENCIES: usize = 1_000;

impl Programme {
    fn dependency(&self, id: &str) -> Option<&ProgrammeDependency> {
        self.dependencies
            .iter()
            .find(|dependency| dependency.dependency_id == id)
    }

    /// The projects by way of which the first waits for the second, both included; empty when it does not.
    fn way(&self, from: &str, to: &str) -> Vec<String> {
        let mut waits_for: HashMap<&str, Vec<&str>> = HashMap::new();
        for terms in self
            .dependencies
            .iter()
            .filter_map(|dependency| dependency.terms.as_ref())
        {
            waits_for
                .entry(&terms.project_id)
                .or_default()
                .push(&terms.predecessor_project_id);
        }
        let mut came_from: HashMap<&str, &str> = HashMap::new();
        let mut seen = HashSet::from([from]);
        let mut waiting = vec![from];
        while let Some(project) = waiting.pop() {
            if project == to {
                let steps = std::iter::successors(Some(project), |step| came_from.get(step).copied());
                let mut way: Vec<String> = steps.map(str::to_owned).collect();
                way.reverse();
                return way;
            }
            for next in waits_for.get(project).into_iter().flatten() {
                if seen.insert(next) {
                    came_from.insert(next, project);
                    waiting.push(next);
                }
            }
        }
        Vec::new()
    }
}

impl RegisterDependency {
    /// G1: nobody waits for itself, neither at once nor by way of others.
    fn require_no_cycle(programme: &Programme, terms: &DependencyTerms, facts: &Facts<'_>) -> Result<(), Refusal> {
        let way = programme.way(&terms.predecessor_project_id, &terms.project_id);
        if way.is_empty() {
            return Ok(());
        }
        let name = |id: &String| {
            facts
                .project(id)
                .map_or_else(|| id.clone(), |project| project.name.clone())
        };
        let mut names = vec![name(&terms.project_id)];
        names.extend(way.iter().map(name));
        let problem = format!("The projects would wait for each other: {}.", names.join(" → "));
        Err(Refusal::rule("G1", "DEPENDENCY_CYCLE", problem)
            .mend("Remove one of the dependencies on the way, or let the project wait for another one."))
    }
}

impl Decide for RegisterDependency {
    type State = Programme;

    fn decide(&self, programme: &Programme, facts: &Facts<'_>, _: &Context<'_>) -> Decision {
        programme.require_open()?;
        if let Some(known) = programme.dependency(&self.dependency_id) {
            return unchanged_or(known.terms == self.terms, || {
                Refusal::already_exists("dependency", &self.dependency_id)
            });
        }
        if programme.dependencies.len() >= MOST_DEPENDENCIES {
            let problem = format!(
                "The programme {} has {MOST_DEPENDENCIES} dependencies already.",
                programme.name()
            );
            return Err(
                Refusal::precondition("TOO_MANY_DEPENDENCIES", problem).mend("Remove those that no longer hold.")
            );
        }
        if let Some(terms) = &self.terms {
            programme.require_included(&terms.project_id)?;
            programme.require_included(&terms.predecessor_project_id)?;
            facts
                .project(&terms.predecessor_project_id)
                .ok_or_else(|| Refusal::not_found("project", &terms.predecessor_project_id))?
                .milestone(&terms.predecessor_milestone_id)?;
            Self::require_no_cycle(programme, terms, facts)?;
        }
        Ok(vec![
            DependencyRegistered {
                dependency_id: self.dependency_id.clone(),
                terms: self.terms.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, programme: &Programme, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        let Some(terms) = &self.terms else { return Vec::new() };
        // Those on the way of a cycle are relied on for their names.
        let way = programme.way(&terms.predecessor_project_id, &terms.project_id);
        let named = [&terms.project_id, &terms.predecessor_project_id];
        named.into_iter().chain(&way).map(|id| Stream::project(id)).collect()
    }
}

impl Fold for DependencyRegistered {
    type State = Programme;

    fn fold(&self, programme: &mut Programme, at: &Recorded<'_>) {
        programme.dependencies.push(ProgrammeDependency {
            dependency_id: self.dependency_id.clone(),
            terms: self.terms.clone(),
            provenance: at.provenance(),
        });
    }
}

impl Decide for RemoveDependency {
    type State = Programme;

    fn decide(&self, programme: &Programme, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        programme.require_open()?;
        if programme.dependency(&self.dependency_id).is_none() {
            return Err(Refusal::not_found("dependency", &self.dependency_id));
        }
        let dependency_id = self.dependency_id.clone();
        Ok(vec![DependencyRemoved { dependency_id }.into()])
    }
}

impl Fold for DependencyRemoved {
    type State = Programme;

    fn fold(&self, programme: &mut Programme, _: &Recorded<'_>) {
        programme
            .dependencies
            .retain(|dependency| dependency.dependency_id != self.dependency_id);
    }
}

/// When a project starts: the day that its first phase started, or the first day of its period as planned; and the position of the
/// event that says so.
fn start(project: &Project) -> Option<(&str, Option<Provenance>)> {
    let started = project
        .phases
        .iter()
        .filter_map(|phase| Some((phase.started.as_deref()?, phase.provenance)));
    let planned = project.frame.as_ref().and_then(|frame| frame.period.as_ref());
    started
        .min_by_key(|(day, _)| *day)
        .or_else(|| Some((planned?.from.as_str(), project.frame_provenance)))
}

/// When a milestone is reached: the day that it was, or the last day that it is to be. `None` when it is cancelled.
fn reached(milestone: &Milestone) -> Option<&str> {
    match milestone.status() {
        MilestoneStatus::Cancelled => None,
        _ => Some(milestone.achieved_on.as_deref().unwrap_or(&milestone.deadline)),
    }
}

/// G2: a project that starts before the milestone that it waits for. The facts hold the projects of the programme.
#[must_use]
pub fn programme_findings(programme: &Programme, facts: &Facts<'_>) -> Vec<Suspicion> {
    let included: HashSet<&str> = programme
        .included()
        .map(|project| project.project_id.as_str())
        .collect();
    let mut found = Vec::new();
    for dependency in &programme.dependencies {
        let Some(terms) = &dependency.terms else { continue };
        let both = [&terms.project_id, &terms.predecessor_project_id];
        if !both.iter().all(|id| included.contains(id.as_str())) {
            continue;
        }
        let (Some(project), Some(predecessor)) = (
            facts.project(&terms.project_id),
            facts.project(&terms.predecessor_project_id),
        ) else {
            continue;
        };
        let Ok(milestone) = predecessor.milestone(&terms.predecessor_milestone_id) else {
            continue;
        };
        let (Some((start, since)), Some(reached)) = (start(project), reached(milestone)) else {
            continue;
        };
        if reached <= start {
            continue;
        }
        let name = milestone.plan.as_ref().map_or("", |plan| &plan.name);
        let description = format!(
            "{} starts on {start}, before {reached}, when {} reaches the milestone \"{name}\" that it waits for.",
            project.name, predecessor.name
        );
        let provenances = [dependency.provenance, milestone.provenance, since];
        found.push(Suspicion {
            code: "G2",
            severity: Severity::Warning,
            description,
            entities: vec![
                terms.project_id.clone(),
                terms.predecessor_project_id.clone(),
                terms.predecessor_milestone_id.clone(),
                dependency.dependency_id.clone(),
            ],
            events: provenances
                .into_iter()
                .flatten()
                .map(|provenance| provenance.last_position)
                .collect(),
        });
    }
    found
}
