//! Proves what a project says itself of who may send which commands (DefineAuthorities): W1, W3, W7.

use vedtak::domain::{Kind, authorities};
use vedtak::schema::v1::*;

use super::budget::{approve, cost, known};
use super::decision_point::project_with_council;
use super::document::{approve_document, draft};
use super::role::assign;
use super::scenario::{PROJECT, Scenario, id};

fn says(command: &str, roles: &[ProjectRole]) -> CommandAuthority {
    let holder = |role: &ProjectRole| AuthorityHolder {
        holder: Some(authority_holder::Holder::Role((*role).into())),
    };
    CommandAuthority {
        command: command.to_owned(),
        holders: roles.iter().map(holder).collect(),
    }
}

fn define(authorities: Vec<CommandAuthority>) -> DefineAuthorities {
    DefineAuthorities {
        project_id: PROJECT.to_owned(),
        authorities,
        ..Default::default()
    }
}

/// A budget to approve, and `liv` as the architect, who may not approve it by the schema.
fn budgeted() -> Scenario {
    project_with_council()
        .given(cost(50, "2017", known(100)))
        .given(assign(90, ProjectRole::Architect, "liv"))
        .with_authority("KST sak 1/2017")
        .recording_only()
}

#[test]
fn w1_a_project_says_itself_who_approves_and_says_it_no_more() {
    let architect = [ProjectRole::Architect];
    let defined = budgeted()
        .by("liv")
        .when(approve())
        .then_refused_by("W1", "NOT_ENTITLED")
        .by("kari")
        .given(define(vec![says("ApproveBudget", &architect)]));
    defined
        .clone()
        .by("kari")
        .when(approve())
        .then_refused_by("W1", "NOT_ENTITLED")
        .then_says("liv")
        .by("liv")
        .when(approve())
        .then_accepted();
    defined
        .by("kari")
        .given(define(vec![says("ApproveBudget", &[])]))
        .by("liv")
        .when(approve())
        .then_refused_by("W1", "NOT_ENTITLED")
        .by("kari")
        .when(approve())
        .then_accepted();
}

#[test]
fn w1_what_a_project_says_holds_from_its_day_on_and_not_before() {
    budgeted()
        .by("kari")
        .on("2017-06-02")
        .effective("2017-06-01")
        .given(define(vec![says("ApproveBudget", &[ProjectRole::Architect])]))
        .by("liv")
        .effective("2017-05-31")
        .when(approve())
        .then_refused_by("W1", "NOT_ENTITLED")
        .effective("2017-06-01")
        .when(approve())
        .then_accepted();
}

#[test]
fn w7_only_the_owner_says_who_may_do_what() {
    budgeted()
        .by("liv")
        .when(define(vec![says("ApproveBudget", &[ProjectRole::Architect])]))
        .then_refused_by("W7", "NOT_ENTITLED")
        .then_says("the owner");
}

#[test]
fn w1_what_gives_rights_or_decides_a_point_or_is_open_cannot_be_moved() {
    let owner = budgeted().by("kari");
    for command in [
        "AssignRole",
        "ApproveDecisionPoint",
        "DefineAuthorities",
        "RegisterRisk",
        "Nothing",
    ] {
        owner
            .clone()
            .when(define(vec![says(command, &[ProjectRole::Architect])]))
            .then_refused(Kind::InvalidArgument, "AUTHORITY_NOT_DEFINABLE");
    }
    let twice = vec![says("ApproveBudget", &[]), says("ApproveBudget", &[])];
    owner
        .when(define(twice))
        .then_refused(Kind::InvalidArgument, "NAMED_TWICE");
}

#[test]
fn w1_the_document_that_says_it_has_been_approved_first() {
    let by_document = DefineAuthorities {
        document_id: Some(id(91)),
        ..define(vec![says("ApproveBudget", &[ProjectRole::Architect])])
    };
    budgeted()
        .by("kari")
        .given(draft(91, "1.0", 'a'))
        .when(by_document.clone())
        .then_refused_by("W1", "DOCUMENT_NOT_APPROVED")
        .given(approve_document(91, "1.0"))
        .given(by_document.clone())
        .when(by_document)
        .then_unchanged();
}

#[test]
fn w1_who_may_do_what_on_a_day_is_read_with_whoever_holds_the_roles() {
    let scenario = budgeted()
        .by("kari")
        .on("2017-06-02")
        .effective("2017-06-01")
        .given(define(vec![says("ApproveBudget", &[ProjectRole::Architect])]));
    let on = |date: &str| {
        let list = authorities(&scenario.project(), date);
        assert!(list.commands.iter().all(|command| command.command != "RegisterRisk"));
        let found = list
            .commands
            .into_iter()
            .find(|command| command.command == "ApproveBudget");
        found.unwrap()
    };
    let (before, after) = (on("2017-05-31"), on("2017-06-01"));
    let subjects = |command: &CommandHolders| -> Vec<String> {
        let assignments = command.holders.iter().flat_map(|holder| &holder.assignments);
        let held = assignments.filter_map(|held| match held.holder.clone()?.holder? {
            role_holder::Holder::Person(person) => Some(person.subject),
            _ => None,
        });
        held.collect()
    };
    assert!(before.definable && before.defined.is_none());
    assert!(subjects(&before).contains(&"kari".to_owned()), "{before:?}");
    assert_eq!(subjects(&after), ["liv"]);
    assert_eq!(after.defined.unwrap().recorded, "2017-06-02");
}
