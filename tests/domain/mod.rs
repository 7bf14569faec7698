//! The rules, tested as given / when / then: given these commands were accepted, when this one comes, then these events or this refusal.

mod scenario;

mod checkpoint;
mod decision_point;
mod document;
mod organization;
mod phase;
mod risk;
mod role;
