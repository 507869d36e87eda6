//! Facts and configuration in, the steps of this workspace out. Pure.
//!
//! The built-in steps, in the order in which they are shown:
//!
//! | id | job | there when |
//! |---|---|---|
//! | fmt, clippy, build, test, doc | lint, lint, test, test, lint | always |
//! | doctest | test | a package has a library whose examples are tests |
//! | lock | lint | git tracks `Cargo.lock` |
//! | msrv | lint | a package declares `rust-version` |
//! | deny | lint | there is a `deny.toml` |
//! | tidy, workflows | lint | the house rules, the workflow pins are declared |
//! | rehearse | test | the release is declared |
//! | truth | truth | claims are declared |
//!
//! What compiles the same thing twice is avoided: `build` compiles the tests too, so that `test` only runs them, and
//! warnings become errors through arguments of clippy and rustdoc, never through `RUSTFLAGS`, which would make every
//! dependency a different one.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;

use crate::ci::config::{self, Config, StepTable};
use crate::ci::facts::Facts;
use crate::ci::shard::Shard;
use crate::ci::step::{PACKAGES, STATE, Step, StepId, TARGET};
use crate::failure::{Exit, Failure, Finding, Result};

/// The configuration of nextest that every run of ours adds: it writes the durations that shards are balanced by.
pub(crate) const NEXTEST_CONFIG: &str = "cache/nextest.toml";

/// Every step, checked: needs exist, no cycle, removed ones are built-in. All problems at once.
pub(crate) fn steps(config: &Config, facts: &Facts) -> Result<Vec<Step>> {
    let mut findings = Vec::new();
    let mut steps = built_in(facts);
    let known: BTreeSet<StepId> = every_built_in();
    for id in &config.remove {
        match StepId::from_str(id) {
            Ok(id) if known.contains(&id) => steps.retain(|step| step.id != id),
            _ => findings.push(finding(
                format!("`remove` names `{id}`, which is no built-in step"),
                format!("remove it, or name one of: {}", list(&known)),
            )),
        }
    }
    for (id, table) in &config.steps {
        let Ok(id) = StepId::from_str(id) else { continue };
        if let Some(step) = steps.iter_mut().find(|step| step.id == id) {
            change(step, table, &mut findings);
        } else if known.contains(&id) {
            // A change of a built-in step that does not apply here changes nothing.
        } else if let Some(command) = &table.command {
            let mut step = Step::new(id, "lint", command.clone());
            change(&mut step, table, &mut findings);
            steps.push(step);
        } else {
            findings.push(finding(
                format!("step `{id}` has no `command`"),
                "add `command = [\"program\", \"argument\"]`; only built-in steps have one of their own"
                    .to_owned(),
            ));
        }
    }
    check_needs(&steps, &known, &mut findings);
    drop_absent_needs(&mut steps);
    if findings.is_empty()
        && let Some(cycle) = cycle(&steps)
    {
        findings.push(finding(
            format!("the steps need each other in a circle: {cycle}"),
            "remove one of these `needs`".to_owned(),
        ));
    }
    if findings.is_empty() {
        return Ok(ordered(steps));
    }
    let count = findings.len();
    let plural = if count == 1 { "" } else { "s" };
    Err(Failure::found(Exit::Usage, format!("release/ci.toml has {count} problem{plural}"), findings))
}

fn finding(problem: String, next: String) -> Finding {
    Finding::at("release/ci.toml", 0, problem, next)
}

fn list(ids: &BTreeSet<StepId>) -> String {
    ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
}

fn id(text: &str) -> StepId {
    text.parse().expect("the ids of built-in steps are well formed")
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn every_built_in() -> BTreeSet<StepId> {
    [
        "fmt",
        "clippy",
        "build",
        "test",
        "doctest",
        "doc",
        "lock",
        "msrv",
        "deny",
        "tidy",
        "workflows",
        "rehearse",
        "truth",
    ]
    .map(id)
    .into()
}

/// What a step depends on whose answer follows from the manifests alone.
const MANIFESTS: &[&str] = &[
    "**/Cargo.toml",
    "Cargo.lock",
    ".cargo",
    "**/.cargo/config.toml",
    "rust-toolchain",
    "rust-toolchain.toml",
];

fn built_in(facts: &Facts) -> Vec<Step> {
    let locked = if facts.has_lock { " --locked" } else { "" };
    let step = |name: &str, job: &str, command: String| Step::new(id(name), job, words(&command));
    let manifests =
        |more: &[&str]| MANIFESTS.iter().chain(more).map(|pattern| (*pattern).to_owned()).collect();
    let after_build = vec![id("build")];

    // rustfmt only reads: it takes no lock on the build folder.
    let mut steps = vec![Step {
        lane: None,
        compiles: false,
        ..step("fmt", "lint", "cargo fmt --all --check".to_owned())
    }];
    if facts.has_lock {
        let command = "cargo tree --workspace --locked --depth 0 --quiet".to_owned();
        steps.push(Step { compiles: false, inputs: manifests(&[]), ..step("lock", "lint", command) });
    }
    let clippy = format!("cargo clippy {PACKAGES} --all-targets{locked} -- -D warnings");
    steps.push(linter(facts, "clippy", &clippy));
    steps.push(step("build", "test", format!("cargo build {PACKAGES} --all-targets{locked}")));
    steps.push(Step { needs: after_build.clone(), ..step("test", "test", test_command(facts, locked)) });
    if facts.cargo.packages.iter().any(|package| package.has_doctests) {
        let command = format!("cargo test --doc {PACKAGES}{locked}");
        steps.push(Step { needs: after_build.clone(), ..step("doctest", "test", command) });
    }
    let mut doc = linter(facts, "doc", &format!("cargo doc {PACKAGES} --no-deps{locked}"));
    if !facts.baselines.iter().any(|kind| kind == "doc") {
        let flags = facts.variables.get("RUSTDOCFLAGS").map_or(String::new(), |flags| format!("{flags} "));
        doc.set_environment = [("RUSTDOCFLAGS".to_owned(), format!("{flags}-D warnings"))].into();
    }
    steps.push(doc);
    steps.extend(minimum(facts, locked));
    if facts.has_deny {
        steps.push(Step { inputs: manifests(&["deny.toml", ".deny.toml"]), ..deny(facts) });
    }
    if facts.has_house_rules {
        steps.push(step("tidy", "lint", "cargo xtask tidy".to_owned()));
    }
    if facts.has_workflows {
        steps.push(step("workflows", "lint", "cargo xtask workflows --check".to_owned()));
    }
    let lane = Some(super::step::CARGO_LANE.to_owned());
    if facts.has_claims {
        // It looks at what other steps proved, so it comes after all of them; what it misses it runs itself.
        let needs =
            steps.iter().filter(|step| step.compiles && step.required).map(|step| step.id.clone()).collect();
        let truth = step("truth", "truth", "cargo xtask truth check --run".to_owned());
        let unanswered = Some("evidence loses its worth with time");
        steps.push(Step { needs, lane: lane.clone(), cargo: true, compiles: true, unanswered, ..truth });
    }
    if facts.has_release {
        let rehearse = step("rehearse", "test", "cargo xtask release rehearse".to_owned());
        steps.push(Step { needs: after_build, lane, cargo: true, compiles: true, ..rehearse });
    }
    steps
}

/// Clippy and rustdoc: warnings are errors, or there is a counted baseline that may only shrink.
fn linter(facts: &Facts, kind: &str, command: &str) -> Step {
    if !facts.baselines.iter().any(|known| known == kind) {
        return Step::new(id(kind), "lint", words(command));
    }
    let step = Step::new(id(kind), "lint", words(&format!("cargo xtask baseline check {kind}")));
    Step { lane: Some(super::step::CARGO_LANE.to_owned()), cargo: true, compiles: true, ..step }
}

fn test_command(facts: &Facts, locked: &str) -> String {
    if facts.has_tool("cargo-nextest") {
        let config = format!("--tool-config-file xtask:{STATE}/{NEXTEST_CONFIG}");
        format!("cargo nextest run {PACKAGES}{locked} --no-tests warn {config}")
    } else {
        format!("cargo test {PACKAGES} --tests{locked}")
    }
}

/// Makes `test` run one part of the tests: with nextest exactly the tests of that part, the documentation tests in the
/// first.
pub(crate) fn shard(steps: &mut Vec<Step>, facts: &Facts, wanted: &str) -> Result<()> {
    let shard = wanted
        .parse::<Shard>()
        .map_err(|why| Failure::usage(why.to_string()).next("write `--shard 1/3`, or `--shard 1/auto`"))?;
    if !facts.has_tool("cargo-nextest") {
        return Err(Failure::refused("tests are divided by nextest, which is missing")
            .next("cargo install --locked cargo-nextest"));
    }
    if let Some(test) = steps.iter_mut().find(|step| step.id.as_str() == "test") {
        let inner = test.command.split_off(0);
        test.command = ["cargo", "xtask", "shard", &shard.to_string(), "--"].map(str::to_owned).into();
        test.command.extend(inner);
    }
    if shard.index > 1 {
        steps.retain(|step| step.id.as_str() != "doctest");
    }
    Ok(())
}

/// The minimum supported Rust version, where one is declared: checked with that toolchain, in a build folder of its
/// own, so that neither build throws the other's work away.
fn minimum(facts: &Facts, locked: &str) -> Option<Step> {
    let declared = facts.cargo.packages.iter().filter_map(|package| package.rust_version.as_deref());
    let version = declared.max_by_key(|version| numbers(version))?;
    let command = format!("cargo +{version} check {PACKAGES}{locked} --target-dir {TARGET}/msrv");
    let mut step = Step::new(id("msrv"), "lint", words(&command));
    step.lane = Some("msrv".to_owned());
    step.required = false;
    let active =
        facts.tools.get("rustc").and_then(Option::as_ref).map(|tool| numbers(release(&tool.version)));
    if active.as_ref().map(|active| &active[..2]) == Some(&numbers(version)[..2]) {
        step.left_out =
            Some(format!("the toolchain in use is the declared minimum {version}: `build` shows it"));
    }
    let installed = facts.toolchains.iter().any(|name| {
        name.strip_prefix(version).is_some_and(|rest| {
            rest.starts_with('-') || (rest.starts_with('.') && numbers(version).len() < 3)
        })
    });
    step.toolchain = Some((
        format!("rust {version}"),
        installed,
        format!("rustup toolchain install {version} --profile minimal"),
    ));
    Some(step)
}

/// `1.85` as numbers, at least two.
fn numbers(version: &str) -> Vec<u64> {
    let mut numbers: Vec<_> = version.split(['.', '-']).map_while(|part| part.parse().ok()).collect();
    numbers.resize(numbers.len().max(2), 0);
    numbers
}

/// `1.95.0` out of `rustc 1.95.0 (59807616e 2026-04-14)` and the lines below it.
fn release(version: &str) -> &str {
    version
        .split_whitespace()
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))
        .unwrap_or_default()
}

/// The dependency policy. Advisories only where their database is on this machine: its date is part of the answer.
fn deny(facts: &Facts) -> Step {
    let advisories = if facts.advisories.is_some() { " advisories" } else { "" };
    let command = format!("cargo deny --offline check bans licenses sources{advisories}");
    let mut step = Step::new(id("deny"), "lint", words(&command));
    step.lane = None;
    step.compiles = false;
    step.required = false;
    step.notes.push(match &facts.advisories {
        Some(date) => format!("advisories as of {date}, the newest change of the database on this machine"),
        None => {
            "advisories were not asked: there is no database on this machine (`cargo deny fetch` gets one)"
                .to_owned()
        }
    });
    step
}

fn change(step: &mut Step, table: &StepTable, findings: &mut Vec<Finding>) {
    let StepTable {
        command,
        job,
        needs,
        inputs,
        outputs,
        folder,
        pass_environment,
        set_environment,
        platforms,
        timeout,
        retries,
        required,
        network,
        tools,
        lane,
    } = table.clone();
    if let Some(command) = command {
        *step = Step { job: step.job.clone(), ..Step::new(step.id.clone(), &step.job, command) };
    }
    for need in needs.iter().flatten() {
        match StepId::from_str(need) {
            Ok(need) => step.needs.push(need),
            Err(why) => findings
                .push(finding(format!("`needs` of step `{}`: {why}", step.id), "correct it".to_owned())),
        }
    }
    step.needs.dedup();
    set(&mut step.job, job);
    set(&mut step.inputs, inputs);
    set(&mut step.outputs, outputs);
    set(&mut step.folder, folder);
    set(&mut step.pass_environment, pass_environment);
    set(&mut step.platforms, platforms);
    set(&mut step.timeout, timeout.as_deref().and_then(config::duration));
    set(&mut step.retries, retries);
    set(&mut step.required, required);
    set(&mut step.network, network);
    set(&mut step.tools, tools);
    step.set_environment.extend(set_environment.into_iter().flatten());
    if let Some(lane) = lane {
        step.lane = Some(lane).filter(|lane| !lane.is_empty());
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn check_needs(steps: &[Step], known: &BTreeSet<StepId>, findings: &mut Vec<Finding>) {
    let there: BTreeSet<_> = steps.iter().map(|step| step.id.clone()).collect();
    for step in steps {
        for need in step.needs.iter().filter(|need| !there.contains(*need) && !known.contains(*need)) {
            findings.push(finding(
                format!("step `{}` needs `{need}`, which does not exist", step.id),
                format!("name one of: {}", list(&there)),
            ));
        }
    }
}

/// A need that is built-in and does not apply here, or was removed, holds nobody up.
fn drop_absent_needs(steps: &mut [Step]) {
    let there: BTreeSet<_> = steps.iter().map(|step| step.id.clone()).collect();
    for step in steps {
        step.needs.retain(|need| there.contains(need));
    }
}

/// A circle of needs, as `a -> b -> a`.
fn cycle(steps: &[Step]) -> Option<String> {
    let needs: BTreeMap<&StepId, &[StepId]> =
        steps.iter().map(|step| (&step.id, step.needs.as_slice())).collect();
    steps.iter().find_map(|start| {
        let mut path = vec![&start.id];
        let mut seen = BTreeSet::new();
        find_back(&needs, &start.id, &mut path, &mut seen).then(|| {
            path.push(&start.id);
            path.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(" -> ")
        })
    })
}

fn find_back<'a>(
    needs: &BTreeMap<&StepId, &'a [StepId]>,
    start: &StepId,
    path: &mut Vec<&'a StepId>,
    seen: &mut BTreeSet<&'a StepId>,
) -> bool {
    let last = *path.last().expect("the path begins with its start");
    for need in needs[last] {
        if need == start {
            return true;
        }
        if seen.insert(need) {
            path.push(need);
            if find_back(needs, start, path, seen) {
                return true;
            }
            path.pop();
        }
    }
    false
}

/// Needs before those who need them; otherwise in the order given.
fn ordered(mut steps: Vec<Step>) -> Vec<Step> {
    let mut ordered: Vec<Step> = Vec::with_capacity(steps.len());
    while !steps.is_empty() {
        let ready = steps
            .iter()
            .position(|step| step.needs.iter().all(|need| ordered.iter().any(|done| done.id == *need)))
            .expect("steps without a circle always have one that is ready");
        ordered.push(steps.remove(ready));
    }
    ordered
}

#[cfg(test)]
mod tests;
