//! Proves that the house is kept: which room may know which, what the domain stays free of, and that every rule has its test.

use std::path::{Path, PathBuf};

fn files(under: &str, extension: &str) -> Vec<(PathBuf, String)> {
    fn walk(directory: &Path, extension: &str, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(directory).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, extension, found);
            } else if path.extension().is_some_and(|own| own == extension) {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join(under),
        extension,
        &mut found,
    );
    assert!(!found.is_empty(), "{under} has no files");
    found
}

/// The code of a file without its comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

#[track_caller]
fn forbid(under: &str, words: &[&str]) {
    let mut broken = Vec::new();
    for (path, text) in files(under, "rs") {
        for line in code(&text) {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                broken.push(format!("{}: {word}: {}", path.display(), line.trim()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_domain_has_no_io_no_async_no_clock_and_no_randomness() {
    forbid(
        "src/domain",
        &[
            "std::fs",
            "std::net",
            "std::io",
            "std::env",
            "tokio",
            "sqlx",
            "SystemTime",
            "Instant",
            "rand::",
            "async ",
            ".await",
            "crate::clock",
            "new_v4",
            "now_v7",
        ],
    );
}

#[test]
fn arrows_point_inward() {
    forbid(
        "src/domain",
        &[
            "crate::api",
            "crate::cli",
            "crate::config",
            "crate::embedded",
            "crate::ledger",
            "crate::projections",
            "crate::rules",
            "crate::telemetry",
        ],
    );
    forbid(
        "src/ledger",
        &[
            "crate::api",
            "crate::cli",
            "crate::config",
            "crate::domain",
            "crate::embedded",
            "crate::projections",
            "crate::rules",
            "crate::telemetry",
        ],
    );
    forbid(
        "src/schema",
        &[
            "crate::api",
            "crate::cli",
            "crate::domain",
            "crate::ledger",
            "crate::projections",
            "crate::rules",
        ],
    );
    forbid(
        "src/projections",
        &["crate::api", "crate::cli", "crate::config", "crate::embedded"],
    );
    forbid("src/api", &["crate::cli", "crate::config", "crate::embedded"]);
}

#[test]
fn every_file_says_what_it_is() {
    for room in ["src", "tests", "proto", "benches"] {
        for (path, text) in files(room, "rs") {
            assert!(
                text.starts_with("//! "),
                "{} does not open with what it is",
                path.display()
            );
        }
    }
}

#[test]
fn nothing_is_left_unfinished_or_unexplained() {
    forbid("src", &["todo!(", "unimplemented!(", "dbg!(", ".unwrap()"]);
    for room in ["src", "tests", "proto", "benches"] {
        // This file speaks of the marks that it looks for.
        for (path, text) in files(room, "rs")
            .into_iter()
            .filter(|(path, _)| !path.ends_with("tidy.rs"))
        {
            let ignored = format!("#[{}", "ignore");
            assert!(
                !text.contains(&ignored),
                "{} has a test that does not run",
                path.display()
            );
            for (start, _) in text
                .match_indices("#[allow(")
                .chain(text.match_indices("#[expect("))
                .chain(text.match_indices("#![allow("))
            {
                let exception = text[start..].split_once(")]").map_or("", |(exception, _)| exception);
                assert!(
                    exception.contains("reason"),
                    "{}: {exception} gives no reason",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn every_hard_rule_and_every_finding_has_a_test_that_names_it() {
    let rules = "o1 o2 o4 j1 j2 j3 j4 r1 r2 r3 r4 r5 d1 d2 d4 f1 f2 f3 f4 f5 b1 b2 b3 b4 b5 b6 b7 b8 b9 m1 m2 k1 k2 x1 x2 x3 e1 e2 e3 e4 e5 e6 e7 e8";
    let tests: String = files("tests/domain", "rs").into_iter().map(|(_, text)| text).collect();
    let missing: Vec<&str> = rules
        .split(' ')
        .filter(|rule| !tests.contains(&format!("fn {rule}_")))
        .collect();
    assert!(missing.is_empty(), "no test is named after {missing:?}");
}
