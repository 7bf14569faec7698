//! Generates the dispatch of commands, events and queries: a command without a decision, an event without a fold, or a query
//! without an answer does not compile.

use std::fmt::Write;

use crate::schema::{Schema, id_field};

/// The enums `State`, `Command` and `Event`, included by the domain.
pub fn commands_and_events(schema: &Schema) -> String {
    let mut code = String::new();
    states(schema, &mut code)
        .and_then(|()| commands(schema, &mut code))
        .and_then(|()| events(schema, &mut code))
        .expect(INFALLIBLE);
    code
}

const INFALLIBLE: &str = "writing to a String does not fail";

fn states(schema: &Schema, code: &mut String) -> std::fmt::Result {
    writeln!(
        code,
        "/// The state of one stream, of whichever kind.\n#[allow(clippy::large_enum_variant, reason = \"a state is always held behind a pointer\")]\n#[derive(Clone, Debug, PartialEq)]\npub enum State {{"
    )?;
    for (kind, state) in &schema.states {
        writeln!(code, "    /// See [`{0}`].\n    {kind}({0}),", state.name())?;
    }
    writeln!(code, "}}\n\nimpl State {{")?;
    writeln!(
        code,
        "    /// The state before the first event; none when there are no streams of this kind.\n    #[must_use]\n    pub fn empty(aggregate: Aggregate) -> Option<Self> {{\n        match aggregate {{"
    )?;
    for (kind, state) in &schema.states {
        writeln!(
            code,
            "            Aggregate::{kind} => Some(Self::{kind}({}::default())),",
            state.name()
        )?;
    }
    writeln!(
        code,
        "            _ => None,\n        }}\n    }}\n\n    /// The version of the stream: the number of events that are folded in.\n    #[must_use]\n    pub fn version(&self) -> i64 {{\n        match self {{"
    )?;
    for kind in schema.states.keys() {
        writeln!(code, "            Self::{kind}(state) => state.version,")?;
    }
    writeln!(
        code,
        "        }}\n    }}\n\n    pub(super) fn advance(&mut self, at: &Recorded<'_>) {{\n        match self {{"
    )?;
    for kind in schema.states.keys() {
        writeln!(
            code,
            "            Self::{kind}(state) => (state.version, state.position) = (at.version, at.position),"
        )?;
    }
    writeln!(
        code,
        "        }}\n    }}\n\n    /// The position in the ledger of the last event that is folded in.\n    #[must_use]\n    pub fn position(&self) -> i64 {{\n        match self {{"
    )?;
    for kind in schema.states.keys() {
        writeln!(code, "            Self::{kind}(state) => state.position,")?;
    }
    writeln!(
        code,
        "        }}\n    }}\n\n    /// The name of its message type.\n    #[must_use]\n    pub fn message(&self) -> &'static str {{\n        match self {{"
    )?;
    for (kind, state) in &schema.states {
        writeln!(code, "            Self::{kind}(_) => {:?},", state.full_name())?;
    }
    writeln!(
        code,
        "        }}\n    }}\n\n    /// Its protobuf bytes.\n    #[must_use]\n    pub fn encode(&self) -> Vec<u8> {{\n        match self {{"
    )?;
    for kind in schema.states.keys() {
        writeln!(
            code,
            "            Self::{kind}(state) => prost::Message::encode_to_vec(state),"
        )?;
    }
    writeln!(code, "        }}\n    }}\n}}\n")?;
    for (kind, state) in &schema.states {
        writeln!(
            code,
            "impl Aggregated for {0} {{\n    const AGGREGATE: Aggregate = Aggregate::{kind};\n    fn of(state: &State) -> Option<&Self> {{\n        match state {{ State::{kind}(state) => Some(state), _ => None }}\n    }}\n}}\n",
            state.name()
        )?;
    }
    Ok(())
}

fn commands(schema: &Schema, code: &mut String) -> std::fmt::Result {
    let commands: Vec<Named<'_>> = schema
        .commands()
        .map(|(rpc, kind)| {
            (
                rpc.method.input().name().to_owned(),
                rpc.method.input().full_name().to_owned(),
                kind,
            )
        })
        .collect();
    writeln!(
        code,
        "/// A command, of whichever kind.\n#[derive(Clone, Debug, PartialEq)]\npub enum Command {{"
    )?;
    for (name, ..) in &commands {
        writeln!(code, "    /// See [`{name}`].\n    {name}(Box<{name}>),")?;
    }
    writeln!(code, "}}\n\nimpl Command {{")?;
    writeln!(
        code,
        "    /// Reads a command of the named message type; `None` when the type is no command.\n    ///\n    /// # Errors\n    /// When the bytes are not such a message.\n    pub fn decode(message: &str, bytes: &[u8]) -> Option<Result<Self, prost::DecodeError>> {{\n        Some(match message {{"
    )?;
    for (name, full_name, _) in &commands {
        writeln!(
            code,
            "            {full_name:?} => <{name} as prost::Message>::decode(bytes).map(|command| Self::{name}(Box::new(command))),"
        )?;
    }
    writeln!(code, "            _ => return None,\n        }})\n    }}\n")?;
    accessors(&commands, code)?;
    judging(&commands, code)?;
    rewriting(&commands, code)
}

/// A command: the name of its message, the full name, and the kind of stream that it goes to.
type Named<'a> = (String, String, &'a str);

/// What is asked of any command, by matching on it.
fn accessors(commands: &[Named<'_>], code: &mut String) -> std::fmt::Result {
    accessor(
        code,
        "/// The kind of stream that it goes to.",
        "aggregate",
        "Aggregate",
        commands
            .iter()
            .map(|(name, _, kind)| (name, "_", format!("Aggregate::{kind}"))),
    )?;
    accessor(
        code,
        "/// The id of the stream that it goes to.",
        "stream_id",
        "&str",
        commands
            .iter()
            .map(|(name, _, kind)| (name, "command", format!("&command.{}", id_field(kind)))),
    )?;
    accessor(
        code,
        "/// The name of its message type.",
        "message",
        "&'static str",
        commands
            .iter()
            .map(|(name, full_name, _)| (name, "_", format!("{full_name:?}"))),
    )?;
    accessor(
        code,
        "/// Its circumstances.",
        "context",
        "Option<&CommandContext>",
        commands
            .iter()
            .map(|(name, ..)| (name, "command", "command.context.as_ref()".to_owned())),
    )?;
    accessor(
        code,
        "/// Whether it opens its stream.",
        "opens",
        "bool",
        commands
            .iter()
            .map(|(name, ..)| (name, "_", format!("<{name} as Decide>::OPENS"))),
    )?;
    accessor(
        code,
        "/// Checks its fields against the rules of the schema.",
        "check",
        "Violations",
        commands
            .iter()
            .map(|(name, ..)| (name, "command", "command.check()".to_owned())),
    )
}

/// The way of a decision, by matching on the command.
fn judging(commands: &[Named<'_>], code: &mut String) -> std::fmt::Result {
    writeln!(
        code,
        "    pub(super) fn decide_on(&self, state: &State, facts: &Facts<'_>, context: &Context<'_>) -> Option<Decision> {{\n        match self {{"
    )?;
    for (name, ..) in commands {
        writeln!(
            code,
            "            Self::{name}(command) => Some(command.decide(Aggregated::of(state)?, facts, context)),"
        )?;
    }
    writeln!(
        code,
        "        }}\n    }}\n\n    pub(super) fn relies(&self, state: &State, facts: &Facts<'_>, context: &Context<'_>) -> Option<Vec<Stream>> {{\n        match self {{"
    )?;
    for (name, ..) in commands {
        writeln!(
            code,
            "            Self::{name}(command) => Some(command.relies_on(Aggregated::of(state)?, facts, context)),"
        )?;
    }
    writeln!(code, "        }}\n    }}\n")
}

/// Its bytes, its circumstances when a batch brings them, and its texts in one form.
fn rewriting(commands: &[Named<'_>], code: &mut String) -> std::fmt::Result {
    writeln!(
        code,
        "    /// Its protobuf bytes.\n    #[must_use]\n    pub fn encode(&self) -> Vec<u8> {{\n        match self {{"
    )?;
    for (name, ..) in commands {
        writeln!(
            code,
            "            Self::{name}(command) => prost::Message::encode_to_vec(command.as_ref()),"
        )?;
    }
    writeln!(
        code,
        "        }}\n    }}\n\n    /// How many bytes that are.\n    #[must_use]\n    pub fn encoded_len(&self) -> usize {{\n        match self {{"
    )?;
    for (name, ..) in commands {
        writeln!(
            code,
            "            Self::{name}(command) => prost::Message::encoded_len(command.as_ref()),"
        )?;
    }
    writeln!(code, "        }}\n    }}\n")?;
    writeln!(
        code,
        "    /// Sets its circumstances.\n    pub fn set_context(&mut self, context: CommandContext) {{\n        match self {{"
    )?;
    for (name, ..) in commands {
        writeln!(
            code,
            "            Self::{name}(command) => command.context = Some(context),"
        )?;
    }
    writeln!(code, "        }}\n    }}\n")?;
    writeln!(
        code,
        "    /// Brings its free texts to one normal form (X9), as the door does with every command.\n    pub fn bring_to_nfc(&mut self) {{\n        match self {{"
    )?;
    for (name, ..) in commands {
        writeln!(
            code,
            "            Self::{name}(command) => BringToNfc::bring_to_nfc(command.as_mut()),"
        )?;
    }
    writeln!(code, "        }}\n    }}\n}}\n")
}

fn accessor<'a>(
    code: &mut String,
    doc: &str,
    name: &str,
    answer: &str,
    arms: impl Iterator<Item = (&'a String, &'static str, String)>,
) -> std::fmt::Result {
    writeln!(
        code,
        "    {doc}\n    #[must_use]\n    #[allow(clippy::match_same_arms, reason = \"generated, an arm a command\")]\n    pub fn {name}(&self) -> {answer} {{\n        match self {{"
    )?;
    for (variant, binding, value) in arms {
        writeln!(code, "            Self::{variant}({binding}) => {value},")?;
    }
    writeln!(code, "        }}\n    }}\n")
}

fn events(schema: &Schema, code: &mut String) -> std::fmt::Result {
    writeln!(
        code,
        "/// An event, of whichever kind.\n#[derive(Clone, Debug, PartialEq)]\npub enum Event {{"
    )?;
    for (event, _) in &schema.events {
        writeln!(code, "    /// See [`{0}`].\n    {0}({0}),", event.name())?;
    }
    writeln!(code, "}}\n\nimpl Event {{")?;
    writeln!(
        code,
        "    /// Reads an event of the named message type; `None` when this binary knows no such event.\n    ///\n    /// # Errors\n    /// When the bytes are not such a message.\n    pub fn decode(message: &str, bytes: &[u8]) -> Option<Result<Self, prost::DecodeError>> {{\n        Some(match message {{"
    )?;
    for (event, _) in &schema.events {
        writeln!(
            code,
            "            {:?} => <{1} as prost::Message>::decode(bytes).map(Self::{1}),",
            event.full_name(),
            event.name()
        )?;
    }
    writeln!(code, "            _ => return None,\n        }})\n    }}\n")?;
    writeln!(
        code,
        "    /// The name of its message type.\n    #[must_use]\n    pub fn message(&self) -> &'static str {{\n        match self {{"
    )?;
    for (event, _) in &schema.events {
        writeln!(
            code,
            "            Self::{}(_) => {:?},",
            event.name(),
            event.full_name()
        )?;
    }
    writeln!(
        code,
        "        }}\n    }}\n\n    /// Writes it as canonical JSON.\n    pub fn write(&self, text: &mut Vec<u8>) {{\n        match self {{"
    )?;
    for (event, _) in &schema.events {
        writeln!(
            code,
            "            Self::{}(event) => Canonical::write(event, text),",
            event.name()
        )?;
    }
    writeln!(
        code,
        "        }}\n    }}\n\n    pub(super) fn fold_into(&self, state: &mut State, at: &Recorded<'_>) -> bool {{\n        match (self, state) {{"
    )?;
    for (event, kind) in &schema.events {
        writeln!(
            code,
            "            (Self::{}(event), State::{kind}(state)) => event.fold(state, at),",
            event.name()
        )?;
    }
    writeln!(
        code,
        "            _ => return false,\n        }}\n        true\n    }}\n}}\n"
    )?;
    for (event, _) in &schema.events {
        writeln!(
            code,
            "impl From<{0}> for Event {{\n    fn from(event: {0}) -> Self {{\n        Self::{0}(event)\n    }}\n}}\n",
            event.name()
        )?;
    }
    Ok(())
}

/// The functions that route a query to its answer, included by the API.
pub fn queries(schema: &Schema) -> String {
    let arms = |streaming: bool| {
        let mut arms = String::new();
        for rpc in schema
            .rpcs
            .iter()
            .filter(|rpc| rpc.command.is_none() && rpc.method.is_server_streaming() == streaming)
        {
            let call = if streaming { "stream" } else { "unary" };
            writeln!(
                arms,
                "        {:?} => {call}::<{}>(service, caller, &request).await,",
                format!("/{}/{}", rpc.method.parent_service().full_name(), rpc.method.name()),
                rpc.method.input().name()
            )
            .expect(INFALLIBLE);
        }
        arms
    };
    format!(
        "/// Answers the query that the gRPC path names.\npub(super) async fn answer(service: &Service, caller: &Caller, path: &str, request: Bytes) -> Result<Bytes, Failure> {{\n    match path {{\n{}        _ => Err(Failure::unknown_method(path)),\n    }}\n}}\n\n\
         /// Begins the stream that the gRPC path names.\npub(super) async fn begin(service: &Service, caller: &Caller, path: &str, request: Bytes) -> Result<ReplyStream, Failure> {{\n    match path {{\n{}        _ => Err(Failure::unknown_method(path)),\n    }}\n}}\n",
        arms(false),
        arms(true),
    )
}
