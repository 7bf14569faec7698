//! Callers that are slow, silent or too many: each has its limit, and none takes the place of another for good.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::StreamBody;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Status;
use vedtak::api::server::ServerConfig;

use super::wire::frame;
use super::{Target, answer};

/// Limits that are reached within a test.
fn tight() -> ServerConfig {
    ServerConfig {
        head_timeout_ms: 400,
        body_timeout_ms: 500,
        request_timeout_ms: 600,
        ..ServerConfig::default()
    }
}

/// Reads until the server closes, which must be within some seconds.
async fn closes(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    // Whether it hung up in good order or not is all the same.
    let _ = read.expect("the server leaves the connection open");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn who_connects_and_asks_nothing_gives_its_place_to_another() {
    let target = Target::with(ServerConfig {
        max_connections: 8,
        ..tight()
    })
    .await;
    let beginnings: [&[u8]; 7] = [
        b"",
        b"G",
        b"GET /healthz HTTP/1.1\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\nx: ",
        b"PRI * HT",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03",
    ];
    let mut open = Vec::new();
    for beginning in beginnings {
        let mut stream = TcpStream::connect(target.server.address).await.unwrap();
        stream.write_all(beginning).await.unwrap();
        open.push(stream);
    }
    for mut stream in open {
        closes(&mut stream).await;
    }
    target.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_dribbles_its_head_is_hung_up_on() {
    let target = Target::with(tight()).await;
    let mut stream = TcpStream::connect(target.server.address).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let began = Instant::now();
    let dribble = async {
        writing.write_all(b"GET /healthz HTTP/1.1\r\n").await?;
        loop {
            writing.write_all(b"x: y\r\n").await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        #[expect(unreachable_code, reason = "it says the type of what the loop breaks off with")]
        Ok::<(), std::io::Error>(())
    };
    let mut answer = Vec::new();
    tokio::select! {
        _ = dribble => {}
        _ = reading.read_to_end(&mut answer) => {}
    }
    assert!(began.elapsed() < Duration::from_secs(20));
    target.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let target = Target::with(tight()).await;
    let mut stream = TcpStream::connect(target.server.address).await.unwrap();
    let head = format!(
        "POST /v1/batches HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{{",
        target.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let text = String::from_utf8(closes(&mut stream).await).unwrap();
    assert!(text.starts_with("HTTP/1.1 400 "), "{text}");
    let problem: Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(problem["reason"], "REQUEST_TOO_SLOW");
    target.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_dribbles_in_is_not_waited_for() {
    let target = Target::with(tight()).await;
    let stream = TcpStream::connect(target.server.address).await.unwrap();
    let (mut connection, serving) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(serving);
    for method in ["RecordBatch", "StreamRecords"] {
        let dribble = futures_util::stream::repeat(()).then(async |()| {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok::<_, std::convert::Infallible>(hyper::body::Frame::data(Bytes::from_static(&[0])))
        });
        let request = http::Request::post(format!(
            "http://{}/vedtak.v1.LedgerService/{method}",
            target.server.address
        ))
        .header("content-type", "application/grpc")
        .header("authorization", format!("Bearer {}", target.token))
        .body(Box::pin(StreamBody::new(dribble)))
        .unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(20), connection.send_request(request))
            .await
            .expect("an answer in time")
            .unwrap();
        let status = Status::from_header_map(answer.headers()).expect("a status");
        answer::refusal(&status, true, None, &target.token).unwrap();
    }
    target.is_unharmed().await;
}

/// Thousands of calls are begun and broken off, and none of them is left behind.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_broken_off_leave_nothing_behind() {
    let target = Target::with(ServerConfig {
        max_concurrent_requests: 4,
        ..ServerConfig::default()
    })
    .await;
    for _ in 0..super::count(2_000) {
        let stream = TcpStream::connect(target.server.address).await.unwrap();
        let (mut connection, serving) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
        let serving = tokio::spawn(serving);
        let request = http::Request::post(format!(
            "http://{}/vedtak.v1.LedgerService/GetHead",
            target.server.address
        ))
        .header("content-type", "application/grpc")
        .header("authorization", format!("Bearer {}", target.token))
        .body(http_body_util::Full::new(Bytes::from_static(&[0; 5])))
        .unwrap();
        drop(connection.send_request(request));
        serving.abort();
    }
    let began = Instant::now();
    while reqwest::Client::new()
        .get(target.server.url("/v1/ledger/head"))
        .bearer_auth(&target.token)
        .send()
        .await
        .unwrap()
        .status()
        != 200
    {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "the places are never given back"
        );
    }
    target.is_unharmed().await;
    // A frame that belongs to nobody does no harm either.
    let mut stream = TcpStream::connect(target.server.address).await.unwrap();
    stream.write_all(&frame(0, 0, 1, b"x")).await.unwrap();
}
