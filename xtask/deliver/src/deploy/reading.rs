//! A number that a command of the user says: the provider that needs no satellite.
//!
//! The command exits with 0 and writes one number on its standard output. Whatever else it does is no number, and each way
//! is told apart, as with the other providers ([`super::protocol::Reading`]).

use std::time::Duration;

use nexus_xtask::shell::{Command, Ended, Shell};
use nexus_xtask::terminal::printable;

use super::protocol::{Reading, Trouble};

/// How much of what a command said is shown, in characters.
const SHOWN_MAX: usize = 200;

/// Runs a command, and reads the number that it says.
pub fn of_command(shell: &Shell, command: &Command, limit: Duration) -> Reading {
    let failed = |trouble: Trouble, why: String| Reading::Failed {
        trouble,
        why: printable(&why).chars().take(SHOWN_MAX).collect(),
    };
    match shell.within(command, None, limit) {
        Err(error) => failed(Trouble::Unreachable, format!("{error:#}")),
        Ok(None) => failed(Trouble::Timeout, format!("no end within {} ms", limit.as_millis())),
        Ok(Some(captured)) if captured.ended == Ended::Exit(0) => Reading::of_text(&captured.text()),
        Ok(Some(captured)) => {
            let last = captured.stderr.trim().lines().last().unwrap_or_default().to_owned();
            let trouble = match captured.ended {
                Ended::Exit(_) | Ended::Signal(_) => Trouble::Refused,
                Ended::Missing | Ended::NotStarted(_) => Trouble::Unreachable,
            };
            failed(trouble, format!("{}: {last}", captured.ended).trim_end_matches(": ").to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use nexus_xtask::environment::Environment;

    use super::*;

    #[track_caller]
    fn check(script: &str, expected: &str) {
        let folder = std::env::temp_dir();
        let environment = Environment::of_process().unwrap();
        let shell = Shell::new(&folder, &environment);
        let command = Command::new("sh", ["-c", script]);
        assert_eq!(
            of_command(&shell, &command, Duration::from_millis(500)).to_string(),
            expected,
            "{script}"
        );
    }

    #[test]
    fn a_command_says_a_number_or_why_it_says_none() {
        check("echo 0.25", "0.25");
        check("printf ' 3 \\n\\n'", "3");
        check("true", "no data");
        check("echo NaN", "`NaN` is no number");
        check("echo '3 errors'", "`3 errors` is no number");
        check("echo '<html>'", "`<html>` is no number");
        check("echo 5; echo no connection >&2; exit 7", "refused: exit 7: no connection");
        check("exec sleep 60", "timeout: no end within 500 ms");
        let shell = Shell::new(&std::env::temp_dir(), &Environment::of_process().unwrap());
        let command = Command::new("no-such-program-anywhere", [""; 0]);
        let reading = of_command(&shell, &command, Duration::from_secs(5));
        assert!(matches!(reading, Reading::Failed { trouble: Trouble::Unreachable, .. }), "{reading}");
    }
}
