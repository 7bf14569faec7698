//! The rules, tested as given / when / then: given these commands were accepted, when this one comes, then these events or this refusal.

mod scenario;

mod activity;
mod agreement;
mod authority;
mod benefit;
mod body_decision;
mod body_findings;
mod budget;
mod checkpoint;
mod decision_basis;
mod decision_point;
mod defined_authority;
mod deliverable;
mod deviation;
mod document;
mod meeting;
mod milestone;
mod nordre_land;
mod organization;
mod phase;
mod plan_difference;
mod procurement;
mod programme;
mod project;
mod proposal;
mod reassignment;
mod refusal;
mod report;
mod risk;
mod role;
mod seat;
mod stakeholder;
mod subset;
mod success_factor;
