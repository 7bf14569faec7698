//! Proves that streams of records are bounded: in what waits to be taken, in how long it waits, and in how many are open.

use std::time::Duration;

use futures_util::StreamExt;
use sqlx::{Connection, Executor, PgConnection};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};
use vedtak::api::StreamsConfig;
use vedtak::schema::v1::ledger_service_client::LedgerServiceClient;
use vedtak::schema::v1::*;

use super::doors::{Door, Doors, Refused, refused_by_grpc};
use crate::support::{Authorized, Bearer, Server, TENANT, new_id, register_project, register_risk, token};

async fn send(doors: &Doors, name: &str, command: &impl prost::Message) {
    let _: Receipt = doors.call(Door::Grpc, name, command).await.unwrap();
}

async fn open(channel: Authorized, ask: StreamRecords) -> Result<Streaming<Record>, Status> {
    let mut client = LedgerServiceClient::new(channel);
    Ok(client.stream_records(ask).await?.into_inner())
}

fn from(after_position: i64) -> StreamRecords {
    StreamRecords {
        after_position,
        follow: true,
        ..StreamRecords::default()
    }
}

/// A channel over which no more than 64 KiB come that nobody has read.
async fn narrow(server: &Server) -> Authorized {
    let channel = Channel::from_shared(server.url(""))
        .unwrap()
        .initial_stream_window_size(65_535)
        .connect()
        .await
        .unwrap();
    InterceptedService::new(channel, Bearer::new(&token(TENANT, "kari", &["reader"])))
}

/// Reads until it ends, which it does with a failure.
async fn to_the_end(mut stream: Streaming<Record>) -> (Vec<Record>, Refused) {
    let mut records = Vec::new();
    loop {
        let next = tokio::time::timeout(Duration::from_secs(20), stream.message()).await;
        match next.expect("it ends") {
            Ok(Some(record)) => records.push(record),
            Ok(None) => panic!("it ends without a word"),
            Err(status) => return (records, refused_by_grpc(&status)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_nobody_takes_from_is_ended_with_a_word_and_holds_no_more_than_a_page() {
    let server = Server::streaming(StreamsConfig {
        stall_ms: 400,
        max_streams_per_caller: 1,
        ..StreamsConfig::default()
    })
    .await;
    let doors = Doors::of(&server, &token(TENANT, "kari", &["administrator"])).await;
    let project_id = new_id();
    send(&doors, "RegisterProject", &register_project(&project_id)).await;
    let risks = (0..250).map(|_| RegisterRisk {
        description: "x".repeat(2_000),
        ..register_risk(&project_id)
    });
    futures_util::stream::iter(risks)
        .for_each_concurrent(32, async |risk| send(&doors, "RegisterRisk", &risk).await)
        .await;
    for follow in [true, false] {
        let ask = StreamRecords { follow, ..from(0) };
        let stalled = open(narrow(&server).await, ask).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        // Its place is free though it is still open.
        let another = open(doors.channel(), from(0)).await.unwrap();
        drop(another);
        let (records, refused) = to_the_end(stalled).await;
        assert_eq!(
            (refused.code.as_str(), refused.reason.as_str()),
            ("ABORTED", "FOLLOWER_STALLED")
        );
        let last = records.last().map_or(0, |record| record.position);
        assert_eq!(refused.metadata["last_position"], last.to_string());
        let bytes: usize = records.iter().map(|record| record.record.len()).sum();
        assert!(bytes < 256 << 10, "{bytes} bytes were on the way");
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut again = open(doors.channel(), from(last)).await.unwrap();
        assert_eq!(again.message().await.unwrap().unwrap().position, last + 1);
        drop(again);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_streams_are_open_for_a_caller_a_tenant_and_all_and_one_more_is_told_to_come_back() {
    let server = Server::streaming(StreamsConfig {
        max_streams_per_caller: 1,
        max_streams_per_tenant: 2,
        max_streams: 3,
        ..StreamsConfig::default()
    })
    .await;
    let mut held = Vec::new();
    for (tenant, subject, may) in [
        ("a", "kari", true),
        ("a", "kari", false),
        ("a", "ola", true),
        ("a", "per", false),
        ("b", "kari", true),
        ("c", "kari", false),
    ] {
        let doors = Doors::of(&server, &token(tenant, subject, &["reader"])).await;
        match open(doors.channel(), from(0)).await {
            Ok(stream) => {
                assert!(may, "{tenant} {subject}");
                held.push(stream);
            }
            Err(status) => {
                let refused = refused_by_grpc(&status);
                assert_eq!(
                    (status.code(), refused.reason.as_str()),
                    (Code::ResourceExhausted, "STREAMS_FULL")
                );
                assert!(!may && refused.says_when, "{tenant} {subject}");
                let by_json = doors.get("/v1/ledger/stream").send().await.unwrap();
                assert_eq!(by_json.status(), 429);
            }
        }
    }
    held.clear();
    let doors = Doors::of(&server, &token("c", "kari", &["reader"])).await;
    for _ in 0..50 {
        if open(doors.channel(), from(0)).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the places of streams that were left are not free");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_over_another_connection_when_the_database_drops_those_that_there_are() {
    let server = Server::start().await;
    let doors = Doors::of(&server, &token(TENANT, "kari", &["administrator"])).await;
    send(&doors, "RegisterProject", &register_project(&new_id())).await;
    let mut session = PgConnection::connect(&server.database).await.unwrap();
    for _ in 0..10 {
        // What was used a moment ago is not asked whether it is still connected to anything.
        let heads = (0..8).map(|_| doors.call::<Head>(Door::Grpc, "GetHead", &GetHead {}));
        // A reading that meets one that is dead is told to come again.
        let _ = futures_util::future::join_all(heads).await;
        session
            .execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                 WHERE application_name = 'vedtak' AND datname = current_database()",
            )
            .await
            .unwrap();
        let mut stream = open(doors.channel(), from(0)).await.unwrap();
        let record = tokio::time::timeout(Duration::from_secs(20), stream.message()).await;
        assert_eq!(record.unwrap().unwrap().unwrap().position, 1);
    }
}
