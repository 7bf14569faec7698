//! `vedtak dev`: everything on this machine, with a PostgreSQL of its own, an example plan, and tokens ready to use.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Problem;
use super::client::Client;
use super::import::Plan;
use super::running::{Running, listen};
use super::signals::Signals;
use super::terminal::Terminal;
use crate::api::development_issuer::DevelopmentIssuer;
use crate::api::identity::Verifier;
use crate::config::Config;
use crate::embedded::{Options, PrivatePostgres};
use crate::ledger::{Store, StoreConfig};
use crate::telemetry::{self, TelemetryConfig};

/// Where the files are kept when nobody says otherwise.
pub(super) const DIRECTORY: &str = "data/dev";
/// The tenant of the example plan.
pub(super) const TENANT: &str = "nordre-land";

/// The example plan.
const EXAMPLE: &str = include_str!("../../examples/nordre-land.json");
/// Holds the SHA-256 of the example plan that was loaded.
const LOADED_FILE: &str = "example-plan.sha256";
/// The database in the private PostgreSQL.
const DATABASE: &str = "vedtak";
/// Who loads the example plan.
const ADMINISTRATOR: &str = "administrator";
/// Who records with the other token: the leader of the example's project, so that records show a role.
const RECORDER: &str = "prove.provesen";
/// How long the tokens are valid that are printed at the start.
const LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// The independent gRPC client that is suggested, pinned because it is fetched when it is first used.
const BUF: &str = "@bufbuild/buf@1.75.0";

/// Try Vedtak out: a private PostgreSQL, an example plan, and tokens ready to use
///
/// Starts a real PostgreSQL of its own (found on this machine, or fetched once), makes the schema, serves gRPC and JSON, and records an
/// example plan through the API. Then it prints the addresses, tokens, and three calls to try.
///
/// What is recorded is kept in the directory, and is there again at the next start. Ctrl-C stops everything; nothing is left running,
/// even when it is killed. Nothing listens beyond this machine unless --listen says so.
///
/// The key that signs its tokens lies in the directory. `vedtak serve` never believes them.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  vedtak dev
  vedtak dev --listen 127.0.0.1:9090 --directory /tmp/vedtak-second

What comes next:
  vedtak token --help     tokens for others, or for longer
  vedtak import --help    record a plan of your own
  vedtak replay --help    see that the records give what the service answers")]
pub(super) struct Arguments {
    /// Where its files are kept
    #[arg(long, value_name = "DIRECTORY", default_value = DIRECTORY)]
    directory: PathBuf,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// What is logged to stderr, such as info or debug,sqlx=warn
    #[arg(long, value_name = "FILTER", default_value = "warn")]
    log: String,
    /// Throw away what was recorded here before, and begin anew
    #[arg(long)]
    fresh: bool,
}

/// Runs it, until a signal stops it.
///
/// # Errors
/// When the address is taken, PostgreSQL cannot be had, or its files cannot be written.
pub(super) async fn run(arguments: Arguments, terminal: &Terminal) -> Result<(), Problem> {
    let mut signals = Signals::listen()?;
    let (running, postgres) = tokio::select! {
        started = start(&arguments, terminal) => started?,
        // Whatever was begun ends with this process.
        () = signals.next() => std::process::exit(130),
    };
    signals.next().await;
    Signals::next_ends_the_process();
    terminal.say("Stopping: finishing what was accepted.");
    running.stop().await;
    let stopped = tokio::task::spawn_blocking(|| postgres.stop()).await;
    stopped.map_err(|error| Problem::new(format!("Stopping PostgreSQL broke off: {error}.")))??;
    terminal.say("Stopped. What was recorded is kept.");
    Ok(())
}

async fn start(arguments: &Arguments, terminal: &Terminal) -> Result<(Running, PrivatePostgres), Problem> {
    let Arguments {
        directory,
        listen: address,
        log,
        fresh,
    } = arguments;
    let telemetry = telemetry::start(&TelemetryConfig {
        log: log.clone(),
        ..TelemetryConfig::default()
    })?;
    // First what fails most often and costs nothing.
    let listener = listen(*address).await?;
    let failed = |error| Problem::new(format!("{} cannot be made: {error}.", directory.display()));
    fs::create_dir_all(directory).map_err(failed)?;
    let postgres = start_postgres(directory.join("postgres"), terminal.clone()).await?;
    let created = Store::create_database(&postgres.url("postgres"), DATABASE, *fresh).await?;
    let url = postgres.url(DATABASE);
    let migrated = Store::migrate(&url).await;
    migrated.map_err(|error| Problem::new(format!("{error}. To begin anew, give --fresh.")))?;
    let issuer = DevelopmentIssuer::open(directory)?;
    let database = StoreConfig {
        url,
        ..StoreConfig::default()
    };
    let config = Config {
        listen: *address,
        database,
        identity: issuer.identity_config(),
        ..Config::default()
    };
    let store = Store::connect(&config.database).await?;
    let running = Running::start(
        store,
        (listener, None),
        Verifier::new(&config.identity).await?,
        &config,
        telemetry,
    )?;
    match welcome(&running, &issuer, directory, created, terminal).await {
        Ok(()) => Ok((running, postgres)),
        Err(problem) => {
            running.stop().await;
            Err(problem)
        }
    }
}

/// Loads the example plan where it is not loaded yet, and prints what there is to try.
async fn welcome(
    running: &Running,
    issuer: &DevelopmentIssuer,
    directory: &Path,
    created: bool,
    terminal: &Terminal,
) -> Result<(), Problem> {
    let welcome = Welcome::new(running, issuer, directory)?;
    if created {
        load(&welcome, directory, terminal).await?;
    } else if !is_loaded(directory)
        && let Err(problem) = load(&welcome, directory, terminal).await
    {
        // An earlier version's plan, say: what is there can be used all the same.
        terminal.say(&format!("{problem} To begin anew, give --fresh."));
    }
    terminal.result(&welcome.json(), &welcome.text())
}

async fn start_postgres(directory: PathBuf, terminal: Terminal) -> Result<PrivatePostgres, Problem> {
    let spinner = terminal.spinner("Starting PostgreSQL");
    let waiting = spinner.clone();
    let started = tokio::task::spawn_blocking(move || {
        PrivatePostgres::start(&directory, &Options::default(), &|sentence| {
            waiting.suspend(|| terminal.say(sentence))
        })
    });
    let started = started.await;
    spinner.finish_and_clear();
    Ok(started.map_err(|error| Problem::new(format!("Starting PostgreSQL broke off: {error}.")))??)
}

/// Loads the example plan as anyone would: through the API, over the socket.
async fn load(welcome: &Welcome, directory: &Path, terminal: &Terminal) -> Result<(), Problem> {
    let plan = Plan::read(EXAMPLE, ADMINISTRATOR)?;
    let client = Client::connect(&welcome.url, &welcome.administrator).await?;
    let imported = plan
        .send(&client, terminal)
        .await
        .map_err(|problem| Problem::new(format!("The example plan was not loaded: {problem}")))?;
    terminal.say(&format!(
        "The example plan is loaded: {} commands, up to position {}.",
        plan.len(),
        imported.position
    ));
    let file = directory.join(LOADED_FILE);
    fs::write(&file, digest()).map_err(|error| Problem::new(format!("{} cannot be written: {error}.", file.display())))
}

/// Whether the example plan of this binary was loaded before.
fn is_loaded(directory: &Path) -> bool {
    fs::read_to_string(directory.join(LOADED_FILE)).is_ok_and(|known| known == digest())
}

fn digest() -> String {
    hex::encode(Sha256::digest(EXAMPLE))
}

/// What is printed when all is ready.
#[derive(Debug)]
struct Welcome {
    address: SocketAddr,
    url: String,
    directory: PathBuf,
    administrator: String,
    recorder: String,
    project: String,
    calls: [(&'static str, String); 3],
}

impl Welcome {
    fn new(running: &Running, issuer: &DevelopmentIssuer, directory: &Path) -> Result<Self, Problem> {
        let mut address = running.address;
        if address.ip().is_unspecified() {
            // Listening everywhere is listening here, too; the address of everywhere cannot be called.
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        let url = format!("http://{address}");
        let administrator = issuer.token(TENANT, ADMINISTRATOR, &["administrator"], &example_mandate(), LIFETIME);
        let recorder = issuer.token(TENANT, RECORDER, &["recorder"], &[], LIFETIME);
        let project = example_project().ok_or_else(|| Problem::new("The example plan has no project."))?;
        let calls = calls(&url, &recorder, &project);
        Ok(Self {
            address,
            url,
            directory: directory.to_owned(),
            administrator,
            recorder,
            project,
            calls,
        })
    }

    fn json(&self) -> Value {
        let calls: Vec<&str> = self.calls.iter().map(|(_, call)| call.as_str()).collect();
        json!({
            "url": self.url,
            "directory": self.directory,
            "tenant": TENANT,
            "project_id": self.project,
            "tokens": {"administrator": self.administrator, "recorder": self.recorder},
            "calls": calls,
        })
    }

    fn text(&self) -> String {
        let Self {
            address,
            url,
            directory,
            administrator,
            recorder,
            calls,
            ..
        } = self;
        let [first, second, third] = calls.each_ref().map(|(about, call)| format!("# {about}\n{call}\n"));
        format!(
            "\
Vedtak runs, with an example plan in the ledger of the tenant {TENANT}.

  JSON     {url}/v1
  gRPC     {address} (without TLS; with reflection)
  Manual   {url}/docs, and {url}/openapi.json
  Files    {directory}

Tokens, valid for {hours} hours (others: vedtak token --help)

  Recorder, as {RECORDER}
    {recorder}
  Administrator, as {ADMINISTRATOR}
    {administrator}

Three calls to try, in another terminal

{first}
{second}
{third}
Ctrl-C stops everything. What is recorded is kept.",
            directory = directory.display(),
            hours = LIFETIME.as_secs() / 3600,
        )
    }
}

/// The calls to try, each of which works as it stands.
fn calls(url: &str, token: &str, project: &str) -> [(&'static str, String); 3] {
    let (risk, request) = (Uuid::now_v7(), Uuid::new_v4());
    let header = format!("--header 'authorization: Bearer {token}'");
    let data = json!({
        "context": {"request_id": request, "reason": "Trying Vedtak out"},
        "number": "T1",
        "description": "The ground is softer than the survey says",
        "assessment": {"probability": 3, "consequence": 4},
    });
    [
        (
            "What contradicts or is missing in the plan? (JSON)",
            format!("curl {header} '{url}/v1/projects/{project}/findings'"),
        ),
        (
            "Register a risk. Sent again, it is answered with the first receipt and recorded once. (JSON)",
            format!(
                "curl {header} --header 'content-type: application/json' --data '{data}' '{url}/v1/projects/{project}/risks/{risk}/register'"
            ),
        ),
        (
            "Read the risks back with an independent client. (gRPC; needs Node.js)",
            format!(
                "npx --yes {BUF} curl --protocol grpc --http2-prior-knowledge {header} --data '{}' '{url}/vedtak.v1.RiskService/ListRisks'",
                json!({"project_id": project})
            ),
        ),
    ]
}

/// The subjects on whose behalf the example plan is loaded, each named once.
fn example_mandate() -> Vec<String> {
    let plan: Value = serde_json::from_str(EXAMPLE).unwrap_or_default();
    let commands = plan["commands"].as_array().into_iter().flatten();
    let named = commands.filter_map(|command| command["request"]["context"]["on_behalf_of"].as_str());
    let named: BTreeSet<&str> = named.collect();
    named.into_iter().map(str::to_owned).collect()
}

/// The project that most of the example plan is about.
fn example_project() -> Option<String> {
    let plan: Value = serde_json::from_str(EXAMPLE).ok()?;
    let ids = plan["commands"]
        .as_array()?
        .iter()
        .filter_map(|command| command["request"]["project_id"].as_str());
    let ids: Vec<&str> = ids.collect();
    ids.iter()
        .max_by_key(|id| ids.iter().filter(|other| other == id).count())
        .map(|id| (*id).to_owned())
}
