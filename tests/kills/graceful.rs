//! The service is asked to stop, politely, and ends well: what it accepted is answered, what is new is turned away.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::net::TcpStream;
use tonic::Code;
use tonic_types::StatusExt;
use uuid::Uuid;
use vedtak::api::server::ServerConfig;
use vedtak::config::Config;
use vedtak::schema::v1::StreamRecords;
use vedtak::schema::v1::ledger_service_client::LedgerServiceClient;

use super::caller::{Answer, Door, Doors, Intention, receipt_from};
use super::check::keeps_its_word;
use super::load::{Load, Shape, seed};
use crate::support::program::{Program, configuration};
use crate::support::{administrator, database, scale};

/// How long a program may take to end that has nothing left to wait for, on a machine that has much else to do.
const PROMPT: Duration = Duration::from_secs(15);

fn new_project() -> Intention {
    Intention::Project {
        request_id: Uuid::new_v4(),
        project_id: Uuid::new_v4(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_everything_that_is_recorded_is_answered_before_it_ends() {
    let rounds = scale().div_ceil(4).max(1);
    let mut slowest = Duration::ZERO;
    for round in 0..rounds {
        let database = database().await;
        let mut program = Program::serve(&database).await;
        let shape = Shape {
            seed: seed() + 5 + u64::try_from(round).unwrap(),
            callers: 48,
            streams: 4,
            risks: 200,
            limit: u64::MAX,
        };
        let mut load = Load::start(shape, vec![Doors::new(program.address())]);
        load.progress(200).await;
        load.give_up_on_silence();
        program.terminate();
        let began = Instant::now();
        let status = program.ended(PROMPT).await;
        slowest = slowest.max(began.elapsed());
        assert_eq!(status.code(), Some(0), "{}", program.log());
        // Nobody tries again, so whatever is recorded has been answered, or it is found to be recorded for nobody.
        let outcome = load.finish().await;
        program.restart().await;
        keeps_its_word(&database, &Doors::new(program.address()), &outcome).await;
    }
    println!("stopped under load {rounds} times, within {slowest:?} at the most");
}

/// A request whose head is sent, and of which the service has said that it waits for the body.
fn begin(program: &Program, intention: &Intention) -> (std::net::TcpStream, String) {
    let (path, body) = intention.json();
    let body = body.to_string();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        program.address(),
        administrator(),
        body.len(),
    );
    let mut connection = std::net::TcpStream::connect(program.address()).unwrap();
    connection.set_read_timeout(Some(PROMPT)).unwrap();
    connection.write_all(head.as_bytes()).unwrap();
    let mut go_on = [0; 25];
    connection.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    (connection, body)
}

async fn connections_are_refused(program: &Program) {
    let began = Instant::now();
    while TcpStream::connect(program.address()).await.is_ok() {
        assert!(began.elapsed() < PROMPT, "it takes new connections");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_accepted_is_finished_while_new_connections_are_refused() {
    let mut program = Program::serve(&database().await).await;
    // Connections on which nothing is asked hold nobody up.
    let _silent = TcpStream::connect(program.address()).await.unwrap();
    let doors = Doors::new(program.address());
    doors.get("/healthz").send().await.unwrap();
    let (mut connection, body) = begin(&program, &new_project());
    program.terminate();
    connections_are_refused(&program).await;
    assert!(program.runs(), "it ended before its answer: {}", program.log());
    connection.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, receipt) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert_eq!(receipt_from(serde_json::from_str(receipt).unwrap()).position, 1);
    let status = program.ended(PROMPT).await;
    assert_eq!(status.code(), Some(0), "{}", program.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_never_finishes_its_request_does_not_keep_it_from_ending() {
    let mut program = Program::serve_with(&Config {
        server: ServerConfig {
            shutdown_timeout_ms: 500,
            ..ServerConfig::default()
        },
        ..configuration(&database().await)
    })
    .await;
    let _unfinished = begin(&program, &new_project());
    program.terminate();
    let status = program.ended(PROMPT).await;
    assert_eq!(status.code(), Some(0), "{}", program.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn being_told_again_ends_it_at_once() {
    let mut program = Program::serve(&database().await).await;
    let _unfinished = begin(&program, &new_project());
    program.terminate();
    connections_are_refused(&program).await;
    assert!(program.runs(), "it did not wait for the request: {}", program.log());
    let began = Instant::now();
    while program.runs() {
        // Once is not enough: signals that come close together are taken for one request.
        program.terminate();
        assert!(began.elapsed() < PROMPT, "it still runs: {}", program.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let status = program.ended(PROMPT).await;
    assert_eq!(status.code(), Some(130), "{}", program.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_follow_are_told_that_it_stops_and_where_to_go_on() {
    let mut program = Program::serve(&database().await).await;
    let doors = Doors::new(program.address());
    let answer = doors.send(Door::Grpc, &new_project()).await;
    assert!(matches!(answer, Answer::Recorded(_)), "{answer:?}");
    let mut by_grpc = LedgerServiceClient::new(doors.channel.clone())
        .stream_records(StreamRecords {
            follow: true,
            ..StreamRecords::default()
        })
        .await
        .unwrap()
        .into_inner();
    let mut by_json = doors.get("/v1/ledger/stream?follow=true").send().await.unwrap();
    // Both have been sent what there is: what is only on its way when the service stops is left for the next stream.
    let first = by_json.chunk().await.unwrap().unwrap();
    assert_eq!(by_grpc.message().await.unwrap().unwrap().position, 1);
    program.terminate();
    let status = by_grpc.message().await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert!(status.message().contains("after the last position"), "{status:?}");
    assert!(status.get_error_details().retry_info().is_some(), "{status:?}");
    let lines = format!("{}{}", String::from_utf8_lossy(&first), by_json.text().await.unwrap());
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0]["position"], "1");
    assert_eq!(lines[1]["error"]["code"], "UNAVAILABLE");
    assert_eq!(lines[1]["error"]["detail"], status.message());
    let status = program.ended(PROMPT).await;
    assert_eq!(status.code(), Some(0), "{}", program.log());
}
