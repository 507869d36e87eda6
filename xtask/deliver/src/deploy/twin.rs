//! The declared stages once more, on hosts of this machine: what a rehearsal deploys to. Pure.
//!
//! The order of promotion, the waves, the probes and the limits are those of the stages. What reaches people, real hosts or
//! real data is left out, and named.

use std::collections::BTreeMap;

use crate::deploy::config::{Config, DriverKind, Host, Migrations, Stage};

/// Hosts of a stage that are rehearsed: enough for waves, and few enough for a laptop.
pub const HOSTS_MAX: usize = 5;

/// How long a wave is watched at most, in seconds.
const SOAK_SECONDS_MAX: u32 = 3;

/// How often is asked at most, in milliseconds: a short time of watching needs many answers.
const INTERVAL_MILLISECONDS_MAX: u32 = 20;

/// Stages on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twin {
    /// As a file would declare them.
    pub config: Config,
    /// What of the declared stages has no place here.
    pub left_out: Vec<String>,
}

/// How many addresses a twin needs.
pub fn hosts(config: &Config) -> usize {
    config.stages.values().map(|stage| stage.hosts.len().min(HOSTS_MAX)).sum()
}

/// The stages on this machine, their hosts at these addresses, [`hosts`] of them.
pub fn twin(config: &Config, addresses: Vec<String>) -> Twin {
    let mut addresses = addresses.into_iter();
    let mut twin = Twin { config: config.clone(), left_out: Vec::new() };
    for (name, stage) in &mut twin.config.stages {
        twin.left_out.extend(left_out(name, stage));
        of_stage(stage, &config.rehearsal.configuration, &mut addresses);
    }
    twin
}

fn of_stage(
    stage: &mut Stage,
    configuration: &BTreeMap<String, String>,
    addresses: &mut impl Iterator<Item = String>,
) {
    stage.driver = DriverKind::Local;
    let hosts = stage.hosts.keys().take(HOSTS_MAX).zip(addresses);
    stage.hosts = hosts.map(|(name, listen)| (name.clone(), Host { at: None, listen })).collect();
    stage.soak_seconds = stage.soak_seconds.min(SOAK_SECONDS_MAX);
    stage.analysis.interval_milliseconds =
        stage.analysis.interval_milliseconds.min(INTERVAL_MILLISECONDS_MAX);
    stage.configuration.extend(configuration.clone());
    stage.rest_seconds = 0;
    stage.freezes.clear();
    stage.approvals = 0;
    stage.gates.clear();
    stage.checks.clear();
    stage.backups.clear();
    stage.drills.clear();
    stage.secrets.clear();
    stage.analysis.metrics.clear();
    stage.migrations = Migrations { expand: None, contract: None, ..stage.migrations.clone() };
}

fn left_out(name: &str, stage: &Stage) -> Option<String> {
    let named = |what: &str, names: Vec<&str>| {
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        (!names.is_empty()).then(|| format!("{what} {}", names.join(", ")))
    };
    let all = [
        (stage.hosts.len() > HOSTS_MAX).then(|| format!("{} of its hosts", stage.hosts.len() - HOSTS_MAX)),
        (stage.soak_seconds > SOAK_SECONDS_MAX)
            .then(|| format!("{} s of watching", stage.soak_seconds - SOAK_SECONDS_MAX)),
        (stage.rest_seconds > 0).then(|| "the rest between stages".to_owned()),
        (!stage.freezes.is_empty()).then(|| "its freezes".to_owned()),
        (stage.approvals > 0).then(|| format!("{} approvals", stage.approvals)),
        named("gate", stage.gates.keys().map(String::as_str).collect()),
        named("check", stage.checks.keys().map(String::as_str).collect()),
        named("backup", stage.backups.iter().map(String::as_str).collect()),
        named("drill", stage.drills.iter().map(String::as_str).collect()),
        named("secret", stage.secrets.iter().map(String::as_str).collect()),
        named("metric", stage.analysis.metrics.keys().map(String::as_str).collect()),
        (stage.migrations.expand.is_some() || stage.migrations.contract.is_some())
            .then(|| "its migrations".to_owned()),
    ];
    let all: Vec<String> = all.into_iter().flatten().collect();
    (!all.is_empty()).then(|| format!("{name}: {}", all.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::config;

    const STAGES: &str = "[service]\nname = \"one\"\nartifact = \"one\"\n\
        [rehearsal]\nconfiguration = { MODE = \"rehearsed\" }\n\
        [stages.small]\ndriver = \"local\"\nhosts.a.listen = \"127.0.0.1:8080\"\n\
        [stages.large]\nafter = [\"small\"]\ndriver = \"ssh\"\nwaves = [\"1\", \"50%\"]\nsoak_seconds = 600\n\
        rest_seconds = 60\napprovals = 2\nsecrets = [\"KEY\"]\ngates.page = [\"curl\", \"https://example.invalid\"]\n\
        backups = [\"data\"]\nmigrations = { expand = [\"migrate\"] }\n\
        configuration = { MODE = \"real\", OTHER = \"stays\" }\n";

    #[test]
    fn nothing_of_a_twin_reaches_beyond_this_machine() {
        let hosts = (1..=7).map(|n| {
            format!("[stages.large.hosts.h{n}]\nat = \"deploy@10.0.0.{n}\"\nlisten = \"0.0.0.0:80\"\n")
        });
        let declared = config::parse(&(STAGES.to_owned() + &hosts.collect::<String>())).unwrap();
        let addresses: Vec<_> = (1..=super::hosts(&declared)).map(|n| format!("127.0.0.1:{n}")).collect();
        assert_eq!(addresses.len(), 6);
        let Twin { config, left_out } = twin(&declared, addresses);
        let large = &config.stages["large"];
        let shown = format!(
            "{:?} {:?} {:?} {}\n{}",
            large.waves(),
            large.hosts["h5"],
            large.configuration,
            config.order().join(" "),
            left_out.join("\n")
        );
        expect_test::expect![[r#"
            [["h1"], ["h2", "h3"], ["h4", "h5"]] Host { at: None, listen: "127.0.0.1:5" } {"MODE": "rehearsed", "OTHER": "stays"} small large
            large: 2 of its hosts, 597 s of watching, the rest between stages, 2 approvals, gate `page`, backup `data`, secret `KEY`, its migrations"#]]
        .assert_eq(&shown);
        let reaches = |stage: &Stage| {
            stage.driver != DriverKind::Local || stage.hosts.values().any(|host| host.at.is_some())
        };
        assert!(!config.stages.values().any(reaches));
    }
}
