//! A folder of its own with a repository in it, and a copy of the running binary to run there: a broken line in the
//! toolkit's own sources cannot stop it, and nothing of the person's home is read or written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use nexus_xtask::doors::Doors;
use nexus_xtask::event::{Decision, Planned};
use nexus_xtask::files;
use nexus_xtask::shell::{Captured, Command, Shell};

/// One suite's world.
pub(crate) struct World {
    pub(crate) base: PathBuf,
    /// The repository.
    pub(crate) root: PathBuf,
    pub(crate) shell: Shell,
    /// Variables of every command.
    pub(crate) variables: BTreeMap<String, String>,
}

impl World {
    /// An empty world, outside of this workspace: cargo looks upwards for one, and for configuration.
    pub(crate) fn create(doors: &Doors, suite: &str) -> anyhow::Result<World> {
        let name = format!("xtask-{suite}-{}", std::process::id());
        let base = PathBuf::from(doors.environment.get("TMPDIR").unwrap_or("/tmp")).join(name);
        files::remove_folder(&base)?;
        let root = base.join("work/space");
        for folder in [&root, &base.join("bin"), &base.join("home/.cargo")] {
            files::create_folder(folder)?;
        }
        let (base, root) = (files::real(&base)?, files::real(&root)?);
        let shell = Shell::new(&root, &doors.environment);
        let variables = [
            ("HOME", base.join("home").display().to_string()),
            ("CARGO_HOME", base.join("home/.cargo").display().to_string()),
            ("RUSTUP_HOME", doors.environment.rustup_home().unwrap_or_default().display().to_string()),
            ("CARGO_NET_OFFLINE", "true".to_owned()),
            ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).into();
        let world = World { base, root, shell, variables };
        let binary = doors.environment.binary().display().to_string();
        let copy = world.binary();
        world.shell.read(&Command::new("cp", ["-p", "--", &binary, &copy]))?;
        let person = "[user]\nname = Ann\nemail = ann@example.com\n";
        files::write_cache(&world.base.join("home/.gitconfig"), person)?;
        world.git(&["init", "--quiet", "--initial-branch=main"])?;
        Ok(world)
    }

    fn binary(&self) -> String {
        self.base.join("bin/xtask").display().to_string()
    }

    /// A program in this world.
    pub(crate) fn command(&self, program: &str, words: &[&str]) -> Command {
        Command { variables: self.variables.clone(), ..Command::new(program, words.iter().copied()) }
            .within(&self.root)
    }

    /// `cargo xtask` in this world.
    pub(crate) fn xtask(&self, words: &[&str]) -> Command {
        self.command(&self.binary(), words)
    }

    /// Runs git, which must succeed.
    pub(crate) fn git(&self, words: &[&str]) -> anyhow::Result<String> {
        self.shell.read(&self.command("git", words))
    }

    /// Commits everything.
    pub(crate) fn commit(&self, subject: &str) -> anyhow::Result<()> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--allow-empty", "--message", subject])?;
        Ok(())
    }

    /// Writes files by their paths from the root.
    pub(crate) fn write(&self, files: &[(&str, &str)]) -> anyhow::Result<()> {
        files.iter().try_for_each(|(path, text)| files::write_cache(&self.root.join(path), text))
    }

    /// Runs `cargo xtask` to its end.
    pub(crate) fn run(&self, words: &[&str]) -> anyhow::Result<Captured> {
        self.shell.capture(&self.xtask(words))
    }

    /// What would be done with every step.
    pub(crate) fn planned(&self) -> anyhow::Result<Vec<Planned>> {
        self.planned_by(&self.xtask(&["ci", "--list", "--json"]))
    }

    /// What the command says would be done with every step.
    pub(crate) fn planned_by(&self, list: &Command) -> anyhow::Result<Vec<Planned>> {
        let captured = self.shell.capture(list)?;
        anyhow::ensure!(
            captured.is_success(),
            "`ci --list` ended with {}: {} {}",
            captured.ended,
            captured.text(),
            captured.stderr.trim()
        );
        serde_json::from_str(&captured.text()).context("`ci --list --json` printed no list of steps")
    }

    /// Removes the world.
    pub(crate) fn remove(self) -> anyhow::Result<()> {
        files::remove_folder(&self.base)
    }
}

/// True when a receipt answers for a step.
pub(crate) fn is_proven(planned: &Planned) -> bool {
    matches!(planned.decision, Decision::Proven { .. })
}

/// Processes that belong to a world: its folder is in their environment, their command line or their current folder,
/// or one of the marks is in their command line. Linux.
pub(crate) fn processes(base: &Path, marks: &[&str]) -> anyhow::Result<Vec<String>> {
    let base = base.display().to_string();
    let mut found = Vec::new();
    for process in files::list(Path::new("/proc"))? {
        let Some(id) = process.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()) else {
            continue;
        };
        // A process that goes away while it is looked at is gone; so is a zombie, which has neither text.
        let text = |name: &str| files::read(&process.join(name)).ok().flatten().unwrap_or_default();
        let line = String::from_utf8_lossy(&text("cmdline")).replace('\0', " ");
        let belongs = line.contains(&base)
            || marks.iter().any(|mark| line.contains(mark))
            || String::from_utf8_lossy(&text("environ")).contains(&base)
            || files::link_target(&process.join("cwd")).is_ok_and(|folder| folder.starts_with(&base));
        if belongs && id != std::process::id() {
            found.push(format!("{id} {}", line.trim()));
        }
    }
    Ok(found)
}
