//! Participation (deltakelse): which organisations take part in a programme, and for how long (rule O6).

use super::super::authority::Holder;
use super::super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream, unchanged_or};
use crate::schema::v1::*;

impl Programme {
    fn participation(&self, id: &str) -> Result<&ProgrammeParticipation, Refusal> {
        self.participations
            .iter()
            .find(|participation| participation.participation_id == id)
            .ok_or_else(|| Refusal::not_found("participation", id))
    }
}

impl ProgrammeParticipation {
    fn number(&self) -> &str {
        self.participant
            .as_ref()
            .map_or("", |participant| &participant.organization_number)
    }
}

impl Decide for JoinProgramme {
    type State = Programme;

    fn decide(&self, programme: &Programme, facts: &Facts<'_>, _: &Context<'_>) -> Decision {
        programme.require_open()?;
        if let Ok(known) = programme.participation(&self.participation_id) {
            let same = known.participant == self.participant && known.from == self.from;
            return unchanged_or(same, || {
                Refusal::already_exists("participation", &self.participation_id)
            });
        }
        if let Some(participant) = &self.participant {
            participant.check("participant", |id| facts.organization(id))?;
            let number = &participant.organization_number;
            let mut others = programme.participations.iter();
            let goes_on =
                others.find(|other| other.number() == number && other.to.as_ref().is_none_or(|to| self.from <= *to));
            if let Some(other) = goes_on {
                let problem = format!("The organisation {number} takes part already, from {}.", other.from);
                return Err(Refusal::precondition("ALREADY_A_PARTICIPANT", problem)
                    .mend("Record that it leaves first, and let it join anew from a later day."));
            }
        }
        Ok(vec![
            ProgrammeJoined {
                participation_id: self.participation_id.clone(),
                participant: self.participant.clone(),
                from: self.from.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &Programme, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        let participant = self.participant.iter();
        participant.filter_map(OrganizationReference::stream).collect()
    }

    fn entitled(&self, programme: &Programme, ground: Ground) -> Vec<Holder> {
        let participant = self.participant.as_ref().filter(|_| ground == Ground::Organization);
        let participant = participant.and_then(|participant| participant.organization_id.clone());
        let own = participant.map(Holder::Organization);
        programme.steered_by(ground).into_iter().chain(own).collect()
    }
}

impl Fold for ProgrammeJoined {
    type State = Programme;

    fn fold(&self, programme: &mut Programme, at: &Recorded<'_>) {
        programme.participations.push(ProgrammeParticipation {
            participation_id: self.participation_id.clone(),
            participant: self.participant.clone(),
            from: self.from.clone(),
            to: None,
            provenance: at.provenance(),
        });
    }
}

impl Decide for LeaveProgramme {
    type State = Programme;

    fn decide(&self, programme: &Programme, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        programme.require_open()?;
        let participation = programme.participation(&self.participation_id)?;
        if let Some(to) = &participation.to {
            return unchanged_or(*to == self.to, || {
                let problem = format!("The organisation has left already, with {to} as its last day.");
                Refusal::precondition("PARTICIPANT_LEFT", problem).mend("Let it join anew if it has come back.")
            });
        }
        if self.to < participation.from {
            let problem = format!(
                "The last day, {}, is before the first day, {}.",
                self.to, participation.from
            );
            return Err(Refusal::invalid("to", "ENDS_BEFORE_IT_BEGINS", problem)
                .mend("Give a last day that is not before the first one."));
        }
        Ok(vec![
            ProgrammeLeft {
                participation_id: self.participation_id.clone(),
                to: self.to.clone(),
            }
            .into(),
        ])
    }

    fn entitled(&self, programme: &Programme, ground: Ground) -> Vec<Holder> {
        let participant = programme
            .participant(&self.participation_id)
            .filter(|_| ground == Ground::Organization);
        let participant = participant.and_then(|participant| participant.organization_id.clone());
        let own = participant.map(Holder::Organization);
        programme.steered_by(ground).into_iter().chain(own).collect()
    }
}

impl Fold for ProgrammeLeft {
    type State = Programme;

    fn fold(&self, programme: &mut Programme, at: &Recorded<'_>) {
        let mut participations = programme.participations.iter_mut();
        if let Some(known) = participations.find(|known| known.participation_id == self.participation_id) {
            known.to = Some(self.to.clone());
            at.touch(&mut known.provenance);
        }
    }
}
