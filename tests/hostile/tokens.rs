//! Tokens that are missing, forged, expired or another's, at both doors: each is told what is wrong with it and gets nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rand::Rng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};
use vedtak::api::development_issuer::DevelopmentIssuer;
use vedtak::schema::METHODS;

use super::frames::{Caller, framed};
use super::json::client;
use super::{Target, answer, count, generator, send_all};
use crate::support::{ISSUER, TENANT, directory, issuer, token};

/// The `authorization` header of a stranger, and what it is.
type Stranger = (String, Vec<u8>);

fn claims(change: impl FnOnce(&mut Value)) -> Value {
    let now = vedtak::clock::now().unix_timestamp();
    let mut claims = json!({
        "iss": ISSUER, "aud": "vedtak", "sub": "kari", "tenant": TENANT, "roles": ["administrator"], "iat": now, "exp": now + 3600,
    });
    change(&mut claims);
    claims
}

fn bearer(token: &str) -> Vec<u8> {
    format!("Bearer {token}").into_bytes()
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Tokens that a trusted key has signed, with claims that do not do.
fn wrong_claims() -> Vec<Stranger> {
    let now = vedtak::clock::now().unix_timestamp();
    let changes: Vec<(&str, Value)> = vec![
        ("exp", json!(now - 1)),
        ("exp", json!(0)),
        ("exp", json!(-1)),
        ("exp", json!("tomorrow")),
        ("exp", Value::Null),
        ("exp", json!(i64::MIN)),
        ("nbf", json!(now + 3600)),
        ("nbf", json!("x")),
        ("iss", json!("https://evil.example")),
        ("iss", json!("https://dev.vedtak.invalid")),
        ("iss", json!(format!("{ISSUER}/"))),
        ("iss", json!([ISSUER])),
        ("iss", Value::Null),
        ("aud", json!("other")),
        ("aud", json!([])),
        ("aud", Value::Null),
        ("sub", json!("")),
        ("sub", json!("a\u{0}b")),
        ("sub", json!("x".repeat(201))),
        ("sub", json!(5)),
        ("sub", Value::Null),
        ("tenant", json!("")),
        ("tenant", json!("Nordre-Land")),
        ("tenant", json!("nordre land")),
        ("tenant", json!("../nordre-land")),
        ("tenant", json!("nordre-land\u{0}")),
        ("tenant", json!("x' OR '1'='1")),
        ("tenant", json!("*")),
        ("tenant", json!("n".repeat(101))),
        ("tenant", json!([TENANT])),
        ("tenant", Value::Null),
        ("roles", json!([])),
        ("roles", json!("root")),
        ("roles", json!(["Administrator"])),
        ("roles", json!([["administrator"]])),
        ("roles", json!({"administrator": true})),
        ("roles", Value::Null),
    ];
    let signed = |(claim, value): (&str, Value)| {
        let name = format!("{claim} = {}", value.to_string().chars().take(40).collect::<String>());
        (name, bearer(&issuer().sign(&claims(|claims| claims[claim] = value))))
    };
    changes.into_iter().map(signed).collect()
}

/// Tokens with good claims that no trusted key has signed.
fn forged() -> Vec<Stranger> {
    let place = directory().join("stranger");
    std::fs::create_dir_all(&place).unwrap();
    let stranger = DevelopmentIssuer::open(&place).unwrap();
    let jwk = &issuer().jwks()["keys"][0];
    let key_id = jwk["kid"].as_str().unwrap().to_owned();
    let good = claims(|_| ());
    let theirs = stranger.sign(&good);
    // The stranger's signature under the name of the trusted key.
    let (signed, signature) = theirs.rsplit_once('.').unwrap();
    let renamed = format!(
        "{}.{}.{signature}",
        part(&json!({"alg": "ES256", "kid": key_id})),
        signed.split_once('.').unwrap().1
    );
    let mut all = vec![
        ("signed by a stranger".to_owned(), bearer(&theirs)),
        ("signed by a stranger in our name".to_owned(), bearer(&renamed)),
    ];
    for alg in ["none", "None", "NONE", "nOnE"] {
        for signature in ["", "x", signature] {
            let token = format!(
                "{}.{}.{signature}",
                part(&json!({"alg": alg, "kid": key_id})),
                part(&good)
            );
            all.push((format!("alg {alg}"), bearer(&token)));
        }
    }
    let secrets = [
        jwk.to_string(),
        jwk["x"].as_str().unwrap().to_owned(),
        issuer().jwks().to_string(),
        String::new(),
    ];
    for (algorithm, secret) in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512]
        .into_iter()
        .flat_map(|one| secrets.iter().map(move |secret| (one, secret)))
    {
        let header = Header {
            kid: Some(key_id.clone()),
            ..Header::new(algorithm)
        };
        let token = jsonwebtoken::encode(&header, &good, &EncodingKey::from_secret(secret.as_bytes())).unwrap();
        all.push((format!("{algorithm:?} with the public key"), bearer(&token)));
    }
    let own = issuer().sign(&good);
    let (_, rest) = own.split_once('.').unwrap();
    for header in [
        json!({"alg": "ES256"}),
        json!({"alg": "ES256", "kid": ""}),
        json!({"alg": "ES256", "kid": "../../etc/passwd"}),
        json!({"alg": "ES256", "kid": "' OR 1=1 --"}),
        json!({"alg": "ES256", "kid": key_id, "crit": ["b64"], "b64": false}),
        json!({"alg": "ES256", "kid": key_id, "jwk": stranger.jwks()["keys"][0]}),
        json!({"alg": "ES256", "kid": key_id, "jku": "https://evil.example/keys"}),
        json!({"alg": "ES384", "kid": key_id}),
        json!({"alg": "RS256", "kid": key_id}),
        json!({"alg": 5, "kid": key_id}),
        json!([]),
    ] {
        all.push((format!("header {header}"), bearer(&format!("{}.{rest}", part(&header)))));
    }
    all
}

/// Headers that hold no token at all.
fn garbage() -> Vec<Stranger> {
    let good = token(TENANT, "kari", &["administrator"]);
    let read_again = URL_SAFE_NO_PAD.encode(super::nested::read_again("[]", "[".repeat(120).as_str(), 8));
    let deep = format!(
        "{}.{}.x",
        URL_SAFE_NO_PAD.encode("[".repeat(3_000)),
        URL_SAFE_NO_PAD.encode("[".repeat(2_000))
    );
    let texts = [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer a.b",
        "Bearer a.b.c",
        "Bearer ...",
        "Bearer a.b.c.d",
        "Basic a2FyaTprYXJp",
        "Token x",
        &good,
        &format!("Bearer{good}"),
        &format!("Bearer {good} {good}"),
        &format!("Bearer {good},"),
        &format!("Bearer \"{good}\""),
        &format!("Bearer {}", "x".repeat(9_000)),
        &format!("Bearer {deep}"),
        &format!("Bearer {read_again}.{read_again}.x"),
        &format!("Bearer {}.{read_again}.x", part(&json!({"alg": "ES256", "kid": "x"}))),
        &format!("Bearer {}", good.replace('.', "..")),
        &format!("Basic {good}"),
        &format!("Bearer {}", good.to_uppercase()),
    ]
    .map(|text| (text.chars().take(30).collect(), text.as_bytes().to_vec()));
    texts
        .into_iter()
        .chain([
            ("bytes".to_owned(), b"Bearer \xFF\xFE".to_vec()),
            ("more bytes".to_owned(), vec![0x80; 300]),
        ])
        .collect()
}

/// A good token of which something has been changed.
fn mutated(times: usize) -> Vec<Stranger> {
    let good = token(TENANT, "kari", &["administrator"]);
    let mut random = generator(30);
    let alphabet: Vec<u8> = (b'A'..=b'Z')
        .chain(b'a'..=b'z')
        .chain(b'0'..=b'9')
        .chain(*b"-_.+/= ")
        .collect();
    let mut all = Vec::new();
    while all.len() < times {
        let mut bytes = good.clone().into_bytes();
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..4) {
            0 => bytes[at] = *alphabet.choose(&mut random).unwrap(),
            1 => bytes.truncate(at),
            2 => drop(bytes.remove(at)),
            _ => bytes.insert(at, *alphabet.choose(&mut random).unwrap()),
        }
        let text = String::from_utf8(bytes).unwrap();
        // A space at the edge is no part of the token.
        if text.trim() != good {
            all.push((format!("changed at {at}"), bearer(&text)));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_by_either_door_without_a_good_token() {
    let target = Target::start().await;
    let client = client();
    let strangers: Vec<Stranger> = [wrong_claims(), forged(), garbage(), mutated(count(3_000))].concat();
    let mut random = generator(31);
    let strangers: Vec<_> = strangers
        .into_iter()
        .map(|stranger| (METHODS.choose(&mut random).unwrap(), stranger))
        .collect();
    let caller = Caller::connect(&target).await;
    send_all(
        "both doors, a bad token",
        strangers,
        async |(method, (name, header))| {
            let told = |problem: String| format!("{name} for {}: {problem}", method.name);
            let secret = String::from_utf8_lossy(&header).into_owned();
            let path = target.server.url(&method.path.replace(['{', '}'], ""));
            let request = if method.verb == "get" {
                client.get(path)
            } else {
                client.post(path).header("content-type", "application/json").body("{}")
            };
            let answer = request
                .header("authorization", header.as_slice())
                .send()
                .await
                .map_err(|error| told(error.to_string()))?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = answer.bytes().await.map_err(|error| told(error.to_string()))?;
            answer::problem(status, &headers, &body, None, &secret).map_err(told)?;
            if ![401, 403].contains(&status.as_u16()) {
                return Err(told(format!("answered {status}")));
            }
            let request = caller
                .request(method.grpc_path)
                .header("authorization", header.as_slice());
            let answer = caller.send(request, framed(&[])).await.map_err(told)?;
            let status = answer.status.ok_or_else(|| told(format!("HTTP {}", answer.http)))?;
            if ![tonic::Code::Unauthenticated, tonic::Code::PermissionDenied].contains(&status.code()) {
                return Err(told(format!("answered {:?}", status.code())));
            }
            answer::refusal(&status, true, None, &secret).map_err(told)
        },
    )
    .await;
    target.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_of_the_schema_is_open_to_a_caller_without_a_token() {
    let target = Target::start().await;
    let caller = Caller::connect(&target).await;
    for method in METHODS {
        let answer = caller
            .send(caller.request(method.grpc_path), framed(&[]))
            .await
            .unwrap();
        assert_eq!(
            answer.status.unwrap().code(),
            tonic::Code::Unauthenticated,
            "{}",
            method.name
        );
        let path = target.server.url(&method.path.replace(['{', '}'], ""));
        let client = client();
        let request = if method.verb == "get" {
            client.get(path)
        } else {
            client.post(path)
        };
        assert_eq!(request.send().await.unwrap().status(), 401, "{}", method.name);
    }
}

/// A role that may read or record does not do for what asks for more, one by one or in a batch.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_does_not_reach_beyond_itself() {
    let target = Target::start().await;
    let caller = Caller::connect(&target).await;
    for method in METHODS {
        for (role, access) in [("reader", 1), ("recorder", 2)] {
            let token = token(TENANT, "kari", &[role]);
            let request = caller.request(method.grpc_path).header("authorization", bearer(&token));
            let status = caller.send(request, framed(&[])).await.unwrap().status.unwrap();
            let denied = status.code() == tonic::Code::PermissionDenied;
            assert_eq!(
                denied,
                method.access as i32 > access,
                "{} as {role}: {:?}",
                method.name,
                status.code()
            );
        }
    }
    target.is_unharmed().await;
}

/// More calls than HTTP/2 lets be reset on one connection are refused before their message is read, and a good one after them is
/// answered on the same connection: through a proxy it may be another caller's.
#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_bad_tokens_does_not_break_off_the_calls_of_others() {
    let target = Target::start().await;
    let message = framed(&[]);
    let caller = Caller::connect(&target).await;
    send_all("one connection, many bad tokens", 0..3_000, async |_| {
        let request = caller
            .request("/vedtak.v1.LedgerService/RecordBatch")
            .header("authorization", "Bearer x");
        let status = caller.send(request, message.clone()).await?.status.ok_or("no status")?;
        if status.code() == tonic::Code::Unauthenticated {
            Ok(())
        } else {
            Err(format!("answered {:?}", status.code()))
        }
    })
    .await;
    let answer = caller
        .send(caller.authorized("/vedtak.v1.LedgerService/GetHead"), framed(&[]))
        .await
        .unwrap();
    assert_eq!(answer.status.unwrap().code(), tonic::Code::Ok);
}
