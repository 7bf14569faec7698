//! The issuer of tokens that `vedtak dev` brings along, so that the door is the same in development as in production.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};

use super::identity::{ANY_TENANT, IdentityConfig, IssuerConfig};

/// The name of the development issuer. The domain `.invalid` belongs to nobody (RFC 6761), so no real issuer can bear
/// it.
pub const DEVELOPMENT_ISSUER: &str = "https://dev.vedtak.invalid";
/// The audience of its tokens.
pub const DEVELOPMENT_AUDIENCE: &str = "vedtak";
/// The longest lifetime of its tokens: on one's own machine nobody wants to make a new one each day.
pub const LONGEST_LIFETIME_HOURS: u64 = 8760;

const KEY_FILE: &str = "development-issuer.pem";
const JWKS_FILE: &str = "development-issuer.jwks.json";

/// Why the development issuer cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DevelopmentIssuerError {
    /// A file cannot be read or written.
    #[error("{path} cannot be read or written: {source}.", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The key file does not hold such a key.
    #[error("{path} does not hold a P-256 private key: delete it, and the next start makes a new one.", path = path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// The system would not make a key.
    #[error("No key could be made: the system gave no randomness.")]
    Randomness,
}

/// An issuer of tokens for development: its key lies in a directory, readable by its owner only.
pub struct DevelopmentIssuer {
    key: EncodingKey,
    key_id: String,
    keys: JwkSet,
    jwks_file: PathBuf,
}

impl std::fmt::Debug for DevelopmentIssuer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("DevelopmentIssuer")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

impl DevelopmentIssuer {
    /// Opens the issuer whose key lies in this directory. On the first start the key is made. The public key is written
    /// beside it, for [`Self::config`] to point to.
    ///
    /// # Errors
    /// When the directory cannot be written to, or holds something else under the name of the key.
    pub fn open(directory: &Path) -> Result<Self, DevelopmentIssuerError> {
        let key_file = directory.join(KEY_FILE);
        let pem = match fs::read(&key_file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let pem = new_key()?;
                write(&key_file, &pem)?;
                pem
            }
            read => read.map_err(|source| DevelopmentIssuerError::File {
                path: key_file.clone(),
                source,
            })?,
        };
        let unusable = |_| DevelopmentIssuerError::Key { path: key_file.clone() };
        let key = EncodingKey::from_ec_pem(&pem).map_err(unusable)?;
        let mut public = Jwk::from_encoding_key(&key, Algorithm::ES256).map_err(unusable)?;
        let key_id = public.thumbprint(ThumbprintHash::SHA256).map_err(unusable)?;
        public.common.key_id = Some(key_id.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        let jwks_file = directory.join(JWKS_FILE);
        let issuer = Self {
            key,
            key_id,
            keys: JwkSet { keys: vec![public] },
            jwks_file,
        };
        write(&issuer.jwks_file, issuer.jwks().to_string().as_bytes())?;
        Ok(issuer)
    }

    /// Its public keys, as a JSON Web Key Set.
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        serde_json::json!({ "keys": self.keys.keys })
    }

    /// What a verifier needs to trust it, for every tenant.
    #[must_use]
    pub fn config(&self) -> IssuerConfig {
        IssuerConfig {
            issuer: DEVELOPMENT_ISSUER.to_owned(),
            audience: DEVELOPMENT_AUDIENCE.to_owned(),
            jwks_file: Some(self.jwks_file.clone()),
            algorithms: vec!["ES256".to_owned()],
            tenants: vec![ANY_TENANT.to_owned()],
            max_token_seconds: LONGEST_LIFETIME_HOURS * 60 * 60,
            ..IssuerConfig::default()
        }
    }

    /// The configuration of an installation that trusts this issuer alone.
    #[must_use]
    pub fn identity_config(&self) -> IdentityConfig {
        IdentityConfig {
            issuers: vec![self.config()],
            leeway_seconds: 0,
            ..IdentityConfig::default()
        }
    }

    /// A token for the subject, valid from now on, with which it may act on behalf of these subjects.
    ///
    /// # Panics
    /// When the system has no randomness, without which nothing here works.
    #[must_use]
    pub fn token(&self, tenant: &str, subject: &str, roles: &[&str], mandate: &[String], lifetime: Duration) -> String {
        let now = jsonwebtoken::get_current_timestamp();
        self.sign(&serde_json::json!({
            "iss": DEVELOPMENT_ISSUER,
            "aud": DEVELOPMENT_AUDIENCE,
            "sub": subject,
            "tenant": tenant,
            "roles": roles,
            "on_behalf_of": mandate,
            "iat": now,
            "exp": now.saturating_add(lifetime.as_secs()),
        }))
    }

    /// A token with these claims, whatever they are.
    ///
    /// # Panics
    /// As [`Self::token`].
    #[must_use]
    pub fn sign(&self, claims: &serde_json::Value) -> String {
        let header = Header {
            kid: Some(self.key_id.clone()),
            ..Header::new(Algorithm::ES256)
        };
        jsonwebtoken::encode(&header, claims, &self.key)
            .expect("the key was read as an ES256 key when the issuer was opened")
    }
}

fn new_key() -> Result<Vec<u8>, DevelopmentIssuerError> {
    let pair =
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| DevelopmentIssuerError::Randomness)?;
    let document = pair.to_pkcs8v1().map_err(|_| DevelopmentIssuerError::Randomness)?;
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    let mut encoded = STANDARD.encode(document.as_ref());
    while !encoded.is_empty() {
        let rest = encoded.split_off(encoded.len().min(64));
        pem.push_str(&encoded);
        pem.push('\n');
        encoded = rest;
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    Ok(pem.into_bytes())
}

/// Writes a file that only its owner may read, in one step: a start that is broken off leaves no half a key behind.
fn write(path: &Path, content: &[u8]) -> Result<(), DevelopmentIssuerError> {
    let failed = |source| DevelopmentIssuerError::File {
        path: path.to_owned(),
        source,
    };
    let unfinished = path.with_extension("unfinished");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished).map_err(failed)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&unfinished, path).map_err(failed)
}
