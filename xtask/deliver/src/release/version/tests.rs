use super::*;

/// Each row: manifest, releases in this history, releases elsewhere, channel, line, bump, fresh; what is next.
type Row =
    (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str, bool, &'static str);

const CASES: &[Row] = &[
    // What a change asks for, as cargo reads versions.
    ("1.2.3", "1.2.3", "", "", "", "patch", true, "1.2.4"),
    ("1.2.3", "1.2.3", "", "", "", "minor", true, "1.3.0"),
    ("1.2.3", "1.2.3", "", "", "", "major", true, "2.0.0"),
    ("0.2.3", "0.2.3", "", "", "", "patch", true, "0.2.4"),
    ("0.2.3", "0.2.3", "", "", "", "minor", true, "0.2.4"),
    ("0.2.3", "0.2.3", "", "", "", "major", true, "0.3.0"),
    ("0.0.3", "0.0.3", "", "", "", "major", true, "0.0.4"),
    ("0.0.3", "0.0.3", "", "", "", "minor", true, "0.0.4"),
    // Nothing asked, nothing due.
    ("1.2.3", "1.2.3", "", "", "", "", false, "nothing"),
    // A first release keeps the manifest's version.
    ("0.1.0", "", "", "", "", "major", true, "0.1.0"),
    ("1.0.0-alpha.1", "", "", "", "", "", true, "1.0.0-alpha.1"),
    ("0.1.0", "", "", "rc", "", "minor", true, "0.1.0-rc.1"),
    // A manifest that is ahead was raised by a person, or by a release that was prepared.
    ("1.3.0", "1.2.3", "", "", "", "patch", true, "1.3.0"),
    ("1.3.0", "1.2.3", "", "", "", "major", true, "2.0.0"),
    ("1.0.0", "0.9.1", "", "", "", "", false, "1.0.0"),
    // Pre-releases of a channel.
    ("1.1.0", "1.1.0", "", "rc", "", "minor", true, "1.2.0-rc.1"),
    ("1.2.0-rc.1", "1.1.0 1.2.0-rc.1", "", "rc", "", "minor", true, "1.2.0-rc.2"),
    ("1.2.0-rc.9", "1.1.0 1.2.0-rc.9", "", "rc", "", "minor", true, "1.2.0-rc.10"),
    ("1.2.0-rc.1", "1.1.0 1.2.0-rc.1", "", "rc", "", "minor", false, "nothing"),
    ("1.2.0-rc.1", "1.1.0 1.2.0-rc.1", "", "rc", "", "major", true, "2.0.0-rc.1"),
    ("1.2.0-rc.1", "1.1.0 1.2.0-rc.1", "", "rc", "", "patch", true, "1.2.0-rc.2"),
    ("1.2.0-beta.4", "1.1.0 1.2.0-beta.4", "", "rc", "", "minor", true, "1.2.0-rc.1"),
    ("1.2.0-rc.1", "1.1.0 1.2.0-rc.1", "1.2.0-rc.2", "rc", "", "minor", true, "1.2.0-rc.3"),
    ("1.2.0-rc.2", "1.1.0 1.2.0-rc.1", "", "rc", "", "minor", true, "1.2.0-rc.2"),
    (
        "1.1.0",
        "1.1.0",
        "",
        "r c",
        "",
        "minor",
        true,
        "`r c` cannot stand in a version: unexpected character in pre-release identifier",
    ),
    // Promoting drops the word, without another change too.
    ("1.2.0-rc.2", "1.1.0 1.2.0-rc.2", "", "", "", "minor", false, "1.2.0"),
    ("1.2.0-rc.2", "1.1.0 1.2.0-rc.2", "", "", "", "major", true, "2.0.0"),
    ("1.0.0-rc.1", "1.0.0-rc.1", "", "", "", "major", true, "1.0.0"),
    // Lower than the last.
    (
        "1.2.0-rc.1",
        "1.1.0 1.2.0-rc.1",
        "",
        "alpha",
        "",
        "minor",
        true,
        "1.2.0-alpha.1 would be lower than the last release, 1.2.0-rc.1",
    ),
    (
        "1.2.0-rc.1",
        "1.2.0",
        "",
        "",
        "",
        "patch",
        true,
        "the manifest says 1.2.0-rc.1, which is lower than the last release, 1.2.0",
    ),
    // Maintenance branches.
    ("1.2.3", "1.2.3", "2.0.0 2.1.0", "", "1.x", "minor", true, "1.3.0"),
    (
        "1.2.3",
        "1.2.3",
        "2.0.0",
        "",
        "1.x",
        "major",
        true,
        "2.0.0 is released already, from a commit that is not in this history",
    ),
    (
        "1.2.3",
        "1.2.3",
        "",
        "",
        "1.x",
        "major",
        true,
        "2.0.0 is outside of the line 1.x that this branch maintains",
    ),
    (
        "1.2.3",
        "1.2.3",
        "1.2.5",
        "",
        "1.2.x",
        "minor",
        true,
        "1.3.0 would pass 1.2.5, which another branch released",
    ),
    (
        "1.2.3",
        "1.2.3",
        "",
        "",
        "1.2.x",
        "minor",
        true,
        "1.3.0 is outside of the line 1.2.x that this branch maintains",
    ),
    ("1.2.3", "1.2.3", "1.3.0", "", "v1.2", "patch", true, "1.2.4"),
    ("0.4.0", "0.4.0", "", "", "1.x", "minor", true, "0.4.1"),
    ("1.2.3", "1.2.3", "", "", "old-customers", "major", true, "2.0.0"),
    // Released from a maintenance branch that was not merged back.
    (
        "1.2.3",
        "1.2.3",
        "1.2.4",
        "",
        "",
        "patch",
        true,
        "1.2.4 is released already, from a commit that is not in this history",
    ),
    ("1.2.3", "1.2.3", "1.2.4", "", "", "minor", true, "1.3.0"),
];

#[test]
fn the_next_version_follows_from_what_was_and_what_is_asked() {
    for (manifest, here, elsewhere, channel, line, bump, is_fresh, expected) in CASES {
        let versions = |text: &str| -> Vec<Version> {
            text.split_whitespace().map(|version| version.parse().unwrap()).collect()
        };
        let (here_versions, elsewhere_versions) = (versions(here), versions(elsewhere));
        let some = |text: &'static str| Some(text).filter(|text| !text.is_empty());
        let asked = Asked {
            manifest: &manifest.parse().unwrap(),
            stable: here_versions.iter().filter(|version| version.pre.is_empty()).max(),
            last: here_versions.iter().max(),
            elsewhere: &elsewhere_versions,
            channel: some(channel),
            line: some(line),
            bump: Bump::of(bump),
            is_fresh: *is_fresh,
        };
        let actual = match next(&asked) {
            Ok(Some(version)) => version.to_string(),
            Ok(None) => "nothing".to_owned(),
            Err(refusal) => refusal.problem,
        };
        assert_eq!(actual, *expected, "{manifest} after {here} ({elsewhere}), {channel} {line} {bump}");
    }
}
