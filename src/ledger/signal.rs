//! What is told after each commit: to this process at once, to other processes through PostgreSQL, coalesced.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgListener;
use tokio::sync::{broadcast, mpsc};
use tracing::warn;

use super::store::Store;

/// A tenant's ledger has grown.
pub type Appended = Arc<str>;

/// The channel between processes.
const CHANNEL: &str = "vedtak_appended";

/// How long notifications are gathered before they are sent on. Inside the append, NOTIFY would take a lock that all tenants share.
const GATHER: Duration = Duration::from_millis(20);

/// Tells which ledgers have grown. A receiver that lags has missed nothing but the hint: it reads on from its own position.
#[derive(Clone, Debug)]
pub struct Signals {
    here: broadcast::Sender<Appended>,
    elsewhere: mpsc::Sender<Appended>,
}

impl Signals {
    pub(super) fn start(store: Store) -> Self {
        let (here, _) = broadcast::channel(1024);
        let (elsewhere, gathered) = mpsc::channel(1024);
        tokio::spawn(send_on(store.clone(), gathered));
        tokio::spawn(listen(store, here.clone()));
        Self { here, elsewhere }
    }

    /// Hears of every append from now on, in this process and others.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Appended> {
        self.here.subscribe()
    }

    pub(super) fn tell(&self, tenant: &Appended) {
        // Nobody listening, or a full channel: both are fine, since every listener also looks now and then.
        let _ = self.here.send(Arc::clone(tenant));
        let _ = self.elsewhere.try_send(Arc::clone(tenant));
    }
}

async fn send_on(store: Store, mut gathered: mpsc::Receiver<Appended>) {
    let mut batch = Vec::new();
    while gathered.recv_many(&mut batch, 1024).await > 0 {
        tokio::time::sleep(GATHER).await;
        while let Ok(tenant) = gathered.try_recv() {
            batch.push(tenant);
        }
        let tenants: HashSet<String> = batch.drain(..).map(|tenant| tenant.to_string()).collect();
        let tenants: Vec<String> = tenants.into_iter().collect();
        let sending = sqlx::query("SELECT pg_notify($1, tenant) FROM unnest($2::text[]) AS tenant")
            .bind(CHANNEL)
            .bind(&tenants)
            .execute(store.pool());
        if let Err(error) = store.patiently(sending).await
            && !store.pool().is_closed()
        {
            warn!(%error, "other processes were not told of an append; they will look by themselves");
        }
    }
}

async fn listen(store: Store, here: broadcast::Sender<Appended>) {
    loop {
        let heard: Result<(), sqlx::Error> = async {
            let mut listener = PgListener::connect_with(store.pool()).await?;
            listener.listen(CHANNEL).await?;
            loop {
                let notification = listener.recv().await?;
                let _ = here.send(Arc::from(notification.payload()));
            }
        }
        .await;
        if let Err(error) = heard {
            if store.pool().is_closed() {
                return;
            }
            warn!(%error, "lost the notifications of other processes; listening again in a second");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
