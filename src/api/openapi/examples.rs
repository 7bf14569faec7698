//! The example requests, as they stand in `examples/requests.txt`: the document shows them, and the tests send them.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Value, json};
use uuid::Uuid;

use super::schemas::path_fields;
use crate::schema::{METHODS, Method};

const TEXT: &str = include_str!("../../../examples/requests.txt");

/// An example of a request.
#[derive(Clone, Debug)]
pub struct Example {
    /// The name of the chapter in which it stands.
    pub chapter: &'static str,
    /// The RPC that it goes to.
    pub method: &'static Method,
    /// The whole request, the fields of its path included. The context of a command lacks its request id.
    pub request: Value,
}

/// The id of this number among those of a kind, which an example writes as `$risk1`.
#[must_use]
pub fn example_id(kind: &str, number: u32) -> String {
    named(&format!("{kind}{number}"))
}

fn named(name: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
}

/// All examples, in the order in which they can be sent.
///
/// # Errors
/// The line that is wrong, which no test lets pass.
pub fn examples() -> Result<Vec<Example>, String> {
    read_examples(TEXT)
}

/// The examples of a text that is written as `examples/requests.txt` is.
///
/// # Errors
/// The line that is not the name of an RPC and a request in JSON.
pub fn read_examples(text: &'static str) -> Result<Vec<Example>, String> {
    let mut chapter = "";
    let mut examples = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix("== ") {
            Some(title) => chapter = title,
            None => examples.push(example(chapter, line).ok_or(line)?),
        }
    }
    Ok(examples)
}

/// A line such as `CloseRisk {"project_id":"$project1","risk_id":"$risk1"}`; none when it is not one.
fn example(chapter: &'static str, line: &str) -> Option<Example> {
    let (name, request) = line.split_once(' ')?;
    let mut parts = request.split('$');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (reference, rest) = part.split_once('"')?;
        text.push_str(&format!("{}\"{rest}", named(reference)));
    }
    Some(Example {
        chapter,
        method: METHODS.iter().find(|method| method.name == name)?,
        request: serde_json::from_str(&text).ok()?,
    })
}

/// The first example of each RPC, as the document shows it.
pub(super) struct Shown(HashMap<&'static str, Value>);

impl Shown {
    pub(super) fn new() -> Self {
        let mut shown = HashMap::new();
        for Example { method, request, .. } in examples().unwrap_or_default() {
            shown.entry(method.name).or_insert(request);
        }
        Self(shown)
    }

    /// The body of a request, complete with a request id.
    pub(super) fn body(&self, method: &Method) -> Option<Value> {
        static REQUEST: LazyLock<String> = LazyLock::new(|| named("request"));
        let mut body = self.0.get(method.name)?.clone();
        let fields = body.as_object_mut()?;
        for name in path_fields(method) {
            fields.remove(name);
        }
        // Whatever has a body is a command, or several.
        let context = fields.entry("context").or_insert_with(|| json!({}));
        context["request_id"] = json!(*REQUEST);
        Some(body)
    }

    /// What a parameter such as `as_of.position` is in the example; none when that leaves it out.
    pub(super) fn parameter(&self, method: &Method, name: &str) -> Option<&Value> {
        name.split('.')
            .try_fold(self.0.get(method.name)?, |value, part| value.get(part))
    }
}
