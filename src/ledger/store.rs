//! The database: connections that act as the service's role, the migrations, and the health of both.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};

use super::error::LedgerError;

/// The schema, embedded in the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How long a session may hold a transaction open without a word: it may be of a process that is gone and never said so, and
/// holds locks that others wait for.
const SILENT_TRANSACTION_MS: &str = "5000";

/// How long the database may take to say that it is there.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

/// Connections that were idle for longer are asked whether they are still connected to anything.
const IDLE: Duration = Duration::from_secs(1);

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
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
    options: Arc<PgConnectOptions>,
    patience: Duration,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The options hold a password.
        formatter
            .debug_struct("Store")
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Connects as the service: whatever the login may do, every connection gives that up and becomes `vedtak_service`.
    ///
    /// # Errors
    /// When the URL is not one, the database does not answer, or the login cannot act as the service.
    pub async fn connect(config: &StoreConfig) -> Result<Self, LedgerError> {
        let options = PgConnectOptions::from_str(&config.url)
            .map_err(|_| LedgerError::Url)?
            .application_name("vedtak")
            .options([
                ("statement_timeout", config.statement_timeout_ms.to_string().as_str()),
                ("timezone", "UTC"),
                ("idle_in_transaction_session_timeout", SILENT_TRANSACTION_MS),
                // A process behind a network that was cut is noticed within half a minute, not within hours.
                ("tcp_keepalives_idle", "15"),
                ("tcp_keepalives_interval", "5"),
                ("tcp_keepalives_count", "3"),
                // Every statement of ours is a look-up by key. A plan made while a table was small must not stay with the
                // connection when it is large, and none is worth compiling.
                ("plan_cache_mode", "force_generic_plan"),
                ("enable_seqscan", "off"),
                ("enable_bitmapscan", "off"),
                ("enable_hashjoin", "off"),
                ("enable_mergejoin", "off"),
                ("jit", "off"),
            ])
            .disable_statement_logging();
        let mut first = PgConnection::connect_with(&options).await?;
        // Tried once by itself: a pool would only say that it waited in vain.
        become_service(&mut first).await.map_err(not_the_service)?;
        first.close().await?;
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections)
            .acquire_timeout(SIGN_OF_LIFE)
            .test_before_acquire(false)
            .after_connect(|connection, _| Box::pin(become_service(connection)))
            .before_acquire(|connection, state| {
                Box::pin(async move {
                    if state.idle_for >= IDLE {
                        lives(connection).await?;
                    }
                    Ok(true)
                })
            })
            // A reader whose caller has stopped waiting may give back a connection that nothing will ever come from.
            .after_release(|connection, _| Box::pin(async move { lives(connection).await.map(|()| true) }));
        Ok(Self {
            pool: pool.connect_with(options.clone()).await?,
            options: Arc::new(options),
            patience: match config.statement_timeout_ms {
                0 => Duration::MAX,
                timeout => Duration::from_millis(timeout) + SIGN_OF_LIFE,
            },
        })
    }

    /// Makes an empty database on the server of `url`, which names another database there, unless it has one of that name;
    /// `anew` drops that one first, with everything in it. Answers whether it made one.
    ///
    /// # Errors
    /// When the database does not answer, or the login may not make databases.
    pub async fn create_database(url: &str, name: &str, anew: bool) -> Result<bool, LedgerError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| LedgerError::Url)?
            .disable_statement_logging();
        let mut connection = PgConnection::connect_with(&options).await?;
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        if anew {
            sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {quoted} WITH (FORCE)")))
                .execute(&mut connection)
                .await?;
        }
        let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(name)
            .fetch_one(&mut connection)
            .await?;
        if !exists {
            sqlx::raw_sql(AssertSqlSafe(format!(
                "CREATE DATABASE {quoted} ENCODING 'UTF8' TEMPLATE template0"
            )))
            .execute(&mut connection)
            .await?;
        }
        connection.close().await?;
        Ok(!exists)
    }

    /// Brings the schema up to date. The login must own the database and be able to make roles.
    ///
    /// # Errors
    /// When the database does not answer or a migration fails; a failed migration leaves nothing half-done.
    pub async fn migrate(url: &str) -> Result<Migrated, LedgerError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| LedgerError::Url)?
            .disable_statement_logging();
        let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await?;
        let before = applied_version(&pool).await;
        let outcome = MIGRATIONS.run(&pool).await;
        pool.close().await;
        outcome?;
        Ok(Migrated {
            before: before.ok().flatten(),
            after: wanted_version(),
        })
    }

    /// Whether the database answers, and its schema is at least the one this binary was built for: a sentence when not.
    pub async fn readiness(&self) -> Result<(), String> {
        let applied = limited(SIGN_OF_LIFE, applied_version(&self.pool))
            .await
            .map_err(|error| match error {
                // undefined_table; a database that is going down raises errors of its own.
                sqlx::Error::Database(error) if error.code().as_deref() == Some("42P01") => {
                    LedgerError::NoSchema.to_string()
                }
                _ => "The database does not answer.".to_owned(),
            })?;
        let (applied, wanted) = (applied.unwrap_or_default(), wanted_version());
        if applied < wanted {
            return Err(format!(
                "The schema is at version {applied}, this binary needs {wanted}: run `vedtak migrate`."
            ));
        }
        // A newer schema is one that is being rolled out: what runs goes on until it is replaced.
        Ok(())
    }

    /// Waits for work on the database that nobody else sets a deadline for. The database ends a statement that takes too long, so
    /// whoever has not heard of that in time has lost it, and would wait for ever.
    ///
    /// # Errors
    /// Those of the work, and that the time is up.
    pub async fn patiently<T, E: From<sqlx::Error>>(
        &self,
        work: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        limited(self.patience, work).await
    }

    /// Closes the connections, after what they are at.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// The connections for reading and for the projections.
    #[must_use]
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A connection of one's own, outside the pool: a crowd of readers never makes a writer wait.
    pub(super) async fn connection(&self) -> Result<PgConnection, sqlx::Error> {
        limited(SIGN_OF_LIFE, async {
            let mut connection = PgConnection::connect_with(&self.options).await?;
            become_service(&mut connection).await?;
            Ok(connection)
        })
        .await
    }

    /// Whether anything answers at the other end of a connection.
    pub(super) async fn lives(&self, connection: &mut PgConnection) -> bool {
        lives(connection).await.is_ok()
    }

    /// Closes a connection of one's own in order.
    pub(super) async fn part(&self, connection: PgConnection) {
        // One that is broken is closed already.
        let _ = limited(SIGN_OF_LIFE, connection.close()).await;
    }
}

/// What a migration did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The version of the schema before; none when there was no schema.
    pub before: Option<i64>,
    /// The version now.
    pub after: i64,
}

async fn limited<T, E: From<sqlx::Error>>(limit: Duration, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let late = || sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(late().into()))
}

/// Whether anything answers at the other end.
async fn lives(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    limited(SIGN_OF_LIFE / 5, connection.ping()).await
}

async fn applied_version(pool: &PgPool) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar("SELECT max(version) FROM public._sqlx_migrations WHERE success")
        .fetch_one(pool)
        .await
}

/// The version of the schema that this binary was built for.
fn wanted_version() -> i64 {
    MIGRATIONS
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or_default()
}

async fn become_service(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.execute("SET ROLE vedtak_service").await?;
    Ok(())
}

/// Why a login could not act as the service, told by what PostgreSQL answers (SQLSTATE).
fn not_the_service(error: sqlx::Error) -> LedgerError {
    match error.as_database_error().and_then(|error| error.code()).as_deref() {
        // invalid_parameter_value: there is no such role.
        Some("22023") => LedgerError::NoSchema,
        // insufficient_privilege
        Some("42501") => LedgerError::NotTheService,
        _ => error.into(),
    }
}
