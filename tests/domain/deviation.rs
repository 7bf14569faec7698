//! Proves the rules of deviations: V1 and X4.

use vedtak::domain::Kind;
use vedtak::schema::v1::*;

use super::decision_point::{approve, plan as plan_point, project_with_council};
use super::document::file;
use super::organization::{body, establish};
use super::role::project_of_a_municipality;
use super::scenario::{ORGANIZATION, PROJECT, Scenario, id};

/// Raises a deviation in time under `id(number)`.
pub fn raise(number: u32) -> RaiseDeviation {
    RaiseDeviation {
        project_id: PROJECT.to_owned(),
        deviation_id: id(number),
        kind: DeviationKind::Time.into(),
        description: "The delivery is three weeks late.".to_owned(),
        consequence: "Training starts after the summer.".to_owned(),
        ..Default::default()
    }
}

/// Escalates the deviation `id(1)`.
fn escalate(to: Option<BodyReference>) -> EscalateDeviation {
    EscalateDeviation {
        project_id: PROJECT.to_owned(),
        deviation_id: id(1),
        body: to,
        request: "Move the deadline.".to_owned(),
        ..Default::default()
    }
}

fn resolve(number: u32) -> ResolveDeviation {
    ResolveDeviation {
        project_id: PROJECT.to_owned(),
        deviation_id: id(number),
        resolution: "The supplier put in more people.".to_owned(),
        ..Default::default()
    }
}

fn refer(to: Option<addressee::Addressee>) -> ReferDeviation {
    ReferDeviation {
        project_id: PROJECT.to_owned(),
        deviation_id: id(1),
        document: Some(file("Memo on the archive", 'd')),
        to: Some(Addressee { addressee: to }),
        ..Default::default()
    }
}

/// A risk under `id(40)`, and what it takes to materialise it.
fn register_risk() -> RegisterRisk {
    RegisterRisk {
        project_id: PROJECT.to_owned(),
        risk_id: id(40),
        number: "3".to_owned(),
        description: "The delivery may be late.".to_owned(),
        ..Default::default()
    }
}

fn materialize(deviation: u32) -> MaterializeRisk {
    MaterializeRisk {
        project_id: PROJECT.to_owned(),
        risk_id: id(40),
        description: "It is late.".to_owned(),
        deviation_id: id(deviation),
        deviation_kind: DeviationKind::Time.into(),
        ..Default::default()
    }
}

/// A project with a deviation under `id(1)`, and the steering group `id(1)`.
fn deviating() -> Scenario {
    project_of_a_municipality().given(raise(1))
}

#[test]
fn v1_an_escalation_names_the_body_that_it_goes_to() {
    deviating()
        .when(escalate(None))
        .then_refused_by("V1", "ESCALATED_TO_NOBODY")
        .when(escalate(Some(body(1))))
        .then_accepted()
        .when(escalate(Some(body(1))))
        .then_unchanged()
        .then_project(|project| {
            let deviation = &project.deviations[0];
            assert_eq!(deviation.status(), DeviationStatus::Escalated);
            assert_eq!(deviation.escalations[0].body, Some(body(1)));
        });
}

#[test]
fn v1_the_body_that_a_deviation_is_escalated_to_exists_on_that_day() {
    let dissolve = DissolveBody {
        organization_id: ORGANIZATION.to_owned(),
        body_id: id(1),
        dissolved: "2017-02-01".to_owned(),
        ..Default::default()
    };
    let elsewhere = BodyReference {
        organization_id: id(98),
        body_id: id(1),
    };
    deviating()
        .when(escalate(Some(elsewhere)))
        .then_refused_by("V1", "NOT_FOUND")
        .when(escalate(Some(body(99))))
        .then_refused_by("V1", "NOT_FOUND")
        .given(dissolve)
        .on("2017-02-02")
        .when(escalate(Some(body(1))))
        .then_refused_by("V1", "BODY_DISSOLVED")
        .effective("2017-02-01")
        .when(escalate(Some(body(1))))
        .then_accepted();
}

#[test]
fn a_deviation_is_escalated_further_and_every_escalation_stays() {
    deviating()
        .given(establish(2, BodyKind::MunicipalCouncil, true))
        .given(escalate(Some(body(1))))
        .given(escalate(Some(body(2))))
        .then_project(|project| assert_eq!(project.deviations[0].escalations.len(), 2));
}

#[test]
fn x4_a_risk_that_materialises_raises_a_deviation_in_the_same_decision() {
    project_of_a_municipality()
        .given(register_risk())
        .when(materialize(1))
        .then(vec![
            RiskMaterialized {
                risk_id: id(40),
                description: "It is late.".to_owned(),
                deviation_id: id(1),
            }
            .into(),
            DeviationRaised {
                deviation_id: id(1),
                kind: DeviationKind::Time.into(),
                description: "It is late.".to_owned(),
                consequence: String::new(),
                risk_id: Some(id(40)),
            }
            .into(),
        ])
        .then_project(|project| {
            assert_eq!(project.risks[0].deviation_id, Some(id(1)));
            assert_eq!(project.deviations[0].risk_id, Some(id(40)));
        })
        .when(materialize(1))
        .then_unchanged()
        .when(materialize(2))
        .then_refused(Kind::FailedPrecondition, "RISK_MATERIALIZED");
}

#[test]
fn x4_the_deviation_of_a_materialised_risk_is_a_new_one() {
    deviating()
        .given(register_risk())
        .when(materialize(1))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(materialize(2))
        .then_accepted();
}

#[test]
fn raising_the_same_deviation_twice_changes_nothing_and_another_under_its_id_is_refused() {
    let other = RaiseDeviation {
        kind: DeviationKind::Cost.into(),
        ..raise(1)
    };
    deviating()
        .when(raise(1))
        .then_unchanged()
        .when(other)
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS");
}

#[test]
fn a_deviation_is_resolved_once_and_not_before_it_was_raised() {
    deviating()
        .when(resolve(2))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .effective("2017-01-01")
        .when(resolve(1))
        .then_refused(Kind::InvalidArgument, "BEFORE_THE_DEVIATION")
        .effective("2017-01-02")
        .when(resolve(1))
        .then_accepted()
        .when(resolve(1))
        .then_unchanged()
        .when(escalate(Some(body(1))))
        .then_refused(Kind::FailedPrecondition, "DEVIATION_SETTLED")
        .when(refer(Some(addressee::Addressee::Body(body(1)))))
        .then_refused(Kind::FailedPrecondition, "DEVIATION_SETTLED");
}

#[test]
fn a_deviation_is_resolved_by_a_decision_when_that_is_approved() {
    let by_decision = |number| ResolveDeviation {
        decision_point_id: Some(id(number)),
        ..resolve(1)
    };
    project_with_council()
        .given(raise(1))
        .given(plan_point(50))
        .when(by_decision(51))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(by_decision(50))
        .then_refused(Kind::FailedPrecondition, "DECISION_NOT_APPROVED")
        .given(approve(50))
        .when(by_decision(50))
        .then_accepted();
}

#[test]
fn a_deviation_outside_the_frame_is_documented_and_addressed_to_someone() {
    deviating()
        .when(refer(None))
        .then_refused(Kind::InvalidArgument, "ADDRESSEE_REQUIRED")
        .when(refer(Some(addressee::Addressee::Body(body(99)))))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(refer(Some(addressee::Addressee::External("The county".to_owned()))))
        .then_accepted()
        .when(refer(Some(addressee::Addressee::External("The county".to_owned()))))
        .then_unchanged()
        .then_project(|project| {
            let deviation = &project.deviations[0];
            assert_eq!(deviation.status(), DeviationStatus::Referred);
            assert_eq!(deviation.document, Some(file("Memo on the archive", 'd')));
            assert_eq!(deviation.settled.as_deref(), Some("2017-01-02"));
        });
}
