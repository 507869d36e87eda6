//! A `run` is one call of `cargo xtask`, or a line of the declared bootstrap: what stands in YAML nobody can run on
//! a laptop.

use super::Context;
use crate::failure::Finding;
use crate::workflows::document::Document;

pub(super) fn check(document: &Document, context: &Context) -> Vec<Finding> {
    let runs = document.steps().into_iter().filter_map(|step| step.entry("run"));
    runs.filter(|entry| {
        let line = entry.node.text().unwrap_or_default().trim_end();
        !context.bootstrap.contains(&line) && !is_call(line)
    })
    .map(|entry| {
        Finding::at(
            &document.file,
            entry.line,
            "a `run` is neither one call of `cargo xtask` nor part of the bootstrap",
            "move the command into a step in release/ci.toml, then run `cargo xtask workflows --write`",
        )
    })
    .collect()
}

/// True for one call of `cargo xtask` with plain words and quoted variables, and nothing that a shell would do more.
pub(super) fn is_call(line: &str) -> bool {
    let call = line.strip_prefix("exec ").unwrap_or(line);
    let Some(arguments) = call.strip_prefix("cargo xtask ") else { return false };
    arguments.split(' ').all(|word| is_plain(word) || is_variable(word))
}

fn is_plain(word: &str) -> bool {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./=:@,+".contains(character);
    !word.is_empty() && word.chars().all(plain)
}

fn is_variable(word: &str) -> bool {
    let name = word.strip_prefix("\"$").and_then(|rest| rest.strip_suffix('"'));
    name.is_some_and(|name| {
        !name.is_empty()
            && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::case;
    use super::is_call;

    #[test]
    fn a_call_is_one_call() {
        for (line, expected) in [
            ("cargo xtask ci", true),
            ("exec cargo xtask ci --job \"$JOB\" --shard \"$SHARD\"", true),
            ("cargo xtask ci --job $JOB", false),
            ("cargo xtask ci; rm -rf .", false),
            ("cargo xtask ci && true", false),
            ("cargo xtask ci || true", false),
            ("cargo xtask ci\ncargo test", false),
            ("cargo xtask $(whoami)", false),
            ("cargo xtask ci > log", false),
            ("cargo xtask", false),
            ("cargo test", false),
        ] {
            assert_eq!(is_call(line), expected, "{line}");
        }
    }

    #[test]
    fn a_raw_script_is_refused_with_its_line() {
        case::check(
            super::check,
            "jobs:
  a:
    steps:
      - run: exec cargo xtask ci
      - run: cargo test
      - run: rustup show active-toolchain || rustup toolchain install
",
            expect![[r#"
                .github/workflows/xtask-ci.yml:6: a `run` is neither one call of `cargo xtask` nor part of the bootstrap
                  next: move the command into a step in release/ci.toml, then run `cargo xtask workflows --write`
            "#]],
        );
    }

    #[test]
    fn what_is_generated_passes() {
        case::passes_on_what_is_generated(super::check);
    }
}
