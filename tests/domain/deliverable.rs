//! Proves the rules of deliverable.
