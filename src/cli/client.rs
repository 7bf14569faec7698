//! The client of the API that import, export and replay share: any RPC of the schema over gRPC, with retries that are safe.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use clap::Args;
use http::uri::PathAndQuery;
use prost::Message;
use serde_json::Value;
use tonic::client::Grpc;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status, Streaming};
use tonic_types::StatusExt;

use super::Problem;
use crate::api::Verbatim;
use crate::schema::v1::{GetHead, Head, Record, StreamRecords};

/// How often a call is tried before the service is taken to be away for longer.
const ATTEMPTS: u32 = 8;
/// The wait after the first attempt; doubled after each.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

const GET_HEAD: &str = "/vedtak.v1.LedgerService/GetHead";
const STREAM_RECORDS: &str = "/vedtak.v1.LedgerService/StreamRecords";

/// Where the service is, and who calls it.
#[derive(Debug, Args)]
pub(super) struct Access {
    /// The address of the service
    #[arg(long, value_name = "URL", env = "VEDTAK_URL", default_value = DEFAULT_URL)]
    pub(super) url: String,
    /// The token to call it with; better in the environment, since other users of the machine see arguments
    #[arg(long, env = "VEDTAK_TOKEN", hide_env_values = true)]
    pub(super) token: String,
}

/// Where `vedtak dev` and `vedtak serve` listen when they are not told otherwise.
pub(super) const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// The subject of a token, unverified: empty when it cannot be read. It decides nothing; that is for the service.
pub(super) fn subject_of(token: &str) -> String {
    let claims = token
        .split('.')
        .nth(1)
        .and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Option<Value> = claims.and_then(|claims| serde_json::from_slice(&claims).ok());
    claims
        .and_then(|claims| claims["sub"].as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// A connection to the API of one service, for one caller.
#[derive(Clone, Debug)]
pub(super) struct Client {
    channel: Channel,
    authorization: MetadataValue<Ascii>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When the URL or the token cannot be one, or nothing answers there.
    pub(super) async fn connect(url: &str, token: &str) -> Result<Self, Problem> {
        let mut authorization: MetadataValue<Ascii> = format!("Bearer {}", token.trim())
            .parse()
            .map_err(|_| Problem::new("The token holds characters that no token holds: give it as it was issued."))?;
        authorization.set_sensitive(true);
        let not_a_url = |_| Problem::new(format!("{url} is not the URL of a service, such as {DEFAULT_URL}."));
        let mut endpoint = Endpoint::from_shared(url.to_owned())
            .map_err(not_a_url)?
            .connect_timeout(Duration::from_secs(10));
        if url.starts_with("https://") {
            endpoint = endpoint
                .tls_config(ClientTlsConfig::new().with_native_roots())
                .map_err(not_a_url)?;
        }
        let channel = endpoint.connect().await.map_err(|error| {
            Problem::new(format!(
                "No service answers at {url} ({}): start it, or give its --url.",
                root(&error)
            ))
        })?;
        Ok(Self { channel, authorization })
    }

    /// Calls an RPC that answers once. A service that is busy or away is asked again, which is safe: every command carries the id of
    /// its request.
    ///
    /// # Errors
    /// The refusal of the service, or its last answer when it stays away.
    pub(super) async fn call(&self, path: &'static str, request: Bytes) -> Result<Bytes, Status> {
        let mut attempt = 1;
        loop {
            let status = match self.call_once(path, request.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(status) => status,
            };
            match wait(&status, attempt) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(status),
            }
            attempt += 1;
        }
    }

    async fn call_once(&self, path: &'static str, request: Bytes) -> Result<Bytes, Status> {
        let mut grpc = self.ready().await?;
        Ok(grpc
            .unary(self.request(request), PathAndQuery::from_static(path), Verbatim)
            .await?
            .into_inner())
    }

    /// How far the ledger of the caller's tenant has come.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub(super) async fn head(&self) -> Result<Head, Status> {
        let answer = self.call(GET_HEAD, GetHead {}.encode_to_vec().into()).await?;
        Head::decode(answer).map_err(unreadable)
    }

    /// The records after a position, in order, to the end of the ledger. A stream that breaks off is taken up again.
    pub(super) fn records(&self, after: i64) -> Records {
        Records {
            client: self.clone(),
            after,
            stream: None,
            attempt: 0,
        }
    }

    async fn ready(&self) -> Result<Grpc<Channel>, Status> {
        let mut grpc = Grpc::new(self.channel.clone()).max_decoding_message_size(usize::MAX);
        grpc.ready().await.map_err(|error| Status::unavailable(root(&error)))?;
        Ok(grpc)
    }

    fn request(&self, message: Bytes) -> Request<Bytes> {
        let mut request = Request::new(message);
        request
            .metadata_mut()
            .insert("authorization", self.authorization.clone());
        request
    }
}

/// The records of a tenant, as they come.
#[derive(Debug)]
pub(super) struct Records {
    client: Client,
    after: i64,
    stream: Option<Streaming<Bytes>>,
    attempt: u32,
}

impl Records {
    /// The next record; none at the end of the ledger.
    ///
    /// # Errors
    /// The refusal of the service, or its last answer when it stays away.
    pub(super) async fn next(&mut self) -> Result<Option<Record>, Status> {
        loop {
            match self.advance().await {
                Ok(record) => {
                    self.attempt = 0;
                    return Ok(record);
                }
                Err(status) => {
                    self.stream = None;
                    self.attempt += 1;
                    tokio::time::sleep(wait(&status, self.attempt).ok_or(status)?).await;
                }
            }
        }
    }

    async fn advance(&mut self) -> Result<Option<Record>, Status> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let request = StreamRecords {
                    after_position: self.after,
                    ..StreamRecords::default()
                };
                let request = self.client.request(request.encode_to_vec().into());
                let mut grpc = self.client.ready().await?;
                let path = PathAndQuery::from_static(STREAM_RECORDS);
                self.stream
                    .insert(grpc.server_streaming(request, path, Verbatim).await?.into_inner())
            }
        };
        let Some(message) = stream.message().await? else {
            return Ok(None);
        };
        let record = Record::decode(message).map_err(unreadable)?;
        self.after = record.position;
        Ok(Some(record))
    }
}

impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        if status.message().is_empty() {
            Self(format!("The service answered {}.", status.code()))
        } else {
            Self::new(status.message())
        }
    }
}

/// How long to wait before the next attempt; none when another one would be of no use.
fn wait(status: &Status, attempt: u32) -> Option<Duration> {
    let passing = matches!(
        status.code(),
        Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded | Code::Cancelled
    );
    if !passing || attempt >= ATTEMPTS {
        return None;
    }
    let asked = status.get_details_retry_info().and_then(|info| info.retry_delay);
    let own = FIRST_WAIT.saturating_mul(1 << attempt.min(16)).min(LONGEST_WAIT);
    Some(asked.map_or(own, |asked| asked.max(own)))
}

fn unreadable(error: prost::DecodeError) -> Status {
    Status::internal(format!(
        "The answer of the service cannot be read ({error}): is it another version?"
    ))
}

/// The innermost cause, which is the one that says something.
fn root(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
