//! What documents say of claims: generated blocks, and words that speak of claims. Pure.
//!
//! - A block stands between two comments. The first holds the digest of what stands between, so that an edit by hand shows.
//! - A word of a claim that is not built may be said where the paragraph links to the claim, and nowhere else.

use nexus_xtask::digest::Digest;
use nexus_xtask::failure::Finding;

use super::config::{Config, Level};

/// How a block begins.
const BEGIN: &str = "<!-- truth:begin ";

/// How a block ends.
const END: &str = "<!-- truth:end -->";

/// A document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Document {
    /// Its path from the root.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

/// A generated block in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// What it shows: `state`, `roadmap`, `claims ID ID`.
    pub(crate) what: String,
    /// The digest that its head tells; empty where it tells none.
    pub(crate) told: String,
    /// The line of its head, from 1.
    pub(crate) line: usize,
    /// The lines between, with their line ends.
    pub(crate) body: String,
}

/// A row of a block that tells the level of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The claim.
    pub(crate) claim: String,
    /// The level.
    pub(crate) level: Level,
    /// Since which day.
    pub(crate) since: String,
    /// Its line in the document, from 1.
    pub(crate) line: usize,
}

/// The blocks of a document, and what is wrong with their marks.
pub(crate) fn blocks(document: &Document) -> (Vec<Block>, Vec<Finding>) {
    let (mut blocks, mut findings) = (Vec::new(), Vec::new());
    let mut open: Option<Block> = None;
    let mut fence = Fence::default();
    for (at, line) in document.text.split_inclusive('\n').enumerate() {
        let trimmed = line.trim();
        // An example of a mark is none.
        if fence.holds(line) && open.is_none() {
            continue;
        }
        if let Some(head) = trimmed.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix("-->")) {
            if let Some(block) = open.take() {
                findings.push(unclosed(document, &block));
            }
            let (what, told) = head.trim().rsplit_once(" sha256:").unwrap_or((head.trim(), ""));
            open = Some(Block {
                what: what.trim().into(),
                told: told.into(),
                line: at + 1,
                body: String::new(),
            });
        } else if trimmed == END {
            match open.take() {
                Some(block) => blocks.push(block),
                None => findings.push(Finding::at(
                    document.path.as_str(),
                    at + 1,
                    "a block ends here that never began",
                    "remove the line",
                )),
            }
        } else if let Some(block) = &mut open {
            block.body.push_str(line);
        }
    }
    findings.extend(open.map(|block| unclosed(document, &block)));
    (blocks, findings)
}

fn unclosed(document: &Document, block: &Block) -> Finding {
    let problem = format!("the block `{}` has no end", block.what);
    Finding::at(document.path.as_str(), block.line, problem, format!("add the line `{END}` after it"))
}

/// The document with each block's body in place of what stands there. A block that nobody can make stays as it is.
pub(crate) fn filled(document: &Document, mut body: impl FnMut(&Block) -> Option<String>) -> String {
    let (blocks, _) = blocks(document);
    let mut text = String::new();
    let mut blocks = blocks.into_iter().peekable();
    let mut within = false;
    for (at, line) in document.text.split_inclusive('\n').enumerate() {
        if let Some(block) = blocks.next_if(|block| block.line == at + 1) {
            let made = body(&block).unwrap_or_else(|| block.body.clone());
            text += &format!("{BEGIN}{} sha256:{} -->\n{made}", block.what, digest(&made));
            within = true;
        } else if within && line.trim() == END {
            text += line;
            within = false;
        } else if !within {
            text += line;
        }
    }
    text
}

/// A whole document that is one block.
pub(crate) fn whole(what: &str, body: &str) -> String {
    format!("{BEGIN}{what} sha256:{} -->\n{body}{END}\n", digest(body))
}

fn digest(body: &str) -> String {
    Digest::of(body).short()
}

/// Blocks whose body is not what their head tells, with the first line that differs where it can be known.
pub(crate) fn edited(document: &Document, block: &Block, wanted: Option<&str>) -> Option<Finding> {
    if block.told == digest(&block.body) {
        return None;
    }
    let differs = wanted.and_then(|wanted| {
        let (mut actual, mut wanted) = (block.body.lines(), wanted.lines());
        let mut at = 0;
        loop {
            match (actual.next(), wanted.next()) {
                (None, None) => return None,
                (one, other) if one != other => return Some(at),
                _ => at += 1,
            }
        }
    });
    let line = block.line + differs.map_or(0, |at| at + 1);
    let what = if block.told.is_empty() { "has never been written" } else { "was edited by hand" };
    let problem = format!("the generated block `{}` {what}", block.what);
    Some(Finding::at(document.path.as_str(), line, problem, "cargo xtask truth write"))
}

/// The rows of a block: lines of a table with an anchor, a level and a day.
pub(crate) fn rows(block: &Block) -> Vec<Row> {
    let row = |(at, line): (usize, &str)| {
        let rest = line.strip_prefix("| ")?;
        let claim = rest.split_once('`')?.1.split_once('`')?.0.to_owned();
        // From the right: owner, day, level. A sentence may hold what looks like a cell, these do not.
        let mut cells = line.trim_end().trim_end_matches('|').rsplit(" | ");
        let since = cells.by_ref().nth(1)?.trim().to_owned();
        let level = Level::of(cells.next()?.trim())?;
        Some(Row { claim, level, since, line: block.line + 1 + at })
    };
    block.body.lines().enumerate().filter_map(row).collect()
}

/// Words of claims below `built` in paragraphs that do not link to the claim.
pub(crate) fn mentions(document: &Document, config: &Config, level: impl Fn(&str) -> Level) -> Vec<Finding> {
    let unproven: Vec<_> = config
        .claims
        .iter()
        .filter(|(id, _)| level(id) < Level::Built)
        .flat_map(|(id, claim)| claim.terms.iter().map(move |term| (id.as_str(), term.as_str())))
        .collect();
    let mut findings = Vec::new();
    for paragraph in paragraphs(&document.text) {
        let whole: Vec<_> = paragraph.iter().map(|(_, line)| *line).collect();
        let whole = whole.join("\n");
        for (id, term) in &unproven {
            let links = whole.contains(&format!("#{id})"));
            let Some((at, _)) =
                paragraph.iter().find(|(_, line)| mentions_term(line, term)).filter(|_| !links)
            else {
                continue;
            };
            let problem = format!("`{term}` is spoken of, and claim `{id}` is only {}", level(id).word());
            let next = format!(
                "link to it in the same paragraph: [{term}]({}#{id})",
                relative(&document.path, &config.documents.state)
            );
            findings.push(Finding::at(document.path.as_str(), *at, problem, next));
        }
    }
    findings
}

/// Lines that belong together, with their numbers: without generated blocks and code. A row of a table and an entry of a
/// list stand for themselves.
fn paragraphs(text: &str) -> Vec<Vec<(usize, &str)>> {
    let mut all: Vec<Vec<(usize, &str)>> = vec![Vec::new()];
    let (mut in_block, mut fence) = (false, Fence::default());
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        if fence.holds(line) {
            // Code says nothing of abilities.
        } else if trimmed.starts_with(BEGIN) {
            in_block = true;
        } else if trimmed.starts_with(END) {
            in_block = false;
        } else if !in_block {
            let begins = ["|", "- ", "* ", "#"].iter().any(|start| trimmed.starts_with(start));
            if trimmed.is_empty() || begins {
                all.push(Vec::new());
            }
            if let Some(paragraph) = all.last_mut().filter(|_| !trimmed.is_empty()) {
                paragraph.push((at + 1, line));
            }
        }
    }
    all
}

/// The fence around code, while lines are read one after another.
#[derive(Debug, Default)]
struct Fence(Option<&'static str>);

impl Fence {
    /// True for a line of code, and for the marks around it.
    fn holds(&mut self, line: &str) -> bool {
        let mark = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        match (self.0, mark) {
            (None, Some(_)) => self.0 = mark,
            (Some(open), Some(mark)) if open == mark => {
                self.0 = None;
                return true;
            }
            _ => {}
        }
        self.0.is_some()
    }
}

/// True where the word stands there by itself, written large or small.
fn mentions_term(line: &str, term: &str) -> bool {
    let (line, term) = (line.to_lowercase(), term.to_lowercase());
    let is_word =
        |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    line.match_indices(&term).any(|(at, _)| {
        !is_word(line[..at].chars().next_back()) && !is_word(line[at + term.len()..].chars().next())
    })
}

/// The way from one document to another.
fn relative(from: &str, to: &str) -> String {
    let mut one: Vec<_> = from.split('/').collect();
    let mut other: Vec<_> = to.split('/').collect();
    one.pop();
    while !one.is_empty() && other.len() > 1 && one.first() == other.first() {
        one.remove(0);
        other.remove(0);
    }
    "../".repeat(one.len()) + &other.join("/")
}

#[cfg(test)]
mod tests;
