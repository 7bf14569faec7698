//! Judging within one append: the states that are needed, what a decision relies on, and its answer.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::append::{Appender, Outcome, Overlay};
use super::batch::Batch;
use super::draft::{Draft, receipt};
use super::error::{AppendError, LedgerError};
use super::heads::Locked;
use super::judge::{Judge, MOST_ROUNDS, MOST_STREAMS};
use super::memory::Key;
use super::read::{fold_on, read_tails};
use super::record::Reliance;
use super::wire::Wire;
use super::writer::{Answer, Submission, Turn};

/// The states of the other streams that a command relies on, by their names.
type Facts<S> = HashMap<String, Arc<S>>;

impl<J: Judge> Appender<J> {
    /// The states of the streams that these commands go to: all that memory does not have is read at once.
    pub(super) async fn prefetch(
        &mut self,
        wire: &mut Wire,
        heads: &[Locked],
        turn: &Turn<J>,
    ) -> Result<Vec<Overlay<J::State>>, sqlx::Error> {
        let mut overlays: Vec<Overlay<J::State>> = Vec::new();
        let mut stale = Vec::new();
        for (index, (locked, waiting)) in heads.iter().zip(turn.values()).enumerate() {
            let mut overlay = Overlay::new();
            let mut seen = HashSet::new();
            for stream in waiting.iter().map(|waiting| &waiting.submission.stream) {
                if !seen.insert(stream) {
                    continue;
                }
                // A stream that cannot be is refused when its turn comes.
                let Some((state, current)) = self.remembered_state(locked, stream) else {
                    continue;
                };
                if current {
                    overlay.insert(Arc::clone(stream), state);
                } else {
                    stale.push((index, Arc::clone(&locked.tenant), Arc::clone(stream), state));
                }
            }
            overlays.push(overlay);
        }
        if !stale.is_empty() {
            let asked: Vec<_> = stale
                .iter()
                .map(|(_, tenant, stream, state)| (&**tenant, &**stream, self.judge.version(state)))
                .collect();
            let tails = read_tails(wire.connection().await?, &asked).await?;
            for ((index, _, stream, mut state), tail) in stale.into_iter().zip(tails) {
                // One that is long or cannot be read is left to whoever needs it.
                let Some(tail) = tail else { continue };
                if tail.is_empty()
                    || tail
                        .iter()
                        .all(|entry| entry.fold_into(&*self.judge, Arc::make_mut(&mut state)).is_ok())
                {
                    overlays[index].insert(stream, state);
                }
            }
        }
        Ok(overlays)
    }

    /// The state of a stream as memory has it, and whether it is known to be the newest; none when there are no such streams.
    fn remembered_state(&mut self, locked: &Locked, stream: &Arc<str>) -> Option<(Arc<J::State>, bool)> {
        let key: Key = (Arc::clone(&locked.tenant), Arc::clone(stream));
        let (version, state) = match self.states.lend(&key) {
            Some(kept) => kept,
            None => (0, Arc::new(self.judge.empty(stream)?)),
        };
        self.lent.push(key);
        let remembered = self.remembered.get(&locked.tenant);
        let current = remembered.and_then(|remembered| remembered.versions.get(stream)) == Some(&version);
        Some((state, current))
    }

    /// Judges one submission. The outer error is the database's, the inner one the submission's own.
    pub(super) async fn submission(
        &mut self,
        wire: &mut Wire,
        locked: &mut Locked,
        overlay: &mut Overlay<J::State>,
        batch: &mut Batch,
        submission: &Submission<J>,
    ) -> Result<Outcome<J::Refusal>, sqlx::Error> {
        if let Some(known) = locked.known.get(&submission.request_id) {
            let same = known.content_hash == submission.content_hash;
            return Ok(if same {
                Ok(Answer::Repeated(known.clone()))
            } else {
                Err(AppendError::RequestReused)
            });
        }
        let state = match self.current(wire, locked, overlay, &submission.stream).await? {
            Ok(state) => state,
            Err(error) => return Ok(Err(error)),
        };
        let version = self.judge.version(&state);
        if submission.expected_version.is_some_and(|expected| expected != version) {
            return Ok(Err(AppendError::Stale { current: version }));
        }
        let mut draft = Draft {
            state,
            version,
            position: locked.position,
            records: Vec::new(),
        };
        for (index, command) in submission.commands.iter().enumerate() {
            let facts = match self
                .facts(wire, locked, overlay, submission, command, &draft.state)
                .await?
            {
                Ok(facts) => facts,
                Err(error) => return Ok(Err(error)),
            };
            let verdict = match self
                .judge
                .judge(command, &draft.state, &facts, &submission.circumstances)
            {
                Ok(verdict) => verdict,
                Err(refusal) => return Ok(Err(AppendError::Refused { index, refusal })),
            };
            let relies_on = self.reliance(&facts);
            if let Err(error) = draft.write(&*self.judge, locked, submission, &verdict, &relies_on) {
                return Ok(Err(error));
            }
            drop(facts);
            if submission.commands.len() == 1 {
                // Nothing can fail any more, so the state before is not needed: one holder less may spare a copy of it.
                overlay.remove(&submission.stream);
            }
            if let Err(error) = draft.fold(&*self.judge, submission, &verdict.events) {
                return Ok(Err(error));
            }
        }
        locked.position = draft.position;
        overlay.insert(Arc::clone(&submission.stream), draft.state);
        let receipt = receipt(submission, draft.version, draft.position, &draft.records);
        batch.add(submission, draft.version, draft.position, draft.records);
        Ok(Ok(Answer::Recorded(receipt)))
    }

    /// What the other streams say that the command relies on: asked again with what is loaded until it names nothing new. Too
    /// many are refused, since a decision on half of them could be wrong.
    async fn facts(
        &mut self,
        wire: &mut Wire,
        locked: &Locked,
        overlay: &mut Overlay<J::State>,
        submission: &Submission<J>,
        command: &J::Command,
        own: &Arc<J::State>,
    ) -> Result<Result<Facts<J::State>, AppendError<J::Refusal>>, sqlx::Error> {
        let mut facts = HashMap::new();
        for round in 0.. {
            let mut streams = self.judge.relies_on(command, own, &facts, &submission.circumstances);
            streams.retain(|stream| !facts.contains_key(stream));
            if streams.is_empty() {
                break;
            }
            if round == MOST_ROUNDS || facts.len() + streams.len() > MOST_STREAMS {
                return Ok(Err(AppendError::ReliesOnTooMuch));
            }
            for stream in streams {
                // What the commands before it in this submission have made of its own stream stands in no overlay yet.
                let state = if *stream == *submission.stream {
                    Arc::clone(own)
                } else {
                    let name = Arc::from(stream.as_str());
                    match self.current(wire, locked, overlay, &name).await? {
                        Ok(state) => state,
                        Err(error) => return Ok(Err(error)),
                    }
                };
                facts.insert(stream, state);
            }
        }
        Ok(Ok(facts))
    }

    /// What the record says of the facts.
    fn reliance<'a>(&self, facts: &'a Facts<J::State>) -> Vec<Reliance<'a>> {
        let mut relies_on: Vec<Reliance<'a>> = facts
            .iter()
            .map(|(stream, state)| Reliance {
                position: self.judge.position(state),
                stream: stream.into(),
            })
            .collect();
        relies_on.sort_by(|a, b| a.stream.cmp(&b.stream));
        relies_on
    }

    /// The state of a stream as this transaction sees it.
    async fn current(
        &mut self,
        wire: &mut Wire,
        locked: &Locked,
        overlay: &mut Overlay<J::State>,
        stream: &Arc<str>,
    ) -> Result<Result<Arc<J::State>, AppendError<J::Refusal>>, sqlx::Error> {
        if let Some(state) = overlay.get(stream) {
            return Ok(Ok(Arc::clone(state)));
        }
        let Some((mut state, current)) = self.remembered_state(locked, stream) else {
            return Ok(Err(AppendError::UnknownStream));
        };
        if !current {
            let connection = wire.connection().await?;
            match fold_on(&*self.judge, connection, &locked.tenant, stream, &mut state, i64::MAX).await {
                Ok(()) => {}
                Err(LedgerError::Unreadable(unreadable)) => return Ok(Err(unreadable.into())),
                Err(LedgerError::Store(error)) => return Err(error),
                Err(other) => return Ok(Err(AppendError::Unavailable(other.to_string()))),
            }
        }
        overlay.insert(Arc::clone(stream), Arc::clone(&state));
        Ok(Ok(state))
    }
}
