//! All tests, in one binary; each file is named after what it proves.

mod api;
mod command_line;
mod coverage;
mod documentation;
mod domain;
mod history;
mod hostile;
mod identity;
mod isolation;
mod kills;
mod laws;
mod life;
mod migrations;
mod neighbours;
mod openapi;
mod operations;
mod support;
mod telemetry;
mod tidy;
