//! Generates the canonical JSON of events and of all that they hold: proto3 JSON with the members of each object in the order of
//! RFC 8785, written in one go. Reflection knows the same form, at many times the cost, and a law holds the two together.

use std::fmt::Write;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use crate::Outcome;
use crate::schema::{PACKAGE, Schema};
use crate::validation::{camel, snake};

pub fn generate(schema: &Schema) -> Outcome<String> {
    let mut code = String::new();
    let events = schema.events.iter().map(|(event, _)| event.clone());
    for message in schema.reachable(events) {
        if message.package_name() != PACKAGE {
            return Err(format!("{} is held by an event, but is not of this schema", message.full_name()).into());
        }
        let mut fields: Vec<FieldDescriptor> = message.fields().collect();
        fields.sort_by(|a, b| a.name().cmp(b.name()));
        let members = fields
            .iter()
            .map(|field| member(&message, field))
            .collect::<Outcome<String>>()?;
        let object = if members.is_empty() { "_object" } else { "object" };
        writeln!(
            code,
            "impl Canonical for {} {{\n    fn members(&self, {object}: &mut Object<'_>) {{\n{members}    }}\n}}\n",
            message.name()
        )?;
    }
    Ok(code)
}

fn member(message: &MessageDescriptor, field: &FieldDescriptor) -> Outcome<String> {
    let name = field.name();
    if field.is_map() {
        return Err(format!("{}: {name}: events hold no maps", message.full_name()).into());
    }
    let oneof = field
        .containing_oneof()
        .filter(|_| !field.field_descriptor_proto().proto3_optional());
    let kind = field.kind();
    let (call, place) = match &kind {
        Kind::String | Kind::Int32 | Kind::Int64 | Kind::Bool | Kind::Message(_) => ("member", String::new()),
        Kind::Enum(of) => (
            "names",
            format!(", |number| Some({}::try_from(number).ok()?.as_str_name())", of.name()),
        ),
        other => return Err(format!("{}: {name}: events hold no {other:?}", message.full_name()).into()),
    };
    Ok(match oneof {
        None if field.is_list() && call == "names" => format!("        object.names({name:?}, &self.{name}{place});\n"),
        None if call == "names" && field.supports_presence() => {
            format!("        object.present_name({name:?}, self.{name}{place});\n")
        }
        None if call == "names" => format!("        object.name({name:?}, self.{name}{place});\n"),
        None => format!("        object.member({name:?}, &self.{name});\n"),
        Some(oneof) => {
            let value = match call {
                "names" => format!("object.present_name({name:?}, Some(*value){place})"),
                _ => format!("object.value({name:?}, value)"),
            };
            format!(
                "        if let Some({}::{}::{}(value)) = &self.{} {{\n            {value};\n        }}\n",
                snake(message.name()),
                camel(oneof.name()),
                camel(name),
                oneof.name()
            )
        }
    })
}
