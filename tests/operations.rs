//! Proves what operators see, and where: an address of their own, what was refused at the door, and that nothing is shown that is closed.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vedtak::api::server::{ServerConfig, Shown};
use vedtak::config::Config;

use crate::support::administrator;
use crate::support::program::{Program, configuration};

async fn get(address: SocketAddr, path: &str, token: Option<&str>) -> (u16, String) {
    let mut get = reqwest::Client::new().get(format!("http://{address}{path}"));
    if let Some(token) = token {
        get = get.bearer_auth(token);
    }
    let answer = get.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_have_an_address_of_their_own_and_see_there_what_was_refused_at_the_door() {
    let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let operators = free.local_addr().unwrap();
    drop(free);
    let usual = configuration(&crate::support::database().await);
    let config = Config {
        server: ServerConfig {
            operations_listen: Some(operators),
            metrics: Shown::Operations,
            documentation: Shown::Closed,
            ..usual.server
        },
        ..usual
    };
    let program = Program::serve_with(&config).await;
    let main = program.address();
    for address in [main, operators] {
        assert_eq!(get(address, "/healthz", None).await.0, 200);
        assert_eq!(get(address, "/readyz", None).await.0, 200);
        assert_eq!(get(address, "/docs", None).await.0, 404);
        assert_eq!(get(address, "/openapi.json", None).await.0, 404);
    }
    assert_eq!(get(main, "/metrics", None).await.0, 404);
    // What needs a token is not there, whoever asks.
    let head = "/v1/ledger/head";
    assert_eq!(get(main, head, Some(&administrator())).await.0, 200);
    assert_eq!(get(operators, head, Some(&administrator())).await.0, 404);
    assert_eq!(get(main, head, None).await.0, 401);
    assert_eq!(get(main, "/v1/nowhere", None).await.0, 404);
    let mut without_host = TcpStream::connect(main).await.unwrap();
    without_host.write_all(b"GET /healthz HTTP/1.1\r\n\r\n").await.unwrap();
    let mut status = [0; 12];
    without_host.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 400");
    let mut bare = TcpStream::connect(main).await.unwrap();
    bare.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\naccept: */*\r\n\r\n")
        .await
        .unwrap();
    let _ = bare.read_to_end(&mut Vec::new()).await;
    let (status, metrics) = get(operators, "/metrics", None).await;
    assert_eq!(status, 200);
    for (method, code) in [
        ("/vedtak.v1.LedgerService/GetHead", "UNAUTHENTICATED"),
        ("(refused at the door)", "INVALID_ARGUMENT"),
        ("(no such method)", "NOT_FOUND"),
    ] {
        let counted = metrics.lines().any(|line| {
            line.starts_with("vedtak_requests_total")
                && line.contains(&format!("method=\"{method}\""))
                && line.contains(code)
        });
        assert!(counted, "{method} {code}: {metrics}");
    }
    // Both the one without a host and the one with a bare line feed.
    let refused = metrics
        .lines()
        .find(|line| line.starts_with("vedtak_requests_total") && line.contains("(refused at the door)"));
    assert!(refused.is_some_and(|line| line.ends_with(" 2")), "{metrics}");
    let log = program.log();
    for reason in ["TOKEN_MISSING", "MALFORMED_REQUEST", "MALFORMED_HEAD", "UNKNOWN_ROUTE"] {
        let told = |line: &str| line.contains("refused at the door") && line.contains(reason);
        assert!(log.lines().any(told), "{reason}: {log}");
    }
}
