//! Proves that what was frozen stays so through the API: reports (T1) and the bases of decisions (B6), whatever is recorded since.

use serde_json::{Value, json};

use super::caller::Caller;
use crate::support::new_id;

async fn set_line(caller: &Caller, project: &str, line: &str, kroner: i64) -> i64 {
    let amount = json!({"certainty": "CERTAINTY_KNOWN", "ore": (kroner * 100).to_string()});
    let line_of = json!({"post": "Courses", "period": "2017", "kind": "BUDGET_KIND_OPERATING", "amount": amount});
    let path = format!("{project}/cost-lines/{line}/set");
    caller.record(&path, json!({ "line": line_of })).await
}

fn content() -> Value {
    let as_planned = json!({"standing": "REPORTED_STANDING_AS_PLANNED"});
    json!({
        "period": {"from": "2017-01-01", "to": "2017-01-31"}, "reporting_role": "PROJECT_ROLE_RESPONSIBLE",
        "to": [{"role": "PROJECT_ROLE_RESPONSIBLE"}], "time": as_planned, "cost": as_planned, "quality": as_planned,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_a_report_shown_again_later_is_the_same_byte_for_byte() {
    let caller = Caller::start().await;
    let project = caller.register_project().await;
    let (line, report) = (new_id(), new_id());
    let holder = json!({"person": {"subject": "kari"}});
    let responsible = json!({"role": "PROJECT_ROLE_RESPONSIBLE", "holder": holder, "from": "2016-01-01"});
    caller
        .record(&format!("{project}/roles/{}/assign", new_id()), responsible)
        .await;
    set_line(&caller, &project, &line, 60_000).await;
    let path = format!("{project}/reports/{report}/submit-status");
    let position = caller.record(&path, json!({"content": content()})).await;
    let (status, then) = caller.ask(&format!("{project}/reports/{report}")).await;
    assert_eq!(status, 200, "{then}");
    let shown: Value = serde_json::from_str(&then).unwrap();
    assert_eq!(shown["position"], json!(position.to_string()));
    assert_eq!(shown["figures"]["cost"]["known_ore"], json!("6000000"));
    assert_eq!(shown["report"]["acknowledgements"], json!(null), "{shown}");

    set_line(&caller, &project, &line, 90_000).await;
    caller
        .record(
            &format!("{project}/reports/{report}/acknowledge"),
            json!({"note": "Noted."}),
        )
        .await;
    caller.record(&format!("{project}/cancel"), json!({})).await;
    let elsewhere = caller.elsewhere().await;
    for caller in [&caller, &elsewhere] {
        for as_of in [String::new(), format!("?as_of.position={position}")] {
            let again = caller.ask(&format!("{project}/reports/{report}{as_of}")).await;
            assert_eq!(again, (200, then.clone()));
        }
    }
    let before = format!("{project}/reports/{report}?as_of.position={}", position - 1);
    assert_eq!(caller.ask(&before).await.0, 404);
    let list = caller.read(&format!("{project}/reports")).await;
    assert_eq!(list["reports"][0]["acknowledgements"][0]["note"], json!("Noted."));
}

#[tokio::test(flavor = "multi_thread")]
async fn b6_what_changed_after_a_decision_is_told_and_what_it_was_frozen_to_stands() {
    let caller = Caller::start().await;
    let project = caller.register_project().await;
    let (line, point) = (new_id(), new_id());
    let holder = json!({"person": {"subject": "kari"}});
    let owner = json!({"role": "PROJECT_ROLE_OWNER", "holder": holder, "from": "2016-01-01"});
    caller
        .record(&format!("{project}/roles/{}/assign", new_id()), owner)
        .await;
    let set = set_line(&caller, &project, &line, 60_000).await;
    let decider = json!({"role": "PROJECT_ROLE_OWNER"});
    let plan = json!({"name": "Start", "date": "2030-01-01", "kind": "DECISION_POINT_KIND_OTHER", "decider": decider});
    let planned = caller
        .record(&format!("{project}/decision-points/{point}/plan"), plan)
        .await;
    let read = async || caller.read(&format!("{project}/decision-points/{point}/basis")).await;
    assert_eq!(read().await["frozen_basis"], json!(null));

    let decided = caller
        .record(&format!("{project}/decision-points/{point}/approve"), json!({}))
        .await;
    let basis = read().await;
    assert_eq!(basis["decided_position"], json!(decided.to_string()));
    assert_eq!(basis["frozen_basis"]["project_position"], json!(planned.to_string()));
    assert_eq!(basis["frozen_basis"]["budget_position"], json!(set.to_string()));
    assert_eq!(basis["changes"], json!(null), "{basis}");

    let changed = set_line(&caller, &project, &line, 90_000).await;
    let later = read().await;
    assert_eq!(later["frozen_basis"], basis["frozen_basis"]);
    assert_eq!(
        later["changes"],
        json!([{
            "part": "BASIS_PART_COST_LINE", "entity_id": line, "before_position": set.to_string(), "after_position": changed.to_string(),
            "description": "A cost line: Courses in 2017, 60 000 kr has become Courses in 2017, 90 000 kr.",
        }])
    );
    let list = caller.read(&format!("{project}/decision-points")).await;
    assert_eq!(list["changed_after_decision_ids"], json!([point]));
}
