//! A step and the facts in, the components of its fingerprint out. Pure.
//!
//! | component | counts because |
//! |---|---|
//! | format | another version of these rules proves something else |
//! | command, folder | it is what runs |
//! | platform | the same sources can fail elsewhere |
//! | variable NAME | build variables for every step (every step sees them), declared ones for the step that declares them |
//! | tool NAME | the program itself and those it calls; for cargo the compiler too |
//! | configuration PATH | cargo, clippy and rustfmt read theirs from above the workspace and from the user's home |
//! | package PATH | a path dependency outside of the workspace, for steps that use cargo |
//! | outputs | what the step says it makes is part of what a pass shows |
//! | step NAME | a step whose outputs are used: whatever it depends on |
//! | tree | the declared inputs, else every file that git sees, without what steps declare to make |
//!
//! What does not count: times, the commit, the branch, timeout, retries, the number of steps at once, where the
//! repository lies. What only shows when the step runs (`discover.rs`) is kept in the receipt and compared there.

use std::collections::BTreeMap;

use crate::ci::facts::Facts;
use crate::ci::step::{Step, StepId, is_own, program_from_root};
use crate::digest::Digest;
use crate::receipt::{Component, fingerprint};

/// The version of the table above.
const FORMAT: &str = "1";

/// The components of one step, and their digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) digest: Digest,
    pub(crate) components: Vec<Component>,
}

/// The fingerprints of all steps; `None` for a step that is never answered from a receipt. `steps` is in the order in
/// which needs come first; `packages` is what `--affected` selected, and empty for all.
pub(crate) fn fingerprints(
    steps: &[Step],
    facts: &Facts,
    packages: &[String],
) -> BTreeMap<StepId, Option<Fingerprint>> {
    let outputs: Vec<String> = steps.iter().flat_map(|step| step.outputs.clone()).collect();
    let mut done: BTreeMap<StepId, Option<Fingerprint>> = BTreeMap::new();
    // Most steps have the same inputs, and the tree may be large.
    let mut trees: BTreeMap<&[String], Digest> = BTreeMap::new();
    for step in steps {
        let tree = facts.tree.as_ref().filter(|_| why_never(step, facts).is_none());
        let made = tree.and_then(|tree| {
            let tree = *trees.entry(&step.inputs).or_insert_with(|| tree.digest(&step.inputs, &outputs));
            components(step, steps, facts, packages, tree, &done)
        });
        let made = made.map(|components| Fingerprint { digest: fingerprint(&components), components });
        done.insert(step.id.clone(), made);
    }
    done
}

/// Why a step is never answered from a receipt; `None` when it can be.
pub(crate) fn why_never(step: &Step, facts: &Facts) -> Option<String> {
    if let Some(why) = step.unanswered {
        return Some(why.to_owned());
    }
    if step.network {
        return Some("it needs a network, so no receipt can answer for it".to_owned());
    }
    facts.uncacheable.clone()
}

fn components(
    step: &Step,
    steps: &[Step],
    facts: &Facts,
    packages: &[String],
    tree: Digest,
    done: &BTreeMap<StepId, Option<Fingerprint>>,
) -> Option<Vec<Component>> {
    let mut list = Vec::new();
    let mut add = |name: String, value: String| list.push(Component { name, value });
    add("format".into(), FORMAT.into());
    add("command".into(), step.selected(packages).join("\u{1f}"));
    add("folder".into(), step.folder.clone());
    add("platform".into(), format!("{} {}", facts.platform, facts.architecture));
    for (name, value) in &step.set_environment {
        add(format!("variable {name}"), Digest::of(value).to_string());
    }
    for name in &step.pass_environment {
        let value = facts.passed.get(name).map_or("unset".to_owned(), |value| Digest::of(value).to_string());
        add(format!("variable {name}"), value);
    }
    for (name, value) in &facts.variables {
        if !step.set_environment.contains_key(name) {
            add(format!("variable {name}"), Digest::of(value).to_string());
        }
    }
    for program in programs(step) {
        let tool = facts.tools.get(&program).and_then(Option::as_ref);
        let value = tool.map(|tool| {
            format!("{} {}", tool.version, tool.content.map(|digest| digest.to_string()).unwrap_or_default())
        });
        add(format!("tool {program}"), value.unwrap_or_else(|| "missing".to_owned()));
    }
    if step.cargo {
        for (path, digest) in facts.configurations.iter().filter(|(path, _)| reads(step, path)) {
            add(format!("configuration {path}"), digest.to_string());
        }
        for (path, tree) in &facts.outside {
            add(format!("package {path}"), tree.digest(&step.inputs, &[]).to_string());
        }
    }
    if !step.outputs.is_empty() {
        add("outputs".into(), step.outputs.join("\u{1f}"));
    }
    for need in &step.needs {
        let makes_something = steps.iter().any(|other| other.id == *need && !other.outputs.is_empty());
        if makes_something {
            // A step whose inputs nobody can name makes outputs that nobody can name.
            add(format!("step {need}"), done.get(need)?.as_ref()?.digest.to_string());
        }
    }
    add("tree".into(), tree.to_string());
    Some(list)
}

/// True when the step reads this configuration file: those of clippy and rustfmt steer nothing else.
fn reads(step: &Step, configuration: &str) -> bool {
    let runs = |verb: &str| step.command.iter().any(|word| word == verb);
    if configuration.ends_with("clippy.toml") {
        runs("clippy")
    } else if configuration.ends_with("rustfmt.toml") {
        runs("fmt")
    } else {
        true
    }
}

/// The programs whose versions count for a step.
pub(crate) fn programs(step: &Step) -> Vec<String> {
    let mut programs = Vec::new();
    if step.cargo {
        programs.extend(["cargo".to_owned(), "rustc".to_owned()]);
    }
    match step.command.as_slice() {
        command if is_own(command) => programs.push(crate::toolchain::OWN.to_owned()),
        [cargo, rest @ ..] if cargo == "cargo" => {
            // `cargo nextest` runs `cargo-nextest`; what belongs to the toolchain itself has the compiler's version.
            let verb = rest.iter().find(|word| !word.starts_with(['+', '-']));
            programs.extend(
                verb.filter(|verb| ["nextest", "deny"].contains(&verb.as_str()))
                    .map(|verb| format!("cargo-{verb}")),
            );
        }
        [program, ..] => programs.push(program_from_root(&step.folder, program)),
        [] => {}
    }
    programs.extend(step.tools.iter().cloned());
    programs.dedup();
    programs
}

/// The first component that differs from an earlier pass, in words; `None` when all agree. `tree` names the file
/// where the trees differ.
pub(crate) fn first_difference(
    now: &[Component],
    earlier: &[Component],
    tree: impl Fn() -> Option<String>,
) -> Option<String> {
    let before: BTreeMap<_, _> =
        earlier.iter().map(|component| (&component.name, &component.value)).collect();
    let current: BTreeMap<_, _> = now.iter().map(|component| (&component.name, &component.value)).collect();
    for component in now {
        match before.get(&component.name) {
            Some(value) if **value == component.value => {}
            _ if component.name == "tree" => {
                return Some(tree().unwrap_or_else(|| "the files differ".to_owned()));
            }
            Some(value) => return Some(changed(component, value)),
            None => return Some(format!("{} is new", component.name)),
        }
    }
    let gone = earlier.iter().find(|component| !current.contains_key(&component.name))?;
    Some(format!("{} is gone", gone.name))
}

fn changed(component: &Component, earlier: &str) -> String {
    let first = |value: &str| value.split(['\n', '\u{1f}']).next().unwrap_or_default().to_owned();
    match component.name.as_str() {
        "command" => format!(
            "command changed: it was `{}`, it is `{}`",
            earlier.replace('\u{1f}', " "),
            component.value.replace('\u{1f}', " ")
        ),
        name if name.starts_with("tool ") && first(earlier) != first(&component.value) => {
            format!("{name} changed: it was {}, it is {}", first(earlier), first(&component.value))
        }
        name => format!("{name} changed"),
    }
}

#[cfg(test)]
mod tests;
