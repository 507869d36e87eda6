//! A change of the baseline as lines, findings and data.

use std::collections::BTreeSet;

use crate::failure::Finding;

use super::facts::{Kind, Message};
use super::plan::{Change, Moved};

/// Messages that are shown for one lint of one package. Which of them are new nobody knows: lines move, numbers do not.
const MESSAGES_MAX: usize = 10;

/// What changed, one line each, and a sum.
pub(crate) fn lines(kind: Kind, change: &Change) -> Vec<String> {
    let line = |word: &str, moved: &Moved| {
        format!("{word:<6} {} {}  {} -> {}", moved.package, moved.lint, moved.before, moved.after)
    };
    let mut lines: Vec<_> = change.more.iter().map(|moved| line("more", moved)).collect();
    lines.extend(change.fewer.iter().map(|moved| line("fewer", moved)));
    lines.push(format!("{}: findings of the baseline that are still there: {}", kind.word(), change.kept));
    lines
}

/// One finding for each number that grew, with the messages.
pub(crate) fn more(change: &Change, messages: &BTreeSet<Message>) -> Vec<Finding> {
    change
        .more
        .iter()
        .map(|moved| {
            let said: Vec<_> = messages
                .iter()
                .filter(|message| message.package == moved.package && message.lint == moved.lint)
                .collect();
            let (file, line) = said.first().map_or(("", 0), |first| (first.file.as_str(), first.line));
            let shown: Vec<_> =
                said.iter().take(MESSAGES_MAX).map(|message| message.rendered.trim_end()).collect();
            let rest = said.len().saturating_sub(MESSAGES_MAX);
            let rest = if rest == 0 { String::new() } else { format!("\nand {rest} more") };
            let problem = format!(
                "`{}` has {} of {}, the baseline counts {}\n{}{rest}",
                moved.package,
                moved.after,
                moved.lint,
                moved.before,
                shown.join("\n")
            );
            let surplus = moved.after - moved.before;
            Finding::at(file, line, problem, format!("correct {surplus} of them"))
        })
        .collect()
}

/// The change as data.
pub(crate) fn json(kind: Kind, change: &Change) -> serde_json::Value {
    let moved = |all: &[Moved]| -> Vec<_> {
        all.iter()
            .map(|moved| {
                serde_json::json!({
                    "package": moved.package, "lint": moved.lint, "before": moved.before, "after": moved.after,
                })
            })
            .collect()
    };
    serde_json::json!({
        "kind": kind.word(), "more": moved(&change.more), "fewer": moved(&change.fewer), "kept": change.kept,
    })
}
