//! One record as it lies in the database: its bytes, and the columns beside them.

use sqlx::FromRow;
use time::OffsetDateTime;

use super::judge::{Judge, Standing, Unreadable};
use super::record::Envelope;

/// One row of the ledger.
#[derive(Clone, Debug, FromRow)]
pub struct Entry {
    /// The position in the tenant's ledger.
    pub position: i64,
    /// The stream.
    pub stream: String,
    /// The version of the stream after it.
    pub version: i64,
    /// The type of the event.
    #[sqlx(rename = "type")]
    pub event_type: String,
    /// When it was recorded.
    pub recorded_at: OffsetDateTime,
    /// The exact bytes of the record.
    pub record: Vec<u8>,
    /// Their leaf hash.
    pub leaf_hash: Vec<u8>,
}

impl Entry {
    /// The fields of the record, checked against the columns beside it.
    ///
    /// # Errors
    /// When the record is not one, or says other than its columns.
    pub fn envelope(&self) -> Result<Envelope<'_>, Unreadable> {
        let envelope = Envelope::parse(&self.record).map_err(|error| self.unreadable(error.to_string()))?;
        let same = envelope.position == self.position
            && envelope.version == self.version
            && envelope.stream == self.stream
            && envelope.event_type == self.event_type;
        if same {
            Ok(envelope)
        } else {
            Err(self.unreadable("it says other than the columns beside it".to_owned()))
        }
    }

    /// Folds the record into the state of its stream.
    ///
    /// # Errors
    /// When this binary cannot read it, or it does not follow on the state.
    pub fn fold_into<J: Judge>(&self, judge: &J, state: &mut J::State) -> Result<(), Unreadable> {
        self.follows(judge.version(state))?;
        self.fold(&self.envelope()?, judge, state)
    }

    /// Refuses a record that does not come next after a version of its stream.
    pub(super) fn follows(&self, version: i64) -> Result<(), Unreadable> {
        if version + 1 == self.version {
            return Ok(());
        }
        Err(self.unreadable(format!(
            "it is version {} of its stream, after version {version}",
            self.version
        )))
    }

    pub(super) fn fold<J: Judge>(
        &self,
        envelope: &Envelope<'_>,
        judge: &J,
        state: &mut J::State,
    ) -> Result<(), Unreadable> {
        let event = judge
            .read(&self.event_type, envelope.data.get())
            .map_err(|problem| self.unreadable(problem))?;
        let at = Standing {
            position: self.position,
            version: self.version,
            ..envelope.standing()
        };
        judge
            .fold(state, &event, &at)
            .map_err(|problem| self.unreadable(problem))
    }

    /// Says what is wrong with it.
    pub fn unreadable(&self, problem: impl Into<String>) -> Unreadable {
        Unreadable {
            position: self.position,
            problem: problem.into(),
        }
    }
}
