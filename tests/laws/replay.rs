//! Proves the replay law: whatever was sent, the records alone, folded from nothing, give every answer byte for byte, now and earlier.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rand::Rng;
use sqlx::{Connection, FromRow, PgConnection};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;
use vedtak::domain::State;
use vedtak::ledger::{Envelope, Judge, leaf_hash};
use vedtak::rules::Rules;
use vedtak::schema;
use vedtak::schema::v1::*;

use super::doors::{Door, Doors, method};
use super::random::Random;
use super::sequence::Sequence;
use crate::support::{Server, scale};

/// How many commands one sequence sends.
const COMMANDS: usize = 40;
/// How many sequences run at a time.
const AT_A_TIME: usize = 8;

/// What all sequences have come to.
#[derive(Default)]
struct Tally {
    sent: usize,
    accepted: usize,
    retried: usize,
    records: usize,
    states: usize,
    events: BTreeSet<String>,
    refusals: BTreeMap<String, usize>,
}

#[tokio::test(flavor = "multi_thread")]
async fn any_sequence_of_commands_is_replayed_from_its_records() {
    let seeds: Vec<u64> = match std::env::var("VEDTAK_TEST_SEED").map(|seed| seed.parse()) {
        Ok(Ok(seed)) => vec![seed],
        _ => (1..=24 * scale() as u64).collect(),
    };
    let writing = Arc::new(Server::start().await);
    // A second server over the same database: it has seen no command, so all it knows comes from the records.
    let reading = Arc::new(Server::on(writing.database.clone()).await);
    let mut tally = Tally::default();
    let mut running = tokio::task::JoinSet::new();
    let mut waiting = seeds.iter().copied();
    loop {
        while running.len() < AT_A_TIME
            && let Some(seed) = waiting.next()
        {
            let (writing, reading) = (Arc::clone(&writing), Arc::clone(&reading));
            running.spawn(async move {
                let task = tokio::spawn(async move { prove(seed, &writing, &reading).await });
                task.await
                    .map_err(|panic| format!("the sequence of VEDTAK_TEST_SEED={seed} failed: {panic}"))
            });
        }
        match running.join_next().await {
            Some(outcome) => tally.add(outcome.unwrap().unwrap_or_else(|failed| panic!("{failed}"))),
            None => break,
        }
    }
    tally.tell(seeds.len());
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.accepted += other.accepted;
        self.retried += other.retried;
        self.records += other.records;
        self.states += other.states;
        self.events.extend(other.events);
        for (reason, count) in other.refusals {
            *self.refusals.entry(reason).or_default() += count;
        }
    }

    fn tell(&self, sequences: usize) {
        let all = events_of_the_schema();
        let missing: Vec<&String> = all.difference(&self.events).collect();
        println!(
            "replay: {sequences} sequences, {} commands, {} accepted, {} retried, {} records, {} states compared, {} of {} events; missing {missing:?}; refusals {:?}",
            self.sent,
            self.accepted,
            self.retried,
            self.records,
            self.states,
            self.events.len(),
            all.len(),
            self.refusals,
        );
        if sequences == 1 {
            return;
        }
        assert!(
            self.accepted * 3 > self.sent,
            "too little is accepted for this to prove much: {} of {}",
            self.accepted,
            self.sent
        );
        assert!(
            sequences < 1_000 || missing.is_empty(),
            "these events were never recorded: {missing:?}"
        );
    }
}

fn events_of_the_schema() -> BTreeSet<String> {
    let event = schema::pool()
        .get_extension_by_name("vedtak.v1.event")
        .expect("the option that marks events");
    let events = schema::pool()
        .all_messages()
        .filter(|message| message.options().has_extension(&event));
    events.map(|message| message.full_name().to_owned()).collect()
}

/// Runs one sequence, and holds everything that is then answered against what its records say.
async fn prove(seed: u64, writing: &Server, reading: &Server) -> Tally {
    let tenant = format!("replay-{seed}");
    let mut sequence = Sequence::begin(seed, &tenant, [writing, reading]).await;
    for _ in 0..COMMANDS {
        sequence.step().await;
    }
    let records = records(&sequence.readers).await;
    assert_eq!(records.len() as i64, sequence.head);
    let history = History::of(&tenant, &records);
    agrees_with_the_columns(&writing.database, &tenant, &records).await;
    knows_no_refused_request(&writing.database, &tenant, sequence.accepted()).await;
    let states = history
        .is_what_is_answered(&sequence.readers, &mut sequence.script.random)
        .await;
    Tally {
        sent: COMMANDS,
        accepted: sequence.accepted(),
        retried: sequence.retried,
        records: records.len(),
        states,
        events: records.into_iter().map(|record| record.r#type).collect(),
        refusals: sequence.refusals,
    }
}

/// All records of the tenant: by pages at one door of one server, and the same at the other.
pub async fn records(readers: &[Doors; 2]) -> Vec<Record> {
    let mut found: [Vec<Record>; 2] = Default::default();
    for ((doors, door), found) in readers.iter().zip([Door::Grpc, Door::Json]).zip(&mut found) {
        let mut after_position = 0;
        loop {
            let ask = ListRecords {
                after_position,
                page_size: 17,
                ..Default::default()
            };
            let page: RecordList = doors.call(door, "ListRecords", &ask).await.unwrap();
            found.extend(page.records);
            after_position = page.next_after_position;
            if after_position == 0 {
                break;
            }
        }
    }
    let [by_grpc, by_json] = found;
    assert_eq!(by_grpc, by_json);
    by_grpc
}

/// What the records alone say: the state of each stream after each of its records.
#[derive(Default)]
pub struct History {
    streams: HashMap<String, Vec<(i64, State)>>,
    last: i64,
}

impl History {
    /// Reads all records of a tenant, from the first one on.
    pub fn of(tenant: &str, records: &[Record]) -> Self {
        let mut history = Self::default();
        records.iter().for_each(|record| history.add(tenant, record));
        history
    }

    /// Reads one record as an auditor would, who trusts nothing beside the text.
    fn add(&mut self, tenant: &str, record: &Record) {
        self.last += 1;
        assert_eq!(record.position, self.last, "positions have no gaps");
        assert_eq!(record.leaf_hash, leaf_hash(record.record.as_bytes()).as_slice());
        is_canonical(&record.record);
        let envelope = Envelope::parse(record.record.as_bytes()).unwrap();
        assert_eq!(
            (&*envelope.tenant, envelope.position, envelope.version),
            (tenant, record.position, record.version)
        );
        assert_eq!(
            (&*envelope.stream, &*envelope.event_type),
            (record.stream.as_str(), record.r#type.as_str())
        );
        let states = self.streams.entry(record.stream.clone()).or_default();
        assert_eq!(record.version, states.len() as i64 + 1, "versions have no gaps");
        let mut state = states
            .last()
            .map_or_else(|| Rules.empty(&record.stream).unwrap(), |(_, state)| state.clone());
        assert_eq!(
            reflected(&envelope.event_type, envelope.data.get()),
            envelope.data.get()
        );
        let event = Rules.read(&envelope.event_type, envelope.data.get()).unwrap();
        let at = envelope.standing();
        Rules.fold(&mut state, &event, &at).unwrap();
        states.push((record.position, state));
    }

    /// The states of a stream up to a position, each with that of its record.
    pub fn states(&self, stream: &str, up_to: i64) -> impl DoubleEndedIterator<Item = (i64, &State)> {
        let states = &self.streams[stream];
        let states = states[..states.partition_point(|(at, _)| *at <= up_to)].iter();
        states.map(|(position, state)| (*position, state))
    }

    /// The protobuf bytes of a stream's state as of a position; none before it is opened.
    fn as_of(&self, stream: &str, position: i64) -> Option<Vec<u8>> {
        let (_, state) = self.states(stream, position).next_back()?;
        Some(state.encode())
    }

    /// Asks for every stream at both servers, now and as of some positions, and compares byte for byte.
    pub async fn is_what_is_answered(&self, readers: &[Doors; 2], random: &mut Random) -> usize {
        let mut compared = 0;
        for stream in self.streams.keys() {
            let mut points: Vec<Option<i64>> = (0..4).map(|_| Some(random.rng.random_range(0..=self.last))).collect();
            points.push(None);
            for point in points {
                for (doors, door) in readers.iter().zip([Door::Grpc, Door::Json]) {
                    let as_of = point.map(|position| serde_json::json!({ "position": position }));
                    let answered = answered(doors, door, stream, as_of).await;
                    assert_eq!(
                        answered,
                        self.as_of(stream, point.unwrap_or(i64::MAX)),
                        "{stream} as of {point:?} by {door:?}"
                    );
                    compared += 1;
                }
            }
        }
        compared
    }
}

/// The state of a stream as it is answered as of some point; none when it has no events there.
pub async fn answered(doors: &Doors, door: Door, stream: &str, as_of: Option<serde_json::Value>) -> Option<Vec<u8>> {
    let (kind, id) = stream.split_once('/').unwrap();
    // A kind of stream `some_thing` is read as a whole by `GetSomeThing`.
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    let method = method(&format!("Get{}", kind.split('_').map(capital).collect::<String>()));
    let mut ask = serde_json::json!({ format!("{kind}_id"): id });
    if let Some(as_of) = as_of {
        ask["as_of"] = as_of;
    }
    let ask = schema::from_json(method.input, ask).unwrap();
    let answer = doors.send(door, method, &ask).await;
    match answer {
        Ok(bytes) => Some(bytes.to_vec()),
        Err(refused) => {
            assert_eq!(
                (refused.code.as_str(), refused.reason.as_str()),
                ("NOT_FOUND", "STREAM_NOT_FOUND"),
                "{refused:?}"
            );
            None
        }
    }
}

/// The canonical form of an event, by reflection: what writes records knows the same form by generated code.
fn reflected(event_type: &str, data: &str) -> String {
    let bytes = schema::from_json(event_type, &mut serde_json::Deserializer::from_str(data)).unwrap();
    serde_json_canonicalizer::to_string(&schema::to_value(event_type, &bytes).unwrap()).unwrap()
}

/// RFC 8785, and no number in it that a reader could round.
fn is_canonical(record: &str) {
    let value: serde_json::Value = serde_json::from_str(record).unwrap();
    assert_eq!(serde_json_canonicalizer::to_string(&value).unwrap(), record);
    fn whole(value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::Number(number) => number.as_i64().is_some_and(|number| number.abs() < 1 << 53),
            serde_json::Value::Array(items) => items.iter().all(whole),
            serde_json::Value::Object(fields) => fields.values().all(whole),
            _ => true,
        }
    }
    assert!(whole(&value), "{record}");
}

/// One row of the ledger, as the database has it.
#[derive(FromRow)]
struct Row {
    position: i64,
    stream: String,
    version: i64,
    r#type: String,
    recorded_at: OffsetDateTime,
    request_id: Uuid,
    record: Vec<u8>,
    leaf_hash: Vec<u8>,
}

/// What was served is what is stored, and the columns beside the record say what it says.
pub async fn agrees_with_the_columns(database: &str, tenant: &str, records: &[Record]) {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT position, stream, version, type, recorded_at, request_id, record, leaf_hash
         FROM vedtak.records WHERE tenant = $1 ORDER BY position",
    )
    .bind(tenant)
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert_eq!(rows.len(), records.len());
    for (row, record) in rows.iter().zip(records) {
        let served = (
            record.position,
            &record.stream,
            record.version,
            &record.r#type,
            record.record.as_bytes(),
            &record.leaf_hash[..],
        );
        assert_eq!(
            (
                row.position,
                &row.stream,
                row.version,
                &row.r#type,
                &row.record[..],
                &row.leaf_hash[..]
            ),
            served
        );
        let envelope = Envelope::parse(&row.record).unwrap();
        assert_eq!(envelope.request_id, row.request_id);
        assert_eq!(
            OffsetDateTime::parse(&envelope.recorded_at, &Rfc3339).unwrap(),
            row.recorded_at
        );
    }
    assert!(
        rows.is_sorted_by_key(|row| row.recorded_at),
        "along the positions time never falls"
    );
}

/// Of what was refused, nothing is kept: only the requests that were accepted are known.
pub async fn knows_no_refused_request(database: &str, tenant: &str, accepted: usize) {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let known: i64 = sqlx::query_scalar("SELECT count(*) FROM vedtak.requests WHERE tenant = $1")
        .bind(tenant)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(known, accepted as i64);
    // The last record of a request remembers it, and how many there are.
    let wrong: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (
             SELECT record_count, row_number() OVER of_request AS number, count(*) OVER (PARTITION BY tenant, request_id) AS count
             FROM vedtak.records WHERE tenant = $1 WINDOW of_request AS (PARTITION BY tenant, request_id ORDER BY position)
         ) AS r WHERE record_count IS DISTINCT FROM CASE WHEN number = count THEN count END",
    )
    .bind(tenant)
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(wrong, 0);
}
