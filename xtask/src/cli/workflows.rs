//! `cargo xtask workflows`.

mod stages;

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::ci;
use crate::doors::Doors;
use crate::failure::{Exit, Failure, Result};
use crate::files;
use crate::satellite::{DELIVER, SHIP, Satellite};
use crate::shell::Command;
use crate::tools::{self, front};
use crate::workflows::{self, Checked, Front};

/// What to do with the workflow files. Without a flag: print what `--write` would do.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Write the generated files, and remove those that no generator makes any more
    #[arg(long, conflicts_with_all = ["check", "adopt_pins"])]
    write: bool,
    /// Check every file below .github: drift with a diff, pins, rights, scripts, limits
    #[arg(long, conflicts_with = "adopt_pins")]
    check: bool,
    /// Take over the pins of actions that a bot changed in the generated files
    #[arg(long)]
    adopt_pins: bool,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let installed = &installed(&install_arguments(doors)?);
    let workflows = workflows::read(doors, installed, released(doors)?, stages::deployed(doors)?)?;
    if arguments.check {
        let mut jobs: Vec<_> = ci::jobs(doors)?.into_iter().map(|planned| planned.job).collect();
        jobs.dedup();
        return show(doors, workflows.check(&jobs));
    }
    let (verb, lines) = if arguments.adopt_pins {
        ("adopted", workflows.adopt_pins(doors, installed)?)
    } else if arguments.write {
        ("written", lines(&workflows.write(doors)?))
    } else {
        ("planned", lines(&workflows.plan()))
    };
    if doors.terminal.is_json() {
        doors.terminal.json(&serde_json::json!({ verb: lines }))?;
    } else {
        lines.iter().for_each(|line| doors.terminal.data(line));
        if lines.is_empty() {
            doors.terminal.talk("no pin differs from release/actions.toml");
        } else if verb == "planned" {
            doors.terminal.talk("next: cargo xtask workflows --write");
        }
    }
    Ok(Exit::Done)
}

/// Where it is declared how the workspace is released.
const RELEASE: &str = "release/release.toml";

/// What workflows must know of that file. Whoever releases reads all of it, and says what is wrong there.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Released {
    groups: BTreeMap<String, Tagged>,
    packages: BTreeMap<String, Tagged>,
    signing: Signing,
    registry: Registry,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tagged {
    tag: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Signing {
    public_key: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Registry {
    trusted: bool,
}

/// How the workspace is released; none where it declares nothing about that.
fn released(doors: &Doors) -> Result<Option<workflows::Release>> {
    let Some(text) = files::read_text(&doors.workspace.file(RELEASE))? else { return Ok(None) };
    let config: Released = toml::from_str(&text).map_err(|error| {
        Failure::usage(format!("`{RELEASE}` cannot be read"))
            .why(error.message())
            .next("cargo xtask release plan")
    })?;
    Ok(Some(workflows::Release {
        tags: tags(&config),
        signed: config.signing.public_key.is_some(),
        trusted: config.registry.trusted,
    }))
}

/// What the tags of releases look like, in GitHub's patterns: those of units that declare none, and those declared.
fn tags(config: &Released) -> Vec<String> {
    let declared =
        config.packages.values().chain(config.groups.values()).filter_map(|unit| unit.tag.as_deref());
    let mut tags: Vec<String> = Vec::new();
    for template in ["v{version}", "{package}-v{version}"].into_iter().chain(declared) {
        let mut pattern = String::new();
        for character in template.chars() {
            if "*+?![]\\".contains(character) {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        let pattern = pattern.replace("{package}", "*").replace("{version}", "[0-9]*");
        if !tags.contains(&pattern) {
            tags.push(pattern);
        }
    }
    tags
}

/// Every generated file of a workspace that adopts the toolkit: path from its root, and text. `arguments` make cargo
/// install the version that the workspace will pin.
pub(super) fn adopted(doors: &Doors, arguments: &[String]) -> Result<Vec<(String, String)>> {
    let asked = Command::new("git", ["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"]);
    // Without git, without a remote or without a head of it there is no answer; the file to edit says the branch.
    let branch = doors.shell.read(&asked).unwrap_or_default();
    let branch = branch.strip_prefix("origin/").unwrap_or("main");
    Ok(workflows::adopted(&installed(arguments), branch))
}

/// The arguments that make cargo install the pinned front, or this version where none is pinned.
fn install_arguments(doors: &Doors) -> Result<Vec<String>> {
    Ok(match tools::config::load(&doors.workspace)?.xtask {
        Some(pinned) => front::install_command(&pinned).arguments,
        None => vec!["install".to_owned(), "--locked".to_owned(), format!("nexus-xtask@={}", front::RUNNING)],
    })
}

/// The lines by which a job installs the front, and the satellites beside it. With the newest toolchain, whatever the
/// workspace itself is built with: the front may need a newer one.
fn installed(arguments: &[String]) -> Front {
    let line = |words: Vec<String>, more: &[&str]| {
        let more = more.iter().map(|word| (*word).to_owned());
        Command::new("cargo", std::iter::once("+stable".to_owned()).chain(words).chain(more)).to_string()
    };
    Front::Installed {
        install: line(arguments.to_vec(), &["--quiet", "--force", "--bin", "cargo-nexus-xtask"]),
        satellites: [DELIVER, SHIP]
            .iter()
            .map(|satellite| line(of_satellite(satellite, arguments), &["--quiet", "--force"]))
            .collect(),
    }
}

/// The arguments that install a satellite from where these install the front: it is another package of the same source.
fn of_satellite(satellite: &Satellite, arguments: &[String]) -> Vec<String> {
    let mut is_path = false;
    let below = satellite.folder.trim_start_matches("xtask/");
    let of_satellite = |word: &String| {
        let was_path = std::mem::replace(&mut is_path, word == "--path");
        match word.strip_prefix("nexus-xtask") {
            _ if was_path => format!("{word}/{below}"),
            Some(version) if version.is_empty() || version.starts_with('@') => {
                format!("{}{version}", satellite.package)
            }
            _ => word.clone(),
        }
    };
    arguments.iter().map(of_satellite).collect()
}

fn lines(changes: &[workflows::Change]) -> Vec<String> {
    changes.iter().map(ToString::to_string).collect()
}

fn show(doors: &Doors, checked: Checked) -> Result<Exit> {
    let Checked { ours, foreign, findings, warnings } = checked;
    if doors.terminal.is_json() && findings.is_empty() {
        let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        doors
            .terminal
            .json(&serde_json::json!({ "ours": ours, "foreign": foreign, "warnings": warnings }))?;
    } else if !doors.terminal.is_json() {
        ours.iter().for_each(|file| doors.terminal.data(&format!("ours     {file}")));
        foreign.iter().for_each(|file| doors.terminal.data(&format!("foreign  {file}")));
        warnings.iter().for_each(|warning| doors.terminal.talk(&format!("warning: {warning}")));
    }
    if findings.is_empty() {
        return Ok(Exit::Done);
    }
    Err(Failure::found(Exit::No, "the workflow files are not what they should be", findings))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_satellite_is_installed_from_where_the_front_is() {
        for (front, ship) in [
            ("install --locked nexus-xtask@=0.1.0", "install --locked nexus-xtask-ship@=0.1.0"),
            (
                "install --git https://e.org/nexus-xtask --rev a nexus-xtask",
                "install --git https://e.org/nexus-xtask --rev a nexus-xtask-ship",
            ),
            ("install --path nexus-xtask", "install --path nexus-xtask/ship"),
        ] {
            let words: Vec<_> = front.split(' ').map(str::to_owned).collect();
            assert_eq!(super::of_satellite(&crate::satellite::SHIP, &words).join(" "), ship);
        }
    }

    #[test]
    fn tags_of_releases_become_patterns() {
        let config: super::Released =
            toml::from_str("[groups.g]\npackages = []\ntag = \"g/{version}+x\"\n").unwrap();
        assert_eq!(super::tags(&config), ["v[0-9]*", "*-v[0-9]*", "g/[0-9]*\\+x"]);
    }

    #[test]
    fn the_condition_of_the_checks_names_the_very_matrix_of_an_empty_plan() {
        let empty = crate::ci::matrix::rows(&[]).matrix();
        assert_eq!(crate::workflows::NOT_EMPTY, format!("needs.plan.outputs.matrix != '{empty}'"));
    }
}
