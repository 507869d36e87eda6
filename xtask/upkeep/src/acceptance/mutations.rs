//! What counts makes exactly the right steps run again, and what does not count makes none.
//!
//! The changes and the steps that each must reach are data (`mutations/table.toml`), and so is the workspace that is
//! changed (`mutations/fixture.toml`). Most are asked of `ci --list`, which decides as a run does and starts nothing;
//! where the claim is that a step turns red, the run is really made. To add a change: its entry in the table.

mod table;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::acceptance::world::{World, is_proven};
use nexus_xtask::doors::Doors;
use nexus_xtask::event::{self, Event};
use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::files;
use nexus_xtask::shell::Command;

use table::{Mutation, Table};

/// Programs that the fixture has besides those of the system: those of the toolchain, and nothing else that a
/// developer may have installed.
const TOOLCHAIN: &[&str] =
    &["cargo", "cargo-clippy", "cargo-fmt", "clippy-driver", "git", "rustc", "rustdoc", "rustfmt"];

/// Keeps what git would not bring back.
const KEEP: &str = r#"
mkdir -p "$BASE/kept/space/.xtask" "$BASE/kept/beside"
cp -a ignored out "$BASE/kept/space"
cp -a .xtask/receipts "$BASE/kept/space/.xtask"
cp -a ../outside ../outside.txt "$BASE/kept/beside"
cp -a "$BASE/home" "$BASE/tools" "$BASE/kept"
git tag start
"#;

/// Puts everything back as it was kept. The index is made anew: it may hold files that git was told not to look at.
/// What compilations read gets a new time: cargo would take what it made of the change for what it makes of this.
const RESTORE: &str = r#"
rm -f .git/index
git reset --quiet --hard start
git checkout --quiet -B main start
git clean --quiet -d --force --force
rm -rf ignored out .xtask/receipts
cp -a "$BASE/kept/space/." .
find .. -mindepth 1 -maxdepth 1 ! -name space -exec rm -rf {} +
cp -a "$BASE/kept/beside/." ..
rm -rf "$BASE/home" "$BASE/tools"
find ignored ../outside ../outside.txt -type f -exec touch {} +
cp -a "$BASE/kept/home" "$BASE/kept/tools" "$BASE"
"#;

struct Suite<'a> {
    doors: &'a Doors,
    world: World,
    table: Table,
    /// Every step of the fixture.
    steps: BTreeSet<String>,
}

/// Makes every change whose name has `only` in it; `listed` leaves out the real runs.
pub(crate) fn run(doors: &Doors, only: Option<&str>, listed: bool) -> Result<Exit> {
    if !cfg!(unix) {
        return Err(
            Failure::refused("the changes are scripts for `sh`").next("run this suite on Linux or macOS")
        );
    }
    let started = doors.clock.start();
    let table = Table::load()?;
    let mut suite = Suite { doors, world: World::create(doors, "mutations")?, table, steps: BTreeSet::new() };
    suite.prepare()?;
    let (mut counting, mut nothing, mut red) = (0, 0, 0);
    let mut findings = Vec::new();
    for mutation in &suite.table.mutation {
        if only.is_some_and(|only| !mutation.name.contains(only)) {
            continue;
        }
        match mutation.runs.is_empty() {
            true => nothing += 1,
            false => counting += 1,
        }
        let really = !mutation.red.is_empty() && !listed;
        red += u32::from(really);
        let problems = match suite.trial(mutation, really) {
            Ok(problems) => problems,
            Err(failure) => vec![format!("{}; {}", failure.problem, failure.why.join("; "))],
        };
        let word = if problems.is_empty() { "right" } else { "wrong" };
        doors.terminal.talk(&format!("{word}  {}", mutation.name));
        let next = format!("cargo xtask acceptance mutations --only '{}'", mutation.name);
        findings.extend(
            problems
                .into_iter()
                .map(|problem| Finding::at("", 0, format!("{}: {problem}", mutation.name), &next)),
        );
    }
    let spoken = nexus_xtask::clock::spoken(started.elapsed());
    doors
        .terminal
        .data(&format!("counting   {counting} changes, of which {red} were run and seen to turn red"));
    doors.terminal.data(&format!("nothing    {nothing} changes"));
    doors.terminal.data(&format!("failures   {} in {spoken}", findings.len()));
    if findings.is_empty() && counting + nothing > 0 {
        suite.world.remove()?;
        return Ok(Exit::Done);
    }
    if findings.is_empty() {
        return Err(Failure::usage("no change has this in its name").next("cargo xtask acceptance mutations"));
    }
    Err(Failure::found(Exit::No, "a change did not reach the right steps", findings))
}

impl Suite<'_> {
    /// Makes the fixture, and everything in it green and proven.
    fn prepare(&mut self) -> Result<()> {
        let world = &mut self.world;
        for (path, text) in &self.table.files {
            files::write_cache(&world.root.join(path), text.trim_start_matches('\n'))?;
        }
        let tools = world.base.join("tools");
        for program in TOOLCHAIN {
            if let Some(path) = self.doors.shell.find(program) {
                files::link(&path, &tools.join(program))?;
            }
        }
        files::write_cache(&tools.join("faketool"), "#!/bin/sh\necho faketool 1.0\n")?;
        world.variables.insert("PATH".to_owned(), format!("{}:/usr/bin:/bin", tools.display()));
        world.variables.insert("BASE".to_owned(), world.base.display().to_string());
        self.script("chmod +x \"$BASE/tools/faketool\" scripts/check.sh web/inner/run.sh")?;
        let sysroot = self.world.shell.read(&self.world.command("rustc", &["--print", "sysroot"]))?;
        let name = PathBuf::from(sysroot).file_name().map(|name| name.to_string_lossy().into_owned());
        self.world.variables.insert("TOOLCHAIN".to_owned(), name.unwrap_or_default());
        self.world.commit("ci: begin")?;
        self.doors.terminal.talk("the fixture is made green");
        // Twice: what a first run finds out about its inputs must not make the second one run anything.
        for time in ["first", "second"] {
            let done = self.world.run(&["ci"])?;
            if !done.is_success() {
                return Err(Failure::no(format!("the {time} run of the fixture ended with {}", done.ended))
                    .why(done.stderr)
                    .next(format!("look at {}", self.world.root.display())));
            }
        }
        self.steps = self.world.planned()?.into_iter().map(|step| step.step).collect();
        self.script(KEEP)?;
        match self.open(&Mutation::default())? {
            open if open.is_empty() => Ok(()),
            open => Err(Failure::no(format!("two runs passed, and {open:?} would run again"))
                .next(format!("look at {}", self.world.root.display()))),
        }
    }

    /// Makes one change, looks, and puts everything back. Returns what is wrong.
    fn trial(&self, mutation: &Mutation, really: bool) -> Result<Vec<String>> {
        let looked = self.look(mutation, really);
        let after = self.world.command("sh", &["-e", "-c", &mutation.after]);
        self.world.shell.read(&after.within(&self.world.base))?;
        self.script(RESTORE)?;
        let mut problems = looked?;
        let left = self.open(&Mutation::default())?;
        if !left.is_empty() {
            problems.push(format!("everything was put back, and {left:?} would run again"));
        }
        Ok(problems)
    }

    fn look(&self, mutation: &Mutation, really: bool) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        if !mutation.before.is_empty() {
            self.script(&mutation.before)?;
            for step in &mutation.only {
                self.world.shell.read(&self.command(mutation, &["ci", "--step", step]))?;
            }
        }
        self.script(&mutation.change)?;
        let expected = self.table.steps(&mutation.runs);
        let open = self.open(mutation)?;
        if open != expected {
            let missed: Vec<_> = expected.difference(&open).collect();
            let added: Vec<_> = open.difference(&expected).collect();
            problems.push(format!("missed {missed:?}, and needlessly {added:?}"));
        }
        if really {
            let (red, expected) = (self.red(mutation)?, self.table.steps(&mutation.red));
            if red != expected {
                problems.push(format!("{expected:?} must turn red, and {red:?} did"));
            }
        }
        Ok(problems)
    }

    fn command(&self, mutation: &Mutation, words: &[&str]) -> Command {
        let mut command = self.world.xtask(words);
        command.variables.extend(mutation.variables.clone());
        if let Some(folder) = &mutation.folder {
            command = command.within(&self.world.base.join(folder));
        }
        command
    }

    /// The steps that no receipt answers for.
    fn open(&self, mutation: &Mutation) -> Result<BTreeSet<String>> {
        let list = self.command(mutation, &["ci", "--list", "--json"]);
        let planned = self.world.planned_by(&list)?;
        let looked_at = |step: &String| mutation.only.is_empty() || mutation.only.contains(step);
        Ok(planned
            .into_iter()
            .filter(|step| !is_proven(step))
            .map(|step| step.step)
            .filter(looked_at)
            .collect())
    }

    /// The steps that fail when everything is run.
    fn red(&self, mutation: &Mutation) -> Result<BTreeSet<String>> {
        let run = self.command(mutation, &["ci", "--keep-going", "--json"]);
        let events = event::parse(&self.world.shell.capture(&run)?.text())?;
        let red = events.into_iter().filter_map(|stamped| match stamped.event {
            Event::StepFinished { step, outcome, .. }
                if outcome.is_failure() && !matches!(outcome, event::Outcome::NotRun { .. }) =>
            {
                Some(step)
            }
            _ => None,
        });
        Ok(red.collect())
    }

    /// Runs a script in the root; every line of it must succeed.
    fn script(&self, script: &str) -> Result<()> {
        self.world.shell.read(&self.world.command("sh", &["-e", "-c", script]))?;
        Ok(())
    }
}
