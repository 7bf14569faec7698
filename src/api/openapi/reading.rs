//! Reads the descriptors for the `OpenAPI` document: their comments, their limits and their marks.

use std::collections::HashMap;

use prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor, FileDescriptor, MessageDescriptor,
    ReflectMessage, Value,
};

/// The comments and options of the schema.
pub(super) struct Reading {
    /// By file and the path of the descriptor in it.
    comments: HashMap<(String, Vec<i32>), String>,
    rules: Option<ExtensionDescriptor>,
    date: Option<ExtensionDescriptor>,
    personal: Option<ExtensionDescriptor>,
    event: Option<ExtensionDescriptor>,
}

impl Reading {
    pub(super) fn of(pool: &DescriptorPool) -> Self {
        Self {
            comments: pool.files().flat_map(|file| comments(&file)).collect(),
            rules: pool.get_extension_by_name("buf.validate.field"),
            date: pool.get_extension_by_name("vedtak.v1.date"),
            personal: pool.get_extension_by_name("vedtak.v1.personal"),
            event: pool.get_extension_by_name("vedtak.v1.event"),
        }
    }

    /// The comment that stands before a descriptor; empty when there is none.
    pub(super) fn comment(&self, file: &FileDescriptor, path: &[i32]) -> &str {
        self.comments
            .get(&(file.name().to_owned(), path.to_vec()))
            .map_or("", String::as_str)
    }

    /// The limits of a field.
    pub(super) fn rules(&self, field: &FieldDescriptor) -> Rules {
        let options = field.options();
        let rules = self.rules.as_ref().filter(|extension| options.has_extension(extension));
        Rules(rules.and_then(|extension| options.get_extension(extension).as_message().cloned()))
    }

    /// The kind of stream that the message is an event of, such as `project`, if it is one.
    pub(super) fn event_of(&self, message: &MessageDescriptor) -> Option<String> {
        let options = message.options();
        let event = self.event.as_ref().filter(|event| options.has_extension(event))?;
        let kind = options.get_extension(event).as_enum_number()?;
        let name = event.kind().as_enum()?.get_value(kind)?.name().to_lowercase();
        Some(name.trim_start_matches("aggregate_").to_owned())
    }

    /// Whether the field is a calendar date.
    pub(super) fn is_date(&self, field: &FieldDescriptor) -> bool {
        marked(field, self.date.as_ref())
    }

    /// Whether the field holds personal data.
    pub(super) fn is_personal(&self, field: &FieldDescriptor) -> bool {
        marked(field, self.personal.as_ref())
    }
}

fn marked(field: &FieldDescriptor, mark: Option<&ExtensionDescriptor>) -> bool {
    mark.is_some_and(|mark| field.options().get_extension(mark).as_bool() == Some(true))
}

fn comments(file: &FileDescriptor) -> Vec<((String, Vec<i32>), String)> {
    let source = file.file_descriptor_proto().source_code_info.as_ref();
    source
        .map_or(&[][..], |source| &source.location)
        .iter()
        .filter(|location| !location.leading_comments().is_empty())
        .map(|location| {
            (
                (file.name().to_owned(), location.path.clone()),
                flowing(location.leading_comments()),
            )
        })
        .collect()
}

/// A comment as it would be spoken: the lines of a paragraph joined, paragraphs and list items on lines of their own.
fn flowing(comment: &str) -> String {
    let mut text = String::with_capacity(comment.len());
    for line in comment.lines().map(str::trim) {
        if line.is_empty() {
            text.push_str("\n\n");
        } else if line.starts_with("- ") {
            text.push('\n');
        } else if !text.is_empty() && !text.ends_with('\n') {
            text.push(' ');
        }
        text.push_str(line);
    }
    text.trim().to_owned()
}

/// A message of `buf.validate` rules, or none.
pub(super) struct Rules(Option<DynamicMessage>);

impl Rules {
    fn get(&self, field: &str) -> Option<Value> {
        let message = self.0.as_ref()?;
        let descriptor = message.descriptor().get_field_by_name(field)?;
        message
            .has_field(&descriptor)
            .then(|| message.get_field(&descriptor).into_owned())
    }

    pub(super) fn sub(&self, field: &str) -> Self {
        Self(self.get(field).and_then(|value| value.as_message().cloned()))
    }

    pub(super) fn flag(&self, field: &str) -> bool {
        self.get(field).and_then(|value| value.as_bool()).unwrap_or(false)
    }

    pub(super) fn text(&self, field: &str) -> Option<String> {
        self.get(field).and_then(|value| value.as_str().map(str::to_owned))
    }

    pub(super) fn number(&self, field: &str) -> Option<i64> {
        number(&self.get(field)?)
    }

    /// Whether the list `not_in` has this number in it.
    pub(super) fn refuses(&self, refused: i64) -> bool {
        let list = self.get("not_in");
        let list = list.as_ref().and_then(Value::as_list).unwrap_or_default();
        list.iter().any(|value| number(value) == Some(refused))
    }
}

fn number(value: &Value) -> Option<i64> {
    match *value {
        Value::I32(number) | Value::EnumNumber(number) => Some(i64::from(number)),
        Value::I64(number) => Some(number),
        Value::U32(number) => Some(i64::from(number)),
        Value::U64(number) => i64::try_from(number).ok(),
        _ => None,
    }
}
