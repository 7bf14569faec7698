//! Approval and correction of minutes (godkjenning og retting av protokoll): in a later meeting of the same body (rule V11).

use super::super::authority::Holder;
use super::super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream, unchanged_or};
use crate::schema::v1::*;

impl Organization {
    /// The meeting, whose minutes are recorded.
    fn minuted(&self, id: &str) -> Result<&Meeting, Refusal> {
        let meeting = self.meeting(id)?;
        if meeting.minutes.is_some() {
            return Ok(meeting);
        }
        let problem = format!("No minutes are recorded of {}.", meeting.in_words());
        Err(Refusal::rule("V11", "MINUTES_MISSING", problem).mend("Record the minutes first."))
    }

    /// V11: the meeting that approves or corrects them is a later one of the same body, and has come.
    fn require_later(&self, meeting: &Meeting, in_id: &str, context: &Context<'_>) -> Result<(), Refusal> {
        let later = self.meeting(in_id)?;
        let (on, date) = (later.in_words(), context.effective_date);
        let (reason, problem) = if !later.is_of(meeting.body_id()) {
            ("MEETING_OF_ANOTHER_BODY", format!("It is another body that has {on}."))
        } else if later.date() <= meeting.date() {
            (
                "MEETING_NOT_LATER",
                format!("Not later than {} is {on}.", meeting.in_words()),
            )
        } else if later.status() == MeetingStatus::Cancelled {
            ("MEETING_CANCELLED", format!("It was not held: {on} was cancelled."))
        } else if date < later.date() {
            (
                "MEETING_NOT_HELD",
                format!("It has not been held on {date}: {on} comes later."),
            )
        } else {
            return Ok(());
        };
        Err(Refusal::rule("V11", reason, problem)
            .mend("Name in `in_meeting_id` a later meeting of the same body, which has been held."))
    }
}

impl Organization {
    /// V11: a meeting in which minutes were approved or corrected has been held, whether its own are recorded or not.
    pub(super) fn require_not_held(&self, meeting: &Meeting) -> Result<(), Refusal> {
        let id = &meeting.meeting_id;
        let treated = |other: &Meeting| {
            other.minutes_approved_in_id.as_ref() == Some(id)
                || other
                    .minutes_corrections
                    .iter()
                    .any(|correction| correction.in_meeting_id == *id)
        };
        if !self.meetings.iter().any(treated) {
            return Ok(());
        }
        let problem = format!(
            "Minutes were approved or corrected in {}: it has been held.",
            meeting.in_words()
        );
        Err(Refusal::rule("V11", "MEETING_HELD", problem).mend("Record its minutes."))
    }
}

impl Meeting {
    fn require_unapproved(&self) -> Result<(), Refusal> {
        if self.minutes_approved_in_id.is_none() {
            return Ok(());
        }
        let problem = format!("The minutes of {} are approved.", self.in_words());
        Err(Refusal::rule("V11", "MINUTES_APPROVED", problem)
            .mend("Have the body decide anew in a later meeting what it meant to decide."))
    }
}

impl Decide for ApproveMinutes {
    type State = Organization;

    fn decide(&self, organization: &Organization, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        let meeting = organization.minuted(&self.meeting_id)?;
        if let Some(known) = &meeting.minutes_approved_in_id {
            return unchanged_or(*known == self.in_meeting_id, || {
                let problem = format!(
                    "The minutes of {} were approved in another meeting.",
                    meeting.in_words()
                );
                Refusal::rule("V11", "MINUTES_APPROVED", problem).mend("Name the meeting that approved them.")
            });
        }
        organization.require_later(meeting, &self.in_meeting_id, context)?;
        Ok(vec![
            MinutesApproved {
                meeting_id: self.meeting_id.clone(),
                in_meeting_id: self.in_meeting_id.clone(),
            }
            .into(),
        ])
    }

    fn entitled(&self, organization: &Organization, ground: Ground) -> Vec<Holder> {
        let meeting = organization.meeting(&self.meeting_id).ok();
        organization.sitting_in(meeting.map(Meeting::body_id), ground)
    }
}

impl Fold for MinutesApproved {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, at: &Recorded<'_>) {
        if let Some(meeting) = organization.meeting_mut(&self.meeting_id, at) {
            meeting.minutes_approved_in_id = Some(self.in_meeting_id.clone());
        }
    }
}

impl Decide for CorrectMinutes {
    type State = Organization;

    fn decide(&self, organization: &Organization, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        let meeting = organization.minuted(&self.meeting_id)?;
        if meeting.minutes == self.minutes {
            return Ok(Vec::new());
        }
        meeting.require_unapproved()?;
        organization.require_later(meeting, &self.in_meeting_id, context)?;
        context.require_reason(
            format!(
                "It is not said what was wrong in the minutes of {}.",
                meeting.in_words()
            ),
            "Say in the reason what is corrected.",
        )?;
        if let Some(minutes) = &self.minutes {
            minutes.check(organization, meeting, facts)?;
        }
        Ok(vec![
            MinutesCorrected {
                meeting_id: self.meeting_id.clone(),
                in_meeting_id: self.in_meeting_id.clone(),
                minutes: self.minutes.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &Organization, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        self.minutes.iter().flat_map(MeetingMinutes::streams).collect()
    }

    fn entitled(&self, organization: &Organization, ground: Ground) -> Vec<Holder> {
        let meeting = organization.meeting(&self.meeting_id).ok();
        organization.sitting_in(meeting.map(Meeting::body_id), ground)
    }
}

impl Fold for MinutesCorrected {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, at: &Recorded<'_>) {
        let Some(meeting) = organization.meeting_mut(&self.meeting_id, at) else {
            return;
        };
        let stood = std::mem::replace(&mut meeting.minutes, self.minutes.clone());
        meeting.minutes_corrections.push(MinutesCorrection {
            stood,
            in_meeting_id: self.in_meeting_id.clone(),
            corrected: at.effective_date.to_owned(),
            reason: at.reason.to_owned(),
            position: at.position,
        });
    }
}
