//! The risk matrix (risikomatrise) of a project, before its measures and after them, and of many projects together (rule X5).

use crate::schema::v1::*;

impl Risk {
    fn last_assessed(&self) -> Option<&AssessedRisk> {
        self.assessments.last()
    }

    /// The last assessment that is not what remained after a measure, nor made after one.
    fn before_measures(&self) -> Option<&RiskAssessment> {
        let untouched = |assessed: &&AssessedRisk| assessed.after_measure_id.is_empty();
        self.assessments
            .iter()
            .take_while(untouched)
            .last()?
            .assessment
            .as_ref()
    }

    fn placed(&self) -> PlacedRisk {
        PlacedRisk {
            risk_id: self.risk_id.clone(),
            number: self.number.clone(),
            status: self.status,
            before_measures: self.before_measures().copied(),
            assessment: self.last_assessment().copied(),
            after_measure_id: self
                .last_assessed()
                .map(|last| last.after_measure_id.clone())
                .unwrap_or_default(),
        }
    }
}

/// The risk matrix of a project as it stands.
#[must_use]
pub fn risk_matrix(project: &Project) -> RiskMatrixReading {
    let mut reading = RiskMatrixReading {
        risks: project.open_risks().map(Risk::placed).collect(),
        position: project.position,
        ..RiskMatrixReading::default()
    };
    let (mut before, mut after) = (RiskMatrix::empty(), RiskMatrix::empty());
    for risk in &reading.risks {
        before.add(&project.project_id, risk.before_measures.as_ref());
        after.add(&project.project_id, risk.assessment.as_ref());
    }
    reading.before_measures = Some(before);
    reading.matrix = Some(after);
    reading
}

impl RiskMatrix {
    /// A matrix with every cell, and no risk.
    pub(in super::super) fn empty() -> Self {
        let probabilities = 1..=5;
        let cells = probabilities.flat_map(|probability| (1..=5).map(move |consequence| (probability, consequence)));
        let cells = cells.map(|(probability, consequence)| RiskCell {
            probability,
            consequence,
            ..RiskCell::default()
        });
        Self {
            cells: cells.collect(),
            unassessed_risks: 0,
        }
    }

    /// Adds the risks of one more project, as they were assessed last.
    pub(in super::super) fn add_project(&mut self, project: &Project) {
        for risk in project.open_risks() {
            self.add(&project.project_id, risk.last_assessment());
        }
    }

    /// Adds one risk. Those of one project follow each other.
    fn add(&mut self, project_id: &String, assessment: Option<&RiskAssessment>) {
        let cell = assessment.and_then(|assessment| {
            let mut cells = self.cells.iter_mut();
            cells.find(|cell| (cell.probability, cell.consequence) == (assessment.probability, assessment.consequence))
        });
        let Some(cell) = cell else {
            self.unassessed_risks = self.unassessed_risks.saturating_add(1);
            return;
        };
        cell.risks = cell.risks.saturating_add(1);
        if cell.project_ids.last() != Some(project_id) {
            cell.project_ids.push(project_id.clone());
        }
    }
}
