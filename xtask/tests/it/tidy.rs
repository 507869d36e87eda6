//! The house rules, the documents made from the code, completions and manual pages: real commands in a real repository.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test stands outside of the doors")]

use std::path::{Path, PathBuf};
use std::process::Command;

use expect_test::{Expect, expect};
use nexus_xtask::files;

/// A repository with one commit, in a temporary folder.
struct House(PathBuf);

impl House {
    fn new(name: &str) -> House {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tidy-{name}-{}", std::process::id()));
        files::remove_folder(&path).unwrap();
        let house = House(path);
        house.write("Cargo.toml", "[workspace]\n");
        house.write("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n");
        house.git(&["init", "--quiet", "--initial-branch", "main"]);
        house.commit("ci: begin");
        house
    }

    fn write(&self, path: &str, text: &str) {
        files::write(&self.0.join(path), text).unwrap();
    }

    fn git(&self, arguments: &[&str]) {
        let status = self.command("git").args(arguments).status().unwrap();
        assert!(status.success(), "git {arguments:?}");
    }

    fn commit(&self, subject: &str) {
        self.git(&["add", "--all"]);
        let person = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"];
        self.git(&[&person[..], &["commit", "--quiet", "--allow-empty", "--message", subject]].concat());
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.0)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.0);
        command
    }

    /// Exit code, standard output and standard error of the real binary.
    fn xtask(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self.command(crate::satellites::front()).args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }

    /// The abbreviated name of the newest commit.
    fn head(&self) -> String {
        let output = self.command("git").args(["rev-parse", "--short", "HEAD"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    #[track_caller]
    fn check(&self, arguments: &[&str], expected: Expect) {
        let (code, stdout, stderr) = self.xtask(arguments);
        let shown = format!("exit {code}\n{stdout}{stderr}");
        expected.assert_eq(&shown.replace(&self.head(), "COMMIT"));
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // A leftover is in the folder of temporary files, and the next run of the same name removes it.
        files::remove_folder(&self.0).ok();
    }
}

/// The least that a repository declares to have house rules.
const RULES: &str = "[commits]\nareas = ['ci']\n\n[sizes]\nfunction_lines_max = 70\nfile_lines_max = 500\n";

#[test]
fn an_adopter_has_no_house_rules() {
    let house = House::new("adopter");
    house.check(
        &["tidy"],
        expect![[r#"
        exit 3
        error: this workspace has no house rules
          why:  there is no `release/tidy.toml`: `tidy` and `docs` are for the repository of the toolkit itself
          next: cargo xtask ci
    "#]]);
    assert_eq!(house.xtask(&["docs", "--write"]).0, 3);
}

#[test]
fn every_rule_is_asked_before_the_findings_are_shown() {
    let house = House::new("findings");
    house.write("release/tidy.toml", RULES);
    house.check(
        &["docs", "--write"],
        expect![[r#"
            exit 0
            docs: 16 documents are what the code says
        "#]],
    );
    house.check(
        &["tidy"],
        expect![[r#"
            exit 0
            tidy: 10 rules hold for 19 files, 1 commits (the last 50), 0 packages in the front
        "#]],
    );

    house.write("docs/page.md", "See [this](gone.md).\n\n```console\n$ cargo xtask fly\n```\n");
    house.write("release/schema/gone.json", "{}\n");
    house.write("src/lib.rs", "fn a() {\n    dbg!(1);\n}\n");
    house.commit("Update things");
    house.check(
        &["tidy", "--commits", "HEAD~1..HEAD"],
        expect![[r#"
            exit 1
            commit COMMIT `Update things`: the subject is not `area: what changes`
              next: git rebase, and reword COMMIT; areas are ci
            docs/page.md:1: the link `gone.md` leads nowhere
              next: correct the link
            docs/page.md:4: `cargo xtask fly`: unrecognized subcommand 'fly'
              next: write a command that exists; `docs/cli.md` has them all
            release/schema/gone.json: no generator makes this file
              next: git rm release/schema/gone.json
            src/lib.rs:1: the file does not say what it is for
              next: begin it with `//! `: what it is for, the rules it keeps, and how to change it
            src/lib.rs:2: `dbg!` is left over
              next: remove it
            error: 6 places are against the rules of the house
              see:  docs/STYLE.md
        "#]],
    );
}

#[test]
fn a_generated_document_that_was_edited_is_shown_with_the_difference() {
    let house = House::new("edited");
    house.write("release/tidy.toml", RULES);
    house.xtask(&["docs", "--write"]);
    let (_, written, _) = house.xtask(&["docs", "--check"]);
    assert!(written.ends_with(" documents are what the code says\n"), "{written}");

    house.write("docs/cli.md", "# Commands of mine\n");
    let (code, _, shown) = house.xtask(&["docs", "--check"]);
    assert_eq!(code, 1);
    assert!(shown.starts_with("docs/cli.md:1: differs from what its generator prints"), "{shown}");
    assert!(shown.contains("\n-# Commands of mine\n+# Commands\n"), "{shown}");
    assert!(shown.ends_with("next: cargo xtask docs --write\n"), "{shown}");
}

#[test]
fn a_wrong_range_of_commits_is_wrong_use() {
    let house = House::new("range");
    house.write("release/tidy.toml", RULES);
    let (code, _, shown) = house.xtask(&["tidy", "--commits", "nowhere..HEAD"]);
    assert_eq!(code, 2);
    assert!(shown.starts_with("error: git knows no commits `nowhere..HEAD`"), "{shown}");
}

#[test]
fn a_shell_completes_commands() {
    let house = House::new("completions");
    let (code, script, _) = house.xtask(&["completions", "bash"]);
    assert_eq!(code, 0);
    house.write("script", &script);
    // The function that bash calls is the one that the script registers for the program.
    let words = "source ./script; set -- $(complete -p cargo-nexus-xtask); \
                 COMP_WORDS=(cargo-nexus-xtask journal ver); COMP_CWORD=2; \
                 for word; do case $word in _cargo*) $word cargo-nexus-xtask ver journal;; esac; done; \
                 echo \"${COMPREPLY[@]}\"";
    let output = house.command("bash").args(["-c", words]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "verify\n");

    let (_, zsh, _) = house.xtask(&["completions", "zsh"]);
    assert!(zsh.starts_with("#compdef cargo-xtask\n"), "{zsh}");
}

#[test]
fn every_command_has_a_manual_page() {
    let house = House::new("man");
    let (code, shown, _) = house.xtask(&["man", "--into", "pages"]);
    assert_eq!(code, 0);
    assert!(shown.lines().any(|line| line == "pages/cargo-xtask-journal-verify.1"), "{shown}");
    let page = files::read_text(&house.0.join("pages/cargo-xtask-release-plan.1")).unwrap().unwrap();
    assert!(page.contains(".TH cargo-xtask-release-plan 1"), "{page}");
}
