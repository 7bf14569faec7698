//! Procurement (anskaffelse): planned and cancelled here; tendered, awarded, signed and amended beside (rules C1–C3).

mod award;
mod contract;
mod reading;
mod tender;

use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, unchanged_or};
use crate::schema::v1::*;

pub use reading::contract_reading;

impl Project {
    fn procurement(&self, id: &str) -> Result<&Procurement, Refusal> {
        self.procurements
            .iter()
            .find(|procurement| procurement.procurement_id == id)
            .ok_or_else(|| Refusal::not_found("procurement", id))
    }

    /// The procurement, when it is not cancelled.
    fn standing_procurement(&self, id: &str) -> Result<&Procurement, Refusal> {
        let procurement = self.procurement(id)?;
        let Some(cancelled) = &procurement.cancelled else {
            return Ok(procurement);
        };
        let problem = format!("The procurement {} was cancelled on {cancelled}.", procurement.name);
        Err(Refusal::precondition("PROCUREMENT_CANCELLED", problem)
            .mend("Plan a new procurement when it is to be bought after all."))
    }

    /// The procurement, when it is neither cancelled nor has led to a contract.
    fn open_procurement(&self, id: &str) -> Result<&Procurement, Refusal> {
        let procurement = self.standing_procurement(id)?;
        let Some(contract) = &procurement.contract else {
            return Ok(procurement);
        };
        let problem = format!(
            "The contract of the procurement {} was signed on {}.",
            procurement.name, contract.signed
        );
        Err(Refusal::precondition("CONTRACT_SIGNED", problem)
            .mend("Amend or terminate the contract, or plan a new procurement."))
    }

    fn procurement_mut(&mut self, id: &str, at: &Recorded<'_>) -> Option<&mut Procurement> {
        let procurement = self
            .procurements
            .iter_mut()
            .find(|procurement| procurement.procurement_id == id)?;
        at.touch(&mut procurement.provenance);
        Some(procurement)
    }
}

impl Procurement {
    fn bid(&self, id: &str) -> Result<&Bid, Refusal> {
        self.bids
            .iter()
            .find(|bid| bid.bid_id == id)
            .ok_or_else(|| Refusal::not_found("bid", id))
    }
}

impl Decide for PlanProcurement {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        if let Ok(procurement) = project.procurement(&self.procurement_id) {
            let same = (&self.name, &self.description) == (&procurement.name, &procurement.description)
                && self.estimated_value == procurement.estimated_value;
            return unchanged_or(same, || Refusal::already_exists("procurement", &self.procurement_id));
        }
        if let Some(value) = &self.estimated_value {
            value.check("estimated_value")?;
        }
        Ok(vec![
            ProcurementPlanned {
                procurement_id: self.procurement_id.clone(),
                name: self.name.clone(),
                description: self.description.clone(),
                estimated_value: self.estimated_value,
            }
            .into(),
        ])
    }
}

impl Fold for ProcurementPlanned {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.procurements.push(Procurement {
            procurement_id: self.procurement_id.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            estimated_value: self.estimated_value,
            status: ProcurementStatus::Planned.into(),
            provenance: at.provenance(),
            ..Procurement::default()
        });
    }
}

impl Decide for CancelProcurement {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        if project.procurement(&self.procurement_id)?.cancelled.is_some() {
            return Ok(Vec::new());
        }
        let procurement = project.open_procurement(&self.procurement_id)?;
        context.require_reason(
            format!("The procurement {} is cancelled for a reason.", procurement.name),
            "Say in the context's reason why nothing is bought.",
        )?;
        Ok(vec![
            ProcurementCancelled {
                procurement_id: self.procurement_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for ProcurementCancelled {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(procurement) = project.procurement_mut(&self.procurement_id, at) {
            procurement.set_status(ProcurementStatus::Cancelled);
            procurement.cancelled = Some(at.effective_date.to_owned());
            at.reason.clone_into(&mut procurement.cancel_reason);
        }
    }
}
