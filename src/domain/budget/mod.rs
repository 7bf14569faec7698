//! Budget and financing (kostnadsbudsjett, finansieringsplan): lines, approval, commitments, actuals and stated totals (rules E1–E8).

mod entry;
mod finding;
mod followed;
mod line;
mod reading;
mod total;

pub(super) use finding::find;
pub(super) use followed::follow;
pub use reading::budget_reading;

use super::{Recorded, Refusal};
use crate::schema::v1::*;

impl Project {
    /// Whether the budget is approved as it stands: no line has changed since.
    pub(super) fn budget_is_approved(&self) -> bool {
        self.budget
            .as_ref()
            .is_some_and(|budget| budget.status() == BudgetStatus::Approved)
    }

    /// Whether the money is settled, as a start decision demands (B4).
    pub(super) fn finance_is_settled(&self) -> bool {
        self.budget_is_approved()
    }

    fn cost_line(&self, id: &str) -> Result<&CostLine, Refusal> {
        let line = self
            .budget
            .iter()
            .flat_map(|budget| &budget.cost_lines)
            .find(|line| line.line_id == id);
        line.ok_or_else(|| Refusal::not_found("cost line", id))
    }

    fn financing_line(&self, id: &str) -> Result<&FinancingLine, Refusal> {
        let line = self
            .budget
            .iter()
            .flat_map(|budget| &budget.financing_lines)
            .find(|line| line.line_id == id);
        line.ok_or_else(|| Refusal::not_found("financing line", id))
    }

    fn commitment(&self, id: &str) -> Result<&Commitment, Refusal> {
        let commitment = self
            .budget
            .iter()
            .flat_map(|budget| &budget.commitments)
            .find(|commitment| commitment.commitment_id == id);
        commitment.ok_or_else(|| Refusal::not_found("commitment", id))
    }

    fn actual(&self, id: &str) -> Result<&Actual, Refusal> {
        let actual = self
            .budget
            .iter()
            .flat_map(|budget| &budget.actuals)
            .find(|actual| actual.actual_id == id);
        actual.ok_or_else(|| Refusal::not_found("actual", id))
    }

    fn budget_mut(&mut self, at: &Recorded<'_>) -> &mut Budget {
        let budget = self.budget.get_or_insert_with(|| Budget {
            status: BudgetStatus::Draft.into(),
            ..Budget::default()
        });
        at.touch(&mut budget.provenance);
        budget
    }

    /// Refuses a period that is neither a year nor a phase of the project.
    fn check_period(&self, period: &str) -> Result<(), Refusal> {
        if is_year(period) {
            Ok(())
        } else {
            self.phase(period).map(|_| ())
        }
    }
}

impl Budget {
    /// A line has changed: what was approved is another budget.
    fn changed(&mut self, at: &Recorded<'_>) {
        self.lines_position = at.position;
        if self.status() == BudgetStatus::Approved {
            self.set_status(BudgetStatus::Changed);
        }
    }
}

/// Periods are years, or ids of phases, which are longer.
fn is_year(period: &str) -> bool {
    period.len() == 4
}
