//! Checkpoint (sjekkpunkt): what must be answered in a phase, asked one by one or by a template (rules F3 and F4).

use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, unchanged_or};
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
    pub(super) fn define(&self, defined: CheckpointDefined) -> Decision {
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
