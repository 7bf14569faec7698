//! What no command may say, a record of others might: amounts at the limits of their type are added up without wrapping or panic.

use vedtak::domain;
use vedtak::schema::v1::*;

/// A project whose books hold these amounts on each side, committed and used.
fn project(ores: &[i64]) -> Project {
    let certainties = [Certainty::Known, Certainty::Estimated, Certainty::Unknown].into_iter();
    let amounts = certainties.flat_map(|certainty| {
        ores.iter().map(move |ore| Amount {
            certainty: certainty.into(),
            ore: Some(*ore),
        })
    });
    let mut budget = Budget::default();
    for (number, amount) in amounts.enumerate() {
        let line_id = format!("line {number}");
        let line = Some(BudgetLine {
            post: "System".to_owned(),
            period: "2017".to_owned(),
            kind: BudgetKind::Investment.into(),
            including_vat: false,
            amount: Some(amount),
        });
        budget.cost_lines.push(CostLine {
            line_id: line_id.clone(),
            line: line.clone(),
            provenance: None,
        });
        budget.financing_lines.push(FinancingLine {
            line_id: format!("financing {number}"),
            line,
            source: Some(FinancingSource {
                kind: FinancingSourceKind::CarriedOver.into(),
                year: Some("2017".to_owned()),
                municipality: Some("Nordre Land".to_owned()),
            }),
            ..FinancingLine::default()
        });
        budget.stated_totals.push(StatedTotal {
            side: BudgetSide::Cost.into(),
            period: "2017".to_owned(),
            amount: Some(amount),
            provenance: None,
        });
        budget.commitments.push(Commitment {
            commitment_id: format!("commitment {number}"),
            line_id: line_id.clone(),
            amount: Some(amount),
            ..Commitment::default()
        });
        budget.actuals.push(Actual {
            actual_id: format!("actual {number}"),
            entry: Some(ActualEntry {
                line_id,
                ore: amount.ore,
                commitment_id: Some(format!("commitment {number}")),
                ..ActualEntry::default()
            }),
            ..Actual::default()
        });
    }
    Project {
        budget: Some(budget),
        ..Project::default()
    }
}

#[test]
fn amounts_at_the_limits_of_their_type_neither_wrap_nor_panic() {
    for (ores, limit) in [(&[i64::MAX; 3], i64::MAX), (&[i64::MIN; 3], i64::MIN)] {
        let project = project(ores);
        let reading = domain::budget_reading(&project);
        let stuck = Total {
            known_ore: limit,
            estimated_ore: Some(limit),
            unknown: 3,
        };
        assert_eq!((reading.cost, reading.financing), (Some(stuck), Some(stuck)));
        assert!(!domain::findings(&project, super::TODAY).is_empty());
    }
    let mixed = project(&[i64::MAX, i64::MIN, -1, 0, 1]);
    assert_eq!(domain::budget_reading(&mixed).cost.map(|total| total.unknown), Some(5));
    assert!(!domain::findings(&mixed, super::TODAY).is_empty());
}
