use expect_test::{Expect, expect};

use super::*;

#[track_caller]
fn check(text: &str, expected: Expect) {
    let shown = match parse(text) {
        Ok(config) => {
            let lines = config.gates.iter().map(|(name, gate)| format!("{name}: {gate:?}\n"));
            lines.collect::<String>()
        }
        Err(findings) => findings.iter().map(|finding| format!("{finding}\n")).collect(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn gates_are_asked_where_nothing_is_said() {
    check(
        "",
        expect![[r#"
        branch: Branch
        changelog: Changelog
        ci: Ci { source: Either, checks: ["ci / verdict"] }
        clean-tree: CleanTree
        version: Version
    "#]],
    );
}

#[test]
fn gates_are_added_changed_and_removed() {
    check(
        "remove = ['changelog', 'branch', 'clean-tree']\n\
         [gates.ci]\nkind = 'ci'\nsource = 'github'\nchecks = ['all']\n\
         [gates.two-people]\nkind = 'approvals'\nneeded = 2\n",
        expect![[r#"
            ci: Ci { source: Github, checks: ["all"] }
            two-people: Approvals { needed: 2, age_max: "7d" }
            version: Version
        "#]],
    );
}

#[test]
fn gates_file_tells_all_its_problems_with_their_lines() {
    check(
        "remove = [\n  'changelog',\n  'nothing',\n]\nasked = true\n\
         [gates.a]\nkind = 'aproval'\n\
         [gates.b]\nkind = 'approvals'\nneeded = 0\nage_max = 'soon'\n\
         [gates.c]\nkind = 'approvals'\n\
         [gates.d]\nkind = 'soak'\nhours_min = 2\nevent = 'x'\nhours_max = 3\n\
         [gates.'E f']\nkind = 'branch'\n\
         [gates.g]\nkind = 'window'\nfreezes = [{ from = 'Fri 16:00', to = 'Monday', zone = 'UTC' }]\n\
         [gates.h]\nkind = 'policy'\nchecks = ['adwisories']\n\
         [gates.i]\nkind = 'command'\ncommand = []\ntimeout = '5 minutes'\n",
        expect![[r#"
            release/gates.toml:5: unknown key `asked`
              next: remove it, or name one of: `gates`, `remove`
            release/gates.toml:19: `E f` is no name of a gate
              next: use lowercase letters, digits and `-`
            release/gates.toml:7: `gates.a`: unknown variant `aproval`, expected one of `clean_tree`, `branch`, `version`, `changelog`, `ci`, `api`, `policy`, `reproducible`, `smoke`, `approvals`, `window`, `issues`, `soak`, `drill`, `github_settings`, `command`
              next: see release/gates.toml in docs/release.md; a kind is one of: api, approvals, branch, changelog, ci, clean_tree, command, drill, github_settings, issues, policy, reproducible, smoke, soak, version, window
            release/gates.toml:8: `gates.b`: `needed` is 0, so it would always be open
              next: set it to 1 or more
            release/gates.toml:8: `gates.b`: `age_max` is no duration
              next: write `72h` or `7d`
            release/gates.toml:12: `gates.c`: missing field `needed`
              next: see release/gates.toml in docs/release.md; a kind is one of: api, approvals, branch, changelog, ci, clean_tree, command, drill, github_settings, issues, policy, reproducible, smoke, soak, version, window
            release/gates.toml:17: `gates.d`: unknown field `hours_max`, expected one of `event`, `subject`, `hours_min`
              next: see release/gates.toml in docs/release.md; a kind is one of: api, approvals, branch, changelog, ci, clean_tree, command, drill, github_settings, issues, policy, reproducible, smoke, soak, version, window
            release/gates.toml:21: `gates.g`: `Fri 16:00` to `Monday` is no span of time
              next: write `Fri 16:00`, or `2026-12-20 00:00`, both in one form
            release/gates.toml:24: `gates.h`: `checks` has an unknown word
              next: name some of: advisories, bans, licenses, sources
            release/gates.toml:27: `gates.i`: `command` is empty
              next: write the program and its arguments
            release/gates.toml:27: `gates.i`: `timeout` is no duration
              next: write `90s` or `10m`
            release/gates.toml:3: `remove` names `nothing`, which is no built-in gate
              next: name one of: branch, changelog, ci, clean-tree, version
        "#]],
    );
    check(
        "gates = 3\n",
        expect![[r#"
        release/gates.toml:1: `gates` is no table
          next: write `[gates.NAME]`
    "#]],
    );
    check(
        "[gates\n",
        expect![[r#"
        release/gates.toml:1: unclosed table, expected `]`
          next: correct the line; https://toml.io has the syntax
    "#]],
    );
}

#[test]
fn gates_kinds_are_all_listed() {
    let schema = serde_json::to_string(&schema()).unwrap();
    for kind in KINDS {
        assert!(schema.contains(&format!("\"const\":\"{kind}\"")), "{kind}");
    }
    assert_eq!(
        schema.matches("\"const\":\"").count(),
        KINDS.len() + 3,
        "the three sources are constants too"
    );
}
