//! YAML as it was written: every value with its line, scalars as the text that stands there.
//!
//! The workflow language decides itself what a scalar means, so `on` and `0` stay text here.

use saphyr::{LoadableYamlNode as _, MarkedYaml, Scalar, YamlData};

/// A value and the line where it starts, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Nothing,
    Text(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key of a table and its value. `line` is the key's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) line: usize,
    pub(crate) key: String,
    pub(crate) node: Node,
}

/// Why a text is not what was expected of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) line: usize,
    pub(crate) why: String,
}

impl Node {
    /// Reads the first document of a text.
    pub(crate) fn parse(text: &str) -> Result<Node, Unreadable> {
        let documents = MarkedYaml::load_from_str(text)
            .map_err(|error| Unreadable { line: error.marker().line(), why: error.info().to_owned() })?;
        documents.first().map_or_else(
            || Err(Unreadable { line: 0, why: "the file is empty".to_owned() }),
            |first| Ok(node(first)),
        )
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Table(entries) => entries,
            Value::Nothing | Value::Text(_) | Value::List(_) => &[],
        }
    }

    pub(crate) fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            Value::Nothing | Value::Text(_) | Value::Table(_) => &[],
        }
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    pub(crate) fn at(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Nothing | Value::List(_) | Value::Table(_) => None,
        }
    }

    /// The text of a key, where it has one.
    pub(crate) fn text_at(&self, key: &str) -> Option<&str> {
        self.at(key)?.text()
    }

    /// Texts of a value that may be one text or a list of them.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.text().into_iter().chain(self.items().iter().filter_map(Node::text)).collect()
    }

    /// True when any text in here, at any depth, is what is asked for.
    pub(crate) fn any_text(&self, wanted: &dyn Fn(&str) -> bool) -> bool {
        match &self.value {
            Value::Nothing => false,
            Value::Text(text) => wanted(text),
            Value::List(items) => items.iter().any(|item| item.any_text(wanted)),
            Value::Table(entries) => entries.iter().any(|entry| entry.node.any_text(wanted)),
        }
    }
}

fn node(marked: &MarkedYaml) -> Node {
    let value = match &marked.data {
        YamlData::Sequence(items) => Value::List(items.iter().map(node).collect()),
        YamlData::Mapping(entries) => Value::Table(
            entries
                .iter()
                .map(|(key, value)| Entry {
                    line: key.span.start.line(),
                    key: scalar(&key.data).unwrap_or_default(),
                    node: node(value),
                })
                .collect(),
        ),
        YamlData::Tagged(_, inner) => node(inner).value,
        data => scalar(data).map_or(Value::Nothing, Value::Text),
    };
    Node { line: marked.span.start.line(), value }
}

fn scalar<'a>(data: &YamlData<'a, MarkedYaml<'a>>) -> Option<String> {
    match data {
        YamlData::Representation(text, ..) => Some(text.to_string()),
        YamlData::Value(Scalar::String(text)) => Some(text.to_string()),
        YamlData::Value(Scalar::Boolean(value)) => Some(value.to_string()),
        YamlData::Value(Scalar::Integer(value)) => Some(value.to_string()),
        YamlData::Value(Scalar::FloatingPoint(value)) => Some(value.to_string()),
        YamlData::Value(Scalar::Null)
        | YamlData::Sequence(_)
        | YamlData::Mapping(_)
        | YamlData::Tagged(..)
        | YamlData::Alias(_)
        | YamlData::BadValue => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_lines() {
        let text = "on:\n  push:\njobs:\n  a:\n    steps:\n      - run: |\n          one\n          two\n      - uses: x\n";
        let root = Node::parse(text).unwrap();
        let steps = root.at("jobs").and_then(|jobs| jobs.at("a")?.at("steps")).unwrap().items();
        assert_eq!(root.entry("on").unwrap().line, 1);
        assert_eq!(steps[0].entry("run").unwrap().line, 6);
        assert_eq!(steps[0].text_at("run"), Some("one\ntwo\n"));
        assert_eq!(steps[1].line, 9);
    }

    #[test]
    fn a_broken_text_names_the_line() {
        let broken = Node::parse("jobs:\n  a: [\n").unwrap_err();
        assert!(broken.line >= 2, "{broken:?}");
        assert_eq!(Node::parse("").unwrap_err().why, "the file is empty");
    }
}
