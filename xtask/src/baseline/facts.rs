//! The findings that clippy and rustdoc have now.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde::Deserialize;

use crate::doors::Doors;
use crate::failure::{Exit, Failure, Finding, Result};
use crate::shell::{Captured, Command};
use crate::toolchain;

use super::config::Counts;

/// Which findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Kind {
    /// Findings of `cargo clippy`
    Clippy,
    /// Findings of `cargo doc`
    Doc,
}

impl Kind {
    /// Both.
    pub(crate) const ALL: [Kind; 2] = [Kind::Clippy, Kind::Doc];

    /// The step's id, and the table in the file.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Kind::Clippy => "clippy",
            Kind::Doc => "doc",
        }
    }

    fn command(self, targets: Targets) -> Command {
        match self {
            Kind::Clippy => {
                let words = ["clippy", "--workspace", "--message-format=json", "--quiet"];
                let lints = ["--", "--cap-lints", "warn"];
                Command::new("cargo", words.into_iter().chain(targets.words().iter().copied()).chain(lints))
            }
            Kind::Doc => {
                let words = ["doc", "--workspace", "--no-deps", "--message-format=json", "--quiet"];
                Command::new("cargo", words).with("RUSTDOCFLAGS", "--cap-lints warn")
            }
        }
    }
}

/// Which targets clippy looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Targets {
    All,
    /// All but the benches.
    Stable {
        has_library: bool,
    },
}

impl Targets {
    /// Cargo has no flag for "all but one", and refuses `--lib` where no package has a library.
    fn words(self) -> &'static [&'static str] {
        match self {
            Targets::All => &["--all-targets"],
            Targets::Stable { has_library: true } => &["--lib", "--bins", "--tests", "--examples"],
            Targets::Stable { has_library: false } => &["--bins", "--tests", "--examples"],
        }
    }
}

/// One message of a lint, told apart from all others. Several targets of a package may say it: it counts once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Message {
    pub(crate) package: String,
    /// The lint; `other` for a warning that has no name.
    pub(crate) lint: String,
    /// File and line, as the compiler names them.
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) text: String,
    /// The message as a person reads it, several lines.
    pub(crate) rendered: String,
}

/// Runs clippy or rustdoc and returns what they find in the packages of the workspace. Code that does not compile is
/// a failure.
pub(crate) fn look(doors: &Doors, kind: Kind, benches_need_nightly: bool) -> Result<BTreeSet<Message>> {
    let workspace = members(doors)?;
    let targets = match benches_need_nightly {
        true => Targets::Stable { has_library: workspace.has_library },
        false => Targets::All,
    };
    let command = kind.command(targets);
    let captured = doors.shell.capture(&command)?;
    let output = String::from_utf8_lossy(&captured.stdout);
    let (messages, errors) = read(&output, &workspace.names)?;
    if captured.is_success() {
        return Ok(messages);
    }
    Err(broken(kind, &command, &captured, errors))
}

/// True when the benches cannot be compiled by the compiler that is there, because they ask for features of a nightly
/// one, and all else can.
pub(crate) fn benches_need_nightly(doors: &Doors) -> Result<bool> {
    let bench =
        Command::new("cargo", ["check", "--workspace", "--benches", "--message-format=json", "--quiet"]);
    let captured = doors.shell.capture(&bench)?;
    Ok(!captured.is_success() && String::from_utf8_lossy(&captured.stdout).contains(FEATURE_ON_STABLE))
}

/// The code of the compiler's error for `#![feature]` on a stable compiler, as it stands in a message.
const FEATURE_ON_STABLE: &str = r#""code":{"code":"E0554""#;

fn broken(kind: Kind, command: &Command, captured: &Captured, errors: Vec<Finding>) -> Failure {
    let failure = match errors.is_empty() {
        true => Failure::refused(format!("`cargo {}` ended with {}", kind.word(), captured.ended))
            .why(captured.stderr.trim()),
        false => Failure::found(
            Exit::No,
            format!("{} cannot count: the code does not compile", kind.word()),
            errors,
        ),
    };
    failure.next(command.to_string())
}

/// The compiler that counts, as one line.
pub(crate) fn compiler(doors: &Doors) -> anyhow::Result<String> {
    let rustc = toolchain::identify(doors, "rustc")?.context("there is no `rustc` on PATH")?;
    Ok(rustc.line().to_owned())
}

/// The numbers.
pub(crate) fn count(messages: &BTreeSet<Message>) -> Counts {
    let mut counts = Counts::new();
    for message in messages {
        *counts.entry(message.package.clone()).or_default().entry(message.lint.clone()).or_default() += 1;
    }
    counts
}

/// The packages of the workspace.
#[derive(Debug, Default)]
struct Members {
    /// Id to name.
    names: BTreeMap<String, String>,
    has_library: bool,
}

fn members(doors: &Doors) -> anyhow::Result<Members> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
        workspace_members: BTreeSet<String>,
    }
    #[derive(Deserialize)]
    struct Package {
        id: String,
        name: String,
        targets: Vec<Target>,
    }
    #[derive(Deserialize)]
    struct Target {
        kind: Vec<String>,
    }
    let command = Command::new("cargo", ["metadata", "--no-deps", "--format-version=1"]);
    let text = doors.shell.read(&command)?;
    let metadata: Metadata =
        serde_json::from_str(&text).context("`cargo metadata` printed something unexpected")?;
    let mut members = Members::default();
    for package in metadata.packages {
        if !metadata.workspace_members.contains(&package.id) {
            continue;
        }
        members.has_library |= package.targets.iter().flat_map(|target| &target.kind).any(|kind| {
            matches!(kind.as_str(), "lib" | "rlib" | "dylib" | "cdylib" | "staticlib" | "proc-macro")
        });
        members.names.insert(package.id, package.name);
    }
    Ok(members)
}

/// The messages of cargo's output, and the errors among them.
/// Source: <https://doc.rust-lang.org/cargo/reference/external-tools.html#json-messages>.
fn read(
    output: &str,
    members: &BTreeMap<String, String>,
) -> anyhow::Result<(BTreeSet<Message>, Vec<Finding>)> {
    let mut messages = BTreeSet::new();
    let mut errors = Vec::new();
    for line in output.lines().filter(|line| line.starts_with('{')) {
        let line: Line = serde_json::from_str(line).context("cargo printed something unexpected")?;
        let (Some(id), Some(said)) = (&line.package_id, line.message) else { continue };
        if line.reason != "compiler-message" {
            continue;
        }
        // A message without a place is a summary of others: `2 warnings emitted`, `aborting due to ...`.
        let Some(place) = said.spans.iter().find(|span| span.is_primary).or(said.spans.first()) else {
            continue;
        };
        if said.level.starts_with("error") {
            errors.push(Finding::at(&place.file_name, place.line_start, said.message, ""));
            continue;
        }
        let Some(package) = members.get(id) else { continue };
        messages.insert(Message {
            package: package.clone(),
            lint: said.code.map_or_else(|| "other".to_owned(), |code| code.code),
            file: place.file_name.clone(),
            line: place.line_start,
            column: place.column_start,
            text: said.message,
            rendered: said.rendered.unwrap_or_default(),
        });
    }
    errors.sort();
    errors.dedup();
    Ok((messages, errors))
}

#[derive(Deserialize)]
struct Line {
    reason: String,
    package_id: Option<String>,
    message: Option<Said>,
}

#[derive(Deserialize)]
struct Said {
    message: String,
    level: String,
    rendered: Option<String>,
    code: Option<Code>,
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    line_start: usize,
    column_start: usize,
    is_primary: bool,
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn said(package: &str, level: &str, lint: &str, line: usize) -> String {
        serde_json::json!({ "reason": "compiler-message", "package_id": package, "target": {}, "message": {
            "message": format!("about {lint}"), "level": level, "rendered": format!("{level}: about {lint}"),
            "code": (!lint.is_empty()).then(|| serde_json::json!({ "code": lint, "explanation": null })),
            "spans": [{ "file_name": "src/lib.rs", "line_start": line, "column_start": 1, "is_primary": true }],
        }})
        .to_string()
    }

    #[track_caller]
    fn check(lines: &[String], expected: Expect) {
        let members = [("path+file:///w#one@0.1.0", "one"), ("path+file:///w/two#0.1.0", "two")];
        let members = members.map(|(id, name)| (id.to_owned(), name.to_owned())).into();
        let (messages, errors) = read(&lines.join("\n"), &members).unwrap();
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        expected.assert_eq(&format!("{:?}\n{errors:?}\n", count(&messages)));
    }

    #[test]
    fn what_several_targets_say_counts_once() {
        let one = "path+file:///w#one@0.1.0";
        check(
            &[
                said(one, "warning", "dead_code", 1),
                said(one, "warning", "dead_code", 1),
                said(one, "warning", "dead_code", 2),
                said("path+file:///w/two#0.1.0", "warning", "clippy::all", 1),
                said(one, "warning", "", 9),
            ],
            expect![[r#"
                {"one": {"dead_code": 2, "other": 1}, "two": {"clippy::all": 1}}
                []
            "#]],
        );
    }

    #[test]
    fn other_packages_summaries_and_talk_do_not_count() {
        let summary = r#"{"reason":"compiler-message","package_id":"path+file:///w#one@0.1.0","message":
            {"message":"2 warnings emitted","level":"warning","rendered":null,"code":null,"spans":[]}}"#;
        check(
            &[
                said("path+file:///elsewhere#three@0.1.0", "warning", "dead_code", 1),
                summary.replace('\n', " "),
                r#"{"reason":"build-finished","success":true}"#.to_owned(),
                "something that a build script printed".to_owned(),
            ],
            expect![[r#"
                {}
                []
            "#]],
        );
    }

    #[test]
    fn code_that_does_not_compile_is_no_finding_but_an_error() {
        let one = "path+file:///w#one@0.1.0";
        check(
            &[said(one, "error", "E0308", 3), said(one, "error", "E0308", 3)],
            expect![[r#"
            {}
            ["src/lib.rs:3: about E0308"]
        "#]],
        );
    }
}
