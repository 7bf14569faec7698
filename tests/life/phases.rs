//! The fourth chapter (2018): phases run one after the other, through checkpoints and gates, on plans that were approved.

use serde_json::{Value, json};

use super::beginning::decision_point;
use super::story::{Story, document};

pub async fn tell(story: &mut Story) {
    planned(story).await;
    concept(story).await;
    activities(story).await;
    gate(story).await;
}

/// Gives a phase its own plan, drafted and approved.
pub async fn with_a_plan(story: &mut Story, phase: &str) {
    let plan = json!({"document_id": format!("plan of {phase}"), "kind": "DOCUMENT_KIND_PHASE_PLAN", "version": "1.0",
        "document": document(&format!("The plan of the {phase} phase"))});
    story.record("DraftDocument", plan).await;
    let version = json!({"phase_id": phase, "document_id": format!("plan of {phase}"), "version": "1.0"});
    story
        .breaks("F2", "DOCUMENT_NOT_APPROVED", "ApprovePhasePlan", version.clone())
        .await;
    story
        .record(
            "ApproveDocument",
            json!({"document_id": format!("plan of {phase}"), "version": "1.0"}),
        )
        .await;
    story.record("ApprovePhasePlan", version).await;
}

async fn planned(story: &mut Story) {
    story.on("2018-01-08").by("ola");
    let phase = |number: i32, name: &str, kind: &str| json!({"phase_id": name, "number": number, "name": name, "kind": format!("PHASE_KIND_{kind}")});
    story.record("PlanPhase", phase(1, "concept", "CONCEPT")).await;
    let mut execution = phase(2, "execution", "EXECUTION");
    story
        .breaks("F1", "MODE_REQUIRED", "PlanPhase", execution.clone())
        .await;
    execution["mode"] = json!("PHASE_MODE_SPRINTS");
    story.record("PlanPhase", execution).await;
    story.record("PlanPhase", phase(3, "closing", "CLOSING")).await;
    for (checkpoint, phase, kind, mandatory) in [
        ("Is the need described?", "concept", "YES_NO", true),
        ("Who gains by it?", "concept", "OPEN", true),
        ("Is it in daily use?", "execution", "YES_NO", true),
        ("What did we learn?", "closing", "OPEN", false),
    ] {
        let checkpoint = json!({"checkpoint_id": checkpoint, "phase_id": phase, "text": checkpoint,
            "kind": format!("CHECKPOINT_KIND_{kind}"), "mandatory": mandatory});
        story.record("DefineCheckpoint", checkpoint).await;
    }
    for (deliverable, phase) in [("permits online", "execution"), ("portal", "execution")] {
        let deliverable =
            json!({"deliverable_id": deliverable, "name": deliverable, "phase_id": phase, "due": "2020-09-01"});
        story.record("DefineDeliverable", deliverable).await;
    }
}

/// Answers a checkpoint, in words or with yes.
pub fn answer(checkpoint: &str, words: Option<&str>) -> Value {
    let answer = words.map_or(json!({"yes": true}), |words| json!({"assessment": words}));
    json!({"checkpoint_id": checkpoint, "answer": answer})
}

async fn concept(story: &mut Story) {
    let phase = json!({"phase_id": "concept"});
    story
        .breaks("F2", "PHASE_PLAN_NOT_APPROVED", "StartPhase", phase.clone())
        .await;
    with_a_plan(story, "concept").await;
    story.record("StartPhase", phase.clone()).await;
    story.on("2018-03-20");
    story
        .breaks(
            "F4",
            "ASSESSMENT_REQUIRED",
            "AnswerCheckpoint",
            answer("Who gains by it?", None),
        )
        .await;
    let in_words = answer("Is the need described?", Some("More or less"));
    story
        .breaks("F4", "YES_OR_NO_REQUIRED", "AnswerCheckpoint", in_words)
        .await;
    story
        .record("AnswerCheckpoint", answer("Is the need described?", None))
        .await;
    story.on("2018-03-31");
    story
        .breaks("F3", "PHASE_NOT_EVALUATED", "CompletePhase", phase.clone())
        .await;
    let evaluated = json!({"phase_id": "concept", "assessment": "The need is there."});
    story.record("EvaluatePhase", evaluated).await;
    story
        .breaks("F3", "CHECKPOINT_UNANSWERED", "CompletePhase", phase.clone())
        .await;
    story
        .record(
            "AnswerCheckpoint",
            answer("Who gains by it?", Some("Those who build, and the archive")),
        )
        .await;
    story.record("CompletePhase", phase).await;
}

async fn activities(story: &mut Story) {
    for (activity, from, to) in [("procure", "2018-04", "2018-Q3"), ("introduce", "2018-10", "2019-06")] {
        let plan = json!({"number": activity, "name": activity, "schedule": [{"from": from, "to": to}]});
        story
            .record("PlanActivity", json!({"activity_id": activity, "plan": plan}))
            .await;
    }
    let link = |from: &str, to: &str| json!({"from_activity_id": from, "to_activity_id": to});
    story.record("LinkActivities", link("procure", "introduce")).await;
    story
        .breaks("K1", "LINK_CYCLE", "LinkActivities", link("introduce", "procure"))
        .await;
    let chart = story
        .read("GetGantt", json!({"granularity": "GANTT_GRANULARITY_QUARTER"}))
        .await;
    let columns = chart["columns"].as_array().unwrap();
    assert_eq!(
        (&columns[0], columns.last()),
        (&json!("2018-Q2"), Some(&json!("2019-Q2"))),
        "{chart}"
    );
}

async fn gate(story: &mut Story) {
    let phase = json!({"phase_id": "execution"});
    let mut gate = decision_point("BP2", "PHASE_GATE", "2018-04-10");
    gate["gates_phase_id"] = json!("execution");
    story.record("PlanDecisionPoint", gate).await;
    with_a_plan(story, "execution").await;
    story.on("2018-04-10");
    story
        .breaks("F2", "GATE_NOT_APPROVED", "StartPhase", phase.clone())
        .await;
    story
        .by("bjorn")
        .record("ApproveDecisionPoint", json!({"decision_point_id": "BP2"}))
        .await;
    story.by("ola");
    story
        .breaks("D1", "NO_APPROVED_DOCUMENT", "StartPhase", phase.clone())
        .await;
    let plan =
        |version: &str| json!({"document_id": "project plan", "version": version, "document": document(version)});
    let mut draft = plan("1.0");
    draft["kind"] = json!("DOCUMENT_KIND_PROJECT_PLAN");
    story.record("DraftDocument", draft).await;
    story
        .authorised("K-sak 12/2018")
        .record(
            "ApproveDocument",
            json!({"document_id": "project plan", "version": "1.0"}),
        )
        .await;
    let mut changed = plan("1.0");
    changed["document"] = document("Another text");
    story.breaks("D2", "VERSION_APPROVED", "ReviseDocument", changed).await;
    story.record("ReviseDocument", plan("1.1")).await;
    story.record("StartPhase", phase).await;
    let closing = json!({"phase_id": "closing"});
    story
        .breaks("F2", "PHASE_BEFORE_NOT_COMPLETED", "StartPhase", closing)
        .await;
}
