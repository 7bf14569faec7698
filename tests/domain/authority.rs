//! Proves who may do what, through what, and in which order of time: V2, V4, V6, V7, V11, O7, O8, W1, W2, W3, W7, W8, W9, W10.

use vedtak::domain::{DECLARED, Kind};
use vedtak::schema::METHODS;
use vedtak::schema::v1::authority_ground::Ground;
use vedtak::schema::v1::delegation_party::Party;
use vedtak::schema::v1::*;

use super::decision_point::{approve, decided_by, plan, project_with_council, reject};
use super::organization::{appoint, body, establish, terms};
use super::role::assign;
use super::scenario::{ORGANIZATION, PROJECT, Scenario, id};

/// The council of `project_with_council`, whose member is `kari`; and the body that advises, which `ola` leads.
const COUNCIL: u32 = 2;
const ADVISORY: u32 = 3;

fn approve_budget() -> ApproveBudget {
    ApproveBudget {
        project_id: PROJECT.to_owned(),
        ..Default::default()
    }
}

fn matter(kind: MatterKind, number: Option<u32>, outcome: MatterOutcome) -> Matter {
    Matter {
        kind: kind.into(),
        stream_id: Some(PROJECT.to_owned()),
        matter_id: number.map(id),
        outcome: outcome.into(),
    }
}

/// A meeting of the body on 2017-02-01 whose minutes have one case, 12/2017.
fn minuted(scenario: Scenario, body_number: u32, decision: MeetingDecision) -> Scenario {
    scenario
        .on("2017-02-02")
        .given(ScheduleMeeting {
            organization_id: ORGANIZATION.to_owned(),
            meeting_id: id(600),
            plan: Some(MeetingPlan {
                body_id: id(body_number),
                date: "2017-02-01".to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        })
        .given(minutes(decision))
}

fn minutes(decision: MeetingDecision) -> RecordMinutes {
    RecordMinutes {
        organization_id: ORGANIZATION.to_owned(),
        meeting_id: id(600),
        minutes: Some(MeetingMinutes {
            present: vec!["kari".to_owned(), "per".to_owned()],
            decisions: vec![decision],
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn case(treats: Vec<Matter>) -> MeetingDecision {
    MeetingDecision {
        number: "12/2017".to_owned(),
        text: "The project begins.".to_owned(),
        treats,
        ..Default::default()
    }
}

fn in_minutes(number: &str) -> Ground {
    Ground::Minutes(MinutesReference {
        organization_id: ORGANIZATION.to_owned(),
        meeting_id: id(600),
        number: number.to_owned(),
    })
}

/// The case and archive system: it may record, and has no seat, role or office anywhere.
fn by_the_archive(scenario: Scenario) -> Scenario {
    scenario.by("sak-og-arkiv").recording_only()
}

fn approved_point() -> Vec<Matter> {
    vec![matter(MatterKind::DecisionPoint, Some(1), MatterOutcome::Approved)]
}

#[test]
fn every_command_says_who_may_do_it_or_why_everybody_may() {
    let commands = METHODS
        .iter()
        .filter(|method| method.kind == vedtak::schema::MethodKind::Command);
    let declared: Vec<&str> = DECLARED.iter().map(|(name, _)| *name).collect();
    assert!(commands.map(|method| method.input).all(|name| declared.contains(&name)));
    for (name, declared) in DECLARED {
        let somebody = !(declared.roles.is_empty() && declared.grounds.is_empty() && declared.points.is_empty());
        assert_ne!(
            somebody,
            !declared.open.is_empty(),
            "{name}: either somebody, or a reason for everybody"
        );
    }
    let verbs = [
        "Approve",
        "Accept",
        "Award",
        "Skip",
        "Extend",
        "Cancel",
        "Assign",
        "Release",
        "Appoint",
        "Delegate",
        "Revoke",
        "Reject",
        "Defer",
        "Reassign",
        "Evaluate",
        "Drop",
        "Terminate",
        "Withdraw",
        "Confirm",
        "Give",
        "Prioritize",
        "Establish",
        "Dissolve",
    ];
    // Each of these with the reason why nobody is asked who he is.
    let open = ["EvaluateBids", "WithdrawProposal", "EstablishProgramme"];
    for (name, declared) in DECLARED {
        let name = name.trim_start_matches("vedtak.v1.");
        if verbs.iter().any(|verb| name.starts_with(verb)) && !open.contains(&name) {
            assert!(
                declared.open.is_empty(),
                "{name} approves, gives or takes, and is open to everybody"
            );
        }
    }
}

#[test]
fn v2_a_machine_records_what_the_council_decided_with_its_minutes_and_the_case() {
    let decided = by_the_archive(minuted(
        project_with_council().given(plan(1)),
        COUNCIL,
        case(approved_point()),
    ))
    .when(approve(1))
    .then_refused_by("B2", "NOT_THE_DECIDER")
    .on_ground(in_minutes("12/2017"))
    .when(approve(1))
    .then_accepted();
    decided.then_acted_as(&format!(
        "MUNICIPAL_COUNCIL@{ORGANIZATION}/{} by minutes 12/2017@{}",
        id(COUNCIL),
        id(600)
    ));
}

#[test]
fn v2_minutes_that_say_something_else_are_no_ground() {
    let planned = || project_with_council().given(plan(1)).given(plan(4));
    let of =
        |body: u32, treats| by_the_archive(minuted(planned(), body, case(treats))).on_ground(in_minutes("12/2017"));
    of(
        COUNCIL,
        vec![matter(MatterKind::DecisionPoint, Some(4), MatterOutcome::Approved)],
    )
    .when(approve(1))
    .then_refused_by("V2", "MATTER_NOT_TREATED");
    of(
        COUNCIL,
        vec![matter(MatterKind::Project, None, MatterOutcome::Approved)],
    )
    .when(approve(1))
    .then_refused_by("V2", "MATTER_NOT_TREATED");
    of(
        COUNCIL,
        vec![matter(MatterKind::DecisionPoint, Some(1), MatterOutcome::Rejected)],
    )
    .when(approve(1))
    .then_refused_by("V2", "OUTCOME_DIFFERS")
    .when(reject(1))
    .then_accepted();
    of(ADVISORY, approved_point())
        .when(approve(1))
        .then_refused_by("V2", "MINUTES_OF_ANOTHER_BODY");
    of(COUNCIL, approved_point())
        .effective("2017-01-31")
        .when(approve(1))
        .then_refused_by("V2", "MEETING_AFTER_DECISION")
        .effective("2017-02-01")
        .on_ground(in_minutes("13/2017"))
        .when(approve(1))
        .then_refused_by("V2", "CASE_NOT_IN_MINUTES");
}

#[test]
fn minutes_of_the_body_that_owns_a_project_treat_anything_in_it() {
    let owned = project_with_council().given(super::role::assign_to(
        40,
        ProjectRole::Owner,
        role_holder::Holder::Body(body(COUNCIL)),
    ));
    by_the_archive(minuted(
        owned.given(super::budget::cost(50, "2017", super::budget::known(100))),
        COUNCIL,
        case(vec![
            matter(MatterKind::Project, None, MatterOutcome::Approved),
            Matter {
                kind: MatterKind::Other.into(),
                ..Default::default()
            },
        ]),
    ))
    .on_ground(in_minutes("12/2017"))
    .when(approve_budget())
    .then_accepted();
}

/// A second meeting of the council, on 2017-02-02.
fn scheduled_again() -> Scenario {
    minuted(project_with_council().given(plan(1)), COUNCIL, case(approved_point())).given(ScheduleMeeting {
        organization_id: ORGANIZATION.to_owned(),
        meeting_id: id(601),
        plan: Some(MeetingPlan {
            body_id: id(COUNCIL),
            date: "2017-02-02".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    })
}

/// Its minutes, with so many votes in favour, of these among them, and with these disqualified.
fn voted(in_favour: i32, named: &[&str], disqualified: &[&str]) -> RecordMinutes {
    RecordMinutes {
        meeting_id: id(601),
        ..minutes(MeetingDecision {
            votes: Some(Votes {
                in_favour,
                named: named
                    .iter()
                    .map(|subject| NamedVote {
                        subject: (*subject).to_owned(),
                        vote: Vote::For.into(),
                    })
                    .collect(),
                ..Default::default()
            }),
            disqualified: disqualified
                .iter()
                .map(|subject| Disqualification {
                    subject: (*subject).to_owned(),
                    legal_basis: "forvaltningsloven § 6".to_owned(),
                })
                .collect(),
            number: "14/2017".to_owned(),
            ..case(approved_point())
        })
    }
}

#[test]
fn v4_there_are_no_more_votes_than_could_vote() {
    scheduled_again()
        .when(voted(3, &[], &[]))
        .then_refused_by("V4", "MORE_VOTES_THAN_VOTERS")
        .when(voted(2, &[], &["per"]))
        .then_refused_by("V4", "MORE_VOTES_THAN_VOTERS")
        .when(voted(1, &["siri"], &[]))
        .then_refused_by("V4", "VOTED_WITHOUT_BEING_PRESENT")
        .when(voted(2, &["per", "kari"], &[]))
        .then_accepted();
}

#[test]
fn v6_who_is_disqualified_neither_votes_nor_counts_as_present() {
    scheduled_again()
        .when(voted(2, &[], &["per"]))
        .then_refused_by("V4", "MORE_VOTES_THAN_VOTERS")
        .when(voted(1, &["per"], &["per"]))
        .then_refused_by("V6", "DISQUALIFIED_VOTED")
        .when(voted(1, &["kari"], &["per"]))
        .then_accepted();
}

#[test]
fn v7_a_deputy_sits_in_the_place_of_a_member_who_is_absent_or_disqualified() {
    let scheduled = minuted(
        project_with_council()
            .given(plan(1))
            .given(appoint(50, terms(COUNCIL, "vara", AppointmentFunction::DeputyMember)))
            .given(appoint(51, terms(COUNCIL, "liv", AppointmentFunction::Member))),
        COUNCIL,
        case(approved_point()),
    )
    .given(ScheduleMeeting {
        organization_id: ORGANIZATION.to_owned(),
        meeting_id: id(601),
        plan: Some(MeetingPlan {
            body_id: id(COUNCIL),
            date: "2017-02-02".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    });
    let attended = |present: &[&str], deputies: &[(&str, &str)]| {
        let mut command = minutes(case(approved_point()));
        command.meeting_id = id(601);
        let minutes = command.minutes.as_mut().unwrap();
        "14/2017".clone_into(&mut minutes.decisions[0].number);
        minutes.present = present.iter().map(|subject| (*subject).to_owned()).collect();
        let deputy = |(subject, member): &(&str, &str)| DeputyPresent {
            subject: (*subject).to_owned(),
            in_place_of: (*member).to_owned(),
        };
        minutes.deputies = deputies.iter().map(deputy).collect();
        command
    };
    scheduled
        .when(attended(&["kari", "vara"], &[]))
        .then_refused_by("V7", "DEPUTY_FOR_NOBODY")
        .when(attended(&["kari", "liv"], &[("vara", "liv")]))
        .then_refused_by("V7", "DEPUTY_WITHOUT_ABSENCE")
        .when(attended(&["kari"], &[("vara", "nobody")]))
        .then_refused_by("V7", "DEPUTY_WITHOUT_ABSENCE")
        .when(attended(&["kari"], &[("vara", "liv")]))
        .then_accepted();
}

#[test]
fn v11_the_members_and_the_secretary_of_a_body_record_its_meetings() {
    let meeting = || ScheduleMeeting {
        organization_id: ORGANIZATION.to_owned(),
        meeting_id: id(610),
        plan: Some(MeetingPlan {
            body_id: id(COUNCIL),
            date: "2017-02-01".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    by_the_archive(project_with_council())
        .when(meeting())
        .then_refused_by("V11", "NOT_ENTITLED")
        .by("kari")
        .when(meeting())
        .then_accepted();
}

fn office(number: u32, speaks_for_all: bool) -> EstablishOffice {
    EstablishOffice {
        organization_id: ORGANIZATION.to_owned(),
        office_id: id(number),
        name: "Kommunedirektør".to_owned(),
        kind: OfficeKind::MunicipalDirector.into(),
        established: "2016-01-01".to_owned(),
        speaks_for_all,
        ..Default::default()
    }
}

fn officer(number: u32, subject: &str, from: &str, acting_to: Option<&str>) -> AppointOfficer {
    AppointOfficer {
        organization_id: ORGANIZATION.to_owned(),
        office_id: id(700),
        appointment_id: id(number),
        person: Some(Person {
            subject: subject.to_owned(),
            ..Default::default()
        }),
        acting: acting_to.is_some(),
        from: from.to_owned(),
        to: acting_to.map(str::to_owned),
        ..Default::default()
    }
}

fn reference() -> OfficeReference {
    OfficeReference {
        organization_id: ORGANIZATION.to_owned(),
        office_id: id(700),
    }
}

#[test]
fn o7_an_office_is_held_by_one_person_at_a_time_with_somebody_acting_for_a_period() {
    project_with_council()
        .given(office(700, true))
        .given(officer(701, "rolf", "2016-01-01", None))
        .given(officer(702, "stein", "2017-01-01", None))
        .then_organization(|organization| {
            let office = &organization.offices[0];
            assert_eq!(office.officers[0].to.as_deref(), Some("2016-12-31"));
        })
        .when(officer(703, "tor", "2016-06-01", None))
        .then_refused_by("O7", "OFFICE_HELD")
        .when(AppointOfficer {
            acting: true,
            ..officer(704, "tor", "2017-03-01", None)
        })
        .then_refused_by("O7", "ACTING_WITHOUT_END")
        .when(officer(704, "tor", "2017-03-01", Some("2017-03-31")))
        .then_accepted()
        .when(officer(705, "ulf", "2017-03-15", Some("2017-04-15")))
        .then_refused_by("O7", "OFFICE_HELD");
}

#[test]
fn o7_an_office_decides_as_a_body_can_and_so_does_who_acts_in_it() {
    let decided = project_with_council()
        .given(office(700, false))
        .given(officer(701, "rolf", "2016-01-01", None))
        .given(officer(702, "tor", "2017-01-01", Some("2017-01-31")))
        .given(PlanDecisionPoint {
            decider: decided_by(decider::Decider::Office(reference())),
            ..plan(1)
        })
        .given(PlanDecisionPoint {
            decider: decided_by(decider::Decider::Office(reference())),
            ..plan(4)
        });
    decided
        .when(approve(1))
        .then_refused_by("B2", "NOT_THE_DECIDER")
        .by("rolf")
        .when(approve(1))
        .then_accepted()
        .then_acted_as(&format!("MUNICIPAL_DIRECTOR@{ORGANIZATION}/{}", id(700)))
        .by("tor")
        .when(approve(4))
        .then_accepted()
        .then_acted_as(&format!("MUNICIPAL_DIRECTOR:ACTING@{ORGANIZATION}/{}", id(700)));
}

fn delegate(terms: DelegationTerms) -> DelegateAuthority {
    DelegateAuthority {
        organization_id: ORGANIZATION.to_owned(),
        delegation_id: id(710),
        terms: Some(terms),
        ..Default::default()
    }
}

fn party(party: Party) -> Option<DelegationParty> {
    Some(DelegationParty { party: Some(party) })
}

fn to_the_director() -> DelegationTerms {
    DelegationTerms {
        from_party: party(Party::BodyId(id(COUNCIL))),
        to_party: party(Party::OfficeId(id(700))),
        from: "2017-01-01".to_owned(),
        to: Some("2017-12-31".to_owned()),
        ..Default::default()
    }
}

fn delegated() -> Ground {
    Ground::Delegation(DelegationReference {
        organization_id: ORGANIZATION.to_owned(),
        delegation_id: id(710),
    })
}

#[test]
fn o8_what_is_decided_on_delegation_names_one_that_covers_it_and_is_in_force() {
    let given = |terms: DelegationTerms| {
        project_with_council()
            .given(office(700, false))
            .given(officer(701, "rolf", "2016-01-01", None))
            .given(plan(1))
            .given(delegate(terms))
            .by("rolf")
            .recording_only()
    };
    given(to_the_director())
        .when(approve(1))
        .then_refused_by("B2", "NOT_THE_DECIDER")
        .on_ground(delegated())
        .when(approve(1))
        .then_accepted()
        .then_acted_as(&format!(
            "MUNICIPAL_DIRECTOR@{ORGANIZATION}/{} by delegation {}@{ORGANIZATION}",
            id(700),
            id(710)
        ));
    let refused = |terms: DelegationTerms, reason: &str| {
        given(terms)
            .on_ground(delegated())
            .when(approve(1))
            .then_refused_by("O8", reason);
    };
    refused(
        DelegationTerms {
            matters: vec![MatterKind::Procurement.into()],
            ..to_the_director()
        },
        "NOT_COVERED",
    );
    refused(
        DelegationTerms {
            stream_id: Some(id(999)),
            ..to_the_director()
        },
        "NOT_COVERED",
    );
    refused(
        DelegationTerms {
            up_to_ore: Some(100),
            ..to_the_director()
        },
        "AMOUNT_NOT_COVERED",
    );
    refused(
        DelegationTerms {
            from: "2017-06-01".to_owned(),
            ..to_the_director()
        },
        "DELEGATION_NOT_IN_FORCE",
    );
    refused(
        DelegationTerms {
            to_party: party(Party::Subject("siri".to_owned())),
            ..to_the_director()
        },
        "NOT_DELEGATED_TO",
    );
    given(to_the_director())
        .administering()
        .given(RevokeDelegation {
            organization_id: ORGANIZATION.to_owned(),
            delegation_id: id(710),
            to: "2017-01-01".to_owned(),
            ..Default::default()
        })
        .on("2017-01-03")
        .on_ground(delegated())
        .when(approve(1))
        .then_refused_by("O8", "DELEGATION_NOT_IN_FORCE");
}

#[test]
fn o8_who_could_not_decide_has_nothing_to_delegate() {
    project_with_council()
        .given(establish(5, BodyKind::ExecutiveBoard, true))
        .given(office(700, false))
        .given(officer(701, "rolf", "2016-01-01", None))
        .given(plan(1))
        .given(delegate(DelegationTerms {
            from_party: party(Party::BodyId(id(5))),
            ..to_the_director()
        }))
        .by("rolf")
        .on_ground(delegated())
        .when(approve(1))
        .then_refused_by("O8", "DELEGATOR_WITHOUT_AUTHORITY");
}

#[test]
fn w1_who_only_may_record_approves_nothing() {
    let drafted = project_with_council().given(super::budget::cost(50, "2017", super::budget::known(100)));
    by_the_archive(drafted)
        .with_authority("KST sak 1/2017")
        .when(approve_budget())
        .then_refused_by("W1", "NOT_ENTITLED")
        .then_says("the owner")
        .by("kari")
        .when(approve_budget())
        .then_accepted();
}

#[test]
fn w2_nothing_is_decided_on_a_basis_that_came_later() {
    project_with_council()
        .given(plan(1))
        .on("2017-03-01")
        .given(AttachBasis {
            project_id: PROJECT.to_owned(),
            decision_point_id: id(1),
            options: vec![DecisionOption {
                option_id: id(21),
                title: "Buy".to_owned(),
                ..Default::default()
            }],
            ..Default::default()
        })
        .effective("2017-02-28")
        .when(approve(1))
        .then_refused_by("W2", "BASIS_CAME_LATER")
        .effective("2017-03-01")
        .when(approve(1))
        .then_accepted();
}

#[test]
fn w3_who_held_a_role_then_and_holds_it_no_more_records_nothing_by_it() {
    let owned = project_with_council()
        .given(assign(40, ProjectRole::Responsible, "tor"))
        .given(ReleaseRole {
            project_id: PROJECT.to_owned(),
            assignment_id: id(40),
            to: "2017-01-31".to_owned(),
            ..Default::default()
        });
    owned
        .by("tor")
        .recording_only()
        .on("2020-01-01")
        .effective("2017-01-15")
        .when(assign(41, ProjectRole::Expert, "siri"))
        .then_refused_by("W3", "AUTHORITY_ENDED");
}

#[test]
fn w7_nobody_takes_a_right_and_nobody_gives_one_that_is_not_theirs_to_give() {
    let begun = || project_with_council().given(assign(40, ProjectRole::Responsible, "tor"));
    by_the_archive(begun())
        .when(assign(41, ProjectRole::Owner, "sak-og-arkiv"))
        .then_refused_by("W7", "GIVEN_TO_ONESELF")
        .when(assign(41, ProjectRole::Owner, "siri"))
        .then_refused_by("W7", "NOT_ENTITLED");
    begun()
        .by("tor")
        .recording_only()
        .when(assign(41, ProjectRole::Owner, "siri"))
        .then_refused_by("W7", "NOT_ENTITLED")
        .when(ReleaseRole {
            project_id: PROJECT.to_owned(),
            assignment_id: id(900),
            to: "2017-01-31".to_owned(),
            ..Default::default()
        })
        .then_refused_by("W7", "NOT_ENTITLED")
        .when(assign(41, ProjectRole::Leader, "siri"))
        .then_accepted();
    begun()
        .by("somebody")
        .administering()
        .when(assign(41, ProjectRole::Owner, "siri"))
        .then_refused_by("W7", "NOT_ENTITLED")
        .when(appoint(50, terms(COUNCIL, "somebody", AppointmentFunction::Member)))
        .then_refused_by("W7", "GIVEN_TO_ONESELF")
        .recording_only()
        .when(appoint(50, terms(COUNCIL, "siri", AppointmentFunction::Member)))
        .then_refused_by("W7", "NOT_ENTITLED");
}

#[test]
fn w8_on_behalf_of_somebody_needs_a_right_that_says_which() {
    let begun = project_with_council()
        .given(office(700, false))
        .given(officer(701, "rolf", "2016-01-01", None))
        .given(officer(702, "tor", "2017-01-01", Some("2017-01-31")))
        .given(appoint(50, terms(COUNCIL, "sekretar", AppointmentFunction::Secretary)));
    let risk = || RegisterRisk {
        project_id: PROJECT.to_owned(),
        risk_id: id(60),
        description: "Nobody is asked".to_owned(),
        assessment: Some(RiskAssessment {
            probability: 1,
            consequence: 1,
            stated_factor: None,
        }),
        ..Default::default()
    };
    let asked = |scenario: Scenario| scenario.when(risk());
    asked(begun.clone().by("siri").on_behalf_of("rolf")).then_refused_by("W8", "NO_MANDATE");
    asked(begun.clone().by("siri").with_mandate("rolf").on_behalf_of("rolf")).then_accepted();
    asked(begun.clone().by("tor").on_behalf_of("rolf")).then_refused_by("W8", "NO_MANDATE");
    let in_office = Ground::Office(reference());
    asked(
        begun
            .clone()
            .by("tor")
            .on_behalf_of("rolf")
            .on_ground(in_office.clone()),
    )
    .then_accepted();
    asked(begun.clone().by("siri").on_behalf_of("rolf").on_ground(in_office)).then_refused_by("W8", "NO_MANDATE");
    let secretary = Ground::SecretaryOf(body(COUNCIL));
    asked(
        begun
            .clone()
            .by("sekretar")
            .on_behalf_of("kari")
            .on_ground(secretary.clone()),
    )
    .then_accepted();
    asked(
        begun
            .clone()
            .by("sekretar")
            .on_behalf_of("rolf")
            .on_ground(secretary.clone()),
    )
    .then_refused_by("W8", "NO_MANDATE");
    asked(begun.by("kari").on_behalf_of("sekretar").on_ground(secretary)).then_refused_by("W8", "NO_MANDATE");
}

#[test]
fn w9_a_recommendation_is_of_the_basis_that_lay_there() {
    let attach = |options: &[u32]| AttachBasis {
        project_id: PROJECT.to_owned(),
        decision_point_id: id(1),
        options: options
            .iter()
            .map(|number| DecisionOption {
                option_id: id(*number),
                title: format!("Option {number}"),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    };
    let recommend = || RecordRecommendation {
        project_id: PROJECT.to_owned(),
        decision_point_id: id(1),
        body: Some(body(ADVISORY)),
        advice: Advice::Approve.into(),
        ..Default::default()
    };
    let chosen = || ApproveDecisionPoint {
        chosen_option_id: Some(id(22)),
        ..approve(1)
    };
    project_with_council()
        .given(PlanDecisionPoint {
            advising_bodies: vec![body(ADVISORY)],
            ..plan(1)
        })
        .given(attach(&[21]))
        .given(recommend())
        .given(attach(&[22]))
        .when(chosen())
        .then_refused_by("B1", "RECOMMENDATION_MISSING")
        .given(recommend())
        .when(chosen())
        .then_accepted();
}

#[test]
fn w10_what_binds_the_owner_is_never_the_leaders_and_a_decision_is_overturned_from_above() {
    let leader = || decided_by(decider::Decider::Role(ProjectRole::Leader.into()));
    let decided = project_with_council()
        .given(assign(40, ProjectRole::Leader, "liv"))
        .given(plan(1))
        .given(approve(1));
    decided
        .when(PlanDecisionPoint {
            decider: leader(),
            supersedes_id: Some(id(1)),
            kind: DecisionPointKind::Other.into(),
            ..plan(4)
        })
        .then_refused_by("W10", "DECIDER_TOO_LOW")
        .when(PlanDecisionPoint {
            decider: leader(),
            kind: DecisionPointKind::Start.into(),
            ..plan(4)
        })
        .then_refused_by("W10", "NEVER_THE_LEADER")
        .given(plan(5))
        .by("liv")
        .recording_only()
        .because("It is urgent.")
        .when(ReassignDecider {
            project_id: PROJECT.to_owned(),
            decision_point_id: id(5),
            decider: leader(),
            ..Default::default()
        })
        .then_refused_by("W10", "NOT_ENTITLED");
}

#[test]
fn w10_nobody_recommends_for_a_body_without_a_seat_in_it() {
    project_with_council()
        .given(PlanDecisionPoint {
            advising_bodies: vec![body(ADVISORY)],
            ..plan(1)
        })
        .when(RecordRecommendation {
            project_id: PROJECT.to_owned(),
            decision_point_id: id(1),
            body: Some(body(ADVISORY)),
            advice: Advice::Approve.into(),
            ..Default::default()
        })
        .then_refused(Kind::PermissionDenied, "NOT_ENTITLED");
}
