//! `cargo xtask doctor --github`: how the repository is set up, asked with a maintainer's own token.

mod lines;

use std::collections::BTreeMap;
use std::path::Path;

use crate::release::config::Config;
use crate::release::evidence::SETTINGS_REF;
use crate::release::protocol::Request;
use crate::release::protocol::forge::{AskSettings, Settings};
use crate::release::{approve, config, facts, plan, units};
use lines::{Environment, Rules, Setup, lines};
use nexus_xtask::cli::doctor::OfGithub;
use nexus_xtask::doctor::{self, report::Line};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::files;
use nexus_xtask::satellite::{self, SHIP};
use nexus_xtask::shell::Command;

/// The variable with the token.
const TOKEN: &str = "GITHUB_TOKEN";

pub(super) fn run(doors: &Doors, arguments: &OfGithub) -> Result<Exit> {
    if doors.environment.get(TOKEN).is_none() {
        return Err(Failure::refused(format!("{TOKEN} is not set"))
            .why("only a maintainer's own token may read how a repository is set up")
            .next(
                "make a fine-grained token with `Administration: read` and `Environments: read`, and set it",
            ));
    }
    let config = config::load(&doors.workspace)?;
    let facts = facts::gather(doors)?;
    let no_plan = |findings| Failure::found(Exit::Usage, "this commit has no plan", findings);
    let repository = plan::repository(&config, &facts).map_err(no_plan)?;
    let units = units::units(&config, &facts).map_err(no_plan)?;
    let forge = doors.environment.get("GITHUB_API_URL").unwrap_or(&config.forge.api);
    let ask = AskSettings {
        forge: forge.to_owned(),
        repository: repository.clone(),
        environments: arguments.environment.clone(),
        branches: branches(doors, &config)?,
    };
    let found: Settings = satellite::call(doors, SHIP, &Request::Settings(ask), &[TOKEN], |_| {})?;
    let tags = units.iter().map(|unit| unit.tag(&unit.version)).collect();
    let lines = lines(&setup(&config, repository.clone(), tags, &found));
    keep(doors, &repository, &found, &lines)?;
    if let Some(key) = &arguments.key {
        sign(doors, arguments, key, repository, &lines)?;
    }
    doctor::show(doors, &lines, "a release from this repository is not what it seems")
}

/// The branches of `origin` that releases are made from.
fn branches(doors: &Doors, config: &Config) -> Result<Vec<String>> {
    let words = ["for-each-ref", "--format=%(refname:lstrip=3)", "refs/remotes/origin"];
    let known = doors.shell.read(&Command::new("git", words))?;
    let is_released =
        |name: &&str| config.branches.iter().any(|pattern| fast_glob::glob_match(pattern, *name));
    Ok(known.lines().filter(is_released).map(str::to_owned).collect())
}

fn setup(config: &Config, repository: String, tags: Vec<String>, found: &Settings) -> Setup {
    let environments = found.environments.iter().map(|(name, environment)| {
        let environment = environment.as_ref().map(|environment| Environment {
            reviewers: environment.reviewers.clone(),
            prevents_self_review: environment.prevents_self_review,
            limits_branches: environment.limits_branches,
        });
        (name.clone(), environment)
    });
    let tag_rules = found.tags.iter().map(|set| Rules {
        is_active: set.is_active,
        include: set.include.clone(),
        exclude: set.exclude.clone(),
        rules: set.rules.clone(),
    });
    Setup {
        repository,
        environments: environments.collect::<BTreeMap<_, _>>(),
        branches: found.branches.clone(),
        tags,
        tag_rules: tag_rules.collect(),
        immutable: found.immutable,
        immutable_wanted: config.forge.immutable,
        token_writes: found.token_writes,
    }
}

/// Signs that this was seen: also what is not well, so that nobody takes an older look for the state of things.
fn sign(doors: &Doors, arguments: &OfGithub, key: &Path, repository: String, lines: &[Line]) -> Result<()> {
    let who = approve::name(doors, arguments.name.as_deref())?;
    let sick = lines.iter().filter(|line| line.is_sick());
    let problems = sick.map(|line| format!("{}: {}", line.what, line.detail)).collect();
    let key = doors.environment.folder().join(key);
    let looked = approve::looked(doors, repository, who, &key, problems)?;
    if arguments.push && arguments.execute {
        return approve::send(doors, SETTINGS_REF, &looked.who);
    }
    doors.terminal.talk(&format!("kept in this repository; to send it: git push origin {SETTINGS_REF}"));
    Ok(())
}

/// Leaves what was found and what was said of it, with the time.
fn keep(doors: &Doors, repository: &str, found: &Settings, lines: &[Line]) -> Result<()> {
    let value = serde_json::json!({
        "v": 1, "repository": repository, "at": doors.clock.now(), "found": found, "checks": lines,
    });
    let path = doors.workspace.state().join("release/github-settings.json");
    let text = serde_json::to_string_pretty(&value).map_err(anyhow::Error::from)?;
    Ok(files::write(&path, text + "\n")?)
}
