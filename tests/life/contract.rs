//! The fifth chapter (2018): a contract is tendered, awarded on a decision of its own, signed after the standstill, and paid on.

use serde_json::{Value, json};

use super::beginning::decision_point;
use super::story::{Story, document, id, kroner};

pub async fn tell(story: &mut Story) {
    tendered(story).await;
    awarded(story).await;
    signed(story).await;
    paid(story).await;
}

/// A request about the one procurement.
fn about(more: Value) -> Value {
    let mut request = json!({"procurement_id": "the system"});
    request
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    request
}

async fn tendered(story: &mut Story) {
    story.on("2018-04-12");
    let plan = json!({"name": "A system for building permits", "estimated_value": kroner(900_000)});
    story.record("PlanProcurement", about(plan)).await;
    story
        .record(
            "ApproveRequirements",
            about(json!({"document": document("The requirements")})),
        )
        .await;
    story.on("2018-04-16");
    let tender = json!({"deadline": "2018-06-01", "deadline_time": "12:00"});
    story.record("PublishTender", about(tender)).await;
    story.on("2018-06-01");
    for (supplier, time, price) in [
        ("Bygg AS", "11:30", 800_000),
        ("Plan AS", "11:59", 950_000),
        ("Sein AS", "12:00", 100_000),
    ] {
        let bid = json!({"bid_id": supplier, "supplier": supplier, "received_time": time, "price": kroner(price)});
        story.record("ReceiveBid", about(bid)).await;
    }
    let judged = |suppliers: &[&str]| {
        let bids: Vec<Value> = suppliers
            .iter()
            .map(|supplier| json!({"bid_id": supplier, "points": "80000"}))
            .collect();
        about(json!({"bids": bids}))
    };
    story.on("2018-06-15");
    let all = judged(&["Bygg AS", "Plan AS", "Sein AS"]);
    story.breaks("C2", "LATE_BID_EVALUATED", "EvaluateBids", all).await;
    story.record("EvaluateBids", judged(&["Bygg AS", "Plan AS"])).await;
}

async fn awarded(story: &mut Story) {
    story
        .record(
            "PlanDecisionPoint",
            decision_point("BP3", "CONTRACT_AWARD", "2018-06-20"),
        )
        .await;
    let signed = json!({"milestone_id": "contract signed", "deadline": "2018-06-10", "plan": {"number": "M2",
        "name": "Contract signed", "measurable_result": "The contract exists", "decision_point_ids": ["BP3"]}});
    story.record("PlanMilestone", signed).await;
    story.finds("B9").await;
    let later = json!({"milestone_id": "contract signed", "deadline": "2018-07-15"});
    story
        .because("It waits for the decision")
        .record("RescheduleMilestone", later)
        .await;
    story.finds_no_more("B9").await;

    let award = |supplier: &str| about(json!({"bid_id": supplier, "decision_point_id": "BP3"}));
    story
        .breaks("C1", "AWARD_NOT_APPROVED", "AwardContract", award("Bygg AS"))
        .await;
    story.finds("CONDITION_OVERDUE").await;
    let reported = json!({"decision_point_id": "BP1", "condition_id": "report", "note": "It is within the frame."});
    story.by("per").record("FulfilCondition", reported).await;
    story.finds_no_more("CONDITION_OVERDUE").await;
    story
        .on("2018-06-20")
        .by("kari")
        .record("ApproveDecisionPoint", json!({"decision_point_id": "BP3"}))
        .await;
    story.by("ola");
    story
        .breaks("C2", "LATE_BID_CANNOT_WIN", "AwardContract", award("Sein AS"))
        .await;
    story
        .breaks("C1", "CONTRACT_NOT_AWARDED", "SignContract", contract())
        .await;
    story.record("AwardContract", award("Bygg AS")).await;
}

fn contract() -> Value {
    let option = json!({"option_id": "another year", "description": "Another year", "value": kroner(100_000), "extends_to": "2022-06-30"});
    about(
        json!({"terms": {"number": "18/77", "value": kroner(800_000), "term": {"from": "2018-07-01", "to": "2021-06-30"}, "options": [option]}}),
    )
}

async fn signed(story: &mut Story) {
    story.on("2018-06-29");
    story
        .breaks("C1", "STANDSTILL_NOT_ENDED", "SignContract", contract())
        .await;
    story.on("2018-07-02").record("SignContract", contract()).await;
    let mut achieved = json!({"milestone_id": "contract signed"});
    story
        .breaks("M1", "EVIDENCE_REQUIRED", "AchieveMilestone", achieved.clone())
        .await;
    achieved["document"] = document("The contract");
    story.record("AchieveMilestone", achieved).await;
    let contracts = story.read("GetContracts", json!({})).await;
    let figures = (
        &contracts["value"]["known_ore"],
        &contracts["value_with_options"]["known_ore"],
    );
    assert_eq!(figures, (&json!("80000000"), &json!("90000000")));
    assert_eq!(contracts["contracts"][0]["supplier"], "Bygg AS");
}

async fn paid(story: &mut Story) {
    let commitment = json!({"commitment_id": "contract", "line_id": "system", "amount": kroner(800_000), "description": "Contract 18/77"});
    story.record("RecordCommitment", commitment).await;
    let entry = |number: &str, kroner: i64, more: Value| {
        let mut entry = json!({"line_id": "system", "ore": (kroner * 100).to_string(), "description": number});
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"actual_id": number, "entry": entry})
    };
    story
        .on("2018-09-01")
        .record(
            "RecordActual",
            entry("invoice 1", 300_000, json!({"commitment_id": "contract"})),
        )
        .await;
    story
        .breaks(
            "E7",
            "ACTUAL_NEGATIVE",
            "RecordActual",
            entry("credit", -50_000, json!({})),
        )
        .await;
    let corrects = json!({"corrects_actual_id": "invoice 1"});
    story
        .breaks(
            "E7",
            "CORRECTION_EXCEEDS_ENTRY",
            "RecordActual",
            entry("credit", -300_001, corrects.clone()),
        )
        .await;
    story.record("RecordActual", entry("credit", -50_000, corrects)).await;
    let budget = story.read("GetBudget", json!({})).await;
    let year = &budget["periods"][0];
    assert_eq!(
        (&year["period"], &year["actual"]["known_ore"]),
        (&json!("2018"), &json!("25000000")),
        "{year}"
    );
    assert_eq!(year["committed"]["known_ore"], "80000000", "{year}");
    assert_eq!(budget["cost_lines"][0]["line_id"], json!(id("system")));
}
