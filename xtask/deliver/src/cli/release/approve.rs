//! `cargo xtask release approve`.

use std::path::PathBuf;

use jiff::SignedDuration;

use crate::release::gates::config::duration;
use crate::release::{approve, evidence, staging};
use nexus_xtask::digest::Digest;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};

/// What is approved, by whom, and for how long.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The seal, as `release stage` printed it
    #[arg(value_name = "SEAL")]
    seal: Digest,
    /// The staging folder; `.xtask/release/staging` where nothing is said
    #[arg(long, value_name = "DIR")]
    staging: Option<PathBuf>,
    /// Approve that it is deployed to this stage, instead of its release
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// Your ssh key: the private one, or the public one of a key that an agent holds
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Your name in `release/approvers`; the e-mail address that git knows, where nothing is said
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// How long the approval counts: `48h`, `7d`
    #[arg(long, value_name = "TIME", default_value = "48h", value_parser = expiry)]
    expires: SignedDuration,
    /// Send the approval to `origin`, with `--execute`
    #[arg(long)]
    push: bool,
    /// Send what is to be sent; without it nothing leaves this machine
    #[arg(long, requires = "push")]
    execute: bool,
}

fn expiry(text: &str) -> std::result::Result<SignedDuration, String> {
    duration(text).ok_or_else(|| "write a number and a unit: `48h`, `7d`".to_owned())
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let folder = staging::given(doors, arguments.staging.as_deref());
    let (plan, _, seal) = staging::check(&folder)?;
    if seal != arguments.seal {
        return Err(Failure::new(Exit::Conflict, "the staged files have another seal")
            .why(format!("- {}", arguments.seal))
            .why(format!("+ {seal}"))
            .next("get the files that you mean to approve, and look at them"));
    }
    let who = approve::name(doors, arguments.name.as_deref())?;
    let tags: Vec<_> = plan.releases.iter().map(|release| release.tag.as_str()).collect();
    let what = format!("{} of commit {}, seal {seal}", tags.join(", "), plan.commit);
    let key = doors.environment.folder().join(&arguments.key);
    let statement =
        approve::approve(doors, (&plan, seal), arguments.stage.clone(), who, &key, arguments.expires)?;
    let reference = evidence::approvals_of(&seal);
    let is_sent = arguments.push && arguments.execute;
    if is_sent {
        approve::send(doors, &reference, &statement.who)?;
    }
    if doors.terminal.is_json() {
        doors.terminal.json(&statement)?;
    } else {
        doors.terminal.data(&format!("{} approved {what}\nuntil {}", statement.who, statement.expires));
    }
    if !is_sent {
        doors.terminal.talk(&format!("kept in this repository; to send it: git push origin {reference}"));
    }
    Ok(Exit::Done)
}
