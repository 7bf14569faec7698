//! The rhythm of reporting (rapporteringsrytme): who reports to whom how often, and what has not come in time (rule T2).

use std::collections::HashMap;

use prost::Message;

use super::super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream, Suspicion, calendar};
use crate::schema::v1::*;

impl Project {
    fn report_rhythm(&self, id: &str) -> Result<&ReportRhythm, Refusal> {
        self.report_rhythms
            .iter()
            .find(|rhythm| rhythm.rhythm_id == id)
            .ok_or_else(|| Refusal::not_found("report rhythm", id))
    }
}

impl ReportRhythmTerms {
    /// The last day that a report is in time, when the one before it came on this day.
    fn due(&self, from: &str) -> Option<String> {
        match self.interval() {
            ReportInterval::Months => calendar::months_after(from, self.every),
            ReportInterval::Years => calendar::years_after(from, self.every),
            ReportInterval::Days | ReportInterval::Unspecified => calendar::days_after(from, self.every),
        }
    }

    fn how_often(&self) -> String {
        let unit = match self.interval() {
            ReportInterval::Months => "month",
            ReportInterval::Years => "year",
            ReportInterval::Days | ReportInterval::Unspecified => "day",
        };
        if self.every == 1 {
            format!("every {unit}")
        } else {
            format!("every {} {unit}s", self.every)
        }
    }
}

impl Decide for SetReportRhythm {
    type State = Project;

    fn decide(&self, project: &Project, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let Some(terms) = &self.terms else {
            return Ok(Vec::new());
        };
        let same = |known: &ReportRhythm| known.terms.as_ref() == Some(terms) && known.ended.is_none();
        if project.report_rhythm(&self.rhythm_id).is_ok_and(same) {
            return Ok(Vec::new());
        }
        let nobody = Addressee::default();
        let to = terms.to.as_ref().unwrap_or(&nobody);
        to.check("terms.to", context.effective_date, facts)?;
        Ok(vec![
            ReportRhythmSet {
                rhythm_id: self.rhythm_id.clone(),
                terms: self.terms.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &Project, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        let to = self.terms.as_ref().and_then(|terms| terms.to.as_ref());
        to.and_then(Addressee::stream).into_iter().collect()
    }
}

impl Fold for ReportRhythmSet {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let since = at.effective_date.to_owned();
        let mut rhythms = project.report_rhythms.iter_mut();
        if let Some(rhythm) = rhythms.find(|rhythm| rhythm.rhythm_id == self.rhythm_id) {
            rhythm.terms.clone_from(&self.terms);
            rhythm.since = since;
            rhythm.ended = None;
            at.touch(&mut rhythm.provenance);
        } else {
            project.report_rhythms.push(ReportRhythm {
                rhythm_id: self.rhythm_id.clone(),
                terms: self.terms.clone(),
                since,
                ended: None,
                provenance: at.provenance(),
            });
        }
    }
}

impl Decide for EndReportRhythm {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let rhythm = project.report_rhythm(&self.rhythm_id)?;
        if rhythm.ended.is_some() {
            return Ok(Vec::new());
        }
        if context.effective_date < rhythm.since.as_str() {
            let problem = format!(
                "The rhythm holds from {}, after {}.",
                rhythm.since, context.effective_date
            );
            return Err(
                Refusal::invalid("context.effective_date", "ENDS_BEFORE_IT_BEGINS", problem)
                    .mend("Give a day on or after that."),
            );
        }
        Ok(vec![
            ReportRhythmEnded {
                rhythm_id: self.rhythm_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for ReportRhythmEnded {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let mut rhythms = project.report_rhythms.iter_mut();
        if let Some(rhythm) = rhythms.find(|rhythm| rhythm.rhythm_id == self.rhythm_id) {
            rhythm.ended = Some(at.effective_date.to_owned());
            at.touch(&mut rhythm.provenance);
        }
    }
}

/// T2: a report that has not come in time, counted from the last one, or from the day that the rhythm and the project began. In a
/// project that has ended none is due.
pub(in crate::domain) fn find(project: &Project, today: &str, found: &mut Vec<Suspicion>) {
    if project.require_active().is_err() {
        return;
    }
    let mut last: HashMap<Line, &str> = HashMap::new();
    for report in &project.reports {
        for line in report.lines() {
            let last = last.entry(line).or_default();
            *last = (*last).max(&report.submitted);
        }
    }
    for rhythm in &project.report_rhythms {
        let last = rhythm.line().and_then(|line| last.get(&line).copied());
        found.extend(rhythm.overdue(last, project.began(), today));
    }
}

/// Which reports a rhythm is about: the role that reports, and the bytes of whom it reports to.
pub(super) type Line = (i32, Vec<u8>);

impl Project {
    /// The first day of its period.
    pub(super) fn began(&self) -> &str {
        self.period().map_or("", |period| &period.from)
    }
}

impl Report {
    pub(super) fn lines(&self) -> impl Iterator<Item = Line> {
        self.content.iter().flat_map(|content| {
            let to = content.to.iter();
            to.map(|to| (content.reporting_role, to.encode_to_vec()))
        })
    }
}

impl ReportRhythm {
    pub(super) fn line(&self) -> Option<Line> {
        let terms = self.terms.as_ref()?;
        Some((terms.reporting_role, terms.to.as_ref()?.encode_to_vec()))
    }

    /// The report that is due and has not come, when the last one came on that day.
    pub(super) fn overdue(&self, last: Option<&str>, start: &str, today: &str) -> Option<Suspicion> {
        let terms = self.terms.as_ref().filter(|_| self.ended.is_none())?;
        let began = start.max(&self.since);
        let from = last.unwrap_or(began).max(began);
        let due = terms.due(from).filter(|due| due.as_str() < today)?;
        let so_far = last.map_or_else(
            || format!("none has come since {began}"),
            |last| format!("the last came on {last}"),
        );
        let description = format!(
            "The {} reports to {} {}: a report was due by {due}, and {so_far}.",
            terms.reporting_role().in_words(),
            terms.to.as_ref().map(Addressee::in_words).unwrap_or_default(),
            terms.how_often(),
        );
        Some(Suspicion {
            code: "T2",
            severity: Severity::Warning,
            description,
            entities: vec![self.rhythm_id.clone()],
            events: self.provenance.iter().map(|at| at.last_position).collect(),
        })
    }
}
