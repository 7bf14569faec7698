//! A server process that ends when ours does, and that nobody signals after it has ended.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{Pid, getpid, getppid};

/// A server process, owned by a thread that lives as long as it.
///
/// The kernel sends the parent-death signal when the *thread* that made the process ends, and a
/// caller's thread may end long before the process it belongs to.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) pid: Pid,
    ended: Arc<(Mutex<Option<ExitStatus>>, Condvar)>,
}

impl Running {
    pub(super) fn spawn(mut command: Command) -> io::Result<Self> {
        let ended = Arc::new((Mutex::new(None), Condvar::new()));
        let theirs = Arc::clone(&ended);
        let (sender, receiver) = mpsc::channel();
        thread::Builder::new().name("private-postgres".into()).spawn(move || {
            let child = command.spawn();
            // Closes our copies of the log.
            drop(command);
            let mut child = match child {
                Ok(child) => child,
                Err(error) => return drop(sender.send(Err(error))),
            };
            let pid = Pid::from_raw(child.id().cast_signed());
            let _ = sender.send(Ok(pid));
            // Seen but not yet reaped, so that nobody can signal a pid that has been given to another.
            while waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) == Err(Errno::EINTR) {}
            let mut status = lock(&theirs.0);
            *status = child.wait().ok().or(Some(ExitStatus::default()));
            theirs.1.notify_all();
        })?;
        let pid = receiver
            .recv()
            .map_err(|_| io::Error::other("the thread that starts it ended"))??;
        Ok(Self { pid, ended })
    }

    pub(super) fn signal(&self, signal: Signal) {
        let status = lock(&self.ended.0);
        if status.is_none() {
            // It cannot fail for a child of ours that has not been reaped.
            let _ = kill(self.pid, signal);
        }
    }

    pub(super) fn wait(&self, limit: Duration) -> Option<ExitStatus> {
        let waited = self
            .ended
            .1
            .wait_timeout_while(lock(&self.ended.0), limit, |status| status.is_none());
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has the kernel send a signal to the command's process when the thread that spawns it ends.
pub(super) fn die_with_us(command: &mut Command, signal: Signal) {
    let us = getpid();
    // SAFETY: the closure runs between fork and exec, where only async-signal-safe calls are allowed:
    // it makes two system calls and neither allocates nor locks. It runs after the change of uid,
    // which would clear the setting.
    unsafe {
        command.pre_exec(move || {
            set_pdeathsig(signal)?;
            // We may have died before the setting was made.
            if getppid() == us {
                Ok(())
            } else {
                Err(Errno::ESRCH.into())
            }
        });
    }
}
