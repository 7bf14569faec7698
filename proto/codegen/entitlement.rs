//! Reads who is entitled to send each command, and generates what the domain judges it by: a command that says nothing does not build.

use std::fmt::Write;

use prost_reflect::{DynamicMessage, MessageDescriptor, MethodDescriptor, ReflectMessage, Value};

use crate::Outcome;
use crate::schema::{Schema, camel, extension, id_field};
use crate::validation::snake;

const INFALLIBLE: &str = "writing to a String does not fail";

/// The declarations of all commands, and how to find the one of a command.
pub fn generate(schema: &Schema) -> Outcome<String> {
    let option = extension(&schema.pool, "vedtak.v1.entitled")?;
    let mut declared = String::from(
        "/// Who may send each command, by the name of its message.\npub static DECLARED: &[(&str, Declared)] = &[\n",
    );
    let mut arms = String::new();
    let mut matters = String::new();
    let mut named = String::new();
    let mut counted = String::new();
    let mut amounts = String::new();
    let mut outcomes = String::new();
    let mut points = String::new();
    for (index, (rpc, kind)) in schema.commands().enumerate() {
        let (method, input) = (&rpc.method, rpc.method.input());
        let options = method.options();
        if !options.has_extension(&option) {
            return Err(format!("{} does not say who is entitled to it", method.full_name()).into());
        }
        let said = options.get_extension(&option);
        let said = Said(said.as_message().ok_or("an entitlement is a message")?);
        said.check(method)?;
        let name = input.name();
        writeln!(declared, "    ({:?}, {}),", input.full_name(), said.declared()).expect(INFALLIBLE);
        writeln!(arms, "            Self::{name}(_) => &DECLARED[{index}].1,").expect(INFALLIBLE);
        let matter = matter_id(&said, &input, kind)?;
        writeln!(
            matters,
            "            Self::{name}({}) => {},",
            if matter == "\"\"" { "_" } else { "command" },
            matter
        )
        .expect(INFALLIBLE);
        writeln!(
            named,
            "            Self::{name}(command) => Some(command.entitled(Aggregated::of(state)?, ground)),"
        )
        .expect(INFALLIBLE);
        writeln!(
            counted,
            "            Self::{name}(command) => Some(command.counts(Aggregated::of(state)?, holder)),"
        )
        .expect(INFALLIBLE);
        let point = input
            .get_field_by_name("decision_point_id")
            .filter(|_| !said.names("points").is_empty());
        let point = point.map(|point| {
            if point.supports_presence() {
                format!("            Self::{name}(command) => command.decision_point_id.as_deref(),\n")
            } else {
                format!("            Self::{name}(command) => Some(&command.decision_point_id),\n")
            }
        });
        points.push_str(&point.unwrap_or_default());
        writeln!(
            outcomes,
            "            Self::{name}(command) => Decide::outcome(command.as_ref()).unwrap_or(self.declared().outcome),"
        )
        .expect(INFALLIBLE);
        writeln!(
            amounts,
            "            Self::{name}(command) => command.amount(Aggregated::of(state)?),"
        )
        .expect(INFALLIBLE);
    }
    declared.push_str("];\n\n");
    write!(
        declared,
        "impl Command {{\n    /// Who may send it.\n    #[must_use]\n    pub fn declared(&self) -> &'static Declared {{\n        match self {{\n{arms}        }}\n    }}\n\n    \
         /// The id of the matter that it decides, in its stream; empty when that is the whole of the stream.\n    #[must_use]\n    #[allow(clippy::match_same_arms, reason = \"generated, an arm a command\")]\n    pub fn matter_id(&self) -> &str {{\n        match self {{\n{matters}        }}\n    }}\n\n    \
         /// Those that are entitled to it by this ground.\n    pub(super) fn entitled_by(&self, state: &State, ground: Ground) -> Option<Vec<Holder>> {{\n        match self {{\n{named}        }}\n    }}\n\n    \
         /// Whether a holder of the declaration counts for just this command.\n    pub(super) fn is_for(&self, state: &State, holder: &Holder) -> Option<bool> {{\n        match self {{\n{counted}        }}\n    }}\n\n    \
         /// The decision point that it says it rests on, when it is a command that may rest on one.\n    pub(super) fn point_named(&self) -> Option<&str> {{\n        match self {{\n{points}            _ => None,\n        }}\n    }}\n\n    \
         /// The outcome that minutes must show for it.\n    #[must_use]\n    pub fn outcome(&self) -> MatterOutcome {{\n        match self {{\n{outcomes}        }}\n    }}\n\n    \
         /// How much money it is about, in øre, when that can be told.\n    pub(super) fn amount_of(&self, state: &State) -> Option<i64> {{\n        match self {{\n{amounts}        }}\n    }}\n}}\n"
    )
    .expect(INFALLIBLE);
    Ok(declared)
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
