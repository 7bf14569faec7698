//! The rules, tested as given / when / then: given these commands were accepted, when this one comes, then these events or this refusal.

mod scenario;

mod activity;
mod benefit;
mod budget;
mod checkpoint;
mod decision_basis;
mod decision_point;
mod deliverable;
mod deviation;
mod document;
mod milestone;
mod nordre_land;
mod organization;
mod phase;
mod procurement;
mod project;
mod reassignment;
mod report;
mod risk;
mod role;
mod seat;
mod stakeholder;
mod success_factor;
