//! What people signed, and whether they may.
//!
//! Signers are in `release/approvers`, in the form that ssh-keygen(1) calls ALLOWED SIGNERS: a name (an e-mail address) and
//! a public key a line. The file counts as it was at the last release, so that a release adds no signer; and as it is
//! now, so that it can take one away. Before the first release, and where the last one had no such file, it counts as it
//! was in the commit before the release commit: whoever made that release had to get it merged before.

use super::{World, history};
use crate::release::gates::approvals::{Approvals, Found, Signature, Statement};
use crate::release::gates::history::short;
use crate::release::gates::waits::{Looked, Settings};
use crate::release::manifest::Seal;
use crate::release::signed::{self, Desk, Said, Signed};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::shell::Command;

/// The namespace of approvals.
pub(crate) const APPROVAL: &str = "nexus-xtask-approval";

/// The namespace of looks at GitHub's settings.
pub(crate) const SETTINGS: &str = "nexus-xtask-github-settings";

/// Where looks at GitHub's settings are kept.
pub(crate) const SETTINGS_REF: &str = "refs/xtask/settings/github";

/// The list of signers, from the root.
const APPROVERS: &str = "release/approvers";

/// Where the approvals of a seal are kept.
pub(crate) fn approvals_of(seal: &Seal) -> String {
    format!("refs/xtask/approvals/{seal}")
}

/// Who may sign.
struct Signers {
    /// As of the last release.
    before: String,
    /// As of the release commit.
    now: String,
    /// Where the first of them are from.
    from: String,
}

pub(super) fn approvals(world: &World) -> Result<Approvals> {
    let doors = world.doors;
    let reference = approvals_of(&world.seal()?);
    let notes = signed::fetch(doors, &reference)?.into_iter().collect();
    let signers = signers(world)?;
    let excluded = excluded(world)?;
    let desk = Desk::new(doors)?;
    let mut found = Vec::new();
    for signed in kept(doors, &reference)? {
        let statement: Option<Statement> = serde_json::from_str(&signed.text).ok();
        let statement = statement.filter(|statement| is_name(&statement.who));
        let signature = match &statement {
            Some(statement) => signature(&desk, &signers, &excluded, &statement.who, &signed)?,
            None => Signature::Bad,
        };
        found.push(Found { statement, signature });
    }
    Ok(Approvals { signers: signers.from, excluded, found, notes })
}

/// What is kept here and what was fetched, each once.
fn kept(doors: &Doors, reference: &str) -> Result<Vec<Signed>> {
    let mut all = signed::read(doors, reference)?;
    for more in signed::read(doors, &signed::fetched(reference))? {
        if !all.contains(&more) {
            all.push(more);
        }
    }
    Ok(all)
}

/// True for what can be a name in a list of signers: there `*`, `?`, `!` and `,` make patterns.
fn is_name(who: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@.+-_[]".contains(c);
    !who.is_empty() && !who.starts_with('-') && who.chars().all(plain)
}

fn signature(
    desk: &Desk,
    signers: &Signers,
    excluded: &[(String, String)],
    who: &str,
    signed: &Signed,
) -> Result<Signature> {
    let before = desk.check(APPROVAL, &signers.before, who, signed)?;
    let now = desk.check(APPROVAL, &signers.now, who, signed)?;
    let key = match (before, now) {
        (Said::Good(key), Said::Good(_)) => key,
        (Said::Bad, _) | (_, Said::Bad) => return Ok(Signature::Bad),
        (Said::Good(_), Said::NotListed) => return Ok(Signature::Removed),
        (Said::NotListed, Said::Good(_)) => return Ok(Signature::Added),
        (Said::NotListed, Said::NotListed) => return Ok(Signature::Stranger),
    };
    let both = format!("{}\n{}\n", signers.before, signers.now);
    let mut also = Vec::new();
    for (name, _) in excluded.iter().filter(|(name, _)| is_name(name)) {
        if let Said::Good(_) = desk.check(APPROVAL, &both, name, signed)? {
            also.push(name.clone());
        }
    }
    Ok(Signature::Good { key, also })
}

/// Whoever made the release commit, and whoever runs this.
fn excluded(world: &World) -> Result<Vec<(String, String)>> {
    let format = "--format=%ae%n%aE%n%ce%n%cE%n%(trailers:key=Co-authored-by,valueonly)";
    let made = world.doors.shell.read(&Command::new("git", ["show", "-s", format, &world.plan.commit]))?;
    let address = |line: &str| {
        let inner = line.rsplit_once('<').map_or(line, |(_, rest)| rest.trim_end().trim_end_matches('>'));
        inner.trim().to_owned()
    };
    let mut all: Vec<(String, String)> = made
        .lines()
        .map(address)
        .filter(|name| !name.is_empty())
        .map(|name| (name, "made the release commit".to_owned()))
        .collect();
    let runs = runner(world.doors)?;
    if runs.is_empty() {
        return Err(Failure::refused("nobody knows who runs this, and whoever does cannot approve it")
            .next("git config user.email NAME@EXAMPLE.COM"));
    }
    all.extend(runs.into_iter().map(|name| (name, "runs the release".to_owned())));
    all.sort();
    all.dedup_by(|a, b| a.0.eq_ignore_ascii_case(&b.0));
    Ok(all)
}

/// Every name of whoever runs this: as git knows them, and as GitHub does.
fn runner(doors: &Doors) -> Result<Vec<String>> {
    let configured = doors.shell.capture(&Command::new("git", ["config", "user.email"]))?.text();
    let variables = ["GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"];
    let mut names: Vec<_> =
        variables.iter().filter_map(|name| doors.environment.get(name)).map(str::to_owned).collect();
    names.push(configured);
    let actors = [("GITHUB_ACTOR", Some("GITHUB_ACTOR_ID")), ("GITHUB_TRIGGERING_ACTOR", None)];
    for (actor, number) in actors {
        let Some(actor) = doors.environment.get(actor) else { continue };
        names.push(actor.to_owned());
        names.push(format!("{actor}@users.noreply.github.com"));
        let number = number.and_then(|number| doors.environment.get(number));
        names.extend(number.map(|number| format!("{number}+{actor}@users.noreply.github.com")));
    }
    names.retain(|name| !name.is_empty());
    Ok(names)
}

fn signers(world: &World) -> Result<Signers> {
    let doors = world.doors;
    let commit = &world.plan.commit;
    if world.facts.shallow {
        return Err(Failure::refused("a shallow clone does not know the last release, whose signers count")
            .next("git fetch --unshallow --tags origin"));
    }
    let now = show(doors, commit)?.unwrap_or_default();
    let last = last_release(world)?;
    if let Some(tag) = &last
        && let Some(before) = show(doors, &format!("refs/tags/{tag}"))?
    {
        return Ok(Signers { before, now, from: format!("those of `{tag}`") });
    }
    let parent = format!("{commit}^1");
    let from = doors.shell.capture(&Command::new("git", ["rev-parse", "--verify", "--quiet", &parent]))?;
    let before = if from.is_success() { show(doors, &from.text())? } else { None };
    let why = match &last {
        Some(tag) => format!("`{tag}` had none"),
        None => "there is no earlier release".to_owned(),
    };
    match before {
        Some(before) => {
            Ok(Signers { before, now, from: format!("those of {}, for {why}", short(&from.text())) })
        }
        None => {
            Err(Failure::refused(format!("nobody can approve this: no commit before it has `{APPROVERS}`"))
                .why(format!("signers are read from the last release, and {why}"))
                .next(format!("add `{APPROVERS}` in a commit of its own, before the release commit")))
        }
    }
}

/// The list of signers of a commit.
fn show(doors: &Doors, revision: &str) -> Result<Option<String>> {
    let captured =
        doors.shell.capture(&Command::new("git", ["show", &format!("{revision}:./{APPROVERS}")]))?;
    Ok(captured.is_success().then(|| captured.text()))
}

/// The tag of the release that is nearest before this commit.
fn last_release(world: &World) -> Result<Option<String>> {
    let earlier = history::earlier_tags(world)?;
    let is_release = |tag: &&String| world.units.iter().any(|unit| unit.version_of(tag).is_some());
    let releases: Vec<_> = earlier.iter().filter(is_release).collect();
    let words = ["rev-list", "--topo-order", "--simplify-by-decoration", &world.plan.commit];
    let commits = world.doors.shell.read(&Command::new("git", words))?;
    let mut tags = commits.lines().filter_map(|commit| {
        releases.iter().find(|tag| world.facts.tags.get(**tag).is_some_and(|of| of == commit))
    });
    Ok(tags.next().map(|tag| (*tag).clone()))
}

pub(super) fn settings(world: &World) -> Result<Settings> {
    let doors = world.doors;
    // A remote that cannot be asked leaves what is here, which is judged by its age.
    signed::fetch(doors, SETTINGS_REF)?;
    let all = kept(doors, SETTINGS_REF)?;
    if all.is_empty() {
        return Ok(Settings { looked: None });
    }
    let signers = signers(world)?;
    let desk = Desk::new(doors)?;
    let mut newest: Option<Looked> = None;
    let mut refused = "a look at the settings cannot be read".to_owned();
    for signed in all {
        let Ok(looked) = serde_json::from_str::<Looked>(&signed.text) else { continue };
        let listed = |list: &str| match is_name(&looked.who) {
            true => desk.check(SETTINGS, list, &looked.who, &signed),
            false => Ok(Said::NotListed),
        };
        match (listed(&signers.before)?, listed(&signers.now)?) {
            (Said::Good(_), Said::Good(_)) => {
                if newest.as_ref().is_none_or(|known| known.at < looked.at) {
                    newest = Some(looked);
                }
            }
            (Said::Bad, _) | (_, Said::Bad) => {
                refused = format!("the signature of {} is not of what they saw", looked.who);
            }
            _ => refused = format!("{} is no signer: signers are {}", looked.who, signers.from),
        }
    }
    Ok(Settings { looked: Some(newest.ok_or(refused)) })
}
