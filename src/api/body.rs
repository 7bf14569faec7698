//! The body of a request, within the limits of size and time.

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tonic::Code;

use super::failure::Failure;
use super::server::Limits;

/// Reads it to its end. A caller that dribbles its bytes would otherwise hold a place among the requests for as long as it likes.
pub(super) async fn read(body: Body, limits: Limits) -> Result<Bytes, Failure> {
    let whole = Limited::new(body, limits.max_request_bytes).collect();
    match tokio::time::timeout(limits.request_timeout, whole).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let sentence = format!("The body is larger than {} bytes.", limits.max_request_bytes);
            Err(Failure::new(Code::InvalidArgument, "REQUEST_TOO_LARGE", sentence))
        }
        Ok(Err(_)) => Err(Failure::new(
            Code::InvalidArgument,
            "MALFORMED_REQUEST",
            "The body broke off before its end.",
        )),
        Err(_) => {
            let seconds = limits.request_timeout.as_secs_f64();
            let sentence = format!("The body did not come within {seconds} seconds. Nothing of it was recorded.");
            Err(Failure::new(Code::InvalidArgument, "REQUEST_TOO_SLOW", sentence))
        }
    }
}
