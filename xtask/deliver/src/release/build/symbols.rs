//! Debug symbols apart from the programs they belong to.

use std::path::Path;

use super::Toolchain;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;
use nexus_xtask::shell::Command;
use nexus_xtask::workspace::Workspace;

/// The folder beside a package's programs that holds what was split off.
const FOLDER: &str = "symbols";

/// How symbols come out of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// They are in the program, and `objcopy` takes them out.
    Inside,
    /// A folder `NAME.dSYM` beside the program.
    Folder,
    /// A file `NAME.pdb` beside the program.
    Database,
}

fn form(target: &str) -> Form {
    if target.contains("apple") {
        Form::Folder
    } else if target.contains("msvc") {
        Form::Database
    } else {
        Form::Inside
    }
}

/// The profile of the build: functions and lines have symbols, whatever the manifest says; nothing is stripped that is
/// not kept apart first.
pub(super) fn profile(target: &str) -> Vec<(String, String)> {
    let (split, strip) = match form(target) {
        Form::Inside => ("off", "none"),
        Form::Folder => ("packed", "debuginfo"),
        Form::Database => ("packed", "none"),
    };
    [("DEBUG", "limited"), ("SPLIT_DEBUGINFO", split), ("STRIP", strip)]
        .map(|(name, value)| (format!("CARGO_PROFILE_RELEASE_{name}"), value.to_owned()))
        .into()
}

/// Puts a program to its place, and its symbols beside it.
pub(super) fn split(
    doors: &Doors,
    toolchain: &Toolchain,
    target: &str,
    from: &Path,
    to: &Path,
) -> Result<()> {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let symbols = to.with_file_name(FOLDER);
    match form(target) {
        Form::Inside => {
            files::create_folder(&symbols)?;
            let kept = symbols.join(format!("{name}.debug"));
            objcopy(doors, toolchain, &[&"--only-keep-debug", &from.display(), &kept.display()])?;
            let link = format!("--add-gnu-debuglink={}", kept.display());
            objcopy(doors, toolchain, &[&"--strip-debug", &link, &from.display(), &to.display()])?;
        }
        Form::Folder => {
            files::copy(from, to)?;
            let folder = from.with_file_name(format!("{name}.dSYM"));
            let here = Workspace::at(&folder);
            for path in files::walk(&folder)? {
                files::copy(&path, &symbols.join(format!("{name}.dSYM")).join(here.name_of(&path)))?;
            }
        }
        Form::Database => {
            files::copy(from, to)?;
            let name = format!("{}.pdb", name.trim_end_matches(".exe").replace('-', "_"));
            files::copy(&from.with_file_name(&name), &symbols.join(&name))?;
        }
    }
    Ok(())
}

/// The objcopy of the toolchain, or the system's where the toolchain has none: then its version is not in the plan.
fn objcopy(doors: &Doors, toolchain: &Toolchain, arguments: &[&dyn std::fmt::Display]) -> Result<()> {
    let own = toolchain.sysroot.join("lib/rustlib").join(&toolchain.host).join("bin/rust-objcopy");
    let program = if own.is_file() { own.display().to_string() } else { "objcopy".to_owned() };
    let mut command = Command::new(program, arguments.iter().map(ToString::to_string));
    if own.is_file() {
        // It is linked against the compiler's own LLVM, which it does not find by itself in every toolchain.
        let libraries = toolchain.sysroot.join("lib").display().to_string();
        command = command.with("LD_LIBRARY_PATH", libraries);
    }
    let said = doors.shell.capture(&command)?;
    if said.is_success() {
        return Ok(());
    }
    Err(Failure::refused("debug symbols cannot be split off")
        .why(said.stderr.trim())
        .next("rustup component add llvm-tools, or install the package `binutils`"))
}
