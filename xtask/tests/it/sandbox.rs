//! A folder of its own with a real git repository in it, and the real binary to run there.
//!
//! The environment is empty but for what the toolchain needs; HOME is a folder of the sandbox, and what a command
//! prints is shown with times, digests and paths replaced, so that a transcript is the same on every machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

const MANIFEST: &str = "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
const LIBRARY: &str = "//! One.\n\n/// Twice.\n///\n/// ```\n/// assert_eq!(one::twice(2), 4);\n/// ```\npub fn twice(number: u32) -> u32 {\n    number * 2\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn doubles() {\n        assert_eq!(super::twice(2), 4);\n    }\n}\n";
const LOCK: &str = "version = 4\n\n[[package]]\nname = \"one\"\nversion = \"0.1.0\"\n";

static NEXT: AtomicU32 = AtomicU32::new(0);

/// One test's world. Removed when the test ends well, kept to be looked at when it fails.
pub(crate) struct Sandbox {
    base: PathBuf,
    root: PathBuf,
    variables: BTreeMap<String, String>,
}

/// What a command did.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    /// An empty folder, no repository.
    pub(crate) fn bare() -> Sandbox {
        let name = format!("xtask it é-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let base = std::env::temp_dir().join(name);
        std::fs::remove_dir_all(&base).ok();
        let root = base.join("work space");
        std::fs::create_dir_all(&root).unwrap();
        std::fs::create_dir_all(base.join("home")).unwrap();
        let base = base.canonicalize().unwrap();
        let mut variables = BTreeMap::new();
        let home = std::env::var("HOME").unwrap_or_default();
        for (name, default) in [
            ("PATH", String::new()),
            ("CARGO_HOME", format!("{home}/.cargo")),
            ("RUSTUP_HOME", format!("{home}/.rustup")),
        ] {
            variables.insert(name.to_owned(), std::env::var(name).unwrap_or(default));
        }
        variables.insert("HOME".into(), base.join("home").display().to_string());
        // The tests run as whoever they run as; git asks for a name and a place.
        for role in ["AUTHOR", "COMMITTER"] {
            variables.insert(format!("GIT_{role}_NAME"), "Ann".into());
            variables.insert(format!("GIT_{role}_EMAIL"), "ann@example.com".into());
            variables.insert(format!("GIT_{role}_DATE"), "2026-01-02T03:04:05Z".into());
        }
        variables.insert("GIT_CONFIG_NOSYSTEM".into(), "1".into());
        variables.insert("CARGO_NET_OFFLINE".into(), "true".into());
        Sandbox { root: base.join("work space"), base, variables }
    }

    /// A folder with these files, committed.
    pub(crate) fn with(files: &[(&str, &str)]) -> Sandbox {
        let sandbox = Sandbox::bare();
        sandbox.git(&["init", "--quiet", "--initial-branch=main"]);
        for (path, text) in files {
            sandbox.write(path, text);
        }
        sandbox.commit("ci: begin");
        sandbox
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Sets a variable for every command from now on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn variable(&self, name: &str) -> String {
        self.variables.get(name).cloned().unwrap_or_default()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = self.command("git", arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    pub(crate) fn commit(&self, subject: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", subject]);
    }

    /// A program in this sandbox, not started.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.root).env_clear().envs(&self.variables);
        command
    }

    /// Runs the binary under test.
    pub(crate) fn xtask(&self, arguments: &[&str]) -> Done {
        self.finish(self.command(crate::satellites::front(), arguments).output().unwrap())
    }

    /// Runs the binary under test in a folder of the sandbox.
    pub(crate) fn xtask_in(&self, folder: &str, arguments: &[&str]) -> Done {
        let mut command = self.command(crate::satellites::front(), arguments);
        self.finish(command.current_dir(self.path(folder)).output().unwrap())
    }

    pub(crate) fn finish(&self, output: Output) -> Done {
        Done {
            code: output.status.code().unwrap_or(-1),
            stdout: self.normal(&String::from_utf8_lossy(&output.stdout)),
            stderr: self.normal(&String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// Text without what differs from run to run.
    pub(crate) fn normal(&self, text: &str) -> String {
        let text = text
            .replace(&self.root.display().to_string(), "ROOT")
            .replace(&self.base.display().to_string(), "BASE");
        let mut normal = String::new();
        for line in text.lines() {
            // Which of several short steps was the longest differs from run to run.
            let line = if line.starts_with("time ") { "time        TIMES" } else { line };
            let words: Vec<_> = line.split(' ').map(normal_word).collect();
            let line = words.join(" ");
            normal.push_str(&line.replace("N second ago", "N ago").replace("N seconds ago", "N ago"));
            normal.push('\n');
        }
        normal
    }
}

/// A word with durations, run names and digests replaced.
fn normal_word(word: &str) -> String {
    let core = word.trim_matches(|c: char| ",.;()`:".contains(c));
    let hex = core.len() >= 40 && core.chars().all(|c| c.is_ascii_hexdigit());
    let spoken =
        core.strip_suffix('s').is_some_and(|number| number.parse::<f64>().is_ok() && number.contains('.'));
    let run = core.len() == 24 && core.as_bytes()[8] == b'T' && core.as_bytes()[18] == b'Z';
    if hex {
        word.replace(core, "DIGEST")
    } else if spoken {
        word.replace(core, "TIME")
    } else if run {
        word.replace(core, "RUN")
    } else if let Some((start, rest)) = word.split_once(".xtask/runs/") {
        let rest = rest.split_once('/').map_or("", |(_, rest)| rest);
        format!("{start}.xtask/runs/RUN/{rest}")
    } else if core.parse::<u32>().is_ok() && word == core {
        "N".to_owned()
    } else {
        word.to_owned()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("kept to be looked at: {}", self.base.display());
        } else {
            std::fs::remove_dir_all(&self.base).ok();
        }
    }
}

impl Done {
    /// Exit code and both outputs as one text.
    pub(crate) fn transcript(&self) -> String {
        let mut text = format!("exit {}\n", self.code);
        for (name, output) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !output.is_empty() {
                text.push_str(&format!("--- {name}\n{output}"));
            }
        }
        text
    }
}

/// A package on which everything passes.
pub(crate) fn package(more: &[(&str, &str)]) -> Sandbox {
    let files = [
        ("Cargo.toml", MANIFEST),
        ("Cargo.lock", LOCK),
        ("src/lib.rs", LIBRARY),
        (".gitignore", "/target/\n/.xtask/\n"),
    ];
    Sandbox::with(&[&files, more].concat())
}

/// Only quick steps that need no compiler, so that a test is about the steps themselves.
pub(crate) fn steps(text: &str) -> Sandbox {
    let remove = "remove = [\"fmt\", \"clippy\", \"build\", \"test\", \"doctest\", \"doc\", \"lock\"]\n";
    package(&[("release/ci.toml", &format!("{remove}{text}"))])
}

/// The command lines of processes that have this word among their arguments.
pub(crate) fn running(word: &str) -> Vec<String> {
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok())
        .filter(|line| line.split('\0').any(|argument| argument == word))
        .collect()
}
