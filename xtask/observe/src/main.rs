//! The satellite that watches and serves. The front starts it with its own command line.

mod observe;
mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
