//! Rust text, split into code, comments and literals, so that no rule is fooled by a word in a string.
//!
//! This is no parser. It knows where comments and literals begin and end, and it reads paths (`a::b::{c, d}`); that is
//! enough for the rules, needs no dependency, and works on files that do not compile.

use std::collections::BTreeMap;

/// What stands in the place of a literal's text. It is part of no name.
const LITERAL: char = '"';

/// Two views of one file. Lines are where they were.
pub(super) struct Code {
    /// The code alone; comments are blank, literals are filled with quotation marks.
    pub(super) code: String,
    /// The comments alone, with their marks.
    pub(super) comments: String,
}

/// A path that the code names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mention {
    /// The line, counted from 1.
    pub(super) line: usize,
    /// The path as it is written, groups taken apart.
    pub(super) path: String,
    /// The name that a `use` gives it; `None` outside of `use`.
    pub(super) import: Option<String>,
}

#[derive(Clone, Copy)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl Code {
    /// Splits a Rust text.
    pub(super) fn of(text: &str) -> Code {
        let mut split =
            Splitter { text: text.chars().collect(), at: 0, code: String::new(), comments: String::new() };
        while split.at < split.text.len() {
            let (kind, length) = split.next();
            split.take(kind, length);
        }
        Code { code: split.code, comments: split.comments }
    }

    /// The code without the module of its tests.
    pub(super) fn without_tests(&self) -> &str {
        let mut end = 0;
        let mut tests = false;
        for line in self.code.split_inclusive('\n') {
            if tests && line.starts_with("mod ") && line.trim_end().ends_with('{') {
                return &self.code[..end];
            }
            tests = line.trim_end() == "#[cfg(test)]";
            end += line.len();
        }
        &self.code
    }
}

struct Splitter {
    text: Vec<char>,
    at: usize,
    code: String,
    comments: String,
}

impl Splitter {
    fn peek(&self, ahead: usize) -> char {
        self.text.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn take(&mut self, kind: Kind, length: usize) {
        for _ in 0..length {
            let Some(character) = self.text.get(self.at).copied() else { return };
            self.at += 1;
            let (code, comment) = match (character, kind) {
                ('\n', _) => ('\n', '\n'),
                (character, Kind::Code) => (character, ' '),
                (character, Kind::Comment) => (' ', character),
                (_, Kind::Literal) => (LITERAL, ' '),
            };
            self.code.push(code);
            self.comments.push(comment);
        }
    }

    /// What begins here, and how many characters it has.
    fn next(&self) -> (Kind, usize) {
        let is_inside_name = self.at.checked_sub(1).is_some_and(|before| is_name(self.text[before]));
        match (self.peek(0), self.peek(1)) {
            ('/', '/') => {
                (Kind::Comment, self.text[self.at..].iter().take_while(|next| **next != '\n').count())
            }
            ('/', '*') => (Kind::Comment, self.block_comment()),
            ('"', _) => (Kind::Literal, self.quoted('"')),
            ('\'', '\\') => (Kind::Literal, self.quoted('\'')),
            ('\'', _) if self.peek(2) == '\'' => (Kind::Literal, 3),
            ('r', '"' | '#') if !is_inside_name => {
                self.raw(0).map_or((Kind::Code, 1), |length| (Kind::Literal, length))
            }
            ('b' | 'c', 'r') if !is_inside_name => {
                self.raw(1).map_or((Kind::Code, 1), |length| (Kind::Literal, length))
            }
            _ => (Kind::Code, 1),
        }
    }

    fn block_comment(&self) -> usize {
        let mut depth = 0;
        let mut length = 0;
        while self.at + length < self.text.len() {
            match (self.peek(length), self.peek(length + 1)) {
                ('/', '*') => (depth, length) = (depth + 1, length + 2),
                ('*', '/') => (depth, length) = (depth - 1, length + 2),
                _ => length += 1,
            }
            if depth == 0 {
                break;
            }
        }
        length
    }

    fn quoted(&self, end: char) -> usize {
        let mut length = 1;
        while self.at + length < self.text.len() {
            match self.peek(length) {
                '\\' => length += 2,
                next if next == end => return length + 1,
                _ => length += 1,
            }
        }
        length
    }

    /// The length of a raw literal whose `r` is `start` characters ahead; `None` where there is none (`r#type`).
    fn raw(&self, start: usize) -> Option<usize> {
        let hashes = self.text[self.at + start + 1..].iter().take_while(|next| **next == '#').count();
        let mut length = start + 1 + hashes;
        if self.peek(length) != '"' {
            return None;
        }
        length += 1;
        while self.at + length < self.text.len() {
            let is_end =
                self.peek(length) == '"' && (1..=hashes).all(|ahead| self.peek(length + ahead) == '#');
            length += 1;
            if is_end {
                return Some(length + hashes);
            }
        }
        Some(length)
    }
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Every path that the code names, as it is written.
pub(super) fn mentions(code: &str) -> Vec<Mention> {
    let mut reader = Reader { text: code.chars().collect(), at: 0, line: 1, found: Vec::new() };
    let mut importing = false;
    while let Some(character) = reader.peek() {
        if is_name(character) {
            reader.path(String::new(), importing);
            // `use` itself was read as a path of one name.
            importing = importing || reader.found.pop_if(|last| last.path == "use").is_some();
        } else {
            importing = importing && character != ';';
            // `::std` and a group without a name in front of it.
            if importing && character == '{' {
                reader.path(String::new(), importing);
            } else {
                reader.step();
            }
        }
    }
    reader.found
}

struct Reader {
    text: Vec<char>,
    at: usize,
    line: usize,
    found: Vec<Mention>,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn step(&mut self) {
        if self.peek() == Some('\n') {
            self.line += 1;
        }
        self.at += 1;
    }

    fn skip(&mut self, wanted: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.step();
        }
    }

    fn name(&mut self) -> String {
        let from = self.at;
        self.skip(is_name);
        self.text[from..self.at].iter().collect()
    }

    fn path(&mut self, before: String, importing: bool) {
        let line = self.line;
        let last = match self.peek() {
            Some('{') if importing => return self.group(&before),
            Some('*') if importing => {
                self.step();
                "*".to_owned()
            }
            _ => self.name(),
        };
        let path = match (before.as_str(), last.as_str()) {
            (_, "") => return,
            ("", _) => last.clone(),
            (_, "self") => before,
            _ => format!("{before}::{last}"),
        };
        if self.text[self.at..].starts_with(&[':', ':'])
            && self
                .text
                .get(self.at + 2)
                .is_some_and(|next| is_name(*next) || (importing && "{*".contains(*next)))
        {
            self.at += 2;
            return self.path(path, importing);
        }
        let import = importing.then(|| self.alias(&path));
        self.found.push(Mention { line, path, import });
    }

    fn group(&mut self, before: &str) {
        self.step();
        while let Some(next) = self.peek() {
            match next {
                '}' => return self.step(),
                '{' | '*' => self.path(before.to_owned(), true),
                next if is_name(next) => self.path(before.to_owned(), true),
                _ => self.step(),
            }
        }
    }

    /// The name that an import is known by from here on.
    fn alias(&mut self, path: &str) -> String {
        let rest: String = self.text[self.at..].iter().take(4).collect();
        if rest == " as " {
            self.at += 4;
            return self.name();
        }
        path.rsplit("::").next().unwrap_or_default().to_owned()
    }
}

/// The crates of this workspace whose modules are one house.
const HOUSE: &[&str] = &["nexus_xtask", "nexus_xtask_deliver"];

/// The mentions with their paths written out from the root of the crate, as far as the file itself says it. Every crate of
/// the house counts as the same root.
pub(super) fn resolved(module: &[&str], code: &str) -> Vec<Mention> {
    let mut mentions = mentions(code);
    for mention in &mut mentions {
        mention.path = absolute(module, &mention.path);
    }
    let imports: BTreeMap<String, String> =
        mentions.iter().filter_map(|mention| Some((mention.import.clone()?, mention.path.clone()))).collect();
    for mention in mentions.iter_mut().filter(|mention| mention.import.is_none()) {
        if let Some((first, rest)) = mention.path.split_once("::")
            && let Some(import) = imports.get(first)
        {
            mention.path = format!("{import}::{rest}");
        }
    }
    mentions
}

fn absolute(module: &[&str], path: &str) -> String {
    if let Some((root, rest)) = path.split_once("::")
        && HOUSE.contains(&root)
    {
        return format!("crate::{rest}");
    }
    let mut place = module.to_vec();
    let mut rest = path;
    while let Some((first, after)) = rest.split_once("::") {
        match first {
            "super" => {
                place.pop();
            }
            "self" => {}
            _ => break,
        }
        rest = after;
    }
    if rest.len() == path.len() {
        return path.to_owned();
    }
    let names = std::iter::once("crate").chain(place).chain([rest]);
    names.collect::<Vec<_>>().join("::")
}

#[cfg(test)]
mod tests;
