//! A token taken apart: the header it comes in, its parts, and its claims.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::Value;

use super::{IssuerConfig, MAX_TOKEN_BYTES, Unauthenticated};
use crate::schema::read_object;

/// What a token says.
pub(super) type Claims = serde_json::Map<String, Value>;

/// A token taken apart. Nothing of it is believed before its signature is checked.
pub(super) struct Token<'a> {
    pub(super) algorithm: String,
    pub(super) key_id: String,
    /// What kind of token it says it is, in the header `typ`.
    kind: Option<Value>,
    pub(super) claims: Claims,
    /// What is signed: header and claims as they were sent.
    pub(super) signed: &'a str,
    pub(super) signature: &'a str,
}

impl<'a> Token<'a> {
    pub(super) fn read(token: &'a str) -> Result<Self, Unauthenticated> {
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
            kind: header.get("typ").cloned(),
            claims: part(claims)?,
            signed,
            signature,
        })
    }

    /// Refuses a token of another kind than its issuer makes for services such as this one (RFC 9068, RFC 8725).
    pub(super) fn check_kind(&self, issuer: &IssuerConfig) -> Result<(), Unauthenticated> {
        let refused = |what: String| Err(Unauthenticated::TypeRefused(what));
        let accepted = match &self.kind {
            // Most issuers say nothing, or nothing but that it is a JWT.
            None => issuer.accepts_type("JWT"),
            Some(Value::String(kind)) => issuer.accepts_type(kind),
            Some(_) => false,
        };
        if !accepted {
            return refused("header `typ`".to_owned());
        }
        // Where Keycloak says it, since all its tokens have the same header.
        match self.claims.get("typ") {
            None => {}
            Some(Value::String(kind)) if kind.eq_ignore_ascii_case("Bearer") || issuer.accepts_type(kind) => {}
            Some(_) => return refused("claim `typ`".to_owned()),
        }
        match issuer
            .refused_claims
            .iter()
            .find(|name| self.claims.contains_key(*name))
        {
            Some(name) => refused(format!("claim `{name}`")),
            None => Ok(()),
        }
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

/// The `authorization` header, of which there may be one: of two, a proxy on the way may have believed the other.
pub(super) fn authorization(headers: &HeaderMap) -> Result<Option<&str>, Unauthenticated> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Unauthenticated::Several);
    }
    first
        .map(|value| value.to_str().map_err(|_| Unauthenticated::Malformed))
        .transpose()
}

/// The token of an `authorization` header.
pub(super) fn bearer(header: Option<&str>) -> Result<&str, Unauthenticated> {
    let (scheme, token) = header
        .and_then(|header| header.trim().split_once(' '))
        .ok_or(Unauthenticated::Missing)?;
    let token = token.trim_start();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(Unauthenticated::Missing);
    }
    if token.len() > MAX_TOKEN_BYTES {
        return Err(Unauthenticated::TooLarge);
    }
    // So some proxies write two headers as one.
    if token.contains([',', ' ']) {
        return Err(Unauthenticated::Several);
    }
    Ok(token)
}

/// A claim by its name, or by its path when the name begins with `/`.
pub(super) fn claim<'a>(claims: &'a Claims, name: &str) -> Option<&'a Value> {
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

pub(super) fn text<'a>(claims: &'a Claims, name: &str) -> Result<&'a str, Unauthenticated> {
    match claim(claims, name) {
        None | Some(Value::Null) => Err(Unauthenticated::ClaimMissing(name.to_owned())),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Unauthenticated::ClaimMalformed(name.to_owned())),
    }
}

/// The texts of a claim that is one text or a list of them.
pub(super) fn words(claim: Option<&Value>) -> impl Iterator<Item = &str> {
    let list = match claim {
        Some(Value::Array(list)) => list.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    list.iter().filter_map(Value::as_str)
}

/// The last second of the year 9999: a time beyond it is a mistake, or a try at what large numbers do.
const LAST: f64 = 253_402_300_799.0;

/// A time in seconds since 1970, which RFC 7519 lets issuers write with decimals. One before 1970 is taken for 1970.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is held between 0 and a limit far below 2^53 before"
)]
pub(super) fn seconds(claims: &Claims, name: &str) -> Result<Option<u64>, Unauthenticated> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_f64()
            .filter(|seconds| seconds.abs() <= LAST)
            .map(|seconds| Some(seconds.max(0.0) as u64))
            .ok_or_else(|| Unauthenticated::ClaimMalformed(name.to_owned())),
    }
}
