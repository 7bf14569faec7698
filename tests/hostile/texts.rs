//! Texts and names that are odd but valid go in and come out as they were, through the record, the state and both doors.

use serde_json::{Value, json};
use vedtak::schema::v1::project_service_client::ProjectServiceClient;
use vedtak::schema::v1::{GetProject, RegisterProject};

use crate::support::{Server, administrator, new_id, register_project};

/// What may be told.
const ODD: [&str; 22] = [
    "🦊👩‍👩‍👧‍👦🇳🇴",
    "مشروع رقمي",
    "\u{200F}with marks of direction\u{200E}\u{61C}",
    "\u{E9} \u{229}",
    "Z\u{351}\u{36B}\u{313}a\u{321}\u{489}l\u{35C}g\u{33C}o",
    "'; DROP TABLE vedtak.records; --",
    "\" OR \"\"=\"",
    "$1 $tag$ {} %s %n {{7*7}} ${jndi:ldap://x}",
    "<script>alert(1)</script>",
    "\\u0000 \\x00 \\0 \\",
    "tab\tnew line\ncarriage\rreturn",
    "\u{1}\u{2}\u{7F}\u{80}\u{9F}",
    "\u{FEFF}begins with a byte order mark",
    "\u{FFFD}\u{FFFE}\u{FFFF}",
    "\u{2028}\u{2029}\u{85}",
    "  spaces at both ends  ",
    "\u{A0}\u{3000}\u{200B}",
    "ǆ ﬀ ẞ",
    "\u{10FFFF}\u{E000}",
    "9223372036854775808",
    "../../etc/passwd",
    "\"quoted\", \\back\\slashed\\ and / slashed",
];

/// What something may be called.
const ODD_NAMES: [&str; 22] = [
    "🦊👩🇳🇴",
    "مشروع رقمي",
    "デジタル化",
    "\u{E9} \u{229}",
    "q\u{323}\u{307} with marks in their order",
    "'; DROP TABLE vedtak.records; --",
    "\" OR \"\"=\"",
    "$1 $tag$ {} %s %n {{7*7}} ${jndi:ldap://x}",
    "<script>alert(1)</script>",
    "\\u0000 \\x00 \\0 \\",
    "a  b",
    ".",
    "İıſK",
    "ǆ ﬀ ẞ",
    "null",
    "true",
    "{}",
    "-0",
    "9223372036854775808",
    "1e400",
    "../../etc/passwd",
    "\"quoted\", \\back\\slashed\\ and / slashed",
];

async fn get(server: &Server, path: &str) -> Value {
    reqwest::Client::new()
        .get(server.url(path))
        .bearer_auth(administrator())
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_texts_come_out_as_they_went_in() {
    let server = Server::start().await;
    let mut projects = ProjectServiceClient::new(server.channel(&administrator()).await);
    for (index, (text, name)) in ODD.into_iter().zip(ODD_NAMES).enumerate() {
        let project_id = new_id();
        if index % 2 == 0 {
            let command = register_project(&project_id);
            let context = command
                .context
                .clone()
                .map(|context| vedtak::schema::v1::CommandContext {
                    reason: text.to_owned(),
                    ..context
                });
            projects
                .register_project(RegisterProject {
                    context,
                    name: name.to_owned(),
                    ..command
                })
                .await
                .unwrap();
        } else {
            let body = json!({"context": {"request_id": new_id(), "reason": text}, "name": name, "kind": "PROJECT_KIND_MAIN_PROJECT"});
            let path = server.url(&format!("/v1/projects/{project_id}/register"));
            let answer = reqwest::Client::new()
                .post(path)
                .bearer_auth(administrator())
                .json(&body)
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 200, "{text:?}: {}", answer.text().await.unwrap());
        }
        let over_grpc = projects
            .get_project(GetProject {
                project_id: project_id.clone(),
                ..GetProject::default()
            })
            .await
            .unwrap()
            .into_inner();
        assert_eq!(over_grpc.name, name);
        assert_eq!(
            get(&server, &format!("/v1/projects/{project_id}")).await["name"],
            json!(name)
        );
        let stream = format!("project%2F{project_id}");
        let records = get(&server, &format!("/v1/ledger/records?stream={stream}")).await;
        let record: Value = serde_json::from_str(records["records"][0]["record"].as_str().unwrap()).unwrap();
        assert_eq!(
            (&record["data"]["name"], &record["reason"]),
            (&json!(name), &json!(text))
        );
        let trail = get(&server, &format!("/v1/ledger/audit-trail?stream={stream}")).await;
        assert_eq!(trail["entries"][0]["reason"], json!(text));
        let overview = get(&server, &format!("/v1/projects?at_least={}", index + 1)).await;
        assert!(
            overview["projects"]
                .as_array()
                .unwrap()
                .iter()
                .any(|project| project["name"] == json!(name)),
            "{name:?}"
        );
    }
    // A second server, which remembers nothing, reads them out of the records alone.
    let second = Server::on(server.database.clone()).await;
    let names = get(&second, "/v1/projects").await;
    assert_eq!(names["projects"].as_array().unwrap().len(), ODD_NAMES.len());
    let records = get(&second, "/v1/ledger/records").await;
    for record in records["records"].as_array().unwrap() {
        let project = get(
            &second,
            &format!(
                "/v1/{}",
                record["stream"].as_str().unwrap().replacen("project/", "projects/", 1)
            ),
        )
        .await;
        assert!(ODD_NAMES.contains(&project["name"].as_str().unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_as_long_as_its_field_allows_is_recorded_whole() {
    let server = Server::start().await;
    let mut projects = ProjectServiceClient::new(server.channel(&administrator()).await);
    for letter in ["a", "ø", "🦊", "\""] {
        let project_id = new_id();
        let name = letter.repeat(200);
        projects
            .register_project(RegisterProject {
                name: name.clone(),
                ..register_project(&project_id)
            })
            .await
            .unwrap();
        assert_eq!(
            get(&server, &format!("/v1/projects/{project_id}")).await["name"],
            json!(name)
        );
    }
}
