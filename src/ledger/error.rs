//! What can go wrong in the ledger.

use std::time::Duration;

use super::judge::Unreadable;
use super::long::Crowded;

/// Why a submission was not appended.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AppendError<R> {
    /// The judge refused one of the commands.
    #[error("command {index} was refused")]
    Refused {
        /// Which command of the submission, counted from 0.
        index: usize,
        /// Why.
        refusal: R,
    },
    /// The stream is not at the version that the caller expected.
    #[error("the stream is at version {current}")]
    Stale {
        /// The version it is at.
        current: i64,
    },
    /// The request id was used before, for something else.
    #[error("the request id was used before, with other content")]
    RequestReused,
    /// An event would be larger than a record may be.
    #[error("an event would take {bytes} bytes")]
    TooLarge {
        /// How many bytes it would take.
        bytes: usize,
    },
    /// A command relies on more other streams than are looked up for one, or on names in them that are hidden deeper.
    #[error("a command relies on too many other streams")]
    ReliesOnTooMuch,
    /// To judge the commands takes longer than any submission may.
    #[error("it takes too long to judge")]
    TooCostly {
        /// How long one may take.
        most: Duration,
    },
    /// The stream's kind is not known.
    #[error("there are no streams of this kind")]
    UnknownStream,
    /// The queue is full.
    #[error("the queue is full")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The database did not answer, or the service is stopping. Whether it was recorded is unknown.
    #[error("{0}")]
    Unavailable(String),
    /// What is in the ledger cannot be read by this binary.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// Why a reading failed.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database did not answer as it should.
    #[error("the database did not answer: {0}")]
    Store(#[from] sqlx::Error),
    /// A migration failed.
    #[error("the schema could not be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// What is in the ledger cannot be read by this binary.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The database's history is not the one that this was read from so far.
    #[error("the history that was known up to position {position} is not in the database any more")]
    HistoryLost {
        /// The last position that was known of it.
        position: i64,
    },
    /// Too much long work is waiting already.
    #[error("too much long work is waiting already")]
    Crowded {
        /// When to try again.
        retry_after: Duration,
    },
    /// The database URL is not one.
    #[error("the database URL is not one that PostgreSQL understands")]
    Url,
    /// The database is there, but nothing of ours is in it.
    #[error("The database has no schema: run `vedtak migrate`.")]
    NoSchema,
    /// The login is not a member of the service's role.
    #[error("The database login may not act as vedtak_service: run `GRANT vedtak_service TO <login>`.")]
    NotTheService,
}

impl From<Crowded> for LedgerError {
    fn from(crowded: Crowded) -> Self {
        Self::Crowded {
            retry_after: crowded.retry_after,
        }
    }
}

impl LedgerError {
    /// Whether it passes by itself: the database was not there, was going or coming, or had its hands full. What was asked may
    /// well succeed later, and nothing is wrong with the ledger.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            Self::Crowded { .. } => true,
            Self::Store(sqlx::Error::Database(error)) => {
                let code = error.code().unwrap_or_default();
                // Connection, silence in a transaction, rollback (deadlock), resources, operator intervention; not a statement that
                // took too long.
                ["08", "25P03", "40", "53", "57"]
                    .iter()
                    .any(|class| code.starts_with(class))
                    && code != "57014"
            }
            Self::Store(error) => matches!(
                error,
                sqlx::Error::Io(_)
                    | sqlx::Error::Tls(_)
                    | sqlx::Error::Protocol(_)
                    | sqlx::Error::PoolTimedOut
                    | sqlx::Error::PoolClosed
                    | sqlx::Error::WorkerCrashed
            ),
            _ => false,
        }
    }
}
