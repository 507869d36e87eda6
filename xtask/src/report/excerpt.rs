//! The output of a step, made safe and short enough to be shown.

use crate::terminal::printable;

/// The characters of one line that are shown; the log has the whole line.
pub(crate) const LINE_CHARACTERS_MAX: usize = 400;

/// The lines that are shown; the log has them all.
const LINES_MAX: usize = 120;

/// The last lines of an output: control characters shown, long lines cut, what was left out counted.
pub(crate) fn shortened(lines: &[String], line_characters_max: usize) -> Vec<String> {
    // A recording may hold several lines in one entry.
    let lines: Vec<&str> = lines.iter().flat_map(|line| line.split('\n')).collect();
    let left_out = lines.len().saturating_sub(LINES_MAX);
    let mut shown = Vec::new();
    if left_out > 0 {
        shown.push(format!("({left_out} earlier lines are in the log)"));
    }
    shown.extend(lines[left_out..].iter().map(|line| cut(line, line_characters_max)));
    shown
}

fn cut(line: &str, characters_max: usize) -> String {
    let line = line.strip_suffix('\r').unwrap_or(line);
    match line.char_indices().nth(characters_max) {
        None => printable(line),
        Some((end, _)) => {
            let more = line[end..].chars().count();
            format!("{} (and {more} more characters)", printable(&line[..end]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_and_counted() {
        let lines: Vec<String> = vec!["x".repeat(1 << 20), "a\0b\r\nc".into()];
        assert_eq!(
            shortened(&lines, 4),
            ["xxxx (and 1048572 more characters)", "a\\u{0}b", "c"].map(str::to_owned)
        );
        let lines = vec![String::new(); 200];
        assert_eq!(shortened(&lines, 4)[0], "(80 earlier lines are in the log)");
        assert_eq!(shortened(&lines, 4).len(), LINES_MAX + 1);
    }
}
