//! The database: connections that act as the service's role, the migrations, and the health of both.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Executor};

use super::error::LedgerError;

/// The schema, embedded in the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How to reach the database.
#[derive(Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// `postgres://user:password@host/database`.
    pub url: String,
    /// The most connections that reading may hold. The writers have their own.
    pub max_connections: u32,
    /// How long a statement may take before the database ends it, in milliseconds.
    pub statement_timeout_ms: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            max_connections: 16,
            statement_timeout_ms: 30_000,
        }
    }
}

impl std::fmt::Debug for StoreConfig {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL may hold a password.
        formatter
            .debug_struct("StoreConfig")
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

/// The database, seen with the rights of the service.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
    writers: PgPool,
}

impl Store {
    /// Connects as the service: whatever the login may do, every connection gives that up and becomes `vedtak_service`.
    ///
    /// # Errors
    /// When the URL is not one, or the database does not answer.
    pub async fn connect(config: &StoreConfig) -> Result<Self, LedgerError> {
        let options = PgConnectOptions::from_str(&config.url)
            .map_err(|_| LedgerError::Url)?
            .application_name("vedtak")
            .options([
                ("statement_timeout", config.statement_timeout_ms.to_string().as_str()),
                ("timezone", "UTC"),
            ])
            .disable_statement_logging();
        let pool = |most: u32| {
            PgPoolOptions::new()
                .max_connections(most)
                .acquire_timeout(Duration::from_secs(5))
                .test_before_acquire(false)
                .after_connect(|connection, _| {
                    Box::pin(async move {
                        connection.execute("SET ROLE vedtak_service").await?;
                        Ok(())
                    })
                })
        };
        Ok(Self {
            pool: pool(config.max_connections).connect_with(options.clone()).await?,
            writers: pool(32).connect_lazy_with(options),
        })
    }

    /// Brings the schema up to date. The login must own the database and be able to make roles.
    ///
    /// # Errors
    /// When the database does not answer or a migration fails; a failed migration leaves nothing half-done.
    pub async fn migrate(url: &str) -> Result<(), LedgerError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| LedgerError::Url)?
            .disable_statement_logging();
        let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await?;
        let outcome = MIGRATIONS.run(&pool).await;
        pool.close().await;
        Ok(outcome?)
    }

    /// Whether the database answers, and its schema is the one this binary was built for: a sentence when not.
    pub async fn readiness(&self) -> Result<(), String> {
        let applied: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM public._sqlx_migrations WHERE success")
            .fetch_one(&self.pool)
            .await
            .map_err(|error| match error {
                sqlx::Error::Database(_) => "The database has no schema: run `vedtak migrate`.".to_owned(),
                _ => "The database does not answer.".to_owned(),
            })?;
        let wanted = MIGRATIONS.iter().map(|migration| migration.version).max();
        if applied == wanted {
            return Ok(());
        }
        Err(format!(
            "The schema is at version {}, this binary needs {}: run `vedtak migrate`.",
            applied.unwrap_or_default(),
            wanted.unwrap_or_default()
        ))
    }

    /// The connections for reading and for the projections.
    #[must_use]
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The connections of the writers, so that a crowd of readers never makes an append wait.
    pub(super) const fn writers(&self) -> &PgPool {
        &self.writers
    }
}
