//! The words in which the life is told: a day, a person, what is recorded, what is refused by which rule, and what can then be read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use prost::Message;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use vedtak::schema::v1::{GetHead, Head};
use vedtak::schema::{self, Method};

use super::rules;
use crate::laws::doors::{Door, Doors, Refused, method};
use crate::support::{Server, TENANT, new_id, token};

/// Everybody who records something, with the role of their token.
const PEOPLE: [(&str, &str); 9] = [
    ("siri", "administrator"), // keeps the organisations
    ("kari", "recorder"),      // chief executive of Nordli
    ("bjorn", "recorder"),     // chief executive of Sørvik
    ("ida", "recorder"),       // leads the change board
    ("liv", "recorder"),       // leads the user council
    ("eva", "recorder"),       // mayor of Nordli
    ("ola", "recorder"),       // project leader
    ("per", "recorder"),       // project responsible
    ("nils", "recorder"),      // sits nowhere
];

/// The life so far: who speaks on which day, and what has been tried and found.
pub struct Story {
    pub server: Server,
    people: HashMap<&'static str, Doors>,
    who: &'static str,
    day: &'static str,
    project: &'static str,
    reason: &'static str,
    authority: &'static str,
    ground: Value,
    on_behalf_of: &'static str,
    effective: Option<&'static str>,
    /// How many commands were accepted.
    pub accepted: usize,
    /// The rules that were tried to break, and in how many ways.
    pub tried: BTreeMap<&'static str, usize>,
    /// The findings that came up, and those of them that went away again.
    pub found: BTreeSet<&'static str>,
    pub mended: BTreeSet<&'static str>,
}

/// The id that a name has in the whole story. A thing is called by its name wherever an id is wanted.
pub fn id(name: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
}

/// A document of this title.
pub fn document(title: &str) -> Value {
    json!({"title": title, "sha256": hex::encode(Sha256::digest(title))})
}

/// So many kroner, known.
pub fn kroner(kroner: i64) -> Value {
    json!({"certainty": "CERTAINTY_KNOWN", "ore": (kroner * 100).to_string()})
}

/// An amount that nobody knows yet.
pub fn unknown() -> Value {
    json!({"certainty": "CERTAINTY_UNKNOWN"})
}

/// A body of the region.
pub fn body(name: &str) -> Value {
    json!({"organization_id": "region", "body_id": name})
}

/// Puts ids where names stand: in whatever is called an id, and in lists of them.
fn with_ids(value: &mut Value) {
    let named = |value: &mut Value| {
        if let Some(name) = value.as_str().filter(|name| Uuid::parse_str(name).is_err()) {
            *value = json!(id(name));
        }
    };
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(_) if name.ends_with("_id") => named(value),
                    Value::Array(items) if name.ends_with("_ids") || name == "depends_on" => {
                        items.iter_mut().for_each(named);
                    }
                    other => with_ids(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(with_ids),
        _ => {}
    }
}

/// Whether a refusal says more than what is wrong: after the problem comes what would mend it, in a sentence of its own.
fn says_what_would_mend_it(sentence: &str) -> bool {
    let another_begins = |at: usize| {
        sentence[..at].ends_with(['.', '?', '"', '!']) && sentence[at + 1..].starts_with(char::is_uppercase)
    };
    sentence.ends_with('.') && sentence.match_indices(' ').any(|(at, _)| another_begins(at))
}

impl Story {
    /// Begins it, on an empty ledger.
    pub async fn begin() -> Self {
        let server = Server::start().await;
        let mut people = HashMap::new();
        for (name, role) in PEOPLE {
            people.insert(name, Doors::of(&server, &token(TENANT, name, &[role])).await);
        }
        Self {
            server,
            people,
            who: "siri",
            day: "2016-01-01",
            project: "main",
            reason: "",
            authority: "",
            ground: Value::Null,
            on_behalf_of: "",
            effective: None,
            accepted: 0,
            tried: BTreeMap::new(),
            found: BTreeSet::new(),
            mended: BTreeSet::new(),
        }
    }

    /// What follows happens on this day. Time goes forward.
    pub fn on(&mut self, day: &'static str) -> &mut Self {
        assert!(self.day <= day, "{day} comes before {}", self.day);
        self.day = day;
        self
    }

    /// What follows is recorded by this person.
    pub fn by(&mut self, who: &'static str) -> &mut Self {
        self.who = who;
        self
    }

    /// What follows is about this project, where a request names none.
    pub fn about(&mut self, project: &'static str) -> &mut Self {
        self.project = project;
        self
    }

    /// Why the next thing is done.
    pub fn because(&mut self, reason: &'static str) -> &mut Self {
        self.reason = reason;
        self
    }

    /// In which case the next thing was decided.
    pub fn authorised(&mut self, authority: &'static str) -> &mut Self {
        self.authority = authority;
        self
    }

    /// What the next thing rests on beside what the person holds.
    pub fn on_ground(&mut self, ground: Value) -> &mut Self {
        self.ground = ground;
        self
    }

    /// On whose behalf the next thing is said to be.
    pub fn on_behalf_of(&mut self, who: &'static str) -> &mut Self {
        self.on_behalf_of = who;
        self
    }

    /// The next thing is said to have been decided on this earlier day.
    pub fn on_that_day(&mut self, day: &'static str) -> &mut Self {
        self.effective = Some(day);
        self
    }

    /// Records a command, at the JSON door.
    pub async fn record(&mut self, name: &str, request: Value) {
        let bytes = self.command(name, request);
        self.accept(Door::Json, method(name), &bytes).await;
    }

    /// Records several commands on one stream as a batch, at the gRPC door.
    pub async fn record_together(&mut self, commands: Vec<(&str, Value)>) {
        let typed = |(name, mut request): (&str, Value)| {
            request["@type"] = json!(format!("type.googleapis.com/{}", method(name).input));
            request
        };
        let commands: Vec<Value> = commands.into_iter().map(typed).collect();
        let bytes = self.command("RecordBatch", json!({"commands": commands}));
        self.accept(Door::Grpc, method("RecordBatch"), &bytes).await;
    }

    /// From whom speaks where it may, and otherwise from somebody who may: rights are given by others, and approvals by those who have it.
    async fn accept(&mut self, door: Door, method: &Method, bytes: &[u8]) {
        let before = self.head().await.position;
        let mut answer = self.doors().send(door, method, bytes).await;
        let not_theirs = |refused: &Refused| matches!(refused.reason.as_str(), "NOT_ENTITLED" | "GIVEN_TO_ONESELF");
        for (name, _) in PEOPLE {
            if !answer.as_ref().is_err_and(not_theirs) {
                break;
            }
            answer = self.people[name].send(door, method, bytes).await;
        }
        let answer = answer.unwrap_or_else(|refused| {
            panic!(
                "{} of {} on {} was refused: {refused:?}",
                method.name, self.who, self.day
            )
        });
        let receipt = schema::v1::Receipt::decode(answer).unwrap();
        assert!(!receipt.unchanged, "{} on {} changed nothing", method.name, self.day);
        assert_eq!(receipt.position, before + receipt.events.len() as i64);
        self.accepted += 1;
    }

    /// Tries to break a rule of the rulebook: both doors refuse it in its name, say what would mend it, and record nothing.
    /// It is tried by whoever speaks, and where that one has no right to it at all, by the others, one of whom has.
    pub async fn breaks(&mut self, rule: &'static str, reason: &str, name: &str, request: Value) {
        let bytes = self.command(name, request);
        let (who, mut refused) = (self.who, self.refused_as(name, &bytes).await);
        for (other, _) in PEOPLE {
            if !matches!(refused.reason.as_str(), "NOT_ENTITLED" | "GIVEN_TO_ONESELF") || refused.reason == reason {
                break;
            }
            self.who = other;
            refused = self.refused_as(name, &bytes).await;
        }
        self.who = who;
        assert_eq!(
            (
                refused.metadata.get("rule").map(String::as_str),
                refused.reason.as_str()
            ),
            (Some(rule), reason),
            "{name} on {}: {refused:?}",
            self.day
        );
        assert!(says_what_would_mend_it(&refused.sentence), "{refused:?}");
        *self.tried.entry(rule).or_default() += 1;
    }

    /// Tries to break a rule that the shape of a message holds: the field is refused, and nothing is recorded.
    pub async fn breaks_the_shape(&mut self, rule: &'static str, field: &str, name: &str, request: Value) {
        assert!(rules::without_refusal(rule).is_some(), "{rule} is refused by its name");
        let refused = self.refused(name, request).await;
        assert_eq!(
            (refused.code.as_str(), refused.fields.as_slice()),
            ("INVALID_ARGUMENT", &[field.to_owned()][..]),
            "{refused:?}"
        );
        *self.tried.entry(rule).or_default() += 1;
    }

    /// Tries to say what no field of a command says, which the JSON door refuses without recording anything.
    pub async fn says_what_no_field_says(&mut self, rule: &'static str, field: &str, name: &str, request: Value) {
        assert!(rules::without_refusal(rule).is_some(), "{rule} is refused by its name");
        let (request, before) = (self.request(name, request), self.head().await);
        let refused = self.doors().send_json(method(name), request).await.unwrap_err();
        assert_eq!(refused.code, "INVALID_ARGUMENT", "{refused:?}");
        assert!(refused.sentence.contains(&format!("'{field}'")), "{refused:?}");
        assert_eq!(self.head().await, before, "what was refused left a trace");
        *self.tried.entry(rule).or_default() += 1;
    }

    /// A rule that only allows something: what it allows is recorded, and there is nothing that could break it.
    pub async fn allows(&mut self, rule: &'static str, name: &str, request: Value) {
        assert!(rules::without_refusal(rule).is_some(), "{rule} is refused by its name");
        self.record(name, request).await;
        *self.tried.entry(rule).or_default() += 1;
    }

    /// Sends what is to be refused by both doors, which say the same; and the ledger stands where it stood.
    pub async fn refused(&mut self, name: &str, request: Value) -> Refused {
        let bytes = self.command(name, request);
        self.refused_as(name, &bytes).await
    }

    async fn refused_as(&self, name: &str, bytes: &[u8]) -> Refused {
        let before = self.head().await;
        let mut answers = Vec::new();
        for door in [Door::Json, Door::Grpc] {
            let answer = self.doors().send(door, method(name), bytes).await;
            answers.push(answer.expect_err("it was to be refused"));
        }
        assert_eq!(answers[0], answers[1], "both doors refuse {name} in the same words");
        assert_eq!(self.head().await, before, "what was refused left a trace");
        answers.remove(0)
    }

    /// Asks a question by both doors, which answer the same. It is asked as of the last record.
    pub async fn read(&self, name: &str, request: Value) -> Value {
        let method = method(name);
        let request = self.request(name, request);
        let bytes = schema::from_json(method.input, request).unwrap_or_else(|error| panic!("{name}: {}", error.field));
        let mut answers = Vec::new();
        for door in [Door::Json, Door::Grpc] {
            let answer = self.doors().send(door, method, &bytes).await;
            answers.push(answer.unwrap_or_else(|refused| panic!("{name}: {refused:?}")));
        }
        assert_eq!(answers[0], answers[1], "both doors answer {name} alike");
        schema::to_value(method.output, &answers[0]).unwrap()
    }

    /// What a question about the day itself answers: only what had been decided by then counts.
    pub async fn read_today(&self, name: &str, mut request: Value) -> Value {
        request["as_of"] = json!({"effective_date": self.day});
        self.read(name, request).await
    }

    /// Today this finding is on the list of the project.
    pub async fn finds(&mut self, code: &'static str) -> Value {
        self.finds_in(code, "ListFindings", json!({})).await
    }

    /// Today this finding, which had come up in the project, is gone.
    pub async fn finds_no_more(&mut self, code: &'static str) {
        self.finds_no_more_in(code, "ListFindings", json!({})).await;
    }

    /// Today this finding is on the list that the question answers.
    pub async fn finds_in(&mut self, code: &'static str, question: &str, request: Value) -> Value {
        let found = self.findings(question, request).await;
        let one = found.iter().find(|finding| finding["code"] == code);
        let one = one.unwrap_or_else(|| panic!("{code} is not found on {}: {found:#?}", self.day));
        assert!(one["since_position"].is_string(), "{one}");
        self.found.insert(code);
        one.clone()
    }

    /// Today this finding, which had come up, is gone from that list.
    pub async fn finds_no_more_in(&mut self, code: &'static str, question: &str, request: Value) {
        let found = self.findings(question, request).await;
        assert!(
            found.iter().all(|finding| finding["code"] != code),
            "{code} on {}: {found:#?}",
            self.day
        );
        assert!(self.found.contains(code), "{code} was never found");
        self.mended.insert(code);
    }

    async fn findings(&self, question: &str, request: Value) -> Vec<Value> {
        let list = self.read_today(question, request).await;
        list["findings"].as_array().cloned().unwrap_or_default()
    }

    /// How far the ledger has come.
    pub async fn head(&self) -> Head {
        let head = self.doors().call(Door::Grpc, "GetHead", &GetHead {}).await;
        head.unwrap()
    }

    /// The doors of whoever speaks.
    pub fn doors(&self) -> &Doors {
        &self.people[self.who]
    }

    /// A request with ids for names, and with the project of the story where it takes one and names none.
    fn request(&self, name: &str, mut request: Value) -> Value {
        let fields = schema::pool().get_message_by_name(method(name).input).unwrap();
        if fields.get_field_by_name("project_id").is_some() && request.get("project_id").is_none() {
            request["project_id"] = json!(self.project);
        }
        with_ids(&mut request);
        request
    }

    /// The bytes of a command with its circumstances. The reason and the authority are those of one command.
    fn command(&mut self, name: &str, request: Value) -> Vec<u8> {
        let mut request = self.request(name, request);
        request["context"] = json!({
            "request_id": new_id(), "effective_date": self.effective.take().unwrap_or(self.day),
            "on_behalf_of": std::mem::take(&mut self.on_behalf_of),
            "reason": std::mem::take(&mut self.reason), "authority": std::mem::take(&mut self.authority),
        });
        if !self.ground.is_null() {
            let mut ground = std::mem::take(&mut self.ground);
            with_ids(&mut ground);
            request["context"]["ground"] = ground;
        }
        let bytes = schema::from_json(method(name).input, request);
        bytes.unwrap_or_else(|error| panic!("{name}: {}: {error}", error.field))
    }
}
