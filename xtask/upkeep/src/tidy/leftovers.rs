//! What a change leaves behind by mistake: marks for later, silenced lints, ignored tests, forgotten files, large files,
//! and names that say nothing.

use super::config::Config;
use super::facts::{Facts, Source};
use nexus_xtask::failure::Finding;

/// Bytes of the largest file that belongs into a repository of text.
const BYTES_MAX: usize = 500_000;

/// Code that is a leftover wherever it stands, and what to do instead.
const CODE: &[(&str, &str)] = &[
    ("dbg!", "remove it"),
    ("todo!", "write it, or refuse with a `Failure` that says what is not there yet"),
    ("unimplemented!", "write it, or refuse with a `Failure` that says what is not there yet"),
    ("#[allow", "fix it, or use `#[expect(lint, reason = \"...\")]`, which ends with its reason"),
    ("#![allow", "fix it, or use `#![expect(lint, reason = \"...\")]`, which ends with its reason"),
    ("#[ignore", "repair the test or remove it; a slow one belongs into `cargo xtask acceptance`"),
];

/// The word of a comment that must not be committed.
const MARK: &str = "FIXME";

/// Files whose comments begin with `#`.
const HASH_COMMENTS: &[&str] = &[".toml", ".yml", ".yaml", ".sh"];

/// Names that could hold anything.
const DRAWERS: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc"];

pub(super) fn check(_config: &Config, facts: &Facts) -> Vec<Finding> {
    facts
        .files
        .iter()
        .flat_map(|file| about_file(file).chain(about_lines(file)).chain(forgotten(facts, file)))
        .collect()
}

fn about_file(file: &Source) -> impl Iterator<Item = Finding> {
    let large = (file.bytes > BYTES_MAX).then(|| {
        let problem = format!("the file has {} KB; the limit is {} KB", file.bytes / 1000, BYTES_MAX / 1000);
        Finding::at(&file.path, 0, problem, "fetch it when it is needed, or make a smaller example")
    });
    let drawer = (file.code.is_some() && DRAWERS.contains(&file.stem())).then(|| {
        let problem = format!("`{}` says nothing about what is in it", file.stem());
        Finding::at(&file.path, 0, problem, "name the noun, or move the code to its only user")
    });
    let module = file.path.ends_with("/mod.rs").then(|| {
        Finding::at(&file.path, 0, "a module is called `mod.rs`", "name it `FOLDER.rs`, beside its folder")
    });
    [large, drawer, module].into_iter().flatten()
}

fn about_lines(file: &Source) -> impl Iterator<Item = Finding> {
    let code = file.code.as_ref().map_or("", |code| &code.code);
    let leftovers = code.lines().enumerate().flat_map(|(index, line)| {
        CODE.iter().filter(|(word, _)| holds(line, word)).map(move |(word, next)| (index, *word, *next))
    });
    let comments = match &file.code {
        Some(code) => code.comments.as_str(),
        None if HASH_COMMENTS.iter().any(|end| file.path.ends_with(end)) => &file.text,
        None => "",
    };
    let marks = comments.lines().enumerate().filter(|(_, line)| line.contains(MARK));
    let marks = marks.map(|(index, _)| (index, MARK, "do it now, or write an issue and name it here"));
    leftovers
        .chain(marks)
        .map(|(index, word, next)| Finding::at(&file.path, index + 1, format!("`{word}` is left over"), next))
}

/// True where the line holds the word, and not only the end of a longer one.
fn holds(line: &str, word: &str) -> bool {
    line.match_indices(word)
        .any(|(index, _)| !line[..index].ends_with(|before: char| before.is_alphanumeric() || before == '_'))
}

/// A Rust file that no `mod` line names: cargo would never compile it, and its tests would never run.
fn forgotten(facts: &Facts, file: &Source) -> Option<Finding> {
    file.code.as_ref()?;
    let path = file.path.strip_suffix(".rs")?;
    let (folder, name) = path.rsplit_once('/')?;
    let is_root = matches!(name, "main" | "lib" | "build" | "mod") || folder.ends_with("/bin");
    if is_root || !(path.contains("src/") || path.contains("tests/it/")) {
        return None;
    }
    let parents = [format!("{folder}.rs"), format!("{folder}/main.rs"), format!("{folder}/lib.rs")];
    let mut parents = parents.iter().filter_map(|parent| facts.file(parent)).peekable();
    let first = parents.peek().map_or(format!("{folder}.rs"), |parent| parent.path.clone());
    let is_named = parents.any(|parent| {
        let code = parent.code.as_ref().map_or("", |code| &code.code);
        let line = format!("mod {name};");
        // A file of one platform is named by `#[path = "FOLDER/NAME.rs"]`.
        holds(code, &line) || parent.text.contains(&format!("/{name}.rs\"]"))
    });
    (!is_named).then(|| {
        Finding::at(&file.path, 0, "no `mod` line names this file", format!("add `mod {name};` to {first}"))
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::tests::findings;
    use super::*;

    #[test]
    fn leftovers_are_found_in_code_and_comments() {
        let text = "#[allow(dead_code)]\nfn a() {\n    dbg!(1); // FIXME\n}\n\n#[ignore]\nfn t() {}\n";
        let large = "x".repeat(BYTES_MAX + 1);
        let files = [
            ("a/b.rs", text),
            ("a/mod.rs", ""),
            ("a/utils.rs", ""),
            ("a.toml", "# FIXME\n"),
            ("large.txt", &large),
        ];
        expect![[r#"
            a.toml:1: `FIXME` is left over
              next: do it now, or write an issue and name it here
            a/b.rs:1: `#[allow` is left over
              next: fix it, or use `#[expect(lint, reason = "...")]`, which ends with its reason
            a/b.rs:3: `FIXME` is left over
              next: do it now, or write an issue and name it here
            a/b.rs:3: `dbg!` is left over
              next: remove it
            a/b.rs:6: `#[ignore` is left over
              next: repair the test or remove it; a slow one belongs into `cargo xtask acceptance`
            a/mod.rs: a module is called `mod.rs`
              next: name it `FOLDER.rs`, beside its folder
            a/utils.rs: `utils` says nothing about what is in it
              next: name the noun, or move the code to its only user
            large.txt: the file has 500 KB; the limit is 500 KB
              next: fetch it when it is needed, or make a smaller example
        "#]]
        .assert_eq(&findings(check, "", &files));
    }

    #[test]
    fn words_in_literals_and_longer_names_are_no_leftovers() {
        let text = "#[expect(lint, reason = \"x\")]\nfn a() {\n    my_dbg!(\"todo! #[allow FIXME\");\n}\n";
        assert_eq!(findings(check, "", &[("a/b.rs", text)]), "");
    }

    #[test]
    fn a_file_that_no_mod_line_names_is_forgotten() {
        let files = [
            ("xtask/tests/it/main.rs", "mod named;\n// mod forgotten;\n"),
            ("xtask/tests/it/named.rs", ""),
            ("xtask/tests/it/forgotten.rs", ""),
            ("xtask/src/lib.rs", "mod shell;\n"),
            ("xtask/src/shell.rs", "#[path = \"shell/portable.rs\"]\nmod guardian;\n"),
            ("xtask/src/shell/portable.rs", ""),
            ("xtask/src/shell/guardian.rs", ""),
        ];
        expect![[r#"
            xtask/tests/it/forgotten.rs: no `mod` line names this file
              next: add `mod forgotten;` to xtask/tests/it/main.rs
        "#]]
        .assert_eq(&findings(check, "", &files));
    }
}
