//! A caller of the API over JSON: records commands, and reads answers.

use serde_json::{Value, json};

use crate::support::{Server, TENANT, administrator, new_id, token};

/// Somebody who may do everything, at one server.
pub struct Caller {
    pub server: Server,
    client: reqwest::Client,
}

impl Caller {
    pub async fn start() -> Self {
        Self {
            server: Server::start().await,
            client: reqwest::Client::new(),
        }
    }

    /// The same caller at another server of the same database.
    pub async fn elsewhere(&self) -> Self {
        Self {
            server: Server::on(self.server.database.clone()).await,
            client: self.client.clone(),
        }
    }

    /// Sends a command; answers with the status and the answer. What its context leaves out is filled in.
    pub async fn send(&self, path: &str, body: Value) -> (u16, Value) {
        let mut answer = self.send_by(&administrator(), path, body.clone()).await;
        // Nobody gives a right to themselves: another administrator does, or the owner of the project.
        for other in ["arkiv", "eier"] {
            if answer.1["reason"] == "GIVEN_TO_ONESELF" || answer.1["reason"] == "NOT_ENTITLED" {
                let other = token(TENANT, other, &["administrator"]);
                answer = self.send_by(&other, path, body.clone()).await;
            }
        }
        answer
    }

    async fn send_by(&self, token: &str, path: &str, mut body: Value) -> (u16, Value) {
        body["context"]["request_id"] = json!(new_id());
        if body["context"]["reason"].is_null() {
            body["context"]["reason"] = json!("It was so decided");
        }
        let call = self.client.post(self.server.url(&format!("/v1/{path}")));
        let answer = call.bearer_auth(token).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Records a command; answers with the position of its last event.
    pub async fn record(&self, path: &str, body: Value) -> i64 {
        let (status, receipt) = self.send(path, body).await;
        assert_eq!(status, 200, "{path}: {receipt}");
        receipt["position"].as_str().unwrap().parse().unwrap()
    }

    /// Asks a question; answers with the status and the bytes of the answer.
    pub async fn ask(&self, path: &str) -> (u16, String) {
        let call = self.client.get(self.server.url(&format!("/v1/{path}")));
        let answer = call.bearer_auth(administrator()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// The answer to a question that has one.
    pub async fn read(&self, path: &str) -> Value {
        let (status, answer) = self.ask(path).await;
        assert_eq!(status, 200, "{path}: {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    /// Registers a project; answers with its path.
    pub async fn register_project(&self) -> String {
        let path = format!("projects/{}", new_id());
        let context = json!({"effective_date": "2016-12-01"});
        let holder = json!({"person": {"subject": "eier"}});
        let owner = json!({"assignment_id": new_id(), "holder": holder, "from": "2016-01-01"});
        let body =
            json!({"context": context, "name": "Digitalisering", "kind": "PROJECT_KIND_MAIN_PROJECT", "owner": owner});
        self.record(&format!("{path}/register"), body).await;
        path
    }
}
