//! The only reader of environment variables, secrets, the current folder and the own binary.
//!
//! What a step's process sees is chosen here, and only here:
//! - variables that name this machine and its user (`PATH`, `HOME`, proxies, ...) pass, and do not count;
//! - variables that steer cargo, rustc and C compilers pass, and count in every fingerprint;
//! - what the outer cargo and rustup set for this process never passes (`CARGO_MANIFEST_DIR`, `RUSTUP_TOOLCHAIN`, ...);
//! - anything else passes only to a step that declares it, and then counts for that step.
//!
//! Values of variables whose name sounds like a secret are masked wherever text leaves the process.

#![expect(clippy::disallowed_methods, reason = "this is the door")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// What cargo puts in front when it runs the installed binary: `cargo nexus-xtask ci` is
/// `cargo-nexus-xtask nexus-xtask ci`.
pub const INSTALLED_VERB: &str = "nexus-xtask";

/// The shortest value that is masked: shorter ones would mask ordinary words.
const SECRET_LENGTH_MIN: usize = 6;

/// Names that describe the machine, its user or its terminal. They pass to every step and count in none.
const MACHINE: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TERM",
    "TZ",
    "TMPDIR",
    "TEMP",
    "TMP",
    "LANG",
    "LANGUAGE",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NO_COLOR",
    "CI",
    "DISPLAY",
    "SSH_AUTH_SOCK",
    "CARGO_TERM_COLOR",
    "CARGO_TERM_PROGRESS_WHEN",
    "CARGO_TERM_PROGRESS_WIDTH",
    "CARGO_TERM_QUIET",
    "CARGO_TERM_VERBOSE",
    "CARGO_HTTP_PROXY",
    "CARGO_HTTP_CAINFO",
    "CARGO_HTTP_TIMEOUT",
    "CARGO_NET_RETRY",
    "CARGO_NET_OFFLINE",
    "CARGO_NET_GIT_FETCH_WITH_CLI",
    "CARGO_BUILD_JOBS",
    "RUST_BACKTRACE",
    "RUSTUP_AUTO_INSTALL",
    "GITHUB_ACTIONS",
    "RUNNER_TEMP",
    "RUNNER_TOOL_CACHE",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "SystemRoot",
    "SYSTEMROOT",
    "WINDIR",
    "COMSPEC",
    "PATHEXT",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "PROGRAMDATA",
    "ProgramFiles",
    "ProgramFiles(x86)",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
];

/// Beginnings of names that steer a build: they pass to every step and count in every fingerprint. The list is
/// the one by which common cache actions key their caches, so that a cache and a receipt agree.
const BUILD: &[&str] =
    &["CARGO_", "RUST", "CC", "CXX", "CFLAGS", "CPPFLAGS", "LDFLAGS", "AR", "CMAKE", "PKG_CONFIG"];

/// Names (or beginnings, with `*`) that the outer cargo, rustup or nextest set for this very process.
const OUTER: &[&str] = &[
    "CARGO",
    "CARGO_MANIFEST_*",
    "CARGO_PKG_*",
    "CARGO_BIN_*",
    "CARGO_CRATE_NAME",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_TMPDIR",
    "CARGO_MAKEFLAGS",
    "RUSTUP_TOOLCHAIN",
    "RUST_RECURSION_COUNT",
    "RUSTUP_TOOLCHAIN_SOURCE",
    "CARGO_RUSTC_CURRENT_DIR",
    "RUST_MIN_STACK",
    "CARGO_REGISTRY_TOKEN",
    "CARGO_REGISTRIES_*",
];

/// Endings of names whose values are secrets.
const SECRET: &[&str] = &[
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSPHRASE",
    "API_KEY",
    "PRIVATE_KEY",
    "SECRET_KEY",
    "ACCESS_KEY",
    "CREDENTIALS",
    "OTLP_HEADERS",
];

/// The variables of one process, read once.
#[derive(Clone, Debug)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    folder: PathBuf,
    binary: PathBuf,
    arguments: Vec<String>,
}

impl Environment {
    /// Reads what this process was given.
    pub fn of_process() -> anyhow::Result<Environment> {
        let folder = std::env::current_dir().context("the current folder does not exist any more")?;
        let binary = std::env::current_exe().context("cannot find the own binary")?;
        let mut arguments =
            std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).peekable();
        arguments.next_if(|first| first == INSTALLED_VERB);
        Ok(Environment {
            variables: std::env::vars_os().collect(),
            folder,
            binary,
            arguments: arguments.collect(),
        })
    }

    /// An environment made of these values, for tests.
    pub fn of(variables: &[(&str, &str)], folder: &Path) -> Environment {
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Environment {
            variables,
            folder: folder.to_owned(),
            binary: PathBuf::from("xtask"),
            arguments: Vec::new(),
        }
    }

    /// The folder the command was called from.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The command as a person types it: `cargo xtask` and what followed.
    pub fn typed(&self) -> String {
        let words = self.arguments.iter().map(|word| crate::shell::quoted(word));
        std::iter::once("cargo xtask".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
    }

    /// The binary that runs now.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// The value of a variable; `None` where it is unset, empty or not UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(std::ffi::OsStr::new(name))?.to_str().filter(|value| !value.is_empty())
    }

    /// True in continuous integration.
    pub fn is_ci(&self) -> bool {
        self.get("CI").is_some_and(|value| value != "false" && value != "0")
    }

    /// True inside a GitHub Actions job.
    pub fn is_github(&self) -> bool {
        self.get("GITHUB_ACTIONS") == Some("true")
    }

    /// The user's home folder.
    pub fn home(&self) -> Option<PathBuf> {
        self.get("HOME").or_else(|| self.get("USERPROFILE")).map(PathBuf::from)
    }

    /// The folder for what is needed for a moment only.
    pub fn temporary(&self) -> PathBuf {
        let named = ["TMPDIR", "TEMP", "TMP"].into_iter().find_map(|name| self.get(name));
        PathBuf::from(named.unwrap_or(if cfg!(windows) { r"C:\Temp" } else { "/tmp" }))
    }

    /// Cargo's home folder.
    pub fn cargo_home(&self) -> Option<PathBuf> {
        self.get("CARGO_HOME").map(PathBuf::from).or_else(|| Some(self.home()?.join(".cargo")))
    }

    /// Rustup's home folder.
    pub fn rustup_home(&self) -> Option<PathBuf> {
        self.get("RUSTUP_HOME").map(PathBuf::from).or_else(|| Some(self.home()?.join(".rustup")))
    }

    /// The variables that every child sees.
    pub fn for_children(&self) -> BTreeMap<OsString, OsString> {
        self.variables
            .iter()
            .filter(|(name, _)| name.to_str().is_some_and(|name| is_machine(name) || is_build(name)))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// The variables that steer a build, by name: these count in every fingerprint.
    pub fn for_fingerprint(&self) -> BTreeMap<String, String> {
        self.variables
            .iter()
            .filter_map(|(name, value)| {
                let name = name.to_str().filter(|name| is_build(name))?;
                Some((name.to_owned(), value.to_string_lossy().into_owned()))
            })
            .collect()
    }

    /// Finds a program as a shell would, on `PATH`.
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        if program.contains(['/', '\\']) {
            return Some(PathBuf::from(program)).filter(|path| path.is_file());
        }
        let endings: &[&str] = if cfg!(windows) { &[".exe", ".cmd", ".bat"] } else { &[""] };
        std::env::split_paths(self.variables.get(std::ffi::OsStr::new("PATH"))?)
            .flat_map(|folder| endings.iter().map(move |ending| folder.join(format!("{program}{ending}"))))
            .find(|path| is_program(path))
    }

    /// The same with a variable of another value: for a process that stands in for another machine or user.
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Environment {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Puts folders in front of `PATH`, for this process's children and for [`Environment::find`].
    pub fn with_path_in_front(mut self, folders: &[PathBuf]) -> Environment {
        let path = self.variables.get(std::ffi::OsStr::new("PATH")).cloned().unwrap_or_default();
        let all = folders.iter().cloned().chain(std::env::split_paths(&path));
        // A folder whose name holds the separator cannot be on PATH at all: leave PATH as it was.
        if let Ok(joined) = std::env::join_paths(all) {
            self.variables.insert("PATH".into(), joined);
        }
        self
    }

    /// Replaces the values of secrets by `***`.
    pub fn mask(&self, text: &str) -> String {
        self.secrets().fold(text.to_owned(), |text, secret| {
            if text.contains(secret) { text.replace(secret, "***") } else { text }
        })
    }

    /// True when there is anything to mask.
    pub fn has_secrets(&self) -> bool {
        self.secrets().next().is_some()
    }

    fn secrets(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().filter_map(|(name, value)| {
            let name = name.to_str()?.to_ascii_uppercase();
            let value = value.to_str()?;
            (value.len() >= SECRET_LENGTH_MIN && SECRET.iter().any(|ending| name.ends_with(ending)))
                .then_some(value)
        })
    }
}

fn is_machine(name: &str) -> bool {
    MACHINE.contains(&name) || name.starts_with("LC_") || name.starts_with("CARGO_ALIAS_")
}

fn is_build(name: &str) -> bool {
    !is_machine(name)
        && !SECRET.iter().any(|ending| name.ends_with(ending))
        && BUILD.iter().any(|start| name.starts_with(start))
        && !OUTER.iter().any(|outer| match outer.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *outer,
        })
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
mod tests;
