//! Reads who is entitled to send each command, and generates what the domain judges it by: a command that says nothing does not build.

use std::fmt::Write;

use prost_reflect::{DynamicMessage, MessageDescriptor, MethodDescriptor, ReflectMessage, Value};

use crate::Outcome;
use crate::schema::{Schema, camel, extension, id_field};
use crate::validation::snake;

/// What is generated, by the function that it goes into: an arm a command.
#[derive(Default)]
struct Arms {
    declared: String,
    entries: String,
    matters: String,
    named: String,
    counted: String,
    outcomes: String,
    points: String,
}

/// The declarations of all commands, and how to find the one of a command.
pub fn generate(schema: &Schema) -> Outcome<String> {
    let option = extension(&schema.pool, "vedtak.v1.entitled")?;
    let mut arms = Arms::default();
    for (index, (rpc, kind)) in schema.commands().enumerate() {
        let method = &rpc.method;
        let options = method.options();
        if !options.has_extension(&option) {
            return Err(format!("{} does not say who is entitled to it", method.full_name()).into());
        }
        let said = options.get_extension(&option);
        let said = Said(said.as_message().ok_or("an entitlement is a message")?);
        said.check(method)?;
        arms.add(index, &said, &method.input(), kind)?;
    }
    Ok(arms.code())
}

impl Arms {
    fn add(&mut self, index: usize, said: &Said<'_>, input: &MessageDescriptor, kind: &str) -> Outcome<()> {
        let name = input.name();
        writeln!(self.declared, "    ({:?}, {}),", input.full_name(), said.declared())?;
        writeln!(self.entries, "            Self::{name}(_) => &DECLARED[{index}].1,")?;
        let matter = matter_id(said, input, kind)?;
        let binding = if matter == "\"\"" { "_" } else { "command" };
        writeln!(self.matters, "            Self::{name}({binding}) => {matter},")?;
        let on_state = |call: &str| format!("            Self::{name}(command) => {call},\n");
        self.named += &on_state("Some(command.entitled(Aggregated::of(state)?, ground))");
        self.counted += &on_state("Some(command.counts(Aggregated::of(state)?, holder))");
        self.outcomes += &on_state("Decide::outcome(command.as_ref()).unwrap_or(self.declared().outcome)");
        let point = input
            .get_field_by_name("decision_point_id")
            .filter(|_| !said.names("points").is_empty());
        if let Some(point) = point {
            self.points += &on_state(if point.supports_presence() {
                "command.decision_point_id.as_deref()"
            } else {
                "Some(&command.decision_point_id)"
            });
        }
        Ok(())
    }

    fn code(&self) -> String {
        let function = |doc: &str, signature: &str, arms: &str| {
            format!(
                "    /// {doc}\n    #[allow(clippy::match_same_arms, clippy::too_many_lines, reason = \"generated, an arm a command\")]\n    \
                 {signature} {{\n        match self {{\n{arms}        }}\n    }}\n\n"
            )
        };
        let functions = [
            (
                "Who may send it.",
                "#[must_use]\n    pub fn declared(&self) -> &'static Declared",
                &self.entries,
            ),
            (
                "The id of the matter that it decides, in its stream; empty when that is the whole of the stream.",
                "#[must_use]\n    pub fn matter_id(&self) -> &str",
                &self.matters,
            ),
            (
                "Those that are entitled to it by this ground.",
                "pub(super) fn entitled_by(&self, state: &State, ground: Ground) -> Option<Vec<Holder>>",
                &self.named,
            ),
            (
                "Whether a holder of the declaration counts for just this command.",
                "pub(super) fn is_for(&self, state: &State, holder: &Holder) -> Option<bool>",
                &self.counted,
            ),
            (
                "The outcome that minutes must show for it.",
                "#[must_use]\n    pub fn outcome(&self) -> MatterOutcome",
                &self.outcomes,
            ),
            (
                "The decision point that it says it rests on, when it is a command that may rest on one.",
                "pub(super) fn point_named(&self) -> Option<&str>",
                &format!("{}            _ => None,\n", self.points),
            ),
        ];
        let functions: String = functions
            .into_iter()
            .map(|(doc, signature, arms)| function(doc, signature, arms))
            .collect();
        format!(
            "/// Who may send each command, by the name of its message.\npub static DECLARED: &[(&str, Declared)] = &[\n{}];\n\n\
             impl Command {{\n{functions}}}\n",
            self.declared
        )
    }
}

/// The field that names the matter: `MATTER_KIND_PHASE` is named by `phase_id`; a kind of stream is named by the stream.
fn matter_id(said: &Said<'_>, input: &MessageDescriptor, kind: &str) -> Outcome<String> {
    let matter = said.name("matter");
    let field = snake(&matter) + "_id";
    if matter == "Unspecified" || field == id_field(kind) {
        return Ok("\"\"".to_owned());
    }
    let field = input
        .get_field_by_name(&field)
        .ok_or_else(|| format!("{} decides a {matter} but has no field {field}", input.full_name()))?;
    let access = if field.supports_presence() {
        ".as_deref().unwrap_or_default()"
    } else {
        ""
    };
    let borrow = if access.is_empty() { "&" } else { "" };
    Ok(format!("{borrow}command.{}{access}", field.name()))
}

/// An entitlement as the schema says it.
struct Said<'a>(&'a DynamicMessage);

impl Said<'_> {
    /// Either it is open for a reason, or it names who is entitled.
    fn check(&self, method: &MethodDescriptor) -> Outcome<()> {
        let names_somebody =
            !self.names("points").is_empty() || !self.names("roles").is_empty() || !self.names("grounds").is_empty();
        if names_somebody == self.text("open").is_empty() {
            return Ok(());
        }
        Err(format!(
            "{} has to say either who is entitled to it, or why everybody is who may record",
            method.full_name()
        )
        .into())
    }

    fn declared(&self) -> String {
        let list = |field: &str, kind: &str| {
            let names = self.names(field);
            let names: Vec<String> = names.iter().map(|name| format!("{kind}::{name}")).collect();
            names.join(", ")
        };
        let or = |said: String, otherwise: &str| {
            if said == "Unspecified" || said.is_empty() {
                otherwise.to_owned()
            } else {
                said
            }
        };
        format!(
            "Declared {{ roles: &[{}], grounds: &[{}], points: &[{}], matter: MatterKind::{}, outcome: MatterOutcome::{}, rule: {:?}, open: {:?} }}",
            list("roles", "ProjectRole"),
            list("grounds", "Ground"),
            list("points", "DecisionPointKind"),
            self.name("matter"),
            or(self.name("outcome"), "Approved"),
            or(self.text("rule"), "W1"),
            self.text("open"),
        )
    }

    fn text(&self, field: &str) -> String {
        let value = self.0.get_field_by_name(field);
        value
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    /// The enum value that a field holds, in camel case.
    fn name(&self, field: &str) -> String {
        let value = self.0.get_field_by_name(field);
        value.and_then(|value| self.variant(field, &value)).unwrap_or_default()
    }

    /// The enum values that a repeated field holds, in camel case.
    fn names(&self, field: &str) -> Vec<String> {
        let value = self.0.get_field_by_name(field);
        let list = value.as_ref().and_then(|value| value.as_list()).unwrap_or_default();
        list.iter().filter_map(|value| self.variant(field, value)).collect()
    }

    fn variant(&self, field: &str, value: &Value) -> Option<String> {
        let kind = self.0.descriptor().get_field_by_name(field)?.kind();
        let values = kind.as_enum()?;
        let name = values.get_value(value.as_enum_number()?)?.name().to_owned();
        let prefix = format!("{}_", snake(values.name()).to_uppercase());
        Some(camel(name.strip_prefix(&prefix).unwrap_or(&name)))
    }
}
