//! A service's variables as the text that systemd reads as an `EnvironmentFile` and a POSIX shell reads as
//! assignments. Pure.
//!
//! Both take double quotes and both take `\` before `"`, `\`, `$` and `` ` `` inside of them, and nothing else.

use std::collections::BTreeMap;

/// A line for each variable. What is no name of a variable is left out by whoever reads the configuration.
pub fn render(variables: &BTreeMap<String, String>) -> String {
    variables.iter().map(|(name, value)| format!("{name}=\"{}\"\n", escaped(value))).collect()
}

fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, '"' | '\\' | '$' | '`') {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_read_otherwise_is_escaped() {
        let variables = [("A", "plain"), ("B", r#"$HOME `id` "x" \n"#), ("C", "it's")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        expect_test::expect![[r#"
            A="plain"
            B="\$HOME \`id\` \"x\" \\n"
            C="it's"
        "#]]
        .assert_eq(&render(&variables));
    }
}
