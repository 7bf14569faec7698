//! Success factor and quality assurance (kritisk suksessfaktor, kvalitetssikring): what must be in place, and what secures it (rule Q1).

use super::since::{Each, Followers};
use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Suspicion, unchanged_or};
use crate::schema::v1::*;

impl Project {
    fn success_factor(&self, id: &str) -> Result<&SuccessFactor, Refusal> {
        self.success_factors
            .iter()
            .find(|factor| factor.success_factor_id == id)
            .ok_or_else(|| Refusal::not_found("success factor", id))
    }

    fn success_factor_mut(&mut self, id: &str, at: &Recorded<'_>) -> Option<&mut SuccessFactor> {
        let factor = self
            .success_factors
            .iter_mut()
            .find(|factor| factor.success_factor_id == id)?;
        at.touch(&mut factor.provenance);
        Some(factor)
    }
}

impl Decide for IdentifySuccessFactor {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        if let Ok(known) = project.success_factor(&self.success_factor_id) {
            return unchanged_or(known.description == self.description, || {
                Refusal::already_exists("success factor", &self.success_factor_id)
            });
        }
        Ok(vec![
            SuccessFactorIdentified {
                success_factor_id: self.success_factor_id.clone(),
                description: self.description.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for SuccessFactorIdentified {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.success_factors.push(SuccessFactor {
            success_factor_id: self.success_factor_id.clone(),
            description: self.description.clone(),
            provenance: at.provenance(),
            ..SuccessFactor::default()
        });
    }
}

impl Decide for PlanQualityMeasure {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let factor = project.success_factor(&self.success_factor_id)?;
        if let Some(known) = factor
            .measures
            .iter()
            .find(|measure| measure.measure_id == self.measure_id)
        {
            let same = (&known.description, &known.responsible, &known.due)
                == (&self.description, &self.responsible, &self.due);
            return unchanged_or(same, || Refusal::already_exists("measure", &self.measure_id));
        }
        Ok(vec![
            QualityMeasurePlanned {
                success_factor_id: self.success_factor_id.clone(),
                measure_id: self.measure_id.clone(),
                description: self.description.clone(),
                responsible: self.responsible.clone(),
                due: self.due.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for QualityMeasurePlanned {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(factor) = project.success_factor_mut(&self.success_factor_id, at) {
            factor.measures.push(QualityMeasure {
                measure_id: self.measure_id.clone(),
                description: self.description.clone(),
                responsible: self.responsible.clone(),
                due: self.due.clone(),
            });
        }
    }
}

impl Decide for AssessSuccessFactor {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let factor = project.success_factor(&self.success_factor_id)?;
        let same = |last: &FactorAssessment| {
            (last.standing, &last.note) == (self.standing, &self.note) && last.date == context.effective_date
        };
        if factor.assessments.last().is_some_and(same) {
            return Ok(Vec::new());
        }
        Ok(vec![
            SuccessFactorAssessed {
                success_factor_id: self.success_factor_id.clone(),
                standing: self.standing,
                note: self.note.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for SuccessFactorAssessed {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(factor) = project.success_factor_mut(&self.success_factor_id, at) {
            factor.assessments.push(FactorAssessment {
                standing: self.standing,
                note: self.note.clone(),
                date: at.effective_date.to_owned(),
            });
        }
    }
}

/// Q1: a success factor that no measure of quality assurance secures. In a project that has ended none can be planned any more.
pub(super) fn find(project: &Project, _today: &str, found: &mut Vec<Suspicion>) {
    if project.require_active().is_err() {
        return;
    }
    for factor in &project.success_factors {
        factor.find(found);
    }
}

pub(super) fn follow() -> Followers<Project> {
    vec![Each::of("success factors", |project, _, index, _, found| {
        project.success_factors[index].find(found);
    })]
}

impl SuccessFactor {
    fn find(&self, found: &mut Vec<Suspicion>) {
        if self.measures.is_empty() {
            found.push(Suspicion {
                code: "Q1",
                severity: Severity::Warning,
                description: format!("The success factor \"{}\" has no measure.", self.description),
                entities: vec![self.success_factor_id.clone()],
                events: self.provenance.iter().map(|at| at.last_position).collect(),
            });
        }
    }
}
