#![cfg(unix)]

use super::*;
use crate::clock::Clock;
use crate::environment::Environment;
use crate::scratch::Scratch;
use crate::shell::Shell;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// A workspace and a machine with fake programs. Each call of a program leaves a line in `calls`.
struct Machine {
    scratch: Scratch,
}

impl Machine {
    fn new() -> Machine {
        Machine { scratch: Scratch::new() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// A program that says what it is asked, and notes that it was asked.
    fn program(&self, name: &str, version: &str) {
        let calls = self.file("calls");
        let script = format!("#!/bin/sh\necho \"$0 $*\" >> '{}'\n{version}\n", calls.display());
        self.executable(name, &script);
    }

    fn executable(&self, name: &str, script: &str) {
        let path = self.file(name);
        files::write(&path, script).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(path, mode).unwrap();
    }

    /// A rustup that does what the toolchain file of the workspace says, and its proxies.
    fn rustup(&self) {
        self.program("bin/rustup", "cat ../settings/version && cat rust-toolchain.toml 2>/dev/null || true");
        for proxy in ["rustc", "cargo-clippy"] {
            std::os::unix::fs::symlink("rustup", self.file("bin").join(proxy)).unwrap();
        }
        files::write(&self.file("settings/version"), "rust 1\n").unwrap();
        files::write(&self.file("rustup/settings.toml"), "default = 1").unwrap();
    }

    fn doors(&self) -> Doors {
        let folders = ["bin", "behind", "shims"].map(|folder| self.file(folder).display().to_string());
        let path = format!("{}:/usr/bin:/bin", folders.join(":"));
        let rustup = self.file("rustup").display().to_string();
        let environment = Environment::of(&[("PATH", &path), ("RUSTUP_HOME", &rustup)], Path::new("/"));
        let root = self.file("workspace é");
        files::create_folder(&root).unwrap();
        Doors {
            shell: Shell::new(&root, &environment),
            terminal: Terminal::of_process(&environment, true),
            clock: Clock::system(),
            workspace: Workspace::at(&root),
            environment,
        }
    }

    fn version(&self, program: &str) -> Option<String> {
        identify(&self.doors(), program).unwrap().map(|identity| identity.version)
    }

    /// Asks twice, and says how many processes that took.
    #[track_caller]
    fn check(&self, program: &str, version: &str, processes: usize) {
        let before = self.calls();
        assert_eq!(self.version(program).as_deref(), Some(version));
        assert_eq!(self.version(program).as_deref(), Some(version));
        assert_eq!(self.calls() - before, processes, "processes");
    }

    fn calls(&self) -> usize {
        files::read_text(&self.file("calls")).unwrap().unwrap_or_default().lines().count()
    }
}

#[test]
fn a_program_is_asked_once_until_it_is_replaced() {
    let machine = Machine::new();
    machine.program("bin/tool", "echo tool 1");
    machine.check("tool", "tool 1", 1);
    machine.check("tool", "tool 1", 0);
    machine.program("bin/tool", "echo tool 2.0");
    machine.check("tool", "tool 2.0", 1);
}

#[test]
fn a_build_with_the_same_version_is_another_content() {
    let machine = Machine::new();
    let content = || identify(&machine.doors(), "tool").unwrap().unwrap().content;
    machine.program("bin/tool", "echo tool 1");
    let before = content();
    machine.program("bin/tool", "echo tool 1 # patched");
    assert_ne!(content(), before);
}

#[test]
fn a_program_that_appears_in_front_on_path_is_noticed_and_one_that_goes_too() {
    let machine = Machine::new();
    machine.program("behind/tool", "echo behind");
    assert_eq!(machine.version("tool").as_deref(), Some("behind"));
    machine.program("bin/tool", "echo front");
    machine.check("tool", "front", 1);
    files::remove(&machine.file("bin/tool")).unwrap();
    files::remove(&machine.file("behind/tool")).unwrap();
    assert_eq!(machine.version("tool"), None);
}

#[test]
fn a_toolchain_file_above_the_workspace_makes_another_rustc() {
    let machine = Machine::new();
    machine.rustup();
    machine.check("rustc", "rust 1", 1);
    files::write(&machine.file("workspace é/rust-toolchain.toml"), "[toolchain]\nchannel = '2'\n").unwrap();
    machine.check("rustc", "rust 1\n[toolchain]\nchannel = '2'", 1);
    files::write(&machine.file("rust-toolchain"), "3").unwrap();
    machine.check("rustc", "rust 1\n[toolchain]\nchannel = '2'", 1);
}

#[test]
fn settings_of_rustup_make_another_rustc() {
    let machine = Machine::new();
    machine.rustup();
    machine.check("rustc", "rust 1", 1);
    files::write(&machine.file("settings/version"), "rust 2\n").unwrap();
    machine.check("rustc", "rust 1", 0);
    files::write(&machine.file("rustup/settings.toml"), "default = 2").unwrap();
    machine.check("rustc", "rust 2", 1);
}

#[test]
fn an_updated_toolchain_or_component_is_noticed() {
    let machine = Machine::new();
    machine.rustup();
    machine.check("cargo-clippy", "rust 1", 1);
    files::write(&machine.file("rustup/toolchains/stable/bin/rustc"), "new").unwrap();
    machine.check("cargo-clippy", "rust 1", 1);
    files::write(&machine.file("rustup/toolchains/stable/bin/cargo-clippy"), "new").unwrap();
    machine.check("cargo-clippy", "rust 1", 1);
    files::write(&machine.file("rustup/toolchains/stable/bin/other"), "new").unwrap();
    machine.check("cargo-clippy", "rust 1", 0);
}

#[test]
fn a_toolchain_named_by_its_path_is_looked_at_where_it_is() {
    let machine = Machine::new();
    machine.rustup();
    let file = machine.file("workspace é/rust-toolchain.toml");
    let text = "[toolchain]\npath = '../own'";
    files::write(&file, text).unwrap();
    machine.check("rustc", &format!("rust 1\n{text}"), 1);
    files::write(&machine.file("own/bin/rustc"), "new").unwrap();
    machine.check("rustc", &format!("rust 1\n{text}"), 1);
}

#[test]
fn a_proxy_without_its_component_is_a_missing_program_and_is_asked_again() {
    let machine = Machine::new();
    machine.rustup();
    machine.program("bin/rustup", "exit 1");
    assert_eq!(machine.version("cargo-clippy"), None);
    machine.program("bin/rustup", "echo clippy 1");
    machine.check("cargo-clippy", "clippy 1", 1);
}

#[test]
fn a_shim_is_asked_each_time() {
    let machine = Machine::new();
    machine.program("shims/python3", "echo Python 3");
    machine.check("python3", "Python 3", 2);
}

#[test]
fn a_path_is_never_executed_and_its_content_is_its_version() {
    let machine = Machine::new();
    machine.program("workspace é/scripts/check.sh", "echo 1");
    let script = files::read(&machine.file("workspace é/scripts/check.sh")).unwrap().unwrap();
    machine.check("scripts/check.sh", &Digest::of(script).to_string(), 0);
}

#[test]
fn a_program_that_cannot_say_its_version_is_known_by_its_content() {
    let machine = Machine::new();
    machine.program("bin/tool", "exit 2");
    let script = files::read(&machine.file("bin/tool")).unwrap().unwrap();
    machine.check("tool", &Digest::of(script).to_string(), 1);
}

#[test]
fn a_torn_cache_is_made_anew() {
    let machine = Machine::new();
    machine.program("bin/tool", "echo tool 1");
    machine.check("tool", "tool 1", 1);
    files::write(&machine.doors().workspace.cache().join("tools.json"), "{\"v\":1,").unwrap();
    machine.check("tool", "tool 1", 1);
    files::write(&machine.doors().workspace.cache().join("tools.json"), "{\"v\":9,\"tools\":{}}").unwrap();
    machine.check("tool", "tool 1", 1);
}

#[test]
fn the_own_binary_is_known_by_its_content() {
    let scratch = Scratch::new();
    let environment = Environment::of_process().unwrap();
    let doors = Doors {
        shell: Shell::new(scratch.path(), &environment),
        terminal: Terminal::of_process(&environment, true),
        clock: Clock::system(),
        workspace: Workspace::at(scratch.path()),
        environment,
    };
    let own = identify(&doors, OWN).unwrap().unwrap();
    let content = files::digest(doors.environment.binary()).unwrap().unwrap();
    assert_eq!((own.version, own.content), (content.to_string(), Some(content)));
}
