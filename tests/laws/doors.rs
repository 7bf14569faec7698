//! Both doors, called alike with the bytes of any message, and what they answer in one form.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use prost::Message;
use serde_json::Value;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Status};
use tonic_types::StatusExt;
use vedtak::schema::{self, METHODS, Method};

use crate::support::{Authorized, Server, channel};

/// One of the two doors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Grpc,
    Json,
}

impl Door {
    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Grpc => Self::Json,
            Self::Json => Self::Grpc,
        }
    }
}

/// Why a call failed, as either door tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The name of the gRPC code, such as `ALREADY_EXISTS`.
    pub code: String,
    pub reason: String,
    pub sentence: String,
    /// The fields at fault.
    pub fields: Vec<String>,
    pub metadata: BTreeMap<String, String>,
    /// Whether the answer says when to try again.
    pub says_when: bool,
}

/// A caller with one token, at both doors of one server.
#[derive(Clone)]
pub struct Doors {
    channel: Authorized,
    http: reqwest::Client,
    base: String,
    token: String,
}

/// The RPC of this name.
pub fn method(name: &str) -> &'static Method {
    METHODS
        .iter()
        .find(|method| method.name == name)
        .unwrap_or_else(|| panic!("there is no RPC {name}"))
}

impl Doors {
    /// Goes to a server with a token.
    pub async fn of(server: &Server, token: &str) -> Self {
        Self::at(&server.url(""), token).await
    }

    /// Goes to an address with a token.
    pub async fn at(base: &str, token: &str) -> Self {
        // The server closes a connection that was silent for a quarter of a minute: one that was so nearly is not used again.
        let http = reqwest::Client::builder()
            .pool_idle_timeout(Duration::from_secs(5))
            .build()
            .unwrap();
        Self {
            channel: channel(base, token).await,
            http,
            base: base.to_owned(),
            token: token.to_owned(),
        }
    }

    /// Calls any RPC with any message.
    pub async fn call<A: Message + Default>(
        &self,
        door: Door,
        name: &str,
        request: &impl Message,
    ) -> Result<A, Refused> {
        let answer = self.send(door, method(name), &request.encode_to_vec()).await?;
        Ok(A::decode(answer).expect("an answer is a message of the schema"))
    }

    /// Calls any RPC with the bytes of its request, and answers the bytes of its answer.
    pub async fn send(&self, door: Door, method: &Method, request: &[u8]) -> Result<Bytes, Refused> {
        match door {
            Door::Grpc => self
                .grpc(method, request)
                .await
                .map_err(|status| refused_by_grpc(&status)),
            Door::Json => self.json(method, request).await,
        }
    }

    /// The client of the gRPC door, for streams.
    pub fn channel(&self) -> Authorized {
        self.channel.clone()
    }

    /// A GET at the JSON door.
    pub fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    /// A POST at the JSON door.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Refused> {
        answer(
            self.http
                .post(format!("{}{path}", self.base))
                .bearer_auth(&self.token)
                .json(body),
        )
        .await
    }

    async fn grpc(&self, method: &Method, request: &[u8]) -> Result<Bytes, Status> {
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        client.ready().await.expect("the channel is open");
        let path = http::uri::PathAndQuery::from_static(method.grpc_path);
        let request = tonic::Request::new(Bytes::copy_from_slice(request));
        Ok(client.unary(request, path, Verbatim).await?.into_inner())
    }

    async fn json(&self, method: &Method, request: &[u8]) -> Result<Bytes, Refused> {
        let fields = schema::to_value(method.input, request).expect("a message of the schema has a JSON form");
        let answer = self.send_json(method, fields).await?;
        Ok(schema::from_json(method.output, answer)
            .expect("an answer is a message of the schema")
            .into())
    }

    /// Calls any RPC with its request as JSON, which may say what the schema does not know.
    pub async fn send_json(&self, method: &Method, fields: Value) -> Result<Value, Refused> {
        answer(self.request(method, fields)).await
    }

    /// A request at the JSON door: some fields are its path, and the others its body or its query string.
    pub fn request(&self, method: &Method, mut fields: Value) -> reqwest::RequestBuilder {
        let fields = fields.as_object_mut().expect("a message is an object");
        let mut path = String::new();
        for part in method.path.split('/').skip(1) {
            path.push('/');
            match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                Some(name) => path.push_str(
                    fields
                        .remove(name)
                        .as_ref()
                        .and_then(Value::as_str)
                        .expect("a path has no gaps"),
                ),
                None => path.push_str(part),
            }
        }
        let request = if method.has_body {
            self.http.post(format!("{}{path}", self.base)).json(&fields)
        } else {
            let mut query = form_urlencoded::Serializer::new(String::new());
            fields.iter().for_each(|(name, value)| flatten(name, value, &mut query));
            self.http.get(format!("{}{path}?{}", self.base, query.finish()))
        };
        request.bearer_auth(&self.token)
    }
}

/// Whether a request can come through the JSON door: its path has no empty part.
pub fn has_a_path(method: &Method, request: &[u8]) -> bool {
    let fields = schema::to_value(method.input, request).expect("a message of the schema has a JSON form");
    let names = method
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{').and_then(|part| part.strip_suffix('}')));
    names
        .map(|name| fields[name].as_str().unwrap_or_default())
        .all(|value| !value.is_empty())
}

fn flatten(name: &str, value: &Value, query: &mut form_urlencoded::Serializer<'_, String>) {
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(inner, value)| flatten(&format!("{name}.{inner}"), value, query)),
        Value::Array(items) => items.iter().for_each(|item| flatten(name, item, query)),
        Value::String(text) => drop(query.append_pair(name, text)),
        other => drop(query.append_pair(name, &other.to_string())),
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Value, Refused> {
    let response = request.send().await.expect("the server answers");
    let status = response.status();
    let answer: Value = response.json().await.expect("the JSON door answers in JSON");
    if status.is_success() {
        Ok(answer)
    } else {
        Err(refused_by_json(&answer))
    }
}

fn refused_by_json(problem: &Value) -> Refused {
    let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
    let metadata = problem["metadata"].as_object().into_iter().flatten();
    let mut metadata: BTreeMap<_, _> = metadata
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    if let Some(rule) = problem["rule"].as_str() {
        metadata.insert("rule".to_owned(), rule.to_owned());
    }
    let fields = problem["violations"].as_array().into_iter().flatten();
    Refused {
        code: text("code"),
        reason: text("reason"),
        sentence: text("detail"),
        fields: fields
            .map(|violation| violation["field"].as_str().unwrap_or_default().to_owned())
            .collect(),
        metadata,
        says_when: problem["retry_after_seconds"].is_number(),
    }
}

/// A gRPC status, in the same form as a problem of the JSON door.
pub fn refused_by_grpc(status: &Status) -> Refused {
    let details = status.get_error_details();
    let info = details.error_info();
    let violations = details
        .bad_request()
        .map(|bad| bad.field_violations.clone())
        .unwrap_or_default();
    Refused {
        code: code_name(status.code()),
        reason: info.map(|info| info.reason.clone()).unwrap_or_default(),
        sentence: status.message().to_owned(),
        fields: violations.into_iter().map(|violation| violation.field).collect(),
        metadata: info
            .map(|info| info.metadata.clone().into_iter().collect())
            .unwrap_or_default(),
        says_when: details.retry_info().is_some(),
    }
}

/// The name of a gRPC code as its specification writes it.
fn code_name(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

impl Refused {
    /// Whether this is a code that the service means: everything but those that say it does not know itself.
    pub fn is_meant(&self) -> bool {
        let unmeant = [
            Code::Internal,
            Code::Unknown,
            Code::DataLoss,
            Code::Cancelled,
            Code::Unavailable,
        ];
        !self.reason.is_empty() && !unmeant.iter().any(|code| self.code == code_name(*code))
    }
}

/// Passes messages on as they are.
#[derive(Clone, Copy, Debug, Default)]
struct Verbatim;

impl Codec for Verbatim {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Verbatim {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Verbatim {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
