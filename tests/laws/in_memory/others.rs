//! The oracle of what is no gate of a project: agreements, proposals, programmes and meetings, and the smaller hard rules.

use std::collections::{HashMap, HashSet};

use time::Date;
use time::macros::format_description;
use vedtak::domain::{Event, State};
use vedtak::schema::v1::role_holder::Holder;
use vedtak::schema::v1::*;

use super::decisions::{edition_in_force, is_left_in, signed_by_all};
use super::gates::{Before, met};
use super::seats::{decides, sits, within};

/// How many days lie between two days.
pub fn days_between(from: &str, to: &str) -> i64 {
    let read = |day: &str| Date::parse(day, format_description!("[year]-[month]-[day]")).expect("a day");
    (read(to) - read(from)).whole_days()
}

/// The gates outside projects.
pub fn passed(before: &Before<'_>, state: &State, event: &Event) -> Option<&'static str> {
    match (state, event) {
        (State::Agreement(agreement), event) => in_agreement(before, agreement, event),
        (State::ProposalRegister(register), Event::ProposalDecided(event)) => proposal_decided(before, register, event),
        (State::Programme(_), Event::DependencyRegistered(_)) => {
            let State::Programme(after) = &*before.step.after else {
                unreachable!("a programme stays one")
            };
            let terms = after.dependencies.iter().filter_map(|one| one.terms.as_ref());
            let edges = terms.map(|terms| (terms.predecessor_project_id.as_str(), terms.project_id.as_str()));
            met("G1", is_acyclic(edges.collect()), "the dependencies go in a circle");
            Some("dependency registered")
        }
        (State::Organization(organization), Event::MinutesRecorded(event)) => {
            let mut meetings = organization.meetings.iter();
            let meeting = meetings
                .find(|meeting| meeting.meeting_id == event.meeting_id)
                .expect("O3: the meeting");
            let held = meeting
                .plan
                .as_ref()
                .is_some_and(|plan| plan.date.as_str() <= before.date);
            met(
                "O3",
                held && meeting.status() == MeetingStatus::Scheduled,
                "the meeting was not held",
            );
            each_case_has_its_own_number(before, &event.meeting_id);
            Some("minutes recorded")
        }
        (State::Organization(organization), Event::MinutesApproved(event)) => {
            let (of, later) = treated_later(before, organization, &event.meeting_id, &event.in_meeting_id);
            met("V11", later, "they are approved in no later meeting of the body");
            met("V11", of.minutes_approved_in_id.is_none(), "they were approved before");
            Some("minutes approved")
        }
        (State::Organization(organization), Event::MinutesCorrected(event)) => {
            let (of, later) = treated_later(before, organization, &event.meeting_id, &event.in_meeting_id);
            met("V11", later, "they are corrected in no later meeting of the body");
            met("V11", of.minutes_approved_in_id.is_none(), "they were approved before");
            let after = meeting_in(organization_after(before), &event.meeting_id);
            let kept = after.minutes_corrections.last().map(|correction| &correction.stood);
            met("V11", kept == Some(&of.minutes), "what stood is not kept");
            each_case_has_its_own_number(before, &event.meeting_id);
            Some("minutes corrected")
        }
        (State::Organization(organization), Event::MeetingMoved(event)) => {
            let meeting = meeting_in(organization, &event.meeting_id);
            met(
                "V11",
                meeting.status() == MeetingStatus::Scheduled && meeting.minutes.is_none(),
                "it is not still to come",
            );
            let moved = |other: &&Meeting| {
                let follows = other.plan.as_ref().and_then(|plan| plan.follows_id.as_ref());
                follows == Some(&event.meeting_id) && other.status() != MeetingStatus::Cancelled
            };
            let mut followers = organization.meetings.iter().filter(moved);
            met(
                "V11",
                followers.all(|other| date_of(other) > event.date.as_str()),
                "its series goes back",
            );
            Some("meeting moved")
        }
        _ => None,
    }
}

fn meeting_in<'a>(organization: &'a Organization, id: &str) -> &'a Meeting {
    let mut meetings = organization.meetings.iter();
    meetings
        .find(|meeting| meeting.meeting_id == id)
        .expect("V11: the meeting")
}

fn date_of(meeting: &Meeting) -> &str {
    meeting.plan.as_ref().map_or("", |plan| &plan.date)
}

fn organization_after<'a>(before: &'a Before<'_>) -> &'a Organization {
    match &*before.step.after {
        State::Organization(organization) => organization,
        _ => unreachable!("an organisation stays one"),
    }
}

/// The meeting whose minutes are treated, and whether they are treated in a later meeting of the same body that has come.
fn treated_later<'a>(
    before: &Before<'_>,
    organization: &'a Organization,
    id: &str,
    in_id: &str,
) -> (&'a Meeting, bool) {
    let (of, later) = (meeting_in(organization, id), meeting_in(organization, in_id));
    let body = |meeting: &Meeting| meeting.plan.as_ref().map(|plan| plan.body_id.clone());
    let is_later = of.minutes.is_some()
        && body(of) == body(later)
        && date_of(of) < date_of(later)
        && date_of(later) <= before.date
        && later.status() != MeetingStatus::Cancelled;
    (of, is_later)
}

/// V10: among all that the body has decided, the cases of these minutes have numbers of their own wherever something can rest on them.
fn each_case_has_its_own_number(before: &Before<'_>, id: &str) {
    let after = organization_after(before);
    let of_body = |meeting: &&Meeting| {
        meeting.plan.as_ref().map(|plan| &plan.body_id) == meeting_in(after, id).plan.as_ref().map(|plan| &plan.body_id)
    };
    let minutes = after
        .meetings
        .iter()
        .filter(of_body)
        .filter_map(|meeting| meeting.minutes.as_ref());
    let mut numbers: Vec<&str> = Vec::new();
    for decision in minutes.flat_map(|minutes| &minutes.decisions) {
        let rests = decision.treats.iter().any(|matter| matter.outcome != 0);
        met("V10", !rests || !decision.number.is_empty(), "a decision has no number");
        if !decision.number.is_empty() {
            numbers.push(&decision.number);
        }
    }
    let (all, own) = (numbers.len(), numbers.into_iter().collect::<HashSet<_>>().len());
    met("V10", all == own, "two decisions of the body have one number");
}

/// The smaller rules in a project.
pub fn in_project(before: &Before<'_>, project: &Project, event: &Event) -> Option<&'static str> {
    let State::Project(after) = &*before.step.after else {
        unreachable!("a project stays one")
    };
    match event {
        Event::ActivitiesLinked(_) => {
            let links = after.activity_links.iter();
            let edges = links.map(|link| (link.from_activity_id.as_str(), link.to_activity_id.as_str()));
            met("K1", is_acyclic(edges.collect()), "the links go in a circle");
            Some("activities linked")
        }
        Event::ActualRecorded(event) => {
            let entry = event.entry.as_ref().expect("E7: an entry");
            let actuals = project.budget.iter().flat_map(|budget| &budget.actuals);
            let corrected = actuals
                .clone()
                .find(|actual| Some(&actual.actual_id) == entry.corrects_actual_id.as_ref());
            met(
                "E7",
                entry.ore() >= 0 || corrected.is_some(),
                "it is negative and corrects nothing",
            );
            corrected.map(|_| "actual corrected")
        }
        Event::MilestoneAchieved(event) => {
            met(
                "M1",
                !event.evidence.is_empty() || event.document.is_some(),
                "there is no evidence",
            );
            Some("milestone achieved")
        }
        Event::RealizationConfirmed(event) => benefit_confirmed(before, project, event),
        Event::RiskMaterialized(_) => {
            met(
                "X4",
                after.deviations.len() > project.deviations.len(),
                "no deviation was opened",
            );
            Some("risk materialised")
        }
        Event::RoleAssigned(_) => {
            met("R1", leader_is_another(after), "the leader is the responsible");
            None
        }
        Event::PhasePlanApproved(event) => {
            let mut documents = project
                .documents
                .iter()
                .filter(|document| document.document_id == event.document_id);
            let version = documents.next().and_then(|document| {
                let mut versions = document.versions.iter();
                versions.find(|version| version.version == event.version)
            });
            let approved = version.and_then(|version| version.approved.as_deref());
            met(
                "F2",
                approved.is_some_and(|day| day <= before.date),
                "the plan of the phase is not approved",
            );
            Some("phase plan approved")
        }
        _ => None,
    }
}

/// N1: the measurement shows that the target is reached while the side condition held.
fn benefit_confirmed(before: &Before<'_>, project: &Project, event: &RealizationConfirmed) -> Option<&'static str> {
    let benefit = project
        .benefits
        .iter()
        .find(|one| one.benefit_id == event.benefit_id)
        .expect("N1: the benefit");
    let plan = benefit
        .plans
        .last()
        .and_then(|plan| plan.plan.as_ref())
        .expect("N1: a plan");
    let mut measurements = benefit.measurements.iter();
    let proof = measurements
        .find(|one| one.measurement_id == event.measurement_id)
        .expect("N1: a measurement");
    met("N1", proof.measured.as_str() <= before.date, "it was measured later");
    let newest = benefit
        .measurements
        .iter()
        .filter(|one| one.measured.as_str() <= before.date && one.plan_number == proof.plan_number);
    met(
        "N1",
        newest.max_by_key(|one| &one.measured) == Some(proof),
        "a later measurement shows otherwise",
    );
    let reached = if plan.baseline < plan.target {
        plan.target <= proof.value
    } else {
        proof.value <= plan.target
    };
    met("N1", reached, "the target is not reached");
    let held = plan.side_condition.is_empty() || proof.side_condition_held == Some(true);
    met("N1", held, "the side condition did not hold");
    Some("benefit confirmed")
}

/// R1: on no day are the project leader and the project responsible one person.
fn leader_is_another(project: &Project) -> bool {
    let in_role = |role| {
        let held = project.roles.iter().filter(move |held| held.role() == role);
        held.filter_map(|held| match held.holder.as_ref()?.holder.as_ref()? {
            Holder::Person(person) => Some((&person.subject, &held.from, held.to.as_deref())),
            _ => None,
        })
    };
    in_role(ProjectRole::Leader).all(|(leader, from, to)| {
        in_role(ProjectRole::Responsible).all(|(responsible, since, until)| {
            leader != responsible || !(within(from, since, to) || within(since, from, until))
        })
    })
}

fn in_agreement(before: &Before<'_>, agreement: &Agreement, event: &Event) -> Option<&'static str> {
    let authority = !before.step.circumstances.authority.trim().is_empty();
    match event {
        Event::AgreementSigned(event) => {
            met("A1", agreement.termination.is_none(), "the agreement is terminated");
            let latest = agreement.editions.last().expect("A1: an edition");
            met("A1", latest.edition == event.edition, "what is signed has been amended");
            met(
                "A1",
                latest.drafted.as_str() <= before.date,
                "it was signed before it was drafted",
            );
            let named = latest
                .terms
                .iter()
                .flat_map(|terms| &terms.parties)
                .any(|party| party.party_id == event.party_id);
            let again = latest.signatures.iter().any(|one| one.party_id == event.party_id);
            met("A1", named && !again, "the party is not named, or has signed");
            Some("agreement signed")
        }
        Event::PartyWithdrawn(event) => {
            let edition = edition_in_force(agreement, before.date).expect("A2: an edition that binds");
            let held = is_held(edition, &event.party_id, &event.to);
            met("A2", authority || !held, "the party is bound for the full period");
            Some(if held {
                "party withdrawn by authority"
            } else {
                "party withdrawn"
            })
        }
        Event::AgreementTerminated(event) => {
            let signed = |edition: &&AgreementEdition| signed_by_all(edition).is_some_and(|day| day <= before.date);
            let edition = agreement.editions.iter().rev().find(signed);
            let held = edition.is_some_and(|edition| {
                let mut parties = edition.terms.iter().flat_map(|terms| &terms.parties);
                parties.any(|party| {
                    is_held(edition, &party.party_id, &event.to)
                        && is_left_in(agreement, edition, &party.party_id, &event.to)
                })
            });
            met("A2", authority || !held, "a party is bound for the full period");
            Some("agreement terminated")
        }
        _ => None,
    }
}

/// A2: bound for the full period, which lasts longer than that day.
fn is_held(edition: &AgreementEdition, party_id: &str, to: &str) -> bool {
    let terms = edition.terms.as_ref().expect("terms");
    let party = terms
        .parties
        .iter()
        .find(|party| party.party_id == party_id)
        .expect("A2: a party of it");
    let end = terms.period.as_ref().and_then(|period| period.to.as_deref());
    party.bound_for_full_period && end.is_none_or(|end| to < end)
}

fn proposal_decided(before: &Before<'_>, register: &ProposalRegister, event: &ProposalDecided) -> Option<&'static str> {
    if let Some(body) = &event.body {
        let seated = sits(before.states, body, before.subject(), before.date);
        met(
            "O1",
            decides(before.states, body, before.date) && seated,
            "the body does not decide, or others sit in it",
        );
    }
    if event.outcome() != ProposalOutcome::StartNow {
        return Some("proposal decided");
    }
    let mut proposals = register.proposals.iter();
    let proposal = proposals
        .find(|proposal| proposal.proposal_id == event.proposal_id)
        .expect("P1: the proposal");
    let mut reviews = proposal
        .reviews
        .iter()
        .filter(|review| review.date.as_str() <= before.date);
    let passed = reviews
        .next_back()
        .is_some_and(|review| review.outcome() == ReviewOutcome::Passed);
    met("P1", passed, "it did not pass the change board");
    if proposal.cross_sector {
        let heard = |party: &ConsultedParty| party.consultations.iter().any(|one| one.date.as_str() <= before.date);
        let all = !proposal.affected_parties.is_empty() && proposal.affected_parties.iter().all(heard);
        met("P2", all, "an affected party was not consulted");
    }
    Some("proposal started")
}

/// Whether one can go along these edges without coming back.
fn is_acyclic(edges: Vec<(&str, &str)>) -> bool {
    let mut next: HashMap<&str, Vec<&str>> = HashMap::new();
    for (from, to) in &edges {
        next.entry(from).or_default().push(to);
    }
    next.keys().all(|start| {
        let mut seen = HashSet::new();
        let mut waiting = next[start].clone();
        while let Some(here) = waiting.pop() {
            if here == *start {
                return false;
            }
            if seen.insert(here) {
                waiting.extend(next.get(here).into_iter().flatten());
            }
        }
        true
    })
}
