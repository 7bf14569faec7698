//! Proves what is found of what bodies decide in their meetings: V3, V5, V8, V11.

use std::collections::HashMap;
use std::sync::Arc;

use vedtak::domain::{self, Facts, Kind, State, Stream, Suspicion};
use vedtak::schema::v1::*;

use super::body_decision::{
    COUNCIL, FIRST, SECOND, THIRD, case, correct, meeting, minutes, organization, other, schedule, urgent, written,
};
use super::decision_point::{approve, reject};
use super::organization::{appoint, establish, terms};
use super::scenario::{ORGANIZATION, PROJECT, Scenario, id};

/// Then this many findings of the organisation have the code, on the first of June.
#[track_caller]
fn found_in_organization(scenario: Scenario, code: &str, expected: &[&str]) -> Scenario {
    let found = domain::organization_findings(&organization(&scenario), "2017-06-01");
    let found = found.iter().filter(|found| found.code == code);
    let described: Vec<&str> = found.map(|found| found.description.as_str()).collect();
    assert_eq!(described, expected);
    scenario
}

/// What is found where the project is held against the minutes.
fn minuted_findings(scenario: &Scenario, today: &str) -> Vec<Suspicion> {
    let mut states: HashMap<Stream, Arc<State>> = HashMap::new();
    loop {
        let mut streams = domain::streams_of_minuted(PROJECT, &Facts::new(&states));
        streams.retain(|stream| !states.contains_key(stream));
        if streams.is_empty() {
            break;
        }
        states.extend(
            streams
                .into_iter()
                .map(|stream| (stream.clone(), scenario.state(&stream))),
        );
    }
    domain::minuted_findings(&scenario.project(), &Facts::new(&states), today)
}

#[track_caller]
fn found_in_project(scenario: Scenario, today: &str, code: &str, expected: &[&str]) -> Scenario {
    let found = minuted_findings(&scenario, today);
    let found = found.iter().filter(|found| found.code == code);
    let described: Vec<&str> = found.map(|found| found.description.as_str()).collect();
    assert_eq!(described, expected);
    scenario
}

#[test]
fn v11_minutes_that_contradict_what_is_recorded_are_found() {
    let scenario = meeting().on("2017-01-01").given(approve(1)).given(minutes(
        FIRST,
        &["kari"],
        vec![case("1/2017", MatterOutcome::Rejected)],
    ));
    let scenario = found_in_project(
        scenario,
        "2017-01-02",
        "V11",
        &[
            "BP1 (Project plan approved) was approved on 2017-01-01, and in case 1/2017 of Body 2 on 2017-01-01 it was rejected.",
        ],
    );
    let scenario = scenario.on("2017-02-01").because("It was approved.").given(correct(
        FIRST,
        SECOND,
        written(&["kari"], vec![case("1/2017", MatterOutcome::Approved)]),
    ));
    found_in_project(scenario, "2017-12-31", "V11", &[]);
}

#[test]
fn v11_what_was_put_off_before_and_what_was_noted_contradict_nothing() {
    let scenario = meeting()
        .given(minutes(FIRST, &["kari"], vec![case("1/2017", MatterOutcome::Deferred)]))
        .on("2017-02-01")
        .given(reject(1))
        .given(minutes(SECOND, &["kari"], vec![case("2/2017", MatterOutcome::Noted)]));
    let scenario = found_in_project(scenario, "2017-02-02", "V11", &[]);
    // Put off on the day itself, it cannot have been decided as well.
    let scenario = scenario.on("2017-03-01").because("It was put off.").given(correct(
        SECOND,
        THIRD,
        written(&["kari"], vec![case("2/2017", MatterOutcome::Deferred)]),
    ));
    found_in_project(
        scenario,
        "2017-03-02",
        "V11",
        &[
            "BP1 (Project plan approved) was rejected on 2017-02-01, and in case 2/2017 of Body 2 on 2017-02-01 it was deferred.",
        ],
    );
}

#[test]
fn v11_a_decision_of_a_body_without_a_meeting_is_found() {
    let scenario = meeting().on("2017-01-15").given(approve(1));
    let scenario = found_in_project(
        scenario,
        "2017-01-16",
        "V11",
        &["Body 2 decided BP1 (Project plan approved) on 2017-01-15, and had no meeting on that day."],
    );
    let scenario = scenario.given(schedule(610, COUNCIL, "2017-01-15", None));
    found_in_project(scenario, "2017-01-16", "V11", &[]);
}

#[test]
fn v11_somebody_present_without_a_seat_is_found() {
    let scenario = meeting().given(minutes(FIRST, &["kari", "ola", "KARI"], vec![]));
    let scenario = found_in_organization(
        scenario,
        "V11",
        &["In the meeting on 2017-01-01, those present had no seat in Body 2: ola."],
    );
    let scenario = scenario.given(appoint(60, terms(COUNCIL, "ola", AppointmentFunction::Observer)));
    found_in_organization(scenario, "V11", &[]);
}

#[test]
fn v3_a_decision_by_a_seat_without_minutes_after_thirty_days_is_found() {
    let scenario = meeting().on("2017-01-01").given(approve(1));
    let scenario = found_in_project(scenario, "2017-01-31", "V3", &[]);
    let scenario = found_in_project(
        scenario,
        "2017-02-01",
        "V3",
        &["Body 2 decided BP1 (Project plan approved) on 2017-01-01, and 30 days later no minutes of it say so."],
    );
    let noted = minutes(FIRST, &["kari"], vec![case("1/2017", MatterOutcome::Noted)]);
    let scenario = found_in_project(
        scenario.clone().given(noted),
        "2017-02-01",
        "V3",
        &["Body 2 decided BP1 (Project plan approved) on 2017-01-01, and 30 days later no minutes of it say so."],
    );
    let decided = minutes(SECOND, &["kari"], vec![case("2/2017", MatterOutcome::Approved)]);
    found_in_project(scenario.on("2017-02-01").given(decided), "2017-06-01", "V3", &[]);
}

/// The council with the members kari, per, liv and eva, the leader bo, and the deputy vara.
fn full_council() -> Scenario {
    let mut scenario = meeting();
    for (number, subject) in [(70, "per"), (71, "liv"), (72, "eva")] {
        scenario = scenario.given(appoint(number, terms(COUNCIL, subject, AppointmentFunction::Member)));
    }
    scenario
        .given(appoint(73, terms(COUNCIL, "bo", AppointmentFunction::Leader)))
        .given(appoint(74, terms(COUNCIL, "vara", AppointmentFunction::DeputyMember)))
        .given(appoint(75, terms(COUNCIL, "siri", AppointmentFunction::Secretary)))
}

fn disqualified(number: &str, subject: &str) -> MeetingDecision {
    MeetingDecision {
        disqualified: vec![Disqualification {
            subject: subject.to_owned(),
            legal_basis: "forvaltningsloven § 6".to_owned(),
        }],
        ..other(number)
    }
}

#[test]
fn v5_fewer_than_half_of_the_members_are_no_quorum() {
    let few = full_council().given(minutes(FIRST, &["kari", "bo", "siri"], vec![]));
    found_in_organization(
        few,
        "V5",
        &["In the meeting on 2017-01-01, 2 of the 5 members of Body 2 attended: fewer than half, and no quorum."],
    );
    let enough = full_council().given(minutes(FIRST, &["kari", "bo", "PER"], vec![]));
    found_in_organization(enough, "V5", &[]);
    // Where nobody is named, nobody knows who was there.
    let unknown = full_council().given(minutes(FIRST, &[], vec![]));
    found_in_organization(unknown, "V5", &[]);
    let mut with_deputy = minutes(FIRST, &["kari", "bo"], vec![]);
    with_deputy.minutes.as_mut().unwrap().deputies = vec![DeputyPresent {
        subject: "vara".to_owned(),
        in_place_of: "liv".to_owned(),
    }];
    found_in_organization(full_council().given(with_deputy), "V5", &[]);
}

#[test]
fn v5_who_is_disqualified_is_not_counted_in_that_case() {
    let present = ["kari", "bo", "per"];
    let cases = vec![
        other("1/2017"),
        disqualified("2/2017", "per"),
        disqualified("3/2017", "eva"),
    ];
    let scenario = full_council().given(minutes(FIRST, &present, cases.clone()));
    let scenario = found_in_organization(
        scenario,
        "V5",
        &["In case 2/2017, 2 of the 5 members of Body 2 attended: fewer than half, and no quorum."],
    );
    let mut right = written(&present, cases);
    right.as_mut().unwrap().deputies = vec![DeputyPresent {
        subject: "vara".to_owned(),
        in_place_of: "per".to_owned(),
    }];
    let scenario = scenario
        .because("Vara came in for Per.")
        .given(correct(FIRST, SECOND, right));
    found_in_organization(scenario, "V5", &[]);
}

fn telling(number: &str, meeting: u32, of: &str) -> MeetingDecision {
    MeetingDecision {
        reports_urgent: Some(MinutesReference {
            organization_id: ORGANIZATION.to_owned(),
            meeting_id: id(meeting),
            number: of.to_owned(),
        }),
        ..other(number)
    }
}

#[test]
fn v8_an_urgent_decision_is_found_until_the_body_was_told_of_it() {
    let scenario = full_council().given(minutes(FIRST, &["bo"], vec![urgent("1/2017", None)]));
    let scenario = found_in_organization(scenario, "V5", &[]);
    let scenario = found_in_organization(
        scenario,
        "V8",
        &["Body 2 is to be told in its next meeting of the urgent decision 1/2017 on 2017-01-01."],
    );
    let scenario = scenario.given(minutes(SECOND, &["kari", "bo", "per"], vec![other("2/2017")]));
    let scenario = found_in_organization(
        scenario,
        "V8",
        &["Body 2 met on 2017-02-01, and was not told of the urgent decision 1/2017 on 2017-01-01."],
    );
    let scenario = scenario
        .when(minutes(THIRD, &["kari"], vec![telling("3/2017", SECOND, "2/2017")]))
        .then_refused_by("V8", "REPORTS_NO_URGENT_DECISION")
        .when(minutes(THIRD, &["kari"], vec![telling("3/2017", THIRD, "3/2017")]))
        .then_refused_by("V8", "REPORTS_NO_URGENT_DECISION")
        .given(minutes(
            THIRD,
            &["kari", "bo", "per"],
            vec![telling("3/2017", FIRST, "1/2017")],
        ));
    let scenario = found_in_organization(scenario, "V8", &[]);
    let decision = domain::body_decision(&organization(&scenario), &id(COUNCIL), "1/2017").unwrap();
    assert_eq!(decision.reported_in.map(|told| told.number), Some("3/2017".to_owned()));
}

#[test]
fn v8_a_committee_decides_urgently_in_place_of_the_body_that_is_told() {
    let scenario = full_council()
        .given(establish(4, BodyKind::Committee, true))
        .given(schedule(610, 4, "2017-01-15", None))
        .when(minutes(
            610,
            &[],
            vec![MeetingDecision {
                urgent: false,
                ..urgent("1/2017", Some(COUNCIL))
            }],
        ))
        .then_refused_by("V8", "NOT_URGENT")
        .when(minutes(610, &[], vec![urgent("1/2017", Some(99))]))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(minutes(610, &[], vec![urgent("1/2017", Some(COUNCIL))]))
        .given(schedule(611, 4, "2017-01-20", None))
        .when(minutes(611, &[], vec![telling("2/2017", 610, "1/2017")]))
        .then_refused_by("V8", "REPORTS_NO_URGENT_DECISION")
        .given(minutes(611, &[], vec![]));
    let scenario = found_in_organization(
        scenario,
        "V8",
        &["Body 2 is to be told in its next meeting of the urgent decision 1/2017 on 2017-01-15."],
    );
    let told = minutes(SECOND, &["kari", "bo", "per"], vec![telling("1/2017", 610, "1/2017")]);
    found_in_organization(scenario.given(told), "V8", &[]);
}
