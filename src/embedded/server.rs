//! Initialises, starts and stops the server, and sees that it never outlives us.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid};

use super::binaries::{Programs, find_or_fetch};
use super::process::{Running, die_with_us};
use super::{Account, EmbeddedError, LOCK_FILE, last_lines, private_directory, short_directory};

/// Part of the socket's name and of the URL, never a port of the machine.
const PORT: u16 = 5432;
/// What the kernel allows for a socket's path, less `/.s.PGSQL.5432`.
const LONGEST_SOCKET_DIRECTORY: usize = 107 - 14;
const POLL: Duration = Duration::from_millis(10);
const LOCK_LIMIT: Duration = Duration::from_secs(2);
const READY_LIMIT: Duration = Duration::from_mins(1);
const ORPHAN_LIMIT: Duration = Duration::from_secs(15);
/// How long each way of stopping may take before the next, harsher one is used.
const STOPS: [(Signal, Duration); 3] = [
    (Signal::SIGINT, Duration::from_secs(20)),
    (Signal::SIGQUIT, Duration::from_secs(5)),
    (Signal::SIGKILL, Duration::from_secs(5)),
];
/// A log beyond this is begun anew at the next start.
const LOG_LIMIT: u64 = 16 << 20;

/// How a private server behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether what is committed survives a crash of the machine; tests can do without.
    pub durable: bool,
    /// How many connections the server takes, some of them reserved for its superuser.
    pub max_connections: u32,
    /// Further settings, as in `postgresql.conf`; they cannot undo the server's privacy.
    pub settings: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durable: true,
            max_connections: 100,
            settings: Vec::new(),
        }
    }
}

/// A running PostgreSQL that only this process's user (and root) can reach; dropping it stops it.
#[derive(Debug)]
pub struct PrivatePostgres {
    account: Account,
    programs: Programs,
    options: Options,
    directory: PathBuf,
    sockets: PathBuf,
    running: Option<Running>,
    /// The last pid, so that [`PrivatePostgres::pid`] has an answer between two servers.
    pid: u32,
    /// Released by the kernel when we die, however we die.
    _lock: File,
}

impl PrivatePostgres {
    /// Starts a server on the data in `directory`, which it creates, and initialises when they are not there yet.
    ///
    /// The directory must be empty, absent, or one that an earlier start made. Root runs the server
    /// as `nobody`; see [`PrivatePostgres::directory`] for where the files then are. This blocks, for
    /// minutes when PostgreSQL has to be fetched; `say` gets sentences for whoever waits.
    ///
    /// # Errors
    /// Says in one sentence what is missing or in the way.
    pub fn start(directory: &Path, options: &Options, say: &dyn Fn(&str)) -> Result<Self, EmbeddedError> {
        let account = Account::for_directory(directory)?;
        let directory = private_directory(directory, &account, say)?;
        let lock = take_lock(&directory, &account)?;
        let programs = find_or_fetch(&account, &directory, data_major(&directory), say)?;
        if data_major(&directory).is_none() {
            say(&format!(
                "Making a PostgreSQL {} database in {}.",
                programs.major,
                directory.display()
            ));
            initialise(&directory, &account, &programs)?;
        }
        let fits = directory.to_str().is_some_and(is_socket_directory);
        let sockets = if fits {
            directory.clone()
        } else {
            short_directory(&directory, &account)?
        };
        let options = options.clone();
        let mut server = Self {
            account,
            programs,
            options,
            directory,
            sockets,
            running: None,
            pid: 0,
            _lock: lock,
        };
        server.launch()?;
        say(&format!(
            "PostgreSQL {} runs in {}.",
            server.programs.major,
            server.directory.display()
        ));
        Ok(server)
    }

    /// The URL of one of its databases; `postgres` is there from the start.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let host = percent_encode(&self.sockets.to_string_lossy());
        // The port is spelled out because a client would otherwise take PGPORT's.
        format!(
            "postgres://postgres@localhost:{PORT}/{}?host={host}&sslmode=disable",
            percent_encode(database)
        )
    }

    /// The process id of the server, or of the last one when it has stopped.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Where the data (`data`) and the log (`postgres.log`) are.
    ///
    /// This is the directory asked for, unless root asked for one that the server's account cannot
    /// reach: then it is one below `/var/lib/vedtak` (or `/var/tmp`).
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Starts the server again after it was killed or stopped; one that still runs is stopped first.
    ///
    /// # Errors
    /// When it cannot be stopped or does not become ready.
    pub fn restart(&mut self) -> Result<(), EmbeddedError> {
        self.halt()?;
        self.launch()
    }

    /// Stops the server and waits until it has; connections are cut, committed data are kept.
    ///
    /// # Errors
    /// When it does not stop even if killed.
    pub fn stop(mut self) -> Result<(), EmbeddedError> {
        self.halt()
    }

    fn launch(&mut self) -> Result<(), EmbeddedError> {
        let data = self.directory.join("data");
        await_orphans(&data, &self.sockets)?;
        let log_path = self.directory.join("postgres.log");
        let mut log = open_private(&log_path, &self.account)?;
        let log_failed = |error| EmbeddedError::io("write", &log_path)(error);
        if log.metadata().map_err(log_failed)?.len() > LOG_LIMIT {
            log.set_len(0)
                .map_err(|error| EmbeddedError::io("shorten", &log_path)(error))?;
        }
        let begin = log
            .seek(SeekFrom::End(0))
            .map_err(|error| EmbeddedError::io("read", &log_path)(error))?;
        let command = self
            .server_command(&data, &log)
            .map_err(EmbeddedError::io("share", &log_path))?;
        let running = Running::spawn(command).map_err(EmbeddedError::io("start", &self.programs.bin))?;
        self.pid = running.pid.as_raw().unsigned_abs();
        let outcome = await_ready(&data, &running);
        self.running = Some(running);
        outcome.map_err(|what| {
            // Best effort: the reason for the failure matters more than how the stopping goes.
            let _ = self.halt();
            let tail = last_lines(&read_from(&mut log, begin), 12);
            EmbeddedError::Startup {
                what,
                log: log_path,
                tail,
            }
        })
    }

    fn server_command(&self, data: &Path, log: &File) -> io::Result<Command> {
        let mut command = self.account.command(&self.programs.bin.join("postgres"));
        command.arg("-D").arg(data);
        let mut set = |name: &str, value: &str| {
            command.arg("-c").arg(format!("{name}={value}"));
        };
        set("max_connections", &self.options.max_connections.to_string());
        set("log_min_messages", "warning");
        set("timezone", "UTC");
        set("log_timezone", "UTC");
        if !self.options.durable {
            for name in ["fsync", "synchronous_commit", "full_page_writes"] {
                set(name, "off");
            }
        }
        for (name, value) in &self.options.settings {
            set(name, value);
        }
        // The last word on a setting holds, so these come after the caller's.
        set("listen_addresses", "");
        set("port", &PORT.to_string());
        set("unix_socket_permissions", "0700");
        set("unix_socket_directories", &self.sockets.to_string_lossy());
        command.stdout(log.try_clone()?).stderr(log.try_clone()?);
        // Ctrl-C in a terminal goes to the whole group: we finish our requests first and stop the server ourselves.
        command.process_group(0);
        die_with_us(&mut command, Signal::SIGINT);
        Ok(command)
    }

    fn halt(&mut self) -> Result<(), EmbeddedError> {
        let Some(running) = self.running.take() else {
            return Ok(());
        };
        for (signal, limit) in STOPS {
            running.signal(signal);
            if running.wait(limit).is_some() {
                return Ok(());
            }
        }
        Err(EmbeddedError::NotStopped {
            pid: running.pid.as_raw(),
        })
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        if let Err(error) = self.halt() {
            tracing::warn!(%error, "the private PostgreSQL was left behind");
        }
        if self.sockets != self.directory {
            // The server removed its socket when it stopped; after a crash the next start cleans up.
            let _ = fs::remove_dir(&self.sockets);
        }
    }
}

/// Creates the data beside their place and renames them, so that a killed initdb leaves nothing half-made.
fn initialise(directory: &Path, account: &Account, programs: &Programs) -> Result<(), EmbeddedError> {
    let unfinished = directory.join("data.unfinished");
    let mut output = String::new();
    // C.UTF-8 knows the case of æ, ø and å; a system without that locale still has C.
    for locale in ["C.UTF-8", "C"] {
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(EmbeddedError::io("remove", &unfinished)(error));
            }
            _ => {}
        }
        let mut initdb = account.command(&programs.bin.join("initdb"));
        initdb.arg("-D").arg(&unfinished).arg(format!("--locale={locale}"));
        // Anyone who can reach the socket is let in; the directory it is in lets in only us.
        initdb.args([
            "--encoding=UTF8",
            "--auth-local=trust",
            "--auth-host=reject",
            "--username=postgres",
        ]);
        initdb
            .args(["--no-instructions", "--data-checksums"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        die_with_us(&mut initdb, Signal::SIGTERM);
        let result = initdb
            .output()
            .map_err(EmbeddedError::io("run initdb in", &programs.bin))?;
        if result.status.success() {
            let data = directory.join("data");
            return fs::rename(&unfinished, &data).map_err(EmbeddedError::io("rename to", &data));
        }
        output = String::from_utf8_lossy(&result.stderr).into_owned();
        if !output.contains("locale") {
            break;
        }
    }
    Err(EmbeddedError::Initdb {
        directory: directory.to_owned(),
        output: last_lines(&output, 8),
    })
}

fn data_major(directory: &Path) -> Option<u32> {
    fs::read_to_string(directory.join("data/PG_VERSION"))
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// Opens a file of ours for reading and appending; a link that someone put in its place is not followed.
fn open_private(path: &Path, account: &Account) -> Result<File, EmbeddedError> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(OFlag::O_NOFOLLOW.bits());
    let file = options.open(path).map_err(EmbeddedError::io("open", path))?;
    account
        .give(&file)
        .map_err(EmbeddedError::io("change the owner of", path))?;
    Ok(file)
}

/// Makes us the only user of the directory; a process that is just ending gets a moment to let go of it.
fn take_lock(directory: &Path, account: &Account) -> Result<File, EmbeddedError> {
    let path = directory.join(LOCK_FILE);
    let mut file = open_private(&path, account)?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(fs::TryLockError::Error(error)) => return Err(EmbeddedError::io("lock", &path)(error)),
            Err(fs::TryLockError::WouldBlock) if began.elapsed() < LOCK_LIMIT => thread::sleep(POLL),
            Err(fs::TryLockError::WouldBlock) => {
                let pid = read_from(&mut file, 0).trim().to_owned();
                return Err(EmbeddedError::Held {
                    directory: directory.to_owned(),
                    pid,
                });
            }
        }
    }
    file.set_len(0)
        .and_then(|()| write!(file, "{}", getpid()))
        .map_err(EmbeddedError::io("write", &path))?;
    Ok(file)
}

fn read_from(file: &mut File, begin: u64) -> String {
    let mut bytes = Vec::new();
    // What cannot be read cannot be shown; these texts only help a reader.
    let _ = file
        .seek(SeekFrom::Start(begin))
        .and_then(|_| file.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits until the server's own status file says that it takes connections.
fn await_ready(data: &Path, running: &Running) -> Result<(), String> {
    let began = Instant::now();
    while began.elapsed() < READY_LIMIT {
        let text = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
        let mut lines = text.lines();
        let pid = lines.next().and_then(|line| line.trim().parse().ok());
        // The eighth line; a file that an earlier server left may say `ready` too, with another pid.
        if pid == Some(running.pid.as_raw()) && lines.nth(6).is_some_and(|line| line.trim() == "ready") {
            return Ok(());
        }
        if let Some(status) = running.wait(POLL) {
            return Err(format!("ended while it started ({status})"));
        }
    }
    Err(format!("was not ready within {} seconds", READY_LIMIT.as_secs()))
}

/// Waits for what is left of an earlier server on the same data: we hold the lock, so nobody else's is meant to be there.
fn await_orphans(data: &Path, sockets: &Path) -> Result<(), EmbeddedError> {
    let began = Instant::now();
    let leader = || {
        fs::read_to_string(data.join("postmaster.pid"))
            .ok()?
            .lines()
            .next()?
            .trim()
            .parse::<i32>()
            .ok()
    };
    loop {
        let orphans = servers_in(data);
        let Some(&first) = orphans.first() else { break };
        let led = leader().filter(|pid| orphans.contains(pid));
        if began.elapsed() > ORPHAN_LIMIT {
            return Err(EmbeddedError::Orphan {
                data: data.to_owned(),
                pid: led.unwrap_or(first),
            });
        }
        // A server whose postmaster was killed ends by itself, except where it computes without a pause.
        if led.is_none() && began.elapsed() > Duration::from_secs(3) {
            for &pid in &orphans {
                let _ = kill(Pid::from_raw(pid), Signal::SIGQUIT);
            }
        }
        thread::sleep(POLL);
    }
    // PostgreSQL takes its pid file for a living server's when another program has that pid by now,
    // as after a container's restart; with a dead pid it removes the file itself.
    if leader().is_some_and(|pid| kill(Pid::from_raw(pid), None).is_ok()) {
        let _ = fs::remove_file(data.join("postmaster.pid"));
        let _ = fs::remove_file(sockets.join(format!(".s.PGSQL.{PORT}.lock")));
    }
    Ok(())
}

/// The server processes that work in a data directory.
fn servers_in(data: &Path) -> Vec<i32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|process| process.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let process = PathBuf::from(format!("/proc/{pid}"));
        fs::read_link(process.join("cwd")).is_ok_and(|place| place == data)
            && fs::read_to_string(process.join("comm")).is_ok_and(|name| name.trim() == "postgres")
    })
    .collect()
}

/// Whether a socket can be in this directory. A comma or a space would end it in PostgreSQL's list
/// of such directories, and in the one that many clients read from a URL.
fn is_socket_directory(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._".contains(&byte);
    path.len() <= LONGEST_SOCKET_DIRECTORY && path.bytes().all(plain)
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
