//! The content of the work tree as one value: path by path, named by git's own object names.
//!
//! The same content has the same name whether it is committed, staged, changed or new, so a commit by itself changes
//! nothing. The whole listing is kept as one text, sorted by path: comparing it is one digest, and a tree of 50,000
//! files costs no 50,000 allocations.

use std::collections::BTreeMap;

use anyhow::Context as _;

use crate::ci::step::{covers, matches};
use crate::digest::Digest;
use crate::doors::Doors;
use crate::files;
use crate::git::Listing;
use crate::shell::Command;
use crate::workspace::Workspace;

/// One line for each file: `mode object path`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    text: String,
}

impl Tree {
    /// The tree of what git listed; the content of changed and new files is asked of git.
    pub(crate) fn of(doors: &Doors, listing: Listing) -> anyhow::Result<Tree> {
        let changed = objects(doors, &listing.dirty)?;
        Ok(Tree::merge(listing.indexed, changed, &listing.deleted))
    }

    fn merge(
        mut files: BTreeMap<String, String>,
        changed: BTreeMap<String, Option<String>>,
        deleted: &[String],
    ) -> Tree {
        for path in deleted {
            files.remove(path);
        }
        for (path, object) in changed {
            match object {
                Some(object) => files.insert(path, object),
                None => files.remove(&path),
            };
        }
        let mut text = String::with_capacity(files.len() * 100);
        for (path, object) in files {
            text.push_str(&object);
            text.push(' ');
            text.push_str(&path);
            text.push('\n');
        }
        Tree { text }
    }

    /// The tree that a text describes, as [`Tree::text`] gave it.
    pub(crate) fn from_text(text: String) -> Tree {
        Tree { text }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Every path with its mode and object.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.text.lines().filter_map(|line| {
            let object = line.find(' ')?;
            let path = object + 1 + line[object + 1..].find(' ')?;
            Some((&line[path + 1..], &line[..path]))
        })
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.entries().map(|(path, _)| path)
    }

    /// The digest of the files that match, without those that steps make.
    pub(crate) fn digest(&self, inputs: &[String], outputs: &[String]) -> Digest {
        if inputs.iter().any(|pattern| pattern == super::step::WHOLE_TREE) && outputs.is_empty() {
            return Digest::of(&self.text);
        }
        Digest::of(self.selected(inputs, outputs).text)
    }

    /// The part of the tree that matches.
    pub(crate) fn selected(&self, inputs: &[String], outputs: &[String]) -> Tree {
        let mut text = String::new();
        for (path, object) in self.entries() {
            if matches(inputs, path) && !outputs.iter().any(|output| covers(output, path)) {
                text.push_str(object);
                text.push(' ');
                text.push_str(path);
                text.push('\n');
            }
        }
        Tree { text }
    }

    /// The first path whose content differs, and how.
    pub(crate) fn first_difference(&self, earlier: &Tree) -> Option<String> {
        let before: BTreeMap<_, _> = earlier.entries().collect();
        let now: BTreeMap<_, _> = self.entries().collect();
        let changed = now.iter().find_map(|(path, object)| match before.get(path) {
            None => Some(format!("file `{path}` is new")),
            Some(earlier) if earlier != object => Some(format!("file `{path}` changed")),
            Some(_) => None,
        });
        changed.or_else(|| {
            let gone = before.keys().find(|path| !now.contains_key(*path))?;
            Some(format!("file `{gone}` is gone"))
        })
    }
}

/// Mode and object of files whose content git has not recorded; `None` for one that is not there.
fn objects(doors: &Doors, paths: &[String]) -> anyhow::Result<BTreeMap<String, Option<String>>> {
    let mut objects = BTreeMap::new();
    let mut ask = Vec::new();
    for path in paths {
        match files::kind(&doors.workspace.file(path))? {
            files::Kind::File { executable } if !path.contains(['\n', '\r']) => {
                ask.push((path, if executable { "100755" } else { "100644" }));
            }
            // A link is what it points to; git's object name of that text is not worth a process of its own.
            files::Kind::Link | files::Kind::File { .. } => {
                let digest = files::digest(&doors.workspace.file(path))?;
                objects.insert(path.clone(), digest.map(|digest| format!("120000 {digest}")));
            }
            files::Kind::Folder => {
                let head = Command::new("git", ["-C", path.as_str(), "rev-parse", "HEAD"]);
                let commit = doors.shell.capture(&head)?;
                objects
                    .insert(path.clone(), commit.is_success().then(|| format!("160000 {}", commit.text())));
            }
            files::Kind::Absent => {
                objects.insert(path.clone(), None);
            }
        }
    }
    if ask.is_empty() {
        return Ok(objects);
    }
    let names = ask.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>().join("\n") + "\n";
    let hash = Command::new("git", ["hash-object", "--stdin-paths"]).reading(names);
    let answer = doors.shell.read(&hash).context("cannot ask git for the content of changed files")?;
    let answers: Vec<_> = answer.lines().collect();
    anyhow::ensure!(
        answers.len() == ask.len(),
        "`git hash-object` answered for {} of {} files",
        answers.len(),
        ask.len()
    );
    for ((path, mode), object) in ask.into_iter().zip(answers) {
        objects.insert(path.clone(), Some(format!("{mode} {object}")));
    }
    Ok(objects)
}

/// Keeps a tree, so that a later run can name the file that differs.
pub(crate) fn store(workspace: &Workspace, tree: &Tree) -> anyhow::Result<Digest> {
    let digest = Digest::of(tree.text());
    let path = place(workspace, &digest);
    if files::stamp(&path).is_none() {
        files::write_cache(&path, tree.text())?;
    }
    Ok(digest)
}

/// A tree that was kept; `None` where it is not any more.
pub(crate) fn stored(workspace: &Workspace, digest: &Digest) -> anyhow::Result<Option<Tree>> {
    let text = files::read_text(&place(workspace, digest))?;
    Ok(text.filter(|text| Digest::of(text) == *digest).map(Tree::from_text))
}

fn place(workspace: &Workspace, digest: &Digest) -> std::path::PathBuf {
    workspace.state().join("trees").join(digest.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let indexed =
            [("a.rs", "100644 1"), ("b c.rs", "100644 2"), ("gone.rs", "100644 3"), ("w/x.ts", "100644 4")];
        let indexed = indexed.map(|(path, object)| (path.to_owned(), object.to_owned())).into();
        let changed = [("b c.rs", Some("100644 5")), ("new.rs", Some("100755 6")), ("lost.rs", None)];
        let changed = changed.map(|(path, object)| (path.to_owned(), object.map(str::to_owned))).into();
        Tree::merge(indexed, changed, &["gone.rs".to_owned()])
    }

    #[test]
    fn index_and_changes_merge_in_the_order_of_paths() {
        assert_eq!(tree().text(), "100644 1 a.rs\n100644 5 b c.rs\n100755 6 new.rs\n100644 4 w/x.ts\n");
        assert_eq!(tree().paths().collect::<Vec<_>>(), ["a.rs", "b c.rs", "new.rs", "w/x.ts"]);
    }

    #[test]
    fn a_selection_keeps_inputs_and_drops_outputs() {
        let selected = tree().selected(&["**/*.rs".to_owned(), "w/**".to_owned()], &["new.rs".to_owned()]);
        assert_eq!(selected.paths().collect::<Vec<_>>(), ["a.rs", "b c.rs", "w/x.ts"]);
    }

    #[test]
    fn the_first_difference_is_named() {
        let now = tree();
        let text = |lines: &[&str]| Tree::from_text(lines.iter().map(|line| format!("{line}\n")).collect());
        for (earlier, expected) in [
            (now.clone(), None),
            (
                text(&["100644 9 a.rs", "100644 5 b c.rs", "100755 6 new.rs", "100644 4 w/x.ts"]),
                Some("file `a.rs` changed"),
            ),
            (text(&["100644 1 a.rs", "100644 5 b c.rs", "100644 4 w/x.ts"]), Some("file `new.rs` is new")),
            (Tree::from_text(format!("{}100644 7 z.rs\n", now.text())), Some("file `z.rs` is gone")),
        ] {
            assert_eq!(now.first_difference(&earlier).as_deref(), expected);
        }
    }
}
