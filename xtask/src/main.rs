//! The binary of this repository: `cargo xtask`.

fn main() -> std::process::ExitCode {
    nexus_xtask::main()
}
