//! Proves the rules of governing documents: D2 to D4.

use vedtak::domain::Kind;
use vedtak::schema::v1::*;

use super::risk::project;
use super::scenario::{PROJECT, id};

/// A file whose hash is one digit, repeated.
pub fn file(title: &str, digit: char) -> DocumentReference {
    DocumentReference {
        title: title.to_owned(),
        sha256: digit.to_string().repeat(64),
        link: String::new(),
    }
}

/// Drafts a project plan under `id(number)`.
pub fn draft(number: u32, version: &str, digit: char) -> DraftDocument {
    DraftDocument {
        project_id: PROJECT.to_owned(),
        document_id: id(number),
        kind: DocumentKind::ProjectPlan.into(),
        version: version.to_owned(),
        document: Some(file("Project plan", digit)),
        ..Default::default()
    }
}

pub fn revise(number: u32, version: &str, digit: char) -> ReviseDocument {
    ReviseDocument {
        project_id: PROJECT.to_owned(),
        document_id: id(number),
        version: version.to_owned(),
        document: Some(file("Project plan", digit)),
        ..Default::default()
    }
}

pub fn approve_document(number: u32, version: &str) -> ApproveDocument {
    let (project_id, version) = (PROJECT.to_owned(), version.to_owned());
    ApproveDocument {
        project_id,
        document_id: id(number),
        version,
        ..Default::default()
    }
}

fn roll_over(year: i32, version: &str) -> RollOverPlan {
    let (project_id, version) = (PROJECT.to_owned(), version.to_owned());
    RollOverPlan {
        project_id,
        document_id: id(1),
        year,
        version,
        ..Default::default()
    }
}

#[test]
fn d2_an_approved_version_never_changes_and_revision_makes_a_new_one() {
    project()
        .given(draft(1, "1.0", 'a'))
        .given(approve_document(1, "1.0"))
        .when(revise(1, "1.0", 'b'))
        .then_refused_by("D2", "VERSION_APPROVED")
        .when(revise(1, "1.0", 'a'))
        .then_unchanged()
        .when(revise(1, "2.0", 'b'))
        .then_accepted()
        .when(approve_document(1, "2.0"))
        .then_accepted();
}

#[test]
fn d2_a_version_is_approved_once() {
    project()
        .given(draft(1, "1.0", 'a'))
        .with_authority("F-adm sak 5/2016")
        .when(approve_document(1, "1.0"))
        .then_accepted()
        .when(approve_document(1, "1.0"))
        .then_unchanged()
        .then_project(|project| {
            let version = &project.documents[0].versions[0];
            assert_eq!(version.approved.as_deref(), Some("2017-01-02"));
            assert_eq!(version.authority, "F-adm sak 5/2016");
        })
        .on("2017-01-03")
        .when(approve_document(1, "1.0"))
        .then_refused_by("D2", "VERSION_APPROVED");
}

#[test]
fn d3_every_version_is_kept() {
    project()
        .given(draft(1, "0.9", 'a'))
        .given(revise(1, "0.9", 'b'))
        .given(revise(1, "1.0", 'c'))
        .then_project(|project| {
            let versions = project.documents[0].versions.iter();
            let versions: Vec<_> = versions
                .map(|version| (version.version.as_str(), version.document.clone()))
                .collect();
            assert_eq!(
                versions,
                [
                    ("0.9", Some(file("Project plan", 'b'))),
                    ("1.0", Some(file("Project plan", 'c')))
                ]
            );
        });
}

#[test]
fn a_plan_is_rolled_over_for_a_year_once_and_to_a_version_that_exists() {
    project()
        .given(draft(1, "1.0", 'a'))
        .when(roll_over(2018, "2.0"))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(revise(1, "2.0", 'b'))
        .when(roll_over(2018, "2.0"))
        .then_accepted()
        .when(roll_over(2018, "2.0"))
        .then_unchanged()
        .when(roll_over(2018, "1.0"))
        .then_refused(Kind::FailedPrecondition, "ROLLED_OVER");
}

#[test]
fn d4_a_passed_year_of_the_project_without_a_roll_over_is_found() {
    let period = Some(Period {
        from: "2017-03-15".to_owned(),
        to: Some("2019-11-01".to_owned()),
    });
    let frame = Some(ProjectFrame { period, economic: None });
    let framed = project()
        .given(SetFrame {
            project_id: PROJECT.to_owned(),
            frame,
            ..Default::default()
        })
        .given(draft(1, "1.0", 'a'))
        .on("2018-12-31")
        .then_found("D4", 0)
        .on("2021-01-01")
        .then_found("D4", 1);
    assert_eq!(
        framed
            .findings()
            .into_iter()
            .find(|finding| finding.code == "D4")
            .unwrap()
            .description,
        "No plan was rolled over for 2018, 2019."
    );
    framed
        .given(revise(1, "2.0", 'b'))
        .given(roll_over(2018, "2.0"))
        .then_found("D4", 1)
        .given(roll_over(2019, "2.0"))
        .then_found("D4", 0);
}

#[test]
fn drafting_the_same_document_twice_changes_nothing_and_another_under_its_id_is_refused() {
    project()
        .given(draft(1, "1.0", 'a'))
        .when(draft(1, "1.0", 'a'))
        .then_unchanged()
        .when(draft(1, "1.0", 'b'))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS");
}

#[test]
fn a_document_or_version_that_does_not_exist_is_not_found() {
    project()
        .when(approve_document(1, "1.0"))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(revise(1, "1.0", 'a'))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(roll_over(2018, "1.0"))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(draft(1, "1.0", 'a'))
        .when(approve_document(1, "2.0"))
        .then_refused(Kind::NotFound, "NOT_FOUND");
}
