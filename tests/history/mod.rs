//! Proves that a history that was lost is never served and never built on: a standby that was behind takes over, or a copy is put back.

mod cluster;
mod lost;
mod under_load;
