//! JSON Schemas of the messages and enums, in their proto3 JSON form.

use std::collections::BTreeSet;

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use regex::Regex;
use serde_json::{Map, Value, json};

use super::batch;
use super::reading::{Reading, Rules};
use crate::schema::v1::TextKind;
use crate::schema::{METHODS, Method, pool, refused, text_kind};

/// The package whose messages are ours.
const PACKAGE: &str = "vedtak.v1";
const UUID: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";

/// Where a value stands, which decides how a 64-bit integer is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the JSON that a caller sends: a string, or a number where its reader can be trusted with one.
    Sent,
    /// In the JSON that is answered: always a string, since many readers of JSON lose digits beyond 2^53.
    Answered,
    /// In a path or a query string, where everything is text.
    Address,
}

/// The schemas of the messages, and how they are used.
pub(super) struct Schemas {
    pub(super) reading: Reading,
    /// The messages that a caller sends, in whichever way, by full name.
    sent: BTreeSet<String>,
    /// Those of them that stand in a body.
    in_bodies: BTreeSet<String>,
    /// The messages that are answered, and the events.
    answered: BTreeSet<String>,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let sent = reachable(METHODS.iter().map(|method| message(method.input)));
        let ours = pool()
            .all_messages()
            .filter(|message| message.package_name() == PACKAGE && !message.is_map_entry());
        let others = ours
            .filter(|message| !sent.contains(message.full_name()))
            .collect::<Vec<_>>();
        let answered = reachable(METHODS.iter().map(|method| message(method.output)).chain(others));
        let in_bodies = reachable(
            METHODS
                .iter()
                .filter(|method| method.has_body)
                .map(|method| message(method.input)),
        );
        Self {
            reading: Reading::of(pool()),
            sent,
            in_bodies,
            answered,
        }
    }

    /// The schemas of all messages and enums that some JSON holds, for `components`.
    pub(super) fn components(&self) -> Map<String, Value> {
        let mut components = Map::new();
        for name in self.sent.union(&self.answered) {
            let message = message(name);
            // An enum may stand in a query string too.
            for enumeration in message.fields().filter_map(|field| field.kind().as_enum().cloned()) {
                components.insert(component(enumeration.full_name()), self.enumeration(&enumeration));
            }
            if message.is_map_entry() {
                continue;
            }
            let bound = METHODS
                .iter()
                .find(|method| method.input == name)
                .map(path_fields)
                .unwrap_or_default();
            if self.in_bodies.contains(name) {
                components.insert(component(name), self.message(&message, &bound, Place::Sent));
            }
            if self.answered.contains(name) {
                let name = self.component(name, Place::Answered);
                components.insert(name, self.message(&message, &bound, Place::Answered));
            }
        }
        batch::add(self, &mut components);
        components
    }

    /// The name of the schema of a message. What is both sent and answered has two: a field that nobody knows is refused in what is sent,
    /// while what is answered may grow in later versions, so that its readers must bear fields they do not know.
    fn component(&self, full_name: &str, place: Place) -> String {
        let name = component(full_name);
        if place == Place::Answered && self.in_bodies.contains(full_name) {
            format!("{name}Answered")
        } else {
            name
        }
    }

    /// Where the schema of what is answered stands.
    pub(super) fn answer(&self, full_name: &str) -> String {
        format!("#/components/schemas/{}", self.component(full_name, Place::Answered))
    }

    /// The schema of a message, without the fields that its path holds.
    pub(super) fn message(&self, message: &MessageDescriptor, bound: &[&str], place: Place) -> Value {
        let fields: Vec<_> = message
            .fields()
            .filter(|field| !bound.contains(&field.name()))
            .collect();
        let properties: Map<_, _> = fields
            .iter()
            .map(|field| {
                let mut schema = self.field(field, place);
                // proto3 JSON takes null for a field that is left out.
                if place == Place::Sent && !self.required(field) {
                    or_null(&mut schema);
                }
                (field.name().to_owned(), schema)
            })
            .collect();
        let required: Vec<_> = fields
            .iter()
            .filter(|field| self.required(field))
            .map(FieldDescriptor::name)
            .collect();
        let order: Vec<_> = fields.iter().map(FieldDescriptor::name).collect();
        let mut schema = json!({ "type": "object", "properties": properties, "x-order": order });
        describe(
            &mut schema,
            self.reading.comment(&message.parent_file(), message.path()),
        );
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        if place == Place::Sent {
            exclude_others(message, "", &mut schema);
            schema["additionalProperties"] = json!(false);
        }
        if let Some(kind) = self.reading.event_of(message) {
            schema["x-vedtak-event"] = json!(kind);
        }
        schema
    }

    /// The schema of a field, with its comment, its limits and its marks.
    pub(super) fn field(&self, field: &FieldDescriptor, place: Place) -> Value {
        let rules = self.reading.rules(field);
        let mut schema = if field.is_map() {
            let entry = field.kind();
            let value = entry.as_message().map(MessageDescriptor::map_entry_value_field);
            json!({ "type": "object", "additionalProperties": value.map(|value| self.field(&value, place)) })
        } else if field.is_list() {
            let repeated = rules.sub("repeated");
            let mut list = json!({ "type": "array", "items": self.value(field, &repeated.sub("items"), place) });
            set(&mut list, "minItems", repeated.number("min_items"));
            set(&mut list, "maxItems", repeated.number("max_items"));
            list
        } else {
            self.value(field, &rules, place)
        };
        describe(&mut schema, self.reading.comment(&field.parent_file(), field.path()));
        if self.reading.is_personal(field) {
            schema["x-personal"] = json!(true);
        }
        if field
            .field_descriptor_proto()
            .options
            .as_ref()
            .is_some_and(prost_types::FieldOptions::deprecated)
        {
            schema["deprecated"] = json!(true);
        }
        schema
    }

    /// The schema of one value of a field.
    fn value(&self, field: &FieldDescriptor, rules: &Rules, place: Place) -> Value {
        match field.kind() {
            Kind::String if self.reading.is_date(field) => date(place),
            Kind::String if place != Place::Answered && field.name() == "stream" => {
                let mut schema = string(&rules.sub("string"));
                schema["pattern"] = json!(stream());
                schema
            }
            Kind::String => {
                let mut schema = string(&rules.sub("string"));
                if let Some(kind) = text_kind(field.full_name()).filter(|_| place != Place::Answered) {
                    of_kind(&mut schema, kind);
                }
                schema
            }
            Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::Double | Kind::Float => json!({ "type": "number" }),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => small_integer(&rules.sub("int32"), i32::MIN.into(), place),
            Kind::Uint32 | Kind::Fixed32 => small_integer(&rules.sub("uint32"), 0, place),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => large_integer(&rules.sub("int64"), "int64", place),
            Kind::Uint64 | Kind::Fixed64 => large_integer(&rules.sub("uint64"), "uint64", place),
            Kind::Enum(enumeration) => json!({ "$ref": reference(enumeration.full_name()) }),
            Kind::Message(message) if message.package_name() == PACKAGE => {
                json!({ "$ref": format!("#/components/schemas/{}", self.component(message.full_name(), place)) })
            }
            Kind::Message(message) => well_known(message.full_name()),
        }
    }

    /// The schema of an enum. Zero is left out: it means "not given", and is written by leaving the field out.
    fn enumeration(&self, enumeration: &EnumDescriptor) -> Value {
        let values: Vec<_> = enumeration.values().filter(|value| value.number() != 0).collect();
        let names: Vec<_> = values.iter().map(|value| value.name().to_owned()).collect();
        let file = enumeration.parent_file();
        let meanings: Vec<_> = values
            .iter()
            .map(|value| self.reading.comment(&file, value.path()))
            .collect();
        let mut schema = json!({ "type": "string", "enum": names, "x-enum-descriptions": meanings });
        describe(&mut schema, self.reading.comment(&file, enumeration.path()));
        schema
    }

    /// Whether a request without this field is refused: either because it says so, or because the empty value breaks a
    /// rule.
    pub(super) fn required(&self, field: &FieldDescriptor) -> bool {
        let rules = self.reading.rules(field);
        if field.is_list() {
            return rules.sub("repeated").number("min_items").unwrap_or(0) > 0;
        }
        if field.supports_presence() {
            return rules.flag("required");
        }
        if rules.number("ignore").unwrap_or(0) != 0 {
            return false;
        }
        match field.kind() {
            Kind::String if self.reading.is_date(field) => self.sent.contains(field.parent_message().full_name()),
            Kind::String => {
                let string = rules.sub("string");
                let pattern = string.text("pattern").and_then(|pattern| Regex::new(&pattern).ok());
                string.flag("uuid")
                    || string.number("min_len").unwrap_or(0) > 0
                    || pattern.is_some_and(|pattern| !pattern.is_match(""))
            }
            Kind::Int32 | Kind::Int64 => {
                let (small, large) = (rules.sub("int32"), rules.sub("int64"));
                [small.number("gte"), large.number("gte")]
                    .into_iter()
                    .flatten()
                    .any(|low| low > 0)
                    || [small.number("lte"), large.number("lte")]
                        .into_iter()
                        .flatten()
                        .any(|high| high < 0)
            }
            Kind::Enum(_) => rules.sub("enum").refuses(0),
            _ => false,
        }
    }
}

/// The message with this full name.
pub(super) fn message(name: &str) -> MessageDescriptor {
    pool()
        .get_message_by_name(name)
        .expect("the table of RPCs and the descriptors come from the same build")
}

/// The names of the fields that the path of a method holds.
pub(super) fn path_fields(method: &Method) -> Vec<&'static str> {
    method
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .collect()
}

/// Where a message or enum stands in the document.
pub(super) fn reference(full_name: &str) -> String {
    format!("#/components/schemas/{}", component(full_name))
}

/// At most one field of a oneof may be given. The names of the fields begin with the prefix.
pub(super) fn exclude_others(message: &MessageDescriptor, prefix: &str, schema: &mut Value) {
    let mut pairs = Vec::new();
    for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
        let names: Vec<_> = oneof
            .fields()
            .map(|field| format!("{prefix}{}", field.name()))
            .collect();
        for (index, first) in names.iter().enumerate() {
            pairs.extend(
                names
                    .iter()
                    .skip(index + 1)
                    .map(|second| json!({ "required": [first, second] })),
            );
        }
    }
    if !pairs.is_empty() {
        schema["not"] = json!({ "anyOf": pairs });
    }
}

/// Takes null as well.
fn or_null(schema: &mut Value) {
    if let Some(reference) = schema.as_object_mut().and_then(|schema| schema.remove("$ref")) {
        schema["anyOf"] = json!([{ "$ref": reference }, { "type": "null" }]);
        return;
    }
    match &mut schema["type"] {
        Value::Array(types) => types.push(json!("null")),
        only => *only = json!([only.take(), "null"]),
    }
}

/// Adds a description, if there is one.
pub(super) fn describe(schema: &mut Value, text: &str) {
    if !text.is_empty() {
        schema["description"] = json!(text);
    }
}

pub(super) fn component(full_name: &str) -> String {
    full_name
        .strip_prefix(PACKAGE)
        .map_or(full_name, |name| name.trim_start_matches('.'))
        .to_owned()
}

/// The messages of ours that these hold, and these.
fn reachable(from: impl Iterator<Item = MessageDescriptor>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting: Vec<_> = from.collect();
    while let Some(message) = waiting.pop() {
        if message.package_name() == PACKAGE && found.insert(message.full_name().to_owned()) {
            waiting.extend(message.fields().filter_map(|field| field.kind().as_message().cloned()));
        }
    }
    found
}

fn set(schema: &mut Value, keyword: &str, limit: Option<i64>) {
    if let Some(limit) = limit {
        schema[keyword] = json!(limit);
    }
}

/// How a stream is named: by its kind and its id.
fn stream() -> String {
    let kinds = pool()
        .get_enum_by_name("vedtak.v1.Aggregate")
        .into_iter()
        .flat_map(|kinds| kinds.values().collect::<Vec<_>>())
        .filter(|kind| kind.number() != 0)
        .map(|kind| kind.name().trim_start_matches("AGGREGATE_").to_lowercase())
        .collect::<Vec<_>>();
    format!("^({})/[^\\u0000]*$", kinds.join("|"))
}

fn string(rules: &Rules) -> Value {
    if rules.flag("uuid") {
        return json!({ "type": "string", "format": "uuid", "pattern": UUID });
    }
    let mut schema = json!({ "type": "string" });
    set(
        &mut schema,
        "minLength",
        rules.number("min_len").filter(|least| *least > 0),
    );
    set(&mut schema, "maxLength", rules.number("max_len"));
    if let Some(pattern) = rules.text("pattern") {
        schema["pattern"] = json!(pattern);
    }
    schema
}

/// A date, in the years that there are for it (X10).
fn date(place: Place) -> Value {
    let mut schema = json!({ "type": "string", "format": "date" });
    if place != Place::Answered {
        schema["pattern"] = json!("^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}$");
    }
    schema
}

/// What a text of this kind may hold (X9).
fn of_kind(schema: &mut Value, kind: TextKind) {
    let code = |letter: char| format!("\\u{:04x}", u32::from(letter));
    let ranges = refused(kind);
    let ranges = ranges.iter().map(|range| match (*range.start(), *range.end()) {
        (start, end) if start == end => code(start),
        (start, end) => format!("{}-{}", code(start), code(end)),
    });
    let refused: String = ranges.collect();
    let name = kind.as_str_name().trim_start_matches("TEXT_KIND_").to_lowercase();
    schema["x-text-kind"] = json!(name);
    schema["pattern"] = json!(match kind {
        // No blank at the ends; that there is something to be seen, and the normal form, no pattern says.
        TextKind::Identifying => format!("^([^ {refused}]([^{refused}]*[^ {refused}])?)?$"),
        TextKind::Free | TextKind::Unspecified => format!("^[^{refused}]*$"),
    });
}

fn small_integer(rules: &Rules, least: i64, place: Place) -> Value {
    let mut schema = json!({ "type": "integer", "format": if least == 0 { "uint32" } else { "int32" } });
    let most = if least == 0 { u32::MAX.into() } else { i32::MAX.into() };
    // What is answered keeps to the limits anyway, and they would only be noise there.
    let (low, high) = if place == Place::Answered {
        (None, None)
    } else {
        (Some(least), Some(most))
    };
    set(&mut schema, "minimum", rules.number("gte").or(low));
    set(&mut schema, "maximum", rules.number("lte").or(high));
    schema
}

fn large_integer(rules: &Rules, format: &str, place: Place) -> Value {
    let (low, high) = (rules.number("gte"), rules.number("lte"));
    let sign = if format == "uint64" || low.is_some_and(|low| low >= 0) {
        ""
    } else {
        "-?"
    };
    // 18 digits always fit; whoever needs the last one reads the format.
    let pattern = format!("^{sign}[0-9]{{1,18}}$");
    let mut schema = match place {
        Place::Sent => json!({ "type": ["string", "integer"], "format": format, "pattern": pattern }),
        Place::Answered => json!({ "type": "string", "format": format, "pattern": "^-?[0-9]+$" }),
        Place::Address => json!({ "type": "integer", "format": format }),
    };
    set(&mut schema, "minimum", low);
    set(&mut schema, "maximum", high);
    schema
}

/// The JSON form of the messages that protobuf brings along.
fn well_known(name: &str) -> Value {
    match name {
        "google.protobuf.Timestamp" => json!({ "type": "string", "format": "date-time" }),
        "google.protobuf.Duration" => json!({ "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]{1,9})?s$" }),
        "google.protobuf.FieldMask" => json!({ "type": "string" }),
        "google.protobuf.Any" => json!({ "$ref": reference(batch::COMMAND) }),
        "google.protobuf.Value" => json!({}),
        "google.protobuf.ListValue" => json!({ "type": "array" }),
        // Struct, Empty, and whatever else is an object.
        _ => json!({ "type": "object" }),
    }
}
