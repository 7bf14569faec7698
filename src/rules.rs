//! The domain, as the ledger's judge: the one place where the two meet.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::{Command, Context, Event, Facts, Recorded, Refusal, State, Stream};
use crate::ledger::{self, Circumstances, Judge, Standing, Verdict};
use crate::schema;

/// The length of a day, YYYY-MM-DD, at the beginning of a time.
const DAY: usize = "YYYY-MM-DD".len();

/// Judges by the rules of the domain.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules;

fn by_stream(facts: &HashMap<String, Arc<State>>) -> HashMap<Stream, Arc<State>> {
    let parsed = facts
        .iter()
        .filter_map(|(stream, state)| Some((Stream::parse(stream)?, Arc::clone(state))));
    parsed.collect()
}

fn context(circumstances: &Circumstances) -> Context<'_> {
    Context {
        subject: &circumstances.subject,
        on_behalf_of: &circumstances.on_behalf_of,
        authority: &circumstances.authority,
        reason: &circumstances.reason,
        effective_date: &circumstances.effective_date,
        today: &circumstances.today,
        ground: circumstances.ground.as_ref().and_then(|ground| ground.ground.as_ref()),
        administrator: circumstances.administrator,
        mandate: &circumstances.mandate,
    }
}

impl Judge for Rules {
    type State = State;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn empty(&self, stream: &str) -> Option<State> {
        State::empty(Stream::parse(stream)?.aggregate)
    }

    fn version(&self, state: &State) -> i64 {
        state.version()
    }

    fn position(&self, state: &State) -> i64 {
        state.position()
    }

    fn size(&self, command: &Command) -> usize {
        command.encoded_len()
    }

    fn relies_on(
        &self,
        command: &Command,
        state: &State,
        facts: &HashMap<String, Arc<State>>,
        circumstances: &Circumstances,
    ) -> Vec<String> {
        let (facts, context) = (by_stream(facts), context(circumstances));
        let streams = command.relies_on(state, &Facts::new(&facts), &context);
        streams.iter().map(ToString::to_string).collect()
    }

    fn judge(
        &self,
        command: &Command,
        state: &State,
        facts: &HashMap<String, Arc<State>>,
        circumstances: &Circumstances,
    ) -> Result<Verdict<Event>, Refusal> {
        let (facts, context) = (by_stream(facts), context(circumstances));
        let verdict = command.judge(state, &Facts::new(&facts), &context)?;
        Ok(Verdict {
            events: verdict.events,
            role: verdict.role,
            through: verdict.through.map(|through| ledger::Through {
                kind: through.kind.to_owned(),
                position: through.position,
                recorded: through.recorded,
            }),
        })
    }

    fn event_type(&self, event: &Event) -> &'static str {
        event.message()
    }

    fn write(&self, event: &Event, text: &mut Vec<u8>) {
        event.write(text);
    }

    fn read(&self, event_type: &str, data: &str) -> Result<Event, String> {
        let mut json = serde_json::Deserializer::from_str(data);
        let bytes = schema::from_json(event_type, &mut json).map_err(|error| error.problem)?;
        Event::decode(event_type, &bytes)
            .ok_or_else(|| format!("this version of Vedtak does not know the event {event_type}"))?
            .map_err(|error| error.to_string())
    }

    fn fold(&self, state: &mut State, event: &Event, at: &Standing<'_>) -> Result<(), String> {
        let recorded = Recorded {
            position: at.position,
            version: at.version,
            effective_date: at.effective_date,
            recorded: at.recorded_at.get(..DAY).unwrap_or(at.recorded_at),
            subject: at.subject,
            authority: at.authority,
            reason: at.reason,
        };
        state.fold(event, &recorded).map_err(|error| error.to_string())
    }
}
