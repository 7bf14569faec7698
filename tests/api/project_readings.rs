//! Proves the readings of one project as of now, a position, a time and an effective date: the risk matrix (X5).

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
