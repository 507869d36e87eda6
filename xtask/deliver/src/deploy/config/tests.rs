use expect_test::{Expect, expect};

use super::*;

const GOOD: &str = r#"[service]
name = "guestbook"
artifact = "guestbook"

[stages.staging]
driver = "local"
[stages.staging.hosts.one]
listen = "127.0.0.1:8080"

[stages.production]
after = ["staging"]
driver = "ssh"
waves = ["1", "50%"]
[stages.production.hosts]
a = { at = "deploy@10.0.0.1", listen = "0.0.0.0:80" }
b = { at = "deploy@10.0.0.2", listen = "0.0.0.0:80" }
c = { at = "deploy@10.0.0.3", listen = "0.0.0.0:80" }
d = { at = "deploy@10.0.0.4", listen = "0.0.0.0:80" }
"#;

#[track_caller]
fn refused(replaced: &str, by: &str, expected: Expect) {
    assert!(GOOD.contains(replaced), "{replaced}");
    let findings = parse(&GOOD.replacen(replaced, by, 1)).unwrap_err();
    let text: Vec<_> = findings.iter().map(|finding| format!("{finding}\n")).collect();
    expected.assert_eq(&text.concat());
}

#[test]
fn waves_have_every_host_once_and_stages_have_an_order() {
    let config = parse(GOOD).unwrap();
    assert_eq!(config.order(), ["staging", "production"]);
    let waves: Vec<_> = config.stages["production"].waves().iter().map(|wave| wave.join("")).collect();
    assert_eq!(waves, ["a", "b", "cd"]);
    assert_eq!(config.stages["staging"].waves(), [["one"]]);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    refused(
        "after = [\"staging\"]",
        "after = [\"stagin\"]",
        expect![[r#"
            release/stages.toml:11: `stagin` is no stage, and `production` comes after it
              next: name a stage of this file
        "#]],
    );
    refused(
        "[stages.staging]\n",
        "[stages.staging]\nafter = [\"production\"]\n",
        expect![[r#"
            release/stages.toml:11: `production` comes after itself
              next: promotion has a first stage: correct `after`
        "#]],
    );
    refused(
        "10.0.0.2",
        "10.0.0.1",
        expect![[r#"
            release/stages.toml:16: `b` is `production/a` once more, as `production/b`
              next: a host is in one stage, once
        "#]],
    );
    refused(
        "deploy@10.0.0.2",
        "root@10.0.0.2",
        expect![[r#"
            release/stages.toml:10: `production` has hosts with different logins or different `listen`
              next: hosts of one stage are prepared alike: make them so, or make two stages
        "#]],
    );
    refused(
        "[\"1\", \"50%\"]",
        "[\"2\", \"1\", \"0\"]",
        expect![[r#"
            release/stages.toml:13: `1` is smaller than the wave before it
              next: waves grow: `1`, `50%`, `100%`
            release/stages.toml:13: `0` is no wave
              next: write a number of hosts, or a percentage: `1`, `50%`
        "#]],
    );
    refused(
        "driver = \"ssh\"",
        "driver = \"ftp\"",
        expect![[r#"
            release/stages.toml:12: unknown variant `ftp`, expected `ssh` or `local`
              next: see release/schema/stages.json
        "#]],
    );
    refused(
        "[stages.staging.hosts.one]\nlisten = \"127.0.0.1:8080\"",
        "[stages.staging.hosts]",
        expect![[r#"
            release/stages.toml:5: `staging` has no host
              next: add `[stages.NAME.hosts.HOST]`
        "#]],
    );
    refused(
        "waves = ",
        "freezes = [{ from = \"Fri 16:00\", to = \"Mon 08:00\", zone = \"Europe/Berlim\" }]\nwaves = ",
        expect![[r#"
            release/stages.toml:13: `Europe/Berlim` is no time zone that is known here
              next: write one as `Europe/Berlin`, or as POSIX writes it: `CET-1CEST,M3.5.0,M10.5.0/3`
        "#]],
    );
}
