//! The streams that are open: how many each caller and each tenant may have, and all together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tonic::Code;

use super::failure::Failure;
use super::identity::Caller;

/// Limits on streams of records.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct StreamsConfig {
    /// How many streams are open at a time, in all. One that is behind keeps a page of at most 64 KiB in memory.
    pub max_streams: usize,
    /// How many of them are of one tenant.
    pub max_streams_per_tenant: usize,
    /// How many of them are of one caller: a subject of a tenant.
    pub max_streams_per_caller: usize,
    /// How long a stream waits for somebody to take what it has, in milliseconds, before it ends.
    pub stall_ms: u64,
}

impl Default for StreamsConfig {
    fn default() -> Self {
        Self {
            max_streams: 10_000,
            max_streams_per_tenant: 6_000,
            max_streams_per_caller: 5_000,
            stall_ms: 30_000,
        }
    }
}

/// The streams that are open. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    open: Arc<Mutex<Open>>,
    config: StreamsConfig,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    tenants: HashMap<String, usize>,
    callers: HashMap<(String, String), usize>,
}

/// One open stream, until this is dropped.
#[derive(Debug)]
pub(super) struct StreamPlace {
    streams: Streams,
    tenant: String,
    subject: String,
}

impl Streams {
    pub(super) fn new(config: StreamsConfig) -> Self {
        Self {
            open: Arc::default(),
            config,
        }
    }

    /// How long a stream waits for somebody to take what it has.
    pub(super) const fn patience(&self) -> Duration {
        Duration::from_millis(self.config.stall_ms)
    }

    /// Opens a stream for a caller.
    ///
    /// # Errors
    /// When it, its tenant, or all together have as many as they may.
    pub(super) fn enter(&self, caller: &Caller) -> Result<StreamPlace, Failure> {
        let (tenant, subject) = (caller.tenant.clone(), caller.subject.clone());
        let key = (tenant.clone(), subject.clone());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let of_tenant = open.tenants.get(&tenant).copied().unwrap_or_default();
        let of_caller = open.callers.get(&key).copied().unwrap_or_default();
        let whose = if of_caller >= self.config.max_streams_per_caller {
            "You have"
        } else if of_tenant >= self.config.max_streams_per_tenant {
            "Your organisation has"
        } else if open.all >= self.config.max_streams {
            "All callers together have"
        } else {
            open.all += 1;
            open.tenants.insert(tenant.clone(), of_tenant + 1);
            open.callers.insert(key, of_caller + 1);
            return Ok(StreamPlace {
                streams: self.clone(),
                tenant,
                subject,
            });
        };
        let sentence =
            format!("{whose} as many streams open as may be. Close one that is not needed, or come back later.");
        Err(Failure {
            retry_after: Some(Duration::from_secs(5)),
            ..Failure::new(Code::ResourceExhausted, "STREAMS_FULL", sentence)
        })
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        let key = (std::mem::take(&mut self.tenant), std::mem::take(&mut self.subject));
        if let Some(count) = open.tenants.get_mut(&key.0) {
            *count -= 1;
            if *count == 0 {
                open.tenants.remove(&key.0);
            }
        }
        if let Some(count) = open.callers.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                open.callers.remove(&key);
            }
        }
    }
}
