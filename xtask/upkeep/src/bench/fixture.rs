//! A workspace to measure in: real packages whose raw commands take a while, made from nothing, without dependencies.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use nexus_xtask::doors::Doors;
use nexus_xtask::environment::Environment;
use nexus_xtask::failure::Result;
use nexus_xtask::files;
use nexus_xtask::shell::{Command, Shell};

/// What the steps run, as a person would type it.
pub(super) const RAW: &[&[&str]] = &[
    &["cargo", "fmt", "--all", "--check"],
    &["cargo", "clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
    &["cargo", "build", "--workspace", "--all-targets", "--locked"],
    &["cargo", "test", "--workspace", "--locked"],
    &["cargo", "doc", "--workspace", "--no-deps", "--locked"],
];

/// Packages of the fixture besides the one that does nothing.
const PACKAGES: usize = 4;

/// Functions of each package: enough that the raw commands take more than 20 seconds on two cores.
const FUNCTIONS: usize = 1_000;

/// Files in one folder of a large tree.
const FILES_A_FOLDER: usize = 500;

/// A workspace that adopted the toolkit.
pub(super) struct Fixture {
    pub(super) root: PathBuf,
    bin: PathBuf,
}

impl Fixture {
    /// Makes it in a folder, committed, with this many files that are nothing but files.
    pub(super) fn make(doors: &Doors, folder: &Path, more_files: usize) -> Result<Fixture> {
        files::remove_folder(folder)?;
        let fixture = Fixture { root: folder.join("workspace"), bin: folder.join("bin") };
        let add = |path: &str, text: String| files::write_cache(&fixture.root.join(path), text);
        let members: Vec<_> =
            (0..PACKAGES).map(|index| format!("\"p{index}\"")).chain(["\"noop\"".to_owned()]).collect();
        add("Cargo.toml", format!("[workspace]\nresolver = \"3\"\nmembers = [{}]\n", members.join(", ")))?;
        for index in 0..PACKAGES {
            add(&format!("p{index}/Cargo.toml"), manifest(&format!("p{index}")))?;
            add(&format!("p{index}/src/lib.rs"), library(index))?;
        }
        add("noop/Cargo.toml", manifest("noop"))?;
        add("noop/src/main.rs", "//! Does nothing.\n\nfn main() {}\n".to_owned())?;
        add(".gitignore", "/target/\n/.xtask/\n".to_owned())?;
        add(".cargo/config.toml", "[alias]\nxtask = \"nexus-xtask\"\n".to_owned())?;
        for index in 0..more_files {
            add(&format!("files/{:03}/{index:05}.txt", index / FILES_A_FOLDER), format!("{index}\n"))?;
        }
        files::copy(doors.environment.binary(), &fixture.bin.join("cargo-nexus-xtask"))?;
        let shell = fixture.shell(doors);
        shell.read(&Command::new("cargo", ["generate-lockfile", "--offline"]))?;
        for words in
            [&["init", "--quiet"][..], &["add", "--all"], &["commit", "--quiet", "--message", "begin"]]
        {
            let name = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"];
            shell.read(&Command::new("git", name.iter().chain(words).copied()))?;
        }
        Ok(fixture)
    }

    /// A shell in it that finds the toolkit as adopters do.
    pub(super) fn shell(&self, doors: &Doors) -> Shell {
        let environment: Environment =
            doors.environment.clone().with_path_in_front(std::slice::from_ref(&self.bin));
        Shell::new(&self.root, &environment)
    }
}

fn manifest(name: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n")
}

/// A library of many small functions, formatted as rustfmt wants it.
fn library(seed: usize) -> String {
    let mut text = format!("//! Package {seed} of the fixture.\n\nuse std::collections::BTreeMap;\n");
    for index in 0..FUNCTIONS {
        let number = seed * FUNCTIONS + index;
        // Writing to a string cannot fail.
        write!(
            text,
            "\n/// Counts in its own way, number {number}.\npub fn count_{index}(words: &[String]) -> BTreeMap<String, usize> {{\n    \
             let mut counts = BTreeMap::new();\n    \
             for (place, word) in words.iter().enumerate() {{\n        \
             let key = format!(\"{{word}}-{{}}\", place % {});\n        \
             *counts.entry(key).or_insert({number}) += word.len();\n    }}\n    counts\n}}\n",
            index % 7 + 2
        )
        .expect("writing to a string cannot fail");
    }
    text.push_str(
        "\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn counts() {\n        let words = [\"a\".to_owned()];\n        assert_eq!(super::count_0(&words).len(), 1);\n    }\n}\n",
    );
    text
}
