//! What must hold of every plan, whoever made it.

use std::collections::{BTreeMap, BTreeSet};

use crate::release::plan::{Action, Class, Plan, Step};
use nexus_xtask::failure::Finding;

/// What is wrong with a plan: nothing, for one that may be carried out.
///
/// - Every step has a name of its own, and needs only steps before it.
/// - Every gate, every build and every check comes before the first effect that cannot be taken back.
/// - Every artifact is checked, each one that belongs to a release is uploaded, and each package is published once.
/// - A path in the staging folder stays in it.
pub fn defects(plan: &Plan) -> Vec<Finding> {
    let again = "make the plan again: cargo xtask release plan";
    let mut problems = disorder(plan);
    if problems.is_empty() {
        problems.extend(unguarded(plan));
    }
    problems.extend(incomplete(plan));
    problems.extend(escapes(plan));
    problems.into_iter().map(|problem| Finding::at("", 0, problem, again)).collect()
}

fn disorder(plan: &Plan) -> Vec<String> {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for step in &plan.steps {
        for need in step.needs.iter().filter(|need| !seen.contains(need.as_str())) {
            problems.push(format!("`{}` needs `{need}`, which does not come before it", step.id));
        }
        if !seen.insert(step.id.as_str()) {
            problems.push(format!("two steps are named `{}`", step.id));
        }
    }
    problems
}

/// Steps that must come before what cannot be taken back, and do not.
fn unguarded(plan: &Plan) -> Vec<String> {
    let mut before: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for step in &plan.steps {
        let mut all = BTreeSet::new();
        for need in &step.needs {
            all.insert(need.as_str());
            all.extend(before.get(need.as_str()).into_iter().flatten().copied());
        }
        before.insert(&step.id, all);
    }
    let guards: Vec<&Step> = plan.steps.iter().filter(|step| plan.class(&step.action).is_none()).collect();
    let final_ones = plan.steps.iter().filter(|step| plan.class(&step.action) == Some(Class::Irreversible));
    final_ones
        .flat_map(|step| {
            let known = &before[step.id.as_str()];
            guards
                .iter()
                .filter(|guard| !known.contains(guard.id.as_str()))
                .map(|guard| {
                    format!("`{}` cannot be taken back and does not wait for `{}`", step.id, guard.id)
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

fn incomplete(plan: &Plan) -> Vec<String> {
    let has = |action: Action| plan.steps.iter().filter(|step| step.action == action).count() == 1;
    let mut problems = Vec::new();
    for artifact in &plan.artifacts {
        let file = artifact.file.clone();
        if !has(Action::Check { file: file.clone() }) {
            problems.push(format!("`{file}` is not checked exactly once"));
        }
        if let Some(tag) = &artifact.release
            && !has(Action::Upload { tag: tag.clone(), file: file.clone() })
        {
            problems.push(format!("`{file}` is not uploaded to the release of `{tag}` exactly once"));
        }
    }
    for package in &plan.packages {
        let published = plan.steps.iter().filter(
            |step| matches!(&step.action, Action::Publish { package: name, .. } if *name == package.name),
        );
        if published.count() != 1 {
            problems.push(format!("`{}` is not published exactly once", package.name));
        }
    }
    for release in &plan.releases {
        let tag = release.tag.clone();
        let all =
            [Action::Draft { tag: tag.clone() }, Action::Tag { tag: tag.clone() }, Action::Announce { tag }];
        if !all.into_iter().all(has) {
            problems.push(format!("`{}` is not drafted, tagged and announced exactly once", release.tag));
        }
    }
    problems
}

fn escapes(plan: &Plan) -> Vec<String> {
    let leaves = |file: &str| {
        file.contains(['\\', ':', '\0'])
            || file.split('/').any(|part| part.is_empty() || part == "." || part == "..")
    };
    let files = plan.artifacts.iter().map(|artifact| artifact.file.as_str());
    let named = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Check { file } | Action::Upload { file, .. } | Action::Publish { file, .. } => {
            Some(file.as_str())
        }
        _ => None,
    });
    let all: BTreeSet<_> = files.chain(named).filter(|file| leaves(file)).collect();
    all.into_iter().map(|file| format!("`{file}` is no path inside the staging folder")).collect()
}
