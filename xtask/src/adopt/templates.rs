//! The text of the files that adopting creates.

use super::steps::Step;

/// release/ci.toml: nothing has to be declared, so most of it is a comment.
pub(crate) fn ci(steps: &[Step]) -> String {
    let head = "\
# What `cargo xtask ci` does here, beside what it does in every Rust workspace: formatting, clippy, documentation,
# the lock file, the minimum supported Rust version, dependency policy, build, tests. `cargo xtask ci --list` shows
# all of it. A step of your own:
#
#   [steps.spelling]
#   command = [\"typos\"]     # the program and its arguments; no shell reads them
#   needs = [\"build\"]       # steps that must pass before
#   inputs = [\"docs/**\"]    # what it depends on; the whole tree where nothing is said
#   required = false        # a machine without the program passes it over, and says so
#
# A built-in step that does not apply here: remove = [\"doc\"]
";
    steps.iter().fold(head.to_owned(), |text, wanted| text + &step(wanted))
}

/// One step, with an empty line before it.
pub(crate) fn step(step: &Step) -> String {
    let mut text = String::from("\n");
    let before = if step.suggested { "# " } else { "" };
    let mut line = |line: String| {
        text.push_str(before);
        text.push_str(&line);
        text.push('\n');
    };
    if !step.comment.is_empty() {
        let mark = if step.suggested { "" } else { "# " };
        line(format!("{mark}{}", step.comment));
    }
    line(format!("[steps.{}]", step.id));
    line(format!("command = {}", list(&step.command)));
    if !step.job.is_empty() {
        line(format!("job = {}", word(&step.job)));
    }
    if !step.folder.is_empty() {
        line(format!("folder = {}", word(&step.folder)));
    }
    if !step.needs.is_empty() {
        line(format!("needs = {}", list(&step.needs)));
    }
    if step.network {
        line("network = true".to_owned());
    }
    if step.suggested {
        line("required = false".to_owned());
    }
    if let Some(lane) = &step.lane {
        line(format!("lane = {}", word(lane)));
    }
    if !step.set_environment.is_empty() {
        let pairs: Vec<_> =
            step.set_environment.iter().map(|(name, value)| format!("{name} = {}", word(value))).collect();
        line(format!("set_environment = {{ {} }}", pairs.join(", ")));
    }
    text
}

/// CHANGELOG.md.
pub(crate) const CHANGELOG: &str = "\
# Changelog

The format is [Keep a Changelog](https://keepachangelog.com/en/1.1.0/), versions follow [Semantic Versioning](https://semver.org/spec/v2.0.0.html).

## [Unreleased]
";

/// The text with these lines at its end; `None` when there are none.
pub(crate) fn gitignore(text: &str, lines: &[&str]) -> Option<String> {
    if lines.is_empty() {
        return None;
    }
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { end };
    let lines: String = lines.iter().map(|line| format!("{line}{end}")).collect();
    Some(format!("{text}{gap}{lines}"))
}

fn word(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

fn list(words: &[String]) -> String {
    format!("[{}]", words.iter().map(|text| word(text)).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_and_nothing_else_changes() {
        for (before, after) in [
            ("", "/target/\n/.xtask/\n"),
            ("a", "a\n/target/\n/.xtask/\n"),
            ("a\r\nb\r\n", "a\r\nb\r\n/target/\r\n/.xtask/\r\n"),
        ] {
            assert_eq!(gitignore(before, &["/target/", "/.xtask/"]).as_deref(), Some(after), "{before:?}");
        }
        assert_eq!(gitignore("a\n", &[]), None);
    }

    #[test]
    fn the_template_declares_nothing() {
        assert!(ci(&[]).lines().all(|line| line.starts_with('#')));
    }
}
