use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

#[track_caller]
fn check_code(text: &str, expected: Expect) {
    expected.assert_eq(&Code::of(text).code);
}

#[track_caller]
fn check_mentions(code: &str, expected: Expect) {
    let lines: Vec<_> = mentions(code)
        .into_iter()
        .map(|mention| match mention.import {
            Some(name) => format!("{} use {} as {name}", mention.line, mention.path),
            None => format!("{} {}", mention.line, mention.path),
        })
        .collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn comments_are_blank_and_literals_are_filled() {
    check_code(
        "a(\"x // y\"); // said\nb('\"', '\\'', b'{'); /* one /* two */ */ c::<'a>(r#\"\"#, r\"\\\");",
        expect![[r#"
            a("""""""");        
            b(""", """", b""");                     c::<'a>(""""", """");"#]],
    );
}

#[test]
fn a_raw_name_is_code_and_a_literal_of_many_lines_keeps_its_lines() {
    check_code(
        "r#type; let text = br##\"\none \"# two\n\"##; end",
        expect![[r#"
            r#type; let text = """""
            """"""""""
            """; end"#]],
    );
}

#[test]
fn paths_are_read_with_their_groups_and_names() {
    check_mentions(
        "use crate::{files, shell::{Command, Shell as Door}};\nuse super::*;\nfiles::write(path, std::env::var(x));",
        expect![[r#"
            1 use crate::files as files
            1 use crate::shell::Command as Command
            1 use crate::shell::Shell as Door
            2 use super::* as *
            3 files::write
            3 path
            3 std::env::var
            3 x"#]],
    );
}

#[test]
fn paths_are_written_out_from_the_root() {
    let mentions =
        resolved(&["ci", "plan"], "use super::super::files as doors;\ndoors::write(self::inner::x);");
    let paths: Vec<_> = mentions.into_iter().map(|mention| mention.path).collect();
    assert_eq!(paths, ["crate::files", "crate::files::write", "crate::ci::plan::inner::x"]);
}

#[test]
fn the_module_of_the_tests_is_left_out() {
    let code =
        Code::of("fn a() {}\n\n#[cfg(test)]\nfn only() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n");
    assert!(code.without_tests().contains("only"));
    assert!(!code.without_tests().contains("b()"));
}

proptest! {
    #[test]
    fn any_text_keeps_its_shape(text in "[a-z'\"/*\\\\r#b{}:\n é]{0,60}") {
        let split = Code::of(&text);
        prop_assert_eq!(split.code.chars().count(), text.chars().count());
        prop_assert_eq!(split.comments.matches('\n').count(), text.matches('\n').count());
        mentions(&split.code);
    }
}
