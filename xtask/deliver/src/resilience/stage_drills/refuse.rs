//! When a drill on a stage is not begun: everything that speaks against it, at once. Pure.

use nexus_xtask::failure::{Exit, Failure, Finding};

/// A host as a drill must find it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Why it gave no answer.
    pub unreachable: Option<String>,
    /// What is confirmed.
    pub confirmed: Option<String>,
    /// True when what is confirmed is ready there, and nothing else runs.
    pub is_serving: bool,
    /// True when a release is on trial, or an undo is armed.
    pub is_half_done: bool,
    /// Whose hold, and why.
    pub hold: Option<String>,
    /// Who holds the lock.
    pub holder: Option<String>,
}

/// Everything that speaks against a drill; none where it may begin.
pub fn refusals(stage: &str, hosts: &[Host]) -> Option<Failure> {
    let mut findings = Vec::new();
    let mut is_only_busy = true;
    for host in hosts {
        let mut say = |problem: String, next: String| {
            findings.push(Finding::at("", 0, format!("{}: {problem}", host.name), next));
        };
        if let Some(holder) = &host.holder {
            say(format!("{holder} deploys there"), "wait for its end".to_owned());
            // Everything else that is seen now is that deployment's affair.
            continue;
        }
        if let Some((problem, next)) = against(stage, host) {
            is_only_busy = false;
            say(problem, next);
        }
    }
    if findings.is_empty() {
        return None;
    }
    let exit = if is_only_busy { Exit::Temporary } else { Exit::Refused };
    Some(Failure::found(exit, format!("`{stage}` cannot be drilled now"), findings))
}

fn against(stage: &str, host: &Host) -> Option<(String, String)> {
    let status = format!("cargo xtask deploy status --stage {stage}");
    if let Some(why) = &host.unreachable {
        return Some((why.clone(), "make it reachable".to_owned()));
    }
    if let Some(hold) = &host.hold {
        return Some((format!("on hold by {hold}"), format!("cargo xtask deploy resume --stage {stage}")));
    }
    if host.is_half_done {
        let next = "run that deployment again, or wait until the host has undone it".to_owned();
        return Some(("a deployment is half done".to_owned(), next));
    }
    match (&host.confirmed, host.is_serving) {
        (None, _) => {
            Some(("nothing is confirmed there".to_owned(), format!("cargo xtask deploy run --to {stage}")))
        }
        (Some(release), false) => Some((format!("{release} is confirmed, and is not what serves"), status)),
        (Some(_), true) => None,
    }
}
