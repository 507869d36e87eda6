//! Documents hold: links lead somewhere, commands exist, the code map is the code, and every file says what it is for.

mod markdown;

use super::config::Config;
use super::domains::HOUSE;
use super::facts::{Facts, Source};
use markdown::{Line, Page};
use nexus_xtask::failure::Finding;

/// The document with the code map, and the section it is in.
const MAP: &str = "docs/ARCHITECTURE.md";
const MAP_SECTION: &str = "Code map";

/// What a command of this toolkit looks like in a `console` block.
const PROMPT: &str = "$ cargo xtask ";

pub(super) fn check(_config: &Config, facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<_> = facts.files.iter().filter_map(header).collect();
    for file in facts.files.iter().filter(|file| file.is_document()) {
        let page = Page::of(&file.text);
        findings.extend(page.lines.iter().filter_map(|line| command(facts, file, line)));
        for line in &page.lines {
            findings
                .extend(line.links().into_iter().filter_map(|target| link(facts, file, &page, line, target)));
        }
    }
    if let Some(map) = facts.file(MAP) {
        findings.extend(code_map(facts, map));
    }
    findings
}

/// A file of tests is explained by the file it belongs to; every other one explains itself.
fn header(file: &Source) -> Option<Finding> {
    if file.code.is_none() || file.stem() == "tests" || file.text.starts_with("//! ") {
        return None;
    }
    let next = "begin it with `//! `: what it is for, the rules it keeps, and how to change it";
    Some(Finding::at(&file.path, 1, "the file does not say what it is for", next))
}

fn command(facts: &Facts, file: &Source, line: &Line) -> Option<Finding> {
    let rest = line.text.strip_prefix(PROMPT).filter(|_| line.fence.as_deref() == Some("console"))?;
    let problem = (facts.given.parses)(&words(rest)).err()?;
    let problem = problem.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let next = "write a command that exists; `docs/cli.md` has them all";
    Some(Finding::at(&file.path, line.number, format!("`cargo xtask {rest}`: {problem}"), next))
}

/// The words of a command line up to the first pipe, redirection, `&&` or comment. Quotes hold words together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in line.chars() {
        match (character, quote) {
            ('\'' | '"', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (end, Some(start)) if end == start => quote = None,
            ('|' | '>' | '<' | '&' | ';', None) => break,
            ('#', None) if word.is_none() => break,
            (' ', None) => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

fn link(facts: &Facts, file: &Source, page: &Page, line: &Line, target: &str) -> Option<Finding> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let found = |problem: String| Some(Finding::at(&file.path, line.number, problem, "correct the link"));
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let path = if path.is_empty() { file.path.clone() } else { beside(&file.path, path) };
    let folder = format!("{path}/");
    let other = facts.file(&path);
    if other.is_none() && !path.is_empty() && !facts.files.iter().any(|file| file.path.starts_with(&folder)) {
        return found(format!("the link `{target}` leads nowhere"));
    }
    let anchor = anchor.filter(|_| path.ends_with(".md"))?;
    let headings = if path == file.path { page.anchors() } else { Page::of(&other?.text).anchors() };
    if headings.iter().any(|heading| heading == anchor) {
        return None;
    }
    found(format!("`{path}` has no heading `#{anchor}`"))
}

/// A path as a file names it, written from the root.
fn beside(file: &str, path: &str) -> String {
    let (folder, path) = match path.strip_prefix('/') {
        Some(path) => ("", path),
        None => (file.rsplit_once('/').map_or("", |(folder, _)| folder), path),
    };
    let mut names: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    names.join("/")
}

fn code_map(facts: &Facts, map: &Source) -> Vec<Finding> {
    let page = Page::of(&map.text);
    let section = page.section(MAP_SECTION);
    if section.is_empty() {
        let problem = format!("there is no section `{MAP_SECTION}`");
        return vec![Finding::at(MAP, 0, problem, format!("## {MAP_SECTION}"))];
    }
    let named: Vec<_> = section
        .iter()
        .flat_map(|line| {
            line.spans().into_iter().filter(|span| is_path(span)).map(|span| (line.number, span))
        })
        .collect();
    let mut findings = Vec::new();
    for (number, name) in &named {
        let is_there = match name.strip_suffix('/') {
            Some(_) => facts.files.iter().any(|file| file.path.starts_with(name)),
            None => facts.file(name).is_some(),
        };
        if !is_there {
            let problem = format!("the code map names `{name}`, which is not there");
            findings.push(Finding::at(MAP, *number, problem, "correct the path, written from the root"));
        }
    }
    for file in &facts.files {
        let is_top =
            HOUSE.iter().any(|folder| file.path.strip_prefix(folder).is_some_and(|rest| !rest.contains('/')));
        if is_top && !named.iter().any(|(_, name)| *name == file.path) {
            let problem = format!("the code map does not name `{}`", file.path);
            findings.push(Finding::at(
                MAP,
                section[0].number,
                problem,
                "add a line that says what it is for",
            ));
        }
    }
    findings
}

/// A path has a folder, or the ending of a file that this repository is made of.
fn is_path(span: &str) -> bool {
    let is_plain = span.chars().all(|next| next.is_ascii_alphanumeric() || "/._-".contains(next));
    is_plain && (span.contains('/') || [".rs", ".toml", ".md", ".lock"].iter().any(|end| span.ends_with(end)))
}

#[cfg(test)]
mod tests;
