//! The doors to the outside, handed down as the first parameter: real in `main`, fixed in tests.

use std::path::Path;

use crate::clock::Clock;
use crate::environment::Environment;
use crate::failure::Result;
use crate::shell::Shell;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// Everything through which a command reaches the outside. Files are reached through `files`.
#[derive(Debug)]
pub struct Doors {
    /// The paths.
    pub workspace: Workspace,
    /// The processes.
    pub shell: Shell,
    /// The time.
    pub clock: Clock,
    /// The variables and secrets.
    pub environment: Environment,
    /// The printer.
    pub terminal: Terminal,
}

impl Doors {
    /// The doors of this process, for the workspace around a folder. Tools installed for the workspace are found before
    /// others.
    pub fn open(environment: Environment, folder: &Path, json: bool) -> Result<Doors> {
        let workspace = Workspace::find(folder)?;
        let environment = environment.with_path_in_front(&[workspace.tools().join("bin")]);
        Ok(Doors {
            shell: Shell::new(workspace.root(), &environment),
            terminal: Terminal::of_process(&environment, json),
            clock: Clock::system(),
            workspace,
            environment,
        })
    }

    /// The same doors for another checkout of the same repository.
    pub fn within(&self, root: &Path) -> Doors {
        self.to(Workspace::at(root))
    }

    /// The same doors, with a state and a journal for what is only rehearsed.
    pub fn rehearsing(&self) -> Doors {
        self.to(self.workspace.rehearsing())
    }

    fn to(&self, workspace: Workspace) -> Doors {
        Doors {
            shell: Shell::new(workspace.root(), &self.environment),
            workspace,
            clock: self.clock.clone(),
            environment: self.environment.clone(),
            terminal: Terminal::of_process(&self.environment, self.terminal.is_json()),
        }
    }
}
