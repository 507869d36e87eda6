//! `cargo xtask acceptance`: proofs that take too long for every run.

use std::path::PathBuf;

use crate::acceptance::{SUITES, crash, hosts, mutations, registry, release, resilience, strangers, truth};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Result};
use nexus_xtask::files;
use nexus_xtask_deliver::truth::config::{self, Claim};

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
    /// Changes of the code behind claims about safety turn the checks of those claims red
    Truth {
        /// Only this claim
        #[arg(long, value_name = "CLAIM")]
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
        Verb::Truth { only } => truth::run(doors, &cases(doors, only.as_deref())?),
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

/// The claims that have mutants, or the one that is meant.
fn cases(doors: &Doors, only: Option<&str>) -> Result<Vec<truth::Case>> {
    let config = config::load(&doors.workspace)?;
    let is_meant = |id: &str| only.is_none_or(|only| only == id);
    let claims = config.claims.into_iter().filter(|(id, claim)| is_meant(id) && !claim.mutants.is_empty());
    let case = |(claim, declared): (String, Claim)| truth::Case {
        claim,
        tests: declared
            .evidence
            .iter()
            .filter_map(|evidence| evidence.test.as_deref()?.split_once(' '))
            .map(|(binary, test)| (binary.to_owned(), test.to_owned()))
            .collect(),
        mutants: declared
            .mutants
            .into_iter()
            .map(|mutant| [mutant.file, mutant.find, mutant.replace])
            .collect(),
    };
    Ok(claims.map(case).collect())
}
