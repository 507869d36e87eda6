//! The journals of several machines, on one orphan branch.
//!
//! - Each writer has files of its own there, `journal/WRITER/MONTH.jsonl`, with its whole lines: a chain is on the branch as it is
//!   on the machine, so it can be checked there too. Nobody writes another one's files, so two writers never differ about one.
//! - A file on the branch only grows. Where it is not the beginning of the local one, somebody changed one of them: nothing is
//!   overwritten, and both are named.
//! - A push that comes too late is repeated on what came before it, and nothing is ever forced. A sync that was killed anywhere has
//!   pushed all or nothing, and the same command again does what is left.
//! - The work tree, `HEAD` and the index are left alone, and no hook runs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::doors::Doors;
use crate::failure::{Exit, Failure, Result};
use crate::files;
use crate::journal;
use crate::shell::{Captured, Command};

/// How often a push is tried that others came before.
const TRIES: u32 = 8;

/// The ref under which the branch is known here.
const KNOWN: &str = "refs/xtask/state";

/// The folder on the branch.
const FOLDER: &str = "journal";

/// Where to.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The remote repository.
    pub remote: String,
    /// The branch there.
    pub branch: String,
}

/// What a look found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Events of this machine that are not on the branch.
    pub to_push: usize,
    /// Events of others on the branch that were not known here.
    pub to_take: usize,
    /// Other writers on the branch.
    pub others: usize,
}

/// Files by their name below the folder of a writer: `2026-11.jsonl`.
type Files = BTreeMap<String, String>;

/// One sync under way.
struct Sync<'a> {
    doors: &'a Doors,
    wanted: &'a Wanted,
    writer: String,
}

/// Looks, and with `execute` takes the events of others and pushes the own ones. What was found is what was done then.
///
/// # Errors
/// Exit 1 where the own chain is broken, 4 where the branch holds other lines of this writer, 75 where the remote repository does not
/// answer or others always come first.
pub fn sync(doors: &Doors, wanted: &Wanted, execute: bool) -> Result<Found> {
    // One at a time on this machine: they share an index.
    let _held = files::lock(&doors.workspace.journal().join("sync.lock"))?;
    let writer = journal::writer(&doors.workspace)?;
    let sync = Sync { doors, wanted, writer };
    let own = sync.own()?;
    let mut all = Found::default();
    for _ in 0..TRIES {
        let tip = sync.fetch()?;
        let there = sync.read(tip.as_deref())?;
        let taken = sync.take(&there, execute)?;
        (all.to_take, all.others) = (all.to_take + taken, there.len());
        let missing = sync.missing(&own, there.get(&sync.writer).unwrap_or(&Files::new()))?;
        all.others -= usize::from(there.contains_key(&sync.writer));
        let events = missing.values().map(|(_, new)| *new).sum();
        all.to_push = all.to_push.max(events);
        if !execute || missing.is_empty() || sync.push(tip.as_deref(), &missing, events)? {
            return Ok(all);
        }
    }
    Err(Failure::new(Exit::Temporary, "others wrote to the branch each time before this machine did")
        .next("run the same command again"))
}

impl Sync<'_> {
    fn git(&self, words: &[&str]) -> Command {
        let quiet = ["-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0"];
        let words: Vec<_> = quiet.iter().chain(words).map(|word| (*word).to_owned()).collect();
        Command::new("git", words)
            .with("LC_ALL", "C")
            .with("GIT_TERMINAL_PROMPT", "0")
            .with("GIT_INDEX_FILE", self.index().display().to_string())
    }

    /// An index of its own, so that what a person has staged stays as it is.
    fn index(&self) -> PathBuf {
        self.doors.workspace.cache().join("state-index")
    }

    fn run(&self, command: &Command) -> Result<Captured> {
        Ok(self.doors.shell.capture(command)?)
    }

    /// The own lines, whole and in an unbroken chain.
    fn own(&self) -> Result<Files> {
        let report = journal::fold(&self.doors.workspace, |_| {})?;
        if let Some(first) = report.broken.first() {
            return Err(Failure::no("a journal whose chain is broken is not shared")
                .why(first.as_str())
                .next("cargo xtask journal verify"));
        }
        let mut own = Files::new();
        for path in journal::months(&self.doors.workspace.journal())? {
            let text = files::read_text(&path)?.unwrap_or_default();
            let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
            let mark = format!("\"writer\":\"{}\"", self.writer);
            let lines: String = whole.split_inclusive('\n').filter(|line| line.contains(&mark)).collect();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if !lines.is_empty() {
                own.insert(name, lines);
            }
        }
        Ok(own)
    }

    /// Brings the branch here. None where there is none yet.
    fn fetch(&self) -> Result<Option<String>> {
        let Wanted { remote, branch } = self.wanted;
        let reference = format!("refs/heads/{branch}");
        let listed = self.run(&self.git(&["ls-remote", "--exit-code", remote, &reference]))?;
        match listed.ended {
            crate::shell::Ended::Exit(0) => {}
            crate::shell::Ended::Exit(2) => return Ok(None),
            _ => return Err(self.silent(&listed)),
        }
        let fetch = ["fetch", "--quiet", "--no-tags", remote, &format!("+{reference}:{KNOWN}")];
        let fetched = self.run(&self.git(&fetch))?;
        if !fetched.is_success() {
            return Err(self.silent(&fetched));
        }
        Ok(Some(self.doors.shell.read(&self.git(&["rev-parse", "--verify", KNOWN]))?))
    }

    fn silent(&self, said: &Captured) -> Failure {
        Failure::new(Exit::Temporary, format!("`{}` does not answer", self.wanted.remote))
            .why(said.stderr.trim())
            .next("run the same command again once it does; nothing was changed")
    }

    /// The files on the branch, by writer.
    fn read(&self, tip: Option<&str>) -> Result<BTreeMap<String, Files>> {
        let mut there: BTreeMap<String, Files> = BTreeMap::new();
        let Some(tip) = tip else { return Ok(there) };
        let listed = self.doors.shell.read(&self.git(&["ls-tree", "-r", "--name-only", tip, FOLDER]))?;
        for path in listed.lines() {
            let [_, writer, name] = path.split('/').collect::<Vec<_>>()[..] else { continue };
            let plain =
                |text: &str| text.chars().all(|next| next.is_ascii_alphanumeric() || "-._".contains(next));
            if !plain(writer) || !plain(name) || writer.starts_with('.') || !name.ends_with(".jsonl") {
                continue;
            }
            let shown = self.run(&self.git(&["cat-file", "blob", &format!("{tip}:{path}")]))?;
            let text = String::from_utf8_lossy(&shown.stdout).into_owned();
            there.entry(writer.to_owned()).or_default().insert(name.to_owned(), text);
        }
        Ok(there)
    }

    /// Keeps the files of others. How many events are new here.
    fn take(&self, there: &BTreeMap<String, Files>, execute: bool) -> Result<usize> {
        let mut taken = 0;
        for (writer, theirs) in there.iter().filter(|(writer, _)| **writer != self.writer) {
            for (name, text) in theirs {
                let path = journal::others(&self.doors.workspace).join(writer).join(name);
                let known = files::read_text(&path)?.unwrap_or_default();
                if !text.starts_with(&known) {
                    return Err(differs(&self.doors.workspace.name_of(&path), writer));
                }
                taken += count(text) - count(&known);
                if execute && *text != known {
                    files::write(&path, text)?;
                }
            }
        }
        Ok(taken)
    }

    /// The own files that are not on the branch as they are here, with how many events are new in each.
    fn missing<'b>(&self, own: &'b Files, there: &Files) -> Result<BTreeMap<&'b str, (&'b str, usize)>> {
        if let Some((name, _)) = there
            .iter()
            .find(|(name, text)| !own.get(*name).is_some_and(|own| own.starts_with(text.as_str())))
        {
            return Err(differs(&format!(".xtask/journal/{name}"), &self.writer));
        }
        let known = |name: &str| there.get(name).map_or("", String::as_str);
        let news = own.iter().filter(|(name, text)| text.as_str() != known(name));
        Ok(news
            .map(|(name, text)| (name.as_str(), (text.as_str(), count(text) - count(known(name)))))
            .collect())
    }

    /// True once it is pushed; false where somebody came first.
    fn push(
        &self,
        tip: Option<&str>,
        missing: &BTreeMap<&str, (&str, usize)>,
        events: usize,
    ) -> Result<bool> {
        let shell = &self.doors.shell;
        files::create_folder(&self.doors.workspace.cache())?;
        // A git that died left its lock behind, and half an index.
        files::remove(&self.index())?;
        files::remove(&self.index().with_extension("lock"))?;
        shell.read(&self.git(&["read-tree", tip.unwrap_or("--empty")]))?;
        for (name, (text, _)) in missing {
            let blob = shell.read(&self.git(&["hash-object", "-w", "--stdin"]).reading(*text))?;
            let entry = format!("100644,{blob},{FOLDER}/{}/{name}", self.writer);
            shell.read(&self.git(&["update-index", "--add", "--cacheinfo", &entry]))?;
        }
        let tree = shell.read(&self.git(&["write-tree"]))?;
        let message = format!("journal: {events} events of {}", self.writer);
        let mut words = vec!["commit-tree", &tree, "-m", &message];
        words.extend(tip.iter().flat_map(|tip| ["-p", tip]));
        // Whoever has no name at this machine is told by the branch what wrote it.
        let names = ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"].map(|name| (name, "xtask"));
        let mails = ["GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"].map(|name| (name, "xtask@localhost"));
        let commit = names
            .into_iter()
            .chain(mails)
            .fold(self.git(&words), |command, (name, value)| command.with(name, value));
        let commit = shell.read(&commit)?;
        let target = format!("{commit}:refs/heads/{}", self.wanted.branch);
        let pushed =
            self.run(&self.git(&["push", "--quiet", "--porcelain", &self.wanted.remote, &target]))?;
        if pushed.is_success() {
            return Ok(true);
        }
        let said = pushed.text() + &pushed.stderr;
        let is_late =
            ["[rejected]", "fetch first", "non-fast-forward", "cannot lock ref", "failed to update ref"];
        if is_late.iter().any(|word| said.contains(word)) {
            return Ok(false);
        }
        if ["[remote rejected]", "denied", "403"].iter().any(|word| said.contains(word)) {
            return Err(Failure::refused(format!("`{}` does not take the branch", self.wanted.remote))
                .why(said.trim())
                .next("give this machine the right to push it: `contents: write` in a job"));
        }
        Err(self.silent(&pushed))
    }
}

fn count(text: &str) -> usize {
    text.matches('\n').count()
}

fn differs(path: &str, writer: &str) -> Failure {
    Failure::new(Exit::Conflict, format!("the branch holds other lines of writer `{writer}` than `{path}`"))
        .why("a file of the journal only grows, so one of the two was changed, or is an older copy")
        .next("keep a copy of both, and look at the first line that differs; nothing was overwritten")
}
