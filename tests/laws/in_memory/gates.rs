//! The oracle of the gates: whether the condition was met, read from the states before, by the hard rules of the rulebook alone.

use vedtak::domain::{Event, State};
use vedtak::schema::v1::*;

use super::decisions;
use super::ledger::{States, Step};
use super::others;
use super::seats::acts;

/// What was so before a step, on the day that it took effect.
pub struct Before<'a> {
    pub states: &'a States,
    pub step: &'a Step,
    pub date: &'a str,
}

/// Holds each event of a step against the states before it: answers which gates it passed, and panics when one was not open.
pub fn passed(states: &States, step: &Step) -> Vec<&'static str> {
    let date = &step.circumstances.effective_date;
    let before = Before { states, step, date };
    let gates = step.events.iter().filter_map(|event| match &*step.before {
        State::Project(project) => before.in_project(project, event),
        other => others::passed(&before, other, event),
    });
    gates.collect()
}

/// Says by which rule a gate should have been shut.
#[track_caller]
pub fn met(rule: &str, condition: bool, why: &str) {
    assert!(condition, "{rule}: a gate was passed although {why}");
}

/// Whether something has happened by a day.
pub fn by(day: Option<&String>, date: &str) -> bool {
    day.is_some_and(|day| day.as_str() <= date)
}

/// The roles that the project itself has named for what brought about the event, as the last of what took effect by the day; none
/// where it has named nobody.
fn defined(project: &Project, event: &Event, date: &str) -> Option<Vec<ProjectRole>> {
    let command = match event {
        Event::DocumentApproved(_) => "ApproveDocument",
        Event::BudgetApproved(_) => "ApproveBudget",
        Event::PhasePlanApproved(_) => "ApprovePhasePlan",
        Event::PhaseSkipped(_) => "SkipPhase",
        Event::PhaseEvaluated(_) => "EvaluatePhase",
        Event::ProjectCancelled(_) => "CancelProject",
        Event::ProjectExtended(_) => "ExtendProject",
        Event::RequirementsApproved(_) => "ApproveRequirements",
        Event::ProcurementCancelled(_) => "CancelProcurement",
        Event::ContractAwarded(_) => "AwardContract",
        Event::ActivityCancelled(_) => "CancelActivity",
        Event::MilestoneCancelled(_) => "CancelMilestone",
        Event::RiskAccepted(_) => "AcceptRisk",
        Event::RealizationConfirmed(_) => "ConfirmRealization",
        _ => return None,
    };
    let mut last: Option<(&str, &CommandAuthority)> = None;
    for said in &project.authorities {
        let authority = said.authority.as_ref()?;
        let later = last.is_none_or(|(from, _)| said.from.as_str() >= from);
        if authority.command == command && said.from.as_str() <= date && later {
            last = Some((&said.from, authority));
        }
    }
    let roles = last?.1.holders.iter().filter_map(|holder| match holder.holder {
        Some(authority_holder::Holder::Role(role)) => ProjectRole::try_from(role).ok(),
        _ => None,
    });
    Some(roles.collect()).filter(|roles: &Vec<_>| !roles.is_empty())
}

impl Before<'_> {
    pub fn subject(&self) -> &str {
        &self.step.circumstances.subject
    }

    /// W1, W7: what approves, skips, ends or gives a right is done by somebody who has it.
    fn entitled(&self, project: &Project, event: &Event) {
        use ProjectRole::{BenefitOwner, Leader, Owner, Responsible, RiskOwner, Sponsor, SteeringGroup};
        let (roles, point): (&[ProjectRole], Option<&str>) = match event {
            Event::DocumentApproved(_) | Event::PhaseSkipped(_) | Event::ProjectCancelled(_) => (&[Owner], None),
            Event::BudgetApproved(event) => (&[Owner], event.decision_point_id.as_deref()),
            Event::ProjectExtended(event) => (&[Owner], Some(&event.decision_point_id)),
            Event::PhasePlanApproved(_) | Event::PhaseEvaluated(_) => (&[SteeringGroup, Owner], None),
            Event::RequirementsApproved(_) | Event::ProcurementCancelled(_) => (&[Owner, Responsible], None),
            Event::ContractAwarded(event) => (&[Owner, Responsible], Some(&event.decision_point_id)),
            Event::ActivityCancelled(_) | Event::MilestoneCancelled(_) => (&[Owner, Responsible, Leader], None),
            Event::RiskAccepted(_) => (&[RiskOwner, Responsible, Owner], None),
            Event::RealizationConfirmed(_) => (&[BenefitOwner, Owner], None),
            Event::AuthoritiesDefined(_) => (&[Owner], None),
            Event::RoleAssigned(event) if event.role() == Owner => {
                let first = !project.roles.iter().any(|held| held.role() == Owner);
                if first && self.step.circumstances.administrator {
                    return;
                }
                (&[Owner, Sponsor], None)
            }
            Event::RoleAssigned(_) => (&[Owner, Sponsor, Responsible], None),
            _ => return,
        };
        let held = |role: &ProjectRole| {
            [self.date, &self.step.circumstances.today]
                .into_iter()
                .all(|date| acts(self.states, project, *role, self.subject(), date, false))
        };
        let said = defined(project, event, self.date);
        let roles = said.as_deref().unwrap_or(roles);
        let mut points = project.decision_points.iter();
        let decided = points.any(|other| {
            Some(other.decision_point_id.as_str()) == point
                && other.status() == DecisionPointStatus::Approved
                && other.superseded_by_id.is_none()
                && by(other.decided.as_ref(), self.date)
        });
        met("W1", roles.iter().any(held) || decided, "the actor has no right to it");
    }

    fn in_project(&self, project: &Project, event: &Event) -> Option<&'static str> {
        let opens = project.version == 0;
        let active = opens || project.status() == ProjectStatus::Active;
        met("J2", active || goes_on(event), "the project has ended");
        if !opens {
            self.entitled(project, event);
        }
        match event {
            Event::PhaseStarted(event) => self.phase_started(project, &event.phase_id),
            Event::PhaseCompleted(event) => self.phase_completed(project, &event.phase_id),
            Event::PhaseSkipped(event) => self.phase_skipped(project, &event.phase_id),
            Event::ClosingApproved(_) => self.closing_approved(project),
            Event::ProjectClosed(event) => self.project_closed(project, &event.decision_point_id),
            Event::ProjectExtended(event) => self.project_extended(project, event),
            Event::ContractAwarded(event) => self.contract_awarded(project, event),
            Event::ContractSigned(event) => self.contract_signed(project, &event.procurement_id),
            Event::DecisionPointApproved(event) => decisions::approved(self, project, event),
            Event::DecisionPointRejected(event) => decisions::rejected(self, project, event),
            Event::DecisionPointWithdrawn(event) => decisions::withdrawn(project, &event.decision_point_id),
            Event::DeliverableHandedOver(event) => self.handed_over(project, event),
            event => others::in_project(self, project, event),
        }
    }

    fn phase_started(&self, project: &Project, id: &str) -> Option<&'static str> {
        let phase = phase(project, id);
        met(
            "F2",
            phase.status() == PhaseStatus::Planned && phase.started.is_none(),
            "the phase had started",
        );
        let earlier = || project.phases.iter().filter(|other| other.number < phase.number);
        let carried_out = earlier().filter(|other| other.status() != PhaseStatus::Skipped);
        if let Some(last) = carried_out.max_by_key(|other| other.number) {
            let completed = last.status() == PhaseStatus::Completed && by(last.ended.as_ref(), self.date);
            met("F2", completed, "the phase before was not completed");
        }
        let plan = phase.plan.as_ref();
        met(
            "F2",
            plan.is_some_and(|plan| plan.approved.as_str() <= self.date),
            "the phase has no approved plan",
        );
        let gating: Vec<&DecisionPoint> = project
            .decision_points
            .iter()
            .filter(|point| point.gates_phase_id.as_deref() == Some(id))
            .filter(|point| point.status() != DecisionPointStatus::Withdrawn)
            .collect();
        for gate in &gating {
            met(
                "F2",
                self.opens(project, gate, &gating),
                "a decision point that gates the phase was not approved",
            );
        }
        for before in earlier() {
            met(
                "F3",
                self.answered(project, before),
                "an earlier phase has an open mandatory checkpoint",
            );
        }
        if phase.kind() == PhaseKind::Execution {
            let governs = |document: &&GoverningDocument| {
                let kinds = [
                    DocumentKind::SteeringDocument,
                    DocumentKind::ProjectPlan,
                    DocumentKind::ProjectDirective,
                ];
                kinds.contains(&document.kind())
            };
            let mut versions = project
                .documents
                .iter()
                .filter(governs)
                .flat_map(|document| &document.versions);
            let approved = versions.any(|version| by(version.approved.as_ref(), self.date));
            met("D1", approved, "no governing document is approved");
            return Some("execution started");
        }
        if phase.kind() == PhaseKind::Closing {
            let execution = project.phases.iter().any(|phase| phase.kind() == PhaseKind::Execution);
            met("F1", execution, "there is no phase of execution");
        }
        Some("phase started")
    }

    /// Whether a decision point lets the phase start: its decision, or that of the point that stands in its place, is an approval. One
    /// that would take the place of the approval at this very gate shuts nothing until it is decided.
    fn opens(&self, project: &Project, gate: &DecisionPoint, gating: &[&DecisionPoint]) -> bool {
        let standing = decisions::standing(project, gate);
        if standing.decided.is_some() {
            return decisions::stands(standing, self.date);
        }
        gate.supersedes_id.as_ref().is_some_and(|id| {
            let mut others = gating.iter().map(|other| decisions::standing(project, other));
            others.any(|other| other.decision_point_id == *id && decisions::stands(other, self.date))
        })
    }

    /// F3: every mandatory checkpoint of the phase has an answer that stands.
    fn answered(&self, project: &Project, phase: &Phase) -> bool {
        let mandatory = |checkpoint: &&Checkpoint| checkpoint.mandatory && checkpoint.phase_id == phase.phase_id;
        project.checkpoints.iter().filter(mandatory).all(|checkpoint| {
            let last = checkpoint.answers.last();
            last.is_some_and(|given| given.reopened.is_none() && given.date.as_str() <= self.date)
        })
    }

    fn phase_completed(&self, project: &Project, id: &str) -> Option<&'static str> {
        let phase = phase(project, id);
        let under_way = phase.status() == PhaseStatus::Started && by(phase.started.as_ref(), self.date);
        met("F3", under_way, "the phase was not under way");
        let evaluation = phase.evaluation.as_ref();
        met(
            "F3",
            evaluation.is_some_and(|evaluation| evaluation.date.as_str() <= self.date),
            "it was not evaluated",
        );
        met("F3", self.answered(project, phase), "a mandatory checkpoint is open");
        let of_phase = project
            .deliverables
            .iter()
            .filter(|one| one.phase_id.as_deref() == Some(id));
        met(
            "F3",
            self.settled(of_phase),
            "a deliverable of the phase is not accepted",
        );
        Some("phase completed")
    }

    fn settled<'a>(&self, mut deliverables: impl Iterator<Item = &'a Deliverable>) -> bool {
        deliverables.all(|one| by(one.accepted.as_ref(), self.date) || by(one.dropped.as_ref(), self.date))
    }

    fn phase_skipped(&self, project: &Project, id: &str) -> Option<&'static str> {
        let phase = phase(project, id);
        met("F3", phase.status() == PhaseStatus::Planned, "the phase had started");
        met(
            "F3",
            self.answered(project, phase),
            "skipping it would bypass a mandatory checkpoint",
        );
        Some("phase skipped")
    }

    fn closing_approved(&self, project: &Project) -> Option<&'static str> {
        let owner = acts(
            self.states,
            project,
            ProjectRole::Owner,
            self.subject(),
            self.date,
            false,
        );
        met("J2", owner, "the actor is no owner");
        Some("closing approved")
    }

    fn project_closed(&self, project: &Project, decision_point_id: &str) -> Option<&'static str> {
        let approval = project.closing_approval.as_ref();
        met(
            "J2",
            approval.is_some_and(|approval| approval.date.as_str() <= self.date),
            "no owner has approved it",
        );
        let point = decisions::point(project, decision_point_id);
        met(
            "B4",
            point.kind() == DecisionPointKind::ProjectClosing,
            "no decision point is about closing",
        );
        met(
            "J2",
            decisions::stands(point, self.date),
            "the closing decision is not approved",
        );
        for point in project.decision_points.iter().filter(|point| point.mandatory) {
            met(
                "J2",
                by(point.decided.as_ref(), self.date),
                "a mandatory decision point is open",
            );
        }
        met(
            "J2",
            self.settled(project.deliverables.iter()),
            "a deliverable is neither accepted nor dropped",
        );
        let mut reports = project
            .reports
            .iter()
            .filter(|report| report.kind() == ReportKind::Final);
        met(
            "J2",
            reports.any(|report| report.submitted.as_str() <= self.date),
            "there is no final report",
        );
        Some("project closed")
    }

    fn project_extended(&self, project: &Project, event: &ProjectExtended) -> Option<&'static str> {
        let point = decisions::point(project, &event.decision_point_id);
        met(
            "J4",
            point.kind() == DecisionPointKind::Extension,
            "the decision is not about an extension",
        );
        met(
            "J4",
            decisions::stands(point, self.date),
            "the extension is not approved",
        );
        met(
            "J4",
            !self.step.circumstances.reason.trim().is_empty(),
            "no reason is given",
        );
        Some("project extended")
    }

    fn contract_awarded(&self, project: &Project, event: &ContractAwarded) -> Option<&'static str> {
        let procurement = procurement(project, &event.procurement_id);
        met(
            "C1",
            procurement.cancelled.is_none() && procurement.contract.is_none(),
            "the procurement is over",
        );
        let point = decisions::point(project, &event.decision_point_id);
        met(
            "C1",
            point.kind() == DecisionPointKind::ContractAward,
            "the decision is not about an award",
        );
        met("C1", decisions::stands(point, self.date), "the award is not approved");
        let mut awards = project.procurements.iter().flat_map(|other| &other.awards);
        let used = awards.any(|award| award.decision_point_id == event.decision_point_id);
        met("C1", !used, "the decision has given another award");
        let bid = procurement
            .bids
            .iter()
            .find(|bid| bid.bid_id == event.bid_id)
            .expect("C1: the bid that won");
        let tender = procurement.tender.as_ref().expect("C1: a tender");
        let late_that_day = match (&bid.received_time, &tender.deadline_time) {
            (Some(received), Some(deadline)) => bid.received == tender.deadline && received > deadline,
            _ => false,
        };
        met(
            "C2",
            !bid.late && bid.received <= tender.deadline && !late_that_day,
            "the bid came late",
        );
        let evaluation = procurement.evaluation.as_ref();
        met(
            "C1",
            evaluation.is_some_and(|done| done.evaluated.as_str() <= self.date),
            "the bids were not evaluated",
        );
        Some("contract awarded")
    }

    fn contract_signed(&self, project: &Project, procurement_id: &str) -> Option<&'static str> {
        let procurement = procurement(project, procurement_id);
        met(
            "C1",
            procurement.cancelled.is_none() && procurement.contract.is_none(),
            "the procurement is over",
        );
        met(
            "C1",
            procurement.status() == ProcurementStatus::Awarded,
            "no award stands",
        );
        let award = procurement.awards.last().expect("C1: an award");
        met("C1", award.awarded.as_str() <= self.date, "it was awarded later");
        let point = decisions::point(project, &award.decision_point_id);
        met(
            "C1",
            decisions::stands(point, self.date),
            "the decision to award does not stand",
        );
        if award.standstill_days > 0 {
            let days = others::days_between(&award.awarded, self.date);
            met(
                "C1",
                days > i64::from(award.standstill_days),
                "the standstill period has not ended",
            );
        }
        Some("contract signed")
    }

    fn handed_over(&self, project: &Project, event: &DeliverableHandedOver) -> Option<&'static str> {
        let mut deliverables = project.deliverables.iter();
        let deliverable = deliverables
            .find(|one| one.deliverable_id == event.deliverable_id)
            .expect("L1: it is there");
        let accepted = by(deliverable.accepted.as_ref(), self.date) && deliverable.dropped.is_none();
        met("L1", accepted, "it was not accepted");
        let named = !event.receiving_line_organization.is_empty() && event.host_municipality.is_some();
        met("L1", named, "it does not say to whom");
        Some("deliverable handed over")
    }
}

/// What goes on after a project has ended: benefits are measured (N4), conditions fulfilled, and reports and lessons written.
fn goes_on(event: &Event) -> bool {
    matches!(
        event,
        Event::BenefitDropped(_)
            | Event::BenefitRevised(_)
            | Event::ConditionFulfilled(_)
            | Event::EvaluationRecorded(_)
            | Event::FinalReportSubmitted(_)
            | Event::LessonRecorded(_)
            | Event::MeasurementRecorded(_)
            | Event::RealizationConfirmed(_)
            | Event::ReportAcknowledged(_)
            | Event::StatusReportSubmitted(_)
    )
}

fn phase<'a>(project: &'a Project, id: &str) -> &'a Phase {
    project
        .phases
        .iter()
        .find(|phase| phase.phase_id == id)
        .expect("the phase that it names")
}

fn procurement<'a>(project: &'a Project, id: &str) -> &'a Procurement {
    let mut procurements = project.procurements.iter();
    procurements
        .find(|procurement| procurement.procurement_id == id)
        .expect("the procurement that it names")
}
