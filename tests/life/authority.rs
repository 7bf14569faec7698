//! A chapter beside the others (2018): somebody tries everywhere to do what is not theirs to do, and a machine records what a council decided.

use serde_json::{Value, json};

use super::story::{Story, id};

/// The council of this chapter, and its meeting.
const COUNCIL: &str = "tried council";
const MEETING: &str = "tried meeting";

pub async fn tell(story: &mut Story) {
    begun(story).await;
    rights_are_given_by_those_who_have_them(story).await;
    said_by_the_project(story).await;
    offices_and_delegation(story).await;
    minuted(story).await;
    decided_by_the_council(story).await;
    overturned(story).await;
    corrected(story).await;
}

fn council() -> Value {
    json!({"organization_id": "region", "body_id": COUNCIL})
}

fn person(subject: &str) -> Value {
    json!({"person": {"subject": subject}})
}

fn seat(subject: &str, function: &str) -> Value {
    json!({"organization_id": "region", "appointment_id": format!("{subject} in {COUNCIL}"), "terms": {
        "body_id": COUNCIL, "subject": subject, "name": subject, "function": format!("APPOINTMENT_FUNCTION_{function}"),
        "method": "APPOINTMENT_METHOD_ELECTED", "appointed_by": "The members", "from": "2016-02-01"}})
}

/// A decision point of this chapter that the council decides.
fn point(name: &str, kind: &str) -> Value {
    json!({"decision_point_id": name, "name": name, "date": "2018-09-01", "kind": format!("DECISION_POINT_KIND_{kind}"),
        "decider": {"body": council()}})
}

async fn begun(story: &mut Story) {
    story.by("siri").about("tried");
    let established = json!({"organization_id": "region", "body_id": COUNCIL, "name": "The council of the trial",
        "kind": "BODY_KIND_MUNICIPAL_COUNCIL", "decides": true, "established": "2016-02-01"});
    story.record("EstablishBody", established).await;
    for (subject, function) in [("eva", "LEADER"), ("liv", "MEMBER"), ("vara", "DEPUTY_MEMBER")] {
        story.record("AppointMember", seat(subject, function)).await;
    }
    story.by("nils");
    let owner = json!({"assignment_id": "tried owner", "holder": person("per"), "from": "2016-02-01"});
    let registered = json!({"name": "The trial", "kind": "PROJECT_KIND_MAIN_PROJECT", "owner": owner});
    story.record("RegisterProject", registered).await;
    for name in ["start", "goes on"] {
        story.record("PlanDecisionPoint", point(name, "PHASE_GATE")).await;
    }
}

/// The project says itself that the architect approves documents, for a day.
async fn said_by_the_project(story: &mut Story) {
    let says = |holders: Value| json!({"authorities": [{"command": "ApproveDocument", "holders": holders}]});
    let architect = json!([{"role": "PROJECT_ROLE_ARCHITECT"}]);
    let mine = json!({"document_id": "tried directive", "version": "1.0"});
    story.by("ola");
    story
        .breaks("W7", "NOT_ENTITLED", "DefineAuthorities", says(architect.clone()))
        .await;
    let mut drafted = mine.clone();
    drafted["kind"] = json!("DOCUMENT_KIND_OTHER");
    drafted["document"] = json!({"title": "Directive", "sha256": "0".repeat(64)});
    story.record("DraftDocument", drafted).await;
    story.by("per");
    story.record("DefineAuthorities", says(architect)).await;
    story
        .breaks("W1", "NOT_ENTITLED", "ApproveDocument", mine.clone())
        .await;
    story.record("DefineAuthorities", says(json!([]))).await;
    story.record("ApproveDocument", mine).await;
}

async fn rights_are_given_by_those_who_have_them(story: &mut Story) {
    let assign = |subject: &str, role: &str| {
        json!({"assignment_id": format!("{subject} {role}"), "role": format!("PROJECT_ROLE_{role}"), "holder": person(subject),
            "from": "2016-02-01", "reason": "So it is"})
    };
    story.by("nils");
    story
        .breaks("W7", "GIVEN_TO_ONESELF", "AssignRole", assign("nils", "OWNER"))
        .await;
    story
        .breaks("W7", "NOT_ENTITLED", "AssignRole", assign("ola", "OWNER"))
        .await;
    story.by("siri");
    story
        .breaks("W7", "GIVEN_TO_ONESELF", "AppointMember", seat("siri", "MEMBER"))
        .await;
    story.by("per");
    story.record("AssignRole", assign("ida", "RESPONSIBLE")).await;
    story.record("AssignRole", assign("ola", "LEADER")).await;
    let released = json!({"assignment_id": "ida RESPONSIBLE", "to": "2018-01-01"});
    story.record("ReleaseRole", released).await;

    story.by("nils").authorised("KST sak 1/2018");
    story
        .breaks(
            "W1",
            "NOT_ENTITLED",
            "ExtendProject",
            json!({"to": "2020-12-31", "decision_point_id": "goes on"}),
        )
        .await;
}

async fn offices_and_delegation(story: &mut Story) {
    let office = |name: &str| json!({"organization_id": "region", "office_id": name});
    let officer = |subject: &str, appointment: &str| {
        let mut officer = office("director");
        officer["appointment_id"] = json!(appointment);
        officer["person"] = json!({"subject": subject});
        officer["from"] = json!("2016-02-01");
        officer
    };
    story.by("siri");
    let mut established = office("director");
    established["name"] = json!("Director");
    established["kind"] = json!("OFFICE_KIND_MUNICIPAL_DIRECTOR");
    established["established"] = json!("2016-02-01");
    story.record("EstablishOffice", established).await;
    story.record("AppointOfficer", officer("bjorn", "bjorn directs")).await;
    story
        .breaks("O7", "OFFICE_HELD", "AppointOfficer", officer("ola", "ola directs"))
        .await;
    let terms = json!({"from_party": {"body_id": COUNCIL}, "to_party": {"office_id": "director"},
        "matters": ["MATTER_KIND_PROCUREMENT"], "from": "2016-02-01"});
    story
        .record(
            "DelegateAuthority",
            json!({"organization_id": "region", "delegation_id": "purchases", "terms": terms}),
        )
        .await;
    story.by("bjorn");
    story.on_ground(json!({"delegation": {"organization_id": "region", "delegation_id": "purchases"}}));
    story
        .breaks(
            "O8",
            "NOT_COVERED",
            "ApproveDecisionPoint",
            json!({"decision_point_id": "start"}),
        )
        .await;
    story.by("nils").on_behalf_of("bjorn");
    story
        .breaks(
            "W8",
            "NO_MANDATE",
            "RecordLesson",
            json!({"lesson_id": "lesson", "experience": "Nobody asked", "advice": "Ask first"}),
        )
        .await;
}

fn minutes(present: &[&str], deputies: &Value, decision: &Value) -> Value {
    json!({"organization_id": "region", "meeting_id": MEETING,
        "minutes": {"present": present, "deputies": deputies, "decisions": [decision]}})
}

async fn minuted(story: &mut Story) {
    let scheduled =
        json!({"organization_id": "region", "meeting_id": MEETING, "plan": {"body_id": COUNCIL, "date": "2018-02-01"}});
    story.by("nils");
    story
        .breaks("V11", "NOT_ENTITLED", "ScheduleMeeting", scheduled.clone())
        .await;
    story.by("eva").record("ScheduleMeeting", scheduled).await;
    let treats = json!([{"kind": "MATTER_KIND_DECISION_POINT", "stream_id": "tried", "matter_id": "start",
        "outcome": "MATTER_OUTCOME_APPROVED"}]);
    let decision = |votes: i32, named: &[&str]| {
        let named: Vec<Value> = named
            .iter()
            .map(|who| json!({"subject": who, "vote": "VOTE_FOR"}))
            .collect();
        json!({"number": "12/2018", "text": "The project starts.", "treats": treats,
            "votes": {"in_favour": votes, "named": named},
            "disqualified": [{"subject": "liv", "legal_basis": "forvaltningsloven § 6"}]})
    };
    let deputy = json!([{"subject": "vara", "in_place_of": "liv"}]);
    let present = ["eva", "liv"];
    let too_many = minutes(&present, &deputy, &decision(3, &[]));
    story
        .breaks("V4", "MORE_VOTES_THAN_VOTERS", "RecordMinutes", too_many)
        .await;
    let disqualified = minutes(&present, &deputy, &decision(2, &["liv"]));
    story
        .breaks("V6", "DISQUALIFIED_VOTED", "RecordMinutes", disqualified)
        .await;
    let for_nobody = minutes(&["eva", "liv", "vara"], &json!([]), &decision(2, &[]));
    story
        .breaks("V7", "DEPUTY_FOR_NOBODY", "RecordMinutes", for_nobody)
        .await;
    story
        .record(
            "RecordMinutes",
            minutes(&present, &deputy, &decision(2, &["eva", "vara"])),
        )
        .await;
}

async fn decided_by_the_council(story: &mut Story) {
    let in_minutes =
        |number: &str| json!({"minutes": {"organization_id": "region", "meeting_id": MEETING, "number": number}});
    story.by("nils").on_ground(in_minutes("12/2018"));
    story
        .breaks(
            "V2",
            "MATTER_NOT_TREATED",
            "ApproveDecisionPoint",
            json!({"decision_point_id": "goes on"}),
        )
        .await;
    story.on_ground(in_minutes("12/2018"));
    story
        .record("ApproveDecisionPoint", json!({"decision_point_id": "start"}))
        .await;
    let trail = json!({"stream": format!("project/{}", id("tried")), "page_size": 1000});
    let trail = story.read("ListAuditTrail", trail).await;
    let entries = trail["entries"].as_array().unwrap();
    let decided = entries
        .iter()
        .find(|entry| entry["type"] == "vedtak.v1.DecisionPointApproved")
        .unwrap();
    let role = decided["role"].as_str().unwrap();
    assert!(
        role.starts_with("MUNICIPAL_COUNCIL@") && role.contains(" by minutes 12/2018@"),
        "{role}"
    );
    assert_eq!(decided["subject"], "nils");
}

async fn overturned(story: &mut Story) {
    story.by("nils");
    let mut lower = point("undone", "OTHER");
    lower["decider"] = json!({"role": "PROJECT_ROLE_LEADER"});
    lower["supersedes_id"] = json!("start");
    story.breaks("W10", "DECIDER_TOO_LOW", "PlanDecisionPoint", lower).await;

    let chosen = json!({"decision_point_id": "goes on", "options": [{"option_id": "buy", "title": "Buy"}]});
    story.record("AttachBasis", chosen).await;
    story.by("eva").on_that_day("2018-02-01");
    story
        .breaks(
            "W2",
            "BASIS_CAME_LATER",
            "ApproveDecisionPoint",
            json!({"decision_point_id": "goes on"}),
        )
        .await;
    let assign =
        json!({"assignment_id": "late", "role": "PROJECT_ROLE_EXPERT", "holder": person("liv"), "from": "2018-03-01"});
    story.by("ida").on_that_day("2017-06-01");
    story.breaks("W3", "AUTHORITY_ENDED", "AssignRole", assign).await;
    recommended_before_the_basis_changed(story).await;
}

fn of_council(meeting: &str) -> Value {
    json!({"organization_id": "region", "meeting_id": meeting})
}

fn scheduled(meeting: &str, date: &str) -> Value {
    let mut scheduled = of_council(meeting);
    scheduled["plan"] = json!({"body_id": COUNCIL, "date": date});
    scheduled
}

/// The minutes of a meeting of the council in which these were present.
fn written(meeting: &str, present: &[&str], decisions: Value) -> Value {
    let mut minutes = of_council(meeting);
    minutes["minutes"] = json!({"present": present, "decisions": decisions});
    minutes
}

/// A case about something that nothing has a name for, or about a decision point of this chapter.
fn case(number: &str, point: Option<&str>, outcome: &str) -> Value {
    let outcome = format!("MATTER_OUTCOME_{outcome}");
    let treats = point.map_or_else(
        || json!([{"kind": "MATTER_KIND_OTHER", "outcome": outcome}]),
        |point| json!([{"kind": "MATTER_KIND_DECISION_POINT", "stream_id": "tried", "matter_id": point, "outcome": outcome}]),
    );
    json!({"number": number, "text": "So it was decided.", "treats": treats})
}

/// V3, V5, V8, V10, V11: what the council minutes late, wrongly, by too few or urgently is found until it is mended.
async fn corrected(story: &mut Story) {
    let region = || json!({"organization_id": "region"});
    // On the first of September, the council decided "advised" by a seat; the meeting was held, and nobody wrote its minutes.
    story.by("eva").finds("V11").await;
    story
        .record("ScheduleMeeting", scheduled("autumn meeting", "2018-09-01"))
        .await;
    story.finds_no_more("V11").await;
    story.on("2018-09-03");
    story
        .record("ScheduleMeeting", scheduled("next meeting", "2018-09-02"))
        .await;
    story
        .record("ScheduleMeeting", scheduled("last meeting", "2018-09-03"))
        .await;
    let without_number = written(
        "autumn meeting",
        &["eva"],
        json!([case("", Some("advised"), "APPROVED")]),
    );
    story
        .breaks("V10", "CASE_WITHOUT_NUMBER", "RecordMinutes", without_number)
        .await;
    let taken = written(
        "autumn meeting",
        &["eva"],
        json!([case("12/2018", Some("advised"), "APPROVED")]),
    );
    story.breaks("V10", "CASE_NUMBER_TAKEN", "RecordMinutes", taken).await;

    let mut urgent = case("13/2018", None, "APPROVED");
    urgent["urgent"] = json!(true);
    let decisions = json!([urgent, case("14/2018", None, "NOTED")]);
    story
        .record("RecordMinutes", written("next meeting", &["ola"], decisions.clone()))
        .await;
    story.finds_in("V5", "ListOrganizationFindings", region()).await;
    story.finds_in("V8", "ListOrganizationFindings", region()).await;
    story.finds_in("V11", "ListOrganizationFindings", region()).await;
    let mut right = written("next meeting", &["eva"], decisions);
    right["in_meeting_id"] = json!("next meeting");
    story
        .because("It was Eva who was there")
        .breaks("V11", "MEETING_NOT_LATER", "CorrectMinutes", right.clone())
        .await;
    right["in_meeting_id"] = json!("last meeting");
    story
        .because("It was Eva who was there")
        .record("CorrectMinutes", right)
        .await;
    story.finds_no_more_in("V5", "ListOrganizationFindings", region()).await;
    story
        .finds_no_more_in("V11", "ListOrganizationFindings", region())
        .await;
    let mut told = case("15/2018", None, "NOTED");
    told["reports_urgent"] = json!({"organization_id": "region", "meeting_id": "next meeting", "number": "13/2018"});
    story
        .record("RecordMinutes", written("last meeting", &["eva"], json!([told])))
        .await;
    story.finds_no_more_in("V8", "ListOrganizationFindings", region()).await;
    let mut approved = of_council("next meeting");
    approved["in_meeting_id"] = json!("last meeting");
    story.record("ApproveMinutes", approved).await;
    what_rests_on_it(story).await;
    story.about("main");
}

/// V3: long after, nobody has written the minutes of the meeting in which the council decided.
pub async fn minuted_late(story: &mut Story) {
    story.about("tried").by("eva").finds("V3").await;
    let late = written(
        "autumn meeting",
        &["eva"],
        json!([case("16/2018", Some("advised"), "APPROVED")]),
    );
    story.record("RecordMinutes", late).await;
    story.finds_no_more("V3").await;
    story.about("main");
}

/// V10: a decision of the council is found by its number, with what was recorded on its ground.
async fn what_rests_on_it(story: &Story) {
    let asked = json!({"organization_id": "region", "body_id": COUNCIL, "number": "12/2018"});
    let decision = story.read("GetBodyDecision", asked.clone()).await;
    assert_eq!(decision["decision"]["text"], "The project starts.");
    let resting = decision["rests_on_it"].as_array().unwrap();
    let told = ["stream", "type", "subject"].map(|name| resting[0][name].as_str().unwrap());
    let tried = format!("project/{}", id("tried"));
    assert_eq!(told, [tried.as_str(), "vedtak.v1.DecisionPointApproved", "nils"]);
    assert_eq!(resting.len(), 1, "{resting:?}");
    let position: i64 = resting[0]["position"].as_str().unwrap().parse().unwrap();
    let mut before = asked;
    before["as_of"] = json!({"position": (position - 1).to_string()});
    let before = story.read("GetBodyDecision", before).await;
    assert_eq!(before.get("rests_on_it"), None, "{before}");

    let asked = json!({"organization_id": "region", "body_id": COUNCIL, "urgent": true});
    let urgent = story.read("ListBodyDecisions", asked).await;
    let urgent = urgent["decisions"].as_array().unwrap();
    assert_eq!(urgent.len(), 1, "{urgent:?}");
    assert_eq!(urgent[0]["decision"]["number"], "13/2018");
    assert_eq!(urgent[0]["reported_in"]["number"], "15/2018");
}

/// W9: what was recommended was recommended of what lay there then.
async fn recommended_before_the_basis_changed(story: &mut Story) {
    let mut advised = point("advised", "OTHER");
    advised["advising_bodies"] = json!([council()]);
    story.by("eva").record("PlanDecisionPoint", advised).await;
    let basis =
        |option: &str| json!({"decision_point_id": "advised", "options": [{"option_id": option, "title": option}]});
    story.record("AttachBasis", basis("cheap")).await;
    let recommended = json!({"decision_point_id": "advised", "body": council(), "advice": "ADVICE_APPROVE"});
    story.record("RecordRecommendation", recommended.clone()).await;
    story.record("AttachBasis", basis("dear")).await;
    let approved = json!({"decision_point_id": "advised"});
    let refused = story.refused("ApproveDecisionPoint", approved.clone()).await;
    assert_eq!(refused.reason, "RECOMMENDATION_MISSING", "{refused:?}");
    *story.tried.entry("W9").or_default() += 1;
    story.record("RecordRecommendation", recommended).await;
    story.record("ApproveDecisionPoint", approved).await;
}
