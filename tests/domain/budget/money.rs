//! Proves the rules of money carried over, committed and used: E6–E8.

use vedtak::domain::{Kind, budget_reading};
use vedtak::schema::v1::*;

use super::super::risk::project;
use super::super::scenario::id;
use super::*;

#[test]
fn e6_carried_over_money_beyond_what_the_earlier_year_left_is_found() {
    let used = project()
        .given(cost(1, "2017", known(500)))
        .given(financing(2, "2017", known(500)))
        .given(actual(3, 1, 400))
        .given(carry_over(4, 100))
        .then_found("E6", 0)
        .given(carry_over(4, 300));
    assert_eq!(
        sentences(&used, "E6"),
        ["300 kr is carried over from 2017, which left 100 kr."]
    );
    used.given(carry_over(4, 100))
        .then_found("E6", 0)
        .given(financing(2, "2017", unknown()))
        .then_found("E6", 0);
}

#[test]
fn carried_over_funds_become_a_financing_line_of_the_later_year() {
    let planned = from(
        source(FinancingSourceKind::CarriedOver, Some("2017"), None),
        financing(1, "2018", known(300)),
    );
    project()
        .given(planned.clone())
        .when(carry_over(1, 300))
        .then_accepted()
        .then_project(|project| {
            let line = &project.budget.as_ref().unwrap().financing_lines[0];
            assert_eq!(line.carried_over_on.as_deref(), Some("2017-01-02"));
            assert_eq!(budget_reading(project).periods[0].carried_in, total(300, 0, 0));
        })
        .when(carry_over(1, 300))
        .then_unchanged()
        .when(planned)
        .then_refused(Kind::FailedPrecondition, "FUNDS_CARRIED_OVER")
        .given(cost(2, "2018", known(1)))
        .when(carry_over(2, 300))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .given(financing(3, "2018", known(1)))
        .when(carry_over(3, 300))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(CarryOverFunds {
            from_year: "2018".to_owned(),
            ..carry_over(4, 300)
        })
        .then_refused_by("E3", "YEARS_NOT_IN_ORDER");
}

#[test]
fn e7_an_actual_is_negative_only_as_a_correction_that_names_what_it_corrects() {
    project()
        .given(cost(1, "2017", known(500)))
        .given(cost(2, "2017", known(500)))
        .given(actual(10, 1, 400))
        .when(actual(11, 1, -100))
        .then_refused_by("E7", "ACTUAL_NEGATIVE")
        .when(correcting(99, actual(11, 1, -100)))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(correcting(10, actual(11, 2, -100)))
        .then_refused_by("E7", "CORRECTION_ELSEWHERE")
        .when(correcting(10, actual(11, 1, -500)))
        .then_refused_by("E7", "CORRECTION_EXCEEDS_ENTRY")
        .when(correcting(10, actual(11, 1, -100)))
        .then_accepted()
        .when(correcting(11, actual(12, 1, -100)))
        .then_refused_by("E7", "CORRECTION_OF_CORRECTION")
        .when(correcting(10, actual(12, 1, -301)))
        .then_refused_by("E7", "CORRECTION_EXCEEDS_ENTRY")
        .then_project(|project| assert_eq!(budget_reading(project).periods[0].actual, total(300, 0, 0)));
}

#[test]
fn e8_what_remains_is_the_budget_less_what_is_used_and_what_is_committed_and_unpaid() {
    project()
        .given(cost(1, "2017", known(1_000)))
        .given(cost(2, "2017", estimated(50)))
        .given(cost(3, "2018", unknown()))
        .given(commitment(10, 1, known(600)))
        .given(paying(10, actual(11, 1, 200)))
        .given(correcting(11, actual(12, 1, -50)))
        .given(actual(13, 2, 10))
        .then_project(|project| {
            let reading = budget_reading(project);
            let year = &reading.periods[0];
            assert_eq!(
                (year.cost, year.committed, year.actual),
                (total(1_000, 50, 0), total(600, 0, 0), total(160, 0, 0))
            );
            // Of the 600, 150 are paid: 1 000 + 50 − 160 − 450.
            assert_eq!(year.remaining, total(390, 50, 0));
            assert_eq!(year.posts.len(), 1, "one kind and post");
            assert_eq!(year.posts[0].line_ids, [id(1), id(2)]);
            assert_eq!(year.posts[0].remaining, year.remaining);
            assert_eq!(reading.periods[1].remaining, total(0, 0, 1));
        });
}

#[test]
fn e8_each_municipality_bears_a_share() {
    let share = |number, municipality, kroner| {
        from(
            source(FinancingSourceKind::MemberShare, None, Some(municipality)),
            financing(number, "2017", known(kroner)),
        )
    };
    let shared = project()
        .given(share(1, "974760673", 100))
        .given(share(2, "940192226", 200))
        .given(share(3, "974760673", 500));
    let shares = budget_reading(&shared.project()).shares;
    let expected = [
        ("974760673", total(600, 0, 0), Some(7_500)),
        ("940192226", total(200, 0, 0), Some(2_500)),
    ];
    let read: Vec<_> = shares
        .iter()
        .map(|share| (share.municipality.as_str(), share.amount, share.basis_points))
        .collect();
    assert_eq!(read, expected);
    let unsure = shared.given(SetFinancingLine {
        line: Some(line("2018", "Share", unknown())),
        ..share(4, "940192226", 1)
    });
    assert!(
        budget_reading(&unsure.project())
            .shares
            .iter()
            .all(|share| share.basis_points.is_none())
    );
}

#[test]
fn a_line_that_money_is_committed_or_used_on_stays_in_its_period() {
    project()
        .when(remove(1))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(cost(1, "2017", known(5)))
        .given(cost(2, "2017", known(5)))
        .given(commitment(10, 1, unknown()))
        .when(remove(1))
        .then_refused(Kind::FailedPrecondition, "LINE_IN_USE")
        .when(cost(1, "2018", known(5)))
        .then_refused(Kind::FailedPrecondition, "LINE_IN_USE")
        .when(cost(1, "2017", known(50)))
        .then_accepted()
        .when(remove(2))
        .then_accepted();
}

#[test]
fn entries_are_recorded_once_on_lines_that_are_there() {
    project()
        .when(commitment(10, 1, known(1)))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(actual(11, 1, 1))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(cost(1, "2017", known(5)))
        .given(cost(2, "2017", known(5)))
        .given(commitment(10, 1, known(1)))
        .when(commitment(10, 1, known(1)))
        .then_unchanged()
        .when(commitment(10, 1, known(2)))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(paying(10, actual(11, 2, 1)))
        .then_refused(Kind::FailedPrecondition, "COMMITMENT_ON_OTHER_LINE")
        .given(paying(10, actual(11, 1, 1)))
        .when(paying(10, actual(11, 1, 1)))
        .then_unchanged()
        .when(actual(11, 1, 2))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS");
}
