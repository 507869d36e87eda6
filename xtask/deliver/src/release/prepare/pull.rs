//! Brings a prepared release to the remote repository, and asks for its merge.

use crate::release::prepare::Prepared;
use crate::release::prepare::checkout::Branch;
use crate::release::protocol::{Endpoints, PullRequest, PullRequested, Request};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::satellite::{self, SHIP};
use nexus_xtask::shell::Command;

const REMOTE: &str = "origin";

/// What the remote repository has of a branch, with the objects of it. The commit that the release is prepared from must
/// be there already: nothing else goes along with it.
pub(crate) fn look(doors: &Doors, branch: Branch, into: &str) -> Result<Branch> {
    if doors.environment.get("GITHUB_TOKEN").is_none() {
        return Err(Failure::refused("a pull request needs a token")
            .why("`GITHUB_TOKEN` is not set")
            .next("export GITHUB_TOKEN=... (it may write contents and pull requests)"));
    }
    let wanted = format!("refs/heads/{into}");
    let listed = git(doors, &["ls-remote", REMOTE, &branch.reference(), &wanted])?;
    let tip = |reference: &str| {
        let mut pairs = listed.lines().filter_map(|line| line.split_once('\t'));
        pairs.find(|(_, name)| *name == reference).map(|(commit, _)| commit.to_owned())
    };
    let Some(upstream) = tip(&wanted) else {
        return Err(Failure::refused(format!("`{REMOTE}` has no branch `{into}`"))
            .next(format!("git push {REMOTE} {into}")));
    };
    let remote = tip(&branch.reference());
    for commit in [Some(&upstream), remote.as_ref()].into_iter().flatten() {
        let known = format!("{commit}^{{commit}}");
        let known = doors.shell.capture(&Command::new("git", ["cat-file", "-e", known.as_str()]))?;
        if !known.is_success() {
            git(doors, &["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", REMOTE, commit])?;
        }
    }
    let words = ["merge-base", "--is-ancestor", "HEAD", upstream.as_str()];
    if !doors.shell.capture(&Command::new("git", words))?.is_success() {
        return Err(Failure::refused(format!("this commit is not on `{into}` of `{REMOTE}`"))
            .why("a release is prepared from what everybody has")
            .next(format!("git push {REMOTE} HEAD:{into}")));
    }
    Ok(Branch { remote, ..branch })
}

/// Pushes the commit, if nobody moved the branch in between, and opens the pull request or brings it up to date.
pub(crate) fn open(doors: &Doors, prepared: &Prepared, branch: &Branch, into: &str) -> Result<PullRequested> {
    let Some(committed) = &prepared.commit else {
        return Err(Failure::refused("there is no commit to push").next("--write makes it"));
    };
    let Some(repository) = prepared.repository.clone() else {
        return Err(Failure::usage("no manifest names the repository that the pull request is for")
            .next("set `forge.repository = \"owner/name\"` in release/release.toml"));
    };
    if branch.remote.as_ref() != Some(&committed.commit) {
        let reference = branch.reference();
        let lease =
            format!("--force-with-lease={reference}:{}", branch.remote.as_deref().unwrap_or_default());
        let refspec = format!("{}:{reference}", committed.commit);
        git(doors, &["push", "--quiet", "--no-verify", &lease, REMOTE, &refspec])?;
    }
    let config = &prepared.config;
    let forge = doors.environment.get("GITHUB_API_URL").unwrap_or(&config.forge.api);
    let request = PullRequest {
        endpoints: Endpoints {
            forge: forge.to_owned(),
            registry: config.registry.index.clone().unwrap_or_default(),
            trusted: config.registry.trusted,
        },
        repository,
        head: branch.name.clone(),
        base: into.to_owned(),
        title: prepared.title.clone(),
        body: prepared.body.clone(),
    };
    satellite::call(doors, SHIP, &Request::PullRequest(request), &["GITHUB_TOKEN"], |_| {})
}

/// Git with the remote repository. A checkout of GitHub's that keeps no credentials has none, so the token goes to git as
/// a header for that host alone, through variables: never in an argument, never into a file.
fn git(doors: &Doors, words: &[&str]) -> Result<String> {
    let mut command = Command::new("git", words.iter().copied()).with("GIT_TERMINAL_PROMPT", "0");
    let address = doors.shell.capture(&Command::new("git", ["remote", "get-url", REMOTE]))?;
    if !address.is_success() {
        return Err(Failure::refused(format!("there is no remote repository `{REMOTE}`"))
            .next(format!("git remote add {REMOTE} URL")));
    }
    let address = address.text();
    if doors.environment.is_github()
        && address.starts_with("https://")
        && let Some(token) = doors.environment.get("GITHUB_TOKEN")
    {
        let credentials = base64(format!("x-access-token:{token}").as_bytes());
        command = command
            .with("GIT_CONFIG_COUNT", "1")
            .with("GIT_CONFIG_KEY_0", format!("http.{address}.extraHeader"))
            .with("GIT_CONFIG_VALUE_0", format!("Authorization: Basic {credentials}"));
    }
    let captured = doors.shell.capture(&command)?;
    if captured.is_success() {
        return Ok(captured.text());
    }
    let said = doors.environment.mask(captured.stderr.trim());
    let exit = if said.contains("stale info") { Exit::Temporary } else { Exit::Refused };
    Err(Failure::new(exit, format!("git cannot {} with `{REMOTE}`", words[0])).why(said).next(format!(
        "git {} {REMOTE} must work; then: {}",
        words[0],
        doors.environment.typed()
    )))
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().chain([0, 0].iter()).take(3).fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        for place in 0..4 {
            let sign = char::from(ALPHABET[group >> (18 - 6 * place) & 63]);
            text.push(if place <= chunk.len() { sign } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_is_that_of_the_standard() {
        for (text, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(super::base64(text.as_bytes()), expected);
        }
    }
}
