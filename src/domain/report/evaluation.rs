//! Evaluation and lesson (evaluering, erfaring): what was found, and what others should learn of it, also after the project's end.

use super::super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, unchanged_or};
use crate::schema::v1::*;

impl Decide for RecordEvaluation {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        let mut evaluations = project.evaluations.iter();
        if let Some(known) = evaluations.find(|known| known.evaluation_id == self.evaluation_id) {
            let same = (known.kind, &known.evaluated_by, &known.assessment, &known.document)
                == (self.kind, &self.evaluated_by, &self.assessment, &self.document);
            return unchanged_or(same && known.date == context.effective_date, || {
                Refusal::already_exists("evaluation", &self.evaluation_id)
            });
        }
        Ok(vec![
            EvaluationRecorded {
                evaluation_id: self.evaluation_id.clone(),
                kind: self.kind,
                evaluated_by: self.evaluated_by.clone(),
                assessment: self.assessment.clone(),
                document: self.document.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for EvaluationRecorded {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.evaluations.push(ProjectEvaluation {
            evaluation_id: self.evaluation_id.clone(),
            kind: self.kind,
            evaluated_by: self.evaluated_by.clone(),
            assessment: self.assessment.clone(),
            document: self.document.clone(),
            date: at.effective_date.to_owned(),
            provenance: at.provenance(),
        });
    }
}

impl Decide for RecordLesson {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        let mut lessons = project.lessons.iter();
        if let Some(known) = lessons.find(|known| known.lesson_id == self.lesson_id) {
            let same = (&known.experience, &known.advice) == (&self.experience, &self.advice);
            return unchanged_or(same, || Refusal::already_exists("lesson", &self.lesson_id));
        }
        Ok(vec![
            LessonRecorded {
                lesson_id: self.lesson_id.clone(),
                experience: self.experience.clone(),
                advice: self.advice.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for LessonRecorded {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.lessons.push(Lesson {
            lesson_id: self.lesson_id.clone(),
            experience: self.experience.clone(),
            advice: self.advice.clone(),
            date: at.effective_date.to_owned(),
            provenance: at.provenance(),
        });
    }
}
