//! Places among the requests: taken only by what is whole, shared out between tenants and callers, and given back by who does not read.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::StreamBody;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sqlx::{Connection, Executor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vedtak::api::server::ServerConfig;
use vedtak::config::Config;
use vedtak::schema::v1::*;

use crate::laws::doors::{Door, Doors};
use crate::support::program::{Program, configuration};
use crate::support::{Server, new_id, register_project, register_risk, token};

const OTHERS: &str = "sondre-land";

async fn head(server: &Server, token: &str) -> u16 {
    let get = reqwest::Client::new()
        .get(server.url("/v1/ledger/head"))
        .bearer_auth(token);
    get.send().await.unwrap().status().as_u16()
}

/// A request over HTTP/2 whose body never comes, over a connection that has many of them.
async fn begin_and_wait(server: &Server, token: &str, count: usize) -> Vec<tokio::task::JoinHandle<u16>> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (connection, serving) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(serving);
    let mut waiting = Vec::new();
    for _ in 0..count {
        let mut connection = connection.clone();
        let never = futures_util::stream::pending::<Result<hyper::body::Frame<Bytes>, std::convert::Infallible>>();
        let request = http::Request::post(server.url("/v1/batches"))
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"))
            .body(StreamBody::new(never.boxed()))
            .unwrap();
        waiting.push(tokio::spawn(async move {
            connection.ready().await.unwrap();
            connection
                .send_request(request)
                .await
                .map_or(0, |answer| answer.status().as_u16())
        }));
    }
    waiting
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_whose_bodies_never_come_take_no_place_from_anybody() {
    let server = Server::limited(ServerConfig {
        max_concurrent_requests: 8,
        max_awaited_requests: 64,
        body_timeout_ms: 1_500,
        ..ServerConfig::default()
    })
    .await;
    let (greedy, other) = (
        token("nordre-land", "kari", &["reader"]),
        token(OTHERS, "ola", &["reader"]),
    );
    let mut waiting = Vec::new();
    for _ in 0..3 {
        waiting.extend(begin_and_wait(&server, &greedy, 100).await);
    }
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(1_000) {
        assert_eq!(head(&server, &other).await, 200);
        // Not even the greedy caller's own requests that are whole.
        assert_eq!(head(&server, &greedy).await, 200);
    }
    // Those that were waited for had their time, and no more were than may be.
    let mut outcomes = std::collections::BTreeMap::new();
    for waiting in waiting {
        *outcomes.entry(waiting.await.unwrap()).or_insert(0) += 1;
    }
    let too_slow = outcomes.remove(&400).unwrap_or_default();
    assert!(
        (1..=16).contains(&too_slow),
        "{too_slow} were waited for; the others: {outcomes:?}"
    );
    assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), [(429, 300 - too_slow)]);
}

async fn ask_and_read_nothing(server: &Server, project: &str, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!("GET /v1/projects/{project} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_does_not_read_is_cut_off_and_others_are_served() {
    let server = Server::limited(ServerConfig {
        max_answer_bytes: 5 << 20,
        answer_bytes: 16 << 20,
        unread_timeout_ms: 1_500,
        ..ServerConfig::default()
    })
    .await;
    let admin = token("nordre-land", "kari", &["administrator"]);
    let doors = Doors::of(&server, &admin).await;
    let id = new_id();
    let _: Receipt = doors
        .call(Door::Grpc, "RegisterProject", &register_project(&id))
        .await
        .unwrap();
    for _ in 0..12 {
        let _: Receipt = doors.call(Door::Grpc, "RecordBatch", &large_batch(&id)).await.unwrap();
    }
    // Over HTTP/1.1: asked for, and not read. One fits beside the half of the room that a tenant has, the next does not. They are
    // asked for at once, so that none is cut off before the next is made, however slow the machine.
    let began = Instant::now();
    let mut unread = Vec::new();
    loop {
        let asked = futures_util::future::join_all((0..4).map(|_| ask_and_read_nothing(&server, &id, &admin))).await;
        let mut refused = false;
        for mut stream in asked {
            let mut first = [0; 12];
            stream.read_exact(&mut first).await.unwrap();
            match &first {
                b"HTTP/1.1 429" => refused = true,
                b"HTTP/1.1 200" => unread.push(stream),
                other => panic!("{}", String::from_utf8_lossy(other)),
            }
        }
        if refused {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "nothing is counted");
    }
    assert_eq!(head(&server, &token(OTHERS, "ola", &["reader"])).await, 200);
    // Cut off: the room is there again, and the connections end before their answers do.
    let whole = loop {
        let answer = doors.get(&format!("/v1/projects/{id}")).send().await.unwrap();
        match answer.status().as_u16() {
            200 => break answer.bytes().await.unwrap().len(),
            429 => assert!(began.elapsed() < Duration::from_secs(60), "never given back"),
            other => panic!("{other}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(whole > 4 << 20, "{whole}");
    tokio::time::sleep(Duration::from_millis(4_000)).await;
    assert!(!unread.is_empty());
    for mut unread in unread {
        let mut got = Vec::new();
        let _ = unread.read_to_end(&mut got).await;
        assert!(got.len() < whole, "{} of {whole}", got.len());
    }
    // Over the limit of one answer it is refused, with the way to get it in parts, which is open.
    for _ in 0..3 {
        let _: Receipt = doors.call(Door::Grpc, "RecordBatch", &large_batch(&id)).await.unwrap();
    }
    let ask = GetProject {
        project_id: id.clone(),
        ..GetProject::default()
    };
    for door in [Door::Grpc, Door::Json] {
        let refused = doors.call::<Project>(door, "GetProject", &ask).await.unwrap_err();
        assert_eq!(refused.reason, "ANSWER_TOO_LARGE", "{refused:?}");
    }
    let first_page = ListRisks {
        project_id: id,
        ..ListRisks::default()
    };
    let page: RiskList = doors.call(Door::Json, "ListRisks", &first_page).await.unwrap();
    assert_eq!(page.risks.len(), 100);
}

/// The most memory that a process has taken since this was asked last, in bytes.
fn most_memory(program: &Program) -> usize {
    let place = format!("/proc/{}", program.pid());
    let status = std::fs::read_to_string(format!("{place}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    std::fs::write(format!("{place}/clear_refs"), "5").unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_would_be_too_large_is_refused_before_it_is_made() {
    let usual = configuration(&crate::support::database().await);
    let server = ServerConfig {
        max_answer_bytes: 1 << 20,
        ..usual.server
    };
    let program = Program::serve_with(&Config { server, ..usual }).await;
    let doors = Doors::at(&program.url(""), &token("nordre-land", "kari", &["administrator"])).await;
    let id = new_id();
    let _: Receipt = doors
        .call(Door::Grpc, "RegisterProject", &register_project(&id))
        .await
        .unwrap();
    for _ in 0..40 {
        let _: Receipt = doors.call(Door::Grpc, "RecordBatch", &large_batch(&id)).await.unwrap();
    }
    let state = 40 * 100 * 3_800;
    let ask = GetProject {
        project_id: id,
        ..GetProject::default()
    };
    for door in [Door::Grpc, Door::Json] {
        most_memory(&program);
        let before = most_memory(&program);
        let many = (0..16).map(|_| doors.call::<Project>(door, "GetProject", &ask));
        for answer in futures_util::future::join_all(many).await {
            assert_eq!(answer.unwrap_err().reason, "ANSWER_TOO_LARGE");
        }
        let taken = most_memory(&program).saturating_sub(before);
        assert!(
            taken < state,
            "{door:?}: {taken} bytes for answers of {state} that were refused"
        );
    }
}

/// A hundred risks with long texts.
fn large_batch(project_id: &str) -> RecordBatch {
    let commands = (0..100).map(|_| {
        let risk = RegisterRisk {
            context: None,
            description: "æ".repeat(1_900),
            ..register_risk(project_id)
        };
        prost_types::Any::from_msg(&risk).unwrap()
    });
    RecordBatch {
        context: crate::support::context(),
        commands: commands.collect(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_2_only_the_stream_that_is_not_read_is_cut_off() {
    let server = Server::limited(ServerConfig {
        unread_timeout_ms: 1_500,
        ..ServerConfig::default()
    })
    .await;
    let admin = token("nordre-land", "kari", &["administrator"]);
    let doors = Doors::of(&server, &admin).await;
    let id = new_id();
    let _: Receipt = doors
        .call(Door::Grpc, "RegisterProject", &register_project(&id))
        .await
        .unwrap();
    for _ in 0..150 {
        let risk = RegisterRisk {
            description: "x".repeat(1_900),
            ..register_risk(&id)
        };
        let _: Receipt = doors.call(Door::Grpc, "RegisterRisk", &risk).await.unwrap();
    }
    let stream = TcpStream::connect(server.address).await.unwrap();
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    // A window that is smaller than the answers, and opened by reading alone.
    builder
        .initial_stream_window_size(16 * 1024)
        .initial_connection_window_size(1 << 20);
    let (mut connection, serving) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(serving);
    let request = |path: &str| {
        http::Request::get(server.url(path))
            .header("authorization", format!("Bearer {admin}"))
            .body(http_body_util::Empty::<Bytes>::new())
            .unwrap()
    };
    let mut unread = Vec::new();
    for path in [
        format!("/v1/projects/{id}"),
        "/v1/ledger/stream?follow=true".to_owned(),
        "/v1/ledger/stream".to_owned(),
    ] {
        connection.ready().await.unwrap();
        unread.push((path.clone(), connection.send_request(request(&path)).await.unwrap()));
    }
    tokio::time::sleep(Duration::from_millis(4_500)).await;
    for (path, answer) in unread {
        let read = http_body_util::BodyExt::collect(answer.into_body()).await;
        let read = read.map(|whole| String::from_utf8_lossy(&whole.to_bytes()).into_owned());
        assert!(read.is_err(), "{path} was not cut off: {} bytes", read.unwrap().len());
    }
    // The connection serves on.
    connection.ready().await.unwrap();
    let answer = connection.send_request(request("/v1/ledger/head")).await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
}

/// Sends bytes over HTTP/1.1 and answers the beginning of what comes back.
async fn told(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = vec![0; 12];
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_exact(&mut answer))
        .await
        .unwrap();
    read.map_or_else(
        |_| String::new(),
        |_| String::from_utf8_lossy(&answer[9..]).into_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_readers_could_differ_about_is_refused() {
    let server = Server::start().await;
    for (what, bytes, wanted) in [
        (
            "as it should be",
            &b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"[..],
            "200",
        ),
        ("HTTP/1.0 names no host", b"GET /healthz HTTP/1.0\r\n\r\n", "200"),
        ("no host", b"GET /healthz HTTP/1.1\r\naccept: */*\r\n\r\n", "400"),
        (
            "two hosts",
            b"GET /healthz HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n",
            "400",
        ),
        (
            "a bare line feed after the first line",
            b"GET /healthz HTTP/1.1\nhost: x\r\n\r\n",
            "400",
        ),
        (
            "a bare line feed after a field",
            b"GET /healthz HTTP/1.1\r\nhost: x\naccept: */*\r\n\r\n",
            "400",
        ),
        (
            "a bare line feed at the end",
            b"GET /healthz HTTP/1.1\r\nhost: x\r\n\n",
            "400",
        ),
        (
            "bare line feeds alone",
            b"GET /healthz HTTP/1.1\nhost: x\n\n\r\n",
            "400",
        ),
    ] {
        let told = told(&server, bytes).await;
        // What is no head at all is hung up on without a word.
        assert!(told == wanted || wanted == "400" && told.is_empty(), "{what}: {told}");
    }
    // In a body they are only bytes, and the next request on the connection is looked at again.
    let body = b"{\n\n}\n";
    let mut first = format!(
        "POST /v1/batches HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    first.extend_from_slice(body);
    assert_eq!(told(&server, &first).await, "401");
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET /healthz HTTP/1.1\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answers = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answers)).await;
    let answers = String::from_utf8_lossy(&answers).into_owned();
    assert!(
        answers.starts_with("HTTP/1.1 200") && answers.contains("HTTP/1.1 400"),
        "{answers}"
    );
}

/// A connection whose caller has little room for what it is sent, over which this has been asked for.
async fn ask_with_little_room(server: &Server, path: &str, token: &str) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// What comes when the rest is read at last: how many bytes of an answer, as far as it was sent.
async fn rest(mut stream: TcpStream) -> usize {
    let mut got = Vec::new();
    let reading = stream.read_to_end(&mut got);
    let _ = tokio::time::timeout(Duration::from_secs(20), reading)
        .await
        .expect("it ends");
    got.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_a_part_of_an_answer_just_in_time_each_time_is_cut_off_too() {
    let server = Server::limited(ServerConfig {
        unread_timeout_ms: 2_000,
        ..ServerConfig::default()
    })
    .await;
    let admin = token("nordre-land", "kari", &["administrator"]);
    let doors = Doors::of(&server, &admin).await;
    let id = new_id();
    let _: Receipt = doors
        .call(Door::Grpc, "RegisterProject", &register_project(&id))
        .await
        .unwrap();
    for _ in 0..15 {
        let _: Receipt = doors.call(Door::Grpc, "RecordBatch", &large_batch(&id)).await.unwrap();
    }
    let whole = doors.get(&format!("/v1/projects/{id}")).send().await.unwrap();
    let whole = whole.bytes().await.unwrap().len();
    let mut slow = ask_with_little_room(&server, &format!("/v1/projects/{id}"), &admin).await;
    let (began, mut taken, mut part) = (Instant::now(), 0, vec![0; 20_000]);
    // Never silent for as long as the limit, and far slower than an answer may be read.
    loop {
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        match slow.read(&mut part).await {
            Ok(0) | Err(_) => break,
            Ok(bytes) => taken += bytes,
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{taken} of {whole} bytes, and it goes on"
        );
    }
    assert!(taken < whole, "{taken} of {whole}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_system_has_taken_over_for_a_caller_that_does_not_read_is_dropped_too() {
    let server = Server::limited(ServerConfig {
        unread_timeout_ms: 1_500,
        ..ServerConfig::default()
    })
    .await;
    let whole = reqwest::get(server.url("/openapi.json")).await.unwrap();
    let whole = whole.bytes().await.unwrap().len();
    // It needs no token, and is in nobody's places.
    let unread = ask_with_little_room(&server, "/openapi.json", "").await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    let got = rest(unread).await;
    assert!(got < whole, "{got} of {whole}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_takes_all_its_turns_leaves_those_of_others_in_its_tenant() {
    let server = Server::limited(ServerConfig {
        max_at_once_per_tenant: 4,
        request_timeout_ms: 20_000,
        ..ServerConfig::default()
    })
    .await;
    let of = |subject: &str| token("nordre-land", subject, &["administrator"]);
    let doors = Doors::of(&server, &of("kari")).await;
    let id = new_id();
    let _: Receipt = doors
        .call(Door::Grpc, "RegisterProject", &register_project(&id))
        .await
        .unwrap();
    // Nothing of the tenant can be recorded until this is let go of; what only reads waits for nothing.
    let mut held = sqlx::PgConnection::connect(&server.database).await.unwrap();
    held.execute("BEGIN; SELECT FROM vedtak.heads WHERE tenant = 'nordre-land' FOR UPDATE")
        .await
        .unwrap();
    let many = (0..40).map(|_| async {
        let risk = register_risk(&id);
        doors.call::<Receipt>(Door::Grpc, "RegisterRisk", &risk).await
    });
    let many = futures_util::future::join_all(many);
    let others = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        for _ in 0..10 {
            let began = Instant::now();
            assert_eq!(head(&server, &of("ola")).await, 200);
            assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        }
        held.execute("ROLLBACK").await.unwrap();
    };
    let (recorded, ()) = tokio::join!(many, others);
    assert!(recorded.iter().all(Result::is_ok), "{recorded:?}");
}
