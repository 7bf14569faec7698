//! Since when findings stand: a history is followed record by record, and only what a record may have changed is looked at again.

mod each;
mod lists;
mod places;
mod tally;
mod whole;

use std::collections::HashMap;

use whole::Whole;

use super::finding::{RULES_OF_ORGANIZATIONS, RULES_OF_PROJECTS, RULES_OF_PROPOSALS};
use super::{Aggregated, State, Suspicion};
use crate::schema::v1::{Aggregate, Organization, Project, ProposalRegister};

pub(super) use each::Each;
pub(super) use places::{List, Places, Thing};
pub(super) use tally::{Amounts, Group, Share, Tally};

/// A finding, and the position since which it has stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What is found.
    pub found: Suspicion,
    /// The position of the record after which it was found, as it was after every record since.
    pub since: i64,
}

/// What follows the history of one stream from its first record on, and knows since when each finding has stood. A finding is the same
/// as before when its rule and what it concerns are the same.
pub struct Watch(Box<dyn Watching>);

impl std::fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Watch").finish_non_exhaustive()
    }
}

impl Watch {
    /// One for a stream of this kind, whose findings are seen on a day (YYYY-MM-DD); none where nothing is found.
    #[must_use]
    pub fn new(aggregate: Aggregate, today: &str) -> Option<Self> {
        match aggregate {
            Aggregate::Project => Some(Self::on::<Project>(today)),
            Aggregate::Organization => Some(Self::on::<Organization>(today)),
            Aggregate::ProposalRegister => Some(Self::on::<ProposalRegister>(today)),
            _ => None,
        }
    }

    fn on<S: Followed>(today: &str) -> Self {
        Self(Box::new(On {
            today: today.to_owned(),
            places: Places::new(S::LISTS),
            followers: S::RULES.iter().map(|rule| (rule.find, rule.followers())).collect(),
        }))
    }

    /// Sees the state after a record: its position, and the data of its event as they are written.
    pub fn after(&mut self, state: &State, position: i64, data: &str) {
        self.0.after(state, position, data);
    }

    /// Everything that the rules find in the state after the last record that was seen, in the order of the rules.
    #[must_use]
    pub fn standing(&self, state: &State) -> Vec<Standing> {
        self.0.standing(state)
    }
}

trait Watching: Send {
    fn after(&mut self, state: &State, position: i64, data: &str);
    fn standing(&self, state: &State) -> Vec<Standing>;
}

/// All that follow one rule, or those of one concept.
pub(super) type Followers<S> = Vec<Box<dyn Follow<S>>>;

/// Looks a state through, seen on a day.
pub(super) type Find<S> = fn(&S, &str, &mut Vec<Suspicion>);

/// A rule, or those of one concept, as it looks through a whole state, and how what it finds is followed along a history.
pub(super) struct Rule<S: 'static> {
    pub find: Find<S>,
    follow: Option<fn() -> Followers<S>>,
}

impl<S> Rule<S> {
    /// Looks the whole state through after every record: for what looks at no list that may be long.
    pub(super) const fn whole(find: Find<S>) -> Self {
        Self { find, follow: None }
    }

    pub(super) const fn followed(find: Find<S>, follow: fn() -> Followers<S>) -> Self {
        Self {
            find,
            follow: Some(follow),
        }
    }

    fn followers(&self) -> Followers<S> {
        match self.follow {
            Some(follow) => follow(),
            None => vec![Box::new(Whole {
                find: self.find,
                standing: HashMap::new(),
            })],
        }
    }
}

/// A state whose findings are followed.
pub(super) trait Followed: Aggregated {
    /// What a record names when it changes it.
    const LISTS: &'static [List<Self>];
    const RULES: &'static [Rule<Self>];
}

impl Followed for Project {
    const LISTS: &'static [List<Self>] = lists::OF_PROJECTS;
    const RULES: &'static [Rule<Self>] = RULES_OF_PROJECTS;
}

impl Followed for Organization {
    const LISTS: &'static [List<Self>] = lists::OF_ORGANIZATIONS;
    const RULES: &'static [Rule<Self>] = RULES_OF_ORGANIZATIONS;
}

impl Followed for ProposalRegister {
    const LISTS: &'static [List<Self>] = lists::OF_PROPOSALS;
    const RULES: &'static [Rule<Self>] = RULES_OF_PROPOSALS;
}

/// What a record left: the state, and the things in it that the record may have changed.
pub(super) struct After<'a, S: 'static> {
    pub state: &'a S,
    pub today: &'a str,
    pub position: i64,
    pub places: &'a Places<S>,
    pub touched: &'a [Thing],
}

/// What one rule finds, along a history.
pub(super) trait Follow<S>: Send {
    /// Looks again at what a record may have changed.
    fn after(&mut self, after: &After<'_, S>);

    /// The position since which this has stood; none when it is of another rule.
    fn since(&self, state: &S, places: &Places<S>, found: &Suspicion) -> Option<i64>;
}

/// The watch over one kind of state.
struct On<S: 'static> {
    today: String,
    places: Places<S>,
    followers: Vec<(Find<S>, Followers<S>)>,
}

impl<S: Followed> Watching for On<S> {
    fn after(&mut self, state: &State, position: i64, data: &str) {
        let Some(state) = S::of(state) else { return };
        let touched = self.places.touched(state, data);
        let after = After {
            state,
            today: &self.today,
            position,
            places: &self.places,
            touched: &touched,
        };
        for follower in self.followers.iter_mut().flat_map(|(_, followers)| followers) {
            follower.after(&after);
        }
        self.places.note_needs(state, &touched);
    }

    fn standing(&self, state: &State) -> Vec<Standing> {
        let Some(state) = S::of(state) else { return Vec::new() };
        let mut standing = Vec::new();
        for (find, followers) in &self.followers {
            let mut all = Vec::new();
            find(state, &self.today, &mut all);
            standing.extend(all.into_iter().map(|found| {
                let mut known = followers.iter();
                let since = known.find_map(|follower| follower.since(state, &self.places, &found));
                let since = since.expect("whoever follows a rule knows of all that it finds");
                Standing { found, since }
            }));
        }
        standing
    }
}
