//! Proves that a tenant that does its worst shuts nobody out: another tenant is served as before, without a refusal, and the memory of
//! the service stays within its bound.

mod attacks;

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::oneshot;
use vedtak::schema::v1::project_service_client::ProjectServiceClient;
use vedtak::schema::v1::risk_service_client::RiskServiceClient;
use vedtak::schema::v1::*;

use crate::support::program::Program;
use crate::support::{Authorized, channel, database, new_id, register_project, register_risk, token};

/// Who attacks, and who only works.
const ATTACKER: &str = "nordre-land";
const VICTIM: &str = "sondre-land";

/// How often it is measured at the most: other tests share the machine, and a round in which they were at work proves nothing.
const ROUNDS: usize = 6;

/// How long a round is.
const ROUND: Duration = Duration::from_millis(1_500);

/// On a machine of two processors that the attacker, the victim, the database and other tests share, a wait of this much is no sign of
/// anything: three times less than this is not asked for.
const LEAST_IDLE: Duration = Duration::from_millis(25);

/// The most memory that the service may have taken, in KiB: what the compose file gives its container.
const MOST_MEMORY: u64 = 2 * 1024 * 1024;

/// The service as a process of its own, with two tenants in it.
struct Street {
    program: Program,
    victim: Authorized,
    victims_project: String,
}

/// What the victim saw in a round.
struct Seen {
    calls: usize,
    slowest: Duration,
    refused: Vec<String>,
}

impl Street {
    async fn new() -> Self {
        let program = Program::serve(&database().await).await;
        let victim = channel(&program.url(""), &token(VICTIM, "ola", &["administrator"])).await;
        let victims_project = new_id();
        ProjectServiceClient::new(victim.clone())
            .register_project(register_project(&victims_project))
            .await
            .unwrap();
        Self {
            program,
            victim,
            victims_project,
        }
    }

    /// A token of the attacker.
    fn token(&self) -> String {
        token(ATTACKER, "kari", &["administrator"])
    }

    /// The victim's commands and readings for a round, one after the other; answers the 99th part of a hundred.
    async fn round(&self) -> Seen {
        let (mut risks, mut projects) = (
            RiskServiceClient::new(self.victim.clone()),
            ProjectServiceClient::new(self.victim.clone()),
        );
        let (mut times, mut refused) = (Vec::new(), Vec::new());
        let began = Instant::now();
        while began.elapsed() < ROUND {
            let at = Instant::now();
            if let Err(status) = risks.register_risk(register_risk(&self.victims_project)).await {
                refused.push(status.to_string());
            }
            times.push(at.elapsed());
            let at = Instant::now();
            let ask = GetProject {
                project_id: self.victims_project.clone(),
                ..GetProject::default()
            };
            if let Err(status) = projects.get_project(ask).await {
                refused.push(status.to_string());
            }
            times.push(at.elapsed());
        }
        times.sort_unstable();
        let slowest = times[(times.len() - 1) * 99 / 100];
        Seen {
            calls: times.len(),
            slowest,
            refused,
        }
    }

    /// The most memory that the service has taken so far, in KiB.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.program.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Proves that the victim is served beside this attack, which goes on until it is told that it is over.
    async fn holds<A: Future<Output = ()> + Send + 'static>(
        &self,
        what: &str,
        attack: impl Fn(oneshot::Receiver<()>) -> A,
    ) {
        let mut seen = Vec::new();
        for _ in 0..ROUNDS {
            let idle = self.round().await.slowest.max(LEAST_IDLE);
            let (over, until) = oneshot::channel();
            // On a thread of its own, and of a low priority: an attacker has a machine of its own, and what its clients take of this one is
            // not to be what the victim waits for.
            let attack = attack(until);
            let attack = tokio::task::spawn_blocking(move || {
                #[cfg(target_os = "linux")]
                rustix::process::nice(15).unwrap();
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(attack);
            });
            // So long the attacker has to do its worst before it counts.
            tokio::time::sleep(Duration::from_millis(300)).await;
            let attacked = self.round().await;
            let _ = over.send(());
            attack.await.unwrap();
            assert!(attacked.refused.is_empty(), "{what}: {:?}", attacked.refused);
            let memory = self.memory();
            assert!(memory < MOST_MEMORY, "{what}: {memory} KiB");
            println!(
                "{what}: p99 {:?} beside {idle:?} when idle, {} calls, {} MiB",
                attacked.slowest,
                attacked.calls,
                memory / 1024
            );
            if attacked.slowest <= 3 * idle {
                return;
            }
            seen.push((idle, attacked.slowest));
        }
        panic!("{what}: the victim waited more than three times as long in every round: {seen:?}");
    }

    /// The attacker's project.
    async fn attackers_project(&self) -> String {
        let id = new_id();
        let channel = channel(&self.program.url(""), &self.token()).await;
        ProjectServiceClient::new(channel)
            .register_project(register_project(&id))
            .await
            .unwrap();
        id
    }
}

/// A batch of risks without contexts of their own.
fn batch(project_id: &str, count: usize, length: usize) -> RecordBatch {
    let risks = (0..count).map(|_| {
        let risk = RegisterRisk {
            context: None,
            description: "x".repeat(length),
            ..register_risk(project_id)
        };
        prost_types::Any::from_msg(&risk).unwrap()
    });
    RecordBatch {
        context: crate::support::context(),
        commands: risks.collect(),
    }
}

/// What a caller reads of a JSON answer.
async fn status_of(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}
