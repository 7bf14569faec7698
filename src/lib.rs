//! Vedtak: the book of record for how municipal projects are governed.
//!
//! placeholder

pub mod api;
pub mod domain;
pub mod schema;
pub mod telemetry;
