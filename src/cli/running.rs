//! The service in this process: what `serve` and `dev` both start and stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Problem;
use crate::api::identity::Verifier;
use crate::api::{Service, server};
use crate::config::Config;
use crate::ledger::{Ledger, Store};
use crate::projections::Projections;
use crate::rules::Rules;
use crate::telemetry::Telemetry;

/// How long the last appends may take, and then the last connections to the database.
const CLOSING: Duration = Duration::from_secs(5);

/// A service that answers, until it is stopped.
#[derive(Debug)]
pub(super) struct Running {
    /// The address that it listens on.
    pub(super) address: SocketAddr,
    ledger: Ledger<Rules>,
    telemetry: Arc<Telemetry>,
    stopping: CancellationToken,
    serving: JoinHandle<()>,
}

/// Takes the address, before anything else is begun that would have to be undone.
///
/// # Errors
/// When it is taken, or not one of this machine's.
pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener, Problem> {
    TcpListener::bind(address).await.map_err(|error| {
        Problem::new(match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                format!("Another process listens on {address}: stop it, or choose another address with --listen.")
            }
            _ => format!("{address} cannot be listened on: {error}."),
        })
    })
}

impl Running {
    /// Starts the ledger, its projections, and both doors.
    ///
    /// # Errors
    /// When the address of the listener is not known.
    pub(super) fn start(
        store: Store,
        (listener, for_operators): (TcpListener, Option<TcpListener>),
        verifier: Verifier,
        config: &Config,
        telemetry: Telemetry,
    ) -> Result<Self, Problem> {
        let address = listener
            .local_addr()
            .map_err(|error| Problem::new(format!("The address is not known: {error}.")))?;
        let stopping = CancellationToken::new();
        let metrics = telemetry.metrics().clone();
        let telemetry = Arc::new(telemetry);
        let ledger = Ledger::start(Arc::new(Rules), store, &config.writer, Arc::new(metrics.clone()));
        let projections = Projections::start(ledger.clone(), metrics.clone(), stopping.clone());
        let service = Service::new(ledger.clone(), projections, metrics, config.streams, stopping.clone());
        let verifier = Arc::new(verifier);
        let parts = || (service.clone(), Arc::clone(&verifier), Some(Arc::clone(&telemetry)));
        let (limits, until) = (config.server, stopping.clone());
        if let Some(listener) = for_operators {
            let (service, verifier, telemetry) = parts();
            let router = server::operations(service, verifier, &limits, telemetry);
            let until = until.clone();
            tokio::spawn(async move { server::serve(listener, router, &limits, until).await });
        }
        let (service, verifier, telemetry_shown) = parts();
        let router = server::router(service, verifier, &limits, telemetry_shown);
        let serving = tokio::spawn(async move { server::serve(listener, router, &limits, until).await });
        Ok(Self {
            address,
            ledger,
            telemetry,
            stopping,
            serving,
        })
    }

    /// Takes nothing new, finishes what was accepted, lets go of the database, and sends the last traces and metrics.
    pub(super) async fn stop(self) {
        self.stopping.cancel();
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the server broke off");
        }
        // A database that hangs keeps neither of them: whatever was not answered was not promised.
        let _ = tokio::time::timeout(CLOSING, self.ledger.stop()).await;
        let _ = tokio::time::timeout(CLOSING, self.ledger.store().close()).await;
        self.telemetry.shutdown().await;
    }
}
