//! All tests, in one binary; each file is named after what it proves.

mod api;
mod domain;
mod support;
