//! Where the commands that people declare are run: what their placeholders stand for.

use std::path::PathBuf;

use nexus_xtask::shell::Command;

/// What `{folder}`, `{port}` and `{release}` stand for.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) port: u16,
    pub(super) release: Option<PathBuf>,
}

impl Place {
    /// A command with its placeholders filled in.
    pub(super) fn fill(&self, words: &[String]) -> Command {
        let folder = self.folder.display().to_string();
        let release = self.release.as_ref().map(|folder| folder.display().to_string()).unwrap_or_default();
        let mut words = words.iter().map(|word| {
            word.replace("{folder}", &folder)
                .replace("{port}", &self.port.to_string())
                .replace("{release}", &release)
        });
        Command::new(words.next().unwrap_or_default(), words)
    }
}
