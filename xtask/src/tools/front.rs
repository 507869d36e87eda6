//! The toolkit itself as a pinned tool: an adopter's `release/tools.toml` says which version works on the repository.

use crate::doors::Doors;
use crate::failure::{Failure, Result};
use crate::shell::Command;

use super::config::{self, FILE, Front};

/// The version of the toolkit that runs now.
pub(crate) const RUNNING: &str = env!("CARGO_PKG_VERSION");

/// Refuses to go on with another version of the toolkit than the pinned one, and says how to get that.
///
/// Where nothing is pinned (a repository that builds the toolkit itself, or has not adopted it) any version works.
pub(crate) fn check(doors: &Doors) -> Result<()> {
    match config::load(&doors.workspace)?.xtask {
        Some(front) => compare(&front, RUNNING),
        None => Ok(()),
    }
}

fn compare(pinned: &Front, running: &str) -> Result<()> {
    if pinned.version == running {
        return Ok(());
    }
    Err(Failure::refused(format!(
        "this is version {running} of the toolkit, and {} is pinned",
        pinned.version
    ))
    .why(format!("{FILE} pins the version, so that a laptop and CI do the same work"))
    .why("`cargo xtask adopt` of the newer version moves the pin")
    .next(install_command(pinned).to_string()))
}

/// What installs the pinned version.
pub(crate) fn install_command(pinned: &Front) -> Command {
    let source = &pinned.source;
    let mut arguments = vec!["install".to_owned(), "--locked".to_owned()];
    match (&source.path, &source.git, &source.rev) {
        (Some(path), _, _) => arguments.extend(["--path".to_owned(), path.clone()]),
        (None, Some(url), Some(rev)) => {
            let words = ["--git", url, "--rev", rev, "nexus-xtask"];
            arguments.extend(words.map(str::to_owned));
        }
        (None, _, _) => arguments.push(format!("nexus-xtask@={}", pinned.version)),
    }
    Command::new("cargo", arguments)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(file: &str, running: &str, expected: Expect) {
        let front = config::parse(file).unwrap().xtask.unwrap();
        let shown = match compare(&front, running) {
            Ok(()) => "the pinned one\n".to_owned(),
            Err(failure) => format!("exit {}\n{failure}\n", failure.exit.code()),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn the_pinned_version_goes_on() {
        check(
            "[xtask]\nversion = \"0.1.0\"\n",
            "0.1.0",
            expect![[r#"
            the pinned one
        "#]],
        );
    }

    #[test]
    fn another_version_is_refused_with_the_command_that_installs_the_pinned_one() {
        check(
            "[xtask]\nversion = \"0.1.0\"\n",
            "0.2.0",
            expect![[r#"
            exit 3
            error: this is version 0.2.0 of the toolkit, and 0.1.0 is pinned
              why:  release/tools.toml pins the version, so that a laptop and CI do the same work
              why:  `cargo xtask adopt` of the newer version moves the pin
              next: cargo install --locked nexus-xtask@=0.1.0
        "#]],
        );
        check(
            "[xtask]\nversion = \"0.1.0\"\nsource = { git = \"https://example.org/x.git\", rev = \"abc\" }\n",
            "0.2.0",
            expect![[r#"
                exit 3
                error: this is version 0.2.0 of the toolkit, and 0.1.0 is pinned
                  why:  release/tools.toml pins the version, so that a laptop and CI do the same work
                  why:  `cargo xtask adopt` of the newer version moves the pin
                  next: cargo install --locked --git https://example.org/x.git --rev abc nexus-xtask
            "#]],
        );
        check(
            "[xtask]\nversion = \"0.1.0\"\nsource = { path = \"../my tools\" }\n",
            "0.0.9",
            expect![[r#"
            exit 3
            error: this is version 0.0.9 of the toolkit, and 0.1.0 is pinned
              why:  release/tools.toml pins the version, so that a laptop and CI do the same work
              why:  `cargo xtask adopt` of the newer version moves the pin
              next: cargo install --locked --path '../my tools'
        "#]],
        );
    }
}
