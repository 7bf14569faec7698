//! Deviation (avvik): raised, escalated to a body, resolved, or referred out of the project (rules V1, X4).

use super::authority::Holder;
use super::seat::require_body;
use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream, unchanged_or};
use crate::schema::v1::*;

impl Project {
    pub(super) fn deviation(&self, id: &str) -> Result<&Deviation, Refusal> {
        self.deviations
            .iter()
            .find(|deviation| deviation.deviation_id == id)
            .ok_or_else(|| Refusal::not_found("deviation", id))
    }

    fn deviation_mut(&mut self, id: &str, at: &Recorded<'_>) -> Option<&mut Deviation> {
        let deviation = self
            .deviations
            .iter_mut()
            .find(|deviation| deviation.deviation_id == id)?;
        at.touch(&mut deviation.provenance);
        Some(deviation)
    }

    /// The deviation, when it still is the project's on the effective date.
    fn unsettled_deviation(&self, id: &str, context: &Context<'_>) -> Result<&Deviation, Refusal> {
        let deviation = self.deviation(id)?;
        if let Some(settled) = &deviation.settled {
            let outcome = if deviation.status() == DeviationStatus::Resolved {
                "resolved"
            } else {
                "referred out of the project"
            };
            let problem = format!("The deviation was {outcome} on {settled}.");
            return Err(Refusal::precondition("DEVIATION_SETTLED", problem)
                .mend("Raise a new deviation for what has come up since."));
        }
        if context.effective_date < deviation.raised.as_str() {
            let problem = format!(
                "The deviation was raised on {}, after {}.",
                deviation.raised, context.effective_date
            );
            return Err(
                Refusal::invalid("context.effective_date", "BEFORE_THE_DEVIATION", problem)
                    .mend("Give a day on or after that."),
            );
        }
        Ok(deviation)
    }
}

impl Deviation {
    /// Whether it is neither resolved nor referred.
    pub(super) fn is_open(&self) -> bool {
        self.settled.is_none()
    }

    fn settle(&mut self, status: DeviationStatus, at: &Recorded<'_>) {
        self.set_status(status);
        self.settled = Some(at.effective_date.to_owned());
    }
}

impl Decide for RaiseDeviation {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        if let Ok(known) = project.deviation(&self.deviation_id) {
            let same = (known.kind, &known.description, &known.consequence)
                == (self.kind, &self.description, &self.consequence)
                && known.risk_id.is_none();
            return unchanged_or(same, || Refusal::already_exists("deviation", &self.deviation_id));
        }
        Ok(vec![
            DeviationRaised {
                deviation_id: self.deviation_id.clone(),
                kind: self.kind,
                description: self.description.clone(),
                consequence: self.consequence.clone(),
                risk_id: None,
            }
            .into(),
        ])
    }
}

impl Fold for DeviationRaised {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.deviations.push(Deviation {
            deviation_id: self.deviation_id.clone(),
            kind: self.kind,
            description: self.description.clone(),
            consequence: self.consequence.clone(),
            risk_id: self.risk_id.clone(),
            status: DeviationStatus::Open.into(),
            raised: at.effective_date.to_owned(),
            provenance: at.provenance(),
            ..Deviation::default()
        });
    }
}

impl EscalateDeviation {
    /// V1: it goes to a body that is named and exists.
    fn require_body<'a>(&'a self, date: &str, facts: &Facts<'_>) -> Result<&'a BodyReference, Refusal> {
        let Some(body) = &self.body else {
            let problem = "The deviation is escalated to no body.";
            return Err(
                Refusal::rule("V1", "ESCALATED_TO_NOBODY", problem).mend("Name the body that it goes to in `body`.")
            );
        };
        require_body(body, date, facts).map_err(|refusal| Refusal {
            rule: Some("V1"),
            ..refusal
        })?;
        Ok(body)
    }
}

impl Decide for EscalateDeviation {
    type State = Project;

    fn decide(&self, project: &Project, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let deviation = project.unsettled_deviation(&self.deviation_id, context)?;
        let body = self.require_body(context.effective_date, facts)?;
        let same = |last: &DeviationEscalation| last.body.as_ref() == Some(body) && last.request == self.request;
        if deviation.escalations.last().is_some_and(same) {
            return Ok(Vec::new());
        }
        Ok(vec![
            DeviationEscalated {
                deviation_id: self.deviation_id.clone(),
                body: self.body.clone(),
                request: self.request.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &Project, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        let organization = self
            .body
            .as_ref()
            .map(|body| Stream::organization(&body.organization_id));
        organization.into_iter().collect()
    }
}

impl Fold for DeviationEscalated {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(deviation) = project.deviation_mut(&self.deviation_id, at) {
            deviation.set_status(DeviationStatus::Escalated);
            deviation.escalations.push(DeviationEscalation {
                body: self.body.clone(),
                request: self.request.clone(),
                date: at.effective_date.to_owned(),
            });
        }
    }
}

impl Deviation {
    /// The body that it was brought before last, which then resolves it (W1).
    fn escalated_to(&self) -> Option<&BodyReference> {
        self.escalations.last()?.body.as_ref()
    }
}

impl Decide for ResolveDeviation {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let known = project.deviation(&self.deviation_id)?;
        if known.status() == DeviationStatus::Resolved
            && (&known.resolution, &known.decision_point_id) == (&self.resolution, &self.decision_point_id)
        {
            return Ok(Vec::new());
        }
        project.unsettled_deviation(&self.deviation_id, context)?;
        if let Some(id) = &self.decision_point_id {
            let (point, date) = (project.decision_point(id)?, context.effective_date);
            if !point.is_approved_by(date) {
                let problem = format!("The decision point {} is not approved on {date}.", point.label());
                return Err(Refusal::precondition("DECISION_NOT_APPROVED", problem)
                    .mend("Have it approved first, or leave `decision_point_id` out."));
            }
        }
        Ok(vec![
            DeviationResolved {
                deviation_id: self.deviation_id.clone(),
                resolution: self.resolution.clone(),
                decision_point_id: self.decision_point_id.clone(),
            }
            .into(),
        ])
    }

    fn entitled(&self, project: &Project, ground: Ground) -> Vec<Holder> {
        let deviation = project
            .deviation(&self.deviation_id)
            .ok()
            .filter(|_| ground == Ground::Body);
        let body = deviation.and_then(Deviation::escalated_to);
        body.cloned().map(Holder::Body).into_iter().collect()
    }

    fn counts(&self, project: &Project, holder: &Holder) -> bool {
        let deviation = project.deviation(&self.deviation_id).ok();
        let escalated = deviation.and_then(Deviation::escalated_to).is_some();
        !escalated || matches!(holder, Holder::Body(_))
    }
}

impl Fold for DeviationResolved {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(deviation) = project.deviation_mut(&self.deviation_id, at) {
            deviation.settle(DeviationStatus::Resolved, at);
            deviation.resolution.clone_from(&self.resolution);
            deviation.decision_point_id.clone_from(&self.decision_point_id);
        }
    }
}

impl Decide for ReferDeviation {
    type State = Project;

    fn decide(&self, project: &Project, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let known = project.deviation(&self.deviation_id)?;
        if known.status() == DeviationStatus::Referred
            && (&known.document, &known.referred_to) == (&self.document, &self.to)
        {
            return Ok(Vec::new());
        }
        project.unsettled_deviation(&self.deviation_id, context)?;
        let nobody = Addressee::default();
        let to = self.to.as_ref().unwrap_or(&nobody);
        to.check("to", context.effective_date, facts)?;
        Ok(vec![
            DeviationReferred {
                deviation_id: self.deviation_id.clone(),
                document: self.document.clone(),
                to: self.to.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &Project, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        self.to.as_ref().and_then(Addressee::stream).into_iter().collect()
    }
}

impl Fold for DeviationReferred {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(deviation) = project.deviation_mut(&self.deviation_id, at) {
            deviation.settle(DeviationStatus::Referred, at);
            deviation.document.clone_from(&self.document);
            deviation.referred_to.clone_from(&self.to);
        }
    }
}
