//! What the ledger asks of the domain: to judge commands, and to fold events into state.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use serde::Deserialize;

use crate::schema::v1::AuthorityGround;

/// Who sent a submission and how it is to be understood; every event of it is recorded with these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// Who acts.
    pub subject: String,
    /// On whose behalf, or empty.
    pub on_behalf_of: String,
    /// The case reference that the authority rests on, or empty.
    pub authority: String,
    /// Why, or empty.
    pub reason: String,
    /// When it was decided, YYYY-MM-DD.
    pub effective_date: String,
    /// The day that it is recorded, YYYY-MM-DD.
    pub today: String,
    /// What entitles to it beside what the actor holds, when that was said.
    pub ground: Option<AuthorityGround>,
    /// Whether the token gives the access of an administrator.
    pub administrator: bool,
    /// The subjects on whose behalf the token itself lets its bearer act.
    pub mandate: Vec<String>,
}

/// Through what somebody was entitled to a command, and where the ledger says so.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Through {
    /// What it is, such as `SEAT`, `MINUTES` or `DELEGATION`.
    pub kind: String,
    /// The position of the record that gives the right; 0 when the ledger does not hold it.
    #[serde(default)]
    pub position: i64,
    /// The day that it was recorded, YYYY-MM-DD; empty as the position is 0.
    #[serde(default)]
    pub recorded: String,
}

/// Where an event stands: what a fold may know beside the event.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// Its position in the tenant's ledger.
    pub position: i64,
    /// The version of its stream after it.
    pub version: i64,
    /// When it was decided, YYYY-MM-DD.
    pub effective_date: &'a str,
    /// When it was recorded, RFC 3339.
    pub recorded_at: &'a str,
    /// Who acted.
    pub subject: &'a str,
    /// The case reference that the authority rests on, or empty.
    pub authority: &'a str,
    /// Why, or empty.
    pub reason: &'a str,
}

/// A command that was judged and allowed.
#[derive(Clone, Debug)]
pub struct Verdict<E> {
    /// The events that record it; none when nothing changes.
    pub events: Vec<E>,
    /// The role in which the actor acted, or empty.
    pub role: String,
    /// Through what it was entitled, when the command was one that needs a right.
    pub through: Option<Through>,
}

/// A record that this binary cannot read. It is never skipped: whoever meets it stops.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record at position {position} cannot be read: {problem}")]
pub struct Unreadable {
    /// Its position.
    pub position: i64,
    /// What is wrong with it.
    pub problem: String,
}

/// How often a command is asked anew what it relies on. Each round follows a name that stands in a stream of the round before.
pub const MOST_ROUNDS: usize = 4;

/// The most other streams that one command may rely on: every municipality of the country may own a project.
pub const MOST_STREAMS: usize = 400;

/// The domain, as the ledger sees it.
pub trait Judge: Send + Sync + 'static {
    /// The state of a stream.
    type State: Clone + Debug + Send + Sync + 'static;
    /// A command.
    type Command: Send + Sync + 'static;
    /// An event.
    type Event: Send + Sync + 'static;
    /// A refusal.
    type Refusal: Send + Sync + 'static;

    /// The state of this stream before its first event; none when there are no streams of that kind.
    fn empty(&self, stream: &str) -> Option<Self::State>;

    /// The version of the stream that this is the state of.
    fn version(&self, state: &Self::State) -> i64;

    /// The position of the last event in this state.
    fn position(&self, state: &Self::State) -> i64;

    /// How many bytes a command has.
    fn size(&self, _command: &Self::Command) -> usize {
        size_of::<Self::Command>()
    }

    /// The other streams that the decision needs to know of, as far as they can be named with what is loaded of them. It is asked
    /// again until it names nothing new, so that a stream may be named in another one.
    fn relies_on(
        &self,
        command: &Self::Command,
        state: &Self::State,
        facts: &HashMap<String, Arc<Self::State>>,
        circumstances: &Circumstances,
    ) -> Vec<String>;

    /// Judges a command against the state of its stream, and what the other streams say: each that it relies on is there, one
    /// without events as well.
    ///
    /// # Errors
    /// The refusal, when a rule stands against it.
    fn judge(
        &self,
        command: &Self::Command,
        state: &Self::State,
        facts: &HashMap<String, Arc<Self::State>>,
        circumstances: &Circumstances,
    ) -> Result<Verdict<Self::Event>, Self::Refusal>;

    /// The type of this event, such as `vedtak.v1.RiskRegistered`.
    fn event_type(&self, event: &Self::Event) -> &'static str;

    /// Writes this event as canonical JSON (RFC 8785) of its proto3 JSON: the data of its record.
    fn write(&self, event: &Self::Event, text: &mut Vec<u8>);

    /// Reads the event out of a record.
    ///
    /// # Errors
    /// A sentence that says what is wrong, when this binary knows no such event or its data is not of that type.
    fn read(&self, event_type: &str, data: &str) -> Result<Self::Event, String>;

    /// Folds an event into the state of its stream.
    ///
    /// # Errors
    /// A sentence that says what is wrong, when the event belongs to another kind of stream.
    fn fold(&self, state: &mut Self::State, event: &Self::Event, at: &Standing<'_>) -> Result<(), String>;
}
