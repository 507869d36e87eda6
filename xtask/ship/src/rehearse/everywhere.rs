//! Kills the executor at every place where it can be killed, each time in a new world.
//!
//! For every effect, and for each of: the intent is written and nothing done; the effect is applied and not recorded; the
//! record is torn; the answer is lost. After each the same command runs again, once with the journal of the killed run
//! and once without it, as on another machine. The world must then be that of the undisturbed run, byte for byte, and a
//! journal that was kept must verify.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use nexus_xtask::clock::Clock;
use nexus_xtask::environment::Environment;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;
use nexus_xtask::journal;
use nexus_xtask::shell::Shell;
use nexus_xtask::workspace::Workspace;
use nexus_xtask_deliver::release::protocol::rehearse::{Matrix, PlannedFault, PlannedKind, Rehearse};
use nexus_xtask_deliver::release::protocol::{Fault, FaultKind};

use super::{Run, Stage, World};

/// The places at every effect.
const PLACES: [FaultKind; 4] =
    [FaultKind::CrashBefore, FaultKind::CrashAfter, FaultKind::TornRecord, FaultKind::LostResponse];

/// One world in which the executor is killed.
#[derive(Clone, Debug)]
struct Case {
    fault: Fault,
    keeps_journal: bool,
}

/// Runs the whole matrix.
pub(crate) fn everywhere(
    shell: &Shell,
    environment: &Environment,
    clock: &Clock,
    wanted: &Rehearse,
) -> Result<Matrix> {
    let stage = Stage { shell, environment, clock, wanted };
    let effects = wanted.plan.effects().count();
    files::remove_folder(&wanted.folder)?;
    let whole = undisturbed(&stage)?;
    let cases: Vec<Case> = (1..=effects)
        .flat_map(|effect| PLACES.map(|kind| Fault { effect, kind }))
        .flat_map(|fault| [true, false].map(|keeps_journal| Case { fault: fault.clone(), keeps_journal }))
        .collect();
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = one(&stage, case, &whole) {
                        let mut failures = failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                        failures.push(format!("{case:?}: {error:#}"));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    failures.sort();
    Ok(Matrix {
        effects,
        killed: cases.len(),
        without_journal: cases.iter().filter(|case| !case.keeps_journal).count(),
        failures,
    })
}

/// What the world looks like when nothing goes wrong.
fn undisturbed(stage: &Stage) -> Result<Value> {
    let world = World::new(stage.environment, stage.clock, stage.wanted)?;
    match stage.run(&world, &stage.wanted.folder.join("undisturbed"), Vec::new())? {
        Run::Published(_) => Ok(world.seen()),
        Run::Killed => Err(Failure::no("the undisturbed run was killed").next("run it once more")),
        Run::Failed(failure) => Err(failure),
    }
}

fn one(stage: &Stage, case: &Case, whole: &Value) -> anyhow::Result<()> {
    let name = format!("{}-{:?}-{}", case.fault.effect, case.fault.kind, case.keeps_journal);
    let folder = stage.wanted.folder.join(name);
    let world = World::new(stage.environment, stage.clock, stage.wanted).map_err(said)?;
    let planted = PlannedFault { effect: case.fault.effect, kind: PlannedKind::Crash(case.fault.kind) };
    world.plant(&stage.wanted.plan, &planted);
    match stage.run(&world, &folder, vec![case.fault.clone()])? {
        Run::Killed => {}
        Run::Published(_) => anyhow::bail!("the executor was not killed"),
        Run::Failed(failure) => anyhow::bail!("instead of being killed: {failure}"),
    }
    if !case.keeps_journal {
        files::remove_folder(&folder)?;
    }
    match stage.run(&world, &folder, Vec::new())? {
        Run::Published(_) => {}
        Run::Killed => anyhow::bail!("the second run was killed"),
        Run::Failed(failure) => anyhow::bail!("the second run failed: {failure}"),
    }
    let seen = world.seen();
    anyhow::ensure!(seen == *whole, "the world is another one: {}", difference(whole, &seen));
    verify(&folder)?;
    files::remove_folder(&folder)
}

fn said(failure: Failure) -> anyhow::Error {
    anyhow::anyhow!("{failure}")
}

/// The journal of both runs holds together.
fn verify(folder: &Path) -> anyhow::Result<()> {
    let report = journal::verify(&Workspace::at(folder))?;
    anyhow::ensure!(report.broken.is_empty() && report.torn.is_none(), "the journal is broken: {report:?}");
    Ok(())
}

fn difference(whole: &Value, seen: &Value) -> String {
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default() + "\n";
    files::diff("world", &pretty(seen), &pretty(whole))
}
