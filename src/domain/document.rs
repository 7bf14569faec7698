//! Governing document (styringsdokument): every version kept, approved ones never changed, rolled over yearly (rules D1–D4).

use std::collections::HashSet;

use super::since::{Followers, Share, Tally};
use super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Suspicion, unchanged_or};
use crate::schema::v1::*;

impl Project {
    /// Whether a document that governs execution was approved on or before a date (D1).
    pub(super) fn has_document_approved_by(&self, date: &str) -> bool {
        let approved = |version: &DocumentVersion| version.approved.as_deref().is_some_and(|day| day <= date);
        self.documents
            .iter()
            .any(|document| document.governs_execution() && document.versions.iter().any(approved))
    }

    pub(super) fn document(&self, id: &str) -> Result<&GoverningDocument, Refusal> {
        self.documents
            .iter()
            .find(|document| document.document_id == id)
            .ok_or_else(|| Refusal::not_found("document", id))
    }

    fn document_mut(&mut self, id: &str, at: &Recorded<'_>) -> Option<&mut GoverningDocument> {
        let document = self.documents.iter_mut().find(|document| document.document_id == id)?;
        at.touch(&mut document.provenance);
        Some(document)
    }
}

impl GoverningDocument {
    fn governs_execution(&self) -> bool {
        matches!(
            self.kind(),
            DocumentKind::SteeringDocument | DocumentKind::ProjectPlan | DocumentKind::ProjectDirective
        )
    }

    /// Its title, as the last version has it.
    pub(super) fn title(&self) -> &str {
        self.versions
            .last()
            .and_then(|version| version.document.as_ref())
            .map_or("the document", |file| &file.title)
    }

    pub(super) fn version(&self, version: &str) -> Result<&DocumentVersion, Refusal> {
        let known = self.versions.iter().find(|known| known.version == version);
        known.ok_or_else(|| Refusal::not_found("document version", version))
    }

    fn version_mut(&mut self, version: &str) -> Option<&mut DocumentVersion> {
        self.versions.iter_mut().find(|known| known.version == version)
    }
}

impl Decide for DraftDocument {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        if let Ok(document) = project.document(&self.document_id) {
            let same = document.kind == self.kind
                && document
                    .version(&self.version)
                    .is_ok_and(|known| known.document == self.document);
            return unchanged_or(same, || Refusal::already_exists("document", &self.document_id));
        }
        Ok(vec![
            DocumentDrafted {
                document_id: self.document_id.clone(),
                kind: self.kind,
                version: self.version.clone(),
                document: self.document.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for DocumentDrafted {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        project.documents.push(GoverningDocument {
            document_id: self.document_id.clone(),
            kind: self.kind,
            versions: vec![DocumentVersion {
                version: self.version.clone(),
                document: self.document.clone(),
                drafted: at.effective_date.to_owned(),
                position: at.position,
                ..DocumentVersion::default()
            }],
            roll_overs: Vec::new(),
            provenance: at.provenance(),
        });
    }
}

impl Decide for ApproveDocument {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let document = project.document(&self.document_id)?;
        if let Some(approved) = &document.version(&self.version)?.approved {
            return unchanged_or(approved == context.effective_date, || {
                let problem = format!(
                    "Version {} of {} was approved on {approved}.",
                    self.version,
                    document.title()
                );
                Refusal::rule("D2", "VERSION_APPROVED", problem)
                    .mend("Revise the document when another version is to be approved.")
            });
        }
        let (document_id, version) = (self.document_id.clone(), self.version.clone());
        Ok(vec![DocumentApproved { document_id, version }.into()])
    }
}

impl Fold for DocumentApproved {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let Some(document) = project.document_mut(&self.document_id, at) else {
            return;
        };
        if let Some(version) = document.version_mut(&self.version) {
            version.approved = Some(at.effective_date.to_owned());
            version.position = at.position;
            at.authority.clone_into(&mut version.authority);
        }
    }
}

impl Decide for ReviseDocument {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let document = project.document(&self.document_id)?;
        if let Ok(known) = document.version(&self.version) {
            if known.document == self.document {
                return Ok(Vec::new());
            }
            if let Some(approved) = &known.approved {
                let problem = format!(
                    "Version {} of {} was approved on {approved} and never changes.",
                    self.version,
                    document.title()
                );
                return Err(
                    Refusal::rule("D2", "VERSION_APPROVED", problem).mend("Give the new version a name of its own.")
                );
            }
        }
        Ok(vec![
            DocumentRevised {
                document_id: self.document_id.clone(),
                version: self.version.clone(),
                document: self.document.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for DocumentRevised {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        // Before the new file takes the place of a draft: a decision may rest on that draft.
        project.flag_revised_document(&self.document_id, at);
        let Some(document) = project.document_mut(&self.document_id, at) else {
            return;
        };
        let revised = DocumentVersion {
            version: self.version.clone(),
            document: self.document.clone(),
            drafted: at.effective_date.to_owned(),
            position: at.position,
            ..DocumentVersion::default()
        };
        match document.version_mut(&self.version) {
            Some(draft) => *draft = revised,
            None => document.versions.push(revised),
        }
    }
}

impl Decide for RollOverPlan {
    type State = Project;

    fn decide(&self, project: &Project, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        project.require_active()?;
        let document = project.document(&self.document_id)?;
        document.version(&self.version)?;
        if let Some(earlier) = document.roll_overs.iter().find(|earlier| earlier.year == self.year) {
            return unchanged_or(earlier.version == self.version, || {
                let problem = format!(
                    "{} was rolled over for {} already, as version {}.",
                    document.title(),
                    self.year,
                    earlier.version
                );
                Refusal::precondition("ROLLED_OVER", problem).mend("Revise the document, or give another year.")
            });
        }
        let (document_id, version) = (self.document_id.clone(), self.version.clone());
        Ok(vec![
            PlanRolledOver {
                document_id,
                year: self.year,
                version,
            }
            .into(),
        ])
    }
}

impl Fold for PlanRolledOver {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        if let Some(document) = project.document_mut(&self.document_id, at) {
            let date = at.effective_date.to_owned();
            document.roll_overs.push(PlanRollOver {
                year: self.year,
                version: self.version.clone(),
                date,
            });
        }
    }
}

/// D4: calendar years of the project, after the first one, that have passed and for which no plan was rolled over.
pub(super) fn find(project: &Project, today: &str, found: &mut Vec<Suspicion>) {
    let Some(passed) = project
        .years_to_roll_over(today)
        .filter(|_| project.require_active().is_ok())
    else {
        return;
    };
    let roll_overs = project.documents.iter().flat_map(|document| &document.roll_overs);
    let rolled_over: HashSet<i32> = roll_overs.map(|done| done.year).collect();
    let missing: Vec<i32> = passed.filter(|year| !rolled_over.contains(year)).collect();
    if missing.is_empty() {
        return;
    }
    let named: Vec<String> = missing.iter().take(MOST_YEARS_NAMED).map(i32::to_string).collect();
    let more = match missing.len().saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(" and {more} more years"),
    };
    found.push(Suspicion {
        code: "D4",
        severity: Severity::Warning,
        description: format!("No plan was rolled over for {}{more}.", named.join(", ")),
        entities: project
            .documents
            .iter()
            .map(|document| document.document_id.clone())
            .collect(),
        events: project
            .documents
            .iter()
            .filter_map(|document| document.provenance.as_ref())
            .map(|at| at.last_position)
            .collect(),
    });
}

/// D4 along a history: how often each year was rolled over.
pub(super) fn follow() -> Followers<Project> {
    let rule = Tally::<Project> {
        lists: &[("documents", |project, index, _, _, shares| {
            shares.push(Share {
                group: ("D4", String::new()),
                named: true,
                amounts: [0; 5],
            });
            let roll_overs = project.documents[index].roll_overs.iter();
            shares.extend(roll_overs.map(|done| Share {
                group: ("rolled over", done.year.to_string()),
                named: false,
                amounts: [1, 0, 0, 0, 0],
            }));
        })],
        always: |_| vec![("D4", String::new())],
        stands: |project, today, group, sum_of| {
            let mut passed = project.years_to_roll_over(today).into_iter().flatten();
            group.0 == "D4" && passed.any(|year| sum_of(&("rolled over", year.to_string()))[0] == 0)
        },
        group: |_, _, found| (found.code == "D4").then(|| ("D4", String::new())),
    };
    vec![rule.boxed()]
}

impl Project {
    /// The years of the project, after the first one, that have passed; none when there is no plan to roll over.
    fn years_to_roll_over(&self, today: &str) -> Option<std::ops::RangeInclusive<i32>> {
        let period = self
            .frame
            .as_ref()?
            .period
            .as_ref()
            .filter(|_| !self.documents.is_empty())?;
        let (first, this_year) = (year(&period.from)?, year(today)?);
        let to = period.to.as_deref().and_then(year).unwrap_or(this_year);
        Some(first.saturating_add(1)..=to.min(this_year.saturating_sub(1)))
    }
}

/// A frame may be mistyped by centuries; the finding stays readable.
const MOST_YEARS_NAMED: usize = 5;

fn year(date: &str) -> Option<i32> {
    date.get(..4)?.parse().ok()
}
