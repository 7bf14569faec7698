//! One life, told through the API: from a region that signs an agreement to benefits that are measured two years after the end.

mod authority;
mod beginning;
mod contract;
mod ending;
mod phases;
mod proposals;
mod region;
mod rules;
mod story;
mod trouble;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::laws::doors::Doors;
use crate::laws::random::Random;
use crate::laws::replay::{self, History};
use crate::support::{Server, TENANT, token};
use story::{Story, id};

#[tokio::test(flavor = "multi_thread")]
async fn a_life_is_told_in_which_no_hard_rule_can_be_broken_and_every_record_is_replayed() {
    let mut story = Story::begin().await;
    region::tell(&mut story).await;
    proposals::tell(&mut story).await;
    beginning::tell(&mut story).await;
    phases::tell(&mut story).await;
    contract::tell(&mut story).await;
    authority::tell(&mut story).await;
    trouble::tell(&mut story).await;
    authority::minuted_late(&mut story).await;
    let spring = ending::reports(&mut story).await;
    ending::tell(&mut story).await;

    looked_back_on(&story, &spring).await;
    every_hard_rule_was_tried(&story);
    every_finding_that_came_up_went_away(&story);
    is_replayed(&story).await;
}

/// What is read at the end: the fate of the proposal, the report as it was, the portfolio, and who did what on which authority.
async fn looked_back_on(story: &Story, spring: &Value) {
    let proposal = json!({"proposal_register_id": "register", "proposal_id": "proposal 25"});
    let fate = story.read("GetProposal", proposal).await;
    assert_eq!(fate["proposal"]["status"], "PROPOSAL_STATUS_REALIZED");
    let steps = fate["proposal"]["steps"].as_array().unwrap().iter();
    let kinds: Vec<&str> = steps.map(|step| step["kind"].as_str().unwrap()).collect();
    let expected = [
        "SUBMITTED",
        "GROUPED",
        "ASSESSED",
        "REVIEWED",
        "CONSULTED",
        "CONSULTED",
        "DECIDED",
        "CONVERTED",
        "REALIZED",
    ];
    assert_eq!(kinds, expected.map(|kind| format!("PROPOSAL_STEP_KIND_{kind}")));

    let again = story.read("GetReport", json!({"report_id": "spring"})).await;
    assert_eq!(
        (&again["report"], &again["figures"]),
        (&spring["report"], &spring["figures"])
    );

    let portfolio = story.read("GetPortfolio", json!({"programme_id": "programme"})).await;
    assert_eq!(
        (&portfolio["benefits_planned"], &portfolio["benefits_realised"]),
        (&json!(1), &json!(1))
    );
    let position = story.head().await.position.to_string();
    let closed = json!({"status": "PROJECT_STATUS_CLOSED", "at_least": position});
    let projects = story.read("ListProjects", closed).await;
    assert_eq!(projects["projects"][0]["name"], "Digital building permits");
    let project = story.read("GetProject", json!({})).await;
    assert_eq!(project["end"]["date"], "2020-11-30");

    let withdrawn = audited(story, "agreement", "PartyWithdrawn").await;
    let told = ["subject", "authority", "reason", "effective_date"].map(|name| withdrawn[0][name].as_str().unwrap());
    assert_eq!(
        told,
        ["bjorn", "KMD 18/1234", "Sørvik merges with a town", "2018-11-20"]
    );
    let approved = audited(story, "main", "DecisionPointApproved").await;
    let by: Vec<&str> = approved
        .iter()
        .map(|entry| entry["subject"].as_str().unwrap())
        .collect();
    assert_eq!(by, ["kari", "bjorn", "kari", "kari", "kari"]);
    for entry in &approved {
        let role = entry["role"].as_str().unwrap();
        assert!(
            role.contains("STEERING_GROUP:") && role.contains(" via COMMITTEE@"),
            "{role}"
        );
    }
}

/// The entries of one kind in the audit trail of a stream.
async fn audited(story: &Story, name: &str, event: &str) -> Vec<Value> {
    let kind = if name == "main" { "project" } else { "agreement" };
    let asked = json!({"stream": format!("{kind}/{}", id(name)), "page_size": 1000});
    let trail = story.read("ListAuditTrail", asked).await;
    let of_kind = |entry: &&Value| entry["type"] == format!("vedtak.v1.{event}");
    trail["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(of_kind)
        .cloned()
        .collect()
}

fn every_hard_rule_was_tried(story: &Story) {
    let tried: BTreeSet<&str> = story.tried.keys().copied().collect();
    assert_eq!(tried, rules::of_kind("hard"));
    let ways: usize = story.tried.values().sum();
    println!(
        "life: {} commands, {} rules tried in {ways} ways: {:?}",
        story.accepted,
        tried.len(),
        story.tried
    );
}

fn every_finding_that_came_up_went_away(story: &Story) {
    println!("life: findings that came and went: {:?}", story.found);
    for rule in rules::of_kind("finding") {
        assert!(story.found.iter().any(|found| found == &rule), "{rule} never came up");
    }
    assert_eq!(story.found, story.mended);
}

/// A second server over the same database, which has seen nothing, and the records folded from nothing: both know the same life.
async fn is_replayed(story: &Story) {
    let second = Server::on(story.server.database.clone()).await;
    let reader = Doors::of(&second, &token(TENANT, "revisor", &["reader"])).await;
    let readers = [story.doors().clone(), reader];
    let records = replay::records(&readers).await;
    assert_eq!(records.len() as i64, story.head().await.position);
    let history = History::of(TENANT, &records);
    replay::agrees_with_the_columns(&second.database, TENANT, &records).await;
    replay::knows_no_refused_request(&second.database, TENANT, story.accepted).await;
    let compared = history.is_what_is_answered(&readers, &mut Random::of(1)).await;
    println!("life: {} records, {compared} states compared", records.len());
}
