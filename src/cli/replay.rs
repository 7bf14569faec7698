//! `vedtak replay`: folds a tenant's history from its raw records, and compares with what the service answers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::Problem;
use super::client::{Client, DEFAULT_URL};
use super::terminal::Terminal;
use crate::domain::State;
use crate::ledger::{Entry, Envelope, Judge, Tree, Unreadable, leaf_hash};
use crate::rules::Rules;
use crate::schema::{self, METHODS, Method, MethodKind};

/// Fold a tenant's history from its raw records, and compare with what the service answers
///
/// Every record is read, its place and its leaf hash are checked, and its event is folded into the state of its stream by the same
/// rules that the service has. Then each state is compared, byte for byte, with what the service answers for the same position, and the
/// root of the whole history with the service's.
///
/// A record that cannot be read stops its stream and nothing else: every such place is told, and the other streams are compared.
///
/// With --file the records come from an export. Nothing is then asked of a service, unless --url is given too.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  export VEDTAK_TOKEN=$(vedtak token --role reader)
  vedtak replay
  vedtak replay --file ledger.ndjson          without a service
  vedtak replay --file ledger.ndjson --json   with the SHA-256 of every state

It exits with 0 when all is the same, and with 1 when anything differs.")]
pub(super) struct Arguments {
    /// The address of the service [default: http://127.0.0.1:8080, unless --file is given]
    #[arg(long, value_name = "URL", env = "VEDTAK_URL")]
    url: Option<String>,
    /// The token to call it with
    #[arg(long, env = "VEDTAK_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Read the records from an export instead of the service
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// A tenant's history, folded.
#[derive(Debug, Default)]
struct Replay {
    tenant: Option<String>,
    position: i64,
    tree: Tree,
    states: BTreeMap<String, State>,
    /// The streams that stopped at a record.
    stopped: BTreeSet<String>,
    /// Every place at which something is wrong.
    problems: Vec<Unreadable>,
}

/// Runs it.
///
/// # Errors
/// When a record cannot be read or is not in its place, a state differs, or the service does not answer.
pub(super) async fn run(arguments: Arguments, terminal: &Terminal) -> Result<(), Problem> {
    let client = connect(&arguments).await?;
    let replay = match (&arguments.file, &client) {
        (Some(path), _) => from_file(path, terminal)?,
        (None, Some(client)) => from_service(client, terminal).await?,
        (None, None) => Replay::default(),
    };
    let mut differences: Vec<String> = replay.problems.iter().map(ToString::to_string).collect();
    let mut compared = 0;
    if let Some(client) = &client {
        differences.extend(compare(&replay, client, terminal).await?);
        compared = replay.states.len() - replay.stopped.len();
    }
    let unreadable = replay
        .problems
        .iter()
        .map(|unreadable| json!({"position": unreadable.position, "problem": unreadable.problem}));
    let unreadable: Vec<Value> = unreadable.collect();
    let streams: Vec<Value> = replay
        .states
        .iter()
        .map(|(name, state)| described(name, state))
        .collect();
    let value = json!({
        "tenant": replay.tenant, "records": replay.position, "root": hex::encode(replay.tree.root()), "compared": compared,
        "differences": differences, "unreadable": unreadable, "streams": streams,
    });
    let against = if client.is_some() {
        "compared with the service"
    } else {
        "not compared with a service"
    };
    let text = format!(
        "{} records folded into {} streams, {against}.",
        replay.position,
        replay.states.len()
    );
    terminal.result(&value, &text)?;
    if differences.is_empty() {
        Ok(())
    } else {
        Err(Problem(differences.join("\nerror: ")))
    }
}

async fn connect(arguments: &Arguments) -> Result<Option<Client>, Problem> {
    let url = match (&arguments.url, &arguments.file) {
        (Some(url), _) => url,
        (None, None) => DEFAULT_URL,
        (None, Some(_)) => return Ok(None),
    };
    let token = arguments
        .token
        .as_deref()
        .ok_or_else(|| Problem::new("A token is needed to ask the service: give --token or VEDTAK_TOKEN."))?;
    Client::connect(url, token).await.map(Some)
}

async fn from_service(client: &Client, terminal: &Terminal) -> Result<Replay, Problem> {
    let head = client.head().await?.position;
    let bar = terminal.bar(u64::try_from(head).unwrap_or_default(), "Folding");
    let mut replay = Replay::default();
    let mut records = client.records(0);
    // What comes while this runs is left for the next time.
    while replay.position < head {
        let Some(record) = records.next().await? else {
            return Err(Problem::new(format!(
                "The records end at position {}, before the head of the ledger at {head}.",
                replay.position
            )));
        };
        if record.position != replay.position + 1 {
            return Err(Problem::new(format!(
                "After position {} comes {}: the ledger has a gap.",
                replay.position, record.position
            )));
        }
        replay.take(Entry {
            position: record.position,
            stream: record.stream,
            version: record.version,
            event_type: record.r#type,
            recorded_at: OffsetDateTime::UNIX_EPOCH,
            record: record.record.into_bytes(),
            leaf_hash: record.leaf_hash.into(),
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(replay)
}

fn from_file(path: &Path, terminal: &Terminal) -> Result<Replay, Problem> {
    let failed = |error: std::io::Error| Problem::new(format!("{} cannot be read: {error}.", path.display()));
    let file = File::open(path).map_err(failed)?;
    let bar = terminal.bar(file.metadata().map_err(failed)?.len(), "Folding");
    let mut replay = Replay::default();
    for (index, line) in BufReader::new(file).split(b'\n').enumerate() {
        let line = line.map_err(failed)?;
        let length = line.len() as u64 + 1;
        let entry = entry(line)
            .map_err(|problem| Problem::new(format!("{}, line {}: {problem}", path.display(), index + 1)))?;
        if entry.position != replay.position + 1 {
            let sentence = format!(
                "{}, line {}: after position {} comes {}.",
                path.display(),
                index + 1,
                replay.position,
                entry.position
            );
            return Err(Problem(sentence));
        }
        replay.take(entry);
        bar.inc(length);
    }
    bar.finish_and_clear();
    Ok(replay)
}

/// The row that a line of an export stood in.
fn entry(line: Vec<u8>) -> Result<Entry, Problem> {
    let envelope = Envelope::parse(&line).map_err(|error| Problem::new(format!("not a record: {error}.")))?;
    Ok(Entry {
        position: envelope.position,
        stream: envelope.stream.into_owned(),
        version: envelope.version,
        event_type: envelope.event_type.into_owned(),
        recorded_at: OffsetDateTime::UNIX_EPOCH,
        leaf_hash: leaf_hash(&line).to_vec(),
        record: line,
    })
}

impl Replay {
    /// Takes the next record, and notes what is wrong with it.
    fn take(&mut self, entry: Entry) {
        self.position = entry.position;
        let leaf = leaf_hash(&entry.record);
        self.tree.push(leaf);
        if leaf.as_slice() != entry.leaf_hash {
            self.problems.push(entry.unreadable("it does not fit its leaf hash"));
        }
        // What comes after a record that cannot be read rests on it.
        if self.stopped.contains(&entry.stream) {
            return;
        }
        if let Err(unreadable) = self.fold(&entry) {
            self.problems.push(unreadable);
            self.stopped.insert(entry.stream);
        }
    }

    /// Folds a record into the state of its stream.
    fn fold(&mut self, entry: &Entry) -> Result<(), Unreadable> {
        let tenant = entry.envelope()?.tenant;
        match &self.tenant {
            Some(known) if *known != tenant => {
                return Err(entry.unreadable(format!("it is of the tenant {tenant}, after records of {known}")));
            }
            Some(_) => {}
            None => self.tenant = Some(tenant.into_owned()),
        }
        if !self.states.contains_key(&entry.stream) {
            let empty = Rules
                .empty(&entry.stream)
                .ok_or_else(|| entry.unreadable(format!("there are no streams such as {}", entry.stream)))?;
            self.states.insert(entry.stream.clone(), empty);
        }
        let state = self
            .states
            .get_mut(&entry.stream)
            .expect("it was put in when it was not there");
        entry.fold_into(&Rules, state)
    }
}

/// Compares every state with what the service answers, and tells of each that differs.
async fn compare(replay: &Replay, client: &Client, terminal: &Terminal) -> Result<Vec<String>, Problem> {
    let bar = terminal.bar(replay.states.len() as u64, "Comparing");
    let mut differences = Vec::new();
    let head = client.head().await?;
    if head.position == replay.position && head.root != replay.tree.root().as_slice() {
        differences.push("The root of the records is not the one that the service has.".to_owned());
    }
    let whole = replay.states.iter().filter(|(name, _)| !replay.stopped.contains(*name));
    for (name, state) in whole {
        let method = reading(state).ok_or_else(|| Problem::new(format!("No RPC reads a state such as {name}.")))?;
        let answer = client
            .call(method.grpc_path, request(method, name, replay.position)?)
            .await?;
        let own = state.encode();
        if own != answer {
            differences.push(format!(
                "{name} differs from what the service answers, in {}.",
                differing(method, &own, &answer)
            ));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(differences)
}

/// The RPC that reads states of this kind as a whole.
fn reading(state: &State) -> Option<&'static Method> {
    METHODS.iter().find(|method| {
        method.kind == MethodKind::Query && method.output == state.message() && method.name.starts_with("Get")
    })
}

/// Asks for a state as of a position.
fn request(method: &Method, name: &str, position: i64) -> Result<Bytes, Problem> {
    let (kind, id) = name
        .split_once('/')
        .ok_or_else(|| Problem::new(format!("{name} is not the name of a stream.")))?;
    let request = json!({ format!("{kind}_id"): id, "as_of": {"position": position.to_string()} });
    let bytes = schema::from_json(method.input, request)
        .map_err(|error| Problem::new(format!("{name} cannot be asked for: {error}.")))?;
    Ok(bytes.into())
}

/// The fields in which two states differ.
fn differing(method: &Method, own: &[u8], answer: &[u8]) -> String {
    let value = |bytes| schema::to_value(method.output, bytes).unwrap_or_default();
    let (own, answer) = (value(own), value(answer));
    let names = own
        .as_object()
        .into_iter()
        .chain(answer.as_object())
        .flat_map(|fields| fields.keys());
    let mut names: Vec<&str> = names
        .filter(|name| own.get(*name) != answer.get(*name))
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        "its encoding".to_owned()
    } else {
        names.join(", ")
    }
}

fn described(name: &str, state: &State) -> Value {
    let sha256 = hex::encode(Sha256::digest(state.encode()));
    json!({"stream": name, "version": state.version(), "position": state.position(), "sha256": sha256})
}
