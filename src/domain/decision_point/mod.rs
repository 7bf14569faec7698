//! Decision point (beslutningspunkt, BP): planned, moved and withdrawn here; decided and followed up beside (rules B1–B9).

mod authority;
mod basis;
mod condition;
mod decision;
mod finding;
mod frozen;
mod minuted;
mod rank;
mod reassignment;
mod start;

use std::collections::HashMap;

use super::authority::Holder;
use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream, seat, unchanged_or};
use crate::schema::v1::*;

pub use condition::condition_reading;
pub(super) use finding::{find, follow};
pub use frozen::{changed_after_decision, decision_basis};
pub use minuted::{minuted_findings, streams_of_minuted};

/// So many times a decision may be superseded before all points are sorted by their ids to follow that.
const SHORT_CHAIN: usize = 4;

impl Project {
    pub(super) fn decision_point(&self, id: &str) -> Result<&DecisionPoint, Refusal> {
        self.decision_points
            .iter()
            .find(|point| point.decision_point_id == id)
            .ok_or_else(|| Refusal::not_found("decision point", id))
    }

    /// The decision that stands in place of this point's own: that of the point that superseded it last (B7).
    pub(super) fn standing<'a>(&'a self, point: &'a DecisionPoint) -> &'a DecisionPoint {
        let mut standing = point;
        // Most chains are short. For a long one, nobody looks through all points at each of its links.
        let mut by_id = None;
        // Each point is superseded once at the most, so the chain is no longer than the list.
        for link in 0..self.decision_points.len() {
            let Some(id) = standing.superseded_by_id.as_deref() else {
                break;
            };
            let next = if link < SHORT_CHAIN {
                self.decision_point(id).ok()
            } else {
                by_id.get_or_insert_with(|| self.points_by_id()).get(id).copied()
            };
            let Some(next) = next else { break };
            standing = next;
        }
        standing
    }

    fn points_by_id(&self) -> HashMap<&str, &DecisionPoint> {
        let points = self.decision_points.iter();
        points.map(|point| (point.decision_point_id.as_str(), point)).collect()
    }

    /// The decisions that stand in place of those of all points, by the ids of these; see [`Self::standing`].
    pub(super) fn all_standing(&self) -> HashMap<&str, &DecisionPoint> {
        let by_id = self.points_by_id();
        let mut found: HashMap<&str, &DecisionPoint> = HashMap::new();
        for point in &self.decision_points {
            let (mut way, mut standing) = (Vec::new(), point);
            while way.len() <= by_id.len() {
                if let Some(known) = found.get(standing.decision_point_id.as_str()) {
                    standing = known;
                    break;
                }
                way.push(standing.decision_point_id.as_str());
                let next = standing.superseded_by_id.as_deref().and_then(|id| by_id.get(id));
                let Some(next) = next else { break };
                standing = next;
            }
            found.extend(way.into_iter().map(|id| (id, standing)));
        }
        found
    }

    /// The point, when it is neither decided nor withdrawn.
    fn open_decision_point(&self, id: &str) -> Result<&DecisionPoint, Refusal> {
        let point = self.decision_point(id)?;
        if point.is_decided() {
            return Err(point.decided_already());
        }
        if point.status() == DecisionPointStatus::Withdrawn {
            let problem = format!("The decision point {} has been withdrawn.", point.label());
            return Err(Refusal::precondition("DECISION_POINT_WITHDRAWN", problem).mend("Plan a new decision point."));
        }
        Ok(point)
    }

    fn decision_point_mut(&mut self, id: &str, at: &Recorded<'_>) -> Option<&mut DecisionPoint> {
        let point = self
            .decision_points
            .iter_mut()
            .find(|point| point.decision_point_id == id)?;
        at.touch(&mut point.provenance);
        Some(point)
    }
}

impl DecisionPoint {
    /// Approved, and that decision still stands.
    pub(super) fn is_approved(&self) -> bool {
        self.status() == DecisionPointStatus::Approved && self.superseded_by_id.is_none()
    }

    /// Approved or rejected.
    pub(super) fn is_decided(&self) -> bool {
        matches!(
            self.status(),
            DecisionPointStatus::Approved | DecisionPointStatus::Rejected
        )
    }

    /// Its number and name, as a sentence speaks of it.
    pub(super) fn label(&self) -> String {
        if self.number.is_empty() {
            self.name.clone()
        } else {
            format!("{} ({})", self.number, self.name)
        }
    }

    fn decided_already(&self) -> Refusal {
        let outcome = if self.status() == DecisionPointStatus::Approved {
            "approved"
        } else {
            "rejected"
        };
        let day = self.decided.as_deref().unwrap_or_default();
        let problem = format!("The decision point {} was {outcome} on {day}.", self.label());
        Refusal::rule("B7", "DECIDED_ALREADY", problem)
            .mend("Plan a new decision point that names it in `supersedes_id`.")
    }

    fn move_to(&mut self, date: &str, deferred: bool, at: &Recorded<'_>) {
        let from = std::mem::replace(&mut self.date, date.to_owned());
        let (to, moved, reason) = (date.to_owned(), at.effective_date.to_owned(), at.reason.to_owned());
        self.moves.push(DecisionPointMove {
            from,
            to,
            moved,
            deferred,
            reason,
        });
    }
}

impl PlanDecisionPoint {
    fn says_what_is(&self, point: &DecisionPoint) -> bool {
        let first_date = point.moves.first().map_or(&point.date, |first| &first.from);
        let first_decider = point.reassignments.first().map_or(&point.decider, |first| &first.from);
        (&self.number, &self.name, &self.date) == (&point.number, &point.name, first_date)
            && (self.kind, self.mandatory, self.weighs_options) == (point.kind, point.mandatory, point.weighs_options)
            && (&self.decider, &self.advising_bodies) == (first_decider, &point.advising_bodies)
            && (&self.gates_phase_id, &self.supersedes_id) == (&point.gates_phase_id, &point.supersedes_id)
    }

    /// B7: only a decided point is superseded, and only by one point.
    fn check_superseded(&self, project: &Project) -> Result<(), Refusal> {
        let Some(id) = &self.supersedes_id else { return Ok(()) };
        let superseded = project.decision_point(id)?;
        if !superseded.is_decided() {
            let problem = format!("The decision point {} is not decided yet.", superseded.label());
            return Err(Refusal::rule("B7", "SUPERSEDES_UNDECIDED", problem)
                .mend("Decide or reschedule that one; only a decided point is superseded."));
        }
        // One that was withdrawn or rejected overturns nothing (W10).
        let over = [DecisionPointStatus::Withdrawn, DecisionPointStatus::Rejected];
        let rival =
            |point: &&DecisionPoint| point.supersedes_id.as_ref() == Some(id) && !over.contains(&point.status());
        match project.decision_points.iter().find(rival) {
            Some(rival) => {
                let (old, new) = (superseded.label(), rival.label());
                Err(Refusal::rule(
                    "B7",
                    "SUPERSEDED_ALREADY",
                    format!("{new} supersedes the decision point {old} already."),
                )
                .mend(format!("Use {new}, or supersede that one when it is decided.")))
            }
            None => Ok(()),
        }
    }

    fn check_bodies(&self, facts: &Facts<'_>) -> Result<(), Refusal> {
        let nobody = Decider::default();
        self.decider.as_ref().unwrap_or(&nobody).check(&self.date, facts)?;
        for (index, body) in self.advising_bodies.iter().enumerate() {
            seat::require_body(body, &self.date, facts)?;
            if self.advising_bodies.iter().take(index).any(|earlier| earlier == body) {
                let problem = format!("The body {} is named twice.", body.body_id);
                return Err(Refusal::invalid("advising_bodies", "BODY_REPEATED", problem).mend("Name each body once."));
            }
        }
        Ok(())
    }
}

impl Decide for PlanDecisionPoint {
    type State = Project;

    fn decide(&self, project: &Project, facts: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        if let Ok(point) = project.decision_point(&self.decision_point_id) {
            return unchanged_or(self.says_what_is(point), || {
                Refusal::already_exists("decision point", &self.decision_point_id)
            });
        }
        self.check_bodies(facts)?;
        self.gates_phase_id.as_deref().map(|id| project.phase(id)).transpose()?;
        self.check_superseded(project)?;
        let nobody = Decider::default();
        let decider = self.decider.as_ref().unwrap_or(&nobody);
        decider.require_enough_for(self.kind())?;
        let superseded = self
            .supersedes_id
            .as_deref()
            .map(|id| project.decision_point(id))
            .transpose()?;
        if let Some(superseded) = superseded {
            decider.require_may_overturn(superseded, facts)?;
        }
        Ok(vec![
            DecisionPointPlanned {
                decision_point_id: self.decision_point_id.clone(),
                number: self.number.clone(),
                name: self.name.clone(),
                date: self.date.clone(),
                kind: self.kind,
                mandatory: self.mandatory,
                decider: self.decider.clone(),
                advising_bodies: self.advising_bodies.clone(),
                weighs_options: self.weighs_options,
                gates_phase_id: self.gates_phase_id.clone(),
                supersedes_id: self.supersedes_id.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        let superseded = self
            .supersedes_id
            .as_deref()
            .and_then(|id| project.decision_point(id).ok());
        let before = superseded.and_then(|point| point.decider.as_ref());
        let deciders = self.decider.iter().chain(before).filter_map(Decider::stream);
        let advising = self
            .advising_bodies
            .iter()
            .map(|body| Stream::organization(&body.organization_id));
        deciders.chain(advising).collect()
    }
}

impl Fold for DecisionPointPlanned {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.decision_points.push(DecisionPoint {
            decision_point_id: self.decision_point_id.clone(),
            number: self.number.clone(),
            name: self.name.clone(),
            date: self.date.clone(),
            kind: self.kind,
            mandatory: self.mandatory,
            decider: self.decider.clone(),
            advising_bodies: self.advising_bodies.clone(),
            weighs_options: self.weighs_options,
            gates_phase_id: self.gates_phase_id.clone(),
            supersedes_id: self.supersedes_id.clone(),
            status: DecisionPointStatus::Planned.into(),
            provenance: at.provenance(),
            ..DecisionPoint::default()
        });
    }
}

impl Decide for RescheduleDecisionPoint {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let point = project.open_decision_point(&self.decision_point_id)?;
        if point.date == self.date {
            return Ok(Vec::new());
        }
        context.require_reason(
            format!("The decision point {} is moved for a reason.", point.label()),
            "Say in the context's reason why it is moved.",
        )?;
        let (decision_point_id, date) = (self.decision_point_id.clone(), self.date.clone());
        Ok(vec![
            DecisionPointRescheduled {
                decision_point_id,
                date,
            }
            .into(),
        ])
    }
}

impl Fold for DecisionPointRescheduled {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(point) = project.decision_point_mut(&self.decision_point_id, at) {
            point.move_to(&self.date, false, at);
        }
    }
}

impl Decide for WithdrawDecisionPoint {
    type State = Project;

    fn entitled(&self, project: &Project, ground: Ground) -> Vec<Holder> {
        project.deciders(&self.decision_point_id, ground)
    }

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        if project.decision_point(&self.decision_point_id)?.status() == DecisionPointStatus::Withdrawn {
            return Ok(Vec::new());
        }
        let point = project.open_decision_point(&self.decision_point_id)?;
        if point.mandatory {
            let problem = format!(
                "The decision point {} is mandatory and cannot be withdrawn.",
                point.label()
            );
            return Err(Refusal::rule("B3", "DECISION_POINT_MANDATORY", problem)
                .mend("Reschedule it, or have it approved or rejected by its decider."));
        }
        Ok(vec![
            DecisionPointWithdrawn {
                decision_point_id: self.decision_point_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for DecisionPointWithdrawn {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(point) = project.decision_point_mut(&self.decision_point_id, at) {
            point.set_status(DecisionPointStatus::Withdrawn);
        }
    }
}
