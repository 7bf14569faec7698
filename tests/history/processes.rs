//! Two real processes that remember what the database has lost: each says so once for each loss, in its metrics and in its log.

use prost::Message;
use tonic::{Code, Streaming};
use tonic_types::StatusExt;
use vedtak::schema::v1::ledger_service_client::LedgerServiceClient;
use vedtak::schema::v1::*;

use super::cluster::{Cluster, Way};
use super::lines::Lines;
use super::lost::{insist, is_whole_at};
use crate::laws::doors::{Door, Doors};
use crate::support::program::Program;
use crate::support::{Server, TENANT, administrator, new_id, register_project, register_risk};

/// One process, and whoever calls it.
struct Process {
    program: Program,
    doors: Doors,
}

/// Who follows a process through either door.
struct Followers(Streaming<Record>, Lines);

impl Process {
    async fn on(database: &str) -> Self {
        let program = Program::serve(database).await;
        let doors = Doors::at(&program.url(""), &administrator()).await;
        Self { program, doors }
    }

    async fn send<A: Message + Default>(&self, name: &str, request: &impl Message) -> A {
        insist(&self.doors, Door::Grpc, name, request).await.unwrap()
    }

    async fn follow(&self, position: i64) -> Followers {
        let ask = StreamRecords {
            follow: true,
            ..StreamRecords::default()
        };
        let mut client = LedgerServiceClient::new(self.doors.channel());
        let mut records = client.stream_records(ask).await.unwrap().into_inner();
        while records.message().await.unwrap().unwrap().position < position {}
        let mut lines = Lines::follow(&self.doors).await;
        lines.come_to(position).await;
        Followers(records, lines)
    }

    /// It has counted so many losses, and told of each once.
    async fn has_told(&self, losses: usize) {
        let metrics = reqwest::get(self.program.url("/metrics")).await.unwrap();
        let metrics = metrics.text().await.unwrap();
        let counted = format!("vedtak_history_lost_total {losses}");
        assert!(
            metrics.lines().any(|line| line == counted),
            "not {counted}:\n{}",
            metrics
                .lines()
                .filter(|line| line.contains("history"))
                .collect::<String>()
        );
        let log = self.program.whole_log();
        let told = |line: &&str| line.contains("history was lost") && line.contains(TENANT);
        assert_eq!(log.lines().filter(told).count(), losses, "{log}");
    }
}

impl Followers {
    async fn end(&mut self, last_common: i64) {
        let ended = self.0.message().await.unwrap_err();
        assert_eq!(ended.code(), Code::DataLoss, "{ended:?}");
        let info = ended.get_details_error_info().unwrap();
        assert_eq!(info.metadata["last_common_position"], last_common.to_string());
        self.1.ends_with_loss(last_common).await;
    }
}

/// Something is recorded, followed through both doors of both processes, and lost; afterwards as much is recorded anew.
async fn lose_once(mut cluster: Cluster, processes: &[Process; 2], project: &str, losses: usize) -> Cluster {
    cluster = cluster.part().await;
    let common: Head = processes[0].send("GetHead", &GetHead {}).await;
    let mut last = Receipt::default();
    for _ in 0..3 {
        last = processes[0].send("RegisterRisk", &register_risk(project)).await;
    }
    let mut followers = Vec::new();
    for process in processes {
        followers.push(process.follow(last.position).await);
    }
    cluster = cluster.lose().await;
    for (process, followers) in processes.iter().zip(&mut followers) {
        followers.end(common.position).await;
        let ask = GetProject {
            project_id: project.to_owned(),
            ..GetProject::default()
        };
        let read: Project = process.send("GetProject", &ask).await;
        assert_eq!(read.version, common.position);
    }
    for _ in 0..3 {
        let _: Receipt = processes[1].send("RegisterRisk", &register_risk(project)).await;
        let _: Receipt = processes[0].send("RegisterRisk", &register_risk(project)).await;
    }
    for process in processes {
        process.has_told(losses).await;
    }
    cluster
}

async fn lose(way: Way, times: usize) {
    let mut cluster = Cluster::start(way).await;
    let database = cluster.url();
    let processes = [Process::on(&database).await, Process::on(&database).await];
    let project = new_id();
    let _: Receipt = processes[0].send("RegisterProject", &register_project(&project)).await;
    for time in 1..=times {
        cluster = lose_once(cluster, &processes, &project, time).await;
    }
    for process in &processes {
        is_whole_at(&database, &process.program.url(""), TENANT).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_tell_of_what_a_standby_had_not_received() {
    lose(Way::Standby, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_tell_of_each_loss_also_when_another_follows_at_once() {
    lose(Way::Copy, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_token_that_nobody_gave_out_makes_no_loss() {
    let server = Server::start().await;
    let doors = Doors::of(&server, &administrator()).await;
    let project_id = new_id();
    let _: Receipt = doors
        .call(Door::Grpc, "RegisterProject", &register_project(&project_id))
        .await
        .unwrap();
    let page_token = format!("1.1.1.{}", "0".repeat(64));
    let next = ListRisks {
        project_id,
        page_token,
        ..ListRisks::default()
    };
    let refused = doors
        .call::<RiskList>(Door::Json, "ListRisks", &next)
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "HISTORY_LOST", "{refused:?}");
    assert!(server.service.ledger().losses().all().is_empty());
}
