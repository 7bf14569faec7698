//! Meeting (møte) and minutes: what a body has met about, and whether it meets as often as it is to (rules O3 and O5).

use super::super::authority::Holder;
use super::super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, unchanged_or};
use crate::schema::v1::*;

impl Organization {
    /// Whoever has a seat in the body: its members and its secretary record its meetings and minutes (V11).
    pub(super) fn sitting_in(&self, body_id: Option<&str>, ground: Ground) -> Vec<Holder> {
        let body = body_id.filter(|_| ground == Ground::Body).map(|body_id| BodyReference {
            organization_id: self.organization_id.clone(),
            body_id: body_id.to_owned(),
        });
        body.map(Holder::Body).into_iter().collect()
    }

    /// The meeting.
    pub(in crate::domain) fn meeting(&self, id: &str) -> Result<&Meeting, Refusal> {
        self.meetings
            .iter()
            .find(|meeting| meeting.meeting_id == id)
            .ok_or_else(|| Refusal::not_found("meeting", id))
    }

    pub(super) fn meeting_mut(&mut self, id: &str, at: &Recorded<'_>) -> Option<&mut Meeting> {
        let meeting = self.meetings.iter_mut().find(|meeting| meeting.meeting_id == id)?;
        at.touch(&mut meeting.provenance);
        Some(meeting)
    }
}

impl Meeting {
    pub(in crate::domain) fn date(&self) -> &str {
        self.plan.as_ref().map_or("", |plan| &plan.date)
    }

    pub(in crate::domain) fn body_id(&self) -> &str {
        self.plan.as_ref().map_or("", |plan| &plan.body_id)
    }

    /// What it is called in a sentence: by its day.
    pub(super) fn in_words(&self) -> String {
        format!("the meeting on {}", self.date())
    }

    pub(super) fn recurrence(&self) -> Option<&MeetingRecurrence> {
        self.plan.as_ref()?.recurrence.as_ref()
    }

    /// Whether it is a meeting of this body.
    #[must_use]
    pub fn is_of(&self, body_id: &str) -> bool {
        self.body_id() == body_id
    }
}

impl MeetingPlan {
    /// A series goes on in the same body, and forwards.
    fn require_series(&self, organization: &Organization) -> Result<(), Refusal> {
        let Some(follows) = &self.follows_id else { return Ok(()) };
        let before = organization.meeting(follows)?;
        if before.body_id() != self.body_id {
            return Err(Refusal::precondition(
                "SERIES_OF_ANOTHER_BODY",
                "The meeting that it follows is one of another body.",
            )
            .mend("Name a meeting of the same body, or leave `follows_id` out."));
        }
        if self.date.as_str() <= before.date() {
            let problem = format!(
                "The meeting is on {}, and the one that it follows on {}.",
                self.date,
                before.date()
            );
            return Err(Refusal::invalid("plan.date", "SERIES_GOES_BACK", problem)
                .mend("Give a later day, or name the meeting before it."));
        }
        Ok(())
    }
}

impl Decide for ScheduleMeeting {
    type State = Organization;

    fn decide(&self, organization: &Organization, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        if let Ok(known) = organization.meeting(&self.meeting_id) {
            return unchanged_or(known.plan == self.plan, || {
                Refusal::already_exists("meeting", &self.meeting_id)
            });
        }
        if let Some(plan) = &self.plan {
            organization.body_on(&plan.body_id, &plan.date)?;
            plan.require_series(organization)?;
        }
        Ok(vec![
            MeetingScheduled {
                meeting_id: self.meeting_id.clone(),
                plan: self.plan.clone(),
            }
            .into(),
        ])
    }

    fn entitled(&self, organization: &Organization, ground: Ground) -> Vec<Holder> {
        let body_id = self.plan.as_ref().map(|plan| plan.body_id.as_str());
        organization.sitting_in(body_id, ground)
    }
}

impl Fold for MeetingScheduled {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, at: &Recorded<'_>) {
        let follows = self.plan.as_ref().and_then(|plan| plan.follows_id.as_deref());
        let series = follows.and_then(|id| organization.meeting(id).ok());
        let series_id = series.map_or(&self.meeting_id, |meeting| &meeting.series_id).clone();
        organization.meetings.push(Meeting {
            meeting_id: self.meeting_id.clone(),
            plan: self.plan.clone(),
            status: MeetingStatus::Scheduled.into(),
            series_id,
            provenance: at.provenance(),
            ..Meeting::default()
        });
    }
}

impl Decide for CancelMeeting {
    type State = Organization;

    fn decide(&self, organization: &Organization, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        let meeting = organization.meeting(&self.meeting_id)?;
        match meeting.status() {
            MeetingStatus::Cancelled => Ok(Vec::new()),
            MeetingStatus::Held => {
                let problem = format!(
                    "The meeting on {} has been held: its minutes are recorded.",
                    meeting.date()
                );
                Err(Refusal::precondition("MEETING_HELD", problem).mend("Cancel a meeting that is still to come."))
            }
            MeetingStatus::Scheduled | MeetingStatus::Unspecified => {
                organization.require_not_held(meeting)?;
                let meeting_id = self.meeting_id.clone();
                Ok(vec![MeetingCancelled { meeting_id }.into()])
            }
        }
    }

    fn entitled(&self, organization: &Organization, ground: Ground) -> Vec<Holder> {
        let meeting = organization.meeting(&self.meeting_id).ok();
        organization.sitting_in(meeting.map(Meeting::body_id), ground)
    }
}

impl Fold for MeetingCancelled {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, at: &Recorded<'_>) {
        if let Some(meeting) = organization.meeting_mut(&self.meeting_id, at) {
            meeting.set_status(MeetingStatus::Cancelled);
            at.reason.clone_into(&mut meeting.cancelled_because);
        }
    }
}

/// The event that last changed these meetings.
pub(super) fn last_events<'a>(meetings: impl IntoIterator<Item = &'a Meeting>) -> Vec<i64> {
    let provenances = meetings.into_iter().filter_map(|meeting| meeting.provenance.as_ref());
    let last = provenances.map(|provenance| provenance.last_position).max();
    last.into_iter().collect()
}
