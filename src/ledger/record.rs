//! The record: one canonical JSON object per event, whose exact bytes are stored, hashed, served and exported.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use uuid::Uuid;

use super::judge::Circumstances;

/// The largest record, in bytes: what the entry format of tiled logs can carry (C2SP tlog-tiles).
pub const MAX_RECORD_BYTES: usize = 65_535;

/// Times in a record: UTC to the microsecond, which is what PostgreSQL keeps.
const TIME_FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// Who acted, as the record says it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Actor<'a> {
    /// Who acted: the subject of the verified token.
    #[serde(borrow)]
    pub subject: std::borrow::Cow<'a, str>,
    /// In which role the actor acted, as `AuditEntry.role` of the schema says it; left out when none is recorded.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub role: std::borrow::Cow<'a, str>,
    /// On whose behalf; left out when it acted for itself.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub on_behalf_of: std::borrow::Cow<'a, str>,
}

/// The fields of a record. `D` is the data: a value when it is written, the raw text when it is read.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope<'a, D> {
    /// The tenant whose ledger it stands in.
    #[serde(borrow)]
    pub tenant: std::borrow::Cow<'a, str>,
    /// Its position in that ledger, from 1.
    pub position: i64,
    /// The stream.
    #[serde(borrow)]
    pub stream: std::borrow::Cow<'a, str>,
    /// The version of the stream after it, from 1.
    pub version: i64,
    /// Its type, such as `vedtak.v1.RiskRegistered`.
    #[serde(borrow, rename = "type")]
    pub event_type: std::borrow::Cow<'a, str>,
    /// When it was recorded, RFC 3339 in UTC to the microsecond.
    #[serde(borrow)]
    pub recorded_at: std::borrow::Cow<'a, str>,
    /// When it was decided, YYYY-MM-DD.
    #[serde(borrow)]
    pub effective_date: std::borrow::Cow<'a, str>,
    /// Who acted.
    #[serde(borrow)]
    pub actor: Actor<'a>,
    /// The case reference that the authority rests on; left out when there is none.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub authority: std::borrow::Cow<'a, str>,
    /// Why; left out when not said.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub reason: std::borrow::Cow<'a, str>,
    /// The request that caused it.
    pub request_id: Uuid,
    /// 128 random bits, so that nobody can find out a record's content by guessing it and comparing hashes.
    #[serde(borrow)]
    pub nonce: std::borrow::Cow<'a, str>,
    /// The event, as proto3 JSON.
    pub data: D,
}

impl<'a> Envelope<'a, &'a RawValue> {
    /// Reads a record.
    ///
    /// # Errors
    /// When the bytes are not a record.
    pub fn parse(record: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(record)
    }
}

/// What is written into one record, beside what is the same for the whole submission.
pub(super) struct Line<'a> {
    pub tenant: &'a str,
    pub position: i64,
    pub stream: &'a str,
    pub version: i64,
    pub event_type: &'a str,
    pub recorded_at: &'a str,
    pub role: &'a str,
    pub request_id: Uuid,
    pub data: Value,
}

/// Writes a record in canonical form (RFC 8785).
///
/// # Errors
/// When it could not be serialised, which proto3 JSON without floats always can.
pub(super) fn write(line: Line<'_>, circumstances: &Circumstances) -> Result<Vec<u8>, serde_json::Error> {
    let envelope = Envelope {
        tenant: line.tenant.into(),
        position: line.position,
        stream: line.stream.into(),
        version: line.version,
        event_type: line.event_type.into(),
        recorded_at: line.recorded_at.into(),
        effective_date: circumstances.effective_date.as_str().into(),
        actor: Actor {
            subject: circumstances.subject.as_str().into(),
            role: line.role.into(),
            on_behalf_of: circumstances.on_behalf_of.as_str().into(),
        },
        authority: circumstances.authority.as_str().into(),
        reason: circumstances.reason.as_str().into(),
        request_id: line.request_id,
        nonce: format!("{:032x}", rand::random::<u128>()).into(),
        data: line.data,
    };
    serde_json_canonicalizer::to_vec(&envelope)
}

/// SHA-256 over a zero byte and the record: the leaf hash of RFC 6962, section 2.1.
#[must_use]
pub fn leaf_hash(record: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(record);
    hasher.finalize().into()
}

/// A time as records write it.
pub(super) fn format_time(time: OffsetDateTime) -> String {
    time.format(TIME_FORMAT)
        .expect("a time in UTC has all the parts of the format")
}
