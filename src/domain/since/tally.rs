//! What a rule finds in groups of things that are counted or added up, along a history.

use std::collections::HashMap;

use super::places::{Places, Thing};
use super::{After, Follow, Suspicion};

/// A group: the code of what may be found in it, and what its things have in common.
pub(in crate::domain) type Group = (&'static str, String);

/// What the things of a group add up to; each rule knows what the figures mean.
pub(in crate::domain) type Amounts = [i128; 5];

/// What the sum of a group is by now.
type SumOf<'a> = &'a dyn Fn(&Group) -> Amounts;

/// What one thing adds to a group.
#[derive(Clone, PartialEq)]
pub(in crate::domain) struct Share {
    pub group: Group,
    /// Whether a finding in the group concerns the thing.
    pub named: bool,
    pub amounts: Amounts,
}

impl Share {
    /// That of one of those that share a number; none of what has no number.
    pub(in crate::domain) fn of_number(code: &'static str, number: &str) -> Option<Self> {
        (!number.is_empty()).then(|| Self {
            group: (code, number.to_owned()),
            named: true,
            amounts: [1, 0, 0, 0, 0],
        })
    }
}

/// What the item at an index adds, seen on a day.
type Adds<S> = fn(&S, usize, &str, SumOf<'_>, &mut Vec<Share>);

/// The lists that are added up, in the order in which their items are looked at.
pub(in crate::domain) type Lists<S> = &'static [(&'static str, Adds<S>)];

/// A rule that finds something in a group by what its things add up to.
pub(in crate::domain) struct Tally<S: 'static> {
    pub lists: Lists<S>,
    /// The groups that are looked at after every record, whatever it touches.
    pub always: fn(&S) -> Vec<Group>,
    /// Whether something is found in a group.
    pub stands: fn(&S, &str, &Group, SumOf<'_>) -> bool,
    /// The group that something was found in that concerns anything.
    pub group: fn(&S, &Places<S>, &Suspicion) -> Option<Group>,
}

#[derive(Default)]
struct Sum {
    amounts: Amounts,
    concerned: Concerned,
    since: Option<i64>,
    /// Whether something is found that concerns nothing in particular.
    is_bare: bool,
}

/// Which things a finding concerns: how many, and what their marks add up to. One thing is its mark; of more than one, no two sets that
/// come after one another have the same.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Concerned {
    things: usize,
    marks: u128,
}

/// The groups that are looked at after a record, each with what it concerned before, and since when something was found in it.
type Before = HashMap<Group, (Concerned, Option<i64>)>;

struct Tallied<S: 'static> {
    rule: Tally<S>,
    /// By which of the lists it was given for.
    given: HashMap<(usize, Thing), Vec<Share>>,
    sums: HashMap<Group, Sum>,
    /// Findings of one code that concern nothing in particular are one and the same: how many there are, and since when there are any.
    bare: HashMap<&'static str, (usize, Option<i64>)>,
}

impl<S> Tally<S> {
    pub(in crate::domain) fn boxed(self) -> Box<dyn Follow<S>> {
        Box::new(Tallied {
            rule: self,
            given: HashMap::new(),
            sums: HashMap::new(),
            bare: HashMap::new(),
        })
    }

    /// A rule that finds numbers which stand more than once.
    pub(in crate::domain) fn of_numbers(
        lists: Lists<S>,
        group: fn(&S, &Places<S>, &Suspicion) -> Option<Group>,
    ) -> Box<dyn Follow<S>> {
        Self {
            lists,
            always: |_| Vec::new(),
            stands: |_, _, group, sum_of| sum_of(group)[0] > 1,
            group,
        }
        .boxed()
    }
}

impl<S> Tallied<S> {
    fn sum_of(&self, group: &Group) -> Amounts {
        self.sums.get(group).map(|sum| sum.amounts).unwrap_or_default()
    }

    /// Puts what a thing adds in the place of what it added before. Notes the groups in which that has changed, as they were.
    fn give(&mut self, from: (usize, Thing), shares: Vec<Share>, before: &mut Before) {
        let earlier = self.given.remove(&from).unwrap_or_default();
        if earlier != shares {
            for (share, sign) in earlier
                .iter()
                .map(|share| (share, -1))
                .chain(shares.iter().map(|share| (share, 1)))
            {
                let sum = self.sums.entry(share.group.clone()).or_default();
                before.entry(share.group.clone()).or_insert((sum.concerned, sum.since));
                sum.add(share, from.1, sign);
            }
        }
        if !shares.is_empty() {
            self.given.insert(from, shares);
        }
    }

    /// Whether something is found in the group now, and since when.
    fn look(&mut self, after: &After<'_, S>, group: &Group, earlier: &HashMap<(&str, Concerned), i64>) {
        let stands = (self.rule.stands)(after.state, after.today, group, &|group| self.sum_of(group));
        let sum = self.sums.entry(group.clone()).or_default();
        let since = || earlier.get(&(group.0, sum.concerned)).copied();
        sum.since = stands.then(|| since().unwrap_or(after.position));
        let is_bare = stands && sum.concerned.things == 0;
        let was_bare = std::mem::replace(&mut sum.is_bare, is_bare);
        if was_bare != is_bare {
            let (how_many, _) = self.bare.entry(group.0).or_default();
            *how_many = if was_bare { *how_many - 1 } else { *how_many + 1 };
        }
    }
}

impl Sum {
    /// Adds what a thing gives, or takes it away.
    fn add(&mut self, share: &Share, thing: Thing, sign: i128) {
        for (sum, amount) in self.amounts.iter_mut().zip(share.amounts) {
            *sum += sign * amount;
        }
        if share.named {
            let (things, mark) = (&mut self.concerned.things, thing.mark());
            (*things, self.concerned.marks) = if sign > 0 {
                (*things + 1, self.concerned.marks.wrapping_add(mark))
            } else {
                (*things - 1, self.concerned.marks.wrapping_sub(mark))
            };
        }
    }
}

impl<S> Follow<S> for Tallied<S> {
    fn after(&mut self, after: &After<'_, S>) {
        let mut before = Before::new();
        for (number, (list, adds)) in self.rule.lists.iter().enumerate() {
            let things = after.touched.iter();
            for thing in things.filter(|thing| after.places.is_of(**thing, list)) {
                let mut shares = Vec::new();
                if let Some(index) = after.places.index(after.state, *thing) {
                    adds(
                        after.state,
                        index,
                        after.today,
                        &|group| self.sum_of(group),
                        &mut shares,
                    );
                }
                self.give((number, *thing), shares, &mut before);
            }
        }
        for group in (self.rule.always)(after.state) {
            let sum = self.sums.entry(group.clone()).or_default();
            before.entry(group).or_insert((sum.concerned, sum.since));
        }
        // What concerns the same things is the same finding, also when they have gone from one group to another.
        let stood = before
            .iter()
            .filter_map(|(group, (concerned, since))| Some(((group.0, *concerned), (*since)?)));
        let earlier: HashMap<(&str, Concerned), i64> = stood.collect();
        for group in before.keys() {
            self.look(after, group, &earlier);
        }
        for (how_many, since) in self.bare.values_mut() {
            *since = (*how_many > 0).then(|| since.unwrap_or(after.position));
        }
    }

    fn since(&self, state: &S, places: &Places<S>, found: &Suspicion) -> Option<i64> {
        if found.entities.is_empty() {
            return self.bare.get(found.code)?.1;
        }
        let group = (self.rule.group)(state, places, found)?;
        self.sums.get(&group)?.since
    }
}
