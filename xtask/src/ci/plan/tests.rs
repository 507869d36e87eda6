use expect_test::{Expect, expect};

use super::*;
use crate::ci::affected::Affected;
use crate::ci::fingerprint::fingerprints;
use crate::ci::tree::Tree;
use crate::toolchain::ToolIdentity;

fn step(id: &str, command: &str, needs: &[&str]) -> Step {
    let step = Step::new(id.parse().unwrap(), "lint", command.split(' ').map(str::to_owned).collect());
    Step { needs: needs.iter().map(|need| need.parse().unwrap()).collect(), ..step }
}

fn steps() -> Vec<Step> {
    vec![
        step("clippy", "cargo clippy {packages}", &[]),
        Step {
            job: "web".into(),
            inputs: vec!["web/**".into()],
            outputs: vec!["web/dist".into()],
            ..step("web", "npm run build", &[])
        },
        Step { job: "web".into(), inputs: vec!["pack/**".into()], ..step("pack", "tar web/dist", &["web"]) },
        Step { platforms: vec!["macos".into()], ..step("sign", "codesign", &[]) },
        Step { network: true, ..step("links", "lychee docs", &[]) },
    ]
}

fn facts() -> Facts {
    let tool = |name: &str| {
        let identity =
            ToolIdentity { program: name.into(), path: name.into(), version: "1".into(), content: None };
        (name.to_owned(), Some(identity))
    };
    Facts {
        tree: Some(Tree::from_text("H 100644 1 0\tweb/a.ts\0".into())),
        platform: "linux".into(),
        tools: ["cargo", "rustc", "npm", "tar", "lychee", "codesign"].map(tool).into(),
        ..Facts::default()
    }
}

/// The plan as text: `decision id: reason | command`. Steps in `proven` have a receipt.
#[track_caller]
fn check(facts: &Facts, proven: &[&str], wanted: &Wanted, expected: Expect) {
    let steps = steps();
    let prints = fingerprints(&steps, facts, &packages(wanted));
    let answers = steps
        .iter()
        .filter(|step| prints[&step.id].is_some())
        .map(|step| {
            let known = proven.contains(&step.id.as_str());
            let answer = if known {
                Answer::Proven(Timestamp::UNIX_EPOCH)
            } else {
                Answer::Open("no pass is recorded".into())
            };
            (step.id.clone(), answer)
        })
        .collect();
    let text = match plan(&steps, facts, &prints, &answers, &BTreeMap::new(), wanted) {
        Err(failure) => failure.to_string(),
        Ok(plan) => {
            let lines = plan.steps.iter().map(|planned| {
                let decision = match &planned.decision {
                    Decision::Run { reason } => format!("run {}: {reason}", planned.step.id),
                    Decision::Proven { .. } => format!("proven {}", planned.step.id),
                    Decision::Skipped { reason } => format!("skipped {}: {reason}", planned.step.id),
                    Decision::Unavailable { tool, install } => {
                        format!("unavailable {}: {tool}: {install}", planned.step.id)
                    }
                };
                format!("{decision} | {}", planned.words.join(" "))
            });
            plan.notes.iter().map(|note| format!("note {note}")).chain(lines).collect::<Vec<_>>().join("\n")
        }
    };
    expected.assert_eq(&text);
}

#[test]
fn every_step_has_a_decision_and_its_reason() {
    check(
        &facts(),
        &["clippy"],
        &Wanted::default(),
        expect![[r#"
            proven clippy | cargo clippy --workspace
            run web: no pass is recorded | npm run build
            run pack: `web` makes its outputs again | tar web/dist
            skipped sign: it runs on macos, this is linux | codesign
            run links: it needs a network, so no receipt can answer for it | lychee docs"#]],
    );
}

#[test]
fn a_step_whose_outputs_are_made_again_takes_its_users_along() {
    check(
        &facts(),
        &["clippy", "pack"],
        &Wanted::default(),
        expect![[r#"
        proven clippy | cargo clippy --workspace
        run web: no pass is recorded | npm run build
        run pack: `web` makes its outputs again | tar web/dist
        skipped sign: it runs on macos, this is linux | codesign
        run links: it needs a network, so no receipt can answer for it | lychee docs"#]],
    );
    check(
        &facts(),
        &["clippy", "web", "pack"],
        &Wanted::default(),
        expect![[r#"
        proven clippy | cargo clippy --workspace
        proven web | npm run build
        proven pack | tar web/dist
        skipped sign: it runs on macos, this is linux | codesign
        run links: it needs a network, so no receipt can answer for it | lychee docs"#]],
    );
}

#[test]
fn a_selection_brings_what_it_needs() {
    check(
        &facts(),
        &[],
        &Wanted { steps: vec!["pack".into()], ..Wanted::default() },
        expect![[r#"
            run web: no pass is recorded | npm run build
            run pack: `web` makes its outputs again | tar web/dist"#]],
    );
    check(
        &facts(),
        &[],
        &Wanted { job: Some("web".into()), ..Wanted::default() },
        expect![[r#"
            run web: no pass is recorded | npm run build
            run pack: `web` makes its outputs again | tar web/dist"#]],
    );
    check(
        &facts(),
        &[],
        &Wanted { steps: vec!["pakc".into()], ..Wanted::default() },
        expect![[r#"
        error: there is no step `pakc`
          why:  the steps are: clippy, web, pack, sign, links
          next: cargo xtask ci --list"#]],
    );
    check(
        &facts(),
        &[],
        &Wanted { job: Some("wbe".into()), ..Wanted::default() },
        expect![[r#"
        error: there is no job `wbe`
          why:  the jobs are: lint, web
          next: cargo xtask ci --list"#]],
    );
}

#[test]
fn receipts_can_be_left_unasked_and_are_never_asked_without_git() {
    let all = ["clippy", "web", "pack"];
    check(
        &facts(),
        &all,
        &Wanted { no_cache: true, ..Wanted::default() },
        expect![[r#"
            run clippy: receipts were not asked (--no-cache) | cargo clippy --workspace
            run web: receipts were not asked (--no-cache) | npm run build
            run pack: `web` makes its outputs again | tar web/dist
            skipped sign: it runs on macos, this is linux | codesign
            run links: receipts were not asked (--no-cache) | lychee docs"#]],
    );
    let no_git = Facts { tree: None, uncacheable: Some("there is no `git` on PATH".into()), ..facts() };
    check(
        &no_git,
        &all,
        &Wanted::default(),
        expect![[r#"
            note there is no `git` on PATH
            run clippy: there is no `git` on PATH | cargo clippy --workspace
            run web: there is no `git` on PATH | npm run build
            run pack: `web` makes its outputs again | tar web/dist
            skipped sign: it runs on macos, this is linux | codesign
            run links: it needs a network, so no receipt can answer for it | lychee docs"#]],
    );
}

#[test]
fn a_missing_program_is_said_with_the_command_that_installs_it() {
    let mut facts = facts();
    facts.tools.insert("npm".into(), None);
    facts.pinned_tools.insert("npm".into());
    facts.tools.insert("tar".into(), None);
    check(
        &facts,
        &[],
        &Wanted::default(),
        expect![[r#"
        run clippy: no pass is recorded | cargo clippy --workspace
        unavailable web: npm: cargo xtask tools install npm | npm run build
        unavailable pack: tar: install `tar` and put it on PATH | tar web/dist
        skipped sign: it runs on macos, this is linux | codesign
        run links: it needs a network, so no receipt can answer for it | lychee docs"#]],
    );
}

#[test]
fn affected_narrows_what_belongs_to_packages_and_what_declares_inputs() {
    let affected = |packages: &[(&str, &str)], changed: &[&str]| {
        let packages =
            packages.iter().map(|(name, reason)| ((*name).to_owned(), (*reason).to_owned())).collect();
        let changed = changed.iter().map(|path| (*path).to_owned()).collect();
        Wanted { affected: Some((Affected::Packages(packages), changed)), ..Wanted::default() }
    };
    check(
        &facts(),
        &[],
        &affected(&[("a", "`a/x.rs` changed")], &["a/x.rs"]),
        expect![[r#"
        note affected: a, because `a/x.rs` changed
        run clippy: no pass is recorded | cargo clippy --package a
        skipped web: the change reaches none of its inputs | npm run build
        skipped pack: the change reaches none of its inputs | tar web/dist
        skipped sign: it runs on macos, this is linux | codesign
        run links: it needs a network, so no receipt can answer for it | lychee docs"#]],
    );
    check(
        &facts(),
        &[],
        &affected(&[], &["web/a.ts"]),
        expect![[r#"
            note affected: no package
            skipped clippy: the change reaches no package | cargo clippy --workspace
            run web: no pass is recorded | npm run build
            run pack: `web` makes its outputs again | tar web/dist
            skipped sign: it runs on macos, this is linux | codesign
            run links: it needs a network, so no receipt can answer for it | lychee docs"#]],
    );
    check(
        &facts(),
        &[],
        &affected(&[], &[]),
        expect![[r#"
        note affected: no package
        skipped clippy: the change reaches no package | cargo clippy --workspace
        skipped web: the change reaches none of its inputs | npm run build
        skipped pack: the change reaches none of its inputs | tar web/dist
        skipped sign: it runs on macos, this is linux | codesign
        skipped links: the change reaches none of its inputs | lychee docs"#]],
    );
    let everything = Wanted {
        affected: Some((Affected::Everything("there is no merge base".into()), vec![])),
        ..Wanted::default()
    };
    check(
        &facts(),
        &[],
        &everything,
        expect![[r#"
            note affected: everything, because there is no merge base
            run clippy: no pass is recorded | cargo clippy --workspace
            run web: no pass is recorded | npm run build
            run pack: `web` makes its outputs again | tar web/dist
            skipped sign: it runs on macos, this is linux | codesign
            run links: it needs a network, so no receipt can answer for it | lychee docs"#]],
    );
}
