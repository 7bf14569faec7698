//! The signals that ask the process to stop: the first one politely, the second one at once.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Problem;

/// What shells expect of a process that ended because it was told to.
const INTERRUPTED: i32 = 130;
/// Signals within this time are one request to stop.
const SAME_REQUEST: Duration = Duration::from_millis(500);

/// SIGINT and SIGTERM, from the moment this is made.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the system does not let it.
    pub(super) fn listen() -> Result<Self, Problem> {
        let listen =
            |kind| signal(kind).map_err(|error| Problem::new(format!("Signals cannot be listened for: {error}.")));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// From a moment on, the next one ends the process where it stands. A private PostgreSQL then ends with it, since the
    /// kernel sees to that, and whatever was not answered was not promised.
    pub(super) fn next_ends_the_process() {
        tokio::spawn(async {
            // Some supervisors send one request to stop twice: to the process, and to its group.
            tokio::time::sleep(SAME_REQUEST).await;
            if let Ok(mut signals) = Self::listen() {
                signals.next().await;
                std::process::exit(INTERRUPTED);
            }
        });
    }
}
