//! Who calls: a bearer token (JWT) is verified and becomes a tenant, a subject and an access.

mod config;
mod keys;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use quick_cache::sync::Cache;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use config::{ANY_TENANT, IdentityConfig, IssuerConfig};
use keys::{Found, KeySet};

use crate::schema::read_object;
use crate::schema::v1::Access;

/// Longer tokens are refused before anything of them is read.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// How long a verified token is remembered: what a repeated call saves is the check of its signature.
const REMEMBERED: Duration = Duration::from_secs(60);
/// How many verified tokens are remembered.
const MAX_REMEMBERED: usize = 10_000;
/// The longest subject, in characters.
const MAX_SUBJECT: usize = 200;
/// The longest tenant, in characters.
const MAX_TENANT: usize = 100;

/// A caller whose token has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The tenant whose ledger it works in.
    pub tenant: String,
    /// Who it is: the `sub` claim.
    pub subject: String,
    /// What it may do: the highest of its roles.
    pub access: Access,
    /// When its token expires, in seconds since 1970: the `exp` claim. An answer that goes on beyond it ends.
    pub expires: u64,
}

/// Why identities cannot be verified at all: a mistake in the configuration, or keys that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct IdentityError {
    problem: String,
}

impl IdentityError {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
        }
    }
}

/// What kind of refusal it is; each has its own gRPC and HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnauthenticatedKind {
    /// Nobody knows who calls (401).
    Unauthenticated,
    /// The caller is known and may do nothing here (403).
    PermissionDenied,
    /// The issuer's keys cannot be had at present; the same token may do later (503).
    Unavailable,
}

/// Why a call was not let in. The sentences tell the owner of a token what to mend, and a stranger nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// There is no bearer token.
    #[error("No token was sent: send the header `authorization: Bearer <token>`.")]
    Missing,
    /// It is too long to be looked at.
    #[error("The token is longer than {MAX_TOKEN_BYTES} bytes: ask its issuer for one with fewer claims.")]
    TooLarge,
    /// It is not a signed JWT that names its key.
    #[error("The token is not a signed JWT with a key id (kid) in its header.")]
    Malformed,
    /// Nobody trusts its issuer.
    #[error("The token comes from an issuer that is not trusted here.")]
    IssuerUnknown,
    /// It is signed in a way that is not accepted from its issuer.
    #[error("The token is signed with an algorithm that is not accepted from its issuer.")]
    AlgorithmRefused,
    /// Its issuer has no such key.
    #[error("The token names a key that its issuer does not publish: fetch a new token.")]
    KeyUnknown,
    /// The issuer's keys could not be read so far.
    #[error("The keys of the token's issuer cannot be read at present: try again shortly.")]
    KeysUnavailable,
    /// Its signature does not fit.
    #[error("The signature of the token is not valid.")]
    SignatureInvalid,
    /// Its time has passed.
    #[error("The token has expired: fetch a new one.")]
    Expired,
    /// Its time has not come.
    #[error("The token is not valid yet: check the clocks of its issuer and of this service.")]
    NotYetValid,
    /// It is meant for another service.
    #[error("The token is meant for another service: ask its issuer for one with the audience of this service.")]
    AudienceWrong,
    /// A claim is missing.
    #[error("The token lacks the claim `{0}`.")]
    ClaimMissing(String),
    /// A claim is there, and cannot be used.
    #[error("The claim `{0}` of the token is not of the form that is needed.")]
    ClaimMalformed(String),
    /// Its issuer may not speak for its tenant.
    #[error("The issuer of the token may not speak for the tenant that it names.")]
    TenantRefused,
    /// It has no role that is known here.
    #[error("The token gives none of the roles reader, recorder and administrator in its claim `{0}`.")]
    RoleMissing(String),
}

impl Unauthenticated {
    /// A stable name for machines.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "TOKEN_MISSING",
            Self::TooLarge => "TOKEN_TOO_LARGE",
            Self::Malformed => "TOKEN_MALFORMED",
            Self::IssuerUnknown => "TOKEN_ISSUER_UNKNOWN",
            Self::AlgorithmRefused => "TOKEN_ALGORITHM_REFUSED",
            Self::KeyUnknown => "TOKEN_KEY_UNKNOWN",
            Self::KeysUnavailable => "TOKEN_KEYS_UNAVAILABLE",
            Self::SignatureInvalid => "TOKEN_SIGNATURE_INVALID",
            Self::Expired => "TOKEN_EXPIRED",
            Self::NotYetValid => "TOKEN_NOT_YET_VALID",
            Self::AudienceWrong => "TOKEN_AUDIENCE_WRONG",
            Self::ClaimMissing(_) => "TOKEN_CLAIM_MISSING",
            Self::ClaimMalformed(_) => "TOKEN_CLAIM_MALFORMED",
            Self::TenantRefused => "TOKEN_TENANT_REFUSED",
            Self::RoleMissing(_) => "TOKEN_ROLE_MISSING",
        }
    }

    /// What kind of refusal it is.
    #[must_use]
    pub const fn kind(&self) -> UnauthenticatedKind {
        match self {
            Self::TenantRefused | Self::RoleMissing(_) => UnauthenticatedKind::PermissionDenied,
            Self::KeysUnavailable => UnauthenticatedKind::Unavailable,
            _ => UnauthenticatedKind::Unauthenticated,
        }
    }
}

/// Verifies the tokens of callers.
pub struct Verifier {
    issuers: HashMap<String, Issuer>,
    leeway_seconds: u64,
    /// Verified tokens by their SHA-256, so that a copy of the memory holds no token.
    remembered: Arc<Cache<[u8; 32], Remembered>>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Verifier")
            .field("issuers", &self.issuers.keys())
            .finish_non_exhaustive()
    }
}

struct Issuer {
    config: IssuerConfig,
    algorithms: Vec<Algorithm>,
    keys: Arc<KeySet>,
}

#[derive(Clone)]
struct Remembered {
    caller: Arc<Caller>,
    since: Instant,
}

impl Verifier {
    /// Reads the keys of the trusted issuers.
    ///
    /// # Errors
    /// When the configuration is refused (see [`IdentityConfig::validate`]), or a key file cannot be read. An issuer on
    /// the web that does not answer is no error: its keys are asked for again when they are needed.
    pub async fn new(config: &IdentityConfig) -> Result<Self, IdentityError> {
        config.validate()?;
        let remembered = Arc::new(Cache::new(MAX_REMEMBERED));
        let mut issuers = HashMap::with_capacity(config.issuers.len());
        for issuer in &config.issuers {
            let forget = Arc::clone(&remembered);
            // A key may have been withdrawn because it was stolen: what it vouched for is checked again.
            let keys = KeySet::open(issuer, Box::new(move || forget.clear())).await?;
            let algorithms = issuer.signature_algorithms().map_err(IdentityError::new)?;
            issuers.insert(
                issuer.issuer.clone(),
                Issuer {
                    config: issuer.clone(),
                    algorithms,
                    keys,
                },
            );
        }
        Ok(Self {
            issuers,
            leeway_seconds: config.leeway_seconds,
            remembered,
        })
    }

    /// Who sent this `authorization` header.
    ///
    /// # Errors
    /// When there is no token, or it is not to be believed, or gives no access. Nothing of the token is in the error.
    pub async fn verify(&self, authorization_header: Option<&str>) -> Result<Arc<Caller>, Unauthenticated> {
        let token = bearer(authorization_header)?;
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(remembered) = self.remembered.get(&digest)
            && remembered.since.elapsed() < REMEMBERED
        {
            self.unexpired(remembered.caller.expires)?;
            return Ok(remembered.caller);
        }
        let token = Token::read(token)?;
        let issuer = token
            .claims
            .get("iss")
            .and_then(Value::as_str)
            .and_then(|name| self.issuers.get(name))
            .ok_or(Unauthenticated::IssuerUnknown)?;
        issuer.check_signature(&token).await?;
        let expires = self.check_time(&token.claims)?;
        let caller = Arc::new(issuer.caller(&token.claims, expires)?);
        self.remembered.insert(
            digest,
            Remembered {
                caller: Arc::clone(&caller),
                since: Instant::now(),
            },
        );
        Ok(caller)
    }

    /// Checks `exp`, which must be there, and `nbf`, which need not; gives `exp`.
    fn check_time(&self, claims: &Claims) -> Result<u64, Unauthenticated> {
        let expires = seconds(claims, "exp")?.ok_or_else(|| Unauthenticated::ClaimMissing("exp".to_owned()))?;
        self.unexpired(expires)?;
        match seconds(claims, "nbf")? {
            Some(begins) if begins > now().saturating_add(self.leeway_seconds) => Err(Unauthenticated::NotYetValid),
            _ => Ok(expires),
        }
    }

    fn unexpired(&self, expires: u64) -> Result<(), Unauthenticated> {
        if expires.saturating_add(self.leeway_seconds) <= now() {
            Err(Unauthenticated::Expired)
        } else {
            Ok(())
        }
    }
}

impl Issuer {
    async fn check_signature(&self, token: &Token<'_>) -> Result<(), Unauthenticated> {
        let algorithm = self
            .algorithms
            .iter()
            .copied()
            .find(|algorithm| format!("{algorithm:?}") == token.algorithm)
            .ok_or(Unauthenticated::AlgorithmRefused)?;
        let key = match self.keys.key(&token.key_id, algorithm).await {
            Found::Key(key) => key,
            Found::Unknown => return Err(Unauthenticated::KeyUnknown),
            Found::Unavailable => return Err(Unauthenticated::KeysUnavailable),
        };
        match jsonwebtoken::crypto::verify(token.signature, token.signed.as_bytes(), &key, algorithm) {
            Ok(true) => Ok(()),
            _ => Err(Unauthenticated::SignatureInvalid),
        }
    }

    /// The caller that the claims of a verified token describe, until it expires.
    fn caller(&self, claims: &Claims, expires: u64) -> Result<Caller, Unauthenticated> {
        if !words(claims.get("aud")).any(|audience| audience == self.config.audience) {
            return Err(Unauthenticated::AudienceWrong);
        }
        let subject = text(claims, "sub")?;
        let length = subject.chars().count();
        if length == 0 || length > MAX_SUBJECT || subject.chars().any(char::is_control) {
            return Err(Unauthenticated::ClaimMalformed("sub".to_owned()));
        }
        let tenant = text(claims, &self.config.tenant_claim)?;
        if !is_tenant(tenant) {
            return Err(Unauthenticated::ClaimMalformed(self.config.tenant_claim.clone()));
        }
        if !self.config.speaks_for(tenant) {
            return Err(Unauthenticated::TenantRefused);
        }
        let access = words(claim(claims, &self.config.roles_claim))
            .flat_map(str::split_ascii_whitespace)
            .filter_map(access)
            .max()
            .ok_or_else(|| Unauthenticated::RoleMissing(self.config.roles_claim.clone()))?;
        Ok(Caller {
            tenant: tenant.to_owned(),
            subject: subject.to_owned(),
            access,
            expires,
        })
    }
}

type Claims = serde_json::Map<String, Value>;

/// A token taken apart. Nothing of it is believed before its signature is checked.
struct Token<'a> {
    algorithm: String,
    key_id: String,
    claims: Claims,
    /// What is signed: header and claims as they were sent.
    signed: &'a str,
    signature: &'a str,
}

impl<'a> Token<'a> {
    fn read(token: &'a str) -> Result<Self, Unauthenticated> {
        let (signed, signature) = token.rsplit_once('.').ok_or(Unauthenticated::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Unauthenticated::Malformed)?;
        let header = part(header)?;
        let text = |name: &str| header.get(name).and_then(Value::as_str).unwrap_or_default();
        // An unsigned token lacks key and signature too; this is the answer that says what is wrong with it.
        if text("alg").eq_ignore_ascii_case("none") {
            return Err(Unauthenticated::AlgorithmRefused);
        }
        // `crit` lists extensions that a reader must understand. None is understood here.
        if text("alg").is_empty() || text("kid").is_empty() || header.contains_key("crit") || signature.is_empty() {
            return Err(Unauthenticated::Malformed);
        }
        Ok(Self {
            algorithm: text("alg").to_owned(),
            key_id: text("kid").to_owned(),
            claims: part(claims)?,
            signed,
            signature,
        })
    }
}

/// Reads header or claims, strictly: nobody has vouched for them yet, and of two with one name either could be meant.
fn part(encoded: &str) -> Result<Claims, Unauthenticated> {
    let text = URL_SAFE_NO_PAD
        .decode(encoded)
        .map_err(|_| Unauthenticated::Malformed)?;
    let text = String::from_utf8(text).map_err(|_| Unauthenticated::Malformed)?;
    read_object(&text).map_err(|_| Unauthenticated::Malformed)
}

fn bearer(header: Option<&str>) -> Result<&str, Unauthenticated> {
    let (scheme, token) = header
        .and_then(|header| header.trim().split_once(' '))
        .ok_or(Unauthenticated::Missing)?;
    let token = token.trim_start();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(Unauthenticated::Missing);
    }
    if token.len() > MAX_TOKEN_BYTES {
        Err(Unauthenticated::TooLarge)
    } else {
        Ok(token)
    }
}

/// A claim by its name, or by its path when the name begins with `/`.
fn claim<'a>(claims: &'a Claims, name: &str) -> Option<&'a Value> {
    match name.strip_prefix('/') {
        None => claims.get(name),
        Some(path) => {
            let (first, rest) = path
                .split_once('/')
                .map_or((path, String::new()), |(first, rest)| (first, format!("/{rest}")));
            claims.get(&first.replace("~1", "/").replace("~0", "~"))?.pointer(&rest)
        }
    }
}

fn text<'a>(claims: &'a Claims, name: &str) -> Result<&'a str, Unauthenticated> {
    match claim(claims, name) {
        None | Some(Value::Null) => Err(Unauthenticated::ClaimMissing(name.to_owned())),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Unauthenticated::ClaimMalformed(name.to_owned())),
    }
}

/// The texts of a claim that is one text or a list of them.
fn words(claim: Option<&Value>) -> impl Iterator<Item = &str> {
    let list = match claim {
        Some(Value::Array(list)) => list.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    list.iter().filter_map(Value::as_str)
}

/// A time in seconds since 1970, which RFC 7519 lets issuers write with decimals.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time out of range saturates, which is what it means"
)]
fn seconds(claims: &Claims, name: &str) -> Result<Option<u64>, Unauthenticated> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_u64()
            .or_else(|| value.as_f64().map(|seconds| seconds as u64))
            .map(Some)
            .ok_or_else(|| Unauthenticated::ClaimMalformed(name.to_owned())),
    }
}

/// Whether this can be the name of a tenant. It begins with a letter or digit, so that it is never mistaken for a path
/// or an option.
fn is_tenant(tenant: &str) -> bool {
    (1..=MAX_TENANT).contains(&tenant.len())
        && tenant.starts_with(|first: char| first.is_ascii_alphanumeric())
        && tenant
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
}

fn access(role: &str) -> Option<Access> {
    match role {
        "reader" => Some(Access::Reader),
        "recorder" => Some(Access::Recorder),
        "administrator" => Some(Access::Administrator),
        _ => None,
    }
}

/// The clock that tokens are held against; nothing that is recorded comes from it.
fn now() -> u64 {
    jsonwebtoken::get_current_timestamp()
}
