//! No path of one person's machine in a tracked file: it works nowhere else, and it tells who wrote it.
//!
//! A test that needs such a path as data says so with [`SAID`] anywhere in its file.

use super::config::Config;
use super::facts::{Facts, Source};
use nexus_xtask::failure::Finding;

/// Where machines keep the files of their users. What follows is a name.
const HOMES: &[&str] = &["/home/", "/Users/", "/root/", ":\\Users\\"];

/// What a file says whose paths are data.
const SAID: &str = "tidy: paths of machines are data here";

pub(super) fn check(_config: &Config, facts: &Facts) -> Vec<Finding> {
    let is_test = |file: &&Source| !file.path.contains("test") || !file.text.contains(SAID);
    facts.files.iter().filter(is_test).flat_map(judge).collect()
}

fn judge(file: &Source) -> impl Iterator<Item = Finding> {
    file.text.lines().enumerate().filter_map(|(index, line)| {
        let home = HOMES.iter().find(|home| is_path(line, home))?;
        let problem = format!("a path below `{home}` belongs to one machine");
        Some(Finding::at(
            &file.path,
            index + 1,
            problem,
            "name it from the root of the repository, or use a variable",
        ))
    })
}

/// True where a name follows, so that naming the folder alone is free; and where nothing stands before it that would
/// make it a part of another path.
fn is_path(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(index, _)| {
        let is_start =
            !line[..index].ends_with(|before: char| before.is_alphanumeric() && home.starts_with('/'));
        is_start && line[index + home.len()..].starts_with(|next: char| next.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::findings;
    use super::*;

    #[test]
    fn a_path_of_a_machine_is_found_in_any_text() {
        let posix = format!("see {}me/notes\n", "/home/");
        let windows = format!("C{}me\n", r":\Users\");
        expect_test::expect![[r#"
            a.md:1: a path below `/home/` belongs to one machine
              next: name it from the root of the repository, or use a variable
            b.toml:1: a path below `:\Users\` belongs to one machine
              next: name it from the root of the repository, or use a variable
        "#]]
        .assert_eq(&findings(check, "", &[("a.md", &posix), ("b.toml", &windows)]));
    }

    #[test]
    fn other_paths_and_tests_that_say_so_are_free() {
        let said = format!("// {SAID}\n\"{}me\"\n", "/root/");
        let files =
            [("a.md", "docs/home/page.md, `/home/`, site/root/x\n"), ("xtask/tests/it/a.rs", said.as_str())];
        assert_eq!(findings(check, "", &files), "");
    }
}
