use expect_test::expect;

use super::super::tests::findings;
use super::*;

#[test]
fn a_document_that_does_not_hold_is_found() {
    let page = "# Guide\n\nSee [a](gone.md), [b](#nowhere), [`c`](../a.rs), [d](other.md#missing).\n\n\
                ```console\n$ cargo xtask gone --now\n$ other\n```\n\n[e]: ../gone/\n";
    let files = [("a.rs", "fn a() {}\n"), ("docs/guide.md", page), ("docs/other.md", "# There\n")];
    expect![[r#"
        a.rs:1: the file does not say what it is for
          next: begin it with `//! `: what it is for, the rules it keeps, and how to change it
        docs/guide.md:3: `docs/guide.md` has no heading `#nowhere`
          next: correct the link
        docs/guide.md:3: `docs/other.md` has no heading `#missing`
          next: correct the link
        docs/guide.md:3: the link `gone.md` leads nowhere
          next: correct the link
        docs/guide.md:6: `cargo xtask gone --now`: unrecognized subcommand
          next: write a command that exists; `docs/cli.md` has them all
        docs/guide.md:10: the link `../gone/` leads nowhere
          next: correct the link
    "#]]
    .assert_eq(&findings(check, "", &files));
}

#[test]
fn a_document_that_holds_is_silent() {
    let page = "# The guide, `part` 1\n\nSee [a](#the-guide-part-1), [b](../src), [c](https://example.org/x), \
                `[d](gone.md)`.\n\n## Twice\n\n## Twice\n\n[e](#twice-1)\n\n\
                ```console\n$ cargo xtask ci --step 'a b' | less  # shows it\nerror: x\n```\n\n\
                ````text\n```\n[f](gone.md)\n````\n";
    let files = [("docs/guide.md", page), ("src/a.rs", "//! A file.\n"), ("src/a/tests.rs", "")];
    assert_eq!(findings(check, "", &files), "");
}

#[test]
fn the_code_map_is_the_code() {
    let map = "# Architecture\n\n## Code map\n\n- `xtask/src/ci.rs`: the checks\n- `xtask/src/gone.rs`: nothing\n\
               - `Plan`, `a/`\n\n## Invariants\n\n`no/map.rs`\n";
    let module = "//! A module.\n";
    let files = [
        (MAP, map),
        ("xtask/src/ci.rs", module),
        ("xtask/src/ci/plan.rs", module),
        ("xtask/src/new.rs", module),
    ];
    expect![[r#"
        docs/ARCHITECTURE.md:4: the code map does not name `xtask/src/new.rs`
          next: add a line that says what it is for
        docs/ARCHITECTURE.md:6: the code map names `xtask/src/gone.rs`, which is not there
          next: correct the path, written from the root
        docs/ARCHITECTURE.md:7: the code map names `a/`, which is not there
          next: correct the path, written from the root
    "#]]
    .assert_eq(&findings(check, "", &files));
}

#[test]
fn a_command_line_is_cut_into_words_as_a_shell_does() {
    assert_eq!(words("ci --step 'a b' \"\" x#1 # why"), ["ci", "--step", "a b", "", "x#1"]);
    assert_eq!(words("ci --json | head"), ["ci", "--json"]);
    assert_eq!(words("completions zsh > _cargo-xtask"), ["completions", "zsh"]);
}
