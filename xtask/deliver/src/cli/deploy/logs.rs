//! `cargo xtask deploy logs`: what the service said on its hosts.

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::terminal::printable;

use crate::deploy::config::{self, Stage};
use crate::deploy::contract::{HostName, ReleaseId};
use crate::deploy::facts;

/// Whose words.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The stage
    #[arg(long, value_name = "STAGE")]
    stage: String,
    /// One of its hosts; all of them where nothing is said
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// One release, as `deploy status` and `deploy history` name it; all of them where nothing is said
    #[arg(long, value_name = "RELEASE", value_parser = release)]
    release: Option<ReleaseId>,
    /// How many lines of each host, the newest
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    lines: u32,
}

/// It becomes a word of the call and a part of a unit's name, where nothing else may stand.
fn release(text: &str) -> std::result::Result<ReleaseId, String> {
    let of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
    if !text.is_empty() && text != "-" && text.bytes().all(of_a_name) {
        return Ok(ReleaseId(text.to_owned()));
    }
    Err("a release is named as `cargo xtask deploy status` names it".to_owned())
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let config = config::load(&doors.workspace)?;
    let stage = config.stage(&arguments.stage)?;
    let hosts = hosts(stage, arguments)?;
    let driver = facts::driver(doors, &config, &arguments.stage, stage)?;
    let found = facts::each(&hosts, |host| driver.log(host, arguments.release.as_ref(), arguments.lines));
    let silent = found.values().any(std::result::Result::is_err);
    if doors.terminal.is_json() {
        let all: Vec<_> = found
            .iter()
            .map(|(host, said)| match said {
                Ok(lines) => serde_json::json!({ "host": host, "lines": lines }),
                Err(trouble) => serde_json::json!({ "host": host, "unknown": trouble }),
            })
            .collect();
        doors.terminal.json(&all)?;
    } else {
        for (host, said) in &found {
            match said {
                Ok(lines) if lines.is_empty() => {
                    doors.terminal.talk(&format!("{}: nothing was said", host.0))
                }
                Ok(lines) => {
                    for line in lines {
                        doors.terminal.data(&format!("{}: {}", host.0, printable(line)));
                    }
                }
                Err(trouble) => doors.terminal.talk(&format!("{}: unknown: {trouble}", host.0)),
            }
        }
    }
    Ok(if silent { Exit::Person } else { Exit::Done })
}

fn hosts(stage: &Stage, arguments: &Arguments) -> Result<Vec<HostName>> {
    let Some(wanted) = &arguments.host else { return Ok(stage.names()) };
    if stage.hosts.contains_key(wanted) {
        return Ok(vec![HostName(wanted.clone())]);
    }
    let known: Vec<_> = stage.hosts.keys().map(|name| format!("`{name}`")).collect();
    Err(Failure::usage(format!("stage `{}` has no host `{wanted}`", arguments.stage))
        .why(format!("it has {}", known.join(", ")))
        .next(format!("cargo xtask deploy logs --stage {}", arguments.stage)))
}
