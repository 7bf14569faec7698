//! The decision of a body (vedtak): a case of its minutes with an outcome, a wording and a number of its own (rule V10).

use super::super::{Refusal, Stream};
use crate::schema::v1::*;

impl MeetingDecision {
    /// Whether something can rest on it.
    fn has_outcome(&self) -> bool {
        self.treats
            .iter()
            .any(|matter| matter.outcome() != MatterOutcome::Unspecified)
    }

    fn approves(&self) -> bool {
        self.treats
            .iter()
            .any(|matter| matter.outcome() == MatterOutcome::Approved)
    }
}

impl Organization {
    /// The meetings of the body that have minutes.
    pub(in crate::domain) fn minuted_meetings(
        &self,
        body_id: &str,
    ) -> impl Iterator<Item = (&Meeting, &MeetingMinutes)> {
        let of_body = self.meetings.iter().filter(move |meeting| meeting.is_of(body_id));
        of_body.filter_map(|meeting| Some((meeting, meeting.minutes.as_ref()?)))
    }

    fn reference(&self, meeting: &Meeting, decision: &MeetingDecision) -> MinutesReference {
        MinutesReference {
            organization_id: self.organization_id.clone(),
            meeting_id: meeting.meeting_id.clone(),
            number: decision.number.clone(),
        }
    }

    /// Where the body was told of this urgent decision (V8).
    pub(super) fn reported_in(&self, meeting: &Meeting, decision: &MeetingDecision) -> Option<MinutesReference> {
        let urgent = self.reference(meeting, decision);
        let minuted = self.minuted_meetings(decision.told_body(meeting));
        let mut cases = minuted.flat_map(|(told, minutes)| minutes.decisions.iter().map(move |case| (told, case)));
        let (told, case) = cases.find(|(_, case)| case.reports_urgent.as_ref() == Some(&urgent))?;
        Some(self.reference(told, case))
    }
}

impl MeetingMinutes {
    /// V10: what something can rest on has a number that no other decision of the body has, and what approves has a wording.
    pub(super) fn require_own_numbers(&self, organization: &Organization, meeting: &Meeting) -> Result<(), Refusal> {
        for (index, decision) in self.decisions.iter().enumerate() {
            let number = &decision.number;
            if decision.approves() && decision.text.trim().is_empty() {
                let problem = format!("Case {number} approves something, and has no wording.");
                return Err(Refusal::rule("V10", "DECISION_WITHOUT_WORDING", problem)
                    .mend("Give in `text` what was decided, word for word."));
            }
            if number.is_empty() {
                if decision.has_outcome() || decision.urgent {
                    let problem = format!(
                        "Something can rest on decision {}, and it has no number of its case.",
                        index + 1
                    );
                    return Err(Refusal::rule("V10", "CASE_WITHOUT_NUMBER", problem)
                        .mend("Give the number of the case, by which what rests on the decision finds it."));
                }
                continue;
            }
            let twice = self.decisions[..index].iter().any(|other| other.number == *number);
            let others = organization
                .minuted_meetings(meeting.body_id())
                .filter(|(other, _)| other.meeting_id != meeting.meeting_id);
            let elsewhere = others
                .filter(|(_, minutes)| minutes.decisions.iter().any(|other| other.number == *number))
                .map(|(other, _)| other)
                .next();
            let place = match elsewhere {
                Some(other) => other.in_words(),
                None if twice => "the same meeting".to_owned(),
                None => continue,
            };
            let problem = format!("The body has decided another case {number} in {place}.");
            return Err(Refusal::rule("V10", "CASE_NUMBER_TAKEN", problem)
                .mend("Give each decision of the body the number of its own case."));
        }
        Ok(())
    }
}

/// The decision of the body with this number of its case, without what rests on it; none when there is no such decision.
#[must_use]
pub fn body_decision(organization: &Organization, body_id: &str, number: &str) -> Option<BodyDecision> {
    let mut minuted = organization.minuted_meetings(body_id);
    minuted.find_map(|(meeting, minutes)| {
        let decision = minutes.decisions.iter().find(|decision| decision.number == number)?;
        Some(read(organization, meeting, decision))
    })
}

/// What was decided in the meeting: all of it, or only what was treated while it was closed, or only what was urgent (V8).
#[must_use]
pub fn decisions_in(organization: &Organization, meeting: &Meeting, closed: bool, urgent: bool) -> Vec<BodyDecision> {
    let decisions = meeting.minutes.iter().flat_map(|minutes| &minutes.decisions);
    let asked =
        decisions.filter(|decision| (!closed || !decision.closed_by.is_empty()) && (!urgent || decision.urgent));
    asked.map(|decision| read(organization, meeting, decision)).collect()
}

fn read(organization: &Organization, meeting: &Meeting, decision: &MeetingDecision) -> BodyDecision {
    let body_id = meeting.body_id();
    let mut stood: Vec<MeetingDecision> = Vec::new();
    for correction in &meeting.minutes_corrections {
        let before = correction.stood.iter().flat_map(|minutes| &minutes.decisions);
        let same = before.filter(|before| !before.number.is_empty() && before.number == decision.number);
        stood.extend(same.cloned());
    }
    stood.push(decision.clone());
    stood.dedup();
    stood.pop();
    BodyDecision {
        body: Some(BodyReference {
            organization_id: organization.organization_id.clone(),
            body_id: body_id.to_owned(),
        }),
        body_name: organization
            .body(body_id)
            .map(|body| body.name.clone())
            .unwrap_or_default(),
        meeting_id: meeting.meeting_id.clone(),
        date: meeting.date().to_owned(),
        decision: Some(decision.clone()),
        minutes_approved_in_id: meeting.minutes_approved_in_id.clone(),
        stood,
        reported_in: decision
            .urgent
            .then(|| organization.reported_in(meeting, decision))
            .flatten(),
        position: organization.position,
        ..BodyDecision::default()
    }
}

/// The streams in which something can rest on the decision: those of what it treats or, before a correction, treated (V10).
#[must_use]
pub fn streams_of_decision(decision: &BodyDecision) -> Vec<Stream> {
    let worded = decision.decision.iter().chain(&decision.stood);
    let treated = worded.flat_map(|decision| &decision.treats);
    let mut streams: Vec<Stream> = treated.filter_map(Matter::recorded_in).collect();
    streams.sort();
    streams.dedup();
    streams
}

/// What the role of each record holds that rests on the decision (V10).
#[must_use]
pub fn resting_mark(decision: &BodyDecision) -> String {
    let number = decision.decision.as_ref().map_or("", |decision| &decision.number);
    super::super::authority::by_minutes(number, &decision.meeting_id)
}
