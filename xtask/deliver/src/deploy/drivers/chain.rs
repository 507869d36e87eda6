//! Whether a target's journal is whole: each line holds the digest of the one before. Pure.

use nexus_xtask::digest::Digest;

use crate::deploy::contract::Line;

/// The first place where the chain does not hold, in words; `None` when it holds from the first line to the last.
pub fn broken(lines: &[Line]) -> Option<String> {
    let mut before = "0".repeat(64);
    for (line, seq) in lines.iter().zip(1..) {
        if line.seq != seq {
            return Some(format!("line {seq} says that it is line {}", line.seq));
        }
        if line.prev != before {
            return Some(format!("line {seq} does not follow the line before it"));
        }
        // The script writes the fields in the order in which they are declared, so these are the same bytes.
        before = Digest::of(serde_json::to_string(line).expect("a line is JSON")).to_string();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::contract::Fence;

    fn chain(steps: &[&str]) -> Vec<Line> {
        let mut before = "0".repeat(64);
        let lines = steps.iter().zip(1..).map(|(step, seq)| {
            let line = Line {
                seq,
                prev: before.clone(),
                deployment: "d1".into(),
                fence: Fence(1),
                step: (*step).to_owned(),
                phase: "done".into(),
                subject: "0.4.0-0123456789ab".into(),
                at_seconds: 1_800_000_000,
                labels: Default::default(),
            };
            before = Digest::of(serde_json::to_string(&line).unwrap()).to_string();
            line
        });
        lines.collect()
    }

    #[test]
    fn a_line_that_was_changed_or_taken_out_is_found() {
        let whole = chain(&["stage", "arm", "start", "switch"]);
        assert_eq!(broken(&whole), None);

        let mut changed = whole.clone();
        changed[1].subject = "0.3.9-ba9876543210".into();
        assert_eq!(broken(&changed).unwrap(), "line 3 does not follow the line before it");

        let mut shorter = whole;
        shorter.remove(2);
        assert_eq!(broken(&shorter).unwrap(), "line 3 says that it is line 4");
    }
}
