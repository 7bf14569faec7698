//! Proves that every rule of the rulebook has a test, and that `docs/rules.md` says where each is enforced and proved.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::support::sources::{Source, none, rust};

/// Every rule of the rulebook, a line each: its id, its kind, and what it says.
const RULES: &str = include_str!("rules.txt");
const PAGE: &str = "docs/rules.md";

const HEAD: &str = "\
# The rules, and where they are kept

Made from the sources by `tests/coverage.rs`, which fails when this page differs from them. `VEDTAK_WRITE=1 cargo test coverage`
writes it anew; the rules themselves stand in `tests/rules.txt`.

A **hard** rule refuses the command. A **finding** lets it through and shows the contradiction until it is mended. A **reading** is a
question that can be answered. What is **held** describes the record, and the rulebook gives it no kind.

Besides the tests below, `tests/life` tells one life through the API, in which somebody tries to break each of the hard rules, except R2,
which only allows something.

*Where enforced* names the files of `src/domain` that refuse or find in the name of the rule, and for a reading those whose comments
name it. A dash means that no file does: the rule may be kept by the shape of the messages or allow something, and only its tests
show it. *Tests* are those named after the rule: that there is one does not say that it proves all of the sentence.

| rule | kind | what it says | where enforced | tests |
|---|---|---|---|---|
";

/// A rule of the rulebook.
pub struct Rule {
    pub id: &'static str,
    pub kind: &'static str,
    says: &'static str,
}

/// All rules.
pub fn rules() -> Vec<Rule> {
    let parts = RULES.lines().map(|line| line.split(" | ").collect::<Vec<_>>());
    parts
        .map(|parts| match parts[..] {
            [id, kind, says] => Rule { id, kind, says },
            _ => panic!("a rule is its id, its kind and what it says, not {parts:?}"),
        })
        .collect()
}

/// The letter and the number of a rule, when this is the name of one.
fn id_parts(word: &str) -> Option<(char, u32)> {
    let mut characters = word.chars();
    let letter = characters.next().filter(char::is_ascii_uppercase)?;
    let number = characters.as_str();
    let digits = matches!(number.len(), 1 | 2) && number.bytes().all(|digit| digit.is_ascii_digit());
    digits.then(|| Some((letter, number.parse().ok()?)))?
}

/// Whether a comment names the rule: by itself, or, when ranges count, within one such as `A1–A4`.
fn names(comment: &str, rule: &str, ranges: bool) -> bool {
    // A hyphen belongs to its word, so that a quarter such as 2017-Q1 names no rule.
    let mut words = comment.split(|character: char| !character.is_alphanumeric() && !"-–".contains(character));
    words.any(|word| {
        let within = || {
            let (from, to) = word.split_once('–')?;
            let ((from, first), (to, last), (letter, number)) = (id_parts(from)?, id_parts(to)?, id_parts(rule)?);
            Some(from == to && letter == from && (first..=last).contains(&number))
        };
        word == rule || (ranges && within() == Some(true))
    })
}

/// The files of the domain that refuse or find in the name of this rule; of a reading, those whose comments name it.
fn enforcing(rule: &Rule, domain: &[Source]) -> Vec<String> {
    let of = |keeps: &dyn Fn(&Source) -> bool| -> Vec<String> {
        let kept = domain.iter().filter(|source| keeps(source));
        kept.map(|source| format!("`{}`", source.path)).collect()
    };
    let named = |source: &Source, ranges| {
        let mut comments = source.text.lines().map(str::trim_start);
        comments.any(|line| (line.starts_with("//!") || line.starts_with("///")) && names(line, rule.id, ranges))
    };
    let quoting = of(&|source| !source.holding(&[&format!("\"{}\"", rule.id)]).is_empty());
    if rule.kind != "reading" || !quoting.is_empty() {
        return quoting;
    }
    // A range is named at the head of a room; where the rule is named by itself, that says more.
    match of(&|source| named(source, false)) {
        alone if alone.is_empty() => of(&|source| named(source, true)),
        alone => alone,
    }
}

/// The tests that are named after a rule: the rule in capitals, the file, and the function.
fn named_tests(tests: &[Source]) -> Vec<(String, &str, &str)> {
    let mut found = Vec::new();
    for source in tests {
        let mut before = "";
        for (_, line) in source.code() {
            let line = line.trim_start();
            let function = line.trim_start_matches("async ").strip_prefix("fn ");
            let name = function
                .and_then(|rest| rest.split(['(', '<']).next())
                .unwrap_or_default();
            let rule = name.split('_').next().unwrap_or_default().to_uppercase();
            if id_parts(&rule).is_some() && before.starts_with("#[") {
                found.push((rule, source.path.as_str(), name));
            }
            before = line;
        }
    }
    found
}

fn cell(parts: &[String]) -> String {
    if parts.is_empty() {
        "—".to_owned()
    } else {
        parts.join("<br>")
    }
}

fn page() -> String {
    let (domain, tests) = (rust(&["src/domain"]), rust(&["tests"]));
    let named = named_tests(&tests);
    let mut page = HEAD.to_owned();
    for rule in rules() {
        let mut files: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (_, path, name) in named.iter().filter(|(id, ..)| id == rule.id) {
            files.entry(path).or_default().push(format!("`{name}`"));
        }
        let proofs: Vec<String> = files
            .iter()
            .map(|(path, names)| format!("`{path}`: {}", names.join(", ")))
            .collect();
        let (enforced, proved) = (cell(&enforcing(&rule, &domain)), cell(&proofs));
        let Rule { id, kind, says } = rule;
        writeln!(page, "| {id} | {kind} | {says} | {enforced} | {proved} |").unwrap();
    }
    page
}

#[test]
fn each_rule_stands_in_the_list_once_with_its_kind_and_a_sentence() {
    let rules = rules();
    for (index, rule) in rules.iter().enumerate() {
        assert!(id_parts(rule.id).is_some(), "{} is no rule", rule.id);
        assert!(
            ["hard", "finding", "reading", "held"].contains(&rule.kind),
            "{} is {}",
            rule.id,
            rule.kind
        );
        assert!(rule.says.ends_with('.'), "{} is no sentence", rule.says);
        assert!(
            rules[..index].iter().all(|earlier| earlier.id != rule.id),
            "{} stands twice",
            rule.id
        );
    }
}

#[test]
fn every_rule_has_a_test_that_bears_its_name_and_no_test_bears_another() {
    let (rules, tests) = (rules(), rust(&["tests"]));
    let named = named_tests(&tests);
    let unproved = rules.iter().filter(|rule| named.iter().all(|(id, ..)| id != rule.id));
    none(
        "these rules have no test named after them",
        &unproved.map(|rule| rule.id.to_owned()).collect::<Vec<_>>(),
    );
    let unknown = named.iter().filter(|(id, ..)| rules.iter().all(|rule| rule.id != id));
    none(
        "these tests are named after no rule",
        &unknown
            .map(|(_, path, name)| format!("{path}: {name}"))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn a_comment_names_a_rule_by_itself_or_within_a_range() {
    assert!(names("as of any date (rules X1–X5).", "X5", true));
    assert!(!names("as of any date (rules X1–X5).", "X5", false));
    assert!(!names("as of any date (rules A1–A3).", "A4", true));
    assert!(names("/// D4: calendar years", "D4", false));
    assert!(!names("the months of 2017-Q1", "Q1", true));
}

#[test]
fn the_page_of_the_rules_is_what_the_sources_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = page();
    if std::env::var("VEDTAK_WRITE").is_ok_and(|write| write == "1") {
        fs::write(&path, page).unwrap();
        return;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let differs = page.lines().zip(committed.lines()).find(|(now, then)| now != then);
    assert!(
        page == committed,
        "{PAGE} is not what the sources say; VEDTAK_WRITE=1 cargo test coverage writes it anew. First: {differs:#?}"
    );
}
