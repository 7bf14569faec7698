//! The connection of one append: at hand, or away with an insert while the next commands are judged.

use sqlx::{Executor, PgConnection};
use tokio::task::JoinHandle;

use super::batch::Batch;
use super::store::Store;

/// A connection in the middle of a transaction. Dropped, it is closed, and the database rolls back: only [`Wire::end`] gives a
/// connection back that can be used again.
pub(super) struct Wire {
    store: Store,
    place: Option<Place>,
}

enum Place {
    AtHand(PgConnection),
    Away(JoinHandle<Result<PgConnection, sqlx::Error>>),
}

impl Wire {
    /// Begins a transaction.
    pub(super) async fn begin(store: &Store, mut connection: PgConnection) -> Result<Self, sqlx::Error> {
        connection.execute("BEGIN").await?;
        Ok(Self {
            store: store.clone(),
            place: Some(Place::AtHand(connection)),
        })
    }

    /// The connection, once what it is at is done.
    pub(super) async fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        let connection = match self.place.take() {
            Some(Place::AtHand(connection)) => connection,
            Some(Place::Away(insert)) => insert.await.map_err(|_| sqlx::Error::WorkerCrashed)??,
            None => return Err(sqlx::Error::WorkerCrashed),
        };
        match self.place.insert(Place::AtHand(connection)) {
            Place::AtHand(connection) => Ok(connection),
            Place::Away(_) => Err(sqlx::Error::WorkerCrashed),
        }
    }

    /// Sends an insert on its way, after the one before. Its failure is told by whatever is asked of the connection next.
    pub(super) async fn insert(&mut self, batch: Batch) -> Result<(), sqlx::Error> {
        self.connection().await?;
        let Some(Place::AtHand(mut connection)) = self.place.take() else {
            return Err(sqlx::Error::WorkerCrashed);
        };
        let store = self.store.clone();
        self.place = Some(Place::Away(tokio::spawn(async move {
            // Whoever waits for this may give up; the task must not outlive what it waits for.
            store.patiently(batch.insert(&mut connection)).await?;
            Ok(connection)
        })));
        Ok(())
    }

    /// Ends the transaction with this statement.
    pub(super) async fn end(mut self, statement: &'static str) -> Result<PgConnection, sqlx::Error> {
        self.connection().await?.execute(statement).await?;
        match self.place.take() {
            Some(Place::AtHand(connection)) => Ok(connection),
            _ => Err(sqlx::Error::WorkerCrashed),
        }
    }
}
