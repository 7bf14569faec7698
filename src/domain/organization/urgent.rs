//! Urgent decision (hastevedtak): made in place of a body, which is told of it in its next meeting (rule V8).

use super::super::since::{Each, Followers};
use super::super::{Refusal, Suspicion};
use crate::schema::v1::*;

impl MeetingDecision {
    /// The body that is told of it, when it was urgent: the one in whose place it was made.
    pub(super) fn told_body<'a>(&'a self, meeting: &'a Meeting) -> &'a str {
        self.urgent_for_body_id.as_deref().unwrap_or_else(|| meeting.body_id())
    }
}

impl MeetingMinutes {
    /// V8: an urgent decision is made in place of a body that is there, and what a body is told of is an urgent decision in its place.
    pub(super) fn require_urgency(&self, organization: &Organization, meeting: &Meeting) -> Result<(), Refusal> {
        for decision in &self.decisions {
            if let Some(body_id) = &decision.urgent_for_body_id {
                if !decision.urgent {
                    let problem = format!("Case {} is for another body, and not urgent.", decision.number);
                    return Err(Refusal::rule("V8", "NOT_URGENT", problem)
                        .mend("Say that it is urgent, or leave `urgent_for_body_id` out."));
                }
                organization.body_on(body_id, meeting.date())?;
            }
            if let Some(reference) = &decision.reports_urgent {
                organization.require_told_of(reference, meeting, &decision.number)?;
            }
        }
        Ok(())
    }
}

impl Organization {
    fn require_told_of(&self, reference: &MinutesReference, meeting: &Meeting, number: &str) -> Result<(), Refusal> {
        let own = reference.organization_id == self.organization_id;
        let earlier = self.meeting(&reference.meeting_id).ok();
        let earlier = earlier.filter(|earlier| own && earlier.date() < meeting.date());
        let mut cases = earlier
            .iter()
            .flat_map(|earlier| &earlier.minutes)
            .flat_map(|minutes| &minutes.decisions);
        let case = cases.find(|case| case.number == reference.number);
        if let (Some(earlier), Some(case)) = (earlier, case)
            && case.urgent
            && case.told_body(earlier) == meeting.body_id()
        {
            return Ok(());
        }
        let problem = format!(
            "Case {number} tells of case {} of an earlier meeting, which is no urgent decision in place of this body.",
            reference.number
        );
        Err(Refusal::rule("V8", "REPORTS_NO_URGENT_DECISION", problem)
            .mend("Name in `reports_urgent` an urgent decision that was made in place of this body in an earlier meeting of the organisation."))
    }
}

/// V8: an urgent decision that the body was not told of.
pub(super) fn find(organization: &Organization, _: &str, found: &mut Vec<Suspicion>) {
    for meeting in &organization.meetings {
        organization.find_untold(meeting, found);
    }
}

pub(super) fn follow() -> Followers<Organization> {
    vec![Each::of("meetings", |organization, _, index, _, found| {
        organization.find_untold(&organization.meetings[index], found);
    })]
}

impl Organization {
    /// Where the bodies were told of what was decided urgently in a meeting.
    pub(in crate::domain) fn told_in(&self, meeting: &Meeting) -> impl Iterator<Item = MinutesReference> {
        let decisions = meeting.minutes.iter().flat_map(|minutes| &minutes.decisions);
        let urgent = decisions.filter(|decision| decision.urgent);
        urgent.filter_map(|decision| self.reported_in(meeting, decision))
    }

    fn find_untold(&self, meeting: &Meeting, found: &mut Vec<Suspicion>) {
        let decisions = meeting.minutes.iter().flat_map(|minutes| &minutes.decisions);
        for decision in decisions.filter(|decision| decision.urgent) {
            if self.reported_in(meeting, decision).is_some() {
                continue;
            }
            let body_id = decision.told_body(meeting);
            let name = self.body(body_id).map_or("the body", |body| &body.name);
            let next = self.minuted_meetings(body_id).map(|(next, _)| next.date());
            let next = next.filter(|date| *date > meeting.date()).min();
            let (severity, description) = match next {
                None => (
                    Severity::Notice,
                    format!(
                        "{name} is to be told in its next meeting of the urgent decision {} on {}.",
                        decision.number,
                        meeting.date()
                    ),
                ),
                Some(date) => (
                    Severity::Warning,
                    format!(
                        "{name} met on {date}, and was not told of the urgent decision {} on {}.",
                        decision.number,
                        meeting.date()
                    ),
                ),
            };
            found.push(Suspicion {
                code: "V8",
                severity,
                description,
                entities: vec![meeting.meeting_id.clone(), body_id.to_owned()],
                events: super::meeting::last_events([meeting]),
            });
        }
    }
}
