//! The binary of people who install it: `cargo nexus-xtask`.

fn main() -> std::process::ExitCode {
    nexus_xtask::main()
}
