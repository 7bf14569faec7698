//! The first chapter (2016): a region of three municipalities gets its bodies, and an agreement that they sign one after the other.

use serde_json::{Value, json};

use super::story::{Story, body, id, kroner};

/// The municipalities, with their organisation numbers and their shares of the costs in hundredths of a per cent.
pub const MUNICIPALITIES: [(&str, &str, &str, i32); 3] = [
    ("nordli", "Nordli kommune", "999000207", 5_000),
    ("sorvik", "Sørvik kommune", "999000118", 3_000),
    ("vestby", "Vestby kommune", "999000126", 2_000),
];

/// A municipality, as others refer to it.
pub fn municipality(name: &str) -> Value {
    let (id, name, number, _) = MUNICIPALITIES.iter().find(|(id, ..)| *id == name).unwrap();
    json!({"organization_number": number, "name": name, "organization_id": id})
}

pub async fn tell(story: &mut Story) {
    organisations(story).await;
    bodies(story).await;
    first_meeting(story).await;
    agreement(story).await;
}

async fn organisations(story: &mut Story) {
    story.on("2016-09-01").by("siri");
    let region = json!({"organization_id": "region", "name": "Fjellregionen", "organization_number": "999000304",
        "kind": "ORGANIZATION_KIND_REGION"});
    story.record("RegisterOrganization", region).await;
    for (id, name, number, _) in MUNICIPALITIES {
        let own = json!({"organization_id": id, "name": name, "organization_number": number,
            "kind": "ORGANIZATION_KIND_MUNICIPALITY"});
        story.record("RegisterOrganization", own).await;
        let member =
            json!({"organization_id": "region", "member_id": id, "member": municipality(id), "from": "2016-01-01"});
        story.record("AdmitMember", member).await;
    }
    // The chief executives act for the whole of their municipalities.
    for (municipality, subject) in [("nordli", "kari"), ("sorvik", "bjorn")] {
        let office = format!("chief executive of {municipality}");
        let established = json!({"organization_id": municipality, "office_id": office, "name": office,
            "kind": "OFFICE_KIND_MUNICIPAL_DIRECTOR", "established": "2016-01-01", "speaks_for_all": true});
        story.record("EstablishOffice", established).await;
        let officer = json!({"organization_id": municipality, "office_id": office, "appointment_id": format!("{subject} in office"),
            "person": {"subject": subject}, "from": "2016-01-01"});
        story.record("AppointOfficer", officer).await;
    }
}

async fn bodies(story: &mut Story) {
    let establish = |name: &str, kind: &str, decides: bool| {
        json!({"organization_id": "region", "body_id": name, "name": name, "kind": format!("BODY_KIND_{kind}"),
            "decides": decides, "established": "2016-09-01"})
    };
    let executives = establish("chief executives", "COMMITTEE", true);
    story.record("EstablishBody", executives).await;
    let deciding_users = establish("users", "USER_COUNCIL", true);
    story
        .breaks("O1", "BODY_ONLY_ADVISES", "EstablishBody", deciding_users)
        .await;
    let users = establish("users", "USER_COUNCIL", false);
    story.record("EstablishBody", users).await;
    // The steering group is the regional chief executives.
    let mut steering = establish("steering group", "STEERING_GROUP", true);
    steering["composed_of"] = body("chief executives");
    story.record("EstablishBody", steering).await;
    let change_board = establish("change board", "CHANGE_BOARD", true);
    story.record("EstablishBody", change_board).await;
    let dissolve = json!({"organization_id": "region", "body_id": "chief executives", "dissolved": "2016-12-31"});
    story
        .breaks("O2", "BODY_IS_COMPOSED_OF_IT", "DissolveBody", dissolve)
        .await;
    let council = json!({"organization_id": "nordli", "body_id": "nordli council", "name": "Kommunestyret i Nordli",
        "kind": "BODY_KIND_MUNICIPAL_COUNCIL", "decides": true, "established": "2015-10-15"});
    story.record("EstablishBody", council).await;

    let seats = [
        ("region", "chief executives", "kari", "LEADER", Some("nordli")),
        ("region", "chief executives", "bjorn", "MEMBER", Some("sorvik")),
        ("region", "chief executives", "tove", "MEMBER", Some("vestby")),
        ("region", "change board", "ida", "LEADER", None),
        ("region", "users", "liv", "LEADER", None),
        ("nordli", "nordli council", "eva", "LEADER", None),
    ];
    for (organization, body, subject, function, representing) in seats {
        let mut terms = json!({"body_id": body, "subject": subject, "from": "2016-09-01",
            "function": format!("APPOINTMENT_FUNCTION_{function}"),
            "method": "APPOINTMENT_METHOD_APPOINTED", "appointed_by": "The council"});
        if let Some(representing) = representing {
            terms["representing"] = municipality(representing);
        }
        let appointment =
            json!({"organization_id": organization, "appointment_id": format!("seat of {subject}"), "terms": terms});
        story.record("AppointMember", appointment).await;
    }
    let asked = json!({"organization_id": "region", "body_id": "steering group", "date": "2016-10-01"});
    let seats = story.read("GetBodyComposition", asked).await["seats"].clone();
    let sitting: Vec<&Value> = seats
        .as_array()
        .unwrap()
        .iter()
        .map(|seat| &seat["terms"]["subject"])
        .collect();
    assert_eq!(
        sitting,
        ["kari", "bjorn", "tove"],
        "the steering group is the chief executives"
    );
}

async fn first_meeting(story: &mut Story) {
    let meeting = json!({"organization_id": "region", "meeting_id": "first meeting", "plan": {"body_id": "steering group",
        "name": "1/2016", "date": "2016-09-20", "recurrence": {"every": 3, "unit": "RECURRENCE_UNIT_WEEKS"}}});
    story.record("ScheduleMeeting", meeting).await;
    let minutes = json!({"organization_id": "region", "meeting_id": "first meeting",
        "minutes": {"present": ["kari", "bjorn", "tove"], "summary": "It was agreed to work together."}});
    story
        .breaks("O3", "MEETING_NOT_HELD", "RecordMinutes", minutes.clone())
        .await;
    story.on("2016-09-20");
    let mut about_nothing = minutes.clone();
    about_nothing["minutes"]["decisions"] = json!([{"number": "1/16", "text": "We agree."}]);
    story
        .breaks("O3", "DECISION_TREATS_NOTHING", "RecordMinutes", about_nothing)
        .await;
    story.record("RecordMinutes", minutes).await;

    let region = json!({"organization_id": "region"});
    story.on("2016-10-12");
    story.finds_in("O5", "ListOrganizationFindings", region.clone()).await;
    let next = json!({"organization_id": "region", "meeting_id": "second meeting",
        "plan": {"body_id": "steering group", "name": "2/2016", "date": "2016-10-20", "follows_id": "first meeting"}});
    story.record("ScheduleMeeting", next).await;
    story.finds_no_more_in("O5", "ListOrganizationFindings", region).await;
}

async fn agreement(story: &mut Story) {
    let terms = json!({"name": "Digital region", "kind": "PROGRAMME_KIND_PROGRAMME", "organization_id": "region"});
    story
        .record(
            "EstablishProgramme",
            json!({"programme_id": "programme", "terms": terms}),
        )
        .await;
    let mut parties = Vec::new();
    for (municipality_id, _, _, share) in MUNICIPALITIES {
        let obligations = match municipality_id {
            "nordli" => json!([
                {"obligation_id": "a leader", "kind": "OBLIGATION_KIND_PEOPLE", "description": "A project leader", "full_time_hundredths": 100},
                {"obligation_id": "hosting", "kind": "OBLIGATION_KIND_HOSTING", "description": "Hosts the common system"},
            ]),
            _ => json!([{"obligation_id": format!("money of {municipality_id}"), "kind": "OBLIGATION_KIND_MONEY",
                "description": "Its share", "amount": kroner(300_000), "due": "2018-02-01"}]),
        };
        parties.push(
            json!({"party_id": municipality_id, "organization": municipality(municipality_id),
            "bound_for_full_period": true, "cost_share": share, "obligations": obligations}),
        );
        let joins = json!({"programme_id": "programme", "participation_id": municipality_id,
            "participant": municipality(municipality_id), "from": "2017-01-01"});
        story.record("JoinProgramme", joins).await;
    }
    let terms = json!({"title": "The cooperation agreement", "period": {"from": "2017-01-01", "to": "2020-12-31"},
        "parties": parties, "programme_id": "programme"});
    story
        .record("DraftAgreement", json!({"agreement_id": "agreement", "terms": terms}))
        .await;

    let fulfilled = json!({"agreement_id": "agreement", "obligation_id": "a leader", "note": "Ola was hired"});
    for (day, party) in [
        ("2016-10-15", "nordli"),
        ("2016-11-01", "sorvik"),
        ("2016-12-01", "vestby"),
    ] {
        story.on(day);
        let standing = story
            .read_today("GetAgreementStanding", json!({"agreement_id": "agreement"}))
            .await;
        assert_eq!(standing.get("in_force"), None, "{standing}");
        story
            .breaks(
                "A1",
                "AGREEMENT_NOT_SIGNED_BY_ALL",
                "RecordFulfilment",
                fulfilled.clone(),
            )
            .await;
        let signs = json!({"agreement_id": "agreement", "party_id": party, "edition": 1, "signatory": "The mayor"});
        story.record("SignAgreement", signs).await;
    }
    story.on("2017-01-01");
    let standing = story
        .read_today("GetAgreementStanding", json!({"agreement_id": "agreement"}))
        .await;
    assert_eq!(
        (&standing["in_force"], &standing["edition"]),
        (&json!(true), &json!(1)),
        "{standing}"
    );
    story.record("RecordFulfilment", fulfilled).await;
    let standing = story
        .read_today("GetAgreementStanding", json!({"agreement_id": "agreement"}))
        .await;
    let obligation = &standing["parties"][0]["obligations"][0];
    assert_eq!(obligation["obligation"]["obligation_id"], json!(id("a leader")));
    assert_eq!(obligation["fulfilled"], "2017-01-01");
}
