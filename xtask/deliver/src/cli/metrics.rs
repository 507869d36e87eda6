//! `cargo xtask metrics`: what the journal says, for Prometheus.

use std::path::PathBuf;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::{files, journal};

use crate::observe::metrics::Metrics;

/// Where to.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A file in the folder of node_exporter's textfile collector, whose name must end in `.prom`; it appears whole
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let mut taken = Metrics::default();
    let report = journal::fold(&doors.workspace, |line| taken.take(&line))?;
    let text = taken.text(&report, env!("CARGO_PKG_VERSION"));
    let Some(output) = &arguments.output else {
        doors.terminal.data(text.trim_end());
        return Ok(Exit::Done);
    };
    if output.extension().is_none_or(|extension| extension != "prom") {
        return Err(Failure::usage(format!("`{}` does not end in `.prom`", output.display()))
            .why("the textfile collector reads no other files")
            .next("cargo xtask metrics --output xtask.prom"));
    }
    files::write(&doors.environment.folder().join(output), text)?;
    Ok(Exit::Done)
}
