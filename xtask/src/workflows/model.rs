//! The small part of GitHub's workflow language that the generated files use, as values.
//!
//! What is not here cannot be generated: no `continue-on-error` (it makes a failed job look like a success), no
//! `services`, no scripts. Secrets are given to single steps, of jobs that have an environment. Job ids in `needs` are checked by a test over every generated workflow.

use super::config::Pins;

/// A workflow file.
#[derive(Clone, Debug)]
pub(crate) struct Workflow {
    /// What the file is for, as comment lines.
    pub(crate) about: &'static [&'static str],
    /// What people see in the list of workflows.
    pub(crate) name: &'static str,
    pub(crate) events: Vec<Event>,
    /// None in a workflow that others call: the group of the caller would be entered twice, and the run would wait
    /// for itself.
    pub(crate) concurrency: Option<Concurrency>,
    pub(crate) environment: Vec<(&'static str, String)>,
    pub(crate) jobs: Vec<Job>,
}

/// What starts a workflow.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    PullRequest,
    MergeGroup,
    Push {
        branch: String,
    },
    /// Pushed tags that one of these patterns fits.
    Tags(Vec<String>),
    /// A cron line, in UTC.
    Schedule(String),
    /// By hand, with what is asked then.
    Dispatch(Vec<Question>),
    Call(Vec<Input>),
}

/// An input of a callable workflow or of an action: a text.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) default: &'static str,
}

/// What whoever starts a workflow by hand must say.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// What may be answered; empty for any text.
    pub(crate) options: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Concurrency {
    pub(crate) group: String,
    /// An expression or a word.
    pub(crate) cancel: &'static str,
}

#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) about: &'static [&'static str],
    pub(crate) name: String,
    pub(crate) needs: Vec<String>,
    pub(crate) condition: Option<String>,
    /// Whose reviewers let the job start, and whose secrets it sees.
    pub(crate) environment: Option<String>,
    /// None where the workflow has a group, or the jobs of several runs do not meet.
    pub(crate) concurrency: Option<Concurrency>,
    pub(crate) permissions: Vec<Permission>,
    pub(crate) work: Work,
}

/// A right that a job's token has, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Permission {
    pub(crate) scope: &'static str,
    pub(crate) access: Access,
    pub(crate) why: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Access {
    None,
    Read,
    Write,
}

impl Access {
    /// The word of the workflow language.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Access::None => "none",
            Access::Read => "read",
            Access::Write => "write",
        }
    }

    pub(crate) fn of_word(word: &str) -> Option<Access> {
        [Access::None, Access::Read, Access::Write].into_iter().find(|access| access.word() == word)
    }
}

/// What a job does: steps of its own, or another workflow.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    Steps {
        runs_on: &'static str,
        timeout_minutes: u32,
        /// An expression that gives the whole matrix.
        matrix: Option<&'static str>,
        outputs: Vec<(&'static str, String)>,
        steps: Vec<Step>,
    },
    Calls {
        workflow: &'static str,
        with: Vec<(&'static str, String)>,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) id: Option<&'static str>,
    pub(crate) condition: Option<String>,
    pub(crate) environment: Vec<(&'static str, String)>,
    pub(crate) deed: Deed,
}

#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// One line for bash.
    Run(String),
    /// An action of this repository.
    Own { path: &'static str, with: Vec<(&'static str, String)> },
    /// An action of others, by its pin.
    Pinned { action: String, commit: String, version: String, with: Vec<(&'static str, String)> },
}

/// A composite action.
#[derive(Clone, Debug)]
pub(crate) struct Action {
    pub(crate) about: &'static [&'static str],
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) inputs: Vec<Input>,
    pub(crate) outputs: Vec<(&'static str, &'static str, String)>,
    pub(crate) steps: Vec<Step>,
}

impl Step {
    pub(crate) fn run(name: &'static str, line: impl Into<String>) -> Step {
        Step::of(name, Deed::Run(line.into()))
    }

    pub(crate) fn own(name: &'static str, path: &'static str, with: &[(&'static str, &str)]) -> Step {
        Step::of(name, Deed::Own { path, with: owned(with) })
    }

    /// An action of others. `action` may name a folder in its repository (`actions/cache/restore`).
    pub(crate) fn pinned(
        pins: &Pins,
        name: &'static str,
        action: &str,
        with: &[(&'static str, &str)],
    ) -> Step {
        let pin = pins.of(action);
        Step::of(
            name,
            Deed::Pinned {
                action: action.to_owned(),
                commit: pin.commit.clone(),
                version: pin.version.clone(),
                with: owned(with),
            },
        )
    }

    pub(crate) fn id(self, id: &'static str) -> Step {
        Step { id: Some(id), ..self }
    }

    pub(crate) fn when(self, condition: impl Into<String>) -> Step {
        Step { condition: Some(condition.into()), ..self }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Step {
        self.environment.push((name, value.into()));
        self
    }

    fn of(name: &'static str, deed: Deed) -> Step {
        Step { name, id: None, condition: None, environment: Vec::new(), deed }
    }
}

fn owned(with: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    with.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}
