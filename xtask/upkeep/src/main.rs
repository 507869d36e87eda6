//! What only the repository of the toolkit needs. The front starts it with its own command line.

mod tidy;
mod bench;
mod acceptance;
mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
