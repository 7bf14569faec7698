//! Cutting off one request: whoever does not read its answer is let go of, and nobody else on the same connection.

use hyper::rt::Executor;
use tokio_util::sync::CancellationToken;

tokio::task_local! {
    /// Ends the request that this task serves.
    static CUT: CancellationToken;
}

/// What cuts off the request that is being served; nothing does where there is none.
pub(super) fn current() -> CancellationToken {
    CUT.try_with(CancellationToken::clone).unwrap_or_default()
}

/// Serves with this to cut it off.
pub(super) async fn within<T>(cut: CancellationToken, serve: impl Future<Output = T>) -> T {
    CUT.scope(cut, serve).await
}

/// Runs each request of an HTTP/2 connection as a task of its own that can be cut off: its stream is then reset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cuttable;

impl<F> Executor<F> for Cuttable
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn execute(&self, request: F) {
        let cut = CancellationToken::new();
        tokio::spawn(within(cut.clone(), async move {
            tokio::select! {
                biased;
                _ = request => {}
                () = cut.cancelled() => {}
            }
        }));
    }
}
