//! Row level security: with no tenant set, an empty one or another's, nothing of a table is read and nothing written.

use futures_util::TryStreamExt;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};

use super::{NOBODYS, OURS, THEIRS, is_refusal, refused, session, set_tenant, tables, two_tenants};

const ROLES: [&str; 2] = ["vedtak_service", "vedtak_reader"];

/// What is set when our own tenant is not.
const ELSEWHERE: [Option<&str>; 4] = [None, Some(""), Some(NOBODYS), Some("NORDRE-LAND")];

/// How many rows a statement touches or answers; none when the role may not even ask.
async fn touched(session: &mut PgConnection, statement: &str) -> u64 {
    match session.execute(AssertSqlSafe(statement.to_owned())).await {
        Ok(done) => done.rows_affected(),
        Err(error) => {
            let refusal = error.as_database_error().is_some_and(is_refusal);
            assert!(refusal, "{statement}: {error}");
            0
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_own_tenant_set_a_role_sees_and_touches_no_row_of_any_table() {
    let (server, _) = two_tenants().await;
    for role in ROLES {
        for elsewhere in ELSEWHERE {
            let mut session = session(&server.database, role).await;
            set_tenant(&mut session, elsewhere).await;
            for table in tables(&server.database).await {
                for statement in [
                    format!("SELECT * FROM vedtak.{table}"),
                    format!("SELECT * FROM vedtak.{table} WHERE tenant = '{OURS}'"),
                    format!("SELECT * FROM vedtak.{table} WHERE tenant = '{OURS}' FOR UPDATE"),
                    format!("DELETE FROM vedtak.{table}"),
                    format!("UPDATE vedtak.{table} SET tenant = tenant"),
                    format!("UPDATE vedtak.{table} SET position = position + 1"),
                ] {
                    if statement.contains("position") && !has_position(&server.database, &table).await {
                        continue;
                    }
                    assert_eq!(
                        touched(&mut session, &statement).await,
                        0,
                        "{role}, {elsewhere:?}: {statement}"
                    );
                }
                let counted: Result<i64, _> =
                    sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM vedtak.{table}")))
                        .fetch_one(&mut session)
                        .await;
                assert_eq!(counted.unwrap_or_default(), 0, "{role}, {elsewhere:?}: {table}");
                // In a session of its own: the client loses step after a COPY that is refused, as that of a view is.
                let mut copying = self::session(&server.database, role).await;
                set_tenant(&mut copying, elsewhere).await;
                assert_eq!(
                    copied(&mut copying, &table).await,
                    0,
                    "{role}, {elsewhere:?}: COPY of {table}"
                );
            }
        }
    }
}

/// How many bytes COPY gives out.
async fn copied(session: &mut PgConnection, table: &str) -> usize {
    let Ok(rows) = session.copy_out_raw(&format!("COPY vedtak.{table} TO STDOUT")).await else {
        return 0;
    };
    rows.try_fold(0, async |sum, bytes| Ok(sum + bytes.len()))
        .await
        .unwrap_or_default()
}

async fn has_position(database: &str, table: &str) -> bool {
    let mut session = session(database, "postgres").await;
    let query = "SELECT EXISTS (SELECT FROM information_schema.columns WHERE table_schema = 'vedtak' AND table_name = $1 AND column_name = 'position')";
    sqlx::query_scalar(query)
        .bind(table)
        .fetch_one(&mut session)
        .await
        .unwrap()
}

/// The proof above is worth something: with its own tenant set the role sees that tenant's rows, and those only.
#[tokio::test(flavor = "multi_thread")]
async fn with_its_own_tenant_set_a_role_sees_that_tenants_rows_alone() {
    let (server, _) = two_tenants().await;
    for role in ROLES {
        let mut session = session(&server.database, role).await;
        set_tenant(&mut session, Some(OURS)).await;
        for table in tables(&server.database).await {
            let rows = session
                .fetch_all(AssertSqlSafe(format!("SELECT tenant FROM vedtak.{table}")))
                .await
                .unwrap();
            assert!(!rows.is_empty(), "{role}: {table}");
            assert!(
                rows.iter().all(|row: &PgRow| row.get::<String, _>("tenant") == OURS),
                "{role}: {table}"
            );
        }
    }
}

/// Rows of one tenant, brought by a session of another, are refused by every table.
#[tokio::test(flavor = "multi_thread")]
async fn no_row_is_written_for_a_tenant_that_is_not_set() {
    let (server, _) = two_tenants().await;
    let mut all_seeing = session(&server.database, "postgres").await;
    for table in tables(&server.database).await {
        let query = format!("SELECT coalesce(jsonb_agg(t), '[]')::text FROM vedtak.{table} t WHERE tenant = '{OURS}'");
        let rows: String = sqlx::query_scalar(AssertSqlSafe(query))
            .fetch_one(&mut all_seeing)
            .await
            .unwrap();
        if rows == "[]" {
            continue;
        }
        for role in ROLES {
            for elsewhere in [None, Some(""), Some(THEIRS)] {
                let mut session = session(&server.database, role).await;
                set_tenant(&mut session, elsewhere).await;
                let rows = rows.replace('\'', "''");
                refused(&mut session, &format!("INSERT INTO vedtak.{table} SELECT * FROM jsonb_populate_recordset(null::vedtak.{table}, '{rows}')")).await;
            }
        }
    }
}

/// A function of one's own in the condition of a query would see the rows before they are sifted, were the sieve not first.
#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_tells_is_never_shown_the_rows_of_others() {
    let (server, _) = two_tenants().await;
    for role in ROLES {
        let mut session = session(&server.database, role).await;
        set_tenant(&mut session, Some(NOBODYS)).await;
        let function = "CREATE FUNCTION pg_temp.tell(value text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS
                        $$ BEGIN RAISE EXCEPTION 'seen: %', value; END $$";
        session.execute(function).await.unwrap();
        for table in tables(&server.database).await {
            let rows = session
                .fetch_all(AssertSqlSafe(format!(
                    "SELECT tenant FROM vedtak.{table} WHERE pg_temp.tell(tenant)"
                )))
                .await;
            assert_eq!(rows.unwrap().len(), 0, "{role}: {table}");
        }
    }
}

/// The tenant is set for one transaction: a connection that goes back to the pool carries none of it on.
#[tokio::test(flavor = "multi_thread")]
async fn a_reading_leaves_no_tenant_behind_on_its_connection() {
    let (server, _) = two_tenants().await;
    let mut session = session(&server.database, "vedtak_service").await;
    for reading in [
        format!("SELECT count(*) FROM vedtak.read_ledger('{OURS}', 0, 100, 100, 1000000, 0, '')"),
        format!("SELECT count(*) FROM vedtak.head('{OURS}')"),
        format!(
            "SELECT count(*) FROM vedtak.open_append(ARRAY['{OURS}', '{THEIRS}'], ARRAY[0, 0], ARRAY['', '']::bytea[], ARRAY[]::text[], ARRAY[]::uuid[])"
        ),
    ] {
        let read: i64 = sqlx::query_scalar(AssertSqlSafe(reading.clone()))
            .fetch_one(&mut session)
            .await
            .unwrap();
        assert!(read > 0, "{reading}");
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM vedtak.records")
            .fetch_one(&mut session)
            .await
            .unwrap();
        assert_eq!(left, 0, "after {reading}");
    }
}
