//! Proves the rules of reports: T1, T2, and the final report of J2.

use vedtak::domain::{Kind, report_reading};
use vedtak::schema::v1::*;

use super::budget;
use super::decision_point::{approve, plan as plan_point, project_with_council};
use super::deviation::raise;
use super::organization::body;
use super::role::assign;
use super::scenario::{PROJECT, Scenario, id};

fn to_role(role: ProjectRole) -> Addressee {
    Addressee {
        addressee: Some(addressee::Addressee::Role(role.into())),
    }
}

fn ministry() -> Addressee {
    Addressee {
        addressee: Some(addressee::Addressee::External("The ministry".to_owned())),
    }
}

fn content(from: &str, to: &str) -> ReportContent {
    let as_planned = Some(ReportedAssessment {
        standing: ReportedStanding::AsPlanned.into(),
        text: "As planned".to_owned(),
    });
    ReportContent {
        period: Some(Period {
            from: from.to_owned(),
            to: Some(to.to_owned()),
        }),
        reporting_role: ProjectRole::Leader.into(),
        to: vec![to_role(ProjectRole::Responsible)],
        time: as_planned.clone(),
        cost: as_planned.clone(),
        quality: as_planned,
        summary: "The tender is out.".to_owned(),
        document: None,
    }
}

/// The leader reports to the responsible on January 2017, under `id(number)`.
fn submit(number: u32) -> SubmitStatusReport {
    SubmitStatusReport {
        project_id: PROJECT.to_owned(),
        report_id: id(number),
        content: Some(content("2017-01-01", "2017-01-31")),
        ..Default::default()
    }
}

fn with(change: impl FnOnce(&mut ReportContent), mut command: SubmitStatusReport) -> SubmitStatusReport {
    change(command.content.as_mut().unwrap());
    command
}

/// The final report, so that a project can be closed.
pub fn submit_final(number: u32) -> SubmitFinalReport {
    SubmitFinalReport {
        project_id: PROJECT.to_owned(),
        report_id: id(number),
        content: Some(content("2017-01-01", "2018-12-31")),
        ..Default::default()
    }
}

fn acknowledge(number: u32, note: &str) -> AcknowledgeReport {
    AcknowledgeReport {
        project_id: PROJECT.to_owned(),
        report_id: id(number),
        note: note.to_owned(),
        ..Default::default()
    }
}

fn rhythm(to: Addressee, every: i32, interval: ReportInterval) -> SetReportRhythm {
    SetReportRhythm {
        project_id: PROJECT.to_owned(),
        rhythm_id: id(60),
        terms: Some(ReportRhythmTerms {
            reporting_role: ProjectRole::Leader.into(),
            to: Some(to),
            every,
            interval: interval.into(),
        }),
        ..Default::default()
    }
}

fn fortnightly() -> SetReportRhythm {
    rhythm(to_role(ProjectRole::Responsible), 14, ReportInterval::Days)
}

fn end_rhythm(number: u32) -> EndReportRhythm {
    EndReportRhythm {
        project_id: PROJECT.to_owned(),
        rhythm_id: id(number),
        ..Default::default()
    }
}

fn cancel() -> CancelProject {
    CancelProject {
        project_id: PROJECT.to_owned(),
        ..Default::default()
    }
}

/// A project with a phase under way, money, a risk, a deviation, milestones and decision points.
fn under_way() -> Scenario {
    let milestone = |number, deadline: &str| PlanMilestone {
        project_id: PROJECT.to_owned(),
        milestone_id: id(number),
        plan: Some(MilestonePlan {
            name: "Contract signed".to_owned(),
            measurable_result: "The contract exists".to_owned(),
            ..Default::default()
        }),
        deadline: deadline.to_owned(),
        ..Default::default()
    };
    project_with_council()
        .given(assign(90, ProjectRole::Leader, "liv"))
        .given(budget::cost(50, "2017", budget::known(60_000)))
        .given(budget::cost(51, "2018", budget::known(40_000)))
        .given(plan_point(10))
        .given(plan_point(11))
        .given(approve(10))
        .given(milestone(20, "2017-01-15"))
        .given(milestone(21, "2017-06-01"))
        .given(raise(30))
        .given(RegisterRisk {
            project_id: PROJECT.to_owned(),
            risk_id: id(40),
            description: "Too little money".to_owned(),
            assessment: Some(RiskAssessment {
                probability: 4,
                consequence: 2,
                stated_factor: None,
            }),
            ..Default::default()
        })
        .on("2017-02-01")
}

#[test]
fn t1_a_report_carries_the_figures_of_its_own_position() {
    let project = under_way().given(submit(1)).project();
    let reading = report_reading(&project, &id(1)).unwrap();
    assert_eq!(reading.report.as_ref(), project.reports.first());
    assert_eq!(reading.position, project.position);
    let money = |kroner: i64| {
        Some(Total {
            known_ore: kroner * 100,
            ..Total::default()
        })
    };
    assert_eq!(
        reading.figures.unwrap(),
        KeyFigures {
            position: project.position,
            date: "2017-02-01".to_owned(),
            budget_status: BudgetStatus::Draft.into(),
            cost: money(100_000),
            financing: money(0),
            committed: money(0),
            actual: money(0),
            remaining: money(100_000),
            open_risks: 1,
            worst_risk_factor: 8,
            open_deviations: 1,
            milestones_planned: 2,
            milestones_overdue: 1,
            next_milestone_id: Some(id(20)),
            next_milestone_deadline: Some("2017-01-15".to_owned()),
            decision_points_decided: 1,
            decision_points_open: 1,
            next_decision_point_id: Some(id(11)),
            next_decision_date: Some("2017-03-15".to_owned()),
            ..KeyFigures::default()
        }
    );
}

#[test]
fn t1_a_later_report_has_the_figures_of_its_own_day() {
    let later = under_way()
        .given(submit(1))
        .on("2017-07-01")
        .given(budget::cost(50, "2017", budget::known(900_000)))
        .given(approve(11))
        .given(raise(31))
        .given(submit(2))
        .project();
    let figures = report_reading(&later, &id(2)).unwrap().figures.unwrap();
    assert_eq!(figures.cost.unwrap().known_ore, 94_000_000);
    assert_eq!((figures.open_deviations, figures.milestones_overdue), (2, 2));
    assert_eq!(
        (figures.decision_points_decided, figures.next_decision_point_id),
        (2, None)
    );
    assert!(report_reading(&later, &id(99)).is_none());
}

#[test]
fn t1_what_a_report_says_never_changes() {
    under_way()
        .given(submit(1))
        .when(submit(1))
        .then_unchanged()
        .when(with(|content| content.summary.clear(), submit(1)))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(SubmitFinalReport {
            content: submit(1).content,
            ..submit_final(1)
        })
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS");
}

#[test]
fn t2_a_report_is_overdue_when_more_days_have_passed_than_its_rhythm_allows() {
    let begun = project_with_council()
        .on("2017-02-01")
        .given(fortnightly())
        .when(fortnightly())
        .then_unchanged()
        .on("2017-02-15")
        .then_found("T2", 0)
        .on("2017-02-16")
        .then_found("T2", 1);
    assert_eq!(
        said(&begun),
        "The project leader reports to the project responsible every 14 days: a report was due by 2017-02-15, and none has come since 2017-02-01."
    );
    let reported = begun
        .given(assign(90, ProjectRole::Leader, "liv"))
        .given(submit(1))
        .then_found("T2", 0)
        .on("2017-03-02")
        .then_found("T2", 0)
        .on("2017-03-03")
        .then_found("T2", 1);
    assert_eq!(
        said(&reported),
        "The project leader reports to the project responsible every 14 days: a report was due by 2017-03-02, and the last came on 2017-02-16."
    );
    reported
        .clone()
        .given(rhythm(to_role(ProjectRole::Responsible), 1, ReportInterval::Months))
        .then_found("T2", 0);
    reported.clone().given(end_rhythm(60)).then_found("T2", 0);
    reported.because("No money").given(cancel()).then_found("T2", 0);
}

fn said(scenario: &Scenario) -> String {
    let found = scenario.findings().into_iter().find(|finding| finding.code == "T2");
    found.unwrap().description
}

#[test]
fn t2_a_yearly_report_to_the_ministry_is_not_made_by_a_report_to_another() {
    let yearly = rhythm(ministry(), 1, ReportInterval::Years);
    let to_ministry = with(|content| content.to.push(ministry()), submit(2));
    project_with_council()
        .given(SetFrame {
            project_id: PROJECT.to_owned(),
            frame: Some(ProjectFrame {
                period: Some(Period {
                    from: "2017-02-28".to_owned(),
                    to: None,
                }),
                economic: None,
            }),
            ..Default::default()
        })
        .given(yearly)
        .given(assign(90, ProjectRole::Leader, "liv"))
        .on("2018-02-28")
        .given(submit(1))
        .then_found("T2", 0)
        .on("2018-03-01")
        .then_found("T2", 1)
        .given(to_ministry)
        .then_found("T2", 0)
        .on("2019-03-01")
        .then_found("T2", 0)
        .on("2019-03-02")
        .then_found("T2", 1);
}

#[test]
fn t2_a_month_that_is_shorter_ends_the_interval_on_its_last_day() {
    project_with_council()
        .on("2017-01-31")
        .given(rhythm(to_role(ProjectRole::Responsible), 1, ReportInterval::Months))
        .on("2017-02-28")
        .then_found("T2", 0)
        .on("2017-03-01")
        .then_found("T2", 1);
}

#[test]
fn a_rhythm_is_set_for_somebody_who_is_there_and_is_ended_once() {
    let to_body = |number| Addressee {
        addressee: Some(addressee::Addressee::Body(body(number))),
    };
    project_with_council()
        .when(rhythm(Addressee::default(), 14, ReportInterval::Days))
        .then_refused(Kind::InvalidArgument, "ADDRESSEE_REQUIRED")
        .when(rhythm(to_body(99), 14, ReportInterval::Days))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(rhythm(to_body(1), 14, ReportInterval::Days))
        .when(end_rhythm(61))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .effective("2017-01-01")
        .when(end_rhythm(60))
        .then_refused(Kind::InvalidArgument, "ENDS_BEFORE_IT_BEGINS")
        .effective("2017-01-02")
        .given(end_rhythm(60))
        .when(end_rhythm(60))
        .then_unchanged()
        .when(rhythm(to_body(1), 14, ReportInterval::Days))
        .then_accepted();
}

#[test]
fn a_report_covers_days_that_have_begun_and_goes_to_somebody_who_is_there() {
    let period = |from: &str, to: Option<&str>| {
        let (from, to) = (from.to_owned(), to.map(str::to_owned));
        with(|content| content.period = Some(Period { from, to }), submit(1))
    };
    let to = |to| with(|content| content.to = vec![Addressee { addressee: to }], submit(1));
    under_way()
        .by("liv")
        .when(period("2017-01-01", None))
        .then_refused(Kind::InvalidArgument, "PERIOD_IS_OPEN")
        .when(period("2017-01-31", Some("2017-01-01")))
        .then_refused(Kind::InvalidArgument, "ENDS_BEFORE_IT_BEGINS")
        .when(period("2017-02-02", Some("2017-02-28")))
        .then_refused(Kind::InvalidArgument, "PERIOD_NOT_BEGUN")
        .when(to(None))
        .then_refused(Kind::InvalidArgument, "ADDRESSEE_REQUIRED")
        .when(to(Some(addressee::Addressee::Body(body(99)))))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(to(Some(addressee::Addressee::Body(body(1)))))
        .then_accepted();
}

#[test]
fn a_report_is_acknowledged_only_by_those_that_it_goes_to() {
    let to_the_council = with(
        |content| {
            content.to = vec![Addressee {
                addressee: Some(addressee::Addressee::Body(body(2))),
            }]
        },
        submit(2),
    );
    under_way()
        .given(submit(1))
        .given(to_the_council)
        .by("ola")
        .when(acknowledge(1, "Noted."))
        .then_refused(Kind::PermissionDenied, "NOT_THE_ADDRESSEE")
        .then_says("This is for the project responsible to do: ola")
        .given(assign(70, ProjectRole::Responsible, "ola"))
        .when(acknowledge(1, "Noted."))
        .then_accepted()
        .then_acted_as("PROJECT_RESPONSIBLE")
        .when(acknowledge(2, "Noted."))
        .then_refused(Kind::PermissionDenied, "NOT_THE_ADDRESSEE")
        .by("kari")
        .when(acknowledge(2, "Noted."))
        .then_accepted();
}

#[test]
fn a_report_is_acknowledged_once_by_each_and_not_before_it_was_submitted() {
    let to_all = with(|content| content.to.push(ministry()), submit(1));
    under_way()
        .given(to_all)
        .when(acknowledge(2, "Noted."))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .effective("2017-01-31")
        .when(acknowledge(1, "Noted."))
        .then_refused(Kind::InvalidArgument, "BEFORE_THE_REPORT")
        .effective("2017-02-01")
        .given(acknowledge(1, "Noted."))
        .when(acknowledge(1, "Noted."))
        .then_unchanged()
        .when(acknowledge(1, "Well done."))
        .then_refused(Kind::FailedPrecondition, "REPORT_ACKNOWLEDGED")
        .by("ola")
        .given(acknowledge(1, "Well done."))
        .then_project(|project| {
            let given = project.reports[0].acknowledgements.iter();
            assert_eq!(
                given.map(|given| given.subject.as_str()).collect::<Vec<_>>(),
                ["kari", "ola"]
            );
        });
}

#[test]
fn j2_a_project_is_not_closed_without_a_final_report() {
    let closing = PlanDecisionPoint {
        kind: DecisionPointKind::ProjectClosing.into(),
        ..plan_point(10)
    };
    let close = || CloseProject {
        project_id: PROJECT.to_owned(),
        decision_point_id: id(10),
        ..Default::default()
    };
    project_with_council()
        .given(assign(71, ProjectRole::Responsible, "per"))
        .given(assign(72, ProjectRole::Leader, "liv"))
        .given(closing)
        .given(approve(10))
        .given(ApproveClosing {
            project_id: PROJECT.to_owned(),
            ..Default::default()
        })
        .on("2018-12-31")
        .given(submit(1))
        .when(close())
        .then_refused_by("J2", "FINAL_REPORT_MISSING")
        .given(submit_final(2))
        .when(submit_final(2))
        .then_unchanged()
        .effective("2018-12-30")
        .when(close())
        .then_refused_by("J2", "FINAL_REPORT_MISSING")
        .effective("2018-12-31")
        .when(close())
        .then_accepted()
        .by("liv")
        .when(submit(3))
        .then_refused(Kind::FailedPrecondition, "PROJECT_ENDED")
        .by("per")
        .when(acknowledge(2, "Thank you."))
        .then_accepted();
}

#[test]
fn evaluations_and_lessons_come_also_after_the_end_and_are_said_once() {
    let evaluation = |assessment: &str| RecordEvaluation {
        project_id: PROJECT.to_owned(),
        evaluation_id: id(80),
        kind: EvaluationKind::Afterwards.into(),
        assessment: assessment.to_owned(),
        ..Default::default()
    };
    let lesson = |advice: &str| RecordLesson {
        project_id: PROJECT.to_owned(),
        lesson_id: id(81),
        experience: "The users came in late.".to_owned(),
        advice: advice.to_owned(),
        ..Default::default()
    };
    project_with_council()
        .because("No money")
        .given(cancel())
        .on("2019-06-01")
        .given(evaluation("Half of it is in use."))
        .when(evaluation("Half of it is in use."))
        .then_unchanged()
        .when(evaluation("All of it is in use."))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .given(lesson("Ask them first."))
        .when(lesson("Ask them first."))
        .then_unchanged()
        .when(lesson("Ask nobody."))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .then_project(|project| {
            assert_eq!(project.evaluations[0].date, "2019-06-01");
            assert_eq!(project.lessons[0].advice, "Ask them first.");
        });
}
