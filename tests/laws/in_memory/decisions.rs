//! The oracle of the decision points: who decides, on what, and after whom (rules B1–B5, B7, O1), and agreements in force (A1).

use vedtak::domain::State;
use vedtak::schema::v1::*;

use super::gates::{Before, met};
use super::ledger::States;
use super::seats::{acts, decides, holds_office, owners, sits, within};

pub fn point<'a>(project: &'a Project, id: &str) -> &'a DecisionPoint {
    let mut points = project.decision_points.iter();
    points
        .find(|point| point.decision_point_id == id)
        .expect("the decision point that it names")
}

/// The point that was decided last in the place of this one (B7).
pub fn standing<'a>(project: &'a Project, of: &'a DecisionPoint) -> &'a DecisionPoint {
    let superseding = of.superseded_by_id.as_ref();
    superseding.map_or(of, |id| standing(project, point(project, id)))
}

/// Approved by a day, and not superseded.
pub fn stands(point: &DecisionPoint, date: &str) -> bool {
    let approved = point.status() == DecisionPointStatus::Approved && point.superseded_by_id.is_none();
    approved && point.decided.as_deref().is_some_and(|day| day <= date)
}

pub fn approved(before: &Before<'_>, project: &Project, event: &DecisionPointApproved) -> Option<&'static str> {
    let point = point(project, &event.decision_point_id);
    decided(before, project, point, &event.without_recommendation_because);
    let options = point.basis.as_ref().map_or(&[][..], |basis| &basis.options);
    match &event.chosen_option_id {
        Some(chosen) => met(
            "B5",
            options.iter().any(|option| option.option_id == *chosen),
            "no such option is weighed",
        ),
        None => met(
            "B5",
            !point.weighs_options && options.len() < 2,
            "several options are weighed and none is chosen",
        ),
    }
    for condition in &event.conditions {
        let owned = condition.owner.is_some() && condition.due.as_str() >= before.date;
        met("B8", owned, "a condition has no owner or is due before");
    }
    let frozen = event.frozen_basis.as_ref().expect("B6: the basis is frozen");
    met(
        "B6",
        frozen.project_position == project.position,
        "the basis is frozen to another position",
    );
    if point.kind() != DecisionPointKind::Start {
        let by_body = matches!(point.decider.as_ref()?.decider, Some(decider::Decider::Body(_)));
        return Some(if by_body {
            "decision point approved by a body"
        } else {
            "decision point approved"
        });
    }
    let budget = project.budget.as_ref().expect("B4: a budget");
    let last = budget.approvals.last().expect("B4: an approval of the budget");
    let position = last.provenance.as_ref().expect("where it was approved").last_position;
    let settled = last.effective_date.as_str() <= before.date && budget.lines_position < position;
    met("B4", settled, "the finance is not settled");
    met(
        "B4",
        owners(project, before.date) < 2 || !project.agreements.is_empty(),
        "several own it without an agreement",
    );
    for linked in &project.agreements {
        let agreement = agreement(before.states, &linked.agreement_id).expect("B4: the agreement");
        met(
            "B4",
            edition_in_force(agreement, before.date).is_some(),
            "an agreement is not in force",
        );
    }
    Some("start decision approved")
}

pub fn rejected(before: &Before<'_>, project: &Project, event: &DecisionPointRejected) -> Option<&'static str> {
    let point = point(project, &event.decision_point_id);
    decided(before, project, point, &event.without_recommendation_because);
    Some("decision point rejected")
}

pub fn withdrawn(project: &Project, id: &str) -> Option<&'static str> {
    let point = point(project, id);
    met("B3", !point.mandatory, "the point is mandatory");
    met("B7", point.decided.is_none(), "the point is decided");
    Some("decision point withdrawn")
}

/// What holds of an approval and of a rejection.
fn decided(before: &Before<'_>, project: &Project, point: &DecisionPoint, because: &str) {
    let over = [
        DecisionPointStatus::Approved,
        DecisionPointStatus::Rejected,
        DecisionPointStatus::Withdrawn,
    ];
    met(
        "B7",
        point.decided.is_none() && !over.contains(&point.status()),
        "it was decided before",
    );
    let (states, subject, date) = (before.states, before.subject(), before.date);
    let decider = point.decider.as_ref().and_then(|decider| decider.decider.as_ref());
    let may = match decider.expect("B2: a decider") {
        decider::Decider::Body(body) => {
            met(
                "O1",
                decides(states, body, date),
                "the body does not decide on that day",
            );
            sits(states, body, subject, date)
        }
        decider::Decider::Office(office) => holds_office(states, office, subject, date),
        decider::Decider::Role(role) => {
            let role = ProjectRole::try_from(*role).expect("a role");
            acts(states, project, role, subject, date, true)
        }
    };
    met("B2", may, "the actor is not the decider");
    for body in &point.advising_bodies {
        let mut given = point
            .recommendations
            .iter()
            .filter(|given| given.body.as_ref() == Some(body));
        let heard = given.any(|given| !given.before_rework && given.date.as_str() <= date);
        met("B1", heard || !because.is_empty(), "a body that advises was not heard");
    }
    let named = point.basis.as_ref().is_some_and(|basis| !basis.options.is_empty());
    met("B5", !point.weighs_options || named, "no option is named");
}

pub fn agreement<'a>(states: &'a States, id: &str) -> Option<&'a Agreement> {
    match states.get(&format!("agreement/{id}")).map(AsRef::as_ref) {
        Some(State::Agreement(agreement)) if agreement.version > 0 => Some(agreement),
        _ => None,
    }
}

/// The day by which every party that an edition names had signed it, counted from the signatures (A1).
pub fn signed_by_all(edition: &AgreementEdition) -> Option<&str> {
    let terms = edition.terms.as_ref()?;
    let day = |party: &AgreementParty| {
        let mut signatures = edition.signatures.iter().filter(|one| one.party_id == party.party_id);
        signatures.next().map(|signature| signature.date.as_str())
    };
    let days: Option<Vec<&str>> = terms.parties.iter().map(day).collect();
    days?.into_iter().max()
}

/// Whether a party has not left an edition by a day.
pub fn is_left_in(agreement: &Agreement, edition: &AgreementEdition, party_id: &str, date: &str) -> bool {
    let mut withdrawals = agreement
        .withdrawals
        .iter()
        .filter(|one| one.party_id == party_id && edition.edition <= one.edition);
    withdrawals
        .next_back()
        .is_none_or(|withdrawal| date <= withdrawal.to.as_str())
}

/// The edition that binds on a day: the last one that all had signed and whose time has come, unless it has ended or fewer than two are left.
pub fn edition_in_force<'a>(agreement: &'a Agreement, date: &str) -> Option<&'a AgreementEdition> {
    let begun = |edition: &&AgreementEdition| {
        let period = edition.terms.as_ref().and_then(|terms| terms.period.as_ref());
        period.is_some_and(|period| period.from.as_str() <= date)
    };
    let signed = agreement
        .editions
        .iter()
        .filter(|edition| signed_by_all(edition).is_some_and(|day| day <= date));
    let edition = signed.filter(begun).max_by_key(|edition| edition.edition)?;
    let terms = edition.terms.as_ref()?;
    let period = terms.period.as_ref()?;
    let terminated = agreement
        .termination
        .as_ref()
        .map(|termination| termination.to.as_str());
    let lasts = within(&period.from, date, period.to.as_deref()) && terminated.is_none_or(|to| date <= to);
    let left = terms
        .parties
        .iter()
        .filter(|party| is_left_in(agreement, edition, &party.party_id, date));
    (lasts && left.count() >= 2).then_some(edition)
}
