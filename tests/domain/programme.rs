//! Proves the rules of programmes and portfolios: G1, G2 and G3, and that a membership of a region is another matter, O6.

use std::collections::HashMap;
use std::sync::Arc;

use vedtak::domain::{self, Facts, Kind, State, Stream, Suspicion};
use vedtak::schema::v1::*;

use super::agreement;
use super::benefit;
use super::organization::{REGION, municipality, register_region};
use super::phase::{ready, start};
use super::scenario::{ORGANIZATION, Scenario, id, scenario};

const PROGRAMME: u32 = 500;

/// Projects are `id(1)`, `id(2)`, …
fn register(number: u32) -> RegisterProject {
    RegisterProject {
        project_id: id(number),
        name: format!("Project {number}"),
        kind: ProjectKind::MainProject.into(),
        owner: super::project::first_owner(900, "kari"),
        ..Default::default()
    }
}

fn establish() -> EstablishProgramme {
    EstablishProgramme {
        programme_id: id(PROGRAMME),
        terms: Some(ProgrammeTerms {
            name: "Digital welfare".to_owned(),
            kind: ProgrammeKind::Programme.into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn include(number: u32) -> IncludeProject {
    IncludeProject {
        programme_id: id(PROGRAMME),
        project_id: id(number),
        ..Default::default()
    }
}

fn release(number: u32) -> ReleaseProject {
    ReleaseProject {
        programme_id: id(PROGRAMME),
        project_id: id(number),
        ..Default::default()
    }
}

pub fn prioritize(numbers: &[u32]) -> PrioritizePortfolio {
    PrioritizePortfolio {
        programme_id: id(PROGRAMME),
        project_ids: numbers.iter().copied().map(id).collect(),
        ..Default::default()
    }
}

/// The milestone `id(100 + number)` of the project `id(number)`.
fn plan_milestone(number: u32, deadline: &str) -> PlanMilestone {
    PlanMilestone {
        project_id: id(number),
        milestone_id: id(100 + number),
        plan: Some(MilestonePlan {
            name: "Contract signed".to_owned(),
            measurable_result: "The contract exists".to_owned(),
            ..Default::default()
        }),
        deadline: deadline.to_owned(),
        ..Default::default()
    }
}

/// The project waits for the milestone of the other one.
pub fn waits(dependency: u32, project: u32, predecessor: u32) -> RegisterDependency {
    RegisterDependency {
        programme_id: id(PROGRAMME),
        dependency_id: id(dependency),
        terms: Some(DependencyTerms {
            project_id: id(project),
            predecessor_project_id: id(predecessor),
            predecessor_milestone_id: id(100 + predecessor),
            description: "The contract".to_owned(),
        }),
        ..Default::default()
    }
}

fn remove(dependency: u32) -> RemoveDependency {
    RemoveDependency {
        programme_id: id(PROGRAMME),
        dependency_id: id(dependency),
        ..Default::default()
    }
}

pub fn frame(number: u32, from: &str) -> SetFrame {
    SetFrame {
        project_id: id(number),
        frame: Some(ProjectFrame {
            period: Some(Period {
                from: from.to_owned(),
                to: None,
            }),
            economic: None,
        }),
        ..Default::default()
    }
}

/// A programme with so many projects, each with a milestone on 2017-06-01.
pub fn programme(projects: u32) -> Scenario {
    (1..=projects).fold(scenario().given(establish()), |scenario, number| {
        scenario
            .given(register(number))
            .given(plan_milestone(number, "2017-06-01"))
            .given(include(number))
    })
}

/// What a reading of the programme and its projects gives.
fn read<A>(scenario: &Scenario, reading: impl FnOnce(&Programme, &Facts<'_>) -> A) -> A {
    let mut states: HashMap<Stream, Arc<State>> = HashMap::new();
    for _ in 0..2 {
        let streams = domain::streams_of_programme(&id(PROGRAMME), &Facts::new(&states));
        states.extend(
            streams
                .into_iter()
                .map(|stream| (stream.clone(), scenario.state(&stream))),
        );
    }
    let facts = Facts::new(&states);
    reading(facts.state(&id(PROGRAMME)).unwrap(), &facts)
}

fn findings(scenario: &Scenario) -> Vec<Suspicion> {
    read(scenario, domain::programme_findings)
}

fn portfolio(scenario: &Scenario) -> PortfolioReading {
    read(scenario, domain::portfolio_reading)
}

#[test]
fn a_programme_is_established_once_by_an_organisation_that_is_registered() {
    let owned = EstablishProgramme {
        terms: Some(ProgrammeTerms {
            organization_id: Some(ORGANIZATION.to_owned()),
            ..establish().terms.unwrap()
        }),
        ..establish()
    };
    scenario()
        .when(include(1))
        .then_refused(Kind::NotFound, "STREAM_NOT_FOUND")
        .when(owned.clone())
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(establish())
        .when(establish())
        .then_unchanged()
        .when(owned.clone())
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS");
    municipality().when(owned).then_accepted();
}

#[test]
fn a_project_is_included_released_and_may_come_back() {
    programme(0)
        .when(include(1))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(release(1))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(register(1))
        .given(include(1))
        .when(include(1))
        .then_unchanged()
        .effective("2017-01-01")
        .when(release(1))
        .then_refused(Kind::InvalidArgument, "RELEASED_BEFORE_INCLUDED")
        .effective("2017-01-02")
        .given(release(1))
        .when(release(1))
        .then_unchanged()
        .given(include(1))
        .then_state(&id(PROGRAMME), |programme: &Programme| {
            let ends: Vec<Option<&str>> = programme.projects.iter().map(|project| project.to.as_deref()).collect();
            assert_eq!(ends, [Some("2017-01-02"), None]);
        });
}

#[test]
fn a_project_that_has_ended_is_not_included() {
    let cancel = CancelProject {
        project_id: id(1),
        ..Default::default()
    };
    programme(0)
        .given(register(1))
        .because("No money.")
        .given(cancel)
        .when(include(1))
        .then_refused(Kind::FailedPrecondition, "PROJECT_ENDED");
}

#[test]
fn a_programme_has_200_projects_at_the_most() {
    let full = (1..=200).fold(scenario().given(establish()), |scenario, number| {
        scenario.given(register(number)).given(include(number))
    });
    full.given(register(201))
        .when(include(201))
        .then_refused(Kind::FailedPrecondition, "PROGRAMME_FULL")
        .given(release(7))
        .when(include(201))
        .then_accepted();
}

#[test]
fn the_projects_are_put_in_a_total_order_and_the_one_before_stays_readable() {
    programme(3)
        .when(prioritize(&[1, 2]))
        .then_refused(Kind::InvalidArgument, "PROJECT_LEFT_OUT")
        .when(prioritize(&[1, 2, 3, 1]))
        .then_refused(Kind::InvalidArgument, "PROJECT_NAMED_TWICE")
        .when(prioritize(&[1, 2, 3, 4]))
        .then_refused(Kind::FailedPrecondition, "PROJECT_NOT_INCLUDED")
        .given(prioritize(&[3, 1, 2]))
        .when(prioritize(&[3, 1, 2]))
        .then_unchanged()
        .given(prioritize(&[1, 2, 3]))
        .then_state(&id(PROGRAMME), |programme: &Programme| {
            assert_eq!(programme.priorities[0].project_ids, [id(3), id(1), id(2)]);
            assert_eq!(programme.priorities[1].project_ids, [id(1), id(2), id(3)]);
        });
}

#[test]
fn a_direction_is_for_projects_of_the_programme() {
    let direct = |projects: &[u32]| GiveDirection {
        programme_id: id(PROGRAMME),
        direction_id: id(600),
        text: "Standard solutions before our own".to_owned(),
        project_ids: projects.iter().copied().map(id).collect(),
        ..Default::default()
    };
    programme(2)
        .when(direct(&[3]))
        .then_refused(Kind::FailedPrecondition, "PROJECT_NOT_INCLUDED")
        .when(direct(&[1, 1]))
        .then_refused(Kind::InvalidArgument, "PROJECT_NAMED_TWICE")
        .given(direct(&[1]))
        .when(direct(&[1]))
        .then_unchanged()
        .when(direct(&[]))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS");
}

#[test]
fn g1_projects_never_wait_for_each_other() {
    programme(3)
        .when(waits(700, 1, 1))
        .then_refused_by("G1", "DEPENDENCY_CYCLE")
        .given(waits(700, 2, 1))
        .when(waits(701, 1, 2))
        .then_refused_by("G1", "DEPENDENCY_CYCLE")
        .given(waits(701, 3, 2))
        .when(waits(702, 1, 3))
        .then_refused_by("G1", "DEPENDENCY_CYCLE")
        .then_says("Project 1 → Project 3 → Project 2 → Project 1")
        .when(waits(702, 3, 1))
        .then_accepted()
        .given(remove(700))
        .given(remove(702))
        .when(waits(703, 1, 3))
        .then_accepted();
}

#[test]
fn a_dependency_is_on_a_milestone_that_is_planned_between_projects_of_the_programme() {
    let unplanned = RegisterDependency {
        terms: Some(DependencyTerms {
            predecessor_milestone_id: id(99),
            ..waits(700, 2, 1).terms.unwrap()
        }),
        ..waits(700, 2, 1)
    };
    programme(2)
        .when(unplanned)
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(waits(700, 2, 3))
        .then_refused(Kind::FailedPrecondition, "PROJECT_NOT_INCLUDED")
        .when(remove(700))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(waits(700, 2, 1))
        .when(waits(700, 2, 1))
        .then_unchanged()
        .when(waits(700, 1, 2))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS");
}

#[test]
fn g2_a_project_that_starts_before_the_milestone_it_waits_for_is_found() {
    let dependent = programme(2).given(waits(700, 2, 1));
    assert!(findings(&dependent).is_empty(), "nobody knows when it starts");
    let early = dependent.given(frame(2, "2017-05-31"));
    let found = findings(&early);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].code, found[0].description.as_str()),
        (
            "G2",
            "Project 2 starts on 2017-05-31, before 2017-06-01, when Project 1 reaches the milestone \"Contract signed\" that it waits for."
        )
    );
    let later = early.clone().given(frame(2, "2017-06-01"));
    assert!(findings(&later).is_empty());
    let released = early.clone().given(release(1));
    assert!(
        findings(&released).is_empty(),
        "a dependency rests when a project is released"
    );
    let cancelled = early.because("Not needed.").given(CancelMilestone {
        project_id: id(1),
        milestone_id: id(101),
        ..Default::default()
    });
    assert!(findings(&cancelled).is_empty());
}

#[test]
fn g2_a_milestone_that_was_reached_in_time_mends_it() {
    let early = programme(2).given(waits(700, 2, 1)).given(frame(2, "2017-05-31"));
    assert_eq!(findings(&early).len(), 1);
    let achieved = early.on("2017-05-20").given(AchieveMilestone {
        project_id: id(1),
        milestone_id: id(101),
        achieved_on: Some("2017-05-20".to_owned()),
        evidence: "Signed by both".to_owned(),
        ..Default::default()
    });
    assert!(findings(&achieved).is_empty());
}

fn risk(number: u32, project: u32, assessment: Option<(i32, i32)>) -> RegisterRisk {
    RegisterRisk {
        project_id: id(project),
        risk_id: id(number),
        number: format!("R{number}"),
        description: "Too little money".to_owned(),
        assessment: assessment.map(|(probability, consequence)| RiskAssessment {
            probability,
            consequence,
            stated_factor: None,
        }),
        ..Default::default()
    }
}

fn cost(project: u32, certainty: Certainty, ore: i64) -> SetCostLine {
    SetCostLine {
        project_id: id(project),
        line_id: id(850 + project),
        line: Some(BudgetLine {
            post: "Advice".to_owned(),
            period: "2017".to_owned(),
            kind: BudgetKind::Operating.into(),
            amount: Some(Amount {
                certainty: certainty.into(),
                ore: (certainty != Certainty::Unknown).then_some(ore),
            }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[test]
fn g3_the_portfolio_shows_risks_money_and_order_over_all_projects() {
    let scenario = programme(4)
        .given(risk(801, 1, Some((4, 5))))
        .given(risk(802, 1, Some((4, 5))))
        .given(risk(803, 2, Some((4, 5))))
        .given(risk(804, 2, Some((1, 1))))
        .given(risk(805, 3, None))
        .given(CloseRisk {
            project_id: id(2),
            risk_id: id(804),
            ..Default::default()
        })
        .given(cost(1, Certainty::Known, 1_000))
        .given(cost(2, Certainty::Unknown, 0))
        .given(prioritize(&[2, 1, 3, 4]))
        .given(release(4));
    let reading = portfolio(&scenario);
    let lines: Vec<(String, i32, i32, bool)> = reading
        .projects
        .iter()
        .map(|project| {
            (
                project.name.clone(),
                project.priority,
                project.worst_risk_factor,
                project.has_budget,
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            ("Project 2".to_owned(), 1, 20, true),
            ("Project 1".to_owned(), 2, 20, true),
            ("Project 3".to_owned(), 3, 0, false),
        ]
    );
    let matrix = reading.risk_matrix.unwrap();
    let cells: Vec<(i32, i32, i32, &[String])> = matrix
        .cells
        .iter()
        .filter(|cell| cell.risks > 0)
        .map(|cell| {
            (
                cell.probability,
                cell.consequence,
                cell.risks,
                cell.project_ids.as_slice(),
            )
        })
        .collect();
    assert_eq!(cells, [(4, 5, 3, &[id(2), id(1)][..])]);
    assert_eq!((matrix.cells.len(), matrix.unassessed_risks), (25, 1));
    let cost = reading.cost.unwrap();
    assert_eq!((cost.known_ore, cost.unknown), (1_000, 1));
    assert_eq!(reading.projects_without_budget, 1);
}

#[test]
fn g3_the_portfolio_shows_the_projects_by_phase_and_what_is_decided_next() {
    let point = PlanDecisionPoint {
        project_id: id(1),
        decision_point_id: id(950),
        number: "BP1".to_owned(),
        name: "Go on".to_owned(),
        date: "2017-03-15".to_owned(),
        kind: DecisionPointKind::PhaseGate.into(),
        decider: Some(Decider {
            decider: Some(decider::Decider::Role(ProjectRole::Owner.into())),
        }),
        ..Default::default()
    };
    let scenario = ready(programme(3).given(point), 1, PhaseKind::Concept).given(start(1));
    let reading = portfolio(&scenario);
    assert_eq!(
        (
            reading.projects[0].next_decision_point.as_str(),
            reading.projects[0].next_decision_date.as_str(),
            reading.projects[0].phase.as_str(),
        ),
        ("BP1", "2017-03-15", "Stage 1")
    );
    let phases: Vec<(PhaseKind, &[String])> = reading
        .phases
        .iter()
        .map(|phase| (phase.kind(), phase.project_ids.as_slice()))
        .collect();
    assert_eq!(
        phases,
        [
            (PhaseKind::Unspecified, &[id(2), id(3)][..]),
            (PhaseKind::Concept, &[id(1)][..])
        ]
    );
}

#[test]
fn g3_the_portfolio_counts_benefits_planned_and_realised() {
    let drop = DropBenefit {
        project_id: id(1),
        benefit_id: id(992),
        ..Default::default()
    };
    let scenario = programme(2)
        .given(benefit::map(990))
        .given(benefit::map(991))
        .given(benefit::plan(991))
        .given(benefit::map(992))
        .given(benefit::plan(992))
        .because("Nobody aims at it any more.")
        .given(drop);
    let reading = portfolio(&scenario);
    assert_eq!((reading.benefits_planned, reading.benefits_realised), (1, 0));
    assert_eq!(reading.projects[0].benefits_planned, 1);
}

fn nordre_land() -> OrganizationReference {
    OrganizationReference {
        organization_number: "999000207".to_owned(),
        name: "Nordre Land".to_owned(),
        organization_id: Some(ORGANIZATION.to_owned()),
    }
}

fn join(number: u32, from: &str) -> JoinProgramme {
    JoinProgramme {
        programme_id: id(PROGRAMME),
        participation_id: id(number),
        participant: Some(nordre_land()),
        from: from.to_owned(),
        ..Default::default()
    }
}

fn leave(number: u32, to: &str) -> LeaveProgramme {
    LeaveProgramme {
        programme_id: id(PROGRAMME),
        participation_id: id(number),
        to: to.to_owned(),
        ..Default::default()
    }
}

#[test]
fn o6_withdrawal_from_the_region_does_not_end_the_part_in_a_programme_or_an_agreement() {
    municipality()
        .given(register_region())
        .given(AdmitMember {
            organization_id: REGION.to_owned(),
            member_id: id(1),
            member: Some(nordre_land()),
            from: "2016-01-01".to_owned(),
            ..Default::default()
        })
        .given(establish())
        .given(join(2, "2016-01-01"))
        .given(register(1))
        .given(DraftAgreement {
            agreement_id: id(980),
            terms: Some(agreement::terms()),
            ..Default::default()
        })
        .given(WithdrawMember {
            organization_id: REGION.to_owned(),
            member_id: id(1),
            to: "2016-12-31".to_owned(),
            ..Default::default()
        })
        .then_state(REGION, |region: &Organization| {
            assert_eq!(region.members[0].to.as_deref(), Some("2016-12-31"));
        })
        .then_state(&id(PROGRAMME), |programme: &Programme| {
            assert_eq!(programme.participations[0].to, None);
        })
        .then_state(&id(980), |agreement: &Agreement| {
            assert!(agreement.withdrawals.is_empty());
            assert_eq!(agreement.version, 1);
        })
        .given(leave(2, "2017-12-31"))
        .then_state(&id(PROGRAMME), |programme: &Programme| {
            assert_eq!(programme.participations[0].to.as_deref(), Some("2017-12-31"));
        });
}

#[test]
fn an_organisation_takes_part_once_at_a_time_and_its_reference_must_be_true() {
    let false_number = JoinProgramme {
        participant: Some(OrganizationReference {
            organization_number: "974760673".to_owned(),
            ..nordre_land()
        }),
        ..join(2, "2016-01-01")
    };
    municipality()
        .given(establish())
        .when(false_number)
        .then_refused(Kind::InvalidArgument, "ORGANIZATION_NUMBER_DIFFERS")
        .given(join(2, "2016-01-01"))
        .when(join(2, "2016-01-01"))
        .then_unchanged()
        .when(join(2, "2016-02-01"))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(join(3, "2017-01-01"))
        .then_refused(Kind::FailedPrecondition, "ALREADY_A_PARTICIPANT")
        .when(leave(4, "2016-12-31"))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(leave(2, "2015-12-31"))
        .then_refused(Kind::InvalidArgument, "ENDS_BEFORE_IT_BEGINS")
        .given(leave(2, "2016-12-31"))
        .when(leave(2, "2016-12-31"))
        .then_unchanged()
        .when(leave(2, "2017-12-31"))
        .then_refused(Kind::FailedPrecondition, "PARTICIPANT_LEFT")
        .when(join(3, "2017-01-01"))
        .then_accepted();
}

#[test]
fn a_programme_is_evaluated_and_closed_for_a_reason() {
    let close = CloseProgramme {
        programme_id: id(PROGRAMME),
        ..Default::default()
    };
    let evaluate = |assessment: &str| EvaluateProgramme {
        programme_id: id(PROGRAMME),
        evaluation_id: id(970),
        assessment: assessment.to_owned(),
        ..Default::default()
    };
    programme(1)
        .when(close.clone())
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("It has brought about what it was for.")
        .given(close.clone())
        .when(close)
        .then_unchanged()
        .when(include(1))
        .then_refused(Kind::FailedPrecondition, "PROGRAMME_CLOSED")
        .given(evaluate("It went well."))
        .when(evaluate("It went well."))
        .then_unchanged()
        .when(evaluate("It went badly."))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS");
}
