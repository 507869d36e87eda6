//! Which package a path belongs to.

use crate::release::facts::Facts;

/// The folders of packages, sorted, each with a slash at its end.
pub(super) struct Folders {
    sorted: Vec<Folder>,
    /// The place of the one that had the last path: paths come sorted.
    last: Option<usize>,
}

struct Folder {
    path: Vec<u8>,
    package: usize,
    /// The place of the nearest folder around it.
    around: Option<usize>,
    /// True when no other folder is inside.
    is_leaf: bool,
}

impl Folders {
    pub(super) fn new(facts: &Facts) -> Folders {
        let folder = |(package, path): (usize, &str)| Folder {
            path: if path.is_empty() { Vec::new() } else { format!("{path}/").into_bytes() },
            package,
            around: None,
            is_leaf: true,
        };
        let mut sorted: Vec<_> =
            facts.packages.iter().map(|package| package.folder.as_str()).enumerate().map(folder).collect();
        sorted.sort_by(|a, b| a.path.cmp(&b.path));
        for place in 0..sorted.len() {
            let around = (0..place).rfind(|other| sorted[place].path.starts_with(&sorted[*other].path));
            sorted[place].around = around;
            if let Some(around) = around {
                sorted[around].is_leaf = false;
            }
        }
        Folders { sorted, last: None }
    }

    /// The package whose folder is the nearest around a path. Whatever stands between a folder and a path in it, in this
    /// order, is in that folder too: so the last one before the path is in it, or a folder around that one has it.
    pub(super) fn package(&mut self, path: &[u8]) -> Option<usize> {
        let is_same = |last: &Folder| last.is_leaf && path.starts_with(&last.path);
        if self.last.is_none_or(|last| !is_same(&self.sorted[last])) {
            let mut place =
                self.sorted.partition_point(|folder| folder.path.as_slice() <= path).checked_sub(1);
            while let Some(found) = place.filter(|place| !path.starts_with(&self.sorted[*place].path)) {
                place = self.sorted[found].around;
            }
            self.last = place;
        }
        self.last.map(|place| self.sorted[place].package)
    }
}
