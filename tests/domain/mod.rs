//! The rules, tested as given / when / then: given these commands were accepted, when this one comes, then these events or this refusal.

mod scenario;

mod activity;
mod budget;
mod milestone;
mod nordre_land;
mod organization;
mod project;
mod risk;
mod role;
