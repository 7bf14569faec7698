//! Proves the rules of budget and financing: E1–E5 in `lines`, E6–E8 in `money`; the commands that both send are made here.

mod lines;
mod money;

use vedtak::schema::v1::*;

use super::scenario::{PROJECT, Scenario, id};

pub fn known(kroner: i64) -> Option<Amount> {
    Some(Amount {
        certainty: Certainty::Known.into(),
        ore: Some(kroner * 100),
    })
}

fn estimated(kroner: i64) -> Option<Amount> {
    Some(Amount {
        certainty: Certainty::Estimated.into(),
        ore: Some(kroner * 100),
    })
}

fn unknown() -> Option<Amount> {
    Some(Amount {
        certainty: Certainty::Unknown.into(),
        ore: None,
    })
}

fn line(period: &str, post: &str, amount: Option<Amount>) -> BudgetLine {
    BudgetLine {
        post: post.to_owned(),
        period: period.to_owned(),
        kind: BudgetKind::Operating.into(),
        including_vat: false,
        amount,
    }
}

/// A cost line, so that other concepts can have a budget.
pub fn cost(number: u32, period: &str, amount: Option<Amount>) -> SetCostLine {
    let line = Some(line(period, "Courses", amount));
    SetCostLine {
        project_id: PROJECT.to_owned(),
        line_id: id(number),
        line,
        ..Default::default()
    }
}

fn source(kind: FinancingSourceKind, year: Option<&str>, municipality: Option<&str>) -> Option<FinancingSource> {
    Some(FinancingSource {
        kind: kind.into(),
        year: year.map(str::to_owned),
        municipality: municipality.map(str::to_owned),
    })
}

fn financing(number: u32, period: &str, amount: Option<Amount>) -> SetFinancingLine {
    SetFinancingLine {
        project_id: PROJECT.to_owned(),
        line_id: id(number),
        line: Some(line(period, "Operating, digitalisation", amount)),
        source: source(FinancingSourceKind::OwnBudget, Some("2017"), None),
        ..Default::default()
    }
}

fn from(source: Option<FinancingSource>, command: SetFinancingLine) -> SetFinancingLine {
    SetFinancingLine { source, ..command }
}

fn of_kind(kind: BudgetKind, command: SetFinancingLine) -> SetFinancingLine {
    SetFinancingLine {
        line: command.line.map(|line| BudgetLine {
            kind: kind.into(),
            ..line
        }),
        ..command
    }
}

fn state_total(side: BudgetSide, period: &str, amount: Option<Amount>) -> StateTotal {
    StateTotal {
        project_id: PROJECT.to_owned(),
        side: side.into(),
        period: period.to_owned(),
        amount,
        ..Default::default()
    }
}

fn remove(number: u32) -> RemoveLine {
    RemoveLine {
        project_id: PROJECT.to_owned(),
        line_id: id(number),
        ..Default::default()
    }
}

fn commitment(number: u32, line: u32, amount: Option<Amount>) -> RecordCommitment {
    RecordCommitment {
        project_id: PROJECT.to_owned(),
        commitment_id: id(number),
        line_id: id(line),
        amount,
        description: "Course in archiving".to_owned(),
        ..Default::default()
    }
}

fn actual(number: u32, line: u32, kroner: i64) -> RecordActual {
    let entry = ActualEntry {
        line_id: id(line),
        ore: Some(kroner * 100),
        description: "Voucher 17".to_owned(),
        ..Default::default()
    };
    RecordActual {
        project_id: PROJECT.to_owned(),
        actual_id: id(number),
        entry: Some(entry),
        ..Default::default()
    }
}

fn correcting(corrected: u32, command: RecordActual) -> RecordActual {
    let entry = command.entry.map(|entry| ActualEntry {
        corrects_actual_id: Some(id(corrected)),
        ..entry
    });
    RecordActual { entry, ..command }
}

fn paying(commitment: u32, command: RecordActual) -> RecordActual {
    let entry = command.entry.map(|entry| ActualEntry {
        commitment_id: Some(id(commitment)),
        ..entry
    });
    RecordActual { entry, ..command }
}

fn carry_over(number: u32, kroner: i64) -> CarryOverFunds {
    CarryOverFunds {
        project_id: PROJECT.to_owned(),
        line_id: id(number),
        post: "Investment budget".to_owned(),
        kind: BudgetKind::Investment.into(),
        from_year: "2017".to_owned(),
        to_year: "2018".to_owned(),
        amount: known(kroner),
        ..Default::default()
    }
}

/// An approval; the authority must be given beside it.
pub fn approve() -> ApproveBudget {
    ApproveBudget {
        project_id: PROJECT.to_owned(),
        ..Default::default()
    }
}

fn total(known: i64, estimated: i64, unknown: i32) -> Option<Total> {
    Some(Total {
        known_ore: known * 100,
        estimated_ore: (estimated != 0).then_some(estimated * 100),
        unknown,
    })
}

fn sentences(scenario: &Scenario, code: &str) -> Vec<String> {
    scenario
        .findings()
        .into_iter()
        .filter(|finding| finding.code == code)
        .map(|finding| finding.description)
        .collect()
}
