//! Stakeholder (interessent): who the project concerns, how they are taken along, and where they stand on the map (rule S1).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, unchanged_or};
use crate::schema::v1::*;

impl Project {
    fn stakeholder(&self, id: &str) -> Result<&Stakeholder, Refusal> {
        self.stakeholders
            .iter()
            .find(|stakeholder| stakeholder.stakeholder_id == id)
            .ok_or_else(|| Refusal::not_found("stakeholder", id))
    }

    fn stakeholder_mut(&mut self, id: &str, at: &Recorded<'_>) -> Option<&mut Stakeholder> {
        let stakeholder = self
            .stakeholders
            .iter_mut()
            .find(|stakeholder| stakeholder.stakeholder_id == id)?;
        at.touch(&mut stakeholder.provenance);
        Some(stakeholder)
    }
}

impl Stakeholder {
    fn engagement(&self, id: &str) -> Result<&Engagement, Refusal> {
        self.engagements
            .iter()
            .find(|engagement| engagement.engagement_id == id)
            .ok_or_else(|| Refusal::not_found("engagement", id))
    }

    fn assess(&mut self, assessment: StakeholderAssessment, after_engagement_id: &str, at: &Recorded<'_>) {
        self.assessments.push(AssessedStakeholder {
            assessment: Some(assessment),
            date: at.effective_date.to_owned(),
            after_engagement_id: after_engagement_id.to_owned(),
        });
    }
}

impl Decide for IdentifyStakeholder {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        if let Ok(known) = project.stakeholder(&self.stakeholder_id) {
            let first = known.assessments.first().and_then(|first| first.assessment.as_ref());
            let same = (&known.name, &known.stake, first) == (&self.name, &self.stake, self.assessment.as_ref());
            return unchanged_or(same, || Refusal::already_exists("stakeholder", &self.stakeholder_id));
        }
        Ok(vec![
            StakeholderIdentified {
                stakeholder_id: self.stakeholder_id.clone(),
                name: self.name.clone(),
                stake: self.stake.clone(),
                assessment: self.assessment,
            }
            .into(),
        ])
    }
}

impl Fold for StakeholderIdentified {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let mut stakeholder = Stakeholder {
            stakeholder_id: self.stakeholder_id.clone(),
            name: self.name.clone(),
            stake: self.stake.clone(),
            provenance: at.provenance(),
            ..Stakeholder::default()
        };
        if let Some(assessment) = self.assessment {
            stakeholder.assess(assessment, "", at);
        }
        project.stakeholders.push(stakeholder);
    }
}

impl Decide for PlanEngagement {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let stakeholder = project.stakeholder(&self.stakeholder_id)?;
        if let Ok(known) = stakeholder.engagement(&self.engagement_id) {
            let same = (&known.description, &known.responsible, &known.due)
                == (&self.description, &self.responsible, &self.due);
            return unchanged_or(same, || Refusal::already_exists("engagement", &self.engagement_id));
        }
        Ok(vec![
            EngagementPlanned {
                stakeholder_id: self.stakeholder_id.clone(),
                engagement_id: self.engagement_id.clone(),
                description: self.description.clone(),
                responsible: self.responsible.clone(),
                due: self.due.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for EngagementPlanned {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(stakeholder) = project.stakeholder_mut(&self.stakeholder_id, at) {
            stakeholder.engagements.push(Engagement {
                engagement_id: self.engagement_id.clone(),
                description: self.description.clone(),
                responsible: self.responsible.clone(),
                due: self.due.clone(),
                ..Engagement::default()
            });
        }
    }
}

impl Decide for RecordEngagement {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let stakeholder = project.stakeholder(&self.stakeholder_id)?;
        let engagement = stakeholder.engagement(&self.engagement_id)?;
        if let Some(held) = &engagement.held {
            let after = stakeholder
                .assessments
                .iter()
                .find(|assessed| assessed.after_engagement_id == self.engagement_id)
                .and_then(|assessed| assessed.assessment.as_ref());
            let same = held == context.effective_date
                && engagement.outcome == self.outcome
                && after == self.assessment.as_ref();
            return unchanged_or(same, || {
                Refusal::precondition("ENGAGEMENT_HELD", format!("The engagement took place on {held}."))
                    .mend("Plan a new engagement for what comes after it.")
            });
        }
        Ok(vec![
            EngagementRecorded {
                stakeholder_id: self.stakeholder_id.clone(),
                engagement_id: self.engagement_id.clone(),
                outcome: self.outcome.clone(),
                assessment: self.assessment,
            }
            .into(),
        ])
    }
}

impl Fold for EngagementRecorded {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let Some(stakeholder) = project.stakeholder_mut(&self.stakeholder_id, at) else {
            return;
        };
        if let Some(engagement) = stakeholder
            .engagements
            .iter_mut()
            .find(|engagement| engagement.engagement_id == self.engagement_id)
        {
            engagement.held = Some(at.effective_date.to_owned());
            engagement.outcome.clone_from(&self.outcome);
        }
        if let Some(assessment) = self.assessment {
            stakeholder.assess(assessment, &self.engagement_id, at);
        }
    }
}

/// The map of influence and interest (S1), by the last assessment of each stakeholder.
#[must_use]
pub fn stakeholder_map(project: &Project) -> StakeholderMap {
    let mut cells: BTreeMap<Reverse<(i32, i32)>, Vec<PlacedStakeholder>> = BTreeMap::new();
    for stakeholder in &project.stakeholders {
        let Some(last) = stakeholder.assessments.last().and_then(|last| last.assessment) else {
            continue;
        };
        cells
            .entry(Reverse((last.influence, last.interest)))
            .or_default()
            .push(PlacedStakeholder {
                stakeholder_id: stakeholder.stakeholder_id.clone(),
                name: stakeholder.name.clone(),
                attitude: last.attitude,
            });
    }
    let cells = cells
        .into_iter()
        .map(|(Reverse((influence, interest)), stakeholders)| StakeholderCell {
            influence,
            interest,
            stakeholders,
        });
    StakeholderMap {
        cells: cells.collect(),
        position: project.position,
    }
}
