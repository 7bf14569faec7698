//! Template of checkpoints (sjekkpunktmal): shipped with the service, adapted by organisations, and applied in projects (rule F5).

use std::sync::LazyLock;

use serde::Deserialize;
use uuid::Uuid;

use super::{Context, Decide, Decision, Event, Facts, Fold, Recorded, Refusal, Stream, unchanged_or};
use crate::schema::v1::apply_checkpoint_template::Source;
use crate::schema::v1::*;

/// A template as it is shipped: in a file of its own, read when it is first asked for.
#[derive(Debug, Deserialize)]
struct File {
    name: String,
    stages: Vec<FileStage>,
}

#[derive(Debug, Deserialize)]
struct FileStage {
    name: String,
    checkpoints: Vec<FileCheckpoint>,
}

#[derive(Debug, Deserialize)]
struct FileCheckpoint {
    text: String,
    #[serde(default)]
    open: bool,
}

/// The templates of this binary. A changed one gets a new name: its checkpoints' ids rest on the name.
static SHIPPED: LazyLock<Vec<ShippedCheckpointTemplate>> = LazyLock::new(|| {
    [
        include_str!("templates/regional-cooperation-v1.json"),
        include_str!("templates/stage-gate-v1.json"),
    ]
    .into_iter()
    .map(|text| {
        let file: File = serde_json::from_str(text).expect("a template of this binary, read by its tests");
        ShippedCheckpointTemplate {
            name: file.name,
            stages: file.stages.into_iter().map(TemplateStage::from).collect(),
        }
    })
    .collect()
});

impl From<FileStage> for TemplateStage {
    fn from(stage: FileStage) -> Self {
        let checkpoints = stage.checkpoints.into_iter().map(|checkpoint| TemplateCheckpoint {
            text: checkpoint.text,
            kind: if checkpoint.open {
                CheckpointKind::Open.into()
            } else {
                CheckpointKind::YesNo.into()
            },
            mandatory: true,
        });
        Self {
            name: stage.name,
            checkpoints: checkpoints.collect(),
        }
    }
}

/// The templates that are shipped with the service.
#[must_use]
pub fn shipped_templates() -> &'static [ShippedCheckpointTemplate] {
    &SHIPPED
}

fn shipped(field: &str, name: &str) -> Result<&'static ShippedCheckpointTemplate, Refusal> {
    SHIPPED.iter().find(|template| template.name == name).ok_or_else(|| {
        let names: Vec<&str> = SHIPPED.iter().map(|template| template.name.as_str()).collect();
        Refusal::invalid(field, "TEMPLATE_UNKNOWN", format!("There is no template {name}."))
            .mend(format!("Use one of {}.", names.join(", ")))
    })
}

impl Organization {
    fn checkpoint_template(&self, id: &str) -> Result<&CheckpointTemplate, Refusal> {
        self.checkpoint_templates
            .iter()
            .find(|template| template.template_id == id)
            .ok_or_else(|| Refusal::not_found("template", id))
    }
}

impl CheckpointTemplate {
    fn version(&self, number: i32) -> Option<&CheckpointTemplateVersion> {
        self.versions.iter().find(|version| version.version == number)
    }

    fn newest_stages(&self) -> &[TemplateStage] {
        self.versions.last().map_or(&[], |version| &version.stages)
    }

    fn add_version(&mut self, stages: &[TemplateStage], at: &Recorded<'_>) {
        self.versions.push(CheckpointTemplateVersion {
            version: i32::try_from(self.versions.len()).unwrap_or(i32::MAX).saturating_add(1),
            stages: stages.to_vec(),
            date: at.effective_date.to_owned(),
        });
    }
}

impl Decide for DefineCheckpointTemplate {
    type State = Organization;

    fn decide(&self, organization: &Organization, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        if let Ok(known) = organization.checkpoint_template(&self.template_id) {
            let first = known.versions.first().map(|version| &version.stages);
            let same = known.name == self.name && known.based_on == self.based_on && first == Some(&self.stages);
            return unchanged_or(same, || Refusal::already_exists("template", &self.template_id));
        }
        if let Some(name) = &self.based_on {
            shipped("based_on", name)?;
        }
        Ok(vec![
            CheckpointTemplateDefined {
                template_id: self.template_id.clone(),
                name: self.name.clone(),
                based_on: self.based_on.clone(),
                stages: self.stages.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for CheckpointTemplateDefined {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, at: &Recorded<'_>) {
        let mut template = CheckpointTemplate {
            template_id: self.template_id.clone(),
            name: self.name.clone(),
            based_on: self.based_on.clone(),
            versions: Vec::new(),
            provenance: at.provenance(),
        };
        template.add_version(&self.stages, at);
        organization.checkpoint_templates.push(template);
    }
}

impl Decide for ReviseCheckpointTemplate {
    type State = Organization;

    fn decide(&self, organization: &Organization, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        if organization.checkpoint_template(&self.template_id)?.newest_stages() == self.stages {
            return Ok(Vec::new());
        }
        Ok(vec![
            CheckpointTemplateRevised {
                template_id: self.template_id.clone(),
                stages: self.stages.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for CheckpointTemplateRevised {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, at: &Recorded<'_>) {
        let mut templates = organization.checkpoint_templates.iter_mut();
        if let Some(template) = templates.find(|template| template.template_id == self.template_id) {
            template.add_version(&self.stages, at);
            at.touch(&mut template.provenance);
        }
    }
}

/// A template that is applied: what it is called on the record, and its stages.
struct Applied<'a> {
    /// What the checkpoints and their ids say of where they come from.
    name: String,
    stages: &'a [TemplateStage],
}

impl CheckpointTemplateReference {
    /// The version that is named, when it is there on the date.
    fn find<'a>(&self, facts: &Facts<'a>, date: &str) -> Result<&'a CheckpointTemplateVersion, Refusal> {
        let organization = facts
            .organization(&self.organization_id)
            .ok_or_else(|| Refusal::not_found("organisation", &self.organization_id))?;
        let template = organization.checkpoint_template(&self.template_id)?;
        let Some(version) = template.version(self.version) else {
            let problem = format!("The template {} has no version {}.", template.name, self.version);
            return Err(
                Refusal::invalid("organization_template.version", "TEMPLATE_VERSION_UNKNOWN", problem)
                    .mend(format!("Name a version from 1 to {}.", template.versions.len())),
            );
        };
        if date < version.date.as_str() {
            let problem = format!(
                "Version {} of the template {} holds from {}, after {date}.",
                version.version, template.name, version.date
            );
            return Err(Refusal::precondition("TEMPLATE_NOT_YET_IN_FORCE", problem)
                .mend("Apply an earlier version, or apply this one on a later day."));
        }
        Ok(version)
    }
}

impl ApplyCheckpointTemplate {
    fn applied<'a>(&self, facts: &Facts<'a>, date: &str) -> Result<Applied<'a>, Refusal> {
        match &self.source {
            Some(Source::Template(name)) => {
                let template = shipped("template", name)?;
                Ok(Applied {
                    name: template.name.clone(),
                    stages: &template.stages,
                })
            }
            Some(Source::OrganizationTemplate(reference)) => {
                let version = reference.find(facts, date)?;
                Ok(Applied {
                    name: format!(
                        "{}/{}/{}",
                        reference.organization_id, reference.template_id, reference.version
                    ),
                    stages: &version.stages,
                })
            }
            None => Err(
                Refusal::invalid("template", "TEMPLATE_REQUIRED", "The command names no template.")
                    .mend("Name a shipped template, or one of an organisation."),
            ),
        }
    }
}

impl Applied<'_> {
    fn require_phases(&self, phases: usize) -> Result<(), Refusal> {
        let stages = self.stages.len();
        if stages == phases {
            return Ok(());
        }
        let names: Vec<&str> = self.stages.iter().map(|stage| stage.name.as_str()).collect();
        let problem = format!(
            "The template {} has {stages} stages, and {phases} phase(s) are given.",
            self.name
        );
        Err(
            Refusal::invalid("phase_ids", "PHASE_FOR_EACH_STAGE", problem).mend(format!(
                "Give the phase of each stage, in this order: {}.",
                names.join("; ")
            )),
        )
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
            stage.checkpoints.iter().enumerate().map(move |(index, checkpoint)| {
                let place = format!("{}/{}.{}", self.name, stage_index + 1, index + 1);
                CheckpointDefined {
                    checkpoint_id: Uuid::new_v5(&namespace, place.as_bytes()).to_string(),
                    phase_id: phase_id.clone(),
                    text: checkpoint.text.clone(),
                    kind: checkpoint.kind,
                    mandatory: checkpoint.mandatory,
                    template: self.name.clone(),
                }
            })
        })
    }
}

impl Decide for ApplyCheckpointTemplate {
    type State = Project;

    fn decide(&self, project: &Project, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        let template = self.applied(facts, context.effective_date)?;
        template.require_phases(self.phase_ids.len())?;
        let mut events: Vec<Event> = Vec::new();
        for defined in template.definitions(&self.project_id, &self.phase_ids) {
            events.extend(project.define(defined)?);
        }
        Ok(events)
    }

    fn relies_on(&self, _: &Project, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        match &self.source {
            Some(Source::OrganizationTemplate(reference)) => vec![Stream::organization(&reference.organization_id)],
            Some(Source::Template(_)) | None => Vec::new(),
        }
    }
}
