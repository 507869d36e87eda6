//! What a commit says about itself, and how its words are made safe to repeat. Pure.
//!
//! The form is [Conventional Commits 1.0.0](https://www.conventionalcommits.org/en/v1.0.0/): `type(scope)!: description`,
//! with `BREAKING CHANGE: ...` in the text below. Text of any other form says that something changed and no more. What
//! strangers wrote goes through [`plain`] when it is read, and through [`markdown`] or [`on_terminal`] when it is shown.

use crate::release::version::Bump;
use nexus_xtask::terminal::printable;

/// The most characters of a title that are kept: a longer one is no title.
const TITLE_MAX: usize = 300;

/// What a commit says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    /// The part in parentheses; empty where there is none.
    pub(crate) scope: String,
    /// The subject without type and scope: one line, without control characters.
    pub(crate) title: String,
    /// What breaks, in its own words; the title where only `!` says it.
    pub(crate) breaking: Option<String>,
    /// The commits that it takes back, as far as their names are given.
    pub(crate) reverts: Vec<String>,
}

/// What sort of change a commit says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Feature,
    Fix,
    Performance,
    Revert,
    /// Nothing that the users of a package notice.
    Quiet,
    /// A type that means nothing here, or text of another form.
    Other,
}

impl Kind {
    fn of(word: &str) -> Kind {
        match word {
            "feat" | "feature" => Kind::Feature,
            "fix" | "bugfix" => Kind::Fix,
            "perf" => Kind::Performance,
            "revert" => Kind::Revert,
            // The types of the Angular convention that make no release.
            "build" | "chore" | "ci" | "doc" | "docs" | "refactor" | "style" | "test" | "tests" => {
                Kind::Quiet
            }
            _ if word.contains(|letter: char| letter.is_ascii_uppercase()) => {
                Kind::of(&word.to_ascii_lowercase())
            }
            _ => Kind::Other,
        }
    }
}

impl Message {
    /// What the commit asks of the version; `None` where it says nothing about that.
    pub(crate) fn bump(&self) -> Option<Bump> {
        match self.kind {
            _ if self.breaking.is_some() => Some(Bump::Major),
            Kind::Feature => Some(Bump::Minor),
            Kind::Fix | Kind::Performance | Kind::Revert => Some(Bump::Patch),
            Kind::Quiet | Kind::Other => None,
        }
    }
}

/// Reads the whole text of a commit.
pub(crate) fn parse(text: &str) -> Message {
    let text = text.trim_start();
    let (subject, body) = text.split_once('\n').unwrap_or((text, ""));
    let (kind, scope, is_breaking, description) = heading(subject);
    let mut title = plain(description);
    if let Some((end, _)) = title.char_indices().nth(TITLE_MAX) {
        title.truncate(end);
        title.push_str("..");
    }
    let body = body.trim_start();
    let mut message = Message { kind, scope: plain(scope), breaking: None, reverts: Vec::new(), title };
    // Most commits have nothing but a subject, or a text without any of these words.
    if !body.is_empty() {
        if body.contains("BREAKING") {
            message.breaking = breaking(body);
        }
        if kind == Kind::Revert || body.contains("This reverts commit ") {
            message.reverts = reverts(body);
        }
    }
    if is_breaking && message.breaking.is_none() {
        message.breaking = Some(message.title.clone());
    }
    message
}

/// Type, scope, whether there is a `!`, and the rest of a subject.
fn heading(subject: &str) -> (Kind, &str, bool, &str) {
    // Git's own words: `git revert` of a revert says `Reapply`.
    if subject.starts_with("Revert \"") || subject.starts_with("Reapply \"") {
        return (Kind::Revert, "", false, subject);
    }
    conventional(subject).unwrap_or((Kind::Other, "", false, subject))
}

fn conventional(subject: &str) -> Option<(Kind, &str, bool, &str)> {
    let (before, description) = subject.split_once(':')?;
    let description = description.strip_prefix(' ')?;
    let (before, is_breaking) = before.strip_suffix('!').map_or((before, false), |before| (before, true));
    let (word, scope) = match before.split_once('(') {
        Some((word, rest)) => (word, rest.strip_suffix(')')?),
        None => (before, ""),
    };
    let is_word = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    (is_word && !word.is_empty() && !scope.contains(['(', ')']) && !description.trim().is_empty()).then(
        || {
            // `area: what changes` is a common form too: the area belongs to what is said.
            let kind = Kind::of(word);
            (kind, scope, is_breaking, if kind == Kind::Other { subject } else { description })
        },
    )
}

/// The text of the footer that says what breaks. It ends at an empty line or at the next footer.
fn breaking(body: &str) -> Option<String> {
    let mut lines = body.lines();
    let first = lines.by_ref().find_map(|line| {
        let rest = line.strip_prefix("BREAKING CHANGE").or_else(|| line.strip_prefix("BREAKING-CHANGE"))?;
        rest.strip_prefix(':').or_else(|| rest.strip_prefix(" #"))
    })?;
    let more = lines.take_while(|line| !line.trim().is_empty() && !is_footer(line));
    let text: Vec<_> = std::iter::once(first).chain(more).map(str::trim).collect();
    Some(plain(&text.join(" "))).filter(|text| !text.is_empty())
}

/// True for `Token: value` and `Token #value`.
fn is_footer(line: &str) -> bool {
    let end = line.find(": ").into_iter().chain(line.find(" #")).min();
    end.is_some_and(|end| {
        let token = &line[..end];
        token == "BREAKING CHANGE"
            || (!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
    })
}

/// The names of commits after git's `This reverts commit`, and in the footer `Refs:`.
fn reverts(body: &str) -> Vec<String> {
    let named = body.split("This reverts commit ").skip(1);
    let footers = body.lines().filter_map(|line| line.strip_prefix("Refs: "));
    let listed = footers.flat_map(|list| list.split(',')).map(str::trim);
    named.chain(listed).filter_map(name_of_commit).collect()
}

fn name_of_commit(text: &str) -> Option<String> {
    let end = text.find(|character: char| !character.is_ascii_hexdigit()).unwrap_or(text.len());
    (7..=64).contains(&end).then(|| text[..end].to_ascii_lowercase())
}

/// One line without control characters, and without those that change the direction of text or show nothing.
pub(crate) fn plain(text: &str) -> String {
    if is_only(text, |byte| matches!(byte, b' '..=b'~')) {
        return text.trim().to_owned();
    }
    let words = text.split(|character: char| character.is_whitespace() || character.is_control());
    let mut line = String::with_capacity(text.len());
    for word in words.filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().filter(|character| !is_unseen(*character)));
    }
    line
}

/// True when each byte is one of these: most titles need nothing done, and a history has many.
fn is_only(text: &str, is_one: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    let mut index = 0;
    // Counted by hand: unoptimized, this is several times faster than an iterator.
    while index < bytes.len() {
        if !is_one(bytes[index]) {
            return false;
        }
        index += 1;
    }
    true
}

fn is_unseen(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The text so that Markdown shows its very characters: no link, no heading, no HTML. GitHub also reads names and
/// numbers in text that is escaped, so `@name` and `#1` are broken up (as dependency bots do). Code in backticks and the
/// number of a pull request at the end of a title stay.
pub(crate) fn markdown(text: &str) -> String {
    let (text, request) = pull_request(text);
    let is_harmless = |byte| matches!(byte, b' ' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b',' | b'.' | b'(' | b')' | b'/' | b'\'');
    if is_only(text, is_harmless) {
        return format!("{text}{request}");
    }
    let pieces: Vec<_> = text.split('`').collect();
    let is_code =
        |piece: &&str| !piece.trim().is_empty() && !piece.contains(['<', '\\']) && !piece.contains("##[");
    let has_code = pieces.len() % 2 == 1 && pieces.iter().skip(1).step_by(2).all(is_code);
    let mut safe = String::with_capacity(text.len() + 8);
    for (index, piece) in pieces.iter().enumerate() {
        match (index % 2, has_code) {
            (1, true) => safe.extend(["`", piece, "`"]),
            (_, false) if index > 0 => {
                safe.push_str("\\`");
                escape(piece, &mut safe);
            }
            _ => escape(piece, &mut safe),
        }
    }
    safe + request
}

fn escape(text: &str, safe: &mut String) {
    for character in text.chars() {
        match character {
            '@' => safe.push_str("@&#8203;"),
            '#' => safe.push_str("#&#8203;"),
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '\\' | '*' | '_' | '[' | ']' | '>' | '|' | '~' | '$' => safe.extend(['\\', character]),
            // What would begin a list, a rule, a table or a workflow command at the start of a line.
            '-' | '+' | '=' | ':' if safe.is_empty() => safe.extend(['\\', character]),
            character => safe.push(character),
        }
    }
}

/// A title and ` (#12)` at its end.
fn pull_request(text: &str) -> (&str, &str) {
    let number = text.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (#"));
    match number {
        Some((title, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.split_at(title.len())
        }
        _ => (text, ""),
    }
}

/// Markdown that people of the project wrote and reviewed: it keeps its form, and no line of it can steer a terminal or
/// start a command in the log of a workflow.
pub(crate) fn reviewed(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line: String = printable(line)
            .chars()
            .filter(|character| !is_unseen(*character))
            .collect::<String>()
            .replace("##[", "#\\#[");
        let start = line.len() - line.trim_start().len();
        if line[start..].starts_with("::") { format!("{}\\{}", &line[..start], &line[start..]) } else { line }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The text for a terminal and for the log of a workflow, where `##[` starts a command anywhere in a line.
pub(crate) fn on_terminal(text: &str) -> String {
    printable(&plain(text)).replace("##[", "## [")
}

#[cfg(test)]
mod tests;
