//! `release/ci.toml`: what people add to the built-in steps, change in them, and remove.
//!
//! Every problem of the file is reported at once, with its line. To add a key: a field here with its documentation
//! (it becomes the schema), its check in [`check`], and its use in `steps.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::ci::step::{StepId, WHOLE_TREE};
use crate::doors::Doors;
use crate::failure::{Exit, Failure, Finding, Result};
use crate::files;

/// The file's name as findings show it.
const FILE: &str = "release/ci.toml";

/// The longest a step may run where nothing is said.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// The steps of `cargo xtask ci`: added to, changed in, and removed from the built-in ones.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Built-in steps that do not apply here, by id.
    pub(crate) remove: Vec<String>,
    /// How many steps run at once, at most. Default: the number of processors, and at least 2.
    pub(crate) parallel: Option<usize>,
    /// What `--affected` may know.
    pub(crate) affected: Affected,
    /// How tests are divided.
    pub(crate) test: Test,
    /// Steps by id. An id of a built-in step changes that step; any other adds one.
    pub(crate) steps: BTreeMap<String, StepTable>,
}

/// What `--affected` may know.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Affected {
    /// Patterns of files that reach no package, though they lie in none: `docs/**`.
    pub(crate) ignore: Vec<String>,
}

/// How tests are divided.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Test {
    /// Shards that the workflow divides the tests into; 0 asks for as many as the recorded durations call for.
    pub(crate) shards: u32,
    /// The time that one shard should take at most, in minutes, where the number is chosen.
    pub(crate) shard_minutes: u32,
}

impl Default for Test {
    fn default() -> Test {
        Test { shards: 1, shard_minutes: 5 }
    }
}

/// One step.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StepTable {
    /// The program and its arguments; no shell reads them. `{packages}` becomes `--workspace`, or `--package NAME` for
    /// each affected package.
    pub(crate) command: Option<Vec<String>>,
    /// The group that one job of the workflow runs. Default: `lint`.
    pub(crate) job: Option<String>,
    /// Steps that must pass before this one runs.
    pub(crate) needs: Option<Vec<String>>,
    /// Patterns of files that the result depends on, from the root. Default: every file that git sees.
    pub(crate) inputs: Option<Vec<String>>,
    /// Files and folders that the step makes. They must exist for the step to count as done, and are no inputs.
    pub(crate) outputs: Option<Vec<String>>,
    /// The folder that the command runs in, from the root. Default: the root.
    pub(crate) folder: Option<String>,
    /// Variables of the caller that the command may see; they count in the fingerprint.
    pub(crate) pass_environment: Option<Vec<String>>,
    /// Variables set for the command.
    pub(crate) set_environment: Option<BTreeMap<String, String>>,
    /// Where the step runs: `linux`, `macos`, `windows`. Default: everywhere.
    pub(crate) platforms: Option<Vec<String>>,
    /// The longest it may run: `90s`, `10m`, `2h`. Default: `60m`.
    pub(crate) timeout: Option<String>,
    /// How often it is tried again when it fails. A pass on such a try is reported as flaky.
    pub(crate) retries: Option<u32>,
    /// False when a run is complete enough without it where its program is missing. Default: true.
    pub(crate) required: Option<bool>,
    /// True when it needs a network: then it is never answered from a receipt.
    pub(crate) network: Option<bool>,
    /// Programs it needs besides its own; their versions count.
    pub(crate) tools: Option<Vec<String>>,
    /// Steps of one lane run one after another. Default: `cargo` where the program is cargo, else none.
    pub(crate) lane: Option<String>,
}

/// Reads the file; a missing one declares nothing.
pub(crate) fn load(doors: &Doors) -> Result<Config> {
    let text = files::read_text(&doors.workspace.declared("ci"))?.unwrap_or_default();
    parse(&text).map_err(|findings| {
        let count = findings.len();
        let plural = if count == 1 { "" } else { "s" };
        Failure::found(Exit::Usage, format!("{FILE} has {count} problem{plural}"), findings)
    })
}

/// Text in, configuration or all findings out.
pub(crate) fn parse(text: &str) -> std::result::Result<Config, Vec<Finding>> {
    let mut read = Reader { text, findings: Vec::new() };
    let config = read.config();
    if read.findings.is_empty() { Ok(config) } else { Err(read.findings) }
}

struct Reader<'a> {
    text: &'a str,
    findings: Vec<Finding>,
}

impl<'a> Reader<'a> {
    fn config(&mut self) -> Config {
        let mut config = Config::default();
        let table = match DeTable::parse(self.text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                self.add(error.span(), error.message(), "correct the line; https://toml.io has the syntax");
                return config;
            }
        };
        let mut places = BTreeMap::new();
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "steps" => self.steps(value, &mut config, &mut places),
                "remove" => config.remove = self.value(value),
                "parallel" => config.parallel = self.value(value),
                "affected" => config.affected = self.value(value),
                "test" => config.test = self.value(value),
                other => {
                    let problem = format!("unknown key `{other}`");
                    self.add(
                        Some(key.span()),
                        &problem,
                        "remove it, or name one of: `affected`, `parallel`, `remove`, `steps`, `test`",
                    );
                }
            }
        }
        self.check(&config, &places);
        config
    }

    fn steps(
        &mut self,
        value: Spanned<DeValue<'a>>,
        config: &mut Config,
        places: &mut BTreeMap<String, std::ops::Range<usize>>,
    ) {
        let span = value.span();
        let DeValue::Table(table) = value.into_inner() else {
            self.add(Some(span), "`steps` is no table", "write `[steps.ID]`");
            return;
        };
        for (key, value) in table {
            let id = key.get_ref().to_string();
            places.insert(id.clone(), key.span());
            if let Err(why) = StepId::from_str(&id) {
                self.add(Some(key.span()), &why.to_string(), "rename the step");
            }
            let step = self.value(value);
            config.steps.insert(id, step);
        }
    }

    fn value<T: Deserialize<'a> + Default>(&mut self, value: Spanned<DeValue<'a>>) -> T {
        let whole = value.span();
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => value,
            Err(error) => {
                let span = error.span().unwrap_or(whole);
                self.add(
                    Some(span),
                    error.message(),
                    "correct it; docs/ci.md of nexus-xtask shows every key",
                );
                T::default()
            }
        }
    }

    /// What the types cannot say.
    fn check(&mut self, config: &Config, places: &BTreeMap<String, std::ops::Range<usize>>) {
        if config.parallel == Some(0) {
            self.add(None, "`parallel` is 0: nothing would ever run", "set it to 1 or more");
        }
        for (id, step) in &config.steps {
            let place = places.get(id).cloned();
            if let Some(timeout) = &step.timeout
                && duration(timeout).is_none()
            {
                let problem = format!("`timeout` of step `{id}` is no duration: `{timeout}`");
                self.add(place.clone(), &problem, "write a number and a unit: `90s`, `10m`, `2h`");
            }
            if step.command.as_ref().is_some_and(|command| command.iter().all(|word| word.trim().is_empty()))
            {
                let problem = format!("`command` of step `{id}` is empty");
                self.add(
                    place.clone(),
                    &problem,
                    "write the program and its arguments: `[\"npm\", \"test\"]`",
                );
            }
            let known: BTreeSet<_> = ["linux", "macos", "windows"].into();
            for platform in
                step.platforms.iter().flatten().filter(|platform| !known.contains(platform.as_str()))
            {
                let problem = format!("step `{id}` names an unknown platform `{platform}`");
                self.add(place.clone(), &problem, "use `linux`, `macos` or `windows`");
            }
            for path in
                step.folder.iter().chain(step.outputs.iter().flatten()).chain(step.inputs.iter().flatten())
            {
                if path.starts_with('/') || path.split('/').any(|part| part == "..") || path.contains('\\') {
                    let problem =
                        format!("step `{id}` names `{path}`, which is no path inside the workspace");
                    self.add(place.clone(), &problem, "write it from the root, with `/`, without `..`");
                }
            }
            if step.outputs.iter().flatten().any(|output| output == WHOLE_TREE || output == ".") {
                let problem = format!("step `{id}` declares the whole tree as its output");
                self.add(place.clone(), &problem, "name the files and folders that it makes");
            }
        }
    }

    fn add(&mut self, span: Option<std::ops::Range<usize>>, problem: &str, next: &str) {
        let line =
            span.map_or(0, |span| self.text[..span.start.min(self.text.len())].matches('\n').count() + 1);
        let problem = problem.lines().collect::<Vec<_>>().join("; ");
        self.findings.push(Finding::at(FILE, line, problem, next));
    }
}

/// The JSON schema of the file, for editors.
pub(crate) fn schema() -> schemars::Schema {
    schemars::schema_for!(Config)
}

/// `90s`, `10m`, `2h`; `None` for anything else, and for nothing at all.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return None,
    };
    let number: u64 = text[..text.len() - 1].parse().ok()?;
    (number > 0).then(|| Duration::from_secs(number.saturating_mul(unit)))
}

#[cfg(test)]
mod tests;
