//! A long history, made from nothing and the same each time, as `git fast-import` reads it
//! (<https://git-scm.com/docs/git-fast-import>).
//!
//! 25 packages with versions and tags of their own. All are released at the beginning; the first never again, so what it
//! would ship goes back to there, and the others in turn. There are merges, reverts, breaking changes and text of no form.

use std::fmt::Write as _;

/// Commits after the first releases.
pub(super) const COMMITS: usize = 20_000;

/// Packages, each with a version and a tag of its own.
pub(super) const PACKAGES: usize = 25;

/// Files of each package besides its manifest.
const FILES: usize = 40;

/// Every so many commits one comes from a branch that is merged.
const MERGE_EVERY: usize = 20;

/// Every so many commits one takes back another.
const REVERT_EVERY: usize = 97;

/// Every so many commits one is a release of a package.
const RELEASE_EVERY: usize = 100;

const SUBJECTS: [&str; 10] = [
    "feat: read what was not read before",
    "fix(parser): an empty line is no entry",
    "Tidy up the tables",
    "fix: a date before 1970 is a date",
    "docs: say what the third argument is for",
    "chore(deps): raise the version of a dependency",
    "perf: fewer copies on the way in",
    "feat(cli)!: the flag has another name",
    "refactor: one function instead of two",
    "Make it work on other systems",
];

const BODY: &str = "\n\nThe reason stands here, in a line or two, as people write it:\n\
                    it was not so before, and now it is.\n\nRefs: #1234\n";

/// The whole stream.
pub(super) fn history() -> String {
    let mut import = Import { stream: String::with_capacity(COMMITS * 600), mark: 0, last: None };
    let members: Vec<_> = (0..PACKAGES).map(|package| format!("\"crates/p{package:02}\"")).collect();
    let workspace = format!("[workspace]\nresolver = \"3\"\nmembers = [{}]\n", members.join(", "));
    // Cargo refuses a workspace with a member that is not there, so all of them come with the first commit.
    let mut first: Vec<_> = (0..PACKAGES).flat_map(package_files).collect();
    first.push(("Cargo.toml".to_owned(), workspace));
    first.push((".gitignore".to_owned(), "/target/\n/.xtask/\n".to_owned()));
    import.commit("main", "chore: begin", &first, None);
    for package in 0..PACKAGES {
        import.release(package, 0);
    }
    let mut dice = 1_u64;
    let mut number = 0;
    while number < COMMITS {
        // Knuth's constants: the same numbers everywhere.
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        number += import.change(number, usize::try_from(dice >> 16).unwrap_or(0));
    }
    import.stream + "done\n"
}

/// The manifest and the files of a package.
fn package_files(package: usize) -> Vec<(String, String)> {
    let files = (0..FILES).map(|index| (file(package, index), format!("//! File {index}.\n")));
    std::iter::once(manifest(package, 0)).chain(files).collect()
}

fn manifest(package: usize, patch: usize) -> (String, String) {
    let needs = match package % 5 {
        4 => format!("p{:02} = {{ path = \"../p{:02}\" }}\n", package - 1, package - 1),
        _ => String::new(),
    };
    let text = format!(
        "[package]\nname = \"p{package:02}\"\nversion = \"1.{package}.{patch}\"\nedition = \"2024\"\n\n[dependencies]\n{needs}"
    );
    (format!("crates/p{package:02}/Cargo.toml"), text)
}

fn file(package: usize, index: usize) -> String {
    match index {
        0 => format!("crates/p{package:02}/src/lib.rs"),
        index => format!("crates/p{package:02}/src/part{}/file{index:02}.rs", index % 4),
    }
}

struct Import {
    stream: String,
    mark: usize,
    /// The commit that the next one follows.
    last: Option<usize>,
}

impl Import {
    /// A release of a package, with its tag.
    fn release(&mut self, package: usize, patch: usize) {
        let message = format!("chore: release p{package:02} 1.{package}.{patch}");
        self.commit("main", &message, &[manifest(package, patch)], None);
        let mark = self.mark;
        self.line(&format!("reset refs/tags/p{package:02}-v1.{package}.{patch}\nfrom :{mark}\n"));
    }

    /// The next commit, or the next two where one is merged; `dice` chooses. Returns how many it made.
    fn change(&mut self, number: usize, mut dice: usize) -> usize {
        let mut roll = |sides: usize| {
            let rolled = dice % sides;
            // Each question has digits of its own.
            dice /= sides;
            rolled
        };
        if number % RELEASE_EVERY == RELEASE_EVERY - 1 {
            let turn = number / RELEASE_EVERY;
            self.release(1 + turn % (PACKAGES - 1), 1 + turn / (PACKAGES - 1));
            return 1;
        }
        let package = roll(PACKAGES);
        let changed: Vec<_> = (0..=roll(4))
            .map(|more| {
                let text = format!("// {number} {more}\npub const N: usize = {number};\n");
                (file(package, (number + more * 11) % FILES), text)
            })
            .collect();
        let title = match number % REVERT_EVERY {
            1 => format!("Revert \"fix: a date, {number}\""),
            _ => format!("{}, {number}", SUBJECTS[roll(SUBJECTS.len())]),
        };
        let message = title + if number.is_multiple_of(3) { BODY } else { "\n" };
        if !number.is_multiple_of(MERGE_EVERY) {
            self.commit("main", &message, &changed, None);
            return 1;
        }
        let trunk = self.last;
        self.commit("side", &message, &changed, None);
        let side = std::mem::replace(&mut self.last, trunk);
        self.commit("main", "Merge branch 'side'", &changed, side);
        2
    }

    fn commit(&mut self, branch: &str, message: &str, changed: &[(String, String)], merged: Option<usize>) {
        self.mark += 1;
        let (mark, time, length) = (self.mark, 1_700_000_000 + self.mark * 60, message.len());
        let who = format!("bench <bench@example.com> {time} +0000");
        self.line(&format!(
            "commit refs/heads/{branch}\nmark :{mark}\ncommitter {who}\ndata {length}\n{message}"
        ));
        if let Some(last) = self.last {
            self.line(&format!("from :{last}"));
        }
        if let Some(merged) = merged {
            self.line(&format!("merge :{merged}"));
        }
        for (path, text) in changed {
            self.line(&format!("M 100644 inline {path}\ndata {}\n{text}", text.len()));
        }
        self.last = Some(mark);
    }

    fn line(&mut self, text: &str) {
        // Writing to a string cannot fail.
        writeln!(self.stream, "{text}").ok();
    }
}
