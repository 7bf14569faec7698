//! Vedtak: the book of record for how municipal projects are governed.
//!
//! placeholder

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
