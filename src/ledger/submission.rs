//! A submission: commands that go to the ledger together, and what comes of them.

use std::fmt::Debug;
use std::sync::Arc;

use uuid::Uuid;

use super::error::AppendError;
use super::judge::{Circumstances, Judge};
use super::read::Known;
use crate::schema::v1::Receipt;

/// Commands on one stream, to be recorded all or none.
#[derive(Debug)]
pub struct Submission<J: Judge> {
    /// The tenant whose ledger it goes to.
    pub tenant: Arc<str>,
    /// The stream, such as `project/<id>`.
    pub stream: Arc<str>,
    /// Names the request; a retry has the same.
    pub request_id: Uuid,
    /// SHA-256 of the content of the request: tells a retry from a reuse of the id.
    pub content_hash: [u8; 32],
    /// The version that the stream must be at, if the caller cares.
    pub expected_version: Option<i64>,
    /// Who sent it, and how it is to be understood.
    pub circumstances: Circumstances,
    /// The commands, in order.
    pub commands: Vec<J::Command>,
}

/// What a writer answers.
pub(super) enum Answer {
    /// Recorded now.
    Recorded(Receipt),
    /// Recorded before: the first receipt is read from what is known of it.
    Repeated(Known),
}

/// What comes of one submission.
pub(super) type Outcome<R> = Result<Answer, AppendError<R>>;
