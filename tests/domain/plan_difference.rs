//! Proves the reading of what differs between two versions of a plan: D3.

use vedtak::domain::{compared_versions, plan_difference};
use vedtak::schema::v1::*;

use super::document::{approve_document, draft, revise};
use super::scenario::{PROJECT, Scenario, id};
use super::{activity, budget, milestone, phase, risk};

/// What differs between two states of the project: the part, the last figures of the id, how it differs, and the values.
fn differences(from: &Scenario, to: &Scenario) -> Vec<(PlanPart, String, PlanChangeKind, Vec<String>)> {
    let changes = plan_difference(&from.project(), &to.project());
    let told = changes.iter().map(|change| {
        let values = change.values.iter();
        let values = values.map(|value| format!("{}: {} -> {}", value.field, value.before, value.after));
        (change.part(), change.entity_id.clone(), change.kind(), values.collect())
    });
    told.collect()
}

/// A plan in its first version: a phase, two milestones, an activity and a cost line.
fn first_version() -> Scenario {
    risk::project()
        .given(phase::plan(1, PhaseKind::Planning))
        .given(milestone::plan(2, "2017-06-01"))
        .given(milestone::plan(3, "2017-07-01"))
        .given(activity::plan(4, vec![activity::span("2017-01", "2017-03")]))
        .given(budget::cost(5, "2017", budget::known(60)))
        .given(draft(9, "1.0", '1'))
        .given(approve_document(9, "1.0"))
}

#[test]
fn d3_what_was_added_changed_and_removed_between_two_versions_is_told_value_by_value() {
    let first = first_version();
    let second = first
        .clone()
        .because("The budget came late")
        .given(milestone::reschedule(2, "2017-09-01"))
        .given(milestone::cancel(3))
        .given(activity::revise(
            4,
            activity::plan_of(4, vec![activity::span("2017-02", "2017-03")]),
        ))
        .given(budget::cost(5, "2017", budget::known(90)))
        .given(budget::cost(6, "2018", budget::known(10)))
        .given(revise(9, "2.0", '2'));
    let changed = PlanChangeKind::Changed;
    let says = |text: &str| vec![text.to_owned()];
    let told = differences(&first, &second);
    assert_eq!(told[0].0, PlanPart::Milestone);
    assert_eq!(told[0].3, ["deadline: \"2017-06-01\" -> \"2017-09-01\""]);
    assert_eq!((told[1].1.clone(), told[1].2), (id(3), PlanChangeKind::Removed));
    assert!(
        told[1].3.contains(&"deadline: \"2017-07-01\" -> ".to_owned()),
        "{told:?}"
    );
    let schedule = r#"schedule: [{"from":"2017-01","to":"2017-03"}] -> [{"from":"2017-02","to":"2017-03"}]"#;
    assert_eq!(told[2], (PlanPart::Activity, id(4), changed, says(schedule)));
    let amount =
        r#"amount: {"certainty":"CERTAINTY_KNOWN","ore":"6000"} -> {"certainty":"CERTAINTY_KNOWN","ore":"9000"}"#;
    assert_eq!(told[3], (PlanPart::CostLine, id(5), changed, says(amount)));
    assert_eq!((told[4].1.clone(), told[4].2), (id(6), PlanChangeKind::Added));
    assert_eq!(told.len(), 5, "{told:?}");
}

#[test]
fn d3_the_way_back_is_the_same_difference_the_other_way_round() {
    let first = first_version();
    let second = first
        .clone()
        .because("Later")
        .given(milestone::reschedule(2, "2017-09-01"));
    let back = differences(&second, &first);
    assert_eq!(back[0].3, ["deadline: \"2017-09-01\" -> \"2017-06-01\""]);
}

#[test]
fn d3_what_was_done_and_not_planned_is_no_difference() {
    let first = first_version();
    let achieve = AchieveMilestone {
        project_id: PROJECT.to_owned(),
        milestone_id: id(2),
        evidence: "The contract lies in the archive.".to_owned(),
        ..Default::default()
    };
    let start = StartActivity {
        project_id: PROJECT.to_owned(),
        activity_id: id(4),
        ..Default::default()
    };
    let later = first
        .clone()
        .given(achieve)
        .given(start)
        .with_authority("F-adm 5/2016")
        .given(budget::approve());
    assert_eq!(differences(&first, &later), []);
}

#[test]
fn d3_a_version_is_frozen_to_its_approval_and_a_draft_to_its_last_drafting() {
    let compared = |scenario: &Scenario, from: Option<&str>, to: Option<&str>| {
        let query = GetPlanDifference {
            document_id: id(9),
            from_version: from.map(str::to_owned),
            to_version: to.map(str::to_owned),
            ..Default::default()
        };
        let project = scenario.project();
        compared_versions(&project, &query).map(|(from, to)| (from.position, to.position))
    };
    let scenario = first_version()
        .given(revise(9, "2.0", '2'))
        .because("The budget came late")
        .given(milestone::reschedule(2, "2017-09-01"))
        .given(revise(9, "2.0", '3'));
    // One registration with its owner, five plans, the draft, its approval; then a draft, a move, and the draft anew.
    assert_eq!(compared(&scenario, Some("1.0"), Some("2.0")), Ok((9, 12)));
    assert_eq!(compared(&scenario, None, None), Ok((9, 12)));
    let approved = scenario.given(approve_document(9, "2.0"));
    assert_eq!(compared(&approved, Some("2.0"), Some("1.0")), Ok((13, 9)));
    assert!(compared(&approved, None, Some("1.0")).is_err());
}
