//! What happens to the money of a line: committed, used, carried over to another year (rules E6, E7).

use super::super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, unchanged_or};
use super::total::kroner;
use crate::schema::v1::*;

impl Project {
    /// Whether money is committed or used on a line.
    pub(super) fn line_is_used(&self, line_id: &str) -> bool {
        self.budget.as_ref().is_some_and(|budget| {
            budget
                .commitments
                .iter()
                .any(|commitment| commitment.line_id == line_id)
                || budget.entries().any(|(_, entry)| entry.line_id == line_id)
        })
    }
}

impl Budget {
    /// The entries of money used, each with its id.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &ActualEntry)> {
        self.actuals
            .iter()
            .filter_map(|actual| Some((actual.actual_id.as_str(), actual.entry.as_ref()?)))
    }

    /// What an entry says now, its corrections counted in.
    pub(super) fn corrected(&self, actual_id: &str) -> i64 {
        self.entries()
            .filter(|(id, entry)| *id == actual_id || entry.corrects_actual_id.as_deref() == Some(actual_id))
            .fold(0, |sum, (_, entry)| sum.saturating_add(entry.ore()))
    }
}

impl Decide for RecordCommitment {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        if let Ok(commitment) = project.commitment(&self.commitment_id) {
            let same = commitment.line_id == self.line_id
                && commitment.amount == self.amount
                && commitment.description == self.description;
            return unchanged_or(same, || Refusal::already_exists("commitment", &self.commitment_id));
        }
        project.cost_line(&self.line_id)?;
        self.amount.as_ref().map_or(Ok(()), |amount| amount.check("amount"))?;
        Ok(vec![
            CommitmentRecorded {
                commitment_id: self.commitment_id.clone(),
                line_id: self.line_id.clone(),
                amount: self.amount,
                description: self.description.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for CommitmentRecorded {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.budget_mut(at).commitments.push(Commitment {
            commitment_id: self.commitment_id.clone(),
            line_id: self.line_id.clone(),
            amount: self.amount,
            description: self.description.clone(),
            effective_date: at.effective_date.to_owned(),
            provenance: at.provenance(),
        });
    }
}

impl ActualEntry {
    /// What every entry must be, whatever it corrects.
    fn check(&self, project: &Project) -> Result<(), Refusal> {
        project.cost_line(&self.line_id)?;
        if let Some(id) = &self.commitment_id
            && project.commitment(id)?.line_id != self.line_id
        {
            return Err(Refusal::precondition(
                "COMMITMENT_ON_OTHER_LINE",
                "The commitment that the entry pays is taken from another line.",
            )
            .mend("Record the entry on the line of the commitment, or without the commitment."));
        }
        Ok(())
    }

    /// E7: negative only as a correction that names what it corrects, and never below nothing.
    fn check_correction(&self, project: &Project) -> Result<(), Refusal> {
        let Some(id) = &self.corrects_actual_id else {
            if self.ore() < 0 {
                return Err(Refusal::rule(
                    "E7",
                    "ACTUAL_NEGATIVE",
                    format!("The entry is negative, {}, and corrects no other.", kroner(self.ore())),
                )
                .mend("Name in corrects_actual_id the entry that it corrects."));
            }
            return Ok(());
        };
        let Some(corrected) = &project.actual(id)?.entry else {
            return Ok(());
        };
        if corrected.corrects_actual_id.is_some() {
            return Err(Refusal::rule(
                "E7",
                "CORRECTION_OF_CORRECTION",
                "The entry that it corrects is itself a correction.",
            )
            .mend("Name the entry that was corrected first."));
        }
        if corrected.line_id != self.line_id || self.commitment_id.is_some() {
            return Err(Refusal::rule("E7", "CORRECTION_ELSEWHERE", "A correction stays on the line and the commitment of the entry that it corrects.")
                .mend("Give the line of that entry and no commitment; to move money, correct there and record a new entry here."));
        }
        let stands = project.budget.as_ref().map_or(0, |budget| budget.corrected(id));
        if stands.saturating_add(self.ore()) < 0 {
            let problem = format!(
                "The correction takes {} from an entry that stands at {}.",
                kroner(self.ore().saturating_neg()),
                kroner(stands)
            );
            return Err(Refusal::rule("E7", "CORRECTION_EXCEEDS_ENTRY", problem)
                .mend("Take at the most what the entry stands at."));
        }
        Ok(())
    }
}

impl Decide for RecordActual {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let Some(entry) = &self.entry else {
            return Ok(Vec::new());
        };
        if let Ok(actual) = project.actual(&self.actual_id) {
            return unchanged_or(actual.entry == self.entry, || {
                Refusal::already_exists("actual", &self.actual_id)
            });
        }
        entry.check(project)?;
        entry.check_correction(project)?;
        Ok(vec![
            ActualRecorded {
                actual_id: self.actual_id.clone(),
                entry: self.entry.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for ActualRecorded {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.budget_mut(at).actuals.push(Actual {
            actual_id: self.actual_id.clone(),
            entry: self.entry.clone(),
            effective_date: at.effective_date.to_owned(),
            provenance: at.provenance(),
        });
    }
}

impl FundsCarriedOver {
    /// The financing line that the later year gets.
    fn line(&self) -> (BudgetLine, FinancingSource) {
        let line = BudgetLine {
            post: self.post.clone(),
            period: self.to_year.clone(),
            kind: self.kind,
            including_vat: false,
            amount: self.amount,
        };
        let source = FinancingSource {
            kind: FinancingSourceKind::CarriedOver.into(),
            year: Some(self.from_year.clone()),
            municipality: None,
        };
        (line, source)
    }
}

impl Decide for CarryOverFunds {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        self.amount.as_ref().map_or(Ok(()), |amount| amount.check("amount"))?;
        let event = FundsCarriedOver {
            line_id: self.line_id.clone(),
            post: self.post.clone(),
            kind: self.kind,
            from_year: self.from_year.clone(),
            to_year: self.to_year.clone(),
            amount: self.amount,
        };
        let (line, source) = event.line();
        source.check(&line)?;
        if project.cost_line(&self.line_id).is_ok() {
            return Err(Refusal::already_exists("cost line", &self.line_id));
        }
        if let Ok(before) = project.financing_line(&self.line_id) {
            let planned = before.source.as_ref() == Some(&source)
                && before.line.as_ref().is_some_and(|before| before.period == self.to_year);
            if !planned {
                return Err(Refusal::already_exists("financing line", &self.line_id));
            }
            if before.carried_over_on.is_some() && before.line.as_ref() == Some(&line) {
                return Ok(Vec::new());
            }
        }
        Ok(vec![event.into()])
    }
}

impl Fold for FundsCarriedOver {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let (said, source) = self.line();
        let line = project.budget_mut(at).financing_line_mut(&self.line_id, at);
        line.line = Some(said);
        line.source = Some(source);
        line.carried_over_on = Some(at.effective_date.to_owned());
    }
}
