//! The laws that no command may break, whatever is sent: replay, concurrency, batches and readings, through both doors.

mod doors;
mod random;
mod script;
mod sequence;

mod batches;
mod concurrency;
mod effective;
mod in_memory;
mod queues;
mod readings;
mod replay;
mod trail;
