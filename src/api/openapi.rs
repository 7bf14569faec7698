//! The `OpenAPI` 3.1 document of the JSON door, built from the same descriptors that the door itself works by.

mod batch;
mod examples;
mod reading;
mod schemas;

use std::sync::LazyLock;

use bytes::Bytes;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use serde_json::{Map, Value, json};

use crate::schema::v1::Access;
use crate::schema::{METHODS, Method, MethodKind, pool};
use examples::Shown;
pub use examples::{Example, example_id, examples, read_examples};
use schemas::{Place, Schemas, describe, exclude_others, message, path_fields, reference};

const INTRODUCTION: &str = "\
The book of record for how municipal projects are governed. A command such as RegisterRisk is judged against the \
project's state and becomes immutable events in an append-only ledger; readings are built from those events.

Send a new `context.request_id` with each new intention, and the same one with a retry: a retry records nothing twice. \
A receipt gives a `position`; give it as `at_least` to a query to read your own write. A refusal is a problem (RFC 9457) \
whose `reason` is stable and whose `detail` says what would mend it.

Fields that have their default value (an empty text, zero, false, an empty list) are left out of answers.";

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(build().to_string()));

/// The document, as JSON text. Built on the first call and kept.
pub fn document() -> Bytes {
    DOCUMENT.clone()
}

fn build() -> Value {
    let (schemas, shown) = (Schemas::new(), Shown::new());
    let mut paths: Map<String, Value> = Map::new();
    for (index, method) in METHODS.iter().enumerate() {
        let entry = paths.entry(method.path).or_insert_with(|| json!({}));
        entry[method.verb] = operation(&schemas, &shown, method, index);
    }
    let mut components = schemas.components();
    components.insert("Problem".to_owned(), problem());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Vedtak",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": { "name": "European Union Public Licence 1.2", "identifier": "EUPL-1.2" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }],
        "tags": tags(&schemas),
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {
                "Refused": refusal("The request was refused: why, and what would mend it."),
                "Failed": refusal("The service could not answer. A retry with the same request id is safe."),
            },
            "securitySchemes": { "bearer": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "A token of an issuer that this installation trusts: it names tenant, subject and roles.",
            } },
        },
    })
}

fn tags(schemas: &Schemas) -> Vec<Value> {
    let mut tags: Vec<Value> = Vec::new();
    for service in METHODS
        .iter()
        .filter_map(|method| pool().get_service_by_name(method.service))
    {
        if tags.last().is_none_or(|tag| tag["name"] != service.name()) {
            let mut tag = json!({ "name": service.name() });
            describe(
                &mut tag,
                schemas.reading.comment(&service.parent_file(), service.path()),
            );
            tags.push(tag);
        }
    }
    tags
}

fn descriptor(method: &Method) -> MethodDescriptor {
    pool()
        .get_service_by_name(method.service)
        .and_then(|service| service.methods().find(|candidate| candidate.name() == method.name))
        .expect("the table of RPCs and the descriptors come from the same build")
}

fn operation(schemas: &Schemas, shown: &Shown, method: &Method, index: usize) -> Value {
    let descriptor = descriptor(method);
    let comment = schemas.reading.comment(&descriptor.parent_file(), descriptor.path());
    let mut operation = json!({
        "operationId": method.name,
        "tags": [descriptor.parent_service().name()],
        "parameters": parameters(schemas, shown, method),
        "responses": {
            "200": answer(schemas, method),
            "4XX": { "$ref": "#/components/responses/Refused" },
            "default": { "$ref": "#/components/responses/Failed" },
        },
        "x-order": index,
        "x-vedtak-access": access(method.access),
        "x-vedtak-kind": kind(method.kind),
        "x-vedtak-grpc": method.grpc_path,
    });
    describe(&mut operation, comment);
    if !comment.is_empty() {
        operation["summary"] = json!(first_sentence(comment));
    }
    if method.has_body {
        let mut content = json!({ "schema": { "$ref": reference(method.input) } });
        if let Some(example) = shown.body(method) {
            content["example"] = example;
        }
        operation["requestBody"] = json!({ "required": true, "content": { "application/json": content } });
    }
    if descriptor
        .method_descriptor_proto()
        .options
        .as_ref()
        .is_some_and(prost_types::MethodOptions::deprecated)
    {
        operation["deprecated"] = json!(true);
    }
    operation
}

fn access(access: Access) -> String {
    access.as_str_name().trim_start_matches("ACCESS_").to_lowercase()
}

const fn kind(kind: MethodKind) -> &'static str {
    match kind {
        MethodKind::Command => "command",
        MethodKind::Query => "query",
        MethodKind::Stream => "stream",
    }
}

/// The first sentence, which ends at a full stop before a space and a capital letter.
fn first_sentence(text: &str) -> &str {
    let paragraph = text.split('\n').next().unwrap_or(text);
    let end = paragraph
        .match_indices(". ")
        .find(|(at, _)| paragraph[at + 2..].starts_with(char::is_uppercase));
    end.map_or(paragraph, |(at, _)| &paragraph[..at]).trim_end_matches('.')
}

fn answer(schemas: &Schemas, method: &Method) -> Value {
    let schema = json!({ "schema": { "$ref": schemas.answer(method.output) } });
    match method.kind {
        MethodKind::Command => json!({ "description": "The receipt.", "content": { "application/json": schema } }),
        MethodKind::Query => json!({ "description": "The answer.", "content": { "application/json": schema } }),
        MethodKind::Stream => json!({
            "description": "One item after the other, as lines of JSON or as events, each with an item as its data.",
            "content": { "application/x-ndjson": schema, "text/event-stream": schema },
        }),
    }
}

fn parameters(schemas: &Schemas, shown: &Shown, method: &Method) -> Vec<Value> {
    let input = message(method.input);
    let bound = path_fields(method);
    let mut parameters: Vec<Value> = bound
        .iter()
        .filter_map(|name| input.get_field_by_name(name))
        .map(|field| parameter(schemas, &field, field.name(), "path", true))
        .collect();
    if !method.has_body {
        let before = Before {
            prefix: String::new(),
            given: true,
            note: String::new(),
        };
        query(schemas, &input, &bound, &before, &mut parameters);
    }
    for parameter in &mut parameters {
        let name = parameter["name"].as_str().unwrap_or_default();
        if parameter["schema"]["type"] != "object"
            && let Some(example) = shown.parameter(method, name)
        {
            parameter["example"] = example.clone();
        }
    }
    parameters
}

/// What stands before the fields of a message in a query string.
struct Before {
    /// The names of the fields that lead to it, such as `as_of.`.
    prefix: String,
    /// Whether the message is always there, so that its own required fields are required.
    given: bool,
    /// What is to be said of it with each of its fields.
    note: String,
}

/// The query parameters of a message: a nested field is named by its path, such as `as_of.position`.
fn query(schemas: &Schemas, message: &MessageDescriptor, bound: &[&str], before: &Before, parameters: &mut Vec<Value>) {
    // Deeper than this is a message that holds itself, which no query string can say.
    if before.prefix.matches('.').count() > 3 {
        return;
    }
    for field in message
        .fields()
        .filter(|field| !(before.prefix.is_empty() && bound.contains(&field.name())))
    {
        let name = format!("{}{}", before.prefix, field.name());
        let required = before.given && schemas.required(&field);
        match field.kind() {
            Kind::Message(inner) if inner.package_name() == "vedtak.v1" => {
                if !field.is_list() && !field.is_map() {
                    let note = schemas.reading.comment(&field.parent_file(), field.path()).to_owned();
                    let before = Before {
                        prefix: format!("{name}."),
                        given: required,
                        note,
                    };
                    let mut inside = Vec::new();
                    query(schemas, &inner, bound, &before, &mut inside);
                    if inner.oneofs().any(|oneof| !oneof.is_synthetic()) {
                        parameters.push(together(&inner, &name, &before, inside));
                    } else {
                        parameters.append(&mut inside);
                    }
                }
            }
            Kind::Message(inner) if inner.full_name() != "google.protobuf.Timestamp" => {}
            _ => {
                let mut parameter = parameter(schemas, &field, &name, "query", required);
                note(&mut parameter, &field, before);
                parameters.push(parameter);
            }
        }
    }
}

/// One parameter for the fields of a message of which some exclude each other, which no list of parameters can say: an object whose
/// fields stand in the query string side by side (`style: form`, `explode: true`), each under its whole name.
fn together(message: &MessageDescriptor, name: &str, before: &Before, inside: Vec<Value>) -> Value {
    let (mut properties, mut required, mut order) = (Map::new(), Vec::new(), Vec::new());
    for mut parameter in inside {
        let mut schema = parameter["schema"].take();
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        describe(&mut schema, parameter["description"].as_str().unwrap_or_default());
        if parameter["required"] == true {
            required.push(name.clone());
        }
        order.push(name.clone());
        properties.insert(name, schema);
    }
    let mut schema = json!({
        "type": "object", "properties": properties, "required": required, "x-order": order, "additionalProperties": false,
    });
    exclude_others(message, &before.prefix, &mut schema);
    let mut parameter = json!({ "name": name, "in": "query", "required": before.given, "style": "form", "explode": true, "schema": schema });
    describe(&mut parameter, &before.note);
    parameter
}

/// Adds what a query string cannot show: what the field is a part of, and what it excludes.
fn note(parameter: &mut Value, field: &FieldDescriptor, before: &Before) {
    let mut text = before.note.clone();
    if let Some(oneof) = field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) {
        let others: Vec<_> = oneof
            .fields()
            .filter(|other| other.number() != field.number())
            .map(|other| format!("`{}{}`", before.prefix, other.name()))
            .collect();
        text = format!("{text} Not together with {}.", others.join(" or "));
    }
    if !text.is_empty() {
        let own = parameter["description"].as_str().unwrap_or_default();
        parameter["description"] = json!(format!("{own} {}", text.trim()).trim());
    }
}

fn parameter(schemas: &Schemas, field: &FieldDescriptor, name: &str, place: &str, required: bool) -> Value {
    let mut schema = schemas.field(field, Place::Address);
    let mut parameter = json!({ "name": name, "in": place, "required": required });
    for key in ["description", "deprecated"] {
        if let Some(value) = schema.as_object_mut().and_then(|schema| schema.remove(key)) {
            parameter[key] = value;
        }
    }
    parameter["schema"] = schema;
    parameter
}

fn refusal(description: &str) -> Value {
    json!({
        "description": description,
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    })
}

/// The schema of an error.
fn problem() -> Value {
    let order = [
        "type",
        "title",
        "status",
        "detail",
        "code",
        "reason",
        "rule",
        "violations",
        "retry_after_seconds",
        "metadata",
    ];
    json!({
        "type": "object",
        "description": "Why a request was refused (RFC 9457).",
        "required": ["type", "title", "status", "detail", "code", "reason"],
        "x-order": order,
        "properties": {
            "type": { "type": "string", "format": "uri-reference", "description": "Names the kind of problem." },
            "title": { "type": "string", "description": "The kind of problem, in words." },
            "status": { "type": "integer", "description": "The HTTP status." },
            "detail": { "type": "string", "description": "What is wrong with this request, and what would mend it." },
            "code": { "type": "string", "description": "The gRPC status code, such as `FAILED_PRECONDITION`." },
            "reason": { "type": "string", "description": "A stable name for machines.", "examples": ["NOT_FOUND"] },
            "rule": { "type": "string", "description": "The rule that stands against it, if one does." },
            "violations": {
                "type": "array",
                "description": "The fields that break their rules.",
                "items": {
                    "type": "object",
                    "required": ["field", "description"],
                    "x-order": ["field", "description", "rule"],
                    "properties": {
                        "field": { "type": "string", "description": "Its path, such as `assessment.probability`." },
                        "description": { "type": "string", "description": "What the field must be." },
                        "rule": { "type": "string", "description": "The rule that it breaks, if one speaks of it." },
                    },
                },
            },
            "retry_after_seconds": { "type": "number", "description": "When a retry may do." },
            "metadata": {
                "type": "object",
                "additionalProperties": { "type": "string" },
                "description": "Further facts, such as `current_version` when `expected_version` was no longer current.",
            },
        },
    })
}
