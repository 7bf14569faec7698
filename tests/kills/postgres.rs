//! PostgreSQL is killed under load, again and again, while the service stays up and recovers by itself.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use tonic::Code;
use tonic_types::StatusExt;
use uuid::Uuid;
use vedtak::embedded::{Options, PrivatePostgres};
use vedtak::ledger::Store;
use vedtak::schema::v1::ListProjects;
use vedtak::schema::v1::overview_service_client::OverviewServiceClient;
use vedtak::schema::v1::project_service_client::ProjectServiceClient;

use super::caller::{Doors, Intention};
use super::check::keeps_its_word;
use super::load::{Load, Shape, seed};
use crate::support::program::Program;
use crate::support::{directory, new_id, register_project, scale};

/// How long the service may take to see that its database is gone.
const NOTICED: Duration = Duration::from_secs(20);
/// How long a reading may take that must catch up first, after an outage.
const CAUGHT_UP: Duration = Duration::from_secs(15);

/// A PostgreSQL that only one test has, so that nobody else's is killed.
pub async fn own_postgres() -> (PrivatePostgres, String) {
    let start = || PrivatePostgres::start(&directory().join(new_id()), &Options::default(), &|_| {});
    let postgres = tokio::task::spawn_blocking(start).await.unwrap().unwrap();
    let url = postgres.url("vedtak");
    Store::create_database(&postgres.url("postgres"), "vedtak", false)
        .await
        .unwrap();
    Store::migrate(&url).await.unwrap();
    (postgres, url)
}

fn kill_postmaster(postgres: &PrivatePostgres) {
    kill(Pid::from_raw(postgres.pid().cast_signed()), Signal::SIGKILL).unwrap();
}

async fn restart(mut postgres: PrivatePostgres) -> PrivatePostgres {
    let again = move || postgres.restart().map(|()| postgres);
    tokio::task::spawn_blocking(again).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_postgres_loses_nothing_that_was_acknowledged_and_the_service_recovers_by_itself() {
    let kills = scale().div_ceil(2).max(2);
    let (mut postgres, database) = own_postgres().await;
    let mut program = Program::serve(&database).await;
    let doors = Doors::new(program.address());
    let shape = Shape {
        seed: seed() + 1,
        callers: 24,
        streams: 4,
        risks: 200,
        limit: u64::MAX,
    };
    let mut random = StdRng::seed_from_u64(shape.seed);
    let mut load = Load::start(shape, vec![doors.clone()]);
    let mut slowest = Duration::ZERO;
    for _ in 0..kills {
        load.progress(random.random_range(1..100)).await;
        // The moment itself is left to chance: between two receipts, anywhere in a transaction.
        tokio::time::sleep(Duration::from_micros(random.random_range(0..20_000))).await;
        kill_postmaster(&postgres);
        postgres = restart(postgres).await;
        let began = Instant::now();
        load.progress(48).await;
        program.ready().await;
        slowest = slowest.max(began.elapsed());
        the_overview_catches_up(&doors).await;
    }
    let outcome = load.finish().await;
    assert!(program.runs(), "{}", program.log());
    let figures = keeps_its_word(&database, &doors, &outcome).await;
    println!("PostgreSQL killed {kills} times, ready again after {slowest:?} at the most: {figures}");
    assert!(outcome.laters > 0, "no kill came while somebody waited for an answer");
}

/// A reading that crosses projects comes to where the ledger is, soon after the database is back.
pub async fn the_overview_catches_up(doors: &Doors) {
    let head: Value = doors.get("/v1/ledger/head").send().await.unwrap().json().await.unwrap();
    let query = ListProjects {
        at_least: head["position"].as_str().unwrap().parse().unwrap(),
        ..ListProjects::default()
    };
    let mut client = OverviewServiceClient::new(doors.channel.clone());
    let began = Instant::now();
    while let Err(status) = client.list_projects(query.clone()).await {
        // Every call waits for it, as long as the service lets it.
        let code = status.code();
        assert!(matches!(code, Code::DeadlineExceeded | Code::Unavailable), "{status:?}");
        assert!(
            began.elapsed() < CAUGHT_UP,
            "the overview has not caught up: {status:?}"
        );
    }
    assert!(began.elapsed() < CAUGHT_UP, "it took {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_gone_every_call_says_so_and_when_to_come_back() {
    let (postgres, database) = own_postgres().await;
    let program = Program::serve(&database).await;
    let doors = Doors::new(program.address());
    kill_postmaster(&postgres);
    tokio::join!(
        the_json_door_says_unavailable(&doors),
        the_grpc_door_says_unavailable(&doors),
        readiness_says_no(&doors),
    );
    // It is not ready, but it lives: an orchestrator that restarted it would gain nothing.
    let alive = doors.get("/healthz").send().await.unwrap();
    assert_eq!(alive.status(), 200);
    let _postgres = restart(postgres).await;
    program.ready().await;
    let mut client = ProjectServiceClient::new(doors.channel.clone());
    client.register_project(register_project(&new_id())).await.unwrap();
}

async fn the_json_door_says_unavailable(doors: &Doors) {
    let (path, body) = Intention::Project {
        request_id: Uuid::new_v4(),
        project_id: Uuid::new_v4(),
    }
    .json();
    let began = Instant::now();
    let answer = loop {
        // The last sessions may outlive the postmaster by a moment.
        let answer = doors.post(&path).json(&body).send().await.unwrap();
        if answer.status() != 200 {
            break answer;
        }
        assert!(
            began.elapsed() < NOTICED,
            "the database is gone and commands are recorded"
        );
    };
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert_eq!(answer.headers()["retry-after"], "1");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(
        (&problem["code"], &problem["reason"]),
        (&"UNAVAILABLE".into(), &"STORE_UNAVAILABLE".into())
    );
    assert_eq!(problem["retry_after_seconds"], 1.0);
    assert!(
        problem["detail"].as_str().unwrap().contains("request_id"),
        "{problem} does not say how to find out"
    );
}

async fn the_grpc_door_says_unavailable(doors: &Doors) {
    let mut client = ProjectServiceClient::new(doors.channel.clone());
    let began = Instant::now();
    let status = loop {
        match client.register_project(register_project(&new_id())).await {
            Err(status) => break status,
            Ok(_) => assert!(
                began.elapsed() < NOTICED,
                "the database is gone and commands are recorded"
            ),
        }
    };
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "STORE_UNAVAILABLE");
    assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));
}

async fn readiness_says_no(doors: &Doors) {
    let began = Instant::now();
    loop {
        let answer = doors.get("/readyz").send().await.unwrap();
        if answer.status() == 503 {
            assert_eq!(answer.text().await.unwrap(), "The database does not answer.\n");
            return;
        }
        assert!(
            began.elapsed() < NOTICED,
            "the database is gone and the service is ready"
        );
    }
}
