//! The loss comes while writers and readers are at work through two servers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use vedtak::schema::v1::*;

use super::cluster::{Cluster, Way};
use super::lost::{insist, is_whole};
use crate::laws::doors::{Door, Doors};
use crate::support::{Server, new_id, register_project, register_risk, scale, token};

const TENANT: &str = "at-work";
const WRITERS: usize = 12;
const STREAMS: usize = 4;

/// Sends commands until told to stop; answers the risks that were acknowledged to a command which was first sent after the loss.
async fn write(
    doors: Doors,
    project: String,
    lost: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
) -> Vec<String> {
    let mut kept = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let after = lost.load(Ordering::SeqCst);
        let risk = register_risk(&project);
        match insist::<Receipt>(&doors, Door::Grpc, "RegisterRisk", &risk).await {
            Ok(_) if after => {
                kept.push(risk.risk_id);
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            // The project itself may have been lost, but not here: it was recorded long before.
            Ok(_) => {}
            Err(refused) => panic!("{refused:?}"),
        }
    }
    kept
}

async fn read(doors: Doors, project: String, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let ask = GetProject {
            project_id: project.clone(),
            ..GetProject::default()
        };
        let read: Project = insist(&doors, Door::Grpc, "GetProject", &ask).await.unwrap();
        assert_eq!(read.risks.len() as i64, read.version - 1);
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

async fn lose_under_load(way: Way) {
    let cluster = Cluster::start(way).await;
    let database = cluster.url();
    let servers = [Server::on(database.clone()).await, Server::on(database.clone()).await];
    let token = token(TENANT, "kari", &["administrator"]);
    let projects: Vec<String> = (0..STREAMS).map(|_| new_id()).collect();
    let doors = [
        Doors::of(&servers[0], &token).await,
        Doors::of(&servers[1], &token).await,
    ];
    for id in &projects {
        let _: Receipt = insist(&doors[0], Door::Grpc, "RegisterProject", &register_project(id))
            .await
            .unwrap();
    }
    let (lost, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let cluster = cluster.part().await;
    let mut writers = tokio::task::JoinSet::new();
    let mut readers = tokio::task::JoinSet::new();
    for number in 0..WRITERS {
        let (own, project) = (&doors[number % 2], &projects[number % STREAMS]);
        writers.spawn(write(
            own.clone(),
            project.clone(),
            Arc::clone(&lost),
            Arc::clone(&stop),
            Arc::clone(&acknowledged),
        ));
        if number < STREAMS * 2 {
            let own = &doors[number / STREAMS];
            readers.spawn(read(own.clone(), project.clone(), Arc::clone(&stop)));
        }
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    let cluster = cluster.lose().await;
    lost.store(true, Ordering::SeqCst);
    while acknowledged.load(Ordering::Relaxed) < 4 * WRITERS {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.store(true, Ordering::Relaxed);
    let kept: Vec<String> = writers.join_all().await.into_iter().flatten().collect();
    readers.join_all().await;
    assert!(kept.len() > WRITERS, "{} commands after the loss", kept.len());
    let mut session = PgConnection::connect(&database).await.unwrap();
    let recorded: Vec<String> = sqlx::query_scalar(
        "SELECT convert_from(record, 'UTF8')::json -> 'data' ->> 'risk_id' FROM vedtak.records
         WHERE tenant = $1 AND type = 'vedtak.v1.RiskRegistered'",
    )
    .bind(TENANT)
    .fetch_all(&mut session)
    .await
    .unwrap();
    for risk in &kept {
        assert_eq!(recorded.iter().filter(|id| *id == risk).count(), 1, "{risk}");
    }
    for server in &servers {
        is_whole(&database, server, TENANT).await;
        assert_eq!(server.service.ledger().losses().all().len(), 1);
    }
    println!(
        "{:?}: {} acknowledged after the loss, {} recorded",
        cluster.way(),
        kept.len(),
        recorded.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_after_a_loss_under_load_stands_once_on_what_is_left() {
    for _ in 0..scale().div_ceil(20) {
        lose_under_load(Way::Standby).await;
        lose_under_load(Way::Copy).await;
    }
}
