//! restic, through its program.

use std::path::Path;

use serde::Deserialize;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::shell::{Captured, Command};

use super::config::Backup;

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

#[derive(Deserialize)]
struct Snapshot {
    id: String,
    time: String,
}

impl Repository<'_> {
    fn ask(&self, arguments: &[&str], within: &Path) -> Result<Captured> {
        let variable = &self.backup.password_variable;
        let Some(password) = self.doors.environment.get(variable) else {
            return Err(Failure::refused(format!("`{variable}` is not set"))
                .why("it holds the password of the backup repository")
                .next(format!("set `{variable}`, then run the same command again")));
        };
        let restic = Command::new("restic", arguments.iter().copied())
            .with("RESTIC_PASSWORD", password)
            .with("RESTIC_REPOSITORY", &self.backup.repository)
            .within(within);
        if self.doors.shell.find("restic").is_none() {
            return Err(Failure::refused("there is no program `restic`").next("install restic"));
        }
        Ok(self.doors.shell.capture(&restic)?)
    }

    fn must(&self, what: &str, arguments: &[&str], within: &Path) -> Result<Captured> {
        let captured = self.ask(arguments, within)?;
        if captured.is_success() {
            return Ok(captured);
        }
        let said = self.doors.environment.mask(captured.stderr.trim());
        Err(Failure::no(format!("restic could not {what}"))
            .why(format!("{}: {said}", captured.ended))
            .next(format!("`RESTIC_REPOSITORY={} restic check` says more", self.backup.repository)))
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

    /// The newest snapshot of this backup, by the short id or the whole one that restic gives.
    pub(super) fn newest(&self) -> Result<Option<String>> {
        let said = self.must(
            "list snapshots",
            &["snapshots", "--json", "--tag", self.name],
            self.doors.workspace.root(),
        )?;
        let mut snapshots: Vec<Snapshot> = serde_json::from_slice(&said.stdout).map_err(|error| {
            Failure::no("restic lists snapshots in an unknown form").why(error.to_string())
        })?;
        let time = |snapshot: &Snapshot| snapshot.time.parse::<jiff::Timestamp>().ok();
        snapshots.sort_by_key(time);
        Ok(snapshots.pop().map(|snapshot| snapshot.id))
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

    /// Reads every byte of the repository and checks it.
    pub(super) fn check(&self) -> Result<()> {
        self.must(
            "check the repository",
            &["check", "--read-data", "--no-cache"],
            self.doors.workspace.root(),
        )
        .map(drop)
    }
}
