//! The way of a decision: what a command is given, what it answers, and how its events become state.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::authority::{self, Authority, Holder};
use super::dispatch::{Command, Event, State};
use super::refusal::Refusal;
use crate::schema::v1::{Aggregate, Ground, MatterOutcome, Organization, Project, Provenance, authority_ground};

/// What a command is judged in the light of, beside the state.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Who acts: the subject of the verified token.
    pub subject: &'a str,
    /// On whose behalf, or empty.
    pub on_behalf_of: &'a str,
    /// The case reference that the authority rests on, or empty.
    pub authority: &'a str,
    /// Why, or empty.
    pub reason: &'a str,
    /// When it was decided, YYYY-MM-DD. Dates in this form sort as text.
    pub effective_date: &'a str,
    /// The day that it is recorded, YYYY-MM-DD.
    pub today: &'a str,
    /// What entitles to it beside what the actor holds, when that was said (V2, O8, W8).
    pub ground: Option<&'a authority_ground::Ground>,
    /// Whether the token gives the access of an administrator (W7).
    pub administrator: bool,
    /// The subjects on whose behalf the token itself lets its bearer act (W8).
    pub mandate: &'a [String],
}

impl Context<'_> {
    /// Refuses when no reason is given.
    ///
    /// # Errors
    /// The refusal, with what is wrong and what would mend it.
    pub fn require_reason(&self, problem: impl Into<String>, remedy: &str) -> Result<(), Refusal> {
        if self.reason.trim().is_empty() {
            return Err(Refusal::invalid("context.reason", "REASON_REQUIRED", problem).mend(remedy));
        }
        Ok(())
    }
}

/// The name of a stream in a tenant's ledger.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stream {
    /// The kind of aggregate whose history it is.
    pub aggregate: Aggregate,
    /// The id of the aggregate, a UUID.
    pub id: String,
}

impl Stream {
    /// The stream of the aggregate of this kind and id: `Stream::of::<Project>(id)`.
    #[must_use]
    pub fn of<S: Aggregated>(id: &str) -> Self {
        Self {
            aggregate: S::AGGREGATE,
            id: id.to_owned(),
        }
    }

    /// The stream of an organisation.
    #[must_use]
    pub fn organization(id: &str) -> Self {
        Self::of::<Organization>(id)
    }

    /// The stream of a project.
    #[must_use]
    pub fn project(id: &str) -> Self {
        Self::of::<Project>(id)
    }

    /// Reads a name such as `project/0190b2f4-7c1e-7d2a-9c3e-5f6a7b8c9d0e`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (kind, id) = name.split_once('/')?;
        let aggregate = Aggregate::from_str_name(&format!("AGGREGATE_{}", kind.to_uppercase()))?;
        Some(Self {
            aggregate,
            id: id.to_owned(),
        })
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self
            .aggregate
            .as_str_name()
            .trim_start_matches("AGGREGATE_")
            .to_lowercase();
        write!(formatter, "{kind}/{}", self.id)
    }
}

/// What other streams say, for a decision that needs to know. Only the streams that [`Decide::relies_on`] named are here; one
/// without events is here as well, so that what is not registered is told from what was not asked for.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    states: &'a HashMap<Stream, Arc<State>>,
    /// The organisation that the command itself goes to, where it is asked for as other streams are.
    own: Option<&'a Organization>,
}

impl<'a> Facts<'a> {
    /// Facts out of these states.
    #[must_use]
    pub const fn new(states: &'a HashMap<Stream, Arc<State>>) -> Self {
        Self { states, own: None }
    }

    /// The same, and the state of the command's own stream when that is an organisation.
    pub(super) fn beside<'b>(&self, own: &'b State) -> Facts<'b>
    where
        'a: 'b,
    {
        Facts {
            states: self.states,
            own: Organization::of(own),
        }
    }

    /// The state of the stream of this kind and id, if it has events. The command must rely on that stream.
    #[must_use]
    pub fn state<S: Aggregated>(&self, id: &str) -> Option<&'a S> {
        self.require_asked_for(&Stream::of::<S>(id));
        self.state_if_loaded(id)
    }

    /// The state of the stream, if it has events and is loaded so far: for [`Decide::relies_on`], which is asked again when it is.
    #[must_use]
    pub fn state_if_loaded<S: Aggregated>(&self, id: &str) -> Option<&'a S> {
        let state = self.states.get(&Stream::of::<S>(id))?;
        S::of(state).filter(|_| state.version() > 0)
    }

    /// The position of the last event of a stream that is loaded.
    #[must_use]
    pub fn position(&self, stream: &Stream) -> Option<i64> {
        self.states.get(stream).map(|state| state.position())
    }

    /// The organisation, if it is registered. The command must rely on its stream.
    #[must_use]
    pub fn organization(&self, id: &str) -> Option<&'a Organization> {
        if let Some(own) = self.own.filter(|own| own.organization_id == id) {
            return Some(own);
        }
        self.state(id)
    }

    /// The organisation, if it is registered and loaded so far; see [`Self::state_if_loaded`].
    #[must_use]
    pub fn organization_if_loaded(&self, id: &str) -> Option<&'a Organization> {
        if let Some(own) = self.own.filter(|own| own.organization_id == id) {
            return Some(own);
        }
        self.state_if_loaded(id)
    }

    /// The project, if it is registered. The command must rely on its stream.
    #[must_use]
    pub fn project(&self, id: &str) -> Option<&'a Project> {
        self.state(id)
    }

    /// A decision that forgets to name a stream would find nobody registered, and refuse what is right.
    fn require_asked_for(&self, stream: &Stream) {
        debug_assert!(
            self.states.contains_key(stream),
            "{stream} is not among what the command relies on"
        );
    }
}

/// Where and when an event stands in the record: what its fold may know beside the event itself.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// Its position in the tenant's ledger.
    pub position: i64,
    /// The version of its stream after it.
    pub version: i64,
    /// When it was decided, YYYY-MM-DD.
    pub effective_date: &'a str,
    /// The day that it was recorded, YYYY-MM-DD.
    pub recorded: &'a str,
    /// Who acted.
    pub subject: &'a str,
    /// The case reference that the authority rests on, or empty.
    pub authority: &'a str,
    /// Why, or empty.
    pub reason: &'a str,
}

impl Recorded<'_> {
    /// The provenance of what this event brings about.
    #[must_use]
    pub const fn provenance(&self) -> Option<Provenance> {
        Some(Provenance {
            first_position: self.position,
            last_position: self.position,
        })
    }

    /// Moves a provenance on to this event.
    pub fn touch(&self, provenance: &mut Option<Provenance>) {
        provenance
            .get_or_insert_with(|| Provenance {
                first_position: self.position,
                last_position: 0,
            })
            .last_position = self.position;
    }
}

/// The outcome of judging a command: the events that record it (none when nothing changes), or a refusal.
pub type Decision = Result<Vec<Event>, Refusal>;

/// A state message, as the kind of stream that it is the state of.
pub trait Aggregated: Sized + 'static {
    /// The kind of stream.
    const AGGREGATE: Aggregate;
    /// This kind of state, if it is that.
    fn of(state: &State) -> Option<&Self>;
}

/// A command: judged against the state of its stream.
pub trait Decide {
    /// The state of the kind of stream that it goes to.
    type State: Aggregated;

    /// Whether it opens its stream. Every other command is refused on a stream without events.
    const OPENS: bool = false;

    /// Judges it. Equal input gives equal output, always.
    ///
    /// # Errors
    /// The refusal says which rule stands against it, and what would mend that.
    fn decide(&self, state: &Self::State, facts: &Facts<'_>, context: &Context<'_>) -> Decision;

    /// The other streams that the decision needs to know of, as far as they can be named yet. It is asked again with what has
    /// been loaded until it names nothing new, so that a stream may be named in another one.
    fn relies_on(&self, _state: &Self::State, _facts: &Facts<'_>, _context: &Context<'_>) -> Vec<Stream> {
        Vec::new()
    }

    /// Those that this ground of the command's declaration entitles, as far as the state says it: the decider of the point, the
    /// body that is named.
    fn entitled(&self, _state: &Self::State, _ground: Ground) -> Vec<Holder> {
        Vec::new()
    }

    /// The outcome that minutes must show for it, where that depends on what it says; otherwise that of the declaration.
    fn outcome(&self) -> Option<MatterOutcome> {
        None
    }

    /// Whether a holder of the declaration counts for just this command: the responsible assigns roles, and makes no owners (W7).
    fn counts(&self, _state: &Self::State, _holder: &Holder) -> bool {
        true
    }
}

/// An event: folded into the state of its stream.
pub trait Fold {
    /// The state of the kind of stream that it belongs to.
    type State;

    /// Changes the state as the event says. It never fails: what is in the ledger has happened.
    fn fold(&self, state: &mut Self::State, at: &Recorded<'_>);
}

/// Why an event could not be folded. Neither happens in a ledger that this binary or an older one wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event {event} does not belong in a stream of this kind")]
pub struct FoldError {
    /// The type of the event.
    pub event: &'static str,
}

/// A command that was judged and allowed.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The events that record it; none when nothing changes.
    pub events: Vec<Event>,
    /// In which role the actor acted, as the record keeps it: parts between ", ", each a role or a seat held on the effective date,
    /// the one that the command rests on first; empty when none is recorded. A role in the project is written `PROJECT_LEADER`,
    /// a seat `EXECUTIVE_BOARD:LEADER@<organization_id>/<body_id>`: the kind of the body and the function in it. When the
    /// appointment is to a standing body that this one is composed of, ` via COMMITTEE@<organization_id>/<body_id>` follows.
    /// A role that a body holds is written `PROJECT_OWNER by ` and the seat in it. No names of persons or bodies, which change.
    pub role: String,
    /// Through what the actor was entitled; none when everybody may send the command who may record.
    pub through: Option<Authority>,
}

impl Command {
    /// Judges the command against the state of its stream.
    ///
    /// # Errors
    /// The refusal, when a rule stands against it.
    pub fn judge(&self, state: &State, facts: &Facts<'_>, context: &Context<'_>) -> Result<Verdict, Refusal> {
        if context.effective_date > context.today {
            return Err(Refusal::invalid(
                "context.effective_date",
                "EFFECTIVE_DATE_IN_FUTURE",
                format!(
                    "The effective date {} is later than today, {}.",
                    context.effective_date, context.today
                ),
            )
            .mend("Give the date when it was decided; what is planned for later is recorded when it has happened."));
        }
        if !self.opens() && state.version() == 0 {
            return Err(Refusal::stream_not_found(&self.stream()));
        }
        let other_stream = || Refusal::stream_of_another_kind(&self.stream());
        let decided = self.decide_on(state, facts, context).ok_or_else(other_stream)?;
        let through = match &decided {
            // What changes nothing needs no right: it tells whoever asks again that it is so.
            Ok(events) if events.is_empty() => None,
            // Whoever speaks of what is not there, or says what cannot be meant, is told that first.
            Err(refusal) if refusal.is_about_the_request() => None,
            // Whoever may not do it is told that before what else stands against it.
            Ok(_) | Err(_) => authority::require(self, state, facts, context)?,
        };
        let events = decided?;
        let mut roles: Vec<String> = through.iter().map(|authority| authority.role.clone()).collect();
        for role in state.roles_of(context) {
            if !roles.contains(&role) {
                roles.push(role);
            }
        }
        Ok(Verdict {
            events,
            role: roles.join(", "),
            through,
        })
    }

    /// The stream that the command goes to.
    #[must_use]
    pub fn stream(&self) -> Stream {
        Stream {
            aggregate: self.aggregate(),
            id: self.stream_id().to_owned(),
        }
    }

    /// The other streams that the decision needs to know of, as far as what is loaded can name them; see [`Decide::relies_on`].
    #[must_use]
    pub fn relies_on(&self, state: &State, facts: &Facts<'_>, context: &Context<'_>) -> Vec<Stream> {
        let mut streams = self.relies(state, facts, context).unwrap_or_default();
        streams.extend(authority::streams(self, state, facts, context));
        // An organisation that the command goes to is at hand already.
        if self.aggregate() == Aggregate::Organization {
            streams.retain(|stream| stream.aggregate != Aggregate::Organization || stream.id != self.stream_id());
        }
        streams.sort();
        streams.dedup();
        streams
    }
}

impl State {
    /// Folds one event in.
    ///
    /// # Errors
    /// When the event belongs to another kind of stream.
    pub fn fold(&mut self, event: &Event, at: &Recorded<'_>) -> Result<(), FoldError> {
        if !event.fold_into(self, at) {
            return Err(FoldError { event: event.message() });
        }
        self.advance(at);
        Ok(())
    }

    /// The roles that the actor holds in the project, or the seats in the organisation, on the effective date.
    fn roles_of(&self, context: &Context<'_>) -> Vec<String> {
        if let Some(organization) = Organization::of(self) {
            return organization.seats_held(context);
        }
        Project::of(self)
            .map(|project| project.roles_held(context.subject, context.effective_date))
            .unwrap_or_default()
    }
}

/// Nothing to record when what a command says already is so; otherwise the refusal.
///
/// # Errors
/// The refusal that is given, when it is not so.
pub fn unchanged_or(already_so: bool, refusal: impl FnOnce() -> Refusal) -> Decision {
    if already_so { Ok(Vec::new()) } else { Err(refusal()) }
}
