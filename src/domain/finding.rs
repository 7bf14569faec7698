//! Findings: contradictions and gaps in a plan, computed from its state whenever somebody asks, never stored.

use std::collections::HashMap;

use super::since::Rule;
use crate::schema::v1::{Organization, Project, ProposalRegister, Severity};

/// What a rule finds in a state; the reading adds since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicion {
    /// The rule's id, or a stable name where the rulebook has none.
    pub code: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// What was found, as a sentence with the figures in it.
    pub description: String,
    /// The ids of what it concerns.
    pub entities: Vec<String>,
    /// The positions of the events that last changed what it concerns.
    pub events: Vec<i64>,
}

/// The rules for projects, in the order in which what they find is told. One that looks through lists which may be long says how it is
/// followed along a history.
pub(super) const RULES_OF_PROJECTS: &[Rule<Project>] = &[
    Rule::whole(super::project::find),
    Rule::followed(super::role::find, super::role::follow),
    Rule::followed(super::document::find, super::document::follow),
    Rule::followed(super::phase::find, super::phase::follow),
    Rule::followed(super::decision_point::find, super::decision_point::follow),
    Rule::followed(super::milestone::find, super::milestone::follow),
    Rule::followed(super::activity::find, super::activity::follow),
    Rule::followed(super::risk::find, super::risk::follow),
    Rule::followed(super::success_factor::find, super::success_factor::follow),
    Rule::followed(super::report::find, super::report::follow),
    Rule::followed(super::budget::find, super::budget::follow),
    Rule::followed(super::deliverable::find, super::deliverable::follow),
    Rule::followed(super::benefit::find, super::benefit::follow),
];

/// Those for organisations.
pub(super) const RULES_OF_ORGANIZATIONS: &[Rule<Organization>] = super::organization::RULES;

/// Those for registers of proposals.
pub(super) const RULES_OF_PROPOSALS: &[Rule<ProposalRegister>] =
    &[Rule::followed(super::proposal::find, super::proposal::follow)];

/// Everything that the rules find in a project as it stands, seen on a day (YYYY-MM-DD), in the order of the rules.
#[must_use]
pub fn findings(project: &Project, today: &str) -> Vec<Suspicion> {
    all(RULES_OF_PROJECTS, project, today)
}

/// Everything that the rules find in an organisation as it stands, seen on a day (YYYY-MM-DD).
#[must_use]
pub fn organization_findings(organization: &Organization, today: &str) -> Vec<Suspicion> {
    all(RULES_OF_ORGANIZATIONS, organization, today)
}

/// Everything that the rules find in a register of proposals as it stands, seen on a day (YYYY-MM-DD).
#[must_use]
pub fn proposal_findings(register: &ProposalRegister, today: &str) -> Vec<Suspicion> {
    all(RULES_OF_PROPOSALS, register, today)
}

fn all<S>(rules: &[Rule<S>], state: &S, today: &str) -> Vec<Suspicion> {
    let mut found = Vec::new();
    for rule in rules {
        (rule.find)(state, today, &mut found);
    }
    found
}

/// The groups of those that have one number in common, in the order in which the numbers come up first. What has no number shares
/// none. One pass, since a register may hold thousands.
pub(super) fn sharing_a_number<'a, T>(numbered: impl Iterator<Item = (&'a str, T)>) -> Vec<(&'a str, Vec<T>)> {
    let mut groups: Vec<(&str, Vec<T>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (number, item) in numbered.filter(|(number, _)| !number.is_empty()) {
        let place = *places.entry(number).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, group)) => group.push(item),
            None => groups.push((number, vec![item])),
        }
    }
    groups.retain(|(_, group)| group.len() > 1);
    groups
}
