//! Contract (kontrakt): its options, its amendments and its end (rule C3).

use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, unchanged_or};
use crate::schema::v1::*;

impl Project {
    /// The contract that the procurement led to.
    fn contract(&self, procurement_id: &str) -> Result<&Contract, Refusal> {
        let procurement = self.procurement(procurement_id)?;
        procurement.contract.as_ref().ok_or_else(|| {
            let problem = format!("The procurement {} has led to no contract yet.", procurement.name);
            Refusal::precondition("CONTRACT_NOT_SIGNED", problem).mend("Record the signature first (SignContract).")
        })
    }
}

impl Contract {
    pub(super) fn options(&self) -> &[ContractOption] {
        self.terms.as_ref().map_or(&[], |terms| &terms.options)
    }

    pub(super) fn option(&self, id: &str) -> Option<&ContractOption> {
        self.options().iter().find(|option| option.option_id == id)
    }

    /// The amendment that took an option up.
    pub(super) fn taken_up_by(&self, option_id: &str) -> Option<&ContractAmendment> {
        self.amendments.iter().find(|amendment| {
            let change = amendment.change.as_ref();
            change.and_then(|change| change.option_id.as_deref()) == Some(option_id)
        })
    }

    /// Refuses what would happen to it before it was signed, or after it was terminated.
    fn require_running(&self, context: &Context<'_>) -> Result<(), Refusal> {
        if let Some(terminated) = &self.terminated {
            let problem = format!("The contract was terminated on {terminated}.");
            return Err(Refusal::precondition("CONTRACT_TERMINATED", problem)
                .mend("Plan a new procurement for what is still to be bought."));
        }
        if context.effective_date < self.signed.as_str() {
            let problem = format!(
                "The contract was signed on {}, after {}.",
                self.signed, context.effective_date
            );
            return Err(Refusal::invalid("context.effective_date", "BEFORE_SIGNATURE", problem)
                .mend("Give a day on or after the signature."));
        }
        Ok(())
    }

    /// An option is taken up once, and says itself what that changes.
    fn require_option_left(&self, id: &str, change: &ContractChange) -> Result<(), Refusal> {
        let option = self
            .option(id)
            .ok_or_else(|| Refusal::not_found("option of the contract", id))?;
        if let Some(earlier) = self.taken_up_by(id) {
            let problem = format!(
                "The option \"{}\" was taken up on {}.",
                option.description, earlier.agreed
            );
            return Err(Refusal::precondition("OPTION_TAKEN_UP", problem)
                .mend("Leave the option out and say what else the amendment changes."));
        }
        if change.value.is_some() || change.to.is_some() {
            let problem = "The option says what it adds and until when, and the amendment says it too.";
            return Err(
                Refusal::invalid("change.option_id", "OPTION_WITH_OTHER_CHANGES", problem)
                    .mend("Leave `value` and `to` out, or record another amendment for what the option does not say."),
            );
        }
        Ok(())
    }

    fn check(&self, change: &ContractChange) -> Result<(), Refusal> {
        if let Some(id) = &change.option_id {
            self.require_option_left(id, change)?;
        }
        if let Some(value) = &change.value
            && (value.certainty() == Certainty::Unknown) != value.ore.is_none()
        {
            let problem = "An unknown change of the value carries no figure, and a known or estimated one carries one.";
            let refusal = Refusal::invalid("change.value.ore", "CHANGE_AND_FIGURE_DIFFER", problem)
                .mend("Give the figure in whole øre, say that it is unknown, or leave the value out when it stays.");
            let rule = Some("E1");
            return Err(Refusal { rule, ..refusal });
        }
        let from = self
            .terms
            .as_ref()
            .and_then(|terms| terms.term.as_ref())
            .map(|term| &term.from);
        if let (Some(to), Some(from)) = (&change.to, from)
            && to < from
        {
            let problem = format!("The contract would end on {to}, before it begins on {from}.");
            return Err(Refusal::invalid("change.to", "ENDS_BEFORE_IT_BEGINS", problem)
                .mend("Give a later day, or terminate the contract."));
        }
        Ok(())
    }
}

impl Decide for AmendContract {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let contract = project.contract(&self.procurement_id)?;
        let known = contract
            .amendments
            .iter()
            .find(|amendment| amendment.amendment_id == self.amendment_id);
        if let Some(known) = known {
            let same = known.change == self.change && known.agreed == context.effective_date;
            return unchanged_or(same, || Refusal::already_exists("amendment", &self.amendment_id));
        }
        contract.require_running(context)?;
        if let Some(change) = &self.change {
            contract.check(change)?;
        }
        Ok(vec![
            ContractAmended {
                procurement_id: self.procurement_id.clone(),
                amendment_id: self.amendment_id.clone(),
                change: self.change.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for ContractAmended {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let procurement = project.procurement_mut(&self.procurement_id, at);
        if let Some(contract) = procurement.and_then(|procurement| procurement.contract.as_mut()) {
            contract.amendments.push(ContractAmendment {
                amendment_id: self.amendment_id.clone(),
                change: self.change.clone(),
                agreed: at.effective_date.to_owned(),
            });
        }
    }
}

impl Decide for TerminateContract {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let contract = project.contract(&self.procurement_id)?;
        if contract.terminated.as_deref() == Some(context.effective_date) {
            return Ok(Vec::new());
        }
        contract.require_running(context)?;
        context.require_reason(
            "A contract is terminated for a reason.",
            "Say in the context's reason why it ends before its time.",
        )?;
        Ok(vec![
            ContractTerminated {
                procurement_id: self.procurement_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for ContractTerminated {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let Some(procurement) = project.procurement_mut(&self.procurement_id, at) else {
            return;
        };
        procurement.set_status(ProcurementStatus::Terminated);
        if let Some(contract) = &mut procurement.contract {
            contract.terminated = Some(at.effective_date.to_owned());
            at.reason.clone_into(&mut contract.termination_reason);
        }
    }
}
