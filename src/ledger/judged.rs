//! What has been judged and is to be recorded in one transaction, with the answers that are given once it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::batch::Batch;
use super::heads::Head;
use super::judge::Judge;
use super::memory::Key;
use super::queue::Waiting;
use super::submission::Outcome;
use super::turns::Turn;

/// One transaction's worth of judged submissions.
pub(super) struct Judged<J: Judge> {
    /// The ledgers that it rests on, by tenant. Sorted, so that all processes lock heads in the same order.
    pub heads: BTreeMap<Arc<str>, Head<J::State>>,
    /// What is to be recorded.
    pub batch: Batch,
    /// Who waits, and for which answer.
    pub answers: Vec<(Waiting<J>, Outcome<J::Refusal>)>,
    /// The states that it has taken out of the memory.
    pub lent: Vec<Key>,
}

impl<J: Judge> Default for Judged<J> {
    fn default() -> Self {
        Self {
            heads: BTreeMap::new(),
            batch: Batch::default(),
            answers: Vec::new(),
            lent: Vec::new(),
        }
    }
}

impl<J: Judge> Judged<J> {
    /// On the heads that were locked.
    pub(super) fn on(heads: impl IntoIterator<Item = Head<J::State>>) -> Self {
        Self {
            heads: heads.into_iter().map(|head| (Arc::clone(&head.tenant), head)).collect(),
            ..Self::default()
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// The submissions again, in the order in which they came, to be judged anew.
    pub(super) fn into_turn(self, turn: &mut Turn<J>) {
        for (waiting, _) in self.answers {
            let tenant = Arc::clone(&waiting.submission.tenant);
            turn.entry(tenant).or_default().push_back(waiting);
        }
    }

    /// Answers everyone, as was decided.
    pub(super) fn answer(self) {
        for (waiting, answer) in self.answers {
            let _ = waiting.reply.send(answer);
        }
    }
}
