//! Minutes (møteprotokoll): what a body decided in a meeting, who was there and how they voted (rules O3, V4, V6, V7).

use super::super::authority::Holder;
use super::super::person::persons;
use super::super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream, same_person, unchanged_or};
use crate::schema::v1::*;

impl MeetingMinutes {
    /// Whoever sat in the body in the meeting, in place of another or not.
    fn is_present(&self, subject: &str) -> bool {
        self.present.iter().any(|present| same_person(present, subject))
            || self.deputies.iter().any(|deputy| same_person(&deputy.subject, subject))
    }

    /// V7: a deputy acts in place of a named member who was absent, or disqualified in a case.
    fn require_attendance(&self, organization: &Organization, meeting: &Meeting) -> Result<(), Refusal> {
        let functions = |subject: &str| {
            let seats = organization.sitting(meeting.body_id(), meeting.date()).into_iter();
            let terms = seats.filter_map(|seat| seat.terms.as_ref());
            let own = terms.filter(|terms| same_person(&terms.subject, subject));
            own.map(AppointmentTerms::function).collect::<Vec<_>>()
        };
        let deputy = AppointmentFunction::DeputyMember;
        for subject in &self.present {
            let held = functions(subject);
            if !held.is_empty() && held.iter().all(|function| *function == deputy) {
                let problem = format!("{subject} is a deputy, and nobody is named in whose place {subject} sat.");
                return Err(Refusal::rule("V7", "DEPUTY_FOR_NOBODY", problem)
                    .mend("Name the deputy in `deputies`, with the absent or disqualified member."));
            }
        }
        for named in &self.deputies {
            let (subject, member) = (&named.subject, &named.in_place_of);
            let disqualified = |decision: &MeetingDecision| decision.is_disqualified(member);
            let present = self.present.iter().any(|present| same_person(present, member));
            let away = !present || self.decisions.iter().any(disqualified);
            let problem = if !functions(subject).contains(&deputy) {
                format!("{subject} is no deputy of the body on {}.", meeting.date())
            } else if functions(member).is_empty() {
                format!(
                    "{member}, in whose place {subject} sat, is no member of the body on {}.",
                    meeting.date()
                )
            } else if away {
                continue;
            } else {
                format!("{member}, in whose place {subject} sat, was present and disqualified in no case.")
            };
            return Err(Refusal::rule("V7", "DEPUTY_WITHOUT_ABSENCE", problem)
                .mend("Name a deputy of the body, and the absent or disqualified member."));
        }
        Ok(())
    }

    /// V4, V6: no more votes than there are present members and deputies, and none by who is disqualified in the case.
    fn require_votes(&self) -> Result<(), Refusal> {
        self.decisions
            .iter()
            .try_for_each(|decision| decision.require_votes(self))
    }
}

impl MeetingDecision {
    /// Whether this person is disqualified in the case (inhabil, forvaltningsloven § 6).
    pub(super) fn is_disqualified(&self, subject: &str) -> bool {
        self.disqualified
            .iter()
            .any(|named| same_person(&named.subject, subject))
    }

    fn counts(&self) -> impl Iterator<Item = &Votes> {
        self.votes
            .iter()
            .chain(self.proposals.iter().filter_map(|proposal| proposal.votes.as_ref()))
    }

    fn require_votes(&self, minutes: &MeetingMinutes) -> Result<(), Refusal> {
        // Where nobody is named as present, nobody knows how many could vote; no votes are given then.
        let deputies = minutes.deputies.iter().map(|deputy| &deputy.subject);
        let voting = minutes.present.iter().chain(deputies).map(String::as_str);
        let voting = voting.filter(|subject| !self.is_disqualified(subject));
        let most = i64::try_from(persons(voting)).unwrap_or(i64::MAX);
        for votes in self.counts() {
            let given = i64::from(votes.in_favour) + i64::from(votes.against) + i64::from(votes.abstaining);
            if given > most {
                let problem = format!(
                    "{given} votes are given in case {}, and {most} could vote: the members and deputies who were present and not disqualified.",
                    self.number
                );
                return Err(Refusal::rule("V4", "MORE_VOTES_THAN_VOTERS", problem)
                    .mend("Count the votes again, or name everybody who was present."));
            }
            for named in &votes.named {
                self.require_voter(&named.subject, minutes)?;
            }
        }
        Ok(())
    }

    fn require_voter(&self, subject: &str, minutes: &MeetingMinutes) -> Result<(), Refusal> {
        if self.is_disqualified(subject) {
            let problem = format!(
                "{subject} is disqualified in case {}, and neither votes nor counts as present.",
                self.number
            );
            return Err(Refusal::rule("V6", "DISQUALIFIED_VOTED", problem).mend("Leave that vote out."));
        }
        if minutes.is_present(subject) {
            return Ok(());
        }
        let problem = format!("{subject} voted in case {}, and was not present.", self.number);
        Err(Refusal::rule("V4", "VOTED_WITHOUT_BEING_PRESENT", problem)
            .mend("Name everybody who was present, or leave that vote out."))
    }
}

impl MeetingMinutes {
    /// What stands against these minutes of the meeting, whether they are recorded or corrected.
    pub(super) fn check(
        &self,
        organization: &Organization,
        meeting: &Meeting,
        facts: &Facts<'_>,
    ) -> Result<(), Refusal> {
        self.require_matters(facts)?;
        self.require_attendance(organization, meeting)?;
        self.require_votes()?;
        self.require_own_numbers(organization, meeting)?;
        self.require_urgency(organization, meeting)
    }

    /// The streams that have to be known to judge them.
    pub(super) fn streams(&self) -> Vec<Stream> {
        self.matters().filter_map(Matter::stream).collect()
    }

    fn matters(&self) -> impl Iterator<Item = &Matter> {
        self.decisions.iter().flat_map(|decision| &decision.treats)
    }

    /// O3: each decision says which matter it treats.
    fn require_matters(&self, facts: &Facts<'_>) -> Result<(), Refusal> {
        for (index, decision) in self.decisions.iter().enumerate() {
            if decision.treats.is_empty() {
                let name = if decision.number.is_empty() {
                    (index + 1).to_string()
                } else {
                    decision.number.clone()
                };
                let problem = format!("Decision {name} does not say what it treats.");
                return Err(Refusal::rule("O3", "DECISION_TREATS_NOTHING", problem).mend(
                    "Name what it treats, with the kind other for what nothing here has a name for, or put what was said into the summary.",
                ));
            }
        }
        self.matters().try_for_each(|matter| matter.require_recorded(facts))
    }
}

impl Decide for RecordMinutes {
    type State = Organization;

    fn decide(&self, organization: &Organization, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        let meeting = organization.meeting(&self.meeting_id)?;
        match meeting.status() {
            MeetingStatus::Held => {
                return unchanged_or(meeting.minutes == self.minutes, || {
                    let problem = format!("The minutes of the meeting on {} are recorded already.", meeting.date());
                    Refusal::precondition("MINUTES_RECORDED", problem)
                        .mend("Correct them in a later meeting of the body (`CorrectMinutes`).")
                });
            }
            MeetingStatus::Cancelled => {
                let problem = format!("The meeting on {} was cancelled, and has no minutes.", meeting.date());
                return Err(Refusal::rule("O3", "MEETING_CANCELLED", problem)
                    .mend("Schedule the meeting that was held, under a new id."));
            }
            MeetingStatus::Scheduled | MeetingStatus::Unspecified => {}
        }
        if context.effective_date < meeting.date() {
            let problem = format!(
                "The meeting is on {}, and has not been held on {}.",
                meeting.date(),
                context.effective_date
            );
            return Err(Refusal::rule("O3", "MEETING_NOT_HELD", problem)
                .mend("Record the minutes when the meeting has been held; one that was held earlier is cancelled and scheduled on its day."));
        }
        if let Some(minutes) = &self.minutes {
            minutes.check(organization, meeting, facts)?;
        }
        Ok(vec![
            MinutesRecorded {
                meeting_id: self.meeting_id.clone(),
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

impl Fold for MinutesRecorded {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, at: &Recorded<'_>) {
        if let Some(meeting) = organization.meeting_mut(&self.meeting_id, at) {
            meeting.set_status(MeetingStatus::Held);
            meeting.minutes.clone_from(&self.minutes);
        }
    }
}
