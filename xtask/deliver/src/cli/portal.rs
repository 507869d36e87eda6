//! `cargo xtask portal`: its flags. What they do is in the satellite `observe`, which has the web server and the index; the
//! flags are here, so that help, completions and the command reference are complete without it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Subcommand;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::satellite::OBSERVE;

/// What to do with the pages.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What to do
    #[command(subcommand)]
    pub what: What,
}

/// What to do with the pages.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Serve them, until SIGTERM or an interrupt
    ///
    /// Listening sockets that were handed over (`LISTEN_FDS`, `LISTEN_PID`) are taken instead of `--listen`. There is no
    /// route that changes anything.
    Serve(Serve),
    /// Write them as files: the same pages, with links that work in any folder
    ///
    /// The same journal gives the same bytes: "now" is the time of the newest event.
    Export(Export),
}

/// Where to serve, and to whom.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8088")]
    pub listen: SocketAddr,
    /// A file whose first line is what a visitor must know: as `Authorization: Bearer`, or as the password that a browser asks for
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// A proxy in front of it lets in only who may see the pages
    #[arg(long)]
    pub behind_proxy: bool,
}

/// Where to write.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// The folder; it is replaced as a whole
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
}

/// Says who carries it out: the front hands the verb to that satellite before this one is asked.
pub(super) fn elsewhere(_doors: &Doors, _arguments: &Arguments) -> Result<Exit> {
    Err(Failure::usage(format!("`portal` is carried out by `{}`", OBSERVE.package))
        .next("cargo xtask portal serve"))
}
