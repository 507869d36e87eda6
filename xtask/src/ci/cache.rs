//! Receipts of passes: asked before a step runs, written after it passed.
//!
//! A receipt answers when its fingerprint is the same, everything that only showed when the step ran is the same, and
//! every declared output is there with the content it had. Failures are never kept.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::ci::discover::{self, Covered};
use crate::ci::facts::{self, Facts};
use crate::ci::fingerprint::{Fingerprint, first_difference, why_never};
use crate::ci::plan::{Answer, PlannedStep};
use crate::ci::step::{Step, StepId};
use crate::ci::tree::{self, Tree};
use crate::digest::Digest;
use crate::doors::Doors;
use crate::failure::Result;
use crate::files;
use crate::journal;
use crate::receipt::{self, Receipt};

/// How many receipts and trees are kept.
const RECEIPTS_MAX: usize = 400;

/// What the receipts say about every step.
pub(crate) fn look_up(
    doors: &Doors,
    facts: &Facts,
    steps: &[Step],
    fingerprints: &BTreeMap<StepId, Option<Fingerprint>>,
) -> Result<BTreeMap<StepId, Answer>> {
    let mut answers = BTreeMap::new();
    let variables = doors.environment.for_children();
    for step in steps {
        let Some(fingerprint) = fingerprints.get(&step.id).and_then(Option::as_ref) else { continue };
        let answer = match receipt::read(&doors.workspace, &fingerprint.digest)? {
            Some(receipt) => match stale(doors, &receipt, &variables)? {
                None => Answer::Proven(receipt.passed_at),
                Some(reason) => Answer::Open(reason),
            },
            None => Answer::Open(explain(doors, facts, step, fingerprint)?),
        };
        answers.insert(step.id.clone(), answer);
    }
    Ok(answers)
}

/// Why a receipt with the right fingerprint does not answer; `None` when it does.
fn stale(doors: &Doors, receipt: &Receipt, variables: &Variables) -> Result<Option<String>> {
    for (path, before) in &receipt.outputs {
        match output(&doors.workspace.file(path))? {
            None => return Ok(Some(format!("output `{path}` is gone"))),
            Some(now) if now != *before => return Ok(Some(format!("output `{path}` changed"))),
            Some(_) => {}
        }
    }
    for (path, before) in &receipt.discovered {
        if discover::content(&doors.workspace.file(path))? != *before {
            return Ok(Some(format!("input `{path}` changed")));
        }
    }
    for (name, before) in &receipt.discovered_variables {
        if value_digest(variables, name) != *before {
            return Ok(Some(format!("variable `{name}` changed")));
        }
    }
    Ok(None)
}

/// Names the first component that differs from the last pass of a step.
fn explain(doors: &Doors, facts: &Facts, step: &Step, fingerprint: &Fingerprint) -> Result<String> {
    let none = || "no pass is recorded".to_owned();
    let Some(latest) = files::read_text(&latest(doors, &step.id))? else { return Ok(none()) };
    let Ok(digest) = latest.trim().parse::<Digest>() else { return Ok(none()) };
    let Some(receipt) = receipt::read(&doors.workspace, &digest)? else { return Ok(none()) };
    let earlier = match &receipt.tree {
        Some(digest) => tree::stored(&doors.workspace, digest)?,
        None => None,
    };
    let difference = first_difference(&fingerprint.components, &receipt.components, || {
        let (now, earlier) = (facts.tree.as_ref()?, earlier.as_ref()?);
        now.selected(&step.inputs, &[]).first_difference(&earlier.selected(&step.inputs, &[]))
    });
    Ok(difference.unwrap_or_else(none))
}

/// What there is to record about a step that passed.
#[derive(Clone, Debug)]
pub(crate) struct Passed<'a> {
    pub(crate) planned: &'a PlannedStep,
    pub(crate) run: &'a str,
    pub(crate) commit: Option<&'a str>,
    pub(crate) attempts: u32,
    pub(crate) duration_ms: u64,
    pub(crate) log: PathBuf,
}

/// Writes the receipt of a step that passed. Returns why none was written, where that is so.
pub(crate) fn record(doors: &Doors, facts: &Facts, passed: &Passed) -> Result<Option<String>> {
    let step = &passed.planned.step;
    let Some(fingerprint) = &passed.planned.fingerprint else { return Ok(why_never(step, facts)) };
    let Some(before) = &facts.tree else { return Ok(None) };
    let outputs = outputs(doors, step)?;
    if let Some(gone) = step.outputs.iter().find(|path| !outputs.contains_key(*path)) {
        return Ok(Some(format!("not recorded: output `{gone}` went away while the run went on")));
    }
    let now = facts::tree(doors)?.tree;
    if step.cargo
        && facts::surroundings(doors, &facts.cargo)? != (facts.configurations.clone(), facts.outside.clone())
    {
        let what = "a configuration or a package outside of the workspace changed";
        return Ok(Some(format!("not recorded: {what} while the run went on")));
    }
    if let Some(difference) = now.as_ref().and_then(|now| difference_but_outputs(now, before, facts)) {
        return Ok(Some(format!("not recorded: {difference} while the run went on")));
    }
    let (discovered, discovered_variables) = discovered(doors, facts, passed.planned, before)?;
    let log = files::read(&passed.log)?.unwrap_or_default();
    let receipt = Receipt {
        v: receipt::VERSION,
        step: step.id.to_string(),
        fingerprint: fingerprint.digest,
        components: fingerprint.components.clone(),
        tree: Some(tree::store(&doors.workspace, before)?),
        discovered,
        discovered_variables,
        outputs,
        run: passed.run.to_owned(),
        commit: passed.commit.map(str::to_owned),
        clean: facts.clean,
        passed_at: doors.clock.now(),
        duration_ms: passed.duration_ms,
        attempts: passed.attempts,
        log: Digest::of(log),
        machine: journal::writer(&doors.workspace)?,
    };
    receipt::write(&doors.workspace, &receipt)?;
    files::write_cache(&latest(doors, &step.id), format!("{}\n", fingerprint.digest))?;
    Ok(None)
}

/// A difference between two trees outside of what steps declare to make.
fn difference_but_outputs(now: &Tree, before: &Tree, facts: &Facts) -> Option<String> {
    if now == before {
        return None;
    }
    let all = [super::step::WHOLE_TREE.to_owned()];
    now.selected(&all, &facts.outputs).first_difference(&before.selected(&all, &facts.outputs))
}

/// The content of every declared output. One that is missing is left to the step's outcome.
fn outputs(doors: &Doors, step: &Step) -> Result<BTreeMap<String, Digest>> {
    let mut outputs = BTreeMap::new();
    for path in &step.outputs {
        if let Some(digest) = output(&doors.workspace.file(path))? {
            outputs.insert(path.clone(), digest);
        }
    }
    Ok(outputs)
}

/// The content of an output; `None` where it is not there. An empty folder is there.
pub(crate) fn output(path: &Path) -> anyhow::Result<Option<Digest>> {
    discover::content(path)
}

/// What every child sees.
type Variables = BTreeMap<OsString, OsString>;

type Discovered = (BTreeMap<String, Option<Digest>>, BTreeMap<String, Option<Digest>>);

fn discovered(doors: &Doors, facts: &Facts, planned: &PlannedStep, tree: &Tree) -> Result<Discovered> {
    if !planned.compiles() {
        return Ok(Discovered::default());
    }
    let paths: BTreeSet<&str> = tree.paths().collect();
    let packages =
        facts.cargo.packages.iter().map(|package| (package.name.as_str(), package.folder.as_str())).collect();
    let mut folders = vec![facts.cargo.target.clone(), doors.workspace.state()];
    if let Some(home) = doors.environment.cargo_home() {
        folders.extend([home.join("registry"), home.join("git")]);
    }
    folders.extend(doors.environment.rustup_home());
    folders.extend(facts.outside.keys().map(PathBuf::from));
    let covered =
        Covered { root: doors.workspace.root(), tree: &paths, packages: &packages, folders: &folders };
    let found = discover::discover(&facts.cargo.target, &covered)?;
    let mut contents = BTreeMap::new();
    for path in found.files {
        // Below the root by its name there: a clone that moved still finds it.
        contents.insert(doors.workspace.name_of(&path), discover::content(&path)?);
    }
    let variables = doors.environment.for_children();
    let values =
        found.variables.into_iter().map(|name| (name.clone(), value_digest(&variables, &name))).collect();
    Ok((contents, values))
}

fn value_digest(variables: &Variables, name: &str) -> Option<Digest> {
    variables.get(OsStr::new(name)).map(|value| Digest::of(value.as_encoded_bytes()))
}

fn latest(doors: &Doors, step: &StepId) -> PathBuf {
    doors.workspace.state().join("latest").join(step.as_str())
}

/// How long each step took when it last ran, in milliseconds.
pub(crate) fn durations(doors: &Doors) -> Result<BTreeMap<String, u64>> {
    let bytes = files::read(&doors.workspace.cache().join("durations.json"))?.unwrap_or_default();
    // Only a help for the eye: what cannot be read is not known.
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}

/// Keeps how long steps took.
pub(crate) fn keep_durations(doors: &Doors, took: &BTreeMap<String, u64>) -> Result<()> {
    let mut all = durations(doors)?;
    all.extend(took.iter().map(|(step, ms)| (step.clone(), *ms)));
    let text = serde_json::to_string(&all).map_err(anyhow::Error::from)?;
    Ok(files::write_cache(&doors.workspace.cache().join("durations.json"), text)?)
}

/// Removes the oldest receipts, and the trees that no receipt names any more.
pub(crate) fn prune(doors: &Doors) -> Result<()> {
    files::remove_leftovers(&doors.workspace.receipts())?;
    if files::list(&doors.workspace.receipts())?.len() <= RECEIPTS_MAX {
        return Ok(());
    }
    let (mut receipts, _) = receipt::read_all(&doors.workspace)?;
    let kept = receipts.split_off(receipts.len().saturating_sub(RECEIPTS_MAX / 2));
    for receipt in receipts {
        files::remove(&doors.workspace.receipt(&receipt.fingerprint))?;
    }
    let named: BTreeSet<String> = kept.iter().filter_map(|receipt| Some(receipt.tree?.to_string())).collect();
    for path in files::list(&doors.workspace.state().join("trees"))? {
        if path.file_name().and_then(|name| name.to_str()).is_none_or(|name| !named.contains(name)) {
            files::remove(&path)?;
        }
    }
    Ok(())
}
