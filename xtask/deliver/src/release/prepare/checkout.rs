//! A second work tree of the repository, in which a release is prepared, and the branch that it ends on.
//!
//! Nothing of the person's own work tree, index or branch is touched: the files are changed in a folder below
//! `.xtask/prepare`, the tree and the commit are written by plumbing that runs no hook, and the branch moves by one atomic
//! `update-ref`. A process that is killed leaves that folder and objects that nobody names; the next one removes the folder.
//!
//! A commit of ours says in its message from which commit and with which tree it was made. So a branch that somebody
//! changed is recognised, and never overwritten.

use std::path::PathBuf;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::files;
use nexus_xtask::shell::{Captured, Command};

/// The trailers by which our own commits are known.
const FROM: &str = "Prepared-From: ";
const TREE: &str = "Prepared-Tree: ";

/// A work tree of its own, removed with its owner.
pub(crate) struct Checkout<'a> {
    doors: &'a Doors,
    folder: PathBuf,
    /// The workspace's root in it, which may be below the repository's.
    pub(crate) root: PathBuf,
    /// The commit that it is made from.
    pub(crate) base: String,
    /// Held until the end: two of these at once would remove each other's folder.
    _lock: std::fs::File,
}

impl Checkout<'_> {
    /// Checks the current commit out beside the person's work tree.
    pub(crate) fn of_head(doors: &Doors) -> Result<Checkout<'_>> {
        let place = doors.workspace.state().join("prepare");
        let lock = files::try_lock(&place.join("lock"))?.ok_or_else(|| {
            Failure::new(Exit::Temporary, "another process prepares a release of this workspace")
                .why("it holds `.xtask/prepare/lock`")
                .next(format!("when it has ended: {}", doors.environment.typed()))
        })?;
        let base = doors
            .shell
            .capture(&Command::new("git", ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]))?;
        if !base.is_success() {
            return Err(Failure::refused("there is no commit to prepare a release from")
                .next("run this in a git repository with at least one commit"));
        }
        let prefix = doors.shell.read(&Command::new("git", ["rev-parse", "--show-prefix"]))?;
        for leftover in files::list(&place)?.into_iter().filter(|path| path.is_dir()) {
            // A program that outlives the process that was killed may still write there: then the one after this removes it.
            files::remove_folder(&leftover).ok();
        }
        let folder = place.join(format!("tree-{}", std::process::id()));
        let checkout = Checkout {
            doors,
            root: folder.join(prefix.trim_end_matches('/')),
            folder: folder.clone(),
            base: base.text(),
            _lock: lock,
        };
        checkout.remove()?;
        let made = ["worktree", "add", "--quiet", "--force", "--detach"].map(str::to_owned);
        let arguments = made.into_iter().chain([folder.display().to_string(), checkout.base.clone()]);
        // Large files are no part of what changes.
        let add = Command::new("git", QUIET.iter().map(|word| (*word).to_owned()).chain(arguments))
            .with("GIT_LFS_SKIP_SMUDGE", "1");
        doors.shell.read(&add)?;
        Ok(checkout)
    }

    /// The tree of the commit with these files, by their paths from the workspace's root, as they are now.
    pub(crate) fn tree(&self, paths: &[String]) -> Result<String> {
        if !paths.is_empty() {
            let words = ["add", "--all", "--force", "--"].into_iter().chain(paths.iter().map(String::as_str));
            self.git(words)?;
        }
        Ok(self.git(["write-tree"])?)
    }

    /// How a tree differs from the commit.
    pub(crate) fn diff(&self, tree: &str) -> Result<String> {
        let words =
            ["diff", "--no-color", "--no-ext-diff", "--no-renames", "--src-prefix=a/", "--dst-prefix=b/"];
        Ok(self.git(words.into_iter().chain([self.base.as_str(), tree]))?)
    }

    /// The commit of a tree on a branch: the one that is there, where that was made from the same commit with the same
    /// tree. A branch that somebody else changed is a conflict.
    pub(crate) fn commit(&self, branch: &Branch, tree: &str, message: &str) -> Result<Committed> {
        let tips: Vec<_> = [&branch.local, &branch.remote].into_iter().flatten().collect();
        for tip in &tips {
            if self.made(tip)?.is_none() {
                return Err(self.changed(branch, tip));
            }
        }
        let wanted = Some((self.base.clone(), tree.to_owned()));
        // What others see already is kept before what only this machine has.
        for tip in tips.into_iter().rev() {
            if self.made(tip)? == wanted {
                self.point(branch, tip)?;
                return Ok(Committed { commit: tip.clone(), is_new: false });
            }
        }
        let message = format!("{message}\n\n{FROM}{}\n{TREE}{tree}\n", self.base);
        let mut words = vec!["commit-tree", tree, "-p", &self.base];
        let signs = self.captured(["config", "--type=bool", "--get", "commit.gpgSign"])?;
        if signs.text() == "true" {
            words.push("-S");
        }
        let command = Command::new("git", words).within(&self.folder).reading(message);
        let commit = self.doors.shell.read(&self.identified(command)?)?;
        self.point(branch, &commit)?;
        Ok(Committed { commit, is_new: true })
    }

    /// Moves the branch of this repository, if nobody moved it in between.
    fn point(&self, branch: &Branch, commit: &str) -> Result<()> {
        let none = "0".repeat(commit.len());
        let old = branch.local.as_deref().unwrap_or(&none);
        if old != commit {
            self.git(["update-ref", "-m", "release prepare", &branch.reference(), commit, old])?;
        }
        Ok(())
    }

    /// Commit and tree that a commit of ours was made from and with; `None` for one that is not, or not any more.
    fn made(&self, commit: &str) -> Result<Option<(String, String)>> {
        let shown = self.git(["show", "--no-patch", "--format=%T%n%P%n%B", commit])?;
        let mut lines = shown.lines();
        let (tree, parents) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let said = |start: &str| shown.lines().rev().find_map(|line| line.strip_prefix(start));
        let is_ours = said(TREE) == Some(tree) && said(FROM) == Some(parents);
        Ok(is_ours.then(|| (parents.to_owned(), tree.to_owned())))
    }

    fn changed(&self, branch: &Branch, tip: &str) -> Failure {
        let (place, name) = (branch.remote.as_deref() == Some(tip), &branch.name);
        let (place, remove) = if place {
            ("in the remote repository", "git push origin --delete")
        } else {
            ("here", "git branch -D")
        };
        Failure::new(Exit::Conflict, format!("`{name}` has work on it that this command did not do"))
            .why(format!(
                "its commit {} {place} was made or changed by somebody else",
                tip.get(..12).unwrap_or(tip)
            ))
            .why("nothing was changed")
            .next(format!(
                "keep it: {} --branch NAME; or give it up: {remove} {name}",
                self.doors.environment.typed()
            ))
    }

    /// Whose commit it is: what git knows, what the caller's variables say, or GitHub's own name in its jobs.
    fn identified(&self, mut command: Command) -> Result<Command> {
        const ROLES: [&str; 2] = ["AUTHOR", "COMMITTER"];
        for role in ROLES {
            for part in ["NAME", "EMAIL", "DATE"] {
                let name = format!("GIT_{role}_{part}");
                if let Some(value) = self.doors.environment.get(&name) {
                    command = command.with(name, value);
                }
            }
        }
        let ask = Command {
            arguments: vec!["var".into(), "GIT_COMMITTER_IDENT".into()],
            input: None,
            ..command.clone()
        };
        if self.doors.shell.capture(&ask)?.is_success() {
            return Ok(command);
        }
        if !self.doors.environment.is_github() {
            return Err(Failure::refused("git does not know who makes the commit")
                .why("neither `user.name` nor `user.email` is set")
                .next("git config user.name 'Your Name' && git config user.email you@example.com"));
        }
        for role in ROLES {
            command = command
                .with(format!("GIT_{role}_NAME"), "github-actions[bot]")
                .with(format!("GIT_{role}_EMAIL"), "41898282+github-actions[bot]@users.noreply.github.com");
        }
        Ok(command)
    }

    fn git<'b>(&self, words: impl IntoIterator<Item = &'b str>) -> anyhow::Result<String> {
        let words = QUIET.iter().copied().chain(words);
        self.doors.shell.read(&Command::new("git", words).within(&self.root))
    }

    fn captured<'b>(&self, words: impl IntoIterator<Item = &'b str>) -> anyhow::Result<Captured> {
        self.doors.shell.capture(&Command::new("git", words).within(&self.root))
    }

    fn remove(&self) -> anyhow::Result<()> {
        files::remove_folder(&self.folder)?;
        // What git noted about folders that are gone, ours among them.
        self.doors.shell.read(&Command::new("git", ["worktree", "prune"]))?;
        Ok(())
    }
}

/// The branch that the person has checked out; `None` on a detached head.
pub(crate) fn current_branch(doors: &Doors) -> Result<Option<String>> {
    let asked = doors.shell.capture(&Command::new("git", ["symbolic-ref", "--quiet", "--short", "HEAD"]))?;
    Ok(Some(asked.text()).filter(|name| asked.is_success() && !name.is_empty()))
}

/// No hook of the person runs, and line ends are not warned about.
const QUIET: &[&str] = &["-c", "core.hooksPath=/dev/null", "-c", "core.safecrlf=false"];

impl Drop for Checkout<'_> {
    fn drop(&mut self) {
        // What is left is removed by the next one.
        self.remove().ok();
    }
}

/// A commit that a release was prepared as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) commit: String,
    /// False where it was there already.
    pub(crate) is_new: bool,
}

/// The branch that a release is prepared on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Branch {
    pub(crate) name: String,
    /// Its commit in this repository.
    pub(crate) local: Option<String>,
    /// Its commit in the remote one, where that was asked.
    pub(crate) remote: Option<String>,
}

impl Branch {
    /// Looks at a branch, and refuses one that somebody works on.
    pub(crate) fn look(doors: &Doors, name: &str) -> Result<Branch> {
        let branch = Branch { name: name.to_owned(), local: None, remote: None };
        let ask = |words: &[&str]| doors.shell.capture(&Command::new("git", words.iter().copied()));
        let reference = branch.reference();
        if name.starts_with('-') || !ask(&["check-ref-format", &reference])?.is_success() {
            return Err(
                Failure::usage(format!("`{name}` is no name of a branch")).next("--branch release/next")
            );
        }
        let worktrees = ask(&["worktree", "list", "--porcelain"])?.text();
        if worktrees.lines().any(|line| line.strip_prefix("branch ") == Some(&reference)) {
            return Err(Failure::refused(format!("`{name}` is checked out"))
                .why("it would move under the feet of whoever works there")
                .next("switch to the branch that is released, for example: git switch main"));
        }
        let local = ask(&["rev-parse", "--verify", "--quiet", &format!("{reference}^{{commit}}")])?;
        Ok(Branch { local: Some(local.text()).filter(|_| local.is_success()), ..branch })
    }

    pub(crate) fn reference(&self) -> String {
        format!("refs/heads/{}", self.name)
    }
}
