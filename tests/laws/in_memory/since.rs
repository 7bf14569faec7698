//! Since when a finding stands, followed along a history, against the slow and obvious way: everything that is found after each record.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use vedtak::api::openapi::read_examples;
use vedtak::domain::{Standing, State, Stream, Watch};

use super::super::findings::{found, one_by_one};
use super::super::script::{BEGINNING, Line, Manner, Script, lines};
use super::ledger::Ledger;
use super::{COMMANDS, TODAY, next};
use crate::support::scale;

/// One stream, followed both ways.
pub struct Since {
    watch: Watch,
    slow: Vec<Standing>,
}

impl Since {
    /// From the beginning of a stream; none where nothing is found.
    pub fn of(stream: &str) -> Option<Self> {
        let watch = Watch::new(Stream::parse(stream)?.aggregate, TODAY)?;
        Some(Self {
            watch,
            slow: Vec::new(),
        })
    }

    /// Follows both ways what an event has left, and holds them against each other. Answers the codes of what was found.
    pub fn hold(&mut self, state: &State, position: i64, data: &str) -> Vec<&'static str> {
        self.watch.after(state, position, data);
        self.slow = one_by_one(&self.slow, found(state, TODAY), position);
        let fast = self.watch.standing(state);
        assert_eq!(fast, self.slow, "after {position}: {data}");
        fast.iter().map(|standing| standing.found.code).collect()
    }
}

/// Commands that bring about, or end, what the sequences for money and gates hardly ever come to.
pub const FINDINGS: &[&str] = &[
    "PlanActivity",
    "ReviseActivity",
    "CancelActivity",
    "DefineCheckpoint",
    "AnswerCheckpoint",
    "ReopenCheckpoint",
    "SkipPhase",
    "PlanDecisionPoint",
    "RejectDecisionPoint",
    "WithdrawDecisionPoint",
    "PlanMilestone",
    "RescheduleMilestone",
    "CancelMilestone",
    "RegisterRisk",
    "RegisterRisk",
    "SetReportRhythm",
    "EndReportRhythm",
    "SubmitStatusReport",
];

/// What has to be found, and how often at the least in forty sequences.
const FOLLOWED: &[(&str, usize)] = &[
    ("ACTIVITY_NUMBER_REPEATED", 20),
    ("B9", 20),
    ("CHECKPOINT_OPEN_AFTER_PHASE", 20),
    ("DECISION_POINT_NUMBER_REPEATED", 20),
    ("DECISION_POINT_OVERDUE", 20),
    ("MILESTONE_BEFORE_DEPENDENCY", 20),
    ("MILESTONE_NUMBER_REPEATED", 20),
    ("MILESTONE_OVERDUE", 20),
    ("RISK_NUMBER_REPEATED", 20),
    ("T2", 20),
    ("V5", 20),
    ("V8", 20),
    ("V11", 20),
];

/// A sequence that goes through what is found of numbers, too.
pub fn script(seed: u64, favoured: &'static [&'static str]) -> Script {
    static FURTHER: LazyLock<Vec<Vec<Line>>> =
        LazyLock::new(|| lines(read_examples(include_str!("found.txt")).unwrap()));
    let manner = Manner {
        left_out: 10,
        favoured,
        further: &FURTHER,
    };
    Script::of(seed, manner)
}

#[test]
fn since_when_each_finding_stands_is_the_same_followed_and_walked_state_by_state() {
    let mut followed: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 1..=40 * scale() as u64 {
        let (mut script, mut ledger) = (script(seed, FINDINGS), Ledger::default());
        for number in 0..2 * COMMANDS {
            let (commands, circumstances) = next(&mut script, number >= BEGINNING);
            for step in ledger.submit(&commands, &circumstances).unwrap_or_default() {
                for code in ledger.keep(&step) {
                    *followed.entry(code).or_default() += 1;
                }
            }
        }
    }
    println!("findings followed: {followed:?}");
    for (code, least) in FOLLOWED {
        let times = followed.get(code).copied().unwrap_or_default();
        assert!(times >= *least, "{code}: followed {times} times, which proves little");
    }
}
