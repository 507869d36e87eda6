//! What a person sees when something went wrong, and what their shell sees.
//!
//! A failure says four things: the problem, why, the next step, and where to read on. All problems of one check
//! are collected as [`Finding`]s and shown together. Inside the spine errors travel as `anyhow::Error`; a
//! [`Failure`] is made at the boundary, where the remedy is known. One place renders: `Display` below.

use std::fmt;

/// The exit codes, the same for every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, or already so.
    Done,
    /// 1: a check or a gate said no.
    No,
    /// 2: wrong use or wrong configuration.
    Usage,
    /// 3: refused, because a named precondition is missing.
    Refused,
    /// 4: the world is different from the plan.
    Conflict,
    /// 5: the change was undone; the last good version serves.
    RolledBack,
    /// 6: the state is known and written down; a person decides.
    Person,
    /// 75: temporary; the same command again resumes.
    Temporary,
    /// 130: interrupted.
    Interrupted,
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::No => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::Conflict => 4,
            Exit::RolledBack => 5,
            Exit::Person => 6,
            Exit::Temporary => 75,
            Exit::Interrupted => 130,
        }
    }
}

/// One problem at one place, with its remedy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// File, relative to the workspace root, with `/` as separator; empty when there is no file.
    pub file: String,
    /// Line, counted from 1; 0 when the whole file is meant.
    pub line: usize,
    /// A sentence fragment, lowercase, no final period.
    pub problem: String,
    /// A command to paste, or the key to edit.
    pub next: String,
}

impl Finding {
    /// A finding about a line of a file.
    pub fn at(
        file: impl Into<String>,
        line: usize,
        problem: impl Into<String>,
        next: impl Into<String>,
    ) -> Finding {
        Finding { file: file.into(), line, problem: problem.into(), next: next.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.as_str(), self.line) {
            ("", _) => {}
            (file, 0) => write!(f, "{file}: ")?,
            (file, line) => write!(f, "{file}:{line}: ")?,
        }
        f.write_str(&self.problem)?;
        if !self.next.is_empty() {
            write!(f, "\n  next: {}", self.next)?;
        }
        Ok(())
    }
}

/// A command that did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    /// A sentence fragment, lowercase, no final period; names the thing in backticks.
    pub problem: String,
    /// The facts that decided, the nearest first.
    pub why: Vec<String>,
    /// Every single problem, where a check collected several.
    pub findings: Vec<Finding>,
    /// A command to paste, or the file and key to edit.
    pub next: Option<String>,
    /// A document of this repository.
    pub see: Option<String>,
    /// What the shell sees.
    pub exit: Exit,
}

impl Failure {
    /// A failure with this exit code and nothing else known yet.
    pub fn new(exit: Exit, problem: impl Into<String>) -> Failure {
        Failure {
            problem: problem.into(),
            why: Vec::new(),
            findings: Vec::new(),
            next: None,
            see: None,
            exit,
        }
    }

    /// A check said no.
    pub fn no(problem: impl Into<String>) -> Failure {
        Failure::new(Exit::No, problem)
    }

    /// Wrong use or wrong configuration.
    pub fn usage(problem: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, problem)
    }

    /// A precondition is missing.
    pub fn refused(problem: impl Into<String>) -> Failure {
        Failure::new(Exit::Refused, problem)
    }

    /// Findings of one check, shown together.
    pub fn found(exit: Exit, problem: impl Into<String>, mut findings: Vec<Finding>) -> Failure {
        findings.sort();
        Failure { findings, ..Failure::new(exit, problem) }
    }

    /// The problem and the facts in one line, where it is a part of something else.
    pub fn in_one_line(&self) -> String {
        let all: Vec<_> = std::iter::once(&self.problem).chain(&self.why).map(String::as_str).collect();
        all.join(": ")
    }

    /// Adds a fact that decided.
    pub fn why(mut self, why: impl Into<String>) -> Failure {
        self.why.push(why.into());
        self
    }

    /// Sets the next step.
    pub fn next(mut self, next: impl Into<String>) -> Failure {
        self.next = Some(next.into());
        self
    }

    /// Sets the document to read.
    pub fn see(mut self, see: impl Into<String>) -> Failure {
        self.see = Some(see.into());
        self
    }

    /// The failure as data, for `--json`.
    pub fn json(&self) -> serde_json::Value {
        let findings: Vec<_> = self
            .findings
            .iter()
            .map(|finding| {
                serde_json::json!({
                    "file": finding.file, "line": finding.line,
                    "problem": finding.problem, "next": finding.next,
                })
            })
            .collect();
        serde_json::json!({ "error": {
            "problem": self.problem, "why": self.why, "findings": findings,
            "next": self.next, "see": self.see, "exit": self.exit.code(),
        }})
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        write!(f, "error: {}", self.problem)?;
        for why in &self.why {
            write!(f, "\n  why:  {}", why.trim_end().replace('\n', "\n        "))?;
        }
        match &self.next {
            Some(next) => write!(f, "\n  next: {next}")?,
            None if self.findings.is_empty() => {
                f.write_str("\n  next: this is a defect in xtask, please report it with the text above")?;
            }
            None => {}
        }
        if let Some(see) = &self.see {
            write!(f, "\n  see:  {see}")?;
        }
        Ok(())
    }
}

/// An error of the spine that nobody gave a remedy: the outermost context is the problem, its causes are the why.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        let mut chain = error.chain().map(ToString::to_string);
        let problem = chain.next().expect("an error has at least itself in its chain");
        let full_disk = error.chain().any(|cause| {
            cause.downcast_ref::<std::io::Error>().is_some_and(|io| {
                matches!(io.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
            })
        });
        let read_only = error.chain().any(|cause| {
            cause.downcast_ref::<std::io::Error>().is_some_and(|io| {
                matches!(
                    io.kind(),
                    std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied
                )
            })
        });
        let not_utf8 = error.chain().any(|cause| cause.is::<std::string::FromUtf8Error>());
        let mut failure = Failure { why: chain.collect(), ..Failure::new(Exit::Refused, problem) };
        if not_utf8 {
            failure.exit = Exit::Usage;
            failure.next = Some("save the file named above as UTF-8".into());
        } else if full_disk {
            failure.next = Some(
                "free disk space (`cargo xtask doctor` shows what is used), then run the same command again"
                    .into(),
            );
        } else if read_only {
            failure.next =
                Some("make the folder named above writable, then run the same command again".into());
        }
        failure
    }
}

/// What fallible functions at the boundary return.
pub type Result<T> = std::result::Result<T, Failure>;

#[cfg(test)]
mod tests;
