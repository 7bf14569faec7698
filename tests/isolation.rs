//! Proves that a tenant's ledger is its own, and that nobody changes what is recorded: asked of the database directly, table by table.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use tonic::Code;
use vedtak::schema::v1::project_service_client::ProjectServiceClient;
use vedtak::schema::v1::*;

use crate::support::{Server, TENANT, new_id, register_project, token};

/// A database in which two tenants have recorded something, and a superuser's connection to it.
async fn two_tenants() -> (Server, PgConnection, String) {
    let server = Server::start().await;
    let project_id = new_id();
    for tenant in [TENANT, "gran"] {
        let channel = server.channel(&token(tenant, "kari", &["administrator"])).await;
        let mut client = ProjectServiceClient::new(channel);
        let command = RegisterProject {
            project_id: if tenant == TENANT { project_id.clone() } else { new_id() },
            ..register_project("")
        };
        client.register_project(command).await.unwrap();
    }
    let connection = PgConnection::connect(&server.database).await.unwrap();
    (server, connection, project_id)
}

async fn tables(connection: &mut PgConnection) -> Vec<String> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'vedtak'::regnamespace AND relkind = 'r'",
    )
    .fetch_all(connection)
    .await
    .unwrap();
    assert!(names.len() >= 5, "{names:?}");
    names
}

/// Runs a statement as a role, with a tenant set or none, in a transaction of its own that is rolled back.
async fn attempt(
    connection: &mut PgConnection,
    role: &str,
    tenant: Option<&str>,
    statement: String,
) -> Result<u64, sqlx::Error> {
    let mut transaction = connection.begin().await.unwrap();
    transaction
        .execute(AssertSqlSafe(format!("SET LOCAL ROLE {role}")))
        .await
        .unwrap();
    if let Some(tenant) = tenant {
        sqlx::query("SELECT set_config('vedtak.tenant', $1, true)")
            .bind(tenant)
            .execute(&mut *transaction)
            .await
            .unwrap();
    }
    let outcome = transaction
        .execute(AssertSqlSafe(statement))
        .await
        .map(|done| done.rows_affected());
    transaction.rollback().await.unwrap();
    outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_tenant_set_no_row_of_any_table_is_read() {
    let (_server, mut connection, _) = two_tenants().await;
    for table in tables(&mut connection).await {
        for role in ["vedtak_service", "vedtak_reader"] {
            for tenant in [None, Some(""), Some("another")] {
                let rows = attempt(&mut connection, role, tenant, format!("SELECT * FROM vedtak.{table}"))
                    .await
                    .unwrap();
                assert_eq!(rows, 0, "{role} reads {table} with the tenant {tenant:?}");
            }
        }
    }
    let own = attempt(
        &mut connection,
        "vedtak_service",
        Some(TENANT),
        "SELECT * FROM vedtak.records".to_owned(),
    )
    .await
    .unwrap();
    assert_eq!(
        own, 1,
        "with its tenant set, the service reads that tenant's record and no other"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_tenant_set_no_row_of_any_table_is_written() {
    let (_server, mut connection, _) = two_tenants().await;
    for table in tables(&mut connection).await {
        let columns = sqlx::query("SELECT column_name::text AS name FROM information_schema.columns WHERE table_schema = 'vedtak' AND table_name = $1 ORDER BY ordinal_position")
            .bind(&table)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        let columns: Vec<String> = columns.iter().map(|row| row.get::<String, _>("name")).collect();
        // A copy of a row of another tenant, taken by the superuser, so that nothing but the policy can stand against it.
        connection
            .execute(AssertSqlSafe(format!(
                "CREATE TEMP TABLE copy_{table} AS SELECT * FROM vedtak.{table} WHERE tenant = 'gran' LIMIT 1"
            )))
            .await
            .unwrap();
        connection
            .execute(AssertSqlSafe(format!(
                "UPDATE copy_{table} SET tenant = 'gran2'; GRANT SELECT ON copy_{table} TO vedtak_service"
            )))
            .await
            .unwrap();
        let filled: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM copy_{table}")))
            .fetch_one(&mut connection)
            .await
            .unwrap();
        let list = columns.join(", ");
        for tenant in [None, Some(""), Some("another")] {
            let written = attempt(
                &mut connection,
                "vedtak_service",
                tenant,
                format!("INSERT INTO vedtak.{table} ({list}) SELECT {list} FROM copy_{table}"),
            )
            .await;
            if filled > 0 {
                let error = written.unwrap_err().to_string();
                assert!(
                    error.contains("row-level security"),
                    "{table} with the tenant {tenant:?}: {error}"
                );
            }
            // What may be changed at all is not found either.
            let changed = attempt(
                &mut connection,
                "vedtak_service",
                tenant,
                format!("DELETE FROM vedtak.{table}"),
            )
            .await;
            assert!(
                changed.is_err() || changed.unwrap() == 0,
                "{table} is emptied with the tenant {tenant:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_changes_or_removes_what_is_recorded() {
    let (_server, mut connection, _) = two_tenants().await;
    for table in ["records", "requests", "heads"] {
        let column = if table == "heads" {
            "position = position - 1"
        } else {
            "version = version + 1"
        };
        for statement in [
            format!("UPDATE vedtak.{table} SET {column}"),
            format!("DELETE FROM vedtak.{table}"),
            format!("TRUNCATE vedtak.{table}"),
        ] {
            for role in ["vedtak_service", "vedtak_reader", "vedtak_owner", "postgres"] {
                let outcome = attempt(&mut connection, role, Some(TENANT), statement.clone()).await;
                assert!(outcome.is_err(), "{role}: {statement} was let through");
            }
            // A session that calls itself a replica skips ordinary triggers, not these.
            let replica = format!("SET LOCAL session_replication_role = replica; {statement}");
            assert!(
                attempt(&mut connection, "postgres", Some(TENANT), replica)
                    .await
                    .is_err(),
                "a replica: {statement}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_roles_can_do_no_more_than_they_must() {
    let (_server, mut connection, _) = two_tenants().await;
    let rows = sqlx::query("SELECT rolname::text AS name, rolcanlogin OR rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb AS mighty FROM pg_roles WHERE rolname LIKE 'vedtak%'")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert!(rows.len() >= 3);
    for row in rows {
        assert!(
            !row.get::<bool, _>("mighty"),
            "{} may log in or more",
            row.get::<String, _>("name")
        );
    }
    assert!(
        attempt(
            &mut connection,
            "vedtak_service",
            None,
            "CREATE TABLE vedtak.own (a int)".to_owned()
        )
        .await
        .is_err()
    );
    let open: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_class WHERE relnamespace = 'vedtak'::regnamespace AND relkind = 'r' AND NOT (relrowsecurity AND relforcerowsecurity)")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(open, 0, "a table of the schema has no forced row level security");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_project_is_as_if_it_did_not_exist() {
    let (server, _connection, project_id) = two_tenants().await;
    let mut stranger = ProjectServiceClient::new(server.channel(&token("gran", "ola", &["reader"])).await);
    let mut ask = async |id: &str| {
        stranger
            .get_project(GetProject {
                project_id: id.to_owned(),
                ..GetProject::default()
            })
            .await
            .unwrap_err()
    };
    let (foreign, missing) = (ask(&project_id).await, new_id());
    let none = ask(&missing).await;
    assert_eq!((foreign.code(), none.code()), (Code::NotFound, Code::NotFound));
    assert_eq!(
        foreign.message().replace(&project_id, "…"),
        none.message().replace(&missing, "…")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_again_and_twice_at_a_time_changes_nothing() {
    let (server, mut connection, _) = two_tenants().await;
    let (one, two) = tokio::join!(
        vedtak::ledger::Store::migrate(&server.database),
        vedtak::ledger::Store::migrate(&server.database)
    );
    one.unwrap();
    two.unwrap();
    let records: i64 = sqlx::query_scalar("SELECT count(*) FROM vedtak.records")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(records, 2);
}
