//! Which issuers of tokens are trusted, and for what.

use std::path::PathBuf;

use jsonwebtoken::Algorithm;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::{IdentityError, is_tenant};
use crate::api::development_issuer::DEVELOPMENT_ISSUER;

/// The entry of [`IssuerConfig::tenants`] that stands for every tenant.
pub const ANY_TENANT: &str = "*";

/// A leeway beyond this would keep expired tokens alive rather than forgive a clock.
const MAX_LEEWAY_SECONDS: u64 = 300;
/// An hour: a new key that stays unknown for longer is an outage.
const MAX_KEY_REFRESH_SECONDS: u64 = 3600;
/// Ten years: whoever wants no limit says so with this.
const MAX_TOKEN_SECONDS: u64 = 10 * 366 * 24 * 60 * 60;

/// Whose tokens are believed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityConfig {
    /// The trusted issuers; at least one.
    pub issuers: Vec<IssuerConfig>,
    /// How many seconds the clocks of an issuer and this service may differ, 0 to 300.
    #[serde(default = "default_leeway_seconds")]
    pub leeway_seconds: u64,
    /// How many seconds pass between two fetches of an issuer's keys that tokens with unknown keys cause, 1 to 3600: so long may a new
    /// key remain unknown.
    #[serde(default = "default_key_refresh_seconds")]
    pub key_refresh_seconds: u64,
}

impl Default for IdentityConfig {
    /// Trusts nobody yet: there is nobody whom everybody trusts.
    fn default() -> Self {
        Self {
            issuers: Vec::new(),
            leeway_seconds: default_leeway_seconds(),
            key_refresh_seconds: default_key_refresh_seconds(),
        }
    }
}

/// One trusted issuer of tokens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// Its name, exactly as in the `iss` claim of its tokens.
    pub issuer: String,
    /// The name of this service, exactly as in the `aud` claim of tokens that are meant for it.
    pub audience: String,
    /// Where its public keys (a JSON Web Key Set) are fetched: `https`, or `http` on this machine. Either this or
    /// `jwks_file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// The file that holds its public keys. Read again when a token names a key that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_file: Option<PathBuf>,
    /// The signature algorithms that it uses, of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and `EdDSA`.
    /// Tokens signed in any other way are refused.
    pub algorithms: Vec<String>,
    /// The claim that names the caller's tenant. A name that begins with `/` is a path into nested claims (RFC 6901).
    #[serde(default = "default_tenant_claim")]
    pub tenant_claim: String,
    /// The claim that lists the caller's roles, as a list or as words between spaces. A name that begins with `/` is a
    /// path into nested claims, such as `/realm_access/roles`.
    #[serde(default = "default_roles_claim")]
    pub roles_claim: String,
    /// The claim that lists the subjects on whose behalf the bearer may act, as that of a case system does for its users. A name that
    /// begins with `/` is a path into nested claims.
    #[serde(default = "default_mandate_claim")]
    pub mandate_claim: String,
    /// The tenants that this issuer may speak for; `*` alone for all of them. An issuer that is not given a tenant
    /// cannot mint tokens for it.
    pub tenants: Vec<String>,
    /// The kinds of token that it makes for this service, as in the header `typ`, without `application/` and in whichever case. A token
    /// that names no kind counts as `JWT`.
    #[serde(default = "default_token_types")]
    pub token_types: Vec<String>,
    /// The claims that no access token of its has: they mark ID tokens and logout tokens, which are signed with the same keys. An issuer
    /// that puts one of them into access tokens is given a list without it.
    #[serde(default = "default_refused_claims")]
    pub refused_claims: Vec<String>,
    /// The longest lifetime of its tokens in seconds, up to ten years. A token cannot be called back, so this is how long a stolen one
    /// serves.
    #[serde(default = "default_max_token_seconds")]
    pub max_token_seconds: u64,
}

impl Default for IssuerConfig {
    /// What holds for an issuer of which nothing is said: it speaks for nobody.
    fn default() -> Self {
        Self {
            issuer: String::new(),
            audience: String::new(),
            jwks_url: None,
            jwks_file: None,
            algorithms: Vec::new(),
            tenant_claim: default_tenant_claim(),
            roles_claim: default_roles_claim(),
            mandate_claim: default_mandate_claim(),
            tenants: Vec::new(),
            token_types: default_token_types(),
            refused_claims: default_refused_claims(),
            max_token_seconds: default_max_token_seconds(),
        }
    }
}

const fn default_leeway_seconds() -> u64 {
    30
}

const fn default_key_refresh_seconds() -> u64 {
    30
}

const fn default_max_token_seconds() -> u64 {
    24 * 60 * 60
}

fn default_token_types() -> Vec<String> {
    ["JWT", "at+jwt"].map(str::to_owned).to_vec()
}

fn default_refused_claims() -> Vec<String> {
    ["nonce", "at_hash", "c_hash", "s_hash", "events"]
        .map(str::to_owned)
        .to_vec()
}

fn default_tenant_claim() -> String {
    "tenant".to_owned()
}

fn default_roles_claim() -> String {
    "roles".to_owned()
}

fn default_mandate_claim() -> String {
    "on_behalf_of".to_owned()
}

impl IdentityConfig {
    /// Whether it can be used at all.
    ///
    /// # Errors
    /// When something in it is missing, contradictory or unsafe; the error names the issuer and says what would mend
    /// it.
    pub fn validate(&self) -> Result<(), IdentityError> {
        if self.issuers.is_empty() {
            return Err(IdentityError::new(
                "No issuer of tokens is configured: nobody could call the service.",
            ));
        }
        if self.leeway_seconds > MAX_LEEWAY_SECONDS {
            return Err(IdentityError::new(format!(
                "leeway_seconds must be at most {MAX_LEEWAY_SECONDS}."
            )));
        }
        if !(1..=MAX_KEY_REFRESH_SECONDS).contains(&self.key_refresh_seconds) {
            return Err(IdentityError::new(format!(
                "key_refresh_seconds must be from 1 to {MAX_KEY_REFRESH_SECONDS}."
            )));
        }
        for (index, issuer) in self.issuers.iter().enumerate() {
            issuer
                .validate()
                .map_err(|problem| IdentityError::new(format!("Issuer {:?}: {problem}", issuer.issuer)))?;
            if self
                .issuers
                .iter()
                .take(index)
                .any(|other| other.issuer == issuer.issuer)
            {
                return Err(IdentityError::new(format!(
                    "Issuer {:?} is configured twice.",
                    issuer.issuer
                )));
            }
        }
        Ok(())
    }

    /// Whether it can be used in production: as [`Self::validate`], and without the issuer of `vedtak dev`, whose key
    /// lies beside the development database for anyone on the machine to sign with.
    ///
    /// # Errors
    /// As [`Self::validate`], and when the development issuer is among the issuers.
    pub fn validate_for_serving(&self) -> Result<(), IdentityError> {
        self.validate()?;
        if self.issuers.iter().any(|issuer| issuer.issuer == DEVELOPMENT_ISSUER) {
            return Err(IdentityError::new(format!(
                "The issuer {DEVELOPMENT_ISSUER} belongs to `vedtak dev` and is not accepted here: \
                 configure the issuer of your organisation."
            )));
        }
        Ok(())
    }
}

impl IssuerConfig {
    fn validate(&self) -> Result<(), String> {
        if self.issuer.is_empty() || self.audience.is_empty() {
            return Err("issuer and audience must not be empty.".to_owned());
        }
        if self.tenant_claim.is_empty() || self.roles_claim.is_empty() {
            return Err("tenant_claim and roles_claim must not be empty.".to_owned());
        }
        self.signature_algorithms()?;
        if self.token_types.is_empty() {
            return Err("token_types must not be empty; JWT and at+jwt are the usual ones.".to_owned());
        }
        if !(1..=MAX_TOKEN_SECONDS).contains(&self.max_token_seconds) {
            return Err(format!("max_token_seconds must be from 1 to {MAX_TOKEN_SECONDS}."));
        }
        if self.tenants.is_empty() {
            return Err("tenants must list the tenants that it may speak for, or \"*\".".to_owned());
        }
        if self.tenants.len() > 1 && self.tenants.iter().any(|tenant| tenant == ANY_TENANT) {
            return Err("tenants is either a list of tenants or \"*\" alone.".to_owned());
        }
        if let Some(tenant) = self
            .tenants
            .iter()
            .find(|tenant| *tenant != ANY_TENANT && !is_tenant(tenant))
        {
            return Err(format!(
                "{tenant:?} cannot be a tenant: use a-z, 0-9, dot, underscore and hyphen."
            ));
        }
        match (&self.jwks_url, &self.jwks_file) {
            (Some(url), None) => key_url(url).map(|_| ()),
            (None, Some(_)) => Ok(()),
            _ => Err("give exactly one of jwks_url and jwks_file.".to_owned()),
        }
    }

    /// The pinned algorithms.
    pub(super) fn signature_algorithms(&self) -> Result<Vec<Algorithm>, String> {
        if self.algorithms.is_empty() {
            return Err("algorithms must not be empty; ES256 or RS256 is the usual one.".to_owned());
        }
        self.algorithms.iter().map(|name| signature_algorithm(name)).collect()
    }

    /// Whether it makes tokens of this kind for us.
    pub(super) fn accepts_type(&self, kind: &str) -> bool {
        let short = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.strip_prefix("application/").map_or(name.clone(), str::to_owned)
        };
        self.token_types.iter().any(|accepted| short(accepted) == short(kind))
    }

    /// Whether this issuer may speak for the tenant.
    pub(super) fn speaks_for(&self, tenant: &str) -> bool {
        self.tenants
            .iter()
            .any(|allowed| allowed == tenant || allowed == ANY_TENANT)
    }
}

fn signature_algorithm(name: &str) -> Result<Algorithm, String> {
    Ok(match name {
        "RS256" => Algorithm::RS256,
        "RS384" => Algorithm::RS384,
        "RS512" => Algorithm::RS512,
        "PS256" => Algorithm::PS256,
        "PS384" => Algorithm::PS384,
        "PS512" => Algorithm::PS512,
        "ES256" => Algorithm::ES256,
        "ES384" => Algorithm::ES384,
        "EdDSA" => Algorithm::EdDSA,
        // A shared secret would let this service mint the tokens that it verifies, and `none` would let everybody.
        "HS256" | "HS384" | "HS512" | "none" => {
            return Err(format!(
                "the algorithm {name} is not accepted: use one with a public key, such as ES256 or RS256."
            ));
        }
        other => return Err(format!("{other:?} is not a signature algorithm known here.")),
    })
}

/// The address of the key set, if it is a safe one: whoever can alter the keys on their way can sign any token.
pub(super) fn key_url(url: &str) -> Result<Url, String> {
    let url = Url::parse(url).map_err(|problem| format!("jwks_url is not a URL: {problem}."))?;
    let loopback = url.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || address
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    });
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        _ => Err("jwks_url must begin with https:// (http:// is accepted on this machine only).".to_owned()),
    }
}
