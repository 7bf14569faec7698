//! By minutes (vedtak i møte): a body acts, and whoever records it names the meeting and the case (rules V2, W2).

use super::super::{Refusal, Stream};
use super::{Authority, Case};
use crate::schema::v1::*;

impl Case<'_> {
    /// V2: by the minutes of a body that could do it, which treat this matter with this outcome.
    pub(super) fn by_minutes(&self, reference: &MinutesReference) -> Result<Authority, Refusal> {
        let organization = self
            .facts
            .organization(&reference.organization_id)
            .ok_or_else(|| Refusal::not_found("organisation", &reference.organization_id))?;
        let meeting = organization.meeting(&reference.meeting_id)?;
        let Some(minutes) = &meeting.minutes else {
            let problem = format!("No minutes are recorded of the meeting on {}.", meeting.date());
            return Err(refusal("MINUTES_MISSING", problem).mend("Record the minutes first."));
        };
        let (number, date) = (&reference.number, meeting.date());
        let Some(decision) = minutes.decisions.iter().find(|decision| decision.number == *number) else {
            let problem = format!("The minutes of the meeting on {date} have no case {number}.");
            return Err(refusal("CASE_NOT_IN_MINUTES", problem).mend("Give the number as it stands in the minutes."));
        };
        let body = BodyReference {
            organization_id: reference.organization_id.clone(),
            body_id: meeting.body_id().to_owned(),
        };
        self.require_body(&body, organization)?;
        if date > self.context.effective_date {
            let problem = format!(
                "The meeting was on {date}, after {}, when this is to take effect.",
                self.context.effective_date
            );
            return Err(refusal("MEETING_AFTER_DECISION", problem)
                .mend("Give the day of the meeting, or a later one, as the effective date."));
        }
        self.require_treated(decision)?;
        let kind = organization.body(&body.body_id).map(super::super::seat::kind);
        Ok(Authority {
            role: format!(
                "{}@{}/{}{}",
                kind.unwrap_or_default(),
                body.organization_id,
                body.body_id,
                by_minutes(number, &reference.meeting_id)
            ),
            kind: "MINUTES",
            position: meeting
                .provenance
                .as_ref()
                .map_or(0, |provenance| provenance.last_position),
            recorded: String::new(),
        })
    }

    /// The body is one of those that could do it.
    fn require_body(&self, body: &BodyReference, organization: &Organization) -> Result<(), Refusal> {
        let date = self.context.effective_date;
        let mut holders = self.holders.iter();
        if holders.any(|holder| holder.is_body(body, self.project, &self.facts, date)) {
            return Ok(());
        }
        let name = organization
            .body(&body.body_id)
            .map_or("another body", |body| &body.name);
        let problem = format!(
            "The minutes are those of {name}; this is for {} to do.",
            self.in_words()
        );
        Err(refusal("MINUTES_OF_ANOTHER_BODY", problem).mend("Name the minutes of a body that could do it."))
    }

    /// The decision treats this matter, with this outcome.
    fn require_treated(&self, decision: &MeetingDecision) -> Result<(), Refusal> {
        let stream = self.command.stream();
        let (kind, id) = match self.declared.matter {
            MatterKind::Unspecified => (matter_of(&stream), ""),
            kind => (kind, self.command.matter_id()),
        };
        let treats =
            |matter: &&Matter| matter.kind() == kind && matter.stream_id() == stream.id && matter.matter_id() == id;
        let number = &decision.number;
        let Some(matter) = decision.treats.iter().find(treats) else {
            let problem = format!("Case {number} does not treat this {}.", kind.in_words());
            return Err(refusal("MATTER_NOT_TREATED", problem).mend("Name the case in which the body decided this."));
        };
        if matter.outcome() == self.command.outcome() {
            return Ok(());
        }
        let problem = format!(
            "In case {number} it was {}, and this says that it was {}.",
            matter.outcome().in_words(),
            self.command.outcome().in_words()
        );
        Err(refusal("OUTCOME_DIFFERS", problem).mend("Record what the body decided."))
    }
}

/// How the record says, after the body, in which case of which meeting it acted.
pub(in crate::domain) fn by_minutes(number: &str, meeting_id: &str) -> String {
    format!(" by minutes {number}@{meeting_id}")
}

fn refusal(reason: &'static str, problem: String) -> Refusal {
    Refusal::forbidden("V2", reason, problem)
}

/// The kind of matter that the whole of a stream is.
fn matter_of(stream: &Stream) -> MatterKind {
    let name = stream.aggregate.as_str_name().replacen("AGGREGATE", "MATTER_KIND", 1);
    MatterKind::from_str_name(&name).unwrap_or_default()
}

impl MatterKind {
    /// The kind in words.
    pub(in crate::domain) fn in_words(self) -> String {
        let name = self.as_str_name().trim_start_matches("MATTER_KIND_");
        name.to_lowercase().replace('_', " ")
    }
}

impl MatterOutcome {
    /// The outcome in words.
    pub(in crate::domain) const fn in_words(self) -> &'static str {
        match self {
            Self::Unspecified => "treated without an outcome",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Deferred => "deferred",
            Self::Returned => "sent back for rework",
            Self::Advised => "advised on",
            Self::Noted => "taken note of",
        }
    }
}
