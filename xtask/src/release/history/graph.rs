//! The walk as it comes in, and which of its commits count from a release on.

use std::collections::{HashMap, HashSet};

use crate::release::commit::{self, Kind};
use crate::release::facts::Facts;
use crate::release::history::Commit;

/// Hexadecimal digits of a whole name, at the least: those of SHA-1.
const FULL_NAME: usize = 40;

/// What the walk found so far.
pub(super) struct Walk {
    pub(super) commits: Vec<Commit>,
    /// The places of a package's commits, by the package's place.
    pub(super) by_package: Vec<Vec<usize>>,
    pub(super) walked: usize,
    pub(super) outside: usize,
    pub(super) graph: Graph,
    folders: HashMap<Vec<u8>, usize>,
    /// The folder of the last path, and its package: paths come sorted.
    last: (Vec<u8>, Option<usize>),
    id: Vec<u8>,
    message: Vec<u8>,
    /// The commit that is being read: its node, and the packages that it touches.
    open: Option<usize>,
    touched: Vec<usize>,
    is_first_path: bool,
}

/// Commits and their parents. A node is a commit that was named, as itself or as a parent.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: HashMap<Vec<u8>, usize>,
    parents: Vec<Vec<usize>>,
    /// What takes something back, the newest first.
    reverts: Vec<Revert>,
}

/// A commit that takes others back.
#[derive(Debug)]
struct Revert {
    node: usize,
    /// True when it does nothing else.
    is_all: bool,
    /// By node; `None` for a commit that is not in the walk.
    taken: Vec<Option<usize>>,
}

/// What counts from a release on.
#[derive(Debug)]
pub(super) struct Range {
    /// By node: true for what the release has already.
    is_released: Vec<bool>,
    /// Nodes that were taken back, and those that took them back.
    cancelled: HashSet<usize>,
}

impl Walk {
    pub(super) fn new(facts: &Facts) -> Walk {
        let folders = facts.packages.iter().enumerate();
        Walk {
            folders: folders.map(|(place, package)| (package.folder.clone().into_bytes(), place)).collect(),
            commits: Vec::new(),
            by_package: vec![Vec::new(); facts.packages.len()],
            walked: 0,
            outside: 0,
            graph: Graph::default(),
            // No folder of a path ends in a slash.
            last: (b"/".to_vec(), None),
            id: Vec::new(),
            message: Vec::new(),
            open: None,
            touched: Vec::new(),
            is_first_path: true,
        }
    }

    /// Reads the head of a commit, or a path.
    pub(super) fn record(&mut self, record: &[u8]) {
        match record.strip_prefix(b"/") {
            Some(head) => {
                self.finish();
                self.begin(head);
            }
            None => self.path(record),
        }
    }

    fn begin(&mut self, head: &[u8]) {
        let end = head.iter().position(|byte| *byte == b'\n').unwrap_or(head.len());
        let mut names = head[..end].split(|byte| *byte == b' ').filter(|name| !name.is_empty());
        let Some(name) = names.next() else { return };
        let node = self.graph.node(name);
        for parent in names {
            let parent = self.graph.node(parent);
            self.graph.parents[node].push(parent);
        }
        self.id.clear();
        self.id.extend_from_slice(name);
        self.message.clear();
        self.message.extend_from_slice(&head[(end + 1).min(head.len())..]);
        self.walked += 1;
        self.open = Some(node);
        self.is_first_path = true;
    }

    fn path(&mut self, record: &[u8]) {
        // A line end stands between the head and the first path.
        let path = if self.is_first_path { record.strip_prefix(b"\n").unwrap_or(record) } else { record };
        self.is_first_path = false;
        let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        if self.last.0 != path[..end] {
            self.last.1 = self.package(&path[..end]);
            self.last.0.clear();
            self.last.0.extend_from_slice(&path[..end]);
        }
        if let Some(package) = self.last.1
            && !self.touched.contains(&package)
        {
            self.touched.push(package);
        }
    }

    /// The package whose folder is the nearest around this one.
    fn package(&self, mut folder: &[u8]) -> Option<usize> {
        loop {
            if let Some(package) = self.folders.get(folder) {
                return Some(*package);
            }
            if folder.is_empty() {
                return None;
            }
            folder = &folder[..folder.iter().rposition(|byte| *byte == b'/').unwrap_or(0)];
        }
    }

    /// The walk is over.
    pub(super) fn end(&mut self) {
        self.finish();
        self.graph.resolve(&self.commits);
    }

    /// Closes the commit that is being read.
    fn finish(&mut self) {
        let Some(node) = self.open.take() else { return };
        if self.touched.is_empty() {
            self.outside += usize::from(self.graph.parents[node].len() < 2);
            return;
        }
        for package in self.touched.drain(..) {
            self.by_package[package].push(self.commits.len());
        }
        self.commits.push(Commit {
            id: String::from_utf8_lossy(&self.id).into_owned(),
            message: commit::parse(&String::from_utf8_lossy(&self.message)),
            node,
        });
    }
}

impl Graph {
    fn node(&mut self, name: &[u8]) -> usize {
        if let Some(node) = self.nodes.get(name) {
            return *node;
        }
        let node = self.parents.len();
        self.nodes.insert(name.to_vec(), node);
        self.parents.push(Vec::new());
        node
    }

    /// What counts from a release on; all of the walk where there is no release.
    pub(super) fn range(&self, release: Option<&str>) -> Range {
        let is_released = match release.and_then(|release| self.nodes.get(release.as_bytes())) {
            Some(node) => self.history(std::slice::from_ref(node)),
            None => vec![false; self.parents.len()],
        };
        let mut range = Range { is_released, cancelled: HashSet::new() };
        // The newest first: what took something back may have been taken back itself.
        for revert in &self.reverts {
            if range.has(revert.node) {
                self.take_back(revert, &mut range);
            }
        }
        range
    }

    /// Leaves out what a commit took back, and the commit itself if all of that was in the range.
    fn take_back(&self, revert: &Revert, range: &mut Range) {
        let mut is_whole = revert.is_all;
        for taken in &revert.taken {
            let brought = taken.map(|node| self.brought(node)).unwrap_or_default();
            is_whole &= !brought.is_empty() && brought.iter().all(|node| range.has(*node));
            range.cancelled.extend(brought);
        }
        if is_whole {
            range.cancelled.insert(revert.node);
        }
    }

    /// Finds what the commits take back, once for all ranges. A name may be abbreviated.
    fn resolve(&mut self, commits: &[Commit]) {
        let reverting = || commits.iter().filter(|commit| !commit.message.reverts.is_empty());
        let is_whole = |name: &String| name.len() >= FULL_NAME;
        let mut sorted: Vec<(&[u8], usize)> = Vec::new();
        if !reverting().all(|commit| commit.message.reverts.iter().all(is_whole)) {
            sorted.extend(self.nodes.iter().map(|(name, node)| (name.as_slice(), *node)));
            sorted.sort_unstable();
        }
        let find = |name: &String| {
            let name = name.as_bytes();
            let first = sorted.partition_point(|(known, _)| *known < name);
            let abbreviated =
                || sorted.get(first).filter(|(known, _)| known.starts_with(name)).map(|(_, node)| *node);
            self.nodes.get(name).copied().or_else(abbreviated)
        };
        let reverts = reverting().map(|commit| Revert {
            node: commit.node,
            is_all: commit.message.kind == Kind::Revert,
            taken: commit.message.reverts.iter().map(find).collect(),
        });
        self.reverts = reverts.collect();
    }

    /// A commit; of a merge what it brought into its first parent.
    fn brought(&self, node: usize) -> Vec<usize> {
        let [first, others @ ..] = self.parents[node].as_slice() else { return vec![node] };
        if others.is_empty() {
            return vec![node];
        }
        let (before, after) = (self.history(std::slice::from_ref(first)), self.history(others));
        (0..self.parents.len()).filter(|node| after[*node] && !before[*node]).collect()
    }

    /// These nodes and all that they come from, by node.
    fn history(&self, from: &[usize]) -> Vec<bool> {
        let mut seen = vec![false; self.parents.len()];
        let mut waiting = from.to_vec();
        while let Some(node) = waiting.pop() {
            if !std::mem::replace(&mut seen[node], true) {
                waiting.extend(self.parents[node].iter().copied().filter(|parent| !seen[*parent]));
            }
        }
        seen
    }
}

impl Range {
    /// True for a commit that counts.
    pub(super) fn has(&self, node: usize) -> bool {
        !self.is_released[node] && !self.cancelled.contains(&node)
    }
}
