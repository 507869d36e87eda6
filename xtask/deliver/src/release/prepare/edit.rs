//! A manifest with other versions in it. Pure, and every byte that is no version stays: the parser only says where the
//! versions are.

use std::collections::BTreeMap;
use std::ops::Range;

use semver::{Op, Version, VersionReq};
use toml_edit::{Document, Item, TableLike};

use nexus_xtask::failure::Finding;

/// The tables that name dependencies, in the spellings that cargo reads.
const TABLES: &[&str] =
    &["dependencies", "dev-dependencies", "build-dependencies", "dev_dependencies", "build_dependencies"];

/// A manifest of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    /// Its path from the root.
    pub(crate) file: String,
    pub(crate) text: String,
    document: Document<String>,
}

/// What changes in every manifest.
#[derive(Clone, Debug, Default)]
pub(crate) struct New<'a> {
    /// The new version of each package that moves, by its name.
    pub(crate) packages: BTreeMap<&'a str, &'a Version>,
    /// What `workspace.package.version` becomes.
    pub(crate) inherited: Option<&'a Version>,
}

impl Manifest {
    pub(crate) fn parse(file: String, text: String) -> Result<Manifest, Finding> {
        match Document::parse(text.clone()) {
            Ok(document) => Ok(Manifest { file, text, document }),
            Err(error) => {
                let line = line_of(&text, error.span().unwrap_or_default().start);
                Err(Finding::at(file, line, error.message(), "correct the manifest"))
            }
        }
    }

    /// The package's name; `None` in a manifest of a workspace alone.
    pub(crate) fn package(&self) -> Option<String> {
        Some(self.item(&["package", "name"])?.as_str()?.to_owned())
    }

    pub(crate) fn is_of(&self, package: &str) -> bool {
        self.item(&["package", "name"]).and_then(Item::as_str) == Some(package)
    }

    /// True when the package has the version of its workspace.
    pub(crate) fn inherits(&self) -> bool {
        self.item(&["package", "version", "workspace"]).and_then(Item::as_bool) == Some(true)
    }

    /// The text with the new versions in it.
    pub(crate) fn with(&self, new: &New) -> Result<String, Vec<Finding>> {
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        let mut findings = Vec::new();
        let own = self.package().and_then(|name| new.packages.get(name.as_str()).copied());
        for (path, version) in
            [(["package", "version"].as_slice(), own), (&["workspace", "package", "version"], new.inherited)]
        {
            if let (Some(item), Some(version)) = (self.item(path), version)
                && item.is_str()
            {
                edits.extend(item.span().map(|span| (span, version.to_string())));
            }
        }
        for (key, dependency) in self.dependencies() {
            let name = text_at(dependency, "package").unwrap_or(key);
            let (Some(to), Some(item)) = (new.packages.get(name), dependency.get("version")) else {
                continue;
            };
            let (Some(old), Some(span)) = (item.as_str(), item.span()) else { continue };
            match requirement(old, to) {
                Ok(Some(requirement)) => edits.push((span, requirement)),
                Ok(None) => {}
                Err(why) => findings.push(Finding::at(
                    &self.file,
                    line_of(&self.text, span.start),
                    format!("`{key}` asks for `{old}`, and `{name}` becomes {to}: {why}"),
                    format!("write a requirement that {to} meets, for example `version = \"{to}\"`"),
                )),
            }
        }
        if !findings.is_empty() {
            return Err(findings);
        }
        edits.sort_by_key(|(span, _)| span.start);
        let mut text = self.text.clone();
        for (span, value) in edits.into_iter().rev() {
            let quote = if self.text[span.start..].starts_with('\'') { '\'' } else { '"' };
            text.replace_range(span, &format!("{quote}{value}{quote}"));
        }
        Ok(text)
    }

    /// Every dependency with a path, wherever a manifest may name one.
    fn dependencies(&self) -> Vec<(&str, &dyn TableLike)> {
        let root: &dyn TableLike = self.document.as_table();
        let mut holders = vec![root];
        holders.extend(root.get("workspace").and_then(Item::as_table_like));
        if let Some(targets) = root.get("target").and_then(Item::as_table_like) {
            holders.extend(targets.iter().filter_map(|(_, target)| target.as_table_like()));
        }
        let tables = holders.into_iter().flat_map(|holder| {
            TABLES.iter().filter_map(move |table| holder.get(table).and_then(Item::as_table_like))
        });
        tables
            .flat_map(|table| table.iter())
            .filter_map(|(key, item)| Some((key, item.as_table_like()?)))
            .filter(|(_, dependency)| text_at(*dependency, "path").is_some())
            .collect()
    }

    fn item(&self, path: &[&str]) -> Option<&Item> {
        let (last, above) = path.split_last()?;
        let mut table: &dyn TableLike = self.document.as_table();
        for key in above {
            table = table.get(key)?.as_table_like()?;
        }
        table.get(last)
    }
}

fn text_at<'a>(table: &'a dyn TableLike, key: &str) -> Option<&'a str> {
    table.get(key)?.as_str()
}

/// The requirement that asks for a new version in the way the old one did; `None` where it may stay.
///
/// A dependant that is built against the new version may use what is new in it, so a plain requirement is raised even
/// where the new version meets it, and it never gets shorter: `1` becomes `2` for 2.0.0, and `1.3` for 1.3.0. One with
/// bounds or stars was chosen by somebody, and stays as long as the new version meets it.
fn requirement(old: &str, to: &Version) -> Result<Option<String>, &'static str> {
    let parsed = VersionReq::parse(old).map_err(|_| "it cannot be read")?;
    let start = old.find(|character: char| character.is_ascii_digit()).unwrap_or(old.len());
    match parsed.comparators.as_slice() {
        [one] if matches!(one.op, Op::Exact | Op::Caret | Op::Tilde) => {
            let exact = one.op == Op::Exact || !to.pre.is_empty();
            let parts = match (one.minor, one.patch) {
                _ if exact || to.patch > 0 => 3,
                (_, Some(_)) => 3,
                (None, None) if to.minor == 0 => 1,
                _ => 2,
            };
            let pre = if to.pre.is_empty() { String::new() } else { format!("-{}", to.pre) };
            let new = match parts {
                1 => to.major.to_string(),
                2 => format!("{}.{}", to.major, to.minor),
                _ => format!("{}.{}.{}{pre}", to.major, to.minor, to.patch),
            };
            let new = format!("{}{new}", &old[..start]);
            Ok((new != old).then_some(new))
        }
        _ if parsed.matches(to) => Ok(None),
        [one] if one.op == Op::Wildcard && to.pre.is_empty() => Ok(Some(match one.minor {
            None => format!("{}.*", to.major),
            Some(_) => format!("{}.{}.*", to.major, to.minor),
        })),
        _ => Err("they do not fit"),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests;
