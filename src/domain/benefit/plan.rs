//! The plan of a benefit (gevinstrealiseringsplan): what is measured, from where to where, who owns it, who pays and who gains.

use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, unchanged_or};
use crate::schema::v1::*;

impl BenefitPlan {
    /// Whether what is measured by one plan says something about the other.
    pub(super) fn measures_the_same(&self, other: &Self) -> bool {
        (&self.indicator, &self.unit, &self.side_condition) == (&other.indicator, &other.unit, &other.side_condition)
    }

    /// Whether a measured value is the target or beyond it, seen from the baseline.
    pub(super) fn is_reached_by(&self, value: i64) -> bool {
        if self.target > self.baseline {
            value >= self.target
        } else {
            value <= self.target
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        if self.target == self.baseline {
            let problem = "The target is the baseline, so nothing would be gained.";
            return Err(Refusal::invalid("plan.target", "TARGET_IS_BASELINE", problem)
                .mend("Aim above the baseline when more is better, below it when less is; what must merely hold is a side condition."));
        }
        if self.owner.is_none() {
            let problem = "Nobody owns the benefit.";
            return Err(Refusal::invalid("plan.owner", "OWNER_REQUIRED", problem)
                .mend("Give the subject or the role that sees to it."));
        }
        if !self.measuring_dates.is_sorted_by(|earlier, later| earlier < later) {
            let problem = "The measuring dates are not in order, or one stands twice.";
            return Err(Refusal::invalid("plan.measuring_dates", "DATES_NOT_IN_ORDER", problem)
                .mend("Give each date once, the first one first."));
        }
        check_parties("plan.payers", &self.payers)?;
        check_parties("plan.gainers", &self.gainers)
    }
}

fn check_parties(field: &str, parties: &[BenefitParty]) -> Result<(), Refusal> {
    for (index, party) in parties.iter().enumerate() {
        let field = format!("{field}[{index}]");
        if let Some(yearly) = &party.yearly {
            yearly.check(&format!("{field}.yearly"))?;
        }
        if parties.iter().take(index).any(|earlier| earlier.name == party.name) {
            let problem = format!("{} stands twice.", party.name);
            return Err(Refusal::invalid(&field, "PARTY_REPEATED", problem).mend("Name each party once."));
        }
    }
    Ok(())
}

impl Benefit {
    fn take_plan(&mut self, plan: &Option<BenefitPlan>, at: &Recorded<'_>) {
        self.set_status(BenefitStatus::Planned);
        self.plans.push(PlannedBenefit {
            number: i32::try_from(self.plans.len()).map_or(i32::MAX, |earlier| earlier.saturating_add(1)),
            plan: plan.clone(),
            effective_date: at.effective_date.to_owned(),
            reason: at.reason.to_owned(),
        });
    }
}

impl Decide for PlanBenefit {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let benefit = project.benefit(&self.benefit_id)?;
        benefit.require_open()?;
        if let Some(first) = benefit.plans.first() {
            return unchanged_or(first.plan == self.plan, || {
                let problem = format!("The benefit {} was planned on {}.", benefit.name, first.effective_date);
                Refusal::precondition("BENEFIT_PLANNED", problem).mend("Use ReviseBenefit to plan it anew.")
            });
        }
        if let Some(plan) = &self.plan {
            plan.check()?;
        }
        Ok(vec![
            BenefitPlanned {
                benefit_id: self.benefit_id.clone(),
                plan: self.plan.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for BenefitPlanned {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(benefit) = project.benefit_mut(&self.benefit_id, at) {
            benefit.take_plan(&self.plan, at);
        }
    }
}

impl Decide for ReviseBenefit {
    type State = Project;

    /// N4: also when the project has ended.
    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        let benefit = project.benefit(&self.benefit_id)?;
        benefit.require_open()?;
        let Some(plan) = &self.plan else { return Ok(Vec::new()) };
        if benefit.require_plan()? == plan {
            return Ok(Vec::new());
        }
        context.require_reason(
            format!("The benefit {} is planned anew for a reason.", benefit.name),
            "Say why in the context's reason.",
        )?;
        plan.check()?;
        Ok(vec![
            BenefitRevised {
                benefit_id: self.benefit_id.clone(),
                plan: self.plan.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for BenefitRevised {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(benefit) = project.benefit_mut(&self.benefit_id, at) {
            benefit.take_plan(&self.plan, at);
        }
    }
}
