//! Risk (risiko): the register of one project, with the factor computed and never taken (rules X1–X5), raising a deviation when it materialises (X4).

mod matrix;

pub use matrix::risk_matrix;

use super::finding::sharing_a_number;
use super::since::{Each, Followers, Share, Tally};
use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Suspicion, unchanged_or};
use crate::schema::v1::*;

impl Project {
    /// The risk of this id.
    ///
    /// # Errors
    /// The refusal, when there is none.
    pub fn risk(&self, id: &str) -> Result<&Risk, Refusal> {
        self.risks
            .iter()
            .find(|risk| risk.risk_id == id)
            .ok_or_else(|| Refusal::not_found("risk", id))
    }

    /// The risk, when it still can change.
    fn living_risk(&self, id: &str) -> Result<&Risk, Refusal> {
        let risk = self.risk(id)?;
        if risk.status() == RiskStatus::Closed {
            return Err(
                Refusal::precondition("RISK_CLOSED", format!("Risk {} is closed.", risk.label()))
                    .mend("Register a new risk when the threat is back."),
            );
        }
        Ok(risk)
    }

    fn risk_mut(&mut self, id: &str, at: &Recorded<'_>) -> Option<&mut Risk> {
        let risk = self.risks.iter_mut().find(|risk| risk.risk_id == id)?;
        at.touch(&mut risk.provenance);
        Some(risk)
    }
}

impl Risk {
    /// Whether it still threatens, or has happened.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.status(), RiskStatus::Open | RiskStatus::Materialized)
    }

    /// How it is spoken of: by its number, or by its id when it has none.
    pub(super) fn label(&self) -> &str {
        if self.number.is_empty() {
            &self.risk_id
        } else {
            &self.number
        }
    }

    fn measure(&self, id: &str) -> Result<&RiskMeasure, Refusal> {
        self.measures
            .iter()
            .find(|measure| measure.measure_id == id)
            .ok_or_else(|| Refusal::not_found("measure", id))
    }

    fn assess(&mut self, assessment: RiskAssessment, after_measure_id: &str, at: &Recorded<'_>) {
        self.factor = assessment.probability * assessment.consequence;
        self.assessments.push(AssessedRisk {
            assessment: Some(assessment),
            factor: self.factor,
            effective_date: at.effective_date.to_owned(),
            after_measure_id: after_measure_id.to_owned(),
            position: at.position,
        });
    }

    fn turn(&mut self, status: RiskStatus, at: &Recorded<'_>) {
        self.set_status(status);
        self.turns.push(RiskTurn {
            status: status.into(),
            effective_date: at.effective_date.to_owned(),
            reason: at.reason.to_owned(),
            position: at.position,
        });
    }

    pub(super) fn last_assessment(&self) -> Option<&RiskAssessment> {
        self.assessments.last()?.assessment.as_ref()
    }
}

impl Decide for RegisterRisk {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        if let Ok(risk) = project.risk(&self.risk_id) {
            let first = risk
                .assessments
                .first()
                .and_then(|assessed| assessed.assessment.as_ref());
            let same =
                risk.number == self.number && risk.description == self.description && first == self.assessment.as_ref();
            return unchanged_or(same, || Refusal::already_exists("risk", &self.risk_id));
        }
        Ok(vec![
            RiskRegistered {
                risk_id: self.risk_id.clone(),
                number: self.number.clone(),
                description: self.description.clone(),
                assessment: self.assessment,
            }
            .into(),
        ])
    }
}

impl Fold for RiskRegistered {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let mut risk = Risk {
            risk_id: self.risk_id.clone(),
            number: self.number.clone(),
            description: self.description.clone(),
            provenance: at.provenance(),
            ..Risk::default()
        };
        risk.turn(RiskStatus::Open, at);
        if let Some(assessment) = self.assessment {
            risk.assess(assessment, "", at);
        }
        project.risks.push(risk);
    }
}

impl Decide for AssessRisk {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let risk = project.living_risk(&self.risk_id)?;
        if risk.last_assessment() == self.assessment.as_ref() {
            return Ok(Vec::new());
        }
        Ok(vec![
            RiskAssessed {
                risk_id: self.risk_id.clone(),
                assessment: self.assessment,
            }
            .into(),
        ])
    }
}

impl Fold for RiskAssessed {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let (Some(risk), Some(assessment)) = (project.risk_mut(&self.risk_id, at), self.assessment) {
            risk.assess(assessment, "", at);
        }
    }
}

impl Decide for PlanMeasure {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let risk = project.living_risk(&self.risk_id)?;
        if let Ok(measure) = risk.measure(&self.measure_id) {
            let same = measure.description == self.description && measure.due == self.due;
            return unchanged_or(same, || Refusal::already_exists("measure", &self.measure_id));
        }
        Ok(vec![
            MeasurePlanned {
                risk_id: self.risk_id.clone(),
                measure_id: self.measure_id.clone(),
                description: self.description.clone(),
                due: self.due.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for MeasurePlanned {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(risk) = project.risk_mut(&self.risk_id, at) {
            risk.measures.push(RiskMeasure {
                measure_id: self.measure_id.clone(),
                description: self.description.clone(),
                due: self.due.clone(),
                completed: None,
            });
        }
    }
}

impl Decide for CompleteMeasure {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let risk = project.living_risk(&self.risk_id)?;
        if let Some(completed) = &risk.measure(&self.measure_id)?.completed {
            let residual = risk
                .assessments
                .iter()
                .find(|assessed| assessed.after_measure_id == self.measure_id);
            let same = residual.and_then(|assessed| assessed.assessment.as_ref()) == self.residual.as_ref();
            return unchanged_or(same, || {
                Refusal::precondition(
                    "MEASURE_COMPLETED",
                    format!("The measure was carried out already, on {completed}."),
                )
                .mend("Use AssessRisk to assess the risk anew.")
            });
        }
        Ok(vec![
            MeasureCompleted {
                risk_id: self.risk_id.clone(),
                measure_id: self.measure_id.clone(),
                residual: self.residual,
            }
            .into(),
        ])
    }
}

impl Fold for MeasureCompleted {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let Some(risk) = project.risk_mut(&self.risk_id, at) else {
            return;
        };
        if let Some(measure) = risk
            .measures
            .iter_mut()
            .find(|measure| measure.measure_id == self.measure_id)
        {
            measure.completed = Some(at.effective_date.to_owned());
        }
        if let Some(residual) = self.residual {
            risk.assess(residual, &self.measure_id, at);
        }
    }
}

impl Decide for AcceptRisk {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        if project.living_risk(&self.risk_id)?.status() == RiskStatus::Accepted {
            return Ok(Vec::new());
        }
        context.require_reason(
            "A risk is accepted for a reason.",
            "Say in the context's reason why the project can live with it.",
        )?;
        let risk_id = self.risk_id.clone();
        Ok(vec![RiskAccepted { risk_id }.into()])
    }
}

impl Fold for RiskAccepted {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(risk) = project.risk_mut(&self.risk_id, at) {
            risk.turn(RiskStatus::Accepted, at);
        }
    }
}

impl Decide for MaterializeRisk {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let risk = project.living_risk(&self.risk_id)?;
        if risk.status() == RiskStatus::Materialized {
            let same = risk.materialized_as == self.description
                && risk.deviation_id.as_ref() == Some(&self.deviation_id)
                && project
                    .deviation(&self.deviation_id)
                    .is_ok_and(|raised| raised.kind == self.deviation_kind);
            return unchanged_or(same, || {
                Refusal::precondition(
                    "RISK_MATERIALIZED",
                    format!("Risk {} has materialised already.", risk.label()),
                )
                .mend("Register a new risk for what may still happen.")
            });
        }
        if project.deviation(&self.deviation_id).is_ok() {
            return Err(Refusal::already_exists("deviation", &self.deviation_id));
        }
        // X4: what was feared has come, so the project no longer goes as planned.
        Ok(vec![
            RiskMaterialized {
                risk_id: self.risk_id.clone(),
                description: self.description.clone(),
                deviation_id: self.deviation_id.clone(),
            }
            .into(),
            DeviationRaised {
                deviation_id: self.deviation_id.clone(),
                kind: self.deviation_kind,
                description: self.description.clone(),
                consequence: String::new(),
                risk_id: Some(self.risk_id.clone()),
            }
            .into(),
        ])
    }
}

impl Fold for RiskMaterialized {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(risk) = project.risk_mut(&self.risk_id, at) {
            risk.turn(RiskStatus::Materialized, at);
            risk.materialized_as.clone_from(&self.description);
            risk.deviation_id = Some(self.deviation_id.clone());
        }
    }
}

impl Decide for CloseRisk {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        if project.risk(&self.risk_id)?.status() == RiskStatus::Closed {
            return Ok(Vec::new());
        }
        Ok(vec![
            RiskClosed {
                risk_id: self.risk_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for RiskClosed {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(risk) = project.risk_mut(&self.risk_id, at) {
            risk.turn(RiskStatus::Closed, at);
        }
    }
}

/// X2: a stated factor that is not S × K. X3: a risk without a measure. And a number that stands twice.
pub(super) fn find(project: &Project, _today: &str, found: &mut Vec<Suspicion>) {
    for risk in &project.risks {
        risk.find(found);
    }
    let numbered = project.risks.iter().map(|risk| (risk.number.as_str(), risk));
    for (number, same) in sharing_a_number(numbered) {
        let provenances = same.iter().filter_map(|risk| risk.provenance.as_ref());
        found.push(Suspicion {
            code: "RISK_NUMBER_REPEATED",
            severity: Severity::Warning,
            description: format!("{} risks have the number {number}.", same.len()),
            entities: same.iter().map(|risk| risk.risk_id.clone()).collect(),
            events: provenances.map(|provenance| provenance.last_position).collect(),
        });
    }
}

pub(super) fn follow() -> Followers<Project> {
    let numbers = Tally::<Project>::of_numbers(
        &[("risks", |project, index, _, _, shares| {
            shares.extend(Share::of_number("RISK_NUMBER_REPEATED", &project.risks[index].number));
        })],
        |project, places, found| {
            let risk = &project.risks[places.find(project, "risks", found.entities.first()?)?];
            Some((found.code, risk.number.clone()))
        },
    );
    let each = Each::<Project>::of("risks", |project, _, index, _, found| project.risks[index].find(found));
    vec![each, numbers]
}

impl Risk {
    fn find(&self, found: &mut Vec<Suspicion>) {
        if self.status() == RiskStatus::Closed {
            return;
        }
        let entities = vec![self.risk_id.clone()];
        let events: Vec<i64> = self
            .provenance
            .iter()
            .map(|provenance| provenance.last_position)
            .collect();
        if let Some(assessment) = self.last_assessment()
            && let Some(stated) = assessment.stated_factor.filter(|stated| *stated != self.factor)
        {
            let RiskAssessment {
                probability,
                consequence,
                ..
            } = assessment;
            let description = format!(
                "Risk {}: the stated RF is {stated}, but {probability} × {consequence} is {}.",
                self.label(),
                self.factor
            );
            found.push(Suspicion {
                code: "X2",
                severity: Severity::Warning,
                description,
                entities: entities.clone(),
                events: events.clone(),
            });
        }
        if self.measures.is_empty() && self.status() == RiskStatus::Open {
            let description = format!("Risk {} has no measure.", self.label());
            found.push(Suspicion {
                code: "X3",
                severity: Severity::Warning,
                description,
                entities,
                events,
            });
        }
    }
}
