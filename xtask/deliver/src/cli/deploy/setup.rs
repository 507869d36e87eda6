//! `cargo xtask deploy setup`: a bare host gets what the service needs.

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};

use crate::deploy::config::{self, DriverKind};
use crate::deploy::contract::HostName;
use crate::deploy::facts;

/// Which host.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The host, as release/stages.toml names it: `STAGE/HOST`
    #[arg(value_name = "STAGE/HOST")]
    host: String,
    /// Who logs in to prepare it: root, or somebody who may become root by sudo without a password
    #[arg(long, value_name = "USER", default_value = "root")]
    login: String,
    /// Do it; without this it is only said
    #[arg(long)]
    execute: bool,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let config = config::load(&doors.workspace)?;
    let (stage_name, host) = arguments
        .host
        .split_once('/')
        .ok_or_else(|| Failure::usage(format!("`{}` names no host", arguments.host)).next("STAGE/HOST"))?;
    let stage = config.stage(stage_name)?;
    if !stage.hosts.contains_key(host) {
        let known: Vec<&str> = stage.hosts.keys().map(String::as_str).collect();
        return Err(Failure::usage(format!("`{stage_name}` has no host `{host}`"))
            .why(format!("it has {}", known.join(", ")))
            .next("name one of them"));
    }
    if stage.driver == DriverKind::Local {
        doors
            .terminal
            .data("a local host is a folder below .xtask/hosts, and is prepared when it is first used");
        return Ok(Exit::Done);
    }
    let ssh = facts::ssh(doors, &config, stage);
    for step in ssh.setup_steps() {
        doors.terminal.data(&step.to_string());
    }
    if !arguments.execute {
        doors.terminal.talk("nothing was done; to do it: add --execute");
        return Ok(Exit::Done);
    }
    ssh.setup(&HostName(host.to_owned()), &arguments.login).map_err(|trouble| {
        Failure::refused(format!("`{host}` was not prepared"))
            .why(trouble.to_string())
            .next("put right what it says; the same command again goes on")
    })?;
    doors.terminal.data(&format!("{host} is prepared"));
    Ok(Exit::Done)
}
