//! The overview of all projects of a tenant.

use std::sync::Arc;

use prost::Message;
use sqlx::PgConnection;

use super::{Projection, Projections, set_tenant};
use crate::domain::{Aggregated, State, overview};
use crate::ledger::LedgerError;
use crate::schema::v1::{Project, ProjectOverview};

/// One row a project, as of the last record projected or a little later.
#[derive(Clone, Copy, Debug)]
pub struct ProjectOverviews;

impl Projection for ProjectOverviews {
    const NAME: &'static str = "project_overviews_1";

    async fn project(connection: &mut PgConnection, tenant: &str, states: &[Arc<State>]) -> Result<(), LedgerError> {
        let projects = states.iter().filter_map(|state| Project::of(state));
        let overviews: Vec<ProjectOverview> = projects.filter(|project| project.version > 0).map(overview).collect();
        let ids: Vec<&str> = overviews.iter().map(|overview| overview.project_id.as_str()).collect();
        let kinds: Vec<i32> = overviews.iter().map(|overview| overview.kind).collect();
        let statuses: Vec<i32> = overviews.iter().map(|overview| overview.status).collect();
        let bytes: Vec<Vec<u8>> = overviews.iter().map(Message::encode_to_vec).collect();
        sqlx::query(
            "INSERT INTO vedtak.project_overviews (tenant, project_id, kind, status, overview)
             SELECT $1, * FROM unnest($2::text[], $3::int[], $4::int[], $5::bytea[])
             ON CONFLICT (tenant, project_id) DO UPDATE SET kind = excluded.kind, status = excluded.status, overview = excluded.overview",
        )
        .bind(tenant)
        .bind(ids)
        .bind(kinds)
        .bind(statuses)
        .bind(bytes)
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn clear(connection: &mut PgConnection, tenant: &str) -> Result<(), LedgerError> {
        sqlx::query("DELETE FROM vedtak.project_overviews WHERE tenant = $1")
            .bind(tenant)
            .execute(connection)
            .await?;
        Ok(())
    }
}

/// Which projects are listed.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those of this kind; 0 for all.
    pub kind: i32,
    /// Only those that stand here; 0 for all.
    pub status: i32,
    /// Only those after this id.
    pub after: String,
    /// How many at the most.
    pub at_most: i64,
}

impl Projections {
    /// Projects of a tenant, by id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn project_overviews(&self, tenant: &str, filter: &Filter) -> Result<Vec<ProjectOverview>, LedgerError> {
        let mut transaction = self.ledger.store().pool().begin().await?;
        set_tenant(&mut transaction, tenant).await?;
        let rows: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT overview FROM vedtak.project_overviews
             WHERE tenant = $1 AND project_id > $2 AND ($3 = 0 OR kind = $3) AND ($4 = 0 OR status = $4)
             ORDER BY project_id LIMIT $5",
        )
        .bind(tenant)
        .bind(&filter.after)
        .bind(filter.kind)
        .bind(filter.status)
        .bind(filter.at_most)
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        rows.iter()
            .map(|bytes| {
                ProjectOverview::decode(bytes.as_slice())
                    .map_err(|error| LedgerError::Store(sqlx::Error::decode(error)))
            })
            .collect()
    }
}
