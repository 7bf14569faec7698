//! The doors: gRPC and JSON, identity, and the one handler behind both.

mod answer;
mod body;
mod commands;
mod connection;
mod cut;
pub mod development_issuer;
pub mod documentation;
pub mod failure;
mod grpc;
mod histories;
pub mod identity;
mod json;
mod limits;
pub mod openapi;
mod places;
mod queries;
mod refusals;
pub mod server;
mod service;
mod streams;
mod strict_lines;

pub(crate) use grpc::Verbatim;
pub use service::{ReplyStream, Service};
pub use streams::StreamsConfig;
