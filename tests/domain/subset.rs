//! Proves that any part of a history can be folded and read, as a reading as of an effective date does.

use std::collections::HashMap;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use vedtak::domain::{self, Aggregated, Facts, Recorded, State, Stream};
use vedtak::schema::v1::*;

use super::nordre_land;
use super::programme::{frame, prioritize, programme, waits};
use super::scenario::Scenario;

type States = HashMap<Stream, Arc<State>>;

/// What those events fold into that are kept; the others are as if they had never been.
fn folded(scenario: &Scenario, mut kept: impl FnMut(&str) -> bool) -> States {
    let mut states = States::new();
    let mut versions: HashMap<&Stream, i64> = HashMap::new();
    for ((stream, event, day), position) in scenario.history().iter().zip(1..) {
        let version = versions.entry(stream).or_default();
        *version += 1;
        if !kept(day) {
            continue;
        }
        let empty = || Arc::new(State::empty(stream.aggregate).unwrap());
        let state = Arc::make_mut(states.entry(stream.clone()).or_insert_with(empty));
        let at = Recorded {
            position,
            version: *version,
            effective_date: day,
            recorded: day,
            subject: "kari",
            authority: "",
            reason: "",
        };
        state.fold(event, &at).unwrap();
    }
    states
}

/// Reads the states in every way there is.
fn read(states: &States) {
    let facts = Facts::new(states);
    for (stream, state) in states {
        if let Some(project) = Project::of(state) {
            let _ = domain::findings(project, "2018-01-01");
            let _ = domain::budget_reading(project);
            let _ = domain::gantt_reading(project, GanttGranularity::Month);
            let _ = domain::overview(project);
        } else if let Some(organization) = Organization::of(state) {
            let _ = domain::organization_findings(organization, "2018-01-01");
            for body in &organization.bodies {
                let reference = BodyReference {
                    organization_id: stream.id.clone(),
                    body_id: body.body_id.clone(),
                };
                let _ = domain::body_composition(&reference, &facts, "2017-06-01");
            }
        } else if let Some(programme) = Programme::of(state) {
            let all = domain::streams_of_programme(&stream.id, &facts);
            let empty = |stream: &Stream| Arc::new(State::empty(stream.aggregate).unwrap());
            let mut states = states.clone();
            for stream in all {
                let state = empty(&stream);
                states.entry(stream).or_insert(state);
            }
            let facts = Facts::new(&states);
            let _ = domain::programme_findings(programme, &facts);
            let _ = domain::portfolio_reading(programme, &facts);
        }
    }
}

#[test]
fn any_part_of_a_history_can_be_folded_and_read() {
    let steered = programme(3)
        .given(waits(700, 2, 1))
        .given(frame(2, "2017-05-31"))
        .given(prioritize(&[3, 1, 2]));
    for scenario in [nordre_land::recorded(), steered] {
        for seed in 0..100 {
            let mut random = StdRng::seed_from_u64(seed);
            let share = random.random_range(0.05..0.95);
            read(&folded(&scenario, |_| random.random_bool(share)));
        }
    }
}

#[test]
fn what_is_folded_by_every_day_is_the_whole_history() {
    let scenario = nordre_land::recorded();
    for (stream, state) in folded(&scenario, |day| day <= "9999-12-31") {
        assert_eq!(state.version(), scenario.state(&stream).version());
    }
    assert!(folded(&scenario, |day| day <= "0001-01-01").is_empty());
}
