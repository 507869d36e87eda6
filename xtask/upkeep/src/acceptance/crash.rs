//! `cargo xtask ci` is killed with SIGKILL at random moments, again and again, in one workspace.
//!
//! After each kill nothing of the run is left after two seconds, the journal and the receipts verify, what was recorded
//! before is still there, the recording replays, and a step is proven exactly when it passed on these very inputs
//! (`model.rs` knows by other means than receipts). The next undisturbed run passes, runs what was not proven and
//! nothing else, and its results are those of a fresh clone.

mod dice;
mod fixture;
mod model;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::acceptance::world::{World, is_proven, processes};
use nexus_xtask::clock::spoken;
use nexus_xtask::doors::Doors;
use nexus_xtask::event::{Decision, Event, Outcome, Stamped};
use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::shell::beside::Beside;
use nexus_xtask::workspace::Workspace;
use nexus_xtask::{files, journal, receipt, recording};

use dice::Dice;
use model::{Knowledge, Values};

/// The time after a kill in which everything must be gone.
const GONE: Duration = Duration::from_secs(2);

/// How often a fresh clone is run beside: after so many kills.
const CLONE_EVERY: u32 = 25;

/// The figures of the suite.
#[derive(Default)]
struct Figures {
    killed: BTreeMap<&'static str, u32>,
    too_late: u32,
    undisturbed: u32,
    clones: u32,
    /// The longest that a process of a killed run was still seen.
    gone_after: Duration,
}

impl Figures {
    fn kills(&self) -> u32 {
        self.killed.values().sum()
    }
}

struct Suite<'a> {
    doors: &'a Doors,
    world: World,
    workspace: Workspace,
    dice: Dice,
    values: Values,
    knowledge: Knowledge,
    figures: Figures,
    problems: Vec<String>,
    /// What was recorded so far: it must never get less.
    journal: Vec<u8>,
    receipts: BTreeSet<std::path::PathBuf>,
    runs_read: BTreeSet<String>,
    /// How long a run of all steps takes.
    whole_run: Duration,
}

/// Kills `runs` runs and says how it went.
pub(crate) fn run(doors: &Doors, runs: u32, seed: u64) -> Result<Exit> {
    if !cfg!(target_os = "linux") {
        return Err(Failure::refused("what a killed run leaves behind is looked for in `/proc`")
            .next("run this suite on Linux"));
    }
    let world = World::create(doors, "crash")?;
    let mut suite = Suite {
        doors,
        workspace: Workspace::at(&world.root),
        world,
        dice: Dice::new(seed),
        values: Values::default(),
        knowledge: Knowledge::default(),
        figures: Figures::default(),
        problems: Vec::new(),
        journal: Vec::new(),
        receipts: BTreeSet::new(),
        runs_read: BTreeSet::new(),
        whole_run: Duration::ZERO,
    };
    fixture::write(&suite.world)?;
    suite.values.write(&suite.world)?;
    suite.world.commit("ci: begin")?;
    suite.undisturbed()?;
    let started = doors.clock.start();
    suite.world.run(&["ci", "--no-cache"])?;
    suite.whole_run = started.elapsed();
    suite.learn()?;
    suite.nothing_is_lost()?;
    while suite.figures.kills() < runs && suite.problems.is_empty() {
        suite.round()?;
        doors.terminal.talk(&format!("killed  {} of {runs}", suite.figures.kills()));
    }
    suite.fresh_clone()?;
    suite.end(seed)
}

impl Suite<'_> {
    /// Changes something, kills a run, looks, and mostly lets the next run end.
    fn round(&mut self) -> Result<()> {
        let no_cache = self.dice.below(2) == 0;
        if self.values.change(&mut self.dice) {
            self.values.write(&self.world)?;
        }
        if self.dice.below(8) == 0 {
            self.world.commit("ci: change")?;
        }
        self.agree("before the run")?;
        let mut words = vec!["ci"];
        words.extend(no_cache.then_some("--no-cache"));
        let mut beside = self.world.shell.start(&self.world.xtask(&words))?;
        let too_late = self.wait(&mut beside, no_cache)?;
        if too_late {
            self.figures.too_late += 1;
        } else {
            beside.kill()?;
            let phase = self.phase()?;
            *self.figures.killed.entry(phase).or_default() += 1;
        }
        self.nothing_is_left()?;
        self.nothing_is_lost()?;
        self.replays()?;
        self.learn()?;
        self.agree("after the kill")?;
        if self.dice.below(4) > 0 {
            self.undisturbed()?;
        }
        if !too_late && self.figures.kills().is_multiple_of(CLONE_EVERY) {
            self.fresh_clone()?;
        }
        Ok(())
    }

    /// Waits for the moment to kill; true when the run ended before. One in four is chosen from the first half of a whole run, the others
    /// from the time after the record began: a large part of a run is spent on looking.
    fn wait(&mut self, beside: &mut Beside, no_cache: bool) -> Result<bool> {
        let of_whole = |thousandths: u32| self.whole_run.mul_f64(f64::from(thousandths) / 1000.0);
        if self.dice.below(4) == 0 {
            return Ok(beside.wait_for(of_whole(self.dice.below(500)))?.is_some());
        }
        while recording::list(&self.workspace)?.iter().all(|run| self.runs_read.contains(run)) {
            if beside.wait_for(Duration::from_millis(1))?.is_some() {
                return Ok(true);
            }
        }
        // A run in which little is to be done is over sooner.
        let until = if no_cache { 700 } else { 350 };
        Ok(beside.wait_for(of_whole(self.dice.below(until)))?.is_some())
    }

    /// How far the killed run had come, from its own record.
    fn phase(&self) -> Result<&'static str> {
        let Some(run) = recording::list(&self.workspace)?.pop().filter(|run| !self.runs_read.contains(run))
        else {
            return Ok("before the record");
        };
        let events = recording::read(&self.workspace, &run)?;
        let has = |wanted: fn(&Event) -> bool| events.iter().any(|stamped| wanted(&stamped.event));
        let count =
            |wanted: fn(&Event) -> bool| events.iter().filter(|stamped| wanted(&stamped.event)).count();
        let started = count(|event| matches!(event, Event::StepStarted { attempt: 1, .. }));
        let ran = |outcome: &Outcome| matches!(outcome, Outcome::Passed | Outcome::Flaky { .. });
        let decided = events
            .iter()
            .filter(|stamped| matches!(&stamped.event, Event::StepFinished { outcome, .. } if ran(outcome)))
            .count();
        Ok(match events.len() {
            0 => "before the plan",
            _ if has(|event| matches!(event, Event::RunFinished { .. })) => "after the end",
            _ if started == 0 => "before the first step",
            _ if decided == 0 => "in the first steps",
            _ => "between steps",
        })
    }

    fn problem(&mut self, problem: String) {
        let kills = self.figures.kills();
        self.problems.push(format!("after {kills} kills: {problem}"));
    }

    /// Every process of the run is gone soon after its end.
    fn nothing_is_left(&mut self) -> Result<()> {
        let started = self.doors.clock.start();
        loop {
            let left = processes(&self.world.base, &[&fixture::mark()])?;
            let waited = started.elapsed();
            if left.is_empty() {
                self.figures.gone_after = self.figures.gone_after.max(waited);
                return Ok(());
            }
            if waited > GONE {
                self.problem(format!("still there after {}: {}", spoken(waited), left.join("; ")));
                return Ok(());
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// The journal and the receipts verify, and all that was there before still is.
    fn nothing_is_lost(&mut self) -> Result<()> {
        let verified = self.world.run(&["journal", "verify"])?;
        if !verified.is_success() {
            self.problem(format!("`journal verify` ended with {}: {}", verified.ended, verified.stderr));
        }
        let mut lines = Vec::new();
        for path in files::list(&self.workspace.journal())? {
            if path.extension().is_some_and(|end| end == "jsonl") {
                lines.extend(files::read(&path)?.unwrap_or_default());
            }
        }
        if !lines.starts_with(&self.journal) {
            self.problem("lines of the journal are gone, or are others now".to_owned());
        }
        // A torn last line is set aside by the next append: only whole lines must stay.
        let whole = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        lines.truncate(whole);
        self.journal = lines;
        let (_, broken) = receipt::read_all(&self.workspace)?;
        if !broken.is_empty() {
            self.problem(format!("receipts that do not prove themselves: {}", broken.join(", ")));
        }
        let receipts: BTreeSet<_> = files::list(&self.workspace.receipts())?
            .into_iter()
            .filter(|path| path.extension().is_some_and(|end| end == "json"))
            .collect();
        if let Some(gone) = self.receipts.difference(&receipts).next() {
            let gone = gone.display().to_string();
            self.problem(format!("a receipt is gone: {gone}"));
        }
        self.receipts = receipts;
        Ok(())
    }

    /// The newest recording can be shown, however it ended.
    fn replays(&mut self) -> Result<()> {
        let replayed = self.world.run(&["ci", "replay"])?;
        if !replayed.is_success() {
            self.problem(format!("`ci replay` ended with {}: {}", replayed.ended, replayed.stderr));
        }
        Ok(())
    }

    /// Takes in what runs since the last look say that they recorded, and returns the events of the newest.
    fn learn(&mut self) -> Result<Vec<Stamped>> {
        let mut events = Vec::new();
        let (receipts, _) = receipt::read_all(&self.workspace)?;
        for run in recording::list(&self.workspace)? {
            if self.runs_read.insert(run.clone()) {
                events = recording::read(&self.workspace, &run)?;
                let of_run = receipts.iter().filter(|receipt| receipt.run == run);
                let steps: Vec<_> = of_run.map(|receipt| receipt.step.clone()).collect();
                self.knowledge.learn(&self.values, &events, &steps);
            }
        }
        Ok(events)
    }

    /// What `ci` would do is what the model says.
    fn agree(&mut self, moment: &str) -> Result<()> {
        let planned = self.world.planned()?;
        let mut again = BTreeSet::new();
        for step in &planned {
            let expected = self.knowledge.expects(&self.world, &self.values, &step.step, &again)?;
            let proven = is_proven(step);
            if !proven {
                again.insert(step.step.clone());
            }
            if (expected.must && !proven) || (proven && !expected.may) {
                let decision = match &step.decision {
                    Decision::Run { reason } => format!("runs again ({reason})"),
                    Decision::Proven { .. } => "is proven".to_owned(),
                    other => format!("{other:?}"),
                };
                self.problem(format!("{moment} `{}` {decision}, which is wrong: {expected:?}", step.step));
            }
        }
        Ok(())
    }

    /// How many lines of the journal tell of a run.
    fn runs_told(&self) -> anyhow::Result<usize> {
        let report = journal::verify(&self.workspace)?;
        Ok(report.lines.iter().filter(|line| line.entry.kind == "ci.run").count())
    }

    /// A run that nobody disturbs passes, runs what is not proven and nothing else, and leaves the right results.
    fn undisturbed(&mut self) -> Result<()> {
        let open = |world: &World| -> anyhow::Result<BTreeSet<String>> {
            let planned = world.planned()?;
            Ok(planned.into_iter().filter(|step| !is_proven(step)).map(|step| step.step).collect())
        };
        let expected = open(&self.world)?;
        let lines = self.runs_told()?;
        let done = self.world.run(&["ci"])?;
        self.figures.undisturbed += 1;
        if !done.is_success() {
            self.problem(format!("a run that nobody disturbed ended with {}: {}", done.ended, done.stderr));
            return Ok(());
        }
        let ran: BTreeSet<_> = self
            .learn()?
            .iter()
            .filter_map(|stamped| match &stamped.event {
                Event::StepStarted { step, .. } => Some(step.clone()),
                _ => None,
            })
            .collect();
        if ran != expected {
            self.problem(format!("{expected:?} were not proven, and {ran:?} ran"));
        }
        let written = self.runs_told()? - lines;
        if written != usize::from(!ran.is_empty()) {
            self.problem(format!("a run of {} steps wrote {written} lines to the journal", ran.len()));
        }
        let left = open(&self.world)?;
        if !left.is_empty() {
            self.problem(format!("after a run that passed, {left:?} would run again"));
        }
        for problem in model::wrong_results(&self.world.root, &self.values)? {
            self.problem(problem);
        }
        self.nothing_is_left()?;
        self.nothing_is_lost()
    }

    /// The same tree in a fresh clone passes with the same results.
    fn fresh_clone(&mut self) -> Result<()> {
        if self.problems.is_empty() {
            self.undisturbed()?;
        }
        self.figures.clones += 1;
        let clone = self.world.base.join("clone");
        files::remove_folder(&clone)?;
        let (from, to) = (self.world.root.display().to_string(), clone.display().to_string());
        self.world.git(&["clone", "--quiet", &from, &to])?;
        self.values.write_into(&clone)?;
        let mut ci = self.world.xtask(&["ci"]).within(&clone);
        let home = self.world.base.join("clone home");
        files::create_folder(&home)?;
        ci.variables.insert("HOME".to_owned(), home.display().to_string());
        let done = self.world.shell.capture(&ci)?;
        if !done.is_success() {
            self.problem(format!("a fresh clone ended with {}: {}", done.ended, done.stderr));
        }
        for problem in model::wrong_results(&clone, &self.values)? {
            self.problem(format!("in a fresh clone: {problem}"));
        }
        Ok(())
    }

    /// Prints the figures.
    fn end(self, seed: u64) -> Result<Exit> {
        let terminal = &self.doors.terminal;
        let figures = &self.figures;
        let verified = journal::verify(&self.workspace)?;
        let phases: Vec<_> = figures.killed.iter().map(|(phase, count)| format!("{phase} {count}")).collect();
        if terminal.is_json() {
            terminal.json(&serde_json::json!({
                "seed": seed, "killed": figures.kills(), "phases": figures.killed, "too_late": figures.too_late,
                "undisturbed": figures.undisturbed, "clones": figures.clones,
                "gone_after_ms": u64::try_from(figures.gone_after.as_millis()).unwrap_or(u64::MAX),
                "journal": verified.lines.len(), "torn": verified.set_aside.len(), "receipts": self.receipts.len(),
                "failures": self.problems,
            }))?;
        } else {
            let kills = figures.kills();
            terminal.data(&format!("killed       {kills} runs (seed {seed}): {}", phases.join(", ")));
            terminal.data(&format!("too late     {} more had ended before", figures.too_late));
            terminal
                .data(&format!("undisturbed  {} runs, {} fresh clones", figures.undisturbed, figures.clones));
            terminal
                .data(&format!("gone         every process within {} ms", figures.gone_after.as_millis()));
            let (lines, torn) = (verified.lines.len(), verified.set_aside.len());
            terminal.data(&format!("journal      {lines} lines, {torn} torn ones set aside"));
            terminal.data(&format!("receipts     {}", self.receipts.len()));
            terminal.data(&format!("failures     {}", self.problems.len()));
        }
        if self.problems.is_empty() {
            self.world.remove()?;
            return Ok(Exit::Done);
        }
        let next = format!("look at {}", self.world.root.display());
        let findings = self.problems.into_iter().map(|problem| Finding::at("", 0, problem, &next)).collect();
        Err(Failure::found(Exit::No, "a killed run did harm", findings))
    }
}
