//! Something stops without ending, as behind a cut network or on a paused machine: nobody hears of it, and nobody may wait for ever.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;
use vedtak::api::server::ServerConfig;
use vedtak::config::Config;
use vedtak::ledger::StoreConfig;

use super::caller::{Answer, Door, Doors, Intention};
use super::check::keeps_its_word;
use super::load::{Load, Shape, seed};
use super::postgres::{own_postgres, the_overview_catches_up};
use crate::support::program::{Program, configuration};
use crate::support::{database, scale};

/// How long a service may need to get over it, with the short limits that these tests set.
const OVER_IT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_one_is_frozen_and_the_other_goes_on() {
    let times = scale().div_ceil(10).max(2);
    let database = database().await;
    let mut programs = [Program::serve(&database).await, Program::serve(&database).await];
    let doors = [0, 1].map(|which: usize| Doors::new(programs[which].address()));
    let shape = Shape {
        seed: seed() + 6,
        callers: 24,
        streams: 4,
        risks: 200,
        limit: u64::MAX,
    };
    let mut random = StdRng::seed_from_u64(shape.seed);
    let mut load = Load::start(shape, doors.to_vec());
    for _ in 0..times {
        load.progress(random.random_range(1..60)).await;
        // The moment itself is left to chance: most likely it holds the lock that the other one needs.
        tokio::time::sleep(Duration::from_micros(random.random_range(0..20_000))).await;
        let frozen = random.random_range(0..2);
        programs[frozen].signal(Signal::SIGSTOP);
        load.go_to(vec![doors[1 - frozen].clone()]);
        // More than those who wait for the frozen one could have brought.
        load.progress(48).await;
        programs[frozen].signal(Signal::SIGCONT);
        load.go_to(doors.to_vec());
    }
    let outcome = load.finish().await;
    assert!(programs.iter_mut().all(Program::runs));
    let figures = keeps_its_word(&database, &doors[0], &outcome).await;
    println!("one of two processes frozen {times} times: {figures}");
}

/// What a service is told that is to give up soon.
fn impatient(database: &str) -> Config {
    let usual = configuration(database);
    Config {
        database: StoreConfig {
            statement_timeout_ms: 1_000,
            ..usual.database
        },
        server: ServerConfig {
            request_timeout_ms: 2_000,
            shutdown_timeout_ms: 500,
            ..usual.server
        },
        ..usual
    }
}

/// Processes that stand still until this is dropped.
struct Frozen(Vec<i32>);

impl Frozen {
    fn freeze(&mut self, process: i32) {
        kill(Pid::from_raw(process), Signal::SIGSTOP).unwrap();
        self.0.push(process);
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for process in &self.0 {
            // It may have ended: a kill works on the frozen, too.
            let _ = kill(Pid::from_raw(*process), Signal::SIGCONT);
        }
    }
}

/// Freezes all sessions that the service has in its database; new ones are not hindered.
async fn freeze_sessions(database: &str) -> Frozen {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let sessions: Vec<i32> = sqlx::query_scalar(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'vedtak'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert!(!sessions.is_empty());
    let mut frozen = Frozen(Vec::new());
    sessions.into_iter().for_each(|session| frozen.freeze(session));
    frozen
}

fn new_project() -> Intention {
    Intention::Project {
        request_id: Uuid::new_v4(),
        project_id: Uuid::new_v4(),
    }
}

async fn insist(doors: &Doors, intention: &Intention) {
    let began = Instant::now();
    loop {
        match doors.send(Door::Grpc, intention).await {
            Answer::Recorded(_) => return,
            Answer::Later(reason) => assert!(began.elapsed() < OVER_IT, "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_its_sessions_are_frozen_the_service_opens_new_ones() {
    let (postgres, database) = own_postgres().await;
    let program = Program::serve_with(&impatient(&database)).await;
    let doors = Doors::new(program.address());
    insist(&doors, &new_project()).await;
    // Nothing is under way, so that no frozen session holds a lock: the database would have to end that one itself.
    the_overview_catches_up(&doors).await;
    let frozen = freeze_sessions(&database).await;
    let began = Instant::now();
    insist(&doors, &new_project()).await;
    program.ready().await;
    the_overview_catches_up(&doors).await;
    assert!(began.elapsed() < OVER_IT, "it took {:?}", began.elapsed());
    drop(frozen);
    drop(postgres);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_database_does_not_keep_the_service_from_ending() {
    let (postgres, database) = own_postgres().await;
    let mut program = Program::serve_with(&impatient(&database)).await;
    let doors = Doors::new(program.address());
    insist(&doors, &new_project()).await;
    let mut frozen = freeze_sessions(&database).await;
    // The postmaster too: nobody opens new sessions.
    frozen.freeze(postgres.pid().cast_signed());
    let waiting = tokio::spawn(async move { doors.send(Door::Grpc, &new_project()).await });
    program.terminate();
    let status = program.ended(OVER_IT).await;
    assert_eq!(status.code(), Some(0), "{}", program.log());
    drop(waiting.await);
    drop(frozen);
    drop(postgres);
}
