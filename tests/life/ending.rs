//! The last chapter (2020–2022): what was made is handed over, the project closes, and two years later its benefits are measured.

use serde_json::{Value, json};

use super::beginning::decision_point;
use super::phases::{answer, with_a_plan};
use super::region::municipality;
use super::story::{Story, id};

pub async fn tell(story: &mut Story) {
    handed_over(story).await;
    closed(story).await;
    confirmed(story).await;
    dropped(story).await;
}

fn report(from: &str, to: &str) -> Value {
    let as_planned = json!({"standing": "REPORTED_STANDING_AS_PLANNED"});
    json!({"period": {"from": from, "to": to}, "reporting_role": "PROJECT_ROLE_LEADER", "to": [{"external": "The ministry"}],
        "time": {"standing": "REPORTED_STANDING_OFF_PLAN", "text": "A year late"}, "cost": as_planned, "quality": as_planned,
        "summary": "It goes on."})
}

/// The report of spring 2020 comes late; answers with what it shows, which is to be shown for ever.
pub async fn reports(story: &mut Story) -> Value {
    let rhythm = json!({"reporting_role": "PROJECT_ROLE_LEADER", "to": {"external": "The ministry"}, "every": 3, "interval": "REPORT_INTERVAL_MONTHS"});
    story
        .on("2020-01-15")
        .record(
            "SetReportRhythm",
            json!({"rhythm_id": "to the ministry", "terms": rhythm}),
        )
        .await;
    story.on("2020-05-02").finds("T2").await;
    let content = report("2020-01-01", "2020-03-31");
    story
        .record("SubmitStatusReport", json!({"report_id": "spring", "content": content}))
        .await;
    story.finds_no_more("T2").await;
    story.read("GetReport", json!({"report_id": "spring"})).await
}

async fn handed_over(story: &mut Story) {
    story.on("2020-09-01");
    let permits = json!({"deliverable_id": "permits online"});
    let hand_over = |host: Value| {
        json!({"deliverable_id": "permits online", "handover_id": "to the line", "receiving_line_organization": "Building control",
            "host_municipality": host})
    };
    let to_nordli = hand_over(municipality("nordli"));
    story.record("Deliver", permits.clone()).await;
    story.breaks("L1", "NOT_ACCEPTED", "HandOver", to_nordli.clone()).await;
    let faults = json!({"deliverable_id": "permits online", "faults": "Drawings cannot be sent."});
    story.by("per").record("RejectDeliverable", faults).await;
    story
        .on("2020-10-01")
        .by("ola")
        .record("Deliver", permits.clone())
        .await;
    story.by("per").record("AcceptDeliverable", permits).await;
    let region = json!({"organization_number": "999000304", "name": "Fjellregionen", "organization_id": "region"});
    story
        .breaks("L1", "HOST_NOT_A_MUNICIPALITY", "HandOver", hand_over(region))
        .await;
    story.record("HandOver", to_nordli).await;
    let handovers = story.read("GetHandovers", json!({})).await;
    assert_eq!(
        handovers["municipalities"][0]["hosts_deliverable_ids"],
        json!([id("permits online")]),
        "{handovers}"
    );

    let phase = json!({"phase_id": "execution"});
    story
        .by("ola")
        .record("AnswerCheckpoint", answer("Is it in daily use?", None))
        .await;
    story
        .record(
            "EvaluatePhase",
            json!({"phase_id": "execution", "assessment": "It works."}),
        )
        .await;
    story
        .breaks("F3", "DELIVERABLE_NOT_ACCEPTED", "CompletePhase", phase.clone())
        .await;
    story
        .because("The state has made one")
        .record("DropDeliverable", json!({"deliverable_id": "portal"}))
        .await;
    story.record("CompletePhase", phase).await;
}

async fn closed(story: &mut Story) {
    story.on("2020-11-01");
    with_a_plan(story, "closing").await;
    story.record("StartPhase", json!({"phase_id": "closing"})).await;
    story
        .record(
            "PlanDecisionPoint",
            decision_point("BP5", "PROJECT_CLOSING", "2020-11-20"),
        )
        .await;
    let close = json!({"decision_point_id": "BP5"});
    story
        .breaks("J2", "CLOSING_NOT_APPROVED", "CloseProject", close.clone())
        .await;
    story.by("nils");
    story.breaks("J2", "NOT_THE_OWNER", "ApproveClosing", json!({})).await;
    story.by("eva").record("ApproveClosing", json!({})).await;
    story.by("ola");
    story
        .breaks("J2", "CLOSING_DECISION_NOT_APPROVED", "CloseProject", close.clone())
        .await;
    story
        .on("2020-11-20")
        .by("kari")
        .record("ApproveDecisionPoint", close.clone())
        .await;
    story.by("ola");
    story
        .breaks("J2", "FINAL_REPORT_MISSING", "CloseProject", close.clone())
        .await;
    let content = report("2018-01-01", "2020-11-20");
    story
        .record("SubmitFinalReport", json!({"report_id": "final", "content": content}))
        .await;
    let lesson = json!({"lesson_id": "first", "experience": "The supplier was late", "advice": "Ask for weekly meetings at once"});
    story.record("RecordLesson", lesson).await;
    story
        .record(
            "EvaluatePhase",
            json!({"phase_id": "closing", "assessment": "All is handed over."}),
        )
        .await;
    story.record("CompletePhase", json!({"phase_id": "closing"})).await;
    story.on("2020-11-30").record("CloseProject", close).await;
    let after = json!({"risk_id": "too late", "number": "2", "description": "Nobody is there any more"});
    let refused = story.refused("RegisterRisk", after).await;
    assert_eq!(refused.reason, "PROJECT_ENDED");
}

async fn confirmed(story: &mut Story) {
    let confirm = json!({"benefit_id": "faster permits"});
    let measured = |measurement: &str, thousandths: i64, held: Option<bool>| json!({"benefit_id": "faster permits", "measurement_id": measurement, "value": thousandths.to_string(), "side_condition_held": held});
    story.on("2022-11-15").by("per");
    story
        .breaks("N1", "NOT_MEASURED", "ConfirmRealization", confirm.clone())
        .await;
    story.on("2022-12-01").finds("MEASUREMENT_OVERDUE").await;
    story
        .breaks(
            "N1",
            "SIDE_CONDITION_UNANSWERED",
            "RecordMeasurement",
            measured("first", 24_500, None),
        )
        .await;
    story
        .record("RecordMeasurement", measured("first", 24_500, Some(true)))
        .await;
    story
        .breaks("N1", "TARGET_NOT_REACHED", "ConfirmRealization", confirm.clone())
        .await;
    story
        .on("2022-12-15")
        .record("RecordMeasurement", measured("second", 20_000, Some(false)))
        .await;
    story
        .breaks("N1", "SIDE_CONDITION_NOT_HELD", "ConfirmRealization", confirm.clone())
        .await;
    story
        .on("2022-12-20")
        .record("RecordMeasurement", measured("third", 20_500, Some(true)))
        .await;
    story.record("ConfirmRealization", confirm).await;
}

async fn dropped(story: &mut Story) {
    story
        .because("Nobody counted the visits before")
        .record("DropBenefit", json!({"benefit_id": "fewer visits"}))
        .await;
    story.finds_no_more("MEASUREMENT_OVERDUE").await;
    let realized =
        json!({"proposal_register_id": "register", "proposal_id": "proposal 25", "note": "Permits come online"});
    story.record("RecordRealization", realized).await;
    let progress = story.read("GetBenefitProgress", json!({})).await;
    let statuses: Vec<&Value> = progress["benefits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|benefit| &benefit["status"])
        .collect();
    assert_eq!(statuses, ["BENEFIT_STATUS_REALIZED", "BENEFIT_STATUS_DROPPED"]);
    assert_eq!(
        (&progress["planned"], &progress["realized"]),
        (&json!(1), &json!(1)),
        "{progress}"
    );
}
