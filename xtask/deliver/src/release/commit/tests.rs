use expect_test::{Expect, expect};

use super::*;

/// What each text says, one line for each.
#[track_caller]
fn check(texts: &[&str], expected: Expect) {
    let line = |text: &&str| {
        let Message { kind, scope, title, breaking, reverts } = parse(text);
        let bump = parse(text).bump().map_or("-", Bump::word);
        let mut line = format!("{bump} {kind:?} [{scope}] {title}");
        if let Some(breaking) = breaking {
            line.push_str(&format!(" | breaks: {breaking}"));
        }
        if !reverts.is_empty() {
            line.push_str(&format!(" | reverts {}", reverts.join(" ")));
        }
        line + "\n"
    };
    expected.assert_eq(&texts.iter().map(line).collect::<String>());
}

#[test]
fn the_form_is_read() {
    check(
        &[
            "feat: read dates",
            "FEAT(parser): read dates (#12)",
            "fix(a, b): x\n\nBecause.\n",
            "fix!: another order",
            "feat(api)!: gone\n\nBREAKING CHANGE: `read` is gone,\nuse `parse`.\nRefs: 12\n",
            "chore: tidy\n\nBREAKING-CHANGE: needs Rust 1.95\n",
            "docs: BREAKING CHANGE: is explained",
            "fix: y\n\nNo BREAKING CHANGE: it is as before\n",
            "feat: z\n\nBREAKING CHANGE #12\n",
            "feat: z\n\nBREAKING CHANGE:\n",
        ],
        expect![[r#"
            minor Feature [] read dates
            minor Feature [parser] read dates (#12)
            patch Fix [a, b] x
            major Fix [] another order | breaks: another order
            major Feature [api] gone | breaks: `read` is gone, use `parse`.
            major Quiet [] tidy | breaks: needs Rust 1.95
            - Quiet [] BREAKING CHANGE: is explained
            patch Fix [] y
            major Feature [] z | breaks: 12
            minor Feature [] z
        "#]],
    );
}

#[test]
fn text_of_other_forms_says_only_that_something_changed() {
    check(
        &[
            "",
            "Tidy up",
            "parser: read dates",
            "parser!: read dates another way",
            "feat:no space",
            "feat (x): a space before",
            "feat(x: half a scope",
            "feat(): ",
            "std::fs is not used any more",
            "https://example.com: gone",
            "Merge branch 'feat: x'",
            "fixup! feat: x",
            ": nothing",
        ],
        expect![[r#"
            - Other [] 
            - Other [] Tidy up
            - Other [] parser: read dates
            major Other [] parser!: read dates another way | breaks: parser!: read dates another way
            - Other [] feat:no space
            - Other [] feat (x): a space before
            - Other [] feat(x: half a scope
            - Other [] feat():
            - Other [] std::fs is not used any more
            - Other [] https://example.com: gone
            - Other [] Merge branch 'feat: x'
            - Other [] fixup! feat: x
            - Other [] : nothing
        "#]],
    );
}

#[test]
fn reverts_name_what_they_take_back() {
    check(
        &[
            "Revert \"feat: x\"\n\nThis reverts commit 0123456789abcdef0123456789abcdef01234567.\n",
            "Reapply \"feat: x\"\n\nThis reverts commit 89abcdef01.\n",
            "Revert \"Merge branch 'x'\"\n\nThis reverts commit 0123456789, reversing\nchanges made to 89abcdef01.\n",
            "revert: feat: x\n\nRefs: 676104e, a215868\n",
            "fix: y\n\nThis reverts commit 0123456 in part.\n",
            "Revert \"feat: x\"\n\nThis reverts commit that one.\n",
        ],
        expect![[r#"
            patch Revert [] Revert "feat: x" | reverts 0123456789abcdef0123456789abcdef01234567
            patch Revert [] Reapply "feat: x" | reverts 89abcdef01
            patch Revert [] Revert "Merge branch 'x'" | reverts 0123456789
            patch Revert [] feat: x | reverts 676104e a215868
            patch Fix [] y | reverts 0123456
            patch Revert [] Revert "feat: x"
        "#]],
    );
}

#[test]
fn hostile_titles_are_harmless_wherever_they_are_shown() {
    let shown = |title: &str| {
        let title = parse(title).title;
        format!("{}\n{}\n", markdown(&title), on_terminal(&title))
    };
    let titles = [
        "fix: $(rm -rf /) `id` ; true",
        "fix: \u{1b}]0;title\u{7}\u{1b}[31mred\rback",
        "fix: ::error::file=x ##[error] y",
        "::error::planted",
        "##[set-output name=x]y",
        "fix: [click](javascript:x) <img src=x> <!-- gone",
        "fix: @everyone closes #1 and a/b#2 (#34)",
        "fix: ``` *bold* _it_ | ~~x~~ &copy; \\",
        "# heading",
        "- item",
        "fix: \u{202e}gnp.exe\u{200b}",
        "fix: `fn f<T>()` and `##[error]`",
    ];
    expect![[r#"
        \$(rm -rf /) `id` ; true
        $(rm -rf /) `id` ; true
        \]0;title \[31mred back
        ]0;title [31mred back
        \::error::file=x #&#8203;#&#8203;\[error\] y
        ::error::file=x ## [error] y
        \::error::planted
        ::error::planted
        #&#8203;#&#8203;\[set-output name=x\]y
        ## [set-output name=x]y
        \[click\](javascript:x) &lt;img src=x\> &lt;!-- gone
        [click](javascript:x) <img src=x> <!-- gone
        @&#8203;everyone closes #&#8203;1 and a/b#&#8203;2 (#34)
        @everyone closes #1 and a/b#2 (#34)
        \`\`\` \*bold\* \_it\_ \| \~\~x\~\~ &amp;copy; \\
        ``` *bold* _it_ | ~~x~~ &copy; \
        #&#8203; heading
        # heading
        \- item
        - item
        gnp.exe
        gnp.exe
        \`fn f&lt;T\>()\` and \`#&#8203;#&#8203;\[error\]\`
        `fn f<T>()` and `## [error]`
    "#]]
    .assert_eq(&titles.map(shown).concat());
    assert_eq!(parse(&"x".repeat(1000)).title.len(), TITLE_MAX + 2);
}

#[test]
fn reviewed_text_keeps_its_form_and_starts_no_command() {
    let text = "One `##[error]` thing:\n\n  ::error::x\n- [a](b)\u{1b}[2J\u{202e}\u{7}";
    assert_eq!(reviewed(text), "One `#\\#[error]` thing:\n\n  \\::error::x\n- [a](b)\\u{7}");
}
