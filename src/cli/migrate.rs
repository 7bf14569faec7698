//! `vedtak migrate`: brings the schema of the database up to date.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Problem;
use super::terminal::Terminal;
use crate::config::{Config, Overrides};
use crate::ledger::Store;

/// Bring the schema of the database up to date
///
/// The migrations are in the binary; those that the database has not had yet are run in order, each in a transaction of its own. A
/// database that is up to date is left as it is, so this can stand before every start. The login must own the database and be able
/// to make roles; the service itself needs neither.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  VEDTAK_DATABASE__URL=postgres://vedtak_migrator:…@db/vedtak vedtak migrate

What comes next:
  GRANT vedtak_service TO <the login of the service>   in psql, once
  vedtak serve --check                                 see that all is in place")]
pub(super) struct Arguments {
    /// The configuration file (TOML); of it only the database is used
    #[arg(long, value_name = "FILE", env = "VEDTAK_CONFIG")]
    config: Option<PathBuf>,
    /// The database, as postgres://login:password@host/database [env: VEDTAK_DATABASE__URL]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

/// Runs it.
///
/// # Errors
/// When there is no database configured, it does not answer, or a migration fails.
pub(super) async fn run(arguments: Arguments, terminal: &Terminal) -> Result<(), Problem> {
    let overrides = Overrides {
        listen: None,
        database_url: arguments.database_url,
    };
    let config = Config::load(arguments.config.as_deref(), &overrides)?;
    if config.database.url.is_empty() {
        return Err(Problem::new(
            "No database is configured: give --database-url or VEDTAK_DATABASE__URL.",
        ));
    }
    let spinner = terminal.spinner("Migrating");
    let outcome = Store::migrate(&config.database.url).await;
    spinner.finish_and_clear();
    let migrated = outcome?;
    let text = match migrated.before {
        None => format!("The schema is made, at version {}.", migrated.after),
        Some(before) if before == migrated.after => format!("The schema was at version {before} already."),
        Some(before) => format!("The schema went from version {before} to {}.", migrated.after),
    };
    terminal.result(&json!({"before": migrated.before, "version": migrated.after}), &text)
}
