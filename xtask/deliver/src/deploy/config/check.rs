//! Everything that can be wrong with `release/stages.toml` beyond its form. Pure.

use std::collections::{BTreeMap, BTreeSet};

use nexus_xtask::failure::Finding;

use crate::freeze;

use super::{Config, DriverKind, FILE, Host, Metric, Stage};

/// What a name on a host may be made of: it is in paths, units and commands.
const NAME: &str = "abcdefghijklmnopqrstuvwxyz0123456789-";

/// All findings, in the order of the file.
pub(super) fn check(config: &Config, text: &str) -> Vec<Finding> {
    let mut findings = Findings { text, list: Vec::new() };
    if !is_name(&config.service.name) {
        findings.add(&config.service.name, "is no name for a service", "use a-z, 0-9 and `-`");
    }
    if config.stages.is_empty() {
        findings.add("stages", "has no stage", "add a table `[stages.NAME]`");
    }
    for (name, stage) in &config.stages {
        of_stage(config, name, stage, &mut findings);
    }
    if let Some(name) = circle(config) {
        findings.add(name, "comes after itself", "promotion has a first stage: correct `after`");
    }
    same_places(config, &mut findings);
    findings.list
}

fn of_stage(config: &Config, name: &str, stage: &Stage, findings: &mut Findings<'_>) {
    if !is_name(name) {
        findings.add(name, "is no name for a stage", "use a-z, 0-9 and `-`");
    }
    for before in stage.after.iter().filter(|before| !config.stages.contains_key(*before)) {
        findings.add(
            before,
            &format!("is no stage, and `{name}` comes after it"),
            "name a stage of this file",
        );
    }
    if stage.hosts.is_empty() {
        findings.add(name, "has no host", "add `[stages.NAME.hosts.HOST]`");
    }
    for (host, place) in &stage.hosts {
        of_host(host, place, stage.driver, findings);
    }
    if stage.driver == DriverKind::Ssh {
        of_one_kind(name, stage, findings);
    }
    let mut last = 0;
    for wave in &stage.waves {
        match hosts_of(wave, stage.hosts.len()) {
            None => findings.add(wave, "is no wave", "write a number of hosts, or a percentage: `1`, `50%`"),
            Some(end) if end < last => {
                findings.add(wave, "is smaller than the wave before it", "waves grow: `1`, `50%`, `100%`");
            }
            Some(end) => last = end,
        }
    }
    if stage.analysis.failures_permille_max == 0 {
        findings.add("failures_permille_max", "is 0: no number of answers shows that", "write 1 or more");
    }
    if stage.parallel == 0 {
        findings.add("parallel", "is 0: no host would ever be changed", "write 1 or more");
    }
    for window in &stage.freezes {
        if let Err(problem) = freeze::parse(window) {
            findings.add(&window.from, &problem, "write `Fri 16:00`, or `2026-12-20 00:00`, and a `zone`");
        } else if freeze::zone(&window.zone).is_err() {
            let next = "write one as `Europe/Berlin`, or as POSIX writes it: `CET-1CEST,M3.5.0,M10.5.0/3`";
            findings.add(&window.zone, "is no time zone that is known here", next);
        }
    }
    if stage.migrations.schema_min > stage.migrations.schema {
        findings.add("schema_min", "is above `schema`", "a release runs on the shape of data that it writes");
    }
    for (name, metric) in &stage.analysis.metrics {
        of_metric(name, metric, findings);
    }
    let commands = stage.gates.iter().chain(&stage.checks);
    for (name, _) in commands.filter(|(_, words)| words.is_empty()) {
        findings.add(name, "is an empty command", "write the program and its arguments as a list");
    }
}

fn of_host(name: &str, host: &Host, driver: DriverKind, findings: &mut Findings<'_>) {
    if !is_name(name) {
        findings.add(name, "is no name for a host", "use a-z, 0-9 and `-`");
    }
    if driver == DriverKind::Ssh && host.at.as_deref().is_none_or(|at| at.is_empty() || at.starts_with('-')) {
        findings.add(name, "does not say where ssh finds it", "add `at = \"user@host\"`");
    }
    let port = host.listen.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    if port.is_none_or(|port| port == 0) {
        findings.add(&host.listen, "is no address", "write one with its port, as `127.0.0.1:8080`");
    }
}

/// The hosts of a stage are prepared alike: one login, and one address to listen at.
fn of_one_kind(name: &str, stage: &Stage, findings: &mut Findings<'_>) {
    let login = |host: &Host| host.at.as_deref()?.split_once('@').map(|(login, _)| login.to_owned());
    let kinds: BTreeSet<_> = stage.hosts.values().map(|host| (login(host), host.listen.clone())).collect();
    if kinds.len() > 1 {
        let problem = "has hosts with different logins or different `listen`";
        findings.add(
            name,
            problem,
            "hosts of one stage are prepared alike: make them so, or make two stages",
        );
    }
}

fn of_metric(name: &str, metric: &Metric, findings: &mut Findings<'_>) {
    let given = [metric.prometheus.is_some(), metric.http_json.is_some(), metric.command.is_some()];
    if given.iter().filter(|given| **given).count() != 1 {
        findings.add(name, "must have exactly one source", "`prometheus`, `http_json` or `command`");
    }
    if metric.prometheus.is_some() != metric.query.is_some() {
        findings.add(name, "has a server without a query, or a query without one", "give both");
    }
    if metric.http_json.is_some() != metric.pointer.is_some() {
        findings.add(name, "has an address without a pointer, or a pointer without one", "give both");
    }
    if metric.at_most.parse::<f64>().ok().is_none_or(|limit| !limit.is_finite()) {
        findings.add(&metric.at_most, "is no number", "write a decimal in quotes: `\"0.5\"`");
    }
}

/// A host is one machine: two names for one place would be changed as if they were two.
fn same_places(config: &Config, findings: &mut Findings<'_>) {
    let mut seen: BTreeMap<(String, &str), String> = BTreeMap::new();
    for (stage_name, stage) in &config.stages {
        for (host, place) in &stage.hosts {
            let machine = match stage.driver {
                DriverKind::Ssh => place.at.clone().unwrap_or_default(),
                DriverKind::Local => "this machine".to_owned(),
            };
            let own = format!("{stage_name}/{host}");
            if let Some(other) = seen.insert((machine, &place.listen), own.clone()) {
                findings.add(
                    host,
                    &format!("is `{other}` once more, as `{own}`"),
                    "a host is in one stage, once",
                );
            }
        }
    }
}

/// A stage that comes after itself.
fn circle(config: &Config) -> Option<&str> {
    let order = config.order();
    let known = |stage: &Stage| stage.after.iter().all(|before| config.stages.contains_key(before));
    config
        .stages
        .iter()
        .find(|(name, stage)| !order.contains(&name.as_str()) && known(stage))
        .map(|(name, _)| name.as_str())
}

/// How many hosts have the release after a wave; none where that is no wave.
pub(super) fn hosts_of(wave: &str, hosts: usize) -> Option<usize> {
    let count = match wave.strip_suffix('%') {
        None => wave.parse().ok().filter(|count| *count > 0)?,
        Some(percent) => {
            let percent: usize = percent.parse().ok().filter(|percent| (1..=100).contains(percent))?;
            (hosts * percent).div_ceil(100)
        }
    };
    Some(count.min(hosts))
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 32
        && !name.starts_with('-')
        && name.chars().all(|one| NAME.contains(one))
}

struct Findings<'a> {
    text: &'a str,
    list: Vec<Finding>,
}

impl Findings<'_> {
    /// A finding about a word, at the first line that defines it, else that has it in quotes, else that has it at all.
    fn add(&mut self, word: &str, problem: &str, next: &str) {
        let (quoted, table) = (format!("\"{word}\""), format!(".{word}]"));
        let defines = |line: &str| {
            let key = line.split_once('=').map(|(key, _)| key.trim());
            key == Some(word) || (line.starts_with('[') && line.trim_end().ends_with(&table))
        };
        let place = |is_it: &dyn Fn(&str) -> bool| self.text.lines().position(is_it);
        let line = place(&defines)
            .or_else(|| place(&|line| line.contains(&quoted)))
            .or_else(|| place(&|line| line.contains(word)))
            .map_or(0, |place| place + 1);
        self.list.push(Finding::at(FILE, line, format!("`{word}` {problem}"), next));
    }
}
