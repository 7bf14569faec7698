//! Proves that no request, however malformed or hostile, gets more than a clear refusal, and that the ledger stands unchanged.
//!
//! The requests come from the schema by reflection and from a seeded generator: the same seed makes the same requests.

mod answer;
mod faults;
mod frames;
mod grpc;
mod json;
mod limits;
mod nested;
mod places;
mod samples;
mod texts;
mod tokens;
mod valid;
mod wire;

use std::time::Instant;

use futures_util::StreamExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use vedtak::api::server::ServerConfig;
use vedtak::schema::v1::project_service_client::ProjectServiceClient;
use vedtak::schema::v1::risk_service_client::RiskServiceClient;

use crate::support::{Server, administrator, new_id, register_project, register_risk, scale};

/// What all generators begin from.
const SEED: u64 = 0x5645_4454_414B_0001;

fn generator(part: u64) -> StdRng {
    StdRng::seed_from_u64(SEED ^ part)
}

/// How many requests a programme sends at this scale, when it sends so many at the full one.
fn count(full: usize) -> usize {
    (full * scale()).div_ceil(100)
}

/// A server with a project in it, and how it stood before anything hostile came.
struct Target {
    server: Server,
    token: String,
    project_id: String,
    before: Standing,
}

/// What must stay as it is.
#[derive(Debug, PartialEq)]
struct Standing {
    head: Value,
    records: Value,
    project: Value,
    projects: Value,
    requests: i64,
}

impl Target {
    async fn start() -> Self {
        Self::with(ServerConfig::default()).await
    }

    async fn with(config: ServerConfig) -> Self {
        let server = Server::limited(config).await;
        let token = administrator();
        let channel = server.channel(&token).await;
        let project_id = new_id();
        ProjectServiceClient::new(channel.clone())
            .register_project(register_project(&project_id))
            .await
            .unwrap();
        RiskServiceClient::new(channel)
            .register_risk(register_risk(&project_id))
            .await
            .unwrap();
        let mut target = Self {
            server,
            token,
            project_id,
            before: Standing::default(),
        };
        target.before = target.standing().await;
        target
    }

    async fn get(&self, path: &str) -> Value {
        let answer = reqwest::Client::new()
            .get(self.server.url(path))
            .bearer_auth(&self.token)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "GET {path}");
        answer.json().await.unwrap()
    }

    async fn standing(&self) -> Standing {
        let mut database = PgConnection::connect(&self.server.database).await.unwrap();
        Standing {
            head: self.get("/v1/ledger/head").await,
            records: self.get("/v1/ledger/records").await,
            project: self.get(&format!("/v1/projects/{}", self.project_id)).await,
            projects: self.get("/v1/projects?at_least=2").await,
            requests: sqlx::query_scalar("SELECT count(*) FROM vedtak.requests")
                .fetch_one(&mut database)
                .await
                .unwrap(),
        }
    }

    /// The server answers as before, and nothing has been recorded.
    async fn is_unharmed(&self) {
        assert_eq!(self.standing().await, self.before);
    }
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            head: Value::Null,
            records: Value::Null,
            project: Value::Null,
            projects: Value::Null,
            requests: 0,
        }
    }
}

/// Sends all of these, some at a time, and fails with the first of what went wrong.
async fn send_all<C, F: Future<Output = Result<(), String>>>(
    what: &str,
    cases: impl IntoIterator<Item = C>,
    send: impl Fn(C) -> F,
) {
    let began = Instant::now();
    let outcomes: Vec<Result<(), String>> = futures_util::stream::iter(cases)
        .map(send)
        .buffer_unordered(16)
        .collect()
        .await;
    let wrong: Vec<&String> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    eprintln!(
        "{what}: {} requests in {:.1} s",
        outcomes.len(),
        began.elapsed().as_secs_f64()
    );
    assert!(
        wrong.is_empty(),
        "{what}: {} of {} went wrong, among them:\n{}",
        wrong.len(),
        outcomes.len(),
        first(&wrong)
    );
}

fn first(wrong: &[&String]) -> String {
    wrong
        .iter()
        .take(15)
        .map(|problem| problem.chars().take(1500).collect::<String>())
        .collect::<Vec<_>>()
        .join("\n\n")
}
