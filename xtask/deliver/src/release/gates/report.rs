//! The answers of all gates, as a person reads them.

use crate::release::gates::Asked;
use nexus_xtask::terminal::printable;

/// A line for each fact, under the gate that it belongs to. What strangers wrote is shown without steering the terminal.
pub(crate) fn table(asked: &[Asked]) -> String {
    let width = asked.iter().map(|asked| asked.gate.len()).max().unwrap_or(0).max(4);
    let mut lines = Vec::new();
    for asked in asked {
        let mut facts = asked.evidence.iter().map(|fact| printable(fact));
        let first = facts.next().unwrap_or_default();
        lines.push(format!("{:width$}  {:7}  {first}", asked.gate, asked.verdict.word()));
        lines.extend(facts.map(|fact| format!("{:width$}  {:7}  {fact}", "", "")));
        if !asked.next.is_empty() {
            lines.push(format!("{:width$}  {:7}  next: {}", "", "", printable(&asked.next)));
        }
    }
    let open = asked.iter().filter(|asked| !asked.stops() && !asked.waits).count();
    let waits = asked.iter().filter(|asked| asked.waits).count();
    let later = if waits == 0 { String::new() } else { format!(", {waits} asked again when it is staged") };
    lines.push(format!("{open} of {} gates are open{later}", asked.len()));
    lines.join("\n")
}
