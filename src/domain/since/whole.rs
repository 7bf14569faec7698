//! What a rule finds in a whole state, along a history.

use std::collections::HashMap;

use super::places::Places;
use super::{After, Find, Follow, Suspicion};

/// A rule that looks at everything again after every record.
pub(super) struct Whole<S> {
    pub find: Find<S>,
    pub standing: Found,
}

/// Since when something stands, by its code, and by what it concerns.
pub(super) type Found = HashMap<&'static str, HashMap<Vec<String>, i64>>;

impl<S> Follow<S> for Whole<S> {
    fn after(&mut self, after: &After<'_, S>) {
        let mut found = Vec::new();
        (self.find)(after.state, after.today, &mut found);
        let before = std::mem::take(&mut self.standing);
        for found in found {
            let since = before.get(found.code).and_then(|before| before.get(&found.entities));
            let since = since.copied().unwrap_or(after.position);
            let standing = self.standing.entry(found.code).or_default();
            standing.insert(found.entities, since);
        }
    }

    fn since(&self, _: &S, _: &Places<S>, found: &Suspicion) -> Option<i64> {
        self.standing.get(found.code)?.get(&found.entities).copied()
    }
}
