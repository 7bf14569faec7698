//! Tender (konkurranse): requirements, publication, bids and their evaluation; a late bid is recorded as late (rule C2).

use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, unchanged_or};
use crate::domain::organization::require_control_digit;
use crate::schema::v1::*;

/// A deadline without a time is the end of its day.
const END_OF_DAY: &str = "24:00";

impl Tender {
    fn moment(&self) -> (&str, &str) {
        (&self.deadline, self.deadline_time.as_deref().unwrap_or(END_OF_DAY))
    }

    /// C2: whether what came in then came after the deadline.
    fn is_past(&self, date: &str, time: Option<&str>) -> bool {
        match &self.deadline_time {
            // The day alone does not say on which side of the time it was.
            Some(_) => (date, time.unwrap_or(END_OF_DAY)) >= self.moment(),
            None => date > self.deadline.as_str(),
        }
    }

    /// The deadline in words.
    fn deadline_in_words(&self) -> String {
        match &self.deadline_time {
            Some(time) => format!("{} at {time}", self.deadline),
            None => self.deadline.clone(),
        }
    }
}

impl Procurement {
    /// The tender, when it was published by a date.
    fn tender_by(&self, date: &str) -> Result<&Tender, Refusal> {
        self.tender
            .as_ref()
            .filter(|tender| tender.published.as_str() <= date)
            .ok_or_else(|| {
                let problem = format!(
                    "The tender of the procurement {} was not published by {date}.",
                    self.name
                );
                Refusal::precondition("TENDER_NOT_PUBLISHED", problem).mend("Publish the tender first (PublishTender).")
            })
    }
}

impl Decide for ApproveRequirements {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let procurement = project.standing_procurement(&self.procurement_id)?;
        let approved = procurement.requirements.as_ref();
        if approved.is_some_and(|requirements| requirements.document == self.document) {
            return Ok(Vec::new());
        }
        if let Some(tender) = &procurement.tender {
            let problem = format!(
                "The tender was published on {}, with the requirements of then.",
                tender.published
            );
            return Err(Refusal::precondition("TENDER_PUBLISHED", problem)
                .mend("Cancel the procurement and plan a new one when other things are required."));
        }
        Ok(vec![
            RequirementsApproved {
                procurement_id: self.procurement_id.clone(),
                document: self.document.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for RequirementsApproved {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(procurement) = project.procurement_mut(&self.procurement_id, at) {
            procurement.requirements = Some(Requirements {
                document: self.document.clone(),
                approved: at.effective_date.to_owned(),
            });
        }
    }
}

impl PublishTender {
    fn as_tender(&self) -> Tender {
        Tender {
            deadline: self.deadline.clone(),
            deadline_time: self.deadline_time.clone(),
            notice: self.notice.clone(),
            ..Tender::default()
        }
    }

    /// The first publication needs approved requirements, and leaves time for bids.
    fn require_ready(&self, procurement: &Procurement, context: &Context<'_>) -> Result<(), Refusal> {
        let date = context.effective_date;
        let approved = procurement.requirements.as_ref();
        if approved.is_none_or(|requirements| requirements.approved.as_str() > date) {
            let problem = format!(
                "The requirements of the procurement {} were not approved by {date}.",
                procurement.name
            );
            return Err(Refusal::precondition("REQUIREMENTS_NOT_APPROVED", problem)
                .mend("Approve the requirements first (ApproveRequirements)."));
        }
        if self.deadline.as_str() < date {
            let problem = format!("The deadline {} lies before the publication on {date}.", self.deadline);
            return Err(Refusal::invalid("deadline", "DEADLINE_BEFORE_PUBLICATION", problem)
                .mend("Give a deadline after the publication."));
        }
        Ok(())
    }

    /// An extension moves a deadline that has not passed to later. It never saves a bid that was late.
    fn require_extension(
        &self,
        procurement: &Procurement,
        tender: &Tender,
        context: &Context<'_>,
    ) -> Result<(), Refusal> {
        let late = procurement.bids.iter().any(|bid| bid.late);
        let passed = tender.deadline.as_str() < context.effective_date;
        if late || passed || procurement.status() != ProcurementStatus::Tendered {
            let problem = format!(
                "The tender of the procurement {} was published with the deadline {}, which has passed.",
                procurement.name,
                tender.deadline_in_words()
            );
            return Err(Refusal::precondition("DEADLINE_PASSED", problem)
                .mend("Go on with the bids that came in time, or cancel the procurement and plan a new one."));
        }
        if self.as_tender().moment() <= tender.moment() {
            let problem = format!(
                "The tender is published already, and its deadline {} is no earlier than the one given.",
                tender.deadline_in_words()
            );
            return Err(
                Refusal::invalid("deadline", "NOT_AN_EXTENSION", problem).mend("Give a later deadline to extend it.")
            );
        }
        context.require_reason(
            "A deadline is extended for a reason.",
            "Say in the context's reason why those who bid get more time.",
        )
    }
}

impl Decide for PublishTender {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let procurement = project.open_procurement(&self.procurement_id)?;
        match &procurement.tender {
            Some(tender) if tender.moment() == self.as_tender().moment() && tender.notice == self.notice => {
                return Ok(Vec::new());
            }
            Some(tender) => self.require_extension(procurement, tender, context)?,
            None => self.require_ready(procurement, context)?,
        }
        Ok(vec![
            TenderPublished {
                procurement_id: self.procurement_id.clone(),
                deadline: self.deadline.clone(),
                deadline_time: self.deadline_time.clone(),
                notice: self.notice.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for TenderPublished {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let Some(procurement) = project.procurement_mut(&self.procurement_id, at) else {
            return;
        };
        procurement.set_status(ProcurementStatus::Tendered);
        let earlier = procurement.tender.take();
        let published = earlier
            .as_ref()
            .map_or_else(|| at.effective_date.to_owned(), |earlier| earlier.published.clone());
        let extensions = earlier.map_or_else(Vec::new, |mut earlier| {
            earlier.extensions.push(DeadlineExtension {
                earlier_deadline: earlier.deadline,
                earlier_deadline_time: earlier.deadline_time,
                extended: at.effective_date.to_owned(),
                reason: at.reason.to_owned(),
            });
            earlier.extensions
        });
        procurement.tender = Some(Tender {
            published,
            deadline: self.deadline.clone(),
            deadline_time: self.deadline_time.clone(),
            notice: self.notice.clone(),
            extensions,
        });
    }
}

impl ReceiveBid {
    fn says_what_is(&self, bid: &Bid, context: &Context<'_>) -> bool {
        (&self.supplier, &self.supplier_number, &self.price) == (&bid.supplier, &bid.supplier_number, &bid.price)
            && self.received_time == bid.received_time
            && context.effective_date == bid.received
    }
}

impl Decide for ReceiveBid {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        if let Ok(bid) = project.procurement(&self.procurement_id)?.bid(&self.bid_id) {
            return unchanged_or(self.says_what_is(bid, context), || {
                Refusal::already_exists("bid", &self.bid_id)
            });
        }
        let procurement = project.open_procurement(&self.procurement_id)?;
        let tender = procurement.tender_by(context.effective_date)?;
        if tender.deadline_time.is_some() && self.received_time.is_none() && tender.deadline == context.effective_date {
            let problem = format!(
                "The deadline is {}, and the bid came in that day at a time that is not said.",
                tender.deadline_in_words()
            );
            return Err(Refusal::invalid("received_time", "RECEIVED_TIME_REQUIRED", problem)
                .mend("Give the time that it came in."));
        }
        if let Some(number) = &self.supplier_number {
            require_control_digit("supplier_number", number)?;
        }
        if let Some(price) = &self.price {
            price.check("price")?;
        }
        Ok(vec![
            BidReceived {
                procurement_id: self.procurement_id.clone(),
                bid_id: self.bid_id.clone(),
                supplier: self.supplier.clone(),
                supplier_number: self.supplier_number.clone(),
                price: self.price,
                received_time: self.received_time.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for BidReceived {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let Some(procurement) = project.procurement_mut(&self.procurement_id, at) else {
            return;
        };
        let past = |tender: &Tender| tender.is_past(at.effective_date, self.received_time.as_deref());
        let late = procurement.tender.as_ref().is_some_and(past);
        let judged = matches!(
            procurement.status(),
            ProcurementStatus::Evaluated | ProcurementStatus::Awarded
        );
        if judged && !late {
            // It has the same right to be evaluated as those that were recorded before.
            procurement.set_status(ProcurementStatus::Tendered);
        }
        procurement.bids.push(Bid {
            bid_id: self.bid_id.clone(),
            supplier: self.supplier.clone(),
            supplier_number: self.supplier_number.clone(),
            price: self.price,
            received: at.effective_date.to_owned(),
            received_time: self.received_time.clone(),
            late,
        });
    }
}

impl EvaluateBids {
    /// C2: every bid that came in time is evaluated, once, and no late one.
    fn require_bids_in_time(&self, procurement: &Procurement) -> Result<(), Refusal> {
        for (index, evaluated) in self.bids.iter().enumerate() {
            let field = format!("bids[{index}].bid_id");
            let bid = procurement.bid(&evaluated.bid_id)?;
            if bid.late {
                return Err(bid.refused_as_late("LATE_BID_EVALUATED"));
            }
            let mut earlier = self.bids.iter().take(index);
            if earlier.any(|earlier| earlier.bid_id == evaluated.bid_id) {
                let problem = format!("The bid of {} is evaluated twice.", bid.supplier);
                return Err(Refusal::invalid(&field, "BID_REPEATED", problem).mend("Name each bid once."));
            }
        }
        let named = |bid: &&Bid| self.bids.iter().any(|evaluated| evaluated.bid_id == bid.bid_id);
        let in_time = procurement.bids.iter().filter(|bid| !bid.late);
        match in_time.clone().find(|bid| !named(bid)) {
            Some(left_out) => {
                let problem = format!(
                    "{} bid(s) came in time, and that of {} is not evaluated.",
                    in_time.count(),
                    left_out.supplier
                );
                Err(Refusal::invalid("bids", "BID_NOT_EVALUATED", problem)
                    .mend("Name every bid that came in time; one that does not meet what is required is rejected."))
            }
            None => Ok(()),
        }
    }
}

impl Bid {
    /// C2: a late bid cannot win.
    pub(super) fn refused_as_late(&self, reason: &'static str) -> Refusal {
        let time = self.received_time.as_deref().map(|time| format!(" at {time}"));
        let problem = format!(
            "The bid of {} came in on {}{}, after the deadline.",
            self.supplier,
            self.received,
            time.unwrap_or_default()
        );
        Refusal::rule("C2", reason, problem).mend("Leave it out: only bids that came in time can win.")
    }
}

impl Decide for EvaluateBids {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let procurement = project.open_procurement(&self.procurement_id)?;
        let tender = procurement.tender_by(context.effective_date)?;
        let same = |last: &Evaluation| {
            (&last.bids, &last.report) == (&self.bids, &self.report) && last.evaluated == context.effective_date
        };
        if procurement.status() != ProcurementStatus::Tendered && procurement.evaluation.as_ref().is_some_and(same) {
            return Ok(Vec::new());
        }
        if !tender.is_past(context.effective_date, None) {
            let problem = format!(
                "The deadline for bids, {}, had not passed on {}.",
                tender.deadline_in_words(),
                context.effective_date
            );
            return Err(
                Refusal::precondition("DEADLINE_NOT_PASSED", problem).mend("Evaluate the bids after the deadline.")
            );
        }
        self.require_bids_in_time(procurement)?;
        Ok(vec![
            BidsEvaluated {
                procurement_id: self.procurement_id.clone(),
                bids: self.bids.clone(),
                report: self.report.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for BidsEvaluated {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(procurement) = project.procurement_mut(&self.procurement_id, at) {
            procurement.set_status(ProcurementStatus::Evaluated);
            procurement.evaluation = Some(Evaluation {
                bids: self.bids.clone(),
                report: self.report.clone(),
                evaluated: at.effective_date.to_owned(),
            });
        }
    }
}
