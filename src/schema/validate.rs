//! The field checks that the generated code calls, and the violations they find.

use std::sync::LazyLock;

use regex::Regex;
use time::Date;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::text::TextFault;
use super::v1::*;

/// One field of a request that breaks its rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field in the request, such as `assessment.probability` or `lines[2].amount`.
    pub field: String,
    /// What the field must be, as a sentence.
    pub description: String,
    /// The rule of the rulebook that it breaks, if one speaks of it.
    pub rule: Option<&'static str>,
}

impl Violation {
    /// A field that breaks a rule of the schema.
    #[must_use]
    pub fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            description: description.into(),
            rule: None,
        }
    }
}

/// All violations found in one request.
pub type Violations = Vec<Violation>;

/// Dates have one spelling, so that they sort as text: ISO 8601 knows others, such as 2024-W18-3.
const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// The first day that a date may be (X10): what lies outside is a slip of the keyboard.
const FIRST_DAY: &str = "1900-01-01";
/// The last day that a date may be.
const LAST_DAY: &str = "2199-12-31";

/// At most this many violations are told, so that a hostile request cannot make a large answer.
const MAX_VIOLATIONS: usize = 20;

/// The place of a field in a request. A chain of borrowed steps, put together only when something is wrong.
#[derive(Clone, Copy, Debug)]
pub enum At<'a> {
    /// The request itself.
    Root,
    /// A field of what comes before.
    Field(&'a At<'a>, &'static str),
    /// An item of the list that comes before.
    Item(&'a At<'a>, usize),
}

impl At<'_> {
    /// The named field of this place.
    #[must_use]
    pub const fn field(&self, name: &'static str) -> At<'_> {
        At::Field(self, name)
    }

    /// The numbered item of this place.
    #[must_use]
    pub const fn item(&self, index: usize) -> At<'_> {
        At::Item(self, index)
    }

    fn path(&self) -> String {
        match self {
            At::Root | At::Field(At::Root, "") => String::new(),
            At::Field(At::Root, name) => (*name).to_owned(),
            At::Field(before, name) => format!("{}.{name}", before.path()),
            At::Item(before, index) => format!("{}[{index}]", before.path()),
        }
    }
}

/// A message whose fields are checked against the rules of the schema.
pub trait Validate {
    /// Adds what is wrong with this message, found at the given place, to the violations.
    fn validate(&self, at: &At<'_>, violations: &mut Violations);

    /// What is wrong with this request; empty when nothing is.
    fn check(&self) -> Violations {
        let mut violations = Violations::new();
        self.validate(&At::Root, &mut violations);
        violations
    }
}

fn violation(at: &At<'_>, violations: &mut Violations, description: String) {
    if violations.len() < MAX_VIOLATIONS {
        violations.push(Violation::new(at.path(), description));
    }
}

/// A violation of a rule of the rulebook.
fn broken(rule: &'static str, at: &At<'_>, violations: &mut Violations, description: String) {
    if violations.len() < MAX_VIOLATIONS {
        violations.push(Violation {
            rule: Some(rule),
            ..Violation::new(at.path(), description)
        });
    }
}

fn required(given: bool, at: &At<'_>, violations: &mut Violations) {
    if !given {
        violation(at, violations, "Must be given.".to_owned());
    }
}

fn length(value: &str, min: usize, max: usize, at: &At<'_>, violations: &mut Violations) {
    // A character takes at least one byte, so most values are settled without counting.
    let long = value.len() > max && value.chars().count() > max;
    if long {
        violation(at, violations, format!("Must be at most {max} characters."));
    } else if min > 0 && value.chars().take(min).count() < min {
        violation(
            at,
            violations,
            if min == 1 {
                "Must not be empty.".to_owned()
            } else {
                format!("Must be at least {min} characters.")
            },
        );
    }
}

/// X9: what says who or what something is. Whether it may be left out is another matter.
fn identifying(value: &str, at: &At<'_>, violations: &mut Violations) {
    if let Some(fault) = TextFault::of_identifying(value).filter(|_| !value.is_empty()) {
        broken("X9", at, violations, fault.to_string());
    }
}

/// X9: what tells something.
fn free(value: &str, at: &At<'_>, violations: &mut Violations) {
    if let Some(fault) = TextFault::of_free(value) {
        broken("X9", at, violations, fault.to_string());
    }
}

fn uuid(value: &str, at: &At<'_>, violations: &mut Violations) {
    // One spelling only: ids are compared as text.
    let well_formed = value.len() == 36
        && value.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
    if !well_formed {
        violation(
            at,
            violations,
            "Must be a UUID in lower case, such as 0190b2f4-7c1e-7d2a-9c3e-5f6a7b8c9d0e.".to_owned(),
        );
    }
}

fn date(value: &str, at: &At<'_>, violations: &mut Violations) {
    if value.len() != 10 || Date::parse(value, DATE).is_err() || value.starts_with(['+', '-']) {
        violation(
            at,
            violations,
            "Must be a date of the calendar, written YYYY-MM-DD.".to_owned(),
        );
    } else if !(FIRST_DAY..=LAST_DAY).contains(&value) {
        let description = format!("Must lie between {FIRST_DAY} and {LAST_DAY}. Look at the century.");
        broken("X10", at, violations, description);
    }
}

fn pattern(value: &str, text: &str, pattern: &Regex, at: &At<'_>, violations: &mut Violations) {
    if !pattern.is_match(value) {
        violation(at, violations, format!("Must match {text}."));
    }
}

fn range(value: impl Into<i64>, low: i64, high: i64, at: &At<'_>, violations: &mut Violations) {
    if !(low..=high).contains(&value.into()) {
        violation(
            at,
            violations,
            match (low, high) {
                (low, i64::MAX) => format!("Must be at least {low}."),
                (i64::MIN, high) => format!("Must be at most {high}."),
                (low, high) => format!("Must be from {low} to {high}."),
            },
        );
    }
}

fn enumeration<E: TryFrom<i32>>(value: i32, zero_refused: bool, at: &At<'_>, violations: &mut Violations) {
    if zero_refused && value == 0 {
        violation(at, violations, "Must be given.".to_owned());
    } else if E::try_from(value).is_err() {
        violation(
            at,
            violations,
            format!("{value} is not one of the values of this field."),
        );
    }
}

fn count(items: usize, min: usize, max: usize, at: &At<'_>, violations: &mut Violations) {
    if items < min {
        violation(at, violations, format!("Must have at least {min} item(s)."));
    } else if items > max {
        violation(at, violations, format!("Must have at most {max} items."));
    }
}

fn timestamp(value: &prost_types::Timestamp, at: &At<'_>, violations: &mut Violations) {
    // The range of google.protobuf.Timestamp: years 1 to 9999.
    if !(-62_135_596_800..=253_402_300_799).contains(&value.seconds) || !(0..=999_999_999).contains(&value.nanos) {
        violation(at, violations, "Must be a time in the years 1 to 9999.".to_owned());
    }
}

include!(concat!(env!("OUT_DIR"), "/validation.rs"));
