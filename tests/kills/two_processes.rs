//! Two processes serve one database: writers on both, for the same streams, with and without one of them being killed.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::caller::Doors;
use super::check::keeps_its_word;
use super::load::{Load, Shape, seed};
use crate::support::program::Program;
use crate::support::{database, scale};

fn doors(programs: &[Program]) -> Vec<Doors> {
    programs.iter().map(|program| Doors::new(program.address())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_one_is_killed_and_the_other_goes_on() {
    let kills = scale().max(2);
    let database = database().await;
    let mut programs = [Program::serve(&database).await, Program::serve(&database).await];
    let shape = Shape {
        seed: seed() + 2,
        callers: 24,
        streams: 4,
        risks: 200,
        limit: u64::MAX,
    };
    let mut random = StdRng::seed_from_u64(shape.seed);
    let mut load = Load::start(shape, doors(&programs));
    for _ in 0..kills {
        load.progress(random.random_range(1..60)).await;
        // The moment itself is left to chance: between two receipts, anywhere in a transaction.
        tokio::time::sleep(Duration::from_micros(random.random_range(0..20_000))).await;
        let unlucky = random.random_range(0..2);
        programs[unlucky].kill();
        let other = Doors::new(programs[1 - unlucky].address());
        load.go_to(vec![other]);
        // More than one receipt for each caller: none of them waits for the process that is gone.
        load.progress(48).await;
        programs[unlucky].restart().await;
        load.go_to(doors(&programs));
    }
    let outcome = load.finish().await;
    let figures = keeps_its_word(&database, &Doors::new(programs[0].address()), &outcome).await;
    println!("one of two processes killed {kills} times: {figures}");
    assert!(outcome.silences > 0, "no kill came while somebody waited for an answer");
}

/// Writers on both processes, until so many commands are recorded; each process must then answer the same.
async fn write_on_both(seed: u64, streams: u64) {
    let commands = u64::try_from(scale()).unwrap() * 1_000;
    let database = database().await;
    let programs = [Program::serve(&database).await, Program::serve(&database).await];
    let shape = Shape {
        seed,
        callers: 64,
        streams,
        risks: u64::MAX / streams,
        limit: commands,
    };
    let began = Instant::now();
    let outcome = Load::start(shape, doors(&programs)).exhausted().await;
    let took = began.elapsed();
    for doors in doors(&programs) {
        let figures = keeps_its_word(&database, &doors, &outcome).await;
        println!("64 writers, {streams} streams, {commands} commands on two processes in {took:?}: {figures}");
    }
    assert_eq!(
        outcome.silences + outcome.laters,
        0,
        "nothing was killed, yet calls failed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_on_two_processes_fill_eight_streams_without_gap_or_repetition() {
    write_on_both(seed() + 3, 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_on_two_processes_fill_one_stream_without_gap_or_repetition() {
    write_on_both(seed() + 4, 1).await;
}
