//! Proves that what was frozen stays so through the API: reports (T1) and the bases of decisions (B6), whatever is recorded since.

use serde_json::{Value, json};

use crate::support::{Server, administrator, new_id};

/// A project at one server, spoken to over JSON.
struct Project<'a> {
    server: &'a Server,
    id: String,
}

impl Project<'_> {
    async fn record(&self, path: &str, mut body: Value) -> i64 {
        body["context"] = json!({"request_id": new_id(), "reason": "It was so decided"});
        let call = reqwest::Client::new()
            .post(self.server.url(&format!("/v1/projects/{}/{path}", self.id)))
            .bearer_auth(administrator())
            .json(&body);
        let answer = call.send().await.unwrap();
        let (status, receipt): (u16, Value) = (answer.status().as_u16(), answer.json().await.unwrap());
        assert_eq!(status, 200, "{path}: {receipt}");
        receipt["position"].as_str().unwrap().parse().unwrap()
    }

    /// The answer as the bytes that came.
    async fn read(&self, server: &Server, path: &str) -> (u16, String) {
        let call = reqwest::Client::new()
            .get(server.url(&format!("/v1/projects/{}/{path}", self.id)))
            .bearer_auth(administrator());
        let answer = call.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn set_line(&self, line: &str, kroner: i64) -> i64 {
        let amount = json!({"certainty": "CERTAINTY_KNOWN", "ore": (kroner * 100).to_string()});
        let line_of = json!({"post": "Courses", "period": "2017", "kind": "BUDGET_KIND_OPERATING", "amount": amount});
        self.record(&format!("cost-lines/{line}/set"), json!({"line": line_of}))
            .await
    }
}

async fn begin(server: &Server) -> Project<'_> {
    let project = Project { server, id: new_id() };
    let body = json!({"name": "Digitalisering", "kind": "PROJECT_KIND_MAIN_PROJECT"});
    project.record("register", body).await;
    project
}

fn content() -> Value {
    let as_planned = json!({"standing": "REPORTED_STANDING_AS_PLANNED"});
    json!({
        "period": {"from": "2017-01-01", "to": "2017-01-31"}, "reporting_role": "PROJECT_ROLE_LEADER",
        "to": [{"role": "PROJECT_ROLE_RESPONSIBLE"}], "time": as_planned, "cost": as_planned, "quality": as_planned,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_a_report_shown_again_later_is_the_same_byte_for_byte() {
    let server = Server::start().await;
    let project = begin(&server).await;
    let (line, report) = (new_id(), new_id());
    project.set_line(&line, 60_000).await;
    let path = format!("reports/{report}/submit-status");
    let position = project.record(&path, json!({"content": content()})).await;
    let (status, then) = project.read(&server, &format!("reports/{report}")).await;
    assert_eq!(status, 200, "{then}");
    let shown: Value = serde_json::from_str(&then).unwrap();
    assert_eq!(shown["position"], json!(position.to_string()));
    assert_eq!(shown["figures"]["cost"]["known_ore"], json!("6000000"));
    assert_eq!(shown["report"]["acknowledgements"], json!(null), "{shown}");

    project.set_line(&line, 90_000).await;
    project
        .record(&format!("reports/{report}/acknowledge"), json!({"note": "Noted."}))
        .await;
    project.record("cancel", json!({})).await;
    let elsewhere = Server::on(server.database.clone()).await;
    for server in [&server, &elsewhere] {
        for as_of in [String::new(), format!("?as_of.position={position}")] {
            let again = project.read(server, &format!("reports/{report}{as_of}")).await;
            assert_eq!(again, (200, then.clone()));
        }
    }
    let before = format!("reports/{report}?as_of.position={}", position - 1);
    assert_eq!(project.read(&server, &before).await.0, 404);
    let (_, list) = project.read(&server, "reports").await;
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["reports"][0]["acknowledgements"][0]["note"], json!("Noted."));
}

#[tokio::test(flavor = "multi_thread")]
async fn b6_what_changed_after_a_decision_is_told_and_what_it_was_frozen_to_stands() {
    let server = Server::start().await;
    let project = begin(&server).await;
    let (line, point) = (new_id(), new_id());
    let holder = json!({"person": {"subject": "kari"}});
    let owner = json!({"role": "PROJECT_ROLE_OWNER", "holder": holder, "from": "2016-01-01"});
    project.record(&format!("roles/{}/assign", new_id()), owner).await;
    let set = project.set_line(&line, 60_000).await;
    let decider = json!({"role": "PROJECT_ROLE_OWNER"});
    let plan = json!({"name": "Start", "date": "2030-01-01", "kind": "DECISION_POINT_KIND_OTHER", "decider": decider});
    let planned = project.record(&format!("decision-points/{point}/plan"), plan).await;
    let read = async || {
        let (status, basis) = project.read(&server, &format!("decision-points/{point}/basis")).await;
        assert_eq!(status, 200, "{basis}");
        serde_json::from_str::<Value>(&basis).unwrap()
    };
    assert_eq!(read().await["frozen_basis"], json!(null));

    let decided = project
        .record(&format!("decision-points/{point}/approve"), json!({}))
        .await;
    let basis = read().await;
    assert_eq!(basis["decided_position"], json!(decided.to_string()));
    assert_eq!(basis["frozen_basis"]["project_position"], json!(planned.to_string()));
    assert_eq!(basis["frozen_basis"]["budget_position"], json!(set.to_string()));
    assert_eq!(basis["changes"], json!(null), "{basis}");

    let changed = project.set_line(&line, 90_000).await;
    let later = read().await;
    assert_eq!(later["frozen_basis"], basis["frozen_basis"]);
    assert_eq!(
        later["changes"],
        json!([{
            "part": "BASIS_PART_COST_LINE", "entity_id": line, "before_position": set.to_string(), "after_position": changed.to_string(),
            "description": "A cost line: Courses in 2017, 60 000 kr has become Courses in 2017, 90 000 kr.",
        }])
    );
    let (_, list) = project.read(&server, "decision-points").await;
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["changed_after_decision_ids"], json!([point]));
}
