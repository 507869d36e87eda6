//! A small service with a database of its own: what the rehearsal, the drills and the tests deploy.
//!
//! - It takes its listening sockets from whoever starts it (`LISTEN_FDS`, `LISTEN_PID`), TCP or Unix, or binds `PORT` on
//!   loopback.
//! - It says `READY=1` to `NOTIFY_SOCKET` when it is ready, and not before.
//! - An entry is acknowledged when it is on the disk. Two processes may share the database while a new one takes over.
//! - On SIGTERM it takes no more connections, answers what is under way, closes each kept connection with its next
//!   response, or after a generous time without one, and ends with 0.
//!
//! | variable | meaning |
//! |---|---|
//! | `PORT` | the port on loopback, where no socket was handed over |
//! | `GUESTBOOK_DATABASE` | the file; else `guestbook.sqlite` in `STATE_DIRECTORY`, or in the current folder |
//! | `GUESTBOOK_SCHEMAS` | the schemas that this program knows, `1-3`: an older program knew fewer |
//! | `GUESTBOOK_IDLE_SECONDS` | how long a kept connection may be silent once the end was asked for; 10 |
//! | `GUESTBOOK_FAULTS` | what goes wrong on purpose: see `faults.rs` |
//! | `XTASK_RELEASE` | the release, as the target knows it; said by `/version` |
//!
//! `guestbook migrate --to N` brings the database to a schema, `guestbook version` says the version. The version is the one
//! compiled in (`GUESTBOOK_VERSION` while compiling, else the package's), unless the folder of the program holds a file
//! `VERSION`: so one compiled program can be packed as many releases.

#[cfg(unix)]
mod connection;
#[cfg(unix)]
mod database;
#[cfg(unix)]
mod faults;
#[cfg(unix)]
mod figures;
#[cfg(unix)]
mod routes;
#[cfg(unix)]
mod serve;
#[cfg(unix)]
mod settings;
#[cfg(unix)]
mod sockets;

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where nobody hears it, the exit code still says it.
            writeln!(std::io::stderr(), "guestbook: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

#[cfg(unix)]
fn run() -> anyhow::Result<()> {
    let settings = settings::Settings::read()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [] => serve::serve(settings),
        ["version"] => Ok(writeln!(std::io::stdout(), "{}", settings.version)?),
        ["migrate", "--to", wanted] => {
            let mut database = database::Database::open(&settings.database)?;
            let schema = database.migrate(wanted.parse()?)?;
            Ok(writeln!(std::io::stdout(), "schema {schema}")?)
        }
        _ => anyhow::bail!("usage: guestbook [version | migrate --to N]"),
    }
}

#[cfg(not(unix))]
fn run() -> anyhow::Result<()> {
    anyhow::bail!("sockets are handed over on Unix only")
}
