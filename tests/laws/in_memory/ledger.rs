//! A ledger in memory: judged by the same rules in the same rounds as the real one, and folded a second time from what it wrote.

use std::collections::HashMap;
use std::sync::Arc;

use vedtak::domain::{Command, Event, State};
use vedtak::ledger::{Circumstances, Judge, MAX_RECORD_BYTES, MOST_ROUNDS, MOST_STREAMS, Standing};
use vedtak::rules::Rules;

use super::since::Since;

/// The states of streams by name, as the judge is given them.
pub type States = HashMap<String, Arc<State>>;

/// What was written of one event, and all that a fold is told beside it.
#[derive(Clone)]
pub struct Line {
    pub stream: String,
    event_type: &'static str,
    pub data: String,
    pub position: i64,
    version: i64,
    circumstances: Arc<Circumstances>,
}

/// One command of a submission that was accepted.
pub struct Step {
    pub stream: String,
    pub before: Arc<State>,
    pub after: Arc<State>,
    pub events: Vec<Event>,
    pub circumstances: Arc<Circumstances>,
}

/// The ledger of one tenant.
#[derive(Default)]
pub struct Ledger {
    /// What the writer keeps.
    pub states: States,
    /// What a reader makes of the lines as they come.
    read: HashMap<String, State>,
    /// Since when it finds what it finds.
    since: HashMap<String, Option<Since>>,
    lines: Vec<Line>,
}

impl Ledger {
    /// Records the commands, all or none: what each did, or the reason why not. What the writer keeps moves on with
    /// [`Self::keep`], once the caller has looked.
    pub fn submit(&self, commands: &[Command], circumstances: &Arc<Circumstances>) -> Result<Vec<Step>, String> {
        if let Some(command) = commands.iter().find(|command| !command.check().is_empty()) {
            return Err(format!("SHAPE {}", command.message()));
        }
        let stream = commands.first().ok_or("SHAPE")?.stream().to_string();
        if commands.iter().any(|command| command.stream().to_string() != stream) {
            return Err("SHAPE: several streams".to_owned());
        }
        let mut state = self.state(&stream).ok_or("UNKNOWN_STREAM")?;
        let mut position = self.lines.len() as i64;
        let mut steps = Vec::new();
        for command in commands {
            let facts = self.facts(command, &stream, &state, circumstances)?;
            let verdict = Rules.judge(command, &state, &facts, circumstances).map_err(|refusal| {
                assert!(!refusal.problem.is_empty() && !refusal.remedy.is_empty(), "{refusal:?}");
                refusal.reason.to_owned()
            })?;
            let before = Arc::clone(&state);
            for event in &verdict.events {
                position += 1;
                if written(event).len() > MAX_RECORD_BYTES {
                    return Err("RECORD_TOO_LARGE".to_owned());
                }
                let next = Arc::make_mut(&mut state);
                let version = next.version() + 1;
                let at = standing(position, version, circumstances);
                Rules
                    .fold(next, event, &at)
                    .expect("an event belongs to the stream of its command");
                assert_eq!((next.version(), next.position()), (version, position));
            }
            steps.push(Step {
                stream: stream.clone(),
                before,
                after: Arc::clone(&state),
                events: verdict.events,
                circumstances: Arc::clone(circumstances),
            });
        }
        Ok(steps)
    }

    /// Writes what a step did, reads it back, and holds what a reader makes of it against what the writer has. Answers the codes of
    /// what the reader finds after each event.
    pub fn keep(&mut self, step: &Step) -> Vec<&'static str> {
        let mut found = Vec::new();
        for event in &step.events {
            let read = self.read.entry(step.stream.clone());
            let state = read.or_insert_with(|| Rules.empty(&step.stream).expect("a kind of stream"));
            let line = Line {
                stream: step.stream.clone(),
                event_type: Rules.event_type(event),
                data: written(event),
                position: self.lines.len() as i64 + 1,
                version: state.version() + 1,
                circumstances: Arc::clone(&step.circumstances),
            };
            assert_eq!(line.read(), *event, "an event is read as it was written");
            line.fold_into(state);
            let since = self.since.entry(step.stream.clone());
            if let Some(since) = since.or_insert_with(|| Since::of(&step.stream)) {
                found.extend(since.hold(state, line.position, &line.data));
            }
            self.lines.push(line);
        }
        if let Some(read) = self.read.get(&step.stream) {
            assert!(*read == *step.after, "{} differs from its records", step.stream);
        }
        self.states.insert(step.stream.clone(), Arc::clone(&step.after));
        found
    }

    /// Folds every line from nothing, and holds the states against those that are kept. Answers how many there are.
    pub fn is_replayed(&self) -> usize {
        let mut states: HashMap<&str, State> = HashMap::new();
        for line in &self.lines {
            let state = states.entry(&line.stream);
            line.fold_into(state.or_insert_with(|| Rules.empty(&line.stream).expect("a kind of stream")));
        }
        for (stream, state) in &states {
            assert!(*state == *self.states[*stream], "{stream} differs from its records");
            assert_eq!(state.encode(), self.states[*stream].encode());
        }
        states.len()
    }

    /// Everything that was written, in order.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The state of a stream; the empty one when nothing has come to it.
    fn state(&self, stream: &str) -> Option<Arc<State>> {
        let kept = self.states.get(stream).cloned();
        kept.or_else(|| Rules.empty(stream).map(Arc::new))
    }

    /// What the command relies on, asked in rounds as the ledger does.
    fn facts(
        &self,
        command: &Command,
        own_stream: &str,
        own: &Arc<State>,
        circumstances: &Circumstances,
    ) -> Result<States, String> {
        let mut facts = States::new();
        for round in 0.. {
            let mut streams = Rules.relies_on(command, own, &facts, circumstances);
            streams.retain(|stream| !facts.contains_key(stream));
            if streams.is_empty() {
                break;
            }
            if round == MOST_ROUNDS || facts.len() + streams.len() > MOST_STREAMS {
                return Err("RELIES_ON_TOO_MUCH".to_owned());
            }
            for stream in streams {
                let state = if stream == own_stream {
                    Arc::clone(own)
                } else {
                    self.state(&stream).ok_or("UNKNOWN_STREAM")?
                };
                facts.insert(stream, state);
            }
        }
        Ok(facts)
    }
}

impl Line {
    /// One that says something else, at another place of its stream, in a ledger that has no other.
    pub fn saying(&self, data: String, version: i64) -> Self {
        Self {
            data,
            position: version,
            version,
            ..self.clone()
        }
    }

    /// Whether it is an event of this name.
    pub fn is(&self, event: &str) -> bool {
        self.event_type.ends_with(&format!(".{event}"))
    }

    fn read(&self) -> Event {
        Rules
            .read(self.event_type, &self.data)
            .unwrap_or_else(|problem| panic!("{} cannot be read: {problem}\n{}", self.event_type, self.data))
    }

    pub fn fold_into(&self, state: &mut State) {
        let at = standing(self.position, self.version, &self.circumstances);
        Rules.fold(state, &self.read(), &at).expect("it was folded before");
    }
}

fn written(event: &Event) -> String {
    let mut text = Vec::new();
    Rules.write(event, &mut text);
    String::from_utf8(text).expect("JSON is UTF-8")
}

fn standing(position: i64, version: i64, circumstances: &Circumstances) -> Standing<'_> {
    Standing {
        position,
        version,
        effective_date: &circumstances.effective_date,
        subject: &circumstances.subject,
        recorded_at: "2017-01-02T00:00:00.000000Z",
        authority: &circumstances.authority,
        reason: &circumstances.reason,
    }
}
