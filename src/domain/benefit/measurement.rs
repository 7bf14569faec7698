//! Measurement and confirmation (måling, realisering): confirmed only against measurements, with the side condition held (N1, N4).

use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, unchanged_or};
use crate::schema::v1::*;

impl Benefit {
    /// The plan that a measurement was taken against.
    pub(super) fn plan_of(&self, measurement: &BenefitMeasurement) -> Option<&BenefitPlan> {
        let against = |planned: &&PlannedBenefit| planned.number == measurement.plan_number;
        self.plans.iter().find(against)?.plan.as_ref()
    }

    /// The last measuring date that has passed when nothing was measured on it or since.
    pub(super) fn unmeasured_date(&self, today: &str) -> Option<&str> {
        let dates = self.plan()?.measuring_dates.iter();
        let passed = dates.map(String::as_str).filter(|date| *date < today).max()?;
        let measured = self
            .measurements
            .iter()
            .any(|measurement| measurement.measured.as_str() >= passed);
        (!measured).then_some(passed)
    }

    /// The last measurement that was taken by a date and says something about the plan; of one day, the one recorded last.
    fn last_measurement(&self, plan: &BenefitPlan, date: &str) -> Option<&BenefitMeasurement> {
        let counts = |measurement: &&BenefitMeasurement| {
            let same = self
                .plan_of(measurement)
                .is_some_and(|measured| measured.measures_the_same(plan));
            same && measurement.measured.as_str() <= date
        };
        let counting = self.measurements.iter().filter(counts);
        counting.max_by(|one, other| one.measured.cmp(&other.measured))
    }

    /// N1: the measurement that shows that the target is reached while the side condition held.
    fn proof(&self, date: &str) -> Result<&BenefitMeasurement, Refusal> {
        let plan = self.require_plan()?;
        let Some(last) = self.last_measurement(plan, date) else {
            let problem = format!(
                "The benefit {} was not measured by {date}, as it is planned now.",
                self.name
            );
            return Err(
                Refusal::rule("N1", "NOT_MEASURED", problem).mend("Record a measurement first (RecordMeasurement).")
            );
        };
        if !plan.is_reached_by(last.value) {
            let problem = format!(
                "The last measurement, on {}, shows {}, and the target is {} {}.",
                last.measured,
                thousandths(last.value),
                thousandths(plan.target),
                plan.unit
            );
            return Err(Refusal::rule("N1", "TARGET_NOT_REACHED", problem)
                .mend("Measure again when the target is reached, or revise the benefit to what can be reached."));
        }
        if !plan.side_condition.is_empty() && last.side_condition_held != Some(true) {
            let problem = format!(
                "The last measurement, on {}, shows that the side condition did not hold: {}.",
                last.measured, plan.side_condition
            );
            return Err(Refusal::rule("N1", "SIDE_CONDITION_NOT_HELD", problem)
                .mend("Measure again when it holds: what is reached at the cost of it is no benefit."));
        }
        Ok(last)
    }
}

/// A figure in thousandths as people write it: "12,5".
fn thousandths(value: i64) -> String {
    let (whole, rest) = (value.unsigned_abs() / 1000, value.unsigned_abs() % 1000);
    let sign = if value < 0 { "-" } else { "" };
    let decimals = format!("{rest:03}");
    match decimals.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        decimals => format!("{sign}{whole},{decimals}"),
    }
}

impl RecordMeasurement {
    fn says_what_is(&self, known: &BenefitMeasurement, context: &Context<'_>) -> bool {
        (self.value, self.side_condition_held) == (known.value, known.side_condition_held)
            && (&self.note, &self.document) == (&known.note, &known.document)
            && known.measured == context.effective_date
    }

    /// N1: where there is a side condition, each measurement says whether it held.
    fn require_answer(&self, plan: &BenefitPlan) -> Result<(), Refusal> {
        match (plan.side_condition.is_empty(), self.side_condition_held) {
            (false, None) => {
                let problem = format!(
                    "The measurement does not say whether the side condition held: {}.",
                    plan.side_condition
                );
                let refusal = Refusal::invalid("side_condition_held", "SIDE_CONDITION_UNANSWERED", problem)
                    .mend("Say whether it held.");
                let rule = Some("N1");
                Err(Refusal { rule, ..refusal })
            }
            (true, Some(_)) => {
                let problem = "The measurement speaks of a side condition, and the plan has none.";
                Err(Refusal::invalid("side_condition_held", "NO_SIDE_CONDITION", problem)
                    .mend("Leave it out, or revise the benefit to have one."))
            }
            _ => Ok(()),
        }
    }
}

impl Decide for RecordMeasurement {
    type State = Project;

    /// N4: also when the project has ended, and when the benefit is realised.
    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        let benefit = project.benefit(&self.benefit_id)?;
        let known = benefit
            .measurements
            .iter()
            .find(|known| known.measurement_id == self.measurement_id);
        if let Some(known) = known {
            return unchanged_or(self.says_what_is(known, context), || {
                Refusal::already_exists("measurement", &self.measurement_id)
            });
        }
        benefit.require_standing()?;
        self.require_answer(benefit.require_plan()?)?;
        Ok(vec![
            MeasurementRecorded {
                benefit_id: self.benefit_id.clone(),
                measurement_id: self.measurement_id.clone(),
                value: self.value,
                side_condition_held: self.side_condition_held,
                note: self.note.clone(),
                document: self.document.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for MeasurementRecorded {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(benefit) = project.benefit_mut(&self.benefit_id, at) {
            benefit.measurements.push(BenefitMeasurement {
                measurement_id: self.measurement_id.clone(),
                measured: at.effective_date.to_owned(),
                value: self.value,
                side_condition_held: self.side_condition_held,
                note: self.note.clone(),
                document: self.document.clone(),
                plan_number: benefit.plans.last().map_or(0, |planned| planned.number),
            });
        }
    }
}

impl Decide for ConfirmRealization {
    type State = Project;

    /// N4: also when the project has ended.
    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        let benefit = project.benefit(&self.benefit_id)?;
        if benefit.status() == BenefitStatus::Realized && benefit.ended.as_deref() == Some(context.effective_date) {
            return Ok(Vec::new());
        }
        benefit.require_open()?;
        let proof = benefit.proof(context.effective_date)?;
        Ok(vec![
            RealizationConfirmed {
                benefit_id: self.benefit_id.clone(),
                measurement_id: proof.measurement_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for RealizationConfirmed {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(benefit) = project.benefit_mut(&self.benefit_id, at) {
            benefit.set_status(BenefitStatus::Realized);
            benefit.ended = Some(at.effective_date.to_owned());
            benefit
                .confirmed_against_measurement_id
                .clone_from(&self.measurement_id);
        }
    }
}
