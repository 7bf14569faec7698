//! The record: one canonical JSON object per event, whose exact bytes are stored, hashed, served and exported.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use uuid::Uuid;

use super::judge::{Circumstances, Judge, Standing, Through};
use crate::schema::{Canonical, Object};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The largest record, in bytes: what the entry format of tiled logs can carry (C2SP tlog-tiles).
pub const MAX_RECORD_BYTES: usize = 65_535;

/// Room for a record of the usual size.
const TYPICAL_BYTES: usize = 1_024;

/// Times in a record: UTC to the microsecond, which is what PostgreSQL keeps.
const TIME_FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// Who acted, as the record says it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor<'a> {
    /// Who acted: the subject of the verified token.
    #[serde(borrow)]
    pub subject: Cow<'a, str>,
    /// In which role the actor acted, as `AuditEntry.role` of the schema says it; left out when none is recorded.
    #[serde(borrow, default)]
    pub role: Cow<'a, str>,
    /// On whose behalf; left out when it acted for itself.
    #[serde(borrow, default)]
    pub on_behalf_of: Cow<'a, str>,
    /// Through what it was entitled; left out when the command was one that everybody may send who may record.
    #[serde(default)]
    pub through: Option<Through>,
}

/// Another stream that a decision relied on, and how far it had come.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Reliance<'a> {
    /// The position of the last event in it; 0 when it had none.
    pub position: i64,
    /// The stream.
    #[serde(borrow)]
    pub stream: Cow<'a, str>,
}

/// The fields of a record.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope<'a> {
    /// The tenant whose ledger it stands in.
    #[serde(borrow)]
    pub tenant: Cow<'a, str>,
    /// Its position in that ledger, from 1.
    pub position: i64,
    /// The stream.
    #[serde(borrow)]
    pub stream: Cow<'a, str>,
    /// The version of the stream after it, from 1.
    pub version: i64,
    /// Its type, such as `vedtak.v1.RiskRegistered`.
    #[serde(borrow, rename = "type")]
    pub event_type: Cow<'a, str>,
    /// When it was recorded, RFC 3339 in UTC to the microsecond.
    #[serde(borrow)]
    pub recorded_at: Cow<'a, str>,
    /// When it was decided, YYYY-MM-DD.
    #[serde(borrow)]
    pub effective_date: Cow<'a, str>,
    /// Who acted.
    #[serde(borrow)]
    pub actor: Actor<'a>,
    /// The case reference that the authority rests on; left out when there is none.
    #[serde(borrow, default)]
    pub authority: Cow<'a, str>,
    /// Why; left out when not said.
    #[serde(borrow, default)]
    pub reason: Cow<'a, str>,
    /// The other streams that the decision relied on, by name; left out when there are none.
    #[serde(borrow, default)]
    pub relies_on: Vec<Reliance<'a>>,
    /// The request that caused it.
    pub request_id: Uuid,
    /// 128 random bits, so that nobody can find out a record's content by guessing it and comparing hashes.
    #[serde(borrow)]
    pub nonce: Cow<'a, str>,
    /// The event, as proto3 JSON.
    #[serde(borrow)]
    pub data: &'a RawValue,
}

impl<'a> Envelope<'a> {
    /// Where its event stands.
    #[must_use]
    pub fn standing(&self) -> Standing<'_> {
        Standing {
            position: self.position,
            version: self.version,
            effective_date: &self.effective_date,
            recorded_at: &self.recorded_at,
            subject: &self.actor.subject,
            authority: &self.authority,
            reason: &self.reason,
        }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// When the bytes are not a record.
    pub fn parse(record: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(record)
    }
}

/// What is written into one record, beside what is the same for the whole submission.
pub(super) struct Line<'a, E> {
    pub tenant: &'a str,
    pub position: i64,
    pub stream: &'a str,
    pub version: i64,
    pub event_type: &'a str,
    pub recorded_at: &'a str,
    pub role: &'a str,
    pub through: Option<&'a Through>,
    pub relies_on: &'a [Reliance<'a>],
    pub request_id: Uuid,
    pub event: &'a E,
}

/// Writes a record in canonical form (RFC 8785): the members of each object in the order of their names.
pub(super) fn write<J: Judge>(judge: &J, line: &Line<'_, J::Event>, circumstances: &Circumstances) -> Vec<u8> {
    let mut record = Vec::with_capacity(TYPICAL_BYTES);
    Object::write(&mut record, |object| {
        object.object("actor", |actor| {
            actor.member("on_behalf_of", &circumstances.on_behalf_of);
            actor.member("role", line.role);
            // Everybody who acts has a name; a record without one would say so.
            actor.text("subject", &circumstances.subject);
            if let Some(through) = line.through {
                actor.object("through", |object| through.members(object));
            }
        });
        object.member("authority", &circumstances.authority);
        object.written("data", |text| judge.write(line.event, text));
        object.text("effective_date", &circumstances.effective_date);
        object.text("nonce", &format!("{:032x}", rand::random::<u128>()));
        object.number("position", line.position);
        object.member("reason", &circumstances.reason);
        object.text("recorded_at", line.recorded_at);
        object.member("relies_on", line.relies_on);
        object.text(
            "request_id",
            line.request_id.hyphenated().encode_lower(&mut Uuid::encode_buffer()),
        );
        object.text("stream", line.stream);
        object.text("tenant", line.tenant);
        object.text("type", line.event_type);
        object.number("version", line.version);
    });
    record
}

impl Canonical for Through {
    fn members(&self, object: &mut Object<'_>) {
        object.text("kind", &self.kind);
        object.number("position", self.position);
        object.member("recorded", &self.recorded);
    }
}

impl Canonical for Reliance<'_> {
    fn members(&self, object: &mut Object<'_>) {
        object.number("position", self.position);
        object.text("stream", &self.stream);
    }
}

/// SHA-256 over a zero byte and the record: the leaf hash of RFC 6962, section 2.1.
#[must_use]
pub fn leaf_hash(record: &[u8]) -> Hash {
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
