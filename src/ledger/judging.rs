//! Judging within one append: the states that are needed, what a decision relies on, and its answer.

use std::collections::{HashMap, HashSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use tracing::error;

use super::append::Appender;
use super::draft::{Draft, receipt};
use super::error::{AppendError, LedgerError};
use super::heads::Head;
use super::history::Anchor;
use super::judge::{Judge, MOST_ROUNDS, MOST_STREAMS};
use super::judged::Judged;
use super::memory::{Held, Kept, Key};
use super::page::{fold_on, read_tails};
use super::queue::Waiting;
use super::record::Reliance;
use super::submission::{Answer, Outcome, Submission};
use super::turns::Turn;
use super::wire::Wire;

/// Of so many streams of a tenant the states are read at once; whoever needs more of them reads them in its turn.
const MOST_AT_ONCE: usize = 32;

/// The states of the other streams that a command relies on, by their names.
type Facts<S> = HashMap<String, Arc<S>>;

/// Where submissions are judged: on top of `judged`, which follows `before`, which follows what is committed.
pub(super) struct Judging<'a, J: Judge> {
    pub appender: &'a mut Appender<J>,
    /// What is being committed meanwhile.
    pub before: Option<&'a Judged<J>>,
    pub judged: &'a mut Judged<J>,
    /// Where the states are read that memory does not have.
    pub wire: &'a mut Wire,
    /// Until when there is time, when the heads are locked: others wait for them. Then it is also known what was answered before.
    pub locked_until: Option<Instant>,
}

impl<J: Judge> Judging<'_, J> {
    /// Judges these, tenant by tenant; the heads of all of them are in `judged`. When the time is up or the database fails, and when
    /// nobody waits for this any more, those that have not been judged stay in the turn.
    pub(super) async fn turn(&mut self, turn: &mut Turn<J>) -> Result<(), sqlx::Error> {
        self.prefetch(turn).await?;
        self.judged.answers.reserve(turn.values().map(VecDeque::len).sum());
        // Whose share of the turn this is, and since when.
        let mut share: Option<(Arc<str>, Instant)> = None;
        while !self.time_is_up()
            && let Some(mut entry) = turn.first_entry()
        {
            let Some(next) = entry.get().front() else {
                entry.remove();
                continue;
            };
            // Whoever has stopped waiting is not recorded: its caller was told that the time was up.
            if next.reply.is_closed() {
                entry.get_mut().pop_front();
                continue;
            }
            if share.as_ref().is_none_or(|(tenant, _)| tenant != entry.key()) {
                share = Some((Arc::clone(entry.key()), Instant::now()));
            }
            self.appender.limits.begin();
            let outcome = self.submission(&next.submission).await?;
            let is_put_off = self.appender.limits.is_put_off(entry.key());
            if !is_put_off && let Some(waiting) = entry.get_mut().pop_front() {
                self.decided(waiting, outcome);
            }
            let limits = &mut self.appender.limits;
            if is_put_off || share.as_ref().is_some_and(|(_, began)| limits.had_its_share(*began)) {
                let (tenant, left) = entry.remove_entry();
                limits.put_off(tenant, left);
            }
            limits.breathe().await;
        }
        Ok(())
    }

    fn decided(&mut self, waiting: Waiting<J>, outcome: Outcome<J::Refusal>) {
        let submission = &waiting.submission;
        self.head(&submission.tenant).requests.insert(submission.request_id);
        // What leaves a record finds out by its key that it was recorded before.
        let leaves_none = match &outcome {
            Ok(Answer::Recorded(receipt)) => receipt.unchanged,
            Ok(Answer::Repeated(_)) | Err(_) => true,
        };
        if leaves_none && self.locked_until.is_none() {
            self.judged.batch.look_up(submission);
        }
        self.judged.answers.push((waiting, outcome));
    }

    /// Whether enough has been judged under the locks: something has, so that it goes on.
    fn time_is_up(&self) -> bool {
        self.locked_until.is_some_and(|until| Instant::now() >= until) && !self.judged.is_empty()
    }

    /// The head of a tenant's ledger. It stays where it is while anything is waited for: whoever stops waiting leaves nothing half done.
    fn head(&mut self, tenant: &str) -> &mut Head<J::State> {
        let head = self.judged.heads.get_mut(tenant);
        head.expect("the heads of all tenants of a turn are among what is judged")
    }

    /// The states of the streams that these commands go to: all that memory does not have is read at once.
    async fn prefetch(&mut self, turn: &Turn<J>) -> Result<(), sqlx::Error> {
        let mut stale = Vec::new();
        for (tenant, waiting) in turn {
            let mut seen = HashSet::new();
            let first = stale.len();
            for stream in waiting.iter().map(|waiting| &waiting.submission.stream) {
                if stale.len() - first >= MOST_AT_ONCE {
                    break;
                }
                if self.head(tenant).states.contains_key(stream) || !seen.insert(stream) {
                    continue;
                }
                // A stream that cannot be is refused when its turn comes.
                match self.remembered(tenant, stream) {
                    Some(Remembered::Newest(held)) => self.keep(tenant, stream, held),
                    Some(Remembered::Maybe(kept)) => stale.push((Arc::clone(tenant), Arc::clone(stream), kept)),
                    None => {}
                }
            }
        }
        if stale.is_empty() {
            return Ok(());
        }
        let judge = Arc::clone(&self.appender.judge);
        let asked: Vec<_> = stale
            .iter()
            .map(|(tenant, stream, kept)| (&**tenant, &**stream, kept.version, kept.known))
            .collect();
        let tails = read_tails(self.wire.connection().await?, &asked).await?;
        for ((tenant, stream, kept), tail) in stale.into_iter().zip(tails) {
            // One that is long, of another history, or cannot be read is left to whoever needs it.
            let Some(tail) = tail else { continue };
            let mut held = kept.held;
            if tail.fold_into(&*judge, &mut held).is_ok() {
                self.keep(&tenant, &stream, held);
            }
        }
        Ok(())
    }

    fn keep(&mut self, tenant: &Arc<str>, stream: &Arc<str>, held: Held<J::State>) {
        self.head(tenant).states.insert(Arc::clone(stream), held);
    }

    /// The state of a stream as memory has it; none when there are no such streams.
    fn remembered(&mut self, tenant: &Arc<str>, stream: &Arc<str>) -> Option<Remembered<J::State>> {
        let before = self.before.and_then(|before| before.heads.get(tenant));
        if let Some(held) = before.and_then(|head| head.states.get(stream)) {
            return Some(Remembered::Newest(held.clone()));
        }
        let key: Key = (Arc::clone(tenant), Arc::clone(stream));
        let kept = match self.appender.states.lend(&key) {
            Some(kept) => kept,
            None => Kept {
                version: 0,
                held: Held::empty(self.appender.judge.empty(stream)?),
                known: Anchor::beginning(),
                line: 0,
            },
        };
        self.judged.lent.push(key);
        let remembered = self.appender.remembered.get(tenant);
        let newest = remembered.is_some_and(|remembered| {
            remembered.line == kept.line && remembered.versions.get(stream) == Some(&kept.version)
        });
        Some(if newest {
            Remembered::Newest(kept.held)
        } else {
            Remembered::Maybe(kept)
        })
    }

    /// Judges one submission. The outer error is the database's, the inner one the submission's own.
    async fn submission(&mut self, submission: &Submission<J>) -> Result<Outcome<J::Refusal>, sqlx::Error> {
        let tenant = &submission.tenant;
        if let Some(known) = self.head(tenant).known.get(&submission.request_id) {
            let same = known.content_hash == submission.content_hash;
            return Ok(if same {
                Ok(Answer::Repeated(known.clone()))
            } else {
                Err(AppendError::RequestReused)
            });
        }
        let held = match self.current(tenant, &submission.stream).await? {
            Ok(held) => held,
            Err(error) => return Ok(Err(error)),
        };
        let judge = Arc::clone(&self.appender.judge);
        let version = judge.version(&held.state);
        if submission.expected_version.is_some_and(|expected| expected != version) {
            return Ok(Err(AppendError::Stale { current: version }));
        }
        let mut draft = Draft {
            held,
            version,
            position: self.head(tenant).position(),
            records: Vec::new(),
        };
        for (index, command) in submission.commands.iter().enumerate() {
            let facts = match self.facts(submission, command, &draft.held.state).await? {
                Ok(facts) => facts,
                Err(error) => return Ok(Err(error)),
            };
            if let Err(error) = self.appender.limits.go_on() {
                return Ok(Err(error));
            }
            let began = Instant::now();
            let verdict = unbroken(|| judge.judge(command, &draft.held.state, &facts, &submission.circumstances));
            let began = self.appender.limits.passed_since(began);
            let verdict = match verdict {
                Ok(Ok(verdict)) => verdict,
                Ok(Err(refusal)) => return Ok(Err(AppendError::Refused { index, refusal })),
                Err(error) => return Ok(Err(error)),
            };
            let relies_on = reliance(&*judge, &facts);
            if let Err(error) = draft.write(&*judge, self.head(tenant), submission, &verdict, &relies_on) {
                return Ok(Err(error));
            }
            drop(facts);
            if submission.commands.len() == 1 {
                // Nothing can fail any more, so the state before is not needed: one holder less may spare a copy of it.
                self.head(tenant).states.remove(&submission.stream);
            }
            if let Err(error) = draft.fold(&*judge, submission, &self.head(tenant).recorded_at_text, &verdict) {
                return Ok(Err(error));
            }
            self.appender.limits.passed_since(began);
        }
        let head = self.head(tenant);
        for record in &draft.records {
            head.tree.push(record.leaf_hash);
        }
        head.states.insert(Arc::clone(&submission.stream), draft.held);
        let receipt = receipt(submission, draft.version, draft.position, &draft.records);
        self.judged
            .batch
            .add(submission, draft.version, draft.position, draft.records);
        Ok(Ok(Answer::Recorded(receipt)))
    }

    /// What the other streams say that the command relies on: asked again with what is loaded until it names nothing new. Too
    /// many are refused, since a decision on half of them could be wrong.
    async fn facts(
        &mut self,
        submission: &Submission<J>,
        command: &J::Command,
        own: &Arc<J::State>,
    ) -> Result<Result<Facts<J::State>, AppendError<J::Refusal>>, sqlx::Error> {
        let mut facts = HashMap::new();
        for round in 0.. {
            let judge = &self.appender.judge;
            let mut streams = match unbroken(|| judge.relies_on(command, own, &facts, &submission.circumstances)) {
                Ok(streams) => streams,
                Err(error) => return Ok(Err(error)),
            };
            streams.retain(|stream| !facts.contains_key(stream));
            if streams.is_empty() {
                break;
            }
            if round == MOST_ROUNDS || facts.len() + streams.len() > MOST_STREAMS {
                return Ok(Err(AppendError::ReliesOnTooMuch));
            }
            for stream in streams {
                // What the commands before it in this submission have made of its own stream stands nowhere else yet.
                let state = if *stream == *submission.stream {
                    Arc::clone(own)
                } else {
                    match self.current(&submission.tenant, &Arc::from(stream.as_str())).await? {
                        Ok(held) => held.state,
                        Err(error) => return Ok(Err(error)),
                    }
                };
                facts.insert(stream, state);
            }
        }
        Ok(Ok(facts))
    }

    /// The state of a stream as this append sees it.
    async fn current(
        &mut self,
        tenant: &Arc<str>,
        stream: &Arc<str>,
    ) -> Result<Result<Held<J::State>, AppendError<J::Refusal>>, sqlx::Error> {
        if let Some(held) = self.head(tenant).states.get(stream) {
            return Ok(Ok(held.clone()));
        }
        let held = match self.remembered(tenant, stream) {
            None => return Ok(Err(AppendError::UnknownStream)),
            Some(Remembered::Newest(held)) => held,
            Some(Remembered::Maybe(kept)) => match self.folded(tenant, stream, kept).await? {
                Ok(held) => held,
                Err(error) => return Ok(Err(error)),
            },
        };
        self.keep(tenant, stream, held.clone());
        Ok(Ok(held))
    }

    /// The newest state of a stream, from one that may not be; anew, when that is of a history that was lost.
    async fn folded(
        &mut self,
        tenant: &Arc<str>,
        stream: &Arc<str>,
        kept: Kept<J::State>,
    ) -> Result<Result<Held<J::State>, AppendError<J::Refusal>>, sqlx::Error> {
        let judge = Arc::clone(&self.appender.judge);
        let Some(empty) = judge.empty(stream) else {
            return Ok(Err(AppendError::UnknownStream));
        };
        let anew = (Held::empty(empty), Anchor::beginning());
        for (mut held, mut known) in [(kept.held, kept.known), anew] {
            let connection = self.wire.connection().await?;
            let most = self.appender.limits.records();
            match fold_on(&*judge, connection, (tenant, stream), &mut held, &mut known, most).await {
                Ok(true) => return Ok(Ok(held)),
                Ok(false) => return Ok(Err(self.appender.limits.judge_elsewhere())),
                Err(LedgerError::HistoryLost { .. }) => self.appender.losses.tell(tenant, &known),
                Err(LedgerError::Unreadable(unreadable)) => return Ok(Err(unreadable.into())),
                Err(LedgerError::Store(error)) => return Err(error),
                Err(other) => return Ok(Err(AppendError::Unavailable(other.to_string()))),
            }
        }
        Err(sqlx::Error::Protocol("the history changed twice on the way".to_owned()))
    }
}

/// What memory has of a stream.
enum Remembered<S> {
    /// What is known to be the newest state.
    Newest(Held<S>),
    /// A state that may not be the newest, or of another history.
    Maybe(Kept<S>),
}

/// Asks the judge, which changes nothing: when a rule panics, that is the answer to its own command, and nobody else's matter.
fn unbroken<T, R>(ask: impl FnOnce() -> T) -> Result<T, AppendError<R>> {
    std::panic::catch_unwind(AssertUnwindSafe(ask)).map_err(|_| {
        error!("a rule panicked");
        let sentence = "A rule of the service broke on this command. Nothing of it was recorded.";
        AppendError::Unavailable(sentence.to_owned())
    })
}

/// What the record says of the facts.
fn reliance<'a, J: Judge>(judge: &J, facts: &'a Facts<J::State>) -> Vec<Reliance<'a>> {
    let mut relies_on: Vec<Reliance<'a>> = facts
        .iter()
        .map(|(stream, state)| Reliance {
            position: judge.position(state),
            stream: stream.into(),
        })
        .collect();
    relies_on.sort_by(|a, b| a.stream.cmp(&b.stream));
    relies_on
}
