//! No reading that walks a history takes time out of proportion to its length, whatever is in it.

use std::collections::BTreeMap;
use std::time::Duration;

use vedtak::domain::{State, Stream, Watch};
use vedtak::ledger::Judge;
use vedtak::rules::Rules;

use super::ledger::{Ledger, Line};
use super::since::script;
use super::{COMMANDS, MONEY, TODAY, TOWARDS_GATES, next};
use crate::laws::script::BEGINNING;

/// So many copies of a history follow one another in the end, and so many in the one to compare that with.
const COPIES: usize = 144;
const FEWER_COPIES: usize = COPIES / 6;

/// Six times as many records may take six times as long, and somewhat more. When a single rule looks at all of its things after each
/// record, it is 12 times as long and more; when all do, 36 times.
const MOST: u32 = 10;

/// So often it is measured again, after a pause, before it counts as out of proportion.
const TRIES: usize = 8;
const PAUSE: Duration = Duration::from_secs(3);

/// What takes less is not looked at.
const SHORT: Duration = Duration::from_millis(300);

/// The histories of the streams of a sequence.
fn histories(seed: u64, favoured: &'static [&'static str]) -> BTreeMap<String, Vec<Line>> {
    let (mut script, mut ledger) = (script(seed, favoured), Ledger::default());
    for number in 0..2 * COMMANDS {
        let (commands, circumstances) = next(&mut script, number >= BEGINNING);
        for step in ledger.submit(&commands, &circumstances).unwrap_or_default() {
            drop(ledger.keep(&step));
        }
    }
    let mut histories: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for line in ledger.lines() {
        histories.entry(line.stream.clone()).or_default().push(line.clone());
    }
    histories
}

/// The same event of another thing: each id that is not the stream's own is that of a copy.
fn copy(line: &Line, copy: usize) -> String {
    let own = line.stream.split('/').nth(1).unwrap();
    let parts = line.data.split('"').map(|part| {
        let is_id = part.len() == 36 && part.matches('-').count() == 4 && part != own;
        if is_id && copy > 0 {
            format!("{copy:08x}{}", &part[8..])
        } else {
            part.to_owned()
        }
    });
    parts.collect::<Vec<_>>().join("\"")
}

/// How long it takes to follow so many copies of a history, one after the other, without what folding them takes.
fn follow(stream: &str, lines: &[Line], copies: usize) -> Duration {
    let aggregate = Stream::parse(stream).unwrap().aggregate;
    let Some(mut watch) = Watch::new(aggregate, TODAY) else {
        return Duration::ZERO;
    };
    let (mut state, mut took, mut version): (State, _, _) = (Rules.empty(stream).unwrap(), Duration::ZERO, 0);
    for number in 0..copies {
        // It begins once, and does not end.
        let ends = |line: &&Line| !["ProjectClosed", "ProjectCancelled"].iter().any(|end| line.is(end));
        for line in lines.iter().skip(usize::from(number > 0)).filter(ends) {
            version += 1;
            let line = line.saying(copy(line, number), version);
            line.fold_into(&mut state);
            let began = worked();
            watch.after(&state, line.position, &line.data);
            took += worked() - began;
        }
    }
    let began = worked();
    drop(watch.standing(&state));
    took + (worked() - began)
}

/// How long this thread has worked: whoever else works on this machine is not to count.
fn worked() -> Duration {
    #[cfg(target_os = "linux")]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
    }
    #[cfg(not(target_os = "linux"))]
    {
        static BEGAN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
        BEGAN.elapsed()
    }
}

#[test]
fn no_history_takes_time_out_of_proportion_to_its_length_to_find_since_when_its_findings_stand() {
    let mut slow = Vec::new();
    let mut compared = 0;
    for (seed, favoured) in [(1, TOWARDS_GATES), (2, MONEY), (3, super::since::FINDINGS)] {
        for (stream, lines) in histories(seed, favoured) {
            let mut took = follow(&stream, &lines, COPIES);
            if took < SHORT {
                continue;
            }
            compared += 1;
            let mut fewer = follow(&stream, &lines, FEWER_COPIES);
            // Others that work on this machine take the caches away, and more from what is larger: what is least is nearest to the truth.
            for _ in 0..TRIES {
                if took <= fewer * MOST {
                    break;
                }
                std::thread::sleep(PAUSE);
                took = took.min(follow(&stream, &lines, COPIES));
                fewer = fewer.min(follow(&stream, &lines, FEWER_COPIES));
            }
            println!(
                "{stream}: {} records, {COPIES} times {took:?}, {FEWER_COPIES} times {fewer:?}",
                lines.len()
            );
            if took > fewer * MOST {
                slow.push(format!(
                    "{stream}: {took:?} for {COPIES} copies of {} records, {fewer:?} for {FEWER_COPIES}",
                    lines.len()
                ));
            }
        }
    }
    assert!(compared > 0, "nothing was long enough");
    assert!(slow.is_empty(), "{}", slow.join("\n"));
}
