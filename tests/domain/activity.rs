//! Proves the rules of main activities: K1, K2.

use vedtak::domain::{Kind, gantt_reading};
use vedtak::schema::v1::*;

use super::risk::project;
use super::scenario::{PROJECT, id};

pub fn span(from: &str, to: &str) -> ScheduleSpan {
    ScheduleSpan {
        from: from.to_owned(),
        to: to.to_owned(),
    }
}

pub fn plan_of(number: u32, schedule: Vec<ScheduleSpan>) -> Option<ActivityPlan> {
    Some(ActivityPlan {
        number: format!("HA{number:02}"),
        name: "Welfare technology".to_owned(),
        tasks: vec!["Map the needs".to_owned()],
        schedule,
        ..Default::default()
    })
}

pub fn plan(number: u32, schedule: Vec<ScheduleSpan>) -> PlanActivity {
    PlanActivity {
        project_id: PROJECT.to_owned(),
        activity_id: id(number),
        plan: plan_of(number, schedule),
        ..Default::default()
    }
}

pub fn revise(number: u32, plan: Option<ActivityPlan>) -> ReviseActivity {
    ReviseActivity {
        project_id: PROJECT.to_owned(),
        activity_id: id(number),
        plan,
        ..Default::default()
    }
}

fn start(number: u32) -> StartActivity {
    StartActivity {
        project_id: PROJECT.to_owned(),
        activity_id: id(number),
        ..Default::default()
    }
}

fn report(number: u32, percent: i32) -> ReportProgress {
    ReportProgress {
        project_id: PROJECT.to_owned(),
        activity_id: id(number),
        percent,
        ..Default::default()
    }
}

fn complete(number: u32) -> CompleteActivity {
    CompleteActivity {
        project_id: PROJECT.to_owned(),
        activity_id: id(number),
        ..Default::default()
    }
}

fn cancel(number: u32) -> CancelActivity {
    CancelActivity {
        project_id: PROJECT.to_owned(),
        activity_id: id(number),
        ..Default::default()
    }
}

fn link(from: u32, to: u32) -> LinkActivities {
    LinkActivities {
        project_id: PROJECT.to_owned(),
        from_activity_id: id(from),
        to_activity_id: id(to),
        ..Default::default()
    }
}

#[test]
fn k1_links_never_run_in_a_circle() {
    let linked = project()
        .given(plan(1, vec![]))
        .given(plan(2, vec![]))
        .given(plan(3, vec![]))
        .given(link(1, 2))
        .given(link(2, 3))
        .when(link(1, 2))
        .then_unchanged()
        .when(link(1, 1))
        .then_refused_by("K1", "LINK_CYCLE")
        .when(link(1, 9))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(link(1, 3))
        .then_accepted()
        .when(link(3, 1))
        .then_refused_by("K1", "LINK_CYCLE");
    linked.then_project(|project| assert_eq!(project.activity_links.len(), 3));
}

#[test]
fn k2_the_time_plan_reads_as_a_chart_by_month_and_by_quarter() {
    let dated = ActivityResult {
        description: "In use".to_owned(),
        due: Some("2018-01-01".to_owned()),
    };
    let undated = ActivityResult {
        description: "Learned".to_owned(),
        due: None,
    };
    let plan_with_result = plan_of(
        2,
        vec![
            span("2017-09", "2017-10"),
            span("2017-02", "2017-Q2"),
            span("2017-07", "2017-07"),
        ],
    )
    .map(|plan| ActivityPlan {
        results: vec![dated, undated],
        ..plan
    });
    let planned = project()
        .given(plan(1, vec![span("2017-Q1", "2017-Q1")]))
        .given(PlanActivity {
            plan: plan_with_result,
            ..plan(2, vec![])
        })
        .given(plan(3, vec![span("2019-01", "2019-12")]))
        .given(link(1, 2))
        .because("Not now")
        .given(cancel(3))
        .project();

    let months = gantt_reading(&planned, GanttGranularity::Month);
    assert_eq!(
        (
            months.columns.len(),
            months.columns[0].as_str(),
            months.columns[12].as_str()
        ),
        (13, "2017-01", "2018-01")
    );
    assert_eq!(months.rows.len(), 2, "what is cancelled is not in the time plan");
    assert_eq!(
        months.rows[0].bars,
        [GanttBar {
            first_column: 0,
            last_column: 2
        }]
    );
    assert_eq!(
        months.rows[1].bars,
        [
            GanttBar {
                first_column: 1,
                last_column: 6
            },
            GanttBar {
                first_column: 8,
                last_column: 9
            }
        ]
    );
    assert_eq!(
        (
            months.rows[1].results[0].column,
            months.rows[1].after_activity_ids.clone()
        ),
        (12, vec![id(1)])
    );

    let quarters = gantt_reading(&planned, GanttGranularity::Quarter);
    assert_eq!(
        quarters.columns,
        ["2017-Q1", "2017-Q2", "2017-Q3", "2017-Q4", "2018-Q1"]
    );
    assert_eq!(
        quarters.rows[1].bars,
        [GanttBar {
            first_column: 0,
            last_column: 3
        }]
    );
}

#[test]
fn k2_milestones_stand_in_the_chart_and_a_mistyped_year_does_not_stretch_it() {
    let milestone = |number: u32, deadline: &str| PlanMilestone {
        project_id: PROJECT.to_owned(),
        milestone_id: id(number),
        plan: Some(MilestonePlan {
            number: format!("MP{number}"),
            name: "In use".to_owned(),
            measurable_result: "It is used".to_owned(),
            ..Default::default()
        }),
        deadline: deadline.to_owned(),
        ..Default::default()
    };
    let mut planned = project()
        .given(milestone(1, "2017-08-20"))
        .given(milestone(2, "2017-08-20"))
        .project();
    // No command may say it (X10), but a fold passes over nothing.
    "0201-08-20".clone_into(&mut planned.milestones[1].deadline);
    let chart = gantt_reading(&planned, GanttGranularity::Unspecified);
    assert_eq!(
        (chart.granularity(), chart.columns.as_slice()),
        (GanttGranularity::Month, &["2017-08".to_owned()][..])
    );
    assert_eq!(
        (chart.milestones.len(), chart.milestones[0].text.as_str()),
        (1, "MP1 In use")
    );
    assert!(
        gantt_reading(&project().project(), GanttGranularity::Month)
            .columns
            .is_empty()
    );
}

#[test]
fn a_schedule_does_not_end_before_it_begins() {
    project()
        .when(plan(1, vec![span("2017-04", "2017-Q1")]))
        .then_refused(Kind::InvalidArgument, "SCHEDULE_ENDS_BEFORE_IT_BEGINS")
        .when(plan(1, vec![span("2017-03", "2017-Q1")]))
        .then_accepted()
        .when(revise(1, plan_of(1, vec![span("2018-01", "2017-12")])))
        .then_refused(Kind::InvalidArgument, "SCHEDULE_ENDS_BEFORE_IT_BEGINS");
}

#[test]
fn an_activity_is_started_reported_on_and_completed() {
    project()
        .given(plan(1, vec![]))
        .when(report(1, 10))
        .then_refused(Kind::FailedPrecondition, "ACTIVITY_NOT_STARTED")
        .when(complete(1))
        .then_refused(Kind::FailedPrecondition, "ACTIVITY_NOT_STARTED")
        .given(start(1))
        .when(start(1))
        .then_unchanged()
        .given(report(1, 40))
        .when(report(1, 40))
        .then_unchanged()
        .on("2017-02-01")
        .when(report(1, 40))
        .then_accepted()
        .given(complete(1))
        .when(complete(1))
        .then_unchanged()
        .when(start(1))
        .then_refused(Kind::FailedPrecondition, "ACTIVITY_COMPLETED")
        .when(revise(1, plan_of(2, vec![])))
        .then_refused(Kind::FailedPrecondition, "ACTIVITY_COMPLETED")
        .then_project(|project| {
            let activity = &project.activities[0];
            assert_eq!(
                (activity.started_on.as_deref(), activity.ended_on.as_deref()),
                (Some("2017-01-02"), Some("2017-02-01"))
            );
            assert_eq!((activity.percent, activity.progress.len()), (100, 2));
        });
}

#[test]
fn an_activity_is_planned_once_and_revised_after_that() {
    project()
        .when(revise(1, plan_of(1, vec![])))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(plan(1, vec![]))
        .when(plan(1, vec![]))
        .then_unchanged()
        .when(plan(1, vec![span("2017-01", "2017-02")]))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(revise(1, plan_of(1, vec![])))
        .then_unchanged()
        .when(revise(1, plan_of(1, vec![span("2017-01", "2017-02")])))
        .then_accepted()
        .then_project(|project| assert_eq!(project.activities[0].plan, plan_of(1, vec![span("2017-01", "2017-02")])));
}

#[test]
fn an_activity_is_cancelled_for_a_reason() {
    project()
        .given(plan(1, vec![]))
        .when(cancel(1))
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("No money")
        .given(cancel(1))
        .when(cancel(1))
        .then_unchanged()
        .when(start(1))
        .then_refused(Kind::FailedPrecondition, "ACTIVITY_CANCELLED");
}

#[test]
fn a_number_used_twice_is_found_until_it_is_mended() {
    let twice = project().given(plan(1, vec![])).given(PlanActivity {
        plan: plan_of(1, vec![]),
        ..plan(2, vec![])
    });
    assert_eq!(
        twice
            .findings()
            .iter()
            .find(|finding| finding.code == "ACTIVITY_NUMBER_REPEATED")
            .unwrap()
            .description,
        "2 activities have the number HA01."
    );
    twice
        .given(revise(2, plan_of(2, vec![])))
        .then_found("ACTIVITY_NUMBER_REPEATED", 0);
}

#[test]
fn k1_a_circle_is_told_with_the_way_round() {
    let planned = (1..=4).fold(project(), |scenario, number| scenario.given(plan(number, vec![])));
    planned
        .given(link(1, 2))
        .given(link(1, 3))
        .given(link(3, 4))
        .when(link(4, 1))
        .then_refused_by("K1", "LINK_CYCLE")
        .then_says("since HA01 comes before HA04 already: HA01, HA03, HA04.");
}
