//! Tells for each text of a request what it is for (X9), and generates what brings the free ones to one normal form.

use std::fmt::Write;

use prost_reflect::{ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use crate::Outcome;
use crate::schema::{PACKAGE, Schema, extension};
use crate::validation::{Rules, camel, snake};

/// A text of no more characters names something, when nothing else is said.
const LONGEST_NAME: i64 = 300;
/// A text of as many characters or more tells something.
const SHORTEST_TELLING: i64 = 1_000;

/// What a text is for, as `TextKind` in the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    Identifying,
    Free,
}

impl TextKind {
    /// The name of the check of such a text.
    pub const fn check(self) -> &'static str {
        match self {
            Self::Identifying => "identifying",
            Self::Free => "free",
        }
    }
}

/// Knows the kind of each text.
pub struct Texts {
    rules: ExtensionDescriptor,
    date: ExtensionDescriptor,
    text: ExtensionDescriptor,
}

impl Texts {
    pub fn of(schema: &Schema) -> Outcome<Self> {
        Ok(Self {
            rules: extension(&schema.pool, "buf.validate.field")?,
            date: extension(&schema.pool, "vedtak.v1.date")?,
            text: extension(&schema.pool, "vedtak.v1.text")?,
        })
    }

    /// What the text in a field of a request is for; none when it is a date, an id, or of another form that its rules spell out.
    pub fn kind(&self, field: &FieldDescriptor) -> Outcome<Option<TextKind>> {
        let options = field.options();
        let rules = Rules::of_value(field, &self.rules).sub("string");
        let is_text = field.kind() == Kind::String
            && !options.has_extension(&self.date)
            && !rules.flag("uuid")
            && rules.text("pattern").is_none();
        let said = options
            .has_extension(&self.text)
            .then(|| options.get_extension(&self.text).as_enum_number())
            .flatten();
        let derived = match rules.number("max_len") {
            Some(..=LONGEST_NAME) => Some(TextKind::Identifying),
            Some(SHORTEST_TELLING..) => Some(TextKind::Free),
            _ => None,
        };
        let kind = match said {
            None => derived,
            Some(1) => Some(TextKind::Identifying),
            Some(2) => Some(TextKind::Free),
            Some(other) => return Err(format!("{other} is no kind of text").into()),
        };
        if !is_text && said.is_none() {
            return Ok(None);
        }
        if !is_text || (said.is_some() && kind == derived) {
            return Err("it says what is known already: leave vedtak.v1.text out".into());
        }
        Ok(Some(kind.ok_or(
            "it does not say what its text is for: give vedtak.v1.text, or max_len, uuid, pattern or date",
        )?))
    }

    /// The statement that brings the text or the message in a field to the normal form, if there is one.
    fn bringing(&self, message: &MessageDescriptor, field: &FieldDescriptor) -> Outcome<Option<String>> {
        let is_ours = field
            .kind()
            .as_message()
            .is_some_and(|inner| inner.package_name() == PACKAGE);
        if !is_ours && self.kind(field)? != Some(TextKind::Free) {
            return Ok(None);
        }
        let name = field.name();
        let one_of = field
            .containing_oneof()
            .filter(|_| !field.field_descriptor_proto().proto3_optional());
        Ok(Some(if let Some(one_of) = one_of {
            let path = format!("{}::{}", snake(message.name()), camel(one_of.name()));
            format!(
                "if let Some({path}::{}(value)) = &mut self.{} {{ value.bring_to_nfc(); }}",
                camel(name),
                one_of.name()
            )
        } else if field.is_list() {
            format!("for item in &mut self.{name} {{ item.bring_to_nfc(); }}")
        } else if field.supports_presence() {
            format!("if let Some(value) = &mut self.{name} {{ value.bring_to_nfc(); }}")
        } else {
            format!("self.{name}.bring_to_nfc();")
        }))
    }
}

/// `BringToNfc` for the commands and all that they hold, and the table of the kinds of all texts that are sent.
pub fn generate(schema: &Schema) -> Outcome<String> {
    let texts = Texts::of(schema)?;
    let mut code = String::new();
    for message in schema.reachable(schema.commands().map(|(rpc, _)| rpc.method.input())) {
        let mut body = String::new();
        for field in message.fields() {
            if let Some(statement) = texts.bringing(&message, &field)? {
                writeln!(body, "        {statement}")?;
            }
        }
        writeln!(
            code,
            "impl BringToNfc for {} {{\n    fn bring_to_nfc(&mut self) {{\n{body}    }}\n}}\n",
            message.name()
        )?;
    }
    writeln!(
        code,
        "/// What the text in a field of a request is for, by the full name of the field; none when it is no text, or of a form that its rules\n/// spell out.\n#[must_use]\npub fn text_kind(field: &str) -> Option<TextKind> {{\n    Some(match field {{"
    )?;
    let (mut identifying, mut free) = (Vec::new(), Vec::new());
    for message in schema.reachable(schema.rpcs.iter().map(|rpc| rpc.method.input())) {
        for field in message.fields() {
            match texts.kind(&field)? {
                Some(TextKind::Identifying) => identifying.push(format!("{:?}", field.full_name())),
                Some(TextKind::Free) => free.push(format!("{:?}", field.full_name())),
                None => {}
            }
        }
    }
    for (kind, fields) in [("Identifying", identifying), ("Free", free)] {
        writeln!(code, "        {} => TextKind::{kind},", fields.join("\n        | "))?;
    }
    writeln!(code, "        _ => return None,\n    }})\n}}")?;
    Ok(code)
}
