//! What the tests stand on: a real PostgreSQL of their own, a real server on a real socket, and tokens for it.

pub mod program;
pub mod sources;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use uuid::Uuid;
use vedtak::api::development_issuer::DevelopmentIssuer;
use vedtak::api::identity::{IdentityConfig, IssuerConfig, Verifier};
use vedtak::api::server::{self, ServerConfig};
use vedtak::api::{Service, StreamsConfig};
use vedtak::embedded::{Options, PrivatePostgres};
use vedtak::ledger::{Ledger, Observer, Store, StoreConfig, WriterConfig};
use vedtak::projections::Projections;
use vedtak::rules::Rules;
use vedtak::schema::v1::*;
use vedtak::telemetry::Metrics;

/// The tenant that most tests work in.
pub const TENANT: &str = "nordre-land";
/// The issuer whose tokens the servers of the tests trust.
pub const ISSUER: &str = "https://login.test";

/// How much of the long programmes is run: 1 in CI, 100 for the full counts. Set VEDTAK_TEST_SCALE to choose.
pub fn scale() -> usize {
    static SCALE: LazyLock<usize> = LazyLock::new(|| {
        std::env::var("VEDTAK_TEST_SCALE")
            .ok()
            .and_then(|scale| scale.parse().ok())
            .unwrap_or(1)
            .max(1)
    });
    *SCALE
}

/// A directory of this test run, emptied of what earlier runs left.
pub fn directory() -> &'static Path {
    static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(|| {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("runs");
        std::fs::create_dir_all(&root).unwrap();
        for old in std::fs::read_dir(&root).unwrap().flatten() {
            let alive = Path::new("/proc").join(old.file_name()).exists();
            if !alive {
                let _ = std::fs::remove_dir_all(old.path());
            }
        }
        let own = root.join(std::process::id().to_string());
        std::fs::create_dir_all(&own).unwrap();
        own
    });
    &DIRECTORY
}

/// Settings of that PostgreSQL beside the usual ones, for whoever sets them before it is first needed.
pub static SETTINGS: OnceLock<Vec<(String, String)>> = OnceLock::new();

/// The PostgreSQL of this test run. It ends with the process, however that ends.
pub fn postgres() -> &'static PrivatePostgres {
    static POSTGRES: OnceLock<PrivatePostgres> = OnceLock::new();
    POSTGRES.get_or_init(|| {
        let options = Options {
            max_connections: 300,
            settings: SETTINGS.get().cloned().unwrap_or_default(),
            ..Options::default()
        };
        PrivatePostgres::start(&directory().join("postgres"), &options, &|_| {}).expect("the tests need a PostgreSQL")
    })
}

/// A database of its own for one test, with the schema in it.
pub async fn database() -> String {
    static TEMPLATE: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    let postgres = tokio::task::spawn_blocking(postgres).await.unwrap();
    let mut admin = PgConnection::connect(&postgres.url("postgres")).await.unwrap();
    TEMPLATE
        .get_or_init(|| async {
            PgConnection::connect(&postgres.url("postgres"))
                .await
                .unwrap()
                .execute("CREATE DATABASE template_vedtak")
                .await
                .unwrap();
            Store::migrate(&postgres.url("template_vedtak")).await.unwrap();
        })
        .await;
    let name = format!("test_{}", Uuid::new_v4().simple());
    // Only one session at a time may copy the template.
    static COPYING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _copying = COPYING.lock().await;
    admin
        .execute(AssertSqlSafe(format!(
            "CREATE DATABASE {name} TEMPLATE template_vedtak"
        )))
        .await
        .unwrap();
    postgres.url(&name)
}

/// The issuer of the tests' tokens.
pub fn issuer() -> &'static DevelopmentIssuer {
    static ISSUER: LazyLock<DevelopmentIssuer> = LazyLock::new(|| {
        let place = directory().join("issuer");
        std::fs::create_dir_all(&place).unwrap();
        DevelopmentIssuer::open(&place).unwrap()
    });
    &ISSUER
}

/// The configuration that trusts the tests' issuer, under a name that is not the development issuer's.
pub fn identity() -> IdentityConfig {
    let own = issuer().config();
    IdentityConfig {
        issuers: vec![IssuerConfig {
            issuer: ISSUER.to_owned(),
            ..own
        }],
        ..issuer().identity_config()
    }
}

/// A token for a subject of a tenant, with these roles.
pub fn token(tenant: &str, subject: &str, roles: &[&str]) -> String {
    let now = vedtak::clock::now().unix_timestamp();
    issuer().sign(&serde_json::json!({
        "iss": ISSUER, "aud": "vedtak", "sub": subject, "tenant": tenant, "roles": roles, "iat": now, "exp": now + 3600,
        "on_behalf_of": ["per"],
    }))
}

/// A token that may do everything in the usual tenant.
pub fn administrator() -> String {
    token(TENANT, "kari", &["administrator"])
}

/// Hears of appends and does nothing.
#[derive(Debug)]
pub struct Deaf;

impl Observer for Deaf {
    fn appended(&self, _: usize, _: usize, _: Duration) {}

    fn queued(&self, _: i64) {}

    fn history_lost(&self) {}
}

/// A server in this process, on a real socket, over a database of its own.
pub struct Server {
    pub address: SocketAddr,
    pub database: String,
    pub service: Service,
    stopping: CancellationToken,
}

impl Server {
    /// Starts one on a new database.
    pub async fn start() -> Self {
        Self::on(database().await).await
    }

    /// Starts one on a new database, with limits of its own.
    pub async fn limited(config: ServerConfig) -> Self {
        Self::made(
            database().await,
            &WriterConfig::default(),
            config,
            StreamsConfig::default(),
        )
        .await
    }

    /// Starts one on a new database, with limits of its own for streams.
    pub async fn streaming(streams: StreamsConfig) -> Self {
        Self::made(
            database().await,
            &WriterConfig::default(),
            ServerConfig::default(),
            streams,
        )
        .await
    }

    /// Starts one on a database that may have another server already.
    pub async fn on(database: String) -> Self {
        Self::with(database, &WriterConfig::default()).await
    }

    /// Starts one whose writers work like this.
    pub async fn with(database: String, writers: &WriterConfig) -> Self {
        Self::made(database, writers, ServerConfig::default(), StreamsConfig::default()).await
    }

    async fn made(database: String, writers: &WriterConfig, config: ServerConfig, streams: StreamsConfig) -> Self {
        let store = Store::connect(&StoreConfig {
            url: database.clone(),
            ..StoreConfig::default()
        })
        .await
        .unwrap();
        let stopping = CancellationToken::new();
        let ledger = Ledger::start(Arc::new(Rules), store, writers, Arc::new(Deaf));
        let projections = Projections::start(ledger.clone(), Metrics::unread(), stopping.clone());
        let service = Service::new(ledger, projections, Metrics::unread(), streams, stopping.clone());
        let verifier = Arc::new(Verifier::new(&identity()).await.unwrap());
        let router = server::router(service.clone(), verifier, &config, None);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let until = stopping.clone();
        tokio::spawn(async move { server::serve(listener, router, &config, until).await });
        Self {
            address,
            database,
            service,
            stopping,
        }
    }

    /// The address of the JSON door.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A gRPC channel that sends this token.
    pub async fn channel(&self, token: &str) -> Authorized {
        channel(&self.url(""), token).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

/// A gRPC channel to a server that sends this token.
pub async fn channel(url: &str, token: &str) -> Authorized {
    let channel = Channel::from_shared(url.to_owned()).unwrap().connect().await.unwrap();
    InterceptedService::new(channel, Bearer::new(token))
}

/// A channel that sends a token.
pub type Authorized = InterceptedService<Channel, Bearer>;

/// Puts a token on every call.
#[derive(Clone)]
pub struct Bearer(tonic::metadata::MetadataValue<tonic::metadata::Ascii>);

impl Bearer {
    /// For calls with this token.
    pub fn new(token: &str) -> Self {
        Self(format!("Bearer {token}").parse().unwrap())
    }
}

impl tonic::service::Interceptor for Bearer {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, tonic::Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// A new id, as callers choose them.
pub fn new_id() -> String {
    // Not `new_v4`, which asks the kernel each time: the benchmark would measure that as well.
    uuid::Builder::from_random_bytes(rand::random()).into_uuid().to_string()
}

/// The circumstances of a new intention.
pub fn context() -> Option<CommandContext> {
    Some(CommandContext {
        request_id: new_id(),
        ..CommandContext::default()
    })
}

/// Registers a project.
pub fn register_project(project_id: &str) -> RegisterProject {
    RegisterProject {
        context: context(),
        project_id: project_id.to_owned(),
        name: "Digitalisering".to_owned(),
        kind: ProjectKind::MainProject.into(),
        ..RegisterProject::default()
    }
}

/// Registers a project whose first owner is this person.
pub fn register_owned_project(project_id: &str, subject: &str) -> RegisterProject {
    let person = Person {
        subject: subject.to_owned(),
        ..Person::default()
    };
    RegisterProject {
        owner: Some(FirstOwner {
            assignment_id: new_id(),
            holder: Some(RoleHolder {
                holder: Some(role_holder::Holder::Person(person)),
            }),
            from: "2010-01-01".to_owned(),
        }),
        ..register_project(project_id)
    }
}

/// Registers a risk.
pub fn register_risk(project_id: &str) -> RegisterRisk {
    RegisterRisk {
        context: context(),
        project_id: project_id.to_owned(),
        risk_id: new_id(),
        number: "1".to_owned(),
        description: "Too few resources to run the process".to_owned(),
        assessment: Some(RiskAssessment {
            probability: 4,
            consequence: 5,
            stated_factor: Some(20),
        }),
    }
}
