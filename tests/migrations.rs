//! Proves that migrating twice, at once, or beside another database does no harm, and that readiness says what is wrong.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use vedtak::ledger::{Store, StoreConfig};

use crate::support::{database, new_id};

/// The address of a new database without a schema, in a cluster whose roles exist already.
async fn empty() -> String {
    let other = database().await;
    let name = format!("empty_{}", new_id().replace('-', ""));
    let mut session = PgConnection::connect(&other).await.unwrap();
    session
        .execute(AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .await
        .unwrap();
    let (before, rest) = other.split_once("/test_").unwrap();
    let (_, after) = rest.split_once('?').unwrap();
    format!("{before}/{name}?{after}")
}

/// All that makes up a schema, each part as a line: columns, keys and checks, indexes, functions, triggers, policies, rights, and
/// the migrations that were run, with the time of each.
async fn schema(database: &str) -> BTreeSet<String> {
    let mut session = PgConnection::connect(database).await.unwrap();
    let mut lines = BTreeSet::new();
    for query in [
        "SELECT format('%s.%s %s %s %s', attrelid::regclass, attname, atttypid::regtype, attnotnull, attacl) FROM pg_attribute
         JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'vedtak'::regnamespace AND attnum > 0",
        "SELECT format('%s %s %s %s %s %s', relname, relkind, relowner::regrole, relrowsecurity, relforcerowsecurity, relacl) FROM pg_class
         WHERE relnamespace = 'vedtak'::regnamespace",
        "SELECT format('%s %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = 'vedtak'::regnamespace",
        "SELECT pg_get_functiondef(oid) || proacl::text || proowner::regrole::text FROM pg_proc WHERE pronamespace = 'vedtak'::regnamespace",
        "SELECT pg_get_triggerdef(t.oid) || tgenabled::text FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
         WHERE relnamespace = 'vedtak'::regnamespace",
        "SELECT format('%s %s %s %s %s', polname, polrelid::regclass, polcmd, pg_get_expr(polqual, polrelid), polroles::regrole[]) FROM pg_policy",
        "SELECT m::text FROM public._sqlx_migrations m",
    ] {
        lines.extend(sqlx::query_scalar::<_, String>(query).fetch_all(&mut session).await.unwrap());
    }
    assert!(lines.len() > 50);
    lines
}

async fn readiness(database: &str) -> Result<(), String> {
    let config = StoreConfig {
        url: database.to_owned(),
        ..StoreConfig::default()
    };
    Store::connect(&config).await.unwrap().readiness().await
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_again_changes_nothing() {
    let database = empty().await;
    Store::migrate(&database).await.unwrap();
    let before = schema(&database).await;
    Store::migrate(&database).await.unwrap();
    assert_eq!(schema(&database).await, before);
    assert_eq!(readiness(&database).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_may_migrate_the_same_database_at_once() {
    let database = empty().await;
    let (a, b, c, d) = tokio::join!(
        Store::migrate(&database),
        Store::migrate(&database),
        Store::migrate(&database),
        Store::migrate(&database)
    );
    for outcome in [a, b, c, d] {
        outcome.unwrap();
    }
    assert_eq!(readiness(&database).await, Ok(()));
}

/// Roles belong to the cluster, so the migrations of two databases meet in them.
#[tokio::test(flavor = "multi_thread")]
async fn several_databases_of_one_cluster_may_be_migrated_at_once() {
    let databases = [empty().await, empty().await, empty().await];
    let [a, b, c] = &databases;
    let (a, b, c) = tokio::join!(Store::migrate(a), Store::migrate(b), Store::migrate(c));
    for outcome in [a, b, c] {
        outcome.unwrap();
    }
    // The rows of the migrations hold their times.
    let schemas = [schema(&databases[0]).await, schema(&databases[1]).await];
    let [first, second] = schemas.map(|schema| {
        schema
            .into_iter()
            .filter(|line| !line.starts_with('('))
            .collect::<Vec<_>>()
    });
    assert_eq!(first, second);
}

/// Needs no superuser: a login that owns the database and may act as the owner of the schema.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_owns_the_database_can_migrate_it() {
    let database = empty().await;
    let login = format!("migrator_{}", new_id().replace('-', ""));
    let mut session = PgConnection::connect(&database).await.unwrap();
    for statement in [
        format!("CREATE ROLE {login} LOGIN CREATEROLE"),
        format!("GRANT vedtak_owner, vedtak_service, vedtak_reader TO {login} WITH ADMIN OPTION"),
        format!("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO {login}', current_database()); END $$"),
    ] {
        session.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    let url = database.replacen("postgres://postgres@", &format!("postgres://{login}@"), 1);
    Store::migrate(&url).await.unwrap();
    Store::migrate(&url).await.unwrap();
    assert_eq!(readiness(&database).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_says_that_the_schema_is_missing() {
    let sentence = readiness(&empty().await).await.unwrap_err();
    assert_eq!(sentence, "The database has no schema: run `vedtak migrate`.");
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_says_that_the_schema_is_old_and_takes_a_newer_one() {
    let database = database().await;
    let mut session = PgConnection::connect(&database).await.unwrap();
    let latest: i64 = sqlx::query_scalar("SELECT max(version) FROM public._sqlx_migrations")
        .fetch_one(&mut session)
        .await
        .unwrap();
    session.execute("UPDATE public._sqlx_migrations SET version = version + 1000 WHERE version = (SELECT max(version) FROM public._sqlx_migrations)").await.unwrap();
    // A newer schema is one that is being rolled out: what runs goes on until it is replaced.
    assert_eq!(readiness(&database).await, Ok(()));
    session
        .execute("DELETE FROM public._sqlx_migrations WHERE version > 1000")
        .await
        .unwrap();
    let old = readiness(&database).await.unwrap_err();
    assert_eq!(
        old,
        format!(
            "The schema is at version {}, this binary needs {latest}: run `vedtak migrate`.",
            latest - 1
        )
    );
}

/// A migration that was applied and then edited is found out, and one that breaks off leaves nothing half-done.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_was_changed_after_it_was_run_is_refused() {
    let database = database().await;
    let mut session = PgConnection::connect(&database).await.unwrap();
    session
        .execute("UPDATE public._sqlx_migrations SET checksum = 'x'::bytea WHERE version = 2")
        .await
        .unwrap();
    let before = schema(&database).await;
    Store::migrate(&database).await.unwrap_err();
    assert_eq!(schema(&database).await, before);
}
