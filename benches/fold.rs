//! What it costs to load a project that is not in memory, and how much memory it takes there.
//!
//! A project of 5,000 events of a plausible mixture, and a typical one of 100, are recorded and loaded from the raw records in
//! PostgreSQL: as the ledger does it, and in its three parts. Times depend on the machine; read the shares and the bytes.

#[allow(dead_code, reason = "the benchmark needs a part of what the tests stand on")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::{Message, Name};
use uuid::Uuid;
use vedtak::domain::{Command, Event, State};
use vedtak::ledger::{
    Anchor, Circumstances, Entry, Judge, Ledger, Reach, Size, Standing, Store, StoreConfig, Submission, WriterConfig,
};
use vedtak::rules::Rules;
use vedtak::schema::v1::*;

use support::{TENANT, new_id};

/// How many events the projects have, and how many states of each are kept at once to see what one takes.
const PROJECTS: [(usize, usize); 2] = [(5_000, 50), (100, 2_500)];
/// How often each is loaded; the half of them that took longer does not count.
const TIMES: usize = 15;
/// How many commands are recorded at once.
const BATCH: usize = 50;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(run());
}

async fn run() {
    let url = support::database().await;
    let writing = ledger(&url).await;
    for (events, copies) in PROJECTS {
        let project_id = new_id();
        record(&writing, &project_id, events).await;
        let stream = format!("project/{project_id}");
        let entries = read(&writing, &stream).await;
        assert_eq!(entries.len(), events);
        let bytes: usize = entries.iter().map(|entry| entry.record.len()).sum();
        println!(
            "a project of {events} events, {} bytes of records each on average",
            bytes / events
        );
        let whole = cold(&url, &stream).await;
        let parts = parts(&writing, &stream).await;
        tell_times(events, whole, parts);
        let memory = memory(&entries, copies);
        println!(
            "  in memory: {memory} bytes, {} per event, {:.2} times its records\n",
            memory / events,
            memory as f64 / bytes as f64
        );
    }
}

/// A ledger whose memory is empty.
async fn ledger(url: &str) -> Ledger<Rules> {
    let config = StoreConfig {
        url: url.to_owned(),
        ..StoreConfig::default()
    };
    let store = Store::connect(&config).await.expect("a database");
    Ledger::start(
        Arc::new(Rules),
        store,
        &WriterConfig::default(),
        Arc::new(support::Deaf),
    )
}

/// The time of the load in the middle of the faster half.
fn typical(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 4]
}

/// How long the ledger takes for a project that it has not in memory.
async fn cold(url: &str, stream: &str) -> Duration {
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let ledger = ledger(url).await;
        // Connecting and preparing the statement is no part of it.
        let another = format!("project/{}", new_id());
        let state = ledger.state(TENANT, &another, &Reach::NOW).await;
        drop(state.expect("an empty stream"));
        let began = Instant::now();
        let state = ledger
            .state(TENANT, stream, &Reach::NOW)
            .await
            .expect("readable records");
        times.push(began.elapsed());
        drop(state);
        ledger.stop().await;
    }
    typical(times)
}

/// Reading, parsing and folding by themselves.
async fn parts(ledger: &Ledger<Rules>, stream: &str) -> [Duration; 3] {
    let mut times: [Vec<Duration>; 3] = Default::default();
    for _ in 0..TIMES {
        let began = Instant::now();
        let entries = read(ledger, stream).await;
        times[0].push(began.elapsed());
        let began = Instant::now();
        let events: Vec<Event> = entries.iter().map(parse).collect();
        times[1].push(began.elapsed());
        let began = Instant::now();
        let mut state = Rules.empty(stream).expect("a kind of stream");
        for (entry, event) in entries.iter().zip(&events) {
            fold(&mut state, entry, event);
        }
        times[2].push(began.elapsed());
    }
    times.map(typical)
}

async fn read(ledger: &Ledger<Rules>, stream: &str) -> Vec<Entry> {
    const PAGE: Size = Size {
        records: 1_000,
        bytes: i64::MAX,
    };
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let after = entries.last().map_or(0, |entry| entry.position);
        let beginning = Anchor::beginning();
        let page = ledger.records(TENANT, Some(stream), (after, i64::MAX), PAGE, &beginning);
        let page = page.await.expect("a database");
        let full = page.more;
        entries.extend(page.entries);
        if !full {
            return entries;
        }
    }
}

fn parse(entry: &Entry) -> Event {
    let envelope = entry.envelope().expect("a record");
    Rules.read(&entry.event_type, envelope.data.get()).expect("an event")
}

/// Folds an event; what it stands under costs nothing worth speaking of.
fn fold(state: &mut State, entry: &Entry, event: &Event) {
    let at = Standing {
        position: entry.position,
        version: entry.version,
        effective_date: "2017-01-02",
        subject: "kari",
        recorded_at: "2017-01-02T00:00:00.000000Z",
        authority: "",
        reason: "",
    };
    Rules.fold(state, event, &at).expect("an event of this stream");
}

fn tell_times(events: usize, whole: Duration, parts: [Duration; 3]) {
    let all: Duration = parts.iter().sum();
    println!(
        "  loaded cold in {whole:.1?}, {:.1?} per event; its parts by themselves take {:.2} of that:",
        whole / events as u32,
        all.as_secs_f64() / whole.as_secs_f64()
    );
    for (name, part) in ["reading", "parsing", "folding"].into_iter().zip(parts) {
        println!(
            "  {name:<8} {:>9.1?} per event, {:>3.0} %, {:.2} x reading",
            part / events as u32,
            100.0 * part.as_secs_f64() / all.as_secs_f64(),
            part.as_secs_f64() / parts[0].as_secs_f64()
        );
    }
}

/// What one state takes in memory, as the system sees it, when many are folded and kept: the allocator's own needs are part of it.
fn memory(entries: &[Entry], copies: usize) -> usize {
    let events: Vec<Event> = entries.iter().map(parse).collect();
    let state = || {
        let mut state = Rules.empty(&entries[0].stream).expect("a kind of stream");
        for (entry, event) in entries.iter().zip(&events) {
            fold(&mut state, entry, event);
        }
        Arc::new(state)
    };
    // What the allocator has ready is used up first.
    let mut kept: Vec<Arc<State>> = (0..copies / 5).map(|_| state()).collect();
    let before = resident();
    kept.extend((0..copies).map(|_| state()));
    let grown = resident().saturating_sub(before);
    // Never given back: the next project would take what this one leaves, and seem to need nothing.
    std::mem::forget(kept);
    grown / copies
}

/// The memory of this process that is in use, in bytes.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/status").expect("Linux tells what a process uses");
    let line = text
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("its resident memory");
    let kilobytes = line
        .split_whitespace()
        .nth(1)
        .and_then(|number| number.parse::<usize>().ok());
    kilobytes.expect("a number of kB") * 1_024
}

/// Records a project with so many events.
async fn record(ledger: &Ledger<Rules>, project_id: &str, events: usize) {
    let mut life = Life::new(project_id);
    let commands: Vec<Command> = (0..events).map(|number| life.next(number)).collect();
    for batch in commands.chunks(BATCH) {
        let today = vedtak::clock::today();
        let submission = Submission {
            tenant: Arc::from(TENANT),
            stream: Arc::from(batch[0].stream().to_string()),
            request_id: Uuid::new_v4(),
            content_hash: [0; 32],
            expected_version: None,
            circumstances: Circumstances {
                subject: "kari".to_owned(),
                on_behalf_of: String::new(),
                authority: "F-adm sak 5/2017".to_owned(),
                reason: "As the steering group wished".to_owned(),
                effective_date: today.clone(),
                today,
                ground: None,
                administrator: true,
                mandate: Vec::new(),
            },
            commands: batch.to_vec(),
        };
        let receipt = ledger.append(submission).await.expect("valid commands are recorded");
        assert_eq!(receipt.events.len(), batch.len(), "each command is one event");
    }
}

/// The commands of a project, month after month: what many projects record most of is risks, money and progress.
struct Life {
    project_id: String,
    line_id: String,
    commitment_id: String,
    activity_id: String,
    milestone_id: String,
    risk_id: String,
}

impl Life {
    fn new(project_id: &str) -> Self {
        Self {
            project_id: project_id.to_owned(),
            line_id: new_id(),
            commitment_id: new_id(),
            activity_id: new_id(),
            milestone_id: new_id(),
            risk_id: new_id(),
        }
    }

    fn next(&mut self, number: usize) -> Command {
        let project_id = self.project_id.clone();
        if number == 0 {
            return command(&support::register_project(&project_id));
        }
        let month = (number / 20) as i32;
        match number % 20 {
            1 => self.cost_line(month),
            2 => self.commitment(),
            3 => self.activity(month),
            4 => self.milestone(month),
            5 | 11 => self.risk(),
            6 | 12 | 16 => self.assessment(number as i32),
            7 | 13 => self.measure(),
            8 => self.start(),
            14 | 17 => self.progress(number as i32),
            9 => self.report(),
            15 => self.deviation(),
            18 => self.moved_milestone(number),
            _ => self.actual(number as i64),
        }
    }

    fn cost_line(&mut self, month: i32) -> Command {
        self.line_id = new_id();
        let line = BudgetLine {
            post: format!("Delivery {}", month % 12),
            period: (2017 + month / 12 % 50).to_string(),
            kind: BudgetKind::Investment.into(),
            including_vat: false,
            amount: known(25_000_000),
        };
        command(&SetCostLine {
            project_id: self.project_id.clone(),
            line_id: self.line_id.clone(),
            line: Some(line),
            ..SetCostLine::default()
        })
    }

    fn commitment(&mut self) -> Command {
        self.commitment_id = new_id();
        command(&RecordCommitment {
            project_id: self.project_id.clone(),
            commitment_id: self.commitment_id.clone(),
            line_id: self.line_id.clone(),
            amount: known(20_000_000),
            description: "The part of the supplier".to_owned(),
            ..RecordCommitment::default()
        })
    }

    fn actual(&self, number: i64) -> Command {
        let entry = ActualEntry {
            line_id: self.line_id.clone(),
            ore: Some(100_000 + number),
            description: format!("Invoice {number} of the supplier"),
            commitment_id: Some(self.commitment_id.clone()),
            ..ActualEntry::default()
        };
        command(&RecordActual {
            project_id: self.project_id.clone(),
            actual_id: new_id(),
            entry: Some(entry),
            ..RecordActual::default()
        })
    }

    fn activity(&mut self, month: i32) -> Command {
        self.activity_id = new_id();
        let plan = ActivityPlan {
            number: format!("HA{month}"),
            name: "Introduce the service in another unit".to_owned(),
            purpose: "Everybody gets the same offer".to_owned(),
            tasks: vec!["Train the staff".to_owned(), "Tell the users".to_owned()],
            ..ActivityPlan::default()
        };
        command(&PlanActivity {
            project_id: self.project_id.clone(),
            activity_id: self.activity_id.clone(),
            plan: Some(plan),
            ..PlanActivity::default()
        })
    }

    fn start(&self) -> Command {
        command(&StartActivity {
            project_id: self.project_id.clone(),
            activity_id: self.activity_id.clone(),
            ..StartActivity::default()
        })
    }

    fn progress(&self, number: i32) -> Command {
        command(&ReportProgress {
            project_id: self.project_id.clone(),
            activity_id: self.activity_id.clone(),
            percent: number % 20 * 5,
            note: "Somewhat slower than planned, since two of the staff were ill".to_owned(),
            ..ReportProgress::default()
        })
    }

    fn milestone(&mut self, month: i32) -> Command {
        self.milestone_id = new_id();
        let plan = MilestonePlan {
            number: format!("MP{month}"),
            name: "In use in the unit".to_owned(),
            measurable_result: "Nine of ten cases go by the new way".to_owned(),
            ..MilestonePlan::default()
        };
        command(&PlanMilestone {
            project_id: self.project_id.clone(),
            milestone_id: self.milestone_id.clone(),
            plan: Some(plan),
            deadline: "2018-06-01".to_owned(),
            ..PlanMilestone::default()
        })
    }

    fn moved_milestone(&self, number: usize) -> Command {
        command(&RescheduleMilestone {
            project_id: self.project_id.clone(),
            milestone_id: self.milestone_id.clone(),
            deadline: format!("2018-07-{:02}", number % 28 + 1),
            ..RescheduleMilestone::default()
        })
    }

    fn risk(&mut self) -> Command {
        let risk = support::register_risk(&self.project_id);
        self.risk_id.clone_from(&risk.risk_id);
        command(&risk)
    }

    fn assessment(&self, number: i32) -> Command {
        let assessment = RiskAssessment {
            probability: number % 3 + 1,
            consequence: number / 20 % 2 + 1,
            stated_factor: None,
        };
        command(&AssessRisk {
            project_id: self.project_id.clone(),
            risk_id: self.risk_id.clone(),
            assessment: Some(assessment),
            ..AssessRisk::default()
        })
    }

    fn measure(&self) -> Command {
        command(&PlanMeasure {
            project_id: self.project_id.clone(),
            risk_id: self.risk_id.clone(),
            measure_id: new_id(),
            description: "Agree on a deputy for everybody who bears a task alone".to_owned(),
            due: Some("2018-03-01".to_owned()),
            ..PlanMeasure::default()
        })
    }

    fn deviation(&self) -> Command {
        command(&RaiseDeviation {
            project_id: self.project_id.clone(),
            deviation_id: new_id(),
            kind: DeviationKind::Time.into(),
            description: "The delivery came three weeks late".to_owned(),
            consequence: "Training moves into the next month".to_owned(),
            ..RaiseDeviation::default()
        })
    }

    fn report(&self) -> Command {
        let planned = ReportedAssessment {
            standing: ReportedStanding::AsPlanned.into(),
            text: "As planned".to_owned(),
        };
        let content = ReportContent {
            period: Some(Period {
                from: "2017-01-01".to_owned(),
                to: Some("2017-01-31".to_owned()),
            }),
            reporting_role: ProjectRole::Leader.into(),
            to: vec![Addressee {
                addressee: Some(addressee::Addressee::Role(ProjectRole::Responsible.into())),
            }],
            time: Some(planned.clone()),
            cost: Some(planned.clone()),
            quality: Some(planned),
            summary: "Work goes on in two units; the third begins when the training is done.".to_owned(),
            document: None,
        };
        command(&SubmitStatusReport {
            project_id: self.project_id.clone(),
            report_id: new_id(),
            content: Some(content),
            ..SubmitStatusReport::default()
        })
    }
}

fn known(ore: i64) -> Option<Amount> {
    Some(Amount {
        certainty: Certainty::Known.into(),
        ore: Some(ore),
    })
}

fn command<C: Message + Name>(command: &C) -> Command {
    let decoded = Command::decode(&C::full_name(), &command.encode_to_vec()).expect("a command");
    decoded.expect("its own bytes")
}
