//! The satellite for release managers. The front starts it with its own command line.

fn main() -> std::process::ExitCode {
    nexus_xtask_deliver::main()
}
