//! The command line: development that starts, stops and leaves nothing behind, imports that can be repeated, exports that can be
//! checked, and a configuration that says what is wrong with it and never a secret.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use vedtak::ledger::leaf_hash;

use crate::support;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/nordre-land.json");

/// The program, with none of the settings of whoever runs the tests.
pub fn vedtak() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vedtak"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("VEDTAK_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a command that must succeed wrote to stdout, as JSON.
fn result(command: &mut Command) -> Value {
    let output = command.arg("--json").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a command that must fail wrote to stderr: a sentence, and exit code 1.
fn refusal(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    text(&output.stderr)
}

/// A running `vedtak dev`.
struct Dev {
    child: Child,
    directory: PathBuf,
    welcome: Value,
    /// Kept open: what nobody reads cannot be written.
    _stdout: BufReader<ChildStdout>,
}

impl Dev {
    fn start(directory: &Path) -> Self {
        let mut child = vedtak()
            .args(["--json", "dev", "--listen", "127.0.0.1:0", "--directory"])
            .arg(directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let welcome = serde_json::from_str(&line).expect("dev prints what there is to try");
        Self {
            child,
            directory: directory.to_owned(),
            welcome,
            _stdout: stdout,
        }
    }

    /// A client's subcommand, told where this is.
    fn client(&self, subcommand: &str) -> Command {
        let mut command = vedtak();
        command
            .arg(subcommand)
            .env("VEDTAK_URL", self.welcome["url"].as_str().unwrap())
            .env(
                "VEDTAK_TOKEN",
                self.welcome["tokens"]["administrator"].as_str().unwrap(),
            );
        command
    }

    fn end(&mut self, signal: Signal) -> Option<i32> {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
        self.child.wait().unwrap().code()
    }

    /// Whether any process still has the directory in its command line, a moment to end given.
    fn leaves_something_running(&self) -> bool {
        let directory = self.directory.to_str().unwrap();
        let began = Instant::now();
        loop {
            let processes = std::fs::read_dir("/proc").unwrap().flatten();
            let running = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
            if !running.into_iter().any(|line| text(&line).contains(directory)) {
                return false;
            }
            if began.elapsed() > Duration::from_secs(10) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn directory(name: &str) -> PathBuf {
    support::directory().join(name)
}

#[test]
fn a_development_start_offers_calls_that_work_and_keeps_what_they_record() {
    let mut dev = Dev::start(&directory("dev-calls"));
    let call = |index: usize| {
        let line = dev.welcome["calls"][index].as_str().unwrap();
        let output = Command::new("sh").arg("-c").arg(line).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    assert!(!call(0)["findings"].as_array().unwrap().is_empty());
    let receipt = call(1);
    assert_eq!(receipt["events"][0]["type"], "vedtak.v1.RiskRegistered");
    assert_eq!(call(1), receipt, "sent again, it is answered with the first receipt");

    let held = refusal(
        vedtak()
            .args(["dev", "--listen", "127.0.0.1:0", "--directory"])
            .arg(&dev.directory),
    );
    assert!(held.contains("another vedtak process"), "{held}");
    let address = dev.welcome["url"]
        .as_str()
        .unwrap()
        .trim_start_matches("http://")
        .to_owned();
    let taken = refusal(vedtak().args(["dev", "--listen", &address]));
    assert!(taken.contains("Another process listens on"), "{taken}");

    assert_eq!(dev.end(Signal::SIGINT), Some(0));
    assert!(!dev.leaves_something_running());
    let again = Dev::start(&dev.directory);
    let replayed = result(&mut again.client("replay"));
    assert_eq!(replayed["records"].to_string(), receipt["position"].as_str().unwrap());
}

#[test]
fn a_development_start_that_is_killed_leaves_nothing_running() {
    let mut dev = Dev::start(&directory("dev-killed"));
    dev.end(Signal::SIGKILL);
    assert!(!dev.leaves_something_running());
    let again = Dev::start(&dev.directory);
    assert_eq!(
        result(&mut again.client("replay"))["differences"],
        Value::Array(Vec::new())
    );
}

#[test]
fn a_plan_can_be_imported_again_and_an_export_checked_without_the_service() {
    let dev = Dev::start(&directory("dev-import"));
    let commands = serde_json::from_slice::<Value>(&std::fs::read(EXAMPLE).unwrap()).unwrap()["commands"]
        .as_array()
        .unwrap()
        .len();

    let again = result(dev.client("import").arg(EXAMPLE));
    assert_eq!(
        (&again["recorded"], &again["recorded_before"]),
        (&0.into(), &commands.into())
    );
    let token = result(
        vedtak()
            .args(["token", "--role", "administrator", "--subject", "other", "--directory"])
            .arg(&dev.directory),
    );
    let other = result(
        dev.client("import")
            .arg(EXAMPLE)
            .env("VEDTAK_TOKEN", token["token"].as_str().unwrap()),
    );
    assert_eq!((&other["recorded"], &other["unchanged"]), (&0.into(), &commands.into()));

    let file = directory("export.ndjson");
    let exported = result(dev.client("export").arg("--output").arg(&file));
    let whole = std::fs::read_to_string(&file).unwrap();
    assert_eq!(whole.lines().count().to_string(), exported["records"].to_string());
    std::fs::write(&file, &whole[..whole.len() - 20]).unwrap();
    result(dev.client("export").arg("--resume").arg("--output").arg(&file));
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        whole,
        "a broken line is written anew"
    );

    let online = result(&mut dev.client("replay"));
    let offline = result(vedtak().args(["replay", "--file"]).arg(&file));
    assert_eq!(
        online["compared"].as_u64().unwrap() as usize,
        online["streams"].as_array().unwrap().len()
    );
    assert_eq!(online["streams"], offline["streams"]);

    // What the service answers for the same position differs from a history that was tampered with.
    std::fs::write(&file, whole.replacen("Too few resources", "Too many resources", 1)).unwrap();
    assert!(
        refusal(dev.client("replay").arg("--file").arg(&file))
            .contains("differs from what the service answers, in risks")
    );
    let gap: Vec<&str> = whole
        .lines()
        .enumerate()
        .filter(|(index, _)| *index != 5)
        .map(|(_, line)| line)
        .collect();
    std::fs::write(&file, gap.join("\n")).unwrap();
    assert!(refusal(vedtak().args(["replay", "--file"]).arg(&file)).contains("after position 5 comes 7"));
    assert_eq!(leaf_hash(whole.lines().next().unwrap().as_bytes()).len(), 32);
}

#[test]
fn nothing_of_a_plan_with_a_mistake_is_sent() {
    let file = directory("mistake.json");
    for (from, to, sentence) in [
        (
            "\"AppointMember\"",
            "\"AppointMembre\"",
            "Command 7 (AppointMembre): There is no such command.",
        ),
        (
            "\"mandate\"",
            "\"mandat\"",
            "Command 2 (EstablishBody): unrecognized field name 'mandat'",
        ),
        (
            "\"probability\": 4",
            "\"probability\": 9",
            "assessment.probability: Must be from 1 to 5.",
        ),
    ] {
        std::fs::write(&file, std::fs::read_to_string(EXAMPLE).unwrap().replacen(from, to, 1)).unwrap();
        // No service is there: the mistake is found before one is asked for.
        let told = refusal(
            vedtak()
                .arg("import")
                .arg(&file)
                .args(["--url", "http://127.0.0.1:1", "--token", "none"]),
        );
        assert!(told.contains(sentence) && told.contains("Nothing was sent"), "{told}");
    }
}

/// A configuration that trusts the tests' issuer, and the program told to serve with it.
fn serve(name: &str, issuer: &str, url: &str) -> Command {
    let keys = support::identity().issuers.remove(0).jwks_file.unwrap();
    let config = format!(
        "listen = \"127.0.0.1:0\"\n[[identity.issuers]]\nissuer = {issuer:?}\naudience = \"vedtak\"\njwks_file = {keys:?}\nalgorithms = [\"ES256\"]\ntenants = [\"*\"]\n"
    );
    let file = directory(name);
    std::fs::write(&file, config).unwrap();
    let mut command = vedtak();
    command
        .arg("serve")
        .arg("--config")
        .arg(&file)
        .env("VEDTAK_DATABASE__URL", url);
    command
}

#[tokio::test]
async fn the_configuration_is_checked_and_shown_without_secrets() {
    let url = support::database().await;
    let good = serve("good.toml", support::ISSUER, &url)
        .arg("--check")
        .output()
        .unwrap();
    assert!(good.status.success(), "{}", text(&good.stderr));
    assert!(text(&good.stdout).contains(&format!("issuer = \"{}\"", support::ISSUER)));

    // What is shown can be given back as the file.
    let shown = directory("shown.toml");
    std::fs::write(&shown, &good.stdout).unwrap();
    let again = vedtak()
        .args(["serve", "--check", "--config"])
        .arg(&shown)
        .output()
        .unwrap();
    assert_eq!(again.stdout, good.stdout);

    let secret = "postgres://vedtak_app:s3cret@127.0.0.1:1/vedtak";
    let away = serve("away.toml", support::ISSUER, secret)
        .arg("--check")
        .output()
        .unwrap();
    assert_eq!(away.status.code(), Some(1));
    assert!(text(&away.stdout).contains("postgres://vedtak_app:***@127.0.0.1:1/vedtak"));
    assert!(!text(&away.stdout).contains("s3cret") && !text(&away.stderr).contains("s3cret"));

    let development = refusal(&mut serve("development.toml", "https://dev.vedtak.invalid", &url));
    assert!(development.contains("belongs to `vedtak dev`"), "{development}");
    let (server, database) = url.split_once("/test_").unwrap();
    let bare = format!("{server}/postgres?{}", database.split_once('?').unwrap().1);
    let unmigrated = refusal(&mut serve("bare.toml", support::ISSUER, &bare));
    assert!(unmigrated.contains("run `vedtak migrate`"), "{unmigrated}");
}

#[test]
fn a_setting_that_is_unknown_or_wrong_is_named_and_never_quoted() {
    let settings = [
        ("VEDTAK_DATABAS__URL", "There is no setting databas "),
        ("VEDTAK_DATABASE__URLL", "There is no setting database.urll "),
        (
            "VEDTAK_DATABASE",
            "The setting database is a section of several settings",
        ),
        ("VEDTAK_LISTEN", "The setting listen must be an address and a port"),
        (
            "VEDTAK_SERVER__MAX_CONNECTIONS",
            "The setting server.max_connections must be a whole number",
        ),
    ];
    for (name, sentence) in settings {
        let told = refusal(
            vedtak()
                .args(["serve", "--check"])
                .env(name, "postgres://vedtak:s3cret@db/vedtak"),
        );
        assert!(told.contains(sentence) && !told.contains("s3cret"), "{told}");
    }
    // What Kubernetes tells a container about a Service named vedtak is not meant as a setting.
    let told = refusal(
        vedtak()
            .arg("serve")
            .env("VEDTAK_PORT", "tcp://10.0.0.1:80")
            .env("VEDTAK_SERVICE_HOST", "10.0.0.1"),
    );
    assert!(told.contains("No database is configured"), "{told}");
    let usage: Output = vedtak().args(["serve", "--listen", "nowhere"]).output().unwrap();
    assert_eq!(usage.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_told_to_stop_finishes_what_it_accepted() {
    let url = support::database().await;
    let mut child = serve("stopping.toml", support::ISSUER, &url)
        .arg("--json")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let listening: Value = serde_json::from_str(&line).unwrap();
    let address = listening["listening"].as_str().unwrap().to_owned();

    let client = reqwest::Client::new();
    let mut callers = Vec::new();
    for _ in 0..16 {
        let (client, address, token) = (client.clone(), address.clone(), support::administrator());
        callers.push(tokio::spawn(async move {
            let mut last = 0;
            loop {
                let project = uuid::Uuid::new_v4();
                let body = serde_json::json!({
                    "context": {"request_id": uuid::Uuid::new_v4()}, "name": "School", "kind": "PROJECT_KIND_MAIN_PROJECT",
                });
                let request = client
                    .post(format!("http://{address}/v1/projects/{project}/register"))
                    .bearer_auth(&token)
                    .header("content-type", "application/json")
                    .body(body.to_string());
                // No answer at all is what a service that has stopped gives.
                let Ok(answer) = request.send().await else { return last };
                assert_eq!(answer.status(), 200);
                let Ok(text) = answer.text().await else { panic!("an answer broke off") };
                let receipt: Value = serde_json::from_str(&text).unwrap();
                last = receipt["position"].as_str().unwrap().parse::<i64>().unwrap();
            }
        }));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
    let mut promised = 0;
    for caller in callers {
        promised = promised.max(caller.await.unwrap());
    }
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap())
        .await
        .unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(promised > 0);
    let server = support::Server::on(url).await;
    let head = server.service.ledger().head(support::TENANT).await.unwrap();
    assert_eq!(
        head.map(|head| head.known.position),
        Some(promised),
        "what is recorded was answered, and the other way round"
    );
}
