//! Award and signature (tildeling, kontraktsinngåelse): on an approved decision, and after the standstill period (rules C1, C2).

use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, unchanged_or};
use crate::domain::calendar::days_after;
use crate::schema::v1::*;

/// The standstill period of the law, in days: after a notice that was sent electronically, and after any other.
const STANDSTILL: i32 = 10;
const STANDSTILL_NOT_ELECTRONIC: i32 = 15;

/// The last day of a standstill period; one that would end past the calendar ends with it.
fn standstill_end(awarded: &str, days: i32) -> String {
    days_after(awarded, days).unwrap_or_else(|| "9999-12-31".to_owned())
}

impl Procurement {
    /// The award that counts.
    fn award(&self) -> Option<&ContractAward> {
        let standing = matches!(
            self.status(),
            ProcurementStatus::Awarded | ProcurementStatus::Signed | ProcurementStatus::Terminated
        );
        self.awards.last().filter(|_| standing)
    }

    /// The evaluation that counts, when it was done by a date.
    fn evaluation_by(&self, date: &str) -> Result<&Evaluation, Refusal> {
        let judged = matches!(self.status(), ProcurementStatus::Evaluated | ProcurementStatus::Awarded);
        self.evaluation
            .as_ref()
            .filter(|evaluation| judged && evaluation.evaluated.as_str() <= date)
            .ok_or_else(|| {
                let problem = format!(
                    "The bids of the procurement {} were not evaluated by {date}.",
                    self.name
                );
                Refusal::precondition("BIDS_NOT_EVALUATED", problem)
                    .mend("Evaluate every bid that came in time first (EvaluateBids).")
            })
    }
}

impl AwardContract {
    fn days(&self) -> i32 {
        let by_law = if self.not_sent_electronically {
            STANDSTILL_NOT_ELECTRONIC
        } else {
            STANDSTILL
        };
        self.standstill_days.unwrap_or(by_law)
    }

    fn says_what_is(&self, award: &ContractAward, context: &Context<'_>) -> bool {
        (&self.bid_id, &self.decision_point_id) == (&award.bid_id, &award.decision_point_id)
            && (self.days(), context.effective_date) == (award.standstill_days, award.awarded.as_str())
    }

    /// C1: the award rests on an approved decision about just that, which has given no other award.
    fn require_decision(&self, project: &Project, procurement: &Procurement, date: &str) -> Result<(), Refusal> {
        let point = project.decision_point(&self.decision_point_id)?;
        if point.kind() != DecisionPointKind::ContractAward {
            let problem = format!(
                "The decision point {} is not about the award of a contract.",
                point.label()
            );
            return Err(Refusal::rule("C1", "DECISION_NOT_ABOUT_AWARD", problem)
                .mend("Name a decision point of the kind contract award."));
        }
        if !point.is_approved_by(date) {
            let problem = format!("The decision point {} is not approved on {date}.", point.label());
            return Err(Refusal::rule("C1", "AWARD_NOT_APPROVED", problem).mend("Have it approved first."));
        }
        let rests_on_it = |award: &ContractAward| award.decision_point_id == self.decision_point_id;
        if let Some(other) = project
            .procurements
            .iter()
            .find(|other| other.awards.iter().any(rests_on_it))
        {
            let problem = format!(
                "The decision point {} has given an award of the procurement {} already.",
                point.label(),
                other.name
            );
            return Err(Refusal::rule("C1", "AWARD_GIVEN", problem)
                .mend("Plan a new decision point for a further award; it may supersede this one."));
        }
        match &point.chosen_option_id {
            Some(chosen) if *chosen != self.bid_id && procurement.bid(chosen).is_ok() => {
                let problem = format!("The decision point {} has chosen another bid.", point.label());
                Err(Refusal::rule("C1", "AWARD_DIFFERS_FROM_DECISION", problem)
                    .mend("Award the contract to the bid that was chosen."))
            }
            _ => Ok(()),
        }
    }
}

impl Decide for AwardContract {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let procurement = project.standing_procurement(&self.procurement_id)?;
        if procurement
            .award()
            .is_some_and(|award| self.says_what_is(award, context))
        {
            return Ok(Vec::new());
        }
        project.open_procurement(&self.procurement_id)?;
        let bid = procurement.bid(&self.bid_id)?;
        if bid.late {
            return Err(bid.refused_as_late("LATE_BID_CANNOT_WIN"));
        }
        let evaluation = procurement.evaluation_by(context.effective_date)?;
        let rejected = |evaluated: &BidEvaluation| evaluated.bid_id == self.bid_id && evaluated.rejected;
        if evaluation.bids.iter().any(rejected) {
            let problem = format!("The bid of {} was rejected in the evaluation.", bid.supplier);
            return Err(Refusal::precondition("BID_REJECTED", problem)
                .mend("Award the contract to a bid that meets what is required, or evaluate the bids anew."));
        }
        self.require_decision(project, procurement, context.effective_date)?;
        Ok(vec![
            ContractAwarded {
                procurement_id: self.procurement_id.clone(),
                bid_id: self.bid_id.clone(),
                decision_point_id: self.decision_point_id.clone(),
                standstill_days: self.days(),
            }
            .into(),
        ])
    }
}

impl Fold for ContractAwarded {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(procurement) = project.procurement_mut(&self.procurement_id, at) {
            procurement.set_status(ProcurementStatus::Awarded);
            let standstill = self.standstill_days > 0;
            procurement.awards.push(ContractAward {
                bid_id: self.bid_id.clone(),
                decision_point_id: self.decision_point_id.clone(),
                awarded: at.effective_date.to_owned(),
                standstill_days: self.standstill_days,
                standstill_to: standstill.then(|| standstill_end(at.effective_date, self.standstill_days)),
            });
        }
    }
}

impl ContractTerms {
    fn check(&self) -> Result<(), Refusal> {
        if let Some(value) = &self.value {
            value.check("terms.value")?;
        }
        let to = self.term.as_ref().and_then(|term| term.to.as_deref());
        if let Some(term) = self.term.as_ref()
            && to.is_some_and(|to| to < term.from.as_str())
        {
            let problem = format!("The contract ends before it begins on {}.", term.from);
            return Err(Refusal::invalid("terms.term.to", "ENDS_BEFORE_IT_BEGINS", problem)
                .mend("Give a last day that is not before the first one."));
        }
        for (index, option) in self.options.iter().enumerate() {
            let field = format!("terms.options[{index}]");
            if let Some(value) = &option.value {
                value.check(&format!("{field}.value"))?;
            }
            let mut earlier = self.options.iter().take(index);
            if earlier.any(|earlier| earlier.option_id == option.option_id) {
                let problem = format!("The option {} stands twice.", option.option_id);
                return Err(
                    Refusal::invalid(&field, "OPTION_REPEATED", problem).mend("Give each option an id of its own.")
                );
            }
            if let Some(extends_to) = option.extends_to.as_deref()
                && to.is_none_or(|to| extends_to <= to)
            {
                let problem = format!("The contract lasts no shorter than to {extends_to} without the option.");
                return Err(
                    Refusal::invalid(&format!("{field}.extends_to"), "NOT_AN_EXTENSION", problem)
                        .mend("Give a day after the contract's last one, or leave it out."),
                );
            }
        }
        Ok(())
    }
}

impl SignContract {
    /// C1: the award stands and was made by then, its decision stands, and the standstill period has ended.
    fn require_award<'a>(
        &self,
        project: &Project,
        procurement: &'a Procurement,
        date: &str,
    ) -> Result<&'a ContractAward, Refusal> {
        let Some(award) = procurement.award().filter(|award| award.awarded.as_str() <= date) else {
            let problem = format!(
                "The contract of the procurement {} was not awarded by {date}.",
                procurement.name
            );
            return Err(
                Refusal::rule("C1", "CONTRACT_NOT_AWARDED", problem).mend("Award the contract first (AwardContract).")
            );
        };
        let point = project.decision_point(&award.decision_point_id)?;
        if !point.is_approved() {
            let problem = format!(
                "The decision point {}, which the award rests on, has been superseded.",
                point.label()
            );
            return Err(Refusal::rule("C1", "AWARD_DECISION_SUPERSEDED", problem)
                .mend("Award the contract anew, on the decision that stands now."));
        }
        match &award.standstill_to {
            Some(to) if date <= to.as_str() => {
                let problem = format!(
                    "The standstill period lasts {} day(s) from the notice of the award on {}, to {to}.",
                    award.standstill_days, award.awarded
                );
                Err(Refusal::rule("C1", "STANDSTILL_NOT_ENDED", problem).mend("Sign the contract on a day after that."))
            }
            _ => Ok(award),
        }
    }
}

impl Decide for SignContract {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let procurement = project.standing_procurement(&self.procurement_id)?;
        if let Some(contract) = &procurement.contract {
            let same = contract.terms == self.terms && contract.signed == context.effective_date;
            return unchanged_or(same, || {
                let problem = format!("The contract was signed on {}.", contract.signed);
                Refusal::precondition("CONTRACT_SIGNED", problem)
                    .mend("Use AmendContract to change it, or plan a new procurement.")
            });
        }
        self.require_award(project, procurement, context.effective_date)?;
        if let Some(terms) = &self.terms {
            terms.check()?;
        }
        Ok(vec![
            ContractSigned {
                procurement_id: self.procurement_id.clone(),
                terms: self.terms.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for ContractSigned {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(procurement) = project.procurement_mut(&self.procurement_id, at) {
            procurement.set_status(ProcurementStatus::Signed);
            procurement.contract = Some(Contract {
                bid_id: procurement
                    .awards
                    .last()
                    .map(|award| award.bid_id.clone())
                    .unwrap_or_default(),
                terms: self.terms.clone(),
                signed: at.effective_date.to_owned(),
                ..Contract::default()
            });
        }
    }
}
