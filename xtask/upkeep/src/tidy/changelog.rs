//! `CHANGELOG.md` has the shape of Keep a Changelog 1.1.0: it is read by people, and cut into the notes of a release.

use semver::Version;

use super::config::Config;
use super::facts::Facts;
use nexus_xtask::failure::Finding;

const NAME: &str = "CHANGELOG.md";

/// The kinds of change, in the order of <https://keepachangelog.com/en/1.1.0/>.
const KINDS: &[&str] = &["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];

pub(super) fn check(_config: &Config, facts: &Facts) -> Vec<Finding> {
    match facts.file(NAME) {
        Some(file) => judge(&file.text),
        None => {
            vec![Finding::at(NAME, 0, "there is no changelog", "write one with an `## [Unreleased]` section")]
        }
    }
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    findings: Vec<Finding>,
    has_unreleased: bool,
    last: Option<Version>,
    kinds: Vec<String>,
    /// The heading that still waits for an entry, with its line.
    waiting: Option<(usize, String)>,
}

fn judge(text: &str) -> Vec<Finding> {
    let mut reading = Reading::default();
    if text.lines().next() != Some("# Changelog") {
        reading.found(1, "the first line is not `# Changelog`", "# Changelog");
    }
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        if let Some(title) = line.strip_prefix("## ") {
            reading.close();
            reading.version(line_number, title);
        } else if let Some(kind) = line.strip_prefix("### ") {
            if reading.kinds.is_empty() {
                // The section of a version is not empty when a kind of change follows.
                reading.waiting = None;
            }
            reading.close();
            reading.kind(line_number, kind);
        } else if line.starts_with("- ") {
            reading.waiting = None;
        }
    }
    reading.close();
    if !reading.has_unreleased {
        reading.found(0, "there is no `## [Unreleased]` section", "## [Unreleased]");
    }
    reading.findings
}

impl Reading {
    fn found(&mut self, line: usize, problem: impl Into<String>, next: impl Into<String>) {
        self.findings.push(Finding::at(NAME, line, problem, next));
    }

    fn close(&mut self) {
        if let Some((line, heading)) = self.waiting.take() {
            self.found(
                line,
                format!("`{heading}` has no entries"),
                "add a line that begins with `- `, or remove it",
            );
        }
    }

    fn version(&mut self, line: usize, title: &str) {
        self.kinds.clear();
        if title == "[Unreleased]" {
            if self.last.is_some() || self.has_unreleased {
                self.found(line, "`[Unreleased]` is not the first section", "move it to the top");
            }
            self.has_unreleased = true;
            return;
        }
        let Some((version, date)) = version_and_date(title) else {
            self.found(line, format!("`{title}` is no version with a date"), "## [1.2.3] - 2026-01-31");
            return;
        };
        if date.parse::<jiff::civil::Date>().is_err() {
            self.found(line, format!("`{date}` is no date"), format!("## [{version}] - 2026-01-31"));
        }
        if self.last.as_ref().is_some_and(|last| *last <= version) {
            self.found(line, format!("`{version}` is not older than the version above it"), "newest first");
        }
        self.waiting = Some((line, title.to_owned()));
        self.last = Some(version);
    }

    fn kind(&mut self, line: usize, kind: &str) {
        if !KINDS.contains(&kind) {
            self.found(
                line,
                format!("`{kind}` is no kind of change"),
                format!("one of {}", KINDS.join(", ")),
            );
        }
        if self.kinds.iter().any(|known| known == kind) {
            self.found(line, format!("`{kind}` is there twice"), "move the entries together");
        }
        self.kinds.push(kind.to_owned());
        self.waiting = Some((line, kind.to_owned()));
    }
}

fn version_and_date(title: &str) -> Option<(Version, &str)> {
    let (version, date) = title.strip_prefix('[')?.split_once("] - ")?;
    Some((version.parse().ok()?, date.strip_suffix(" [YANKED]").unwrap_or(date)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::findings;
    use super::*;

    #[test]
    fn a_wrong_shape_is_found_with_all_its_lines() {
        let text = "# Changes\n\n## [0.1.0] - 2026-02-30\n\n### Added\n\n### Improved\n\n- x\n\n\
                    ## [0.2.0] - 2026-01-31\n\n### Added\n\n- x\n\n### Added\n\n- y\n\n## Next\n";
        expect_test::expect![[r#"
            CHANGELOG.md: there is no `## [Unreleased]` section
              next: ## [Unreleased]
            CHANGELOG.md:1: the first line is not `# Changelog`
              next: # Changelog
            CHANGELOG.md:3: `2026-02-30` is no date
              next: ## [0.1.0] - 2026-01-31
            CHANGELOG.md:5: `Added` has no entries
              next: add a line that begins with `- `, or remove it
            CHANGELOG.md:7: `Improved` is no kind of change
              next: one of Added, Changed, Deprecated, Removed, Fixed, Security
            CHANGELOG.md:11: `0.2.0` is not older than the version above it
              next: newest first
            CHANGELOG.md:17: `Added` is there twice
              next: move the entries together
            CHANGELOG.md:21: `Next` is no version with a date
              next: ## [1.2.3] - 2026-01-31
        "#]]
        .assert_eq(&findings(check, "", &[(NAME, text)]));
    }

    #[test]
    fn the_right_shape_is_silent() {
        let text = "# Changelog\n\nThe format is known.\n\n## [Unreleased]\n\n## [0.2.0] - 2026-01-31 [YANKED]\n\n\
                    ### Fixed\n\n- x\n\n## [0.1.0] - 2026-01-01\n\n- The first.\n";
        assert_eq!(findings(check, "", &[(NAME, text)]), "");
    }
}
