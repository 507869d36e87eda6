//! A changelog in the form of [Keep a Changelog](https://keepachangelog.com/en/1.1.0/): read, and cut for a release.
//!
//! Reading is generous: `## [1.2.0] - 2026-01-31`, `## 1.2.0` and `## [v1.2.0](address)` all name 1.2.0. What is written is
//! in the form, and every byte that the release does not change stays. Headings inside of code fences and comments are
//! text. (A fence or a comment counts at the start of a line: what is indented belongs to an entry and ends with it.)

use std::ops::Range;

use semver::Version;

use nexus_xtask::failure::Finding;

/// A kind of change, in the order of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Added,
    Changed,
    Deprecated,
    Removed,
    Fixed,
    Security,
}

impl Kind {
    const ALL: [Kind; 6] =
        [Kind::Added, Kind::Changed, Kind::Deprecated, Kind::Removed, Kind::Fixed, Kind::Security];

    /// The kind of a heading's word.
    pub(crate) fn of(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.word().eq_ignore_ascii_case(word.trim()))
    }

    /// The word of its heading.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Kind::Added => "Added",
            Kind::Changed => "Changed",
            Kind::Deprecated => "Deprecated",
            Kind::Removed => "Removed",
            Kind::Fixed => "Fixed",
            Kind::Security => "Security",
        }
    }
}

/// A line of a changelog that is to be written. The text may come from a stranger's commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) text: String,
}

/// What is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut<'a> {
    /// What stands in the brackets of the heading: the version, or the tag where several units share the file.
    pub(crate) name: &'a str,
    pub(crate) tag: &'a str,
    /// The day, as `2026-01-31`.
    pub(crate) date: &'a str,
    /// What is said besides the text under Unreleased.
    pub(crate) entries: &'a [Entry],
}

/// A part of the file under a heading of the second level.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Section<'a> {
    /// The heading's line, counted from 1.
    line: usize,
    /// What stands in its brackets, or its first word.
    name: &'a str,
    /// What follows the name: ` - 2026-01-31`.
    rest: &'a str,
    /// Where the heading starts.
    start: usize,
    /// What stands below it.
    body: Range<usize>,
}

/// The file, divided.
#[derive(Debug, Default)]
struct Parts<'a> {
    sections: Vec<Section<'a>>,
    /// Where the link references at the end start.
    links: usize,
    /// The line of a fence or a comment that never ends.
    unclosed: Option<usize>,
}

/// A text whose lines may be inside of a fence or a comment.
#[derive(Debug, Default)]
struct Nesting {
    /// The line where it began, and what ends it.
    open: Option<(usize, String)>,
}

impl Nesting {
    /// True when this line is inside, or opens or closes.
    fn covers(&mut self, number: usize, line: &str) -> bool {
        if let Some((_, end)) = &self.open {
            let closes = match end.as_str() {
                "-->" => line.contains("-->"),
                fence => {
                    line.starts_with(fence)
                        && line.trim_end().chars().all(|character| fence.starts_with(character))
                }
            };
            if closes {
                self.open = None;
            }
            return true;
        }
        if line.starts_with("<!--") {
            if !line.contains("-->") {
                self.open = Some((number, "-->".to_owned()));
            }
            return true;
        }
        let mark = line.chars().next().filter(|first| ['`', '~'].contains(first));
        let fence: String =
            mark.iter().flat_map(|mark| line.chars().take_while(move |next| next == mark)).collect();
        if fence.len() < 3 || (mark == Some('`') && line[fence.len()..].contains('`')) {
            return false;
        }
        self.open = Some((number, fence));
        true
    }
}

fn divide(text: &str) -> Parts<'_> {
    let mut parts = Parts { links: links_start(text), ..Parts::default() };
    let mut nesting = Nesting::default();
    let mut offset = 0;
    for (index, line) in text[..parts.links].split_inclusive('\n').enumerate() {
        let (start, end) = (offset, offset + line.len());
        offset = end;
        if nesting.covers(index + 1, line) {
            continue;
        }
        if let Some(title) = line.strip_prefix("## ") {
            if let Some(last) = parts.sections.last_mut() {
                last.body.end = start;
            }
            let (name, rest) = name_of(title.trim());
            parts.sections.push(Section { line: index + 1, name, rest, start, body: end..parts.links });
        }
    }
    parts.unclosed = nesting.open.map(|(line, _)| line);
    parts
}

/// The name in a heading, and what follows it.
fn name_of(title: &str) -> (&str, &str) {
    match title.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((name, rest)) => (name.trim(), rest),
        None => title.split_at(title.find(char::is_whitespace).unwrap_or(title.len())),
    }
}

/// Where the link references at the end of a text start; its end where there are none.
fn links_start(text: &str) -> usize {
    let mut start = text.len();
    let mut offset = text.len();
    for line in text.split_inclusive('\n').rev() {
        offset -= line.len();
        match (line.trim().is_empty(), link(line)) {
            (true, _) => {}
            (false, Some(_)) => start = offset,
            (false, None) => break,
        }
    }
    start
}

/// Label and address of a link reference.
fn link(line: &str) -> Option<(&str, &str)> {
    let (label, address) = line.strip_prefix('[')?.split_once("]:")?;
    let address = address.trim();
    (!label.contains(['[', ']']) && !address.is_empty() && !address.contains(char::is_whitespace))
        .then_some((label, address))
}

fn is_unreleased(name: &str) -> bool {
    name.eq_ignore_ascii_case("unreleased")
}

fn is_named(section: &Section, name: &str) -> bool {
    let bare = |name: &str| name.strip_prefix('v').unwrap_or(name).to_owned();
    bare(section.name) == bare(name)
}

/// What the changelog says of a version (or a tag), with the link references that it uses; `None` where it has no such
/// section.
pub(crate) fn section(text: &str, name: &str) -> Option<String> {
    let parts = divide(text);
    let found = parts.sections.iter().find(|section| is_named(section, name))?;
    let body = trimmed(&text[found.body.clone()]);
    let used: Vec<_> = text[parts.links..]
        .lines()
        .filter(|line| link(line).is_some_and(|(label, _)| body.contains(&format!("[{label}]"))))
        .collect();
    let gap = if used.is_empty() { "" } else { "\n\n" };
    Some(format!("{body}{gap}{}", used.join("\n")).replace("\r\n", "\n"))
}

/// The entries under Unreleased, as they stand there; `None` where there is no such section.
pub(crate) fn unreleased(text: &str) -> Option<&str> {
    let parts = divide(text);
    let found = parts.sections.iter().find(|section| is_unreleased(section.name))?;
    Some(trimmed(&text[found.body.clone()]))
}

/// Without empty lines at both ends.
fn trimmed(body: &str) -> &str {
    let first = body.split_inclusive('\n').take_while(|line| line.trim().is_empty()).map(str::len).sum();
    body[first..].trim_end()
}

/// The changelog with what is under Unreleased as the section of a release. A section that is there already stays as it
/// is: cutting again changes nothing.
pub(crate) fn cut(text: &str, cut: &Cut) -> Result<String, Vec<Finding>> {
    let parts = divide(text);
    if parts.sections.iter().any(|section| is_named(section, cut.name)) {
        return Ok(text.to_owned());
    }
    let blocking = blocking(&parts);
    if !blocking.is_empty() {
        return Err(blocking);
    }
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let heading = format!("## [{}] - {}{end}", cut.name, cut.date);
    let (at, before) = match parts.sections.iter().find(|section| is_unreleased(section.name)) {
        Some(section) => {
            (section.body.clone(), format!("{}{end}{heading}", newline(&text[..section.body.start], end)))
        }
        None => {
            let at = parts.sections.first().map_or(parts.links, |first| first.start);
            let is_apart = at == 0 || text[..at].ends_with(&end.repeat(2));
            let gap = if is_apart { "" } else { end };
            (at..at, format!("{}{gap}{heading}", newline(&text[..at], end)))
        }
    };
    let (old, after) = (&text[at.clone()], &text[at.end..parts.links]);
    let mut body = merged(old, cut.entries, end);
    let is_last = after.is_empty() && parts.links == text.len();
    if (body != old || at.is_empty()) && !is_last && !body.ends_with(&end.repeat(2)) {
        body.push_str(end);
    }
    let newest = parts.sections.iter().find(|section| !is_unreleased(section.name));
    let links = linked(&text[parts.links..], cut, newest.map(|section| section.name), end);
    Ok(format!("{}{before}{body}{after}{links}", &text[..at.start]))
}

/// The line end that a text lacks.
fn newline<'a>(text: &str, end: &'a str) -> &'a str {
    if text.is_empty() || text.ends_with('\n') { "" } else { end }
}

/// The text under Unreleased with more entries in it, each under the heading of its kind.
fn merged(body: &str, entries: &[Entry], end: &str) -> String {
    let mut lines: Vec<String> = body.split_inclusive('\n').map(str::to_owned).collect();
    let kept = lines.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |last| last + 1);
    let rest = lines.split_off(kept);
    for kind in Kind::ALL {
        let mut bullets: Vec<String> = Vec::new();
        for text in entries.iter().filter(|entry| entry.kind == kind).filter_map(|entry| bullet(entry, end)) {
            let is_there = format!("\n{}", lines.concat()).contains(&format!("\n{text}"));
            if !bullets.contains(&text) && !is_there {
                bullets.push(text);
            }
        }
        if !bullets.is_empty() {
            insert(&mut lines, kind, bullets.concat(), end);
        }
    }
    lines.concat() + &rest.concat()
}

/// Puts the entries of a kind where they belong: below its last entry, or under a heading of their own.
fn insert(lines: &mut Vec<String>, kind: Kind, bullets: String, end: &str) {
    let mut nesting = Nesting::default();
    let headings: Vec<(usize, Option<Kind>)> = lines
        .iter()
        .enumerate()
        .filter(|(index, line)| !nesting.covers(index + 1, line))
        .filter_map(|(index, line)| Some((index, Kind::of(line.strip_prefix("### ")?))))
        .collect();
    let own = headings.iter().position(|(_, found)| *found == Some(kind));
    let last_before = |until: usize| {
        lines[..until].iter().rposition(|line| !line.trim().is_empty()).map_or(0, |last| last + 1)
    };
    if let Some(own) = own {
        let at = last_before(headings.get(own + 1).map_or(lines.len(), |next| next.0));
        let gap = if at == headings[own].0 + 1 { end } else { "" };
        let break_ = newline(&lines[at - 1], end);
        lines.insert(at, format!("{break_}{gap}{bullets}"));
        return;
    }
    let section = format!("### {}{end}{end}{bullets}", kind.word());
    match headings.iter().find(|(_, found)| found.is_some_and(|found| found > kind)) {
        Some((later, _)) => lines.insert(*later, format!("{section}{end}")),
        None => {
            let at = last_before(lines.len());
            let break_ = newline(&lines[..at].concat(), end);
            lines.insert(at, format!("{break_}{end}{section}"));
        }
    }
}

/// An entry as a list item. Whoever wrote it: it can open no heading, no comment, no link of the document and no control
/// sequence.
fn bullet(entry: &Entry, end: &str) -> Option<String> {
    let is_plain = |character: &char| match character {
        '\n' | '\t' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => false,
        character => !character.is_control(),
    };
    let text: String = entry.text.replace("\r\n", "\n").chars().filter(is_plain).collect();
    let mut item = String::new();
    for (index, line) in text.trim().lines().enumerate() {
        let line = line.trim_end().replace("<!--", "\\<!--");
        let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
        let is_definition = rest.starts_with('[') && rest.contains("]:");
        let escape = if rest.starts_with('#') || is_definition { "\\" } else { "" };
        let start = if index == 0 { "- " } else { "  " };
        item.push_str(format!("{start}{indent}{escape}{rest}").trim_end());
        item.push_str(end);
    }
    (!item.is_empty()).then_some(item)
}

/// The link references with that of the release in them.
fn linked(links: &str, cut: &Cut, newest: Option<&str>, end: &str) -> String {
    let Cut { name, tag, .. } = cut;
    let mut out = String::new();
    let mut done = links.lines().filter_map(link).any(|(label, _)| label == *name);
    for line in links.split_inclusive('\n') {
        let (label, address) = link(line).unwrap_or_default();
        if !done && is_unreleased(label) {
            if let Some((start, range)) = address.split_once("/compare/")
                && let Some((old, head)) = range.split_once("...")
            {
                let break_ = if line.ends_with('\n') { end } else { "" };
                out.push_str(&format!(
                    "[{label}]: {start}/compare/{tag}...{head}{end}[{name}]: {start}/compare/{old}...{tag}{break_}"
                ));
                done = true;
                continue;
            }
        } else if !done && newest == Some(label) {
            if let Some((start, _)) = address.split_once("/releases/tag/") {
                out.push_str(&format!("[{name}]: {start}/releases/tag/{tag}{end}"));
            }
            done = true;
        }
        out.push_str(line);
    }
    out
}

/// What keeps a changelog from being cut without guessing.
fn blocking(parts: &Parts) -> Vec<Finding> {
    let open = parts.unclosed.map(|line| {
        Finding::at("", line, "a code fence or a comment begins here and never ends", "close it")
    });
    let again = parts.sections.iter().filter(|section| is_unreleased(section.name)).skip(1);
    let again = again.map(|section| {
        Finding::at("", section.line, "`[Unreleased]` is there twice", "move the entries together")
    });
    open.into_iter().chain(again).collect()
}

/// What is not in the form, with lines. The caller names the file.
pub(crate) fn findings(text: &str) -> Vec<Finding> {
    let parts = divide(text);
    let mut findings = blocking(&parts);
    let mut found = |line: usize, problem: String, next: String| {
        findings.push(Finding::at("", line, problem, next));
    };
    if !text.trim_start_matches('\u{feff}').starts_with("# ") {
        found(1, "the first line is no title".to_owned(), "# Changelog".to_owned());
    }
    let unreleased = parts.sections.iter().position(|section| is_unreleased(section.name));
    match unreleased {
        None => found(0, "there is no `## [Unreleased]` section".to_owned(), "## [Unreleased]".to_owned()),
        Some(0) => {}
        Some(at) => found(
            parts.sections[at].line,
            "`[Unreleased]` is not the first section".to_owned(),
            "move it to the top".to_owned(),
        ),
    }
    let mut last: Option<Version> = None;
    let mut seen: Vec<&str> = Vec::new();
    for section in parts.sections.iter().filter(|section| !is_unreleased(section.name)) {
        let name = section.name;
        if seen.contains(&name) {
            found(section.line, format!("`{name}` is there twice"), "move the entries together".to_owned());
        }
        seen.push(name);
        let date = section.rest.strip_prefix(" - ").map(|date| date.trim_end_matches(" [YANKED]"));
        if date.is_none_or(|date| date.parse::<jiff::civil::Date>().is_err()) {
            let title = text[section.start..].lines().next().unwrap_or_default();
            found(section.line, format!("`{title}` has no date"), format!("## [{name}] - 2026-01-31"));
        }
        let Ok(version) = name.strip_prefix('v').unwrap_or(name).parse::<Version>() else { continue };
        if last.as_ref().is_some_and(|last| *last < version) {
            found(
                section.line,
                format!("`{name}` is newer than the version above it"),
                "newest first".into(),
            );
        }
        last = Some(version);
    }
    findings
}

#[cfg(test)]
mod tests;
