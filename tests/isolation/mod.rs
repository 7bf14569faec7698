//! Proves that tenants never meet, in the database or through the doors, and that nobody changes what is recorded.

mod doors;
pub mod forged;
mod recorded;
mod roles;
mod rows;

use sqlx::error::DatabaseError;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use vedtak::schema::v1::RegisterRisk;
use vedtak::schema::v1::project_service_client::ProjectServiceClient;
use vedtak::schema::v1::risk_service_client::RiskServiceClient;

use crate::support::{Server, context, new_id, register_project, register_risk, token};

/// The two tenants whose ledgers these tests fill, and one that has none.
const OURS: &str = "nordre-land";
const THEIRS: &str = "sondre-land";
const NOBODYS: &str = "vestre-land";

/// A server with a project and a risk in each of two tenants' ledgers.
async fn two_tenants() -> (Server, [String; 2]) {
    let server = Server::start().await;
    let ids = [new_id(), new_id()];
    for (tenant, project_id) in [OURS, THEIRS].into_iter().zip(&ids) {
        let channel = server.channel(&token(tenant, "kari", &["administrator"])).await;
        ProjectServiceClient::new(channel.clone())
            .register_project(register_project(project_id))
            .await
            .unwrap();
        // The second time as a new request, which changes nothing.
        let risk = register_risk(project_id);
        let again = RegisterRisk {
            context: context(),
            ..risk.clone()
        };
        let mut risks = RiskServiceClient::new(channel);
        risks.register_risk(risk).await.unwrap();
        assert!(risks.register_risk(again).await.unwrap().into_inner().unchanged);
        // The projections have come to it too, so that no table is empty.
        server
            .service
            .projections()
            .wait::<vedtak::projections::ProjectOverviews>(tenant, 2)
            .await
            .unwrap();
        // Nothing is unreadable; a table without rows would prove nothing.
        sqlx::query("INSERT INTO vedtak.unreadable_streams VALUES ($1, 'none', 'project/x', 1, 'none')")
            .bind(tenant)
            .execute(&mut session(&server.database, "postgres").await)
            .await
            .unwrap();
    }
    (server, ids)
}

/// A session of the cluster's superuser, which then becomes this role.
async fn session(database: &str, role: &str) -> PgConnection {
    let mut session = PgConnection::connect(database).await.unwrap();
    session
        .execute(AssertSqlSafe(format!("SET ROLE {role}")))
        .await
        .unwrap();
    session
}

/// Sets the tenant of a session; none leaves it as a new session has it.
async fn set_tenant(session: &mut PgConnection, tenant: Option<&str>) {
    if let Some(tenant) = tenant {
        sqlx::query("SELECT set_config('vedtak.tenant', $1, false)")
            .bind(tenant)
            .execute(session)
            .await
            .unwrap();
    }
}

/// Every table, view and sequence of the schema, as the catalogue knows them: a new one is covered without a word here.
async fn tables(database: &str) -> Vec<String> {
    let mut session = PgConnection::connect(database).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'vedtak'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') ORDER BY 1",
    )
    .fetch_all(&mut session)
    .await
    .unwrap();
    for known in [
        "heads",
        "records",
        "unchanged",
        "requests",
        "projection_checkpoints",
        "project_overviews",
    ] {
        assert!(
            tables.iter().any(|table| table == known),
            "there is no table {known} among {tables:?}"
        );
    }
    tables
}

/// Runs a statement that the database must refuse for want of a right; answers what it said.
async fn refused(session: &mut PgConnection, statement: &str) -> String {
    let error = session
        .execute(AssertSqlSafe(statement.to_owned()))
        .await
        .expect_err(statement);
    let error = error.into_database_error().expect(statement);
    assert!(is_refusal(&*error), "{statement}: {error}");
    error.message().to_owned()
}

/// Whether the database said that the right is wanting (insufficient_privilege), or that what is to be written to is a view, which is
/// said before any right is asked for (object_not_in_prerequisite_state).
fn is_refusal(error: &dyn DatabaseError) -> bool {
    let code = error.code();
    code.as_deref() == Some("42501") || code.as_deref() == Some("55000") && error.message().contains(" view \"")
}
