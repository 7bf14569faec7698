//! One random sequence of valid, invalid and repeated commands, and what must hold of each answer as it comes.

use std::collections::{BTreeMap, HashMap};

use prost::Message;
use prost_reflect::DynamicMessage;
use rand::Rng;
use rand::seq::IndexedRandom;
use vedtak::schema::Method;
use vedtak::schema::v1::*;

use super::doors::{Door, Doors, Refused, has_a_path};
use super::script::{BEGINNING, Manner, SUBJECTS, Script, sender, stream_of, with_context};
use crate::support::{Server, token};

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
    pub script: Script,
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
}

impl Sequence {
    /// Starts one: commands go to the first server, questions to both.
    pub async fn begin(seed: u64, tenant: &str, servers: [&Server; 2]) -> Self {
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
            script: Script::of(seed, Manner::default()),
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
                if self.script.random.chance(50) {
                    self.script.refused_id = Some(call.context.request_id.clone());
                }
                if self.script.random.chance(10) && has_a_path(call.method, &call.bytes()) {
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
        if self.script.random.chance(30) {
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
        let Some((mut call, first)) = self.answered.choose(&mut self.script.random.rng).cloned() else {
            return;
        };
        self.retried += 1;
        let door = if self.script.random.chance(50) && has_a_path(call.method, &call.bytes()) {
            Door::Json
        } else {
            Door::Grpc
        };
        match self.script.random.rng.random_range(0..4) {
            0 => {
                call.context.reason.push('!');
                call.request = with_context(call.request, &call.context);
            }
            1 => call.subject = usize::from(call.subject == 0),
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
        let (method, request, context) = match self.script.random.chance(8) && begun {
            true => self.script.batch(),
            false => self.script.command(begun),
        };
        let stream = stream_of(&request);
        let subject = match self.script.random.chance(10) {
            true => 1,
            false => sender(&request),
        };
        let mut call = Call {
            method,
            request: with_context(request, &context),
            context,
            stream,
            subject,
            door: Door::Grpc,
        };
        if self.script.random.chance(20) && begun {
            let version = self.versions.get(&call.stream).copied().unwrap_or(0);
            call.context.expected_version = Some(if self.script.random.chance(70) {
                version
            } else {
                self.script.random.rng.random_range(0..=version + 1)
            });
            call.request = with_context(call.request, &call.context);
        }
        if self.script.random.chance(50) && has_a_path(method, &call.bytes()) {
            call.door = Door::Json;
        }
        call
    }
}

impl Call {
    fn bytes(&self) -> Vec<u8> {
        self.request.encode_to_vec()
    }
}
