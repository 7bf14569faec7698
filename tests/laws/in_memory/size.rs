//! No command and no reading takes time out of proportion to what it looks at: however much a tenant has heaped up in one stream.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::{Message, Name};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage, Value};
use vedtak::domain::{self, Command, Facts, State, Stream};
use vedtak::ledger::{Circumstances, Judge};
use vedtak::rules::Rules;
use vedtak::schema;
use vedtak::schema::v1::*;

use super::ledger::{Ledger, States};
use super::{COMMANDS, MONEY, Manner, Script, TODAY, TOWARDS_GATES, next};
use crate::laws::script::BEGINNING;

/// So many there are of everything, in the end; and so many to compare that with.
const HEAP: usize = 1_000;
const LESSER_HEAP: usize = HEAP / 6;

/// What takes less is not looked at: with a look at each for each of them it would take longer, also without what a debug build adds.
const SHORT: Duration = Duration::from_millis(40);

/// Six times as much may take six times as long, and a little more; a look at each for each takes 36 times as long.
const MOST: u32 = 14;

/// Whether what is heaped up differs in what it is called by, and in the period that it is of.
#[derive(Clone, Copy, Debug)]
enum Manifold {
    Same,
    Different,
}

/// The same state with a heap of everything in it.
fn heaped(state: &State, manifold: Manifold, most: usize) -> State {
    let descriptor = schema::pool().get_message_by_name(state.message()).unwrap();
    let mut message = DynamicMessage::decode(descriptor, state.encode().as_slice()).unwrap();
    heap(&mut message, manifold, most, 2);
    let bytes = message.encode_to_vec();
    match state {
        State::Project(_) => State::Project(Project::decode(bytes.as_slice()).unwrap()),
        State::Organization(_) => State::Organization(Organization::decode(bytes.as_slice()).unwrap()),
        State::ProposalRegister(_) => State::ProposalRegister(ProposalRegister::decode(bytes.as_slice()).unwrap()),
        State::Agreement(_) => State::Agreement(Agreement::decode(bytes.as_slice()).unwrap()),
        // A programme has so many projects and dependencies at the most.
        other => other.clone(),
    }
}

fn heap(message: &mut DynamicMessage, manifold: Manifold, most: usize, depth: usize) {
    let fields: Vec<FieldDescriptor> = message.descriptor().fields().collect();
    for field in fields {
        if !matches!(field.kind(), Kind::Message(_)) || field.is_map() {
            continue;
        }
        match message.get_field_mut(&field) {
            Value::List(list) if !list.is_empty() => {
                let few = list.len();
                for number in few..most {
                    let Value::Message(mut copy) = list[number % few].clone() else {
                        break;
                    };
                    rename(&mut copy, manifold, number, true);
                    list.push(Value::Message(copy));
                }
            }
            Value::Message(inner) if depth > 0 && inner.fields().next().is_some() => {
                heap(inner, manifold, most, depth - 1)
            }
            _ => {}
        }
    }
}

/// What is copied has an id of its own: its first field.
fn rename(copy: &mut DynamicMessage, manifold: Manifold, number: usize, is_outermost: bool) {
    let fields: Vec<FieldDescriptor> = copy.descriptor().fields().collect();
    for (index, field) in fields.iter().enumerate() {
        match copy.get_field_mut(field) {
            Value::String(text) if is_outermost && index == 0 => {
                *text = format!("{number:08x}-0000-4000-8000-000000000000")
            }
            Value::String(text) if matches!(manifold, Manifold::Different) => match field.name() {
                "period" | "year" => *text = format!("{:04}", number % 9_998 + 1),
                "number" => *text = number.to_string(),
                _ => {}
            },
            Value::Message(inner) if !field.is_list() && inner.fields().next().is_some() => {
                rename(inner, manifold, number, false);
            }
            _ => {}
        }
    }
}

/// How long it takes, at the best of some times: whoever else works on this machine is not to count.
fn time(mut work: impl FnMut()) -> Duration {
    let mut least = Duration::MAX;
    for _ in 0..3 {
        let began = Instant::now();
        work();
        least = least.min(began.elapsed());
        if least < SHORT {
            break;
        }
    }
    least
}

fn facts(command: &Command, own: &Arc<State>, states: &States, circumstances: &Circumstances) -> States {
    let mut facts = States::new();
    for _ in 0..4 {
        for stream in Rules.relies_on(command, own, &facts, circumstances) {
            let state = states.get(&stream).cloned();
            let state = state.or_else(|| Rules.empty(&stream).map(Arc::new));
            facts.insert(stream, state.unwrap());
        }
    }
    facts
}

/// All readings that look through a whole state.
fn readings(states: &States) -> Vec<(&'static str, Duration)> {
    let mut times = Vec::new();
    let states: BTreeMap<&String, &Arc<State>> = states.iter().collect();
    for state in states.values() {
        match &***state {
            State::Project(project) => {
                times.push(("findings", time(|| drop(domain::findings(project, TODAY)))));
                times.push(("budget", time(|| drop(domain::budget_reading(project)))));
                times.push((
                    "gantt",
                    time(|| drop(domain::gantt_reading(project, GanttGranularity::Month))),
                ));
                times.push(("contracts", time(|| drop(domain::contract_reading(project)))));
                times.push(("handovers", time(|| drop(domain::handover_reading(project)))));
                times.push(("benefits", time(|| drop(domain::benefit_reading(project)))));
                times.push(("conditions", time(|| drop(domain::condition_reading(project, TODAY)))));
                times.push(("stakeholders", time(|| drop(domain::stakeholder_map(project)))));
                times.push(("risks", time(|| drop(domain::risk_matrix(project)))));
                times.push(("overview", time(|| drop(domain::overview(project)))));
                times.push((
                    "plan difference",
                    time(|| drop(domain::plan_difference(project, project))),
                ));
            }
            State::Organization(organization) => {
                let find = || drop(domain::organization_findings(organization, TODAY));
                times.push(("findings of an organisation", time(find)));
            }
            State::ProposalRegister(register) => {
                times.push((
                    "findings of a register",
                    time(|| drop(domain::proposal_findings(register, TODAY))),
                ));
            }
            State::Programme(programme) => {
                let states: HashMap<Stream, Arc<State>> = states
                    .iter()
                    .filter_map(|(stream, state)| Some((Stream::parse(stream)?, Arc::clone(state))))
                    .collect();
                let facts = Facts::new(&states);
                if programme
                    .projects
                    .iter()
                    .all(|project| facts.project(&project.project_id).is_some())
                {
                    times.push(("portfolio", time(|| drop(domain::portfolio_reading(programme, &facts)))));
                }
            }
            State::Agreement(agreement) => {
                times.push(("standing", time(|| drop(domain::agreement_standing(agreement, TODAY)))));
            }
        }
    }
    times
}

#[test]
fn nothing_takes_time_out_of_proportion_to_what_it_looks_at() {
    let mut slow: Vec<String> = Vec::new();
    let mut judged = 0;
    for (seed, favoured, manifold) in [(1, TOWARDS_GATES, Manifold::Same), (2, MONEY, Manifold::Different)] {
        let manner = Manner {
            favoured,
            ..Manner::default()
        };
        let mut script = Script::of(seed, manner);
        let mut ledger = Ledger::default();
        let mut asked = Vec::new();
        for number in 0..COMMANDS {
            let (commands, circumstances) = next(&mut script, number >= BEGINNING);
            for step in ledger.submit(&commands, &circumstances).unwrap_or_default() {
                ledger.keep(&step);
            }
            asked.extend(
                commands
                    .into_iter()
                    .map(|command| (command, Arc::clone(&circumstances))),
            );
        }
        let heap = |most: usize| -> States {
            let states = ledger.states.iter();
            states
                .map(|(stream, state)| (stream.clone(), Arc::new(heaped(state, manifold, most))))
                .collect()
        };
        let (states, lesser) = (heap(HEAP), heap(LESSER_HEAP));
        let mut compare = |name: &str, took: Duration, with_less: &mut dyn FnMut() -> Duration| {
            let less = if took < SHORT { took } else { with_less() };
            if took > less * MOST {
                slow.push(format!("{name} ({manifold:?}): {took:?}, and {less:?} with less"));
            }
        };
        let fewer = readings(&lesser);
        for ((name, took), (_, less)) in readings(&states).into_iter().zip(fewer) {
            compare(name, took, &mut || less);
        }
        for (command, circumstances) in asked {
            let stream = command.stream().to_string();
            if !states.contains_key(&stream) {
                continue;
            }
            let judge = |states: &States| {
                let facts = facts(&command, &states[&stream], states, &circumstances);
                time(|| drop(Rules.judge(&command, &states[&stream], &facts, &circumstances)))
            };
            judged += 1;
            compare(command.message(), judge(&states), &mut || judge(&lesser));
        }
    }
    slow.sort();
    assert!(judged > 200, "{judged} commands were judged");
    assert!(slow.is_empty(), "{}", slow.join("\n"));
}

/// A project whose activities follow one another in a row: each is linked to the next.
fn row(activities: usize) -> Arc<State> {
    let id = |number: usize| format!("{number:08x}-0000-4000-8000-000000000000");
    Arc::new(State::Project(Project {
        version: 1,
        activities: (0..activities)
            .map(|number| Activity {
                activity_id: id(number),
                ..Activity::default()
            })
            .collect(),
        activity_links: (1..activities)
            .map(|number| ActivityLink {
                from_activity_id: id(number - 1),
                to_activity_id: id(number),
                provenance: None,
            })
            .collect(),
        ..Project::default()
    }))
}

#[test]
fn k1_a_circle_among_thousands_of_activities_is_found_at_once_and_told_in_one_sentence() {
    let circumstances = Circumstances {
        subject: "kari".to_owned(),
        on_behalf_of: String::new(),
        authority: String::new(),
        reason: String::new(),
        effective_date: TODAY.to_owned(),
        today: TODAY.to_owned(),
        ground: None,
        administrator: true,
        mandate: Vec::new(),
    };
    let close = |state: &Arc<State>| {
        let State::Project(project) = &**state else { panic!() };
        let (first, last) = (project.activities.first().unwrap(), project.activities.last().unwrap());
        let link = LinkActivities {
            from_activity_id: last.activity_id.clone(),
            to_activity_id: first.activity_id.clone(),
            ..LinkActivities::default()
        };
        let command = Command::decode(&LinkActivities::full_name(), &link.encode_to_vec());
        let command = command.unwrap().unwrap();
        let refusal = Rules
            .judge(&command, state, &States::new(), &circumstances)
            .unwrap_err();
        let took = time(|| drop(Rules.judge(&command, state, &States::new(), &circumstances)));
        (took, refusal)
    };
    let (many, few) = (row(6_000), row(1_000));
    let (took, refusal) = close(&many);
    let sentence = refusal.sentence();
    assert_eq!(refusal.reason, "LINK_CYCLE");
    assert!(
        sentence.len() <= 1_000 && sentence.contains(", and 5990 more."),
        "{sentence}"
    );
    let (less, _) = close(&few);
    assert!(took < SHORT || took < less * MOST, "{took:?}, and {less:?} with fewer");
}
