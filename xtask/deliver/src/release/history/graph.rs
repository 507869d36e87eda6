//! The walk as it comes in, and which of its commits count from a release on.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use crate::release::commit::{self, Kind};
use crate::release::facts::Facts;
use crate::release::history::Commit;
use crate::release::history::folders::Folders;

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
    folders: Folders,
    /// The last commit's first parent, by name and node: most often the next commit is that one.
    expected: Option<usize>,
    expected_name: Vec<u8>,
    /// The name of the commit that is being read; all names are as long.
    name: Vec<u8>,
    message: Vec<u8>,
    /// The commit that is being read: its node, and the packages that it touches.
    open: Option<usize>,
    touched: Vec<usize>,
    is_first_path: bool,
}

/// Commits and their parents. A node is a commit that was named, as itself or as a parent.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: HashMap<Vec<u8>, usize, BuildHasherDefault<Spread>>,
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
        Walk {
            folders: Folders::new(facts),
            commits: Vec::new(),
            by_package: vec![Vec::new(); facts.packages.len()],
            walked: 0,
            outside: 0,
            graph: Graph::default(),
            expected: None,
            expected_name: Vec::new(),
            name: Vec::new(),
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

    /// Names all have one length, and one space or line end behind them.
    fn begin(&mut self, head: &[u8]) {
        if self.name.is_empty() {
            let length = head.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(head.len());
            self.name.resize(length, b'0');
            self.expected_name.resize(length, b'0');
        }
        let length = self.name.len();
        let Some((name, mut rest)) = head.split_at_checked(length) else { return };
        let node = match self.expected.take() {
            Some(expected) if self.expected_name == name => expected,
            _ => self.graph.node(name),
        };
        while let Some(parent) = rest.get(1..=length).filter(|_| rest[0] == b' ') {
            let parent_node = self.graph.node(parent);
            if self.expected.is_none() {
                self.expected = Some(parent_node);
                self.expected_name.copy_from_slice(parent);
            }
            self.graph.parents[node].push(parent_node);
            rest = &rest[length + 1..];
        }
        // A commit without parents has a space before its line end.
        let message = rest.strip_prefix(b" ").unwrap_or(rest);
        self.name.copy_from_slice(name);
        self.message.clear();
        self.message.extend_from_slice(message.strip_prefix(b"\n").unwrap_or(message));
        self.walked += 1;
        self.open = Some(node);
        self.is_first_path = true;
    }

    fn path(&mut self, record: &[u8]) {
        // A line end stands between the head and the first path.
        let path = if self.is_first_path { record.strip_prefix(b"\n").unwrap_or(record) } else { record };
        self.is_first_path = false;
        if let Some(package) = self.folders.package(path)
            && !self.touched.contains(&package)
        {
            self.touched.push(package);
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
        let message = match std::str::from_utf8(&self.message) {
            Ok(message) => commit::parse(message),
            Err(_) => commit::parse(&String::from_utf8_lossy(&self.message)),
        };
        // Digits of a digest are text.
        self.commits.push(Commit {
            id: String::from_utf8(self.name.clone()).unwrap_or_default(),
            message,
            node,
        });
    }
}

/// Hashes names of commits, which are digests: their last digits are spread already.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, name: &[u8]) {
        if let Some(digits) = name.last_chunk() {
            // Fibonacci hashing: the digits are text, and differ in few bits of each byte.
            self.0 = u64::from_le_bytes(*digits).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }

    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
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

    /// True for a commit that was walked, or is the parent of one.
    pub(super) fn has(&self, commit: &str) -> bool {
        self.nodes.contains_key(commit.as_bytes())
    }

    /// True when the first commit is in the history of the second, as far as that was walked.
    pub(super) fn is_before(&self, first: &str, second: &str) -> bool {
        let node = |name: &str| self.nodes.get(name.as_bytes()).copied();
        first == second
            || node(first)
                .zip(node(second))
                .is_some_and(|(first, second)| self.history(std::slice::from_ref(&second))[first])
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
