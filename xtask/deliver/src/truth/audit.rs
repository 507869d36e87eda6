//! What is really there: workflows and what they run, timers, services, probes, dashboards, backups, and sentences of
//! documents that sound like abilities. Each becomes a claim that is planned, to be proven, and never one that is live. Pure.

use super::documents::Document;

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// What kind of thing: `workflow`, `timer`, ...
    pub(crate) kind: &'static str,
    /// The file, from the root.
    pub(crate) file: String,
    /// Its line, from 1; 0 for the whole file.
    pub(crate) line: usize,
    /// What it says, in one line.
    pub(crate) what: String,
}

/// Words with which documents promise abilities.
const PROMISES: [&str; 9] = [
    "automatically",
    "is monitored",
    "are monitored",
    "backups are",
    "backed up",
    "alerts",
    "zero downtime",
    "high availability",
    "dashboard",
];

/// What the files tell.
pub(crate) fn inventory(files: &[Document]) -> Vec<Found> {
    let mut found = Vec::new();
    for file in files {
        match kind(&file.path) {
            Some("workflow") => workflow(file, &mut found),
            Some("document") => document(file, &mut found),
            Some(kind) => found.push(Found { kind, file: file.path.clone(), line: 0, what: summary(file) }),
            None => {}
        }
    }
    found
}

/// True where the audit would look into it.
pub(crate) fn is_of_interest(path: &str) -> bool {
    kind(path).is_some()
}

fn kind(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next()?.to_lowercase();
    let lower = path.to_lowercase();
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    let is_yaml = ends(&[".yml", ".yaml"]);
    if lower.starts_with(".github/workflows/") && is_yaml {
        Some("workflow")
    } else if ends(&[".timer"]) || name == "crontab" || lower.contains("cron.d/") {
        Some("timer")
    } else if ends(&[".service", ".socket"]) || name.starts_with("docker-compose") || name == "compose.yaml" {
        Some("service")
    } else if lower.contains("dashboard") && ends(&[".json"]) {
        Some("dashboard")
    } else if is_yaml
        && (lower.contains("prometheus") || lower.contains("alert") || lower.contains("blackbox"))
    {
        Some("monitoring")
    } else if ends(&[".tf"]) || (is_yaml && (lower.contains("playbook") || lower.contains("ansible"))) {
        Some("infrastructure")
    } else if lower.contains("backup") && ends(&[".sh", ".py", ".yml", ".yaml", ".toml"]) {
        Some("backup")
    } else if ends(&[".md"]) {
        Some("document")
    } else {
        None
    }
}

/// The first line that says what a file does.
fn summary(file: &Document) -> String {
    let is_text = |line: &&str| !line.is_empty() && !line.starts_with("#!") && !line.starts_with('[');
    let line = file.text.lines().map(str::trim).find(is_text).unwrap_or("an empty file");
    line.trim_start_matches(['#', '/', ' ']).to_owned()
}

/// What a workflow runs: a claim for each workflow, with when it runs and what.
fn workflow(file: &Document, found: &mut Vec<Found>) {
    let name =
        file.text.lines().find_map(|line| line.strip_prefix("name:")).map_or(file.path.as_str(), str::trim);
    let on: Vec<_> = ["push", "pull_request", "merge_group", "schedule", "workflow_dispatch", "release"]
        .into_iter()
        .filter(|event| file.text.lines().any(|line| line.trim().trim_end_matches(':') == *event))
        .collect();
    found.push(Found {
        kind: "workflow",
        file: file.path.clone(),
        line: 0,
        what: format!(
            "workflow `{name}` runs on {}",
            if on.is_empty() { "nothing known".into() } else { on.join(", ") }
        ),
    });
    for (at, line) in file.text.lines().enumerate() {
        let trimmed = line.trim().trim_start_matches("- ");
        let Some(command) = trimmed.strip_prefix("run:").map(str::trim).filter(|run| !run.is_empty()) else {
            continue;
        };
        if !command.starts_with(['|', '>']) {
            found.push(Found {
                kind: "workflow",
                file: file.path.clone(),
                line: at + 1,
                what: format!("workflow `{name}` runs `{command}`"),
            });
        }
    }
}

/// Sentences that sound like abilities, outside of code.
fn document(file: &Document, found: &mut Vec<Found>) {
    let mut in_code = false;
    for (at, line) in file.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        let lower = line.to_lowercase();
        if !in_code && PROMISES.iter().any(|promise| lower.contains(promise)) {
            let what = line.trim().trim_start_matches(['-', '*', '#', '|', ' ']).to_owned();
            found.push(Found { kind: "document", file: file.path.clone(), line: at + 1, what });
        }
    }
}

/// Claims to begin with, as text for `release/truth.toml`: planned, for there is no evidence.
pub(crate) fn claims(found: &[Found]) -> String {
    let mut text = String::new();
    let mut count = std::collections::BTreeMap::<String, u32>::new();
    for one in found {
        let stem = one.file.rsplit('/').next().unwrap_or_default().split('.').next().unwrap_or_default();
        let plain: String = stem
            .to_lowercase()
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
            .collect();
        let base = format!("{}-{}", one.kind, plain.trim_matches('-'));
        let number = count.entry(base.clone()).or_default();
        *number += 1;
        let id = if *number == 1 { base } else { format!("{base}-{number}") };
        let place = if one.line == 0 { one.file.clone() } else { format!("{}:{}", one.file, one.line) };
        let claim = toml_edit::Value::from(one.what.as_str());
        text += &format!(
            "\n# Found in {place}. Nobody has shown it yet: add evidence.\n[claims.{id}]\ntext = {}\nowner = \"nobody\"\nphase = \"baseline\"\n",
            claim.to_string().trim()
        );
    }
    text
}

#[cfg(test)]
mod tests;
