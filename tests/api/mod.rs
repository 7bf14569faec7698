//! The API, called as its users call it: through real clients over real sockets.

mod agreement_and_proposals;
mod body_decisions;
mod both_doors;
mod caller;
mod examples;
mod frozen_readings;
mod project_readings;
mod read_together;
mod seat_on_record;
mod texts_and_days;
