//! Two servers that remember what the database has lost, in every constellation of what is written afterwards, where, and by whom.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

use prost::Message;
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use tonic::{Code, Streaming};
use tonic_types::StatusExt;
use vedtak::schema::v1::ledger_service_client::LedgerServiceClient;
use vedtak::schema::v1::*;

use super::cluster::{Cluster, Way};
use super::lines::Lines;
use crate::command_line::vedtak;
use crate::laws::doors::{Door, Doors, Refused, method};
use crate::support::{Server, context, new_id, register_project, register_risk, scale, token};

/// How many commands are lost.
const LOST: usize = 3;

/// One constellation, in a tenant of its own.
struct Scene {
    tenant: String,
    /// How many commands are recorded afterwards.
    after: usize,
    /// Whether they go to the stream of which something was lost.
    same_stream: bool,
    /// Whether the process records them that has recorded what was lost.
    same_process: bool,
    x: String,
    y: String,
    /// What was acknowledged and lost.
    lost: Vec<RegisterRisk>,
    /// The receipt of the last of them.
    last: Receipt,
    /// A page token of either server, from the history that was lost.
    tokens: Vec<String>,
    /// Who follows the ledger and has been sent what was lost, at either server.
    followers: Vec<Streaming<Record>>,
    /// The same over JSON.
    lines: Vec<Lines>,
    /// The leaf hash of the last of it, in hexadecimal digits.
    leaf: String,
}

/// The callers of one tenant, at either server.
struct Callers {
    first: Doors,
    second: Doors,
}

impl Callers {
    async fn of(first: &Server, second: &Server, tenant: &str) -> Self {
        let token = token(tenant, "kari", &["administrator"]);
        Self {
            first: Doors::of(first, &token).await,
            second: Doors::of(second, &token).await,
        }
    }

    fn both(&self) -> [&Doors; 2] {
        [&self.first, &self.second]
    }
}

/// Calls until the database is back, as a caller does that was told to come again.
pub async fn insist<A: Message + Default>(
    doors: &Doors,
    door: Door,
    name: &str,
    request: &impl Message,
) -> Result<A, Refused> {
    loop {
        match doors.call(door, name, request).await {
            Err(refused) if matches!(refused.code.as_str(), "UNAVAILABLE" | "DEADLINE_EXCEEDED") => {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            outcome => return outcome,
        }
    }
}

async fn record(doors: &Doors, door: Door, risk: &RegisterRisk) -> Receipt {
    insist(doors, door, "RegisterRisk", risk).await.unwrap()
}

fn project(id: &str) -> GetProject {
    GetProject {
        project_id: id.to_owned(),
        ..GetProject::default()
    }
}

fn first_page(id: &str) -> ListRisks {
    ListRisks {
        project_id: id.to_owned(),
        page_size: 1,
        ..ListRisks::default()
    }
}

impl Scene {
    /// Two projects that both servers know, and a list of projects that is up to date.
    async fn before(&mut self, callers: &Callers) {
        for id in [&self.x, &self.y] {
            let _: Receipt = insist(&callers.first, Door::Grpc, "RegisterProject", &register_project(id))
                .await
                .unwrap();
            for doors in callers.both() {
                record(doors, Door::Json, &register_risk(id)).await;
            }
            for doors in callers.both() {
                let _: Project = doors.call(Door::Grpc, "GetProject", &project(id)).await.unwrap();
            }
        }
    }

    /// What will be lost: acknowledged, read by both servers, and in the list.
    async fn lost(&mut self, callers: &Callers) {
        let mut followers = Vec::new();
        for doors in callers.both() {
            let ask = StreamRecords {
                follow: true,
                ..StreamRecords::default()
            };
            let mut client = LedgerServiceClient::new(doors.channel());
            followers.push(client.stream_records(ask).await.unwrap().into_inner());
            self.lines.push(Lines::follow(doors).await);
        }
        for _ in 0..LOST {
            let risk = register_risk(&self.x);
            self.last = record(&callers.first, Door::Grpc, &risk).await;
            self.lost.push(risk);
        }
        for doors in callers.both() {
            let read: Project = insist(doors, Door::Grpc, "GetProject", &project(&self.x))
                .await
                .unwrap();
            assert_eq!(read.risks.len(), 2 + LOST);
            let page: RiskList = insist(doors, Door::Json, "ListRisks", &first_page(&self.x))
                .await
                .unwrap();
            self.tokens.push(page.next_page_token);
            let at_least = self.last.position;
            let list = ListProjects {
                at_least,
                ..ListProjects::default()
            };
            let _: ProjectList = insist(doors, Door::Grpc, "ListProjects", &list).await.unwrap();
        }
        for mut records in followers {
            let mut last = records.message().await.unwrap().unwrap();
            while last.position < self.last.position {
                last = records.message().await.unwrap().unwrap();
            }
            self.leaf = hex::encode(&last.leaf_hash);
            self.followers.push(records);
        }
        for lines in &mut self.lines {
            lines.come_to(self.last.position).await;
        }
    }

    /// Those who followed are told, and to where what they have is still there; by themselves, when nothing is recorded, too.
    async fn followers_end(&mut self) {
        for records in &mut self.followers {
            let ended = records.message().await.unwrap_err();
            assert_eq!(ended.code(), Code::DataLoss, "{ended:?}");
            let info = ended.get_details_error_info().unwrap();
            let told = (info.reason.as_str(), info.metadata["last_common_position"].as_str());
            assert_eq!(told, ("HISTORY_LOST", "6"), "{}", self.tenant);
        }
        for lines in &mut self.lines {
            lines.ends_with_loss(6).await;
        }
    }

    /// What is recorded after the loss, and refused.
    async fn afterwards(&self, callers: &Callers) {
        let (own, other) = (&callers.first, &callers.second);
        let writer = if self.same_process { own } else { other };
        // Whoever rests on the version that was lost is told.
        let mut stale = register_risk(&self.x);
        stale.context.as_mut().unwrap().expected_version = Some(self.last.version);
        let refused = insist::<Receipt>(writer, Door::Grpc, "RegisterRisk", &stale)
            .await
            .unwrap_err();
        assert_eq!(
            (refused.reason.as_str(), refused.metadata["current_version"].as_str()),
            ("VERSION_CONFLICT", "3")
        );
        for number in 0..self.after {
            let id = if self.same_stream { &self.x } else { &self.y };
            // Alone, and as a batch.
            if number % 2 == 0 {
                record(writer, Door::Grpc, &register_risk(id)).await;
            } else {
                let risk = RegisterRisk {
                    context: None,
                    ..register_risk(id)
                };
                let command = prost_types::Any {
                    type_url: "type.googleapis.com/vedtak.v1.RegisterRisk".to_owned(),
                    value: risk.encode_to_vec(),
                };
                let batch = RecordBatch {
                    context: context(),
                    commands: vec![command],
                };
                let _: Receipt = insist(writer, Door::Grpc, "RecordBatch", &batch).await.unwrap();
            }
        }
    }

    /// Everything that is asked of a server: the same as a server answers that has just been started.
    async fn answers(&self, doors: &Doors, head: i64) -> BTreeMap<String, Vec<u8>> {
        let mut asked: Vec<(&str, String, Vec<u8>)> = vec![
            ("GetHead", String::new(), GetHead {}.encode_to_vec()),
            ("ListRecords", String::new(), ListRecords::default().encode_to_vec()),
            (
                "ListProjects",
                String::new(),
                ListProjects {
                    at_least: head,
                    ..ListProjects::default()
                }
                .encode_to_vec(),
            ),
        ];
        for id in [&self.x, &self.y] {
            asked.push(("GetProject", id.clone(), project(id).encode_to_vec()));
            asked.push((
                "ListRisks",
                id.clone(),
                ListRisks {
                    page_size: 100,
                    ..first_page(id)
                }
                .encode_to_vec(),
            ));
            let findings = ListFindings {
                project_id: id.clone(),
                ..ListFindings::default()
            };
            asked.push(("ListFindings", id.clone(), findings.encode_to_vec()));
            let trail = ListAuditTrail {
                stream: format!("project/{id}"),
                ..ListAuditTrail::default()
            };
            asked.push(("ListAuditTrail", id.clone(), trail.encode_to_vec()));
            for point in 6..=head {
                let as_of = Some(AsOf {
                    point: Some(as_of::Point::Position(point)),
                    ..AsOf::default()
                });
                asked.push((
                    "GetProject",
                    format!("{id} as of {point}"),
                    GetProject { as_of, ..project(id) }.encode_to_vec(),
                ));
            }
            let today = vedtak::clock::today();
            let as_of = Some(AsOf {
                effective_date: Some(today),
                ..AsOf::default()
            });
            asked.push((
                "GetProject",
                format!("{id} by today"),
                GetProject { as_of, ..project(id) }.encode_to_vec(),
            ));
        }
        let mut answers = BTreeMap::new();
        for (name, what, request) in asked {
            let answer = doors.send(Door::Grpc, method(name), &request).await;
            answers.insert(
                format!("{name} {what}"),
                answer
                    .unwrap_or_else(|refused| panic!("{name} {what}: {refused:?}"))
                    .to_vec(),
            );
        }
        answers
    }

    async fn check(&self, callers: &Callers, fresh: &Doors) {
        let head: Head = fresh.call(Door::Grpc, "GetHead", &GetHead {}).await.unwrap();
        assert_eq!(head.position, 6 + self.after as i64, "{}", self.tenant);
        let wanted = self.answers(fresh, head.position).await;
        for doors in callers.both() {
            for (what, answer) in self.answers(doors, head.position).await {
                assert!(
                    answer == wanted[&what],
                    "{} answers another {what} than a server that knows nothing",
                    self.tenant
                );
            }
            let (after_position, after_leaf_hash) = (self.last.position, Some(self.leaf.clone()));
            let list = ListRecords {
                after_position,
                after_leaf_hash,
                ..ListRecords::default()
            };
            let refused = doors
                .call::<RecordList>(Door::Grpc, "ListRecords", &list)
                .await
                .unwrap_err();
            assert_eq!(refused.reason, "HISTORY_LOST", "{refused:?}");
            for token in &self.tokens {
                let page_token = token.clone();
                let next = ListRisks {
                    page_token,
                    ..first_page(&self.x)
                };
                let refused = doors
                    .call::<RiskList>(Door::Json, "ListRisks", &next)
                    .await
                    .unwrap_err();
                assert_eq!(refused.reason, "HISTORY_LOST", "{refused:?}");
            }
        }
        // What was lost is recorded anew when it is sent again, and once.
        for (risk, door) in self.lost.iter().zip([Door::Grpc, Door::Json, Door::Grpc]) {
            let receipts = [
                record(&callers.second, door, risk).await,
                record(&callers.first, door, risk).await,
            ];
            assert!(!receipts[0].unchanged && receipts[0] == receipts[1], "{receipts:?}");
        }
    }
}

/// Each stream's versions and the tenant's positions have no gap, and a replay of all of it finds nothing.
pub async fn is_whole(database: &str, server: &Server, tenant: &str) {
    is_whole_at(database, &server.url(""), tenant).await;
}

/// The same, of a server at an address.
pub async fn is_whole_at(database: &str, url: &str, tenant: &str) {
    let mut session = PgConnection::connect(database).await.unwrap();
    let gaps: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (
            SELECT position - row_number() OVER (ORDER BY position) AS place,
                version - row_number() OVER (PARTITION BY stream ORDER BY position) AS step
            FROM vedtak.records WHERE tenant = $1) AS r WHERE place <> 0 OR step <> 0",
    )
    .bind(tenant)
    .fetch_one(&mut session)
    .await
    .unwrap();
    assert_eq!(gaps, 0, "{tenant}");
    let mut replay: Command = vedtak();
    let token = token(tenant, "kari", &["reader"]);
    replay.args(["replay", "--json", "--url", url, "--token", &token]);
    let output = tokio::task::spawn_blocking(move || replay.output().unwrap())
        .await
        .unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    assert!(
        output.status.success(),
        "{tenant}: {told} {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn scenes() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for after in [LOST - 2, LOST, LOST + 2] {
        for same_stream in [true, false] {
            for same_process in [true, false] {
                scenes.push(Scene {
                    tenant: format!("lost-{}", scenes.len()),
                    after,
                    same_stream,
                    same_process,
                    x: new_id(),
                    y: new_id(),
                    lost: Vec::new(),
                    last: Receipt::default(),
                    tokens: Vec::new(),
                    followers: Vec::new(),
                    lines: Vec::new(),
                    leaf: String::new(),
                });
            }
        }
    }
    scenes
}

async fn lose(way: Way) {
    let cluster = Cluster::start(way).await;
    let database = cluster.url();
    let (first, second) = (Server::on(database.clone()).await, Server::on(database.clone()).await);
    let mut scenes = scenes();
    let mut callers = Vec::new();
    for scene in &mut scenes {
        let of = Callers::of(&first, &second, &scene.tenant).await;
        scene.before(&of).await;
        callers.push(of);
    }
    let cluster = cluster.part().await;
    for (scene, callers) in scenes.iter_mut().zip(&callers) {
        scene.lost(callers).await;
    }
    let cluster = cluster.lose().await;
    assert_eq!(cluster.way(), way);
    for (index, (scene, callers)) in scenes.iter_mut().zip(&callers).enumerate() {
        // Of some before anything is recorded anew, of the others afterwards.
        if index % 3 == 0 {
            scene.followers_end().await;
        }
        scene.afterwards(callers).await;
        if index % 3 != 0 {
            scene.followers_end().await;
        }
    }
    let fresh = Arc::new(Server::on(database.clone()).await);
    for (scene, callers) in scenes.iter().zip(&callers) {
        let token = token(&scene.tenant, "kari", &["administrator"]);
        scene.check(callers, &Doors::of(&fresh, &token).await).await;
        is_whole(&database, &first, &scene.tenant).await;
    }
    // Both processes have noticed, and say so.
    for server in [&first, &second] {
        let found: Vec<String> = server
            .service
            .ledger()
            .losses()
            .all()
            .into_iter()
            .map(|loss| loss.tenant)
            .collect();
        let ready = reqwest::get(server.url("/readyz")).await.unwrap();
        assert_eq!(ready.status().as_u16(), 200);
        let ready = ready.text().await.unwrap();
        for scene in &scenes {
            assert!(found.contains(&scene.tenant), "{found:?}");
            assert!(
                ready.contains(&format!("history was lost: of tenant {}", scene.tenant)),
                "{ready}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_standby_had_not_received_is_neither_served_nor_built_on() {
    for _ in 0..scale().div_ceil(20) {
        lose(Way::Standby).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_older_copy_does_not_hold_is_neither_served_nor_built_on() {
    for _ in 0..scale().div_ceil(20) {
        lose(Way::Copy).await;
    }
}
