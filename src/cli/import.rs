//! `vedtak import`: records a plan through the API, command by command, as a person would.

use std::collections::HashMap;
use std::path::PathBuf;

use bytes::Bytes;
use clap::Args;
use prost::Message;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use super::Problem;
use super::client::{Access, Client, subject_of};
use super::terminal::Terminal;
use crate::domain::Command;
use crate::schema::v1::Receipt;
use crate::schema::{self, METHODS, Method, MethodKind};

/// The namespace of the request ids that an import derives (UUID version 5).
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1d_9a0e_53b7_4c58_9a3e_2b7c_40d1_e85f);

/// Record a plan through the API
///
/// The file lists commands; each is sent in order, as its own request. The whole file is checked first, and nothing is sent when a
/// command in it is not one or a field is misspelt. The import stops at the first refusal and says which command it was.
///
/// It can be run again: a command without a request_id gets one that follows from its content and the subject of the token, so what
/// the subject has recorded before is answered with its first receipt and changes nothing.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  export VEDTAK_TOKEN=$(vedtak token --role administrator)
  vedtak import examples/nordre-land.json

The file:
  {
    \"about\": \"What this is\",
    \"commands\": [
      {\"rpc\": \"RegisterProject\",
       \"request\": {\"project_id\": \"0190b2f4-7c1e-7d2a-9c3e-5f6a7b8c9d0e\", \"name\": \"School\", \"kind\": \"PROJECT_KIND_MAIN_PROJECT\"}}
    ]
  }

What comes next:
  vedtak export       read back what is recorded now
  vedtak replay       fold it, and compare with what the service answers")]
pub(super) struct Arguments {
    /// The file (JSON)
    file: PathBuf,
    #[command(flatten)]
    access: Access,
}

/// A plan: commands, in the order in which they are to be recorded.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "about")]
    _about: String,
    commands: Vec<Planned>,
}

/// One command of a plan.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Planned {
    /// The name of the RPC, such as `RegisterRisk`.
    rpc: String,
    /// The request, as proto3 JSON.
    request: Map<String, Value>,
}

/// A plan that can be sent.
#[derive(Debug)]
pub(super) struct Plan {
    commands: Vec<(&'static Method, Bytes)>,
}

/// What an import has come to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Imported {
    /// How many commands were recorded now.
    pub(super) recorded: usize,
    /// How many had been recorded before.
    pub(super) recorded_before: usize,
    /// How many said what already was so.
    pub(super) unchanged: usize,
    /// How far the ledger has come.
    pub(super) position: i64,
}

/// Runs it.
///
/// # Errors
/// When the file cannot be read as a plan, the service does not answer, or it refuses a command.
pub(super) async fn run(arguments: Arguments, terminal: &Terminal) -> Result<(), Problem> {
    let path = arguments.file.display();
    let text = std::fs::read_to_string(&arguments.file)
        .map_err(|error| Problem::new(format!("{path} cannot be read: {error}.")))?;
    let plan = Plan::read(&text, &subject_of(&arguments.access.token));
    let plan = plan.map_err(|problem| Problem::new(format!("{path}: {problem} Nothing was sent.")))?;
    let client = Client::connect(&arguments.access.url, &arguments.access.token).await?;
    let imported = plan.send(&client, terminal).await?;
    let Imported {
        recorded,
        recorded_before,
        unchanged,
        position,
    } = imported;
    let sent = recorded + recorded_before + unchanged;
    let value = json!({
        "sent": sent, "recorded": recorded, "recorded_before": recorded_before, "unchanged": unchanged, "position": position,
    });
    let text = format!(
        "{sent} commands sent: {recorded} recorded now, {recorded_before} recorded before, {unchanged} that change nothing. \
         The ledger is at position {position}."
    );
    terminal.result(&value, &text)
}

impl Plan {
    /// Reads a plan that this subject is to send, and checks every command in it.
    ///
    /// # Errors
    /// When it is not a plan, or a command in it is unknown or not of its form.
    pub(super) fn read(text: &str, subject: &str) -> Result<Self, Problem> {
        let file: File =
            serde_json::from_str(text).map_err(|error| Problem::new(format!("It is not a plan: {error}.")))?;
        let mut ids = RequestIds {
            subject: subject.to_owned(),
            equal: HashMap::new(),
        };
        let mut commands = Vec::with_capacity(file.commands.len());
        for (index, planned) in file.commands.into_iter().enumerate() {
            let name = planned.rpc.clone();
            let command = prepare(planned, &mut ids);
            commands
                .push(command.map_err(|problem| Problem::new(format!("Command {} ({name}): {problem}", index + 1)))?);
        }
        Ok(Self { commands })
    }

    /// How many commands it has.
    pub(super) fn len(&self) -> usize {
        self.commands.len()
    }

    /// Sends the commands in order.
    ///
    /// # Errors
    /// When the service does not answer, or refuses one; what was recorded before that stays recorded.
    pub(super) async fn send(&self, client: &Client, terminal: &Terminal) -> Result<Imported, Problem> {
        let before = client.head().await?.position;
        let bar = terminal.bar(self.len() as u64, "Importing");
        let mut imported = Imported {
            position: before,
            ..Imported::default()
        };
        for (index, (method, request)) in self.commands.iter().enumerate() {
            let answer = client.call(method.grpc_path, request.clone()).await.map_err(|status| {
                bar.abandon();
                Problem::new(format!(
                    "Command {} of {} ({}) was refused: {}",
                    index + 1,
                    self.len(),
                    method.name,
                    Problem::from(status)
                ))
            })?;
            let receipt =
                Receipt::decode(answer).map_err(|error| Problem::new(format!("A receipt cannot be read: {error}.")))?;
            match receipt.events.last() {
                None => imported.unchanged += 1,
                Some(event) if event.position > before => imported.recorded += 1,
                Some(_) => imported.recorded_before += 1,
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        imported.position = client.head().await?.position;
        Ok(imported)
    }
}

/// Derives the ids of requests that have none.
struct RequestIds {
    /// Who sends them: to another subject's command the same id would be a reuse.
    subject: String,
    /// How often the same command has stood before.
    equal: HashMap<Vec<u8>, u32>,
}

impl RequestIds {
    /// An id that follows from the command, and not from where it stands: one that is put in elsewhere leaves it as it was.
    fn derive(&mut self, rpc: &str, request: &Map<String, Value>) -> Result<Uuid, Problem> {
        let request = in_nfc(&Value::Object(request.clone()));
        let canonical = serde_json_canonicalizer::to_vec(&(&self.subject, rpc, request));
        let canonical = canonical.map_err(|error| Problem::new(format!("It has no canonical form: {error}.")))?;
        let count = self
            .equal
            .entry(canonical.clone())
            .and_modify(|count| *count += 1)
            .or_insert(0);
        Ok(Uuid::new_v5(
            &NAMESPACE,
            &[canonical.as_slice(), &count.to_be_bytes()].concat(),
        ))
    }
}

/// The same, with its texts in one normal form: to the service they are one command (X9).
fn in_nfc(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.nfc().collect()),
        Value::Array(items) => items.iter().map(in_nfc).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), in_nfc(value)))
            .collect(),
        other => other.clone(),
    }
}

/// Makes a request of a planned command, and checks its form.
fn prepare(planned: Planned, ids: &mut RequestIds) -> Result<(&'static Method, Bytes), Problem> {
    let Planned { rpc, mut request } = planned;
    let method = METHODS
        .iter()
        .find(|method| method.name == rpc && method.kind == MethodKind::Command);
    let method = method.ok_or_else(|| Problem::new("There is no such command."))?;
    let id = ids.derive(&rpc, &request)?;
    let context = request.entry("context").or_insert_with(|| Value::Object(Map::new()));
    if let Some(context) = context.as_object_mut()
        && !context.contains_key("request_id")
    {
        context.insert("request_id".to_owned(), id.to_string().into());
    }
    let bytes = schema::from_json(method.input, Value::Object(request)).map_err(|error| {
        let place = if error.field.is_empty() {
            String::new()
        } else {
            format!(" (at {})", error.field)
        };
        Problem::new(format!("{}{place}.", error.problem))
    })?;
    let command = Command::decode(method.input, &bytes).and_then(Result::ok);
    let mut command = command.ok_or_else(|| Problem::new("It is not a command of this version."))?;
    command.bring_to_nfc();
    match command.check().first() {
        Some(violation) => Err(Problem::new(format!("{}: {}", violation.field, violation.description))),
        None => Ok((method, bytes.into())),
    }
}
