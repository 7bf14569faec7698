//! A connection to the database of a writer's own, made when it is needed.

use std::time::{Duration, Instant};

use sqlx::PgConnection;

use super::store::Store;

/// A connection that was idle for longer is asked whether it is still connected to anything.
const IDLE: Duration = Duration::from_secs(1);

/// One connection outside the pool: a crowd of readers never makes a writer wait.
pub(super) struct Wire {
    /// Where another connection is had from; none when nothing but this one will do.
    store: Option<Store>,
    /// The connection, and when it was used last. None before it was first needed, while it is away, and after it failed.
    connection: Option<(PgConnection, Instant)>,
}

impl Wire {
    pub(super) const fn new(store: Store) -> Self {
        Self {
            store: Some(store),
            connection: None,
        }
    }

    /// A connection in the middle of a transaction, which no other can stand in for.
    pub(super) fn within(connection: PgConnection) -> Self {
        Self {
            store: None,
            connection: Some((connection, Instant::now())),
        }
    }

    /// Takes the connection. Dropped instead of given back, it is closed, and the database rolls back what it was at.
    pub(super) async fn take(&mut self) -> Result<PgConnection, sqlx::Error> {
        match (self.connection.take(), &self.store) {
            (Some((connection, _)), None) => Ok(connection),
            (Some((mut connection, used)), Some(store)) => {
                if used.elapsed() < IDLE || store.lives(&mut connection).await {
                    return Ok(connection);
                }
                store.connection().await
            }
            (None, Some(store)) => store.connection().await,
            (None, None) => Err(sqlx::Error::Protocol("the transaction is gone".to_owned())),
        }
    }

    /// Gives it back, with nothing under way.
    pub(super) fn give_back(&mut self, connection: PgConnection) {
        self.connection = Some((connection, Instant::now()));
    }

    /// The connection.
    pub(super) async fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        let connection = self.take().await?;
        let (connection, _) = self.connection.insert((connection, Instant::now()));
        Ok(connection)
    }

    /// Closes it, whatever it is at.
    pub(super) fn cut(&mut self) {
        self.connection = None;
    }

    /// Says goodbye to the database.
    pub(super) async fn close(self) {
        if let (Some((connection, _)), Some(store)) = (self.connection, &self.store) {
            store.part(connection).await;
        }
    }
}
