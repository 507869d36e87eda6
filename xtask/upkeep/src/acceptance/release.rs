//! The executor of a release, killed everywhere.
//!
//! A workspace of twenty crates, two of them with binaries, is built and staged. Then `release rehearse
//! --crash-everywhere` kills the executor at every effect and every place of it, with and without the journal, and
//! compares each world with the undisturbed one.

use crate::acceptance::world::World;
use nexus_xtask::clock::spoken;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::files;
use nexus_xtask::satellite::{self, SHIP};
use nexus_xtask::shell::Command;

/// How many crates the workspace has.
const CRATES: usize = 20;

/// Runs the suite.
pub(crate) fn run(doors: &Doors) -> Result<Exit> {
    let begun = doors.clock.start();
    let world = fixture(doors)?;
    let asked =
        world.shell.capture(&world.xtask(&["--json", "release", "rehearse", "--crash-everywhere"]))?;
    if !asked.is_success() {
        return Err(Failure::no("the rehearsal failed")
            .why(asked.stderr.trim())
            .why(asked.text())
            .next(format!("look at {}", world.root.display())));
    }
    let matrix: serde_json::Value = serde_json::from_slice(&asked.stdout).map_err(anyhow::Error::from)?;
    if doors.terminal.is_json() {
        doors.terminal.json(&matrix)?;
    } else {
        doors.terminal.data(&format!(
            "release: {CRATES} crates, {} effects, killed {} times ({} without the journal), 0 failures, {}",
            matrix["effects"],
            matrix["killed"],
            matrix["without_journal"],
            spoken(begun.elapsed())
        ));
    }
    files::remove_folder(&world.base)?;
    Ok(Exit::Done)
}

/// A workspace of crates that need each other, with the satellite beside the toolkit's binary.
fn fixture(doors: &Doors) -> Result<World> {
    let world = World::create(doors, "release")?;
    let ship = satellite::binary(doors, SHIP)?.display().to_string();
    let beside = world.base.join("bin").join(SHIP.package).display().to_string();
    doors.shell.read(&Command::new("cp", ["-p", "--", &ship, &beside]))?;
    let write = |path: &str, text: &str| files::write_cache(&world.root.join(path), text);
    write(
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n\n[workspace.package]\nversion = \"1.2.0\"\n\
         edition = \"2024\"\nlicense = \"MIT\"\ndescription = \"A part\"\n\
         repository = \"https://example.invalid/owner/twenty\"\n",
    )?;
    write(".gitignore", "/target/\n/.xtask/\n")?;
    write(
        "CHANGELOG.md",
        "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-01-02\n\n### Added\n\n- Twenty crates.\n",
    )?;
    for number in 0..CRATES {
        let folder = format!("crates/c{number:02}");
        write(&format!("{folder}/Cargo.toml"), &manifest(number))?;
        write(&format!("{folder}/src/lib.rs"), &library(number))?;
        if number >= CRATES - 2 {
            let main = format!("fn main() {{\n    println!(\"{{}}\", c{number:02}::sum());\n}}\n");
            write(&format!("{folder}/src/main.rs"), &main)?;
        }
    }
    world.shell.read(&world.command("cargo", &["generate-lockfile", "--offline"]))?;
    world.commit("release: twenty crates")?;
    Ok(world)
}

/// The crates that a crate needs: the one before it, and the one at half its number.
fn needs(number: usize) -> Vec<usize> {
    let mut needs: Vec<usize> = number.checked_sub(1).into_iter().chain([number / 2]).collect();
    needs.retain(|need| *need != number);
    needs.sort_unstable();
    needs.dedup();
    needs
}

fn manifest(number: usize) -> String {
    let inherited: String = ["version", "edition", "license", "description", "repository"]
        .iter()
        .map(|key| format!("{key}.workspace = true\n"))
        .collect();
    let dependencies: String = needs(number)
        .iter()
        .map(|need| format!("c{need:02} = {{ path = \"../c{need:02}\", version = \"1.2.0\" }}\n"))
        .collect();
    format!("[package]\nname = \"c{number:02}\"\n{inherited}\n[dependencies]\n{dependencies}")
}

fn library(number: usize) -> String {
    let terms: String = needs(number).iter().map(|need| format!(" + c{need:02}::sum()")).collect();
    format!(
        "//! Crate {number}.\n\n/// A sum over the crates below.\npub fn sum() -> u64 {{\n    1{terms}\n}}\n"
    )
}
