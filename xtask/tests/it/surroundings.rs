//! Where the command is called: no repository, a broken one, no git, no workspace. Each gets a clear word.

use expect_test::{Expect, expect};

use crate::bad_input::{check, check_run, recorded};
use crate::sandbox::{Sandbox, steps};

#[test]
fn a_repository_without_commits() {
    let sandbox = Sandbox::bare();
    sandbox.git(&["init", "--quiet", "--initial-branch=main"]);
    let template = steps("[steps.good]\ncommand = [\"true\"]\n");
    for file in ["Cargo.toml", "Cargo.lock", "src/lib.rs", ".gitignore", "release/ci.toml"] {
        sandbox.write(file, &template.read(file));
    }
    check_run(
        &sandbox,
        &["ci"],
        expect![[r#"
            exit 0
            --- stderr
            run         good  no pass is recorded
            passed      good  TIME
            result      passed: N passed in TIME
            time        TIMES
        "#]],
    );
    check_run(
        &sandbox,
        &["ci"],
        expect![[r#"
        exit 0
        --- stderr
        proven      good  passed N ago
        result      passed: N proven in TIME
    "#]],
    );
    check_run(
        &sandbox,
        &["ci", "--affected"],
        expect![[r#"
        exit 0
        --- stderr
        note        affected: everything, because the repository has no commit
        proven      good  passed N ago
        result      passed: N proven in TIME
    "#]],
    );
}

#[test]
fn no_repository_at_all() {
    let sandbox = recorded("");
    std::fs::remove_dir_all(sandbox.path(".git")).unwrap();
    check_run(
        &sandbox,
        &["ci"],
        expect![[r#"
            exit 0
            --- stderr
            note        this is no git repository: not a git repository (or any of the parent directories): .git: every step runs, and no pass is recorded
            run         good  this is no git repository: not a git repository (or any of the parent directories): .git: every step runs, and no pass is recorded
            passed      good  TIME (last TIME)
            note        good  this is no git repository: not a git repository (or any of the parent directories): .git: every step runs, and no pass is recorded
            result      passed: N passed in TIME
            time        TIMES
        "#]],
    );
}

#[test]
#[cfg(unix)]
fn no_git() {
    let mut sandbox = recorded("");
    let bin = sandbox.path("../bin");
    std::fs::create_dir_all(&bin).unwrap();
    for program in ["cargo", "rustc", "true"] {
        let path = std::env::split_paths(&sandbox.variable("PATH"))
            .map(|folder| folder.join(program))
            .find(|path| path.exists())
            .unwrap();
        std::os::unix::fs::symlink(path, bin.join(program)).unwrap();
    }
    sandbox.set("PATH", bin.to_str().unwrap());
    check_run(
        &sandbox,
        &["ci"],
        expect![[r#"
            exit 0
            --- stderr
            note        there is no `git` on PATH: every step runs, and no pass is recorded
            run         good  there is no `git` on PATH: every step runs, and no pass is recorded
            passed      good  TIME (last TIME)
            note        good  there is no `git` on PATH: every step runs, and no pass is recorded
            result      passed: N passed in TIME
            time        TIMES
        "#]],
    );
}

#[test]
fn a_repository_that_git_cannot_read() {
    let sandbox = recorded("");
    sandbox.write(".git/index", "nonsense");
    check(
        &sandbox,
        &["ci"],
        expect![[r#"
        exit 3
        --- stderr
        error: git cannot read this repository
          why:  fatal: .git/index: index file smaller than expected
          next: `git status` shows it; an index that is damaged is made anew by `rm .git/index && git reset`
    "#]],
    );
    sandbox.write(".git/HEAD", "nonsense");
    check(
        &sandbox,
        &["ci"],
        expect![[r#"
        exit 3
        --- stderr
        error: git cannot read this repository
          why:  fatal: not a git repository (or any of the parent directories): .git
          next: `git status` shows it; an index that is damaged is made anew by `rm .git/index && git reset`
    "#]],
    );
}

#[test]
fn no_workspace_and_a_workspace_that_cargo_cannot_read() {
    let sandbox = Sandbox::bare();
    check(
        &sandbox,
        &["ci"],
        expect![[r#"
        exit 2
        --- stderr
        error: not inside a Rust workspace
          why:  no `Cargo.toml` in `ROOT` or above it
          next: change to a folder with a Cargo.toml, or make one with `cargo init`
    "#]],
    );
    sandbox.write("Cargo.toml", "[package\n");
    check(
        &sandbox,
        &["ci"],
        expect![[r#"
        exit 2
        --- stderr
        error: cargo cannot read this workspace
          why:  error: unclosed table, expected `]`
                 --> Cargo.toml:1:9
                  |
                N | [package
                  |         ^
          next: correct the manifest, then run `cargo metadata --no-deps` to see that cargo reads it
    "#]],
    );
}

#[test]
fn a_workspace_below_the_top_of_its_repository() {
    let outer = Sandbox::with(&[("README.md", "Outer.\n")]);
    let template = steps(
        "[steps.good]\ncommand = [\"true\"]\n[steps.narrow]\ncommand = [\"true\"]\ninputs = [\"data\"]\n",
    );
    for file in ["Cargo.toml", "Cargo.lock", "src/lib.rs", ".gitignore", "release/ci.toml"] {
        outer.write(&format!("in ner/{file}"), &template.read(file));
    }
    outer.write("in ner/data/a.txt", "a\n");
    outer.commit("ci: a workspace in a folder");
    let list =
        |expected: Expect| expected.assert_eq(&outer.xtask_in("in ner", &["ci", "--list"]).transcript());
    outer.write("in ner/data/a.txt", "changed\n");
    assert_eq!(outer.xtask_in("in ner", &["ci"]).code, 0);
    outer.write("README.md", "Changed.\n");
    list(expect![[r#"
        exit 0
        --- stdout
        proven       good    lint  true
                                   passed on the same inputs N ago
        proven       narrow  lint  true
                                   passed on the same inputs N ago
    "#]]);
    outer.git(&["commit", "--quiet", "--all", "--message", "ci: change"]);
    list(expect![[r#"
        exit 0
        --- stdout
        proven       good    lint  true
                                   passed on the same inputs N ago
        proven       narrow  lint  true
                                   passed on the same inputs N ago
    "#]]);
    outer.write("in ner/data/a.txt", "again\n");
    list(expect![[r#"
        exit 0
        --- stdout
        run          good    lint  true
                                   file `data/a.txt` changed
        run          narrow  lint  true
                                   file `data/a.txt` changed
    "#]]);
}
