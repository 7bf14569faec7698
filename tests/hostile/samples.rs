//! Well-formed requests for every RPC, made from the schema by reflection: what a hostile request differs from in one thing.

use std::sync::LazyLock;

use prost_reflect::{
    DynamicMessage, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor, Value as Reflected,
};
use regex::Regex;
use serde_json::{Map, Value, json};
use vedtak::schema::{METHODS, Method, MethodKind, pool};

use crate::support::new_id;

/// A version that no stream comes to: a command that expects it is refused even when everything else is right.
pub const NEVER: i64 = 999_999;

static RULES: LazyLock<ExtensionDescriptor> =
    LazyLock::new(|| pool().get_extension_by_name("buf.validate.field").unwrap());
static DATE: LazyLock<ExtensionDescriptor> = LazyLock::new(|| pool().get_extension_by_name("vedtak.v1.date").unwrap());

/// What the schema asks of one field.
pub struct Rules(Option<DynamicMessage>);

impl Rules {
    pub fn of(field: &FieldDescriptor) -> Self {
        let options = field.options();
        let given = options
            .has_extension(&RULES)
            .then(|| options.get_extension(&RULES).into_owned());
        Self(given.and_then(|rules| rules.as_message().cloned()))
    }

    fn get(&self, name: &str) -> Option<Reflected> {
        let message = self.0.as_ref()?;
        message
            .has_field_by_name(name)
            .then(|| message.get_field_by_name(name).unwrap().into_owned())
    }

    pub fn sub(&self, name: &str) -> Self {
        Self(self.get(name).and_then(|value| value.as_message().cloned()))
    }

    pub fn flag(&self, name: &str) -> bool {
        self.get(name).and_then(|value| value.as_bool()).unwrap_or_default()
    }

    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(|value| value.as_str().map(str::to_owned))
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        number(&self.get(name)?)
    }

    /// Whether the value 0 of an enum is refused.
    pub fn refuses_zero(&self) -> bool {
        let refused = self.get("not_in");
        refused.and_then(|value| {
            value
                .as_list()
                .map(|list| list.iter().any(|item| number(item) == Some(0)))
        }) == Some(true)
    }
}

fn number(value: &Reflected) -> Option<i64> {
    match value {
        Reflected::I32(number) => Some(i64::from(*number)),
        Reflected::I64(number) => Some(*number),
        Reflected::U64(number) => i64::try_from(*number).ok(),
        _ => None,
    }
}

pub fn is_date(field: &FieldDescriptor) -> bool {
    field.options().has_extension(&DATE)
}

/// One field somewhere in a request, as the fields that lead to it; an item of a list is its first.
#[derive(Clone)]
pub struct Place(Vec<FieldDescriptor>);

impl Place {
    /// The field itself.
    pub fn field(&self) -> &FieldDescriptor {
        self.0.last().unwrap()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.field().name()
    }

    /// Its path, such as `assessment.probability`.
    pub fn path(&self) -> String {
        self.0.iter().map(FieldDescriptor::name).collect::<Vec<_>>().join(".")
    }

    /// Puts a value there, making what lies above it and taking away what may not stand beside it.
    pub fn put(&self, mut request: &mut Value, value: Value) {
        for field in &self.0 {
            if let Value::Array(items) = request {
                request = &mut items[0];
            }
            if let (Some(one_of), Some(fields)) = (field.containing_oneof(), request.as_object_mut()) {
                fields.retain(|name, _| name == field.name() || one_of.fields().all(|other| other.name() != name));
            }
            request = &mut request[field.name()];
        }
        *request = value;
    }
}

/// Every field of a message and of the messages in it.
pub fn places(message: &MessageDescriptor) -> Vec<Place> {
    let mut found = Vec::new();
    for field in message.fields() {
        found.push(Place(vec![field.clone()]));
        let inner = own(&field).map(|inner| places(&inner)).unwrap_or_default();
        found.extend(
            inner
                .into_iter()
                .map(|Place(path)| Place([vec![field.clone()], path].concat())),
        );
    }
    found
}

/// The message type of a field, when it is one of ours.
fn own(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    field
        .kind()
        .as_message()
        .filter(|message| message.package_name() == "vedtak.v1")
        .cloned()
}

pub fn input(method: &Method) -> MessageDescriptor {
    pool().get_message_by_name(method.input).unwrap()
}

/// The RPCs with one answer, which is where a refusal is one too.
pub fn unary() -> impl Iterator<Item = &'static Method> {
    METHODS.iter().filter(|method| method.kind != MethodKind::Stream)
}

/// A well-formed request. Where it is a command it is refused nevertheless, since it expects a version that never comes.
pub fn sample(message: &MessageDescriptor, project_id: &str) -> Value {
    let mut fields = Map::new();
    let mut given = Vec::new();
    for field in message.fields() {
        if let Some(one_of) = field.containing_oneof() {
            if given.contains(&one_of) {
                continue;
            }
            given.push(one_of);
        }
        // Left out, these mean the first page of what holds now, at once and with an end.
        if matches!(field.name(), "as_of" | "at_least" | "page_token" | "follow") {
            continue;
        }
        let value = value(&field, project_id);
        fields.insert(
            field.name().to_owned(),
            if field.is_list() { json!([value]) } else { value },
        );
    }
    Value::Object(fields)
}

fn value(field: &FieldDescriptor, project_id: &str) -> Value {
    let rules = Rules::of(field);
    let rules = if field.is_list() {
        rules.sub("repeated").sub("items")
    } else {
        rules
    };
    match field.kind() {
        Kind::String => text(field, &rules.sub("string"), project_id),
        Kind::Bool => json!(true),
        Kind::Int32 => json!(rules.sub("int32").number("gte").unwrap_or(1).max(1)),
        Kind::Int64 if field.name() == "expected_version" => json!(NEVER),
        Kind::Int64 => json!(rules.sub("int64").number("gte").unwrap_or(1).max(1)),
        Kind::Enum(kind) => json!(kind.values().nth(1).unwrap().name()),
        Kind::Message(inner) if inner.full_name() == "google.protobuf.Timestamp" => json!("2024-05-01T12:00:00Z"),
        Kind::Message(inner) if inner.full_name() == "google.protobuf.Any" => {
            json!({"@type": "type.googleapis.com/vedtak.v1.AcceptRisk", "project_id": project_id, "risk_id": new_id()})
        }
        Kind::Message(inner) => sample(&inner, project_id),
        other => panic!("{} is a {other:?}, which requests do not hold", field.full_name()),
    }
}

fn text(field: &FieldDescriptor, rules: &Rules, project_id: &str) -> Value {
    if is_date(field) {
        return json!("2024-05-01");
    }
    if rules.flag("uuid") {
        return json!(if field.name() == "project_id" {
            project_id.to_owned()
        } else {
            new_id()
        });
    }
    if let Some(pattern) = rules.text("pattern") {
        let pattern = Regex::new(&pattern).unwrap();
        let known = [
            "2024",
            "974760673",
            "2024-05",
            "12:00",
            "regional-cooperation",
            &"a".repeat(64),
        ];
        return json!(
            known
                .into_iter()
                .find(|text| pattern.is_match(text))
                .expect("a text for every pattern")
        );
    }
    match field.name() {
        "stream" => json!(format!("project/{project_id}")),
        _ => json!("Tekst"),
    }
}
