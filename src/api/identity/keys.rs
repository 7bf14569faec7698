//! The public keys of one issuer: read or fetched, kept, and renewed when a token names a key that is not known.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use reqwest::Url;
use tokio::io::AsyncReadExt;
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore};
use tokio::time::Instant;

use super::IdentityError;
use super::config::{IssuerConfig, key_url};

/// Key sets are small; a larger answer is a mistake or an attack.
const MAX_BYTES: usize = 256 * 1024;
/// How many keys a set may hold. Sets of more are refused whole: it would be chance which of them were known.
const MAX_KEYS: usize = 100;
/// How long reading or fetching a set may take as a whole.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// How many callers with an unknown key may wait for a fetch. Each of them holds one of the places that all callers share, and made-up
/// tokens cost their senders nothing: more are told at once to come back.
const MAX_WAITING: usize = 32;
/// How long passes after a fetch that failed, so that a short outage at the issuer stays short here. Never longer than after one that
/// succeeded.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);
/// Keys older than this are renewed behind the scenes, so that a key which the issuer withdraws does not live on here.
const MAX_AGE: Duration = Duration::from_secs(600);

/// Where a key set comes from.
enum Source {
    File(PathBuf),
    Web(Url, reqwest::Client),
}

/// One public key that may verify tokens.
struct Key {
    id: String,
    decoding: Arc<DecodingKey>,
    /// The algorithms that its type fits.
    fits: Vec<Algorithm>,
}

/// The keys as last read.
struct Keys {
    list: Arc<[Key]>,
    /// The text they were read from, to see whether a new one differs.
    text: Vec<u8>,
    read_at: Instant,
}

impl Keys {
    fn find(&self, id: &str, algorithm: Algorithm) -> Option<Arc<DecodingKey>> {
        self.list
            .iter()
            .find(|key| key.id == id && key.fits.contains(&algorithm))
            .map(|key| Arc::clone(&key.decoding))
    }
}

/// What was found when a key was asked for.
pub(super) enum Found {
    /// The key.
    Key(Arc<DecodingKey>),
    /// The issuer has no such key.
    Unknown,
    /// The keys of the issuer could not be read, when last asked for.
    Unavailable,
    /// The keys are being fetched, and enough callers wait for them.
    Awaited,
}

/// The last time that the keys were asked for, and whether they were had.
struct Attempt {
    at: Instant,
    succeeded: bool,
}

/// The keys of one issuer.
pub(super) struct KeySet {
    issuer: String,
    source: Source,
    keys: RwLock<Arc<Keys>>,
    /// Held while a refresh runs, so that there is one at a time.
    last: Arc<Mutex<Attempt>>,
    /// The places of those who wait for a refresh.
    waiting: Semaphore,
    /// How long passes between two refreshes, when they succeed.
    interval: Duration,
    /// Called when the keys have changed.
    changed: Box<dyn Fn() + Send + Sync>,
}

impl KeySet {
    /// Reads the keys for the first time. A file must be readable; an issuer on the web may be away for the moment,
    /// since a service that cannot start because another one is down makes two outages of one.
    pub(super) async fn open(
        config: &IssuerConfig,
        interval: Duration,
        changed: Box<dyn Fn() + Send + Sync>,
    ) -> Result<Arc<Self>, IdentityError> {
        let failed = |problem: String| IdentityError::new(format!("Issuer {:?}: {problem}", config.issuer));
        let source = Source::of(config).map_err(failed)?;
        let now = Instant::now();
        let set = Self {
            issuer: config.issuer.clone(),
            source,
            keys: RwLock::new(Arc::new(Keys {
                list: Arc::new([]),
                text: Vec::new(),
                read_at: now,
            })),
            last: Arc::new(Mutex::new(Attempt {
                at: now,
                succeeded: false,
            })),
            waiting: Semaphore::new(MAX_WAITING),
            interval,
            changed,
        };
        let outcome = set.refresh().await;
        *set.last.lock().await = Attempt {
            at: Instant::now(),
            succeeded: outcome.is_ok(),
        };
        match (outcome, &set.source) {
            (Err(problem), Source::File(_)) => return Err(failed(problem)),
            (Err(problem), Source::Web(..)) => set.warn(&problem),
            (Ok(()), _) => {}
        }
        Ok(Arc::new(set))
    }

    /// The key with this id, if it fits the algorithm. Only who asks for an unknown key ever waits, and of those only a few.
    pub(super) async fn key(self: &Arc<Self>, id: &str, algorithm: Algorithm) -> Found {
        let keys = self.current();
        if let Some(key) = keys.find(id, algorithm) {
            self.renew_if_old(&keys);
            return Found::Key(key);
        }
        let last = match Arc::clone(&self.last).try_lock_owned() {
            Ok(last) if !self.may_ask_again(&last) => return self.known(id, algorithm, &last),
            last => last.ok(),
        };
        let Ok(_place) = self.waiting.try_acquire() else {
            return Found::Awaited;
        };
        if let Some(last) = last {
            self.renew(last);
        }
        // Whoever holds it refreshes: this is had when the refresh has ended.
        let last = self.last.lock().await;
        self.known(id, algorithm, &last)
    }

    /// What is known of a key after the last attempt.
    fn known(&self, id: &str, algorithm: Algorithm, last: &Attempt) -> Found {
        match self.current().find(id, algorithm) {
            Some(key) => Found::Key(key),
            None if last.succeeded => Found::Unknown,
            None => Found::Unavailable,
        }
    }

    fn may_ask_again(&self, last: &Attempt) -> bool {
        let interval = if last.succeeded {
            self.interval
        } else {
            self.interval.min(RETRY_INTERVAL)
        };
        last.at.elapsed() >= interval
    }

    /// Refreshes in a task of its own: a caller that hangs up must not take along the refresh that others wait for.
    fn renew(self: &Arc<Self>, mut last: OwnedMutexGuard<Attempt>) {
        let set = Arc::clone(self);
        tokio::spawn(async move {
            let outcome = set.refresh().await;
            *last = Attempt {
                at: Instant::now(),
                succeeded: outcome.is_ok(),
            };
            if let Err(problem) = outcome {
                set.warn(&problem);
            }
        });
    }

    fn current(&self) -> Arc<Keys> {
        // The lock guards a single assignment, so a poisoned one still holds a whole value.
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn renew_if_old(self: &Arc<Self>, keys: &Keys) {
        if keys.read_at.elapsed() < MAX_AGE {
            return;
        }
        // When the lock is taken, somebody is at it already.
        if let Ok(last) = Arc::clone(&self.last).try_lock_owned()
            && self.may_ask_again(&last)
        {
            self.renew(last);
        }
    }

    fn warn(&self, problem: &str) {
        tracing::warn!(issuer = %self.issuer, problem, "an issuer's keys could not be renewed; those known stay in use");
    }

    /// Reads the keys. Whatever goes wrong, the old ones stay.
    async fn refresh(&self) -> Result<(), String> {
        let text = match &self.source {
            Source::File(path) => read(path).await?,
            Source::Web(url, client) => fetch(url, client).await?,
        };
        let before = self.current();
        let same = before.text == text;
        let list = if same {
            Arc::clone(&before.list)
        } else {
            parse(&text)?.into()
        };
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Keys {
            list,
            text,
            read_at: Instant::now(),
        });
        if !same {
            (self.changed)();
        }
        Ok(())
    }
}

impl Source {
    fn of(config: &IssuerConfig) -> Result<Self, String> {
        match (&config.jwks_url, &config.jwks_file) {
            (Some(url), None) => {
                let client = reqwest::Client::builder()
                    .timeout(READ_TIMEOUT)
                    // A redirect could lead from https to http, or to a host that nobody has approved.
                    .redirect(reqwest::redirect::Policy::none())
                    .build()
                    .map_err(|error| format!("no HTTP client could be made: {}.", whole(&error)))?;
                Ok(Self::Web(key_url(url)?, client))
            }
            (None, Some(path)) => Ok(Self::File(path.clone())),
            _ => Err("give exactly one of jwks_url and jwks_file.".to_owned()),
        }
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, String> {
    match tokio::time::timeout(READ_TIMEOUT, read_file(path)).await {
        Ok(read) => read.map_err(|problem| format!("{} {problem}", path.display())),
        Err(_) => Err(format!(
            "{} could not be read within {} seconds.",
            path.display(),
            READ_TIMEOUT.as_secs()
        )),
    }
}

/// Reads no more of a file than a key set may have, whatever its size is said to be.
async fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("cannot be read: {error}.");
    // Looked at before it is opened: opening a pipe waits for somebody to write into it.
    if !tokio::fs::metadata(path).await.map_err(failed)?.is_file() {
        return Err("is not a file.".to_owned());
    }
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    let mut text = Vec::new();
    file.take(MAX_BYTES as u64 + 1)
        .read_to_end(&mut text)
        .await
        .map_err(failed)?;
    if text.len() > MAX_BYTES {
        return Err(format!("is larger than {MAX_BYTES} bytes, which no key set is."));
    }
    Ok(text)
}

async fn fetch(url: &Url, client: &reqwest::Client) -> Result<Vec<u8>, String> {
    let failed = |error: reqwest::Error| format!("{url} cannot be fetched: {}.", whole(&error.without_url()));
    let mut response = client
        .get(url.clone())
        .header("accept", "application/json")
        .send()
        .await
        .map_err(failed)?;
    if !response.status().is_success() {
        return Err(format!("{url} answered {}.", response.status()));
    }
    let mut text = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if text.len() + chunk.len() > MAX_BYTES {
            return Err(format!(
                "{url} answered more than {MAX_BYTES} bytes, which no key set has."
            ));
        }
        text.extend_from_slice(&chunk);
    }
    Ok(text)
}

/// An error with its causes: "connection refused" stands in the last one.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// The keys of a JSON Web Key Set that can verify tokens. What cannot is left out: sets hold encryption keys and new
/// kinds too.
fn parse(text: &[u8]) -> Result<Vec<Key>, String> {
    #[derive(serde::Deserialize)]
    struct Set {
        keys: Vec<serde_json::Value>,
    }
    let set: Set = serde_json::from_slice(text).map_err(|error| format!("this is not a JSON Web Key Set: {error}."))?;
    if set.keys.len() > MAX_KEYS {
        return Err(format!(
            "the key set holds {} keys; at most {MAX_KEYS} are taken.",
            set.keys.len()
        ));
    }
    let keys: Vec<Key> = set
        .keys
        .into_iter()
        .filter_map(|key| serde_json::from_value::<Jwk>(key).ok())
        .filter_map(|key| usable(&key))
        .collect();
    if keys.is_empty() {
        return Err("the key set has no public key with a kid that can verify signatures.".to_owned());
    }
    Ok(keys)
}

fn usable(key: &Jwk) -> Option<Key> {
    let common = &key.common;
    let for_signatures = common
        .public_key_use
        .as_ref()
        .is_none_or(|purpose| *purpose == PublicKeyUse::Signature)
        && common
            .key_operations
            .as_ref()
            .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    let mut fits = match &key.algorithm {
        AlgorithmParameters::RSA(_) => AlgorithmFamily::Rsa.algorithms().to_vec(),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => vec![Algorithm::ES256],
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => vec![Algorithm::ES384],
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => vec![Algorithm::EdDSA],
        // Shared secrets among them: they have no place in a set of public keys.
        _ => return None,
    };
    if let Some(algorithm) = common.key_algorithm {
        fits.retain(|fit| KeyAlgorithm::from(*fit) == algorithm);
    }
    if !for_signatures || fits.is_empty() {
        return None;
    }
    let decoding = Arc::new(DecodingKey::from_jwk(key).ok()?);
    Some(Key {
        id: common.key_id.clone()?,
        decoding,
        fits,
    })
}
