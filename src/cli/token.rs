//! `vedtak token`: a token for trying things out with `vedtak dev`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::Problem;
use super::terminal::Terminal;
use crate::api::development_issuer::{DevelopmentIssuer, LONGEST_LIFETIME_HOURS};

/// Make a token for `vedtak dev`
///
/// The token is signed with the key that `vedtak dev` made on its first start, and only a service started with `vedtak dev` on the
/// same directory believes it. In production tokens come from your own issuer.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  export VEDTAK_TOKEN=$(vedtak token --subject kari.nordmann --role recorder)
  curl --header \"authorization: Bearer $VEDTAK_TOKEN\" http://127.0.0.1:8080/v1/ledger/head

What comes next:
  vedtak import FILE      record a plan with it
  vedtak export           read every record back")]
pub(super) struct Arguments {
    /// Where `vedtak dev` keeps its files
    #[arg(long, value_name = "DIRECTORY", default_value = super::dev::DIRECTORY)]
    directory: PathBuf,
    /// The tenant whose ledger it opens
    #[arg(long, default_value = super::dev::TENANT)]
    tenant: String,
    /// Who acts with it
    #[arg(long, default_value = "developer")]
    subject: String,
    /// What it may do; can be given several times
    #[arg(long = "role", value_enum, default_value = "recorder")]
    roles: Vec<Role>,
    /// On whose behalf it may act; can be given several times
    #[arg(long = "on-behalf-of", value_name = "SUBJECT")]
    mandate: Vec<String>,
    /// How long it is valid
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..=LONGEST_LIFETIME_HOURS))]
    hours: u64,
}

/// What a token allows.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Role {
    /// Read
    Reader,
    /// Read and record
    Recorder,
    /// Also what only administrators may record
    Administrator,
}

impl Role {
    /// The name in the token.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Recorder => "recorder",
            Self::Administrator => "administrator",
        }
    }
}

/// Runs it.
///
/// # Errors
/// When there is no key in the directory.
pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<(), Problem> {
    if !arguments.directory.is_dir() {
        let directory = arguments.directory.display();
        return Err(Problem::new(format!(
            "There is nothing of `vedtak dev` in {directory}: start it first, or give its --directory."
        )));
    }
    let issuer = DevelopmentIssuer::open(&arguments.directory)?;
    let roles: Vec<&str> = arguments.roles.iter().map(|role| role.name()).collect();
    let lifetime = Duration::from_secs(arguments.hours * 3600);
    let token = issuer.token(
        &arguments.tenant,
        &arguments.subject,
        &roles,
        &arguments.mandate,
        lifetime,
    );
    let value = json!({
        "token": token, "tenant": arguments.tenant, "subject": arguments.subject, "roles": roles, "expires_in": lifetime.as_secs(),
    });
    terminal.result(&value, &token)
}
