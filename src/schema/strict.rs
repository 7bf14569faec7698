//! JSON as it comes from callers, read strictly: no name stands twice in an object, and nothing nests without end.
//!
//! The reader that comes with `serde_json::Value` does neither: of two equal names it silently keeps the last, and an
//! object with a name that it reserves for itself is read anew as JSON text, where its limit on depth begins from zero.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::json::JsonError;

/// How deep a request may nest. The messages of the schema stay far below it.
const DEEPEST: usize = 32;

/// Reads a JSON object.
///
/// # Errors
/// When the text is no JSON object, a name stands twice, or it nests too deep; the error names the field.
pub fn read_object(text: &str) -> Result<Map<String, Value>, JsonError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Strict { depth: 0 }
        .deserialize(&mut json)
        .and_then(|value| json.end().map(|()| value));
    match read {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(JsonError {
            field: String::new(),
            problem: "it is not a JSON object".to_owned(),
        }),
        Err(error) => Err(located(text, &error)),
    }
}

/// Reads once more to find out which field an error is in: what is well-formed need not pay for it.
fn located(text: &str, error: &serde_json::Error) -> JsonError {
    let mut json = serde_json::Deserializer::from_str(text);
    let mut track = serde_path_to_error::Track::new();
    // It fails as it did the first time.
    let _ = Strict { depth: 0 }.deserialize(serde_path_to_error::Deserializer::new(&mut json, &mut track));
    let field = track.path().to_string();
    JsonError {
        field: if field == "." { String::new() } else { field },
        problem: error.to_string(),
    }
}

/// Reads a value at this depth.
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: Error>(&self) -> Result<Self, E> {
        if self.depth == DEEPEST {
            return Err(E::custom(format!("it nests deeper than {DEEPEST} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self.deeper()?)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            if fields.contains_key(&name) {
                access.next_value_seed(Twice)?;
            }
            fields.insert(name, access.next_value_seed(self.deeper()?)?);
        }
        match fields
            .keys()
            .find(|name| snake(name).is_some_and(|other| fields.contains_key(&other)))
        {
            Some(name) => Err(A::Error::custom(format!(
                "the field {name} stands twice, in both of its spellings"
            ))),
            None => Ok(Value::Object(fields)),
        }
    }
}

/// The other spelling of a name such as `projectId`, which proto3 JSON takes for `project_id`.
fn snake(name: &str) -> Option<String> {
    if !name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let mut other = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            other.push('_');
        }
        other.push(letter.to_ascii_lowercase());
    }
    Some(other)
}

/// Refuses the value of a name that stands twice: which of the two would have been meant?
struct Twice;

impl<'de> DeserializeSeed<'de> for Twice {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        // Taken off first, so that the error is told at its own place.
        IgnoredAny::deserialize(deserializer)?;
        Err(D::Error::custom("it stands twice"))
    }
}
