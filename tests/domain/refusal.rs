//! Proves that a refusal is a sentence that can be told: short enough for a trailer, whatever it speaks of.

use proptest::prelude::*;
use vedtak::api::failure::Failure;
use vedtak::domain::{LONGEST_SENTENCE, Refusal, within};

fn characters(text: &str) -> usize {
    text.chars().count()
}

#[test]
fn what_is_short_is_told_as_it_is() {
    let refusal = Refusal::rule("K1", "LINK_CYCLE", "A comes before B already: A, B.").mend("Link them the other way.");
    assert_eq!(
        refusal.sentence(),
        "A comes before B already: A, B. Link them the other way."
    );
}

#[test]
fn a_long_list_ends_with_how_many_more_there_are() {
    let numbers: Vec<String> = (1..=6_000).map(|number| format!("{number}.1")).collect();
    for (told, beside) in [(6_000, ""), (1_000, ", and 5000 more")] {
        let problem = format!("A comes before B already: {}{beside}.", numbers[..told].join(", "));
        a_list_of_six_thousand_is_told(problem);
    }
}

fn a_list_of_six_thousand_is_told(problem: String) {
    let sentence = Refusal::rule("K1", "LINK_CYCLE", problem)
        .mend("Link them the other way.")
        .sentence();
    let list = sentence.trim_start_matches("A comes before B already: ");
    let (list, rest) = list.split_once(", and ").expect("it says how many more");
    let (more, remedy) = rest.split_once(" more. ").expect("it ends");
    assert_eq!(list.split(", ").count() + more.parse::<usize>().unwrap(), 6_000);
    assert_eq!(remedy, "Link them the other way.");
}

proptest! {
    #[test]
    fn no_refusal_is_longer_than_can_be_told(
        problem in "\\PC{0,3000}",
        word in "\\PC{1,40}",
        words in 0_usize..2_000,
        remedy in "\\PC{0,1500}",
        field in "[a-z]{1,40}",
    ) {
        let list = vec![word; words].join(", ");
        for problem in [&problem, &list, &format!("{problem}: {list}.")] {
            let refusal = Refusal::invalid(&field, "ANY", problem.clone()).mend(remedy.clone());
            prop_assert!(characters(&refusal.sentence()) <= LONGEST_SENTENCE);
            prop_assert!(refusal.sentence().starts_with(&problem.chars().take(250).collect::<String>()));
            let failure = Failure::from(refusal);
            prop_assert!(characters(&failure.sentence) <= LONGEST_SENTENCE);
            let violations = failure.violations.iter();
            prop_assert!(violations.map(|violation| characters(&violation.description)).max() <= Some(LONGEST_SENTENCE));
            let other = Failure::new(tonic::Code::Internal, "ANY", problem.as_str());
            prop_assert!(characters(&other.sentence) <= LONGEST_SENTENCE);
            prop_assert!(characters(&within(problem, 60)) <= 60);
        }
    }
}
