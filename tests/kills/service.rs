//! The service is killed under load, again and again, and started again.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::caller::Doors;
use super::check::keeps_its_word;
use super::load::{Load, Shape, seed};
use crate::support::program::Program;
use crate::support::{database, scale};

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_service_loses_nothing_that_was_acknowledged_and_records_nothing_twice() {
    let kills = (2 * scale()).max(3);
    let database = database().await;
    let mut program = Program::serve(&database).await;
    let shape = Shape {
        seed: seed(),
        callers: 24,
        streams: 4,
        risks: 200,
        limit: u64::MAX,
    };
    let mut random = StdRng::seed_from_u64(shape.seed);
    let mut load = Load::start(shape, vec![Doors::new(program.address())]);
    for _ in 0..kills {
        load.progress(random.random_range(1..60)).await;
        // The moment itself is left to chance: between two receipts, anywhere in a transaction.
        tokio::time::sleep(Duration::from_micros(random.random_range(0..20_000))).await;
        program.kill();
        load.go_to(Vec::new());
        program.restart().await;
        load.go_to(vec![Doors::new(program.address())]);
    }
    load.progress(50).await;
    let outcome = load.finish().await;
    let figures = keeps_its_word(&database, &Doors::new(program.address()), &outcome).await;
    println!("service killed {kills} times: {figures}");
    assert!(outcome.silences > 0, "no kill came while somebody waited for an answer");
}
