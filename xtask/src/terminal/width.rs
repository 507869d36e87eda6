//! How many columns text takes on a terminal, so that a line can be cut before it wraps.
//!
//! The ranges are the wide and the combining ones of Unicode's East Asian Width and general categories, rounded up to
//! whole blocks: a line that is cut a little early is fine, one that wraps is not.

/// Characters that take no column of their own: combining marks, joiners, variation selectors.
const NONE: &[std::ops::RangeInclusive<u32>] = &[
    0x0300..=0x036f,
    0x1ab0..=0x1aff,
    0x1dc0..=0x1dff,
    0x200b..=0x200f,
    0x202a..=0x202e,
    0x2060..=0x2069,
    0x20d0..=0x20ff,
    0xfe00..=0xfe0f,
    0xfe20..=0xfe2f,
    0xfeff..=0xfeff,
    0xe0000..=0xe0fff,
];

/// Characters that take two columns: the scripts of East Asia, full-width forms, pictures.
const TWO: &[std::ops::RangeInclusive<u32>] = &[
    0x1100..=0x115f,
    0x231a..=0x231b,
    0x23e9..=0x23fa,
    0x25fd..=0x25fe,
    0x2600..=0x27bf,
    0x2b00..=0x2bff,
    0x2e80..=0xa4cf,
    0xa960..=0xa97f,
    0xac00..=0xd7ff,
    0xf900..=0xfaff,
    0xfe30..=0xfe6f,
    0xff00..=0xff60,
    0xffe0..=0xffe6,
    0x16fe0..=0x18cff,
    0x1aff0..=0x1b2ff,
    0x1f000..=0x1faff,
    0x20000..=0x3ffff,
];

/// The columns that a text takes. Control characters take none; make them visible with `printable` first.
pub fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// The text, cut to at most `limit` columns; where something was cut off, it ends in `..`.
pub fn cut(text: &str, limit: usize) -> String {
    if columns(text) <= limit {
        return text.to_owned();
    }
    let dots = limit.min(2);
    let mut used = dots;
    let fits = text.chars().take_while(|character| {
        used += columns_of(*character);
        used <= limit
    });
    fits.chain(std::iter::repeat_n('.', dots)).collect()
}

fn columns_of(character: char) -> usize {
    let code = u32::from(character);
    if character.is_control() || NONE.iter().any(|range| range.contains(&code)) {
        0
    } else if TWO.iter().any(|range| range.contains(&code)) {
        2
    } else {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_of_a_terminal() {
        for (text, expected) in [("", 0), ("plain", 5), ("é", 1), ("e\u{301}", 1), ("検査", 4), ("🦀x", 3)]
        {
            assert_eq!(columns(text), expected, "{text}");
        }
    }

    #[test]
    fn a_cut_says_so_and_fits() {
        for (text, limit, expected) in [
            ("clippy", 6, "clippy"),
            ("clippy", 5, "cli.."),
            ("検査検査", 7, "検査.."),
            ("検査検査", 5, "検.."),
            ("clippy", 1, "."),
            ("clippy", 0, ""),
        ] {
            assert_eq!(cut(text, limit), expected, "{text} {limit}");
            assert!(columns(expected) <= limit);
        }
    }
}
