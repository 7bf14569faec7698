//! Proves that a reading that rests on several streams reads all of them as of the same point, through both doors.

use vedtak::schema::v1::*;

use crate::support::{Server, TENANT, administrator, context, new_id, register_project, register_risk, token};

/// A programme of two projects, where the second starts before the milestone of the first that it waits for.
struct Scene {
    server: Server,
    http: reqwest::Client,
    programme_id: String,
    projects: [String; 2],
    milestone_id: String,
}

impl Scene {
    async fn new() -> Self {
        let scene = Self {
            server: Server::start().await,
            http: reqwest::Client::new(),
            programme_id: new_id(),
            projects: [new_id(), new_id()],
            milestone_id: new_id(),
        };
        let (programme, [first, second]) = (&scene.programme_id, &scene.projects);
        let terms = serde_json::json!({"name": "Digital welfare", "kind": "PROGRAMME_KIND_PROGRAMME"});
        scene
            .post(
                &format!("programmes/{programme}/establish"),
                serde_json::json!({ "terms": terms }),
            )
            .await;
        for project in [first, second] {
            let RegisterProject { name, .. } = register_project(project);
            let register = serde_json::json!({"name": name, "kind": "PROJECT_KIND_MAIN_PROJECT"});
            scene.post(&format!("projects/{project}/register"), register).await;
            let include = format!("programmes/{programme}/projects/{project}/include");
            scene.post(&include, serde_json::json!({})).await;
        }
        let plan = serde_json::json!({"name": "Contract signed", "measurable_result": "It exists"});
        let milestone = serde_json::json!({"plan": plan, "deadline": "2017-06-01"});
        let path = format!("projects/{first}/milestones/{}/plan", scene.milestone_id);
        scene.post(&path, milestone).await;
        let frame = serde_json::json!({"frame": {"period": {"from": "2017-05-31"}}});
        scene.post(&format!("projects/{second}/frame/set"), frame).await;
        scene
    }

    async fn post(&self, path: &str, mut body: serde_json::Value) -> serde_json::Value {
        body["context"] = serde_json::json!({ "request_id": context().unwrap().request_id });
        let request = self.http.post(self.server.url(&format!("/v1/{path}")));
        // Nobody gives a right to themselves.
        let giver = token(TENANT, "arkiv", &["administrator"]);
        let token = if path.ends_with("/appoint") {
            giver
        } else {
            administrator()
        };
        let answer = request.bearer_auth(token).json(&body).send().await.unwrap();
        let (status, answer) = (answer.status(), answer.json::<serde_json::Value>().await.unwrap());
        assert!(status.is_success(), "{path}: {answer}");
        answer
    }

    async fn get(&self, path: &str) -> serde_json::Value {
        let request = self.http.get(self.server.url(&format!("/v1/{path}")));
        let answer = request.bearer_auth(administrator()).send().await.unwrap();
        let (status, answer) = (answer.status(), answer.json::<serde_json::Value>().await.unwrap());
        assert!(status.is_success(), "{path}: {answer}");
        answer
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_findings_of_a_programme_rest_on_its_projects_and_vanish_when_mended() {
    let scene = Scene::new().await;
    let (programme, [first, second]) = (&scene.programme_id, &scene.projects);
    let findings = format!("programmes/{programme}/findings");
    let between = async |as_of: &str| {
        let list = scene.get(&format!("{findings}{as_of}")).await;
        let found = list["findings"].as_array().unwrap().iter();
        let between: Vec<_> = found.filter(|found| found["code"] == "G2").cloned().collect();
        (between, list["position"].clone())
    };
    assert!(between("").await.0.is_empty());
    let terms = serde_json::json!({
        "project_id": second, "predecessor_project_id": first, "predecessor_milestone_id": scene.milestone_id,
    });
    let register = format!("programmes/{programme}/dependencies/{}/register", new_id());
    let receipt = scene.post(&register, serde_json::json!({ "terms": terms })).await;
    let (found, position) = between("").await;
    assert_eq!(found[0]["since_position"], receipt["position"]);
    assert_eq!(found[0]["stream"], format!("programme/{programme}"));
    assert_eq!(position, receipt["position"]);
    let frame = serde_json::json!({"frame": {"period": {"from": "2017-06-01"}}});
    scene.post(&format!("projects/{second}/frame/set"), frame).await;
    assert!(between("").await.0.is_empty());
    let then = format!("?as_of.position={}", receipt["position"].as_str().unwrap());
    assert_eq!(between(&then).await, (found, position));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_findings_of_a_programme_are_those_of_its_projects_too_each_since_when_it_was_there() {
    let scene = Scene::new().await;
    let [first, second] = &scene.projects;
    let RegisterRisk { description, .. } = register_risk(first);
    let risk = format!("projects/{first}/risks/{}/register", new_id());
    scene
        .post(&risk, serde_json::json!({ "description": description }))
        .await;
    let together = scene.get(&format!("programmes/{}/findings", scene.programme_id)).await;
    let mut apart = Vec::new();
    for project in [first, second] {
        let list = scene.get(&format!("projects/{project}/findings")).await;
        apart.extend(list["findings"].as_array().unwrap().clone());
    }
    assert!(apart.iter().any(|found| found["code"] == "X3"));
    assert_eq!(together["findings"].as_array().unwrap(), &apart);
    assert_eq!(apart[0]["stream"], format!("project/{first}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_portfolio_of_an_earlier_point_knows_nothing_that_its_projects_recorded_later() {
    let scene = Scene::new().await;
    let portfolio = format!("programmes/{}/portfolio", scene.programme_id);
    let before = scene.get(&portfolio).await;
    let first = &scene.projects[0];
    let RegisterRisk { description, .. } = register_risk(first);
    let risk = serde_json::json!({"description": description, "assessment": {"probability": 4, "consequence": 5}});
    let receipt = scene
        .post(&format!("projects/{first}/risks/{}/register", new_id()), risk)
        .await;
    let after = scene.get(&portfolio).await;
    assert_eq!(after["position"], receipt["position"]);
    assert_eq!(after["projects"][0]["worst_risk_factor"], 20);
    let then = format!("{portfolio}?as_of.position={}", before["position"].as_str().unwrap());
    assert_eq!(scene.get(&then).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sits_in_a_body_is_answered_and_an_unknown_body_is_not_found() {
    let scene = Scene::new().await;
    let (organization, body) = (new_id(), new_id());
    let at = |path: &str| format!("organizations/{organization}/{path}");
    let register = serde_json::json!({
        "name": "Nordre Land", "organization_number": "999000207", "kind": "ORGANIZATION_KIND_MUNICIPALITY",
    });
    scene.post(&at("register"), register).await;
    let establish = serde_json::json!({
        "name": "Council", "kind": "BODY_KIND_MUNICIPAL_COUNCIL", "decides": true, "established": "2016-01-01",
    });
    scene.post(&at(&format!("bodies/{body}/establish")), establish).await;
    let terms = serde_json::json!({
        "body_id": body, "subject": "kari", "function": "APPOINTMENT_FUNCTION_LEADER",
        "method": "APPOINTMENT_METHOD_ELECTED", "appointed_by": "The voters", "from": "2016-01-01",
    });
    let appoint = at(&format!("appointments/{}/appoint", new_id()));
    let receipt = scene.post(&appoint, serde_json::json!({ "terms": terms })).await;
    let composition = at(&format!("bodies/{body}/composition"));
    let answer = scene.get(&format!("{composition}?date=2017-01-01")).await;
    assert_eq!(answer["seats"][0]["terms"]["subject"], "kari");
    assert_eq!(answer["position"], receipt["position"]);
    assert_eq!(
        scene.get(&format!("{composition}?date=2015-12-31")).await["seats"],
        serde_json::Value::Null
    );
    let unknown = scene
        .server
        .url(&format!("/v1/{}", at(&format!("bodies/{}/composition", new_id()))));
    let refused = scene
        .http
        .get(unknown)
        .bearer_auth(administrator())
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 404);
    let templates = scene.get(&at("checkpoint-templates")).await;
    assert_eq!(templates["shipped"].as_array().unwrap().len(), 2);
}
