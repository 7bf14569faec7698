//! Generates plain Rust checks from the `buf.validate` rules and our own `date` option, and refuses a schema that leaves a size open.

use std::fmt::Write;

use prost_reflect::{
    Cardinality, DynamicMessage, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage, Value,
};

use crate::Outcome;
use crate::schema::{PACKAGE, Schema, extension};
use crate::texts::{TextKind, Texts};

pub fn generate(schema: &Schema) -> Outcome<String> {
    // What a caller can send: the inputs of the RPCs and all that they hold.
    let generator = Generator {
        rules: extension(&schema.pool, "buf.validate.field")?,
        date: extension(&schema.pool, "vedtak.v1.date")?,
        texts: Texts::of(schema)?,
    };
    let mut code = String::new();
    for message in schema.reachable(schema.rpcs.iter().map(|rpc| rpc.method.input())) {
        generator.message(&message, &mut code)?;
    }
    Ok(code)
}

struct Generator {
    rules: ExtensionDescriptor,
    date: ExtensionDescriptor,
    texts: Texts,
}

impl Generator {
    fn message(&self, message: &MessageDescriptor, code: &mut String) -> Outcome<()> {
        let name = message.name();
        let mut body = String::new();
        for field in message.fields() {
            self.field(message, &field, &mut body)
                .map_err(|problem| format!("{}: {problem}", field.full_name()))?;
        }
        let (at, violations) = if body.is_empty() {
            ("_at", "_violations")
        } else {
            ("at", "violations")
        };
        writeln!(
            code,
            "impl Validate for {name} {{\n    fn validate(&self, {at}: &At<'_>, {violations}: &mut Violations) {{\n{body}    }}\n}}\n"
        )?;
        Ok(())
    }

    fn field(&self, message: &MessageDescriptor, field: &FieldDescriptor, code: &mut String) -> Outcome<()> {
        let rules = Rules::of(field, &self.rules);
        let date = field.options().has_extension(&self.date);
        let name = field.name();
        if let Some(oneof) = field
            .containing_oneof()
            .filter(|_| !field.field_descriptor_proto().proto3_optional())
        {
            return self.in_oneof(message, field, oneof.name(), &rules, date, code);
        }
        let place = format!("&at.field({name:?})");
        if field.is_list() {
            let repeated = rules.sub("repeated");
            let max = repeated
                .number("max_items")
                .ok_or("a repeated field needs max_items: every count that a caller controls has a limit")?;
            let min = repeated.number("min_items").unwrap_or(0);
            writeln!(
                code,
                "        count(self.{name}.len(), {min}, {max}, {place}, violations);"
            )?;
            if let Some(check) = self.value(
                field,
                &repeated.sub("items"),
                date,
                "item",
                "&at.field(NAME).item(index)",
            )? {
                let check = check.replace("NAME", &format!("{name:?}"));
                writeln!(
                    code,
                    "        for (index, item) in self.{name}.iter().enumerate() {{\n            {check}\n        }}"
                )?;
            }
            return Ok(());
        }
        if field.cardinality() == Cardinality::Required || field.is_map() {
            return Err("maps and required fields are not used in this schema".into());
        }
        let presence = field.supports_presence();
        if rules.flag("required") && presence {
            writeln!(code, "        required(self.{name}.is_some(), {place}, violations);")?;
        }
        let binding = if presence { "value" } else { "&self.FIELD" }.replace("FIELD", name);
        if let Some(check) = self.value(field, &rules, date, &binding, &place)? {
            if presence {
                writeln!(
                    code,
                    "        if let Some(value) = &self.{name} {{\n            {check}\n        }}"
                )?;
            } else {
                writeln!(code, "        {check}")?;
            }
        }
        Ok(())
    }

    fn in_oneof(
        &self,
        message: &MessageDescriptor,
        field: &FieldDescriptor,
        oneof: &str,
        rules: &Rules,
        date: bool,
        code: &mut String,
    ) -> Outcome<()> {
        if let Some(check) = self.value(field, rules, date, "value", &format!("&at.field({:?})", field.name()))? {
            let path = format!("{}::{}", snake(message.name()), camel(oneof));
            writeln!(
                code,
                "        if let Some({path}::{}(value)) = &self.{oneof} {{\n            {check}\n        }}",
                camel(field.name())
            )?;
        }
        Ok(())
    }

    /// The check of one value, as a statement, if there is any.
    fn value(
        &self,
        field: &FieldDescriptor,
        rules: &Rules,
        date: bool,
        binding: &str,
        place: &str,
    ) -> Outcome<Option<String>> {
        Ok(match field.kind() {
            Kind::String if date => Some(format!("date({binding}, {place}, violations);")),
            Kind::String => Some(string(&rules.sub("string"), self.texts.kind(field)?, binding, place)?),
            Kind::Bytes => return Err("bytes are not taken from callers: use a hexadecimal string".into()),
            Kind::Int32 => range(&rules.sub("int32"), binding, place),
            Kind::Int64 => range(&rules.sub("int64"), binding, place),
            Kind::Bool => None,
            Kind::Enum(descriptor) => {
                let rules = rules.sub("enum");
                let zero = rules.numbers("not_in").contains(&0);
                if !rules.flag("defined_only") {
                    return Err("an enum needs defined_only".into());
                }
                Some(
                    format!(
                        "enumeration::<{}>(*{binding}, {zero}, {place}, violations);",
                        descriptor.name()
                    )
                    .replace("*&", ""),
                )
            }
            Kind::Message(inner) if inner.package_name() == PACKAGE => {
                Some(format!("{binding}.validate({place}, violations);"))
            }
            Kind::Message(inner) if inner.full_name() == "google.protobuf.Timestamp" => {
                Some(format!("timestamp({binding}, {place}, violations);"))
            }
            Kind::Message(inner) if inner.full_name() == "google.protobuf.Any" => None,
            other => return Err(format!("{other:?} is not used in requests").into()),
        })
    }
}

fn string(rules: &Rules, kind: Option<TextKind>, binding: &str, place: &str) -> Outcome<String> {
    if rules.flag("uuid") {
        return Ok(format!("uuid({binding}, {place}, violations);"));
    }
    if let Some(pattern) = rules.text("pattern") {
        return Ok(format!(
            "pattern({binding}, {pattern:?}, {{ static PATTERN: LazyLock<Regex> = LazyLock::new(|| Regex::new({pattern:?}).expect(\"the build has compiled it\")); &PATTERN }}, {place}, violations);"
        ));
    }
    let (Some(max), Some(kind)) = (rules.number("max_len"), kind) else {
        return Err(
            "a string needs max_len, uuid, pattern or date: every size that a caller controls has a limit".into(),
        );
    };
    let min = rules.number("min_len").unwrap_or(0);
    let check = kind.check();
    Ok(format!(
        "length({binding}, {min}, {max}, {place}, violations); {check}({binding}, {place}, violations);"
    ))
}

fn range(rules: &Rules, binding: &str, place: &str) -> Option<String> {
    let (low, high) = (rules.number("gte"), rules.number("lte"));
    if low.is_none() && high.is_none() {
        return None;
    }
    let low = low.unwrap_or(i64::MIN);
    let high = high.unwrap_or(i64::MAX);
    Some(format!("range(*{binding}, {low}, {high}, {place}, violations);").replace("*&", ""))
}

/// A message of rules, or none.
pub struct Rules(Option<DynamicMessage>);

impl Rules {
    /// Those of a field.
    pub fn of(field: &FieldDescriptor, extension: &ExtensionDescriptor) -> Self {
        let options = field.options();
        let rules = options
            .has_extension(extension)
            .then(|| options.get_extension(extension))
            .and_then(|value| value.as_message().cloned());
        Self(rules)
    }

    /// Those of one value: of an item, when the field is a list.
    pub fn of_value(field: &FieldDescriptor, extension: &ExtensionDescriptor) -> Self {
        let rules = Self::of(field, extension);
        if field.is_list() {
            rules.sub("repeated").sub("items")
        } else {
            rules
        }
    }

    fn get(&self, field: &str) -> Option<Value> {
        let message = self.0.as_ref()?;
        let descriptor = message.descriptor().get_field_by_name(field)?;
        message
            .has_field(&descriptor)
            .then(|| message.get_field(&descriptor).into_owned())
    }

    pub fn sub(&self, field: &str) -> Self {
        Self(self.get(field).and_then(|value| value.as_message().cloned()))
    }

    pub fn flag(&self, field: &str) -> bool {
        self.get(field).and_then(|value| value.as_bool()).unwrap_or(false)
    }

    pub fn text(&self, field: &str) -> Option<String> {
        self.get(field).and_then(|value| value.as_str().map(str::to_owned))
    }

    pub fn number(&self, field: &str) -> Option<i64> {
        number(&self.get(field)?)
    }

    fn numbers(&self, field: &str) -> Vec<i64> {
        self.get(field)
            .and_then(|value| value.as_list().map(|list| list.iter().filter_map(number).collect()))
            .unwrap_or_default()
    }
}

fn number(value: &Value) -> Option<i64> {
    match *value {
        Value::I32(number) => Some(i64::from(number)),
        Value::I64(number) => Some(number),
        Value::U32(number) => Some(i64::from(number)),
        Value::U64(number) => i64::try_from(number).ok(),
        _ => None,
    }
}

pub fn camel(snake: &str) -> String {
    snake
        .split('_')
        .map(|word| {
            word.chars()
                .take(1)
                .flat_map(char::to_uppercase)
                .chain(word.chars().skip(1))
                .collect::<String>()
        })
        .collect()
}

/// `ProposalRegister` → `proposal_register`.
pub fn snake(camel: &str) -> String {
    let mut snake = String::new();
    for (index, letter) in camel.chars().enumerate() {
        if letter.is_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}
