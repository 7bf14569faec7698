//! Phase (fase): planned, started, evaluated and completed in order, or skipped for a reason (rules F1–F3, D1).

use std::collections::HashMap;

use super::since::{Each, Followers};
use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Suspicion, unchanged_or};
use crate::schema::v1::*;

impl Project {
    pub(super) fn phase(&self, id: &str) -> Result<&Phase, Refusal> {
        self.phases
            .iter()
            .find(|phase| phase.phase_id == id)
            .ok_or_else(|| Refusal::not_found("phase", id))
    }

    /// The phase, when it is neither completed nor skipped.
    pub(super) fn phase_not_over(&self, id: &str) -> Result<&Phase, Refusal> {
        let phase = self.phase(id)?;
        let outcome = match phase.status() {
            PhaseStatus::Completed => "completed",
            PhaseStatus::Skipped => "skipped",
            _ => return Ok(phase),
        };
        let problem = format!(
            "{} was {outcome} on {}.",
            phase.label(),
            phase.ended.as_deref().unwrap_or_default()
        );
        Err(Refusal::precondition("PHASE_OVER", problem)
            .mend("Record it in a phase that goes on, or plan a new phase."))
    }

    fn phase_mut(&mut self, id: &str, at: &Recorded<'_>) -> Option<&mut Phase> {
        let phase = self.phases.iter_mut().find(|phase| phase.phase_id == id)?;
        at.touch(&mut phase.provenance);
        Some(phase)
    }

    /// F2: the phase before, skipped ones passed over, must be completed.
    fn require_phase_before_completed(&self, phase: &Phase, date: &str) -> Result<(), Refusal> {
        let passed = |before: &&Phase| before.number < phase.number && before.status() != PhaseStatus::Skipped;
        let Some(before) = self.phases.iter().rev().find(passed) else {
            return Ok(());
        };
        let completed = before.status() == PhaseStatus::Completed;
        if completed && before.ended.as_deref().is_some_and(|ended| ended <= date) {
            return Ok(());
        }
        let problem = format!(
            "{} comes before {}, and was not completed by {date}.",
            before.label(),
            phase.label()
        );
        Err(Refusal::rule("F2", "PHASE_BEFORE_NOT_COMPLETED", problem)
            .mend("Complete the phase before, or skip it for a reason."))
    }

    /// F2: every decision point that gates the phase is approved, or was superseded by one that is.
    fn require_open_gates(&self, phase: &Phase, date: &str) -> Result<(), Refusal> {
        let gates = || {
            self.decision_points.iter().filter(|point| {
                point.gates_phase_id.as_deref() == Some(&phase.phase_id)
                    && point.status() != DecisionPointStatus::Withdrawn
            })
        };
        for gate in gates().map(|gate| self.standing(gate)) {
            // A point that would supersede the decision at this gate does not close it before it is decided; the decision at another
            // gate, or at none, opens nothing here.
            let reconsidered =
                |other: &DecisionPoint| gate.supersedes_id.as_ref() == Some(&self.standing(other).decision_point_id);
            if !gate.is_decided() && gates().any(reconsidered) {
                continue;
            }
            if !gate.is_approved() || gate.decided.as_deref().is_none_or(|decided| decided > date) {
                let problem = format!(
                    "{} gates {}, and was not approved by {date}.",
                    gate.label(),
                    phase.label()
                );
                return Err(Refusal::rule("F2", "GATE_NOT_APPROVED", problem)
                    .mend("Have the decision point approved; a rejected one is superseded by a new point."));
            }
        }
        Ok(())
    }

    /// F3: each mandatory checkpoint of these phases is answered, also in phases that are skipped.
    fn require_checkpoints_answered<'a>(
        &self,
        phases: impl Iterator<Item = &'a Phase>,
        date: &str,
    ) -> Result<(), Refusal> {
        for phase in phases {
            let of_phase = self
                .checkpoints
                .iter()
                .filter(|checkpoint| checkpoint.phase_id == phase.phase_id);
            let open: Vec<&Checkpoint> = of_phase
                .filter(|checkpoint| checkpoint.mandatory && !checkpoint.is_answered_by(date))
                .collect();
            if let Some(first) = open.first() {
                let (label, count) = (phase.label(), open.len());
                let problem = format!(
                    "{label} has {count} mandatory checkpoint(s) unanswered on {date}, the first: \"{}\"",
                    first.text
                );
                return Err(Refusal::rule("F3", "CHECKPOINT_UNANSWERED", problem)
                    .mend("Answer every mandatory checkpoint; skipping a phase does not bypass them."));
            }
        }
        Ok(())
    }
}

impl Phase {
    /// Its number and name, as a sentence speaks of it.
    pub(super) fn label(&self) -> String {
        format!("Phase {} ({})", self.number, self.name)
    }

    /// F2: its own plan is approved on a date.
    fn require_plan(&self, date: &str) -> Result<(), Refusal> {
        if self.plan.as_ref().is_some_and(|plan| plan.approved.as_str() <= date) {
            return Ok(());
        }
        let problem = format!("{} had no approved plan of its own on {date}.", self.label());
        Err(Refusal::rule("F2", "PHASE_PLAN_NOT_APPROVED", problem)
            .mend("Approve the phase's plan first (ApprovePhasePlan)."))
    }

    fn require_started(&self) -> Result<&str, Refusal> {
        self.started.as_deref().ok_or_else(|| {
            Refusal::precondition("PHASE_NOT_STARTED", format!("{} has not started.", self.label()))
                .mend("Start the phase first.")
        })
    }

    fn end(&mut self, status: PhaseStatus, at: &Recorded<'_>) {
        self.set_status(status);
        self.ended = Some(at.effective_date.to_owned());
    }
}

impl Decide for PlanPhase {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        if let Ok(phase) = project.phase(&self.phase_id) {
            let same = (phase.number, &phase.name, &phase.period) == (self.number, &self.name, &self.period)
                && (phase.kind, phase.mode) == (self.kind, self.mode);
            return unchanged_or(same, || Refusal::already_exists("phase", &self.phase_id));
        }
        if self.kind() == PhaseKind::Execution && self.mode() == PhaseMode::Unspecified {
            let problem = format!(
                "{} is a phase of execution and does not say how it is carried out.",
                self.name
            );
            return Err(
                Refusal::rule("F1", "MODE_REQUIRED", problem).mend("Say whether it goes by milestones or in sprints.")
            );
        }
        if let Some(period) = &self.period
            && period.to.as_ref().is_some_and(|to| *to < period.from)
        {
            let problem = format!(
                "The last day {} is before the first, {}.",
                period.to.as_deref().unwrap_or_default(),
                period.from
            );
            return Err(
                Refusal::invalid("period", "PERIOD_REVERSED", problem).mend("Give a last day on or after the first.")
            );
        }
        if let Some(other) = project.phases.iter().find(|phase| phase.number == self.number) {
            let problem = format!(
                "{} has that number, and the numbers are the order of the phases.",
                other.label()
            );
            return Err(
                Refusal::precondition("PHASE_NUMBER_TAKEN", problem).mend("Give the phase a number of its own.")
            );
        }
        Ok(vec![
            PhasePlanned {
                phase_id: self.phase_id.clone(),
                number: self.number,
                name: self.name.clone(),
                period: self.period.clone(),
                kind: self.kind,
                mode: self.mode,
            }
            .into(),
        ])
    }
}

impl Fold for PhasePlanned {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let place = project.phases.partition_point(|phase| phase.number <= self.number);
        project.phases.insert(
            place,
            Phase {
                phase_id: self.phase_id.clone(),
                number: self.number,
                name: self.name.clone(),
                period: self.period.clone(),
                kind: self.kind,
                mode: self.mode,
                status: PhaseStatus::Planned.into(),
                provenance: at.provenance(),
                ..Phase::default()
            },
        );
    }
}

impl Decide for ApprovePhasePlan {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let phase = project.phase(&self.phase_id)?;
        let same = |plan: &PhasePlan| plan.document_id == self.document_id && plan.version == self.version;
        if phase.plan.as_ref().is_some_and(same) {
            return Ok(Vec::new());
        }
        project.phase_not_over(&self.phase_id)?;
        let version = project.document(&self.document_id)?.version(&self.version)?;
        if version
            .approved
            .as_deref()
            .is_none_or(|approved| approved > context.effective_date)
        {
            let problem = format!(
                "Version {} of the document was not approved by {}.",
                self.version, context.effective_date
            );
            return Err(Refusal::rule("F2", "DOCUMENT_NOT_APPROVED", problem)
                .mend("Approve that version first (ApproveDocument)."));
        }
        Ok(vec![
            PhasePlanApproved {
                phase_id: self.phase_id.clone(),
                document_id: self.document_id.clone(),
                version: self.version.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for PhasePlanApproved {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(phase) = project.phase_mut(&self.phase_id, at) {
            phase.plan = Some(PhasePlan {
                document_id: self.document_id.clone(),
                version: self.version.clone(),
                approved: at.effective_date.to_owned(),
                position: at.position,
            });
        }
    }
}

impl Decide for StartPhase {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let phase = project.phase_not_over(&self.phase_id)?;
        let date = context.effective_date;
        if let Some(started) = &phase.started {
            return unchanged_or(started == date, || {
                Refusal::precondition("PHASE_STARTED", format!("{} started on {started}.", phase.label()))
                    .mend("Nothing more is needed; a phase starts once.")
            });
        }
        project.require_phase_before_completed(phase, date)?;
        project.require_checkpoints_answered(
            project.phases.iter().filter(|before| before.number < phase.number),
            date,
        )?;
        phase.require_plan(date)?;
        project.require_open_gates(phase, date)?;
        let has_execution = project.phases.iter().any(|phase| phase.kind() == PhaseKind::Execution);
        if phase.kind() == PhaseKind::Closing && !has_execution {
            let problem = format!("{} closes a project that has no phase of execution.", phase.label());
            return Err(
                Refusal::rule("F1", "EXECUTION_PHASE_MISSING", problem).mend("Plan at least one phase of execution.")
            );
        }
        if phase.kind() == PhaseKind::Execution && !project.has_document_approved_by(date) {
            let problem = format!(
                "{} is execution, and no governing document was approved by {date}.",
                phase.label()
            );
            return Err(Refusal::rule("D1", "NO_APPROVED_DOCUMENT", problem)
                .mend("Approve a steering document, project plan or project directive first."));
        }
        Ok(vec![
            PhaseStarted {
                phase_id: self.phase_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for PhaseStarted {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(phase) = project.phase_mut(&self.phase_id, at) {
            phase.set_status(PhaseStatus::Started);
            phase.started = Some(at.effective_date.to_owned());
        }
    }
}

impl Decide for EvaluatePhase {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let phase = project.phase(&self.phase_id)?;
        let same = |last: &PhaseEvaluation| {
            last.assessment == self.assessment && last.report == self.report && last.date == context.effective_date
        };
        if phase.evaluation.as_ref().is_some_and(same) {
            return Ok(Vec::new());
        }
        project.phase_not_over(&self.phase_id)?.require_started()?;
        Ok(vec![
            PhaseEvaluated {
                phase_id: self.phase_id.clone(),
                assessment: self.assessment.clone(),
                report: self.report.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for PhaseEvaluated {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(phase) = project.phase_mut(&self.phase_id, at) {
            phase.evaluation = Some(PhaseEvaluation {
                assessment: self.assessment.clone(),
                report: self.report.clone(),
                date: at.effective_date.to_owned(),
            });
        }
    }
}

impl Decide for CompletePhase {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let (phase, date) = (project.phase(&self.phase_id)?, context.effective_date);
        if phase.status() == PhaseStatus::Completed && phase.ended.as_deref() == Some(date) {
            return Ok(Vec::new());
        }
        let started = project.phase_not_over(&self.phase_id)?.require_started()?;
        if date < started {
            let problem = format!("{} started on {started}, after {date}.", phase.label());
            return Err(
                Refusal::invalid("context.effective_date", "COMPLETED_BEFORE_START", problem)
                    .mend("Give a day on or after its first."),
            );
        }
        if phase
            .evaluation
            .as_ref()
            .is_none_or(|evaluation| evaluation.date.as_str() > date)
        {
            let problem = format!("{} was not evaluated by {date}.", phase.label());
            return Err(
                Refusal::rule("F3", "PHASE_NOT_EVALUATED", problem).mend("Evaluate the phase first (EvaluatePhase).")
            );
        }
        project.require_checkpoints_answered(std::iter::once(phase), date)?;
        project.require_deliverables_settled(Some(phase), date, "F3")?;
        Ok(vec![
            PhaseCompleted {
                phase_id: self.phase_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for PhaseCompleted {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(phase) = project.phase_mut(&self.phase_id, at) {
            phase.end(PhaseStatus::Completed, at);
        }
    }
}

impl Decide for SkipPhase {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let phase = project.phase(&self.phase_id)?;
        if phase.status() == PhaseStatus::Skipped {
            return Ok(Vec::new());
        }
        project.phase_not_over(&self.phase_id)?;
        if let Some(started) = &phase.started {
            let problem = format!("{} started on {started}.", phase.label());
            return Err(Refusal::precondition("PHASE_STARTED", problem).mend("Evaluate and complete it."));
        }
        context.require_reason(
            format!("{} is skipped for a reason.", phase.label()),
            "Say in the context's reason why the project can do without it.",
        )?;
        project.require_checkpoints_answered(std::iter::once(phase), context.effective_date)?;
        Ok(vec![
            PhaseSkipped {
                phase_id: self.phase_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for PhaseSkipped {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(phase) = project.phase_mut(&self.phase_id, at) {
            phase.end(PhaseStatus::Skipped, at);
        }
    }
}

/// F3, afterwards: a phase that is over while one of its mandatory checkpoints has been opened again.
pub(super) fn find(project: &Project, _today: &str, found: &mut Vec<Suspicion>) {
    let mut open: HashMap<&str, Vec<&Checkpoint>> = HashMap::new();
    for checkpoint in &project.checkpoints {
        if checkpoint.mandatory && !checkpoint.answered {
            open.entry(&checkpoint.phase_id).or_default().push(checkpoint);
        }
    }
    for phase in project.phases.iter().filter(|phase| phase.ended.is_some()) {
        for checkpoint in open.get(phase.phase_id.as_str()).into_iter().flatten() {
            found.push(phase.with_open(checkpoint));
        }
    }
}

pub(super) fn follow() -> Followers<Project> {
    vec![Each::of("checkpoints", |project, places, index, _, found| {
        let checkpoint = &project.checkpoints[index];
        let phase = places
            .find(project, "phases", &checkpoint.phase_id)
            .map(|index| &project.phases[index]);
        let over = phase.filter(|phase| phase.ended.is_some() && checkpoint.mandatory && !checkpoint.answered);
        found.extend(over.map(|phase| phase.with_open(checkpoint)));
    })]
}

impl Phase {
    fn with_open(&self, checkpoint: &Checkpoint) -> Suspicion {
        let provenances = [&self.provenance, &checkpoint.provenance];
        Suspicion {
            code: "CHECKPOINT_OPEN_AFTER_PHASE",
            severity: Severity::Warning,
            description: format!(
                "{} is over, and its checkpoint \"{}\" is open again.",
                self.label(),
                checkpoint.text
            ),
            entities: vec![self.phase_id.clone(), checkpoint.checkpoint_id.clone()],
            events: provenances
                .into_iter()
                .flatten()
                .map(|provenance| provenance.last_position)
                .collect(),
        }
    }
}
