//! The hard rules of the rulebook, and those of them that no refusal bears the name of.

use std::collections::BTreeSet;

use crate::coverage::rules;

/// Hard rules that nothing is refused in the name of, each with the reason why. What is answered instead is asserted where the story
/// tries them.
const WITHOUT_REFUSAL: [(&str, &str); 5] = [
    (
        "O6",
        "No command says it: a withdrawal from the region has no field for programmes or agreements, and one that is made up is refused as unknown.",
    ),
    (
        "R2",
        "It allows: that the leader of a working group is the project leader too is recorded, and nothing could break it.",
    ),
    (
        "W9",
        "A decision on a basis that nobody has recommended lacks its recommendation, and is refused in the name of B1.",
    ),
    (
        "X1",
        "The shape of the message holds it: 6 is no probability, and there is no field for a factor, so both are refused as field violations.",
    ),
    (
        "X4",
        "The shape of the message holds it: a risk materialises with the id of the deviation that it opens, and without one the field is refused.",
    ),
];

/// Why nothing is refused in the name of this rule; none when something is.
pub fn without_refusal(rule: &str) -> Option<&'static str> {
    let found = WITHOUT_REFUSAL.iter().find(|(known, _)| *known == rule);
    found.map(|(_, why)| *why)
}

/// The ids of all rules of a kind: `hard`, `finding` or `reading`.
pub fn of_kind(kind: &str) -> BTreeSet<&'static str> {
    let of_kind = rules().into_iter().filter(|rule| rule.kind == kind);
    of_kind.map(|rule| rule.id).collect()
}
