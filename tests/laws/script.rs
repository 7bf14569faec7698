//! What a random sequence sends: the chapters that are written by hand, in any order, and any command at all between their lines.

use std::collections::VecDeque;
use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DynamicMessage, ReflectMessage, Value};
use rand::Rng;
use rand::seq::SliceRandom;
use vedtak::api::openapi::{Example, examples};
use vedtak::domain::Command;
use vedtak::schema::v1::*;
use vedtak::schema::{self, METHODS, Method, MethodKind};

use super::doors::method;
use super::random::Random;

/// How many commands the first chapter has. They are sent as they are, so that there is something to speak of.
pub const BEGINNING: usize = 5;

/// Who sends commands.
pub const SUBJECTS: [&str; 3] = ["kari", "ola", "arkiv"];

/// Who of them sends what is written by hand: `kari`, who holds most rights; `arkiv`, an administrator, what gives her a right, since
/// nobody gives one to themselves; `ola`, the leader, the reports of the leader.
pub fn sender(request: &DynamicMessage) -> usize {
    match request.descriptor().name() {
        "AssignRole" | "AppointMember" => {
            let bytes = request.encode_to_vec();
            let names = |subject: &[u8]| bytes.windows(subject.len()).any(|part| part == subject);
            if names(SUBJECTS[0].as_bytes()) { 2 } else { 0 }
        }
        "SubmitStatusReport" => 1,
        _ => 0,
    }
}

/// What a sequence is like, beside its seed.
#[derive(Clone, Copy, Default)]
pub struct Manner {
    /// Of the lines after the first chapter, so many in a hundred are left out: what comes later lacks what it needs.
    pub left_out: u32,
    /// Commands that come up more often than others.
    pub favoured: &'static [&'static str],
    /// Chapters beside those of every sequence.
    pub further: &'static [Vec<Line>],
}

/// Commands out of one seed.
pub struct Script {
    pub random: Random,
    /// The id of a request that was refused, to be used again: nothing is known of it.
    pub refused_id: Option<String>,
    chapters: VecDeque<Line>,
    favoured: &'static [&'static str],
}

/// A command as a chapter has it.
pub type Line = (&'static Method, DynamicMessage);

impl Script {
    /// Everything follows from the seed.
    pub fn of(seed: u64, manner: Manner) -> Self {
        let mut random = Random::of(seed);
        let mut chapters = chapters(manner.further, &mut random);
        if manner.left_out > 0 {
            let mut number = 0;
            chapters.retain(|_| {
                number += 1;
                number <= BEGINNING || !random.chance(manner.left_out)
            });
        }
        Self {
            random,
            refused_id: None,
            chapters,
            favoured: manner.favoured,
        }
    }

    /// The next one that is written by hand, or any one at all.
    pub fn command(&mut self, begun: bool) -> (&'static Method, DynamicMessage, CommandContext) {
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
        static COMMANDS: LazyLock<Vec<&'static Method>> = LazyLock::new(|| {
            let commands = METHODS.iter().filter(|method| method.kind == MethodKind::Command);
            commands.collect()
        });
        let method = match self.favoured {
            [] => self.random.one(&COMMANDS),
            favoured if self.random.chance(75) => method(self.random.one(favoured)),
            _ => self.random.one(&COMMANDS),
        };
        let descriptor = schema::pool().get_message_by_name(method.input).unwrap();
        let request = self.random.message(&descriptor);
        let context = self.context(70);
        (method, request, context)
    }

    /// Some commands at once. They are on one stream only when that comes about.
    pub fn batch(&mut self) -> (&'static Method, DynamicMessage, CommandContext) {
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

fn dynamic(message: &str, bytes: &[u8]) -> DynamicMessage {
    DynamicMessage::decode(schema::pool().get_message_by_name(message).unwrap(), bytes).unwrap()
}

pub fn with_context(mut request: DynamicMessage, context: &CommandContext) -> DynamicMessage {
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
pub fn stream_of(request: &DynamicMessage) -> String {
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
fn chapters(further: &'static [Vec<Line>], random: &mut Random) -> VecDeque<Line> {
    static CHAPTERS: LazyLock<Vec<Vec<Line>>> = LazyLock::new(|| lines(examples().unwrap()));
    let mut order: Vec<&Vec<Line>> = CHAPTERS.iter().chain(further).collect();
    assert_eq!(order[0].len(), BEGINNING, "the first chapter is as long as is said");
    order[1..].shuffle(&mut random.rng);
    order.into_iter().flatten().cloned().collect()
}

/// The commands among these examples, chapter by chapter.
pub fn lines(examples: Vec<Example>) -> Vec<Vec<Line>> {
    let commands = examples
        .into_iter()
        .filter(|example| example.method.kind == MethodKind::Command);
    let all: Vec<(&str, Line)> = commands
        .map(|example| {
            let bytes = schema::from_json(example.method.input, example.request).unwrap();
            (example.chapter, (example.method, dynamic(example.method.input, &bytes)))
        })
        .collect();
    let chapters = all.chunk_by(|(before, _), (chapter, _)| before == chapter);
    chapters
        .map(|chapter| chapter.iter().map(|(_, line)| line.clone()).collect())
        .collect()
}
