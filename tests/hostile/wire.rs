//! Bytes on the wire that are no request, or one that no client library would send.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::answer::shows_nothing;
use super::{Target, count, generator, send_all};

/// What the server answers to these bytes, until it closes or has answered; nothing when it closes at once.
pub async fn exchange(target: &Target, bytes: &[u8], half_close: bool) -> Result<Vec<u8>, String> {
    let mut stream = TcpStream::connect(target.server.address)
        .await
        .map_err(|error| error.to_string())?;
    // The server may have answered and closed before it has read everything.
    let _ = stream.write_all(bytes).await;
    if half_close {
        let _ = stream.shutdown().await;
    }
    let mut answer = Vec::new();
    let mut buffer = [0; 16 * 1024];
    let limit = if half_close {
        Duration::from_secs(20)
    } else {
        Duration::from_millis(700)
    };
    loop {
        match tokio::time::timeout(limit, stream.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) => return Ok(answer),
            Ok(Ok(read)) => answer.extend_from_slice(&buffer[..read]),
            Err(_) if half_close => return Err("the connection stays open and nothing comes".to_owned()),
            Err(_) => return Ok(answer),
        }
        if answer.len() > 1_000_000 {
            return Err("the answer does not end".to_owned());
        }
    }
}

/// The answer is a refusal, or the connection was closed without one.
fn is_refused(answer: &[u8], token: &str) -> Result<(), String> {
    let text = String::from_utf8_lossy(answer);
    for (index, _) in text.match_indices("HTTP/1.1 ") {
        let status = &text[index + 9..index + 12];
        let of_grpc = status == "200"
            && text.contains("grpc-status: ")
            && !text.contains("grpc-status: 0")
            && !text.contains("grpc-status: 13");
        if !status.starts_with('4') && status != "100" && !of_grpc {
            return Err(format!("answered {}", text.chars().take(300).collect::<String>()));
        }
    }
    shows_nothing(&text, token)
}

/// Whole requests of HTTP/1.1 that are wrong, by name.
fn wrong_requests(target: &Target) -> Vec<(&'static str, Vec<u8>)> {
    let authorization = format!("authorization: Bearer {}\r\n", target.token);
    let path = format!("/v1/projects/{}/risks/{}/accept", target.project_id, target.project_id);
    let post = |headers: &str, body: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\n{authorization}content-type: application/json\r\n{headers}\r\n{body}"
        )
        .into_bytes()
    };
    let line = |line: &str| format!("{line}\r\nhost: x\r\n{authorization}\r\n").into_bytes();
    let chunked = |body: &str| post("transfer-encoding: chunked\r\n", body);
    let large = "x".repeat(70_000);
    vec![
        ("a body cut short", post("content-length: 100\r\n", "{\"context\": {")),
        ("a body that is missing", post("content-length: 100\r\n", "")),
        ("a length that is a word", post("content-length: many\r\n", "{}")),
        ("a negative length", post("content-length: -1\r\n", "{}")),
        ("a length with a sign", post("content-length: +2\r\n", "{}")),
        (
            "a length beyond 2^64",
            post("content-length: 18446744073709551616\r\n", "{}"),
        ),
        (
            "a length of 2^63",
            post("content-length: 9223372036854775808\r\n", "{}"),
        ),
        ("two lengths", post("content-length: 2\r\ncontent-length: 3\r\n", "{}")),
        ("a length too short", post("content-length: 1\r\n", "{}")),
        (
            "a length and chunks",
            post(
                "content-length: 2\r\ntransfer-encoding: chunked\r\n",
                "2\r\n{}\r\n0\r\n\r\n",
            ),
        ),
        ("an unknown transfer", post("transfer-encoding: gzip\r\n", "{}")),
        (
            "chunked, but not last",
            post("transfer-encoding: chunked, gzip\r\n", "0\r\n\r\n"),
        ),
        ("a chunk without a number", chunked("zz\r\n{}\r\n0\r\n\r\n")),
        ("a chunk of 2^64", chunked("FFFFFFFFFFFFFFFFF\r\n{}\r\n")),
        ("a negative chunk", chunked("-2\r\n{}\r\n0\r\n\r\n")),
        ("a chunk cut short", chunked("10\r\n{}\r\n")),
        ("a chunk longer than said", chunked("1\r\n{}\r\n0\r\n\r\n")),
        (
            "an extension of 70 000 bytes",
            chunked(&format!("2;{large}\r\n{{}}\r\n0\r\n\r\n")),
        ),
        (
            "a trailer of 70 000 bytes",
            chunked(&format!("2\r\n{{}}\r\n0\r\nx: {large}\r\n\r\n")),
        ),
        ("20 000 chunks of one byte", chunked(&"1\r\n \r\n".repeat(20_000))),
        ("a header of 70 000 bytes", post(&format!("x: {large}\r\n"), "")),
        (
            "a header of a megabyte",
            post(&format!("x: {}\r\n", large.repeat(15)), ""),
        ),
        ("a thousand headers", post(&"x: y\r\n".repeat(1_000), "")),
        ("a header without a colon", post("nope\r\n", "")),
        ("a header name with a space", post("a b: c\r\n", "")),
        ("a header with a zero byte", post("a: b\0c\r\n", "")),
        ("a folded header", post("a: b\r\n c\r\n", "")),
        ("no host and no version", b"GET /v1/ledger/head\r\n\r\n".to_vec()),
        ("HTTP/0.9", b"GET /\n\n".to_vec()),
        ("HTTP/3.0", line("GET /v1/ledger/nope HTTP/3.0")),
        ("HTTP/1.1 in small letters", line("GET /v1/ledger/nope http/1.1")),
        (
            "a request line of 70 000 bytes",
            line(&format!("GET /v1/{large} HTTP/1.1")),
        ),
        ("a method of 70 000 bytes", line(&format!("{large} / HTTP/1.1"))),
        ("an unknown method", line("FROB /v1/ledger/head HTTP/1.1")),
        ("a method in small letters", line("get /v1/ledger/head HTTP/1.1")),
        ("PUT", line("PUT /v1/ledger/head HTTP/1.1")),
        ("DELETE", line("DELETE /v1/ledger/head HTTP/1.1")),
        ("PATCH", line("PATCH /v1/ledger/head HTTP/1.1")),
        ("TRACE", line("TRACE /v1/ledger/head HTTP/1.1")),
        ("OPTIONS", line("OPTIONS /v1/ledger/head HTTP/1.1")),
        ("OPTIONS *", line("OPTIONS * HTTP/1.1")),
        ("CONNECT", line("CONNECT example.org:443 HTTP/1.1")),
        ("GET on a command", line(&format!("GET {path} HTTP/1.1"))),
        ("POST on a query", line("POST /v1/ledger/head HTTP/1.1")),
        ("GET on an RPC", line("GET /vedtak.v1.RiskService/AcceptRisk HTTP/1.1")),
        (
            "an upgrade to HTTP/2",
            line(
                "GET /v1/nope HTTP/1.1\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__",
            ),
        ),
        (
            "an upgrade to a web socket",
            line("GET /v1/nope HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket"),
        ),
        ("a path that is none", line("GET v1/ledger/nope HTTP/1.1")),
        ("a path with a fragment", line("GET /v1/ledger/nope#x HTTP/1.1")),
        ("a path with spaces", line("GET /v1/ledger/no pe HTTP/1.1")),
        (
            "a path of bytes",
            b"GET /v1/\xFF\xFE HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(),
        ),
        ("a path of zero bytes", line("GET /v1/projects/%00 HTTP/1.1")),
        ("a path of bad UTF-8", line("GET /v1/projects/%FF%FE HTTP/1.1")),
        ("a path of half an escape", line("GET /v1/projects/%F HTTP/1.1")),
        (
            "a path with a slash in it",
            line(&format!("GET /v1/projects%2F{} HTTP/1.1", target.project_id)),
        ),
        ("a path that climbs", line("GET /v1/projects/../../etc/passwd HTTP/1.1")),
        (
            "a path that climbs in escapes",
            line("GET /v1/projects/..%2F..%2Fetc%2Fpasswd HTTP/1.1"),
        ),
        ("a path with SQL", line("GET /v1/projects/x'%20OR%20'1'='1 HTTP/1.1")),
        ("a path with braces", line("GET /v1/projects/{project_id} HTTP/1.1")),
        ("a path with a trailing slash", line("GET /v1/ledger/head/ HTTP/1.1")),
        ("a path with two slashes", line("GET //v1/ledger/head HTTP/1.1")),
        ("a path in capitals", line("GET /V1/LEDGER/HEAD HTTP/1.1")),
        ("a deep path", line(&format!("GET {} HTTP/1.1", "/a".repeat(20_000)))),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("SSH", b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()),
        ("the database's protocol", vec![0, 0, 0, 8, 4, 210, 22, 47]),
        ("an answer", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()),
        (
            "a call of gRPC over HTTP/1.1",
            grpc_over_http1(target, "application/grpc", &[0, 0, 0, 0, 0]),
        ),
        (
            "half a call of gRPC over HTTP/1.1",
            grpc_over_http1(target, "application/grpc", &[0, 0]),
        ),
        (
            "a call of gRPC-Web with garbage",
            grpc_over_http1(target, "application/grpc-web+proto", b"garbage"),
        ),
        (
            "a call of gRPC-Web with no base64",
            grpc_over_http1(target, "application/grpc-web-text", b"\xFF!!!"),
        ),
        (
            "a call of gRPC-Web with a trailer",
            grpc_over_http1(target, "application/grpc-web", &[0x80, 0, 0, 0, 1, b'x']),
        ),
        (
            "a call of gRPC-Web of no kind",
            grpc_over_http1(target, "application/grpc-web+nope", &[0, 0, 0, 0, 0]),
        ),
    ]
}

fn grpc_over_http1(target: &Target, content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /vedtak.v1.RiskService/AcceptRisk HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
        target.token,
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_client_would_send_is_refused_or_hung_up_on() {
    use rand::Rng;
    use rand::seq::IndexedRandom;
    let target = Target::start().await;
    let known = wrong_requests(&target);
    let mut random = generator(40);
    let mut cases: Vec<(String, Vec<u8>)> = known
        .iter()
        .map(|(name, bytes)| ((*name).to_owned(), bytes.clone()))
        .collect();
    for index in 0..count(3_000) {
        let (name, bytes) = known.choose(&mut random).unwrap();
        let mut bytes = bytes.clone();
        bytes.truncate(random.random_range(1..=bytes.len()));
        // The first line alone decides what is asked; a good question is no part of this.
        for _ in 0..random.random_range(0..4) {
            let at = random.random_range(0..bytes.len());
            bytes[at] = random.random();
        }
        cases.push((format!("{name}, changed ({index})"), bytes));
    }
    send_all("bytes, no request", cases, async |(name, bytes): (String, Vec<u8>)| {
        let answer = exchange(&target, &bytes, true)
            .await
            .map_err(|problem| format!("{name}: {problem}"))?;
        is_refused(&answer, &target.token).map_err(|problem| format!("{name}: {problem}"))
    })
    .await;
    target.is_unharmed().await;
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One frame of HTTP/2.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes()[..], payload].concat()
}

/// The headers of `GET /healthz`, from the static table and as literals.
fn healthz() -> Vec<u8> {
    [&[0x82, 0x86, 0x04, 8][..], b"/healthz", &[0x01, 1, b'x']].concat()
}

/// Floods and faults of HTTP/2, by name.
fn wrong_frames() -> Vec<(&'static str, Vec<u8>)> {
    let settings = frame(4, 0, 0, &[]);
    let begun = |rest: Vec<u8>| [PREFACE, &settings, &rest].concat();
    let resets = |times: u32| {
        (0..times)
            .flat_map(|n| {
                [
                    frame(1, 5, 2 * n + 1, &healthz()),
                    frame(3, 0, 2 * n + 1, &[0, 0, 0, 8]),
                ]
                .concat()
            })
            .collect()
    };
    vec![
        ("half a preface", PREFACE[..10].to_vec()),
        ("a preface and text", [PREFACE, b"GET / HTTP/1.1\r\n\r\n"].concat()),
        ("opened and reset 20 000 times", begun(resets(20_000))),
        ("30 000 pings", begun(frame(6, 0, 0, &[0; 8]).repeat(30_000))),
        ("100 000 settings", begun(settings.repeat(100_000))),
        (
            "headers that go on and on",
            begun(
                [
                    frame(1, 1, 1, &healthz()),
                    frame(9, 0, 1, &[0x40, 1, b'x', 1, b'y'].repeat(100)).repeat(10_000),
                ]
                .concat(),
            ),
        ),
        (
            "headers that unfold",
            begun(frame(
                1,
                5,
                1,
                &[&[0x40, 1, b'x', 0x7F, 0xA0, 0x1F][..], &[b'y'; 4_096], &[0xBE; 10_000]].concat(),
            )),
        ),
        (
            "empty data, 100 000 times",
            begun([frame(1, 4, 1, &healthz()), frame(0, 0, 1, &[]).repeat(100_000)].concat()),
        ),
        ("data on no stream", begun(frame(0, 0, 0, b"x"))),
        ("data on an idle stream", begun(frame(0, 0, 7, b"x"))),
        ("an even stream", begun(frame(1, 5, 2, &healthz()))),
        (
            "a window beyond 2^31",
            begun(frame(8, 0, 0, &[0x7F, 0xFF, 0xFF, 0xFF]).repeat(2)),
        ),
        ("a window of nothing", begun(frame(8, 0, 0, &[0; 4]))),
        ("a frame of 16 MiB", begun(vec![0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 1])),
        (
            "a setting out of range",
            begun(frame(4, 0, 0, &[0, 4, 0xFF, 0xFF, 0xFF, 0xFF])),
        ),
        ("a push", begun(frame(5, 4, 1, &[0, 0, 0, 2]))),
        (
            "an index of no header",
            begun(frame(1, 5, 1, &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F])),
        ),
        ("a stream that rests on itself", begun(frame(2, 0, 1, &[0, 0, 0, 1, 0]))),
        (
            "an unknown frame, 100 000 times",
            begun(frame(0xEE, 0, 0, b"x").repeat(100_000)),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_frames_harms_nobody_else() {
    let target = Target::start().await;
    send_all(
        "HTTP/2, a flood or a fault",
        wrong_frames(),
        async |(name, bytes): (&str, Vec<u8>)| {
            exchange(&target, &bytes, false)
                .await
                .map(drop)
                .map_err(|problem| format!("{name}: {problem}"))
        },
    )
    .await;
    target.is_unharmed().await;
}
