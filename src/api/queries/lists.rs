//! The lists inside one project, organisation or register.

use super::Answer;
use super::reading::{Page, Part, state_page};
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::schema::v1::*;

/// A list request, the state that it lists from, its answer and where the items are. The requests differ in what they list, not in how.
macro_rules! list {
    ($of:ident($id:ident), $request:ident => $reply:ident.$field:ident, |$query:ident, $state:ident| $items:expr) => {
        impl Answer for $request {
            type Reply = $reply;

            async fn answer(self, service: &Service, caller: &Caller) -> Result<$reply, Failure> {
                let part = Part {
                    as_of: self.as_of.clone(),
                    at_least: self.at_least,
                    page_token: self.page_token.clone(),
                    page_size: self.page_size,
                };
                let $query = &self;
                let Page {
                    items,
                    next_page_token,
                    position,
                } = state_page(service, caller, &$query.$id, part, |$state: &$of| $items).await?;
                Ok($reply {
                    $field: items,
                    next_page_token,
                    position,
                })
            }
        }
    };
}

list!(Project(project_id), ListActivities => ActivityList.activities, |_query, project| project.activities.iter().collect());
list!(Project(project_id), ListBenefits => BenefitList.benefits, |_query, project| project.benefits.iter().collect());
list!(Project(project_id), ListDeliverables => DeliverableList.deliverables, |_query, project| project.deliverables.iter().collect());
list!(Project(project_id), ListDeviations => DeviationList.deviations, |_query, project| project.deviations.iter().collect());
list!(Project(project_id), ListDocuments => DocumentList.documents, |_query, project| project.documents.iter().collect());
list!(Project(project_id), ListEvaluations => EvaluationList.evaluations, |_query, project| project.evaluations.iter().collect());
list!(Project(project_id), ListLessons => LessonList.lessons, |_query, project| project.lessons.iter().collect());
list!(Project(project_id), ListMilestones => MilestoneList.milestones, |_query, project| project.milestones.iter().collect());
list!(Project(project_id), ListCheckpoints => CheckpointList.checkpoints, |_query, project| project.checkpoints.iter().collect());
list!(Project(project_id), ListPhases => PhaseList.phases, |_query, project| project.phases.iter().collect());
list!(Project(project_id), ListProcurements => ProcurementList.procurements, |_query, project| project.procurements.iter().collect());
list!(Project(project_id), ListReportRhythms => ReportRhythmList.rhythms, |_query, project| project.report_rhythms.iter().collect());
list!(Project(project_id), ListReports => ReportList.reports, |_query, project| project.reports.iter().collect());
list!(Project(project_id), ListRisks => RiskList.risks, |_query, project| project.risks.iter().collect());
list!(Project(project_id), ListRoles => RoleList.roles, |query, project| {
    let held = |role: &RoleAssignment| query.date.as_ref().is_none_or(|date| role.is_held_on(date));
    project.roles.iter().filter(|role| held(role)).collect()
});
list!(Project(project_id), ListStakeholders => StakeholderList.stakeholders, |_query, project| project.stakeholders.iter().collect());
list!(Project(project_id), ListSuccessFactors => SuccessFactorList.success_factors, |_query, project| project.success_factors.iter().collect());
list!(Organization(organization_id), ListAppointments => AppointmentList.appointments, |query, organization| {
    match (&query.body_id, &query.date) {
        (Some(body), Some(date)) => organization.sitting(body, date),
        (Some(body), None) => organization.appointments_to(body),
        (None, Some(date)) => organization.appointments.iter().filter(|appointment| appointment.holds_on(date)).collect(),
        (None, None) => organization.appointments.iter().collect(),
    }
});
list!(Organization(organization_id), ListMeetings => MeetingList.meetings, |query, organization| {
    let of_body = |meeting: &Meeting| query.body_id.as_ref().is_none_or(|body| meeting.is_of(body));
    organization.meetings.iter().filter(|meeting| of_body(meeting)).collect()
});
list!(ProposalRegister(proposal_register_id), ListProposals => ProposalList.proposals, |query, register| {
    let asked = |proposal: &Proposal| {
        query.round_id.as_ref().is_none_or(|round_id| proposal.round_id == *round_id)
            && query.group.as_ref().is_none_or(|group| proposal.group == *group)
            && (query.status == 0 || proposal.status == query.status)
    };
    register.proposals.iter().filter(|proposal| asked(proposal)).collect()
});
list!(ProposalRegister(proposal_register_id), ListPriorityLists => PriorityLists.priority_lists, |query, register| {
    let rounds = register.rounds.iter().filter(|round| round.round_id == query.round_id);
    rounds.flat_map(|round| &round.priority_lists).collect()
});
