//! A key server that does not answer slows down nobody but the few whose keys it has.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::TcpListener;
use vedtak::api::identity::Verifier;
use vedtak::api::server::{self, ServerConfig};

use super::{HOUR, House, claims, encoded};
use crate::support::Server;

/// How many requests name keys that nobody has. More than the server works on at a time.
const STRANGERS: usize = 2_300;
/// How many of them may wait for the key server.
const WAITING: usize = 32;

/// A key server that can be told to keep everybody waiting. Gives its address, the number of fetches, and the switch.
async fn key_server(keys: String) -> (String, Arc<AtomicUsize>, Arc<AtomicBool>) {
    let (asked, slow) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    let (counted, silent) = (Arc::clone(&asked), Arc::clone(&slow));
    let answer = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        let wait = silent.load(Ordering::SeqCst);
        let keys = keys.clone();
        async move {
            if wait {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            keys
        }
    };
    let router = axum::Router::new().route("/jwks", axum::routing::get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, asked, slow)
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().http2_prior_knowledge().build().unwrap()
}

async fn ask(client: &reqwest::Client, url: &str, token: &str) -> (u16, String) {
    let answer = client.get(url).bearer_auth(token).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_server_that_does_not_answer_keeps_nobody_waiting_whose_key_is_known() {
    let house = House::new().await;
    let (keys, asked, slow) = key_server(house.issuer.jwks().to_string()).await;
    let mut config = house.issuer.identity_config();
    config.issuers[0].jwks_file = None;
    config.issuers[0].jwks_url = Some(keys);
    config.key_refresh_seconds = 1;
    let backing = Server::start().await;
    let verifier = Arc::new(Verifier::new(&config).await.unwrap());
    let limits = ServerConfig::default();
    let router = server::router(backing.service.clone(), verifier, &limits, None);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/projects", listener.local_addr().unwrap());
    let stopping = tokio_util::sync::CancellationToken::new();
    let until = stopping.clone();
    tokio::spawn(async move { server::serve(listener, router, &limits, until).await });
    assert!(STRANGERS > limits.max_concurrent_requests);

    slow.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let mut strangers = tokio::task::JoinSet::new();
    let clients: Vec<_> = (0..5).map(|_| client()).collect();
    for number in 0..STRANGERS {
        let head = encoded(&json!({ "alg": "ES256", "kid": format!("made-up-{number}") }));
        let token = format!("{head}.{}.AAAA", encoded(&claims()));
        let (client, url) = (clients[number % clients.len()].clone(), url.clone());
        strangers.spawn(async move { ask(&client, &url, &token).await });
    }
    let good = client();
    let mut times = Vec::new();
    // While they come, and while some of them wait for the key server. A new token each time: what is remembered would need no key.
    for call in 0..30 {
        let lifetime = HOUR + Duration::from_secs(call);
        let token = house.issuer.token("alver", "kari", &["reader"], &[], lifetime);
        let sent = Instant::now();
        let (status, text) = ask(&good, &url, &token).await;
        assert_eq!(status, 200, "{text}");
        times.push(sent.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    times.sort_unstable();
    // The first wait for the strangers' requests, which the same process makes; none may wait for the key server.
    let usual = times[times.len() / 2];
    assert!(usual < Duration::from_secs(3), "good callers wait {usual:?}");
    let (mut sent_away, mut kept_waiting) = (0, 0);
    while let Some(answer) = strangers.join_next().await {
        let (status, text) = answer.unwrap();
        assert_eq!(status, 503, "{text}");
        if text.contains("TOKEN_KEYS_AWAITED") {
            sent_away += 1;
        } else {
            assert!(text.contains("TOKEN_KEYS_UNAVAILABLE"), "{text}");
            kept_waiting += 1;
        }
    }
    let fetches = asked.load(Ordering::SeqCst) - 1;
    println!(
        "{} good calls, half of them within {usual:?}, all within {:?}; {sent_away} strangers sent away, {kept_waiting} kept waiting, {fetches} fetches",
        times.len(),
        times.last().unwrap()
    );
    // One fetch, at which so many wait. A machine that takes longer than a fetch to send all this may see another.
    assert!(sent_away >= STRANGERS - 4 * WAITING, "{kept_waiting} were kept waiting");
    assert!((1..=4).contains(&fetches), "{fetches} fetches");
    stopping.cancel();
}

#[tokio::test]
async fn a_new_key_is_found_by_all_who_wait_for_it_with_one_fetch() {
    let (old, new) = (House::new().await, House::new().await);
    let keys = json!({ "keys": [old.issuer.jwks()["keys"][0], new.issuer.jwks()["keys"][0]] });
    let file = old._directory.0.join("development-issuer.jwks.json");
    let mut config = old.issuer.identity_config();
    config.key_refresh_seconds = 1;
    let verifier = Arc::new(Verifier::new(&config).await.unwrap());
    let bearer = format!("Bearer {}", new.good());
    assert_eq!(
        verifier.verify(Some(&bearer)).await.unwrap_err().reason(),
        "TOKEN_KEY_UNKNOWN"
    );
    std::fs::write(&file, keys.to_string()).unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..WAITING {
        let (verifier, bearer) = (Arc::clone(&verifier), bearer.clone());
        calls.spawn(async move { verifier.verify(Some(&bearer)).await.is_ok() });
    }
    assert!(calls.join_all().await.into_iter().all(|welcome| welcome));
}
