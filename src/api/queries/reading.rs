//! Which point of the ledger a query reads, and how a list is cut into pages of that same point.

use std::collections::HashMap;
use std::sync::Arc;

use prost::Message;
use time::OffsetDateTime;
use tonic::Code;

use super::LONG_REPLY;
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::clock;
use crate::domain::{Aggregated, Facts, Refusal, State, Stream};
use crate::ledger::{self, Anchor, Hash, LARGE, LedgerHead, MOST_ROUNDS, MOST_STREAMS, Reach};
use crate::schema::Validate;
use crate::schema::v1::{AsOf, Organization, Project, as_of};

/// How many items a page has: 100 when the caller does not say.
pub(super) const fn page_size(asked: i32) -> i32 {
    if asked == 0 { 100 } else { asked }
}

/// A state as of some point of the ledger.
pub(super) struct Reading<S> {
    state: ledger::Reading<State>,
    /// The day that the point lies on, YYYY-MM-DD.
    pub today: String,
    pub reach: Reach,
    of: fn(&State) -> Option<&S>,
}

impl<S: 'static> Reading<S> {
    /// What is answered from the state and the day that it is seen on: where there is much to look through, beside the threads that
    /// serve.
    pub(super) async fn answer<A: Send + 'static>(
        &self,
        service: &Service,
        caller: &Caller,
        read: impl FnOnce(&S, &str) -> Result<A, Failure> + Send + 'static,
    ) -> Result<A, Failure> {
        self.answer_at(self.is_large(), service, caller, read).await
    }

    /// Whether there is much to look through.
    fn is_large(&self) -> bool {
        self.state.state.version() >= LARGE
    }

    /// What is answered from the state: where it is long, beside the threads that serve.
    async fn answer_at<A: Send + 'static>(
        &self,
        is_long: bool,
        service: &Service,
        caller: &Caller,
        read: impl FnOnce(&S, &str) -> Result<A, Failure> + Send + 'static,
    ) -> Result<A, Failure> {
        let (state, today, of) = (Arc::clone(&self.state.state), self.today.clone(), self.of);
        let read = move || read(of(&state).ok_or_else(of_another_kind)?, &today);
        service.ledger().long().when(is_long, &caller.tenant, read).await?
    }

    /// The whole state, when there is room for it: that is known before a copy is made.
    pub(super) async fn whole(&self, service: &Service, caller: &Caller) -> Result<S, Failure>
    where
        S: Message + Clone,
    {
        let weighed = self.answer(service, caller, |state, _| Ok(state.encoded_len())).await?;
        service.make_room(weighed)?;
        let is_long = self.is_large() || weighed > LONG_REPLY;
        self.answer_at(is_long, service, caller, |state, _| Ok(state.clone()))
            .await
    }

    /// The state, which is known to be of this kind and to have events.
    pub(super) fn get(&self) -> Result<&S, Failure> {
        (self.of)(&self.state.state).ok_or_else(of_another_kind)
    }

    /// The position of the last event in it.
    pub(super) fn position(&self) -> i64 {
        self.state.state.position()
    }
}

/// What two states come to together, the earlier one first: beside the threads that serve, where there is much to look through.
pub(super) async fn compared<S: Send + Sync + 'static, A: Send + 'static>(
    service: &Service,
    caller: &Caller,
    (earlier, later): (&Reading<S>, &Reading<S>),
    compare: impl FnOnce(&S, &S) -> A + Send + 'static,
) -> Result<A, Failure> {
    let (before, of) = (Arc::clone(&earlier.state.state), earlier.of);
    let compare = move |later: &S, _: &str| Ok(compare(of(&before).ok_or_else(of_another_kind)?, later));
    later.answer(service, caller, compare).await
}

fn of_another_kind() -> Failure {
    Failure::internal("reading a state", &"it is of another kind than its stream")
}

/// Reads a project.
pub(super) async fn project(
    service: &Service,
    caller: &Caller,
    id: &str,
    as_of: Option<AsOf>,
    at_least: i64,
) -> Result<Reading<Project>, Failure> {
    state(service, caller, id, as_of, at_least).await
}

/// Reads an organisation.
pub(super) async fn organization(
    service: &Service,
    caller: &Caller,
    id: &str,
    as_of: Option<AsOf>,
    at_least: i64,
) -> Result<Reading<Organization>, Failure> {
    state(service, caller, id, as_of, at_least).await
}

/// Reads a project as the ledger knew it at a position: what something was frozen to.
pub(super) async fn project_at(
    service: &Service,
    caller: &Caller,
    id: &str,
    position: i64,
) -> Result<Reading<Project>, Failure> {
    let as_of = AsOf {
        point: Some(as_of::Point::Position(position)),
        ..AsOf::default()
    };
    project(service, caller, id, Some(as_of), 0).await
}

/// Reads the state of the stream of this kind and id.
pub(super) async fn state<S: Aggregated>(
    service: &Service,
    caller: &Caller,
    id: &str,
    as_of: Option<AsOf>,
    at_least: i64,
) -> Result<Reading<S>, Failure> {
    reached(service, caller, at_least).await?;
    let (reach, today) = reach(service, caller, as_of).await?;
    let stream = Stream::of::<S>(id);
    let state = read_state(service, caller, &stream, &reach).await?;
    let state = state
        .filter(|reading| reading.state.version() > 0)
        .ok_or_else(|| not_found(&stream.to_string(), &reach))?;
    Ok(Reading {
        state,
        today,
        reach,
        of: S::of,
    })
}

/// Reads a state. What was decided by a day is found in the records alone: what is kept in memory holds what was decided later, too.
async fn read_state(
    service: &Service,
    caller: &Caller,
    stream: &Stream,
    reach: &Reach,
) -> Result<Option<ledger::Reading<State>>, Failure> {
    if reach.decided_by.is_some() {
        let asked = (caller.tenant.as_str(), stream);
        return service.histories().state(service.ledger(), asked, reach).await;
    }
    Ok(service
        .ledger()
        .state(&caller.tenant, &stream.to_string(), reach)
        .await?)
}

pub(super) fn not_found(name: &str, reach: &Reach) -> Failure {
    let sentence = match (&reach.decided_by, reach.position) {
        (None, None) => {
            format!("There is no {name} in this tenant's ledger. Check the id and the tenant of the token.")
        }
        (None, Some(position)) => {
            format!("There was no {name} in this tenant's ledger as of position {position}.")
        }
        (Some(day), _) => format!("Of {name}, nothing in this tenant's ledger was decided by {day}."),
    };
    Failure::new(Code::NotFound, "STREAM_NOT_FOUND", sentence)
}

/// There is no such thing in the state that was read: `("report", id)`.
pub(super) fn nothing_there(what: &str, id: &str) -> Failure {
    Refusal::not_found(what, id).into()
}

/// Refuses to read before the ledger has come to a position. All processes read one database, so a position that it has not
/// reached was never in a receipt.
pub(super) async fn reached(service: &Service, caller: &Caller, at_least: i64) -> Result<(), Failure> {
    if at_least == 0 {
        return Ok(());
    }
    let head = position(head(service, caller).await?);
    if at_least > head {
        Err(Failure::beyond_head("at_least", at_least, head))
    } else {
        Ok(())
    }
}

/// How far the tenant's ledger has come; none when nothing is recorded.
pub(super) async fn head(service: &Service, caller: &Caller) -> Result<Option<LedgerHead>, Failure> {
    Ok(service.ledger().head(&caller.tenant).await?)
}

/// The position of the last record.
fn position(head: Option<LedgerHead>) -> i64 {
    head.map_or(0, |head| head.known.position)
}

/// What is read, and the day that it is seen on. A point that lies ahead is refused: the same question would have another answer
/// later.
async fn reach(service: &Service, caller: &Caller, as_of: Option<AsOf>) -> Result<(Reach, String), Failure> {
    let as_of = as_of.unwrap_or_default();
    let (position, today) = match as_of.point {
        None => (None, clock::today()),
        Some(as_of::Point::Position(position)) => {
            let head = self::position(head(service, caller).await?);
            if position > head {
                return Err(Failure::beyond_head("as_of.position", position, head));
            }
            let entry = service.ledger().record_at(&caller.tenant, position).await?;
            let today = entry.map_or_else(clock::today, |entry| clock::day_of(entry.recorded_at));
            (Some(position), today)
        }
        Some(as_of::Point::Time(timestamp)) => {
            let time = OffsetDateTime::from_unix_timestamp_nanos(
                i128::from(timestamp.seconds) * 1_000_000_000 + i128::from(timestamp.nanos),
            )
            .map_err(|_| Failure::field("as_of.time", "Must be a time in the years 1 to 9999."))?;
            let position = service.ledger().position_at(&caller.tenant, time).await?;
            let position = position.ok_or_else(|| ahead("as_of.time"))?;
            (Some(position), clock::day_of(time))
        }
    };
    if as_of.effective_date.as_ref().is_some_and(|day| *day > clock::today()) {
        return Err(ahead("as_of.effective_date"));
    }
    let today = as_of.effective_date.clone().unwrap_or(today);
    let reach = Reach {
        position,
        decided_by: as_of.effective_date,
    };
    Ok((reach, today))
}

fn ahead(field: &str) -> Failure {
    Failure::field(
        field,
        "Must not lie in the future: leave as_of out to read what holds now.",
    )
}

/// The point that several streams are read as of.
pub(super) struct Point {
    reach: Reach,
    /// The same, where "now" is the position that the ledger had come to.
    pinned: Reach,
    /// The day that it lies on, YYYY-MM-DD.
    pub today: String,
}

impl Point {
    /// What is read, and the day that it is seen on, for what is to be read of the same point afterwards.
    pub(super) fn seen(&self) -> (Reach, String) {
        (self.pinned.clone(), self.today.clone())
    }

    /// The state of this kind and id, or the failure when it has no events at this point. The reading must rely on its stream.
    pub(super) fn require<'a, S: Aggregated>(&self, facts: &Facts<'a>, id: &str) -> Result<&'a S, Failure> {
        facts
            .state(id)
            .ok_or_else(|| not_found(&Stream::of::<S>(id).to_string(), &self.reach))
    }
}

/// A reading that rests on several streams, all of them as of the same point. Which they are is asked again with what has been read
/// until nothing new is named, as it is for commands.
pub(super) async fn together<A: Send + 'static>(
    service: &Service,
    caller: &Caller,
    (as_of, at_least): (Option<AsOf>, i64),
    relies_on: impl Fn(&Facts<'_>) -> Vec<Stream> + Send,
    read: impl FnOnce(&Facts<'_>, &Point) -> Result<A, Failure> + Send + 'static,
) -> Result<A, Failure> {
    reached(service, caller, at_least).await?;
    let (reach, today) = reach(service, caller, as_of).await?;
    // What is recorded while the streams are read is in none of them.
    let head = head(service, caller).await?;
    let pinned = Reach {
        position: Some(reach.position.unwrap_or_else(|| position(head))),
        ..reach.clone()
    };
    let mut states: HashMap<Stream, Arc<State>> = HashMap::new();
    for _ in 0..=MOST_ROUNDS {
        let mut streams = relies_on(&Facts::new(&states));
        streams.sort();
        streams.dedup();
        streams.retain(|stream| !states.contains_key(stream));
        if streams.is_empty() {
            // All of them were read up to there, so that they are of one history if that one is still the database's.
            if let Some(head) = head {
                service.ledger().require(&caller.tenant, &head.known).await?;
            }
            let events: i64 = states.values().map(|state| state.version()).sum();
            let read = move || read(&Facts::new(&states), &Point { reach, pinned, today });
            return service
                .ledger()
                .long()
                .when(events >= LARGE, &caller.tenant, read)
                .await?;
        }
        if states.len() + streams.len() > MOST_STREAMS {
            break;
        }
        for stream in streams {
            let state = read_state(service, caller, &stream, &pinned).await?;
            let state = state.ok_or_else(|| not_found(&stream.to_string(), &pinned))?;
            states.insert(stream, state.state);
        }
    }
    Err(Failure::new(
        Code::FailedPrecondition,
        "RELIES_ON_TOO_MUCH",
        format!(
            "The answer rests on more than {MOST_STREAMS} other streams, or on a chain of more than {MOST_ROUNDS}."
        ),
    ))
}

/// What a list request says of the part of the list that it wants.
pub(super) struct Part {
    pub as_of: Option<AsOf>,
    pub at_least: i64,
    pub page_token: String,
    pub page_size: i32,
}

/// One page of a list.
pub(super) struct Page<T> {
    pub items: Vec<T>,
    pub next_page_token: String,
    pub position: i64,
}

/// One page of a list inside the aggregate of this kind and id. Every page after the first is of the position that the first
/// one was of, in the same history.
pub(super) async fn state_page<S: Aggregated, T: Clone>(
    service: &Service,
    caller: &Caller,
    id: &str,
    part: Part,
    list: impl for<'a> FnOnce(&'a S) -> Vec<&'a T> + Send,
) -> Result<Page<T>, Failure> {
    let token = PageToken::of(&part.page_token)?;
    let (as_of, offset) = match token {
        None => (part.as_of, 0),
        Some(token) => {
            token.require(service, caller).await?;
            (Some(token.as_of), token.offset)
        }
    };
    let reading = state(service, caller, id, as_of, part.at_least).await?;
    Ok(cut(&list(reading.get()?), offset, part.page_size, &reading))
}

/// Where the next page goes on: `<position>.<offset>.<known position>.<known root>`, and `.<day>` in a list as of an effective date; in
/// one that depends on the day that it is seen on, that day follows.
pub(super) struct PageToken {
    pub as_of: AsOf,
    pub offset: usize,
    /// The history that the first page was of.
    pub known: Anchor,
    /// The day that the first page was seen on.
    pub seen: Option<String>,
}

impl PageToken {
    /// The token for the page that begins at an offset.
    pub(super) fn write((position, offset): (i64, usize), known: &Anchor, reach: &Reach, seen: Option<&str>) -> String {
        let mut token = format!("{position}.{offset}.{}.{}", known.position, hex::encode(known.root));
        let days = [reach.decided_by.as_deref(), seen];
        let given = days.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        for day in &days[..given] {
            token.push('.');
            token.push_str(day.unwrap_or_default());
        }
        token
    }

    /// It was given out by nobody, or by another list.
    pub(super) fn foreign() -> Failure {
        Failure::field(
            "page_token",
            "Must be the next_page_token of the page before, as it was.",
        )
    }

    /// The position that the first page was of.
    pub(super) fn position(&self) -> Option<i64> {
        match self.as_of.point {
            Some(as_of::Point::Position(position)) => Some(position),
            _ => None,
        }
    }

    /// Refuses it when the history that the first page was of is not the database's any more.
    pub(super) async fn require(&self, service: &Service, caller: &Caller) -> Result<(), Failure> {
        if service.ledger().has(&caller.tenant, &self.known).await? {
            Ok(())
        } else {
            Err(Failure::history_lost(Code::Aborted, self.known.position))
        }
    }

    pub(super) fn of(text: &str) -> Result<Option<Self>, Failure> {
        if text.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self::read(text).ok_or_else(Self::foreign)?))
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(6, '.');
        let mut number = || parts.next()?.parse::<i64>().ok().filter(|number| *number >= 0);
        let (position, offset, known) = (number()?, number()?, number()?);
        let mut root = Hash::default();
        hex::decode_to_slice(parts.next()?, &mut root).ok()?;
        let mut day = || parts.next().filter(|day| !day.is_empty()).map(str::to_owned);
        let (effective_date, seen) = (day(), day());
        let has_been = |day: &Option<String>| {
            let on = AsOf {
                point: None,
                effective_date: day.clone(),
            };
            day.iter().all(|day| *day <= clock::today()) && on.check().is_empty()
        };
        let ordered = 0 < position && position <= known;
        (ordered && has_been(&effective_date) && has_been(&seen)).then_some(Self {
            as_of: AsOf {
                point: Some(as_of::Point::Position(position)),
                effective_date,
            },
            offset: usize::try_from(offset).ok()?,
            known: Anchor::new(known, root),
            seen,
        })
    }
}

fn cut<T: Clone, S: 'static>(all: &[&T], offset: usize, asked: i32, reading: &Reading<S>) -> Page<T> {
    let position = reading.position();
    let size = usize::try_from(page_size(asked)).unwrap_or_default();
    let end = offset.saturating_add(size);
    let next_page_token = if end < all.len() {
        PageToken::write((position, end), &reading.state.known, &reading.reach, None)
    } else {
        String::new()
    };
    Page {
        items: all.iter().skip(offset).take(size).map(|item| T::clone(item)).collect(),
        next_page_token,
        position,
    }
}
