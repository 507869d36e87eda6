//! Pieces that pages are made of.

use std::time::Duration;

use jiff::Timestamp;
use maud::{Markup, html};

use nexus_xtask::clock::{ago, spoken};
use nexus_xtask::terminal::printable;

use super::Frame;
use crate::observe::portal::index::ask::Cursor;

/// How a word is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Careful,
    Quiet,
}

impl Tone {
    pub(super) fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Bad => "bad",
            Tone::Careful => "careful",
            Tone::Quiet => "quiet",
        }
    }

    /// The tone of a word that the toolkit writes. One it does not know asks for attention: unknown is no pass.
    pub(super) fn of(word: &str) -> Tone {
        match word.to_ascii_lowercase().as_str() {
            "passed" | "proven" | "succeeded" | "already" | "up" | "operated" | "success" => Tone::Good,
            "failed" | "killed" | "timed out" | "broken" | "down" | "rolledback" | "unreadable"
            | "aborted" => Tone::Bad,
            "skipped" | "not run" | "planned" | "nothing to do" | "built" | "tested" | "deployed"
            | "busy" | "outdated" => Tone::Quiet,
            _ => Tone::Careful,
        }
    }
}

/// A text without what could steer anything: colours of tools, control characters, and marks that turn the direction of
/// writing round, by which a text can look like another one.
pub(crate) fn plain(text: &str) -> String {
    let turns = |letter: char| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    printable(text).chars().map(|letter| if turns(letter) { '\u{fffd}' } else { letter }).collect()
}

/// The beginning of a text, where the whole of it would fill the page.
pub(super) fn short(text: &str, letters: usize) -> String {
    let text = plain(text);
    if text.chars().count() <= letters {
        return text;
    }
    text.chars().take(letters.saturating_sub(1)).chain(['…']).collect()
}

/// A word with its tone.
pub(super) fn badge(word: &str) -> Markup {
    toned(Tone::of(word), &spaced(word))
}

/// Any text with a tone.
pub(super) fn toned(tone: Tone, text: &str) -> Markup {
    html! { span.badge.(tone.class()) { (short(text, 60)) } }
}

/// `RolledBack` and `rolled_back` as people say it.
fn spaced(word: &str) -> String {
    let mut text = String::new();
    for (place, letter) in word.chars().enumerate() {
        match letter {
            '_' => text.push(' '),
            _ if letter.is_uppercase() && place > 0 => text.extend([' ', letter.to_ascii_lowercase()]),
            _ => text.extend(letter.to_lowercase()),
        }
    }
    text
}

/// A moment, and how long ago it was.
pub(super) fn when(at: Timestamp, now: Timestamp) -> Markup {
    let seconds = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let minute = at.strftime("%Y-%m-%d %H:%M").to_string();
    html! { span.when { time datetime=(seconds) { (minute) } " " span.age { (age(at, now)) } } }
}

/// How long ago something was, in minutes at the least, so that a page is the same for a minute.
pub(super) fn age(at: Timestamp, now: Timestamp) -> String {
    match now.as_second() - at.as_second() {
        ..60 => "just now".to_owned(),
        _ => ago(at, now),
    }
}

/// A duration.
pub(super) fn took(milliseconds: u64) -> String {
    spoken(Duration::from_millis(milliseconds))
}

/// `1 event`, `2 events`, `1 234 567 events`.
pub(super) fn count(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", grouped(number), if number == 1 { "" } else { "s" })
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A commit, as people read it.
pub(super) fn commit(hash: &str) -> Markup {
    html! { @if hash.is_empty() { span.age { "none" } } @else { code.whole { (plain(&hash.chars().take(10).collect::<String>())) } } }
}

/// What a page says where there is nothing.
pub(super) fn nothing(what: &str, next: &str) -> Markup {
    html! { p.nothing { (what) @if !next.is_empty() { " " code { (next) } } } }
}

/// A table that can be scrolled sideways where it is too wide.
pub(super) fn table(caption: &str, columns: &[&str], rows: &[Vec<Markup>]) -> Markup {
    html! {
        div.scroll role="region" aria-label=(caption) tabindex="0" {
            table {
                caption { (caption) }
                thead { tr { @for column in columns { th scope="col" { (column) } } } }
                tbody { @for row in rows { tr {
                    @for (place, cell) in row.iter().enumerate() {
                        @if place == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                    }
                } } }
            }
        }
    }
}

/// The way to older entries; as files there are none.
pub(super) fn older(frame: Frame<'_>, cursor: Option<&Cursor>) -> Markup {
    html! { @if let Some(cursor) = cursor {
        @if frame.is_served() {
            p { a href={ "?before=" (encoded(&cursor.text())) } rel="next" { "Older" } }
        } @else {
            p.nothing { "What is older is in the journal, and on the served pages." }
        }
    } }
}

/// A text as it may stand behind `=` in an address.
pub(super) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// One figure with its name, to be seen first.
pub(super) fn tile(name: &str, figure: &Markup, more: &Markup, href: &str) -> Markup {
    html! { li.tile { h2 { a href=(href) { (name) } } p.figure { (figure) } p.more { (more) } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_steers_nothing() {
        for (text, expected) in [
            ("plain", "plain"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("a\u{202e}b", "a\u{fffd}b"),
            ("bell\u{7}", "bell\\u{7}"),
        ] {
            assert_eq!(plain(text), expected);
        }
        assert_eq!(short("0123456789", 5), "0123…");
    }

    /// What is not known is no pass.
    #[test]
    fn a_word_that_nobody_knows_asks_for_attention() {
        for (word, tone) in [
            ("passed", Tone::Good),
            ("Succeeded", Tone::Good),
            ("RolledBack", Tone::Bad),
            ("down", Tone::Bad),
            ("skipped", Tone::Quiet),
            ("unknown", Tone::Careful),
            ("stale", Tone::Careful),
            ("flaky", Tone::Careful),
            ("splendid", Tone::Careful),
            ("", Tone::Careful),
        ] {
            assert_eq!(Tone::of(word), tone, "{word}");
        }
    }

    #[test]
    fn words_figures_and_ages_read_as_people_say_them() {
        assert_eq!((spaced("RolledBack"), spaced("lock_lost")), ("rolled back".into(), "lock lost".into()));
        assert_eq!(count(1, "event"), "1 event");
        assert_eq!(count(1_234_567, "event"), "1\u{202f}234\u{202f}567 events");
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!((age(at(0), at(59)), age(at(0), at(60))), ("just now".into(), "1 minute ago".into()));
        assert_eq!(age(at(60), at(0)), "just now");
        assert_eq!(encoded("1.2.w é"), "1.2.w%20%C3%A9");
    }
}
