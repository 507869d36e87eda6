//! What the file may say, and every problem of one that may not.

use expect_test::{Expect, expect};

use super::*;
use crate::resilience::report;

#[track_caller]
fn check(text: &str, expected: Expect) {
    let said = match parse(text) {
        Ok(config) => report::document(&config),
        Err(findings) => findings.iter().map(|finding| format!("{finding}\n")).collect(),
    };
    expected.assert_eq(&said);
}

#[test]
fn a_declaration_becomes_a_part_of_the_document() {
    check(
        r#"
[backups.books]
source = { postgres = { variables = { PGDATABASE = "books" } } }
repository = "s3:https://storage.example/books"
password_variable = "BOOKS_PASSWORD"
schedule = "each night"
owner = "shop | office"
restored_by = "on call"
shrink_percent_max = 10
keep = { last = 3, weekly = 4 }

[backups.files]
source = { command = { command = ["cp", "-r", "uploads", "{folder}"] } }
repository = ".xtask/backups/files"
password_variable = "FILES_PASSWORD"
schedule = "hourly"
owner = "shop"
restored_by = "shop"
shrink_percent_max = 0

[restore_drills.books]
backup = "books"
release_of = "staging"
boot = ["{release}/program"]
probe = ["true"]
newest = ["date", "+%s"]
recovery_seconds_max = 900
newest_age_seconds_max = 86400
age_days_max = 30
checks = [{ command = ["true"], expect = "" }]

[stage_drills.lights]
kind = "restart"
stage = "staging"
seconds_max = 20
age_days_max = 30
write = ["true", "{token}"]
read = ["true"]
"#,
        expect![[r#"
            | backup | what | where | how often | who answers | who restores | kept |
            |---|---|---|---|---|---|---|
            | `books` | the PostgreSQL database `books` | `s3:https://storage.example/books` | each night | shop \| office | on call | 3 newest, 4 weekly |
            | `files` | what `cp` writes | `.xtask/backups/files` | hourly | shop | shop | everything |

            | drill | restores | boots | served within | newest record at most | counts for |
            |---|---|---|---|---|---|
            | `books` | `books` | the confirmed release of `staging` | 900 s | 86400 s old | 30 days |

            | drill on a stage | what | of | within | counts for |
            |---|---|---|---|---|
            | `lights` | `restart` | `staging` | 20 s | 30 days |
        "#]],
    );
}

#[test]
fn every_problem_is_said_at_once_with_its_line() {
    check(
        r#"
[backups."a b"]
source = { command = { command = ["true"] } }
repository = " "
password_variable = "BOOKS"
schedule = "each night"
owner = "shop"
restored_by = ""
shrink_percent_max = 100
keep = {}

[restore_drills.books]
backup = "books"
boot = ["{release}/program"]
probe = []
newest = ["date", "+%s"]
recovery_seconds_max = 0
newest_age_seconds_max = 86400
age_days_max = 0
checks = []
cleanup = [[]]
"#,
        expect![[r#"
            release/resilience.toml: `a b` cannot be a name
              next: use letters, digits, `-` and `_`
            release/resilience.toml: `BOOKS` would not be masked in output
              next: give the variable a name that ends with `PASSWORD`
            release/resilience.toml: an empty backup would pass
              next: give a number below 100
            release/resilience.toml: nothing would be kept
              next: give `last`, `daily`, `weekly` or `monthly` a number
            release/resilience.toml: the command does not say where it writes
              next: use `{folder}` in it
            release/resilience.toml: `repository` is empty
              next: fill it in
            release/resilience.toml: `restored_by` is empty
              next: fill it in
            release/resilience.toml:13: there is no backup `books`
              next: name one of: a b
            release/resilience.toml:15: `probe` names no program
              next: give the program and its arguments
            release/resilience.toml:20: a command names no program
              next: give the program and its arguments
            release/resilience.toml:14: `{release}` has no meaning
              next: say by `release_of` which stage runs it
            release/resilience.toml:20: nothing would be checked
              next: give at least one command with what it must print
            release/resilience.toml:17: `recovery_seconds_max` is 0, which nothing can meet
              next: give the limit that people rely on
            release/resilience.toml:19: `age_days_max` is 0, which nothing can meet
              next: give the limit that people rely on
        "#]],
    );
    check(
        "[backups.a]\nsauce = 1\n",
        expect![[r#"
        release/resilience.toml:2: unknown field `sauce`, expected one of `source`, `repository`, `password_variable`, `schedule`, `owner`, `restored_by`, `shrink_percent_max`, `keep`, `variables`
          next: see release/schema/resilience.json
    "#]],
    );
}
