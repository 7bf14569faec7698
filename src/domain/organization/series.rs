//! Series of meetings (møteserier): whether a body meets as often as it is to, and since when it has not (rule O5).

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

use super::super::Suspicion;
use super::super::since::{After, Follow, Followers, Places, Thing};
use super::meeting::last_events;
use crate::schema::v1::*;

/// What is said of a series: the meeting that was held last, the next one that is scheduled after it, and whether any that is not
/// cancelled recurs.
#[derive(Clone, Copy, Default)]
struct Standing<'a> {
    last_held: Option<&'a Meeting>,
    coming: Option<&'a Meeting>,
    recurs: bool,
}

impl<'a> Standing<'a> {
    fn of(series: &[&'a Meeting]) -> Self {
        let of = |status| series.iter().copied().filter(move |meeting| meeting.status() == status);
        let last_held = of(MeetingStatus::Held).max_by_key(|meeting| meeting.date());
        Self {
            last_held,
            coming: of(MeetingStatus::Scheduled)
                .filter(|meeting| last_held.is_none_or(|held| held.date() < meeting.date()))
                .min_by_key(|meeting| meeting.date()),
            recurs: series.iter().any(|meeting| meeting.recurs()),
        }
    }

    /// The day when the next meeting is due, and the meeting that says so: the one that comes, or the one that was held last, by its
    /// recurrence.
    fn due(self) -> Option<(String, &'a Meeting)> {
        if let Some(meeting) = self.coming {
            return Some((meeting.date().to_owned(), meeting));
        }
        let held = self.last_held?;
        Some((held.recurrence()?.next_after(held.date())?, held))
    }

    /// The day when a meeting was due that was not held, and the meeting that says so.
    fn overdue(self, today: &str) -> Option<(String, &'a Meeting)> {
        self.due().filter(|(due, _)| self.recurs && due.as_str() < today)
    }
}

impl Meeting {
    fn recurs(&self) -> bool {
        self.status() != MeetingStatus::Cancelled && self.recurrence().is_some()
    }
}

/// O5: a recurring meeting that is overdue.
pub(super) fn find(organization: &Organization, today: &str, found: &mut Vec<Suspicion>) {
    let mut series: Vec<(&str, Vec<&Meeting>)> = Vec::new();
    let mut places = HashMap::new();
    for meeting in &organization.meetings {
        let place = *places.entry(&meeting.series_id).or_insert(series.len());
        match series.get_mut(place) {
            Some((_, meetings)) => meetings.push(meeting),
            None => series.push((&meeting.series_id, vec![meeting])),
        }
    }
    for (series_id, meetings) in series {
        let Some((due, meeting)) = Standing::of(&meetings).overdue(today) else {
            continue;
        };
        let Some(body) = organization.body(meeting.body_id()).filter(|body| body.stands_on(&due)) else {
            continue;
        };
        let description = format!("{} was to meet by {due}, and no minutes say that it has.", body.name);
        found.push(Suspicion {
            code: "O5",
            severity: Severity::Warning,
            description,
            entities: vec![series_id.to_owned(), body.body_id.clone()],
            events: last_events(meetings),
        });
    }
}

pub(super) fn follow() -> Followers<Organization> {
    vec![Box::<AllSeries>::default()]
}

/// What is known of one meeting.
#[derive(Clone, PartialEq)]
struct Known {
    series: String,
    status: MeetingStatus,
    date: String,
    recurs: bool,
}

/// One series along a history: by date, and of one day in the order that they come in.
#[derive(Default)]
struct Series {
    held: BTreeSet<(String, Thing)>,
    scheduled: BTreeSet<(String, Thing)>,
    recurring: usize,
    /// The body that has not met, and since when that is so.
    overdue: Option<(String, i64)>,
}

/// All series of an organisation.
#[derive(Default)]
struct AllSeries {
    meetings: HashMap<Thing, Known>,
    series: HashMap<String, Series>,
}

impl Series {
    fn take(&mut self, thing: Thing, known: &Known, is_there: bool) {
        let entry = (known.date.clone(), thing);
        match (known.status, is_there) {
            (MeetingStatus::Held, true) => _ = self.held.insert(entry),
            (MeetingStatus::Held, false) => _ = self.held.remove(&entry),
            (MeetingStatus::Scheduled, true) => _ = self.scheduled.insert(entry),
            (MeetingStatus::Scheduled, false) => _ = self.scheduled.remove(&entry),
            _ => {}
        }
        match is_there {
            true => self.recurring += usize::from(known.recurs),
            false => self.recurring -= usize::from(known.recurs),
        }
    }

    fn standing<'a>(&self, after: &After<'a, Organization>) -> Standing<'a> {
        let meeting = |thing: Thing| {
            let index = after.places.index(after.state, thing)?;
            Some(&after.state.meetings[index])
        };
        let last_held = self.held.last();
        let after_that = match last_held {
            Some((date, _)) => Bound::Excluded((date.clone(), Thing::LAST)),
            None => Bound::Unbounded,
        };
        let coming = self.scheduled.range((after_that, Bound::Unbounded)).next();
        Standing {
            last_held: last_held.and_then(|(_, thing)| meeting(*thing)),
            coming: coming.and_then(|(_, thing)| meeting(*thing)),
            recurs: self.recurring > 0,
        }
    }
}

impl AllSeries {
    /// Takes in what a meeting is now, and answers the series that it was and is in.
    fn take(&mut self, thing: Thing, meeting: Option<&Meeting>) -> [Option<String>; 2] {
        let before = self.meetings.remove(&thing);
        let now = meeting.map(|meeting| Known {
            series: meeting.series_id.clone(),
            status: meeting.status(),
            date: meeting.date().to_owned(),
            recurs: meeting.recurs(),
        });
        for (known, is_there) in [(&before, false), (&now, true)] {
            if let Some(known) = known {
                let series = self.series.entry(known.series.clone()).or_default();
                series.take(thing, known, is_there);
            }
        }
        let names = [before, now.clone()].map(|known| known.map(|known| known.series));
        if let Some(now) = now {
            self.meetings.insert(thing, now);
        }
        names
    }
}

impl Follow<Organization> for AllSeries {
    fn after(&mut self, after: &After<'_, Organization>) {
        let mut again: BTreeSet<String> = BTreeSet::new();
        let things = after.touched.iter();
        for thing in things.filter(|thing| after.places.is_of(**thing, "meetings")) {
            let index = after.places.index(after.state, *thing);
            let meeting = index.map(|index| &after.state.meetings[index]);
            again.extend(self.take(*thing, meeting).into_iter().flatten());
        }
        for name in again {
            let Some(series) = self.series.get_mut(&name) else {
                continue;
            };
            let overdue = series.standing(after).overdue(after.today);
            let body = overdue.and_then(|(due, meeting)| {
                let index = after.places.find(after.state, "bodies", meeting.body_id())?;
                let body = &after.state.bodies[index];
                body.stands_on(&due).then(|| body.body_id.clone())
            });
            let before = series.overdue.take();
            series.overdue = body.map(|body| match before {
                Some((before, since)) if before == body => (body, since),
                _ => (body, after.position),
            });
        }
    }

    fn since(&self, _: &Organization, _: &Places<Organization>, found: &Suspicion) -> Option<i64> {
        let (body, since) = self.series.get(found.entities.first()?)?.overdue.as_ref()?;
        (found.entities.get(1) == Some(body)).then_some(*since)
    }
}
