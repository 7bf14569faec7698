//! Vedtak: the book of record for how municipal projects are governed.
//!
//! placeholder

pub mod clock;
pub mod domain;
pub mod embedded;
pub mod ledger;
pub mod schema;
