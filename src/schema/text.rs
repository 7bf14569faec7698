//! Texts that identify something: what one reads in them is all that is in them.

use unicode_normalization::is_nfc;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// Whether a text may say who or what something is: in normal form C, without white space at its ends, without control, formatting,
/// invisible or bidirectional characters, and with something to be seen. Two such texts that look the same mostly are the same.
#[must_use]
pub fn is_identifying(text: &str) -> bool {
    let visible = |letter: char| {
        use GeneralCategoryGroup::{Letter, Number, Punctuation, Symbol};
        matches!(letter.general_category_group(), Letter | Number | Punctuation | Symbol)
    };
    is_nfc(text)
        && !text.starts_with(char::is_whitespace)
        && !text.ends_with(char::is_whitespace)
        && text.chars().all(may_identify)
        && text.chars().any(visible)
}

/// Whether a character may stand in such a text.
fn may_identify(letter: char) -> bool {
    use GeneralCategory::{
        Control, Format, LineSeparator, ParagraphSeparator, PrivateUse, SpaceSeparator, Surrogate, Unassigned,
    };
    match letter.general_category() {
        Control | Format | LineSeparator | ParagraphSeparator | PrivateUse | Surrogate | Unassigned => false,
        // All other blanks look like this one.
        SpaceSeparator => letter == ' ',
        _ => !is_blank(letter),
    }
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
