//! Moving a meeting (flytting av møte): to another day, in the same place of its series (rule V11).

use super::super::authority::Holder;
use super::super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal};
use crate::schema::v1::*;

impl MoveMeeting {
    /// A series goes forwards, before and after the move.
    fn require_order(&self, organization: &Organization, meeting: &Meeting) -> Result<(), Refusal> {
        let follows = meeting.plan.as_ref().and_then(|plan| plan.follows_id.as_deref());
        let before = follows.and_then(|id| organization.meeting(id).ok());
        let after = organization.meetings.iter().filter(|other| {
            let follows = other.plan.as_ref().and_then(|plan| plan.follows_id.as_deref());
            follows == Some(&self.meeting_id) && other.status() != MeetingStatus::Cancelled
        });
        let too_early = before.filter(|before| self.date.as_str() <= before.date());
        let too_late = after
            .filter(|after| after.date() <= self.date.as_str())
            .min_by_key(|after| after.date());
        let Some(other) = too_early.or(too_late) else {
            return Ok(());
        };
        let side = if too_early.is_some() { "after" } else { "before" };
        let problem = format!(
            "In its series the meeting comes {side} {}, and {} does not.",
            other.in_words(),
            self.date
        );
        Err(Refusal::rule("V11", "SERIES_GOES_BACK", problem)
            .mend("Give a day between those of the meetings before and after it, or move these first."))
    }
}

impl Decide for MoveMeeting {
    type State = Organization;

    fn decide(&self, organization: &Organization, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        let meeting = organization.meeting(&self.meeting_id)?;
        match meeting.status() {
            MeetingStatus::Held => {
                let problem = format!("It has been held: the minutes of {} are recorded.", meeting.in_words());
                return Err(Refusal::rule("V11", "MEETING_HELD", problem).mend("Move a meeting that is still to come."));
            }
            MeetingStatus::Cancelled => {
                let problem = format!("It does not come: {} was cancelled.", meeting.in_words());
                return Err(Refusal::rule("V11", "MEETING_CANCELLED", problem)
                    .mend("Schedule the meeting on its new day, under a new id."));
            }
            MeetingStatus::Scheduled | MeetingStatus::Unspecified => {}
        }
        if meeting.date() == self.date {
            return Ok(Vec::new());
        }
        organization.require_not_held(meeting)?;
        organization.body_on(meeting.body_id(), &self.date)?;
        self.require_order(organization, meeting)?;
        let (meeting_id, date) = (self.meeting_id.clone(), self.date.clone());
        Ok(vec![MeetingMoved { meeting_id, date }.into()])
    }

    fn entitled(&self, organization: &Organization, ground: Ground) -> Vec<Holder> {
        let meeting = organization.meeting(&self.meeting_id).ok();
        organization.sitting_in(meeting.map(Meeting::body_id), ground)
    }
}

impl Fold for MeetingMoved {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, at: &Recorded<'_>) {
        let Some(meeting) = organization.meeting_mut(&self.meeting_id, at) else {
            return;
        };
        let Some(plan) = &mut meeting.plan else { return };
        let from = std::mem::replace(&mut plan.date, self.date.clone());
        meeting.moves.push(MeetingMove {
            from,
            to: self.date.clone(),
            moved: at.effective_date.to_owned(),
            reason: at.reason.to_owned(),
        });
    }
}
