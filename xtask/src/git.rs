//! What git knows about the workspace, asked of the `git` program.
//!
//! Two questions answer "which files, with which content": the index lists every tracked file with the digest of its
//! content, and the status lists what differs from it and what is new. Both are asked at the same time; together they
//! cost little more than one `git status`, also in a large tree.

use std::collections::BTreeSet;

use anyhow::Context as _;

use crate::shell::{Command, Shell};

/// The files of the work tree as git sees them: tracked, plus untracked and not ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Tracked files as `git ls-files --stage -v -z` printed them: `H MODE OBJECT STAGE<TAB>PATH<NUL>`, sorted by path.
    /// Kept as one text: a tree of 50,000 files costs no 50,000 allocations.
    pub index: String,
    /// Files whose content must be read: changed against the index, new, or marked so that git does not look.
    pub dirty: Vec<String>,
    /// Tracked files that are not there any more.
    pub deleted: Vec<String>,
    /// The commit that is checked out; `None` in a repository without commits.
    pub head: Option<String>,
    /// True when the work tree is the commit, with nothing staged, changed or new.
    pub clean: bool,
    /// The folder asked in, from the top of the repository, with `/` at its end; empty at the top.
    pub prefix: String,
    /// Submodules with changes of their own: their content is known to nobody here.
    pub unknown: Vec<String>,
}

/// Why git could not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoGit {
    /// There is no `git` program.
    NoProgram,
    /// The folder is in no repository.
    NoRepository(String),
    /// There is a repository, and git cannot read it: what it says.
    Broken(String),
}

impl std::fmt::Display for NoGit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoGit::NoProgram => f.write_str("there is no `git` on PATH"),
            NoGit::NoRepository(why) => write!(f, "this is no git repository: {why}"),
            NoGit::Broken(why) => write!(f, "git cannot read this repository: {why}"),
        }
    }
}

/// Lists the work tree.
pub fn listing(shell: &Shell) -> anyhow::Result<Result<Listing, NoGit>> {
    if shell.find("git").is_none() {
        return Ok(Err(NoGit::NoProgram));
    }
    // What git says is told apart below, so it must say it in one language.
    let index = Command::new("git", ["ls-files", "--stage", "-v", "-z"]).with("LC_ALL", "C");
    let status = Command::new(
        "git",
        [
            "-c",
            "status.relativePaths=false",
            "status",
            "--porcelain=v2",
            "--branch",
            "-z",
            "--untracked-files=all",
            "--no-renames",
            ".",
        ],
    )
    // Asking must not write: another process may hold the index.
    .with("GIT_OPTIONAL_LOCKS", "0")
    .with("LC_ALL", "C");
    let (index, status) = std::thread::scope(|scope| {
        let index = scope.spawn(|| shell.capture(&index));
        // Asked before the first answer is waited for.
        let status = shell.capture(&status);
        (index.join().expect("the question does not panic"), status)
    });
    let (index, status) = (index?, status?);
    if let Some(failed) = [&index, &status].into_iter().find(|answer| !answer.is_success()) {
        let first = failed.stderr.lines().next().unwrap_or("git says no").trim_start_matches("fatal: ");
        // A repository that lost its head is none for git; a person who sees `.git` sees one.
        let nowhere = !shell.root().ancestors().any(|folder| folder.join(".git").exists());
        return Ok(Err(match nowhere && failed.stderr.contains("not a git repository") {
            true => NoGit::NoRepository(first.to_owned()),
            false => NoGit::Broken(failed.stderr.trim().to_owned()),
        }));
    }
    // Status names files from the top of the repository, the index from the folder asked in.
    let prefix = match shell.root().join(".git").exists() {
        true => String::new(),
        false => shell.read(&Command::new("git", ["rev-parse", "--show-prefix"]))?,
    };
    let index = String::from_utf8(index.stdout)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    parse(index, &String::from_utf8_lossy(&status.stdout), &prefix).map(Ok)
}

impl Listing {
    /// Every path, also of files that are gone.
    pub fn paths(&self) -> BTreeSet<String> {
        let indexed = self.index.split_terminator('\0').filter_map(path_of);
        indexed.map(str::to_owned).chain(self.dirty.iter().cloned()).collect()
    }
}

/// The path of an entry of the index.
pub fn path_of(entry: &str) -> Option<&str> {
    entry.split_once('\t').map(|(_, path)| path)
}

fn parse(index: String, status: &str, prefix: &str) -> anyhow::Result<Listing> {
    let mut listing = Listing { clean: true, prefix: prefix.to_owned(), ..Listing::default() };
    for entry in index.split_terminator('\0') {
        // A lower-case tag and `S` mark files that git does not look at.
        if !entry.starts_with("H ") {
            let path = path_of(entry).context("`git ls-files` printed something unexpected")?;
            listing.dirty.push(path.to_owned());
        }
    }
    listing.index = index;
    for entry in status.split_terminator('\0') {
        if let Some(header) = entry.strip_prefix("# ") {
            let commit = header.strip_prefix("branch.oid ").filter(|oid| *oid != "(initial)");
            listing.head = commit.map(str::to_owned).or(listing.head);
            continue;
        }
        listing.clean = false;
        let mut fields = entry.splitn(9, ' ');
        let (kind, path) = match fields.next() {
            Some("?") => ('?', entry.get(2..).unwrap_or_default()),
            Some("1") => ('1', fields.nth(7).unwrap_or_default()),
            // Unmerged: `u XY sub m1 m2 m3 mW h1 h2 h3 path`.
            Some("u") => ('u', entry.splitn(11, ' ').nth(10).unwrap_or_default()),
            _ => continue,
        };
        let path = path.strip_prefix(prefix).unwrap_or(path);
        if path.ends_with('/') {
            // A repository inside this one that is no submodule: git does not look into it.
            listing.unknown.push(path.to_owned());
            continue;
        }
        let path = path.to_owned();
        let state = entry.get(2..4).unwrap_or_default();
        let submodule = entry.get(5..9).unwrap_or_default();
        if kind == '1' && submodule.starts_with('S') {
            if submodule.contains(['M', 'U']) {
                listing.unknown.push(path.clone());
            }
            listing.dirty.push(path);
        } else if kind == '1' && state.ends_with('D') {
            listing.deleted.push(path);
        } else if kind != '1' || !state.ends_with('.') {
            listing.dirty.push(path);
        }
    }
    Ok(listing)
}

/// The commit that is checked out; `None` in a repository without commits and outside of one.
pub fn head(shell: &Shell) -> anyhow::Result<Option<String>> {
    if shell.find("git").is_none() {
        return Ok(None);
    }
    let captured = shell.capture(&Command::new("git", ["rev-parse", "--verify", "--quiet", "HEAD"]))?;
    Ok(Some(captured.text()).filter(|text| captured.is_success() && !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_and_status_become_one_listing() {
        let index = "H 100644 aaa 0\tsrc/lib.rs\0H 100644 bbb 0\tREADME.md\0h 100644 ccc 0\thidden.txt\0H 100644 ddd 0\tgone.rs\0H 100644 fff 0\tstaged.rs\0";
        let status = "# branch.oid 0123\0# branch.head main\x001 .M N... 100644 100644 100644 bbb bbb sub/README.md\0\
                      1 .D N... 100644 100644 000000 ddd ddd sub/gone.rs\0\
                      1 M. N... 100644 100644 100644 eee fff sub/staged.rs\0\
                      1 .M S.M. 160000 160000 160000 e e sub/vendor\0\
                      u UU N... 100644 100644 100644 100644 a b c sub/a b.txt\0\
                      ? sub/new é.txt\0";
        let listing = parse(index.to_owned(), status, "sub/").unwrap();
        assert_eq!(listing.index, index);
        assert_eq!(listing.dirty, ["hidden.txt", "README.md", "vendor", "a b.txt", "new é.txt"]);
        assert_eq!(listing.deleted, ["gone.rs"]);
        assert_eq!(listing.unknown, ["vendor"]);
        assert_eq!((listing.head.as_deref(), listing.clean), (Some("0123"), false));
    }
    #[test]
    fn a_clean_tree_and_a_repository_without_commits_are_told_apart() {
        let of = |status: &str| {
            parse(String::new(), status, "").map(|listing| (listing.head, listing.clean)).unwrap()
        };
        assert_eq!(of("# branch.oid 0123\0# branch.head main\0"), (Some("0123".to_owned()), true));
        assert_eq!(of("# branch.oid (initial)\0# branch.head main\0? a\0"), (None, false));
    }
}
