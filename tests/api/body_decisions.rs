//! Proves that a decision of a body is found by its number, with all that was recorded on its ground, in every stream that it treats.

use serde_json::{Value, json};

use crate::support::{Server, TENANT, administrator, new_id, token};

/// A number in which every character stands in the record as something else than itself.
const NUMBER: &str = r#"12/2017 "A\B""#;

async fn post(server: &Server, token: &str, path: &str, mut body: Value) -> Value {
    body["context"]["request_id"] = json!(new_id());
    let call = reqwest::Client::new()
        .post(server.url(path))
        .bearer_auth(token)
        .json(&body);
    let answer = call.send().await.unwrap();
    let status = answer.status();
    let answer = answer.json().await.unwrap();
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

async fn get(server: &Server, path: &str, query: &[(&str, &str)]) -> (u16, Value) {
    let url = reqwest::Url::parse_with_params(&server.url(path), query).unwrap();
    let call = reqwest::Client::new()
        .get(url)
        .bearer_auth(token(TENANT, "revisor", &["reader"]));
    let answer = call.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// A council, and two projects with a decision point each that it decides.
struct Told {
    server: Server,
    organization: String,
    council: String,
    points: Vec<(String, String)>,
}

impl Told {
    async fn begin() -> Self {
        let server = Server::start().await;
        let (organization, council, admin) = (new_id(), new_id(), administrator());
        let registered = json!({"name": "Nordre Land", "organization_number": "999000207",
            "kind": "ORGANIZATION_KIND_MUNICIPALITY"});
        let path = format!("/v1/organizations/{organization}");
        post(&server, &admin, &format!("{path}/register"), registered).await;
        let established = json!({"name": "Kommunestyret", "kind": "BODY_KIND_MUNICIPAL_COUNCIL", "decides": true,
            "established": "2015-10-15"});
        post(
            &server,
            &admin,
            &format!("{path}/bodies/{council}/establish"),
            established,
        )
        .await;
        let mut points = Vec::new();
        for _ in 0..2 {
            let (project, point) = (new_id(), new_id());
            let registered = json!({"name": "Digitalisering", "kind": "PROJECT_KIND_MAIN_PROJECT"});
            post(&server, &admin, &format!("/v1/projects/{project}/register"), registered).await;
            let planned = json!({"name": "Start", "date": "2030-01-01", "kind": "DECISION_POINT_KIND_OTHER",
                "decider": {"body": {"organization_id": organization, "body_id": council}}});
            let path = format!("/v1/projects/{project}/decision-points/{point}/plan");
            post(&server, &admin, &path, planned).await;
            points.push((project, point));
        }
        Self {
            server,
            organization,
            council,
            points,
        }
    }

    fn case(&self, number: &str, points: &[(String, String)]) -> Value {
        let treats = points.iter().map(|(project, point)| {
            json!({"kind": "MATTER_KIND_DECISION_POINT", "stream_id": project, "matter_id": point,
                "outcome": "MATTER_OUTCOME_APPROVED"})
        });
        let mut treats: Vec<Value> = treats.collect();
        treats.push(
            json!({"kind": "MATTER_KIND_APPOINTMENT", "stream_id": self.organization, "matter_id": new_id(),
            "outcome": "MATTER_OUTCOME_APPROVED"}),
        );
        json!({"number": number, "text": "The project begins.", "treats": treats})
    }

    /// Minutes of a meeting on that day with these cases; answers with the id of the meeting.
    async fn minuted(&self, date: &str, cases: Vec<Value>) -> String {
        let (meeting, admin) = (new_id(), administrator());
        let path = format!("/v1/organizations/{}/meetings/{meeting}", self.organization);
        let plan = json!({"plan": {"body_id": self.council, "date": date}});
        post(&self.server, &admin, &format!("{path}/schedule"), plan).await;
        let minutes = json!({"minutes": {"decisions": cases}});
        post(&self.server, &admin, &format!("{path}/minutes/record"), minutes).await;
        meeting
    }

    /// The archive records what the council decided of the point.
    async fn approved(&self, (project, point): &(String, String), meeting: &str, number: &str) -> Value {
        let archive = token(TENANT, "sak-og-arkiv", &["recorder"]);
        let ground =
            json!({"minutes": {"organization_id": self.organization, "meeting_id": meeting, "number": number}});
        let path = format!("/v1/projects/{project}/decision-points/{point}/approve");
        post(&self.server, &archive, &path, json!({"context": {"ground": ground}})).await
    }

    async fn decision(&self, number: &str, query: &[(&str, &str)]) -> (u16, Value) {
        let path = format!(
            "/v1/organizations/{}/bodies/{}/decision",
            self.organization, self.council
        );
        let mut asked = vec![("number", number)];
        asked.extend(query);
        get(&self.server, &path, &asked).await
    }
}

fn streams(decision: &Value) -> Vec<&str> {
    let resting = decision["rests_on_it"].as_array().into_iter().flatten();
    resting.map(|record| record["stream"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn v10_what_rests_on_a_decision_is_found_in_all_that_it_treats_and_nowhere_else() {
    let told = Told::begin().await;
    let points = told.points.clone();
    // In the first meeting one case treats both points; another case has a number that this one begins like.
    let cases = vec![told.case(NUMBER, &points), told.case("12/2017", &points)];
    let first = told.minuted("2017-02-01", cases).await;
    told.approved(&points[0], &first, NUMBER).await;
    let receipt = told.approved(&points[1], &first, NUMBER).await;
    let before_last: i64 = receipt["position"].as_str().unwrap().parse::<i64>().unwrap() - 1;

    // What only quotes the decision does not rest on it.
    let quoted = json!({"context": {"reason": format!(r#"It was decided by minutes {NUMBER}@{first}"#)},
        "terms": {"body_id": told.council, "subject": "ola", "name": "Ola",
        "function": "APPOINTMENT_FUNCTION_MEMBER", "method": "APPOINTMENT_METHOD_ELECTED", "appointed_by": "Kommunestyret",
        "from": "2016-01-01"}});
    let path = format!(
        "/v1/organizations/{}/appointments/{}/appoint",
        told.organization,
        new_id()
    );
    post(&told.server, &administrator(), &path, quoted).await;

    let (status, decision) = told.decision(NUMBER, &[]).await;
    assert_eq!(
        (status, decision["meeting_id"].as_str()),
        (200, Some(first.as_str())),
        "{decision}"
    );
    let both = points.iter().map(|(project, _)| format!("project/{project}"));
    assert_eq!(streams(&decision), both.collect::<Vec<_>>());
    assert_eq!(decision["rests_on_it"][0]["subject"], "sak-og-arkiv");
    let before = before_last.to_string();
    let (_, then) = told.decision(NUMBER, &[("as_of.position", before.as_str())]).await;
    assert_eq!(streams(&then), [format!("project/{}", points[0].0)]);
    let (_, then) = told.decision(NUMBER, &[("as_of.effective_date", "2017-12-31")]).await;
    assert_eq!(
        then["code"], "NOT_FOUND",
        "the minutes take effect on the day that they are recorded: {then}"
    );
    let (_, other) = told.decision("12/2017", &[]).await;
    assert_eq!(streams(&other), [""; 0]);
    assert_eq!(told.decision("99/2017", &[]).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn v10_the_decisions_of_a_body_are_listed_page_by_page() {
    let told = Told::begin().await;
    for (date, number) in [
        ("2017-02-01", "1/2017"),
        ("2017-03-01", "2/2017"),
        ("2017-04-01", "3/2017"),
    ] {
        let mut case = told.case(number, &told.points);
        if number != "2/2017" {
            case["closed_by"] = json!("kommuneloven § 11-5");
        }
        told.minuted(date, vec![case]).await;
    }
    let path = format!(
        "/v1/organizations/{}/bodies/{}/decisions",
        told.organization, told.council
    );
    let numbers = |list: &Value| {
        let decisions = list["decisions"].as_array().into_iter().flatten();
        let numbers = decisions.map(|decision| decision["decision"]["number"].as_str().unwrap().to_owned());
        numbers.collect::<Vec<_>>()
    };
    let (_, first) = get(&told.server, &path, &[("page_size", "2")]).await;
    assert_eq!(numbers(&first), ["1/2017", "2/2017"]);
    let token = first["next_page_token"].as_str().unwrap();
    let (_, second) = get(&told.server, &path, &[("page_size", "2"), ("page_token", token)]).await;
    assert_eq!(numbers(&second), ["3/2017"]);
    let (_, closed) = get(&told.server, &path, &[("closed", "true")]).await;
    assert_eq!(numbers(&closed), ["1/2017", "3/2017"]);
}
