//! What differs between two versions of a plan: the project as it was planned then and then, value by value (rule D3).

use std::collections::{BTreeSet, HashMap, HashSet};

use prost::{Message, Name};
use serde_json::{Map, Value};

use super::Refusal;
use crate::schema;
use crate::schema::v1::*;

/// The two versions that a question compares, each with the position that it is frozen to.
///
/// # Errors
/// The refusal, when there is no such document or version.
pub fn compared_versions<'a>(
    project: &'a Project,
    query: &GetPlanDifference,
) -> Result<(&'a DocumentVersion, &'a DocumentVersion), Refusal> {
    let document = project.document(&query.document_id)?;
    let later = project.document(query.to_document_id.as_ref().unwrap_or(&query.document_id))?;
    let to = match &query.to_version {
        Some(version) => later.version(version)?,
        None => last(&later.versions, "")?,
    };
    let from = match &query.from_version {
        Some(version) => document.version(version)?,
        None if later.document_id == document.document_id => {
            let mut versions = document.versions.split(|version| version.version == to.version);
            last(versions.next().unwrap_or_default(), &to.version)?
        }
        None => last(&document.versions, &to.version)?,
    };
    Ok((from, to))
}

/// The last of the versions that came before one.
fn last<'a>(versions: &'a [DocumentVersion], before: &str) -> Result<&'a DocumentVersion, Refusal> {
    let none = || {
        let problem = format!("before {before}");
        Refusal::not_found("document version", &problem).mend("Name the version that is compared from.")
    };
    versions.last().ok_or_else(none)
}

/// What differs between the project as it was planned in one version of its plan, and in another.
#[must_use]
pub fn plan_difference(from: &Project, to: &Project) -> Vec<PlanChange> {
    let (before, after) = (planned(from), planned(to));
    let earlier: HashMap<(PlanPart, &str), &Planned<'_>> = before.iter().map(|thing| (thing.key(), thing)).collect();
    let staying: HashSet<(PlanPart, &str)> = after.iter().map(Planned::key).collect();
    let nothing = Map::new();
    let come_or_changed = after.iter().filter_map(|thing| match earlier.get(&thing.key()) {
        None => Some(thing.change(PlanChangeKind::Added, &nothing, &thing.says)),
        Some(known) if known.says == thing.says => None,
        Some(known) => Some(thing.change(PlanChangeKind::Changed, &known.says, &thing.says)),
    });
    let gone = before.iter().filter(|thing| !staying.contains(&thing.key()));
    let gone = gone.map(|thing| thing.change(PlanChangeKind::Removed, &thing.says, &nothing));
    let mut changes: Vec<PlanChange> = come_or_changed.chain(gone).collect();
    changes.sort_by_key(|change| change.part);
    changes
}

/// One thing in a plan.
struct Planned<'a> {
    part: PlanPart,
    id: &'a str,
    /// What is planned of it, by the names of the fields.
    says: Map<String, Value>,
}

impl<'a> Planned<'a> {
    /// Of a message, the fields that say what is planned; all of them when none is named.
    fn new<M: Message + Name>(part: PlanPart, id: &'a str, message: &M, fields: &[&str]) -> Self {
        let says = chosen(message, fields);
        Self { part, id, says }
    }

    /// All that another message says belongs to it, too.
    fn with<M: Message + Name>(mut self, message: Option<&M>) -> Self {
        self.says
            .extend(message.map(|message| chosen(message, &[])).unwrap_or_default());
        self
    }

    /// It has some of these, too.
    fn having(mut self, field: &str, values: impl Iterator<Item = Value>) -> Self {
        let values: Vec<Value> = values.collect();
        if !values.is_empty() {
            self.says.insert(field.to_owned(), values.into());
        }
        self
    }

    const fn key(&self) -> (PlanPart, &'a str) {
        (self.part, self.id)
    }

    fn change(&self, kind: PlanChangeKind, before: &Map<String, Value>, after: &Map<String, Value>) -> PlanChange {
        let fields: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let differing = fields
            .into_iter()
            .filter(|field| before.get(*field) != after.get(*field));
        let said = |by: &Map<String, Value>, field: &String| by.get(field).map(Value::to_string).unwrap_or_default();
        PlanChange {
            part: self.part.into(),
            entity_id: self.id.to_owned(),
            kind: kind.into(),
            values: differing
                .map(|field| PlanValue {
                    field: field.clone(),
                    before: said(before, field),
                    after: said(after, field),
                })
                .collect(),
        }
    }
}

/// The JSON of a message, as the API answers with it, and of it these fields; all of them when none is named.
fn chosen<M: Message + Name>(message: &M, fields: &[&str]) -> Map<String, Value> {
    let Ok(Value::Object(mut said)) = schema::to_value(&M::full_name(), &message.encode_to_vec()) else {
        // Every message of the schema is an object.
        return Map::new();
    };
    if !fields.is_empty() {
        said.retain(|field, _| fields.contains(&field.as_str()));
    }
    said
}

/// Everything that a project has planned.
fn planned(project: &Project) -> Vec<Planned<'_>> {
    let mut plan = Vec::new();
    frame(project, &mut plan);
    course(project, &mut plan);
    activities(project, &mut plan);
    money(project, &mut plan);
    outcome(project, &mut plan);
    surroundings(project, &mut plan);
    plan
}

/// What the project is, and who does it.
fn frame<'a>(project: &'a Project, plan: &mut Vec<Planned<'a>>) {
    let id = &project.project_id;
    plan.extend(
        project
            .frame
            .iter()
            .map(|frame| Planned::new(PlanPart::Frame, id, frame, &[])),
    );
    plan.extend(
        project
            .scope
            .iter()
            .map(|scope| Planned::new(PlanPart::Scope, id, scope, &[])),
    );
    let goals = project.goals.iter();
    plan.extend(goals.map(|goal| Planned::new(PlanPart::Goal, &goal.goal_id, goal, &["kind", "description"])));
    let fields = ["role", "holder", "from", "to"];
    let roles = project.roles.iter();
    plan.extend(roles.map(|role| Planned::new(PlanPart::Role, &role.assignment_id, role, &fields)));
}

/// The phases, and the points on the way.
fn course<'a>(project: &'a Project, plan: &mut Vec<Planned<'a>>) {
    let phases = project
        .phases
        .iter()
        .filter(|phase| phase.status() != PhaseStatus::Skipped);
    let fields = ["number", "name", "period", "kind", "mode"];
    plan.extend(phases.map(|phase| Planned::new(PlanPart::Phase, &phase.phase_id, phase, &fields)));
    let fields = ["phase_id", "text", "kind", "mandatory"];
    let checkpoints = project.checkpoints.iter();
    plan.extend(checkpoints.map(|point| Planned::new(PlanPart::Checkpoint, &point.checkpoint_id, point, &fields)));
    let standing = |point: &&DecisionPoint| point.status() != DecisionPointStatus::Withdrawn;
    let points = project.decision_points.iter().filter(standing);
    plan.extend(points.map(|point| {
        let fields = [
            "number",
            "name",
            "date",
            "kind",
            "mandatory",
            "decider",
            "advising_bodies",
            "weighs_options",
            "gates_phase_id",
            "supersedes_id",
        ];
        Planned::new(PlanPart::DecisionPoint, &point.decision_point_id, point, &fields)
    }));
    let standing = |milestone: &&Milestone| milestone.status() != MilestoneStatus::Cancelled;
    let milestones = project.milestones.iter().filter(standing);
    plan.extend(milestones.map(|milestone| {
        let planned = Planned::new(PlanPart::Milestone, &milestone.milestone_id, milestone, &["deadline"]);
        planned.with(milestone.plan.as_ref())
    }));
}

fn activities<'a>(project: &'a Project, plan: &mut Vec<Planned<'a>>) {
    let standing = |activity: &&Activity| activity.status() != ActivityStatus::Cancelled;
    let mut leads_to: HashMap<&str, Vec<&str>> = HashMap::new();
    for link in &project.activity_links {
        leads_to
            .entry(&link.from_activity_id)
            .or_default()
            .push(&link.to_activity_id);
    }
    for activity in project.activities.iter().filter(standing) {
        let Some(planned) = &activity.plan else { continue };
        let planned = Planned::new(PlanPart::Activity, &activity.activity_id, planned, &[]);
        let next = leads_to.get(activity.activity_id.as_str()).into_iter().flatten();
        plan.push(planned.having("leads_to", next.map(|to| (*to).into())));
    }
}

fn money<'a>(project: &'a Project, plan: &mut Vec<Planned<'a>>) {
    if let Some(budget) = &project.budget {
        let lines = budget.cost_lines.iter();
        plan.extend(lines.filter_map(|line| {
            let said = line.line.as_ref()?;
            Some(Planned::new(PlanPart::CostLine, &line.line_id, said, &[]))
        }));
        let lines = budget.financing_lines.iter();
        plan.extend(lines.map(|line| {
            let planned = Planned::new(PlanPart::FinancingLine, &line.line_id, line, &["source"]);
            planned.with(line.line.as_ref())
        }));
    }
}

/// What the project brings about.
fn outcome<'a>(project: &'a Project, plan: &mut Vec<Planned<'a>>) {
    let standing = |deliverable: &&Deliverable| deliverable.dropped.is_none();
    let deliverables = project.deliverables.iter().filter(standing);
    let fields = ["name", "description", "phase_id", "due", "participants"];
    plan.extend(deliverables.map(|one| Planned::new(PlanPart::Deliverable, &one.deliverable_id, one, &fields)));
    let standing = |procurement: &&Procurement| procurement.cancelled.is_none();
    let procurements = project.procurements.iter().filter(standing);
    let fields = ["name", "description", "estimated_value"];
    plan.extend(procurements.map(|one| Planned::new(PlanPart::Procurement, &one.procurement_id, one, &fields)));
    let standing = |benefit: &&Benefit| benefit.status() != BenefitStatus::Dropped;
    let benefits = project.benefits.iter().filter(standing);
    plan.extend(benefits.map(|benefit| {
        let last = benefit.plans.last().and_then(|planned| planned.plan.as_ref());
        let fields = ["name", "description"];
        Planned::new(PlanPart::Benefit, &benefit.benefit_id, benefit, &fields).with(last)
    }));
}

/// What may help or hinder the project.
fn surroundings<'a>(project: &'a Project, plan: &mut Vec<Planned<'a>>) {
    let risks = project.risks.iter().filter(|risk| risk.status() != RiskStatus::Closed);
    plan.extend(risks.map(|risk| {
        let planned = Planned::new(PlanPart::Risk, &risk.risk_id, risk, &["number", "description"]);
        let measures = risk
            .measures
            .iter()
            .map(|measure| chosen(measure, &["description", "due"]).into());
        planned.having("measures", measures).with(risk.last_assessment())
    }));
    plan.extend(project.success_factors.iter().map(|factor| {
        let planned = Planned::new(
            PlanPart::SuccessFactor,
            &factor.success_factor_id,
            factor,
            &["description"],
        );
        let fields = ["description", "responsible", "due"];
        planned.having(
            "measures",
            factor.measures.iter().map(|measure| chosen(measure, &fields).into()),
        )
    }));
    plan.extend(project.stakeholders.iter().map(|stakeholder| {
        let fields = ["name", "stake"];
        let planned = Planned::new(PlanPart::Stakeholder, &stakeholder.stakeholder_id, stakeholder, &fields);
        let last = stakeholder.assessments.last();
        planned.with(last.and_then(|assessed| assessed.assessment.as_ref()))
    }));
}
