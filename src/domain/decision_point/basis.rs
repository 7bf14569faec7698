//! What a decision rests on: the basis, and what the bodies that advise recommend (rules B1, B5, B6).

use super::super::authority::Holder;
use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal};
use crate::schema::v1::*;

impl Project {
    /// B6: flags every decision that rests on a version of this governing document, which has just been revised.
    pub(in crate::domain) fn flag_revised_document(&mut self, document_id: &str, at: &Recorded<'_>) {
        let Some(document) = self
            .documents
            .iter()
            .find(|document| document.document_id == document_id)
        else {
            return;
        };
        let files = document.versions.iter().filter_map(|version| version.document.as_ref());
        let hashes: Vec<&str> = files.map(|file| file.sha256.as_str()).collect();
        for point in self.decision_points.iter_mut().filter(|point| point.is_decided()) {
            let frozen = point.frozen_basis.iter().flat_map(|frozen| &frozen.basis_sha256);
            if frozen.into_iter().any(|hash| hashes.contains(&hash.as_str())) {
                point.change_after_decision(None, Some(document_id), at);
            }
        }
    }
}

impl DecisionPoint {
    pub(super) fn options(&self) -> &[DecisionOption] {
        self.basis.as_ref().map_or(&[], |basis| &basis.options)
    }

    pub(super) fn require_option(&self, id: &str) -> Result<(), Refusal> {
        if self.options().iter().any(|option| option.option_id == id) {
            return Ok(());
        }
        Err(Refusal::not_found("option", id)
            .mend("Choose one of the options in the basis, or attach a basis that names it first."))
    }

    /// The last recommendation of a body that still counts.
    fn recommendation(&self, body: &BodyReference) -> Option<&Recommendation> {
        let counts = |given: &&Recommendation| given.stands() && given.body.as_ref() == Some(body);
        self.recommendations.iter().rev().find(counts)
    }

    /// B1: the bodies that have not yet recommended on a date.
    pub(super) fn silent_bodies(&self, date: &str) -> usize {
        let spoke = |body: &BodyReference, given: &Recommendation| {
            given.stands() && given.body.as_ref() == Some(body) && given.date.as_str() <= date
        };
        let silent = |body: &&BodyReference| !self.recommendations.iter().any(|given| spoke(body, given));
        self.advising_bodies.iter().filter(silent).count()
    }

    /// W2: what a decision or a recommendation rests on lay there before it.
    pub(super) fn require_basis_by(&self, context: &Context<'_>) -> Result<(), Refusal> {
        let later = self
            .basis
            .as_ref()
            .filter(|basis| context.effective_date < basis.attached.as_str());
        let Some(basis) = later else { return Ok(()) };
        let problem = format!(
            "The basis of {} was attached on {}, after {}.",
            self.label(),
            basis.attached,
            context.effective_date
        );
        Err(Refusal::rule("W2", "BASIS_CAME_LATER", problem)
            .mend("Give the day on which it was decided on this basis, or attach the one that lay there on that day."))
    }

    fn change_after_decision(&mut self, basis: Option<Basis>, document_id: Option<&str>, at: &Recorded<'_>) {
        self.changed_after_decision.push(ChangeAfterDecision {
            position: at.position,
            date: at.effective_date.to_owned(),
            basis,
            document_id: document_id.map(str::to_owned),
        });
    }

    /// The basis attached last, also when that was after the decision.
    fn last_basis(&self) -> Option<&Basis> {
        let later = self
            .changed_after_decision
            .iter()
            .rev()
            .find_map(|change| change.basis.as_ref());
        later.or(self.basis.as_ref())
    }
}

impl Decide for AttachBasis {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let point = project.decision_point(&self.decision_point_id)?;
        if !point.is_decided() {
            project.open_decision_point(&self.decision_point_id)?;
        }
        if point
            .last_basis()
            .is_some_and(|last| last.documents == self.documents && last.options == self.options)
        {
            return Ok(Vec::new());
        }
        if self.documents.is_empty() && self.options.is_empty() {
            return Err(Refusal::invalid(
                "documents",
                "BASIS_EMPTY",
                "A basis has at least one document or option.",
            )
            .mend("Attach the documents to decide on, the options to choose between, or both."));
        }
        for (index, option) in self.options.iter().enumerate() {
            if self
                .options
                .iter()
                .take(index)
                .any(|earlier| earlier.option_id == option.option_id)
            {
                let problem = format!("The option {} stands twice.", option.option_id);
                return Err(
                    Refusal::invalid("options", "OPTION_REPEATED", problem).mend("Give each option an id of its own.")
                );
            }
        }
        Ok(vec![
            BasisAttached {
                decision_point_id: self.decision_point_id.clone(),
                documents: self.documents.clone(),
                options: self.options.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for BasisAttached {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let Some(point) = project.decision_point_mut(&self.decision_point_id, at) else {
            return;
        };
        let basis = Basis {
            documents: self.documents.clone(),
            options: self.options.clone(),
            position: at.position,
            attached: at.effective_date.to_owned(),
        };
        if point.is_decided() {
            point.change_after_decision(Some(basis), None, at);
        } else {
            // W9: what was recommended was recommended of what lay there then.
            for recommendation in &mut point.recommendations {
                recommendation.of_earlier_basis = true;
            }
            point.basis = Some(basis);
        }
    }
}

impl Recommendation {
    /// Whether it is of what lies there now.
    fn stands(&self) -> bool {
        !self.before_rework && !self.of_earlier_basis
    }
}

impl Decide for RecordRecommendation {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let point = project.decision_point(&self.decision_point_id)?;
        let body = self
            .body
            .as_ref()
            .filter(|body| point.advising_bodies.contains(body))
            .ok_or_else(|| {
                let problem = format!("The body does not advise on the decision point {}.", point.label());
                Refusal::invalid("body", "BODY_DOES_NOT_ADVISE", problem)
                    .mend("Name one of the point's advising bodies.")
            })?;
        point.require_basis_by(context)?;
        if let Some(last) = point.recommendation(body)
            && (last.advice, &last.option_id, &last.note) == (self.advice, &self.option_id, &self.note)
            && last.date == context.effective_date
        {
            return Ok(Vec::new());
        }
        project.open_decision_point(&self.decision_point_id)?;
        if let Some(option_id) = &self.option_id {
            if self.advice() != Advice::Approve {
                return Err(Refusal::invalid(
                    "option_id",
                    "OPTION_NOT_ADVISED",
                    "An option is named only when the advice is to approve.",
                )
                .mend("Leave out the option, or advise to approve it."));
            }
            point.require_option(option_id)?;
        }
        Ok(vec![
            RecommendationRecorded {
                decision_point_id: self.decision_point_id.clone(),
                body: self.body.clone(),
                advice: self.advice,
                option_id: self.option_id.clone(),
                note: self.note.clone(),
            }
            .into(),
        ])
    }

    fn entitled(&self, _: &Project, ground: Ground) -> Vec<Holder> {
        let body = self.body.iter().filter(|_| ground == Ground::Body);
        body.cloned().map(Holder::Body).collect()
    }
}

impl Fold for RecommendationRecorded {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(point) = project.decision_point_mut(&self.decision_point_id, at) {
            point.recommendations.push(Recommendation {
                body: self.body.clone(),
                advice: self.advice,
                option_id: self.option_id.clone(),
                note: self.note.clone(),
                date: at.effective_date.to_owned(),
                ..Recommendation::default()
            });
        }
    }
}
