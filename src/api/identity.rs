//! Who calls: a bearer token (JWT) is verified and becomes a tenant, a subject and an access.

mod config;
mod keys;
mod refusal;
mod token;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;
use jsonwebtoken::Algorithm;
use quick_cache::sync::Cache;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use config::{ANY_TENANT, IdentityConfig, IssuerConfig};
use keys::{Found, KeySet};
pub use refusal::{Unauthenticated, UnauthenticatedKind};
use token::{Claims, Token, authorization, bearer, claim, seconds, text, words};

use crate::schema::is_identifying;
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
    /// The subjects on whose behalf the token itself lets it act (W8): the `on_behalf_of` claim of the configuration.
    pub mandate: Vec<String>,
}

/// The most subjects that a token may give the right to act for.
const MAX_MANDATE: usize = 100;

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
        let interval = Duration::from_secs(config.key_refresh_seconds);
        for issuer in &config.issuers {
            let forget = Arc::clone(&remembered);
            // A key may have been withdrawn because it was stolen: what it vouched for is checked again.
            let keys = KeySet::open(issuer, interval, Box::new(move || forget.clear())).await?;
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

    /// Who sent a request with these headers.
    ///
    /// # Errors
    /// As [`Self::verify`], and when there is more than one `authorization` header.
    pub async fn verify_request(&self, headers: &HeaderMap) -> Result<Arc<Caller>, Unauthenticated> {
        self.verify(authorization(headers)?).await
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
        token.check_kind(&issuer.config)?;
        let expires = self.check_time(&token.claims, issuer.config.max_token_seconds)?;
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

    /// Checks `exp`, which must be there, `nbf` and `iat`, which need not, and how long the token is valid; gives `exp`.
    fn check_time(&self, claims: &Claims, longest: u64) -> Result<u64, Unauthenticated> {
        let expires = seconds(claims, "exp")?.ok_or_else(|| Unauthenticated::ClaimMissing("exp".to_owned()))?;
        self.unexpired(expires)?;
        let now = now();
        let latest = now.saturating_add(self.leeway_seconds);
        let (issued, begins) = (seconds(claims, "iat")?, seconds(claims, "nbf")?);
        if issued.max(begins).is_some_and(|time| time > latest) {
            return Err(Unauthenticated::NotYetValid);
        }
        // A token that does not say since when might have been valid for long; how long it still is can be told.
        if expires.saturating_sub(issued.unwrap_or(latest)) > longest {
            return Err(Unauthenticated::LifetimeTooLong(longest));
        }
        Ok(expires)
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
            Found::Awaited => return Err(Unauthenticated::KeysAwaited),
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
        if subject.chars().count() > MAX_SUBJECT || !is_identifying(subject) {
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
            mandate: words(claim(claims, &self.config.mandate_claim))
                .filter(|subject| is_identifying(subject))
                .take(MAX_MANDATE)
                .map(str::to_owned)
                .collect(),
        })
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
