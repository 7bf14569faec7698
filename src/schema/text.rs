//! What a text of a request must be (X9): one that identifies holds what one reads in it and nothing else; a free one is in one normal form.

use std::ops::RangeInclusive;

use unicode_normalization::{UnicodeNormalization, is_nfc};
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use super::v1::*;

/// Why a text is refused, and what would mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextFault {
    /// There is nothing in it to be read.
    #[error("Must hold something that is seen. Give a letter, a digit or a sign.")]
    NothingSeen,
    /// What looks the same is another text.
    #[error("Must not begin or end with white space. Leave it out.")]
    SpaceAtEnd,
    /// A line break, or a blank of another width.
    #[error("Must not hold the character U+{:04X}. Write an ordinary space, on one line.", u32::from(*.0))]
    OtherSpace(char),
    /// What is not seen, or not by everybody as the same.
    #[error("Must not hold the character U+{:04X}, which is not seen or is seen differently elsewhere. Leave it out.", u32::from(*.0))]
    NotSeen(char),
    /// The same letters can be written in several ways.
    #[error(
        "Must be in Unicode normal form C (NFC). Send a letter and its mark as the one character that there is for both."
    )]
    NotNormal,
    /// It makes people read the text after it in another order than machines.
    #[error("Must not hold the character U+{:04X}, which turns the direction of the text. Leave it out.", u32::from(*.0))]
    TurnsDirection(char),
    /// PostgreSQL cannot keep it.
    #[error("Must not hold the character U+0000. Leave it out.")]
    Null,
}

impl TextFault {
    /// What keeps this text from saying who or what something is, if anything does. Two that have no fault and look the same mostly are
    /// the same.
    #[must_use]
    pub fn of_identifying(text: &str) -> Option<Self> {
        let seen = |letter: char| {
            use GeneralCategoryGroup::{Letter, Number, Punctuation, Symbol};
            let group = letter.general_category_group();
            matches!(group, Letter | Number | Punctuation | Symbol) && !is_blank(letter)
        };
        if !text.chars().any(seen) {
            return Some(Self::NothingSeen);
        }
        if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
            return Some(Self::SpaceAtEnd);
        }
        match text.chars().find(|letter| !may_identify(*letter)) {
            Some('\0') => Some(Self::Null),
            Some(letter) if letter.is_whitespace() => Some(Self::OtherSpace(letter)),
            Some(letter) => Some(Self::NotSeen(letter)),
            None if !is_nfc(text) => Some(Self::NotNormal),
            None => None,
        }
    }

    /// What keeps a free text from being recorded, if anything does.
    #[must_use]
    pub fn of_free(text: &str) -> Option<Self> {
        text.chars().find_map(|letter| match letter {
            '\0' => Some(Self::Null),
            letter if turns_direction(letter) => Some(Self::TurnsDirection(letter)),
            _ => None,
        })
    }
}

/// Whether a text may say who or what something is.
#[must_use]
pub fn is_identifying(text: &str) -> bool {
    TextFault::of_identifying(text).is_none()
}

/// The characters that a text of this kind cannot hold, in ranges that rise. Those that Unicode may still give a meaning are not among
/// them, nor those beyond U+FFFF, for which not every reader of regular expressions has a word.
#[must_use]
pub fn refused(kind: TextKind) -> Vec<RangeInclusive<char>> {
    let is_refused = |letter: char| match kind {
        TextKind::Identifying => !may_identify(letter) && letter.general_category() != GeneralCategory::Unassigned,
        TextKind::Free | TextKind::Unspecified => letter == '\0' || turns_direction(letter),
    };
    let mut ranges: Vec<RangeInclusive<char>> = Vec::new();
    for letter in ('\0'..='\u{ffff}').filter(|letter| is_refused(*letter)) {
        match ranges.last_mut() {
            Some(range) if u32::from(*range.end()) + 1 == u32::from(letter) => *range = *range.start()..=letter,
            _ => ranges.push(letter..=letter),
        }
    }
    ranges
}

/// The same letters for everybody who writes a text with other capitals, in another normal form, or with characters that are not seen.
pub fn folded(text: &str) -> impl Iterator<Item = char> {
    let inner = text.trim_matches(|letter: char| letter.is_whitespace() || !may_identify(letter));
    let seen = inner.chars().filter_map(|letter| match letter {
        letter if letter.is_whitespace() => Some(' '),
        letter => may_identify(letter).then_some(letter),
    });
    // Capitals first: some letters are alike only there, such as the two small sigmas. Again normal, since a capital may be two letters.
    let alike = seen.nfc().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    alike.nfc()
}

/// A message whose free texts are brought to one normal form before anything is made of it.
pub trait BringToNfc {
    /// Does that.
    fn bring_to_nfc(&mut self);
}

impl BringToNfc for String {
    fn bring_to_nfc(&mut self) {
        // Most texts are in that form already.
        if !self.is_ascii() && !is_nfc(self) {
            *self = self.nfc().collect();
        }
    }
}

/// Whether a character may stand in a text that identifies.
fn may_identify(letter: char) -> bool {
    use GeneralCategory::{
        Control, Format, LineSeparator, ParagraphSeparator, PrivateUse, SpaceSeparator, Surrogate, Unassigned,
    };
    // What nearly all of them are made of.
    if matches!(letter, ' '..='~') {
        return true;
    }
    match letter.general_category() {
        // The other blanks look like the ordinary one.
        Control | Format | LineSeparator | ParagraphSeparator | PrivateUse | SpaceSeparator | Surrogate
        | Unassigned => false,
        _ => !is_blank(letter),
    }
}

/// The embeddings, overrides and isolates of the bidirectional algorithm, and their ends.
const fn turns_direction(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The letters, marks and symbols that Unicode has nothing drawn for: its Default_Ignorable_Code_Points that are not formatting
/// characters, and the empty pattern of braille.
const fn is_blank(letter: char) -> bool {
    matches!(
        letter,
        '\u{34f}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

include!(concat!(env!("OUT_DIR"), "/texts.rs"));
