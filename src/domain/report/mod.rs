//! Status report and final report (statusrapport, sluttrapport): submitted, frozen to their position, acknowledged (rules T1, J2).

mod evaluation;
mod figures;
mod late;
mod rhythm;

pub(super) use late::follow;
pub(super) use rhythm::find;

use super::authority::Holder;
use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream, same_person, unchanged_or};
use crate::schema::v1::*;

impl Project {
    fn report(&self, id: &str) -> Result<&Report, Refusal> {
        self.reports
            .iter()
            .find(|report| report.report_id == id)
            .ok_or_else(|| Refusal::not_found("report", id))
    }

    /// J2: whether a final report was submitted on or before a date.
    pub(super) fn has_final_report_by(&self, date: &str) -> bool {
        let mut reports = self.reports.iter();
        reports.any(|report| report.kind() == ReportKind::Final && report.submitted.as_str() <= date)
    }

    /// What submitting this report comes to: whether there is something to record.
    fn submit(
        &self,
        kind: ReportKind,
        id: &str,
        content: &ReportContent,
        facts: &Facts<'_>,
        context: &Context<'_>,
    ) -> Result<bool, Refusal> {
        self.require_active()?;
        if let Ok(known) = self.report(id) {
            let same = known.kind() == kind && known.content.as_ref() == Some(content);
            return unchanged_or(same, || Refusal::already_exists("report", id)).map(|_| false);
        }
        content.check(facts, context)?;
        Ok(true)
    }

    fn file(&mut self, kind: ReportKind, id: &str, content: Option<&ReportContent>, at: &Recorded<'_>) {
        self.reports.push(Report {
            report_id: id.to_owned(),
            kind: kind.into(),
            content: content.cloned(),
            submitted: at.effective_date.to_owned(),
            submitted_by: at.subject.to_owned(),
            acknowledgements: Vec::new(),
            provenance: at.provenance(),
        });
    }
}

impl ReportContent {
    /// A report covers days that have an end and have begun, and goes to somebody who is there.
    fn check(&self, facts: &Facts<'_>, context: &Context<'_>) -> Result<(), Refusal> {
        let open = Period::default();
        let period = self.period.as_ref().unwrap_or(&open);
        let Some(to) = &period.to else {
            return Err(Refusal::invalid(
                "content.period.to",
                "PERIOD_IS_OPEN",
                "The report covers a period without an end.",
            )
            .mend("Give the last day that it reports on."));
        };
        if *to < period.from {
            let problem = format!("The last day, {to}, is before the first day, {}.", period.from);
            return Err(Refusal::invalid("content.period.to", "ENDS_BEFORE_IT_BEGINS", problem)
                .mend("Give a last day that is not before the first one."));
        }
        if context.effective_date < period.from.as_str() {
            let problem = format!(
                "The report of {} covers a period that begins on {}.",
                context.effective_date, period.from
            );
            return Err(Refusal::invalid("content.period.from", "PERIOD_NOT_BEGUN", problem)
                .mend("Report on days that have been."));
        }
        for (index, to) in self.to.iter().enumerate() {
            to.check(&format!("content.to[{index}]"), context.effective_date, facts)?;
        }
        Ok(())
    }

    fn streams(&self) -> Vec<Stream> {
        self.to.iter().filter_map(Addressee::stream).collect()
    }
}

impl Decide for SubmitStatusReport {
    type State = Project;

    fn decide(&self, project: &Project, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        let Some(content) = &self.content else {
            return Ok(Vec::new());
        };
        if !project.submit(ReportKind::Status, &self.report_id, content, facts, context)? {
            return Ok(Vec::new());
        }
        Ok(vec![
            StatusReportSubmitted {
                report_id: self.report_id.clone(),
                content: self.content.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &Project, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        self.content.as_ref().map(ReportContent::streams).unwrap_or_default()
    }

    fn entitled(&self, _: &Project, ground: Ground) -> Vec<Holder> {
        let content = self.content.iter().filter(|_| ground == Ground::Named);
        content.map(|content| Holder::role(content.reporting_role())).collect()
    }
}

impl Fold for StatusReportSubmitted {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.file(ReportKind::Status, &self.report_id, self.content.as_ref(), at);
    }
}

impl Decide for SubmitFinalReport {
    type State = Project;

    fn decide(&self, project: &Project, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        let Some(content) = &self.content else {
            return Ok(Vec::new());
        };
        if !project.submit(ReportKind::Final, &self.report_id, content, facts, context)? {
            return Ok(Vec::new());
        }
        Ok(vec![
            FinalReportSubmitted {
                report_id: self.report_id.clone(),
                content: self.content.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &Project, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        self.content.as_ref().map(ReportContent::streams).unwrap_or_default()
    }
}

impl Fold for FinalReportSubmitted {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.file(ReportKind::Final, &self.report_id, self.content.as_ref(), at);
    }
}

impl Report {
    fn to(&self) -> &[Addressee] {
        self.content.as_ref().map_or(&[], |content| &content.to)
    }
}

impl Decide for AcknowledgeReport {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        // The final report may well be acknowledged after the project is closed.
        let report = project.report(&self.report_id)?;
        let by_actor = |given: &&ReportAcknowledgement| same_person(&given.subject, context.subject);
        if let Some(given) = report.acknowledgements.iter().find(by_actor) {
            return unchanged_or(given.note == self.note, || {
                let problem = format!("{} acknowledged the report on {}.", context.subject, given.date);
                Refusal::precondition("REPORT_ACKNOWLEDGED", problem)
                    .mend("Nothing more is needed; what was recorded stays as it is.")
            });
        }
        if context.effective_date < report.submitted.as_str() {
            let problem = format!(
                "The report was submitted on {}, after {}.",
                report.submitted, context.effective_date
            );
            return Err(Refusal::invalid("context.effective_date", "BEFORE_THE_REPORT", problem)
                .mend("Give a day on or after that."));
        }
        Ok(vec![
            ReportAcknowledged {
                report_id: self.report_id.clone(),
                note: self.note.clone(),
            }
            .into(),
        ])
    }

    fn entitled(&self, project: &Project, ground: Ground) -> Vec<Holder> {
        let report = project.report(&self.report_id).ok().filter(|_| ground == Ground::Named);
        let to = report.into_iter().flat_map(Report::to);
        to.filter_map(Holder::addressee).collect()
    }
}

impl Fold for ReportAcknowledged {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let mut reports = project.reports.iter_mut();
        if let Some(report) = reports.find(|report| report.report_id == self.report_id) {
            report.acknowledgements.push(ReportAcknowledgement {
                subject: at.subject.to_owned(),
                date: at.effective_date.to_owned(),
                note: self.note.clone(),
            });
            at.touch(&mut report.provenance);
        }
    }
}

/// A report as it was submitted (T1). The project is that of the report's own position in the ledger.
#[must_use]
pub fn report_reading(project: &Project, report_id: &str) -> Option<ReportReading> {
    let report = project.report(report_id).ok()?;
    Some(ReportReading {
        report: Some(report.clone()),
        figures: Some(project.key_figures(&report.submitted)),
        position: project.position,
    })
}
