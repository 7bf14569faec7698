//! Proves that a history that was lost is never served and never built on: a standby that was behind takes over, or a copy is put back.

mod cluster;
mod lines;
mod lost;
mod processes;
mod under_load;
