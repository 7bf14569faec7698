//! Persons, told apart by their subjects: what nobody can see or hear apart is one person (rule X9).

use std::collections::BTreeSet;

use crate::schema::folded;

/// Whether two subjects are one person: they may differ in normal form, in capitals, in white space at their ends and in characters that
/// are not seen. What stands in the record was refused when it held such characters; what a token or an older record says may hold them.
#[must_use]
pub fn same_person(one: &str, other: &str) -> bool {
    // Most are equal, or plainly are not, and this is asked for each of many.
    one == other
        || match (is_plain(one), is_plain(other)) {
            (true, true) => one.eq_ignore_ascii_case(other),
            _ => folded(one).eq(folded(other)),
        }
}

/// How many persons these subjects are.
pub(super) fn persons<'a>(subjects: impl Iterator<Item = &'a str>) -> usize {
    let alike: BTreeSet<String> = subjects.map(|subject| folded(subject).collect()).collect();
    alike.len()
}

/// Whether a subject is of letters, digits and signs that are written in one way only.
fn is_plain(subject: &str) -> bool {
    subject.bytes().all(|byte| byte.is_ascii_graphic())
}
