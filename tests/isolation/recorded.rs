//! What is recorded stays: whoever asks, and however.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::{OURS, THEIRS, refused, session, set_tenant, two_tenants};

/// Everything that is in the tables that only grow.
async fn content(database: &str) -> Vec<String> {
    let mut session = PgConnection::connect(database).await.unwrap();
    let mut content = Vec::new();
    for table in ["records", "unchanged", "heads"] {
        let query = format!("SELECT t::text FROM vedtak.{table} t ORDER BY 1");
        content.extend(
            sqlx::query_scalar::<_, String>(AssertSqlSafe(query))
                .fetch_all(&mut session)
                .await
                .unwrap(),
        );
    }
    content
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_service_nor_owner_nor_superuser_changes_or_removes_what_is_recorded() {
    let (server, _) = two_tenants().await;
    let before = content(&server.database).await;
    for (role, replica) in [
        ("vedtak_service", false),
        ("vedtak_reader", false),
        ("vedtak_owner", false),
        ("postgres", false),
        ("postgres", true),
    ] {
        let mut session = session(&server.database, role).await;
        set_tenant(&mut session, Some(OURS)).await;
        if replica {
            // Ordinary triggers are skipped in such a session.
            session.execute("SET session_replication_role = replica").await.unwrap();
        }
        for table in ["records", "unchanged"] {
            for statement in [
                format!("UPDATE vedtak.{table} SET version = version"),
                format!("UPDATE vedtak.{table} SET stream = 'project/x' WHERE tenant = '{OURS}'"),
                format!("DELETE FROM vedtak.{table}"),
                format!("DELETE FROM vedtak.{table} WHERE tenant = '{OURS}' AND position = 2"),
                format!("TRUNCATE vedtak.{table}"),
                format!("TRUNCATE vedtak.{table} CASCADE"),
                format!(
                    "INSERT INTO vedtak.{table} SELECT * FROM vedtak.{table} ON CONFLICT ON CONSTRAINT {table}_pkey DO UPDATE SET version = 1"
                ),
                format!("MERGE INTO vedtak.{table} t USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE"),
            ] {
                refused(&mut session, &statement).await;
            }
        }
        for statement in [
            "UPDATE vedtak.heads SET position = position - 1",
            "UPDATE vedtak.heads SET position = position",
            "UPDATE vedtak.heads SET position = position + 1, recorded_at = recorded_at - interval '1 second'",
            "UPDATE vedtak.heads SET tenant = 'x'",
            "DELETE FROM vedtak.heads",
            "TRUNCATE vedtak.heads",
        ] {
            refused(&mut session, statement).await;
        }
    }
    assert_eq!(content(&server.database).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_change_says_what_to_do_instead() {
    let (server, _) = two_tenants().await;
    let mut session = session(&server.database, "postgres").await;
    let sentence = refused(&mut session, "DELETE FROM vedtak.records").await;
    assert_eq!(sentence, "vedtak.records is append-only: DELETE is refused");
}

/// A head that the service does not say where it is, is not moved.
#[tokio::test(flavor = "multi_thread")]
async fn a_head_never_moves_further_than_its_records() {
    let (server, _) = two_tenants().await;
    let before = content(&server.database).await;
    let mut session = session(&server.database, "vedtak_service").await;
    for (tenants, follow, reach) in [
        ("'{OURS}', '{THEIRS}'", "null, 2", "1000, 3"),
        ("'{OURS}', '{THEIRS}'", "2, null", "3, 1000"),
        ("'{THEIRS}', '{OURS}'", "2", "3, 1000"),
        ("'{OURS}', '{OURS}'", "2, null", "3, 1000"),
        ("'{OURS}'", "null", "1000"),
        ("'{OURS}', '{THEIRS}'", "2, 2", "3, 1000"),
        ("'{OURS}', '{THEIRS}'", "2, 2", "4, null"),
    ] {
        let tenants = tenants.replace("{OURS}", OURS).replace("{THEIRS}", THEIRS);
        let count = tenants.split(',').count();
        let statement = format!(
            "SELECT (vedtak.append(
                ARRAY[{tenants}], ARRAY[{follow}]::bigint[],
                ARRAY(SELECT vedtak_root FROM (SELECT root AS vedtak_root FROM vedtak.heads LIMIT 1) r, generate_series(1, {count})),
                ARRAY[{reach}]::bigint[], array_fill(clock_timestamp(), ARRAY[{count}]), ARRAY[]::text[], ARRAY[]::uuid[],
                ARRAY['project/x'], ARRAY[1]::bigint[], ARRAY['x'], ARRAY[gen_random_uuid()], ARRAY['x'::bytea],
                ARRAY[1], ARRAY[sha256('x')],
                ARRAY[]::text[], ARRAY[]::uuid[], ARRAY[]::bytea[], ARRAY[]::text[], ARRAY[]::bigint[], ARRAY[]::bigint[]
             )).moved"
        );
        // Refused, or said not to be there.
        match sqlx::query_scalar::<_, Option<Vec<String>>>(AssertSqlSafe(statement.clone()))
            .fetch_one(&mut session)
            .await
        {
            Ok(moved) => assert!(moved.is_some(), "{statement}"),
            Err(error) => {
                let error = error.into_database_error().unwrap();
                assert!(error.code().unwrap().starts_with("23"), "{statement}: {error}");
            }
        }
        assert_eq!(content(&server.database).await, before, "{statement}");
    }
}
