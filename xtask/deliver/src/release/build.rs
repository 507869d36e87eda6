//! Builds the binaries of a plan so that the same commit gives the same bytes, wherever it is checked out.
//!
//! - Each package by itself, with `--release --locked --bins --target`, into a target folder of its own, so that nothing
//!   of an everyday build gets in. Flags of the user are kept ([`flags`]).
//! - The paths of checkout, target folder, cargo's home and toolchain are replaced in what the compilers write, also by
//!   C compilers that know `-ffile-prefix-map`.
//! - `SOURCE_DATE_EPOCH` is the time of the commit.
//! - Debug symbols are split off: by the toolchain's own `rust-objcopy` where programs are ELF, by cargo on Apple's
//!   systems (`.dSYM`); Microsoft's linker does it anyhow (`.pdb`).
//!
//! A target's folder appears whole or not at all, with a list of its files and the plan that they were built for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

mod flags;
mod symbols;

use crate::release::facts::Facts;
use crate::release::manifest::Staged;
use crate::release::plan::{Kind, Plan};
use nexus_xtask::digest::Digest;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::files;
use nexus_xtask::shell::{Command, Ended};
use nexus_xtask::workspace::Workspace;

/// The list's name in a target's folder.
pub(crate) const FILE: &str = "built.json";

/// The version of the list's format.
const VERSION: u32 = 1;

/// What was built for a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Built {
    /// The version of the format.
    pub(crate) version: u32,
    /// The digest of the plan that it was built for.
    pub(crate) plan: Digest,
    /// The target triple.
    pub(crate) target: String,
    /// The files, by path: `PACKAGE/BINARY`, and below `PACKAGE/symbols` what was split off.
    pub(crate) files: BTreeMap<String, Staged>,
}

/// What rustc says of itself.
#[derive(Debug)]
struct Toolchain {
    sysroot: PathBuf,
    host: String,
    commit: String,
}

/// Where binaries are put when nothing else is said.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.state().join("release/builds")
}

/// How it is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As it is released.
    Release,
    /// As every day, from what is compiled already: for a rehearsal of the way, not of the bytes.
    Everyday,
}

/// Builds for these targets of the plan, each into a folder of its name below `output`.
pub(crate) fn run(
    doors: &Doors,
    plan: &Plan,
    facts: &Facts,
    targets: &[String],
    output: &Path,
) -> Result<Vec<Built>> {
    with_profile(doors, (plan, facts), targets, output, Profile::Release)
}

/// As [`run`], in this profile.
pub(crate) fn with_profile(
    doors: &Doors,
    (plan, facts): (&Plan, &Facts),
    targets: &[String],
    output: &Path,
    profile: Profile,
) -> Result<Vec<Built>> {
    let toolchain = toolchain(doors)?;
    require_installed(doors, targets)?;
    let build = Build { doors, plan, facts, toolchain, profile };
    targets.iter().map(|target| build.target(target, output)).collect()
}

fn toolchain(doors: &Doors) -> Result<Toolchain> {
    let verbose = doors.shell.read(&Command::new("rustc", ["--version", "--verbose"]))?;
    let field = |name: &str| {
        let value = verbose.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.map(str::to_owned).with_context(|| format!("rustc does not say its `{name}`"))
    };
    Ok(Toolchain {
        sysroot: doors.shell.read(&Command::new("rustc", ["--print", "sysroot"]))?.into(),
        host: field("host")?,
        commit: field("commit-hash")?,
    })
}

/// The triple of this machine's toolchain.
pub(crate) fn host(doors: &Doors) -> Result<String> {
    Ok(toolchain(doors)?.host)
}

/// Those of the targets whose standard library is there.
pub(crate) fn installed(doors: &Doors, targets: &[String]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for target in targets {
        let asked = Command::new("rustc", ["--print", "target-libdir", "--target", target]);
        let answer = doors.shell.capture(&asked)?;
        if answer.is_success() && Path::new(&answer.text()).is_dir() {
            found.push(target.clone());
        }
    }
    Ok(found)
}

/// Every target whose standard library is not there is named at once.
fn require_installed(doors: &Doors, targets: &[String]) -> Result<()> {
    let installed = installed(doors, targets)?;
    let missing: Vec<_> =
        targets.iter().filter(|target| !installed.contains(target)).map(String::as_str).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::refused(format!("the toolchain cannot build for {}", missing.join(", ")))
        .why("their standard libraries are not installed; a linker for each is needed as well")
        .next(format!(
            "rustup target add {}; or build each on a machine of its own: cargo xtask release build --target T",
            missing.join(" ")
        )))
}

struct Build<'a> {
    doors: &'a Doors,
    plan: &'a Plan,
    facts: &'a Facts,
    toolchain: Toolchain,
    profile: Profile,
}

impl Build<'_> {
    fn target(&self, target: &str, output: &Path) -> Result<Built> {
        let partial = output.join(format!(".{target}.partial"));
        files::remove_folder(&partial)?;
        files::create_folder(&partial)?;
        let made = self.cargo_folder();
        for (folder, (package, example)) in self.packages(target) {
            let output = partial.join(folder);
            match example {
                Some(example) => self.example(target, package, example, &output)?,
                None => self.package(target, package, &made, &output)?,
            }
        }
        let mut built = Built {
            version: VERSION,
            plan: self.plan.digest(),
            target: target.to_owned(),
            files: BTreeMap::new(),
        };
        let here = Workspace::at(&partial);
        for path in files::walk(&partial)? {
            let bytes = files::read(&path)?.with_context(|| format!("`{}` is gone", path.display()))?;
            let staged = Staged { sha256: Digest::of(&bytes), bytes: bytes.len() as u64 };
            built.files.insert(here.name_of(&path), staged);
        }
        files::write(&partial.join(FILE), crate::release::staging::text(&built)?)?;
        files::replace_folder(&partial, &output.join(target))?;
        Ok(built)
    }

    /// Apart from everyday builds, which have other flags and would be built anew each time.
    fn cargo_folder(&self) -> PathBuf {
        self.facts.target.join("release-build")
    }

    /// What is built, by the folder it goes to: a package, and the example of it where not its binaries are meant.
    fn packages(&self, target: &str) -> BTreeMap<String, (&str, Option<&str>)> {
        let archives = self.plan.artifacts.iter().filter(|artifact| artifact.kind == Kind::Archive);
        archives
            .filter(|artifact| artifact.target.as_deref() == Some(target))
            .filter_map(|artifact| {
                Some((artifact.built(), (artifact.package.as_deref()?, artifact.example.as_deref())))
            })
            .collect()
    }

    fn package(&self, target: &str, package: &str, made: &Path, output: &Path) -> Result<()> {
        let binaries = self.facts.packages.iter().find(|known| known.name == package);
        let binaries = binaries.map_or(&[][..], |package| &package.binaries);
        let ending = if target.contains("windows") { ".exe" } else { "" };
        let place = match self.profile {
            Profile::Release => made.join(target).join("release"),
            Profile::Everyday => self.facts.target.join("debug"),
        };
        match self.profile {
            Profile::Release => {
                for binary in binaries {
                    // Cargo puts it back when it is fresh; what is there afterwards belongs to this build.
                    files::remove(&place.join(format!("{binary}{ending}")))?;
                }
                self.cargo(target, &["--bins", "--package", package], made)?;
            }
            Profile::Everyday => self.everyday(package)?,
        }
        for binary in binaries {
            let path = place.join(format!("{binary}{ending}"));
            if !path.is_file() {
                return Err(Failure::no(format!("`{binary}` of `{package}` was not built"))
                    .why("cargo leaves a binary out whose `required-features` are not on by default")
                    .next(format!("turn the features of `{binary}` on by default, or leave it out")));
            }
            let to = output.join(format!("{binary}{ending}"));
            symbols::split(self.doors, &self.toolchain, target, &path, &to)?;
        }
        Ok(())
    }

    /// An example, as the binaries of a package are built.
    fn example(&self, target: &str, package: &str, example: &str, output: &Path) -> Result<()> {
        let ending = if target.contains("windows") { ".exe" } else { "" };
        let program = format!("{example}{ending}");
        let made = self.cargo_folder();
        let place = match self.profile {
            Profile::Release => {
                self.cargo(target, &["--example", example, "--package", package], &made)?;
                made.join(target).join("release")
            }
            Profile::Everyday => {
                let words = ["build", "--locked", "--example", example, "--package", package];
                self.follow(&Command::new("cargo", words), package)?;
                self.facts.target.join("debug")
            }
        };
        symbols::split(
            self.doors,
            &self.toolchain,
            target,
            &place.join("examples").join(&program),
            &output.join(&program),
        )
    }

    fn everyday(&self, package: &str) -> Result<()> {
        let command = Command::new("cargo", ["build", "--locked", "--bins", "--package", package]);
        self.follow(&command, package)
    }

    fn follow(&self, command: &Command, package: &str) -> Result<()> {
        let ended = self.doors.shell.follow(command, &[], |line| self.doors.terminal.talk(&line))?;
        if ended == Ended::Exit(0) {
            return Ok(());
        }
        let words = command.arguments.iter().take_while(|word| *word != "--target-dir");
        let words: Vec<_> = words.map(String::as_str).collect();
        Err(Failure::no(format!("`{package}` does not build: {ended}"))
            .why("what cargo said is above")
            .next(format!("cargo {}", words.join(" "))))
    }

    fn cargo(&self, target: &str, what: &[&str], made: &Path) -> Result<()> {
        let begin = ["build", "--release", "--locked"].into_iter();
        let words = begin.chain(what.iter().copied()).chain(["--target", target]).map(str::to_owned);
        let words = words.chain(["--target-dir".to_owned(), made.display().to_string()]);
        let mut command = Command::new("cargo", words)
            .with("SOURCE_DATE_EPOCH", self.plan.commit_time.to_string())
            .with("CARGO_INCREMENTAL", "0");
        command.variables.extend(symbols::profile(target));
        let remaps = flags::remaps(&flags::Places {
            checkout: self.doors.workspace.root(),
            target: made,
            cargo_home: self.doors.environment.cargo_home().as_deref(),
            sysroot: &self.toolchain.sysroot,
            compiler: &self.toolchain.commit,
        });
        command.variables.extend(flags::variables(self.doors, target, &remaps)?);
        self.follow(&command, what.last().copied().unwrap_or_default())
    }
}

/// The folders with what was built for each target of the plan, or all that keeps it from being staged.
pub(crate) fn find(plan: &Plan, places: &[PathBuf]) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let mut findings = Vec::new();
    for target in &plan.targets {
        let again = format!("cargo xtask release build --target {target}");
        let folder = places.iter().map(|place| place.join(target)).find(|folder| folder.is_dir());
        match folder {
            None => {
                let problem = format!("nothing was built for {target}");
                findings.push(Finding::at("", 0, problem, again));
            }
            Some(folder) => {
                let problems = differences(plan, target, &folder)?;
                findings.extend(problems.into_iter().map(|(file, problem)| {
                    Finding::at(format!("{target}/{file}"), 0, problem, again.clone())
                }));
                found.push((target.clone(), folder));
            }
        }
    }
    if findings.is_empty() {
        return Ok(found);
    }
    Err(Failure::found(Exit::Refused, "the binaries of this plan are not all there", findings))
}

/// Where a folder is not what was built for this plan: file and problem.
fn differences(plan: &Plan, target: &str, folder: &Path) -> Result<Vec<(String, String)>> {
    let said = |problem: &str| Ok(vec![(FILE.to_owned(), problem.to_owned())]);
    let Some(text) = files::read_text(&folder.join(FILE))? else { return said("is not there") };
    let Ok(built) = serde_json::from_str::<Built>(&text) else { return said("cannot be read") };
    if built.version != VERSION || built.target != target {
        return said("is of another version or target");
    }
    if built.plan != plan.digest() {
        return said("was written for another plan");
    }
    let here = Workspace::at(folder);
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for path in files::walk(folder)? {
        let name = here.name_of(&path);
        if name == FILE {
            continue;
        }
        match built.files.get(&name) {
            None => problems.push((name.clone(), "nobody built this file".to_owned())),
            Some(staged) if files::digest(&path)? != Some(staged.sha256) => {
                problems.push((name.clone(), "is not what was built".to_owned()));
            }
            Some(_) => {}
        }
        seen.insert(name);
    }
    let missing = built.files.keys().filter(|name| !seen.contains(*name));
    problems.extend(missing.map(|name| (name.clone(), "is missing".to_owned())));
    Ok(problems)
}
