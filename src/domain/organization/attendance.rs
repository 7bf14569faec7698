//! Attendance (frammøte): whether a body had a quorum, and whether whoever was present had a seat (rules V5 and V11).

use std::collections::HashMap;

use super::super::since::{Each, Followers};
use super::super::{Suspicion, same_person};
use crate::schema::v1::*;

impl AppointmentFunction {
    /// Whether it is a member's, who counts for the quorum.
    const fn is_member(self) -> bool {
        matches!(self, Self::Leader | Self::DeputyLeader | Self::Member)
    }
}

/// Who sits in each body, read once for all of its meetings.
struct Seats<'a> {
    organization: &'a Organization,
    /// The appointments to a body; none when other organisations say who sits in it.
    of_body: HashMap<&'a str, Option<Vec<&'a Appointment>>>,
}

impl<'a> Seats<'a> {
    fn of(organization: &'a Organization) -> Self {
        Self {
            organization,
            of_body: HashMap::new(),
        }
    }

    fn find_in(&mut self, meeting: &'a Meeting, found: &mut Vec<Suspicion>) {
        let Some(minutes) = meeting.minutes.as_ref().filter(|minutes| !minutes.present.is_empty()) else {
            return;
        };
        let Some(sitting) = self.in_meeting(meeting) else {
            return;
        };
        let name = self
            .organization
            .body(meeting.body_id())
            .map_or("the body", |body| &body.name);
        let mut suspect = |code, description| {
            found.push(Suspicion {
                code,
                severity: Severity::Warning,
                description,
                entities: vec![meeting.meeting_id.clone(), meeting.body_id().to_owned()],
                events: super::meeting::last_events([meeting]),
            });
        };
        let members = sitting.iter().filter(|terms| terms.function().is_member()).count();
        let without_quorum = minutes.without_quorum(&sitting);
        for (attending, case) in without_quorum.into_iter().filter(|_| !minutes.is_urgent_only()) {
            let place = case.map_or_else(|| meeting.in_words(), |case| format!("case {}", case.number));
            suspect(
                "V5",
                format!(
                    "In {place}, {attending} of the {members} members of {name} attended: fewer than half, and no quorum."
                ),
            );
        }
        let without_seat = minutes.without_seat(&sitting);
        if !without_seat.is_empty() {
            suspect(
                "V11",
                format!(
                    "In {}, those present had no seat in {name}: {}.",
                    meeting.in_words(),
                    without_seat.join(", ")
                ),
            );
        }
    }

    /// The terms of those that sat in the body in the meeting; none when this organisation does not say that.
    fn in_meeting(&mut self, meeting: &'a Meeting) -> Option<Vec<&'a AppointmentTerms>> {
        let (organization, body_id) = (self.organization, meeting.body_id());
        let known = || {
            organization
                .is_composed_here(body_id)
                .then(|| organization.appointments_to(body_id))
        };
        let appointments = self.of_body.entry(body_id).or_insert_with(known).as_ref()?;
        let held = appointments.iter().filter(|seat| seat.holds_on(meeting.date()));
        Some(held.filter_map(|seat| seat.terms.as_ref()).collect())
    }
}

fn is_among<'a>(mut subjects: impl Iterator<Item = &'a String> + Clone, subject: &str) -> bool {
    // Nearly always it is written the same.
    subjects.clone().any(|other| other == subject) || subjects.any(|other| same_person(other, subject))
}

impl MeetingMinutes {
    /// How many of the members attended, in person or by a deputy; in one case, where it is named, without who was disqualified in it.
    fn attending(&self, members: &[&AppointmentTerms], case: Option<&MeetingDecision>) -> usize {
        let may = |subject: &str| case.is_none_or(|case| !case.is_disqualified(subject));
        let attends = |member: &&&AppointmentTerms| {
            let subject = &member.subject;
            (may(subject) && is_among(self.present.iter(), subject))
                || self
                    .deputies
                    .iter()
                    .any(|deputy| same_person(&deputy.in_place_of, subject) && may(&deputy.subject))
        };
        members.iter().filter(attends).count()
    }

    /// V5: where fewer than half of the members attended: in the whole meeting, or in some cases.
    fn without_quorum(&self, seats: &[&AppointmentTerms]) -> Vec<(usize, Option<&MeetingDecision>)> {
        let members: Vec<&AppointmentTerms> = seats
            .iter()
            .copied()
            .filter(|terms| terms.function().is_member())
            .collect();
        let too_few = |case: Option<&MeetingDecision>| {
            let attending = self.attending(&members, case);
            (attending * 2 < members.len()).then_some(attending)
        };
        if let Some(attending) = too_few(None) {
            return vec![(attending, None)];
        }
        let judged = self.decisions.iter().filter(|case| !case.disqualified.is_empty());
        judged
            .filter_map(|case| Some((too_few(Some(case))?, Some(case))))
            .collect()
    }

    /// V11: those present who had no seat.
    fn without_seat(&self, seats: &[&AppointmentTerms]) -> Vec<&str> {
        let subjects = || seats.iter().map(|terms| &terms.subject);
        let present = self.present.iter().map(String::as_str);
        present.filter(|subject| !is_among(subjects(), subject)).collect()
    }

    /// Whether it only says what was decided urgently, in place of the body.
    fn is_urgent_only(&self) -> bool {
        !self.decisions.is_empty() && self.decisions.iter().all(|decision| decision.urgent)
    }
}

/// V5, V11: no quorum, and somebody present without a seat. Where nobody is named as present, nobody knows who was.
pub(super) fn find(organization: &Organization, _: &str, found: &mut Vec<Suspicion>) {
    let mut seats = Seats::of(organization);
    for meeting in &organization.meetings {
        seats.find_in(meeting, found);
    }
}

pub(super) fn follow() -> Followers<Organization> {
    vec![Each::of("meetings", |organization, _, index, _, found| {
        Seats::of(organization).find_in(&organization.meetings[index], found);
    })]
}
