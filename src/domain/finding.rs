//! Findings: contradictions and gaps in a plan, computed from its state whenever somebody asks, never stored.

use std::collections::HashMap;

use crate::schema::v1::{Organization, Project, Severity};

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

/// Everything that the rules find in a project as it stands, seen on a day (YYYY-MM-DD), in the order of the rules.
#[must_use]
pub fn findings(project: &Project, today: &str) -> Vec<Suspicion> {
    let rules: &[fn(&Project, &str, &mut Vec<Suspicion>)] = &[
        super::project::find,
        super::role::find,
        super::document::find,
        super::phase::find,
        super::decision_point::find,
        super::milestone::find,
        super::activity::find,
        super::risk::find,
        super::success_factor::find,
        super::report::find,
        super::budget::find,
        super::deliverable::find,
        super::benefit::find,
    ];
    let mut found = Vec::new();
    for rule in rules {
        rule(project, today, &mut found);
    }
    found
}

/// Everything that the rules find in an organisation as it stands, seen on a day (YYYY-MM-DD).
#[must_use]
pub fn organization_findings(organization: &Organization, today: &str) -> Vec<Suspicion> {
    let mut found = Vec::new();
    super::organization::find(organization, today, &mut found);
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
