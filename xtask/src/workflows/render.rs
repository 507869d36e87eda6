//! From a workflow or an action as a value to its text. Pure; the same value gives the same bytes.

use super::HEADER;
use super::model::{
    Action, Concurrency, Deed, Event, Input, Job, Permission, Question, Step, Work, Workflow,
};

/// The text of a workflow file.
pub(crate) fn workflow(workflow: &Workflow) -> String {
    let mut page = Page::new(workflow.about);
    page.pair("name", workflow.name);
    page.gap();
    page.block("on", |page| workflow.events.iter().for_each(|event| page.event(event)));
    page.gap();
    page.comment("Each job asks for the rights that it needs, and says why.");
    page.line("permissions: {}");
    if let Some(concurrency) = &workflow.concurrency {
        page.gap();
        page.concurrency(concurrency);
    }
    if !workflow.environment.is_empty() {
        page.gap();
        page.pairs("env", &workflow.environment);
    }
    if workflow.jobs.iter().any(|job| matches!(job.work, Work::Steps { .. })) {
        page.gap();
        page.block("defaults", |page| page.block("run", |page| page.pair("shell", "bash")));
    }
    page.gap();
    page.line("jobs:");
    for (index, job) in workflow.jobs.iter().enumerate() {
        if index > 0 {
            page.gap();
        }
        page.indented(|page| page.job(job));
    }
    page.text
}

/// The text of a composite action.
pub(crate) fn action(action: &Action) -> String {
    let mut page = Page::new(action.about);
    page.pair("name", action.name);
    page.pair("description", action.description);
    page.gap();
    page.block("inputs", |page| {
        for input in &action.inputs {
            page.block(input.name, |page| {
                page.pair("description", input.about);
                page.line(&format!("default: {}", quoted(input.default)));
            });
        }
    });
    page.gap();
    page.block("outputs", |page| {
        for (name, about, value) in &action.outputs {
            page.block(name, |page| {
                page.pair("description", about);
                page.pair("value", value);
            });
        }
    });
    page.gap();
    page.block("runs", |page| {
        page.pair("using", "composite");
        page.block("steps", |page| action.steps.iter().for_each(|step| page.step(step, true)));
    });
    page.text
}

/// A value as YAML reads it back as the same text, unquoted where that is safe. Numbers and booleans stay what they
/// look like, since the workflow language turns them into text where it wants text.
pub(crate) fn scalar(value: &str) -> String {
    let first_is_safe =
        value.starts_with(|first: char| first.is_ascii_alphanumeric() || "./$~_".contains(first));
    let ambiguous = ["null", "Null", "NULL", "yes", "no", "on", "off", "~"].contains(&value);
    let awkward = value.contains(": ")
        || value.contains(" #")
        || value.ends_with(':')
        || value.ends_with(' ')
        || value.contains(['*', '\n', '\t']);
    if first_is_safe && !ambiguous && !awkward {
        return value.to_owned();
    }
    quoted(value)
}

fn quoted(value: &str) -> String {
    let mut text = String::from("\"");
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            character => text.push(character),
        }
    }
    text.push('"');
    text
}

/// Text that grows line by line at a depth.
struct Page {
    text: String,
    depth: usize,
    /// Set before the first line of a list entry.
    dash: bool,
}

impl Page {
    fn new(about: &[&str]) -> Page {
        let mut page = Page { text: String::new(), depth: 0, dash: false };
        page.line(HEADER);
        page.comment("");
        about.iter().for_each(|line| page.comment(line));
        page.gap();
        page
    }

    fn line(&mut self, text: &str) {
        let depth = if self.dash { self.depth - 1 } else { self.depth };
        self.text.push_str(&"  ".repeat(depth));
        if std::mem::take(&mut self.dash) {
            self.text.push_str("- ");
        }
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn gap(&mut self) {
        self.text.push('\n');
    }

    fn comment(&mut self, text: &str) {
        self.line(format!("# {text}").trim_end());
    }

    fn pair(&mut self, key: &str, value: &str) {
        self.line(&format!("{key}: {}", scalar(value)));
    }

    fn pairs(&mut self, key: &str, pairs: &[(&'static str, String)]) {
        if !pairs.is_empty() {
            self.block(key, |page| pairs.iter().for_each(|(name, value)| page.value(name, value)));
        }
    }

    /// A pair whose value may have several lines.
    fn value(&mut self, key: &str, value: &str) {
        if !value.contains('\n') {
            return self.pair(key, value);
        }
        self.block(&format!("{key}: |"), |page| value.lines().for_each(|line| page.line(line)));
    }

    fn block(&mut self, key: &str, inside: impl FnOnce(&mut Page)) {
        let colon = if key.ends_with('|') { "" } else { ":" };
        self.line(&format!("{key}{colon}"));
        self.indented(inside);
    }

    fn indented(&mut self, inside: impl FnOnce(&mut Page)) {
        self.depth += 1;
        inside(self);
        self.depth -= 1;
    }

    fn entry(&mut self, inside: impl FnOnce(&mut Page)) {
        self.depth += 1;
        self.dash = true;
        inside(self);
        self.depth -= 1;
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::PullRequest => self.line("pull_request:"),
            Event::MergeGroup => self.line("merge_group:"),
            Event::Push { branch } => {
                self.block("push", |page| page.line(&format!("branches: [{}]", scalar(branch))));
            }
            Event::Tags(patterns) => {
                let patterns: Vec<_> = patterns.iter().map(|pattern| quoted(pattern)).collect();
                self.block("push", |page| page.line(&format!("tags: [{}]", patterns.join(", "))));
            }
            Event::Schedule(cron) => {
                self.block("schedule", |page| page.line(&format!("- cron: {}", quoted(cron))))
            }
            Event::Dispatch(questions) if questions.is_empty() => self.line("workflow_dispatch:"),
            Event::Dispatch(questions) => self.block("workflow_dispatch", |page| {
                page.block("inputs", |page| questions.iter().for_each(|question| page.question(question)));
            }),
            Event::Call(inputs) => self.block("workflow_call", |page| {
                page.block("inputs", |page| inputs.iter().for_each(|input| page.input(input)));
            }),
        }
    }

    fn input(&mut self, input: &Input) {
        self.block(input.name, |page| {
            page.pair("description", input.about);
            page.line("type: string");
            page.line(&format!("default: {}", quoted(input.default)));
        });
    }

    fn question(&mut self, question: &Question) {
        self.block(question.name, |page| {
            page.pair("description", question.about);
            if question.options.is_empty() {
                page.line("type: string");
            } else {
                page.line("type: choice");
                page.line(&format!("options: [{}]", question.options.join(", ")));
            }
            page.line("required: true");
        });
    }

    fn concurrency(&mut self, concurrency: &Concurrency) {
        self.block("concurrency", |page| {
            page.pair("group", &concurrency.group);
            page.pair("cancel-in-progress", concurrency.cancel);
        });
    }

    fn job(&mut self, job: &Job) {
        job.about.iter().for_each(|line| self.comment(line));
        self.block(&job.id, |page| {
            page.pair("name", &job.name);
            if !job.needs.is_empty() {
                page.line(&format!("needs: [{}]", job.needs.join(", ")));
            }
            if let Some(condition) = &job.condition {
                page.pair("if", condition);
            }
            match &job.work {
                Work::Steps { runs_on, timeout_minutes, matrix, outputs, steps } => {
                    page.pair("runs-on", runs_on);
                    page.line(&format!("timeout-minutes: {timeout_minutes}"));
                    if let Some(environment) = &job.environment {
                        page.pair("environment", environment);
                    }
                    if let Some(concurrency) = &job.concurrency {
                        page.concurrency(concurrency);
                    }
                    page.permissions(&job.permissions);
                    if let Some(matrix) = matrix {
                        page.block("strategy", |page| {
                            page.line("fail-fast: false");
                            page.pair("matrix", matrix);
                        });
                    }
                    page.pairs("outputs", outputs);
                    page.block("steps", |page| steps.iter().for_each(|step| page.step(step, false)));
                }
                Work::Calls { workflow, with } => {
                    page.permissions(&job.permissions);
                    page.pair("uses", workflow);
                    page.pairs("with", with);
                }
            }
        });
    }

    fn permissions(&mut self, permissions: &[Permission]) {
        if permissions.is_empty() {
            return self.line("permissions: {}");
        }
        self.block("permissions", |page| {
            for permission in permissions {
                page.line(&format!(
                    "{}: {} # {}",
                    permission.scope,
                    permission.access.word(),
                    permission.why
                ));
            }
        });
    }

    fn step(&mut self, step: &Step, in_action: bool) {
        self.entry(|page| {
            page.pair("name", step.name);
            if let Some(id) = step.id {
                page.pair("id", id);
            }
            if let Some(condition) = &step.condition {
                page.pair("if", condition);
            }
            page.pairs("env", &step.environment);
            match &step.deed {
                Deed::Run(line) => {
                    // A workflow sets the shell once; an action must say it at each step.
                    if in_action {
                        page.line("shell: bash");
                    }
                    page.pair("run", line);
                }
                Deed::Own { path, with } => {
                    page.pair("uses", path);
                    page.pairs("with", with);
                }
                Deed::Pinned { action, commit, version, with } => {
                    page.line(&format!("uses: {action}@{commit} # {version}"));
                    page.pairs("with", with);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_quoted_only_where_yaml_would_read_it_as_something_else() {
        for (value, expected) in [
            ("ubuntu-latest", "ubuntu-latest"),
            ("${{ toJSON(needs) }}", "${{ toJSON(needs) }}"),
            ("./.github/actions/xtask", "./.github/actions/xtask"),
            ("exec cargo xtask ci --job \"$JOB\"", "exec cargo xtask ci --job \"$JOB\""),
            ("0", "0"),
            ("", "\"\""),
            ("on", "\"on\""),
            ("a: b", "\"a: b\""),
            ("a #b", "\"a #b\""),
            ("!cancelled()", "\"!cancelled()\""),
            ("say \"a: b\"", "\"say \\\"a: b\\\"\""),
        ] {
            assert_eq!(scalar(value), expected);
        }
    }
}
