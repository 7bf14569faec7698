//! Since when reports have not come in time (rule T2), along a history.

use std::collections::{BTreeSet, HashMap};

use super::super::Suspicion;
use super::super::since::{After, Follow, Followers, Places, Thing};
use super::rhythm::Line;
use crate::schema::v1::*;

/// The rhythms, and when the last report came that each is about.
#[derive(Default)]
struct Late {
    last: HashMap<Line, String>,
    rhythms: HashMap<Line, BTreeSet<Thing>>,
    /// What a rhythm is about.
    lines: HashMap<Thing, Line>,
    since: HashMap<Thing, i64>,
    /// The day that the project began.
    began: String,
}

pub(in crate::domain) fn follow() -> Followers<Project> {
    vec![Box::<Late>::default()]
}

impl Late {
    /// Takes in a report, and answers what it is about where it is later than all before it.
    fn take(&mut self, report: &Report) -> Vec<Line> {
        let lines = report.lines().filter(|line| {
            let last = self.last.get(line).map(String::as_str);
            last.is_none_or(|last| last < report.submitted.as_str())
        });
        let later: Vec<Line> = lines.collect();
        for line in &later {
            self.last.insert(line.clone(), report.submitted.clone());
        }
        later
    }

    fn set(&mut self, thing: Thing, rhythm: &ReportRhythm) {
        let line = rhythm.line();
        if let Some(before) = self.lines.remove(&thing)
            && let Some(things) = self.rhythms.get_mut(&before)
        {
            things.remove(&thing);
        }
        if let Some(line) = line {
            self.rhythms.entry(line.clone()).or_default().insert(thing);
            self.lines.insert(thing, line);
        }
    }

    fn look(&mut self, after: &After<'_, Project>, thing: Thing) {
        let rhythm = after.places.index(after.state, thing);
        let rhythm = rhythm.map(|index| &after.state.report_rhythms[index]);
        let last = self.lines.get(&thing).and_then(|line| self.last.get(line));
        let late = rhythm.and_then(|rhythm| rhythm.overdue(last.map(String::as_str), &self.began, after.today));
        if late.is_some() {
            self.since.entry(thing).or_insert(after.position);
        } else {
            self.since.remove(&thing);
        }
    }
}

impl Follow<Project> for Late {
    fn after(&mut self, after: &After<'_, Project>) {
        let mut again: BTreeSet<Thing> = BTreeSet::new();
        for thing in after.touched {
            let Some(index) = after.places.index(after.state, *thing) else {
                continue;
            };
            if after.places.is_of(*thing, "reports") {
                for line in self.take(&after.state.reports[index]) {
                    let rhythms = self.rhythms.get(&line).into_iter().flatten();
                    // What is in time stays so when a later report comes.
                    again.extend(rhythms.filter(|rhythm| self.since.contains_key(rhythm)));
                }
            } else if after.places.is_of(*thing, "rhythms") {
                self.set(*thing, &after.state.report_rhythms[index]);
                again.insert(*thing);
            }
        }
        if self.began != after.state.began() {
            after.state.began().clone_into(&mut self.began);
            again.extend(self.lines.keys());
        }
        for thing in again {
            self.look(after, thing);
        }
    }

    fn since(&self, _: &Project, places: &Places<Project>, found: &Suspicion) -> Option<i64> {
        let mut things = found.entities.iter().flat_map(|id| places.of_id(id));
        things.find_map(|thing| self.since.get(&thing).copied())
    }
}
