//! Canonical proto3 JSON of any message of the schema, by reflection.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions};

use super::DESCRIPTOR_SET;

static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTOR_SET).expect("the build has decoded the same bytes"));

/// What was wrong with a JSON text, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct JsonError {
    /// The path of the field, such as `assessment.probability`; empty for the text as a whole.
    pub field: String,
    /// What was wrong.
    pub problem: String,
}

/// The descriptors of every message and service.
pub fn pool() -> &'static DescriptorPool {
    &POOL
}

fn options() -> SerializeOptions {
    // Field names as in the .proto, so that the manual, the routes and the records all speak the same words.
    SerializeOptions::new()
        .use_proto_field_name(true)
        .skip_default_fields(true)
}

fn dynamic(message: &str, bytes: &[u8]) -> Result<DynamicMessage, JsonError> {
    DynamicMessage::decode(descriptor(message)?, bytes).map_err(|error| JsonError {
        field: String::new(),
        problem: format!("These bytes are not a {message}: {error}."),
    })
}

fn descriptor(message: &str) -> Result<MessageDescriptor, JsonError> {
    POOL.get_message_by_name(message).ok_or_else(|| JsonError {
        field: String::new(),
        problem: format!("{message} is not a message of this API."),
    })
}

fn no_json_form(error: impl std::fmt::Display) -> JsonError {
    JsonError {
        field: String::new(),
        problem: format!("This message has no JSON form: {error}."),
    }
}

/// The proto3 JSON of a message, as a value.
///
/// # Errors
/// When the bytes are not such a message.
pub fn to_value(message: &str, bytes: &[u8]) -> Result<serde_json::Value, JsonError> {
    dynamic(message, bytes)?
        .serialize_with_options(serde_json::value::Serializer, &options())
        .map_err(no_json_form)
}

/// The proto3 JSON of a message, as text.
///
/// # Errors
/// When the bytes are not such a message.
pub fn to_json(message: &str, bytes: &[u8]) -> Result<Vec<u8>, JsonError> {
    Ok(to_json_within(message, bytes, usize::MAX)?.unwrap_or_default())
}

/// The same, unless it would have more bytes than these: then it is not written to its end.
///
/// # Errors
/// When the bytes are not such a message.
pub fn to_json_within(message: &str, bytes: &[u8], most: usize) -> Result<Option<Vec<u8>>, JsonError> {
    let text = Vec::with_capacity(bytes.len().saturating_mul(2).min(most));
    let mut room = Room { text, most };
    let mut writer = serde_json::Serializer::new(&mut room);
    match dynamic(message, bytes)?.serialize_with_options(&mut writer, &options()) {
        Ok(()) => Ok(Some(room.text)),
        Err(error) if error.is_io() => Ok(None),
        Err(error) => Err(no_json_form(error)),
    }
}

/// A text that gets no longer than it may.
struct Room {
    text: Vec<u8>,
    most: usize,
}

impl std::io::Write for Room {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if bytes.len() > self.most - self.text.len() {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Reads proto3 JSON into the protobuf bytes of the named message. Unknown fields are refused, since a misspelt field that is
/// silently dropped would be a decision recorded wrongly.
///
/// # Errors
/// When the text is not JSON, or not of that message; the error names the field.
pub fn from_json<'de, D: serde::Deserializer<'de>>(message: &str, json: D) -> Result<Vec<u8>, JsonError> {
    let descriptor = descriptor(message)?;
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(json, &mut track);
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let dynamic = DynamicMessage::deserialize_with_options(descriptor, tracked, &options).map_err(|error| {
        let field = track.path().to_string();
        JsonError {
            field: if field == "." { String::new() } else { field },
            problem: error.to_string(),
        }
    })?;
    Ok(prost::Message::encode_to_vec(&dynamic))
}
