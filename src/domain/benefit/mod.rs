//! Benefit (gevinst): mapped, planned, revised and dropped; measured and confirmed beside, also after the project (rules N1–N4).

mod measurement;
mod plan;
mod reading;

use super::since::{Each, Followers, Share, Tally};
use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Suspicion, unchanged_or};
use crate::schema::v1::*;

pub use reading::benefit_reading;

impl Project {
    /// How many benefits are planned and not dropped, and how many of them are realised.
    pub(super) fn benefits_planned_and_realized(&self) -> (usize, usize) {
        let count = |status: BenefitStatus| {
            self.benefits
                .iter()
                .filter(|benefit| benefit.status() == status)
                .count()
        };
        let realized = count(BenefitStatus::Realized);
        (count(BenefitStatus::Planned) + realized, realized)
    }

    fn benefit(&self, id: &str) -> Result<&Benefit, Refusal> {
        self.benefits
            .iter()
            .find(|benefit| benefit.benefit_id == id)
            .ok_or_else(|| Refusal::not_found("benefit", id))
    }

    fn benefit_mut(&mut self, id: &str, at: &Recorded<'_>) -> Option<&mut Benefit> {
        let benefit = self.benefits.iter_mut().find(|benefit| benefit.benefit_id == id)?;
        at.touch(&mut benefit.provenance);
        Some(benefit)
    }
}

impl Benefit {
    /// The plan that counts.
    fn plan(&self) -> Option<&BenefitPlan> {
        self.plans.last()?.plan.as_ref()
    }

    /// Refuses when it is dropped.
    fn require_standing(&self) -> Result<(), Refusal> {
        if self.status() != BenefitStatus::Dropped {
            return Ok(());
        }
        let problem = format!(
            "The benefit {} was dropped on {}.",
            self.name,
            self.ended.as_deref().unwrap_or_default()
        );
        Err(Refusal::precondition("BENEFIT_DROPPED", problem).mend("Map a new benefit when it is aimed at again."))
    }

    /// Refuses when it is dropped or realised.
    fn require_open(&self) -> Result<(), Refusal> {
        self.require_standing()?;
        if self.status() != BenefitStatus::Realized {
            return Ok(());
        }
        let problem = format!(
            "The benefit {} was confirmed as realised on {}.",
            self.name,
            self.ended.as_deref().unwrap_or_default()
        );
        Err(Refusal::precondition("BENEFIT_REALIZED", problem)
            .mend("Map a new benefit for what is aimed at beyond it."))
    }

    /// The plan that counts, of a benefit that has one.
    fn require_plan(&self) -> Result<&BenefitPlan, Refusal> {
        self.plan().ok_or_else(|| {
            let problem = format!("The benefit {} is mapped, and has no plan.", self.name);
            Refusal::precondition("BENEFIT_NOT_PLANNED", problem).mend("Plan it first (PlanBenefit).")
        })
    }
}

impl Decide for MapBenefit {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        if let Ok(benefit) = project.benefit(&self.benefit_id) {
            let same = (&self.name, &self.description) == (&benefit.name, &benefit.description);
            return unchanged_or(same, || Refusal::already_exists("benefit", &self.benefit_id));
        }
        Ok(vec![
            BenefitMapped {
                benefit_id: self.benefit_id.clone(),
                name: self.name.clone(),
                description: self.description.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for BenefitMapped {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.benefits.push(Benefit {
            benefit_id: self.benefit_id.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            status: BenefitStatus::Mapped.into(),
            provenance: at.provenance(),
            ..Benefit::default()
        });
    }
}

impl Decide for DropBenefit {
    type State = Project;

    /// N4: also when the project has ended.
    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        let benefit = project.benefit(&self.benefit_id)?;
        if benefit.status() == BenefitStatus::Dropped {
            return Ok(Vec::new());
        }
        benefit.require_open()?;
        context.require_reason(
            format!("The benefit {} is dropped for a reason.", benefit.name),
            "Say in the context's reason why nobody aims at it any more.",
        )?;
        Ok(vec![
            BenefitDropped {
                benefit_id: self.benefit_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for BenefitDropped {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(benefit) = project.benefit_mut(&self.benefit_id, at) {
            benefit.set_status(BenefitStatus::Dropped);
            benefit.ended = Some(at.effective_date.to_owned());
            at.reason.clone_into(&mut benefit.drop_reason);
        }
    }
}

/// N2: a project with no planned benefit. And a measuring date that has passed with no measurement on it or since (N4).
pub(super) fn find(project: &Project, today: &str, found: &mut Vec<Suspicion>) {
    // In a project that has ended nothing is planned any more, but what was planned is measured.
    if project.require_active().is_ok() && !project.benefits.iter().any(Benefit::is_planned_or_realized) {
        let mapped = match project.benefits.len() {
            0 => "none is mapped".to_owned(),
            mapped => format!("{mapped} mapped or dropped"),
        };
        let provenances = project
            .benefits
            .iter()
            .filter_map(|benefit| benefit.provenance.as_ref());
        found.push(Suspicion {
            code: "N2",
            severity: Severity::Warning,
            description: format!("The project has no planned benefit: {mapped}."),
            entities: vec![project.project_id.clone()],
            events: provenances.map(|provenance| provenance.last_position).collect(),
        });
    }
    for benefit in &project.benefits {
        benefit.find_unmeasured(today, found);
    }
}

pub(super) fn follow() -> Followers<Project> {
    let nothing_planned = Tally::<Project> {
        lists: &[("benefits", |project, index, _, _, shares| {
            shares.push(Share {
                group: ("N2", String::new()),
                named: false,
                amounts: [i128::from(project.benefits[index].is_planned_or_realized()), 0, 0, 0, 0],
            });
        })],
        always: |_| vec![("N2", String::new())],
        stands: |_, _, group, sum_of| sum_of(group)[0] == 0,
        group: |_, _, found| (found.code == "N2").then(|| ("N2", String::new())),
    };
    let each = Each::<Project>::of("benefits", |project, _, index, today, found| {
        project.benefits[index].find_unmeasured(today, found);
    });
    vec![each, nothing_planned.boxed()]
}

impl Benefit {
    fn is_planned_or_realized(&self) -> bool {
        matches!(self.status(), BenefitStatus::Planned | BenefitStatus::Realized)
    }

    fn find_unmeasured(&self, today: &str, found: &mut Vec<Suspicion>) {
        if self.status() != BenefitStatus::Planned {
            return;
        }
        if let Some(date) = self.unmeasured_date(today) {
            found.push(Suspicion {
                code: "MEASUREMENT_OVERDUE",
                severity: Severity::Warning,
                description: format!(
                    "The benefit {} was to be measured on {date}, and was not measured then or since.",
                    self.name
                ),
                entities: vec![self.benefit_id.clone()],
                events: self
                    .provenance
                    .iter()
                    .map(|provenance| provenance.last_position)
                    .collect(),
            });
        }
    }
}
