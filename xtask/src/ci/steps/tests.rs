use expect_test::{Expect, expect};

use super::*;
use crate::ci::facts::{Cargo, Package};
use crate::toolchain::ToolIdentity;

fn tool(name: &str, version: &str) -> (String, Option<ToolIdentity>) {
    (
        name.to_owned(),
        Some(ToolIdentity {
            program: name.into(),
            path: name.into(),
            version: version.into(),
            content: None,
        }),
    )
}

fn facts() -> Facts {
    let package = Package { name: "one".into(), ..Package::default() };
    Facts {
        cargo: Cargo { packages: vec![package], ..Cargo::default() },
        tools: [tool("rustc", "rustc 1.95.0 (59807616e 2026-04-14)"), tool("cargo-nextest", "0.9")].into(),
        ..Facts::default()
    }
}

/// The steps as text: `id (job; needs): command`.
#[track_caller]
fn check(config: &str, facts: &Facts, expected: Expect) {
    let text = match steps(&config::parse(config).expect("the file itself is well formed"), facts) {
        Err(failure) => failure.to_string(),
        Ok(steps) => {
            let lines = steps.iter().map(|step| {
                let needs = step.needs.iter().map(StepId::as_str).collect::<Vec<_>>().join(" ");
                let left_out = step.left_out.as_ref().map(|why| format!(" [{why}]")).unwrap_or_default();
                let toolchain = step
                    .toolchain
                    .as_ref()
                    .map(|(name, there, _)| format!(" [{name}: {there}]"))
                    .unwrap_or_default();
                format!(
                    "{} ({}; {needs}): {}{left_out}{toolchain}",
                    step.id,
                    step.job,
                    step.typed(&step.command)
                )
            });
            lines.collect::<Vec<_>>().join("\n")
        }
    };
    expected.assert_eq(&text);
}

#[test]
fn built_in_steps_follow_what_there_is() {
    check(
        "",
        &facts(),
        expect![[r#"
        fmt (lint; ): cargo fmt --all --check
        clippy (lint; ): cargo clippy '{packages}' --all-targets -- -D warnings
        build (test; ): cargo build '{packages}' --all-targets
        test (test; build): cargo nextest run '{packages}' --no-tests warn --tool-config-file 'xtask:{state}/cache/nextest.toml'
        doc (lint; ): RUSTDOCFLAGS='-D warnings' cargo doc '{packages}' --no-deps"#]],
    );
    let mut more = facts();
    more.tools.insert("cargo-nextest".into(), None);
    more.cargo.packages[0].has_doctests = true;
    more.cargo.packages[0].rust_version = Some("1.80".into());
    (more.has_lock, more.has_deny, more.has_workflows, more.has_release) = (true, true, true, true);
    more.has_claims = true;
    more.toolchains = vec!["1.80.1-x86_64-unknown-linux-gnu".into()];
    check(
        "",
        &more,
        expect![[r#"
            fmt (lint; ): cargo fmt --all --check
            lock (lint; ): cargo tree --workspace --locked --depth 0 --quiet
            clippy (lint; ): cargo clippy '{packages}' --all-targets --locked -- -D warnings
            build (test; ): cargo build '{packages}' --all-targets --locked
            test (test; build): cargo test '{packages}' --tests --locked
            doctest (test; build): cargo test --doc '{packages}' --locked
            doc (lint; ): RUSTDOCFLAGS='-D warnings' cargo doc '{packages}' --no-deps --locked
            msrv (lint; ): cargo +1.80 check '{packages}' --locked --target-dir '{target}/msrv' [rust 1.80: true]
            deny (lint; ): cargo deny --offline check bans licenses sources
            workflows (lint; ): cargo xtask workflows --check
            truth (truth; clippy build test doctest doc): cargo xtask truth check --run
            rehearse (test; build): cargo xtask release rehearse"#]],
    );
    more.baselines = vec!["clippy".into()];
    more.toolchains = vec!["1.8.0-x86_64-unknown-linux-gnu".into()];
    more.cargo.packages[0].rust_version = Some("1.95.0".into());
    more.advisories = Some("2026-08-21".into());
    check(
        "remove = [\"build\"]",
        &more,
        expect![[r#"
            fmt (lint; ): cargo fmt --all --check
            lock (lint; ): cargo tree --workspace --locked --depth 0 --quiet
            clippy (lint; ): cargo xtask baseline check clippy
            test (test; ): cargo test '{packages}' --tests --locked
            doctest (test; ): cargo test --doc '{packages}' --locked
            doc (lint; ): RUSTDOCFLAGS='-D warnings' cargo doc '{packages}' --no-deps --locked
            msrv (lint; ): cargo +1.95.0 check '{packages}' --locked --target-dir '{target}/msrv' [the toolchain in use is the declared minimum 1.95.0: `build` shows it] [rust 1.95.0: false]
            deny (lint; ): cargo deny --offline check bans licenses sources advisories
            workflows (lint; ): cargo xtask workflows --check
            truth (truth; clippy test doctest doc): cargo xtask truth check --run
            rehearse (test; ): cargo xtask release rehearse"#]],
    );
}

#[test]
fn steps_are_added_changed_and_removed() {
    check(
        r#"
        remove = ["doc", "fmt"]
        [steps.clippy]
        timeout = "5m"
        command = ["cargo", "clippy", "{packages}"]
        [steps.test]
        needs = ["web"]
        [steps.web]
        command = ["npm", "run", "build"]
        job = "web"
        folder = "web"
        [steps.deny]
        required = true
        "#,
        &facts(),
        expect![[r#"
            clippy (lint; ): cargo clippy '{packages}'
            build (test; ): cargo build '{packages}' --all-targets
            web (web; ): (cd web && npm run build)
            test (test; build web): cargo nextest run '{packages}' --no-tests warn --tool-config-file 'xtask:{state}/cache/nextest.toml'"#]],
    );
}

#[test]
fn all_problems_are_reported_at_once() {
    check(
        r#"
        remove = ["dco"]
        [steps.empty]
        job = "web"
        [steps.lost]
        command = ["true"]
        needs = ["nobody"]
        "#,
        &facts(),
        expect![[r#"
            release/ci.toml: `remove` names `dco`, which is no built-in step
              next: remove it, or name one of: `build`, `clippy`, `deny`, `doc`, `doctest`, `fmt`, `lock`, `msrv`, `rehearse`, `test`, `tidy`, `truth`, `workflows`
            release/ci.toml: step `empty` has no `command`
              next: add `command = ["program", "argument"]`; only built-in steps have one of their own
            release/ci.toml: step `lost` needs `nobody`, which does not exist
              next: name one of: `build`, `clippy`, `doc`, `fmt`, `lost`, `test`
            error: release/ci.toml has 3 problems"#]],
    );
    check(
        "[steps.a]\ncommand = [\"x\"]\nneeds = [\"c\"]\n[steps.b]\ncommand = [\"x\"]\nneeds = [\"a\"]\n[steps.c]\ncommand = [\"x\"]\nneeds = [\"b\"]\n",
        &facts(),
        expect![[r#"
            release/ci.toml: the steps need each other in a circle: a -> c -> b -> a
              next: remove one of these `needs`
            error: release/ci.toml has 1 problem"#]],
    );
}

#[test]
fn a_part_of_the_tests_is_run_by_the_toolkit_itself() {
    let mut all = steps(&Config::default(), &facts()).unwrap();
    shard(&mut all, &facts(), "2/3").unwrap();
    let test = all.iter().find(|step| step.id.as_str() == "test").unwrap();
    expect!["cargo xtask shard 2/3 -- cargo nextest run {packages} --no-tests warn --tool-config-file xtask:{state}/cache/nextest.toml"].assert_eq(&test.command.join(" "));
    assert!(shard(&mut all, &facts(), "4/3").is_err());
    let none = Facts { tools: BTreeMap::new(), ..facts() };
    assert!(shard(&mut all, &none, "1/3").is_err());
}
