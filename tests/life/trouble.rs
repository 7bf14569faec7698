//! The sixth chapter (2018–2020): risks are assessed and one comes true, a municipality leaves half-way, and the plan is rolled over.

use serde_json::{Value, json};

use super::beginning::{decision_point, share};
use super::story::{Story, body, document, id, kroner, unknown};

pub async fn tell(story: &mut Story) {
    risks(story).await;
    deviation(story).await;
    out_of_the_region(story).await;
    out_of_the_agreement(story).await;
    money_without_it(story).await;
    extended(story).await;
    rolled_over(story).await;
}

async fn risks(story: &mut Story) {
    story.on("2018-10-01").by("ola");
    let risk = |probability: i32, more: Value| {
        let mut assessment = json!({"probability": probability, "consequence": 2});
        assessment
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({"risk_id": "late supplier", "number": "1", "description": "The supplier is late", "assessment": assessment})
    };
    story
        .breaks_the_shape("X1", "assessment.probability", "RegisterRisk", risk(6, json!({})))
        .await;
    for number in ["1 ", "1\u{200b}", "A\u{30a}1"] {
        let mut numbered = risk(4, json!({}));
        numbered["number"] = json!(number);
        story.breaks("X9", "INVALID_FIELDS", "RegisterRisk", numbered).await;
    }
    let with_factor = risk(4, json!({"factor": 10}));
    story
        .says_what_no_field_says("X1", "factor", "RegisterRisk", with_factor)
        .await;
    story
        .record("RegisterRisk", risk(4, json!({"stated_factor": 10})))
        .await;
    let risks = story.read("ListRisks", json!({})).await;
    assert_eq!(risks["risks"][0]["factor"], 8, "the factor is computed");
    story.finds("X2").await;
    story.finds("X3").await;
    let measure = json!({"risk_id": "late supplier", "measure_id": "meetings", "description": "Meet every week", "due": "2018-11-01"});
    let mut long_past = measure.clone();
    long_past["due"] = json!("1018-11-01");
    story.breaks("X10", "INVALID_FIELDS", "PlanMeasure", long_past).await;
    story.record("PlanMeasure", measure).await;
    let assessed = json!({"risk_id": "late supplier", "assessment": {"probability": 5, "consequence": 4}});
    story.record("AssessRisk", assessed).await;
    story.finds_no_more("X2").await;
    story.finds_no_more("X3").await;
    let portfolio = story.read("GetPortfolio", json!({"programme_id": "programme"})).await;
    let worst = portfolio["projects"]
        .as_array()
        .unwrap()
        .iter()
        .find(|project| project["project_id"] == json!(id("main")));
    assert_eq!(worst.unwrap()["worst_risk_factor"], 20);

    let factor = json!({"success_factor_id": "leaders", "description": "The leaders stand behind it"});
    story.record("IdentifySuccessFactor", factor).await;
    story.finds("Q1").await;
    let measure = json!({"success_factor_id": "leaders", "measure_id": "talks", "description": "Talk with them", "responsible": "per"});
    story.record("PlanQualityMeasure", measure).await;
    story.finds_no_more("Q1").await;
}

async fn deviation(story: &mut Story) {
    story.on("2018-11-15");
    let mut late = json!({"risk_id": "late supplier", "description": "Three months late", "deviation_kind": "DEVIATION_KIND_TIME"});
    story
        .breaks_the_shape("X4", "deviation_id", "MaterializeRisk", late.clone())
        .await;
    late["deviation_id"] = json!("three months");
    story.record("MaterializeRisk", late).await;
    let deviations = story.read("ListDeviations", json!({})).await;
    let opened = &deviations["deviations"][0];
    assert_eq!(
        (&opened["risk_id"], &opened["status"]),
        (&json!(id("late supplier")), &json!("DEVIATION_STATUS_OPEN"))
    );
    let mut escalate = json!({"deviation_id": "three months", "request": "Another year"});
    story
        .breaks("V1", "ESCALATED_TO_NOBODY", "EscalateDeviation", escalate.clone())
        .await;
    escalate["body"] = body("steering group");
    story.record("EscalateDeviation", escalate).await;
}

async fn out_of_the_region(story: &mut Story) {
    story.on("2018-11-20").by("siri");
    let leaves = json!({"organization_id": "region", "member_id": "sorvik", "to": "2018-12-31"});
    let mut leaves_all = leaves.clone();
    leaves_all["programme_ids"] = json!(["programme"]);
    story
        .says_what_no_field_says("O6", "programme_ids", "WithdrawMember", leaves_all)
        .await;
    story.record("WithdrawMember", leaves).await;
    let programme = story.read("GetProgramme", json!({"programme_id": "programme"})).await;
    assert_eq!(
        programme["participations"][1].get("to"),
        None,
        "it still takes part in the programme"
    );
    let standing = story
        .read(
            "GetAgreementStanding",
            json!({"agreement_id": "agreement", "date": "2019-06-01"}),
        )
        .await;
    assert_eq!(
        standing["parties"][1].get("withdrawn"),
        None,
        "it is still bound by the agreement"
    );
}

async fn out_of_the_agreement(story: &mut Story) {
    let asked = json!({"agreement_id": "agreement", "party_id": "sorvik", "date": "2018-12-31"});
    let impact = story.read("GetWithdrawalImpact", asked).await;
    assert_eq!(impact["needs_authority"], true, "{impact}");
    assert_eq!(
        (&impact["cost_share"], &impact["remaining_cost_share"]),
        (&json!(3_000), &json!(7_000))
    );
    assert_eq!(impact["money"]["known_ore"], "30000000");
    assert_eq!(impact["stays_in_force"], true);
    assert_eq!(
        impact["decisions"][0]["decision_point_id"],
        json!(id("BP1")),
        "the start rests on the agreement"
    );
    let withdraws = json!({"agreement_id": "agreement", "party_id": "sorvik", "to": "2018-12-31"});
    story.by("bjorn");
    story
        .breaks("A2", "PARTY_BOUND_FOR_FULL_PERIOD", "WithdrawParty", withdraws.clone())
        .await;
    story
        .because("Sørvik merges with a town")
        .authorised("KMD 18/1234")
        .record("WithdrawParty", withdraws)
        .await;
    let leaves = json!({"programme_id": "programme", "participation_id": "sorvik", "to": "2018-12-31"});
    story.by("siri").record("LeaveProgramme", leaves).await;
    let ends = json!({"organization_id": "region", "appointment_id": "seat of bjorn", "to": "2018-12-31"});
    story.record("EndAppointment", ends).await;
    story.on("2019-01-02").by("ola");
    story
        .record(
            "ReleaseRole",
            json!({"assignment_id": "sorvik owns", "to": "2019-01-01"}),
        )
        .await;
    let standing = story
        .read_today("GetAgreementStanding", json!({"agreement_id": "agreement"}))
        .await;
    assert_eq!(standing["in_force"], true, "two are left: {standing}");
    assert_eq!(standing["parties"][1]["withdrawn"], "2018-12-31");
}

async fn money_without_it(story: &mut Story) {
    story.record("RemoveLine", json!({"line_id": "sorvik 2019"})).await;
    story.finds("E5").await;
    story.finds("BUDGET_CHANGED_SINCE_APPROVAL").await;
    story
        .record("SetFinancingLine", share("nordli", "2019", unknown()))
        .await;
    story.finds_no_more("E5").await;
    story
        .by("kari")
        .authorised("K-sak 1/2019")
        .record("ApproveBudget", json!({}))
        .await;
    story.finds_no_more("BUDGET_CHANGED_SINCE_APPROVAL").await;
    let basis = story
        .read("GetDecisionBasis", json!({"decision_point_id": "BP1"}))
        .await;
    let changed: Vec<&Value> = basis["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| &change["entity_id"])
        .collect();
    assert!(
        changed.contains(&&json!(id("sorvik 2019"))),
        "what the start rested on has changed: {basis}"
    );
    let carried = json!({"line_id": "carried", "post": "system", "kind": "BUDGET_KIND_INVESTMENT", "from_year": "2018",
        "to_year": "2019", "amount": kroner(900_000)});
    story.by("ola").record("CarryOverFunds", carried).await;
    let found = story.finds("E6").await;
    assert_eq!(found["entities"], json!([id("carried")]));
    story.record("RemoveLine", json!({"line_id": "carried"})).await;
    story.finds_no_more("E6").await;
    story
        .by("kari")
        .authorised("K-sak 2/2019")
        .record("ApproveBudget", json!({}))
        .await;
}

async fn extended(story: &mut Story) {
    story.on("2019-02-01").by("ola");
    story
        .record("PlanDecisionPoint", decision_point("BP4", "EXTENSION", "2019-03-01"))
        .await;
    let extend = json!({"to": "2020-12-31", "decision_point_id": "BP4"});
    story
        .breaks("J4", "EXTENSION_NEEDS_REASON", "ExtendProject", extend.clone())
        .await;
    story.because("The supplier is late");
    story
        .breaks("J4", "EXTENSION_NOT_APPROVED", "ExtendProject", extend.clone())
        .await;
    story
        .on("2019-03-01")
        .by("kari")
        .record("ApproveDecisionPoint", json!({"decision_point_id": "BP4"}))
        .await;
    story
        .by("ola")
        .because("The supplier is late")
        .record("ExtendProject", extend)
        .await;
    let resolved =
        json!({"deviation_id": "three months", "resolution": "Another year was given", "decision_point_id": "BP4"});
    story.record("ResolveDeviation", resolved).await;
}

async fn rolled_over(story: &mut Story) {
    story.on("2020-01-10");
    let found = story.finds("D4").await;
    assert_eq!(found["description"], "No plan was rolled over for 2019.");
    let before = story.head().await.position;
    let plan = json!({"document_id": "project plan", "version": "2.0", "document": document("The plan, rolled over")});
    story.record("ReviseDocument", plan).await;
    story
        .authorised("K-sak 1/2020")
        .record(
            "ApproveDocument",
            json!({"document_id": "project plan", "version": "2.0"}),
        )
        .await;
    story
        .record(
            "RollOverPlan",
            json!({"document_id": "project plan", "year": 2019, "version": "2.0"}),
        )
        .await;
    story.finds_no_more("D4").await;
    let as_it_was = json!({"as_of": {"position": before, "effective_date": "2020-01-10"}});
    let found = story.read("ListFindings", as_it_was).await;
    let codes: Vec<&Value> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| &finding["code"])
        .collect();
    assert!(
        codes.contains(&&json!("D4")),
        "as of the record before, it still shows: {found}"
    );
}
