//! The configuration: a file, then the environment, then flags, each stronger than what comes before it.

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::error::Kind;
use figment::providers::{Env, Format, Serialized, Toml};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::StreamsConfig;
use crate::api::identity::IdentityConfig;
use crate::api::server::ServerConfig;
use crate::ledger::{StoreConfig, WriterConfig};
use crate::telemetry::TelemetryConfig;

/// What every setting in the environment begins with.
const PREFIX: &str = "VEDTAK_";

/// What stands in the place of a secret.
const MASK: &str = "***";

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The address that is listened on: both doors, health, and the manual.
    pub listen: SocketAddr,
    /// The database.
    pub database: StoreConfig,
    /// Whose tokens are believed.
    pub identity: IdentityConfig,
    /// Limits on what callers control.
    pub server: ServerConfig,
    /// Limits on streams of records.
    pub streams: StreamsConfig,
    /// How the writers of the ledger work.
    pub writer: WriterConfig,
    /// What is told to operators, and where.
    pub telemetry: TelemetryConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            database: StoreConfig::default(),
            identity: IdentityConfig::default(),
            server: ServerConfig::default(),
            streams: StreamsConfig::default(),
            writer: WriterConfig::default(),
            telemetry: TelemetryConfig::default(),
        }
    }
}

/// What flags say; it is stronger than file and environment.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// The address that is listened on.
    pub listen: Option<SocketAddr>,
    /// The URL of the database.
    pub database_url: Option<String>,
}

/// Why there is no configuration. No value stands in it, since values may be secrets.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("The configuration file {path} cannot be read: {source}.", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A setting is unknown, missing, or not what it must be.
    #[error("{0}")]
    Setting(String),
}

impl Config {
    /// Reads the configuration: the file, if there is one; what the environment says, as `VEDTAK_LISTEN` or, with two underscores
    /// between the levels, `VEDTAK_DATABASE__URL`; and the flags.
    ///
    /// # Errors
    /// When the file cannot be read, or a setting in one of the three is unknown, missing, or not what it must be.
    pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Self, ConfigError> {
        let mut figment = Figment::new();
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).map_err(|source| ConfigError::File {
                path: path.to_owned(),
                source,
            })?;
            // Read by hand, because figment takes a missing file for an empty one.
            figment = figment.merge(Toml::string(&text));
        }
        let environment = Env::prefixed(PREFIX).filter(|key| is_setting(key.as_str())).split("__");
        figment = figment.merge(environment);
        if let Some(listen) = overrides.listen {
            figment = figment.merge(Serialized::default("listen", listen));
        }
        if let Some(url) = &overrides.database_url {
            figment = figment.merge(Serialized::default("database.url", url));
        }
        figment
            .extract()
            .map_err(|error| ConfigError::Setting(sentence(&error, file)))
    }

    /// What stands against serving with this configuration, a sentence each; empty when nothing does. It looks at the configuration
    /// alone: whether the database answers is seen by trying.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.database.url.is_empty() {
            let sentence = "No database is configured: give database.url, VEDTAK_DATABASE__URL or --database-url.";
            problems.push(sentence.to_owned());
        }
        if let Err(error) = self.identity.validate_for_serving() {
            problems.push(error.to_string());
        }
        let counts = [
            (
                "database.max_connections",
                usize::try_from(self.database.max_connections).unwrap_or(usize::MAX),
            ),
            ("server.max_request_bytes", self.server.max_request_bytes),
            ("server.max_concurrent_requests", self.server.max_concurrent_requests),
            ("server.max_connections", self.server.max_connections),
            ("server.max_awaited_requests", self.server.max_awaited_requests),
            ("server.awaited_bytes", self.server.awaited_bytes),
            ("server.max_at_once_per_tenant", self.server.max_at_once_per_tenant),
            ("server.max_at_once_in_company", self.server.max_at_once_in_company),
            ("server.max_answer_bytes", self.server.max_answer_bytes),
            ("server.answer_bytes", self.server.answer_bytes),
            ("streams.max_streams", self.streams.max_streams),
            ("streams.max_streams_per_tenant", self.streams.max_streams_per_tenant),
            ("streams.max_streams_per_caller", self.streams.max_streams_per_caller),
            ("writer.writers", self.writer.writers),
            ("writer.batch", self.writer.batch),
            ("writer.queue", self.writer.queue),
            ("writer.queue_per_tenant", self.writer.queue_per_tenant),
            ("writer.queue_bytes", self.writer.queue_bytes),
            ("writer.queue_bytes_per_tenant", self.writer.queue_bytes_per_tenant),
            (
                "writer.judging_ms",
                usize::try_from(self.writer.judging_ms).unwrap_or(usize::MAX),
            ),
            ("writer.long_readings", self.writer.long_readings),
            ("writer.long_readings_per_tenant", self.writer.long_readings_per_tenant),
        ];
        let zero = counts.iter().filter(|(_, count)| *count == 0);
        problems.extend(zero.map(|(name, _)| format!("{name} is 0: nothing would ever be answered.")));
        problems
    }

    /// The configuration as JSON, without secrets.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut value = serde_json::to_value(self).expect("the configuration has only text keys");
        mask(&mut value);
        value
    }

    /// The configuration as a file that `--config` reads, without secrets.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        write_table(&mut text, "", &self.to_json());
        text.trim_start().to_owned()
    }
}

/// Whether a name in the environment, without the prefix, is meant to be a setting.
fn is_setting(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    // These are read by the command line itself.
    let command_line = ["config", "url", "token"];
    // Kubernetes tells every container of a Service named vedtak in this way.
    let service_link = key == "port"
        || ["port_", "service_host", "service_port"]
            .iter()
            .any(|begin| key.starts_with(begin));
    !command_line.contains(&key.as_str()) && !service_link
}

/// What is wrong, in one sentence that names the setting and never its value.
fn sentence(error: &figment::Error, file: Option<&Path>) -> String {
    let from = error.metadata.as_ref().map_or("", |metadata| metadata.name.as_ref());
    let place = match file {
        Some(path) if from.contains("TOML") => format!("in {}", path.display()),
        _ if from.contains("environment") => format!("in the environment ({PREFIX}…)"),
        _ => "in the configuration".to_owned(),
    };
    let path = error.path.join(".");
    let inside = |name: &str| match error.path.last() {
        Some(last) if last == name => path.clone(),
        Some(_) => format!("{path}.{name}"),
        None => name.to_owned(),
    };
    match &error.kind {
        _ if path == "listen" => {
            format!("The setting listen must be an address and a port, such as 127.0.0.1:8080 ({place}).")
        }
        Kind::UnknownField(name, known) => {
            format!(
                "There is no setting {} ({place}); known there: {}.",
                inside(name),
                known.join(", ")
            )
        }
        Kind::MissingField(name) => format!("The setting {} is missing ({place}).", inside(name)),
        Kind::DuplicateField(name) => format!("The setting {} stands twice ({place}).", inside(name)),
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) if expected.starts_with("struct ") => {
            format!("The setting {path} is a section of several settings, and was given one value ({place}).")
        }
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) | Kind::InvalidLength(_, expected) => {
            let expected = match expected.as_str() {
                "u32" | "u64" | "usize" => "a whole number, 0 or more",
                other => other,
            };
            format!("The setting {path} must be {expected} ({place}).")
        }
        // A message may quote the text it is about; of a file that is no TOML, the first line says where and what.
        Kind::Message(message) if path.is_empty() => {
            let first = message.lines().next().unwrap_or_default();
            format!("The configuration cannot be read ({place}): {first}.")
        }
        _ => format!("The setting {path} is not of the form that is needed ({place})."),
    }
}

/// Puts a mask in the place of every password in a URL.
fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(mask),
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::String(text) if text.contains("://") => *text = masked_url(text),
        _ => {}
    }
}

fn masked_url(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else {
        return MASK.to_owned();
    };
    let secret = |name: &str| name.contains("password");
    let in_query = url.query_pairs().any(|(name, _)| secret(&name));
    if url.password().is_none() && !in_query {
        // As it was written: an issuer's name is compared letter by letter.
        return text.to_owned();
    }
    if url.password().is_some() {
        // It has a password, so it can have another one.
        let _ = url.set_password(Some(MASK));
    }
    if in_query {
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let masked = pairs
            .iter()
            .map(|(name, value)| (name, if secret(name) { MASK } else { value.as_str() }));
        url.query_pairs_mut().clear().extend_pairs(masked);
    }
    url.into()
}

/// Writes a table as TOML: its plain values first, since what follows a section's heading belongs to the section. The text of a
/// plain value is the same in JSON as in TOML.
fn write_table(text: &mut String, name: &str, table: &Value) {
    let fields = table.as_object().into_iter().flatten();
    let is_section =
        |value: &Value| value.is_object() || value.as_array().is_some_and(|items| items.iter().any(Value::is_object));
    for (key, value) in fields
        .clone()
        .filter(|(_, value)| !is_section(value) && !value.is_null())
    {
        let _ = writeln!(text, "{key} = {value}");
    }
    for (key, value) in fields.filter(|(_, value)| is_section(value)) {
        let name = if name.is_empty() {
            key.clone()
        } else {
            format!("{name}.{key}")
        };
        if let Some(items) = value.as_array() {
            for item in items {
                let _ = writeln!(text, "\n[[{name}]]");
                write_table(text, &name, item);
            }
        } else {
            let _ = writeln!(text, "\n[{name}]");
            write_table(text, &name, value);
        }
    }
}
