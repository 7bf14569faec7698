//! All tests, in one binary; each file is named after what it proves.

mod documentation;
mod domain;
mod identity;
mod openapi;
mod telemetry;
