//! Checkpoint (sjekkpunkt): what must be answered in a phase, asked one by one or by a template (rules F3–F5).

use std::sync::LazyLock;

use serde::Deserialize;
use uuid::Uuid;

use super::{Context, Decide, Decision, Event, Facts, Fold, Recorded, Refusal, unchanged_or};
use crate::schema::v1::*;

impl Project {
    fn checkpoint(&self, id: &str) -> Result<&Checkpoint, Refusal> {
        self.checkpoints
            .iter()
            .find(|checkpoint| checkpoint.checkpoint_id == id)
            .ok_or_else(|| Refusal::not_found("checkpoint", id))
    }

    fn checkpoint_mut(&mut self, id: &str, at: &Recorded<'_>) -> Option<&mut Checkpoint> {
        let checkpoint = self
            .checkpoints
            .iter_mut()
            .find(|checkpoint| checkpoint.checkpoint_id == id)?;
        at.touch(&mut checkpoint.provenance);
        Some(checkpoint)
    }

    /// Nothing when the checkpoint is defined so already; otherwise its definition, or the refusal.
    fn define(&self, defined: CheckpointDefined) -> Decision {
        if let Ok(known) = self.checkpoint(&defined.checkpoint_id) {
            let same = (&known.phase_id, &known.text, &known.template)
                == (&defined.phase_id, &defined.text, &defined.template)
                && (known.kind, known.mandatory) == (defined.kind, defined.mandatory);
            return unchanged_or(same, || Refusal::already_exists("checkpoint", &defined.checkpoint_id));
        }
        self.phase_not_over(&defined.phase_id)?;
        Ok(vec![defined.into()])
    }
}

impl Checkpoint {
    /// The answer that counts.
    fn answer(&self) -> Option<&GivenAnswer> {
        self.answers.last().filter(|_| self.answered)
    }

    /// Whether it is answered, and was so on a date.
    pub(super) fn is_answered_by(&self, date: &str) -> bool {
        self.answer().is_some_and(|given| given.date.as_str() <= date)
    }
}

impl Decide for DefineCheckpoint {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        project.define(CheckpointDefined {
            checkpoint_id: self.checkpoint_id.clone(),
            phase_id: self.phase_id.clone(),
            text: self.text.clone(),
            kind: self.kind,
            mandatory: self.mandatory,
            template: String::new(),
        })
    }
}

impl Fold for CheckpointDefined {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.checkpoints.push(Checkpoint {
            checkpoint_id: self.checkpoint_id.clone(),
            phase_id: self.phase_id.clone(),
            text: self.text.clone(),
            kind: self.kind,
            mandatory: self.mandatory,
            template: self.template.clone(),
            answered: false,
            answers: Vec::new(),
            provenance: at.provenance(),
        });
    }
}

impl Decide for AnswerCheckpoint {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let checkpoint = project.checkpoint(&self.checkpoint_id)?;
        let form = self.answer.as_ref().and_then(|answer| answer.answer.as_ref());
        match (checkpoint.kind(), form) {
            (_, None) => {
                return Err(Refusal::invalid(
                    "answer",
                    "ANSWER_REQUIRED",
                    "The answer says neither yes or no nor an assessment.",
                )
                .mend("Give `yes` for a yes/no point, `assessment` for an open question."));
            }
            (CheckpointKind::Open, Some(checkpoint_answer::Answer::Yes(_))) => {
                let problem = format!(
                    "\"{}\" is an open question, and a tick does not answer it.",
                    checkpoint.text
                );
                return Err(
                    Refusal::rule("F4", "ASSESSMENT_REQUIRED", problem).mend("Answer with an assessment in words.")
                );
            }
            (CheckpointKind::YesNo, Some(checkpoint_answer::Answer::Assessment(_))) => {
                let problem = format!("\"{}\" is answered with yes or no.", checkpoint.text);
                return Err(Refusal::rule("F4", "YES_OR_NO_REQUIRED", problem)
                    .mend("Answer with yes or no, and put what else there is to say in the note."));
            }
            _ => {}
        }
        if let Some(given) = checkpoint.answer() {
            return unchanged_or(given.answer == self.answer, || {
                let problem = format!("\"{}\" was answered otherwise on {}.", checkpoint.text, given.date);
                Refusal::precondition("CHECKPOINT_ANSWERED", problem).mend("Reopen the checkpoint first, for a reason.")
            });
        }
        let (checkpoint_id, answer) = (self.checkpoint_id.clone(), self.answer.clone());
        Ok(vec![CheckpointAnswered { checkpoint_id, answer }.into()])
    }
}

impl Fold for CheckpointAnswered {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(checkpoint) = project.checkpoint_mut(&self.checkpoint_id, at) {
            checkpoint.answered = true;
            checkpoint.answers.push(GivenAnswer {
                answer: self.answer.clone(),
                date: at.effective_date.to_owned(),
                answered_by: at.subject.to_owned(),
                reopened: None,
            });
        }
    }
}

impl Decide for ReopenCheckpoint {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let checkpoint = project.checkpoint(&self.checkpoint_id)?;
        if !checkpoint.answered {
            return Ok(Vec::new());
        }
        context.require_reason(
            format!("\"{}\" is answered, and is opened again for a reason.", checkpoint.text),
            "Say in the context's reason why the answer no longer holds.",
        )?;
        Ok(vec![
            CheckpointReopened {
                checkpoint_id: self.checkpoint_id.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for CheckpointReopened {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let Some(checkpoint) = project.checkpoint_mut(&self.checkpoint_id, at) else {
            return;
        };
        checkpoint.answered = false;
        if let Some(last) = checkpoint.answers.last_mut() {
            last.reopened = Some(at.effective_date.to_owned());
        }
    }
}

/// A template that is shipped with the service (F5). A changed one gets a new name: its checkpoints' ids rest on the name.
#[derive(Debug, Deserialize)]
struct Template {
    name: String,
    stages: Vec<Stage>,
}

#[derive(Debug, Deserialize)]
struct Stage {
    name: String,
    checkpoints: Vec<Question>,
}

#[derive(Debug, Deserialize)]
struct Question {
    text: String,
    #[serde(default)]
    open: bool,
}

static TEMPLATES: LazyLock<Vec<Template>> = LazyLock::new(|| {
    [
        include_str!("templates/regional-cooperation-v1.json"),
        include_str!("templates/stage-gate-v1.json"),
    ]
    .into_iter()
    .map(|text| serde_json::from_str(text).expect("a template of this binary, read by its tests"))
    .collect()
});

impl Template {
    fn named(name: &str) -> Result<&'static Self, Refusal> {
        TEMPLATES.iter().find(|template| template.name == name).ok_or_else(|| {
            let names: Vec<&str> = TEMPLATES.iter().map(|template| template.name.as_str()).collect();
            Refusal::invalid("template", "TEMPLATE_UNKNOWN", format!("There is no template {name}."))
                .mend(format!("Use one of {}.", names.join(", ")))
        })
    }

    /// The definitions of its checkpoints, the ids computed from project, template and place.
    fn definitions<'a>(
        &'a self,
        project_id: &str,
        phase_ids: &'a [String],
    ) -> impl Iterator<Item = CheckpointDefined> + 'a {
        let namespace = Uuid::parse_str(project_id).unwrap_or_default();
        let staged = self.stages.iter().zip(phase_ids).enumerate();
        staged.flat_map(move |(stage_index, (stage, phase_id))| {
            stage.checkpoints.iter().enumerate().map(move |(index, question)| {
                let place = format!("{}/{}.{}", self.name, stage_index + 1, index + 1);
                let kind = if question.open {
                    CheckpointKind::Open
                } else {
                    CheckpointKind::YesNo
                };
                CheckpointDefined {
                    checkpoint_id: Uuid::new_v5(&namespace, place.as_bytes()).to_string(),
                    phase_id: phase_id.clone(),
                    text: question.text.clone(),
                    kind: kind.into(),
                    mandatory: true,
                    template: self.name.clone(),
                }
            })
        })
    }
}

impl Decide for ApplyCheckpointTemplate {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let template = Template::named(&self.template)?;
        let (stages, phases) = (template.stages.len(), self.phase_ids.len());
        if stages != phases {
            let names: Vec<&str> = template.stages.iter().map(|stage| stage.name.as_str()).collect();
            let problem = format!(
                "{} has {stages} stages, and {phases} phase(s) are given.",
                template.name
            );
            return Err(
                Refusal::invalid("phase_ids", "PHASE_FOR_EACH_STAGE", problem).mend(format!(
                    "Give the phase of each stage, in this order: {}.",
                    names.join("; ")
                )),
            );
        }
        let mut events: Vec<Event> = Vec::new();
        for defined in template.definitions(&self.project_id, &self.phase_ids) {
            events.extend(project.define(defined)?);
        }
        Ok(events)
    }
}
