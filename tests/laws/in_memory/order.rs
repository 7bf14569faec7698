//! The order of what is independent does not matter: the books of a project, recorded anew in another order, add up to the same.

use std::sync::Arc;

use prost::{Message, Name};
use rand::seq::SliceRandom;
use vedtak::domain::{self, Command, State};
use vedtak::ledger::Circumstances;
use vedtak::schema::v1::*;

use super::ledger::Ledger;
use vedtak::api::openapi::example_id;

use crate::laws::random::Random;

/// Records the lines, commitments and entries of a project in any order that is allowed, and compares what is read of them. Answers
/// how many there were.
pub fn does_not_matter(project: &Project, circumstances: &Arc<Circumstances>, random: &mut Random) -> usize {
    let Some(budget) = &project.budget else { return 0 };
    let mut commands = books(budget);
    commands.shuffle(&mut random.rng);
    let mut ledger = Ledger::default();
    let mut setting = phases(project);
    setting.insert(
        0,
        command(&RegisterProject {
            project_id: project_id(),
            name: "Anew".to_owned(),
            kind: ProjectKind::MainProject.into(),
            ..RegisterProject::default()
        }),
    );
    for command in setting {
        assert!(
            record(&mut ledger, &command, circumstances),
            "the setting is accepted: {command:?}"
        );
    }
    let count = commands.len();
    // What needs another one first is sent again until all are there; something must go each time.
    while !commands.is_empty() {
        let before = commands.len();
        commands.retain(|command| !record(&mut ledger, command, circumstances));
        assert!(
            commands.len() < before,
            "none of these is accepted any more: {commands:?}"
        );
    }
    let Some(State::Project(anew)) = ledger
        .states
        .get(&format!("project/{}", project_id()))
        .map(AsRef::as_ref)
    else {
        panic!("the project was recorded")
    };
    assert_eq!(
        sorted(anew),
        sorted(project),
        "the order changed what the books add up to"
    );
    count
}

/// Records a command, when it is accepted.
fn record(ledger: &mut Ledger, command: &Command, circumstances: &Arc<Circumstances>) -> bool {
    let steps = ledger.submit(std::slice::from_ref(command), circumstances);
    steps.iter().flatten().for_each(|step| drop(ledger.keep(step)));
    steps.is_ok()
}

fn project_id() -> String {
    example_id("project", 1)
}

fn command<C: Message + Name>(command: &C) -> Command {
    let decoded = Command::decode(&C::full_name(), &command.encode_to_vec()).expect("a command of the schema");
    let mut command = decoded.expect("its own bytes");
    command.set_context(CommandContext {
        request_id: example_id("line", 0),
        ..CommandContext::default()
    });
    command
}

/// The phases that lines may speak of.
fn phases(project: &Project) -> Vec<Command> {
    let plan = |phase: &Phase| {
        command(&PlanPhase {
            project_id: project_id(),
            phase_id: phase.phase_id.clone(),
            number: phase.number,
            name: phase.name.clone(),
            kind: phase.kind,
            mode: phase.mode,
            ..PlanPhase::default()
        })
    };
    project.phases.iter().map(plan).collect()
}

fn books(budget: &Budget) -> Vec<Command> {
    let costs = budget.cost_lines.iter().map(|line| {
        command(&SetCostLine {
            project_id: project_id(),
            line_id: line.line_id.clone(),
            line: line.line.clone(),
            ..SetCostLine::default()
        })
    });
    let financing = budget.financing_lines.iter().map(|line| {
        command(&SetFinancingLine {
            project_id: project_id(),
            line_id: line.line_id.clone(),
            line: line.line.clone(),
            source: line.source.clone(),
            ..SetFinancingLine::default()
        })
    });
    let stated = budget.stated_totals.iter().map(|stated| {
        command(&StateTotal {
            project_id: project_id(),
            side: stated.side,
            period: stated.period.clone(),
            amount: stated.amount,
            ..StateTotal::default()
        })
    });
    let commitments = budget.commitments.iter().map(|one| {
        command(&RecordCommitment {
            project_id: project_id(),
            commitment_id: one.commitment_id.clone(),
            line_id: one.line_id.clone(),
            amount: one.amount,
            description: one.description.clone(),
            ..RecordCommitment::default()
        })
    });
    let actuals = budget.actuals.iter().map(|one| {
        command(&RecordActual {
            project_id: project_id(),
            actual_id: one.actual_id.clone(),
            entry: one.entry.clone(),
            ..RecordActual::default()
        })
    });
    costs
        .chain(financing)
        .chain(stated)
        .chain(commitments)
        .chain(actuals)
        .collect()
}

/// What is read of the books, without the order in which it came.
fn sorted(project: &Project) -> BudgetReading {
    let mut reading = domain::budget_reading(project);
    reading.cost_lines.clear();
    reading.financing_lines.clear();
    reading.status = 0;
    reading.position = 0;
    reading
        .shares
        .sort_by(|one, other| one.municipality.cmp(&other.municipality));
    for period in &mut reading.periods {
        period
            .posts
            .sort_by(|one, other| (&one.post, one.kind).cmp(&(&other.post, other.kind)));
        period.posts.iter_mut().for_each(|post| post.line_ids.sort());
    }
    reading
}
