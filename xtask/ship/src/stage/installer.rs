//! The installer of a package: a shell script that checks before it installs.

use nexus_xtask::shell::quoted;

/// The script, with `@NAME@` for what is filled in.
const SCRIPT: &str = include_str!("installer.sh");

/// What is filled in.
#[derive(Clone, Debug)]
pub(super) struct Facts<'a> {
    pub(super) package: &'a str,
    pub(super) version: String,
    /// The address below which the assets of the release are.
    pub(super) download: String,
    pub(super) targets: Vec<String>,
    /// The programs that are installed.
    pub(super) programs: Vec<String>,
    pub(super) public_key: Option<String>,
}

/// The script. What is filled in is quoted for the shell.
pub(super) fn script(facts: &Facts<'_>) -> String {
    let values = [
        ("@PACKAGE@", quoted(facts.package)),
        ("@VERSION@", quoted(&facts.version)),
        ("@DOWNLOAD@", quoted(&facts.download)),
        ("@TARGETS@", quoted(&facts.targets.join(" "))),
        ("@PROGRAMS@", quoted(&facts.programs.join(" "))),
        ("@KEY@", quoted(facts.public_key.as_deref().unwrap_or_default())),
    ];
    values.iter().fold(SCRIPT.to_owned(), |script, (name, value)| script.replace(name, value))
}
