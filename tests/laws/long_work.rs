//! Proves that what takes long holds up nobody: neither who serves on the same thread, nor another tenant, nor anybody once its caller
//! has gone; and that there is an end to how much of it may wait.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;
use uuid::Uuid;
use vedtak::ledger::{
    AppendError, Circumstances, Judge, Ledger, LedgerError, Reach, Standing, Store, StoreConfig, Submission, Verdict,
    WriterConfig,
};

use crate::support::{Deaf, database, new_id};

/// Works as long on each command as it says, and on each event as long as is set.
#[derive(Default)]
struct Toiling {
    /// In microseconds.
    a_fold: AtomicU64,
    folded: AtomicU64,
}

/// A command, and how many microseconds of work it is.
#[derive(Debug)]
struct Toil {
    work: u64,
    is_refused: bool,
}

/// How far a stream has come.
#[derive(Clone, Debug)]
struct Progress {
    version: i64,
    position: i64,
}

fn toil(microseconds: u64) {
    let until = Instant::now() + Duration::from_micros(microseconds);
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}

impl Judge for Toiling {
    type State = Progress;
    type Command = Toil;
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

    fn relies_on(&self, _: &Toil, _: &Progress, _: &HashMap<String, Arc<Progress>>, _: &Circumstances) -> Vec<String> {
        Vec::new()
    }

    fn judge(
        &self,
        command: &Toil,
        _: &Progress,
        _: &HashMap<String, Arc<Progress>>,
        _: &Circumstances,
    ) -> Result<Verdict<()>, ()> {
        toil(command.work);
        if command.is_refused {
            return Err(());
        }
        let (events, role) = (vec![()], String::new());
        Ok(Verdict {
            events,
            role,
            through: None,
        })
    }

    fn event_type(&self, (): &()) -> &'static str {
        "test.Toiled"
    }

    fn write(&self, (): &(), text: &mut Vec<u8>) {
        text.extend_from_slice(b"{}");
    }

    fn read(&self, _: &str, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn fold(&self, state: &mut Progress, (): &(), at: &Standing<'_>) -> Result<(), String> {
        toil(self.a_fold.load(Ordering::Relaxed));
        self.folded.fetch_add(1, Ordering::Relaxed);
        (state.version, state.position) = (at.version, at.position);
        Ok(())
    }
}

async fn ledger_on(database: &str, config: &WriterConfig) -> Ledger<Toiling> {
    let config_of_store = StoreConfig {
        url: database.to_owned(),
        ..StoreConfig::default()
    };
    let store = Store::connect(&config_of_store).await.unwrap();
    Ledger::start(Arc::default(), store, config, Arc::new(Deaf))
}

/// Commands that are so many microseconds of work each; when it is said so, the last is refused.
fn submission(tenant: &str, works: &[u64], is_refused: bool) -> Submission<Toiling> {
    let last = works.len() - 1;
    let request_id = Uuid::parse_str(&new_id()).unwrap();
    Submission {
        tenant: Arc::from(tenant),
        stream: Arc::from("toil/1"),
        request_id,
        content_hash: Sha256::digest(request_id.as_bytes()).into(),
        expected_version: None,
        circumstances: Circumstances {
            subject: "kari".to_owned(),
            on_behalf_of: String::new(),
            authority: String::new(),
            reason: String::new(),
            effective_date: "2017-01-01".to_owned(),
            today: "2017-01-01".to_owned(),
            ground: None,
            administrator: true,
            mandate: Vec::new(),
        },
        commands: works
            .iter()
            .enumerate()
            .map(|(index, work)| Toil {
                work: *work,
                is_refused: is_refused && index == last,
            })
            .collect(),
    }
}

/// Records so many events on the stream of a tenant.
async fn grow(ledger: &Ledger<Toiling>, tenant: &str, events: usize) {
    for _ in 0..events.div_ceil(500) {
        ledger.append(submission(tenant, &[0; 500], false)).await.unwrap();
    }
}

/// The longest that this thread, on which everything runs that serves, was not free while something was done.
async fn longest_stall<T>(work: impl Future<Output = T>) -> (Duration, T) {
    let mut longest = Duration::ZERO;
    tokio::pin!(work);
    let mut last = Instant::now();
    loop {
        let done = tokio::select! {
            biased;
            () = tokio::task::yield_now() => None,
            done = &mut work => Some(done),
        };
        longest = longest.max(last.elapsed());
        last = Instant::now();
        if let Some(done) = done {
            return (longest, done);
        }
    }
}

/// How many commands of a tenant are answered, one after the other, until something is done: however busy the machine is, many when
/// they do not wait for it.
async fn answered_meanwhile<T: Send + 'static>(
    ledger: &Ledger<Toiling>,
    tenant: &str,
    until: tokio::task::JoinHandle<T>,
) -> (usize, T) {
    let mut answered = 0;
    while !until.is_finished() {
        ledger.append(submission(tenant, &[0], false)).await.unwrap();
        answered += 1;
    }
    (answered, until.await.unwrap())
}

#[tokio::test(flavor = "current_thread")]
async fn a_long_history_is_folded_beside_the_threads_that_serve() {
    let database = database().await;
    let writing = ledger_on(&database, &WriterConfig::default()).await;
    grow(&writing, "nordre-land", 3_000).await;
    let decided_by = Reach {
        position: None,
        decided_by: Some("2020-01-01".to_owned()),
    };
    for reach in [Reach::NOW, decided_by] {
        let reading = ledger_on(&database, &WriterConfig::default()).await;
        reading.judge().a_fold.store(300, Ordering::Relaxed);
        let began = Instant::now();
        let (stall, state) = longest_stall(reading.state("nordre-land", "toil/1", &reach)).await;
        assert_eq!(state.unwrap().unwrap().state.version, 3_000);
        assert!(began.elapsed() > Duration::from_millis(850), "it was folded anew");
        assert!(
            stall < Duration::from_millis(250),
            "whoever is served on this thread waited for {stall:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_readings_of_one_tenant_do_not_keep_those_of_another_waiting_and_too_many_are_told_to_come_back() {
    let database = database().await;
    let config = WriterConfig {
        long_places: 1,
        long_readings_per_tenant: 12,
        ..WriterConfig::default()
    };
    let writing = ledger_on(&database, &config).await;
    for tenant in ["loud", "quiet"] {
        grow(&writing, tenant, 1_000).await;
    }
    let reading = ledger_on(&database, &config).await;
    reading.judge().a_fold.store(150, Ordering::Relaxed);
    let reach = Reach {
        position: None,
        decided_by: Some("2020-01-01".to_owned()),
    };
    let mut loud = JoinSet::new();
    for _ in 0..20 {
        let (reading, reach) = (reading.clone(), reach.clone());
        loud.spawn(async move { reading.state("loud", "toil/1", &reach).await });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let state = reading.state("quiet", "toil/1", &reach).await.unwrap();
    assert_eq!(state.unwrap().state.version, 1_000);
    let (mut before, mut refused) = (0, 0);
    while let Some(done) = loud.try_join_next() {
        match done.unwrap() {
            Ok(_) => before += 1,
            Err(LedgerError::Crowded { retry_after }) => {
                assert!(retry_after > Duration::ZERO);
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(refused, 8, "so many more were sent than may wait");
    assert!(before <= 6, "{before} of the other tenant's 12 readings went before it");
    // Nobody waits for the others any more, so nothing is folded for them.
    loud.abort_all();
    while loud.join_next().await.is_some() {}
    tokio::time::sleep(Duration::from_millis(100)).await;
    let folded = reading.judge().folded.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(reading.judge().folded.load(Ordering::Relaxed), folded);
    assert!(
        reading.state("loud", "toil/1", &reach).await.is_ok(),
        "their places are free again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_are_costly_to_judge_hold_up_nobody_else_on_the_same_writer() {
    let config = WriterConfig {
        writers: 1,
        ..WriterConfig::default()
    };
    let ledger = ledger_on(&database().await, &config).await;
    for tenant in ["costly", "quiet"] {
        ledger.append(submission(tenant, &[0], false)).await.unwrap();
    }
    let costly = {
        let ledger = ledger.clone();
        tokio::spawn(async move {
            let mut callers = JoinSet::new();
            for _ in 0..4 {
                let ledger = ledger.clone();
                callers.spawn(async move {
                    for _ in 0..2 {
                        // 99 that are allowed, and one that is refused: nothing of it is recorded.
                        let refused = ledger.append(submission("costly", &[4_000; 100], true)).await;
                        assert!(
                            matches!(refused, Err(AppendError::Refused { index: 99, .. })),
                            "{refused:?}"
                        );
                    }
                });
            }
            callers.join_all().await;
        })
    };
    let (answered, ()) = answered_meanwhile(&ledger, "quiet", costly).await;
    assert!(
        answered >= 25,
        "only {answered} commands of another tenant were answered meanwhile"
    );
    assert_eq!(ledger.head("costly").await.unwrap().unwrap().known.position, 1);
    let receipt = ledger.append(submission("costly", &[4_000; 100], false)).await.unwrap();
    assert_eq!(
        (receipt.position, receipt.version),
        (101, 101),
        "what is costly and right is recorded"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_take_longer_to_judge_than_it_may_is_refused_and_leaves_nothing() {
    let config = WriterConfig {
        judging_ms: 50,
        ..WriterConfig::default()
    };
    let ledger = ledger_on(&database().await, &config).await;
    let receipt = ledger.append(submission("nordre-land", &[0], false)).await.unwrap();
    assert_eq!(receipt.position, 1);
    let refused = ledger.append(submission("nordre-land", &[5_000; 100], false)).await;
    let most = Duration::from_millis(50);
    assert_eq!(refused.unwrap_err(), AppendError::TooCostly { most });
    let receipt = ledger.append(submission("nordre-land", &[0; 10], false)).await.unwrap();
    assert_eq!((receipt.position, receipt.version), (11, 11));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_commands_of_one_tenant_delay_those_of_another_by_a_short_turn_only() {
    let config = WriterConfig {
        writers: 1,
        ..WriterConfig::default()
    };
    let ledger = ledger_on(&database().await, &config).await;
    for tenant in ["loud", "quiet"] {
        ledger.append(submission(tenant, &[0], false)).await.unwrap();
    }
    let loud = {
        let ledger = ledger.clone();
        tokio::spawn(async move {
            // None of them is costly by itself; all of them together are a second's work.
            let submissions = (0..800).map(|_| ledger.append(submission("loud", &[1_000], false)));
            futures_util::future::join_all(submissions).await
        })
    };
    let (answered, receipts) = answered_meanwhile(&ledger, "quiet", loud).await;
    assert!(receipts.into_iter().all(|receipt| receipt.is_ok()));
    assert!(
        answered >= 12,
        "only {answered} commands of another tenant were answered meanwhile"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_stream_that_is_not_in_memory_is_caught_up_with_without_holding_up_another_tenant() {
    let database = database().await;
    let config = WriterConfig {
        writers: 1,
        ..WriterConfig::default()
    };
    let before = ledger_on(&database, &config).await;
    for tenant in ["long", "quiet"] {
        grow(&before, tenant, if tenant == "long" { 3_000 } else { 1 }).await;
    }
    let ledger = ledger_on(&database, &config).await;
    ledger.append(submission("quiet", &[0], false)).await.unwrap();
    // It was behind as well, and is judged aside for a moment.
    tokio::time::sleep(Duration::from_millis(400)).await;
    ledger.judge().a_fold.store(300, Ordering::Relaxed);
    let long = {
        let ledger = ledger.clone();
        tokio::spawn(async move { ledger.append(submission("long", &[0], false)).await.unwrap() })
    };
    let (answered, receipt) = answered_meanwhile(&ledger, "quiet", long).await;
    assert_eq!(receipt.version, 3_001);
    assert!(
        answered >= 8,
        "only {answered} commands of another tenant were answered meanwhile"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_nobody_has_any_more_lets_go_of_its_connections() {
    let database = database().await;
    let ledger = ledger_on(&database, &WriterConfig::default()).await;
    // Costly, so that the writer aside has a connection, too.
    ledger
        .append(submission("nordre-land", &[10_000; 3], false))
        .await
        .unwrap();
    drop(ledger);
    let mut connection = PgConnection::connect(&database).await.unwrap();
    let mut left = Vec::new();
    for _ in 0..100 {
        left = sqlx::query_scalar::<_, String>(
            "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
             AND (query LIKE '%vedtak.append(%' OR query = 'COMMIT')",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();
        if left.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("these are still connected: {left:?}");
}
