//! Through the doors: what another tenant has is answered as what never was.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::StatusExt;
use vedtak::schema::v1::ledger_service_client::LedgerServiceClient;
use vedtak::schema::v1::project_service_client::ProjectServiceClient;
use vedtak::schema::v1::risk_service_client::RiskServiceClient;
use vedtak::schema::v1::*;
use vedtak::schema::{METHODS, MethodKind};

use super::{OURS, THEIRS, two_tenants};
use crate::support::{Server, context, new_id, register_project, register_risk, token};

async fn get(server: &Server, tenant: &str, path: &str) -> (u16, String) {
    let answer = reqwest::Client::new()
        .get(server.url(path))
        .bearer_auth(token(tenant, "kari", &["administrator"]))
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// The path of a query about this project; whatever else it names has an id that nothing has.
fn of_project(path: &str, project_id: &str) -> String {
    let path = path.replace("{project_id}", project_id);
    let named = |part: &str| match part.starts_with('{') {
        true => "00000000-0000-4000-8000-00000000dead".to_owned(),
        false => part.to_owned(),
    };
    path.split('/').map(named).collect::<Vec<_>>().join("/")
}

/// Every query that names a project, of another tenant's and of one that never was: the answers are the same but for the id.
#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_project_is_answered_as_one_that_never_existed() {
    let (server, [ours, _]) = two_tenants().await;
    let never = new_id();
    let mut asked = 0;
    for query in METHODS
        .iter()
        .filter(|method| method.kind == MethodKind::Query && method.path.contains("{project_id}"))
    {
        for suffix in ["", "?as_of.position=1", "?at_least=2"] {
            let path = |id: &str| format!("{}{suffix}", of_project(query.path, id));
            let theirs = get(&server, THEIRS, &path(&ours)).await;
            let (status, text) = get(&server, THEIRS, &path(&never)).await;
            assert_eq!(theirs, (status, text.replace(&never, &ours)), "{} {suffix}", query.name);
            assert_eq!(status, 404, "{} {suffix}", query.name);
            asked += 1;
        }
        // What a query asks for inside the project is not there, and the project is.
        let inside = query.path.matches('{').count() > 1;
        assert_eq!(
            get(&server, OURS, &of_project(query.path, &ours)).await.0,
            if inside { 404 } else { 200 },
            "{}",
            query.name
        );
    }
    assert!(asked > 20);
}

/// What a refusal says, but for the id and for the stream, which each try has of its own.
fn told(status: &Status, id: &str) -> (Code, String, String, BTreeMap<String, String>) {
    let details = status.get_error_details();
    let info = details.error_info().cloned().expect("every refusal has its reason");
    let metadata = info.metadata.into_iter().filter(|(name, _)| name != "stream").collect();
    (status.code(), status.message().replace(id, "ID"), info.reason, metadata)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_on_another_tenants_project_is_refused_as_on_one_that_never_existed() {
    let (server, [ours, _]) = two_tenants().await;
    let channel = server.channel(&token(THEIRS, "kari", &["administrator"])).await;
    let mut risks = RiskServiceClient::new(channel.clone());
    let mut projects = ProjectServiceClient::new(channel.clone());
    let mut ledger = LedgerServiceClient::new(channel);
    let never = new_id();
    let mut refusals = Vec::new();
    for id in [&ours, &never] {
        let risk = risks.register_risk(register_risk(id)).await.unwrap_err();
        let accept = AcceptRisk {
            project_id: id.clone(),
            risk_id: new_id(),
            ..AcceptRisk::default()
        };
        let commands = vec![prost_types::Any {
            type_url: "x/vedtak.v1.AcceptRisk".to_owned(),
            value: prost::Message::encode_to_vec(&accept),
        }];
        let batch = ledger
            .record_batch(RecordBatch {
                context: context(),
                commands,
            })
            .await
            .unwrap_err();
        // What another tenant has is no predecessor and no parent here.
        let follows = RegisterProject {
            predecessor_id: Some(id.clone()),
            ..register_project(&new_id())
        };
        let follows = projects.register_project(follows).await.unwrap_err();
        refusals.push([told(&risk, id), told(&batch, id), told(&follows, id)]);
    }
    assert_eq!(refusals[0], refusals[1]);
    assert_eq!(refusals[0][0].0, Code::NotFound);
    let (_, head) = get(&server, OURS, "/v1/ledger/head").await;
    assert_eq!(serde_json::from_str::<Value>(&head).unwrap()["position"], json!("2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_ledger_stream_and_audit_trail_hold_nothing_of_another_tenant() {
    let (server, [ours, theirs]) = two_tenants().await;
    for path in [
        "/v1/projects",
        "/v1/ledger/records",
        "/v1/ledger/stream",
        "/v1/ledger/head",
    ] {
        let (status, text) = get(&server, THEIRS, path).await;
        assert_eq!(status, 200, "{path}");
        assert!(!text.contains(&ours) && !text.contains(OURS), "{path}: {text}");
        assert!(path.ends_with("head") || text.contains(&theirs), "{path}: {text}");
    }
    let never = new_id();
    for path in ["/v1/ledger/records", "/v1/ledger/stream", "/v1/ledger/audit-trail"] {
        let of = |id: &str| format!("{path}?stream=project%2F{id}");
        assert_eq!(
            get(&server, THEIRS, &of(&ours)).await,
            get(&server, THEIRS, &of(&never)).await,
            "{path}"
        );
        assert!(
            get(&server, OURS, &of(&ours)).await.1.contains("ProjectRegistered"),
            "{path}"
        );
    }
    // A page that goes on where another tenant's list was cut.
    let (_, page) = get(&server, THEIRS, &format!("/v1/projects?page_token={ours}")).await;
    assert!(!page.contains(&ours), "{page}");
}

/// A follower hears of its own ledger alone, also when another's grows at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn a_follower_is_sent_nothing_of_another_tenant() {
    let (server, [ours, _]) = two_tenants().await;
    let their_channel = server.channel(&token(THEIRS, "kari", &["administrator"])).await;
    let request = StreamRecords {
        after_position: 2,
        follow: true,
        ..StreamRecords::default()
    };
    let mut stream = LedgerServiceClient::new(their_channel.clone())
        .stream_records(request)
        .await
        .unwrap()
        .into_inner();
    let our_channel = server.channel(&token(OURS, "kari", &["administrator"])).await;
    for _ in 0..5 {
        RiskServiceClient::new(our_channel.clone())
            .register_risk(register_risk(&ours))
            .await
            .unwrap();
    }
    let project_id = new_id();
    ProjectServiceClient::new(their_channel)
        .register_project(register_project(&project_id))
        .await
        .unwrap();
    let first = tokio::time::timeout(std::time::Duration::from_secs(30), stream.message())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!((first.position, first.stream), (3, format!("project/{project_id}")));
}

/// The same request id in two tenants names two requests: each has its own receipt, and a retry finds its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_belongs_to_its_tenant() {
    let (server, _) = two_tenants().await;
    let project_id = new_id();
    let command = register_project(&project_id);
    let mut receipts = Vec::new();
    for (tenant, name) in [(OURS, "Our project"), (THEIRS, "Their project")] {
        let channel = server.channel(&token(tenant, "kari", &["administrator"])).await;
        let mut projects = ProjectServiceClient::new(channel);
        let command = RegisterProject {
            name: name.to_owned(),
            ..command.clone()
        };
        let first = projects.register_project(command.clone()).await.unwrap().into_inner();
        let again = projects.register_project(command).await.unwrap().into_inner();
        assert_eq!(first, again);
        let project = projects
            .get_project(GetProject {
                project_id: project_id.clone(),
                ..GetProject::default()
            })
            .await
            .unwrap()
            .into_inner();
        assert_eq!(project.name, name);
        receipts.push(first);
    }
    assert_eq!((receipts[0].position, receipts[1].position), (3, 3));
    assert_ne!(receipts[0].events[0].leaf_hash, receipts[1].events[0].leaf_hash);
}
