//! What callers control, and how much of it there may be.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Limits on what callers control.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// The largest request, in bytes.
    pub max_request_bytes: usize,
    /// How long an answer may take, in milliseconds; a caller may ask for less.
    pub request_timeout_ms: u64,
    /// How long a caller may take to say what it wants, in milliseconds: until the end of its request's headers.
    pub head_timeout_ms: u64,
    /// How long the body of a request may take to come, in milliseconds.
    pub body_timeout_ms: u64,
    /// How many requests, begun but not whole, are waited for at a time. A tenant may have half of them, and a caller half of those.
    pub max_awaited_requests: usize,
    /// How many bytes of their bodies are kept meanwhile; a tenant may have half of it.
    pub awaited_bytes: usize,
    /// How many requests are worked on at a time, from when they are whole until their answer is written; more are told to come back. A
    /// tenant may have half of them, and a caller half of those.
    pub max_concurrent_requests: usize,
    /// How many requests of one tenant are worked on at once, and half as many of one caller; the others wait their turn.
    pub max_at_once_per_tenant: usize,
    /// The same, while requests of another tenant come.
    pub max_at_once_in_company: usize,
    /// The largest answer, in bytes. What would be larger is had in parts, by the lists.
    pub max_answer_bytes: usize,
    /// How many bytes of large answers wait to be read at a time; a tenant may have half of it.
    pub answer_bytes: usize,
    /// How long a caller may read nothing of an answer that is there, in milliseconds; then it is cut off.
    pub unread_timeout_ms: u64,
    /// How long a connection may have nothing under way, in milliseconds.
    pub idle_timeout_ms: u64,
    /// How many connections are open at a time; more wait.
    pub max_connections: usize,
    /// How long accepted requests may take to finish when the service stops, in milliseconds.
    pub shutdown_timeout_ms: u64,
    /// An address of its own for operators, inside their network: what is shown there and not on the main one is said below.
    pub operations_listen: Option<SocketAddr>,
    /// Where the metrics are shown (`/metrics`).
    pub metrics: Shown,
    /// Where the manual is shown (`/docs`, `/openapi.json`).
    pub documentation: Shown,
    /// Where gRPC reflection answers.
    pub reflection: Shown,
}

/// Where something is shown that callers need not see. Health is always shown on the main address, and on that for operators.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Shown {
    /// On the main address, and on that for operators.
    #[default]
    Open,
    /// Only on the address for operators.
    Operations,
    /// Nowhere.
    Closed,
}

/// One of the two addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Where callers come.
    Main,
    /// Where operators come.
    Operations,
}

impl Shown {
    pub(super) fn on(self, side: Side) -> bool {
        match self {
            Self::Open => true,
            Self::Operations => side == Side::Operations,
            Self::Closed => false,
        }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            max_request_bytes: 1024 * 1024,
            request_timeout_ms: 30_000,
            head_timeout_ms: 15_000,
            body_timeout_ms: 10_000,
            max_awaited_requests: 2048,
            awaited_bytes: 64 * 1024 * 1024,
            max_concurrent_requests: 2048,
            max_at_once_per_tenant: 512,
            max_at_once_in_company: 32,
            max_answer_bytes: 64 * 1024 * 1024,
            answer_bytes: 256 * 1024 * 1024,
            unread_timeout_ms: 30_000,
            idle_timeout_ms: 300_000,
            max_connections: 4096,
            shutdown_timeout_ms: 25_000,
            operations_listen: None,
            metrics: Shown::Open,
            documentation: Shown::Open,
            reflection: Shown::Open,
        }
    }
}
