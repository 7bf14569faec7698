//! Only a token that a trusted issuer signed, for this service, for a tenant it may speak for, lets a caller in.

mod access_tokens;
mod slow_keys;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use vedtak::api::development_issuer::{DEVELOPMENT_AUDIENCE, DEVELOPMENT_ISSUER, DevelopmentIssuer};
use vedtak::api::identity::{IdentityConfig, IssuerConfig, Unauthenticated, UnauthenticatedKind, Verifier};
use vedtak::schema::v1::Access;

const HOUR: Duration = Duration::from_secs(3600);

/// A directory that is gone when the test is.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("vedtak-identity-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

struct House {
    _directory: Directory,
    issuer: DevelopmentIssuer,
    verifier: Verifier,
}

impl House {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut IssuerConfig)) -> Self {
        let directory = Directory::new();
        let issuer = DevelopmentIssuer::open(&directory.0).unwrap();
        let mut config = issuer.identity_config();
        change(&mut config.issuers[0]);
        let verifier = Verifier::new(&config).await.unwrap();
        Self {
            _directory: directory,
            issuer,
            verifier,
        }
    }

    async fn verify(&self, token: &str) -> Result<vedtak::api::identity::Caller, Unauthenticated> {
        self.verifier
            .verify(Some(&format!("Bearer {token}")))
            .await
            .map(Arc::unwrap_or_clone)
    }

    /// What becomes of a token that is good but for this change of its claims.
    async fn refusal(&self, change: impl FnOnce(&mut Value)) -> Unauthenticated {
        let mut claims = claims();
        change(&mut claims);
        self.verify(&self.issuer.sign(&claims)).await.unwrap_err()
    }

    fn good(&self) -> String {
        self.issuer.token("alver", "kari", &["recorder"], &[], HOUR)
    }
}

fn now() -> u64 {
    jsonwebtoken::get_current_timestamp()
}

fn claims() -> Value {
    json!({
        "iss": DEVELOPMENT_ISSUER, "aud": DEVELOPMENT_AUDIENCE, "sub": "kari", "tenant": "alver",
        "roles": ["reader"], "exp": now() + 600,
    })
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn header(issuer: &DevelopmentIssuer, algorithm: &str) -> Value {
    json!({ "alg": algorithm, "kid": issuer.jwks()["keys"][0]["kid"], "typ": "JWT" })
}

#[tokio::test]
async fn a_good_token_gives_tenant_subject_and_the_highest_of_its_roles() {
    let house = House::new().await;
    let token = house.issuer.token(
        "alver",
        "kari@alver.no",
        &["reader", "administrator", "recorder", "janitor"],
        &[],
        HOUR,
    );
    for _ in 0..2 {
        // The second time it is remembered.
        let caller = house.verify(&token).await.unwrap();
        assert_eq!(
            (caller.tenant.as_str(), caller.subject.as_str()),
            ("alver", "kari@alver.no")
        );
        assert_eq!(caller.access, Access::Administrator);
        assert!(
            (3_590..=3_600).contains(&(caller.expires - now())),
            "the caller knows when its token expires"
        );
    }
    assert!(
        house.verifier.verify(Some(&format!("bearer  {token}"))).await.is_ok(),
        "the scheme's case does not matter"
    );
}

#[tokio::test]
async fn roles_may_be_words_and_claims_may_be_nested() {
    let house = House::with(|issuer| {
        issuer.roles_claim = "/realm/roles".to_owned();
        issuer.tenant_claim = "/realm/of".to_owned();
    })
    .await;
    let mut claims = claims();
    claims["realm"] = json!({ "roles": "offline recorder", "of": "voss" });
    let caller = house.verify(&house.issuer.sign(&claims)).await.unwrap();
    assert_eq!((caller.tenant.as_str(), caller.access), ("voss", Access::Recorder));
}

#[tokio::test]
async fn a_call_without_a_bearer_token_is_told_to_send_one() {
    let house = House::new().await;
    for header in [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer "),
        Some("Basic a2FyaTpwYXNz"),
    ] {
        let refusal = house.verifier.verify(header).await.unwrap_err();
        assert_eq!(
            (refusal.reason(), refusal.kind()),
            ("TOKEN_MISSING", UnauthenticatedKind::Unauthenticated),
            "{header:?}"
        );
    }
}

#[tokio::test]
async fn time_is_held_against_every_token_also_a_remembered_one() {
    let house = House::new().await;
    assert_eq!(
        house.refusal(|claims| claims["exp"] = json!(now() - 1)).await,
        Unauthenticated::Expired
    );
    assert_eq!(
        house.refusal(|claims| claims["exp"] = json!(-5)).await,
        Unauthenticated::Expired
    );
    assert_eq!(
        house.refusal(|claims| claims["nbf"] = json!(now() + 60)).await,
        Unauthenticated::NotYetValid
    );
    assert_eq!(
        house.refusal(|claims| claims["exp"] = Value::Null).await.reason(),
        "TOKEN_CLAIM_MISSING"
    );
    assert_eq!(
        house.refusal(|claims| claims["exp"] = json!("soon")).await.reason(),
        "TOKEN_CLAIM_MALFORMED"
    );
    assert_eq!(
        house.refusal(|claims| claims["nbf"] = json!([])).await.reason(),
        "TOKEN_CLAIM_MALFORMED"
    );

    let brief = house
        .issuer
        .token("alver", "kari", &["reader"], &[], Duration::from_secs(2));
    assert!(house.verify(&brief).await.is_ok());
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(house.verify(&brief).await, Err(Unauthenticated::Expired));
}

#[tokio::test]
async fn a_signature_by_another_key_is_refused() {
    let house = House::new().await;
    let stranger = House::new().await;
    let (head, body) = (encoded(&header(&house.issuer, "ES256")), encoded(&claims()));
    let forged = stranger.issuer.sign(&claims());
    let signature = forged.rsplit_once('.').unwrap().1;
    assert_eq!(
        house.verify(&format!("{head}.{body}.{signature}")).await,
        Err(Unauthenticated::SignatureInvalid)
    );
    // Under its own key id the stranger is not known at all.
    assert_eq!(house.verify(&forged).await, Err(Unauthenticated::KeyUnknown));
}

#[tokio::test]
async fn claims_cannot_be_exchanged_under_a_good_signature() {
    let house = House::new().await;
    let token = house.good();
    let parts: Vec<&str> = token.split('.').collect();
    let mut other = claims();
    other["roles"] = json!(["administrator"]);
    let forged = format!("{}.{}.{}", parts[0], encoded(&other), parts[2]);
    assert_eq!(house.verify(&forged).await, Err(Unauthenticated::SignatureInvalid));
}

#[tokio::test]
async fn an_unsigned_token_is_refused() {
    let house = House::new().await;
    for algorithm in ["none", "None", "NONE"] {
        let token = format!("{}.{}.", encoded(&json!({ "alg": algorithm })), encoded(&claims()));
        assert_eq!(house.verify(&token).await, Err(Unauthenticated::AlgorithmRefused));
        let token = format!(
            "{}.{}.AAAA",
            encoded(&header(&house.issuer, algorithm)),
            encoded(&claims())
        );
        assert_eq!(house.verify(&token).await, Err(Unauthenticated::AlgorithmRefused));
    }
}

#[tokio::test]
async fn the_public_key_is_no_shared_secret() {
    let house = House::new().await;
    let jwks = house.issuer.jwks();
    let public = &jwks["keys"][0];
    let point = |name: &str| URL_SAFE_NO_PAD.decode(public[name].as_str().unwrap()).unwrap();
    let uncompressed = [vec![4], point("x"), point("y")].concat();
    for secret in [uncompressed, public.to_string().into_bytes(), point("x")] {
        for (name, algorithm) in [
            ("HS256", Algorithm::HS256),
            ("HS384", Algorithm::HS384),
            ("HS512", Algorithm::HS512),
        ] {
            let signed = format!("{}.{}", encoded(&header(&house.issuer, name)), encoded(&claims()));
            let key = EncodingKey::from_secret(&secret);
            let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, algorithm).unwrap();
            assert_eq!(
                house.verify(&format!("{signed}.{signature}")).await,
                Err(Unauthenticated::AlgorithmRefused)
            );
        }
    }
}

#[tokio::test]
async fn a_key_serves_no_algorithm_that_its_type_does_not_fit() {
    let house = House::with(|issuer| issuer.algorithms = vec!["ES384".into(), "RS256".into(), "EdDSA".into()]).await;
    assert_eq!(
        house.verify(&house.good()).await,
        Err(Unauthenticated::AlgorithmRefused)
    );
    for algorithm in ["ES384", "RS256", "EdDSA"] {
        let token = format!(
            "{}.{}.AAAA",
            encoded(&header(&house.issuer, algorithm)),
            encoded(&claims())
        );
        assert_eq!(house.verify(&token).await, Err(Unauthenticated::KeyUnknown));
    }
}

#[tokio::test]
async fn issuer_and_audience_must_be_the_very_ones() {
    let house = House::new().await;
    for issuer in [
        json!("https://dev.vedtak.invalid/"),
        json!("https://elsewhere.no"),
        json!([DEVELOPMENT_ISSUER]),
        Value::Null,
    ] {
        assert_eq!(
            house.refusal(|claims| claims["iss"] = issuer).await,
            Unauthenticated::IssuerUnknown
        );
    }
    for audience in [
        json!("vedtak2"),
        json!("VEDTAK"),
        json!(["archive"]),
        json!({ "vedtak": 1 }),
        Value::Null,
    ] {
        assert_eq!(
            house.refusal(|claims| claims["aud"] = audience).await,
            Unauthenticated::AudienceWrong
        );
    }
    let mut claims = claims();
    claims["aud"] = json!(["archive", "vedtak"]);
    assert!(house.verify(&house.issuer.sign(&claims)).await.is_ok());
}

#[tokio::test]
async fn an_issuer_speaks_for_its_own_tenants_only() {
    let house = House::with(|issuer| issuer.tenants = vec!["voss".into(), "ask-y".into()]).await;
    let refusal = house.refusal(|_| {}).await;
    assert_eq!(
        (refusal.reason(), refusal.kind()),
        ("TOKEN_TENANT_REFUSED", UnauthenticatedKind::PermissionDenied)
    );
    assert!(
        house
            .verify(&house.issuer.token("voss", "kari", &["reader"], &[], HOUR))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn tenant_subject_and_role_must_be_there_and_well_formed() {
    let house = House::new().await;
    for name in ["tenant", "sub"] {
        let refusal = house.refusal(|claims| claims[name] = Value::Null).await;
        assert_eq!(refusal, Unauthenticated::ClaimMissing(name.to_owned()));
    }
    for tenant in ["", "Alver", "a/b", "..", "-a", "a b", "å", &"a".repeat(101)] {
        let refusal = house.refusal(|claims| claims["tenant"] = json!(tenant)).await;
        assert_eq!(refusal.reason(), "TOKEN_CLAIM_MALFORMED", "{tenant}");
    }
    for subject in ["", "a\nb", "a\u{0}", &"å".repeat(201)] {
        let refusal = house.refusal(|claims| claims["sub"] = json!(subject)).await;
        assert_eq!(refusal.reason(), "TOKEN_CLAIM_MALFORMED", "{subject}");
    }
    for roles in [
        Value::Null,
        json!([]),
        json!(["janitor", "Reader", 3]),
        json!({ "reader": true }),
        json!("unspecified"),
    ] {
        let refusal = house.refusal(|claims| claims["roles"] = roles).await;
        assert_eq!(
            (refusal.reason(), refusal.kind()),
            ("TOKEN_ROLE_MISSING", UnauthenticatedKind::PermissionDenied)
        );
    }
}

#[tokio::test]
async fn garbage_is_refused_before_anything_is_made_of_it() {
    let house = House::new().await;
    let good = house.good();
    let head = encoded(&header(&house.issuer, "ES256"));
    let critical = json!({ "alg": "ES256", "kid": "x", "crit": ["b64"], "b64": false });
    for token in [
        "a".to_owned(),
        "...".to_owned(),
        "a.b.c".to_owned(),
        ".".to_owned(),
        "💥.💥.💥".to_owned(),
        good.replace('.', ""),
        format!("{good}.x"),
        format!("{head}.e30."),
        format!("{head}.W10.AAAA"),
        format!("{}.e30.AAAA", encoded(&critical)),
        format!("{}.e30.AAAA", encoded(&json!({ "alg": "ES256" }))),
        format!("{}.e30.AAAA", encoded(&json!({ "kid": "x" }))),
        format!("{}.{}.AAAA", head, URL_SAFE_NO_PAD.encode("[".repeat(4_000))),
    ] {
        assert_eq!(house.verify(&token).await, Err(Unauthenticated::Malformed), "{token}");
    }
    assert_eq!(
        house.verify(&"a".repeat(8 * 1024 + 1)).await,
        Err(Unauthenticated::TooLarge)
    );
}

#[tokio::test]
async fn no_mutation_of_a_good_token_lets_anybody_in() {
    let house = House::new().await;
    let good = house.good();
    assert!(house.verify(&good).await.is_ok());
    let mut random = StdRng::seed_from_u64(20_261_103);
    for round in 0..6_000 {
        let mut bytes = good.clone().into_bytes();
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(0..bytes.len());
            match random.random_range(0..5) {
                0 => bytes[at] = random.random(),
                1 => {
                    bytes[at] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.="
                        [random.random_range(0..66)];
                }
                2 => drop(bytes.remove(at)),
                3 => bytes.insert(at, b'A'),
                _ => bytes.truncate(at.max(1)),
            }
        }
        let token = String::from_utf8_lossy(&bytes).into_owned();
        // Spaces around a token are not part of it.
        if token.trim() != good {
            assert!(house.verify(&token).await.is_err(), "round {round}: {token}");
        }
    }
}

#[tokio::test]
async fn nothing_of_a_token_is_shown() {
    let house = House::new().await;
    let token = house.good();
    house.verify(&token).await.unwrap();
    let shown = format!("{:?} {:?}", house.verifier, house.issuer);
    assert!(token.split('.').all(|part| !shown.contains(part)), "{shown}");
    let refusal = house.refusal(|claims| claims["tenant"] = json!("Secret Tenant")).await;
    assert!(!format!("{refusal} {refusal:?}").contains("Secret"));
}

#[tokio::test]
async fn a_configuration_that_is_unsafe_is_refused() {
    let directory = Directory::new();
    let good = DevelopmentIssuer::open(&directory.0).unwrap().identity_config();
    good.validate().unwrap();
    let refused = |change: fn(&mut IdentityConfig), word: &str| {
        let mut config = good.clone();
        change(&mut config);
        let problem = config.validate().unwrap_err().to_string();
        assert!(problem.contains(word), "{problem}");
    };
    refused(|config| config.issuers.clear(), "No issuer");
    refused(|config| config.issuers.push(config.issuers[0].clone()), "twice");
    refused(|config| config.leeway_seconds = 301, "leeway");
    refused(|config| config.issuers[0].algorithms.clear(), "algorithms");
    refused(|config| config.issuers[0].algorithms.push("HS256".into()), "HS256");
    refused(|config| config.issuers[0].algorithms = vec!["none".into()], "none");
    refused(|config| config.issuers[0].tenants.clear(), "tenants");
    refused(|config| config.issuers[0].tenants.push("alver".into()), "alone");
    refused(|config| config.issuers[0].tenants = vec!["Alver".into()], "Alver");
    refused(|config| config.issuers[0].audience.clear(), "audience");
    refused(
        |config| config.issuers[0].jwks_url = Some("https://id.alver.no/jwks".into()),
        "exactly one",
    );
    let at = |url: &str| {
        let mut config = good.clone();
        config.issuers[0].jwks_file = None;
        config.issuers[0].jwks_url = Some(url.to_owned());
        config.validate()
    };
    for url in [
        "http://id.alver.no/jwks",
        "http://localhost.alver.no/",
        "http://127.0.0.1.alver.no/",
        "file:///etc/passwd",
        "jwks",
    ] {
        assert!(at(url).is_err(), "{url}");
    }
    for url in [
        "https://id.alver.no/jwks",
        "http://localhost:8080/",
        "http://127.0.0.1/",
        "http://[::1]/",
    ] {
        at(url).unwrap();
    }
    let unknown = json!({ "issuers": [], "issuer": [] });
    assert!(
        serde_json::from_value::<IdentityConfig>(unknown).is_err(),
        "a misspelt setting is not dropped"
    );
}

#[tokio::test]
async fn the_development_issuer_is_refused_for_serving() {
    let house = House::new().await;
    let problem = house
        .issuer
        .identity_config()
        .validate_for_serving()
        .unwrap_err()
        .to_string();
    assert!(problem.contains(DEVELOPMENT_ISSUER), "{problem}");
    let mut config = house.issuer.identity_config();
    config.issuers[0].issuer = "https://id.alver.no".to_owned();
    config.validate_for_serving().unwrap();
}

#[cfg(unix)]
#[test]
fn the_development_key_is_kept_and_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::new();
    let first = DevelopmentIssuer::open(&directory.0).unwrap().jwks();
    assert_eq!(first, DevelopmentIssuer::open(&directory.0).unwrap().jwks());
    assert!(first["keys"][0].get("d").is_none());
    for entry in std::fs::read_dir(&directory.0).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{:?}",
            entry.path()
        );
    }
    std::fs::write(directory.0.join("development-issuer.pem"), "no key").unwrap();
    assert!(
        DevelopmentIssuer::open(&directory.0)
            .unwrap_err()
            .to_string()
            .contains("delete it")
    );
}

/// An issuer's web server: answers with the keys, counts how often it was asked, and can be down.
struct Web {
    url: String,
    asked: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
}

impl Web {
    async fn serve(body: String) -> Self {
        let (asked, down) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let (counted, broken) = (Arc::clone(&asked), Arc::clone(&down));
        let answer = move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let status = if broken.load(Ordering::SeqCst) {
                http::StatusCode::BAD_GATEWAY
            } else {
                http::StatusCode::OK
            };
            let body = body.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                (status, body)
            }
        };
        let router = axum::Router::new().route("/jwks", axum::routing::get(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, asked, down }
    }
}

async fn verifier_of(issuer: &DevelopmentIssuer, web: &Web) -> Verifier {
    let mut config = issuer.identity_config();
    config.issuers[0].jwks_file = None;
    config.issuers[0].jwks_url = Some(web.url.clone());
    Verifier::new(&config).await.unwrap()
}

#[tokio::test]
async fn made_up_keys_do_not_flood_the_issuer() {
    let house = House::new().await;
    let web = Web::serve(house.issuer.jwks().to_string()).await;
    let verifier = Arc::new(verifier_of(&house.issuer, &web).await);
    assert!(verifier.verify(Some(&format!("Bearer {}", house.good()))).await.is_ok());
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..50 {
        let head = encoded(&json!({ "alg": "ES256", "kid": format!("made-up-{number}") }));
        let token = format!("Bearer {head}.{}.AAAA", encoded(&claims()));
        let verifier = Arc::clone(&verifier);
        calls.spawn(async move { verifier.verify(Some(&token)).await.unwrap_err() });
    }
    assert!(
        calls
            .join_all()
            .await
            .iter()
            .all(|refusal| *refusal == Unauthenticated::KeyUnknown)
    );
    // Not even once: the keys were read a moment ago.
    assert_eq!(web.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_issuer_that_is_down_at_the_start_is_asked_again() {
    let house = House::new().await;
    let web = Web::serve(house.issuer.jwks().to_string()).await;
    web.down.store(true, Ordering::SeqCst);
    let verifier = verifier_of(&house.issuer, &web).await;
    let bearer = format!("Bearer {}", house.good());
    let refusal = verifier.verify(Some(&bearer)).await.unwrap_err();
    assert_eq!(
        (refusal.reason(), refusal.kind()),
        ("TOKEN_KEYS_UNAVAILABLE", UnauthenticatedKind::Unavailable)
    );
    web.down.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(5_100)).await;
    assert!(verifier.verify(Some(&bearer)).await.is_ok());
    assert_eq!(web.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let house = House::new().await;
    let web = Web::serve(format!("{{\"keys\":[\"{}\"]}}", "a".repeat(300 * 1024))).await;
    let verifier = verifier_of(&house.issuer, &web).await;
    let refusal = verifier
        .verify(Some(&format!("Bearer {}", house.good())))
        .await
        .unwrap_err();
    assert_eq!(refusal, Unauthenticated::KeysUnavailable);
}

#[tokio::test]
async fn keys_that_cannot_verify_signatures_are_passed_over() {
    let house = House::new().await;
    let mut set = house.issuer.jwks();
    let good = set["keys"][0].clone();
    let changed = |name: &str, value: Value| {
        let mut key = good.clone();
        key[name] = value;
        key
    };
    let useless = vec![
        json!({ "kty": "oct", "k": "c2VjcmV0", "kid": good["kid"] }),
        json!("key"),
        json!({ "kty": "AKP", "kid": "1" }),
        changed("use", json!("enc")),
        changed("alg", json!("ES384")),
        changed("kid", Value::Null),
        changed("key_ops", json!(["sign"])),
        changed("crv", json!("P-521")),
    ];
    let web = Web::serve(json!({ "keys": useless }).to_string()).await;
    let bearer = format!("Bearer {}", house.good());
    let verifier = verifier_of(&house.issuer, &web).await;
    assert_eq!(
        verifier.verify(Some(&bearer)).await,
        Err(Unauthenticated::KeysUnavailable)
    );

    let mut keys = useless;
    keys.push(good);
    set["keys"] = json!(keys);
    let web = Web::serve(set.to_string()).await;
    assert!(
        verifier_of(&house.issuer, &web)
            .await
            .verify(Some(&bearer))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn an_rsa_issuer_is_verified_too() {
    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::KeyPair as _;
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let public = pair.public_key();
    let (modulus, exponent) = (public.modulus(), public.exponent());
    let jwks = json!({ "keys": [{
        "kty": "RSA", "kid": "1", "use": "sig",
        "n": number(modulus.big_endian_without_leading_zero()), "e": number(exponent.big_endian_without_leading_zero()),
    }] });
    let private: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        base64::engine::general_purpose::STANDARD.encode(private.as_ref())
    );
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
    let web = Web::serve(jwks.to_string()).await;
    let config: IdentityConfig = serde_json::from_value(json!({ "issuers": [{
        "issuer": DEVELOPMENT_ISSUER, "audience": "vedtak", "jwks_url": web.url,
        "algorithms": ["RS256", "PS256"], "tenants": ["alver"],
    }] }))
    .unwrap();
    let verifier = Verifier::new(&config).await.unwrap();
    for (algorithm, welcome) in [
        (Algorithm::RS256, true),
        (Algorithm::PS256, true),
        (Algorithm::RS512, false),
    ] {
        let header = Header {
            kid: Some("1".to_owned()),
            ..Header::new(algorithm)
        };
        let token = jsonwebtoken::encode(&header, &claims(), &key).unwrap();
        assert_eq!(
            verifier.verify(Some(&format!("Bearer {token}"))).await.is_ok(),
            welcome,
            "{algorithm:?}"
        );
    }
}
