//! The command tree as a page of Markdown. The documentation of an argument in the code is its line here.

use clap::{Arg, ArgAction, Command};

/// What the page begins with.
const HEAD: &str = "\
# Commands

<!-- Made from the code by `cargo xtask docs --write`. Do not edit. -->

Every command takes these as well:
";

/// The page about a command and everything below it.
pub(super) fn page(mut command: Command) -> String {
    command.build();
    let mut page = HEAD.to_owned();
    let everywhere: Vec<_> = command.get_arguments().filter(|argument| is_everywhere(argument)).collect();
    page.push('\n');
    everywhere.iter().for_each(|argument| line(&mut page, argument));
    for below in command.get_subcommands() {
        section(&mut page, below);
    }
    page
}

fn section(page: &mut String, command: &Command) {
    if command.is_hide_set() || command.get_name() == "help" {
        return;
    }
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    page.push_str(&format!("\n## `{name}`\n"));
    if let Some(about) = command.get_long_about().or_else(|| command.get_about()) {
        page.push_str(&format!("\n{}\n", about.to_string().trim()));
    }
    let usage = command.clone().render_usage().to_string();
    page.push_str(&format!("\n```text\n{}\n```\n", usage.trim_start_matches("Usage: ").trim()));
    let own = command.get_arguments().filter(|argument| !is_everywhere(argument) && !argument.is_hide_set());
    let mut lines = String::new();
    own.for_each(|argument| line(&mut lines, argument));
    if !lines.is_empty() {
        page.push('\n');
        page.push_str(&lines);
    }
    for below in command.get_subcommands() {
        section(page, below);
    }
}

fn is_everywhere(argument: &Arg) -> bool {
    argument.is_global_set() || ["help", "version"].contains(&argument.get_id().as_str())
}

fn line(page: &mut String, argument: &Arg) {
    let help = argument.get_long_help().or_else(|| argument.get_help()).map(ToString::to_string);
    let help = help.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    page.push_str(&format!("- `{}`: {}{}\n", shape(argument), help.trim_end_matches('.'), values(argument)));
}

/// `-j, --jobs <N>`, `<STEP>...`
fn shape(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let takes = matches!(argument.get_action(), ArgAction::Set | ArgAction::Append);
    let mut value = names.iter().map(|name| format!("<{name}>")).collect::<Vec<_>>().join(" ");
    if argument.get_num_args().is_some_and(|range| range.max_values() > names.len().max(1)) {
        value.push_str("...");
    }
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let flags = short.into_iter().chain(long).collect::<Vec<_>>().join(", ");
    match (flags.is_empty(), takes) {
        (true, _) => value,
        (false, false) => flags,
        (false, true) => format!("{flags} {value}"),
    }
}

/// The values that are possible, and the one that holds where nothing is said.
fn values(argument: &Arg) -> String {
    if !matches!(argument.get_action(), ArgAction::Set | ArgAction::Append) {
        return String::new();
    }
    let possible: Vec<_> =
        argument.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    let default: Vec<_> =
        argument.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    match (possible.is_empty(), default.is_empty()) {
        (true, true) => String::new(),
        (false, true) => format!(" (one of {})", possible.join(", ")),
        (true, false) => format!(" ({} where nothing is said)", default.join(", ")),
        (false, false) => {
            format!(" (one of {}; {} where nothing is said)", possible.join(", "), default.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_section_with_its_arguments() {
        let json = Arg::new("json").long("json").global(true).action(ArgAction::SetTrue).help("Print data");
        let jobs =
            Arg::new("jobs").short('j').long("jobs").value_name("N").default_value("2").help("At once.");
        let kind = Arg::new("kind").value_name("KIND").required(true).value_parser(["a", "b"]).help("Which");
        let deep = Command::new("deep").about("Goes deeper").arg(kind);
        let run = Command::new("run").about("Runs it").arg(jobs).subcommand(deep);
        let secret = Command::new("secret").hide(true);
        let command =
            Command::new("cargo xtask").bin_name("cargo xtask").arg(json).subcommands([run, secret]);
        expect_test::expect![[r#"
            # Commands

            <!-- Made from the code by `cargo xtask docs --write`. Do not edit. -->

            Every command takes these as well:

            - `--json`: Print data
            - `-h, --help`: Print help

            ## `cargo xtask run`

            Runs it

            ```text
            cargo xtask run [OPTIONS] [COMMAND]
            ```

            - `-j, --jobs <N>`: At once (`2` where nothing is said)

            ## `cargo xtask run deep`

            Goes deeper

            ```text
            cargo xtask run deep [OPTIONS] <KIND>
            ```

            - `<KIND>`: Which (one of `a`, `b`)
        "#]]
        .assert_eq(&page(command));
    }
}
