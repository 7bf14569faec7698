//! The doors: what stands between a caller and the ledger.

pub mod development_issuer;
pub mod documentation;
pub mod identity;
pub mod openapi;
