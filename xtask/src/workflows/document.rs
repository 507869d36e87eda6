//! One file below `.github`, read: a workflow or an action, ours or of other origin.

use super::HEADER;
use super::yaml::{Entry, Node, Unreadable};

/// A file and what is known about it.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// The path from the workspace root, with `/` as separator.
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) origin: Origin,
    pub(crate) root: Result<Node, Unreadable>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It carries our header, or stands where a generated file belongs.
    Ours,
    Foreign,
}

/// A job and its line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job<'a> {
    pub(crate) id: &'a str,
    pub(crate) line: usize,
    pub(crate) node: &'a Node,
}

impl Document {
    pub(crate) fn new(file: impl Into<String>, text: impl Into<String>) -> Document {
        let (file, text) = (file.into(), text.into());
        let origin = if has_header(&text) { Origin::Ours } else { Origin::Foreign };
        Document { root: Node::parse(&text), file, text, origin }
    }

    /// True for a file of the workflow language.
    pub(crate) fn is_yaml(&self) -> bool {
        self.file.ends_with(".yml") || self.file.ends_with(".yaml")
    }

    pub(crate) fn is_workflow(&self) -> bool {
        self.is_yaml() && self.file.starts_with(".github/workflows/")
    }

    /// The top of the file; `None` where it cannot be read.
    pub(crate) fn top(&self) -> Option<&Node> {
        self.root.as_ref().ok()
    }

    pub(crate) fn jobs(&self) -> Vec<Job<'_>> {
        let jobs = self.top().filter(|_| self.is_workflow()).and_then(|top| top.at("jobs"));
        jobs.iter()
            .flat_map(|jobs| jobs.entries())
            .map(|Entry { line, key, node }| Job { id: key, line: *line, node })
            .collect()
    }

    /// Every step of every job, or of the action.
    pub(crate) fn steps(&self) -> Vec<&Node> {
        let action =
            self.top().and_then(|top| top.at("runs")?.at("steps")).map(Node::items).unwrap_or_default();
        self.jobs().into_iter().flat_map(Job::steps).chain(action).collect()
    }

    /// The names of the events that start the workflow.
    pub(crate) fn events(&self) -> Vec<&str> {
        let Some(on) = self.top().and_then(|top| top.at("on")) else { return Vec::new() };
        on.texts().into_iter().chain(on.entries().iter().map(|entry| entry.key.as_str())).collect()
    }

    /// True when only other workflows start it.
    pub(crate) fn is_only_called(&self) -> bool {
        self.events() == ["workflow_call"]
    }

    /// A line of the text, counted from 1.
    pub(crate) fn line(&self, number: usize) -> &str {
        self.text.lines().nth(number.saturating_sub(1)).unwrap_or_default()
    }

    /// The first line from `start` on that holds a text; `start` where none does.
    pub(crate) fn line_with(&self, start: usize, wanted: &str) -> usize {
        let lines = self.text.lines().enumerate().skip(start.saturating_sub(1));
        lines.into_iter().find(|(_, line)| line.contains(wanted)).map_or(start, |(index, _)| index + 1)
    }

    /// The comment that belongs to a line: behind it, or on the line above.
    pub(crate) fn comment_at(&self, number: usize) -> Option<&str> {
        let behind = self.line(number).split_once(" #").map(|(_, comment)| comment);
        let above = self.line(number.saturating_sub(1)).trim_start().strip_prefix('#');
        behind.or(above).map(str::trim).filter(|comment| !comment.is_empty())
    }
}

impl<'a> Job<'a> {
    pub(crate) fn steps(self) -> &'a [Node] {
        self.node.at("steps").map(Node::items).unwrap_or_default()
    }

    pub(crate) fn needs(self) -> Vec<&'a str> {
        self.node.at("needs").map(Node::texts).unwrap_or_default()
    }

    /// True when the job is another workflow.
    pub(crate) fn is_call(self) -> bool {
        self.node.at("uses").is_some()
    }
}

/// True when the first line says that we generated the file.
pub(crate) fn has_header(text: &str) -> bool {
    text.lines().next() == Some(HEADER)
}
