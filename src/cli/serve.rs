//! `vedtak serve`: the service, on a database of its own and with tokens from issuers that it is told to trust.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Problem;
use super::running::{Running, listen};
use super::signals::Signals;
use super::terminal::Terminal;
use crate::api::identity::Verifier;
use crate::config::{Config, Overrides};
use crate::ledger::Store;
use crate::telemetry;

/// Serve gRPC and JSON in production
///
/// Settings come from a file (TOML), then the environment, then flags, each stronger than what comes before it. In the environment a
/// setting is written VEDTAK_LISTEN or, with two underscores between the levels, VEDTAK_DATABASE__URL. Unknown settings are refused.
///
/// SIGTERM or SIGINT stop it: it takes nothing new, finishes what it has accepted, and ends. A second signal ends it at once; what was
/// answered is in the ledger even then.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  vedtak serve --config vedtak.toml --check    see whether it would start, and with which settings
  vedtak serve --config vedtak.toml

  # vedtak.toml
  listen = \"0.0.0.0:8080\"
  [database]
  url = \"postgres://vedtak_app:…@db/vedtak\"
  [[identity.issuers]]
  issuer = \"https://login.example.no\"
  audience = \"vedtak\"
  jwks_url = \"https://login.example.no/jwks.json\"
  algorithms = [\"ES256\"]
  tenants = [\"nordre-land\"]

What comes before:
  vedtak migrate      make the schema, or bring it up to date

What comes next:
  GET /healthz        it runs
  GET /readyz         it runs, and its database answers with the right schema
  GET /docs           the manual of the API")]
pub(super) struct Arguments {
    /// The configuration file (TOML)
    #[arg(long, value_name = "FILE", env = "VEDTAK_CONFIG")]
    config: Option<PathBuf>,
    /// The address to listen on [env: VEDTAK_LISTEN] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// The database, as postgres://login:password@host/database [env: VEDTAK_DATABASE__URL]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Check the configuration, the keys of the issuers and the database, print the settings without secrets, and end
    #[arg(long)]
    check: bool,
}

/// Runs it.
///
/// # Errors
/// When something stands against serving.
pub(super) async fn run(arguments: Arguments, terminal: &Terminal) -> Result<(), Problem> {
    let overrides = Overrides {
        listen: arguments.listen,
        database_url: arguments.database_url,
    };
    let config = Config::load(arguments.config.as_deref(), &overrides)?;
    if arguments.check {
        check(&config, terminal).await
    } else {
        serve(&config, terminal).await
    }
}

async fn serve(config: &Config, terminal: &Terminal) -> Result<(), Problem> {
    if let Some(problem) = config.problems().into_iter().next() {
        return Err(Problem(problem));
    }
    let telemetry = telemetry::start(&config.telemetry)?;
    let mut signals = Signals::listen()?;
    let for_operators = match config.server.operations_listen {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let listener = listen(config.listen).await?;
    let starting = async {
        let store = Store::connect(&config.database).await?;
        store.readiness().await.map_err(Problem)?;
        Running::start(
            store,
            (listener, for_operators),
            Verifier::new(&config.identity).await?,
            config,
            telemetry,
        )
    };
    let running = tokio::select! {
        started = starting => started?,
        () = signals.next() => return Ok(()),
    };
    let address = running.address;
    terminal.result(
        &json!({"listening": address.to_string()}),
        &format!("Vedtak serves gRPC and JSON on http://{address}."),
    )?;
    signals.next().await;
    Signals::next_ends_the_process();
    terminal.say("Stopping: finishing what was accepted.");
    running.stop().await;
    Ok(())
}

/// Validates everything that can be validated without serving, and tells all that is wrong rather than the first of it.
async fn check(config: &Config, terminal: &Terminal) -> Result<(), Problem> {
    let mut problems = config.problems();
    problems.extend(
        telemetry::prepare(&config.telemetry)
            .err()
            .map(|error| error.to_string()),
    );
    if config.identity.validate_for_serving().is_ok()
        && let Err(error) = Verifier::new(&config.identity).await
    {
        problems.push(error.to_string());
    }
    if !config.database.url.is_empty() {
        match Store::connect(&config.database).await {
            Ok(store) => problems.extend(store.readiness().await.err()),
            Err(error) => problems.push(error.to_string()),
        }
    }
    terminal.result(
        &json!({"valid": problems.is_empty(), "problems": problems, "configuration": config.to_json()}),
        &config.to_toml(),
    )?;
    if problems.is_empty() {
        terminal.say("The service can start with this configuration.");
        return Ok(());
    }
    Err(Problem(problems.join("\nerror: ")))
}
