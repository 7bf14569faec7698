//! The rules, one file per concept: pure functions from state and command to events or a refusal, and from events to state.
//!
//! No I/O, no async, no clock, no randomness: what a decision needs is handed to it. A command implements [`Decide`], an event
//! implements [`Fold`]; the enums over all of them are generated from the schema, so that neither can be forgotten.

mod authority;
mod decide;
mod finding;
mod refusal;

mod activity;
mod addressee;
mod agreement;
mod benefit;
mod budget;
mod calendar;
mod checkpoint;
mod decision_point;
mod deliverable;
mod deviation;
mod document;
mod milestone;
mod organization;
mod overview;
mod person;
mod phase;
mod plan_difference;
mod procurement;
mod programme;
mod project;
mod proposal;
mod report;
mod risk;
mod role;
mod seat;
mod since;
mod stakeholder;
mod success_factor;
mod template;

pub use activity::gantt_reading;
pub use agreement::{agreement_standing, streams_of_agreement, withdrawal_impact};
pub use benefit::benefit_reading;
pub use budget::budget_reading;
pub use decide::{
    Aggregated, Context, Decide, Decision, Facts, Fold, FoldError, Recorded, Stream, Verdict, unchanged_or,
};
pub use decision_point::{
    changed_after_decision, condition_reading, decision_basis, minuted_findings, streams_of_minuted,
};
pub use deliverable::handover_reading;
pub use finding::{Suspicion, findings, organization_findings, proposal_findings};
pub use organization::{body_decision, decisions_in, resting_mark, streams_of_decision};
pub use overview::overview;
pub use person::same_person;
pub use plan_difference::{compared_versions, plan_difference};
pub use procurement::contract_reading;
pub use programme::{portfolio_reading, programme_findings, projects_of_programme, streams_of_programme};
pub use proposal::proposal_fate;
pub use refusal::{Kind, LONGEST_SENTENCE, Refusal, within};
pub use report::report_reading;
pub use risk::risk_matrix;
pub use seat::{body_composition, streams as streams_of_body};
pub use since::{Standing, Watch};
pub use stakeholder::stakeholder_map;
pub use template::shipped_templates;

mod dispatch {
    //! The enums over all commands, events and states, generated from the schema.

    use super::authority::{Declared, Holder};
    use super::{Aggregated, Context, Decide, Decision, Facts, Fold, Recorded, Stream};
    use crate::schema::v1::*;
    use crate::schema::{BringToNfc, Canonical, Validate, Violations};

    include!(concat!(env!("OUT_DIR"), "/commands_and_events.rs"));
    include!(concat!(env!("OUT_DIR"), "/entitlement.rs"));
}
pub use authority::{Authority, Declared, Holder, authorities};
pub use dispatch::{Command, DECLARED, Event, State};
