//! Proves the readings of one project as of now, a position, a time and an effective date: the risk matrix (X5) and plans compared (D3).

use serde_json::{Value, json};

use super::caller::Caller;
use crate::support::new_id;

fn on(day: &str) -> Value {
    json!({ "effective_date": day })
}

/// The cells of a matrix in which risks stand, as (probability, consequence, risks).
fn cells(matrix: &Value) -> Vec<(i64, i64, i64)> {
    let cells = matrix["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 25);
    let number = |cell: &Value, field: &str| cell[field].as_i64().unwrap_or_default();
    let all = cells.iter().map(|cell| {
        (
            number(cell, "probability"),
            number(cell, "consequence"),
            number(cell, "risks"),
        )
    });
    all.filter(|(_, _, risks)| *risks > 0).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn x5_the_risk_matrix_is_read_as_of_any_position_time_and_effective_date() {
    let caller = Caller::start().await;
    let project = caller.register_project().await;
    let (risk, measure) = (new_id(), new_id());
    let base = format!("{project}/risks/{risk}");
    let assessment = |probability, consequence| json!({"probability": probability, "consequence": consequence});
    let body = json!({"context": on("2017-01-10"), "number": "3", "description": "Too little money", "assessment": assessment(4, 5)});
    let registered = caller.record(&format!("{base}/register"), body).await;
    let (_, head) = caller.ask("ledger/head").await;
    let head: Value = serde_json::from_str(&head).unwrap();
    let body = json!({"context": on("2017-02-01"), "description": "Postpone"});
    caller.record(&format!("{base}/measures/{measure}/plan"), body).await;
    let body = json!({"context": on("2017-03-01"), "residual": assessment(2, 3)});
    caller
        .record(&format!("{base}/measures/{measure}/complete"), body)
        .await;

    let read = async |as_of: &str| caller.read(&format!("{project}/risk-matrix{as_of}")).await;
    let now = read("").await;
    assert_eq!(cells(&now["matrix"]), [(2, 3, 1)]);
    assert_eq!(cells(&now["before_measures"]), [(4, 5, 1)]);
    assert_eq!(now["risks"][0]["after_measure_id"], json!(measure));
    let time = head["recorded_at"].as_str().unwrap();
    for as_of in [
        "as_of.effective_date=2017-02-28".to_owned(),
        format!("as_of.position={registered}"),
        format!("as_of.time={time}"),
    ] {
        let then = read(&format!("?{as_of}")).await;
        assert_eq!(cells(&then["matrix"]), [(4, 5, 1)], "{as_of}");
    }
    let before = read("?as_of.effective_date=2017-01-09").await;
    assert_eq!(cells(&before["matrix"]), []);

    let history = caller.read(&base).await;
    let assessments = history["risk"]["assessments"].as_array().unwrap();
    let factors: Vec<&Value> = assessments.iter().map(|assessed| &assessed["factor"]).collect();
    assert_eq!(factors, [20, 6]);
    assert_eq!(history["risk"]["turns"][0]["effective_date"], json!("2017-01-10"));
    let (status, _) = caller.ask(&format!("{base}?as_of.effective_date=2017-01-09")).await;
    assert_eq!(status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn d3_any_two_versions_of_a_plan_are_compared_and_the_answer_stands() {
    let caller = Caller::start().await;
    let project = caller.register_project().await;
    let (document, milestone) = (new_id(), new_id());
    let base = format!("{project}/documents/{document}");
    let file = |digit: &str| json!({"title": "Project plan", "sha256": digit.repeat(64)});
    let plan = json!({"name": "Contract signed", "measurable_result": "It exists"});
    let body = json!({"plan": plan, "deadline": "2017-06-01"});
    caller
        .record(&format!("{project}/milestones/{milestone}/plan"), body)
        .await;
    let body = json!({"kind": "DOCUMENT_KIND_PROJECT_PLAN", "version": "1.0", "document": file("1")});
    caller.record(&format!("{base}/draft"), body).await;
    caller
        .record(&format!("{base}/approve"), json!({"version": "1.0"}))
        .await;
    let body = json!({"deadline": "2017-09-01"});
    caller
        .record(&format!("{project}/milestones/{milestone}/reschedule"), body)
        .await;
    let body = json!({"version": "2.0", "document": file("2")});
    let revised = caller.record(&format!("{base}/revise"), body).await;

    let ask = format!("{base}/difference?from_version=1.0&to_version=2.0");
    let answer = caller.read(&ask).await;
    let moved = json!({"field": "deadline", "before": "\"2017-06-01\"", "after": "\"2017-09-01\""});
    let change = json!({
        "part": "PLAN_PART_MILESTONE", "entity_id": milestone, "kind": "PLAN_CHANGE_KIND_CHANGED", "values": [moved],
    });
    assert_eq!(answer["changes"], json!([change]));
    assert_eq!(answer["to"]["position"], json!(revised.to_string()));

    assert_eq!(caller.read(&format!("{base}/difference")).await, answer);
    let body = json!({"deadline": "2018-01-01"});
    caller
        .record(&format!("{project}/milestones/{milestone}/reschedule"), body)
        .await;
    let elsewhere = caller.elsewhere().await;
    for caller in [&caller, &elsewhere] {
        assert_eq!(caller.read(&ask).await["changes"], answer["changes"]);
        assert_eq!(caller.read(&format!("{ask}&as_of.position={revised}")).await, answer);
    }
    for unknown in [
        format!("{base}/difference?from_version=1.0&to_version=3.0"),
        format!("{base}/difference?to_version=1.0"),
        format!("{ask}&as_of.position={}", revised - 1),
        format!("{ask}&to_document_id={}", new_id()),
    ] {
        assert_eq!(caller.ask(&unknown).await.0, 404, "{unknown}");
    }
}
