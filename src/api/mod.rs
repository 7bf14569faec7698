//! The doors: gRPC and JSON, identity, and the one handler behind both.

mod body;
mod commands;
pub mod development_issuer;
pub mod documentation;
pub mod failure;
mod grpc;
mod histories;
pub mod identity;
mod json;
pub mod openapi;
mod queries;
pub mod server;
mod service;
mod streams;

pub(crate) use grpc::Verbatim;
pub use service::{ReplyStream, Service};
pub use streams::StreamsConfig;
