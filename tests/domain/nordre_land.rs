//! Proves that a real plan, sent command by command, reads back figure by figure, and that its contradictions are found.

use serde_json::Value;
use vedtak::domain::{Command, budget_reading, findings, gantt_reading};
use vedtak::schema::v1::*;
use vedtak::schema::{METHODS, from_json};

use super::scenario::{Scenario, scenario};

const MAIN_PROJECT: &str = "20000000-0000-4000-8000-000000000002";
/// The day of the plan.
const THE_DAY: &str = "2017-03-15";

/// The command that a line of the example sends.
fn command(line: &Value) -> Command {
    let rpc = line["rpc"].as_str().expect("every line names its RPC");
    let method = METHODS
        .iter()
        .find(|method| method.name == rpc)
        .unwrap_or_else(|| panic!("there is no RPC {rpc}"));
    let bytes =
        from_json(method.input, &line["request"]).unwrap_or_else(|error| panic!("{line}: {}: {error}", error.field));
    Command::decode(method.input, &bytes)
        .expect("a command")
        .expect("its own bytes")
}

fn example() -> Vec<Command> {
    let text = include_str!("../../examples/nordre-land.json");
    let example: Value = serde_json::from_str(text).expect("the example is JSON");
    example["commands"]
        .as_array()
        .expect("the example has commands")
        .iter()
        .map(command)
        .collect()
}

pub fn recorded() -> Scenario {
    example().iter().fold(scenario().on(THE_DAY), Scenario::given_as_sent)
}

fn sentences(codes: &[&str]) -> Vec<String> {
    let found = findings(&recorded().project_of(MAIN_PROJECT), THE_DAY);
    found
        .into_iter()
        .filter(|finding| codes.contains(&finding.code))
        .map(|finding| finding.description)
        .collect()
}

#[test]
fn every_contradiction_of_the_plan_is_found() {
    assert_eq!(
        sentences(&["E4", "E5", "E6", "VAT_MIXED"]),
        [
            "2017: the stated total of the cost is 3 060 000 kr, but its lines add up to 2 960 000 kr.",
            "2017: the stated total of the financing is 3 060 000 kr, but its lines add up to 2 960 000 kr.",
            "2018: cost is 1 000 000 kr known + 1 unknown, financing 700 000 kr known + 1 unknown.",
            "2019: cost is 900 000 kr known + 1 unknown, financing 400 000 kr known + 2 unknown.",
        ]
    );
    assert_eq!(
        sentences(&["X2", "X3", "RISK_NUMBER_REPEATED"]),
        [
            "Risk 3: the stated RF is 10, but 4 × 2 is 8.",
            "2 risks have the number 2."
        ]
    );
    assert_eq!(
        sentences(&[
            "B9",
            "MILESTONE_BEFORE_DEPENDENCY",
            "MILESTONE_NUMBER_REPEATED",
            "MILESTONE_OVERDUE",
            "ACTIVITY_NUMBER_REPEATED"
        ]),
        ["Milestone MP2 (2017-06-01) is dated before decision point BP5 (2017-06-15), which it hangs on."]
    );
}

#[test]
fn what_the_plan_leaves_out_is_found_beside_its_contradictions() {
    assert_eq!(
        sentences(&["N2", "MEASUREMENT_OVERDUE", "DELIVERABLE_OVERDUE"]),
        ["The project has no planned benefit: none is mapped."],
        "the plan speaks of benefits among its risks only"
    );
}

#[test]
fn every_row_of_the_plan_reads_back() {
    let project = recorded().project_of(MAIN_PROJECT);
    let count = (
        project.decision_points.len(),
        project.milestones.len(),
        project.risks.len(),
        project.activities.len(),
        project.phases.len(),
    );
    assert_eq!(count, (5, 4, 8, 17, 3));
    assert!(project.risks.iter().all(|risk| risk.measures.len() == 1));
    assert_eq!(
        project.risks.iter().map(|risk| risk.factor).collect::<Vec<_>>(),
        [20, 10, 10, 8, 8, 10, 12, 9]
    );

    let reading = budget_reading(&project);
    let total = |kroner: i64, unknown: i32| {
        Some(Total {
            known_ore: kroner * 100,
            estimated_ore: None,
            unknown,
        })
    };
    let read: Vec<_> = reading
        .periods
        .iter()
        .map(|year| (year.period.as_str(), year.cost, year.financing))
        .collect();
    let expected = [
        ("2017", total(2_960_000, 0), total(2_960_000, 0)),
        ("2018", total(1_000_000, 1), total(700_000, 1)),
        ("2019", total(900_000, 1), total(400_000, 2)),
    ];
    assert_eq!(read, expected);
    assert_eq!(
        (reading.cost, reading.financing),
        (total(4_860_000, 2), total(4_060_000, 3))
    );
    assert_eq!(
        (reading.periods[0].carried_out, reading.periods[1].carried_in),
        (total(300_000, 0), total(300_000, 0))
    );
    assert_eq!(reading.periods[0].posts.len(), 5);

    let chart = gantt_reading(&project, GanttGranularity::Month);
    assert_eq!(
        (chart.columns[0].as_str(), chart.rows.len(), chart.milestones.len()),
        ("2017-01", 17, 4)
    );
    assert_eq!(
        chart.columns.last().map(String::as_str),
        Some("2018-07"),
        "the last result of HA02"
    );
}

#[test]
fn sending_the_plan_again_changes_nothing() {
    let once = recorded();
    let position = once.project_of(MAIN_PROJECT).position;
    let twice = example().iter().fold(once, Scenario::given_as_sent);
    assert_eq!(twice.project_of(MAIN_PROJECT).position, position);
}
