//! Proves the rules of benefit.
