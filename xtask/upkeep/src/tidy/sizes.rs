//! A function fits a screen and a file stays readable; what does not yet is listed, exactly as large as it is.
//!
//! Lines that hold nothing but the inside of a literal do not count for a function: text is data.

use super::code::Code;
use super::config::{Config, NAME, Sizes};
use super::facts::Facts;
use nexus_xtask::failure::Finding;

pub(super) fn check(config: &Config, facts: &Facts) -> Vec<Finding> {
    let sizes = &config.sizes;
    let mut findings = Vec::new();
    let mut needed = Vec::new();
    for file in &facts.files {
        let Some(code) = &file.code else { continue };
        let lines = file.text.lines().count();
        if lines > sizes.file_lines_max {
            needed.push(("files", file.path.clone()));
            let exception = sizes.files.get(&file.path).copied();
            findings.extend(judge("file", &file.path, 0, lines, sizes.file_lines_max, exception, &file.path));
        }
        for function in longest_of_each_name(functions(code), sizes) {
            let key = format!("{}::{}", file.path, function.name);
            let exception = sizes.functions.get(&key).copied();
            findings.extend(judge(
                "function",
                &file.path,
                function.line,
                function.lines,
                sizes.function_lines_max,
                exception,
                &key,
            ));
            needed.push(("functions", key));
        }
    }
    let listed = sizes.files.keys().map(|key| ("files", key));
    for (table, key) in listed.chain(sizes.functions.keys().map(|key| ("functions", key))) {
        if !needed.iter().any(|(kind, name)| *kind == table && name == key) {
            let problem = format!("`sizes.{table}` makes an exception for `{key}`, which needs none");
            findings.push(Finding::at(NAME, 0, problem, "remove the line"));
        }
    }
    findings
}

/// Compares what is there with the limit, or with the exception where there is one.
fn judge(
    what: &str,
    path: &str,
    line: usize,
    lines: usize,
    limit: usize,
    exception: Option<usize>,
    key: &str,
) -> Option<Finding> {
    match exception {
        Some(exact) if exact == lines => None,
        Some(larger) if larger > lines => Some(Finding::at(
            NAME,
            0,
            format!("the exception for `{key}` is {larger} lines, and {lines} are enough"),
            format!("\"{key}\" = {lines}"),
        )),
        Some(exact) => Some(Finding::at(
            path,
            line,
            format!("`{key}` has grown to {lines} lines; its exception is {exact}"),
            "split it: branching stays in the parent, straight work goes into children",
        )),
        None => Some(Finding::at(
            path,
            line,
            format!("the {what} has {lines} lines; the limit is {limit}"),
            "split it: branching stays in the parent, straight work goes into children",
        )),
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    line: usize,
    lines: usize,
}

/// The functions above the limit; of several with one name the longest, because an exception names only one.
fn longest_of_each_name(mut functions: Vec<Function>, sizes: &Sizes) -> Vec<Function> {
    functions.retain(|function| function.lines > sizes.function_lines_max);
    functions.sort_by(|one, other| (&one.name, other.lines).cmp(&(&other.name, one.lines)));
    functions.dedup_by(|later, first| later.name == first.name);
    functions
}

/// Every function with a body, with its lines from `fn` to the closing brace.
fn functions(code: &Code) -> Vec<Function> {
    let lines: Vec<&str> = code.code.lines().collect();
    let starts = lines.iter().enumerate().filter_map(|(index, line)| Some((index, name_of_function(line)?)));
    starts
        .filter_map(|(start, name)| {
            let length = body_end(&lines[start..])? + 1;
            let body = &lines[start..start + length];
            let counted = body.iter().filter(|line| !is_literal(line)).count();
            Some(Function { name: name.to_owned(), line: start + 1, lines: counted })
        })
        .collect()
}

fn name_of_function(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let is_start = before.split_whitespace().all(|word| {
        word.starts_with("pub")
            || matches!(word, "const" | "async" | "unsafe" | "extern" | "crate)" | "\"\"\"")
    });
    let end = after.find(['(', '<'])?;
    (is_start && end > 0).then(|| &after[..end])
}

/// The line on which the function ends, counted from its first; `None` for a declaration without a body.
fn body_end(lines: &[&str]) -> Option<usize> {
    let mut braces = 0;
    let mut brackets = 0;
    for (index, line) in lines.iter().enumerate() {
        for character in line.chars() {
            match character {
                '(' | '[' => brackets += 1,
                ')' | ']' => brackets -= 1,
                ';' if braces == 0 && brackets == 0 => return None,
                '{' => braces += 1,
                '}' if braces == 1 => return Some(index),
                '}' => braces -= 1,
                _ => {}
            }
        }
    }
    None
}

fn is_literal(line: &str) -> bool {
    !line.is_empty() && line.chars().all(|character| character == '"')
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::tests::findings;
    use super::*;

    const CONFIG: &str = "[sizes]\nfunction_lines_max = 3\nfile_lines_max = 8\n";

    #[track_caller]
    fn check_lengths(text: &str, expected: Expect) {
        let functions = functions(&Code::of(text));
        let lines: Vec<_> = functions
            .iter()
            .map(|function| format!("{} at {}: {}", function.name, function.line, function.lines))
            .collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn lengths_are_measured_by_braces_that_are_code() {
        check_lengths(
            "pub(crate) const fn one() -> [u8; 2] { [0; 2] }\n\
             trait T {\n    fn declared(&self) -> [u8; 2];\n    fn two<A>(\n        a: A,\n    ) {\n        \
             let brace = '{'; // }\n        call(\"}\");\n    }\n}\n\
             fn text() {\n    r\"\nfn inner() {\n\";\n}\n",
            expect![[r#"
                one at 1: 1
                two at 4: 6
                text at 11: 4"#]],
        );
    }

    #[test]
    fn what_is_too_long_is_found() {
        let text = "fn long() {\n    1;\n    2;\n}\n\nfn short() {\n    1;\n}\n\n";
        expect![[r#"
            a.rs: the file has 9 lines; the limit is 8
              next: split it: branching stays in the parent, straight work goes into children
            a.rs:1: the function has 4 lines; the limit is 3
              next: split it: branching stays in the parent, straight work goes into children
        "#]]
        .assert_eq(&findings(check, CONFIG, &[("a.rs", text)]));
    }

    #[test]
    fn an_exception_is_exactly_as_large_as_needed() {
        let text = "fn long() {\n    1;\n    2;\n}\n";
        let with = |exceptions: &str| {
            findings(check, &format!("{CONFIG}[sizes.functions]\n{exceptions}"), &[("a.rs", text)])
        };
        assert_eq!(with("'a.rs::long' = 4\n"), "");
        expect![[r#"
            release/tidy.toml: the exception for `a.rs::long` is 5 lines, and 4 are enough
              next: "a.rs::long" = 4
        "#]]
        .assert_eq(&with("'a.rs::long' = 5\n"));
        expect![[r#"
            release/tidy.toml: `sizes.functions` makes an exception for `a.rs::gone`, which needs none
              next: remove the line
        "#]]
        .assert_eq(&with("'a.rs::long' = 4\n'a.rs::gone' = 9\n"));
    }
}
