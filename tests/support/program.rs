//! The real program as a process of its own: started, waited for, told to stop, killed, and started again.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid, getppid};
use serde_json::Value;
use vedtak::config::Config;
use vedtak::ledger::StoreConfig;

use super::{directory, identity, new_id};

/// How long a program may take to do what it was started for, on a machine that has much else to do.
const READY: Duration = Duration::from_secs(60);
/// How often something is looked at that nobody tells of.
const LOOK: Duration = Duration::from_millis(5);

/// What `vedtak serve` is started with: a database, and trust in the tests' issuer.
pub fn configuration(database: &str) -> Config {
    Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        database: StoreConfig {
            url: database.to_owned(),
            ..StoreConfig::default()
        },
        identity: identity(),
        ..Config::default()
    }
}

/// A running `vedtak`. It dies with the thread that started it, or when this is dropped.
#[derive(Debug)]
pub struct Program {
    arguments: Vec<String>,
    place: PathBuf,
    child: Child,
    result: Value,
}

impl Program {
    /// Starts `vedtak serve` on a database, on a port that is free, and waits until it is ready.
    pub async fn serve(database: &str) -> Self {
        Self::serve_with(&configuration(database)).await
    }

    /// Starts `vedtak serve` with this configuration, and waits until it is ready.
    pub async fn serve_with(config: &Config) -> Self {
        let place = directory().join(format!("program-{}", new_id()));
        fs::create_dir_all(&place).unwrap();
        let file = place.join("vedtak.toml");
        fs::write(&file, config.to_toml()).unwrap();
        let arguments = ["serve", "--config", &file.to_string_lossy()].map(str::to_owned);
        let program = Self::start(arguments.to_vec(), place).await;
        program.ready().await;
        program
    }

    /// Starts a subcommand, and waits for the line of JSON in which it says that it runs.
    pub async fn start(arguments: Vec<String>, place: PathBuf) -> Self {
        fs::create_dir_all(&place).unwrap();
        let child = spawn(&arguments, &place);
        let mut program = Self {
            arguments,
            place,
            child,
            result: Value::Null,
        };
        program.result = program.first_line().await;
        program
    }

    /// Starts it again, with the same arguments. Its address may be another one.
    pub async fn restart(&mut self) {
        self.kill();
        self.child = spawn(&self.arguments, &self.place);
        self.result = self.first_line().await;
        self.ready().await;
    }

    /// What it said when it was ready.
    pub fn result(&self) -> &Value {
        &self.result
    }

    /// The address of both doors.
    pub fn address(&self) -> SocketAddr {
        let told = self.result["listening"]
            .as_str()
            .or(self.result["url"].as_str())
            .unwrap();
        told.trim_start_matches("http://").parse().unwrap()
    }

    /// A URL of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// Kills it where it stands (SIGKILL), and waits until it is gone.
    pub fn kill(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Asks it to stop (SIGTERM).
    pub fn terminate(&self) {
        self.signal(Signal::SIGTERM);
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self, limit: Duration) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                began.elapsed() < limit,
                "it still runs after {limit:?}:\n{}",
                self.log()
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until it says that it is ready.
    pub async fn ready(&self) {
        let began = Instant::now();
        let client = reqwest::Client::new();
        loop {
            let answer = client.get(self.url("/readyz")).send().await;
            if answer.as_ref().is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            assert!(began.elapsed() < READY, "it is not ready: {answer:?}\n{}", self.log());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// All that it has logged.
    pub fn whole_log(&self) -> String {
        fs::read_to_string(self.place.join("log")).unwrap_or_default()
    }

    /// The end of it.
    pub fn log(&self) -> String {
        let text = self.whole_log();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// The first line on its standard output. A file takes it, so that the program never waits for a reader.
    async fn first_line(&mut self) -> Value {
        let began = Instant::now();
        loop {
            let text = fs::read_to_string(self.place.join("output")).unwrap();
            if let Some((line, _)) = text.split_once('\n') {
                return serde_json::from_str(line).unwrap();
            }
            assert!(self.runs(), "it ended while it started:\n{}", self.log());
            assert!(began.elapsed() < READY, "it did not start:\n{}", self.log());
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(arguments: &[String], place: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vedtak"));
    command.arg("--json").args(arguments).stdin(Stdio::null());
    // The settings of whoever runs the tests are not meant for it.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("VEDTAK_")) {
        command.env_remove(name);
    }
    command.stdout(File::create(place.join("output")).unwrap());
    let log = File::options().create(true).append(true).open(place.join("log"));
    command.stderr(log.unwrap());
    let us = getpid();
    // SAFETY: the closure runs between fork and exec: it makes two system calls and neither allocates nor locks.
    unsafe {
        command.pre_exec(move || {
            set_pdeathsig(Signal::SIGKILL)?;
            // We may have died before the setting was made.
            if getppid() == us {
                Ok(())
            } else {
                Err(nix::errno::Errno::ESRCH.into())
            }
        });
    }
    command.spawn().unwrap()
}
