//! Where the things of a state lie, by their ids: what a record names is found without looking through all there is.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A list of a state whose items have ids.
pub(in crate::domain) struct List<S: 'static> {
    pub name: &'static str,
    pub len: fn(&S) -> usize,
    pub id: fn(&S, usize) -> &str,
    /// Whether what is new comes to the place that it belongs to, and not to the end.
    pub in_order: bool,
    /// The ids of other things that change when this one does, beside those that are named.
    pub moves: fn(&S, usize) -> Vec<&str>,
    /// The ids of other things that what is found in this one depends on.
    pub needs: fn(&S, &Places<S>, usize) -> Vec<String>,
    /// What those see that depend on this one: they are looked at again when it is another.
    pub shows: fn(&S, usize) -> String,
}

impl<S> List<S> {
    pub(super) const fn new(name: &'static str, len: fn(&S) -> usize, id: fn(&S, usize) -> &str) -> Self {
        Self {
            name,
            len,
            id,
            in_order: false,
            moves: |_, _| Vec::new(),
            needs: |_, _, _| Vec::new(),
            shows: |_, _| String::new(),
        }
    }
}

/// One thing: its list, and the number in which it came into that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::domain) struct Thing {
    list: usize,
    number: usize,
}

impl Thing {
    /// After all others.
    pub(in crate::domain) const LAST: Self = Self {
        list: usize::MAX,
        number: usize::MAX,
    };

    /// A number for it, scattered over all numbers (the finaliser of SplitMix64).
    pub(super) fn mark(self) -> u128 {
        let mut bits = ((self.list as u64) << 48) ^ self.number as u64;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u128::from(bits ^ (bits >> 31))
    }
}

/// A thing that was seen.
struct Seen {
    id: Arc<str>,
    /// Where it lay last; none when it is there no longer.
    index: Option<usize>,
    /// What it showed last to what depends on it.
    shown: Option<String>,
}

/// The things of a state.
pub(in crate::domain) struct Places<S: 'static> {
    lists: &'static [List<S>],
    seen: Vec<Vec<Seen>>,
    /// How many items each list has.
    there: Vec<usize>,
    by_id: HashMap<Arc<str>, Vec<Thing>>,
    /// What depends on the thing of an id.
    dependents: HashMap<String, BTreeSet<Thing>>,
}

impl<S> Places<S> {
    pub(super) fn new(lists: &'static [List<S>]) -> Self {
        Self {
            lists,
            seen: lists.iter().map(|_| Vec::new()).collect(),
            there: vec![0; lists.len()],
            by_id: HashMap::new(),
            dependents: HashMap::new(),
        }
    }

    /// Whether a thing is of a list.
    pub(in crate::domain) fn is_of(&self, thing: Thing, list: &str) -> bool {
        self.lists[thing.list].name == list
    }

    /// Where a thing lies; none when it is there no longer.
    pub(in crate::domain) fn index(&self, state: &S, thing: Thing) -> Option<usize> {
        let (list, seen) = (&self.lists[thing.list], &self.seen[thing.list][thing.number]);
        let (before, len) = (seen.index?, (list.len)(state));
        let is_there = |index: &usize| *(list.id)(state, *index) == *seen.id;
        // What was removed before it has brought it forward; what came before it has moved it on.
        let forward = (0..len.min(before + 1)).rev().find(is_there);
        forward.or_else(|| (before + 1..len).find(is_there).filter(|_| list.in_order))
    }

    /// The things of an id, in whichever lists.
    pub(in crate::domain) fn of_id(&self, id: &str) -> impl Iterator<Item = Thing> {
        self.by_id.get(id).into_iter().flatten().copied()
    }

    /// Where the thing of an id lies in a list.
    pub(in crate::domain) fn find(&self, state: &S, list: &str, id: &str) -> Option<usize> {
        let mut things = self.of_id(id).filter(|thing| self.is_of(*thing, list));
        things.find_map(|thing| self.index(state, thing))
    }

    /// The things that a record may have changed, which is folded into the state: those that it names or brings, and what depends on
    /// those of them that look other than before.
    pub(super) fn touched(&mut self, state: &S, data: &str) -> Vec<Thing> {
        let mut touched: BTreeSet<Thing> = BTreeSet::new();
        for id in named(data) {
            let things: Vec<Thing> = self.of_id(id).collect();
            for thing in things {
                self.look_for(state, thing);
                touched.insert(thing);
            }
        }
        self.take_in(state, &mut touched);
        let mut moved: Vec<&str> = Vec::new();
        for thing in &touched {
            if let Some(index) = self.index(state, *thing) {
                moved.extend((self.lists[thing.list].moves)(state, index));
            }
        }
        for id in moved {
            touched.extend(self.of_id(id));
        }
        let mut to_look_at: Vec<Thing> = touched.iter().copied().collect();
        while let Some(thing) = to_look_at.pop() {
            if let Some(id) = self.looks_other(state, thing) {
                let dependents = self.dependents.get(&*id).into_iter().flatten();
                to_look_at.extend(dependents.filter(|dependent| touched.insert(**dependent)));
            }
        }
        touched.into_iter().collect()
    }

    /// The id of a thing, when it is new or gone, or shows something else than before to what depends on it.
    fn looks_other(&mut self, state: &S, thing: Thing) -> Option<Arc<str>> {
        let index = self.index(state, thing);
        let shows = index.map(|index| (self.lists[thing.list].shows)(state, index));
        let seen = &mut self.seen[thing.list][thing.number];
        if shows == seen.shown {
            return None;
        }
        seen.shown = shows;
        Some(Arc::clone(&seen.id))
    }

    /// Notes what the things that were touched depend on by now.
    pub(super) fn note_needs(&mut self, state: &S, touched: &[Thing]) {
        for thing in touched {
            let Some(index) = self.index(state, *thing) else {
                continue;
            };
            for id in (self.lists[thing.list].needs)(state, self, index) {
                self.dependents.entry(id).or_default().insert(*thing);
            }
        }
    }

    /// Finds out where a thing lies now that is named, so that it may have been removed.
    fn look_for(&mut self, state: &S, thing: Thing) {
        let now = self.index(state, thing);
        let before = std::mem::replace(&mut self.seen[thing.list][thing.number].index, now);
        if before.is_some() && now.is_none() {
            self.there[thing.list] -= 1;
        }
    }

    /// Takes in what the record has brought.
    fn take_in(&mut self, state: &S, touched: &mut BTreeSet<Thing>) {
        for (number, list) in self.lists.iter().enumerate() {
            let len = (list.len)(state);
            let first = match list.in_order {
                true if len > self.there[number] => 0,
                _ => self.there[number],
            };
            for index in first..len {
                if list.in_order && self.find(state, list.name, (list.id)(state, index)).is_some() {
                    continue;
                }
                let id: Arc<str> = Arc::from((list.id)(state, index));
                let thing = Thing {
                    list: number,
                    number: self.seen[number].len(),
                };
                self.seen[number].push(Seen {
                    id: Arc::clone(&id),
                    index: Some(index),
                    shown: None,
                });
                self.by_id.entry(id).or_default().push(thing);
                touched.insert(thing);
            }
            self.there[number] = len;
        }
    }
}

/// What the data of an event name: the ids, and the years, which are periods of a budget.
fn named(data: &str) -> impl Iterator<Item = &str> {
    let is_id = |text: &&str| {
        let bytes = text.as_bytes();
        match bytes.len() {
            4 => bytes.iter().all(u8::is_ascii_digit),
            36 => [8, 13, 18, 23].iter().all(|place| bytes[*place] == b'-'),
            _ => false,
        }
    };
    data.split('"').filter(is_id)
}
