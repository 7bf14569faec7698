//! Proves the rule of stakeholders: S1.

use vedtak::domain::{Kind, stakeholder_map};
use vedtak::schema::v1::*;

use super::risk::project;
use super::scenario::{PROJECT, id};

fn stands(influence: i32, interest: i32, attitude: StakeholderAttitude) -> Option<StakeholderAssessment> {
    Some(StakeholderAssessment {
        interest,
        influence,
        attitude: attitude.into(),
    })
}

fn identify(number: u32, name: &str, influence: i32, interest: i32) -> IdentifyStakeholder {
    IdentifyStakeholder {
        project_id: PROJECT.to_owned(),
        stakeholder_id: id(number),
        name: name.to_owned(),
        stake: "Their day changes".to_owned(),
        assessment: stands(influence, interest, StakeholderAttitude::Neutral),
        ..Default::default()
    }
}

fn plan(stakeholder: u32, description: &str) -> PlanEngagement {
    PlanEngagement {
        project_id: PROJECT.to_owned(),
        stakeholder_id: id(stakeholder),
        engagement_id: id(20),
        description: description.to_owned(),
        due: Some("2017-02-01".to_owned()),
        ..Default::default()
    }
}

fn record(engagement: u32, assessment: Option<StakeholderAssessment>) -> RecordEngagement {
    RecordEngagement {
        project_id: PROJECT.to_owned(),
        stakeholder_id: id(1),
        engagement_id: id(engagement),
        outcome: "They want to take part.".to_owned(),
        assessment,
        ..Default::default()
    }
}

#[test]
fn s1_the_map_shows_who_stands_where_by_the_last_assessment() {
    let placed = |project: &Project| -> Vec<(i32, i32, Vec<String>)> {
        let cells = stakeholder_map(project).cells.into_iter();
        cells
            .map(|cell| {
                let names = cell.stakeholders.into_iter().map(|placed| placed.name).collect();
                (cell.influence, cell.interest, names)
            })
            .collect()
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    project()
        .given(identify(1, "The users", 2, 5))
        .given(identify(2, "The suppliers", 1, 4))
        .given(identify(3, "The unions", 4, 3))
        .given(identify(4, "The relatives", 2, 5))
        .then_project(|project| {
            assert_eq!(
                placed(project),
                [
                    (4, 3, names(&["The unions"])),
                    (2, 5, names(&["The users", "The relatives"])),
                    (1, 4, names(&["The suppliers"]))
                ]
            );
        })
        .given(plan(1, "A meeting"))
        .given(record(20, stands(4, 3, StakeholderAttitude::Supportive)))
        .then_project(|project| {
            let map = stakeholder_map(project);
            assert_eq!(map.position, project.position);
            assert_eq!(map.cells[0].stakeholders[0].attitude(), StakeholderAttitude::Supportive);
            assert_eq!(placed(project)[0], (4, 3, names(&["The users", "The unions"])));
            assert_eq!(project.stakeholders[0].assessments.len(), 2);
        });
}

#[test]
fn a_stakeholder_is_identified_once() {
    project()
        .given(identify(1, "The users", 2, 5))
        .when(identify(1, "The users", 2, 5))
        .then_unchanged()
        .when(identify(1, "The users", 3, 5))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS");
}

#[test]
fn an_engagement_is_planned_and_then_takes_place_once() {
    project()
        .given(identify(1, "The users", 2, 5))
        .when(plan(2, "A meeting"))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(record(20, None))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(plan(1, "A meeting"))
        .when(plan(1, "A meeting"))
        .then_unchanged()
        .when(plan(1, "A hearing"))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .given(record(20, None))
        .when(record(20, None))
        .then_unchanged()
        .when(record(20, stands(4, 4, StakeholderAttitude::Opposed)))
        .then_refused(Kind::FailedPrecondition, "ENGAGEMENT_HELD")
        .then_project(|project| {
            let engagement = &project.stakeholders[0].engagements[0];
            assert_eq!(engagement.held.as_deref(), Some("2017-01-02"));
        });
}
