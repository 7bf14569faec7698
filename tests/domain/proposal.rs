//! Proves the rules of proposals: P1 to P5.

use vedtak::domain::{Kind, proposal_fate, proposal_findings};
use vedtak::schema::v1::*;

use super::decision_point::project_with_council;
use super::organization::{appoint, body, establish, terms};
use super::scenario::{ORGANIZATION, PROJECT, Scenario, id};

const COUNCIL: u32 = 2;
const ADVISORY: u32 = 3;
const CHANGE_BOARD: u32 = 4;
const ROUND: u32 = 901;
const NEXT_ROUND: u32 = 902;

fn register_id() -> String {
    id(900)
}

fn open_round(number: u32, year: i32, most_starts: Option<i32>) -> OpenRound {
    OpenRound {
        proposal_register_id: register_id(),
        round_id: id(number),
        name: format!("The round of {year}"),
        year,
        most_starts,
        ..Default::default()
    }
}

/// A register with a round of 2017 that starts one at the most, a round of 2018, and a change board where kari sits.
fn register() -> Scenario {
    project_with_council()
        .given(establish(CHANGE_BOARD, BodyKind::ChangeBoard, false))
        .given(appoint(20, terms(CHANGE_BOARD, "kari", AppointmentFunction::Member)))
        .given(open_register("Proposals"))
        .given(open_round(ROUND, 2017, Some(1)))
        .given(open_round(NEXT_ROUND, 2018, None))
}

fn open_register(name: &str) -> OpenProposalRegister {
    OpenProposalRegister {
        proposal_register_id: register_id(),
        organization_id: ORGANIZATION.to_owned(),
        name: name.to_owned(),
        ..Default::default()
    }
}

fn submit(number: u32) -> SubmitProposal {
    SubmitProposal {
        proposal_register_id: register_id(),
        proposal_id: id(number),
        round_id: id(ROUND),
        number: number.to_string(),
        title: "Digital forms".to_owned(),
        need: "Paper is slow".to_owned(),
        ..Default::default()
    }
}

fn affected(number: u32, name: &str) -> AffectedParty {
    AffectedParty {
        party_id: id(number),
        name: name.to_owned(),
    }
}

fn assess(number: u32, further: Vec<AffectedParty>) -> AssessProposal {
    AssessProposal {
        proposal_register_id: register_id(),
        proposal_id: id(number),
        assessment: Some(ProposalAssessment {
            benefit: 4,
            feasibility: 2,
            ..Default::default()
        }),
        further_affected_parties: further,
        ..Default::default()
    }
}

fn consult(number: u32, party: u32) -> ConsultParty {
    ConsultParty {
        proposal_register_id: register_id(),
        proposal_id: id(number),
        party_id: id(party),
        answer: ConsultationAnswer::Opposes.into(),
        ..Default::default()
    }
}

fn review(number: u32, outcome: ReviewOutcome) -> ReviewProposal {
    ReviewProposal {
        proposal_register_id: register_id(),
        proposal_id: id(number),
        body: Some(body(CHANGE_BOARD)),
        outcome: outcome.into(),
        ..Default::default()
    }
}

fn decide(number: u32, outcome: ProposalOutcome) -> DecideProposal {
    DecideProposal {
        proposal_register_id: register_id(),
        proposal_id: id(number),
        outcome: outcome.into(),
        ..Default::default()
    }
}

fn start(number: u32) -> DecideProposal {
    decide(number, ProposalOutcome::StartNow)
}

fn prioritize(numbers: &[u32]) -> PrioritizeProposals {
    PrioritizeProposals {
        proposal_register_id: register_id(),
        round_id: id(ROUND),
        body: Some(body(COUNCIL)),
        proposal_ids: numbers.iter().map(|number| id(*number)).collect(),
        ..Default::default()
    }
}

fn group(number: u32, group: &str) -> GroupProposal {
    GroupProposal {
        proposal_register_id: register_id(),
        proposal_id: id(number),
        group: group.to_owned(),
        ..Default::default()
    }
}

fn carry_over(number: u32, round: u32) -> CarryOverProposal {
    CarryOverProposal {
        proposal_register_id: register_id(),
        proposal_id: id(number),
        round_id: id(round),
        ..Default::default()
    }
}

fn convert(number: u32, project_id: &str) -> ConvertToProject {
    ConvertToProject {
        proposal_register_id: register_id(),
        proposal_id: id(number),
        project_id: project_id.to_owned(),
        ..Default::default()
    }
}

fn realize(number: u32) -> RecordRealization {
    RecordRealization {
        proposal_register_id: register_id(),
        proposal_id: id(number),
        note: "In use everywhere".to_owned(),
        ..Default::default()
    }
}

fn withdraw(number: u32) -> WithdrawProposal {
    WithdrawProposal {
        proposal_register_id: register_id(),
        proposal_id: id(number),
        ..Default::default()
    }
}

/// A proposal that has passed the change board.
fn passed(scenario: Scenario, number: u32) -> Scenario {
    scenario
        .given(submit(number))
        .given(review(number, ReviewOutcome::Passed))
}

#[track_caller]
fn then_proposal(scenario: Scenario, number: u32, look: impl FnOnce(&Proposal)) -> Scenario {
    scenario.then_state(&register_id(), |register: &ProposalRegister| {
        let mut proposals = register.proposals.iter();
        look(proposals.find(|proposal| proposal.proposal_id == id(number)).unwrap());
    })
}

#[track_caller]
fn then_found(scenario: Scenario, descriptions: &[&str]) -> Scenario {
    scenario.then_state(&register_id(), |register: &ProposalRegister| {
        let found = proposal_findings(register, "2017-12-31");
        assert!(found.iter().all(|finding| finding.code == "P3"));
        let found: Vec<&str> = found.iter().map(|finding| finding.description.as_str()).collect();
        assert_eq!(found, descriptions);
    })
}

#[test]
fn p1_a_proposal_passes_the_change_board_before_it_is_started() {
    register()
        .given(submit(1))
        .on("2017-02-01")
        .when(start(1))
        .then_refused_by("P1", "CHANGE_BOARD_NOT_ASKED")
        .given(review(1, ReviewOutcome::Returned))
        .when(start(1))
        .then_refused_by("P1", "CHANGE_BOARD_NOT_PASSED")
        .on("2017-02-10")
        .given(review(1, ReviewOutcome::Passed))
        .effective("2017-02-09")
        .when(start(1))
        .then_refused_by("P1", "CHANGE_BOARD_NOT_PASSED")
        .effective("2017-02-10")
        .when(start(1))
        .then_accepted()
        .when(start(1))
        .then_unchanged();
}

#[test]
fn p1_what_did_not_pass_may_wait_or_be_rejected() {
    register()
        .given(submit(1))
        .given(review(1, ReviewOutcome::NotPassed))
        .when(decide(1, ProposalOutcome::Later))
        .then_accepted()
        .when(decide(1, ProposalOutcome::Investigate))
        .then_accepted()
        .when(decide(1, ProposalOutcome::Reject))
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("It costs more than it gives.")
        .when(decide(1, ProposalOutcome::Reject))
        .then_accepted()
        .when(decide(1, ProposalOutcome::Later))
        .then_refused(Kind::FailedPrecondition, "PROPOSAL_ENDED");
}

#[test]
fn p1_the_review_is_that_of_a_change_board_by_one_who_sits_in_it() {
    let by_council = ReviewProposal {
        body: Some(body(COUNCIL)),
        ..review(1, ReviewOutcome::Passed)
    };
    register()
        .given(submit(1))
        .when(by_council)
        .then_refused_by("P1", "NOT_A_CHANGE_BOARD")
        .by("ola")
        .when(review(1, ReviewOutcome::Passed))
        .then_refused(Kind::PermissionDenied, "NOT_IN_THE_BODY")
        .by("kari")
        .when(review(1, ReviewOutcome::Passed))
        .then_accepted()
        .then_acted_as(&format!("CHANGE_BOARD:MEMBER@{ORGANIZATION}/{}", id(CHANGE_BOARD)))
        .when(review(1, ReviewOutcome::Passed))
        .then_unchanged();
}

#[test]
fn p2_a_cross_sector_proposal_is_started_when_every_affected_party_has_been_consulted() {
    let cross_sector = SubmitProposal {
        affected_parties: vec![affected(31, "Health"), affected(32, "Schools")],
        ..submit(1)
    };
    register()
        .given(cross_sector)
        .given(review(1, ReviewOutcome::Passed))
        .given(consult(1, 31))
        .on("2017-03-01")
        .when(start(1))
        .then_refused_by("P2", "AFFECTED_PARTY_NOT_CONSULTED")
        .then_says("was not put to Schools by 2017-03-01")
        .given(consult(1, 32))
        .effective("2017-02-28")
        .when(start(1))
        .then_refused_by("P2", "AFFECTED_PARTY_NOT_CONSULTED")
        .effective("2017-03-01")
        .when(start(1))
        .then_accepted();
}

#[test]
fn p2_a_cross_sector_proposal_that_names_nobody_is_not_started() {
    let cross_sector = SubmitProposal {
        cross_sector: true,
        ..submit(1)
    };
    register()
        .given(cross_sector)
        .given(review(1, ReviewOutcome::Passed))
        .when(start(1))
        .then_refused_by("P2", "AFFECTED_PARTIES_UNKNOWN")
        .given(assess(1, vec![affected(31, "Health")]))
        .when(start(1))
        .then_refused_by("P2", "AFFECTED_PARTY_NOT_CONSULTED")
        .given(consult(1, 31))
        .when(start(1))
        .then_accepted();
}

#[test]
fn p2_a_party_that_an_assessment_finds_makes_the_proposal_cross_sector() {
    passed(register(), 1)
        .given(assess(1, vec![affected(31, "Health")]))
        .when(assess(1, vec![affected(31, "Health")]))
        .then_unchanged()
        .on("2017-02-01")
        .when(assess(1, vec![affected(31, "Health")]))
        .then_refused(Kind::InvalidArgument, "PARTY_REPEATED")
        .when(start(1))
        .then_refused_by("P2", "AFFECTED_PARTY_NOT_CONSULTED")
        .when(consult(1, 32))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(consult(1, 31))
        .then_accepted()
        .when(consult(1, 31))
        .then_unchanged()
        .when(start(1))
        .then_accepted();
}

#[test]
fn p3_more_starts_in_a_round_than_its_limit_are_found_until_one_is_withdrawn() {
    let one = passed(register(), 1).given(start(1));
    let two = passed(then_found(one, &[]), 2).given(start(2));
    let two = then_found(
        two,
        &["2 proposals are started in the round The round of 2017, whose limit is 1."],
    );
    let mended = two.because("There is no money.").given(withdraw(2));
    then_found(mended, &[]);
}

#[test]
fn p3_a_start_counts_in_the_round_that_it_was_decided_in() {
    let carried = passed(passed(register(), 1).given(start(1)), 2)
        .given(decide(2, ProposalOutcome::Later))
        .given(carry_over(2, NEXT_ROUND))
        .given(start(2));
    then_found(carried, &[]);
}

#[test]
fn p4_the_fate_of_a_proposal_is_told_across_the_years() {
    let cancelled_elsewhere = register()
        .given(submit(1))
        .given(submit(2))
        .given(prioritize(&[2, 1]))
        .on("2017-02-01")
        .given(assess(1, Vec::new()))
        .given(review(1, ReviewOutcome::Passed))
        .given(decide(1, ProposalOutcome::Later))
        .on("2018-01-10")
        .given(carry_over(1, NEXT_ROUND))
        .when(carry_over(1, NEXT_ROUND))
        .then_unchanged()
        .given(start(1))
        .on("2018-02-01")
        .given(convert(1, PROJECT))
        .on("2020-01-01")
        .given(realize(1));
    cancelled_elsewhere.then_state(&register_id(), |register: &ProposalRegister| {
        let fate = proposal_fate(register, &id(1)).unwrap();
        let told: Vec<(i32, Vec<(ProposalStepKind, &str)>)> = fate
            .rounds
            .iter()
            .map(|round| {
                let steps = round.steps.iter().map(|step| (step.kind(), step.date.as_str()));
                (round.year, steps.collect())
            })
            .collect();
        use ProposalStepKind as Step;
        let first = vec![
            (Step::Submitted, "2017-01-02"),
            (Step::Assessed, "2017-02-01"),
            (Step::Reviewed, "2017-02-01"),
            (Step::Decided, "2017-02-01"),
        ];
        let second = vec![
            (Step::CarriedOver, "2018-01-10"),
            (Step::Decided, "2018-01-10"),
            (Step::Converted, "2018-02-01"),
            (Step::Realized, "2020-01-01"),
        ];
        assert_eq!(told, [(2017, first), (2018, second)]);
        assert_eq!(fate.rounds[0].steps[3].outcome(), ProposalOutcome::Later);
        assert_eq!(fate.rounds[1].steps[1].outcome(), ProposalOutcome::StartNow);
        let ranks: Vec<(i32, i32)> = fate.rounds[0].ranks.iter().map(|rank| (rank.rank, rank.of)).collect();
        assert_eq!(ranks, [(2, 2)]);
        assert_eq!(fate.proposal.unwrap().status(), ProposalStatus::Realized);
        assert_eq!(proposal_fate(register, &id(99)).unwrap_err().kind, Kind::NotFound);
    });
}

#[test]
fn p4_only_what_was_started_becomes_a_project_and_comes_into_use() {
    passed(register(), 1)
        .when(convert(1, PROJECT))
        .then_refused(Kind::FailedPrecondition, "PROPOSAL_NOT_STARTED")
        .when(realize(1))
        .then_refused(Kind::FailedPrecondition, "PROPOSAL_NOT_STARTED")
        .on("2017-02-01")
        .given(start(1))
        .effective("2017-01-31")
        .when(convert(1, PROJECT))
        .then_refused(Kind::FailedPrecondition, "PROPOSAL_NOT_STARTED")
        .effective("2017-02-01")
        .when(convert(1, &id(99)))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(convert(1, PROJECT))
        .then_accepted()
        .when(convert(1, PROJECT))
        .then_unchanged()
        .when(convert(1, &id(99)))
        .then_refused(Kind::FailedPrecondition, "PROPOSAL_CONVERTED")
        .when(carry_over(1, NEXT_ROUND))
        .then_refused(Kind::FailedPrecondition, "PROPOSAL_STARTED")
        .when(withdraw(1))
        .then_refused(Kind::FailedPrecondition, "PROPOSAL_CONVERTED")
        .when(realize(1))
        .then_accepted()
        .when(realize(1))
        .then_unchanged()
        .when(group(1, "Forms"))
        .then_refused(Kind::FailedPrecondition, "PROPOSAL_ENDED");
}

#[test]
fn p4_what_became_a_cancelled_project_does_not_come_into_use() {
    passed(register(), 1)
        .given(start(1))
        .given(convert(1, PROJECT))
        .because("There is no money.")
        .given(CancelProject {
            project_id: PROJECT.to_owned(),
            ..Default::default()
        })
        .when(realize(1))
        .then_refused(Kind::FailedPrecondition, "PROJECT_CANCELLED");
}

#[test]
fn p4_a_small_measure_comes_into_use_without_a_project() {
    let done = passed(register(), 1).given(start(1)).given(realize(1));
    then_proposal(done, 1, |proposal| {
        assert_eq!(
            (proposal.status(), &proposal.project_id),
            (ProposalStatus::Realized, &None)
        );
    });
}

#[test]
fn p5_a_priority_list_is_a_total_order_of_the_round() {
    let elsewhere = SubmitProposal {
        round_id: id(NEXT_ROUND),
        ..submit(4)
    };
    let three = register()
        .given(submit(1))
        .given(submit(2))
        .given(submit(3))
        .given(elsewhere);
    three
        .clone()
        .when(prioritize(&[3, 1]))
        .then_refused_by("P5", "PROPOSAL_LEFT_OUT")
        .when(prioritize(&[3, 1, 2, 1]))
        .then_refused_by("P5", "PROPOSAL_REPEATED")
        .when(prioritize(&[3, 1, 2, 4]))
        .then_refused_by("P5", "PROPOSAL_NOT_IN_ROUND")
        .when(prioritize(&[3, 1, 2]))
        .then_accepted()
        .then_acted_as(&format!("MUNICIPAL_COUNCIL:MEMBER@{ORGANIZATION}/{}", id(COUNCIL)))
        .when(prioritize(&[3, 1, 2]))
        .then_unchanged();
    // What is withdrawn has no place, and what is decided needs none.
    three
        .because("It is done already.")
        .given(withdraw(1))
        .given(decide(2, ProposalOutcome::Reject))
        .when(prioritize(&[3, 1]))
        .then_refused_by("P5", "PROPOSAL_WITHDRAWN")
        .when(prioritize(&[3]))
        .then_accepted()
        .when(prioritize(&[2, 3]))
        .then_accepted();
}

#[test]
fn p5_a_new_list_replaces_the_old_one_of_the_same_body_which_stays_readable() {
    let by_board = PrioritizeProposals {
        body: Some(body(CHANGE_BOARD)),
        ..prioritize(&[1, 2])
    };
    register()
        .given(submit(1))
        .given(submit(2))
        .given(prioritize(&[1, 2]))
        .given(by_board)
        .on("2017-02-01")
        .given(prioritize(&[2, 1]))
        .then_state(&register_id(), |register: &ProposalRegister| {
            let lists = &register.rounds[0].priority_lists;
            let told: Vec<(Option<&BodyReference>, Vec<String>, bool)> = lists
                .iter()
                .map(|list| {
                    let holds = list.replaced_by_position.is_none();
                    (list.body.as_ref(), list.proposal_ids.clone(), holds)
                })
                .collect();
            let (council, board) = (body(COUNCIL), body(CHANGE_BOARD));
            let expected = [
                (Some(&council), vec![id(1), id(2)], false),
                (Some(&board), vec![id(1), id(2)], true),
                (Some(&council), vec![id(2), id(1)], true),
            ];
            assert_eq!(told, expected);
            assert_eq!(lists[0].replaced_by_position, Some(lists[2].position));
        });
}

#[test]
fn p5_a_list_is_given_by_one_who_sits_in_the_body() {
    register()
        .given(submit(1))
        .by("ola")
        .when(prioritize(&[1]))
        .then_refused(Kind::PermissionDenied, "NOT_IN_THE_BODY")
        .by("kari")
        .when(PrioritizeProposals {
            round_id: id(99),
            ..prioritize(&[1])
        })
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(prioritize(&[1]))
        .then_accepted();
}

#[test]
fn o1_a_body_that_advises_decides_no_proposal() {
    let by = |number: u32| DecideProposal {
        body: Some(body(number)),
        ..start(1)
    };
    passed(register(), 1)
        .by("ola")
        .when(by(ADVISORY))
        .then_refused_by("O1", "BODY_ADVISES")
        .when(by(COUNCIL))
        .then_refused(Kind::PermissionDenied, "NOT_THE_DECIDER")
        .by("kari")
        .when(by(COUNCIL))
        .then_accepted()
        .then_acted_as(&format!("MUNICIPAL_COUNCIL:MEMBER@{ORGANIZATION}/{}", id(COUNCIL)));
}

#[test]
fn a_proposal_is_carried_over_to_a_later_round_until_it_is_settled() {
    let later = SubmitProposal {
        round_id: id(NEXT_ROUND),
        ..submit(1)
    };
    register()
        .given(later)
        .when(carry_over(1, ROUND))
        .then_refused(Kind::InvalidArgument, "ROUND_IS_EARLIER")
        .when(carry_over(1, 99))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(open_round(903, 2018, None))
        .when(carry_over(1, 903))
        .then_accepted();
}

#[test]
fn opening_and_submitting_the_same_twice_changes_nothing() {
    register()
        .when(open_register("Proposals"))
        .then_unchanged()
        .when(open_register("Others"))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(open_round(ROUND, 2017, Some(1)))
        .then_unchanged()
        .when(open_round(ROUND, 2017, Some(2)))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .given(submit(1))
        .given(assess(1, vec![affected(31, "Health")]))
        .given(carry_over(1, NEXT_ROUND))
        .when(submit(1))
        .then_unchanged()
        .when(SubmitProposal {
            title: "Another".to_owned(),
            ..submit(1)
        })
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(SubmitProposal {
            round_id: id(99),
            ..submit(2)
        })
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(SubmitProposal {
            affected_parties: vec![affected(31, "Health"), affected(31, "Schools")],
            ..submit(2)
        })
        .then_refused(Kind::InvalidArgument, "PARTY_REPEATED");
}

#[test]
fn a_proposal_is_in_one_group_at_a_time() {
    let grouped = register()
        .given(submit(1))
        .given(group(1, "Health"))
        .when(group(1, "Health"))
        .then_unchanged()
        .given(group(1, "Welfare technology"))
        .when(group(9, "Health"))
        .then_refused(Kind::NotFound, "NOT_FOUND");
    then_proposal(grouped, 1, |proposal| assert_eq!(proposal.group, "Welfare technology"));
}

#[test]
fn a_proposal_is_withdrawn_for_a_reason() {
    register()
        .given(submit(1))
        .when(withdraw(1))
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("It is done already.")
        .when(withdraw(1))
        .then_accepted()
        .when(withdraw(1))
        .then_unchanged()
        .when(assess(1, Vec::new()))
        .then_refused(Kind::FailedPrecondition, "PROPOSAL_ENDED");
}

#[test]
fn nothing_happens_to_a_proposal_before_it_was_submitted() {
    register()
        .on("2017-02-01")
        .given(submit(1))
        .effective("2017-01-31")
        .when(assess(1, Vec::new()))
        .then_refused(Kind::InvalidArgument, "BEFORE_SUBMISSION")
        .when(decide(1, ProposalOutcome::Later))
        .then_refused(Kind::InvalidArgument, "BEFORE_SUBMISSION");
}
