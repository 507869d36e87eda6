//! The content of the work tree as one value: path by path, named by git's own object names.
//!
//! The same content has the same name whether it is committed, staged, changed or new, so a commit by itself changes
//! nothing. The whole listing is kept as one text, as git prints its index: in a tree without changes it is taken over
//! as it came, and comparing it is one digest.

use std::collections::BTreeMap;

use anyhow::Context as _;

use crate::ci::step::{WHOLE_TREE, covers, matches};
use crate::digest::Digest;
use crate::doors::Doors;
use crate::files;
use crate::git::{Listing, path_of};
use crate::shell::Command;
use crate::workspace::Workspace;

/// The files of a tree: `H MODE OBJECT 0<TAB>PATH<NUL>`, sorted by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    text: String,
}

impl Tree {
    /// The tree of what git listed; the content of changed and new files is asked of git.
    pub(crate) fn of(doors: &Doors, listing: Listing) -> anyhow::Result<Tree> {
        if listing.dirty.is_empty() && listing.deleted.is_empty() {
            return Ok(Tree { text: listing.index });
        }
        let mut changed = objects(doors, &listing.dirty, &listing.prefix)?;
        changed.extend(listing.deleted.iter().map(|path| (path.clone(), None)));
        Ok(Tree::merge(&listing.index, &changed))
    }

    /// The index with other content for some paths, `None` for a file that is gone.
    fn merge(index: &str, changed: &BTreeMap<String, Option<String>>) -> Tree {
        let mut text = String::with_capacity(index.len());
        let mut changes = changed.iter().peekable();
        let add = |text: &mut String, path: &str, object: &Option<String>| {
            if let Some(object) = object {
                text.push_str(&format!("H {object} 0\t{path}\0"));
            }
        };
        let mut last = None;
        for entry in index.split_inclusive('\0') {
            let path = path_of(entry.trim_end_matches('\0')).unwrap_or_default();
            while let Some((new, object)) = changes.next_if(|(new, _)| new.as_str() < path) {
                add(&mut text, new, object);
            }
            match changed.get(path) {
                // A file in conflict stands in the index several times.
                Some(_) if last == Some(path) => {}
                Some(object) => {
                    changes.next_if(|(new, _)| new.as_str() == path);
                    add(&mut text, path, object);
                }
                None => text.push_str(entry),
            }
            last = Some(path);
        }
        for (new, object) in changes {
            add(&mut text, new, object);
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

    /// Every path with the whole entry.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.text.split_terminator('\0').filter_map(|entry| Some((path_of(entry)?, entry)))
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.entries().map(|(path, _)| path)
    }

    /// True when the tree has this file.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.text.contains(&format!("\t{path}\0"))
    }

    /// The digest of the files that match, without those that steps make.
    pub(crate) fn digest(&self, inputs: &[String], outputs: &[String]) -> Digest {
        if inputs.iter().any(|pattern| pattern == WHOLE_TREE) && outputs.is_empty() {
            return Digest::of(&self.text);
        }
        Digest::of(self.selected(inputs, outputs).text)
    }

    /// The part of the tree that matches.
    pub(crate) fn selected(&self, inputs: &[String], outputs: &[String]) -> Tree {
        let mut text = String::new();
        for entry in self.candidates(inputs) {
            let path = path_of(entry).unwrap_or_default();
            if matches(inputs, path) && !outputs.iter().any(|output| covers(output, path)) {
                text.push_str(entry);
                text.push('\0');
            }
        }
        Tree { text }
    }

    /// The entries that can match at all. Where every pattern holds a plain name (`**/Cargo.toml`, `.cargo`), only the
    /// entries that hold such a name are looked at: the search for it is much cheaper than the matching.
    fn candidates<'a>(&'a self, inputs: &[String]) -> Vec<&'a str> {
        let names: Option<Vec<&str>> = inputs.iter().map(|pattern| plain_part(pattern)).collect();
        let Some(names) = names else { return self.text.split_terminator('\0').collect() };
        let mut starts: Vec<usize> = names
            .iter()
            .flat_map(|name| self.text.match_indices(name))
            .map(|(at, _)| self.text[..at].rfind('\0').map_or(0, |end| end + 1))
            .collect();
        starts.sort_unstable();
        starts.dedup();
        starts.into_iter().filter_map(|start| self.text[start..].split('\0').next()).collect()
    }

    /// The first path whose content differs, and how.
    pub(crate) fn first_difference(&self, earlier: &Tree) -> Option<String> {
        let before: BTreeMap<_, _> = earlier.entries().collect();
        let now: BTreeMap<_, _> = self.entries().collect();
        let changed = now.iter().find_map(|(path, entry)| match before.get(path) {
            None => Some(format!("file `{path}` is new")),
            Some(earlier) if earlier != entry => Some(format!("file `{path}` changed")),
            Some(_) => None,
        });
        changed.or_else(|| {
            let gone = before.keys().find(|path| !now.contains_key(*path))?;
            Some(format!("file `{gone}` is gone"))
        })
    }
}

/// A part of a pattern without wildcards that every match must hold; `None` where there is none worth a search.
fn plain_part(pattern: &str) -> Option<&str> {
    pattern
        .split(['*', '?', '[', ']', '{', '}', '!'])
        // `**/` also stands for nothing at all, so a separator beside a wildcard need not be there.
        .map(|part| part.trim_matches('/'))
        .max_by_key(|part| part.len())
        .filter(|part| part.len() > 2 && !pattern.contains('{'))
}

/// Mode and object of files whose content git has not recorded; `None` for one that is not there.
fn objects(
    doors: &Doors,
    paths: &[String],
    prefix: &str,
) -> anyhow::Result<BTreeMap<String, Option<String>>> {
    let mut objects = BTreeMap::new();
    let mut ask = Vec::new();
    for path in paths {
        match files::kind(&doors.workspace.file(path))? {
            files::Kind::File { executable } if !path.contains(['\n', '\r']) && !path.starts_with('"') => {
                ask.push((path, if executable { "100755" } else { "100644" }));
            }
            // One process each, so that a commit of it changes nothing: both are rare.
            files::Kind::Link => {
                let target = files::link_target(&doors.workspace.file(path))?;
                let words = ["hash-object", "--no-filters", "--stdin"];
                let object = doors.shell.read(&Command::new("git", words).reading(target))?;
                objects.insert(path.clone(), Some(format!("120000 {object}")));
            }
            files::Kind::File { executable } => {
                let object = doors.shell.read(&Command::new("git", ["hash-object", "--", path.as_str()]))?;
                let mode = if executable { "100755" } else { "100644" };
                objects.insert(path.clone(), Some(format!("{mode} {object}")));
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
    // Names that are read and not given are from the top of the repository, wherever git was called.
    let names: String = ask.iter().map(|(path, _)| format!("{prefix}{path}\n")).collect();
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

    fn text(lines: &[&str]) -> String {
        lines
            .iter()
            .map(|line| {
                line.split_once(' ').map(|(object, path)| format!("H 100644 {object} 0\t{path}\0")).unwrap()
            })
            .collect()
    }

    fn tree() -> Tree {
        let index = text(&["1 a.rs", "2 b c.rs", "3 gone.rs", "7 torn.rs", "8 torn.rs", "4 w/x.ts"]);
        let changed = [
            ("b c.rs", Some("100644 5")),
            ("new.rs", Some("100755 6")),
            ("lost.rs", None),
            ("gone.rs", None),
            ("torn.rs", Some("100644 9")),
            ("z.rs", Some("100644 z")),
        ];
        Tree::merge(
            &index,
            &changed.map(|(path, object)| (path.to_owned(), object.map(str::to_owned))).into(),
        )
    }

    #[test]
    fn index_and_changes_merge_in_the_order_of_paths() {
        let expected = text(&["1 a.rs", "5 b c.rs", "6 new.rs", "9 torn.rs", "4 w/x.ts", "z z.rs"]);
        assert_eq!(tree().text(), expected.replace("100644 6", "100755 6"));
        assert!(tree().has("b c.rs") && tree().has("a.rs") && !tree().has("c.rs") && !tree().has("gone.rs"));
    }

    #[test]
    fn the_same_content_is_the_same_tree_whether_git_has_it_in_its_index_or_not() {
        let committed = text(&["1 a.rs", "2 b.rs"]);
        let changed = [("b.rs".to_owned(), Some("100644 2".to_owned()))].into();
        assert_eq!(Tree::merge(&text(&["1 a.rs", "9 b.rs"]), &changed).text(), committed);
        assert_eq!(Tree::merge(&text(&["1 a.rs"]), &changed).text(), committed);
    }

    #[test]
    fn a_selection_keeps_inputs_and_drops_outputs() {
        let selected = tree().selected(&["**/*.rs".to_owned(), "w/**".to_owned()], &["new.rs".to_owned()]);
        assert_eq!(selected.paths().collect::<Vec<_>>(), ["a.rs", "b c.rs", "torn.rs", "w/x.ts", "z.rs"]);
        let names = ["**/x.ts".to_owned(), "a.rs".to_owned()];
        assert_eq!(tree().selected(&names, &[]).paths().collect::<Vec<_>>(), ["a.rs", "w/x.ts"]);
    }

    #[test]
    fn a_pattern_finds_its_file_at_the_root_too() {
        let tree = Tree::from_text("H 100644 1 0\tCargo.toml\0H 100644 2 0\ta/Cargo.toml\0".to_owned());
        for pattern in ["**/Cargo.toml", "**/Cargo.*", "{Cargo,a/Cargo}.toml"] {
            assert_eq!(tree.selected(&[pattern.to_owned()], &[]), tree, "{pattern}");
        }
    }

    #[test]
    fn the_first_difference_is_named() {
        let now = Tree::from_text(text(&["1 a.rs", "2 b c.rs"]));
        for (earlier, expected) in [
            (&["1 a.rs", "2 b c.rs"][..], None),
            (&["9 a.rs", "2 b c.rs"], Some("file `a.rs` changed")),
            (&["1 a.rs"], Some("file `b c.rs` is new")),
            (&["1 a.rs", "2 b c.rs", "3 z.rs"], Some("file `z.rs` is gone")),
        ] {
            assert_eq!(now.first_difference(&Tree::from_text(text(earlier))).as_deref(), expected);
        }
    }
}
