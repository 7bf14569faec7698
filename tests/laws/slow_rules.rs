//! Proves that rules that take long hold up the ledger, but break nothing: the heads are not locked for so long that the database
//! takes the process for gone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use uuid::Uuid;
use vedtak::ledger::{Circumstances, Judge, Ledger, Standing, Store, StoreConfig, Submission, Verdict, WriterConfig};

use crate::support::{Deaf, database, new_id};

/// So many commands come at once to each of two ledgers, and each is thought about for so long: together longer than a session may be
/// silent in a transaction.
const COMMANDS: i64 = 60;
const THOUGHT: Duration = Duration::from_millis(100);

/// Thinks about each command, and allows it.
struct Thoughtful;

/// How far a stream has come.
#[derive(Clone, Debug)]
struct Progress {
    version: i64,
    position: i64,
}

impl Judge for Thoughtful {
    type State = Progress;
    type Command = ();
    type Event = ();
    type Refusal = ();

    fn empty(&self, _: &str) -> Option<Progress> {
        Some(Progress {
            version: 0,
            position: 0,
        })
    }

    fn version(&self, state: &Progress) -> i64 {
        state.version
    }

    fn position(&self, state: &Progress) -> i64 {
        state.position
    }

    fn relies_on(&self, (): &(), _: &Progress, _: &HashMap<String, Arc<Progress>>, _: &Circumstances) -> Vec<String> {
        Vec::new()
    }

    fn judge(
        &self,
        (): &(),
        _: &Progress,
        _: &HashMap<String, Arc<Progress>>,
        _: &Circumstances,
    ) -> Result<Verdict<()>, ()> {
        std::thread::sleep(THOUGHT);
        let (events, role) = (vec![()], String::new());
        Ok(Verdict {
            events,
            role,
            through: None,
        })
    }

    fn event_type(&self, (): &()) -> &'static str {
        "test.Thought"
    }

    fn write(&self, (): &(), text: &mut Vec<u8>) {
        text.extend_from_slice(b"{}");
    }

    fn read(&self, _: &str, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn fold(&self, state: &mut Progress, (): &(), at: &Standing<'_>) -> Result<(), String> {
        (state.version, state.position) = (at.version, at.position);
        Ok(())
    }
}

fn submission() -> Submission<Thoughtful> {
    Submission {
        tenant: Arc::from("nordre-land"),
        stream: Arc::from("thought/1"),
        request_id: Uuid::parse_str(&new_id()).unwrap(),
        content_hash: [0; 32],
        expected_version: None,
        circumstances: Circumstances {
            subject: "kari".to_owned(),
            on_behalf_of: String::new(),
            authority: String::new(),
            reason: String::new(),
            effective_date: "2026-01-01".to_owned(),
            today: "2026-01-01".to_owned(),
            ground: None,
            administrator: true,
            mandate: Vec::new(),
        },
        commands: vec![()],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_commands_that_take_long_to_judge_is_recorded_by_two_ledgers() {
    let url = database().await;
    let mut recording = JoinSet::new();
    for _ in 0..2 {
        let store = Store::connect(&StoreConfig {
            url: url.clone(),
            ..StoreConfig::default()
        })
        .await
        .unwrap();
        let ledger = Ledger::start(Arc::new(Thoughtful), store, &WriterConfig::default(), Arc::new(Deaf));
        for _ in 0..COMMANDS {
            let ledger = ledger.clone();
            recording.spawn(async move { ledger.append(submission()).await });
        }
    }
    let mut positions: Vec<i64> = recording
        .join_all()
        .await
        .into_iter()
        .map(|receipt| receipt.unwrap().position)
        .collect();
    positions.sort_unstable();
    assert_eq!(positions, (1..=2 * COMMANDS).collect::<Vec<_>>());
}
