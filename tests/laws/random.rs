//! Any command of the schema, made by reflection with values that are plausible more often than not.

use std::sync::LazyLock;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use regex::Regex;
use vedtak::api::openapi::example_id;
use vedtak::schema;
use vedtak::schema::v1::{Certainty, TextKind};

/// What ids name. Each kind has few ids, so that references hit what is there.
const KINDS: &[&str] = &[
    "project",
    "organization",
    "phase",
    "decision_point",
    "option",
    "office",
    "delegation",
    "milestone",
    "activity",
    "actual",
    "commitment",
    "line",
    "document",
    "checkpoint",
    "condition",
    "measure",
    "risk",
    "goal",
    "body",
    "member",
    "appointment",
    "assignment",
    "meeting",
    "template",
    "programme",
    "participation",
    "dependency",
    "direction",
    "evaluation",
    "agreement",
    "party",
    "obligation",
    "proposal_register",
    "proposal",
    "round",
    "deliverable",
    "handover",
    "procurement",
    "bid",
    "amendment",
    "benefit",
    "measurement",
    "deviation",
    "success_factor",
    "stakeholder",
    "engagement",
    "report",
    "rhythm",
    "evaluation",
    "lesson",
];

/// How many ids each kind has.
const IDS: u32 = 3;

/// How many ids those of the books of a project have, so that sums have many parts.
const IDS_IN_BOOKS: u32 = 8;

/// Texts that are hard on encodings: letters of the language, quotes, control characters, what JSON and JavaScript treat
/// differently, and characters outside the first plane.
const TEXTS: &[&str] = &[
    "Velferdsteknologi",
    "Økt måloppnåelse på tvers",
    "«Sitat» og \"quotes\" \\ /",
    "line one\nline two\ttab\r",
    "\u{1}\u{1f}\u{7f}",
    "\u{2028}\u{2029}\u{feff}",
    "👩‍👩‍👧 𝔊 \u{10ffff}",
    "e\u{301} é",
    "<script>&amp;</script>",
    "1",
    " ",
    "null",
    "A",
];

/// Dates around the frame that the hand-written project has, some of them of another calendar.
const DATES: &[&str] = &[
    "2016-12-31",
    "2017-01-01",
    "2017-02-01",
    "2017-03-15",
    "2017-06-01",
    "2017-06-30",
    "2017-12-31",
    "2018-01-01",
    "2018-06-30",
    "2019-12-31",
    "2020-02-29",
    "2026-01-01",
];
const NO_DATES: &[&str] = &[
    "2017-02-30",
    "2017-1-1",
    "",
    "15.03.2017",
    "+2017-01-01",
    "9999-12-31",
    "1899-12-31",
];

/// What the patterns of the schema may match.
const SHAPES: &[&str] = &[
    "2017",
    "2018",
    "2019",
    "2017-01",
    "2017-06",
    "2018-Q2",
    "12:00",
    "999000207",
    "999000304",
    "stage-gate-v1",
    "regional-cooperation-v1",
    "f5723da2-8cd4-5cb9-92ca-ea1e47919598", // the first phase
    "6dcd4ce23d88e2ee9568ba546c007c63d9131c1b7b6d5d1d1d6b1d8c1e5b2f0a",
    "0000000000000000000000000000000000000000000000000000000000000000",
];

/// Makes commands out of one seed.
pub struct Random {
    pub rng: StdRng,
}

impl Random {
    /// Everything follows from the seed.
    pub fn of(seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
        }
    }

    /// True so often.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    /// One of these.
    pub fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of.choose(&mut self.rng).expect("something to choose from")
    }

    /// A new UUID.
    pub fn uuid(&mut self) -> String {
        uuid::Builder::from_random_bytes(self.rng.random())
            .into_uuid()
            .to_string()
    }

    /// A message of this type, without the circumstances of a command.
    pub fn message(&mut self, descriptor: &MessageDescriptor) -> DynamicMessage {
        if descriptor.full_name() == "vedtak.v1.Amount" && self.chance(95) {
            return self.amount(descriptor);
        }
        let mut message = DynamicMessage::new(descriptor.clone());
        for oneof in descriptor.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            let fields: Vec<FieldDescriptor> = oneof.fields().collect();
            if self.chance(95)
                && let Some(field) = fields.choose(&mut self.rng)
            {
                let value = self.value(field, &Rules::of(field));
                message.set_field(field, value);
            }
        }
        for field in descriptor
            .fields()
            .filter(|field| field.containing_oneof().is_none_or(|oneof| oneof.is_synthetic()))
        {
            if let Some(value) = self.field(&field) {
                message.set_field(&field, value);
            }
        }
        message
    }

    /// An amount that is what it says: a figure when it is known or estimated, and none when it is unknown.
    fn amount(&mut self, descriptor: &MessageDescriptor) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        let certainty = self.one(&[&Certainty::Known, &Certainty::Estimated, &Certainty::Unknown]);
        message.set_field_by_name("certainty", Value::EnumNumber((*certainty).into()));
        if *certainty != Certainty::Unknown {
            let ore = self.ore();
            message.set_field_by_name("ore", Value::I64(ore));
        }
        message
    }

    /// Money in øre: of every size, at the limit of the schema so often that sums pass it, and now and then beyond what can be.
    fn ore(&mut self) -> i64 {
        const MOST: i64 = 100_000_000_000_000;
        match self.rng.random_range(0..100) {
            0 => self.rng.random(),
            1 => i64::MAX,
            2 => i64::MIN,
            3 => MOST + 1,
            4 => 0,
            5..8 => -MOST,
            8..16 => -self.rng.random_range(1..1_000_000_000),
            16..32 => MOST,
            32..40 => MOST - self.rng.random_range(0..10),
            40..56 => self.rng.random_range(1..=MOST),
            _ => self.rng.random_range(1..1_000_000_000),
        }
    }

    fn field(&mut self, field: &FieldDescriptor) -> Option<Value> {
        let rules = Rules::of(field);
        if field.name() == "context" {
            return None;
        }
        if field.is_list() {
            return Some(self.list(field, &rules.sub("repeated")));
        }
        let given = match (field.supports_presence(), rules.flag("required")) {
            (true, true) => 99,
            (true, false) => 50,
            (false, _) => 99,
        };
        self.chance(given).then(|| self.value(field, &rules))
    }

    fn list(&mut self, field: &FieldDescriptor, rules: &Rules) -> Value {
        let most = usize::try_from(rules.number("max_items").unwrap_or(3)).unwrap_or(3);
        let least = usize::try_from(rules.number("min_items").unwrap_or(0)).unwrap_or(0);
        let items = rules.sub("items");
        if self.chance(1) {
            // As full as the schema allows, with one item said over and over: what comes of it may be too large to record.
            let item = self.value(field, &items);
            return Value::List(vec![item; most + usize::from(self.chance(30))]);
        }
        let count = self.rng.random_range(least.min(3)..=most.min(3));
        Value::List((0..count).map(|_| self.value(field, &items)).collect())
    }

    fn value(&mut self, field: &FieldDescriptor, rules: &Rules) -> Value {
        match field.kind() {
            Kind::Bool => Value::Bool(self.chance(50)),
            Kind::Int32 => Value::I32(i32::try_from(self.number(&rules.sub("int32"))).unwrap_or(i32::MAX)),
            Kind::Int64 if field.name() == "ore" => Value::I64(self.ore()),
            Kind::Int64 => Value::I64(self.number(&rules.sub("int64"))),
            Kind::Enum(descriptor) => {
                let numbers: Vec<i32> = descriptor
                    .values()
                    .map(|value| value.number())
                    .filter(|number| *number != 0)
                    .collect();
                let number = numbers.choose(&mut self.rng).copied().unwrap_or(0);
                Value::EnumNumber(if self.chance(1) {
                    *[0, 99, -1].choose(&mut self.rng).expect("three")
                } else {
                    number
                })
            }
            Kind::Message(descriptor) => Value::Message(self.message(&descriptor)),
            Kind::String => Value::String(self.text(field, rules)),
            other => panic!("{other:?} is not used in commands"),
        }
    }

    fn number(&mut self, rules: &Rules) -> i64 {
        let (low, high) = (
            rules.number("gte").unwrap_or(-5),
            rules.number("lte").unwrap_or(100_000),
        );
        match self.rng.random_range(0..60) {
            0 => low.saturating_sub(1),
            1 => high.saturating_add(1),
            2 => low,
            3 => high,
            4 => self.rng.random_range(low..=high),
            _ => self
                .rng
                .random_range(low.max(0)..=high.min(low.max(0).saturating_add(100))),
        }
    }

    fn text(&mut self, field: &FieldDescriptor, rules: &Rules) -> String {
        if field.options().has_extension(&extension("vedtak.v1.date")) {
            return if self.chance(98) {
                self.one(DATES)
            } else {
                self.one(NO_DATES)
            }
            .to_owned();
        }
        let rules = rules.sub("string");
        if rules.flag("uuid") {
            return self.reference(field.name());
        }
        if let Some(pattern) = rules.text("pattern") {
            let pattern = Regex::new(&pattern).expect("the build has compiled it");
            let fitting: Vec<&str> = SHAPES.iter().copied().filter(|shape| pattern.is_match(shape)).collect();
            assert!(
                !fitting.is_empty(),
                "no shape fits {pattern}, the pattern of {}",
                field.full_name()
            );
            return if self.chance(97) {
                self.one(&fitting)
            } else {
                self.one(TEXTS)
            }
            .to_owned();
        }
        let most = usize::try_from(rules.number("max_len").unwrap_or(100)).unwrap_or(100);
        match (field.name(), self.rng.random_range(0..200)) {
            (_, 0) => String::new(),
            (_, 1) => "æ".repeat(most + 1),
            (_, 2) => "😀".repeat(most),
            (_, 3) => self.one(&["with U+0000: \0", "turned \u{202e}"]).to_owned(),
            ("subject" | "responsible" | "appointed_by", _) => self.one(&["kari", "ola", "per"]).to_owned(),
            ("number", _) => self.one(&["1", "2", ""]).to_owned(),
            ("version", _) => self.one(&["1.0", "1.1", "2.0"]).to_owned(),
            ("link", _) => "https://arkiv.example/sak/1".to_owned(),
            _ => {
                let text: String = self.one(TEXTS).chars().take(most).collect();
                // What is refused is among those above; more of it would keep whole commands from being judged.
                let is_name = schema::text_kind(field.full_name()) == Some(TextKind::Identifying);
                if is_name && !schema::is_identifying(&text) {
                    "Velferd".chars().take(most).collect()
                } else {
                    text
                }
            }
        }
    }

    fn reference(&mut self, field: &str) -> String {
        if self.chance(1) {
            return self
                .one(&["ikke-en-uuid", "00000000-0000-4000-8000-00000000000A", ""])
                .to_owned();
        }
        if self.chance(2) {
            return self.uuid();
        }
        let stem = field.trim_end_matches("_ids").trim_end_matches("_id");
        let kind = match stem {
            "predecessor" | "parent" => "project",
            "supersedes" => "decision_point",
            "depends_on" => "milestone",
            "follows" => "meeting",
            "matter" => "decision_point",
            "stream" => "project",
            "receiver" => "organization",
            _ => KINDS
                .iter()
                .copied()
                .find(|kind| stem.ends_with(kind))
                .unwrap_or_else(|| panic!("what does {field} name?")),
        };
        let number = match kind {
            // Most goes to one project, so that it comes far.
            "project" | "organization" if self.chance(85) => 1,
            "line" | "actual" | "commitment" => self.rng.random_range(1..=IDS_IN_BOOKS),
            _ => self.rng.random_range(1..=IDS),
        };
        example_id(kind, number)
    }
}

fn extension(name: &str) -> prost_reflect::ExtensionDescriptor {
    schema::pool()
        .get_extension_by_name(name)
        .expect("the schema has this extension")
}

/// The `buf.validate` rules of a field, or a part of them.
struct Rules(Option<DynamicMessage>);

impl Rules {
    fn of(field: &FieldDescriptor) -> Self {
        static RULES: LazyLock<prost_reflect::ExtensionDescriptor> = LazyLock::new(|| extension("buf.validate.field"));
        let options = field.options();
        Self(
            options
                .has_extension(&RULES)
                .then(|| options.get_extension(&RULES).as_message().cloned())
                .flatten(),
        )
    }

    fn get(&self, name: &str) -> Option<Value> {
        let message = self.0.as_ref()?;
        let field = message.get_field_by_name(name)?;
        message.has_field_by_name(name).then(|| field.into_owned())
    }

    fn sub(&self, name: &str) -> Self {
        Self(self.get(name).and_then(|value| value.as_message().cloned()))
    }

    fn flag(&self, name: &str) -> bool {
        self.get(name).and_then(|value| value.as_bool()).unwrap_or(false)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(|value| value.as_str().map(str::to_owned))
    }

    fn number(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Value::I32(number) => Some(number.into()),
            Value::I64(number) => Some(number),
            Value::U32(number) => Some(number.into()),
            Value::U64(number) => i64::try_from(number).ok(),
            _ => None,
        }
    }
}
