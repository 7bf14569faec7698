//! The benefits read: planned against measured over time, and who pays and who gains (N3).

use std::collections::BTreeMap;

use crate::schema::v1::*;

/// The benefits of a project as it stands.
#[must_use]
pub fn benefit_reading(project: &Project) -> BenefitReading {
    let (planned, realized) = project.benefits_planned_and_realized();
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    BenefitReading {
        planned: count(planned),
        realized: count(realized),
        benefits: project.benefits.iter().filter_map(Benefit::progress).collect(),
        parties: parties(project),
        position: project.position,
    }
}

impl BenefitPlan {
    /// How much of the way from baseline to target a value is, in hundredths of a per cent, rounded toward zero.
    fn basis_points(&self, value: i64) -> i64 {
        let (baseline, target) = (i128::from(self.baseline), i128::from(self.target));
        let way = (i128::from(value) - baseline) * 10_000;
        let points = way.checked_div(target - baseline).unwrap_or_default();
        i64::try_from(points).unwrap_or(if points < 0 { i64::MIN } else { i64::MAX })
    }

    fn point(&self, date: &str) -> BenefitPoint {
        BenefitPoint {
            date: date.to_owned(),
            planned: self.measuring_dates.iter().any(|planned| planned == date),
            baseline: self.baseline,
            target: self.target,
            unit: self.unit.clone(),
            ..BenefitPoint::default()
        }
    }
}

impl Benefit {
    fn progress(&self) -> Option<BenefitProgress> {
        let plan = self.plan()?;
        let unmeasured = plan.measuring_dates.iter().filter(|date| {
            self.measurements
                .iter()
                .all(|measurement| measurement.measured != **date)
        });
        let measured = self.measurements.iter().filter_map(|measurement| {
            let against = self.plan_of(measurement)?;
            Some(BenefitPoint {
                planned: plan.measuring_dates.contains(&measurement.measured),
                value: Some(measurement.value),
                basis_points: Some(against.basis_points(measurement.value)),
                side_condition_held: measurement.side_condition_held,
                measurement_id: measurement.measurement_id.clone(),
                ..against.point(&measurement.measured)
            })
        });
        let mut points: Vec<BenefitPoint> = measured.chain(unmeasured.map(|date| plan.point(date))).collect();
        points.sort_by(|one, other| one.date.cmp(&other.date));
        Some(BenefitProgress {
            benefit_id: self.benefit_id.clone(),
            name: self.name.clone(),
            status: self.status,
            indicator: plan.indicator.clone(),
            unit: plan.unit.clone(),
            points,
        })
    }
}

fn parties(project: &Project) -> Vec<BenefitPartySummary> {
    let mut parties: BTreeMap<&str, BenefitPartySummary> = BTreeMap::new();
    let aimed_at = |benefit: &&Benefit| benefit.status() != BenefitStatus::Dropped;
    for benefit in project.benefits.iter().filter(aimed_at) {
        let Some(plan) = benefit.plan() else { continue };
        for payer in &plan.payers {
            let summary = parties
                .entry(&payer.name)
                .or_insert_with(|| BenefitPartySummary::of(payer));
            summary.pays_for_benefit_ids.push(benefit.benefit_id.clone());
            add(&mut summary.pays_yearly, payer);
        }
        for gainer in &plan.gainers {
            let summary = parties
                .entry(&gainer.name)
                .or_insert_with(|| BenefitPartySummary::of(gainer));
            summary.gains_from_benefit_ids.push(benefit.benefit_id.clone());
            add(&mut summary.gains_yearly, gainer);
        }
    }
    parties.into_values().collect()
}

impl BenefitPartySummary {
    fn of(party: &BenefitParty) -> Self {
        Self {
            name: party.name.clone(),
            pays_yearly: Some(Total::default()),
            gains_yearly: Some(Total::default()),
            ..Self::default()
        }
    }
}

fn add(sum: &mut Option<Total>, party: &BenefitParty) {
    let yearly = party.yearly.as_ref().map(Amount::total).unwrap_or_default();
    *sum = Some(sum.unwrap_or_default().plus(&yearly));
}
