//! The second chapter (2017): a pre-project collects 120 proposals, groups and assesses them, and has them ranked and decided.

use serde_json::{Value, json};

use super::story::{Story, body, id, kroner, unknown};

const COUNT: usize = 120;
/// How many belong together in a group, which is gone through in one sitting.
const IN_A_GROUP: usize = 15;
/// The proposals with the greatest benefit and feasibility, best first. The first one touches several sectors.
const BEST: [usize; 4] = [25, 50, 75, 100];

fn name(number: usize) -> String {
    format!("proposal {number}")
}

/// A request about one proposal of the register.
fn about(number: usize, more: Value) -> Value {
    let mut request = json!({"proposal_register_id": "register", "proposal_id": name(number)});
    request
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    request
}

/// What is reckoned to come of a proposal, and how easily: from 1 to 5 each.
fn worth(number: usize) -> (usize, usize) {
    ((number - 1) % 5 + 1, (number - 1) / 5 % 5 + 1)
}

fn ranked() -> Vec<usize> {
    let mut order: Vec<usize> = (1..=COUNT).collect();
    order.sort_by_key(|number| std::cmp::Reverse(worth(*number).0 * worth(*number).1));
    order
}

pub async fn tell(story: &mut Story) {
    collected(story).await;
    grouped_and_assessed(story).await;
    prioritized(story).await;
    decided(story).await;
}

async fn collected(story: &mut Story) {
    story.on("2017-01-10").by("siri").about("pre");
    let project =
        json!({"name": "Pre-project digital region", "kind": "PROJECT_KIND_PRE_PROJECT", "organization_id": "region"});
    story.record("RegisterProject", project).await;
    let register = json!({"proposal_register_id": "register", "organization_id": "region", "name": "Proposals"});
    story.record("OpenProposalRegister", register).await;
    for (round, year, most) in [("2017", 2017, Some(2)), ("2018", 2018, None)] {
        let round = json!({"proposal_register_id": "register", "round_id": round, "name": round, "year": year, "most_starts": most});
        story.record("OpenRound", round).await;
    }
    story.by("ola");
    for number in 1..=COUNT {
        let mut proposal =
            json!({"round_id": "2017", "number": number.to_string(), "title": format!("Digital service {number}")});
        if number == BEST[0] {
            proposal["cross_sector"] = json!(true);
            proposal["affected_parties"] =
                json!([{"party_id": "health", "name": "Health"}, {"party_id": "schools", "name": "Schools"}]);
        }
        story.record("SubmitProposal", about(number, proposal)).await;
    }
}

async fn grouped_and_assessed(story: &mut Story) {
    story.on("2017-02-15");
    for first in (1..=COUNT).step_by(IN_A_GROUP) {
        let mut sitting = Vec::new();
        for number in first..first + IN_A_GROUP {
            let group = format!("Group {}", (first - 1) / IN_A_GROUP + 1);
            sitting.push(("GroupProposal", about(number, json!({"group": group}))));
            let cost = if number % 4 == 0 {
                unknown()
            } else {
                kroner(number as i64 * 10_000)
            };
            let (benefit, feasibility) = worth(number);
            let assessment = json!({"benefit": benefit, "feasibility": feasibility, "cost": cost});
            sitting.push(("AssessProposal", about(number, json!({"assessment": assessment}))));
        }
        story.record_together(sitting).await;
    }
    let group = story
        .read(
            "ListProposals",
            json!({"proposal_register_id": "register", "group": "Group 3", "page_size": 1000}),
        )
        .await;
    assert_eq!(group["proposals"].as_array().unwrap().len(), IN_A_GROUP);
}

async fn prioritized(story: &mut Story) {
    story.on("2017-03-01").by("ida");
    let list = |numbers: &[usize]| {
        let names: Vec<String> = numbers.iter().copied().map(name).collect();
        json!({"proposal_register_id": "register", "round_id": "2017", "body": body("change board"), "proposal_ids": names})
    };
    let mut order = ranked();
    story
        .breaks(
            "P5",
            "PROPOSAL_LEFT_OUT",
            "PrioritizeProposals",
            list(&order[..COUNT - 1]),
        )
        .await;
    let mut repeated = order.clone();
    repeated.push(order[0]);
    story
        .breaks("P5", "PROPOSAL_REPEATED", "PrioritizeProposals", list(&repeated))
        .await;
    story.record("PrioritizeProposals", list(&order)).await;
    order.swap(2, 3);
    story.on("2017-03-08").record("PrioritizeProposals", list(&order)).await;
    let lists = story
        .read(
            "ListPriorityLists",
            json!({"proposal_register_id": "register", "round_id": "2017"}),
        )
        .await;
    let lists = lists["priority_lists"].as_array().unwrap();
    assert_eq!(lists.len(), 2);
    for (place, number) in lists[0]["proposal_ids"].as_array().unwrap().iter().zip(ranked()) {
        assert_eq!(
            *place,
            json!(id(&name(number))),
            "the list that was replaced stays readable"
        );
    }
    assert_eq!(lists[0]["replaced_by_position"], lists[1]["position"]);
}

async fn decided(story: &mut Story) {
    let start = |number| {
        about(
            number,
            json!({"outcome": "PROPOSAL_OUTCOME_START_NOW", "body": body("change board")}),
        )
    };
    story.on("2017-04-01");
    story
        .breaks("P1", "CHANGE_BOARD_NOT_ASKED", "DecideProposal", start(BEST[0]))
        .await;
    for number in [BEST[0], BEST[1], BEST[3]] {
        let review = about(
            number,
            json!({"body": body("change board"), "outcome": "REVIEW_OUTCOME_PASSED"}),
        );
        story.record("ReviewProposal", review).await;
    }
    story
        .breaks("P2", "AFFECTED_PARTY_NOT_CONSULTED", "DecideProposal", start(BEST[0]))
        .await;
    for (party, answer) in [("health", "SUPPORTS"), ("schools", "HAS_RESERVATIONS")] {
        let answer = about(
            BEST[0],
            json!({"party_id": party, "answer": format!("CONSULTATION_ANSWER_{answer}")}),
        );
        story.record("ConsultParty", answer).await;
    }
    story.on("2017-04-20");
    let register = json!({"proposal_register_id": "register"});
    for number in [BEST[0], BEST[1], BEST[3]] {
        story.record("DecideProposal", start(number)).await;
    }
    let found = story.finds_in("P3", "ListProposalFindings", register.clone()).await;
    assert_eq!(
        found["description"],
        "3 proposals are started in the round 2017, whose limit is 2."
    );
    story
        .because("Another one does the same")
        .record("WithdrawProposal", about(BEST[3], json!({})))
        .await;
    story
        .finds_no_more_in("P3", "ListProposalFindings", register.clone())
        .await;

    let outcome = |numbers: &[usize], outcome: &str| {
        let decide = |number: &usize| {
            (
                "DecideProposal",
                about(*number, json!({"outcome": format!("PROPOSAL_OUTCOME_{outcome}")})),
            )
        };
        numbers.iter().map(decide).collect::<Vec<_>>()
    };
    let order: Vec<usize> = ranked()
        .into_iter()
        .filter(|number| ![BEST[0], BEST[1], BEST[3]].contains(number))
        .collect();
    story.record_together(outcome(&order[..10], "LATER")).await;
    story.record_together(outcome(&order[10..20], "INVESTIGATE")).await;
    story
        .because("Too little comes of it")
        .record_together(outcome(&order[87..], "REJECT"))
        .await;
    let carried = order[..10]
        .iter()
        .map(|number| ("CarryOverProposal", about(*number, json!({"round_id": "2018"}))));
    let carried = carried.collect();
    story.on("2017-12-20").record_together(carried).await;
    for (status, count) in [
        ("STARTED", 2),
        ("WITHDRAWN", 1),
        ("INVESTIGATED", 10),
        ("REJECTED", 30),
        ("OPEN", 77),
    ] {
        let asked = json!({"proposal_register_id": "register", "status": format!("PROPOSAL_STATUS_{status}"), "page_size": 1000});
        let found = story.read("ListProposals", asked).await;
        assert_eq!(found["proposals"].as_array().unwrap().len(), count, "{status}");
    }
}
