//! Threads beside those that serve: whatever they are at, whoever is answered quickly comes first.

use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// How much less of a processor such a thread has than one that serves, when both want it: about a third of what that has. With less, a
/// busy machine would leave it too little to keep its connection to the database.
const LESS: i32 = 5;

/// Starts one. It runs when the threads that serve leave room, and slowly when they do not.
///
/// # Panics
/// When the system has no thread to give: the process starts, and would do so without its places.
pub(super) fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let thread = Builder::new().name(name.to_owned()).spawn(move || {
        give_way();
        run();
    });
    thread.expect("a process that starts has threads to start with")
}

/// On Linux, priority is a matter of each thread; elsewhere it is left alone, since it would be that of the whole process.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(LESS) {
        tracing::warn!(%error, "long work has the same priority as everything else");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = LESS;
}

/// How long this thread has worked, whatever others did meanwhile: what is judged slowly, since the machine is busy, is not costly.
pub(super) fn worked() -> Duration {
    #[cfg(target_os = "linux")]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
        Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), nanoseconds)
    }
    #[cfg(not(target_os = "linux"))]
    {
        static BEGAN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
        BEGAN.elapsed()
    }
}
