//! Only access tokens are taken for access tokens, for a time that is not too long, and for a subject that can be told from others.

use http::{HeaderMap, HeaderValue};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use vedtak::api::identity::{Unauthenticated, UnauthenticatedKind, Verifier};

use super::{Directory, House, claims, encoded, header, now};
use crate::support::{self, Server};

impl House {
    /// Signs whatever header and claims.
    fn signed(&self, head: &Value, claims: &Value) -> String {
        let pem = std::fs::read(self._directory.0.join("development-issuer.pem")).unwrap();
        let key = EncodingKey::from_ec_pem(&pem).unwrap();
        let signed = format!("{}.{}", encoded(head), encoded(claims));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, Algorithm::ES256).unwrap();
        format!("{signed}.{signature}")
    }

    async fn with_header_type(&self, kind: Option<Value>) -> Result<(), Unauthenticated> {
        let mut head = header(&self.issuer, "ES256");
        head.as_object_mut().unwrap().remove("typ");
        if let Some(kind) = kind {
            head["typ"] = kind;
        }
        self.verify(&self.signed(&head, &claims())).await.map(drop)
    }

    async fn with_claims(&self, change: impl FnOnce(&mut Value)) -> Result<(), Unauthenticated> {
        let mut claims = claims();
        change(&mut claims);
        self.verify(&self.issuer.sign(&claims)).await.map(drop)
    }
}

/// A house whose issuer is bound to the usual lifetime, as issuers are but for the one of development.
async fn day() -> House {
    House::with(|issuer| issuer.max_token_seconds = 24 * 3600).await
}

#[tokio::test]
async fn a_token_of_another_kind_is_refused_by_its_header() {
    let house = House::new().await;
    for kind in [
        "JWT",
        "jwt",
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "Application/JWT",
    ] {
        assert_eq!(house.with_header_type(Some(json!(kind))).await, Ok(()), "{kind}");
    }
    assert_eq!(house.with_header_type(None).await, Ok(()));
    for kind in [
        json!("logout+jwt"),
        json!("dpop+jwt"),
        json!("secevent+jwt"),
        json!("id_token+jwt"),
        json!("application/logout+jwt"),
        json!("JWE"),
        json!(" JWT"),
        json!(""),
        json!(["JWT"]),
        json!(1),
        Value::Null,
    ] {
        let refusal = house.with_header_type(Some(kind.clone())).await.unwrap_err();
        assert_eq!(
            (refusal.reason(), refusal.kind()),
            ("TOKEN_TYPE_REFUSED", UnauthenticatedKind::Unauthenticated),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_token_of_another_kind_is_refused_by_its_claims() {
    let house = House::new().await;
    let marks = [
        ("nonce", json!("n-0S6_WzA2Mj")),
        ("nonce", Value::Null),
        ("at_hash", json!("x")),
        ("c_hash", json!("x")),
        ("s_hash", json!("x")),
        (
            "events",
            json!({ "http://schemas.openid.net/event/backchannel-logout": {} }),
        ),
        ("typ", json!("ID")),
        ("typ", json!("Refresh")),
        ("typ", json!("Offline")),
        ("typ", json!("Logout")),
        ("typ", json!(7)),
        ("typ", Value::Null),
    ];
    for (name, value) in marks {
        let refusal = house.with_claims(|claims| claims[name] = value).await.unwrap_err();
        assert_eq!(refusal.reason(), "TOKEN_TYPE_REFUSED", "{name}");
    }
    for kind in ["Bearer", "bearer", "at+jwt"] {
        assert_eq!(
            house.with_claims(|claims| claims["typ"] = json!(kind)).await,
            Ok(()),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn an_issuer_that_needs_otherwise_is_configured_otherwise() {
    let house = House::with(|issuer| {
        issuer.token_types = vec!["vnd.alver+jwt".into()];
        issuer.refused_claims = vec!["events".into()];
        issuer.max_token_seconds = 60;
    })
    .await;
    assert_eq!(
        house.with_header_type(Some(json!("JWT"))).await.unwrap_err().reason(),
        "TOKEN_TYPE_REFUSED"
    );
    assert_eq!(
        house.with_header_type(None).await.unwrap_err().reason(),
        "TOKEN_TYPE_REFUSED"
    );
    let mut short = claims();
    short["exp"] = json!(now() + 50);
    short["nonce"] = json!("x");
    let mut head = header(&house.issuer, "ES256");
    head["typ"] = json!("application/vnd.alver+jwt");
    assert!(house.verify(&house.signed(&head, &short)).await.is_ok());
}

#[tokio::test]
async fn a_token_that_lives_too_long_is_refused() {
    let house = day().await;
    let day = 24 * 3600;
    let long = Err(Unauthenticated::LifetimeTooLong(day));
    for (issued, expires, outcome) in [
        (json!(now()), json!(now() + day - 5), Ok(())),
        (json!(now() - 600), json!(now() + day - 700), Ok(())),
        (Value::Null, json!(now() + day - 5), Ok(())),
        (json!(now()), json!(now() + 100 * 366 * day), long.clone()),
        (Value::Null, json!(now() + day + 60), long.clone()),
        (json!(now() - day), json!(now() + 60), long.clone()),
        (json!(0), json!(now() + 60), long.clone()),
        (json!(-1e9), json!(now() + 60), long),
    ] {
        let found = house
            .with_claims(|claims| {
                claims["iat"] = issued.clone();
                claims["exp"] = expires.clone();
            })
            .await;
        assert_eq!(found, outcome, "{issued} to {expires}");
    }
}

#[tokio::test]
async fn a_time_that_cannot_be_is_refused() {
    let house = day().await;
    for name in ["iat", "nbf"] {
        let refusal = house.with_claims(|claims| claims[name] = json!(now() + 60)).await;
        assert_eq!(refusal, Err(Unauthenticated::NotYetValid), "{name}");
    }
    for name in ["exp", "iat", "nbf"] {
        for value in [
            json!(1e300),
            json!(-1e300),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(253_402_300_800_u64),
            json!("1795775774"),
            json!(true),
            json!([1]),
            json!({}),
        ] {
            let refusal = house.with_claims(|claims| claims[name] = value.clone()).await;
            assert_eq!(
                refusal,
                Err(Unauthenticated::ClaimMalformed(name.to_owned())),
                "{name}: {value}"
            );
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "seconds are far below 2^53")]
    let decimals = now() as f64 - 0.5;
    assert_eq!(
        house.with_claims(|claims| claims["iat"] = json!(decimals)).await,
        Ok(()),
        "RFC 7519 lets times have decimals"
    );
}

#[tokio::test]
async fn a_subject_is_all_that_one_sees_of_it() {
    let house = House::new().await;
    for subject in [
        " ",
        " kari",
        "kari ",
        "kari\u{a0}",
        "\u{3000}kari",
        "ka\u{a0}ri",
        "ka\u{2003}ri",
        "ka\tri",
        "ka\u{200b}ri",
        "ka\u{200d}ri",
        "\u{feff}kari",
        "ka\u{ad}ri",
        "ka\u{2060}ri",
        "ka\u{202e}ri",
        "ka\u{2066}ri",
        "ka\u{61c}ri",
        "ka\u{85}ri",
        "ka\u{2028}ri",
        "ka\u{34f}ri",
        "kari\u{fe0f}",
        "kari\u{e0100}",
        "kari\u{e0041}",
        "ka\u{3164}ri",
        "ka\u{ffa0}ri",
        "\u{2800}",
        "\u{301}",
        "ka\u{e000}ri",
        "ka\u{378}ri",
        "ka\u{10ffff}ri",
        "ka\u{7f}ri",
        "ka\u{0}ri",
        // Not in normal form C: a letter and a ring, and a sign that stands for one.
        "ka\u{30a}re",
        "\u{212b}se",
    ] {
        let refusal = house.with_claims(|claims| claims["sub"] = json!(subject)).await;
        assert_eq!(
            refusal,
            Err(Unauthenticated::ClaimMalformed("sub".to_owned())),
            "{subject:?}"
        );
    }
    for subject in [
        "kåre",
        "Kari Nordmann",
        "kari@alver.no",
        "auth0|5f7c8ec7c33c6c004bbafe82",
        "0190b2f4-7c1e-7d2a-9c3e-5f6a7b8c9d0e",
        "čáhppes",
        "佐藤",
        "عمر",
        "x\u{323}",
    ] {
        assert_eq!(
            house.with_claims(|claims| claims["sub"] = json!(subject)).await,
            Ok(()),
            "{subject}"
        );
    }
}

#[tokio::test]
async fn of_two_authorization_headers_neither_is_believed() {
    let house = House::new().await;
    let good = HeaderValue::try_from(format!("Bearer {}", house.good())).unwrap();
    let mut headers = HeaderMap::new();
    headers.append("authorization", good.clone());
    assert!(house.verifier.verify_request(&headers).await.is_ok());
    for second in [
        good.clone(),
        HeaderValue::from_static(""),
        HeaderValue::from_static("Basic eA=="),
    ] {
        for first in [true, false] {
            let mut headers = HeaderMap::new();
            let (one, two) = if first { (&good, &second) } else { (&second, &good) };
            headers.append("authorization", one.clone());
            headers.append("authorization", two.clone());
            let refusal = house.verifier.verify_request(&headers).await.unwrap_err();
            assert_eq!(refusal.reason(), "TOKEN_AMBIGUOUS");
        }
    }
    let joined = format!("Bearer {0}, Bearer {0}", house.good());
    assert_eq!(
        house.verifier.verify(Some(&joined)).await.unwrap_err().reason(),
        "TOKEN_AMBIGUOUS"
    );
}

#[tokio::test]
async fn both_doors_refuse_two_authorization_headers() {
    let server = Server::start().await;
    let token = support::administrator();
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let twice = |request: reqwest::RequestBuilder| {
        let bearer = format!("Bearer {token}");
        request
            .header("authorization", &bearer)
            .header("authorization", &bearer)
    };
    let json = twice(client.get(server.url("/v1/projects")));
    let answer = json.send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.json::<Value>().await.unwrap()["reason"], "TOKEN_AMBIGUOUS");
    let grpc = client
        .post(server.url("/vedtak.v1.OverviewService/ListProjects"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .bearer_auth(&token)
        .bearer_auth(&token)
        .body(vec![0; 5]);
    let answer = grpc.send().await.unwrap();
    assert_eq!(answer.headers()["grpc-status"], "16");
    assert!(
        answer.headers()["grpc-message"]
            .to_str()
            .unwrap()
            .contains("More%20than%20one%20token")
    );
}

#[tokio::test]
async fn a_key_file_is_read_within_limits_and_says_what_is_wrong_with_it() {
    let directory = Directory::new();
    let house = House::new().await;
    let key = house.issuer.jwks()["keys"][0].clone();
    let large = directory.0.join("large");
    std::fs::write(&large, vec![b' '; 256 * 1024 + 1]).unwrap();
    let many = directory.0.join("many");
    std::fs::write(&many, json!({ "keys": vec![key; 101] }).to_string()).unwrap();
    let pipe = directory.0.join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (path, word) in [
        (large, "larger than 262144 bytes"),
        (many, "101 keys"),
        (pipe, "is not a file"),
        (directory.0.clone(), "is not a file"),
        ("/dev/zero".into(), "is not a file"),
        (directory.0.join("none"), "cannot be read"),
    ] {
        let mut config = house.issuer.identity_config();
        config.issuers[0].jwks_file = Some(path.clone());
        let problem = Verifier::new(&config).await.unwrap_err().to_string();
        assert!(problem.contains(word), "{}: {problem}", path.display());
    }
}
