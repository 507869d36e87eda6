//! Looks at a published release as a stranger would: downloads all of it, and believes nothing that it does not check.

use std::collections::BTreeMap;

use bytes::Bytes;

use nexus_xtask::clock::Clock;
use nexus_xtask::digest::Digest;
use nexus_xtask::environment::Environment;
use nexus_xtask::failure::Result;
use nexus_xtask::files;
use nexus_xtask_deliver::release::protocol::verify::{Verified, Verify};

use crate::ask::TOKEN;
use crate::forge::{Fetched, Forge};
use crate::http::Http;
use crate::registry::Registry;
use crate::stage::{archive, provenance, signature, sums};
use crate::trouble::Trouble;

/// The list of checksums.
const SUMS: &str = "SHA256SUMS";

/// Its signature.
const SIGNATURE: &str = "SHA256SUMS.minisig";

/// Who built what.
const PROVENANCE: &str = "provenance.intoto.json";

/// Downloads and checks.
pub(crate) async fn verify(environment: &Environment, clock: &Clock, wanted: &Verify) -> Result<Verified> {
    let forge = Forge::new(&wanted.endpoints.forge, &wanted.repository, environment.get(TOKEN), clock)?;
    let registry = Registry::new(&Http::new()?, clock, environment, &wanted.endpoints)?;
    let fetched = forge.fetched(&wanted.tag).await.map_err(Trouble::into_failure)?;
    let mut verified = match &fetched {
        Some(fetched) => judge(wanted, fetched),
        None => Verified {
            problems: vec![format!("no release of `{}` is published", wanted.tag)],
            ..Verified::default()
        },
    };
    for (name, version, digest) in &wanted.packages {
        let line = registry.line(name, version).await.map_err(Trouble::into_failure)?;
        match line {
            None => verified.problems.push(format!("`{name}` {version} is not in the registry")),
            Some(line) if line.cksum != *digest => verified.problems.push(format!(
                "`{name}` {version} is {} in the registry, and {digest} when it is packed from the tag",
                line.cksum
            )),
            Some(_) => verified.holds.push(format!("`{name}` {version} is what the tag packs")),
        }
    }
    if verified.problems.is_empty()
        && let Some(fetched) = &fetched
    {
        unpack(wanted, fetched, &mut verified)?;
    }
    Ok(verified)
}

/// Keeps what was downloaded, and unpacks what is for this machine.
fn unpack(wanted: &Verify, fetched: &Fetched, verified: &mut Verified) -> Result<()> {
    files::remove_folder(&wanted.folder)?;
    for (name, bytes) in &fetched.files {
        files::write(&wanted.folder.join(name), bytes)?;
        let is_packed = name.ends_with(".tar.gz") || name.ends_with(".zip");
        let is_here = !wanted.host.is_empty() && name.contains(&wanted.host);
        let is_archive = is_packed && is_here && !name.contains("-symbols.");
        if is_archive {
            let folder = wanted.folder.join(format!("{name}.unpacked"));
            let programs = archive::unpack(name, bytes, &folder)?;
            verified.programs.extend(programs.into_iter().map(|program| folder.join(program)));
        }
    }
    Ok(())
}

/// What holds of the downloaded files, and what does not. Pure.
fn judge(wanted: &Verify, fetched: &Fetched) -> Verified {
    let mut verified = Verified::default();
    let mut say = |problems: Vec<String>, holds: String| {
        if problems.is_empty() {
            verified.holds.push(holds);
        } else {
            verified.problems.extend(problems);
        }
    };
    say(tag(wanted, fetched), format!("`{}` leads to {}", wanted.tag, wanted.commit));
    say(checksums(&fetched.files), format!("`{SUMS}` covers exactly the {} files", fetched.files.len()));
    if let Some(key) = &wanted.public_key {
        say(signed(key, &fetched.files), format!("`{SIGNATURE}` is by the key of the tag"));
    }
    say(built(wanted, &fetched.files), format!("`{PROVENANCE}` names this commit and these bytes"));
    verified
}

fn tag(wanted: &Verify, fetched: &Fetched) -> Vec<String> {
    match &fetched.commit {
        Some(commit) if *commit == wanted.commit => Vec::new(),
        Some(commit) => {
            vec![format!("`{}` leads to {commit} at the forge, and to {} here", wanted.tag, wanted.commit)]
        }
        None => vec![format!("the forge has no tag `{}`", wanted.tag)],
    }
}

/// Every file is in the list, every line of the list has its file, and the digests agree.
fn checksums(files: &BTreeMap<String, Bytes>) -> Vec<String> {
    let Some(list) = files.get(SUMS) else { return vec![format!("there is no `{SUMS}`")] };
    let listed = match sums::parse(&String::from_utf8_lossy(list)) {
        Ok(listed) => listed,
        Err(lines) => return lines.into_iter().map(|line| format!("`{SUMS}`: {line}")).collect(),
    };
    let mut problems = Vec::new();
    for (name, digest) in &listed {
        match files.get(name) {
            None => problems.push(format!("`{name}` is in `{SUMS}` and not in the release")),
            Some(bytes) if Digest::of(bytes) != *digest => {
                problems.push(format!("`{name}` is {}, and `{SUMS}` says {digest}", Digest::of(bytes)));
            }
            Some(_) => {}
        }
    }
    let covered = |name: &&String| listed.contains_key(*name) || [SUMS, SIGNATURE].contains(&name.as_str());
    let extra = files.keys().filter(|name| !covered(name));
    problems.extend(extra.map(|name| format!("`{name}` is in the release and not in `{SUMS}`")));
    problems
}

fn signed(key: &str, files: &BTreeMap<String, Bytes>) -> Vec<String> {
    let (Some(list), Some(text)) = (files.get(SUMS), files.get(SIGNATURE)) else {
        return vec![format!("there is no `{SIGNATURE}`, and the tag has a public key")];
    };
    match signature::verify(key, list, &String::from_utf8_lossy(text)) {
        Ok(_) => Vec::new(),
        Err(why) => vec![format!("`{SIGNATURE}` does not verify by the key of the tag: {why}")],
    }
}

fn built(wanted: &Verify, files: &BTreeMap<String, Bytes>) -> Vec<String> {
    let Some(text) = files.get(PROVENANCE) else { return vec![format!("there is no `{PROVENANCE}`")] };
    let statement = match provenance::parse(text) {
        Ok(statement) => statement,
        Err(why) => return vec![format!("`{PROVENANCE}` cannot be read: {why}")],
    };
    let mut problems = Vec::new();
    let commits = &statement.predicate.build_definition.resolved_dependencies;
    if !commits.iter().any(|resolved| resolved.digest.get("gitCommit") == Some(&wanted.commit)) {
        problems.push(format!("`{PROVENANCE}` is of another commit than {}", wanted.commit));
    }
    for subject in &statement.subject {
        // Packages are subjects too; the registry is asked about them.
        let Some(bytes) = files.get(&subject.name) else { continue };
        if subject.digest.get("sha256") != Some(&Digest::of(bytes).to_string()) {
            problems.push(format!("`{PROVENANCE}` names other bytes of `{}`", subject.name));
        }
    }
    let is_subject = |name: &String| statement.subject.iter().any(|subject| subject.name == *name);
    let about = [SUMS, SIGNATURE, PROVENANCE];
    let unnamed = files.keys().filter(|name| !about.contains(&name.as_str()) && !is_subject(name));
    problems.extend(unnamed.map(|name| format!("`{PROVENANCE}` does not name `{name}`")));
    problems
}

#[cfg(test)]
mod tests;
