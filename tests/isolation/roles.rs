//! The roles: none logs in, none is more than it must be, and a login that is a member of the service's role is enough to serve.

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use vedtak::schema::v1::GetHead;
use vedtak::schema::v1::ledger_service_client::LedgerServiceClient;
use vedtak::schema::v1::project_service_client::ProjectServiceClient;

use super::{OURS, THEIRS, refused, session, two_tenants};
use crate::support::{Server, administrator, database, new_id, register_project};

#[tokio::test(flavor = "multi_thread")]
async fn no_role_of_the_schema_logs_in_or_stands_above_its_rules() {
    let database = database().await;
    let mut session = session(&database, "postgres").await;
    let rows = session.fetch_all("SELECT * FROM pg_roles WHERE rolname LIKE 'vedtak\\_%' AND rolname IN ('vedtak_owner', 'vedtak_service', 'vedtak_reader')").await.unwrap();
    assert_eq!(rows.len(), 3);
    for row in rows {
        let name: String = row.get("rolname");
        for right in [
            "rolcanlogin",
            "rolsuper",
            "rolbypassrls",
            "rolcreaterole",
            "rolcreatedb",
            "rolreplication",
        ] {
            assert!(!row.get::<bool, _>(right), "{name} has {right}");
        }
    }
    // Nor does one of them become another.
    let memberships: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_auth_members WHERE member IN ('vedtak_service'::regrole, 'vedtak_reader'::regrole)",
    )
    .fetch_one(&mut session)
    .await
    .unwrap();
    assert_eq!(memberships, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_is_the_owners_and_under_forced_row_level_security() {
    let database = database().await;
    let mut session = session(&database, "postgres").await;
    let query = "SELECT relname::text AS name, relowner::regrole::text AS owner, relrowsecurity, relforcerowsecurity,
                        EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND polname = 'own_tenant' AND polcmd = '*'
                                AND pg_get_expr(polqual, c.oid) = pg_get_expr(polwithcheck, c.oid)) AS own_tenant,
                        EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
                                WHERE i.indrelid = c.oid AND i.indisprimary AND a.attname = 'tenant') AS in_key
                 FROM pg_class c WHERE relnamespace = 'vedtak'::regnamespace AND relkind IN ('r', 'p')";
    for row in session.fetch_all(query).await.unwrap() {
        let name: String = row.get("name");
        assert_eq!(row.get::<String, _>("owner"), "vedtak_owner", "{name}");
        assert!(row.get("relrowsecurity") && row.get("relforcerowsecurity"), "{name}");
        assert!(row.get::<bool, _>("own_tenant"), "{name}");
        // Which column of it comes first is a question of speed.
        assert!(row.get::<bool, _>("in_key"), "{name}");
    }
    // Other policies are for the functions that run as the owner: they look, and one appends and moves heads. Nobody may delete.
    let query = "SELECT polrelid::regclass::text || '.' || polname FROM pg_policy
                 WHERE polname <> 'own_tenant' AND NOT (polroles = ARRAY['vedtak_owner'::regrole::oid] AND (polcmd = 'r'
                     OR polcmd = 'a' AND polrelid IN ('vedtak.heads'::regclass, 'vedtak.records'::regclass, 'vedtak.unchanged'::regclass)
                     OR polcmd = 'w' AND polrelid = 'vedtak.heads'::regclass))";
    let others: Vec<String> = sqlx::query_scalar(query).fetch_all(&mut session).await.unwrap();
    assert!(others.is_empty(), "{others:?}");
    // So nobody writes to the ledger by other ways than that function.
    let query = "SELECT role || ' on ' || t FROM unnest(ARRAY['vedtak_service', 'vedtak_reader']) role, unnest(ARRAY['heads', 'records', 'unchanged', 'requests']) t
                 WHERE has_table_privilege(role, 'vedtak.' || t, 'INSERT, UPDATE, DELETE, TRUNCATE')
                 OR has_any_column_privilege(role, 'vedtak.' || t, 'INSERT, UPDATE')";
    let writers: Vec<String> = sqlx::query_scalar(query).fetch_all(&mut session).await.unwrap();
    assert!(writers.is_empty(), "{writers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn service_and_reader_make_nothing_and_hand_nothing_on() {
    let (server, _) = two_tenants().await;
    for role in ["vedtak_service", "vedtak_reader"] {
        let mut session = PgConnection::connect(&login(&server.database, role).await)
            .await
            .unwrap();
        session
            .execute(AssertSqlSafe(format!("SET ROLE {role}")))
            .await
            .unwrap();
        for statement in [
            "CREATE TABLE vedtak.x ()",
            "CREATE TABLE public.x ()",
            "CREATE SCHEMA x",
            "CREATE FUNCTION vedtak.x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE OR REPLACE FUNCTION vedtak.refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "CREATE FUNCTION public.x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE ROLE x",
            "ALTER TABLE vedtak.records DISABLE TRIGGER ALL",
            "ALTER TABLE vedtak.records NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE vedtak.records ADD COLUMN x int",
            "CREATE POLICY x ON vedtak.records USING (true)",
            "DROP POLICY own_tenant ON vedtak.records",
            "DROP TABLE vedtak.records",
            "DROP TRIGGER records_are_append_only ON vedtak.records",
            "DROP SCHEMA vedtak CASCADE",
            "CREATE TRIGGER x BEFORE INSERT ON vedtak.records FOR EACH ROW EXECUTE FUNCTION vedtak.refuse_change()",
            "CREATE INDEX ON vedtak.records (stream)",
            "SET session_replication_role = replica",
            "SET ROLE vedtak_owner",
            "SET SESSION AUTHORIZATION vedtak_owner",
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "COPY (SELECT 1) TO '/dev/null'",
            "SELECT pg_read_file('PG_VERSION')",
            "SELECT rolpassword FROM pg_authid",
            "INSERT INTO public._sqlx_migrations SELECT * FROM public._sqlx_migrations",
            "DELETE FROM public._sqlx_migrations",
            "ALTER FUNCTION vedtak.lagging(text) SECURITY INVOKER",
        ] {
            refused(&mut session, statement).await;
        }
        // Without a right to grant, a grant does nothing or is refused; either way nobody else can read.
        let _ = session.execute("GRANT SELECT ON vedtak.records TO PUBLIC").await;
        let public: bool = sqlx::query_scalar(
            "SELECT coalesce(relacl::text ~ '[{,]=r', false) FROM pg_class WHERE oid = 'vedtak.records'::regclass",
        )
        .fetch_one(&mut session)
        .await
        .unwrap();
        assert!(!public, "{role}");
    }
    let mut reader = session(&server.database, "vedtak_reader").await;
    for statement in [
        "SELECT * FROM vedtak.lagging('x')",
        "SELECT vedtak.take_checkpoint('x', 'y')",
        "SELECT * FROM vedtak.open_append(ARRAY['x'], ARRAY[0], ARRAY['']::bytea[], ARRAY[]::text[], ARRAY[]::uuid[])",
        "SELECT * FROM vedtak.answered(ARRAY['x'], ARRAY[]::uuid[])",
    ] {
        refused(&mut reader, statement).await;
    }
}

/// A function that runs as the owner is the one way past the rules of rows: none may be led astray by what its caller has made.
#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_runs_as_the_owner_is_not_led_astray() {
    let (server, _) = two_tenants().await;
    let mut session = session(&server.database, "vedtak_service").await;
    let query = "SELECT proname::text FROM pg_proc WHERE pronamespace = 'vedtak'::regnamespace AND prosecdef
                 AND coalesce(array_to_string(proconfig, ' '), '') !~ 'search_path=pg_catalog(, *pg_temp)?$'";
    let loose: Vec<String> = sqlx::query_scalar(query).fetch_all(&mut session).await.unwrap();
    assert!(
        loose.is_empty(),
        "{loose:?} run as the owner without a search path of their own"
    );
    let query = "SELECT proname::text FROM pg_proc WHERE pronamespace = 'vedtak'::regnamespace AND has_function_privilege('public', oid, 'EXECUTE')";
    let open: Vec<String> = sqlx::query_scalar(query).fetch_all(&mut session).await.unwrap();
    assert!(open.is_empty(), "{open:?} may be called by everybody");
    for statement in [
        "CREATE TEMP TABLE heads (tenant text, position bigint, recorded_at timestamptz)",
        "INSERT INTO pg_temp.heads VALUES ('evil', 99, now())",
        "CREATE TEMP TABLE projection_checkpoints (tenant text, projection text, position bigint, stopped text)",
        "CREATE FUNCTION pg_temp.coalesce(bigint, int) RETURNS bigint LANGUAGE sql AS 'SELECT 666::bigint'",
        "CREATE FUNCTION pg_temp.gt(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''led astray as %'', current_user; END'",
        "CREATE OPERATOR pg_temp.> (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = pg_temp.gt)",
        "CREATE FUNCTION pg_temp.same(text, text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''led astray as %'', current_user; END'",
        "CREATE OPERATOR pg_temp.= (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.same)",
        "SET search_path = pg_temp, vedtak, pg_catalog",
    ] {
        session
            .execute(statement)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    let rows: Vec<(String, i64, i64)> = sqlx::query_as("SELECT tenant, head, position FROM vedtak.lagging('none')")
        .fetch_all(&mut session)
        .await
        .unwrap();
    assert_eq!(rows, [(OURS.to_owned(), 2, 0), (THEIRS.to_owned(), 2, 0)]);
}

/// The address of the database for a new login that is a member of this role and nothing else.
async fn login(database: &str, role: &str) -> String {
    let name = format!("clerk_{}", new_id().replace('-', ""));
    let mut all = PgConnection::connect(database).await.unwrap();
    all.execute(AssertSqlSafe(format!("CREATE ROLE {name} LOGIN IN ROLE {role}")))
        .await
        .unwrap();
    assert!(database.starts_with("postgres://postgres@"));
    database.replacen("postgres://postgres@", &format!("postgres://{name}@"), 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_only_a_member_of_the_services_role_can_run_the_service() {
    let url = login(&database().await, "vedtak_service").await;
    let server = Server::on(url).await;
    let channel = server.channel(&administrator()).await;
    let project_id = new_id();
    ProjectServiceClient::new(channel.clone())
        .register_project(register_project(&project_id))
        .await
        .unwrap();
    let head = LedgerServiceClient::new(channel)
        .get_head(GetHead {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(head.position, 1);
    let get = async |path: &str| {
        let answer = reqwest::Client::new()
            .get(server.url(path))
            .bearer_auth(administrator())
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, page) = get("/v1/projects?at_least=1").await;
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!(
        (status, page["projects"][0]["project_id"].as_str()),
        (200, Some(project_id.as_str()))
    );
    assert_eq!(get("/readyz").await, (200, "ready\n".to_owned()));
}
