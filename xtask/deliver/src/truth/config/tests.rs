use super::*;

use expect_test::{Expect, expect};

#[track_caller]
fn check(text: &str, wanted: Expect) {
    let said = match parse(text) {
        Ok(config) => format!("{} claims", config.claims.len()),
        Err(findings) => findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    };
    wanted.assert_eq(&said);
}

fn claim(id: &str, more: &str) -> String {
    format!("[claims.{id}]\ntext = \"It works\"\nowner = \"CODEX\"\nphase = \"baseline\"\n{more}\n")
}

#[test]
fn a_ledger_is_read() {
    check(
        &[
            claim("a", "evidence = [{ step = \"build\" }, { test = \"one tests::doubles\", negative = true }]\nsafety = true"),
            claim("b", "terms = [\"Grafana\"]"),
            claim("c", "evidence = [{ event = { kind = \"deploy.ended\" }, ttl = \"7d\" }]"),
        ]
        .concat(),
        expect!["3 claims"],
    );
}

#[test]
fn bad_claims_are_all_found() {
    check(
        &[claim("a", ""), claim("a", "")].concat(),
        expect![[r#"
            release/truth.toml:6: duplicate key
              next: see release/schema/truth.json"#]],
    );
    check(
        &[
            claim("Upper", "terms = [\"\"]"),
            claim("two", "terms = [\"Loki\"]\nevidence = [{ step = \"a\", test = \"b c\" }]"),
            claim("term", "terms = [\"loki\"]\nevidence = [{}]"),
            claim("forever", "evidence = [{ drill = \"restore\" }]"),
            claim("never", "evidence = [{ drill = \"restore\", ttl = \"soon\" }]"),
            claim("high", "evidence = [{ step = \"build\", shows = \"operated\" }]"),
            claim("safe", "safety = true\nevidence = [{ step = \"build\" }]"),
            claim("odd", "evidence = [{ test = \"only\", exit = 1 }, { command = [] }]"),
            claim("asked", "evidence = [{ probe = { address = \"http://x\" }, ttl = \"1h\" }]"),
            "[claims.empty]\ntext = \"\"\nowner = \"\"\nphase = \"\"\nmutants = [{ file = \"a\", find = \"x\", replace = \"x\" }]\n".into(),
        ]
        .concat(),
        expect![[r#"
            release/truth.toml:1: claim `Upper` has an empty term
              next: remove it
            release/truth.toml:1: `Upper` cannot be the id of a claim
              next: use small letters, digits and `-`
            release/truth.toml:44: claim `asked`: a probe has no address, or no path
              next: give `address`, and a `path` that begins with `/`
            release/truth.toml:49: claim `empty`: `text` is empty
              next: fill it in
            release/truth.toml:49: claim `empty`: `owner` is empty
              next: fill it in
            release/truth.toml:49: claim `empty`: `phase` is empty
              next: fill it in
            release/truth.toml:49: claim `empty`: a mutant changes nothing
              next: say by `find` and `replace` what it changes
            release/truth.toml:18: claim `forever`: this evidence would count for ever
              next: say by `ttl` for how long it counts
            release/truth.toml:28: claim `high`: what ran on the sources cannot show that something is deployed
              next: use an event, a drill or a probe
            release/truth.toml:23: claim `never`: `ttl` is no time
              next: write `90s`, `12h` or `7d`
            release/truth.toml:39: claim `odd`: `only` is no test
              next: write `BINARY TEST`, as `cargo nextest list` prints them
            release/truth.toml:39: claim `odd`: `exit`, `prints` and `seconds_max` belong to a command
              next: remove them
            release/truth.toml:39: claim `odd`: a command names no program
              next: give the program and its arguments
            release/truth.toml:33: claim `safe` is about safety and has no negative evidence
              next: add evidence with `negative = true` that breaks the ability and sees the check turn red
            release/truth.toml:12: claim `term`: evidence names 0 things
              next: name one of `step`, `test`, `command`, `probe`, `event`, `drill`, `setting`
            release/truth.toml:6: `Loki` is a term of `term` and of `two`
              next: leave it to one of them
            release/truth.toml:6: claim `two`: evidence names 2 things
              next: name one of `step`, `test`, `command`, `probe`, `event`, `drill`, `setting`"#]],
    );
}

#[test]
fn times_are_read_exactly() {
    for (text, wanted) in [
        ("90s", Some(90)),
        ("5m", Some(300)),
        ("12h", Some(43_200)),
        ("7d", Some(604_800)),
        ("0d", None),
        ("7", None),
        ("d", None),
        ("", None),
        ("-1h", None),
        ("99999999999999999999d", None),
    ] {
        assert_eq!(seconds(text), wanted, "{text}");
    }
}
