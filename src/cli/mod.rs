//! The command line: one file per subcommand, and the little that they share.

mod client;
mod dev;
mod export;
mod import;
mod migrate;
mod replay;
mod running;
mod serve;
mod signals;
mod terminal;
mod token;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::api::development_issuer::DevelopmentIssuerError;
use crate::api::identity::IdentityError;
use crate::config::ConfigError;
use crate::embedded::EmbeddedError;
use crate::ledger::{LedgerError, Unreadable};
use crate::telemetry::TelemetryError;
use terminal::Terminal;

/// Vedtak keeps the book of record for how municipal projects are governed: commands are judged by the rules, what is decided
/// is recorded, and nothing that is recorded is ever altered.
#[derive(Debug, Parser)]
#[command(
    name = "vedtak",
    version,
    max_term_width = 100,
    after_help = "Begin with `vedtak dev`."
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
    /// Write the result to stdout as JSON, for machines; progress goes to stderr all the same
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Dev(dev::Arguments),
    Serve(serve::Arguments),
    Migrate(migrate::Arguments),
    Import(import::Arguments),
    Export(export::Arguments),
    Replay(replay::Arguments),
    Token(token::Arguments),
}

/// Why a subcommand did not do what it was told: a sentence for the person at the terminal.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Problem(String);

impl Problem {
    fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

/// The sentence of an error is all that is shown of it.
macro_rules! told_as_it_is {
    ($($error:ty),*) => {
        $(impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                Self(error.to_string())
            }
        })*
    };
}

told_as_it_is!(
    ConfigError,
    DevelopmentIssuerError,
    EmbeddedError,
    IdentityError,
    LedgerError,
    TelemetryError,
    Unreadable
);

/// Runs the subcommand that the arguments of this process name. Exits with 0 when it did what it was told, 1 when not, 2 when
/// nobody could know what was meant.
#[must_use]
pub fn run() -> ExitCode {
    let CommandLine { command, json } = CommandLine::parse();
    let terminal = Terminal::new(json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal.say(&format!("error: the system gives no threads: {error}."));
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(async {
        match command {
            Command::Dev(arguments) => dev::run(arguments, &terminal).await,
            Command::Serve(arguments) => serve::run(arguments, &terminal).await,
            Command::Migrate(arguments) => migrate::run(arguments, &terminal).await,
            Command::Import(arguments) => import::run(arguments, &terminal).await,
            Command::Export(arguments) => export::run(arguments, &terminal).await,
            Command::Replay(arguments) => replay::run(arguments, &terminal).await,
            Command::Token(arguments) => token::run(&arguments, &terminal),
        }
    });
    // What still runs has been told to stop and had its time.
    runtime.shutdown_timeout(Duration::from_millis(100));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            terminal.say(&format!("error: {problem}"));
            ExitCode::FAILURE
        }
    }
}
