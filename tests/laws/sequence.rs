//! One random sequence of valid, invalid and repeated commands, and what must hold of each answer as it comes.

use std::collections::{BTreeMap, HashMap, VecDeque};

use prost::Message;
use prost_reflect::{DynamicMessage, ReflectMessage, Value};
use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};
use vedtak::api::openapi::examples;
use vedtak::domain::Command;
use vedtak::schema::v1::*;
use vedtak::schema::{self, METHODS, Method, MethodKind};

use super::doors::{Door, Doors, Refused, has_a_path, method};
use super::random::Random;
use crate::support::{Server, token};

/// Who sends commands.
const SUBJECTS: [&str; 2] = ["kari", "ola"];

/// How many commands the first chapter has. They are sent as they are, so that there is something to speak of.
const BEGINNING: usize = 5;

/// A command that was sent.
#[derive(Clone)]
struct Call {
    method: &'static Method,
    request: DynamicMessage,
    context: CommandContext,
    stream: String,
    /// Whose token was shown.
    subject: usize,
    door: Door,
}

/// A sequence in a tenant of its own.
pub struct Sequence {
    pub random: Random,
    /// A door to each server, for reading.
    pub readers: [Doors; 2],
    /// The position of the last record that a receipt named.
    pub head: i64,
    pub retried: usize,
    /// How often each reason was given.
    pub refusals: BTreeMap<String, usize>,
    writers: Vec<Doors>,
    versions: HashMap<String, i64>,
    answered: Vec<(Call, Receipt)>,
    chapters: VecDeque<(&'static Method, DynamicMessage)>,
    /// The id of a request that was refused, to be used again: nothing is known of it.
    refused_id: Option<String>,
}

impl Sequence {
    /// Starts one: commands go to the first server, questions to both.
    pub async fn begin(seed: u64, tenant: &str, servers: [&Server; 2]) -> Self {
        let mut random = Random::of(seed);
        let mut writers = Vec::new();
        for subject in SUBJECTS {
            writers.push(Doors::of(servers[0], &token(tenant, subject, &["administrator"])).await);
        }
        let reader = Doors::of(servers[1], &token(tenant, "revisor", &["reader"])).await;
        Self {
            readers: [writers[0].clone(), reader],
            head: 0,
            retried: 0,
            refusals: BTreeMap::new(),
            writers,
            versions: HashMap::new(),
            answered: Vec::new(),
            chapters: chapters(&mut random),
            refused_id: None,
            random,
        }
    }

    /// How many commands were accepted.
    pub fn accepted(&self) -> usize {
        self.answered.len()
    }

    /// Sends one command, and perhaps one of those before once more.
    pub async fn step(&mut self) {
        let call = self.next();
        let outcome = self.send(&call, call.door).await;
        self.check(&call, &outcome);
        self.head_is_as_told().await;
        match &outcome {
            Ok(receipt) => self.answered.push((call.clone(), receipt.clone())),
            Err(refused) => {
                *self.refusals.entry(refused.reason.clone()).or_default() += 1;
                if self.random.chance(50) {
                    self.refused_id = Some(call.context.request_id.clone());
                }
                if self.random.chance(10) && has_a_path(call.method, &call.bytes()) {
                    let again = self
                        .send(&call, call.door.other())
                        .await
                        .expect_err("what was refused is refused again");
                    assert_eq!(
                        *refused, again,
                        "both doors refuse {} in the same words",
                        call.method.name
                    );
                }
            }
        }
        if self.random.chance(30) {
            self.repeat().await;
            self.head_is_as_told().await;
        }
    }

    async fn send(&self, call: &Call, door: Door) -> Result<Receipt, Refused> {
        let answer = self.writers[call.subject]
            .send(door, call.method, &call.bytes())
            .await?;
        Ok(Receipt::decode(answer).expect("a command is answered with a receipt"))
    }

    /// Sends an accepted command once more: as it was, changed, or in another's name.
    async fn repeat(&mut self) {
        let Some((mut call, first)) = self.answered.choose(&mut self.random.rng).cloned() else {
            return;
        };
        self.retried += 1;
        let door = if self.random.chance(50) && has_a_path(call.method, &call.bytes()) {
            Door::Json
        } else {
            Door::Grpc
        };
        match self.random.rng.random_range(0..4) {
            0 => {
                call.context.reason.push('!');
                call.request = with_context(call.request, &call.context);
            }
            1 => call.subject = 1 - call.subject,
            _ => {
                let again = self.send(&call, door).await.expect("a retry is answered");
                assert_eq!(first, again, "a retry is answered with the very same receipt");
                return;
            }
        }
        let refused = self
            .send(&call, door)
            .await
            .expect_err("a request id names one request");
        assert_eq!(
            (refused.code.as_str(), refused.reason.as_str()),
            ("ALREADY_EXISTS", "REQUEST_ID_REUSED"),
            "{refused:?}"
        );
    }

    fn check(&mut self, call: &Call, outcome: &Result<Receipt, Refused>) {
        let name = call.method.name;
        let version = self.versions.get(&call.stream).copied().unwrap_or(0);
        let stale = call
            .context
            .expected_version
            .is_some_and(|expected| expected != version);
        match outcome {
            Ok(receipt) => {
                assert!(
                    !stale,
                    "{name} was accepted at version {version}, and expected {:?}",
                    call.context.expected_version
                );
                assert_eq!(
                    (&receipt.request_id, &receipt.stream),
                    (&call.context.request_id, &call.stream),
                    "{name}"
                );
                assert_eq!(receipt.unchanged, receipt.events.is_empty());
                for (event, step) in receipt.events.iter().zip(1..) {
                    assert_eq!(
                        (event.position, event.version),
                        (self.head + step, version + step),
                        "{name}"
                    );
                }
                let count = receipt.events.len() as i64;
                assert_eq!(
                    (receipt.position, receipt.version),
                    (self.head + count, version + count),
                    "{name}"
                );
                self.head = receipt.position;
                self.versions.insert(call.stream.clone(), receipt.version);
            }
            Err(refused) => {
                assert!(refused.is_meant(), "{name}: {refused:?}");
                assert_eq!(
                    refused.reason == "VERSION_CONFLICT",
                    refused.code == "ABORTED",
                    "{refused:?}"
                );
                if refused.code == "ABORTED" {
                    assert!(stale, "{name}: {refused:?}");
                    assert_eq!(refused.metadata["current_version"], version.to_string());
                }
            }
        }
    }

    async fn head_is_as_told(&self) {
        let head: Head = self.writers[0].call(Door::Grpc, "GetHead", &GetHead {}).await.unwrap();
        assert_eq!(
            head.position, self.head,
            "the ledger grows by what receipts say, and by nothing else"
        );
    }

    fn next(&mut self) -> Call {
        let begun = self.answered.len() >= BEGINNING;
        let (method, request, context) = match self.random.chance(8) && begun {
            true => self.batch(),
            false => self.command(begun),
        };
        let stream = stream_of(&request);
        let subject = usize::from(self.random.chance(10));
        let mut call = Call {
            method,
            request: with_context(request, &context),
            context,
            stream,
            subject,
            door: Door::Grpc,
        };
        if self.random.chance(20) && begun {
            let version = self.versions.get(&call.stream).copied().unwrap_or(0);
            call.context.expected_version = Some(if self.random.chance(70) {
                version
            } else {
                self.random.rng.random_range(0..=version + 1)
            });
            call.request = with_context(call.request, &call.context);
        }
        if self.random.chance(50) && has_a_path(method, &call.bytes()) {
            call.door = Door::Json;
        }
        call
    }

    /// The next one that is written by hand, or any one at all.
    fn command(&mut self, begun: bool) -> (&'static Method, DynamicMessage, CommandContext) {
        if (self.random.chance(60) || !begun)
            && let Some((method, mut request)) = self.chapters.pop_front()
        {
            let written = date_of(&request);
            request.clear_field_by_name("context");
            let mut context = if begun {
                self.context(90)
            } else {
                CommandContext {
                    request_id: self.random.uuid(),
                    ..Default::default()
                }
            };
            if written.is_some() {
                context.effective_date = written;
            }
            return (method, request, context);
        }
        let commands: Vec<&'static Method> = METHODS
            .iter()
            .filter(|method| method.kind == MethodKind::Command)
            .collect();
        let method = self.random.one(&commands);
        let descriptor = schema::pool().get_message_by_name(method.input).unwrap();
        let request = self.random.message(&descriptor);
        let context = self.context(70);
        (method, request, context)
    }

    /// Some commands at once. They are on one stream only when that comes about.
    fn batch(&mut self) -> (&'static Method, DynamicMessage, CommandContext) {
        let mut batch = RecordBatch::default();
        for _ in 0..self.random.rng.random_range(1..5) {
            let (method, request, _) = self.command(true);
            let type_url = format!("type.googleapis.com/{}", method.input);
            batch.commands.push(prost_types::Any {
                type_url,
                value: request.encode_to_vec(),
            });
        }
        let request = dynamic("vedtak.v1.RecordBatch", &batch.encode_to_vec());
        let context = self.context(90);
        (method("RecordBatch"), request, context)
    }

    /// Circumstances, complete so often.
    fn context(&mut self, complete: u32) -> CommandContext {
        let mut context = CommandContext {
            request_id: self.random.uuid(),
            ..CommandContext::default()
        };
        if let Some(refused) = self.refused_id.take() {
            context.request_id = refused;
        }
        if self.random.chance(complete) {
            "KST sak 12/2017 – «vedtak»".clone_into(&mut context.authority);
            "Fordi \u{1f600} det\n\"måtte\" til".clone_into(&mut context.reason);
        }
        if self.random.chance(15) {
            context.effective_date = Some(
                self.random
                    .one(&["2017-02-01", "2018-06-30", "2019-12-31", "2026-06-01"])
                    .to_owned(),
            );
        } else if self.random.chance(3) {
            context.effective_date = Some(self.random.one(&["2999-01-01", "2017-13-01", ""]).to_owned());
        }
        if self.random.chance(5) {
            "per".clone_into(&mut context.on_behalf_of);
        }
        context
    }
}

impl Call {
    fn bytes(&self) -> Vec<u8> {
        self.request.encode_to_vec()
    }
}

fn dynamic(message: &str, bytes: &[u8]) -> DynamicMessage {
    DynamicMessage::decode(schema::pool().get_message_by_name(message).unwrap(), bytes).unwrap()
}

fn with_context(mut request: DynamicMessage, context: &CommandContext) -> DynamicMessage {
    request.set_field_by_name(
        "context",
        Value::Message(dynamic("vedtak.v1.CommandContext", &context.encode_to_vec())),
    );
    request
}

/// The effective date that a command names in its context.
fn date_of(request: &DynamicMessage) -> Option<String> {
    let command = Command::decode(request.descriptor().full_name(), &request.encode_to_vec());
    command.unwrap().unwrap().context()?.effective_date.clone()
}

/// The stream that a command, or the first one of a batch, goes to.
fn stream_of(request: &DynamicMessage) -> String {
    let descriptor = request.descriptor();
    let (name, bytes) = match descriptor.full_name() {
        "vedtak.v1.RecordBatch" => {
            let first = RecordBatch::decode(request.encode_to_vec().as_slice())
                .unwrap()
                .commands
                .remove(0);
            (
                first.type_url.trim_start_matches("type.googleapis.com/").to_owned(),
                first.value,
            )
        }
        name => (name.to_owned(), request.encode_to_vec()),
    };
    Command::decode(&name, &bytes).unwrap().unwrap().stream().to_string()
}

/// The commands among the examples of the API: the first chapter, then the others in any order.
fn chapters(random: &mut Random) -> VecDeque<(&'static Method, DynamicMessage)> {
    let mut chapters: Vec<(&str, Vec<_>)> = Vec::new();
    for example in examples() {
        if chapters.last().is_none_or(|(chapter, _)| *chapter != example.chapter) {
            chapters.push((example.chapter, Vec::new()));
        }
        let method = example.method;
        if method.kind == MethodKind::Command {
            let bytes = schema::from_json(method.input, example.request).unwrap();
            chapters
                .last_mut()
                .unwrap()
                .1
                .push((method, dynamic(method.input, &bytes)));
        }
    }
    chapters[1..].shuffle(&mut random.rng);
    chapters.into_iter().flat_map(|(_, commands)| commands).collect()
}
