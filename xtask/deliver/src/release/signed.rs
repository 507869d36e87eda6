//! Texts that people signed: made and checked by `ssh-keygen`, kept as git objects under a ref.
//!
//! - A signature is made for a namespace (PROTOCOL.sshsig of OpenSSH), so one that was made for git commits, or for another
//!   statement, is none here.
//! - A ref holds a commit, its tree two files for each text, named by the text's digest: `<digest>.json`, `<digest>.sig`.
//!   The tree is a set, so what two people add at the same time is joined, and neither is lost.
//! - The signature is over the bytes of the text. Who can write the ref can remove a text, and cannot make one.

use std::collections::BTreeMap;
use std::path::Path;

use nexus_xtask::digest::Digest;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::files;
use nexus_xtask::shell::{Command, quoted};

/// How often adding is tried anew because somebody else was faster.
const TRIES_MAX: u32 = 5;

/// No object: a ref that must not be there yet.
const NONE: &str = "0000000000000000000000000000000000000000";

/// A text with its signature, both as they were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    pub(crate) text: String,
    pub(crate) signature: String,
}

/// Signs a text with a person's key: a private key, or a public one whose private half an agent holds.
pub(crate) fn sign(doors: &Doors, namespace: &str, key: &Path, text: String) -> Result<Signed> {
    let command =
        Command::new("ssh-keygen", ["-Y", "sign", "-q", "-n", namespace, "-f", &key.display().to_string()]);
    let captured = doors.shell.capture(&command.reading(&text))?;
    if !captured.is_success() || captured.stdout.is_empty() {
        return Err(Failure::refused(format!("`{}` cannot sign", key.display()))
            .why(captured.stderr.trim())
            .next("name an ssh key of yours: --key ~/.ssh/id_ed25519"));
    }
    Ok(Signed { text, signature: captured.text() + "\n" })
}

/// What `ssh-keygen` says of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// It is of this text, by a key that the list has under this name. The key's fingerprint.
    Good(String),
    /// It is of this text, by a key that the list does not have under this name, or not at this time.
    NotListed,
    /// It is not of this text, or was made for another namespace.
    Bad,
}

/// A folder for what `ssh-keygen` reads from files, removed when it is dropped.
pub(crate) struct Desk<'a> {
    doors: &'a Doors,
    folder: std::path::PathBuf,
}

impl Drop for Desk<'_> {
    fn drop(&mut self) {
        // What is left is in the cache folder, and holds nothing that is not in git.
        files::remove_folder(&self.folder).ok();
    }
}

impl<'a> Desk<'a> {
    pub(crate) fn new(doors: &'a Doors) -> Result<Desk<'a>> {
        if doors.shell.find("ssh-keygen").is_none() {
            return Err(Failure::refused("there is no `ssh-keygen` on PATH")
                .next("install OpenSSH 8.2 or newer: apt-get install openssh-client"));
        }
        let folder = doors.workspace.cache().join(format!("signatures-{}", std::process::id()));
        Ok(Desk { doors, folder })
    }

    /// Checks a signature against a list of signers, as ssh-keygen(1) writes them (ALLOWED SIGNERS). Every list that an
    /// `Err` tells of could not be read.
    pub(crate) fn check(&self, namespace: &str, signers: &str, who: &str, signed: &Signed) -> Result<Said> {
        let (list, signature) = (self.folder.join("signers"), self.folder.join("signature"));
        files::write_cache(&signature, &signed.signature)?;
        files::write_cache(&list, signers)?;
        let (list, signature) = (list.display().to_string(), signature.display().to_string());
        let ask = |words: &[&str]| {
            let command = Command::new("ssh-keygen", words.iter().copied()).with("LC_ALL", "C");
            self.doors.shell.capture(&command.reading(&signed.text))
        };
        let verified = ask(&["-Y", "verify", "-f", &list, "-I", who, "-n", namespace, "-s", &signature])?;
        if verified.is_success() {
            // `Good "NAMESPACE" signature for WHO with ED25519 key SHA256:...`
            let text = verified.text();
            let key = text.rsplit_once(" key ").map(|(_, key)| key.trim().to_owned());
            return key.map(Said::Good).ok_or_else(|| {
                Failure::refused("`ssh-keygen` did not name the key of a good signature")
                    .why(text)
                    .next("install OpenSSH 8.2 or newer")
            });
        }
        let whole = ask(&["-Y", "check-novalidate", "-n", namespace, "-s", &signature])?;
        Ok(if whole.is_success() { Said::NotListed } else { Said::Bad })
    }
}

/// The texts under a ref; none where there is no such ref.
pub(crate) fn read(doors: &Doors, reference: &str) -> Result<Vec<Signed>> {
    let files = listed(doors, reference)?;
    let blob = |object: &String| -> anyhow::Result<Option<String>> {
        let captured = doors.shell.capture(&Command::new("git", ["cat-file", "blob", object]))?;
        // What is no text is no statement, and no signature either.
        Ok(String::from_utf8(captured.stdout)
            .ok()
            .filter(|_| captured.ended == nexus_xtask::shell::Ended::Exit(0)))
    };
    let mut all = Vec::new();
    for (name, object) in &files {
        let signature = name.strip_suffix(".json").and_then(|stem| files.get(&format!("{stem}.sig")));
        if let Some(signature) = signature
            && let (Some(text), Some(signature)) = (blob(object)?, blob(signature)?)
        {
            all.push(Signed { text, signature });
        }
    }
    Ok(all)
}

/// The files under a ref, by name, with their objects.
fn listed(doors: &Doors, reference: &str) -> Result<BTreeMap<String, String>> {
    let Some(commit) = commit_of(doors, reference)? else { return Ok(BTreeMap::new()) };
    let tree = doors.shell.read(&Command::new("git", ["ls-tree", &commit]))?;
    // `100644 blob OBJECT<TAB>NAME`
    let entry = |line: &str| {
        let (kind, name) = line.split_once('\t')?;
        let object = kind.strip_prefix("100644 blob ")?;
        Some((name.to_owned(), object.to_owned()))
    };
    Ok(tree.lines().filter_map(entry).collect())
}

fn commit_of(doors: &Doors, reference: &str) -> Result<Option<String>> {
    let name = format!("{reference}^{{commit}}");
    let captured = doors.shell.capture(&Command::new("git", ["rev-parse", "--verify", "--quiet", &name]))?;
    Ok(Some(captured.text()).filter(|text| captured.is_success() && !text.is_empty()))
}

/// Adds a text to a ref, together with all that a fetched copy of the ref holds.
pub(crate) fn add(doors: &Doors, reference: &str, who: &str, signed: &Signed) -> Result<()> {
    let object =
        |text: &str| doors.shell.read(&Command::new("git", ["hash-object", "-w", "--stdin"]).reading(text));
    let stem = Digest::of(&signed.text);
    let own = [
        (format!("{stem}.json"), object(&signed.text)?),
        (format!("{stem}.sig"), object(&signed.signature)?),
    ];
    write(doors, reference, who, own.into())
}

/// Adds to a ref what a fetched copy of it holds besides.
pub(crate) fn join(doors: &Doors, reference: &str, who: &str) -> Result<()> {
    match commit_of(doors, &fetched(reference))? {
        Some(_) => write(doors, reference, who, BTreeMap::new()),
        None => Ok(()),
    }
}

fn write(doors: &Doors, reference: &str, who: &str, own: BTreeMap<String, String>) -> Result<()> {
    let theirs = fetched(reference);
    for _ in 0..TRIES_MAX {
        let before = commit_of(doors, reference)?;
        let parents: Vec<_> = before.iter().cloned().chain(commit_of(doors, &theirs)?).collect();
        let mut files = listed(doors, &theirs)?;
        files.extend(listed(doors, reference)?);
        files.extend(own.clone());
        let commit = commit(doors, who, &files, parents)?;
        let before = before.as_deref().unwrap_or(NONE);
        // Git compares before it writes: whoever was faster is not lost, and this is tried again on top.
        let moved = doors.shell.capture(&Command::new("git", ["update-ref", reference, &commit, before]))?;
        if moved.is_success() {
            return Ok(());
        }
    }
    Err(Failure::new(Exit::Temporary, format!("`{reference}` changes faster than it can be added to"))
        .next(doors.environment.typed()))
}

fn commit(
    doors: &Doors,
    who: &str,
    files: &BTreeMap<String, String>,
    parents: Vec<String>,
) -> anyhow::Result<String> {
    let listing: String =
        files.iter().map(|(name, object)| format!("100644 blob {object}\t{name}\n")).collect();
    let tree = doors.shell.read(&Command::new("git", ["mktree"]).reading(listing))?;
    let mut words = vec!["commit-tree".to_owned(), tree, "-m".to_owned(), format!("{who} signed")];
    words.extend(parents.into_iter().flat_map(|parent| ["-p".to_owned(), parent]));
    let mut command = Command::new("git", words);
    for role in ["AUTHOR", "COMMITTER"] {
        command = command.with(format!("GIT_{role}_NAME"), who).with(format!("GIT_{role}_EMAIL"), who);
    }
    doors.shell.read(&command)
}

/// Where a ref of `origin` is kept here.
pub(crate) fn fetched(reference: &str) -> String {
    reference.replacen("refs/xtask/", "refs/xtask-fetched/", 1)
}

/// Fetches a ref of `origin` to its place here; what is there already stays. Says why where `origin` could not be asked;
/// that it has no such ref is no reason.
pub(crate) fn fetch(doors: &Doors, reference: &str) -> Result<Option<String>> {
    let remote = doors.shell.capture(&Command::new("git", ["remote", "get-url", "origin"]))?;
    if !remote.is_success() {
        return Ok(None);
    }
    let to = format!("+{reference}:{}", fetched(reference));
    let captured = doors.shell.capture(&quiet(["fetch", "--quiet", "--no-tags", "origin", &to]))?;
    if captured.is_success() || captured.stderr.contains("couldn't find remote ref") {
        return Ok(None);
    }
    let why = captured.stderr.lines().next().unwrap_or("git does not say why").to_owned();
    Ok(Some(format!("origin could not be asked for {reference}: {why}")))
}

/// Sends a ref to `origin`. What somebody else sent meanwhile must be fetched and joined first: then this says no.
pub(crate) fn push(doors: &Doors, reference: &str) -> Result<bool> {
    let captured =
        doors.shell.capture(&quiet(["push", "--quiet", "origin", &format!("{reference}:{reference}")]))?;
    if captured.is_success() {
        return Ok(true);
    }
    if captured.stderr.contains("rejected") {
        return Ok(false);
    }
    Err(Failure::new(Exit::Temporary, format!("`{reference}` cannot be sent to origin"))
        .why(captured.stderr.trim())
        .next(format!("git push origin {}", quoted(reference))))
}

/// A git command that never asks a person and talks one language.
fn quiet<const N: usize>(words: [&str; N]) -> Command {
    Command::new("git", words)
        .with("LC_ALL", "C")
        .with("GIT_TERMINAL_PROMPT", "0")
        .with("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
}
