//! Amounts and their totals: a total says what is known, what is estimated and how much nobody knows, and loses none of it (E1, E13).

use super::super::Refusal;
use crate::schema::v1::{Amount, Certainty, Total};

impl Amount {
    /// Refuses an amount that says it is unknown and carries a figure, or that it is known or estimated and carries none; and a
    /// negative one. Zero is a figure (E13).
    pub(in crate::domain) fn check(&self, field: &str) -> Result<(), Refusal> {
        let unknown = self.certainty() == Certainty::Unknown;
        let refusal = match self.ore {
            Some(ore) if unknown => Refusal::invalid(
                &format!("{field}.ore"),
                "UNKNOWN_AMOUNT_WITH_FIGURE",
                format!("An unknown amount carries a figure, {}.", kroner(ore)),
            )
            .mend("Leave the figure out, or say that it is known or estimated."),
            Some(ore @ ..0) => Refusal::invalid(
                &format!("{field}.ore"),
                "AMOUNT_NEGATIVE",
                format!("The amount is negative, {}.", kroner(ore)),
            )
            .mend(
                "Give it without the sign; income is a financing line, and only a correction of an actual is negative.",
            ),
            None if !unknown => Refusal::invalid(
                &format!("{field}.ore"),
                "AMOUNT_WITHOUT_FIGURE",
                "A known or estimated amount carries no figure.",
            )
            .mend("Give the figure in whole øre, 0 when it costs nothing, or say that it is unknown."),
            _ => return Ok(()),
        };
        Err(Refusal {
            rule: Some("E1"),
            ..refusal
        })
    }

    /// In words: "60 000 kr", "60 000 kr estimated", "unknown".
    pub(in crate::domain) fn words(&self) -> String {
        match self.certainty() {
            Certainty::Unknown => "unknown".to_owned(),
            Certainty::Estimated => format!("{} estimated", kroner(self.ore())),
            Certainty::Known | Certainty::Unspecified => kroner(self.ore()),
        }
    }

    pub(in crate::domain) fn total(&self) -> Total {
        match self.certainty() {
            Certainty::Unknown => Total {
                unknown: 1,
                ..Total::default()
            },
            Certainty::Estimated => Total {
                estimated_ore: Some(self.ore()),
                ..Total::default()
            },
            Certainty::Known | Certainty::Unspecified => Total {
                known_ore: self.ore(),
                ..Total::default()
            },
        }
    }
}

impl Total {
    /// The sum of these amounts.
    pub(in crate::domain) fn of<'a>(amounts: impl IntoIterator<Item = &'a Amount>) -> Self {
        amounts
            .into_iter()
            .fold(Self::default(), |total, amount| total.plus(&amount.total()))
    }

    /// A known sum.
    pub(super) fn known(ore: i64) -> Self {
        Self {
            known_ore: ore,
            ..Self::default()
        }
    }

    pub(in crate::domain) fn plus(&self, other: &Self) -> Self {
        Self {
            known_ore: self.known_ore.saturating_add(other.known_ore),
            estimated_ore: either(self.estimated_ore, other.estimated_ore, i64::saturating_add),
            unknown: self.unknown.saturating_add(other.unknown),
        }
    }

    /// What is left of this when the other is taken from it. What is unknown on either side is unknown in what is left.
    pub(super) fn less(&self, other: &Self) -> Self {
        Self {
            known_ore: self.known_ore.saturating_sub(other.known_ore),
            estimated_ore: either(self.estimated_ore, other.estimated_ore, i64::saturating_sub),
            unknown: self.unknown.saturating_add(other.unknown),
        }
    }

    /// All that has a figure, in øre.
    pub(super) fn figure(&self) -> i64 {
        self.known_ore.saturating_add(self.estimated_ore())
    }

    /// In words: "1 000 000 kr known + 1 unknown", or just "2 960 000 kr" when everything is known.
    pub(super) fn words(&self) -> String {
        if self.estimated_ore.is_none() && self.unknown == 0 {
            return kroner(self.known_ore);
        }
        let mut words = format!("{} known", kroner(self.known_ore));
        if let Some(estimated) = self.estimated_ore {
            words += &format!(" + {} estimated", kroner(estimated));
        }
        if self.unknown != 0 {
            words += &format!(" + {} unknown", self.unknown);
        }
        words
    }
}

/// What two sums come to, when there is one on either side: a sum of nothing is none, and of zeros is zero.
fn either(one: Option<i64>, other: Option<i64>, both: fn(i64, i64) -> i64) -> Option<i64> {
    if one.is_none() && other.is_none() {
        return None;
    }
    Some(both(one.unwrap_or_default(), other.unwrap_or_default()))
}

/// An amount in øre as people write it: "3 060 000 kr", "-1 000,50 kr".
pub(in crate::domain) fn kroner(ore: i64) -> String {
    let (whole, rest) = (ore.unsigned_abs() / 100, ore.unsigned_abs() % 100);
    let digits = whole.to_string();
    let mut grouped = String::from(if ore < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    if rest > 0 {
        grouped += &format!(",{rest:02}");
    }
    grouped + " kr"
}
