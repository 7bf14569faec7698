//! What a rule finds in each thing of a list by itself, along a history.

use std::collections::HashMap;

use super::places::{Places, Thing};
use super::{After, Follow, Suspicion};

/// What is found in the item at an index of the list.
type FindIn<S> = fn(&S, &Places<S>, usize, &str, &mut Vec<Suspicion>);

/// A rule that looks at each thing of a list by itself, and at nothing else but what the thing needs. What it finds concerns the thing,
/// among others.
pub(in crate::domain) struct Each<S: 'static> {
    list: &'static str,
    find: FindIn<S>,
    standing: HashMap<Thing, Vec<Stood>>,
}

struct Stood {
    code: &'static str,
    entities: Vec<String>,
    since: i64,
}

impl Stood {
    fn is(&self, found: &Suspicion) -> bool {
        self.code == found.code && self.entities == found.entities
    }
}

impl<S> Each<S> {
    pub(in crate::domain) fn of(list: &'static str, find: FindIn<S>) -> Box<dyn Follow<S>> {
        Box::new(Self {
            list,
            find,
            standing: HashMap::new(),
        })
    }
}

impl<S> Follow<S> for Each<S> {
    fn after(&mut self, after: &After<'_, S>) {
        let mut found = Vec::new();
        let things = after.touched.iter();
        for thing in things.filter(|thing| after.places.is_of(**thing, self.list)) {
            if let Some(index) = after.places.index(after.state, *thing) {
                (self.find)(after.state, after.places, index, after.today, &mut found);
            }
            let before = self.standing.remove(thing).unwrap_or_default();
            let now: Vec<Stood> = found
                .drain(..)
                .map(|found| Stood {
                    since: before
                        .iter()
                        .find(|before| before.is(&found))
                        .map_or(after.position, |before| before.since),
                    code: found.code,
                    entities: found.entities,
                })
                .collect();
            if !now.is_empty() {
                self.standing.insert(*thing, now);
            }
        }
    }

    fn since(&self, _: &S, places: &Places<S>, found: &Suspicion) -> Option<i64> {
        let things = found.entities.iter().flat_map(|id| places.of_id(id));
        let mut stood = things.filter_map(|thing| self.standing.get(&thing)).flatten();
        stood.find(|stood| stood.is(found)).map(|stood| stood.since)
    }
}
