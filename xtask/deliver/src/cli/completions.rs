//! `cargo xtask completions`: what a shell needs to complete commands and flags.

use clap::CommandFactory as _;
use clap_complete::Shell;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Result};

/// Which script to print.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The shell
    shell: Shell,
    /// The program that is completed. Without it: `cargo-xtask` for zsh, whose completion of cargo looks for that name,
    /// so `cargo xtask` is completed; else `cargo-nexus-xtask`
    #[arg(long, value_name = "PROGRAM")]
    name: Option<String>,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let usual = if arguments.shell == Shell::Zsh { "cargo-xtask" } else { "cargo-nexus-xtask" };
    let name = arguments.name.as_deref().unwrap_or(usual);
    let script = script(arguments.shell, name);
    if doors.terminal.is_json() {
        doors.terminal.json(&serde_json::json!({ "program": name, "script": script }))?;
    } else {
        doors.terminal.data(script.trim_end());
    }
    Ok(Exit::Done)
}

fn script(shell: Shell, name: &str) -> String {
    // In bash nothing below a command is completed when the program's name has a hyphen (clap issue 6421): the script
    // is made for a name without one, and registered for the program.
    let plain = name.replace('-', "_");
    let made_for = if shell == Shell::Bash { plain.as_str() } else { name };
    let mut script = Vec::new();
    clap_complete::generate(
        shell,
        &mut nexus_xtask::cli::Arguments::<super::Verb>::command(),
        made_for,
        &mut script,
    );
    let script = String::from_utf8_lossy(&script).into_owned();
    if shell == Shell::Bash {
        script.replace(&format!(" default {plain}\n"), &format!(" default {name}\n"))
    } else {
        script
    }
}
