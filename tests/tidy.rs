//! Proves that the house keeps its own rules: where the arrows point, how long things are, and what is not written.

use std::collections::BTreeSet;

use prost_reflect::{DynamicMessage, FileDescriptor, Value};
use vedtak::schema::pool;

use crate::support::sources::{Source, files, none, rust};

const MOST_LINES_OF_A_FILE: usize = 500;
/// The house wants about 60; what lies far beyond is found.
const MOST_LINES_OF_A_FUNCTION: usize = 72;

/// How the names of the files end that people read.
const TEXTS: &[&str] = &[
    ".rs",
    ".proto",
    ".sql",
    ".toml",
    ".md",
    ".yaml",
    ".yml",
    ".html",
    ".js",
    ".css",
    ".json",
    ".txt",
    ".example",
    "run",
    "install",
    "Containerfile",
];

/// Nothing in these rooms says one of these words.
fn silent(places: &[&str], words: &[&str], why: &str) {
    let found: Vec<String> = rust(places).iter().flat_map(|source| source.holding(words)).collect();
    none(why, &found);
}

#[test]
fn the_domain_is_pure() {
    let impure = [
        "std::fs",
        "std::net",
        "std::io",
        "std::env",
        "std::process",
        "std::thread",
        "std::time",
        "tokio",
        "sqlx",
        "futures",
        "SystemTime",
        "Instant",
        "rand::",
        "now_utc",
        "clock::",
        "Uuid::new_v4",
        "Uuid::new_v7",
        "Uuid::now",
        "async ",
        ".await",
        "tracing::",
        "unsafe",
    ];
    silent(
        &["src/domain"],
        &impure,
        "a decision is judged again in an audit, and must come out the same",
    );
}

#[test]
fn arrows_point_inward() {
    let from = |rooms: &[&str]| rooms.iter().map(|room| format!("crate::{room}")).collect::<Vec<_>>();
    for (room, others) in [
        ("src/domain", from(&["ledger", "api", "projections", "cli", "rules"])),
        ("src/ledger", from(&["domain", "api", "projections", "cli", "rules"])),
        ("src/rules.rs", from(&["projections", "api", "cli"])),
        ("src/projections", from(&["api", "cli"])),
        ("src/api", from(&["cli"])),
        (
            "src/schema",
            from(&["domain", "ledger", "api", "projections", "cli", "rules"]),
        ),
    ] {
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        silent(&[room], &others, &format!("{room} does not know what lies further out"));
    }
}

#[test]
fn every_file_opens_with_a_sentence_about_itself() {
    let sources = rust(&["src", "tests", "proto", "benches"]);
    let mute = sources
        .iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| source.path.clone());
    none("these open with no //!", &mute.collect::<Vec<_>>());
}

#[test]
fn files_and_functions_are_short() {
    let mut long = Vec::new();
    for source in rust(&["src", "proto"]) {
        let lines = source.text.lines().count();
        if lines > MOST_LINES_OF_A_FILE {
            long.push(format!("{}: {lines} lines", source.path));
        }
        long.extend(long_functions(&source));
    }
    none("these are too long", &long);
}

/// As the formatter writes it, a function ends at the first brace that stands as far in as its beginning.
fn long_functions(source: &Source) -> Vec<String> {
    let mut long = Vec::new();
    let mut open: Option<(usize, usize, &str)> = None;
    for (number, line) in source.code() {
        let indent = line.len() - line.trim_start().len();
        let begins = line.trim_start().starts_with("fn ") || (line.contains(" fn ") && !line.contains('"'));
        match open {
            None if begins && !line.trim_end().ends_with([';', '}']) => open = Some((number, indent, line)),
            Some((began, inside, head)) if indent == inside && line.trim() == "}" => {
                let lines = number - began + 1;
                if lines > MOST_LINES_OF_A_FUNCTION {
                    long.push(format!("{}:{began}: {lines} lines: {}", source.path, head.trim()));
                }
                open = None;
            }
            // A declaration without a body.
            Some((_, inside, _)) if indent == inside && line.trim_end().ends_with(';') => open = None,
            _ => {}
        }
    }
    long
}

#[test]
fn nothing_is_left_open_or_printed_past_the_log() {
    let unfinished = [".unwrap()", "todo!", "unimplemented!", "dbg!"];
    silent(
        &["src"],
        &unfinished,
        "a service says what went wrong, or why it cannot",
    );
    let mut printed: Vec<String> = rust(&["src"])
        .iter()
        .flat_map(|source| source.holding(&["println!", "print!(", "eprint!("]))
        .collect();
    printed.retain(|line| !line.starts_with("src/cli/"));
    none("only the command line prints", &printed);
}

#[test]
fn no_test_is_passed_over() {
    // Put together here, so that this file does not find itself.
    let passed_over = ["#[", "ignore"].concat();
    silent(&["tests"], &[&passed_over], "a test that is not run proves nothing");
}

#[test]
fn every_exception_from_a_lint_gives_its_reason() {
    let mut bare = Vec::new();
    for source in rust(&["src", "tests", "proto", "benches"]) {
        for attribute in ["#[allow(", "#![allow(", "#[expect(", "#![expect("] {
            for (start, _) in source.text.match_indices(attribute) {
                let rest = &source.text[start..];
                let whole = &rest[..rest.find(")]").map_or(rest.len(), |end| end + 2)];
                // In quotes it is no attribute but a text about one.
                if !source.text[..start].ends_with('"') && !whole.contains("reason =") {
                    bare.push(format!("{}: {}", source.path, whole.lines().next().unwrap_or_default()));
                }
            }
        }
    }
    none("these give no reason", &bare);
}

#[test]
fn nothing_speaks_of_the_machine_it_was_written_on() {
    let machine = [
        ["/wor", "k/"].concat(),
        ["/tmp/", "wt"].concat(),
        ["/home/", "user"].concat(),
    ];
    let mut found = Vec::new();
    for source in files(&["."], TEXTS) {
        let lines = source.text.lines().enumerate();
        let ours = lines.filter(|(_, line)| machine.iter().any(|path| line.contains(path)));
        found.extend(ours.map(|(index, line)| format!("{}:{}: {}", source.path, index + 1, line.trim())));
    }
    none("these are paths of one machine", &found);
}

#[test]
fn only_the_licence_is_somebody_elses_text() {
    // Put together here, so that this file does not find itself.
    let notices = [
        ["copy", "right"].concat(),
        ["licensed", " under"].concat(),
        ["all rights", " reserved"].concat(),
        ["spdx-", "license-identifier"].concat(),
    ];
    let mut found = Vec::new();
    for source in files(&["."], TEXTS) {
        let lines = source.text.lines().enumerate();
        let notice = |line: &str| notices.iter().any(|notice| line.to_lowercase().contains(notice));
        let theirs = lines.filter(|(_, line)| notice(line));
        found.extend(theirs.map(|(index, line)| format!("{}:{}: {}", source.path, index + 1, line.trim())));
    }
    none("these say that they are somebody else's", &found);
}

#[test]
fn what_is_declared_in_others_packages_is_what_the_schema_uses() {
    let ours = |file: &FileDescriptor| file.package_name() == "vedtak.v1";
    let mut used = BTreeSet::new();
    for file in pool().files().filter(ours) {
        for options in options(&file) {
            note(&options, &mut used);
        }
    }
    let mut unused = Vec::new();
    for source in files(&["proto"], &[".proto"]) {
        let name = source.path.trim_start_matches("proto/");
        let file = pool().get_file_by_name(name);
        let file = file.unwrap_or_else(|| panic!("{name} is no part of the schema"));
        if !ours(&file) {
            unused.extend(declared(&file).into_iter().filter(|name| !used.contains(name)));
        }
    }
    none("these are declared, and nothing of ours uses them", &unused);
}

/// The options of all that a file declares, and its own.
fn options(file: &FileDescriptor) -> Vec<DynamicMessage> {
    let mut options = vec![file.options()];
    let mut messages: Vec<_> = file.messages().collect();
    let mut enums: Vec<_> = file.enums().collect();
    while let Some(message) = messages.pop() {
        options.push(message.options());
        options.extend(message.fields().map(|field| field.options()));
        options.extend(message.oneofs().map(|oneof| oneof.options()));
        messages.extend(message.child_messages());
        enums.extend(message.child_enums());
    }
    for one in enums {
        options.push(one.options());
        options.extend(one.values().map(|value| value.options()));
    }
    for service in file.services() {
        options.push(service.options());
        options.extend(service.methods().map(|method| method.options()));
    }
    options
}

/// Notes the name of each field and extension that a message holds, at any depth.
fn note(message: &DynamicMessage, used: &mut BTreeSet<String>) {
    let fields = message
        .fields()
        .map(|(field, value)| (field.full_name().to_owned(), value));
    let extensions = message
        .extensions()
        .map(|(extension, value)| (extension.full_name().to_owned(), value));
    for (name, value) in fields.chain(extensions) {
        used.insert(name);
        let items = value.as_list().unwrap_or(std::slice::from_ref(value));
        for inner in items.iter().filter_map(Value::as_message) {
            note(inner, used);
        }
    }
}

/// The names of the fields and extensions that a file declares, and of its enums and services, of which none is needed.
fn declared(file: &FileDescriptor) -> Vec<String> {
    let mut names: Vec<String> = file.extensions().map(|one| one.full_name().to_owned()).collect();
    names.extend(file.enums().map(|one| one.full_name().to_owned()));
    names.extend(file.services().map(|one| one.full_name().to_owned()));
    let mut messages: Vec<_> = file.messages().collect();
    while let Some(message) = messages.pop() {
        names.extend(message.fields().map(|field| field.full_name().to_owned()));
        names.extend(message.child_enums().map(|one| one.full_name().to_owned()));
        messages.extend(message.child_messages());
    }
    names
}
