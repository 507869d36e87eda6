//! restic, through its program.

use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::shell::{Captured, Command, quoted};

use super::config::{Backup, Keep};

/// What restic says of a folder or an address without a repository, before it fails.
const NO_REPOSITORY: &str = "Is there a repository at the following location?";

/// One repository, and the backup of this name in it.
pub(super) struct Repository<'a> {
    pub(super) doors: &'a Doors,
    pub(super) name: &'a str,
    pub(super) backup: &'a Backup,
}

#[derive(Deserialize)]
struct Summary {
    message_type: String,
    #[serde(default)]
    snapshot_id: String,
}

/// One snapshot of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its whole name.
    pub id: String,
    /// When it was made.
    pub time: Timestamp,
}

/// What restic says of a policy for one group of snapshots.
#[derive(Deserialize)]
struct Forgotten {
    #[serde(default)]
    remove: Option<Vec<Snapshot>>,
}

impl Repository<'_> {
    /// Where the repository is, from everywhere: restic runs in several folders, and a folder is meant from the root.
    fn place(&self) -> String {
        let said = &self.backup.repository;
        // `s3:`, `sftp:`; a single letter is a drive of Windows.
        let is_address = said.split_once(':').is_some_and(|(kind, _)| {
            kind.len() > 1 && kind.chars().all(|character| character.is_ascii_alphanumeric())
        });
        if is_address { said.clone() } else { self.doors.workspace.file(said).display().to_string() }
    }

    /// What every question to the repository needs.
    ///
    /// # Errors
    /// Exit 3 where the password is not set, or where there is no restic.
    pub(super) fn require(&self) -> Result<&str> {
        if self.doors.shell.find("restic").is_none() {
            return Err(Failure::refused("there is no program `restic`").next("install restic"));
        }
        let variable = &self.backup.password_variable;
        self.doors.environment.get(variable).ok_or_else(|| {
            Failure::refused(format!("`{variable}` is not set"))
                .why(format!("it holds the password of the repository of the backup `{}`", self.name))
                .next(format!("set `{variable}`, then run the same command again"))
        })
    }

    fn ask(&self, arguments: &[&str], within: &Path) -> Result<Captured> {
        let password = self.require()?;
        let cache = self.doors.workspace.cache().join("restic").display().to_string();
        let mut restic = Command::new("restic", arguments.iter().copied())
            .with("RESTIC_PASSWORD", password)
            .with("RESTIC_REPOSITORY", self.place())
            .with("RESTIC_CACHE_DIR", cache)
            .within(within);
        // Keys of a storage are no variables that every program sees.
        for name in &self.backup.variables {
            if let Some(value) = self.doors.environment.get(name) {
                restic = restic.with(name, value);
            }
        }
        Ok(self.doors.shell.capture(&restic)?)
    }

    fn must(&self, what: &str, arguments: &[&str], within: &Path) -> Result<Captured> {
        let captured = self.ask(arguments, within)?;
        if captured.is_success() {
            return Ok(captured);
        }
        let said = self.doors.environment.mask(captured.stderr.trim());
        // Its exit code says no more than that it failed, until version 0.17.
        if said.contains(NO_REPOSITORY) {
            return Err(Failure::refused(format!("there is no repository at `{}`", self.place()))
                .why("one that was there and is gone is not replaced by itself")
                .next(format!("where there never was one: cargo xtask backup init {}", self.name)));
        }
        Err(Failure::no(format!("restic could not {what}"))
            .why(format!("{}: {said}", captured.ended))
            .next(format!("`restic --repo {} check` says more", quoted(&self.place()))))
    }

    /// Makes the repository. Only where it was asked for: a repository that is gone must not be replaced silently.
    pub(super) fn init(&self) -> Result<()> {
        self.must("make the repository", &["init"], self.doors.workspace.root()).map(drop)
    }

    /// Stores a folder and returns the snapshot that restic says it made.
    pub(super) fn store(&self, folder: &Path) -> Result<String> {
        let said = self.must(
            "store the backup",
            &["backup", "--json", "--force", "--tag", self.name, "--host", self.name, "."],
            folder,
        )?;
        said.text()
            .lines()
            .filter_map(|line| serde_json::from_str::<Summary>(line).ok())
            .find(|summary| summary.message_type == "summary" && !summary.snapshot_id.is_empty())
            .map(|summary| summary.snapshot_id)
            .ok_or_else(|| {
                Failure::no("restic ended with 0 and named no snapshot")
                    .next("run the same command again; `restic snapshots` shows what there is")
            })
    }

    /// The newest snapshot of this backup.
    pub(super) fn newest(&self) -> Result<Option<String>> {
        Ok(self.snapshots()?.pop().map(|snapshot| snapshot.id))
    }

    /// The snapshots of this backup, the oldest first.
    pub(super) fn snapshots(&self) -> Result<Vec<Snapshot>> {
        let said = self.must(
            "list snapshots",
            &["snapshots", "--json", "--tag", self.name],
            self.doors.workspace.root(),
        )?;
        let mut snapshots: Vec<Snapshot> = serde_json::from_slice(&said.stdout).map_err(|error| {
            Failure::no("restic lists snapshots in an unknown form").why(error.to_string())
        })?;
        snapshots.sort_by_key(|snapshot| snapshot.time);
        Ok(snapshots)
    }

    /// The snapshots of this backup that need not be kept, as restic reads the rule.
    pub(super) fn expendable(&self, keep: &Keep) -> Result<Vec<Snapshot>> {
        let limits = [
            ("--keep-last", keep.last),
            ("--keep-daily", keep.daily),
            ("--keep-weekly", keep.weekly),
            ("--keep-monthly", keep.monthly),
        ];
        // Each backup is made in a folder of its own for a moment, so that paths say nothing.
        let mut words: Vec<String> =
            ["forget", "--dry-run", "--json", "--group-by", "tags", "--tag", self.name]
                .map(Into::into)
                .into();
        for (flag, count) in limits.into_iter().filter(|(_, count)| *count > 0) {
            words.extend([flag.to_owned(), count.to_string()]);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let said = self.must("say what need not be kept", &words, self.doors.workspace.root())?;
        // Of a backup without any snapshot restic says nothing at all.
        if said.text().is_empty() {
            return Ok(Vec::new());
        }
        let groups: Vec<Forgotten> = serde_json::from_slice(&said.stdout).map_err(|error| {
            Failure::no("restic lists what it would forget in an unknown form").why(error.to_string())
        })?;
        Ok(groups.into_iter().flat_map(|group| group.remove.unwrap_or_default()).collect())
    }

    /// Removes snapshots, and what only they needed.
    pub(super) fn forget(&self, snapshots: &[Snapshot]) -> Result<()> {
        let names = snapshots.iter().map(|snapshot| snapshot.id.as_str());
        let words: Vec<&str> = ["forget", "--prune"].into_iter().chain(names).collect();
        self.must("remove snapshots", &words, self.doors.workspace.root()).map(drop)
    }

    /// Restores a snapshot below a folder.
    pub(super) fn restore(&self, snapshot: &str, into: &Path) -> Result<()> {
        let into = into.display().to_string();
        self.must(
            "restore",
            &["restore", snapshot, "--target", &into, "--no-cache"],
            self.doors.workspace.root(),
        )
        .map(drop)
    }

    /// Checks that the repository is whole in itself, without reading the data.
    pub(super) fn check(&self) -> Result<()> {
        self.must("check the repository", &["check", "--no-cache"], self.doors.workspace.root()).map(drop)
    }

    /// Reads every byte of the repository and checks it.
    pub(super) fn read_all(&self) -> Result<()> {
        let words = ["check", "--read-data", "--no-cache"];
        self.must("read the whole repository", &words, self.doors.workspace.root()).map(drop)
    }
}
