use super::*;

use expect_test::{Expect, expect};

#[track_caller]
fn check(text: &str, wanted: Expect) {
    let said = match parse(text) {
        Ok(config) => format!("{} signals", config.signals.len()),
        Err(findings) => findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    };
    wanted.assert_eq(&said);
}

fn signal(name: &str, more: &str) -> String {
    format!("[signals.{name}]\nevery = \"1m\"\n{more}\n")
}

#[test]
fn signals_of_each_kind_are_read() {
    check(
        &[
            signal("a", "http = { address = \"http://127.0.0.1:1\", path = \"/readyz\", pointers = { \"/status\" = \"ready\" }, version = { path = \"/version\", pointer = \"/version\" }, timeout = \"2s\" }"),
            signal("b", "tcp = { address = \"[::1]:5432\" }\nfailures = 3\nsuccesses = 2\nstartup = \"30s\"\nowner = \"CODEX\""),
            signal("c", "command = { run = [\"true\"], exit = 1, prints = \"x\" }"),
            signal("d", "file_age = { path = \"a\", age_max = \"1d\" }"),
            signal("e", "disk = { path = \".\", free_mib_min = 100 }"),
            signal("f", "journal = { whole = true }"),
            signal("g", "[signals.g.journal]\nkind = \"ci.run\"\nsubject = \"passed\"\nage_max = \"7d\""),
        ]
        .concat(),
        expect!["7 signals"],
    );
}

#[test]
fn bad_signals_are_all_found() {
    check(
        "[signals.a]\nhttp = { adress = \"x\" }\n",
        expect![[r#"
        release/signals.toml:2: unknown field `adress`, expected one of `address`, `path`, `status`, `content_type`, `contains`, `pointers`, `version`, `timeout`
          next: see release/schema/signals.json"#]],
    );
    check(
        &[
            signal("Upper", "failures = 0\nowner = \" \""),
            signal("two", "tcp = { address = \"x\" }\ndisk = { path = \".\", free_mib_min = 1 }"),
            signal("port", "tcp = { address = \"x\", timeout = \"soon\" }\nstartup = \"later\""),
            signal(
                "page",
                "http = { address = \"x\", path = \"y\", pointers = { z = \"1\" } }\nsuccesses = 21",
            ),
            signal("program", "command = { run = [] }"),
            signal("file", "file_age = { path = \"a\", age_max = \"old\" }"),
            signal("disk", "disk = { path = \".\", free_mib_min = 0 }"),
            signal("nothing", "journal = {}"),
            signal("both", "journal = { whole = true, kind = \"a\", age_max = \"1d\" }"),
            "[signals.never]\nevery = \"0s\"\njournal = { whole = true }\n".into(),
        ]
        .concat(),
        expect![[r#"
            release/signals.toml:1: signal `Upper`: this cannot be the name of a signal
              next: use small letters, digits and `-`
            release/signals.toml:1: signal `Upper`: `failures` is not from 1 to 20
              next: write how many looks in a row decide
            release/signals.toml:1: signal `Upper`: `owner` is empty
              next: fill it in, or remove it
            release/signals.toml:1: signal `Upper`: it looks at 0 things
              next: name one of `http`, `tcp`, `command`, `file_age`, `disk`, `journal`
            release/signals.toml:29: signal `both`: `journal` asks nothing, or two things
              next: write `whole = true`, or `kind` and `age_max`
            release/signals.toml:23: signal `disk`: `disk.free_mib_min` is 0, which is always free
              next: write how many MiB must be free
            release/signals.toml:20: signal `file`: `file_age.age_max` is no time
              next: write `90s`, `12h` or `7d`
            release/signals.toml:32: signal `never`: `every` is no time
              next: write `90s`, `12h` or `7d`
            release/signals.toml:26: signal `nothing`: `journal` asks nothing, or two things
              next: write `whole = true`, or `kind` and `age_max`
            release/signals.toml:13: signal `page`: `successes` is not from 1 to 20
              next: write how many looks in a row decide
            release/signals.toml:13: signal `page`: `http.address` is no address
              next: write `http://HOST:PORT`, `https://HOST` or `unix:PATH`
            release/signals.toml:13: signal `page`: a path of `http` does not begin with `/`
              next: write `/readyz`, say
            release/signals.toml:13: signal `page`: `z` is no place of a JSON body
              next: write `/status`, say (RFC 6901)
            release/signals.toml:9: signal `port`: `startup` is no time
              next: write `90s`, `12h` or `7d`
            release/signals.toml:9: signal `port`: `tcp.address` has no port
              next: write `HOST:PORT`
            release/signals.toml:9: signal `port`: `tcp.timeout` is no time
              next: write `90s`, `12h` or `7d`
            release/signals.toml:17: signal `program`: `command.run` names no program
              next: give the program and its arguments
            release/signals.toml:5: signal `two`: it looks at 2 things
              next: name one of `http`, `tcp`, `command`, `file_age`, `disk`, `journal`"#]],
    );
}
