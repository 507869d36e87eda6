use expect_test::{Expect, expect};

use super::*;

const KEPT: &str = "# Changelog

All that counts.

## [Unreleased]

### Added

- A door.

### Fixed

- A wall, see [#7].

## [0.1.0] - 2026-01-02

- The first.

[#7]: https://example.com/7
[unreleased]: https://example.com/o/r/compare/v0.1.0...HEAD
[0.1.0]: https://example.com/o/r/releases/tag/v0.1.0
";

fn entry(kind: Kind, text: &str) -> Entry {
    Entry { kind, text: text.to_owned() }
}

/// Cuts 0.2.0, shows the result, and cuts it again: nothing changes.
#[track_caller]
fn check(text: &str, entries: &[Entry], expected: Expect) {
    let wanted = Cut { name: "0.2.0", tag: "v0.2.0", date: "2026-02-03", entries };
    match cut(text, &wanted) {
        Ok(done) => {
            expected.assert_eq(&done.replace('\r', "<CR>"));
            assert_eq!(cut(&done, &wanted).unwrap(), done);
        }
        Err(findings) => expected.assert_eq(&shown(&findings)),
    }
}

fn shown(findings: &[Finding]) -> String {
    findings
        .iter()
        .map(|finding| format!("{} {} -> {}\n", finding.line, finding.problem, finding.next))
        .collect()
}

#[test]
fn unreleased_becomes_the_section_and_links_follow() {
    check(
        KEPT,
        &[],
        expect![[r#"
        # Changelog

        All that counts.

        ## [Unreleased]

        ## [0.2.0] - 2026-02-03

        ### Added

        - A door.

        ### Fixed

        - A wall, see [#7].

        ## [0.1.0] - 2026-01-02

        - The first.

        [#7]: https://example.com/7
        [unreleased]: https://example.com/o/r/compare/v0.2.0...HEAD
        [0.2.0]: https://example.com/o/r/compare/v0.1.0...v0.2.0
        [0.1.0]: https://example.com/o/r/releases/tag/v0.1.0
    "#]],
    );
}

#[test]
fn entries_join_those_that_are_there() {
    let entries = [
        entry(Kind::Security, "No hole."),
        entry(Kind::Added, "A window."),
        entry(Kind::Added, "A door."),
        entry(Kind::Added, "A window."),
        entry(Kind::Changed, "The roof\nin two lines\n\n  and a list"),
    ];
    check(
        KEPT,
        &entries,
        expect![[r#"
        # Changelog

        All that counts.

        ## [Unreleased]

        ## [0.2.0] - 2026-02-03

        ### Added

        - A door.
        - A window.

        ### Changed

        - The roof
          in two lines

            and a list

        ### Fixed

        - A wall, see [#7].

        ### Security

        - No hole.

        ## [0.1.0] - 2026-01-02

        - The first.

        [#7]: https://example.com/7
        [unreleased]: https://example.com/o/r/compare/v0.2.0...HEAD
        [0.2.0]: https://example.com/o/r/compare/v0.1.0...v0.2.0
        [0.1.0]: https://example.com/o/r/releases/tag/v0.1.0
    "#]],
    );
}

#[test]
fn an_empty_unreleased_takes_entries() {
    let text = "# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2026-01-02\n\n- The first.\n";
    check(
        text,
        &[entry(Kind::Fixed, "A wall.")],
        expect![[r#"
        # Changelog

        ## [Unreleased]

        ## [0.2.0] - 2026-02-03

        ### Fixed

        - A wall.

        ## [0.1.0] - 2026-01-02

        - The first.
    "#]],
    );
    check(
        &text.replace("]\n\n##", "]\n##"),
        &[entry(Kind::Fixed, "A wall.")],
        expect![[r#"
        # Changelog

        ## [Unreleased]

        ## [0.2.0] - 2026-02-03

        ### Fixed

        - A wall.

        ## [0.1.0] - 2026-01-02

        - The first.
    "#]],
    );
}

#[test]
fn without_unreleased_the_section_comes_first() {
    let text = "# Changelog\n\n## 0.1.0 (2026-01-02)\n\n- The first.\n\n[0.1.0]: https://example.com/releases/tag/v0.1.0\n";
    check(
        text,
        &[entry(Kind::Fixed, "A wall.")],
        expect![[r#"
        # Changelog

        ## [0.2.0] - 2026-02-03

        ### Fixed

        - A wall.

        ## 0.1.0 (2026-01-02)

        - The first.

        [0.2.0]: https://example.com/releases/tag/v0.2.0
        [0.1.0]: https://example.com/releases/tag/v0.1.0
    "#]],
    );
    check(
        "# Changelog",
        &[entry(Kind::Fixed, "A wall.")],
        expect![[r#"
        # Changelog

        ## [0.2.0] - 2026-02-03

        ### Fixed

        - A wall.
    "#]],
    );
    check(
        "",
        &[],
        expect![[r#"
        ## [0.2.0] - 2026-02-03
    "#]],
    );
    check(
        "## Unreleased",
        &[entry(Kind::Added, "x")],
        expect![[r#"
        ## Unreleased

        ## [0.2.0] - 2026-02-03

        ### Added

        - x
    "#]],
    );
}

#[test]
fn line_ends_stay_what_they_are() {
    check(
        "# Changelog\r\n\r\n## [Unreleased]\r\n\r\n### Added\r\n\r\n- A door.\r\n\r\n[Unreleased]: https://e.com/compare/v0.1.0...main\r\n",
        &[entry(Kind::Added, "A\r\nwindow."), entry(Kind::Fixed, "A wall.")],
        expect![[r#"
            # Changelog<CR>
            <CR>
            ## [Unreleased]<CR>
            <CR>
            ## [0.2.0] - 2026-02-03<CR>
            <CR>
            ### Added<CR>
            <CR>
            - A door.<CR>
            - A<CR>
              window.<CR>
            <CR>
            ### Fixed<CR>
            <CR>
            - A wall.<CR>
            <CR>
            [Unreleased]: https://e.com/compare/v0.2.0...main<CR>
            [0.2.0]: https://e.com/compare/v0.1.0...v0.2.0<CR>
        "#]],
    );
}

#[test]
fn what_is_cut_already_stays() {
    for name in ["[0.2.0] - 2020-01-01", "[v0.2.0]", "0.2.0", "[0.2.0](https://example.com) - 2020-01-01"] {
        let text = format!("## [Unreleased]\n\n- more\n\n## {name}\n\n- x\n");
        let wanted = Cut { name: "0.2.0", tag: "v0.2.0", date: "2026-02-03", entries: &[] };
        assert_eq!(cut(&text, &wanted).unwrap(), text);
        assert_eq!(section(&text, "0.2.0").as_deref(), Some("- x"));
    }
}

#[test]
fn hostile_entries_stay_one_item_each() {
    let entries = [
        entry(Kind::Added, "# [9.9.9] - 2020-01-01\n## [9.9.8]\n\u{1b}]0;x\u{7}::error::no\n\n"),
        entry(Kind::Added, "[0.1.0]: https://evil.example \"t\"\n<!-- open\n```\n~~~~"),
        entry(Kind::Fixed, " \u{202e}\u{7} \n"),
        entry(Kind::Fixed, "`$(rm -rf /)` ${{ secrets.X }} | \u{2028}end"),
    ];
    check(
        KEPT,
        &entries,
        expect![[r##"
        # Changelog

        All that counts.

        ## [Unreleased]

        ## [0.2.0] - 2026-02-03

        ### Added

        - A door.
        - \# [9.9.9] - 2020-01-01
          \## [9.9.8]
          ]0;x::error::no
        - \[0.1.0]: https://evil.example "t"
          \<!-- open
          ```
          ~~~~

        ### Fixed

        - A wall, see [#7].
        - `$(rm -rf /)` ${{ secrets.X }} |  end

        ## [0.1.0] - 2026-01-02

        - The first.

        [#7]: https://example.com/7
        [unreleased]: https://example.com/o/r/compare/v0.2.0...HEAD
        [0.2.0]: https://example.com/o/r/compare/v0.1.0...v0.2.0
        [0.1.0]: https://example.com/o/r/releases/tag/v0.1.0
    "##]],
    );
}

#[test]
fn headings_in_fences_and_comments_are_text() {
    check(
        "# Changelog\n\n<!--\n## [Unreleased]\n-->\n\n```md\n## [0.2.0]\n``\n```\n\n## [Unreleased]\n\n- a\n\n````\n```\n## [0.0.1]\n````\n\n## [0.1.0] - 2026-01-02\n",
        &[],
        expect![[r#"
            # Changelog

            <!--
            ## [Unreleased]
            -->

            ```md
            ## [0.2.0]
            ``
            ```

            ## [Unreleased]

            ## [0.2.0] - 2026-02-03

            - a

            ````
            ```
            ## [0.0.1]
            ````

            ## [0.1.0] - 2026-01-02
        "#]],
    );
}

#[test]
fn what_cannot_be_cut_without_guessing_is_refused() {
    check(
        "## [Unreleased]\n\n- a\n\n## [unreleased]\n\n- b\n",
        &[],
        expect![[r#"
        5 `[Unreleased]` is there twice -> move the entries together
    "#]],
    );
    check(
        "# Changelog\n\n```\n## [Unreleased]\n",
        &[],
        expect![[r#"
        3 a code fence or a comment begins here and never ends -> close it
    "#]],
    );
    check(
        "# Changelog\n\n<!-- \n## [Unreleased]\n",
        &[],
        expect![[r#"
        3 a code fence or a comment begins here and never ends -> close it
    "#]],
    );
}

#[test]
fn a_section_is_read_with_the_links_that_it_uses() {
    assert_eq!(section(KEPT, "0.1.0").as_deref(), Some("- The first."));
    expect![[r#"
        ### Added

        - A door.

        ### Fixed

        - A wall, see [#7].

        [#7]: https://example.com/7"#]]
    .assert_eq(&section(KEPT, "unreleased").or(section(KEPT, "Unreleased")).unwrap());
    assert_eq!(section(KEPT, "0.1"), None);
    assert_eq!(unreleased(KEPT).map(|text| text.lines().count()), Some(7));
    assert_eq!(unreleased("# Changelog\n"), None);
}

#[test]
fn what_is_not_in_the_form_is_found_with_its_line() {
    assert_eq!(findings(KEPT), []);
    let text = "Changes\n\n## [0.1.0] - 2026-02-30\n\n## 0.2.0\n\n## [0.1.0] - 2026-01-01 [YANKED]\n\n## [Unreleased]\n\n## [Unreleased]\n\n```\n";
    expect![[r#"
        13 a code fence or a comment begins here and never ends -> close it
        11 `[Unreleased]` is there twice -> move the entries together
        1 the first line is no title -> # Changelog
        9 `[Unreleased]` is not the first section -> move it to the top
        3 `## [0.1.0] - 2026-02-30` has no date -> ## [0.1.0] - 2026-01-31
        5 `## 0.2.0` has no date -> ## [0.2.0] - 2026-01-31
        5 `0.2.0` is newer than the version above it -> newest first
        7 `0.1.0` is there twice -> move the entries together
    "#]]
    .assert_eq(&shown(&findings(text)));
}

const LINES: &[&str] = &[
    "# Changelog",
    "## [Unreleased]",
    "## [0.1.0] - 2026-01-02",
    "## [0.0.9]",
    "### Added",
    "### Fixed",
    "- a",
    "  more",
    "text",
    "",
    "```",
    "~~~~",
    "<!--",
    "-->",
    "[0.1.0]: https://e.com/releases/tag/v0.1.0",
    "[unreleased]: https://e.com/compare/a...HEAD",
];

proptest::proptest! {
    /// Whatever the file is: what was there stays there in its order, but for the links, and cutting again changes nothing.
    #[test]
    fn cutting_only_adds(picks in proptest::collection::vec(0..LINES.len(), 0..24), crlf: bool, ends: bool) {
        let end = if crlf { "\r\n" } else { "\n" };
        let mut text = picks.iter().map(|pick| LINES[*pick]).collect::<Vec<_>>().join(end);
        if ends {
            text.push_str(end);
        }
        let entries = [entry(Kind::Added, "new"), entry(Kind::Security, "newer")];
        let wanted = Cut { name: "0.2.0", tag: "v0.2.0", date: "2026-02-03", entries: &entries };
        if let Ok(done) = cut(&text, &wanted) {
            proptest::prop_assert_eq!(cut(&done, &wanted).unwrap(), done.clone());
            let section = section(&done, "0.2.0").unwrap();
            proptest::prop_assert!(section.contains("- new\n") && section.contains("- newer"), "{}", section);
            let mut after = done.lines();
            for line in text.lines().filter(|line| link(line).is_none()) {
                proptest::prop_assert!(after.any(|kept| kept == line), "{:?} is gone from {}", line, done);
            }
        }
    }
}
