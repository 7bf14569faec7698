//! Why a call is not let in, in sentences for people and names for machines.

use super::MAX_TOKEN_BYTES;

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
    /// There is more than one.
    #[error("More than one token was sent: send the header `authorization` once, with one bearer token.")]
    Several,
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
    /// The issuer's keys are being fetched, and enough callers wait for them.
    #[error("The keys of the token's issuer are being fetched and too many callers wait for them: try again shortly.")]
    KeysAwaited,
    /// Its signature does not fit.
    #[error("The signature of the token is not valid.")]
    SignatureInvalid,
    /// Its time has passed.
    #[error("The token has expired: fetch a new one.")]
    Expired,
    /// Its time has not come.
    #[error("The token is not valid yet: check the clocks of its issuer and of this service.")]
    NotYetValid,
    /// It would be valid for longer than is accepted from its issuer.
    #[error(
        "The token is valid for longer than the {0} seconds that are accepted from its issuer: ask for one with a shorter lifetime."
    )]
    LifetimeTooLong(u64),
    /// It is a token of another kind: one that tells who has signed in, or that ends a session.
    #[error(
        "The token is not an access token (its {0} says so): send the access token, not an ID token, a refresh token or a logout token."
    )]
    TypeRefused(String),
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
            Self::Several => "TOKEN_AMBIGUOUS",
            Self::TooLarge => "TOKEN_TOO_LARGE",
            Self::Malformed => "TOKEN_MALFORMED",
            Self::IssuerUnknown => "TOKEN_ISSUER_UNKNOWN",
            Self::AlgorithmRefused => "TOKEN_ALGORITHM_REFUSED",
            Self::KeyUnknown => "TOKEN_KEY_UNKNOWN",
            Self::KeysUnavailable => "TOKEN_KEYS_UNAVAILABLE",
            Self::KeysAwaited => "TOKEN_KEYS_AWAITED",
            Self::SignatureInvalid => "TOKEN_SIGNATURE_INVALID",
            Self::Expired => "TOKEN_EXPIRED",
            Self::NotYetValid => "TOKEN_NOT_YET_VALID",
            Self::LifetimeTooLong(_) => "TOKEN_LIFETIME_TOO_LONG",
            Self::TypeRefused(_) => "TOKEN_TYPE_REFUSED",
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
            Self::KeysUnavailable | Self::KeysAwaited => UnauthenticatedKind::Unavailable,
            _ => UnauthenticatedKind::Unauthenticated,
        }
    }
}
