//! Proves the rules of procurement: C1, C2, C3, and that B9 holds with a contract in it.

use vedtak::domain::{Kind, contract_reading};
use vedtak::schema::v1::*;

use super::budget::known;
use super::decision_point::{approve, plan as plan_point, project_with_council};
use super::scenario::{PROJECT, Scenario, id};

const PROCUREMENT: u32 = 60;

fn plan() -> PlanProcurement {
    PlanProcurement {
        project_id: PROJECT.to_owned(),
        procurement_id: id(PROCUREMENT),
        name: "Case and archive system".to_owned(),
        estimated_value: known(2_100_000),
        ..Default::default()
    }
}

fn document(title: &str) -> Option<DocumentReference> {
    Some(DocumentReference {
        title: title.to_owned(),
        sha256: "a".repeat(64),
        link: String::new(),
    })
}

fn require(title: &str) -> ApproveRequirements {
    ApproveRequirements {
        project_id: PROJECT.to_owned(),
        procurement_id: id(PROCUREMENT),
        document: document(title),
        ..Default::default()
    }
}

fn publish(deadline: &str, time: Option<&str>) -> PublishTender {
    PublishTender {
        project_id: PROJECT.to_owned(),
        procurement_id: id(PROCUREMENT),
        deadline: deadline.to_owned(),
        deadline_time: time.map(str::to_owned),
        ..Default::default()
    }
}

/// A bid under `id(number)`.
fn bid(number: u32, time: Option<&str>) -> ReceiveBid {
    ReceiveBid {
        project_id: PROJECT.to_owned(),
        procurement_id: id(PROCUREMENT),
        bid_id: id(number),
        supplier: format!("Supplier {number}"),
        supplier_number: Some("974760673".to_owned()),
        price: known(2_000_000),
        received_time: time.map(str::to_owned),
        ..Default::default()
    }
}

/// Evaluates these bids, the best one first.
fn evaluate(bids: &[u32]) -> EvaluateBids {
    let evaluated = |number: &u32| BidEvaluation {
        bid_id: id(*number),
        points: Some(87_500),
        ..Default::default()
    };
    EvaluateBids {
        project_id: PROJECT.to_owned(),
        procurement_id: id(PROCUREMENT),
        bids: bids.iter().map(evaluated).collect(),
        report: document("Evaluation"),
        ..Default::default()
    }
}

fn award(bid: u32, point: u32) -> AwardContract {
    AwardContract {
        project_id: PROJECT.to_owned(),
        procurement_id: id(PROCUREMENT),
        bid_id: id(bid),
        decision_point_id: id(point),
        ..Default::default()
    }
}

fn option(number: u32, kroner: i64, extends_to: Option<&str>) -> ContractOption {
    ContractOption {
        option_id: id(number),
        description: format!("Option {number}"),
        value: known(kroner),
        extends_to: extends_to.map(str::to_owned),
    }
}

fn terms(options: Vec<ContractOption>) -> ContractTerms {
    ContractTerms {
        number: "17/442".to_owned(),
        document: document("Contract"),
        value: known(2_000_000),
        term: Some(Period {
            from: "2017-07-01".to_owned(),
            to: Some("2021-06-30".to_owned()),
        }),
        options,
    }
}

fn sign(terms: ContractTerms) -> SignContract {
    SignContract {
        project_id: PROJECT.to_owned(),
        procurement_id: id(PROCUREMENT),
        terms: Some(terms),
        ..Default::default()
    }
}

fn amend(number: u32, change: ContractChange) -> AmendContract {
    AmendContract {
        project_id: PROJECT.to_owned(),
        procurement_id: id(PROCUREMENT),
        amendment_id: id(number),
        change: Some(ContractChange {
            description: "As agreed".to_owned(),
            ..change
        }),
        ..Default::default()
    }
}

fn taking_up(option: u32) -> ContractChange {
    ContractChange {
        option_id: Some(id(option)),
        ..Default::default()
    }
}

fn changing(value: Option<Amount>, to: Option<&str>) -> ContractChange {
    ContractChange {
        value,
        to: to.map(str::to_owned),
        ..Default::default()
    }
}

fn terminate() -> TerminateContract {
    TerminateContract {
        project_id: PROJECT.to_owned(),
        procurement_id: id(PROCUREMENT),
        ..Default::default()
    }
}

fn cancel() -> CancelProcurement {
    CancelProcurement {
        project_id: PROJECT.to_owned(),
        procurement_id: id(PROCUREMENT),
        ..Default::default()
    }
}

/// A decision point under `id(number)` about the award, to be decided on 2017-06-15.
fn award_point(number: u32) -> PlanDecisionPoint {
    PlanDecisionPoint {
        date: "2017-06-15".to_owned(),
        kind: DecisionPointKind::ContractAward.into(),
        ..plan_point(number)
    }
}

/// A tender published on 2017-04-01 with the deadline 2017-05-15.
fn tendered(time: Option<&str>) -> Scenario {
    project_with_council()
        .given(plan())
        .on("2017-03-20")
        .given(require("Requirements"))
        .on("2017-04-01")
        .given(publish("2017-05-15", time))
}

/// The bids 1 and 2 in time and 3 late, evaluated on 2017-06-01, and the award point 50 to decide on.
fn evaluated() -> Scenario {
    tendered(None)
        .given(award_point(50))
        .on("2017-05-10")
        .given(bid(1, None))
        .given(bid(2, None))
        .on("2017-05-16")
        .given(bid(3, None))
        .on("2017-06-01")
        .given(evaluate(&[2, 1]))
}

/// The contract awarded to bid 2 on 2017-06-15.
fn awarded() -> Scenario {
    evaluated().on("2017-06-15").given(approve(50)).given(award(2, 50))
}

fn signed(options: Vec<ContractOption>) -> Scenario {
    awarded().on("2017-06-26").given(sign(terms(options)))
}

#[test]
fn c1_an_award_needs_the_approved_decision_point_about_it() {
    evaluated()
        .given(plan_point(51))
        .when(award(2, 59))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(award(2, 51))
        .then_refused_by("C1", "DECISION_NOT_ABOUT_AWARD")
        .when(award(2, 50))
        .then_refused_by("C1", "AWARD_NOT_APPROVED")
        .on("2017-06-15")
        .given(approve(50))
        .effective("2017-06-14")
        .when(award(2, 50))
        .then_refused_by("C1", "AWARD_NOT_APPROVED")
        .effective("2017-06-15")
        .when(award(2, 50))
        .then_accepted()
        .when(award(2, 50))
        .then_unchanged();
}

#[test]
fn c1_one_decision_gives_one_award_and_a_new_one_needs_a_new_decision() {
    let superseding = PlanDecisionPoint {
        supersedes_id: Some(id(50)),
        ..award_point(52)
    };
    awarded()
        .when(award(1, 50))
        .then_refused_by("C1", "AWARD_GIVEN")
        .given(superseding)
        .on("2017-07-01")
        .given(approve(52))
        .when(sign(terms(Vec::new())))
        .then_refused_by("C1", "AWARD_DECISION_SUPERSEDED")
        .given(award(1, 52))
        .when(sign(terms(Vec::new())))
        .then_refused_by("C1", "STANDSTILL_NOT_ENDED")
        .on("2017-07-12")
        .given(sign(terms(Vec::new())))
        .then_project(|project| {
            let procurement = &project.procurements[0];
            assert_eq!(procurement.awards.len(), 2);
            assert_eq!(procurement.contract.as_ref().unwrap().bid_id, id(1));
        });
}

#[test]
fn c1_the_bid_that_the_decision_chose_is_the_one_that_is_awarded() {
    let weighing = PlanDecisionPoint {
        weighs_options: true,
        ..award_point(51)
    };
    let options = [1, 2].map(|number| DecisionOption {
        option_id: id(number),
        title: format!("Supplier {number}"),
        ..Default::default()
    });
    evaluated()
        .given(weighing)
        .given(AttachBasis {
            project_id: PROJECT.to_owned(),
            decision_point_id: id(51),
            options: options.to_vec(),
            ..Default::default()
        })
        .given(ApproveDecisionPoint {
            chosen_option_id: Some(id(1)),
            ..approve(51)
        })
        .when(award(2, 51))
        .then_refused_by("C1", "AWARD_DIFFERS_FROM_DECISION")
        .when(award(1, 51))
        .then_accepted();
}

#[test]
fn c1_a_contract_is_signed_after_the_award_and_the_standstill_period() {
    evaluated()
        .when(sign(terms(Vec::new())))
        .then_refused_by("C1", "CONTRACT_NOT_AWARDED")
        .on("2017-06-15")
        .given(approve(50))
        .given(award(2, 50))
        .effective("2017-06-14")
        .when(sign(terms(Vec::new())))
        .then_refused_by("C1", "CONTRACT_NOT_AWARDED")
        .on("2017-06-25")
        .when(sign(terms(Vec::new())))
        .then_refused_by("C1", "STANDSTILL_NOT_ENDED")
        .then_says("to 2017-06-25")
        .on("2017-06-26")
        .when(sign(terms(Vec::new())))
        .then_accepted()
        .when(sign(terms(Vec::new())))
        .then_unchanged()
        .when(sign(terms(vec![option(70, 1, None)])))
        .then_refused(Kind::FailedPrecondition, "CONTRACT_SIGNED");
}

#[test]
fn c1_the_standstill_period_is_that_of_the_law_or_the_one_that_is_stated() {
    let ends = |standstill_days: Option<i32>, not_sent_electronically: bool| {
        let award = AwardContract {
            standstill_days,
            not_sent_electronically,
            ..award(2, 50)
        };
        let scenario = evaluated().on("2017-06-25").given(approve(50)).given(award);
        scenario.project().procurements[0].awards[0].standstill_to.clone()
    };
    assert_eq!(ends(None, false).as_deref(), Some("2017-07-05"));
    assert_eq!(ends(None, true).as_deref(), Some("2017-07-10"));
    assert_eq!(ends(Some(14), false).as_deref(), Some("2017-07-09"));
    assert_eq!(ends(Some(0), false), None);
    let none_needed = AwardContract {
        standstill_days: Some(0),
        ..award(2, 50)
    };
    evaluated()
        .on("2017-06-15")
        .given(approve(50))
        .given(none_needed)
        .when(sign(terms(Vec::new())))
        .then_accepted();
}

#[test]
fn c2_a_bid_after_the_deadline_is_recorded_as_late() {
    tendered(None)
        .on("2017-05-15")
        .given(bid(1, None))
        .on("2017-05-16")
        .when(bid(2, None))
        .then_accepted()
        .when(bid(2, None))
        .then_unchanged()
        .then_project(|project| {
            let late: Vec<bool> = project.procurements[0].bids.iter().map(|bid| bid.late).collect();
            assert_eq!(late, [false, true]);
        });
}

#[test]
fn c2_a_deadline_with_a_time_is_judged_to_the_minute() {
    tendered(Some("12:00"))
        .on("2017-05-14")
        .given(bid(1, None))
        .on("2017-05-15")
        .when(bid(2, None))
        .then_refused(Kind::InvalidArgument, "RECEIVED_TIME_REQUIRED")
        .given(bid(2, Some("11:59")))
        .given(bid(3, Some("12:00")))
        .then_project(|project| {
            let late: Vec<bool> = project.procurements[0].bids.iter().map(|bid| bid.late).collect();
            assert_eq!(late, [false, false, true]);
        })
        .when(evaluate(&[1, 2]))
        .then_accepted();
}

#[test]
fn c2_a_late_bid_is_not_evaluated_and_cannot_win() {
    evaluated()
        .when(evaluate(&[3, 2, 1]))
        .then_refused_by("C2", "LATE_BID_EVALUATED")
        .on("2017-06-15")
        .given(approve(50))
        .when(award(3, 50))
        .then_refused_by("C2", "LATE_BID_CANNOT_WIN")
        .when(award(1, 50))
        .then_accepted();
}

#[test]
fn c2_a_deadline_is_extended_for_a_reason_but_not_to_save_a_late_bid() {
    let tendered = tendered(None);
    tendered
        .clone()
        .on("2017-05-15")
        .when(publish("2017-05-15", None))
        .then_unchanged()
        .when(publish("2017-05-29", None))
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("The requirements were made clearer")
        .when(publish("2017-05-14", None))
        .then_refused(Kind::InvalidArgument, "NOT_AN_EXTENSION")
        .given(publish("2017-05-29", None))
        .on("2017-05-29")
        .given(bid(1, None))
        .then_project(|project| {
            let procurement = &project.procurements[0];
            let tender = procurement.tender.as_ref().unwrap();
            assert_eq!(
                (tender.published.as_str(), tender.deadline.as_str()),
                ("2017-04-01", "2017-05-29")
            );
            assert_eq!(tender.extensions[0].earlier_deadline, "2017-05-15");
            assert!(!procurement.bids[0].late);
        });
    tendered
        .because("A good bid was late")
        .on("2017-05-16")
        .when(publish("2017-05-29", None))
        .then_refused(Kind::FailedPrecondition, "DEADLINE_PASSED")
        .given(bid(1, None))
        .effective("2017-05-15")
        .when(publish("2017-05-29", None))
        .then_refused(Kind::FailedPrecondition, "DEADLINE_PASSED");
}

#[test]
fn c3_value_term_options_and_amendments_are_read() {
    let options = vec![
        option(70, 400_000, Some("2022-06-30")),
        option(71, 450_000, Some("2023-06-30")),
        option(72, 50_000, None),
    ];
    let minus = Amount {
        certainty: Certainty::Estimated.into(),
        ore: Some(-10_000_000),
    };
    let scenario = signed(options)
        .on("2018-02-01")
        .given(amend(80, changing(Some(minus), None)))
        .given(amend(81, taking_up(70)));
    let total = |known: i64, estimated: i64| {
        Some(Total {
            known_ore: known * 100,
            estimated_ore: (estimated != 0).then_some(estimated * 100),
            unknown: 0,
        })
    };
    let reading = contract_reading(&scenario.project());
    let contract = &reading.contracts[0];
    assert_eq!(
        (contract.supplier.as_str(), contract.number.as_str()),
        ("Supplier 2", "17/442")
    );
    assert_eq!(
        (contract.signed.as_str(), contract.signed_value),
        ("2017-06-26", known(2_000_000))
    );
    assert_eq!(contract.value, total(2_400_000, -100_000));
    assert_eq!(contract.value_with_options, total(2_900_000, -100_000));
    let term = contract.term.as_ref().unwrap();
    assert_eq!(
        (term.from.as_str(), term.to.as_deref()),
        ("2017-07-01", Some("2022-06-30"))
    );
    assert_eq!(contract.last_possible_day.as_deref(), Some("2023-06-30"));
    let taken: Vec<_> = contract
        .options
        .iter()
        .map(|option| option.amendment_id.clone())
        .collect();
    assert_eq!(taken, [Some(id(81)), None, None]);
    let after: Vec<_> = contract
        .amendments
        .iter()
        .map(|amendment| (amendment.value_after, amendment.to_after.as_deref()))
        .collect();
    assert_eq!(
        after,
        [
            (total(2_000_000, -100_000), Some("2021-06-30")),
            (total(2_400_000, -100_000), Some("2022-06-30"))
        ]
    );
    assert_eq!(
        (reading.value, reading.value_with_options),
        (contract.value, contract.value_with_options)
    );

    let ended = scenario.because("It never worked").on("2019-03-31").given(terminate());
    let reading = contract_reading(&ended.project());
    let contract = &reading.contracts[0];
    assert_eq!(contract.term.as_ref().unwrap().to.as_deref(), Some("2019-03-31"));
    assert_eq!(contract.last_possible_day.as_deref(), Some("2019-03-31"));
    assert_eq!(contract.value_with_options, contract.value);
}

#[test]
fn c3_a_contract_without_a_last_day_and_of_unknown_value_reads_so() {
    let open = ContractTerms {
        value: Some(Amount {
            certainty: Certainty::Unknown.into(),
            ore: None,
        }),
        term: Some(Period {
            from: "2017-07-01".to_owned(),
            to: None,
        }),
        ..terms(vec![option(70, 400_000, None)])
    };
    let scenario = awarded().on("2017-06-26").given(sign(open));
    let reading = contract_reading(&scenario.project());
    let contract = &reading.contracts[0];
    assert_eq!(
        (
            contract.term.as_ref().unwrap().to.as_deref(),
            contract.last_possible_day.as_deref()
        ),
        (None, None)
    );
    let value = reading.value_with_options.unwrap();
    assert_eq!((value.known_ore, value.unknown), (40_000_000, 1));
}

#[test]
fn b9_the_milestone_of_a_contract_is_found_until_it_is_dated_after_the_award() {
    let milestone = PlanMilestone {
        project_id: PROJECT.to_owned(),
        milestone_id: id(20),
        plan: Some(MilestonePlan {
            number: "MP2".to_owned(),
            name: "Contract signed".to_owned(),
            measurable_result: "The contract exists".to_owned(),
            decision_point_ids: vec![id(50)],
            ..Default::default()
        }),
        deadline: "2017-06-01".to_owned(),
        ..Default::default()
    };
    let move_on = RescheduleMilestone {
        project_id: PROJECT.to_owned(),
        milestone_id: id(20),
        deadline: "2017-06-26".to_owned(),
        ..Default::default()
    };
    evaluated()
        .given(milestone)
        .then_found("B9", 1)
        .on("2017-06-15")
        .given(approve(50))
        .given(award(2, 50))
        .then_found("B9", 1)
        .because("The choice and the standstill period come first")
        .given(move_on)
        .on("2017-06-26")
        .given(sign(terms(Vec::new())))
        .given(AchieveMilestone {
            project_id: PROJECT.to_owned(),
            milestone_id: id(20),
            evidence: "Signed by both".to_owned(),
            ..Default::default()
        })
        .then_found("B9", 0);
}

#[test]
fn a_tender_is_published_on_approved_requirements_and_its_bids_come_after_it() {
    project_with_council()
        .given(plan())
        .when(publish("2017-05-15", None))
        .then_refused(Kind::FailedPrecondition, "REQUIREMENTS_NOT_APPROVED")
        .on("2017-03-20")
        .given(require("Draft"))
        .given(require("Requirements"))
        .when(require("Requirements"))
        .then_unchanged()
        .effective("2017-03-19")
        .when(publish("2017-05-15", None))
        .then_refused(Kind::FailedPrecondition, "REQUIREMENTS_NOT_APPROVED")
        .effective("2017-03-20")
        .when(bid(1, None))
        .then_refused(Kind::FailedPrecondition, "TENDER_NOT_PUBLISHED")
        .when(publish("2017-03-19", None))
        .then_refused(Kind::InvalidArgument, "DEADLINE_BEFORE_PUBLICATION")
        .given(publish("2017-05-15", None))
        .when(require("Other requirements"))
        .then_refused(Kind::FailedPrecondition, "TENDER_PUBLISHED")
        .effective("2017-03-19")
        .when(bid(1, None))
        .then_refused(Kind::FailedPrecondition, "TENDER_NOT_PUBLISHED")
        .effective("2017-03-20")
        .when(ReceiveBid {
            supplier_number: Some("974760674".to_owned()),
            ..bid(1, None)
        })
        .then_refused(Kind::InvalidArgument, "ORGANIZATION_NUMBER_INVALID")
        .given(bid(1, None))
        .when(ReceiveBid {
            price: None,
            ..bid(1, None)
        })
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS");
}

#[test]
fn every_bid_in_time_is_evaluated_once_after_the_deadline() {
    tendered(None)
        .given(bid(1, None))
        .given(bid(2, None))
        .on("2017-05-15")
        .when(evaluate(&[1, 2]))
        .then_refused(Kind::FailedPrecondition, "DEADLINE_NOT_PASSED")
        .on("2017-05-16")
        .when(evaluate(&[1]))
        .then_refused(Kind::InvalidArgument, "BID_NOT_EVALUATED")
        .when(evaluate(&[1, 2, 1]))
        .then_refused(Kind::InvalidArgument, "BID_REPEATED")
        .when(evaluate(&[1, 2, 9]))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(evaluate(&[1, 2]))
        .then_accepted()
        .when(evaluate(&[1, 2]))
        .then_unchanged();
}

#[test]
fn a_rejected_bid_and_one_that_nobody_evaluated_are_not_awarded() {
    let mut rejecting = evaluate(&[2, 1]);
    rejecting.bids[1].rejected = true;
    evaluated()
        .given(rejecting.clone())
        .on("2017-06-15")
        .given(approve(50))
        .when(award(9, 50))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(award(1, 50))
        .then_refused(Kind::FailedPrecondition, "BID_REJECTED")
        .given(award(2, 50))
        // A bid that lay about unrecorded since before the deadline: nothing is settled before it is evaluated too.
        .effective("2017-05-15")
        .given(bid(4, None))
        .on("2017-06-26")
        .when(award(2, 50))
        .then_refused(Kind::FailedPrecondition, "BIDS_NOT_EVALUATED")
        .when(sign(terms(Vec::new())))
        .then_refused_by("C1", "CONTRACT_NOT_AWARDED");
}

#[test]
fn the_terms_of_a_contract_agree_with_themselves() {
    let reversed = ContractTerms {
        term: Some(Period {
            from: "2017-07-01".to_owned(),
            to: Some("2017-06-30".to_owned()),
        }),
        ..terms(Vec::new())
    };
    let worthless = ContractTerms {
        value: Some(Amount {
            certainty: Certainty::Known.into(),
            ore: None,
        }),
        ..terms(Vec::new())
    };
    awarded()
        .on("2017-06-26")
        .when(sign(reversed))
        .then_refused(Kind::InvalidArgument, "ENDS_BEFORE_IT_BEGINS")
        .when(sign(worthless))
        .then_refused(Kind::InvalidArgument, "AMOUNT_WITHOUT_FIGURE")
        .when(sign(terms(vec![option(70, 1, None), option(70, 2, None)])))
        .then_refused(Kind::InvalidArgument, "OPTION_REPEATED")
        .when(sign(terms(vec![option(70, 1, Some("2021-06-30"))])))
        .then_refused(Kind::InvalidArgument, "NOT_AN_EXTENSION");
}

#[test]
fn a_contract_is_amended_and_its_options_taken_up_once() {
    let unknown_with_figure = Amount {
        certainty: Certainty::Unknown.into(),
        ore: Some(5),
    };
    let both = ContractChange {
        option_id: Some(id(70)),
        ..changing(known(1), None)
    };
    awarded()
        .when(amend(80, taking_up(70)))
        .then_refused(Kind::FailedPrecondition, "CONTRACT_NOT_SIGNED")
        .on("2017-06-26")
        .given(sign(terms(vec![option(70, 400_000, Some("2022-06-30"))])))
        .on("2018-02-01")
        .when(amend(80, taking_up(79)))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(amend(80, both))
        .then_refused(Kind::InvalidArgument, "OPTION_WITH_OTHER_CHANGES")
        .when(amend(80, changing(Some(unknown_with_figure), None)))
        .then_refused(Kind::InvalidArgument, "CHANGE_AND_FIGURE_DIFFER")
        .when(amend(80, changing(None, Some("2017-06-30"))))
        .then_refused(Kind::InvalidArgument, "ENDS_BEFORE_IT_BEGINS")
        .given(amend(80, taking_up(70)))
        .when(amend(80, taking_up(70)))
        .then_unchanged()
        .when(amend(80, changing(None, None)))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(amend(81, taking_up(70)))
        .then_refused(Kind::FailedPrecondition, "OPTION_TAKEN_UP")
        .effective("2017-06-25")
        .when(amend(81, changing(None, None)))
        .then_refused(Kind::InvalidArgument, "BEFORE_SIGNATURE");
}

#[test]
fn a_contract_is_terminated_for_a_reason_and_then_is_over() {
    signed(Vec::new())
        .on("2018-02-01")
        .when(cancel())
        .then_refused(Kind::FailedPrecondition, "CONTRACT_SIGNED")
        .when(terminate())
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("It never worked")
        .given(terminate())
        .when(terminate())
        .then_unchanged()
        .when(amend(80, changing(None, Some("2022-06-30"))))
        .then_refused(Kind::FailedPrecondition, "CONTRACT_TERMINATED")
        .then_project(|project| {
            let contract = project.procurements[0].contract.as_ref().unwrap();
            assert_eq!(contract.termination_reason, "It never worked");
        });
}

#[test]
fn a_procurement_is_cancelled_for_a_reason_before_the_contract_is_signed() {
    tendered(None)
        .when(plan())
        .then_unchanged()
        .when(PlanProcurement {
            estimated_value: None,
            ..plan()
        })
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(terminate())
        .then_refused(Kind::FailedPrecondition, "CONTRACT_NOT_SIGNED")
        .when(cancel())
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("All bids would be too dear")
        .given(cancel())
        .when(cancel())
        .then_unchanged()
        .when(bid(1, None))
        .then_refused(Kind::FailedPrecondition, "PROCUREMENT_CANCELLED")
        .when(publish("2017-05-29", None))
        .then_refused(Kind::FailedPrecondition, "PROCUREMENT_CANCELLED")
        .then_project(|project| {
            let procurement = &project.procurements[0];
            assert_eq!(procurement.status(), ProcurementStatus::Cancelled);
            assert_eq!(procurement.cancel_reason, "All bids would be too dear");
        });
}
