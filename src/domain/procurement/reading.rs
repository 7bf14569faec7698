//! The contracts read: value, term, options and amendments, each with what it came to (C3).

use crate::schema::v1::*;

/// The contracts of a project as it stands, and what they are worth together.
#[must_use]
pub fn contract_reading(project: &Project) -> ContractReading {
    let signed = project.procurements.iter();
    let contracts: Vec<ContractSummary> = signed
        .filter_map(|procurement| Some(summary(procurement, procurement.contract.as_ref()?)))
        .collect();
    let sum = |part: fn(&ContractSummary) -> Option<&Total>| {
        let parts = contracts.iter().filter_map(part);
        Some(parts.fold(Total::default(), |sum, part| sum.plus(part)))
    };
    ContractReading {
        value: sum(|contract| contract.value.as_ref()),
        value_with_options: sum(|contract| contract.value_with_options.as_ref()),
        contracts,
        position: project.position,
    }
}

impl Contract {
    /// What a change adds to the value: what it says itself, or what the option says that it takes up.
    fn added_by(&self, change: &ContractChange) -> Option<Amount> {
        match &change.option_id {
            Some(id) => self.option(id)?.value,
            None => change.value,
        }
    }

    fn prolonged_by<'a>(&'a self, change: &'a ContractChange) -> Option<&'a str> {
        match &change.option_id {
            Some(id) => self.option(id)?.extends_to.as_deref(),
            None => change.to.as_deref(),
        }
    }

    /// Its last day when all these options are taken up, and how much they add.
    fn with_options<'a>(
        &self,
        left: impl Iterator<Item = &'a ContractOption>,
        to: Option<&str>,
    ) -> (Total, Option<String>) {
        let mut added = Total::default();
        let mut last = to;
        for option in left {
            if let Some(value) = &option.value {
                added = added.plus(&value.total());
            }
            // What has no last day is not prolonged.
            last = last.map(|last| option.extends_to.as_deref().map_or(last, |to| last.max(to)));
        }
        (added, last.map(str::to_owned))
    }
}

fn summary(procurement: &Procurement, contract: &Contract) -> ContractSummary {
    let terms = contract.terms.clone().unwrap_or_default();
    let term = terms.term.unwrap_or_default();
    let mut value = terms.value.as_ref().map(Amount::total).unwrap_or_default();
    let mut to = term.to;
    let mut amendments = Vec::new();
    for amendment in &contract.amendments {
        let change = amendment.change.as_ref();
        if let Some(added) = change.and_then(|change| contract.added_by(change)) {
            value = value.plus(&added.total());
        }
        if let Some(day) = change.and_then(|change| contract.prolonged_by(change)) {
            to = Some(day.to_owned());
        }
        amendments.push(ContractAmendmentSummary {
            amendment: Some(amendment.clone()),
            value_after: Some(value),
            to_after: to.clone(),
        });
    }
    let left = terms
        .options
        .iter()
        .filter(|option| contract.terminated.is_none() && contract.taken_up_by(&option.option_id).is_none());
    if let Some(terminated) = &contract.terminated {
        to = Some(terminated.clone());
    }
    let (added, last_possible_day) = contract.with_options(left, to.as_deref());
    let bid = procurement.bids.iter().find(|bid| bid.bid_id == contract.bid_id);
    let options = terms.options.iter().map(|option| ContractOptionSummary {
        option: Some(option.clone()),
        amendment_id: contract
            .taken_up_by(&option.option_id)
            .map(|amendment| amendment.amendment_id.clone()),
    });
    ContractSummary {
        procurement_id: procurement.procurement_id.clone(),
        name: procurement.name.clone(),
        supplier: bid.map(|bid| bid.supplier.clone()).unwrap_or_default(),
        number: terms.number,
        signed: contract.signed.clone(),
        signed_value: terms.value,
        value: Some(value),
        value_with_options: Some(value.plus(&added)),
        term: Some(Period { from: term.from, to }),
        last_possible_day,
        options: options.collect(),
        amendments,
        terminated: contract.terminated.clone(),
    }
}
