//! Walks the plan: starts what is ready, waits, retries, stops. Decides nothing about what should run.
//!
//! One thread per running step reads its output into the step's log; one thread writes receipts, so that the next step
//! starts at once; this one waits for whatever comes next: an end, an interrupt, a limit, a moment to redraw.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::ci::cache::{self, Passed};
use crate::ci::facts::Facts;
use crate::ci::listed;
use crate::ci::outcome;
use crate::ci::plan::{Plan, PlannedStep};
use crate::ci::program::{command, excerpt, follow};
use crate::ci::step::{StepId, is_own};
use crate::clock::Started;
use crate::doors::Doors;
use crate::event::{self, Event, Outcome, Stamped, Status};
use crate::failure::Result;
use crate::recording::Recorder;
use crate::reporter::{Reporter as _, Reporters};
use crate::shell::Ended;
use crate::shell::guardian::Stopper;
use crate::shell::interrupt::on_interrupt;

/// How long a step may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// How often the live display is redrawn.
const TICK: Duration = Duration::from_millis(100);

/// How to walk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// Steps at once, at most.
    pub(crate) parallel: usize,
    /// True to go on after a failure with whatever does not need the failed step.
    pub(crate) keep_going: bool,
}

/// A run under way: where its record goes and who watches.
pub(crate) struct Run<'a> {
    pub(crate) doors: &'a Doors,
    pub(crate) facts: &'a Facts,
    pub(crate) plan: &'a Plan,
    pub(crate) manner: Manner,
    pub(crate) recorder: Recorder,
    pub(crate) reporters: Reporters,
    pub(crate) commit: Option<String>,
}

/// How a walk came out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walked {
    pub(crate) status: Status,
    /// True when the program of at least one step was started.
    pub(crate) ran: bool,
    pub(crate) duration: Duration,
}

enum Message {
    /// The program of a step ended.
    Ended {
        index: usize,
        ended: std::result::Result<Ended, String>,
    },
    /// The receipt of a step that passed is written, or is not, for these reasons.
    Recorded {
        index: usize,
        notes: Vec<String>,
    },
    Interrupt,
}

/// A step whose program runs.
struct Running {
    index: usize,
    stopper: Stopper,
    since: Started,
    /// True once it was asked to end because of its limit.
    timed_out: bool,
    /// When it was asked to end.
    asked: Option<Started>,
}

/// What became of a step so far.
#[derive(Clone, Default)]
struct Progress {
    attempt: u32,
    duration: Duration,
    outcome: Option<Outcome>,
    /// True while its receipt is being written.
    recording: bool,
}

struct Walk<'a> {
    run: Run<'a>,
    started: Started,
    progress: Vec<Progress>,
    running: Vec<Running>,
    interrupts: u32,
    to_main: Sender<Message>,
    /// Which step passed, at which try, after how many milliseconds.
    to_recorder: Option<Sender<(usize, u32, u64)>>,
}

/// Walks the plan to its end and returns how it came out.
pub(crate) fn execute(run: Run, command: &str) -> Result<Walked> {
    let (to_main, messages) = channel();
    let interrupts = to_main.clone();
    on_interrupt(move || {
        // After the walk nobody listens, and nothing is left to interrupt.
        interrupts.send(Message::Interrupt).ok();
    })
    .map_err(|error| anyhow::Error::from(error).context("cannot listen for interrupts"))?;
    let (doors, facts, plan) = (run.doors, run.facts, run.plan);
    let (name, commit) = (run.recorder.run().to_owned(), run.commit.clone());
    let (to_recorder, passes) = channel();
    std::thread::scope(|scope| {
        let back = to_main.clone();
        let (recorded_run, recorded_commit) = (name.clone(), commit.clone());
        scope.spawn(move || {
            for (index, attempts, duration_ms) in passes {
                let planned: &PlannedStep = &plan.steps[index];
                let log = log_path(doors, &recorded_run, &planned.step.id);
                let commit = recorded_commit.as_deref();
                let passed = Passed { planned, run: &recorded_run, commit, attempts, duration_ms, log };
                // One part of the tests tells nothing new: the parts that follow must be divided as this one was.
                let is_whole = planned.step.id.as_str() == "test" && !is_own(&planned.step.command);
                let kept = if is_whole { listed::keep_durations(doors, &facts.cargo.target) } else { Ok(()) };
                let notes = match kept.and_then(|()| cache::record(doors, facts, &passed)) {
                    Ok(note) => note.into_iter().collect(),
                    Err(failure) => {
                        vec![format!("not recorded: {}: {}", failure.problem, failure.why.join(": "))]
                    }
                };
                back.send(Message::Recorded { index, notes }).ok();
            }
        });
        let mut walk = Walk {
            started: doors.clock.start(),
            progress: vec![Progress::default(); plan.steps.len()],
            running: Vec::new(),
            interrupts: 0,
            to_main,
            to_recorder: Some(to_recorder),
            run,
        };
        walk.tell(Event::RunStarted {
            run: name.clone(),
            command: command.to_owned(),
            commit,
            steps: plan.steps.iter().map(PlannedStep::event).collect(),
            notes: plan.notes.clone(),
        })?;
        let walked = walk.walk(scope, &messages);
        walk.run.reporters.close(&doors.terminal);
        if walked.is_err() {
            // Nothing can be recorded any more (a full disk): nobody would learn what the programs find.
            walk.running.iter().for_each(|running| running.stopper.kill());
        }
        let status = walked?;
        let ran = walk.progress.iter().any(|progress| progress.attempt > 0);
        let duration = walk.started.elapsed();
        walk.run.recorder.finish(&doors.environment)?;
        Ok(Walked { status, ran, duration })
    })
}

fn log_path(doors: &Doors, run: &str, step: &StepId) -> PathBuf {
    doors.workspace.run(run).join(format!("{step}.log"))
}

impl<'a> Walk<'a> {
    fn walk<'scope>(
        &mut self,
        scope: &'scope std::thread::Scope<'scope, '_>,
        messages: &Receiver<Message>,
    ) -> Result<Status>
    where
        'a: 'scope,
    {
        for index in 0..self.run.plan.steps.len() {
            if let Some(outcome) = outcome::of_decision(&self.run.plan.steps[index].decision) {
                self.finish(index, outcome)?;
            }
        }
        loop {
            self.start_ready(scope)?;
            if self.progress.iter().all(|progress| progress.outcome.is_some() && !progress.recording) {
                break;
            }
            match messages.recv_timeout(self.patience()) {
                Ok(Message::Ended { index, ended }) => self.ended(index, ended)?,
                Ok(Message::Recorded { index, notes }) => {
                    self.progress[index].recording = false;
                    for note in notes {
                        let step = self.run.plan.steps[index].step.id.to_string();
                        self.tell(Event::StepNoted { step, note })?;
                    }
                }
                Ok(Message::Interrupt) => self.interrupt()?,
                Err(RecvTimeoutError::Timeout) => self.look_at_the_clock(),
                Err(RecvTimeoutError::Disconnected) => unreachable!("this walk holds a sender itself"),
            }
        }
        self.to_recorder = None;
        self.end()
    }

    fn end(&mut self) -> Result<Status> {
        let outcomes: Vec<_> = self.progress.iter().filter_map(|progress| progress.outcome.clone()).collect();
        let required: Vec<_> = self.run.plan.steps.iter().map(|planned| planned.step.required).collect();
        let status = outcome::status(&outcomes, &required, self.interrupts > 0);
        let took = self
            .run
            .plan
            .steps
            .iter()
            .zip(&self.progress)
            .filter(|(_, progress)| {
                progress.attempt > 0 && progress.outcome.as_ref().is_some_and(Outcome::is_pass)
            })
            .map(|(planned, progress)| (planned.step.id.to_string(), milliseconds(progress.duration)))
            .collect::<BTreeMap<_, _>>();
        if !took.is_empty() {
            cache::keep_durations(self.run.doors, &took)?;
        }
        let next = outcome::next(status, self.run.plan, &outcomes);
        self.tell(Event::RunFinished { status, duration_ms: milliseconds(self.started.elapsed()), next })?;
        Ok(status)
    }

    /// Starts every step that nothing holds up, and decides those that cannot run any more.
    fn start_ready<'scope>(&mut self, scope: &'scope std::thread::Scope<'scope, '_>) -> Result<()>
    where
        'a: 'scope,
    {
        for index in 0..self.run.plan.steps.len() {
            if self.progress[index].outcome.is_some()
                || self.running.iter().any(|running| running.index == index)
            {
                continue;
            }
            let planned = &self.run.plan.steps[index];
            if let Some(reason) = self.hopeless(planned) {
                self.finish(index, Outcome::NotRun { reason })?;
            } else if self.is_ready(planned) {
                self.start(scope, index)?;
            }
        }
        Ok(())
    }

    /// Why a step cannot run any more; `None` while it still can.
    fn hopeless(&self, planned: &PlannedStep) -> Option<String> {
        if self.interrupts > 0 {
            return Some("the run was interrupted".to_owned());
        }
        for need in &planned.step.needs {
            let (_, progress) = self.of(need)?;
            match &progress.outcome {
                Some(outcome) if outcome.is_pass() => {}
                // A step that the plan left out holds nobody up: the plan left out its reason to exist too.
                Some(Outcome::Skipped { .. }) | None => {}
                Some(outcome) => return Some(format!("it needs `{need}`: {}", outcome.word())),
            }
        }
        let failed = self.run.plan.steps.iter().zip(&self.progress).find(|(_, progress)| {
            progress
                .outcome
                .as_ref()
                .is_some_and(|outcome| outcome.is_failure() && !matches!(outcome, Outcome::NotRun { .. }))
        });
        match failed {
            Some((failed, _)) if !self.run.manner.keep_going => {
                Some(format!("`{}` did not pass (--keep-going runs the rest)", failed.step.id))
            }
            _ => None,
        }
    }

    fn of(&self, id: &StepId) -> Option<(&PlannedStep, &Progress)> {
        let index = self.run.plan.steps.iter().position(|planned| planned.step.id == *id)?;
        Some((&self.run.plan.steps[index], &self.progress[index]))
    }

    fn is_ready(&self, planned: &PlannedStep) -> bool {
        let decided = planned
            .step
            .needs
            .iter()
            .all(|need| self.of(need).is_none_or(|(_, progress)| progress.outcome.is_some()));
        let lanes: BTreeSet<_> = self
            .running
            .iter()
            .filter_map(|running| self.run.plan.steps[running.index].step.lane.as_deref())
            .collect();
        let lane_is_free = planned.step.lane.as_deref().is_none_or(|lane| !lanes.contains(lane));
        decided && lane_is_free && self.running.len() < self.run.manner.parallel
    }

    fn start<'scope>(&mut self, scope: &'scope std::thread::Scope<'scope, '_>, index: usize) -> Result<()>
    where
        'a: 'scope,
    {
        let (doors, planned) = (self.run.doors, &self.run.plan.steps[index]);
        self.progress[index].attempt += 1;
        let attempt = self.progress[index].attempt;
        let log = log_path(doors, self.run.recorder.run(), &planned.step.id);
        let command = command(doors, planned);
        let guarded = doors.shell.guard(&command, &planned.step.pass_environment);
        let started = guarded.and_then(|guarded| Ok((guarded.stopper()?, guarded)));
        let (stopper, guarded) = match started {
            Ok(started) => started,
            Err(error) => {
                return self.finish(index, Outcome::Broken { why: format!("{error:#}") });
            }
        };
        self.running.push(Running {
            index,
            stopper,
            since: doors.clock.start(),
            timed_out: false,
            asked: None,
        });
        let to_main = self.to_main.clone();
        scope.spawn(move || {
            let ended = follow(doors, guarded, &log).map_err(|error| format!("{error:#}"));
            to_main.send(Message::Ended { index, ended }).ok();
        });
        self.tell(Event::StepStarted { step: planned.step.id.to_string(), attempt })
    }

    fn ended(&mut self, index: usize, ended: std::result::Result<Ended, String>) -> Result<()> {
        let Some(position) = self.running.iter().position(|running| running.index == index) else {
            return Ok(());
        };
        let running = self.running.swap_remove(position);
        let planned = &self.run.plan.steps[index];
        self.progress[index].duration += running.since.elapsed();
        let Progress { attempt, duration, .. } = self.progress[index];
        let missing = self.missing_output(planned)?;
        let stop = outcome::Stop {
            interrupted: running.asked.is_some() && !running.timed_out,
            timed_out: running.timed_out,
        };
        let outcome = outcome::of_end(&planned.step, ended, attempt, stop, missing);
        if outcome::may_retry(&outcome) && attempt <= planned.step.retries && self.interrupts == 0 {
            return self.tell(Event::StepRetried { step: planned.step.id.to_string(), attempt, outcome });
        }
        let passed = outcome.is_pass();
        self.finish(index, outcome)?;
        if passed && let Some(to_recorder) = &self.to_recorder {
            self.progress[index].recording = true;
            // The recorder lives as long as this sender, so it takes the message; it answers with `Recorded`.
            to_recorder.send((index, attempt, milliseconds(duration))).ok();
        }
        Ok(())
    }

    fn missing_output(&self, planned: &PlannedStep) -> Result<Option<String>> {
        for path in &planned.step.outputs {
            if cache::output(&self.run.doors.workspace.file(path))?.is_none() {
                return Ok(Some(path.clone()));
            }
        }
        Ok(None)
    }

    /// Announces how a step came out.
    fn finish(&mut self, index: usize, outcome: Outcome) -> Result<()> {
        let planned = &self.run.plan.steps[index];
        let ran = self.progress[index].attempt > 0;
        let log = log_path(self.run.doors, self.run.recorder.run(), &planned.step.id);
        let excerpt = if ran && !outcome.is_pass() { excerpt(&log)? } else { Vec::new() };
        let event = Event::StepFinished {
            step: planned.step.id.to_string(),
            duration_ms: milliseconds(self.progress[index].duration),
            excerpt,
            log: ran.then(|| self.run.doors.workspace.name_of(&log)),
            rerun: (ran && !outcome.is_pass()).then(|| format!("cargo xtask ci --step {}", planned.step.id)),
            outcome: outcome.clone(),
            notes: Vec::new(),
        };
        self.progress[index].outcome = Some(outcome);
        self.tell(event)
    }

    fn interrupt(&mut self) -> Result<()> {
        self.interrupts += 1;
        for running in &mut self.running {
            if self.interrupts == 1 {
                running.stopper.terminate();
                running.asked = Some(self.run.doors.clock.start());
            } else {
                running.stopper.kill();
            }
        }
        self.tell(Event::Interrupted { times: self.interrupts })
    }

    /// The time until something has to be looked at.
    fn patience(&self) -> Duration {
        let limits = self.running.iter().map(|running| match running.asked {
            Some(asked) => GRACE.saturating_sub(asked.elapsed()),
            None => self.run.plan.steps[running.index].step.timeout.saturating_sub(running.since.elapsed()),
        });
        let next = limits.min().unwrap_or(Duration::from_secs(3600)).max(Duration::from_millis(1));
        if self.run.doors.terminal.is_live() { next.min(TICK) } else { next }
    }

    /// Ends what runs too long, kills what does not end, lets the display move.
    fn look_at_the_clock(&mut self) {
        for running in &mut self.running {
            let timeout = self.run.plan.steps[running.index].step.timeout;
            match running.asked {
                Some(asked) if asked.elapsed() >= GRACE => {
                    running.stopper.kill();
                    running.asked = Some(self.run.doors.clock.start());
                }
                None if running.since.elapsed() >= timeout => {
                    running.timed_out = true;
                    running.asked = Some(self.run.doors.clock.start());
                    running.stopper.terminate();
                }
                Some(_) | None => {}
            }
        }
        let now = milliseconds(self.started.elapsed());
        self.run.reporters.tick(&self.run.doors.terminal, now);
    }

    /// Records an event and shows it.
    fn tell(&mut self, event: Event) -> Result<()> {
        let ms = milliseconds(self.started.elapsed());
        let stamped = Stamped { v: event::VERSION, at: self.run.doors.clock.now(), ms, event };
        let stamped = stamped.masked(&self.run.doors.environment);
        self.run.recorder.record(&stamped)?;
        self.run.reporters.event(&self.run.doors.terminal, &stamped);
        Ok(())
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
