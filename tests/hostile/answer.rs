//! What an answer to a hostile request must be: a refusal that says what is wrong, and shows nothing of the inside.

use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// What a caller never needs to see: SQL, the names of our parts, and files of the machine.
const INSIDE: [&str; 14] = [
    "SELECT ",
    "INSERT ",
    "vedtak.records",
    "vedtak.heads",
    "sqlx",
    "postgres",
    "relation ",
    "panicked",
    ".rs:",
    "src/",
    "/home/",
    "/root/",
    "/usr/",
    "BEGIN PRIVATE",
];

/// The longest answer that a refusal may be, so that nobody is flooded through us.
const LONGEST: usize = 16 * 1024;

/// Nothing of the inside is in this text, nor the token or its signature.
pub fn shows_nothing(text: &str, token: &str) -> Result<(), String> {
    if let Some(found) = INSIDE.iter().find(|inside| text.contains(**inside)) {
        return Err(format!("the answer shows {found:?}: {text}"));
    }
    let signature = token.rsplit('.').next().unwrap_or_default();
    if signature.len() > 20 && text.contains(signature) {
        return Err(format!("the answer shows the token: {text}"));
    }
    if text.len() > LONGEST {
        return Err(format!("the answer is {} bytes long", text.len()));
    }
    Ok(())
}

/// Problem details with a status of 400 to 499, a reason, and a sentence; and the field, where one is at fault.
pub fn problem(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    field: Option<&str>,
    token: &str,
) -> Result<(), String> {
    let text = String::from_utf8_lossy(body);
    if !status.is_client_error() {
        return Err(format!("answered {status}: {text}"));
    }
    let content_type = headers
        .get("content-type")
        .map(|value| value.to_str().unwrap().to_owned());
    if content_type.as_deref() != Some("application/problem+json") {
        return Err(format!("answered {status} as {content_type:?}: {text}"));
    }
    let problem: Value = serde_json::from_slice(body).map_err(|error| format!("no JSON ({error}): {text}"))?;
    let reason = problem["reason"].as_str().unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or_default();
    let named = !reason.is_empty() && reason.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    if !named || !detail.ends_with('.') || problem["status"] != status.as_u16() {
        return Err(format!("{status} says neither reason nor sentence: {text}"));
    }
    if let Some(field) = field {
        let violations = problem["violations"].as_array().cloned().unwrap_or_default();
        if !violations
            .iter()
            .any(|violation| violation["field"].as_str().is_some_and(|path| path.contains(field)))
        {
            return Err(format!("{status} does not name the field {field}: {text}"));
        }
    }
    shows_nothing(&text, token)
}

/// A status that blames the request. `ours` says whether our code must have answered, with details.
pub fn refusal(status: &Status, ours: bool, field: Option<&str>, token: &str) -> Result<(), String> {
    let blames_us = [
        Code::Ok,
        Code::Internal,
        Code::Unknown,
        Code::DataLoss,
        Code::Unavailable,
        Code::Cancelled,
    ];
    if blames_us.contains(&status.code()) {
        return Err(format!("answered {:?}: {}", status.code(), status.message()));
    }
    let details = status.get_error_details();
    let info = details
        .error_info()
        .map(|info| info.reason.as_str())
        .unwrap_or_default();
    if ours && (info.is_empty() || !status.message().ends_with('.')) {
        return Err(format!(
            "{:?} says neither reason nor sentence: {}",
            status.code(),
            status.message()
        ));
    }
    if let Some(field) = field {
        let violations = details
            .bad_request()
            .map(|bad| bad.field_violations.clone())
            .unwrap_or_default();
        if !violations.iter().any(|violation| violation.field.contains(field)) {
            return Err(format!(
                "{:?} does not name the field {field}: {}",
                status.code(),
                status.message()
            ));
        }
    }
    shows_nothing(
        &format!("{} {}", status.message(), String::from_utf8_lossy(status.details())),
        token,
    )
}
