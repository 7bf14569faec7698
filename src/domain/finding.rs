//! Findings: contradictions and gaps in a plan, computed from its state whenever somebody asks, never stored.

use crate::schema::v1::{Project, Severity};

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
        super::budget::find,
    ];
    let mut found = Vec::new();
    for rule in rules {
        rule(project, today, &mut found);
    }
    found
}
