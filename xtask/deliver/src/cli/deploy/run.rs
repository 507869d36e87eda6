//! `cargo xtask deploy plan`, `run` and `rollback`.

use std::collections::BTreeMap;
use std::path::Path;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::files;
use nexus_xtask::journal::{self, Entry};
use nexus_xtask::shell::{Command, quoted};

use super::announce::Record;
use super::traced::Traced;
use super::{Wanted, delivered, gates};
use crate::cli::truth::phase::{self, Early};
use crate::deploy::config::{self, Config, DriverKind, Stage};
use crate::deploy::contract::{Bundle, Driver, HostName, ReleaseId};
use crate::deploy::engine::{Hook, Outcome};
use crate::deploy::execute::{self, Run};
use crate::deploy::facts::{self, Sealed};
use crate::deploy::plan::{self, HostFacts, Kind, Known, Plan};
use crate::deploy::report;
use crate::release::plan::Kind as ArtifactKind;
use crate::release::{build, staging};

/// What is deployed, and whether it is.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    wanted: Wanted,
    /// Do it; without this the plan is shown, and no host is changed
    #[arg(long)]
    execute: bool,
    #[command(flatten)]
    early: Early,
}

/// What a stage goes back to.
#[derive(Debug, clap::Args)]
pub(super) struct Back {
    /// The stage
    #[arg(long, value_name = "STAGE")]
    stage: String,
    /// The release, as `deploy status` and `deploy history` name it; the last good one where nothing is said
    #[arg(long, value_name = "RELEASE")]
    to: Option<String>,
    /// The backup from which the data was restored, where it had been contracted since that release; it is written down
    #[arg(long, value_name = "BACKUP")]
    restored: Option<String>,
    /// Do it; without this the plan is shown, and no host is changed
    #[arg(long)]
    execute: bool,
}

/// A release that is staged.
#[derive(Debug)]
pub(crate) struct Staged {
    /// What is deployed of it.
    pub(crate) sealed: Sealed,
    /// Its plan.
    pub(crate) plan: crate::release::plan::Plan,
    /// Its manifest.
    pub(crate) manifest: crate::release::manifest::Manifest,
}

/// A deployment that ended.
#[derive(Debug)]
pub(crate) struct Deployed {
    /// Its plan.
    pub(crate) plan: Plan,
    /// How it ended.
    pub(crate) outcome: Outcome,
}

pub(super) fn plan(doors: &Doors, wanted: &Wanted) -> Result<Exit> {
    let config = config::load(&doors.workspace)?;
    let stage = config.stage(&wanted.to)?;
    let staged = meant(doors, &config, wanted)?;
    let way = Way::open(doors, &config, &wanted.to, stage)?;
    let (plan, refused) =
        way.plan(Kind::Deploy, facts::bundle(&config, stage, &staged.sealed), Some(&staged), wanted)?;
    if doors.terminal.is_json() {
        doors
            .terminal
            .json(&serde_json::json!({ "plan": plan, "digest": plan.digest(), "refused": refused }))?;
    } else {
        doors.terminal.data(&report::plan(&plan));
        if wanted.show_commands {
            doors.terminal.data(&report::commands(&plan, way.driver.as_ref()));
        }
    }
    if refused.is_empty() {
        return Ok(Exit::Done);
    }
    Err(plan::failure(&refused, format!("`{}` cannot have this release now", wanted.to)))
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let wanted = &arguments.wanted;
    if !arguments.execute {
        let exit = plan(doors, wanted)?;
        doors.terminal.talk("no host was changed; to do it: add --execute");
        return Ok(exit);
    }
    let config = config::load(&doors.workspace)?;
    match config.stage(&wanted.to)?.driver {
        DriverKind::Ssh => phase::require(doors, "deploy run", &arguments.early)?,
        // Nothing leaves this machine.
        DriverKind::Local => {}
    }
    let staged = meant(doors, &config, wanted)?;
    let deployed = deploy(doors, &config, &staged, wanted)?;
    show(doors, &deployed)
}

/// Deploys a sealed archive.
fn deploy(doors: &Doors, config: &Config, staged: &Staged, wanted: &Wanted) -> Result<Deployed> {
    let stage = config.stage(&wanted.to)?;
    let way = Way::open(doors, config, &wanted.to, stage)?;
    let (plan, refused) =
        way.plan(Kind::Deploy, facts::bundle(config, stage, &staged.sealed), Some(staged), wanted)?;
    if !refused.is_empty() {
        return Err(plan::failure(&refused, format!("`{}` cannot have this release now", wanted.to)));
    }
    way.carry_out(plan)
}

pub(super) fn rollback(doors: &Doors, arguments: &Back) -> Result<Exit> {
    let config = config::load(&doors.workspace)?;
    let stage = config.stage(&arguments.stage)?;
    let way = Way::open(doors, &config, &arguments.stage, stage)?;
    let bundle = way.good(arguments.to.as_deref())?;
    let wanted = Wanted { restored: arguments.restored.clone(), ..Wanted::to(&arguments.stage) };
    let (plan, refused) = way.plan(Kind::Rollback, bundle, None, &wanted)?;
    if !refused.is_empty() {
        return Err(plan::failure(
            &refused,
            format!("`{}` cannot go back to {}", arguments.stage, plan.bundle.id.0),
        ));
    }
    if !arguments.execute {
        if doors.terminal.is_json() {
            doors.terminal.json(&plan)?;
        } else {
            doors.terminal.data(&report::plan(&plan));
        }
        doors.terminal.talk("no host was changed; to do it: add --execute");
        return Ok(Exit::Done);
    }
    show(doors, &way.carry_out(plan)?)
}

fn show(doors: &Doors, deployed: &Deployed) -> Result<Exit> {
    let (exit, text) = report::outcome(&deployed.plan, &deployed.outcome, &doors.environment.typed())?;
    if doors.terminal.is_json() {
        let plan = &deployed.plan;
        doors.terminal.json(&serde_json::json!({
            "stage": plan.stage, "release": plan.bundle.id, "plan": plan.digest(), "outcome": text,
        }))?;
    } else {
        doors.terminal.data(&text);
    }
    Ok(exit)
}

/// The staged release that is meant, and no other.
fn meant(doors: &Doors, config: &Config, wanted: &Wanted) -> Result<Staged> {
    let staged = staged(doors, config, wanted.staging.as_deref())?;
    match &wanted.seal {
        Some(seal) if seal.to_string() != staged.sealed.seal => {
            Err(Failure::new(Exit::Conflict, "the staged files have another seal")
                .why(format!("- {seal}"))
                .why(format!("+ {}", staged.sealed.seal))
                .next("get the files of the seal that you mean"))
        }
        Some(_) | None => Ok(staged),
    }
}

/// The staged release, and the archive of the service in it.
pub(crate) fn staged(doors: &Doors, config: &Config, given: Option<&Path>) -> Result<Staged> {
    let folder = staging::given(doors, given);
    let (plan, manifest, seal) = staging::check(&folder)?;
    let target = match &config.service.target {
        Some(target) => target.clone(),
        None => build::host(doors)?,
    };
    let name = &config.service.artifact;
    let is_wanted = |artifact: &&crate::release::plan::Artifact| {
        artifact.kind == ArtifactKind::Archive
            && artifact.release.is_none()
            && artifact.target.as_deref() == Some(target.as_str())
            && artifact.example.as_ref().or(artifact.package.as_ref()) == Some(name)
    };
    let artifact = plan.artifacts.iter().find(is_wanted).ok_or_else(|| {
        Failure::refused(format!("`{}` has no `{name}` for {target}", folder.display()))
            .why("`service.artifact` in release/stages.toml names it")
            .next("name the service under `artifacts.deployed` in release/release.toml, and stage again")
    })?;
    let package = artifact.package.as_deref().unwrap_or_default();
    let version = plan.releases.iter().find(|release| release.packages.iter().any(|one| one == package));
    let file = manifest.files.get(&artifact.file).ok_or_else(|| {
        Failure::refused(format!("`{}` is not in the manifest", artifact.file))
            .next("cargo xtask release stage")
    })?;
    let sealed = Sealed {
        archive: files::real(&folder.join(&artifact.file))?,
        digest: file.sha256,
        bytes: file.bytes,
        version: version.map(|release| release.version.to_string()).unwrap_or_default(),
        seal: seal.to_string(),
        commit: plan.commit.clone(),
    };
    Ok(Staged { sealed, plan, manifest })
}

/// The way to a stage, and what its hosts say.
pub(crate) struct Way<'a> {
    doors: &'a Doors,
    config: &'a Config,
    name: String,
    stage: &'a Stage,
    driver: Box<dyn Driver>,
    hosts: BTreeMap<HostName, HostFacts>,
    unreachable: BTreeMap<HostName, String>,
}

impl<'a> Way<'a> {
    pub(crate) fn open(
        doors: &'a Doors,
        config: &'a Config,
        name: &str,
        stage: &'a Stage,
    ) -> Result<Way<'a>> {
        let driver = facts::driver(doors, config, name, stage)?;
        let mut hosts = BTreeMap::new();
        let mut unreachable = BTreeMap::new();
        for (host, found) in facts::look(driver.as_ref(), stage) {
            match found {
                Ok(facts) => drop(hosts.insert(host, facts)),
                Err(trouble) => drop(unreachable.insert(host, trouble.to_string())),
            }
        }
        Ok(Way { doors, config, name: name.to_owned(), stage, driver, hosts, unreachable })
    }

    /// The plan, and every reason against it.
    pub(crate) fn plan(
        &self,
        kind: Kind,
        bundle: Bundle,
        staged: Option<&Staged>,
        wanted: &Wanted,
    ) -> Result<(Plan, Vec<plan::Refusal>)> {
        let mut plan = plan::make(self.config, &self.name, self.stage, kind, bundle, &self.hosts);
        plan.restored.clone_from(&wanted.restored);
        let now = self.doors.clock.now();
        let mut known = Known {
            unreachable: self.unreachable.clone(),
            freeze_broken: wanted.override_freeze.clone(),
            now_seconds: now.as_second(),
            bytes: staged.map_or(0, |staged| staged.sealed.bytes),
            ..Known::default()
        };
        if let (Kind::Deploy, Some(staged)) = (kind, staged) {
            known.frozen_until = gates::frozen_until(self.stage, now)?;
            known.gates = gates::ask(self.doors, &self.name, self.stage, staged)?;
            for before in &self.stage.after {
                let stage = self.config.stage(before)?;
                let driver = facts::driver(self.doors, self.config, before, stage)?;
                known
                    .upstream
                    .insert(before.clone(), facts::look(driver.as_ref(), stage).into_values().collect());
            }
        }
        let refused = plan::refusals(&plan, self.stage, &self.hosts, &known);
        Ok((plan, refused))
    }

    /// A release that was good on every host: the one that is named; else the one before what is confirmed. Where a
    /// deployment is open on any host, what was good before it is that one, confirmed or not.
    pub(crate) fn good(&self, named: Option<&str>) -> Result<Bundle> {
        let is_open = self.hosts.values().any(HostFacts::is_open);
        let of_host = |facts: &HostFacts| {
            let confirmed = facts.observed.confirmed.as_ref();
            let found = match named {
                Some(named) => facts.succeeded().into_iter().find(|(release, _)| release.0 == named),
                None => {
                    let mut good = facts.good().into_iter().rev();
                    good.find(|(release, _)| is_open || Some(release) != confirmed)
                }
            };
            found.map(|(release, labels)| (release, labels.clone()))
        };
        let found: Option<Vec<(ReleaseId, BTreeMap<String, String>)>> =
            self.hosts.values().map(of_host).collect();
        let mut found = found.unwrap_or_default();
        found.dedup_by(|one, other| one.0 == other.0);
        let (id, labels) = match found.as_slice() {
            [one] => one.clone(),
            [] => {
                return Err(Failure::refused(format!(
                    "no release to go back to was good on every host of `{}`",
                    self.name
                ))
                .why("only what was confirmed and never taken back counts")
                .next(format!("cargo xtask deploy history --stage {}", quoted(&self.name))));
            }
            several => {
                let names: Vec<&str> = several.iter().map(|(release, _)| release.0.as_str()).collect();
                return Err(Failure::refused("the hosts do not agree on the release before")
                    .why(names.join(", "))
                    .next(format!(
                        "cargo xtask deploy rollback --stage {} --to RELEASE",
                        quoted(&self.name)
                    )));
            }
        };
        let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
        Ok(Bundle {
            id,
            version: label("version"),
            archive: std::path::PathBuf::new(),
            digest: label("digest").parse().map_err(|_| {
                Failure::refused("the journal does not say its digest").next("cargo xtask deploy audit")
            })?,
            seal: label("seal"),
            commit: label("commit"),
            program: String::new(),
            configuration: BTreeMap::new(),
            secrets: Vec::new(),
        })
    }

    /// Carries a plan out.
    pub(crate) fn carry_out(&self, plan: Plan) -> Result<Deployed> {
        let who = gates::who(self.doors);
        let delivered = delivered::labels(self.doors, &plan, &self.hosts);
        let entry = |kind: &str, plan: &Plan, outcome: &str| {
            let labels = [
                ("stage", &*plan.stage),
                ("release", &*plan.bundle.id.0),
                ("way", plan.kind.word()),
                ("outcome", outcome),
            ];
            let labels = labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
            let entry = Entry {
                kind: kind.to_owned(),
                subject: plan.stage.clone(),
                labels: labels.chain(delivered.clone()).collect(),
                evidence: vec![plan.digest().to_string(), plan.bundle.seal.clone()],
                ..Entry::default()
            };
            journal::append(&self.doors.workspace, &self.doors.clock, vec![entry])
        };
        entry("deploy.begun", &plan, "")?;
        let traced = Traced::begin(self.doors, &plan, &delivered::name(&plan, &self.hosts));
        let begun = self.doors.clock.start();
        let deploy = |begins: &(dyn Fn() + Sync)| {
            execute::run(&Run {
                doors: self.doors,
                config: self.config,
                stage: self.stage,
                plan: &plan,
                driver: self.driver.as_ref(),
                who: &who,
                hook: &|hook| self.hook(hook),
                tell: &|phase, line| {
                    if phase.has_begun() {
                        begins();
                    }
                    traced.phase(phase.word());
                    let seconds = begun.elapsed().as_secs_f64();
                    self.doors.terminal.talk(&format!("{seconds:>6.1}s  {line}"));
                },
            })
        };
        let outcome = match Record::of(self.doors, self.config, &plan, &self.hosts) {
            Some(record) => record.around(deploy),
            None => deploy(&|| ()),
        }?;
        traced.end(self.doors, &outcome);
        let word = format!("{outcome:?}");
        entry("deploy.ended", &plan, word.split([' ', '{']).next().unwrap_or_default())?;
        Ok(Deployed { plan, outcome })
    }

    fn hook(&self, hook: &Hook) -> std::result::Result<(), String> {
        let words: Vec<String> = match hook {
            Hook::Backup(name) => return super::resilience::backup(self.doors, name),
            Hook::Expand(words) | Hook::Contract(words) | Hook::Check { words, .. } => words.clone(),
        };
        gates::passes(self.doors, &words).map_err(|why| format!("{hook}: {why}"))
    }
}

/// A command of the user.
pub(super) fn command(words: &[String]) -> Command {
    let (program, rest) =
        words.split_first().map_or((String::new(), &[][..]), |(first, rest)| (first.clone(), rest));
    Command::new(program, rest.to_vec())
}
