//! A failure, as both doors tell it: gRPC status with `google.rpc` details, or RFC 9457 problem details with the same content.

use std::collections::HashMap;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt};
use uuid::Uuid;

use crate::domain::{self, Kind, LONGEST_SENTENCE, Refusal};
use crate::ledger::{AppendError, Crowded, LedgerError, MAX_RECORD_BYTES, MOST_ROUNDS, MOST_STREAMS, Unreadable};
use crate::schema::{JsonError, Violation};

/// The domain of our reasons, in `google.rpc.ErrorInfo`.
pub const ERROR_DOMAIN: &str = "vedtak";

/// No more violations are told than fit into this many bytes: in gRPC they travel in headers, thrice over, and callers take no more
/// than some kilobytes of those.
const MOST_TOLD: usize = 900;

/// Why a call failed. The reason is stable and for machines, the sentence for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The gRPC status code; the HTTP status follows from it.
    pub code: Code,
    /// A stable name in upper case.
    pub reason: &'static str,
    /// What is wrong and what would mend it.
    pub sentence: String,
    /// The rule of the rulebook that stands against it.
    pub rule: Option<&'static str>,
    /// The fields at fault.
    pub violations: Vec<Violation>,
    /// More for machines, such as `current_version`.
    pub metadata: HashMap<String, String>,
    /// When to try again.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure with nothing but its reason and a sentence.
    #[must_use]
    pub fn new(code: Code, reason: &'static str, sentence: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            sentence: domain::within(&sentence.into(), LONGEST_SENTENCE),
            rule: None,
            violations: Vec::new(),
            metadata: HashMap::new(),
            retry_after: None,
        }
    }

    /// There is no such RPC.
    #[must_use]
    pub fn unknown_method(path: &str) -> Self {
        let path: String = path.chars().take(200).collect();
        Self::new(
            Code::Unimplemented,
            "UNKNOWN_METHOD",
            format!("There is no RPC {path}: see the schema, by reflection or in /openapi.json."),
        )
    }

    /// Fields of the request break the rules of the schema.
    #[must_use]
    pub fn fields(mut violations: Vec<Violation>) -> Self {
        let all = violations.len();
        let mut sentence = "The request is not valid.".to_owned();
        let mut told = 0;
        for violation in &violations {
            let next = format!(" {}: {}", violation.field, violation.description);
            if told > 0 && sentence.len() + next.len() > MOST_TOLD {
                break;
            }
            sentence.push_str(&next);
            told += 1;
        }
        violations.truncate(told);
        if told < all {
            sentence = format!("{sentence} And {} more.", all - told);
        }
        Self {
            rule: violations.iter().find_map(|violation| violation.rule),
            violations,
            ..Self::new(Code::InvalidArgument, "INVALID_FIELDS", sentence)
        }
    }

    /// One field of the request is at fault.
    #[must_use]
    pub fn field(field: &str, description: impl Into<String>) -> Self {
        Self::fields(vec![Violation::new(field, description)])
    }

    /// The bytes of the request are not the message they should be.
    #[must_use]
    pub fn malformed(message: &str, problem: &str) -> Self {
        Self::new(
            Code::InvalidArgument,
            "MALFORMED_REQUEST",
            format!("The request is not a {message}: {problem}."),
        )
    }

    /// Something that should never happen did. What it was goes to the log, under a name that the caller is told, too.
    #[must_use]
    pub fn internal(context: &str, problem: &dyn std::fmt::Display) -> Self {
        let incident = Uuid::new_v4().to_string();
        tracing::error!(incident, context, %problem, "internal error");
        let mut failure = Self::new(
            Code::Internal,
            "INTERNAL",
            format!(
                "The service failed in a way it should not. It has been logged as incident {incident}; the request may be sent again with the same request_id."
            ),
        );
        failure.metadata.insert("incident".to_owned(), incident);
        failure
    }

    /// The database does not answer.
    #[must_use]
    pub fn unavailable(sentence: impl Into<String>) -> Self {
        Self {
            retry_after: Some(Duration::from_secs(1)),
            ..Self::new(Code::Unavailable, "STORE_UNAVAILABLE", sentence)
        }
    }

    /// The reading reaches past the end of the ledger.
    #[must_use]
    pub fn beyond_head(field: &str, asked: i64, head: i64) -> Self {
        let mut failure = Self::new(
            Code::OutOfRange,
            "POSITION_NOT_REACHED",
            format!(
                "{field} is {asked}, but the tenant's ledger has come to position {head}. Give a position from one of its receipts."
            ),
        );
        failure.metadata.insert("head".to_owned(), head.to_string());
        failure
    }

    /// A stream stops at a record that this binary cannot read.
    fn unreadable(unreadable: &Unreadable) -> Self {
        tracing::error!(%unreadable, "a stream stands still");
        let mut failure = Self::new(
            Code::DataLoss,
            "STREAM_UNREADABLE",
            format!(
                "The stream cannot be read on from position {}: {}. Everything else goes on; tell the operator of the service.",
                unreadable.position, unreadable.problem
            ),
        );
        let position = unreadable.position.to_string();
        failure.metadata.insert("position".to_owned(), position);
        failure
    }

    /// What the caller goes on from is of a history that the database does not hold any more.
    pub(super) fn history_lost(code: Code, position: i64) -> Self {
        let mut failure = Self::new(
            code,
            "HISTORY_LOST",
            format!(
                "What was recorded last has been lost: the history that was known up to position {position} is not the ledger's any more. Read again from the beginning, and send again what is missing."
            ),
        );
        failure.metadata.insert("position".to_owned(), position.to_string());
        failure
    }

    /// The same failure as a gRPC status.
    #[must_use]
    pub fn into_status(self) -> Status {
        let mut details = ErrorDetails::new();
        let mut metadata = self.metadata;
        if let Some(rule) = self.rule {
            metadata.insert("rule".to_owned(), rule.to_owned());
        }
        if !self.violations.is_empty() {
            let violations = self.violations.into_iter().map(|violation| FieldViolation {
                reason: violation.rule.unwrap_or_default().to_owned(),
                ..FieldViolation::new(violation.field, violation.description)
            });
            details.set_bad_request(violations.collect::<Vec<_>>());
        }
        if self.code == Code::FailedPrecondition {
            let subject = metadata.get("stream").cloned().unwrap_or_default();
            let kind = self.rule.unwrap_or(self.reason);
            details.set_precondition_failure(vec![PreconditionViolation::new(kind, subject, self.sentence.clone())]);
        }
        if let Some(after) = self.retry_after {
            details.set_retry_info(Some(after));
        }
        details.set_error_info(self.reason, ERROR_DOMAIN, metadata);
        Status::with_error_details(self.code, self.sentence, details)
    }

    /// The HTTP status of the JSON door.
    #[must_use]
    pub const fn http_status(&self) -> StatusCode {
        match self.code {
            Code::InvalidArgument | Code::OutOfRange => StatusCode::BAD_REQUEST,
            Code::Unauthenticated => StatusCode::UNAUTHORIZED,
            Code::PermissionDenied => StatusCode::FORBIDDEN,
            Code::NotFound | Code::Unimplemented => StatusCode::NOT_FOUND,
            Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
            Code::FailedPrecondition => StatusCode::UNPROCESSABLE_ENTITY,
            Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The same failure as RFC 9457 problem details, with this HTTP status.
    #[must_use]
    pub fn problem(&self, status: StatusCode) -> Value {
        let mut problem = json!({
            "type": format!("urn:vedtak:problem:{}", self.reason.to_lowercase().replace('_', "-")),
            "title": status.canonical_reason().unwrap_or("Error"),
            "status": status.as_u16(),
            "code": code_name(self.code),
            "reason": self.reason,
            "detail": self.sentence,
        });
        if let Some(rule) = self.rule {
            problem["rule"] = rule.into();
        }
        if !self.violations.is_empty() {
            let violations = self.violations.iter().map(|violation| {
                let mut told = json!({"field": violation.field, "description": violation.description});
                if let Some(rule) = violation.rule {
                    told["rule"] = rule.into();
                }
                told
            });
            problem["violations"] = violations.collect();
        }
        if !self.metadata.is_empty() {
            problem["metadata"] = json!(self.metadata);
        }
        if let Some(after) = self.retry_after {
            problem["retry_after_seconds"] = json!(after.as_secs_f64());
        }
        problem
    }
}

/// The name of a gRPC status code, as the specification writes it.
#[must_use]
pub const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal.kind {
            Kind::NotFound => Code::NotFound,
            Kind::AlreadyExists => Code::AlreadyExists,
            Kind::InvalidArgument => Code::InvalidArgument,
            Kind::FailedPrecondition => Code::FailedPrecondition,
            Kind::PermissionDenied => Code::PermissionDenied,
        };
        let sentence = refusal.sentence();
        let violations = refusal
            .field
            .map(|field| Violation {
                rule: refusal.rule,
                ..Violation::new(field, sentence.clone())
            })
            .into_iter()
            .collect();
        Self {
            rule: refusal.rule,
            violations,
            ..Self::new(code, refusal.reason, sentence)
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Unreadable(unreadable) => Self::unreadable(&unreadable),
            LedgerError::HistoryLost { position } => Self::history_lost(Code::Aborted, position),
            LedgerError::Crowded { retry_after } => Crowded { retry_after }.into(),
            error => {
                tracing::error!(%error, "the database did not answer");
                Self::unavailable("The database does not answer. Try again in a moment.")
            }
        }
    }
}

impl From<Crowded> for Failure {
    fn from(crowded: Crowded) -> Self {
        let sentence =
            "Too many questions that take long are waiting. Ask again a little later, and fewer of them at once.";
        Self {
            retry_after: Some(crowded.retry_after),
            ..Self::new(Code::ResourceExhausted, "LONG_READINGS_FULL", sentence)
        }
    }
}

/// The beginning of a text that came from the caller, for a sentence: nobody is to be flooded with what it sent itself.
pub(super) fn short(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl From<JsonError> for Failure {
    fn from(error: JsonError) -> Self {
        let error = JsonError {
            field: short(&error.field),
            problem: short(&error.problem),
        };
        let violation = Violation::new(error.field.clone(), error.problem.clone());
        let place = if error.field.is_empty() {
            String::new()
        } else {
            format!(" (at {})", error.field)
        };
        Self {
            violations: vec![violation],
            ..Self::new(
                Code::InvalidArgument,
                "MALFORMED_REQUEST",
                format!("The request is not valid{place}: {}.", error.problem),
            )
        }
    }
}

impl From<AppendError<Refusal>> for Failure {
    fn from(error: AppendError<Refusal>) -> Self {
        match error {
            AppendError::Refused { index, refusal } => {
                let mut failure = Self::from(refusal);
                failure.metadata.insert("command_index".to_owned(), index.to_string());
                failure
            }
            AppendError::Stale { current } => {
                let sentence = format!(
                    "The stream is at version {current}, not at expected_version. Read it again, look at what has changed, and send the command with the new version if it still holds."
                );
                let mut failure = Self::new(Code::Aborted, "VERSION_CONFLICT", sentence);
                failure
                    .metadata
                    .insert("current_version".to_owned(), current.to_string());
                failure
            }
            AppendError::RequestReused => Self {
                violations: vec![Violation::new(
                    "context.request_id",
                    "Was used before, with other content.",
                )],
                ..Self::new(
                    Code::AlreadyExists,
                    "REQUEST_ID_REUSED",
                    "This request_id was used before, with other content. Use a new UUID for a new intention, and the same one only to send the very same request again.",
                )
            },
            AppendError::TooLarge { bytes } => Self::new(
                Code::InvalidArgument,
                "RECORD_TOO_LARGE",
                format!(
                    "The event would take {bytes} bytes; a record holds {MAX_RECORD_BYTES}. Shorten the texts, or send it in several commands."
                ),
            ),
            AppendError::ReliesOnTooMuch => Self::new(
                Code::FailedPrecondition,
                "RELIES_ON_TOO_MUCH",
                format!(
                    "To judge this, more than {MOST_STREAMS} other streams would have to be read, or bodies followed that are composed of others in more than {MOST_ROUNDS} organisations in turn. Name the body that people sit in, and fewer holders of one role."
                ),
            ),
            AppendError::TooCostly { most } => Self::new(
                Code::FailedPrecondition,
                "TOO_COSTLY",
                format!(
                    "To judge this takes more than the {} milliseconds that one request may take of the service, and nothing of it was recorded. Send it in smaller batches.",
                    most.as_millis()
                ),
            ),
            AppendError::UnknownStream => Self::new(
                Code::InvalidArgument,
                "UNKNOWN_STREAM",
                "There are no streams of this kind.",
            ),
            AppendError::Busy { retry_after } => Self {
                retry_after: Some(retry_after),
                ..Self::new(
                    Code::ResourceExhausted,
                    "QUEUE_FULL",
                    "Too many commands are waiting. Nothing of this one was recorded; send it again a little later with the same request_id.",
                )
            },
            AppendError::Unavailable(sentence) => Self::unavailable(sentence),
            AppendError::Unreadable(unreadable) => Self::unreadable(&unreadable),
        }
    }
}
