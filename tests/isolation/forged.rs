//! Proves that the database itself refuses what could not be read again: whoever has the service's login can append, and still poisons
//! no tenant.

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};
use vedtak::ledger::{Tree, leaf_hash};

use super::{OURS, THEIRS, session, set_tenant, two_tenants};

/// What `vedtak.append` is asked to append: SQL for each argument, of a record that would be taken.
#[derive(Clone)]
struct Asked {
    tenants: String,
    follow: String,
    roots: String,
    reach: String,
    times: String,
    streams: String,
    versions: String,
    types: String,
    requests: String,
    records: String,
    counts: String,
    hashes: String,
}

impl Asked {
    fn call(&self) -> String {
        format!(
            "SELECT (vedtak.append(ARRAY[{}]::text[], ARRAY[{}]::bigint[], ARRAY[{}]::bytea[], ARRAY[{}]::bigint[], ARRAY[{}]::timestamptz[],
                ARRAY[]::text[], ARRAY[]::uuid[], ARRAY[{}]::text[], ARRAY[{}]::bigint[], ARRAY[{}]::text[], ARRAY[{}]::uuid[],
                ARRAY[{}]::bytea[], ARRAY[{}]::int[], ARRAY[{}]::bytea[],
                ARRAY[]::text[], ARRAY[]::uuid[], ARRAY[]::bytea[], ARRAY[]::text[], ARRAY[]::bigint[], ARRAY[]::bigint[])).moved",
            self.tenants,
            self.follow,
            self.roots,
            self.reach,
            self.times,
            self.streams,
            self.versions,
            self.types,
            self.requests,
            self.records,
            self.counts,
            self.hashes
        )
    }
}

/// The next records of a stream, as they should be.
struct Next {
    event: &'static str,
    tenant: String,
    position: i64,
    root: String,
    at: String,
    stream: String,
    version: i64,
    request: String,
}

/// Appends to a stream an event that this version does not know, as a newer version or whoever has the service's login can.
pub async fn append_unknown_event(database: &str, tenant: &str, stream: &str) {
    let mut session = session(database, "vedtak_service").await;
    set_tenant(&mut session, Some(tenant)).await;
    let mut next = Next::of(&mut session, tenant, stream).await;
    next.event = "vedtak.v1.OfTheFuture";
    let call = next.asked(&[next.record(0, "", "")]).call();
    let moved: Option<Vec<String>> = sqlx::query_scalar(AssertSqlSafe(call))
        .fetch_one(&mut session)
        .await
        .unwrap();
    assert_eq!(moved, None);
}

const EVENT: &str = "vedtak.v1.RiskRegistered";

impl Next {
    /// After what is recorded, with the time that it is there.
    async fn of(session: &mut PgConnection, tenant: &str, stream: &str) -> Self {
        let query = "SELECT h.tenant, h.position, encode(h.root, 'hex') AS root,
                to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS at,
                r.stream, max(r.version) AS version, gen_random_uuid()::text AS request
            FROM vedtak.heads h JOIN vedtak.records r ON r.tenant = h.tenant WHERE h.tenant = $1 AND r.stream LIKE $2 GROUP BY h.tenant, h.position, h.root, r.stream";
        let row: PgRow = sqlx::query(query)
            .bind(tenant)
            .bind(stream)
            .fetch_one(session)
            .await
            .unwrap();
        Self {
            event: EVENT,
            tenant: row.get("tenant"),
            position: row.get::<i64, _>("position") + 1,
            root: row.get("root"),
            at: row.get("at"),
            stream: row.get("stream"),
            version: row.get::<i64, _>("version") + 1,
            request: row.get("request"),
        }
    }

    fn record(&self, index: i64, reason: &str, relies_on: &str) -> String {
        format!(
            r#"{{"actor":{{"subject":"kari"}},"data":{{}},"effective_date":"2026-01-01","nonce":"00","position":{},{reason}"recorded_at":"{}",{relies_on}"request_id":"{}","stream":"{}","tenant":"{}","type":"{}","version":{}}}"#,
            self.position + index,
            self.at,
            self.request,
            self.stream,
            self.tenant,
            self.event,
            self.version + index
        )
    }

    fn asked(&self, records: &[String]) -> Asked {
        let each = |value: String| vec![value; records.len()].join(", ");
        let last = records.len() as i64 - 1;
        let versions = (0..records.len() as i64).map(|index| (self.version + index).to_string());
        let mut counts = vec!["null".to_owned(); records.len()];
        let mut hashes = counts.clone();
        counts[records.len() - 1] = records.len().to_string();
        hashes[records.len() - 1] = "sha256('x')".to_owned();
        Asked {
            tenants: format!("'{}'", self.tenant),
            follow: (self.position - 1).to_string(),
            roots: format!("'\\x{}'", self.root),
            reach: (self.position + last).to_string(),
            times: format!("'{}'", self.at),
            streams: each(format!("'{}'", self.stream)),
            versions: versions.collect::<Vec<_>>().join(", "),
            types: each(format!("'{}'", self.event)),
            requests: each(format!("'{}'", self.request)),
            records: records
                .iter()
                .map(|record| format!("'\\x{}'", hex::encode(record)))
                .collect::<Vec<_>>()
                .join(", "),
            counts: counts.join(", "),
            hashes: hashes.join(", "),
        }
    }
}

/// Everything that was recorded, of all tenants.
async fn recorded(database: &str) -> Vec<(String, i64, Vec<u8>, Vec<u8>, Option<Vec<u8>>)> {
    let query = "SELECT tenant, position, record, leaf_hash, root FROM vedtak.records ORDER BY tenant, position";
    let mut all = session(database, "postgres").await;
    sqlx::query_as(query).fetch_all(&mut all).await.unwrap()
}

/// That it was not taken: refused as wrong, or answered as resting on what is not so.
async fn not_taken(session: &mut PgConnection, asked: &Asked, what: &str) {
    let call = asked.call();
    match sqlx::query_scalar::<_, Option<Vec<String>>>(AssertSqlSafe(call))
        .fetch_one(session)
        .await
    {
        Ok(moved) => assert!(moved.is_some(), "{what} was taken"),
        Err(error) => {
            let error = error.into_database_error().expect(what);
            // Integrity, data, and limits: the matter of what was asked.
            let code = error.code().unwrap_or_default().into_owned();
            assert!(
                ["23", "22", "54"].iter().any(|class| code.starts_with(class)),
                "{what}: {error}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_takes_records_that_are_what_their_columns_say() {
    let (server, _) = two_tenants().await;
    let mut session = session(&server.database, "vedtak_service").await;
    set_tenant(&mut session, Some(OURS)).await;
    for (reason, relies_on) in [
        ("", ""),
        (
            r#""reason":"because \"we\" must, \\ and \u0001",""#.trim_end_matches('"'),
            "",
        ),
        (
            "",
            r#""relies_on":[{"position":3,"stream":"organization/a"},{"position":0,"stream":"project/b"}],"#,
        ),
        (
            r#""reason":"x","#,
            r#""relies_on":[{"position":3,"stream":"organization/a"}],"#,
        ),
    ] {
        let next = Next::of(&mut session, OURS, "project/%").await;
        let records: Vec<String> = (0..3).map(|index| next.record(index, reason, relies_on)).collect();
        let call = next.asked(&records).call();
        let moved: Option<Vec<String>> = sqlx::query_scalar(AssertSqlSafe(call))
            .fetch_one(&mut session)
            .await
            .unwrap();
        assert_eq!(moved, None, "{reason} {relies_on}");
    }
    // The root is that of all records, and stands where a transaction ended.
    let all = recorded(&server.database).await;
    let ours: Vec<_> = all.iter().filter(|(tenant, ..)| tenant == OURS).collect();
    assert_eq!(ours.len(), 14);
    let mut tree = Tree::default();
    for (_, position, record, leaf, known) in &ours {
        assert_eq!(*leaf, leaf_hash(record), "{position}");
        tree.push(leaf_hash(record));
        if let Some(known) = known {
            assert_eq!(*known, tree.root(), "{position}");
        }
    }
    let tips: Vec<bool> = ours.iter().map(|(.., known)| known.is_some()).collect();
    assert_eq!(&tips[2..5], [false, false, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_takes_nothing_that_could_not_be_read_again() {
    let (server, _) = two_tenants().await;
    let before = recorded(&server.database).await;
    let mut session = session(&server.database, "vedtak_service").await;
    set_tenant(&mut session, Some(OURS)).await;
    let next = Next::of(&mut session, OURS, "project/%").await;
    let good = next.record(0, "", "");
    let asked = next.asked(std::slice::from_ref(&good));
    let other = |change: &dyn Fn(&mut Asked)| {
        let mut asked = asked.clone();
        change(&mut asked);
        asked
    };
    let bytes = |record: &str| format!("'\\x{}'", hex::encode(record));
    let mut forged: Vec<(String, Asked)> = vec![
        ("another root".into(), other(&|a| a.roots = "sha256('x')".into())),
        ("no root".into(), other(&|a| a.roots = "null".into())),
        ("a position that is taken".into(), other(&|a| a.reach = "1".into())),
        ("a gap".into(), other(&|a| a.reach = "999".into())),
        ("a position before all".into(), other(&|a| a.reach = "-1".into())),
        ("no position".into(), other(&|a| a.reach = "null".into())),
        ("an earlier head".into(), other(&|a| a.follow = "1".into())),
        (
            "the year 9999".into(),
            other(&|a| a.times = "'9999-01-01T00:00:00Z'".into()),
        ),
        (
            "an hour ahead".into(),
            other(&|a| a.times = "clock_timestamp() + interval '1 hour'".into()),
        ),
        (
            "a time that has passed".into(),
            other(&|a| a.times = "'2001-01-01T00:00:00Z'".into()),
        ),
        (
            "another time than the record's".into(),
            other(&|a| a.times = "clock_timestamp()".into()),
        ),
        (
            "another stream".into(),
            other(&|a| a.streams = "'project/other'".into()),
        ),
        (
            "a stream with a quote".into(),
            other(&|a| a.streams = r#"'x","tenant":"y'"#.into()),
        ),
        ("no stream".into(), other(&|a| a.streams = "null".into())),
        (
            "another type".into(),
            other(&|a| a.types = "'vedtak.v1.RiskClosed'".into()),
        ),
        (
            "another request".into(),
            other(&|a| a.requests = "gen_random_uuid()".into()),
        ),
        ("nothing".into(), other(&|a| a.records = "''::bytea".into())),
        ("null".into(), other(&|a| a.records = "null".into())),
        (
            "more than a record holds".into(),
            other(&|a| a.records = bytes(&good.replace("kari", &"x".repeat(65_535)))),
        ),
        ("a count of none".into(), other(&|a| a.counts = "0".into())),
        ("no count".into(), other(&|a| a.counts = "null".into())),
        (
            "a tenant without a head".into(),
            other(&|a| a.tenants = "'nobody'".into()),
        ),
    ];
    for version in ["0", "1", "2", "4", "77", "null"] {
        if version != next.version.to_string() {
            let record = good.replace(
                &format!("\"version\":{}}}", next.version),
                &format!("\"version\":{version}}}"),
            );
            forged.push((
                format!("version {version}"),
                other(&|a| {
                    a.versions = version.into();
                    a.records = bytes(&record);
                }),
            ));
        }
    }
    let place = format!("\"position\":{},", next.position);
    for (what, record) in [
        ("text that is no JSON", "vedtak".to_owned()),
        (
            "an object that is not closed",
            good.replace("\"data\":{}", "\"data\":{"),
        ),
        (
            "an object that is closed too early",
            good.replace("\"nonce\":\"00\"", "\"nonce\":\"00\"},\"x\":{\"y\":1"),
        ),
        ("a text that is not closed", good.replace("\"kari\"", "\"kari")),
        ("a bare control character", good.replace("kari", "ka\u{1}ri")),
        ("another position", good.replace(&place, "\"position\":1,")),
        ("no position", good.replace(&place, "")),
        (
            "the position in an inner object",
            good.replace(
                &format!("\"nonce\":\"00\",{place}"),
                &format!("\"nonce\":{{\"a\":0,{place}\"b\":0}},"),
            ),
        ),
        (
            "another tenant",
            good.replace(&format!("\"tenant\":\"{OURS}\""), "\"tenant\":\"sondre-land\""),
        ),
        ("another time", good.replace(&next.at, "2026-01-01T00:00:00.000000Z")),
        ("more at the end", format!("{good} ")),
        (
            "a member after the last",
            good.replace(
                &format!("\"version\":{}}}", next.version),
                &format!("\"version\":{},\"x\":1}}", next.version),
            ),
        ),
        (
            "a reason that hides a member",
            next.record(0, r#""reason":"x","position":9,"y":"z","#, ""),
        ),
        (
            "a reason that ends an inner object",
            next.record(0, r#""reason":"x"},"y":"z","#, "")
                .replace("\"nonce\"", "\"w\":{\"nonce\""),
        ),
        (
            "what it relied on, with an inner object that ends early",
            next.record(0, "", r#""relies_on":[]},"y":[],"#)
                .replace("\"nonce\"", "\"w\":{\"nonce\""),
        ),
        ("a list of another form", next.record(0, "", r#""relies_on":[1],"#)),
        ("an empty list", next.record(0, "", r#""relies_on":[],"#)),
    ] {
        assert_ne!(record, good, "{what}");
        forged.push((what.to_owned(), other(&|a| a.records = bytes(&record))));
    }
    forged.push((
        "bytes that are no text".into(),
        other(&|a| a.records = "'\\xff'".into()),
    ));
    // Two records whose versions come in the wrong order.
    let two = [next.record(1, "", ""), next.record(0, "", "")];
    let turned = [
        two[0].replace(&format!("\"position\":{},", next.position + 1), &place),
        two[1].replace(&place, &format!("\"position\":{},", next.position + 1)),
    ];
    let mut asked_two = next.asked(&turned);
    asked_two.versions = format!("{}, {}", next.version + 1, next.version);
    forged.push(("versions in the wrong order".into(), asked_two));
    for (what, asked) in &forged {
        not_taken(&mut session, asked, what).await;
        assert_eq!(recorded(&server.database).await, before, "{what}");
    }
    // It was all the forging: the good one is taken, if its time has not passed meanwhile.
    session.execute("SELECT 1").await.unwrap();
    let next = Next::of(&mut session, OURS, "project/%").await;
    let call = next.asked(&[next.record(0, "", "")]).call();
    let moved: Option<Vec<String>> = sqlx::query_scalar(AssertSqlSafe(call))
        .fetch_one(&mut session)
        .await
        .unwrap();
    assert_eq!(moved, None);
}

/// A tenant, the position and root that it follows, and the position that it reaches.
type Head<'a> = (&'a str, i64, &'a str, i64);

/// In one transaction, a tenant of which nothing is recorded stands before one of which something is: each head gets its own root.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_without_records_in_a_transaction_takes_no_root_of_another() {
    let (server, _) = two_tenants().await;
    let mut session = session(&server.database, "vedtak_service").await;
    for tenants in [[OURS, THEIRS], [THEIRS, OURS]] {
        let with = tenants[1];
        set_tenant(&mut session, Some(tenants[0])).await;
        let without = Next::of(&mut session, tenants[0], "project/%").await;
        set_tenant(&mut session, Some(with)).await;
        let next = Next::of(&mut session, with, "project/%").await;
        let mut asked = next.asked(&[next.record(0, "", "")]);
        let mut both = [
            (
                without.tenant.as_str(),
                without.position - 1,
                without.root.as_str(),
                without.position - 1,
            ),
            (
                next.tenant.as_str(),
                next.position - 1,
                next.root.as_str(),
                next.position,
            ),
        ];
        both.sort_unstable();
        let each = |of: &dyn Fn(&Head<'_>) -> String| both.iter().map(of).collect::<Vec<_>>().join(", ");
        asked.tenants = each(&|(tenant, ..)| format!("'{tenant}'"));
        asked.follow = each(&|(_, follow, ..)| follow.to_string());
        asked.roots = each(&|(.., root, _)| format!("'\\x{root}'"));
        asked.reach = each(&|(.., reach)| reach.to_string());
        asked.times = each(&|_| format!("'{}'", next.at));
        let moved: Option<Vec<String>> = sqlx::query_scalar(AssertSqlSafe(asked.call()))
            .fetch_one(&mut session)
            .await
            .unwrap();
        assert_eq!(moved, None);
        let query = "SELECT h.root = r.root FROM vedtak.heads h JOIN vedtak.records r ON r.tenant = h.tenant AND r.position = h.position
                     WHERE h.tenant = $1";
        let same: bool = sqlx::query_scalar(query)
            .bind(with)
            .fetch_one(&mut session)
            .await
            .unwrap();
        assert!(same, "{with}");
    }
}
