//! A database whose last transactions get lost: through an asynchronous standby that was behind, or through an older copy.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{Connection, Executor, PgConnection};
use vedtak::embedded::{Options, PrivatePostgres};
use vedtak::ledger::Store;

use crate::support::{directory, new_id};

const DATABASE: &str = "vedtak";

/// How what was acknowledged gets lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// An asynchronous standby takes over, which had not received it.
    Standby,
    /// The data directory is put back from a copy.
    Copy,
}

/// One address, and what is behind it.
pub struct Cluster {
    way: Way,
    primary: PrivatePostgres,
    standby: Option<PrivatePostgres>,
    /// Where the data are that are put in the place of the primary's.
    kept: PathBuf,
}

fn options() -> Options {
    Options {
        // Nothing here asks what a crash of the machine leaves.
        durable: false,
        max_connections: 200,
        settings: vec![("wal_keep_size".to_owned(), "256MB".to_owned())],
    }
}

fn start(place: &Path) -> PrivatePostgres {
    PrivatePostgres::start(place, &options(), &|_| {}).unwrap()
}

fn pid(postgres: &PrivatePostgres) -> Pid {
    Pid::from_raw(postgres.pid().cast_signed())
}

/// Stops a server and waits until it has.
fn halt(postgres: &PrivatePostgres, signal: Signal) {
    let _ = kill(pid(postgres), signal);
    let status = PathBuf::from(format!("/proc/{}/stat", postgres.pid()));
    while std::fs::read_to_string(&status).is_ok_and(|stat| !stat.contains(") Z ")) {
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

impl Cluster {
    /// Starts one with our schema in it, and its standby when it has one.
    pub async fn start(way: Way) -> Self {
        let place = directory().join(new_id());
        let primary = blocking(move || start(&place)).await;
        Store::create_database(&primary.url("postgres"), DATABASE, false)
            .await
            .unwrap();
        Store::migrate(&primary.url(DATABASE)).await.unwrap();
        let kept = primary.directory().with_file_name(new_id());
        let mut cluster = Self {
            way,
            primary,
            standby: None,
            kept,
        };
        if way == Way::Standby {
            cluster = blocking(move || cluster.with_standby()).await;
        }
        cluster
    }

    fn with_standby(mut self) -> Self {
        halt(&self.primary, Signal::SIGINT);
        copy(self.primary.directory(), &self.kept);
        let data = self.kept.join("data");
        std::fs::write(data.join("standby.signal"), "").unwrap();
        // In a file, not on the command line, so that it can be taken away while the standby runs.
        let sockets = self.primary.url("x");
        let sockets = sockets
            .split("host=")
            .nth(1)
            .unwrap()
            .split('&')
            .next()
            .unwrap()
            .replace("%2F", "/");
        let conninfo = format!("primary_conninfo = 'host={sockets} port=5432 user=postgres'\n");
        std::fs::write(data.join("postgresql.auto.conf"), conninfo).unwrap();
        self.primary.restart().unwrap();
        self.standby = Some(start(&self.kept));
        self
    }

    /// The address, which stays.
    pub fn url(&self) -> String {
        self.primary.url(DATABASE)
    }

    /// From now on, what is recorded will be lost. What has been recorded stays.
    pub async fn part(mut self) -> Self {
        match &self.standby {
            Some(standby) => {
                let recorded = "SELECT coalesce(sum(position), 0)::bigint FROM vedtak.heads";
                let mut here = PgConnection::connect(&self.url()).await.unwrap();
                let mut there = PgConnection::connect(&standby.url(DATABASE)).await.unwrap();
                let all: i64 = sqlx::query_scalar(recorded).fetch_one(&mut here).await.unwrap();
                while sqlx::query_scalar::<_, i64>(recorded)
                    .fetch_one(&mut there)
                    .await
                    .unwrap()
                    < all
                {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                there.execute("ALTER SYSTEM SET primary_conninfo = ''").await.unwrap();
                there.execute("SELECT pg_reload_conf()").await.unwrap();
                let receiving = "SELECT count(*) FROM pg_stat_wal_receiver";
                while sqlx::query_scalar::<_, i64>(receiving)
                    .fetch_one(&mut there)
                    .await
                    .unwrap()
                    > 0
                {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                self
            }
            None => {
                blocking(move || {
                    halt(&self.primary, Signal::SIGINT);
                    copy(&self.primary.directory().join("data"), &self.kept);
                    self.primary.restart().unwrap();
                    self
                })
                .await
            }
        }
    }

    /// Loses what has been recorded since, and answers at the same address again.
    pub async fn lose(mut self) -> Self {
        if let Some(standby) = self.standby.take() {
            halt(&self.primary, Signal::SIGKILL);
            let mut session = PgConnection::connect(&standby.url("postgres")).await.unwrap();
            session.execute("SELECT pg_promote()").await.unwrap();
            drop(session);
            blocking(move || standby.stop().unwrap()).await;
            self.kept.push("data");
        }
        blocking(move || {
            halt(&self.primary, Signal::SIGKILL);
            let data = self.primary.directory().join("data");
            std::fs::rename(&data, self.primary.directory().join(format!("lost-{}", new_id()))).unwrap();
            std::fs::rename(&self.kept, &data).unwrap();
            self.primary.restart().unwrap();
            self
        })
        .await
    }

    /// How it loses.
    pub const fn way(&self) -> Way {
        self.way
    }
}
