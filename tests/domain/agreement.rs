//! Proves the rules of agreements: A1 to A4, and B4 of what a start decision rests on.

use std::collections::HashMap;
use std::sync::Arc;

use vedtak::domain::{Facts, Kind, State, Stream, agreement_standing, streams_of_agreement, withdrawal_impact};
use vedtak::schema::v1::*;

use super::budget;
use super::decision_point::{approve, plan, project_with_council};
use super::organization::{REGION, register_region};
use super::role::assign_to;
use super::scenario::{ORGANIZATION, PROJECT, Scenario, id};

/// The agreement that the tests speak of.
fn agreement_id() -> String {
    id(700)
}

const NORDRE: u32 = 701;
const THE_REGION: u32 = 702;
const SONDRE: u32 = 703;
const LEADER: u32 = 711;
const MONEY: u32 = 712;
const SERVERS: u32 = 713;

fn party(number: u32, organization_number: &str, name: &str, cost_share: i32) -> AgreementParty {
    AgreementParty {
        party_id: id(number),
        organization: Some(OrganizationReference {
            organization_number: organization_number.to_owned(),
            name: name.to_owned(),
            organization_id: None,
        }),
        cost_share,
        ..Default::default()
    }
}

fn obligation(number: u32, kind: ObligationKind, due: Option<&str>) -> AgreementObligation {
    AgreementObligation {
        obligation_id: id(number),
        kind: kind.into(),
        description: "As promised".to_owned(),
        amount: (kind == ObligationKind::Money)
            .then(|| budget::known(100_000))
            .flatten(),
        full_time_hundredths: (kind == ObligationKind::People).then_some(50),
        due: due.map(str::to_owned),
    }
}

/// Three parties for 2017 to 2019. Nordre Land is bound for the full period, and has promised people, money and hosting.
pub fn terms() -> AgreementTerms {
    let nordre = AgreementParty {
        bound_for_full_period: true,
        obligations: vec![
            obligation(LEADER, ObligationKind::People, None),
            obligation(MONEY, ObligationKind::Money, Some("2017-06-30")),
            obligation(SERVERS, ObligationKind::Hosting, Some("2017-09-01")),
        ],
        ..party(NORDRE, "999000207", "Nordre Land", 5_000)
    };
    AgreementTerms {
        title: "Cooperation on digitalisation".to_owned(),
        period: Some(Period {
            from: "2017-01-01".to_owned(),
            to: Some("2019-12-31".to_owned()),
        }),
        parties: vec![
            nordre,
            party(THE_REGION, "999000304", "The region", 3_000),
            party(SONDRE, "974760673", "Søndre Land", 2_000),
        ],
        project_ids: vec![PROJECT.to_owned()],
        ..Default::default()
    }
}

fn draft_of(terms: AgreementTerms) -> DraftAgreement {
    DraftAgreement {
        agreement_id: agreement_id(),
        terms: Some(terms),
        ..Default::default()
    }
}

fn amend(terms: AgreementTerms) -> AmendAgreement {
    AmendAgreement {
        agreement_id: agreement_id(),
        terms: Some(terms),
        ..Default::default()
    }
}

/// The same agreement, for a year longer.
fn longer() -> AgreementTerms {
    AgreementTerms {
        period: Some(Period {
            from: "2017-01-01".to_owned(),
            to: Some("2020-12-31".to_owned()),
        }),
        ..terms()
    }
}

fn sign(number: u32, edition: i32) -> SignAgreement {
    SignAgreement {
        agreement_id: agreement_id(),
        party_id: id(number),
        edition,
        signatory: "The mayor".to_owned(),
        ..Default::default()
    }
}

fn withdraw(number: u32, to: &str) -> WithdrawParty {
    WithdrawParty {
        agreement_id: agreement_id(),
        party_id: id(number),
        to: to.to_owned(),
        ..Default::default()
    }
}

fn terminate(to: &str) -> TerminateAgreement {
    TerminateAgreement {
        agreement_id: agreement_id(),
        to: to.to_owned(),
        ..Default::default()
    }
}

fn fulfil(number: u32) -> RecordFulfilment {
    RecordFulfilment {
        agreement_id: agreement_id(),
        obligation_id: id(number),
        note: "Done".to_owned(),
        ..Default::default()
    }
}

fn link() -> LinkAgreement {
    LinkAgreement {
        project_id: PROJECT.to_owned(),
        agreement_id: agreement_id(),
        ..Default::default()
    }
}

fn drafted() -> Scenario {
    project_with_council().given(draft_of(terms()))
}

/// Signed by the last of its parties on 2017-02-01.
fn signed() -> Scenario {
    drafted()
        .on("2017-01-20")
        .given(sign(NORDRE, 1))
        .given(sign(THE_REGION, 1))
        .on("2017-02-01")
        .given(sign(SONDRE, 1))
}

#[track_caller]
fn then_standing(scenario: Scenario, date: &str, in_force: bool, edition: i32) -> Scenario {
    scenario.then_state(&agreement_id(), |agreement: &Agreement| {
        let standing = agreement_standing(agreement, date);
        assert_eq!(
            (standing.in_force, standing.edition),
            (in_force, edition),
            "{date}: {}",
            standing.why_not
        );
        assert_eq!(standing.why_not.is_empty(), in_force);
    })
}

#[test]
fn a1_an_agreement_is_in_force_only_when_every_party_has_signed() {
    let two_of_three = drafted().given(sign(NORDRE, 1)).given(sign(THE_REGION, 1));
    let two_of_three = then_standing(two_of_three, "2017-03-01", false, 1);
    two_of_three.then_state(&agreement_id(), |agreement: &Agreement| {
        let standing = agreement_standing(agreement, "2017-03-01");
        assert_eq!(
            standing.why_not,
            "Søndre Land had not signed Cooperation on digitalisation by 2017-03-01."
        );
    });
    let all = then_standing(signed(), "2017-02-01", true, 1);
    let all = then_standing(all, "2017-01-31", false, 1);
    let all = then_standing(all, "2019-12-31", true, 1);
    then_standing(all, "2020-01-01", false, 1);
}

#[test]
fn a1_an_amendment_is_signed_again_by_all_and_the_edition_before_holds_until_then() {
    let amended = signed().on("2018-01-10").given(amend(longer()));
    let amended = then_standing(amended, "2018-01-10", true, 1)
        .given(sign(NORDRE, 2))
        .given(sign(THE_REGION, 2));
    let amended = then_standing(amended, "2018-01-10", true, 1)
        .on("2018-02-01")
        .given(sign(SONDRE, 2));
    let amended = then_standing(amended, "2018-01-31", true, 1);
    then_standing(amended, "2020-06-01", true, 2);
}

#[test]
fn a1_only_the_latest_edition_is_signed() {
    drafted()
        .given(sign(NORDRE, 1))
        .given(amend(longer()))
        .when(sign(THE_REGION, 1))
        .then_refused_by("A1", "EDITION_AMENDED")
        .when(sign(THE_REGION, 3))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(sign(THE_REGION, 2))
        .then_accepted();
}

#[test]
fn a1_nobody_signs_before_the_text_was_made() {
    drafted()
        .on("2017-03-01")
        .effective("2017-01-01")
        .when(sign(NORDRE, 1))
        .then_refused_by("A1", "SIGNED_BEFORE_DRAFTED")
        .effective("2017-01-02")
        .when(sign(NORDRE, 1))
        .then_accepted();
}

#[test]
fn a2_a_party_bound_for_the_full_period_withdraws_only_on_an_authority() {
    let during = signed().on("2018-03-01");
    during
        .clone()
        .when(withdraw(NORDRE, "2018-12-31"))
        .then_refused_by("A2", "PARTY_BOUND_FOR_FULL_PERIOD")
        .with_authority("K-sak 12/2018")
        .when(withdraw(NORDRE, "2018-12-31"))
        .then_accepted()
        .then_state(&agreement_id(), |agreement: &Agreement| {
            assert_eq!(agreement.withdrawals[0].authority, "K-sak 12/2018");
        });
    // Its end is no exception, and who is not bound is free to go.
    during.clone().when(withdraw(NORDRE, "2019-12-31")).then_accepted();
    during
        .when(withdraw(SONDRE, "2018-12-31"))
        .then_accepted()
        .when(withdraw(SONDRE, "2018-12-31"))
        .then_unchanged()
        .when(withdraw(SONDRE, "2018-11-30"))
        .then_refused(Kind::FailedPrecondition, "PARTY_WITHDRAWN");
}

#[test]
fn a2_an_open_period_has_no_end_to_wait_for() {
    let mut open = terms();
    open.period = Some(Period {
        from: "2017-01-01".to_owned(),
        to: None,
    });
    project_with_council()
        .given(draft_of(open))
        .given(sign(NORDRE, 1))
        .given(sign(THE_REGION, 1))
        .given(sign(SONDRE, 1))
        .when(withdraw(NORDRE, "2040-12-31"))
        .then_refused_by("A2", "PARTY_BOUND_FOR_FULL_PERIOD");
}

#[test]
fn a2_termination_does_not_release_who_is_bound_without_an_authority() {
    signed()
        .on("2018-03-01")
        .when(terminate("2018-12-31"))
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("The work is done.")
        .when(terminate("2018-12-31"))
        .then_refused_by("A2", "AGREEMENT_BINDS_FOR_FULL_PERIOD")
        .with_authority("K-sak 12/2018")
        .when(terminate("2018-02-28"))
        .then_refused(Kind::InvalidArgument, "ENDS_BEFORE_NOTICE")
        .when(terminate("2018-12-31"))
        .then_accepted()
        .when(terminate("2018-12-31"))
        .then_unchanged()
        .when(terminate("2019-01-31"))
        .then_refused(Kind::FailedPrecondition, "AGREEMENT_TERMINATED")
        .when(amend(longer()))
        .then_refused(Kind::FailedPrecondition, "AGREEMENT_TERMINATED")
        .when(withdraw(SONDRE, "2018-12-31"))
        .then_refused(Kind::FailedPrecondition, "AGREEMENT_TERMINATED")
        .then_state(&agreement_id(), |agreement: &Agreement| {
            assert!(agreement_standing(agreement, "2018-12-31").in_force);
            assert!(!agreement_standing(agreement, "2019-01-01").in_force);
        });
}

#[test]
fn a_withdrawal_has_a_bound_party_and_a_day_inside_the_period() {
    drafted()
        .when(withdraw(SONDRE, "2017-12-31"))
        .then_refused(Kind::FailedPrecondition, "AGREEMENT_NOT_IN_FORCE");
    signed()
        .when(withdraw(799, "2017-12-31"))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(withdraw(SONDRE, "2017-01-31"))
        .then_refused(Kind::InvalidArgument, "ENDS_BEFORE_NOTICE")
        .when(withdraw(SONDRE, "2020-01-01"))
        .then_refused(Kind::InvalidArgument, "AFTER_THE_PERIOD");
}

#[test]
fn an_agreement_goes_on_between_those_that_remain_while_they_are_two() {
    let two_left = signed().given(withdraw(SONDRE, "2017-12-31"));
    let two_left = then_standing(two_left, "2018-01-01", true, 1);
    let one_left = two_left.given(withdraw(THE_REGION, "2018-06-30"));
    let one_left = then_standing(one_left, "2018-06-30", true, 1);
    then_standing(one_left, "2018-07-01", false, 1);
}

#[test]
fn a_party_that_has_withdrawn_signs_again_only_an_edition_made_after_that() {
    let back = signed()
        .given(amend(longer()))
        .given(withdraw(SONDRE, "2017-12-31"))
        .when(sign(SONDRE, 2))
        .then_refused(Kind::FailedPrecondition, "PARTY_WITHDRAWN")
        .on("2018-03-01")
        .given(amend(AgreementTerms {
            title: "Cooperation, with Søndre Land again".to_owned(),
            ..longer()
        }))
        .given(sign(NORDRE, 3))
        .given(sign(THE_REGION, 3))
        .given(sign(SONDRE, 3));
    then_standing(back, "2018-03-01", true, 3).then_state(&agreement_id(), |agreement: &Agreement| {
        let standing = agreement_standing(agreement, "2018-03-01");
        assert!(standing.parties.iter().all(|party| party.withdrawn.is_none()));
    });
}

fn started() -> Scenario {
    signed()
        .given(PlanDecisionPoint {
            kind: DecisionPointKind::Start.into(),
            ..plan(1)
        })
        .given(budget::cost(50, "2017", budget::known(60_000)))
        .with_authority("K-sak 101/2016")
        .given(budget::approve())
        .given(link())
        .given(approve(1))
        .with_authority("")
}

/// What the withdrawal of a party touches, read with all that the agreement is for.
fn impact(scenario: &Scenario, number: u32, date: &str) -> Option<WithdrawalImpact> {
    let mut states: HashMap<Stream, Arc<State>> = HashMap::new();
    for _ in 0..3 {
        let streams = streams_of_agreement(&agreement_id(), &Facts::new(&states));
        states.extend(
            streams
                .into_iter()
                .map(|stream| (stream.clone(), scenario.state(&stream))),
        );
    }
    let facts = Facts::new(&states);
    withdrawal_impact(facts.state(&agreement_id()).unwrap(), &id(number), date, &facts)
}

#[test]
fn a3_a_withdrawal_shows_the_shares_the_staffing_the_services_and_the_decisions_it_touches() {
    let started = started().given(fulfil(MONEY));
    let project = started.project();
    let impact = |number: u32, date: &str| impact(&started, number, date);
    let nordre = impact(NORDRE, "2018-12-31").unwrap();
    assert!(nordre.needs_authority && nordre.stays_in_force);
    assert_eq!((nordre.cost_share, nordre.remaining_cost_share), (5_000, 5_000));
    assert_eq!(
        (nordre.staffing.len(), nordre.hosting.len(), nordre.others.len()),
        (1, 1, 0)
    );
    assert_eq!(
        nordre.hosting[0].obligation.as_ref().unwrap().obligation_id,
        id(SERVERS)
    );
    assert_eq!(nordre.money.unwrap(), Total::default(), "what is paid is not touched");
    let names: Vec<&str> = nordre
        .remaining
        .iter()
        .map(|party| party.organization.as_ref().unwrap().name.as_str())
        .collect();
    assert_eq!(names, ["The region", "Søndre Land"]);
    assert_eq!(nordre.decisions.len(), 1);
    assert_eq!(
        (
            nordre.decisions[0].decision_point_id.as_str(),
            nordre.decisions[0].edition
        ),
        (id(1).as_str(), 1)
    );
    assert_eq!(nordre.position, project.position + 1, "the agreement changed last");
    let before_payment = impact(NORDRE, "2017-01-31").unwrap();
    assert_eq!(before_payment.money.unwrap().known_ore, 10_000_000);
    assert!(!impact(SONDRE, "2018-12-31").unwrap().needs_authority);
    assert_eq!(impact(799, "2018-12-31"), None);
}

#[test]
fn a4_the_obligations_of_each_party_are_fulfilled_or_overdue() {
    signed()
        .when(fulfil(799))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .on("2017-07-05")
        .given(fulfil(MONEY))
        .when(fulfil(MONEY))
        .then_unchanged()
        .on("2017-07-06")
        .when(fulfil(MONEY))
        .then_refused(Kind::FailedPrecondition, "OBLIGATION_FULFILLED")
        .then_state(&agreement_id(), |agreement: &Agreement| {
            let nordre = |date: &str| agreement_standing(agreement, date).parties[0].obligations.clone();
            let money = &nordre("2017-07-04")[1];
            assert!(money.overdue && money.fulfilled.is_none());
            let money = &nordre("2017-10-01")[1];
            assert_eq!((money.fulfilled.as_deref(), money.overdue), (Some("2017-07-05"), false));
            let servers = &nordre("2017-10-01")[2];
            assert!(servers.overdue);
            assert!(
                !nordre("2017-10-01")[0].overdue,
                "what holds for the whole period is never overdue"
            );
        });
}

#[test]
fn a4_nothing_is_fulfilled_before_all_have_signed() {
    drafted()
        .given(sign(NORDRE, 1))
        .when(fulfil(MONEY))
        .then_refused_by("A1", "AGREEMENT_NOT_SIGNED_BY_ALL");
    signed()
        .effective("2017-01-31")
        .when(fulfil(MONEY))
        .then_refused_by("A1", "AGREEMENT_NOT_SIGNED_BY_ALL");
}

/// A start that only the agreement can stand in the way of.
fn ready_to_start(scenario: Scenario) -> Scenario {
    scenario
        .given(PlanDecisionPoint {
            kind: DecisionPointKind::Start.into(),
            ..plan(1)
        })
        .given(budget::cost(50, "2017", budget::known(60_000)))
        .with_authority("K-sak 101/2016")
        .given(budget::approve())
}

#[test]
fn b4_a_start_is_decided_while_its_agreement_is_in_force_and_says_which_edition() {
    let unsigned = drafted()
        .given(sign(NORDRE, 1))
        .given(sign(THE_REGION, 1))
        .given(link());
    ready_to_start(unsigned)
        .on("2017-02-01")
        .when(approve(1))
        .then_refused_by("B4", "AGREEMENT_NOT_IN_FORCE")
        .then_says("Søndre Land had not signed")
        .given(sign(SONDRE, 1))
        .effective("2017-01-31")
        .when(approve(1))
        .then_refused_by("B4", "AGREEMENT_NOT_IN_FORCE")
        .effective("2017-02-01")
        .when(approve(1))
        .then_accepted()
        .then_project(|project| {
            let edition = AgreementBasis {
                agreement_id: agreement_id(),
                edition: 1,
            };
            assert_eq!(project.decision_points[0].agreements, [edition]);
        });
}

#[test]
fn b4_owners_from_several_organisations_start_nothing_without_an_agreement() {
    let owner = |number: u32, organization: &str| {
        assign_to(
            number,
            ProjectRole::Owner,
            role_holder::Holder::OrganizationId(organization.to_owned()),
        )
    };
    let one_owner = ready_to_start(signed().given(register_region()).given(owner(10, ORGANIZATION)));
    one_owner.clone().when(approve(1)).then_accepted();
    one_owner
        .given(owner(11, REGION))
        .when(approve(1))
        .then_refused_by("B4", "AGREEMENT_MISSING")
        .given(link())
        .when(approve(1))
        .then_accepted();
}

#[test]
fn b4_other_decisions_do_not_wait_for_the_agreement() {
    drafted().given(link()).given(plan(1)).when(approve(1)).then_accepted();
}

#[test]
fn a_project_rests_on_an_agreement_that_is_for_it() {
    let unlink = UnlinkAgreement {
        project_id: PROJECT.to_owned(),
        agreement_id: agreement_id(),
        ..Default::default()
    };
    project_with_council()
        .when(link())
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(RegisterProject {
            project_id: id(800),
            name: "Another".to_owned(),
            kind: ProjectKind::MainProject.into(),
            owner: super::project::first_owner(900, "kari"),
            ..Default::default()
        })
        .given(draft_of(AgreementTerms {
            project_ids: vec![id(800)],
            ..terms()
        }))
        .when(link())
        .then_refused_by("B4", "AGREEMENT_FOR_OTHERS")
        .given(amend(terms()))
        .when(unlink.clone())
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(link())
        .then_accepted()
        .when(link())
        .then_unchanged()
        .when(unlink.clone())
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("The project goes on alone.")
        .when(unlink)
        .then_accepted()
        .then_project(|project| assert!(project.agreements.is_empty()));
}

#[test]
fn a3_a_withdrawal_from_an_agreement_for_a_programme_touches_the_decisions_of_its_projects() {
    let programme_id = id(500);
    let include = IncludeProject {
        programme_id: programme_id.clone(),
        project_id: PROJECT.to_owned(),
        ..Default::default()
    };
    let for_programme = draft_of(AgreementTerms {
        project_ids: Vec::new(),
        programme_id: Some(programme_id.clone()),
        ..terms()
    });
    let outside = project_with_council()
        .when(for_programme.clone())
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(EstablishProgramme {
            programme_id,
            terms: Some(ProgrammeTerms {
                name: "Digital welfare".to_owned(),
                kind: ProgrammeKind::Programme.into(),
                ..Default::default()
            }),
            ..Default::default()
        })
        .given(for_programme)
        .given(sign(NORDRE, 1))
        .given(sign(THE_REGION, 1))
        .given(sign(SONDRE, 1))
        .when(link())
        .then_refused_by("B4", "AGREEMENT_FOR_OTHERS");
    let started = ready_to_start(outside.given(include).given(link())).given(approve(1));
    let impact = impact(&started, NORDRE, "2017-12-31").unwrap();
    assert_eq!(impact.decisions[0].project_id, PROJECT);
}

#[test]
fn drafting_and_signing_the_same_twice_changes_nothing() {
    drafted()
        .when(draft_of(terms()))
        .then_unchanged()
        .when(draft_of(longer()))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(amend(terms()))
        .then_unchanged()
        .given(sign(NORDRE, 1))
        .when(sign(NORDRE, 1))
        .then_unchanged()
        .on("2017-01-03")
        .when(sign(NORDRE, 1))
        .then_refused(Kind::FailedPrecondition, "SIGNED_ALREADY")
        .when(sign(799, 1))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(amend(longer()))
        .effective("2017-01-01")
        .when(amend(terms()))
        .then_refused(Kind::InvalidArgument, "AMENDED_BEFORE_DRAFTED");
}

#[track_caller]
fn refused_terms(change: impl FnOnce(&mut AgreementTerms), reason: &'static str) {
    let mut terms = terms();
    change(&mut terms);
    project_with_council()
        .when(draft_of(terms))
        .then_refused(Kind::InvalidArgument, reason);
}

#[test]
fn terms_that_cannot_be_are_refused() {
    refused_terms(|terms| terms.project_ids.clear(), "PURPOSE_MISSING");
    refused_terms(
        |terms| terms.period.as_mut().unwrap().to = Some("2016-12-31".to_owned()),
        "ENDS_BEFORE_IT_BEGINS",
    );
    refused_terms(|terms| terms.parties[1].cost_share = 9_000, "COST_SHARES_EXCEED_WHOLE");
    refused_terms(|terms| terms.parties[1].party_id = id(NORDRE), "PARTY_REPEATED");
    refused_terms(
        |terms| terms.parties[1].organization.as_mut().unwrap().organization_number = "999000208".to_owned(),
        "ORGANIZATION_NUMBER_INVALID",
    );
    refused_terms(
        |terms| terms.parties[0].obligations[1].obligation_id = id(LEADER),
        "OBLIGATION_REPEATED",
    );
    refused_terms(
        |terms| terms.parties[0].obligations[1].amount = None,
        "AMOUNT_OUT_OF_PLACE",
    );
    refused_terms(
        |terms| terms.parties[0].obligations[2].full_time_hundredths = Some(10),
        "POSTS_OUT_OF_PLACE",
    );
}

#[test]
fn the_ids_of_parties_and_obligations_keep_their_meaning_from_edition_to_edition() {
    let mut other_party = terms();
    other_party.parties[2].organization = party(SONDRE, "997000005", "Vestre Land", 0).organization;
    let mut other_kind = terms();
    other_kind.parties[0].obligations[0] = obligation(LEADER, ObligationKind::Other, None);
    drafted()
        .when(amend(other_party))
        .then_refused(Kind::InvalidArgument, "PARTY_ID_TAKEN")
        .when(amend(other_kind))
        .then_refused(Kind::InvalidArgument, "OBLIGATION_ID_TAKEN");
}
