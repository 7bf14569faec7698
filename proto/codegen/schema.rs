//! Reads out of the descriptors what the generators need, and refuses a schema that is not complete.

use std::collections::BTreeMap;

use prost_reflect::{DescriptorPool, DynamicMessage, ExtensionDescriptor, MessageDescriptor, MethodDescriptor, Value};

use crate::Outcome;
use crate::validation::snake;

/// The package whose messages are ours.
pub const PACKAGE: &str = "vedtak.v1";

/// The schema, seen through its options.
pub struct Schema {
    pub pool: DescriptorPool,
    pub rpcs: Vec<Rpc>,
    /// Event messages, each with the kind of stream it belongs to.
    pub events: Vec<(MessageDescriptor, String)>,
    /// The state message of each kind of stream.
    pub states: BTreeMap<String, MessageDescriptor>,
}

/// One RPC with the options that say what it is.
pub struct Rpc {
    pub method: MethodDescriptor,
    /// The least access that a caller needs, such as `Recorder`.
    pub access: String,
    /// The kind of stream that it is a command on, such as `Project`; none for a query.
    pub command: Option<String>,
    pub verb: String,
    pub path: String,
    /// `*` when the body is the whole request, empty when there is no body.
    pub body: String,
}

impl Schema {
    pub fn read(pool: DescriptorPool) -> Outcome<Self> {
        let options = Options::of(&pool)?;
        let mut rpcs = Vec::new();
        for method in pool
            .services()
            .flat_map(|service| service.methods().collect::<Vec<_>>())
        {
            rpcs.push(options.rpc(method)?);
        }
        let mut events = Vec::new();
        let mut states = BTreeMap::new();
        for message in messages(&pool) {
            let described = message.options();
            if let Some(kind) = options.enum_name(&described, &options.event) {
                events.push((message, kind));
            } else if let Some(kind) = options.enum_name(&described, &options.state)
                && states.insert(kind.clone(), message).is_some()
            {
                return Err(format!("two messages say they are the state of {kind}").into());
            }
        }
        let schema = Self {
            pool,
            rpcs,
            events,
            states,
        };
        schema.check()?;
        Ok(schema)
    }

    pub fn commands(&self) -> impl Iterator<Item = (&Rpc, &str)> {
        self.rpcs
            .iter()
            .filter_map(|rpc| rpc.command.as_deref().map(|kind| (rpc, kind)))
    }

    /// These messages and all of ours that they hold, by name.
    pub fn reachable(&self, from: impl Iterator<Item = MessageDescriptor>) -> Vec<MessageDescriptor> {
        let mut found: BTreeMap<String, MessageDescriptor> = BTreeMap::new();
        let mut waiting: Vec<MessageDescriptor> = from.collect();
        while let Some(message) = waiting.pop() {
            if message.package_name() != PACKAGE || found.contains_key(message.full_name()) {
                continue;
            }
            waiting.extend(message.fields().filter_map(|field| field.kind().as_message().cloned()));
            found.insert(message.full_name().to_owned(), message);
        }
        found.into_values().collect()
    }

    fn check(&self) -> Outcome<()> {
        let mut seen = BTreeMap::new();
        for (rpc, kind) in self.commands() {
            let input = rpc.method.input();
            let id = id_field(kind);
            if let Some(other) = seen.insert(input.full_name().to_owned(), rpc.method.full_name().to_owned()) {
                return Err(format!(
                    "{} is the command of both {other} and {}",
                    input.full_name(),
                    rpc.method.full_name()
                )
                .into());
            }
            for field in ["context", id.as_str()] {
                if input.get_field_by_name(field).is_none() {
                    return Err(
                        format!("{} is a command on {kind} but has no field {field}", input.full_name()).into(),
                    );
                }
            }
        }
        for (event, kind) in &self.events {
            if !self.states.contains_key(kind) {
                return Err(format!(
                    "{} is an event of {kind}, which has no state message",
                    event.full_name()
                )
                .into());
            }
        }
        Ok(())
    }
}

/// The field that names the stream of a command on this kind: `ProposalRegister` → `proposal_register_id`.
pub fn id_field(kind: &str) -> String {
    snake(kind) + "_id"
}

fn messages(pool: &DescriptorPool) -> impl Iterator<Item = MessageDescriptor> {
    pool.all_messages()
        .filter(|message| message.package_name() == PACKAGE && !message.is_map_entry())
        .collect::<Vec<_>>()
        .into_iter()
}

/// The extensions that our options and google.api.http are.
struct Options {
    access: ExtensionDescriptor,
    command: ExtensionDescriptor,
    event: ExtensionDescriptor,
    state: ExtensionDescriptor,
    http: ExtensionDescriptor,
}

impl Options {
    fn of(pool: &DescriptorPool) -> Outcome<Self> {
        Ok(Self {
            access: extension(pool, "vedtak.v1.access")?,
            command: extension(pool, "vedtak.v1.command")?,
            event: extension(pool, "vedtak.v1.event")?,
            state: extension(pool, "vedtak.v1.state")?,
            http: extension(pool, "google.api.http")?,
        })
    }

    fn rpc(&self, method: MethodDescriptor) -> Outcome<Rpc> {
        let options = method.options();
        let name = method.full_name().to_owned();
        let access = self
            .enum_name(&options, &self.access)
            .ok_or_else(|| format!("{name} says nothing of who may call it"))?;
        if !options.has_extension(&self.http) {
            return Err(format!("{name} has no google.api.http route").into());
        }
        let rule = options.get_extension(&self.http);
        let rule = rule.as_message().ok_or("google.api.http is a message")?;
        let text = |field: &str| {
            rule.get_field_by_name(field)
                .and_then(|value| value.as_str().map(str::to_owned))
                .unwrap_or_default()
        };
        let (verb, path) = ["get", "post"]
            .into_iter()
            .map(|verb| (verb.to_owned(), text(verb)))
            .find(|(_, path)| !path.is_empty())
            .ok_or_else(|| format!("{name}: only get and post routes are served"))?;
        let body = text("body");
        if !(body.is_empty() || body == "*")
            || rule
                .get_field_by_name("additional_bindings")
                .is_some_and(|value| value.as_list().is_some_and(|list| !list.is_empty()))
        {
            return Err(format!("{name}: only body \"*\" and a single binding are served").into());
        }
        // A path always gives its fields: with one of a oneof in it, nobody could choose another.
        let fields = method.input().fields().collect::<Vec<_>>();
        let choice = |part: &str| {
            let field = fields.iter().find(|field| part == format!("{{{}}}", field.name()));
            field.is_some_and(|field| field.containing_oneof().is_some())
        };
        if path.split('/').any(choice) {
            return Err(format!("{name}: a path cannot hold a field of a oneof").into());
        }
        Ok(Rpc {
            access,
            command: self.enum_name(&options, &self.command),
            verb,
            path,
            body,
            method,
        })
    }

    /// The name of the enum value that an option holds, without its prefix and in camel case: `AGGREGATE_PROJECT` → `Project`.
    fn enum_name(&self, options: &DynamicMessage, extension: &ExtensionDescriptor) -> Option<String> {
        if !options.has_extension(extension) {
            return None;
        }
        let Value::EnumNumber(number) = *options.get_extension(extension) else {
            return None;
        };
        let kind = extension.kind();
        let descriptor = kind.as_enum()?;
        let value = descriptor.get_value(number)?;
        let prefix = format!("{}_", descriptor.name().to_uppercase());
        Some(camel(value.name().strip_prefix(&prefix).unwrap_or(value.name())))
    }
}

pub fn extension(pool: &DescriptorPool, name: &str) -> Outcome<ExtensionDescriptor> {
    Ok(pool
        .get_extension_by_name(name)
        .ok_or_else(|| format!("the schema lacks the extension {name}"))?)
}

pub fn camel(screaming: &str) -> String {
    screaming
        .split('_')
        .map(|word| {
            word.chars()
                .take(1)
                .chain(word.chars().skip(1).flat_map(char::to_lowercase))
                .collect::<String>()
        })
        .collect()
}
