//! The commands of a batch: each with its type and all its fields, those of its path included, and without circumstances of its own.

use serde_json::{Map, Value, json};

use super::schemas::{Place, Schemas, component, message, reference};
use crate::schema::{METHODS, Method, MethodKind};

/// The schema of whichever command.
pub(super) const COMMAND: &str = "BatchedCommand";

/// Adds the schemas.
pub(super) fn add(schemas: &Schemas, components: &mut Map<String, Value>) {
    let mut all = Vec::new();
    for method in METHODS.iter().filter(|method| method.kind == MethodKind::Command) {
        let name = format!("{}Batched", component(method.input));
        all.push(json!({ "$ref": reference(&name) }));
        components.insert(name, command(schemas, method));
    }
    components.insert(
        COMMAND.to_owned(),
        json!({
            "type": "object",
            "description": "A command of a batch: the type of the message, and beside it all its fields but `context`.",
            "oneOf": all,
        }),
    );
}

fn command(schemas: &Schemas, method: &Method) -> Value {
    let mut schema = schemas.message(&message(method.input), &[], Place::Sent);
    for list in ["required", "x-order"] {
        let mut names = vec![json!("@type")];
        let own = schema[list].as_array().cloned().unwrap_or_default();
        names.extend(own.into_iter().filter(|name| name != "context"));
        schema[list] = json!(names);
    }
    if let Some(properties) = schema["properties"].as_object_mut() {
        properties.remove("context");
        let kind = format!("type.googleapis.com/{}", method.input);
        let description = "The type of the message whose fields stand beside it.";
        properties.insert(
            "@type".to_owned(),
            json!({ "type": "string", "enum": [kind], "description": description }),
        );
    }
    schema
}
