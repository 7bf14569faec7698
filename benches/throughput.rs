//! How fast commands are recorded, side by side in one run: a bare INSERT of the same bytes, the ledger as a library, gRPC, and JSON.
//!
//! Fsync on, client, server and database on the same machine. Times depend on the machine; read the ratios. `VEDTAK_BENCH_CALLERS`
//! sets how many call at a time (default 256), `VEDTAK_BENCH_ROUNDS` how often each contender has its turn (default 4) and
//! `VEDTAK_BENCH_SECONDS` how long (default 3); `VEDTAK_BENCH_ONLY` names a part of the names of those that run beside the bare INSERT,
//! for whoever works on one of them. It takes some 8 GB of disk for as long as it runs.

#[allow(dead_code, reason = "the benchmark needs a part of what the tests stand on")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use prost::Name;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;
use vedtak::domain::Command;
use vedtak::ledger::{Circumstances, Ledger, Store, StoreConfig, Submission, WriterConfig};
use vedtak::rules::Rules;
use vedtak::schema;
use vedtak::schema::v1::project_service_client::ProjectServiceClient;
use vedtak::schema::v1::risk_service_client::RiskServiceClient;
use vedtak::schema::v1::*;

use support::{Server, TENANT};

const BARE: &str = "bare INSERT, pooled";
const LIBRARY_ONE: &str = "ledger library, 1 tenant";
const LIBRARY_HUNDRED: &str = "ledger library, 100 tenants";
const GRPC: &str = "gRPC";
const JSON: &str = "JSON";

/// How many events a project gets before the caller begins a new one.
const EVENTS_PER_PROJECT: u64 = 50;

/// What one contender came to in one turn.
struct Turn {
    took: Duration,
    times: Vec<Duration>,
}

/// What one contender came to in all its turns.
struct Outcome {
    name: &'static str,
    per_second: f64,
    half: Duration,
    slowest: Duration,
}

impl Outcome {
    fn of(name: &'static str, turns: Vec<Turn>) -> Self {
        let took: Duration = turns.iter().map(|turn| turn.took).sum();
        let mut times: Vec<Duration> = turns.into_iter().flat_map(|turn| turn.times).collect();
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        Self {
            name,
            per_second: times.len() as f64 / took.as_secs_f64(),
            half: at(0.5),
            slowest: at(0.99),
        }
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(run());
}

/// How many call at the same time.
fn callers() -> u64 {
    number("VEDTAK_BENCH_CALLERS", 256)
}

/// A number from the environment.
fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

async fn run() {
    let (seconds, rounds) = (number("VEDTAK_BENCH_SECONDS", 3), number("VEDTAK_BENCH_ROUNDS", 4));
    let only = std::env::var("VEDTAK_BENCH_ONLY").unwrap_or_default();
    let span = Duration::from_secs(seconds);
    settle_in().await;
    println!(
        "{} callers, fsync on, one event a command; {rounds} rounds, in each {seconds} s for each contender\n",
        callers()
    );
    let connections = best_pool(span).await;
    let names: Vec<&str> = [LIBRARY_ONE, LIBRARY_HUNDRED, GRPC, JSON]
        .into_iter()
        .filter(|name| name.contains(&only))
        .collect();
    let mut turns: Vec<Vec<Turn>> = (0..=names.len()).map(|_| Vec::new()).collect();
    // In turns: a machine that is faster now and slower then is so for all of them.
    for _ in 0..rounds {
        turns[0].push(bare_insert(span, connections).await);
        for (name, turns) in names.iter().zip(&mut turns[1..]) {
            turns.push(match *name {
                LIBRARY_ONE => library(span, 1).await,
                LIBRARY_HUNDRED => library(span, 100).await,
                GRPC => grpc(span).await,
                _ => json(span).await,
            });
        }
    }
    let names = std::iter::once(BARE).chain(names);
    let outcomes: Vec<Outcome> = names.zip(turns).map(|(name, turns)| Outcome::of(name, turns)).collect();
    print(&outcomes);
}

/// With how many connections the bare INSERT is at its best.
async fn best_pool(span: Duration) -> u32 {
    let mut best = (0.0, 0);
    for connections in [16, 32, 64] {
        let turn = bare_insert(span, connections).await;
        let rate = turn.times.len() as f64 / turn.took.as_secs_f64();
        if rate > best.0 {
            best = (rate, connections);
        }
    }
    best.1
}

/// A database server as it is after some days: with memory of its own, and with segments of its log to write over instead of new ones
/// to make. No contender meets a checkpoint.
async fn settle_in() {
    let settings = [
        ("checkpoint_timeout", "1h"),
        ("shared_buffers", "1GB"),
        ("min_wal_size", "3GB"),
        ("max_wal_size", "12GB"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    support::SETTINGS
        .set(settings.to_vec())
        .expect("nothing has needed it yet");
    let mut connection = PgConnection::connect(&support::database().await)
        .await
        .expect("a database");
    for statement in [
        "SELECT pg_logical_emit_message(false, 'fill', repeat('x', 1 << 24)) FROM generate_series(1, 180)",
        "CHECKPOINT",
    ] {
        connection.execute(statement).await.expect("a superuser");
    }
}

fn print(outcomes: &[Outcome]) {
    let bare = &outcomes[0];
    println!(
        "{:<30} {:>10} {:>10} {:>10} {:>12} {:>12}",
        "", "events/s", "p50", "p99", "x bare", "p99 x bare"
    );
    for outcome in outcomes {
        println!(
            "{:<30} {:>10.0} {:>10.1?} {:>10.1?} {:>12.2} {:>12.2}",
            outcome.name,
            outcome.per_second,
            outcome.half,
            outcome.slowest,
            outcome.per_second / bare.per_second,
            outcome.slowest.as_secs_f64() / bare.slowest.as_secs_f64(),
        );
    }
    println!("\nwanted:");
    for (name, of, wanted) in [
        (LIBRARY_ONE, BARE, 3.0),
        (LIBRARY_HUNDRED, BARE, 2.5),
        (GRPC, BARE, 1.2),
        (JSON, GRPC, 0.7),
    ] {
        let rate = |name| {
            outcomes
                .iter()
                .find(|outcome| outcome.name == name)
                .map(|outcome| outcome.per_second)
        };
        if let (Some(rate), Some(of_rate)) = (rate(name), rate(of)) {
            println!("{name} / {of}: {:.2} (wanted {wanted})", rate / of_rate);
        }
    }
}

/// Runs as many callers as there are, each of which calls again as soon as it is answered.
async fn measure<F, C>(span: Duration, caller: impl Fn(usize) -> C) -> Turn
where
    C: FnMut(u64) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let measuring = Arc::new(AtomicBool::new(false));
    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..callers() as usize)
        .map(|index| {
            let mut call = caller(index);
            let (measuring, stop) = (Arc::clone(&measuring), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut times = Vec::new();
                for turn in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let began = Instant::now();
                    call(turn).await;
                    if measuring.load(Ordering::Relaxed) {
                        times.push(began.elapsed());
                    }
                }
                times
            })
        })
        .collect();
    tokio::time::sleep(span / 4).await;
    measuring.store(true, Ordering::Relaxed);
    let began = Instant::now();
    tokio::time::sleep(span).await;
    measuring.store(false, Ordering::Relaxed);
    let took = began.elapsed();
    stop.store(true, Ordering::Relaxed);
    let mut times = Vec::new();
    for caller in callers {
        times.extend(caller.await.expect("a caller does not panic"));
    }
    Turn { took, times }
}

/// A record as large as those that the others write.
fn record() -> Vec<u8> {
    let record = serde_json::json!({
        "actor": {"subject": "kari"}, "data": serde_json::from_slice::<serde_json::Value>(&schema::to_json(RiskRegistered::full_name().as_str(), &prost::Message::encode_to_vec(&RiskRegistered {
            risk_id: support::new_id(), number: "1".to_owned(), description: "Too few resources to run the process".to_owned(),
            assessment: Some(RiskAssessment { probability: 4, consequence: 5, stated_factor: Some(20) }),
        })).expect("a message of the schema")).expect("JSON"),
        "effective_date": "2017-01-02", "nonce": "00112233445566778899aabbccddeeff", "position": 123_456, "recorded_at": "2026-01-01T00:00:00.000000Z",
        "request_id": support::new_id(), "stream": format!("project/{}", support::new_id()), "tenant": TENANT, "type": "vedtak.v1.RiskRegistered", "version": 42,
    });
    record.to_string().into_bytes()
}

async fn bare_insert(span: Duration, connections: u32) -> Turn {
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .test_before_acquire(false)
        .connect(&support::database().await)
        .await
        .expect("a database");
    sqlx::query("CREATE TABLE bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, record bytea NOT NULL)")
        .execute(&pool)
        .await
        .expect("a table");
    let record = Arc::new(record());
    measure(span, |_| {
        let (pool, record) = (pool.clone(), Arc::clone(&record));
        move |_| {
            let (pool, record) = (pool.clone(), Arc::clone(&record));
            async move {
                sqlx::query("INSERT INTO bare (record) VALUES ($1)")
                    .bind(record.as_slice())
                    .execute(&pool)
                    .await
                    .expect("an insert");
            }
        }
    })
    .await
}

/// The next command of a caller: a project, then risks in it, then the next project.
fn next(project: &mut String, turn: u64) -> (bool, RegisterProject, RegisterRisk) {
    let opens = turn.is_multiple_of(EVENTS_PER_PROJECT);
    if opens {
        *project = support::new_id();
    }
    (
        opens,
        support::register_project(project),
        support::register_risk(project),
    )
}

async fn library(span: Duration, tenants: usize) -> Turn {
    // The ledger alone: nobody projects what it records.
    let store = Store::connect(&StoreConfig {
        url: support::database().await,
        ..StoreConfig::default()
    })
    .await
    .expect("a database");
    let ledger = Arc::new(Ledger::start(
        Arc::new(Rules),
        store,
        &WriterConfig::default(),
        Arc::new(support::Deaf),
    ));
    measure(span, |index| {
        let (ledger, tenant) = (
            Arc::clone(&ledger),
            Arc::<str>::from(format!("tenant-{}", index % tenants)),
        );
        let mut project = String::new();
        move |turn| {
            let (opens, register, risk) = next(&mut project, turn);
            let submission = if opens {
                submission(&tenant, &register, register.context.as_ref())
            } else {
                submission(&tenant, &risk, risk.context.as_ref())
            };
            append(Arc::clone(&ledger), submission)
        }
    })
    .await
}

async fn append(ledger: Arc<Ledger<Rules>>, submission: Submission<Rules>) {
    ledger.append(submission).await.expect("a valid command is recorded");
}

fn submission<C: prost::Message + Name>(
    tenant: &Arc<str>,
    command: &C,
    context: Option<&CommandContext>,
) -> Submission<Rules> {
    let command = Command::decode(&C::full_name(), &command.encode_to_vec())
        .expect("a command")
        .expect("its own bytes");
    let today = vedtak::clock::today();
    Submission {
        tenant: Arc::clone(tenant),
        stream: Arc::from(command.stream().to_string()),
        request_id: Uuid::parse_str(&context.expect("a context").request_id).expect("a UUID"),
        content_hash: [0; 32],
        expected_version: None,
        circumstances: Circumstances {
            subject: "kari".to_owned(),
            on_behalf_of: String::new(),
            authority: String::new(),
            reason: String::new(),
            effective_date: today.clone(),
            today,
            ground: None,
            administrator: true,
            mandate: Vec::new(),
        },
        commands: vec![command],
    }
}

async fn grpc(span: Duration) -> Turn {
    let server = Server::start().await;
    let mut channels = Vec::new();
    for _ in 0..4 {
        channels.push(server.channel(&support::administrator()).await);
    }
    measure(span, |index| {
        let channel = channels[index % channels.len()].clone();
        let mut project = String::new();
        move |turn| {
            let (opens, register, risk) = next(&mut project, turn);
            let channel = channel.clone();
            async move {
                if opens {
                    ProjectServiceClient::new(channel)
                        .register_project(register)
                        .await
                        .expect("a project");
                } else {
                    RiskServiceClient::new(channel)
                        .register_risk(risk)
                        .await
                        .expect("a risk");
                }
            }
        }
    })
    .await
}

async fn json(span: Duration) -> Turn {
    let server = Server::start().await;
    let clients: Vec<reqwest::Client> = (0..4)
        .map(|_| {
            reqwest::Client::builder()
                .http2_prior_knowledge()
                .build()
                .expect("a client")
        })
        .collect();
    let token = Arc::new(support::administrator());
    measure(span, |index| {
        let (client, token, url) = (
            clients[index % clients.len()].clone(),
            Arc::clone(&token),
            server.url(""),
        );
        let mut project = String::new();
        move |turn| {
            let (opens, register, risk) = next(&mut project, turn);
            let (client, token) = (client.clone(), Arc::clone(&token));
            let (path, body) = if opens {
                json_call(&url, "register", &project, &register)
            } else {
                json_call(&url, &format!("risks/{}/register", risk.risk_id), &project, &risk)
            };
            async move {
                let answer = client
                    .post(path)
                    .bearer_auth(&token)
                    .header("content-type", "application/json")
                    .body(body)
                    .send()
                    .await
                    .expect("an answer");
                assert!(answer.status().is_success(), "{}", answer.text().await.expect("a text"));
                answer.bytes().await.expect("a body");
            }
        }
    })
    .await
}

fn json_call<C: prost::Message + Name>(url: &str, verb: &str, project: &str, command: &C) -> (String, Vec<u8>) {
    let body = schema::to_json(&C::full_name(), &command.encode_to_vec()).expect("a message of the schema");
    (format!("{url}/v1/projects/{project}/{verb}"), body)
}
