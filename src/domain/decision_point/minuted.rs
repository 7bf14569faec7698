//! What the minutes of the deciding body say of its decisions (rules V3 and V11).

use super::super::calendar::days_after;
use super::super::{Facts, Stream, Suspicion};
use crate::schema::v1::*;

/// How many days after a decision its minutes may well be recorded (V3).
const DAYS: i32 = 30;

/// The streams that say what bodies have minuted of the decisions of the project, as far as they can be named yet.
#[must_use]
pub fn streams_of_minuted(project_id: &str, facts: &Facts<'_>) -> Vec<Stream> {
    let project = facts.state_if_loaded::<Project>(project_id);
    let decided = project.into_iter().flat_map(decided_by_bodies);
    let organizations = decided.map(|(_, body, _)| Stream::organization(&body.organization_id));
    [Stream::project(project_id)].into_iter().chain(organizations).collect()
}

/// The decisions that stand and that a body made, with the body and the day.
fn decided_by_bodies(project: &Project) -> impl Iterator<Item = (&DecisionPoint, &BodyReference, &str)> {
    let standing = project.decision_points.iter().filter(|point| {
        matches!(
            point.status(),
            DecisionPointStatus::Approved | DecisionPointStatus::Rejected
        ) && point.superseded_by_id.is_none()
    });
    standing.filter_map(|point| {
        let Some(decider::Decider::Body(body)) = point.decider.as_ref()?.decider.as_ref() else {
            return None;
        };
        Some((point, body, point.decided.as_deref()?))
    })
}

/// What the minutes of a body say of a decision point.
struct Treatment<'a> {
    meeting: &'a Meeting,
    number: &'a str,
    outcome: MatterOutcome,
}

impl Treatment<'_> {
    /// Whether it is a decision in the matter: to advise and to take note decide nothing.
    fn decides(&self) -> bool {
        matches!(
            self.outcome,
            MatterOutcome::Approved | MatterOutcome::Rejected | MatterOutcome::Deferred | MatterOutcome::Returned
        )
    }

    /// Whether the matter was put off or sent back before that day: it may well have been decided since, in another meeting.
    fn was_put_off_before(&self, day: &str) -> bool {
        matches!(self.outcome, MatterOutcome::Deferred | MatterOutcome::Returned) && self.meeting.date() < day
    }
}

impl DecisionPoint {
    /// The last decision in it that the minutes of the body have.
    fn last_minuted<'a>(
        &self,
        project_id: &str,
        organization: &'a Organization,
        body_id: &str,
    ) -> Option<Treatment<'a>> {
        let is_this = |matter: &&Matter| {
            matter.kind() == MatterKind::DecisionPoint
                && matter.stream_id() == project_id
                && matter.matter_id() == self.decision_point_id
        };
        let minuted = organization.minuted_meetings(body_id);
        let treated = minuted.flat_map(|(meeting, minutes)| {
            minutes.decisions.iter().filter_map(move |decision| {
                let matter = decision.treats.iter().find(is_this)?;
                Some(Treatment {
                    meeting,
                    number: &decision.number,
                    outcome: matter.outcome(),
                })
            })
        });
        treated
            .filter(Treatment::decides)
            .max_by_key(|treatment| treatment.meeting.date())
    }

    fn outcome(&self) -> MatterOutcome {
        match self.status() {
            DecisionPointStatus::Approved => MatterOutcome::Approved,
            _ => MatterOutcome::Rejected,
        }
    }
}

/// V3, V11: what is found where the decisions of a project are held against the minutes of the bodies that made them. The streams that
/// [`streams_of_minuted`] names are known.
#[must_use]
pub fn minuted_findings(project: &Project, facts: &Facts<'_>, today: &str) -> Vec<Suspicion> {
    let mut found = Vec::new();
    for (point, body, day) in decided_by_bodies(project) {
        let Some(organization) = facts.organization(&body.organization_id) else {
            continue;
        };
        let name = organization.body(&body.body_id).map_or("the body", |body| &body.name);
        let minuted = point.last_minuted(&project.project_id, organization, &body.body_id);
        let minuted = minuted.filter(|treatment| !treatment.was_put_off_before(day));
        let suspicion = |code, severity, description, meeting: Option<&Meeting>| {
            let minuted = meeting.and_then(|meeting| meeting.provenance.as_ref());
            let minuted = minuted.map(|provenance| provenance.last_position);
            let meeting_id = meeting.map(|meeting| meeting.meeting_id.clone());
            Suspicion {
                code,
                severity,
                description,
                entities: [point.decision_point_id.clone()]
                    .into_iter()
                    .chain(meeting_id)
                    .collect(),
                events: [point.decided_position].into_iter().chain(minuted).collect(),
            }
        };
        if let Some(treatment) = minuted {
            if treatment.outcome != point.outcome() {
                let description = format!(
                    "{} was {} on {day}, and in case {} of {name} on {} it was {}.",
                    point.label(),
                    point.outcome().in_words(),
                    treatment.number,
                    treatment.meeting.date(),
                    treatment.outcome.in_words()
                );
                let meeting = Some(treatment.meeting);
                found.push(suspicion("V11", Severity::Serious, description, meeting));
            }
            continue;
        }
        if days_after(day, DAYS).is_some_and(|last| last.as_str() < today) {
            let description = format!(
                "{name} decided {} on {day}, and {DAYS} days later no minutes of it say so.",
                point.label()
            );
            found.push(suspicion("V3", Severity::Warning, description, None));
        }
        let mut meetings = organization.meetings.iter();
        let met = meetings.any(|meeting| {
            meeting.is_of(&body.body_id) && meeting.date() == day && meeting.status() != MeetingStatus::Cancelled
        });
        if !met {
            let description = format!(
                "{name} decided {} on {day}, and had no meeting on that day.",
                point.label()
            );
            found.push(suspicion("V11", Severity::Notice, description, None));
        }
    }
    found
}
