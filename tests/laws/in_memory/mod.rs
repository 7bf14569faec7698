//! The law of the domain by itself, without a server: whatever is sent, no panic, the state equals its replay, money adds up, and
//! no gate is passed with its condition unmet.

mod decisions;
mod gates;
mod ledger;
mod limits;
mod long;
mod money;
mod order;
mod others;
mod seats;
mod since;
mod size;
mod sum;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use prost::{Message, Name};
use prost_reflect::ReflectMessage;
use vedtak::api::openapi::read_examples;
use vedtak::domain::{Command, State};
use vedtak::ledger::Circumstances;
use vedtak::schema::v1::*;

use self::ledger::{Ledger, Step};
use super::script::{BEGINNING, Line, Manner, SUBJECTS, Script, lines, sender};
use crate::support::scale;
use vedtak::api::openapi::example_id;

/// How many sequences run at the least, and how many commands each sends.
const SEQUENCES: usize = 100;
const COMMANDS: usize = 150;

/// The day on which everything is recorded.
const TODAY: &str = "2026-10-01";

/// Sent more often than their number among all commands would have it, by every other sequence.
const MONEY: &[&str] = &[
    "SetCostLine",
    "SetCostLine",
    "SetFinancingLine",
    "RecordCommitment",
    "RecordActual",
    "StateTotal",
    "CarryOverFunds",
    "RemoveLine",
    "ApproveBudget",
    "AmendContract",
    "PlanBenefit",
];

/// Sent more often by the others.
const TOWARDS_GATES: &[&str] = &[
    "PlanDecisionPoint",
    "ApproveDecisionPoint",
    "RejectDecisionPoint",
    "WithdrawDecisionPoint",
    "StartPhase",
    "EvaluatePhase",
    "CompletePhase",
    "SkipPhase",
    "AwardContract",
    "SignContract",
    "SignAgreement",
    "WithdrawParty",
    "TerminateAgreement",
    "AcceptDeliverable",
    "HandOver",
    "ApproveClosing",
    "CloseProject",
    "DecideProposal",
];

/// The gates, and how often a hundred sequences pass each at the least: fewer would prove too little.
const GATES: &[(&str, usize)] = &[
    ("activities linked", 8),
    ("actual corrected", 8),
    ("agreement signed", 60),
    ("agreement terminated", 6),
    ("benefit confirmed", 5),
    ("closing approved", 30),
    ("contract awarded", 2),
    ("contract signed", 1),
    ("decision point approved", 60),
    ("decision point approved by a body", 8),
    ("decision point rejected", 6),
    ("decision point withdrawn", 15),
    ("deliverable handed over", 8),
    ("dependency registered", 5),
    ("execution started", 1),
    ("meeting moved", 3),
    ("milestone achieved", 12),
    ("minutes approved", 3),
    ("minutes corrected", 3),
    ("minutes recorded", 10),
    ("party withdrawn", 10),
    ("party withdrawn by authority", 6),
    ("phase completed", 4),
    ("phase plan approved", 30),
    ("phase skipped", 12),
    ("phase started", 15),
    ("project closed", 3),
    ("project extended", 5),
    ("proposal started", 4),
    ("risk materialised", 12),
    ("start decision approved", 2),
];

/// What all sequences have come to.
#[derive(Default)]
struct Tally {
    sent: usize,
    accepted: usize,
    events: usize,
    replayed: usize,
    totals: usize,
    ordered: usize,
    gates: BTreeMap<&'static str, usize>,
    refusals: BTreeMap<String, usize>,
    /// How often each finding was followed from one event to the next, by its code.
    followed: BTreeMap<&'static str, usize>,
}

#[test]
fn no_sequence_of_commands_breaks_a_law_of_the_domain() {
    let seeds: Vec<u64> = match std::env::var("VEDTAK_TEST_SEED").map(|seed| seed.parse()) {
        Ok(Ok(seed)) => vec![seed],
        _ => (1..=(SEQUENCES * scale()) as u64).collect(),
    };
    let (next, tally, failed) = (
        AtomicUsize::new(0),
        Mutex::new(Tally::default()),
        Mutex::new(Vec::new()),
    );
    let work = || {
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut last = String::new();
            match catch_unwind(AssertUnwindSafe(|| prove(*seed, &mut last))) {
                Ok(proved) => tally.lock().unwrap().add(proved),
                Err(_) => failed
                    .lock()
                    .unwrap()
                    .push(format!("VEDTAK_TEST_SEED={seed} at {last}")),
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| _ = scope.spawn(work)));
    let failed = failed.into_inner().unwrap();
    assert!(
        failed.is_empty(),
        "{} of {} sequences failed:\n{}",
        failed.len(),
        seeds.len(),
        failed.join("\n")
    );
    tally.into_inner().unwrap().tell(seeds.len());
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.accepted += other.accepted;
        self.events += other.events;
        self.replayed += other.replayed;
        self.totals += other.totals;
        self.ordered += other.ordered;
        for (gate, count) in other.gates {
            *self.gates.entry(gate).or_default() += count;
        }
        for (code, count) in other.followed {
            *self.followed.entry(code).or_default() += count;
        }
        for (reason, count) in other.refusals {
            *self.refusals.entry(reason).or_default() += count;
        }
    }

    fn tell(&self, sequences: usize) {
        println!(
            "in memory: {sequences} sequences, {} commands, {} accepted, {} events, {} states replayed, {} totals added up, {} \
             lines and entries put in another order; gates passed: {:?}; findings followed: {:?}; refused: {:?}",
            self.sent,
            self.accepted,
            self.events,
            self.replayed,
            self.totals,
            self.ordered,
            self.gates,
            self.followed,
            self.refusals
        );
        if sequences < SEQUENCES {
            return;
        }
        assert!(
            self.accepted * 4 > self.sent,
            "too little is accepted for this to prove much"
        );
        for (gate, least) in GATES {
            let passed = self.gates.get(gate).copied().unwrap_or_default();
            let wanted = least * sequences / 100;
            assert!(
                passed >= wanted,
                "{gate}: passed {passed} times, and less than {wanted} proves little"
            );
        }
    }

    /// Looks at a step that was accepted, before the ledger moves on.
    fn look(&mut self, ledger: &Ledger, step: &Step) {
        self.accepted += 1;
        self.events += step.events.len();
        for gate in gates::passed(&ledger.states, step) {
            *self.gates.entry(gate).or_default() += 1;
        }
    }
}

/// Runs one sequence. What is sent is told beforehand, for the case that it fails.
fn prove(seed: u64, last: &mut String) -> Tally {
    static FURTHER: LazyLock<Vec<Vec<Line>>> =
        LazyLock::new(|| lines(read_examples(include_str!("chapters.txt")).unwrap()));
    let manner = Manner {
        left_out: 4,
        favoured: if seed.is_multiple_of(2) { MONEY } else { TOWARDS_GATES },
        further: &FURTHER,
    };
    let mut script = Script::of(seed, manner);
    let (mut ledger, mut tally) = (Ledger::default(), Tally::default());
    for number in 0..COMMANDS {
        let begun = number >= BEGINNING;
        let (commands, circumstances) = next(&mut script, begun);
        *last = format!("command {number}: {commands:?} in {circumstances:?}");
        tally.sent += 1;
        let steps = match ledger.submit(&commands, &circumstances) {
            Ok(steps) => steps,
            Err(reason) => {
                *tally.refusals.entry(reason).or_default() += 1;
                continue;
            }
        };
        for step in steps {
            tally.look(&ledger, &step);
            for code in ledger.keep(&step) {
                *tally.followed.entry(code).or_default() += 1;
            }
            tally.totals += money::adds_up(&ledger.states, &step);
        }
    }
    tally.ordered = put_in_another_order(&ledger, &mut script);
    tally.replayed = ledger.is_replayed();
    tally
}

fn put_in_another_order(ledger: &Ledger, script: &mut Script) -> usize {
    let circumstances = Arc::new(Circumstances {
        subject: "kari".to_owned(),
        on_behalf_of: String::new(),
        authority: String::new(),
        reason: String::new(),
        effective_date: TODAY.to_owned(),
        today: TODAY.to_owned(),
        ground: None,
        administrator: true,
        mandate: Vec::new(),
    });
    match ledger
        .states
        .get(&format!("project/{}", example_id("project", 1)))
        .map(AsRef::as_ref)
    {
        Some(State::Project(project)) => order::does_not_matter(project, &circumstances, &mut script.random),
        _ => 0,
    }
}

/// One command or some at once, and the circumstances that they are sent in.
fn next(script: &mut Script, begun: bool) -> (Vec<Command>, Arc<Circumstances>) {
    let (_, request, context) = match begun && script.random.chance(8) {
        true => script.batch(),
        false => script.command(begun),
    };
    let subject = match begun && script.random.chance(10) {
        true => SUBJECTS[1],
        false => SUBJECTS[sender(&request)],
    };
    let circumstances = Circumstances {
        subject: subject.to_owned(),
        on_behalf_of: context.on_behalf_of.clone(),
        authority: context.authority.clone(),
        reason: context.reason.clone(),
        effective_date: context.effective_date.clone().unwrap_or_else(|| TODAY.to_owned()),
        today: TODAY.to_owned(),
        ground: None,
        administrator: true,
        mandate: vec!["per".to_owned()],
    };
    let mut commands = commands(request.descriptor().full_name(), &request.encode_to_vec());
    for command in &mut commands {
        command.set_context(context.clone());
    }
    (commands, Arc::new(circumstances))
}

/// The command, or those of a batch.
fn commands(name: &str, bytes: &[u8]) -> Vec<Command> {
    if name != RecordBatch::full_name() {
        let command = Command::decode(name, bytes).expect("a command of the schema");
        return vec![command.expect("its own bytes")];
    }
    let batch = RecordBatch::decode(bytes).expect("its own bytes");
    let parts = batch.commands.iter();
    parts
        .flat_map(|part| commands(part.type_url.trim_start_matches("type.googleapis.com/"), &part.value))
        .collect()
}
