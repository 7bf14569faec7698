//! Vedtak: the book of record for how municipal projects are governed.
//!
//! A tour of the house, from the inside out: [`schema`] is the proto in Rust; [`domain`] the rules, pure; [`ledger`] appends, reads
//! and follows, and knows no concept; [`rules`] is where the two meet; [`projections`] keep what crosses projects; [`api`] has the
//! doors and the one handler behind them; `cli` the subcommands. [`embedded`] is the private PostgreSQL of `vedtak dev` and of the
//! tests. ARCHITECTURE.md tells the way of a command and what always holds.

pub mod api;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod embedded;
pub mod ledger;
pub mod projections;
pub mod rules;
pub mod schema;
pub mod telemetry;

/// Most of what the service does is to make and drop many small texts, often in another thread than the one that made them: the
/// system's allocator takes about half of the time of an append, this one a fraction of it. It asks for no transparent huge pages: clearing
/// two megabytes each time a buffer grows into new memory held up appends by up to 20 ms.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
