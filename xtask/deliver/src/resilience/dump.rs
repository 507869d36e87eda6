//! From a living source to files at rest.

use std::path::Path;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::shell::Command;

use super::config::Source;
use super::execute::must;
use super::place::Place;

/// Writes a consistent copy of the source into a folder.
pub(super) fn run(doors: &Doors, source: &Source, folder: &Path) -> Result<()> {
    match source {
        Source::Sqlite { file } => {
            let file = doors.workspace.file(file);
            if !file.is_file() {
                return Err(Failure::refused(format!("there is no database `{}`", file.display()))
                    .next("correct `source.sqlite.file` in release/resilience.toml"));
            }
            // The path goes to SQLite's shell inside single quotes, where a quote is no part of a name.
            let to = folder.join("database.sqlite").display().to_string();
            if to.contains('\'') {
                return Err(Failure::refused(format!(
                    "`{to}` holds a quote, which `sqlite3` cannot be told"
                ))
                .next("move the workspace to a folder without a quote in its name"));
            }
            let backup = format!(".backup '{to}'");
            must(
                doors,
                &Command::new("sqlite3", ["-bail", "-readonly", &file.display().to_string(), &backup]),
            )
        }
        Source::Postgres { variables } => {
            let to = folder.join("database.dump").display().to_string();
            // Not compressed: restic does that, and finds what is the same in the next dump only where nobody did before.
            let words = ["--format=custom", "--compress=0", "--no-password", "--file", &to];
            let mut dump = Command::new("pg_dump", words);
            dump.variables.extend(variables.clone());
            if let Some(password) = doors.environment.get("PGPASSWORD") {
                dump = dump.with("PGPASSWORD", password);
            }
            must(doors, &dump)
        }
        Source::Command { command } => {
            let place = Place { folder: folder.to_owned(), ..Place::default() };
            must(doors, &place.fill(command))
        }
    }
}
