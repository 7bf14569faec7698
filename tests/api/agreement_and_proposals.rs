//! Proves that agreements and registers of proposals are recorded and read through the API, as of now and as of an earlier point.

use serde_json::json;

use super::caller::Caller;
use crate::support::new_id;

#[tokio::test(flavor = "multi_thread")]
async fn an_agreement_is_read_with_its_standing_and_what_a_withdrawal_touches() {
    let caller = Caller::start().await;
    let (project, agreement, first, second) = (new_id(), new_id(), new_id(), new_id());
    let body = json!({"name": "Digitalisering", "kind": "PROJECT_KIND_MAIN_PROJECT"});
    caller.record(&format!("projects/{project}/register"), body).await;
    let party = |id: &str, number: &str| {
        let organization = json!({"organization_number": number, "name": number});
        json!({"party_id": id, "organization": organization, "cost_share": 5000})
    };
    let parties = [party(&first, "999000207"), party(&second, "999000304")];
    let terms = json!({
        "title": "Cooperation", "period": {"from": "2017-01-01"}, "parties": parties, "project_ids": [project],
    });
    let base = format!("agreements/{agreement}");
    caller.record(&format!("{base}/draft"), json!({"terms": terms})).await;
    let mut position = 0;
    for party in [&first, &second] {
        let body = json!({"edition": 1, "signatory": "The mayor"});
        position = caller.record(&format!("{base}/parties/{party}/sign"), body).await;
    }
    caller
        .record(&format!("projects/{project}/agreements/{agreement}/link"), json!({}))
        .await;

    assert_eq!(caller.read(&base).await["editions"].as_array().unwrap().len(), 1);
    let standing = caller.read(&format!("{base}/standing")).await;
    assert_eq!(standing["in_force"], json!(true), "{standing}");
    let before = position - 1;
    let standing = caller.read(&format!("{base}/standing?as_of.position={before}")).await;
    assert!(
        standing["why_not"]
            .as_str()
            .unwrap()
            .starts_with("999000304 had not signed"),
        "{standing}"
    );
    let impact = caller.read(&format!("{base}/parties/{first}/withdrawal-impact")).await;
    assert_eq!(
        (&impact["cost_share"], &impact["remaining_cost_share"]),
        (&json!(5000), &json!(5000)),
        "{impact}"
    );
    let (status, _) = caller
        .ask(&format!("{base}/parties/{}/withdrawal-impact", new_id()))
        .await;
    assert_eq!(status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_of_proposals_is_read_in_pages_with_fates_lists_and_findings() {
    let caller = Caller::start().await;
    let (organization, board, register, round) = (new_id(), new_id(), new_id(), new_id());
    let body = json!({
        "name": "Nordre Land", "organization_number": "999000207", "kind": "ORGANIZATION_KIND_MUNICIPALITY",
    });
    let home = format!("organizations/{organization}");
    caller.record(&format!("{home}/register"), body).await;
    let body = json!({
        "name": "Endringsrådet", "kind": "BODY_KIND_CHANGE_BOARD", "decides": true, "established": "2016-01-01",
    });
    caller.record(&format!("{home}/bodies/{board}/establish"), body).await;
    let terms = json!({
        "body_id": board, "subject": "kari", "function": "APPOINTMENT_FUNCTION_LEADER",
        "method": "APPOINTMENT_METHOD_APPOINTED", "appointed_by": "Rådmannen", "from": "2016-01-01",
    });
    let path = format!("{home}/appointments/{}/appoint", new_id());
    caller.record(&path, json!({"terms": terms})).await;

    let base = format!("proposal-registers/{register}");
    let body = json!({"organization_id": organization, "name": "Forslag"});
    caller.record(&format!("{base}/open"), body).await;
    let body = json!({"name": "2017", "year": 2017, "most_starts": 0});
    caller.record(&format!("{base}/rounds/{round}/open"), body).await;
    let proposals = [new_id(), new_id(), new_id()];
    for proposal in &proposals {
        let body = json!({"round_id": round, "title": "Bedre skjema"});
        caller
            .record(&format!("{base}/proposals/{proposal}/submit"), body)
            .await;
    }
    let body_id = json!({"organization_id": organization, "body_id": board});
    for ids in [[0, 1, 2], [2, 1, 0]] {
        let ids = ids.map(|index| &proposals[index]);
        let body = json!({"body": body_id, "proposal_ids": ids});
        caller.record(&format!("{base}/rounds/{round}/prioritize"), body).await;
    }
    let one = format!("{base}/proposals/{}", proposals[0]);
    let body = json!({"body": body_id, "outcome": "REVIEW_OUTCOME_PASSED"});
    caller.record(&format!("{one}/review"), body).await;
    let started = caller
        .record(
            &format!("{one}/decide"),
            json!({"outcome": "PROPOSAL_OUTCOME_START_NOW"}),
        )
        .await;

    let page = caller.read(&format!("{base}/proposals?page_size=2")).await;
    let token = page["next_page_token"].as_str().unwrap();
    let rest = caller
        .read(&format!("{base}/proposals?page_size=2&page_token={token}"))
        .await;
    assert_eq!(rest["proposals"][0]["proposal_id"], json!(proposals[2]), "{rest}");
    let open = caller
        .read(&format!(
            "{base}/proposals?status=PROPOSAL_STATUS_OPEN&round_id={round}"
        ))
        .await;
    assert_eq!(open["proposals"].as_array().unwrap().len(), 2, "{open}");

    let fate = caller.read(&one).await;
    let ranks = fate["rounds"][0]["ranks"].as_array().unwrap();
    assert_eq!(
        (&ranks[0]["rank"], &ranks[0]["replaced"], &ranks[1]["rank"]),
        (&json!(1), &json!(true), &json!(3)),
        "{fate}"
    );
    let lists = caller.read(&format!("{base}/rounds/{round}/priority-lists")).await;
    assert_eq!(lists["priority_lists"].as_array().unwrap().len(), 2, "{lists}");

    let found = caller.read(&format!("{base}/findings")).await;
    assert_eq!(
        (&found["findings"][0]["code"], &found["findings"][0]["since_position"]),
        (&json!("P3"), &json!(started.to_string())),
        "{found}"
    );
    let before = started - 1;
    let earlier = caller.read(&format!("{base}/findings?as_of.position={before}")).await;
    assert_eq!(earlier["findings"].as_array().map_or(0, Vec::len), 0, "{earlier}");
    assert_eq!(caller.read(&base).await["proposals"].as_array().unwrap().len(), 3);
}
