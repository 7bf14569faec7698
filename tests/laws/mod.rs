//! The laws that no command may break, whatever is sent: replay, concurrency, batches and readings, through both doors.

pub mod doors;
pub mod random;
pub mod script;
mod sequence;

mod ahead;
mod batches;
mod concurrency;
mod effective;
mod findings;
mod followers;
mod in_memory;
mod long_histories;
mod long_work;
mod queues;
mod readings;
pub mod replay;
mod settling;
mod slow_rules;
mod streams;
mod trail;
mod tree;
mod unreadable;
