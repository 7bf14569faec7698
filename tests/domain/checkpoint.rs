//! Proves the rules of checkpoints and their templates: F4 and F5.

use vedtak::domain::Kind;
use vedtak::schema::v1::apply_checkpoint_template::Source;
use vedtak::schema::v1::checkpoint_answer::Answer;
use vedtak::schema::v1::*;

use super::organization::{municipality, register_municipality};
use super::phase::{phase, plan};
use super::risk::project;
use super::scenario::{ORGANIZATION, PROJECT, Scenario, id};

/// Defines a yes/no point under `id(number)`.
pub fn define(number: u32, phase_id: String, mandatory: bool) -> DefineCheckpoint {
    DefineCheckpoint {
        project_id: PROJECT.to_owned(),
        checkpoint_id: id(number),
        phase_id,
        text: "Is the mandate clear?".to_owned(),
        kind: CheckpointKind::YesNo.into(),
        mandatory,
        ..Default::default()
    }
}

fn answer(number: u32, answer: Answer) -> AnswerCheckpoint {
    let answer = CheckpointAnswer {
        answer: Some(answer),
        note: String::new(),
    };
    let project_id = PROJECT.to_owned();
    AnswerCheckpoint {
        project_id,
        checkpoint_id: id(number),
        answer: Some(answer),
        ..Default::default()
    }
}

pub fn answer_yes(number: u32) -> AnswerCheckpoint {
    answer(number, Answer::Yes(true))
}

fn assess(number: u32) -> AnswerCheckpoint {
    answer(number, Answer::Assessment("The parties trust each other.".to_owned()))
}

pub fn reopen(number: u32) -> ReopenCheckpoint {
    ReopenCheckpoint {
        project_id: PROJECT.to_owned(),
        checkpoint_id: id(number),
        ..Default::default()
    }
}

fn apply(template: &str, phases: &[u32]) -> ApplyCheckpointTemplate {
    ApplyCheckpointTemplate {
        project_id: PROJECT.to_owned(),
        source: Some(Source::Template(template.to_owned())),
        phase_ids: phases.iter().map(|number| phase(*number)).collect(),
        ..Default::default()
    }
}

/// A project with two phases.
fn phased() -> Scenario {
    project()
        .given(plan(1, PhaseKind::Concept))
        .given(plan(2, PhaseKind::Execution))
}

#[test]
fn f4_an_open_question_is_answered_with_an_assessment_and_not_a_tick() {
    let open = DefineCheckpoint {
        kind: CheckpointKind::Open.into(),
        ..define(1, phase(1), true)
    };
    phased()
        .given(open)
        .when(answer_yes(1))
        .then_refused_by("F4", "ASSESSMENT_REQUIRED")
        .when(assess(1))
        .then_accepted();
}

#[test]
fn f4_a_yes_no_point_is_answered_with_yes_or_no() {
    let silent = AnswerCheckpoint {
        answer: Some(CheckpointAnswer::default()),
        ..answer_yes(1)
    };
    phased()
        .given(define(1, phase(1), true))
        .when(assess(1))
        .then_refused_by("F4", "YES_OR_NO_REQUIRED")
        .when(silent)
        .then_refused(Kind::InvalidArgument, "ANSWER_REQUIRED")
        .when(answer(1, Answer::Yes(false)))
        .then_accepted();
}

#[test]
fn f5_the_regional_template_has_25_checkpoints_in_five_stages() {
    phased()
        .when(apply("regional-cooperation-v1", &[1, 1, 1, 2, 2]))
        .then_accepted()
        .then_project(|project| {
            assert_eq!(project.checkpoints.len(), 25);
            let in_first = project
                .checkpoints
                .iter()
                .filter(|checkpoint| checkpoint.phase_id == phase(1))
                .count();
            assert_eq!(in_first, 6 + 4 + 4);
            let open = project
                .checkpoints
                .iter()
                .filter(|checkpoint| checkpoint.kind() == CheckpointKind::Open)
                .count();
            assert_eq!(open, 3);
            assert!(project.checkpoints.iter().all(|checkpoint| checkpoint.mandatory));
        })
        .when(apply("regional-cooperation-v1", &[1, 1, 1, 2, 2]))
        .then_unchanged()
        .when(apply("regional-cooperation-v1", &[2, 1, 1, 2, 2]))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS");
}

#[test]
fn f5_the_stage_gate_template_has_four_stages_and_ids_that_never_change() {
    phased()
        .when(apply("stage-gate-v1", &[1, 1, 2, 2]))
        .then_accepted()
        .then_project(|project| {
            assert_eq!(project.checkpoints.len(), 21);
            assert_eq!(
                project.checkpoints[0].checkpoint_id,
                "5cccadeb-bd10-508b-8940-c3247240c5de"
            );
        });
}

#[test]
fn f5_a_template_is_applied_to_a_phase_for_each_of_its_stages() {
    phased()
        .when(apply("waterfall-v9", &[1]))
        .then_refused(Kind::InvalidArgument, "TEMPLATE_UNKNOWN")
        .when(apply("stage-gate-v1", &[1, 2]))
        .then_refused(Kind::InvalidArgument, "PHASE_FOR_EACH_STAGE")
        .when(apply("stage-gate-v1", &[1, 2, 3, 4]))
        .then_refused(Kind::NotFound, "NOT_FOUND");
}

#[test]
fn an_answer_is_changed_only_by_opening_the_checkpoint_again_for_a_reason() {
    phased()
        .given(define(1, phase(1), true))
        .when(reopen(1))
        .then_unchanged()
        .given(answer_yes(1))
        .when(answer_yes(1))
        .then_unchanged()
        .when(answer(1, Answer::Yes(false)))
        .then_refused(Kind::FailedPrecondition, "CHECKPOINT_ANSWERED")
        .when(reopen(1))
        .then_refused(Kind::InvalidArgument, "REASON_REQUIRED")
        .because("The mandate was changed.")
        .given(reopen(1))
        .given(answer(1, Answer::Yes(false)))
        .then_project(|project| {
            let [first, second] = project.checkpoints[0].answers.as_slice() else {
                panic!("two answers")
            };
            assert_eq!(
                (first.reopened.as_deref(), &second.reopened),
                (Some("2017-01-02"), &None)
            );
            assert_eq!(first.answered_by, "kari");
        });
}

#[test]
fn a_checkpoint_is_defined_once_in_a_phase_that_is_not_over() {
    phased()
        .given(define(1, phase(1), true))
        .when(define(1, phase(1), true))
        .then_unchanged()
        .when(define(1, phase(1), false))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(define(2, phase(9), true))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(answer_yes(1))
        .because("Done in the pre-project.")
        .given(SkipPhase {
            project_id: PROJECT.to_owned(),
            phase_id: phase(1),
            ..Default::default()
        })
        .when(define(2, phase(1), true))
        .then_refused(Kind::FailedPrecondition, "PHASE_OVER");
}

#[test]
fn a_checkpoint_that_does_not_exist_is_not_found() {
    let nothing = phased()
        .because("For a reason.")
        .when(answer_yes(9))
        .then_refused(Kind::NotFound, "NOT_FOUND");
    nothing.when(reopen(9)).then_refused(Kind::NotFound, "NOT_FOUND");
}

fn stages(text: &str) -> Vec<TemplateStage> {
    vec![TemplateStage {
        name: "Concept".to_owned(),
        checkpoints: vec![
            TemplateCheckpoint {
                text: text.to_owned(),
                kind: CheckpointKind::YesNo.into(),
                mandatory: true,
            },
            TemplateCheckpoint {
                text: "What remains?".to_owned(),
                kind: CheckpointKind::Open.into(),
                mandatory: false,
            },
        ],
    }]
}

fn define_template(text: &str) -> DefineCheckpointTemplate {
    DefineCheckpointTemplate {
        organization_id: ORGANIZATION.to_owned(),
        template_id: id(7),
        name: "Our own".to_owned(),
        based_on: Some("stage-gate-v1".to_owned()),
        stages: stages(text),
        ..Default::default()
    }
}

fn revise_template(text: &str) -> ReviseCheckpointTemplate {
    ReviseCheckpointTemplate {
        organization_id: ORGANIZATION.to_owned(),
        template_id: id(7),
        stages: stages(text),
        ..Default::default()
    }
}

fn apply_own(version: i32, phases: &[u32]) -> ApplyCheckpointTemplate {
    ApplyCheckpointTemplate {
        source: Some(Source::OrganizationTemplate(CheckpointTemplateReference {
            organization_id: ORGANIZATION.to_owned(),
            template_id: id(7),
            version,
        })),
        ..apply("", phases)
    }
}

fn texts(project: &Project) -> Vec<&str> {
    project
        .checkpoints
        .iter()
        .map(|checkpoint| checkpoint.text.as_str())
        .collect()
}

#[test]
fn f5_an_organisation_adapts_a_template_and_every_version_stays() {
    municipality()
        .when(DefineCheckpointTemplate {
            based_on: Some("waterfall-v1".to_owned()),
            ..define_template("Is the need described?")
        })
        .then_refused(Kind::InvalidArgument, "TEMPLATE_UNKNOWN")
        .when(revise_template("Is the need described?"))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(define_template("Is the need described?"))
        .when(define_template("Is the need described?"))
        .then_unchanged()
        .when(define_template("Who needs it?"))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(revise_template("Is the need described?"))
        .then_unchanged()
        .given(revise_template("Who needs it?"))
        .when(define_template("Is the need described?"))
        .then_unchanged()
        .then_organization(|organization| {
            let versions = &organization.checkpoint_templates[0].versions;
            let asked: Vec<(i32, &str)> = versions
                .iter()
                .map(|version| (version.version, version.stages[0].checkpoints[0].text.as_str()))
                .collect();
            assert_eq!(asked, [(1, "Is the need described?"), (2, "Who needs it?")]);
        });
}

#[test]
fn f5_the_checkpoints_of_an_adapted_template_are_those_of_the_version_that_was_applied() {
    phased()
        .when(apply_own(1, &[1]))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(register_municipality())
        .when(apply_own(1, &[1]))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(define_template("Is the need described?"))
        .when(apply_own(2, &[1]))
        .then_refused(Kind::InvalidArgument, "TEMPLATE_VERSION_UNKNOWN")
        .when(apply_own(1, &[1, 2]))
        .then_refused(Kind::InvalidArgument, "PHASE_FOR_EACH_STAGE")
        .effective("2017-01-01")
        .when(apply_own(1, &[1]))
        .then_refused(Kind::FailedPrecondition, "TEMPLATE_NOT_YET_IN_FORCE")
        .effective("2017-01-02")
        .given(apply_own(1, &[1]))
        .given(revise_template("Who needs it?"))
        .when(apply_own(1, &[1]))
        .then_unchanged()
        .then_project(|project| {
            assert_eq!(texts(project), ["Is the need described?", "What remains?"]);
            assert_eq!(project.checkpoints[0].template, format!("{ORGANIZATION}/{}/1", id(7)));
            assert_eq!(
                project
                    .checkpoints
                    .iter()
                    .filter(|checkpoint| checkpoint.mandatory)
                    .count(),
                1
            );
        })
        .given(apply_own(2, &[2]))
        .then_project(|project| assert_eq!(texts(project)[2..], ["Who needs it?", "What remains?"]));
}

#[test]
fn a_template_must_be_named() {
    phased()
        .when(ApplyCheckpointTemplate {
            source: None,
            ..apply("", &[1])
        })
        .then_refused(Kind::InvalidArgument, "TEMPLATE_REQUIRED");
}

#[test]
fn f5_the_shipped_templates_can_be_adapted_as_they_are() {
    for shipped in vedtak::domain::shipped_templates() {
        municipality()
            .when(DefineCheckpointTemplate {
                based_on: Some(shipped.name.clone()),
                stages: shipped.stages.clone(),
                ..define_template("")
            })
            .then_accepted();
    }
}
