//! `cargo xtask acceptance`: proofs that take too long for every run.

use std::path::PathBuf;

use crate::acceptance::{SUITES, crash, hosts, mutations, registry, release, resilience, strangers};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Result};
use nexus_xtask::files;

/// What to prove.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Name the suites and what each shows
    List,
    /// `cargo xtask ci`, killed at random moments, loses nothing and leaves nothing behind
    Crash {
        /// How many runs are killed
        #[arg(long, value_name = "N", default_value_t = 200)]
        runs: u32,
        /// Where the random numbers start; the same seed chooses the same moments and changes
        #[arg(long, value_name = "N", default_value_t = 1)]
        seed: u64,
    },
    /// The real `deploy` on booted hosts: under load, killed, cut off, and beside Ansible. Needs root
    ///
    /// `scripts/peers.sh --hosts` installs what booting hosts needs, `scripts/peers.sh --ansible` what `speed` is measured
    /// beside.
    Hosts {
        /// Only this part
        #[arg(long, value_name = "PART")]
        only: Option<hosts::Part>,
        /// Only the faults that have this in their name
        #[arg(long, value_name = "TEXT")]
        case: Option<String>,
    },
    /// Every change that counts makes exactly the right steps run again, and no other does
    Mutations {
        /// Only what has this in its name
        #[arg(long, value_name = "TEXT")]
        only: Option<String>,
        /// Leave out the changes that really run steps to see them turn red
        #[arg(long)]
        listed: bool,
    },
    /// A registry that other people wrote takes what we publish, and a stock cargo builds it from there. Needs a network
    Registry,
    /// The executor of a release, killed at every place of every effect, ends in the same world
    Release,
    /// A gigabyte in SQLite and in PostgreSQL is backed up, restored and served, with figures; harmed backups turn red
    Resilience {
        /// How much data there is in each, in megabytes
        #[arg(long, value_name = "N", default_value_t = 1000)]
        megabytes: u32,
    },
    /// Public projects adopt the toolkit, and `cargo xtask ci` is green on them. Needs a network
    Strangers {
        /// Where the projects are put; a folder of the temporary folder where nothing is said
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,
        /// Only this project
        #[arg(long, value_name = "NAME")]
        only: Option<String>,
    },
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    match &arguments.verb {
        Verb::List => list(doors),
        Verb::Crash { runs, seed } => crash::run(doors, *runs, *seed),
        Verb::Hosts { only, case } => hosts::run(doors, *only, case.as_deref()),
        Verb::Mutations { only, listed } => mutations::run(doors, only.as_deref(), *listed),
        Verb::Registry => registry::run(doors),
        Verb::Release => release::run(doors),
        Verb::Resilience { megabytes } => resilience::run(doors, *megabytes),
        Verb::Strangers { folder, only } => {
            // Outside of this workspace: cargo looks upwards for one, and for configuration.
            let beside =
                || PathBuf::from(doors.environment.get("TMPDIR").unwrap_or("/tmp")).join("xtask-strangers");
            let folder =
                folder.as_ref().map_or_else(beside, |folder| doors.environment.folder().join(folder));
            files::create_folder(&folder)?;
            strangers::run(doors, &doors.workspace.file("xtask"), &files::real(&folder)?, only.as_deref())
        }
    }
}

fn list(doors: &Doors) -> Result<Exit> {
    if doors.terminal.is_json() {
        let suites: Vec<_> =
            SUITES.iter().map(|(name, shows)| serde_json::json!({ "name": name, "shows": shows })).collect();
        doors.terminal.json(&suites)?;
    } else {
        SUITES.iter().for_each(|(name, shows)| doors.terminal.data(&format!("{name:<12} {shows}")));
    }
    Ok(Exit::Done)
}
