//! Kills, at moments that nobody chose, whatever can be killed under load; and asks each time whether the ledger kept its word.

mod caller;
mod check;
mod development;
mod frozen;
mod graceful;
mod load;
mod postgres;
mod service;
mod two_processes;
