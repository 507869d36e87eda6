//! `cargo xtask truth`: what is claimed, and what of it is shown.

pub(super) mod phase;
mod probe;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use nexus_xtask::doors::Doors;
use nexus_xtask::event::Planned as Step;
use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::journal::{self, Entry};
use nexus_xtask::{ci, files, git};

use crate::truth::audit;
use crate::truth::config::{self, Config, Kind, Level};
use crate::truth::documents::{self, Block, Document, Row};
use crate::truth::execute::{self, Means, Wanted};
use crate::truth::facts::{self, Facts, LEVEL};
use crate::truth::render::{self, Levels};
use crate::truth::report;
use crate::truth::roadmap::{self, Planned};
use crate::truth::verdict::{self, Here, Shown, Verdict};

/// The command for what nobody has looked at.
const LOOK: &str = "cargo xtask truth check --run";

/// What about claims.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Check that nothing is claimed that is not shown, in documents and in the ledger
    Check {
        /// Look where nobody has looked since the files changed: run the tests, commands, probes and steps that are evidence
        #[arg(long)]
        run: bool,
    },
    /// Write the generated blocks of documents, and the document of the current state, from what is shown now
    Write {
        /// Look first where nobody has looked since the files changed
        #[arg(long)]
        run: bool,
    },
    /// Print every claim with the level that is shown
    Report,
    /// Print all that is known of one claim
    Explain {
        /// The claim
        #[arg(value_name = "CLAIM")]
        claim: String,
    },
    /// Print what is really there as claims to be proven: workflows, timers, services, dashboards, backups, promises
    Audit {
        /// Write them to release/truth.toml, where there is none yet
        #[arg(long)]
        write: bool,
    },
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    match &arguments.verb {
        Verb::Check { run } => check(doors, *run),
        Verb::Write { run } => write(doors, *run),
        Verb::Report => report(doors),
        Verb::Explain { claim } => explain(doors, claim),
        Verb::Audit { write } => audit(doors, *write),
    }
}

/// Claims, what was seen of them, and what that shows.
pub(super) struct Ledger {
    pub(super) config: Config,
    pub(super) planned: Planned,
    facts: Facts,
    pub(super) shown: BTreeMap<String, Shown>,
}

impl Ledger {
    /// Reads the claims and judges them.
    pub(super) fn read(doors: &Doors) -> Result<Ledger> {
        let config = config::load(&doors.workspace)?;
        let steps = steps(doors, &config)?;
        Ledger::judge(doors, config, &steps)
    }

    /// Judges claims by what was seen of them.
    fn judge(doors: &Doors, config: Config, steps: &[Step]) -> Result<Ledger> {
        let planned = roadmap::load(&doors.workspace, &config)?;
        let facts = facts::gather(doors, &config, steps)?;
        let here = Here { now: facts.now, inputs: facts.inputs, platform: std::env::consts::OS };
        let nothing = Vec::new();
        let show = |(id, claim): (&String, &config::Claim)| {
            (id.clone(), verdict::show(claim, facts.sights.get(id).unwrap_or(&nothing), here))
        };
        let shown = config.claims.iter().map(show).collect();
        Ok(Ledger { config, planned, facts, shown })
    }

    /// The level of each claim.
    pub(super) fn levels(&self) -> BTreeMap<String, Level> {
        self.shown.iter().map(|(id, shown)| (id.clone(), shown.level)).collect()
    }

    /// What a look could still show.
    fn wanted(&self) -> Wanted<'_> {
        let mut wanted = Wanted::default();
        for (id, claim) in &self.config.claims {
            let judged = self.shown.get(id).map(|shown| shown.judged.as_slice()).unwrap_or_default();
            for (evidence, judged) in claim.evidence.iter().zip(judged) {
                match (judged.verdict, evidence.kind()) {
                    (Verdict::True | Verdict::NotApplicable, _) => {}
                    (_, Kind::Step(step)) if !wanted.steps.contains(&step) => wanted.steps.push(step),
                    (_, Kind::Test(_) | Kind::Command(_) | Kind::Probe(_)) => {
                        wanted.looks.push((id, evidence))
                    }
                    (_, Kind::Step(_) | Kind::Event(_) | Kind::Drill(_) | Kind::Setting(_)) => {}
                }
            }
        }
        wanted
    }

    /// Reads the claims, looks where nobody has looked, and reads them again.
    fn looked(doors: &Doors, run: bool) -> Result<Ledger> {
        let ledger = Ledger::read(doors)?;
        if !run {
            return Ok(ledger);
        }
        let wanted = ledger.wanted();
        if wanted.steps.is_empty() && wanted.looks.is_empty() {
            return Ok(ledger);
        }
        execute::run_steps(doors, &wanted.steps)?;
        // Read before the tests: building them links the toolkit of this repository anew, and steps name it.
        let steps = steps(doors, &ledger.config)?;
        let means = Means {
            ask: &|probe| probe::ask(doors, probe),
            test: &|tests| ci::run_tests(doors, tests, &ledger.config.looks.environment),
        };
        execute::look(doors, &ledger.config, &ledger.facts, &wanted.looks, &means)?;
        Ledger::judge(doors, ledger.config.clone(), &steps)
    }

    /// Tells the journal of levels that are others than it knows. Only of a commit: what is not committed comes and goes.
    fn tell(&self, doors: &Doors) -> Result<()> {
        let Some(commit) = self.facts.commit.as_ref().filter(|_| self.facts.clean) else { return Ok(()) };
        let mut entries = Vec::new();
        for (id, shown) in &self.shown {
            let before = self.facts.told.get(id).map_or(Level::Planned.word(), |(level, _)| level);
            if before != shown.level.word() {
                let labels = [("before", before), ("commit", commit), ("level", shown.level.word())];
                entries.push(Entry {
                    kind: LEVEL.into(),
                    subject: id.clone(),
                    labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
                    ..Entry::default()
                });
            }
        }
        if !entries.is_empty() {
            journal::append(&doors.workspace, &doors.clock, entries)?;
        }
        Ok(())
    }
}

/// The steps of a run, with what would be done with each now; none where no claim asks for one.
fn steps(doors: &Doors, config: &Config) -> Result<Vec<Step>> {
    let mut evidence = config.claims.values().flat_map(|claim| &claim.evidence);
    match evidence.any(|evidence| matches!(evidence.kind(), Kind::Step(_))) {
        true => ci::planned(doors),
        false => Ok(Vec::new()),
    }
}

/// The documents that speak of claims, and the one that lists them all.
struct Documents {
    all: Vec<Document>,
    state: Document,
    /// The rows of the document of the current state.
    rows: Vec<Row>,
}

impl Documents {
    fn read(doors: &Doors, config: &Config) -> Result<Documents> {
        let listing = git::listing(&doors.shell)?.map_err(|why| Failure::refused(why.to_string()))?;
        let wanted = |path: &&String| {
            config.documents.files.iter().any(|pattern| fast_glob::glob_match(pattern, path.as_str()))
        };
        let mut all = Vec::new();
        for path in listing.paths().iter().filter(wanted).filter(|path| **path != config.documents.state) {
            if let Some(text) = files::read_text(&doors.workspace.file(path))? {
                all.push(Document { path: path.clone(), text });
            }
        }
        let path = config.documents.state.clone();
        let text = files::read_text(&doors.workspace.file(&path))?.unwrap_or_default();
        let state = Document { path, text };
        let rows = documents::blocks(&state).0.iter().flat_map(documents::rows).collect();
        Ok(Documents { all, state, rows })
    }

    /// Everything that is wrong with them.
    fn findings(&self, ledger: &Ledger) -> Vec<Finding> {
        let told = render::told(&self.rows);
        let mut findings = Vec::new();
        for document in self.all.iter().chain([&self.state]) {
            let (blocks, wrong) = documents::blocks(document);
            findings.extend(wrong);
            blocks.iter().for_each(|block| of_block(ledger, document, block, &told, &mut findings));
            let exempt = &ledger.config.documents.exempt;
            if document.path != self.state.path
                && !exempt.iter().any(|pattern| fast_glob::glob_match(pattern, document.path.as_str()))
            {
                let level = |id: &str| told.get(id).map_or(Level::Planned, |(level, _)| *level);
                findings.extend(documents::mentions(document, &ledger.config, level));
            }
        }
        findings
    }
}

fn of_block(ledger: &Ledger, document: &Document, block: &Block, told: &Levels, findings: &mut Vec<Finding>) {
    let wanted = render::body(&block.what, &ledger.config, &ledger.planned, told);
    if let Some(edited) = documents::edited(document, block, wanted.as_deref()) {
        findings.push(edited);
    } else if wanted.is_none() {
        let problem = format!("nobody knows what the block `{}` shows", block.what);
        let next = "write `state`, `roadmap`, or `claims` with ids of claims";
        findings.push(Finding::at(document.path.as_str(), block.line, problem, next));
    } else if wanted.as_deref() != Some(block.body.as_str()) {
        let problem = format!("the block `{}` is not what the ledger says now", block.what);
        findings.push(Finding::at(document.path.as_str(), block.line, problem, "cargo xtask truth write"));
    }
}

/// Rows that tell of more than is shown; and the claims that documents tell too little of. What nobody has looked at since the
/// files changed has one remedy, and is one finding.
fn claimed(ledger: &Ledger, documents: &Documents) -> (Vec<Finding>, Vec<String>) {
    let (mut over, mut under, mut unseen) = (Vec::new(), Vec::new(), Vec::new());
    let path = documents.state.path.as_str();
    for (id, shown) in &ledger.shown {
        let Some(row) = documents.rows.iter().find(|row| row.claim == *id) else {
            over.push(Finding::at(path, 0, format!("claim `{id}` is not in it"), "cargo xtask truth write"));
            continue;
        };
        let (written, level) = (row.level.word(), shown.level.word());
        if row.level > shown.level {
            let (verdict, why) = report::missing(&ledger.config, id, shown, row.level);
            if verdict == Some(Verdict::NotAvailable) {
                unseen.push((row.line, id, why));
                continue;
            }
            let problem = format!("claim `{id}` is written as {written}, and {level} is shown: {why}");
            over.push(Finding::at(path, row.line, problem, format!("cargo xtask truth explain {id}")));
        } else if row.level < shown.level {
            under.push(format!("claim `{id}` is written as {written}, and is {level}"));
        }
    }
    if let [(line, first, why), rest @ ..] = &unseen[..] {
        let others: Vec<_> = rest.iter().map(|(_, id, _)| format!("`{id}`")).collect();
        let others = match others.is_empty() {
            true => String::new(),
            false => format!("; and of {} more: {}", others.len(), others.join(", ")),
        };
        let problem = format!("more is written of claim `{first}` than is shown: {why}{others}");
        over.push(Finding::at(path, *line, problem, LOOK));
    }
    (over, under)
}

fn check(doors: &Doors, run: bool) -> Result<Exit> {
    let ledger = Ledger::looked(doors, run)?;
    let documents = Documents::read(doors, &ledger.config)?;
    let mut findings = documents.findings(&ledger);
    let (over, under) = claimed(&ledger, &documents);
    findings.extend(over);
    ledger.tell(doors)?;
    if doors.terminal.is_json() {
        doors.terminal.json(&report::told(&ledger.config, &ledger.shown))?;
    }
    for line in &under {
        doors.terminal.talk(&format!("less than is shown: {line}"));
    }
    if !under.is_empty() {
        doors.terminal.talk("next: cargo xtask truth write");
    }
    if findings.is_empty() {
        if !doors.terminal.is_json() {
            let (claims, documents) = (ledger.config.claims.len(), documents.all.len() + 1);
            doors.terminal.data(&format!(
                "{claims} claims, {documents} documents: nothing is claimed that is not shown"
            ));
        }
        return Ok(Exit::Done);
    }
    let count = findings.len();
    let plural = if count == 1 { "" } else { "s" };
    Err(Failure::found(
        Exit::No,
        format!("more is claimed than is shown, at {count} place{plural}"),
        findings,
    ))
}

fn write(doors: &Doors, run: bool) -> Result<Exit> {
    let ledger = Ledger::looked(doors, run)?;
    let documents = Documents::read(doors, &ledger.config)?;
    let today = ledger.facts.now.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d").to_string();
    let levels = render::levels(&ledger.levels(), &documents.rows, &today);
    let body = |what: &str| render::body(what, &ledger.config, &ledger.planned, &levels);
    let mut changed = Vec::new();
    for document in &documents.all {
        let text = documents::filled(document, |block| body(&block.what));
        changed.extend(replace(doors, document, &text)?);
    }
    let state = body("state").unwrap_or_default();
    changed.extend(replace(doors, &documents.state, &documents::whole("state", &state))?);
    for row in &documents.rows {
        let now = levels.get(&row.claim).map_or("no claim any more", |(level, _)| level.word());
        if now != row.level.word() {
            doors.terminal.talk(&format!("claim `{}` was {}, and is {now}", row.claim, row.level.word()));
        }
    }
    ledger.tell(doors)?;
    match changed.is_empty() {
        true => doors.terminal.data("every document says what is shown already"),
        false => changed.iter().for_each(|path| doors.terminal.data(&format!("written  {path}"))),
    }
    Ok(Exit::Done)
}

/// The path, where the text was another one.
fn replace(doors: &Doors, document: &Document, text: &str) -> Result<Option<String>> {
    if document.text == text {
        return Ok(None);
    }
    files::write(&doors.workspace.file(&document.path), text)?;
    Ok(Some(document.path.clone()))
}

fn report(doors: &Doors) -> Result<Exit> {
    let ledger = Ledger::read(doors)?;
    match doors.terminal.is_json() {
        true => doors.terminal.json(&report::told(&ledger.config, &ledger.shown))?,
        false => doors.terminal.data(&report::table(&ledger.config, &ledger.shown)),
    }
    Ok(Exit::Done)
}

fn explain(doors: &Doors, claim: &str) -> Result<Exit> {
    let ledger = Ledger::read(doors)?;
    let Some(shown) = ledger.shown.get(claim) else {
        return Err(Failure::usage(format!("there is no claim `{claim}`")).next("cargo xtask truth report"));
    };
    match doors.terminal.is_json() {
        true => {
            let all = report::told(&ledger.config, &ledger.shown);
            let only = all.into_iter().find(|told| told.is(claim));
            doors.terminal.json(&only)?;
        }
        false => doors.terminal.data(&report::explained(&ledger.config, claim, shown)),
    }
    Ok(Exit::Done)
}

fn audit(doors: &Doors, write: bool) -> Result<Exit> {
    let listing = git::listing(&doors.shell)?.map_err(|why| Failure::refused(why.to_string()))?;
    let mut all = Vec::new();
    for path in listing.paths().into_iter().filter(|path| audit::is_of_interest(path)) {
        if let Ok(Some(text)) = files::read_text(&doors.workspace.file(&path)) {
            all.push(Document { path, text });
        }
    }
    let found = audit::inventory(&all);
    let text = format!("#:schema schema/truth.json\n{}", audit::claims(&found));
    if !write {
        doors.terminal.data(text.trim_end());
        doors.terminal.talk(&format!("{} things are there; none of them is shown to work", found.len()));
        doors.terminal.talk("next: cargo xtask truth audit --write");
        return Ok(Exit::Done);
    }
    let path = doors.workspace.file(config::FILE);
    if files::read_text(&path)?.is_some() {
        return Err(Failure::new(Exit::Conflict, format!("there is a `{}` already", config::FILE))
            .why("what people wrote there is not replaced")
            .next("cargo xtask truth audit, and take over what is new"));
    }
    files::write(&path, text)?;
    doors.terminal.data(&format!("written  {}: {} claims, each planned", config::FILE, found.len()));
    Ok(Exit::Done)
}
