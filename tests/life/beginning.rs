//! The third chapter (2017–2018): the main project gets its frame, its people and its money, and its start is decided.

use serde_json::{Value, json};

use super::region::municipality;
use super::story::{Story, body, document, id, kroner, unknown};

pub async fn tell(story: &mut Story) {
    registered(story).await;
    framed(story).await;
    manned(story).await;
    benefits_planned(story).await;
    financed(story).await;
    start_prepared(story).await;
    start_decided(story).await;
}

async fn registered(story: &mut Story) {
    story.on("2018-01-02").by("ola").about("archive");
    let main =
        json!({"name": "Digital building permits", "kind": "PROJECT_KIND_MAIN_PROJECT", "organization_id": "region"});
    let archive = json!({"name": "A common archive", "kind": "PROJECT_KIND_MAIN_PROJECT"});
    story.record("RegisterProject", archive).await;
    story.about("main");
    let mut follows = main.clone();
    follows["predecessor_id"] = json!("archive");
    story
        .breaks("J1", "PREDECESSOR_NOT_PRE_PROJECT", "RegisterProject", follows.clone())
        .await;
    let part = json!({"name": "A part", "kind": "PROJECT_KIND_SUBPROJECT"});
    story.breaks("J1", "PARENT_REQUIRED", "RegisterProject", part).await;
    follows["predecessor_id"] = json!("pre");
    story.record("RegisterProject", follows).await;
    let converted = json!({"proposal_register_id": "register", "proposal_id": "proposal 25", "project_id": "main"});
    story.record("ConvertToProject", converted).await;
    let goal = json!({"goal_id": "goal", "kind": "GOAL_KIND_IMPACT", "description": "A permit within three weeks"});
    story.record("DefineGoal", goal).await;
    let scope =
        json!({"scope": {"inside": ["Building permits"], "outside": ["Maps"], "exceptions": ["Maps of plots"]}});
    story.record("DefineScope", scope).await;
}

async fn framed(story: &mut Story) {
    let frame =
        |from: &str, to: &str| json!({"frame": {"period": {"from": from, "to": to}, "economic": kroner(2_000_000)}});
    story.record("SetFrame", frame("2017-07-01", "2019-12-31")).await;
    story.finds("J3").await;

    // The archive is to be in order before this project begins, and not the other way round too.
    for project in ["archive", "main"] {
        story
            .record(
                "IncludeProject",
                json!({"programme_id": "programme", "project_id": project}),
            )
            .await;
        let milestone = json!({"project_id": project, "milestone_id": format!("{project} in use"),
            "plan": {"number": "M1", "name": "In use", "measurable_result": "100 cases in it"}, "deadline": "2018-06-01"});
        story.record("PlanMilestone", milestone).await;
    }
    let waits = |project: &str, other: &str| {
        let terms = json!({"project_id": project, "predecessor_project_id": other, "predecessor_milestone_id": format!("{other} in use")});
        json!({"programme_id": "programme", "dependency_id": format!("{project} waits"), "terms": terms})
    };
    story.record("RegisterDependency", waits("main", "archive")).await;
    story
        .breaks("G1", "DEPENDENCY_CYCLE", "RegisterDependency", waits("archive", "main"))
        .await;
    let programme = json!({"programme_id": "programme"});
    story.finds_in("G2", "ListProgrammeFindings", programme.clone()).await;

    story.record("SetFrame", frame("2018-01-01", "2019-12-31")).await;
    story.finds_no_more("J3").await;
    let earlier = json!({"project_id": "archive", "milestone_id": "archive in use", "deadline": "2017-12-31"});
    story
        .because("It was in order before Christmas")
        .record("RescheduleMilestone", earlier)
        .await;
    story.finds_no_more_in("G2", "ListProgrammeFindings", programme).await;
    story
        .breaks(
            "J4",
            "FRAME_IS_NO_EXTENSION",
            "SetFrame",
            frame("2018-01-01", "2020-12-31"),
        )
        .await;
}

async fn manned(story: &mut Story) {
    let assign = |assignment: &str, role: &str, holder: Value| {
        json!({"assignment_id": assignment, "role": format!("PROJECT_ROLE_{role}"), "holder": holder,
            "from": "2018-01-02", "reason": "So it was agreed"})
    };
    let person = |subject: &str| json!({"person": {"subject": subject}});
    story.finds("R5").await;
    for owner in ["nordli", "sorvik", "vestby"] {
        let owns = assign(&format!("{owner} owns"), "OWNER", json!({"organization_id": owner}));
        story.record("AssignRole", owns).await;
    }
    story
        .record("AssignRole", assign("sponsor", "SPONSOR", person("kari")))
        .await;
    story
        .record("AssignRole", assign("leader", "LEADER", person("ola")))
        .await;
    let both = assign("responsible", "RESPONSIBLE", person("ola"));
    story.breaks("R1", "LEADER_IS_RESPONSIBLE", "AssignRole", both).await;
    story
        .record("AssignRole", assign("responsible", "RESPONSIBLE", person("per")))
        .await;
    let group = json!({"body": body("steering group")});
    story
        .record("AssignRole", assign("steering group", "STEERING_GROUP", group))
        .await;
    story.finds_no_more("R5").await;
    let working_group = assign("working group", "WORKING_GROUP_LEADER", person("ola"));
    story.allows("R2", "AssignRole", working_group).await;
    story.finds("R3").await;
}

async fn benefits_planned(story: &mut Story) {
    story.finds("N2").await;
    let plan = |indicator: &str, side_condition: &str| {
        json!({"indicator": indicator, "unit": "days", "baseline": "40000", "target": "21000", "side_condition": side_condition,
            "measuring_dates": ["2022-11-30"], "role": "PROJECT_ROLE_OWNER", "payers": [{"name": "The region", "yearly": kroner(100_000)}],
            "gainers": [{"name": "Those who build"}]})
    };
    for (benefit, side_condition) in [
        ("faster permits", "No more complaints than before"),
        ("fewer visits", ""),
    ] {
        story
            .record("MapBenefit", json!({"benefit_id": benefit, "name": benefit}))
            .await;
        story
            .record(
                "PlanBenefit",
                json!({"benefit_id": benefit, "plan": plan(benefit, side_condition)}),
            )
            .await;
    }
    story.finds_no_more("N2").await;
}

/// A line of the budget.
pub fn line(post: &str, year: &str, amount: Value) -> Value {
    json!({"post": post, "period": year, "kind": "BUDGET_KIND_INVESTMENT", "amount": amount})
}

/// What a municipality pays in a year.
pub fn share(name: &str, year: &str, amount: Value) -> Value {
    let paying = municipality(name);
    json!({"line_id": format!("{name} {year}"), "line": line("Shares", year, amount),
        "source": {"kind": "FINANCING_SOURCE_KIND_MEMBER_SHARE", "municipality": paying["organization_number"]}})
}

async fn financed(story: &mut Story) {
    for (name, year, amount) in [("system", "2018", kroner(1_000_000)), ("courses", "2019", unknown())] {
        story
            .record(
                "SetCostLine",
                json!({"line_id": name, "line": line(name, year, amount)}),
            )
            .await;
    }
    let found = story.finds("E5").await;
    assert_eq!(found["description"], "2018: cost is 1 000 000 kr, financing 0 kr.");
    for (municipality, kroner_2018) in [("nordli", 500_000), ("sorvik", 300_000), ("vestby", 200_000)] {
        story
            .record("SetFinancingLine", share(municipality, "2018", kroner(kroner_2018)))
            .await;
    }
    story
        .record("SetFinancingLine", share("sorvik", "2019", unknown()))
        .await;
    story.finds_no_more("E5").await;
    let total = |amount: i64| json!({"side": "BUDGET_SIDE_COST", "period": "2018", "amount": kroner(amount)});
    story.record("StateTotal", total(1_100_000)).await;
    story.finds("E4").await;
    story.record("StateTotal", total(1_000_000)).await;
    story.finds_no_more("E4").await;

    let budget = story.read("GetBudget", json!({})).await;
    assert_eq!(budget["cost"], json!({"known_ore": "100000000", "unknown": 1}));
    let shares = budget["shares"].as_array().unwrap().iter();
    let known: Vec<&Value> = shares.map(|share| &share["amount"]["known_ore"]).collect();
    assert_eq!(known, ["50000000", "30000000", "20000000"]);
}

/// A decision point of the steering group.
pub fn decision_point(number: &str, kind: &str, date: &str) -> Value {
    json!({"decision_point_id": number, "number": number, "name": number, "date": date, "mandatory": true,
        "kind": format!("DECISION_POINT_KIND_{kind}"), "decider": {"body": body("steering group")}})
}

async fn start_prepared(story: &mut Story) {
    let mut start = decision_point("BP1", "START", "2018-01-05");
    start["weighs_options"] = json!(true);
    start["advising_bodies"] = json!([body("users")]);
    let mut by_users = start.clone();
    by_users["decider"] = json!({"body": body("users")});
    story.breaks("O1", "BODY_ADVISES", "PlanDecisionPoint", by_users).await;
    story.record("PlanDecisionPoint", start).await;
    story
        .breaks(
            "B3",
            "DECISION_POINT_MANDATORY",
            "WithdrawDecisionPoint",
            json!({"decision_point_id": "BP1"}),
        )
        .await;
    let case = json!({"decision_point_id": "BP1", "documents": [document("The case for the start")]});
    story.record("AttachBasis", case).await;
}

async fn start_decided(story: &mut Story) {
    let mut approve = json!({"decision_point_id": "BP1"});
    story.on("2018-01-05").by("nils");
    story
        .breaks("B2", "NOT_THE_DECIDER", "ApproveDecisionPoint", approve.clone())
        .await;
    story.by("kari");
    story
        .breaks("B1", "RECOMMENDATION_MISSING", "ApproveDecisionPoint", approve.clone())
        .await;
    let advice =
        json!({"decision_point_id": "BP1", "body": body("users"), "advice": "ADVICE_APPROVE", "note": "At last."});
    story.by("liv").record("RecordRecommendation", advice.clone()).await;
    story.by("kari");
    story
        .breaks("B4", "FINANCE_NOT_SETTLED", "ApproveDecisionPoint", approve.clone())
        .await;
    story
        .authorised("K-sak 3/2018")
        .record("ApproveBudget", json!({}))
        .await;
    story
        .breaks("B4", "AGREEMENT_MISSING", "ApproveDecisionPoint", approve.clone())
        .await;
    story
        .record("LinkAgreement", json!({"agreement_id": "agreement"}))
        .await;
    story
        .breaks("B5", "OPTIONS_MISSING", "ApproveDecisionPoint", approve.clone())
        .await;
    let options = json!([{"option_id": "buy", "title": "Buy"}, {"option_id": "build", "title": "Build"}]);
    let case =
        json!({"decision_point_id": "BP1", "documents": [document("The case for the start")], "options": options});
    story.record("AttachBasis", case).await;
    // They recommended before there was a basis.
    story.by("liv").record("RecordRecommendation", advice).await;
    story.by("kari");
    story
        .breaks("B5", "OPTION_NOT_CHOSEN", "ApproveDecisionPoint", approve.clone())
        .await;
    approve["chosen_option_id"] = json!("buy");
    approve["conditions"] =
        json!([{"condition_id": "report", "text": "Report on the price", "due": "2018-06-01", "subject": "per"}]);
    story
        .authorised("Styringsgruppen sak 1/18")
        .record("ApproveDecisionPoint", approve.clone())
        .await;
    story.on("2018-01-08");
    story
        .breaks("B7", "DECIDED_ALREADY", "ApproveDecisionPoint", approve)
        .await;
    story.finds_no_more("R3").await;

    let basis = story
        .read("GetDecisionBasis", json!({"decision_point_id": "BP1"}))
        .await;
    assert_eq!(basis.get("changes"), None, "nothing has changed since: {basis}");
    assert_eq!(basis["frozen_basis"]["option_ids"], json!([id("buy"), id("build")]));
    let points = story.read("ListDecisionPoints", json!({})).await;
    let rests_on = &points["decision_points"][0]["agreements"][0];
    assert_eq!(*rests_on, json!({"agreement_id": id("agreement"), "edition": 1}));
}
