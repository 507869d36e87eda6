//! A binary that answers to the hidden verbs of the local driver and to nothing else: what the contract suite starts hosts
//! with.

use std::process::ExitCode;

#[cfg(unix)]
fn main() -> ExitCode {
    use nexus_xtask::environment::Environment;
    use nexus_xtask_deliver::deploy::drivers::host;

    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let environment = match Environment::of_process() {
        Ok(environment) => environment,
        Err(_) => return ExitCode::FAILURE,
    };
    host::verb(&environment, &arguments).unwrap_or(ExitCode::from(2))
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    ExitCode::from(2)
}
