//! A refusal: which rule stands against a command, and what would mend it.

use super::decide::Stream;

/// What kind of refusal it is; each has its own gRPC and HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What the command speaks of does not exist.
    NotFound,
    /// What the command would make exists, with other content.
    AlreadyExists,
    /// A field's value cannot be right, whatever the state.
    InvalidArgument,
    /// The state does not allow it.
    FailedPrecondition,
    /// The actor may not do it.
    PermissionDenied,
}

/// A command that was judged and refused. It leaves no trace in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct Refusal {
    /// What kind it is.
    pub kind: Kind,
    /// A stable name for machines, in upper case, such as `LEADER_IS_RESPONSIBLE`.
    pub reason: &'static str,
    /// The rule of the rulebook that stands against it, such as `R1`.
    pub rule: Option<&'static str>,
    /// The field of the command that is at fault, if it is one.
    pub field: Option<String>,
    /// What is wrong, as a sentence.
    pub problem: String,
    /// What would mend it, as a sentence.
    pub remedy: String,
}

impl Refusal {
    /// A hard rule of the rulebook stands against it.
    #[must_use]
    pub fn rule(rule: &'static str, reason: &'static str, problem: impl Into<String>) -> Self {
        Self {
            rule: Some(rule),
            ..Self::new(Kind::FailedPrecondition, reason, problem)
        }
    }

    /// The state does not allow it, though no numbered rule speaks of it.
    #[must_use]
    pub fn precondition(reason: &'static str, problem: impl Into<String>) -> Self {
        Self::new(Kind::FailedPrecondition, reason, problem)
    }

    /// A field's value cannot be right.
    #[must_use]
    pub fn invalid(field: &str, reason: &'static str, problem: impl Into<String>) -> Self {
        Self {
            field: Some(field.to_owned()),
            ..Self::new(Kind::InvalidArgument, reason, problem)
        }
    }

    /// The actor may not do it, by this rule.
    #[must_use]
    pub fn forbidden(rule: &'static str, reason: &'static str, problem: impl Into<String>) -> Self {
        Self {
            rule: Some(rule),
            ..Self::not_theirs(reason, problem)
        }
    }

    /// It is for others than the actor to do, as everybody would say without a rule.
    #[must_use]
    pub fn not_theirs(reason: &'static str, problem: impl Into<String>) -> Self {
        Self::new(Kind::PermissionDenied, reason, problem)
    }

    /// What the command speaks of does not exist: `("risk", id)`.
    #[must_use]
    pub fn not_found(what: &str, id: &str) -> Self {
        Self::new(Kind::NotFound, "NOT_FOUND", format!("There is no {what} {id} here."))
            .mend(format!("Check the id, or record the {what} first."))
    }

    /// The stream that the command goes to has no events.
    #[must_use]
    pub fn stream_not_found(stream: &Stream) -> Self {
        Self::new(
            Kind::NotFound,
            "STREAM_NOT_FOUND",
            format!("There is no {stream} in this tenant's ledger."),
        )
        .mend("Check the id and the tenant of the token, or register it first.")
    }

    /// The command goes to another kind of stream than the one it is judged against.
    #[must_use]
    pub fn stream_of_another_kind(stream: &Stream) -> Self {
        let problem = format!("The command goes to {stream}, and was judged against a stream of another kind.");
        Self::precondition("STREAM_OF_ANOTHER_KIND", problem).mend("Send it to its own stream.")
    }

    /// What the command would make exists already, with other content: `("risk", id)`.
    #[must_use]
    pub fn already_exists(what: &str, id: &str) -> Self {
        Self::new(
            Kind::AlreadyExists,
            "ALREADY_EXISTS",
            format!("The {what} {id} exists already, with other content."),
        )
        .mend(format!(
            "Choose a new id for a new {what}, or use the command that changes the one that exists."
        ))
    }

    /// Whether it is about what the command says, whoever sends it, or about who sends it.
    #[must_use]
    pub const fn is_about_the_request(&self) -> bool {
        matches!(
            self.kind,
            Kind::NotFound | Kind::InvalidArgument | Kind::AlreadyExists | Kind::PermissionDenied
        )
    }

    /// Adds what would mend it.
    #[must_use]
    pub fn mend(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    fn new(kind: Kind, reason: &'static str, problem: impl Into<String>) -> Self {
        Self {
            kind,
            reason,
            rule: None,
            field: None,
            problem: problem.into(),
            remedy: String::new(),
        }
    }

    /// The whole message: what is wrong, and what would mend it, in no more than [`LONGEST_SENTENCE`] characters.
    #[must_use]
    pub fn sentence(&self) -> String {
        if self.remedy.is_empty() {
            return within(&self.problem, LONGEST_SENTENCE);
        }
        let remedy = within(&self.remedy, LONGEST_REMEDY);
        let left = LONGEST_SENTENCE - 1 - remedy.chars().count();
        format!("{} {remedy}", within(&self.problem, left))
    }
}

/// The most characters that anybody is told in one sentence: over gRPC it travels in a trailer, for which callers have some kilobytes.
pub const LONGEST_SENTENCE: usize = 1_000;

/// The most of them that go to what would mend it, when all that is wrong does not fit beside it.
const LONGEST_REMEDY: usize = 400;

/// So many characters the end of a sentence takes that was cut.
const CUT: usize = 40;

/// The sentence, in so many characters at the most. A list in it that is too long ends with how many more there are.
#[must_use]
pub fn within(sentence: &str, most: usize) -> String {
    // What has no more bytes has no more characters.
    if sentence.len() <= most || sentence.chars().count() <= most {
        return sentence.to_owned();
    }
    let (end, _) = sentence
        .char_indices()
        .nth(most.saturating_sub(CUT))
        .expect("it has more characters than that");
    let (told, left) = sentence.split_at(end);
    match told.rfind(", ") {
        // Only where most of what fits is still told.
        Some(comma) if told[..comma].chars().count() >= most / 2 => {
            // What was not told before is not told now.
            let untold = |item: &str| item.strip_prefix("and ")?.split_once(" more")?.0.parse().ok();
            let more: usize = left.split(", ").map(|item| untold(item).unwrap_or(1)).sum();
            format!("{}, and {more} more.", &told[..comma])
        }
        _ => format!("{told}… It goes on."),
    }
}
