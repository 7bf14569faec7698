//! One call by one of the two doors, and what its answer means to a caller: recorded, come back, or no.

use std::net::SocketAddr;

use prost::Message;
use serde_json::{Value, json};
use tonic::Code;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Endpoint;
use tonic_types::StatusExt;
use uuid::Uuid;
use vedtak::schema::v1::project_service_client::ProjectServiceClient;
use vedtak::schema::v1::risk_service_client::RiskServiceClient;
use vedtak::schema::v1::*;

use crate::support::{Authorized, Bearer, administrator};

/// What somebody wants recorded. All that is sent for it follows from it, so that every retry is the very same request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Intention {
    /// A new project.
    Project { request_id: Uuid, project_id: Uuid },
    /// A new risk in a project; `stale` asks for a version that the project will never be at.
    Risk {
        request_id: Uuid,
        project_id: Uuid,
        risk_id: Uuid,
        stale: bool,
    },
}

/// The message that says it.
enum Command {
    Project(RegisterProject),
    Risk(RegisterRisk),
}

/// What came of a call.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It is recorded.
    Recorded(Receipt),
    /// The service says clearly that it cannot say: the same request, sent again, will find out.
    Later(String),
    /// The connection broke before there was an answer.
    Silence(String),
    /// The service says no: the reason.
    Refused(String),
}

/// Which door a call goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Grpc,
    Json,
}

/// Both doors of one process.
#[derive(Clone, Debug)]
pub struct Doors {
    pub address: SocketAddr,
    pub channel: Authorized,
    client: reqwest::Client,
    token: String,
}

impl Doors {
    /// The doors at an address. Nothing is connected before it is used.
    pub fn new(address: SocketAddr) -> Self {
        let token = administrator();
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        Self {
            address,
            channel: InterceptedService::new(endpoint.connect_lazy(), Bearer::new(&token)),
            client: reqwest::Client::new(),
            token,
        }
    }

    /// Sends an intention by one of the doors.
    pub async fn send(&self, door: Door, intention: &Intention) -> Answer {
        match door {
            Door::Grpc => self.send_grpc(intention).await,
            Door::Json => self.send_json(intention).await,
        }
    }

    async fn send_grpc(&self, intention: &Intention) -> Answer {
        let answer = match intention.command() {
            Command::Project(command) => {
                let mut client = ProjectServiceClient::new(self.channel.clone());
                client.register_project(command).await
            }
            Command::Risk(command) => {
                let mut client = RiskServiceClient::new(self.channel.clone());
                client.register_risk(command).await
            }
        };
        match answer {
            Ok(receipt) => Answer::Recorded(receipt.into_inner()),
            Err(status) => understand(&status),
        }
    }

    async fn send_json(&self, intention: &Intention) -> Answer {
        let (path, body) = intention.json();
        let answer = async {
            let answer = self.post(&path).json(&body).send().await?;
            Ok::<_, reqwest::Error>((answer.status().as_u16(), answer.json::<Value>().await?))
        };
        match answer.await {
            Ok((200, receipt)) => Answer::Recorded(receipt_from(receipt)),
            Ok((429 | 503 | 504, problem)) => Answer::Later(problem.to_string()),
            Ok((_, problem)) => Answer::Refused(problem["reason"].as_str().unwrap_or_default().to_owned()),
            Err(error) => Answer::Silence(format!("{error:?}")),
        }
    }

    /// A POST to the JSON door, for the caller to fill.
    pub fn post(&self, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.client.post(url).bearer_auth(&self.token)
    }

    /// A GET by the JSON door.
    pub fn get(&self, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.client.get(url).bearer_auth(&self.token)
    }
}

/// What a gRPC status means. The service's own statuses carry details in its domain; a broken connection has none.
pub fn understand(status: &tonic::Status) -> Answer {
    let details = status.get_error_details();
    let Some(info) = details.error_info() else {
        return Answer::Silence(format!("{status:?}"));
    };
    match status.code() {
        Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded => {
            Answer::Later(format!("{}: {}", info.reason, status.message()))
        }
        _ => Answer::Refused(info.reason.clone()),
    }
}

/// A receipt as the JSON door writes it.
pub fn receipt_from(json: Value) -> Receipt {
    let bytes = vedtak::schema::from_json("vedtak.v1.Receipt", json).unwrap();
    Receipt::decode(bytes.as_slice()).unwrap()
}

impl Intention {
    /// The id that every sending of it carries.
    pub const fn request_id(&self) -> Uuid {
        match self {
            Self::Project { request_id, .. } | Self::Risk { request_id, .. } => *request_id,
        }
    }

    fn command(&self) -> Command {
        let context = |expected_version| {
            Some(CommandContext {
                request_id: self.request_id().to_string(),
                expected_version,
                ..CommandContext::default()
            })
        };
        match self {
            Self::Project { project_id, .. } => Command::Project(RegisterProject {
                context: context(None),
                project_id: project_id.to_string(),
                name: "Digitalisering".to_owned(),
                kind: ProjectKind::MainProject.into(),
                ..RegisterProject::default()
            }),
            Self::Risk {
                project_id,
                risk_id,
                stale,
                ..
            } => Command::Risk(RegisterRisk {
                context: context(stale.then_some(i64::MAX)),
                project_id: project_id.to_string(),
                risk_id: risk_id.to_string(),
                description: "Too few resources to run the process".to_owned(),
                ..RegisterRisk::default()
            }),
        }
    }

    /// The path and body of the same command for the JSON door.
    pub fn json(&self) -> (String, Value) {
        let mut context = json!({"request_id": self.request_id()});
        match self.command() {
            Command::Project(command) => (
                format!("/v1/projects/{}/register", command.project_id),
                json!({"context": context, "name": command.name, "kind": "PROJECT_KIND_MAIN_PROJECT"}),
            ),
            Command::Risk(command) => {
                if let Some(version) = command.context.and_then(|context| context.expected_version) {
                    context["expected_version"] = version.to_string().into();
                }
                (
                    format!("/v1/projects/{}/risks/{}/register", command.project_id, command.risk_id),
                    json!({"context": context, "description": command.description}),
                )
            }
        }
    }
}
