//! `vedtak dev` is killed where it stands, and takes everything that it started with it.

use std::collections::HashSet;
use std::fs;
use std::time::{Duration, Instant};

use crate::support::program::Program;
use crate::support::{directory, new_id};

/// How long what it left may take to end.
const GONE: Duration = Duration::from_secs(15);

/// A process, by its id and the moment that it was started: an id alone may be given to another.
type Process = (i32, String);

/// The process, its parent, and its name, as the kernel lists them.
fn processes() -> Vec<(Process, i32)> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let read = |pid: i32| {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name before it stands in brackets and may hold anything.
        let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
        // What has ended and waits to be collected is no process any more.
        let runs = fields.first().is_some_and(|state| *state != "Z");
        runs.then(|| ((pid, fields[19].to_owned()), fields[1].parse().unwrap()))
    };
    pids.filter_map(read).collect()
}

/// A process and all that it has started, and they in turn.
fn family(pid: i32) -> HashSet<Process> {
    let all = processes();
    let mut pids = HashSet::from([pid]);
    loop {
        let before = pids.len();
        pids.extend(
            all.iter()
                .filter(|(_, parent)| pids.contains(parent))
                .map(|((pid, _), _)| *pid)
                .collect::<Vec<_>>(),
        );
        if pids.len() == before {
            break;
        }
    }
    all.into_iter()
        .map(|(process, _)| process)
        .filter(|(pid, _)| pids.contains(pid))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_dev_leaves_no_process_behind_and_starts_again_with_what_was_recorded() {
    let place = directory().join(format!("dev-{}", new_id()));
    let files = place.join("files");
    let arguments = [
        "dev",
        "--listen",
        "127.0.0.1:0",
        "--directory",
        &files.to_string_lossy(),
    ]
    .map(str::to_owned);
    let mut program = Program::start(arguments.to_vec(), place).await;
    let position = head(&program).await;
    assert!(position > 0, "the example plan is not loaded");
    let family = family(program.pid());
    assert!(family.len() > 2, "no PostgreSQL among {family:?}");
    program.kill();
    let began = Instant::now();
    loop {
        let left: Vec<Process> = processes()
            .into_iter()
            .map(|(process, _)| process)
            .filter(|process| family.contains(process))
            .collect();
        if left.is_empty() {
            break;
        }
        assert!(began.elapsed() < GONE, "it left {left:?} behind");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    program.restart().await;
    assert_eq!(head(&program).await, position);
}

async fn head(program: &Program) -> i64 {
    let token = program.result()["tokens"]["recorder"].as_str().unwrap();
    let answer = reqwest::Client::new()
        .get(program.url("/v1/ledger/head"))
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    let head: serde_json::Value = answer.json().await.unwrap();
    head["position"].as_str().unwrap().parse().unwrap()
}
