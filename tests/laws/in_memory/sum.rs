//! Money added up a second time: exactly, in more room than it needs, and with every unknown amount counted.

use vedtak::schema::v1::*;

/// What some amounts come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub known: i128,
    pub estimated: i128,
    pub unknown: i128,
}

impl Sum {
    pub fn of<'a>(amounts: impl IntoIterator<Item = &'a Amount>) -> Self {
        let mut sum = Self::default();
        for amount in amounts {
            match amount.certainty() {
                Certainty::Known => sum.known += i128::from(amount.ore()),
                Certainty::Estimated => sum.estimated += i128::from(amount.ore()),
                Certainty::Unknown => sum.unknown += 1,
                Certainty::Unspecified => panic!("every amount says how sure it is"),
            }
        }
        sum
    }

    pub fn known(ore: i128) -> Self {
        Self {
            known: ore,
            ..Self::default()
        }
    }

    pub fn plus(self, other: Self) -> Self {
        Self {
            known: self.known + other.known,
            estimated: self.estimated + other.estimated,
            unknown: self.unknown + other.unknown,
        }
    }

    /// What is left when the other is taken away: what nobody knows on either side, nobody knows of the rest.
    pub fn less(self, other: Self) -> Self {
        Self {
            known: self.known - other.known,
            estimated: self.estimated - other.estimated,
            unknown: self.unknown + other.unknown,
        }
    }

    pub fn figure(self) -> i128 {
        self.known + self.estimated
    }
}

impl std::iter::Sum for Sum {
    fn sum<I: Iterator<Item = Self>>(sums: I) -> Self {
        sums.fold(Self::default(), Self::plus)
    }
}

/// Holds totals against sums, and counts them.
#[derive(Default)]
pub struct Checked(pub usize);

impl Checked {
    #[track_caller]
    pub fn same(&mut self, total: Option<Total>, sum: Sum, what: &str) {
        let total = total.unwrap_or_else(|| panic!("{what}: there is no total"));
        let said = Sum {
            known: total.known_ore.into(),
            estimated: total.estimated_ore().into(),
            unknown: total.unknown.into(),
        };
        assert_eq!(said, sum, "{what}");
        self.0 += 1;
    }
}
