//! The flags of a build that is the same everywhere: those of the user, and then the paths to be replaced.

use std::path::{Path, PathBuf};

use toml::Value;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;

/// Variables that hold flags of C compilers, by their beginnings.
const C_FLAGS: [&str; 2] = ["CFLAGS", "CXXFLAGS"];

/// Paths that differ from machine to machine.
#[derive(Debug)]
pub(super) struct Places<'a> {
    pub(super) checkout: &'a Path,
    pub(super) target: &'a Path,
    pub(super) cargo_home: Option<&'a Path>,
    pub(super) sysroot: &'a Path,
    /// The commit that the compiler is built from.
    pub(super) compiler: &'a str,
}

/// What stands in for each of them. Of several that fit a path the last one counts, so the innermost come last.
///
/// The sources of the standard library are named as the compiler names them where they are not installed: else a
/// machine with the component `rust-src` would build other bytes than one without.
pub(super) fn remaps(places: &Places<'_>) -> Vec<(PathBuf, String)> {
    let mut remaps = vec![
        (places.checkout.to_owned(), "/source".to_owned()),
        (places.target.to_owned(), "/target".to_owned()),
        (places.sysroot.to_owned(), "/toolchain".to_owned()),
        (places.sysroot.join("lib/rustlib/src/rust"), format!("/rustc/{}", places.compiler)),
    ];
    remaps.extend(places.cargo_home.map(|home| (home.to_owned(), "/cargo".to_owned())));
    remaps.sort_by_key(|(path, _)| path.components().count());
    remaps
}

/// The variables that carry the flags.
pub(super) fn variables(
    doors: &Doors,
    target: &str,
    remaps: &[(PathBuf, String)],
) -> Result<Vec<(String, String)>> {
    let mut rust = of_the_user(doors, target)?;
    rust.extend(remaps.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())));
    let mut variables = vec![("CARGO_ENCODED_RUSTFLAGS".to_owned(), rust.join("\u{1f}"))];
    // Words of these variables are split at blanks, so a path with one cannot be said. Then a C dependency keeps the path.
    let plain = |from: &Path| !from.to_string_lossy().contains(char::is_whitespace);
    if target.contains("msvc") || !remaps.iter().all(|(from, _)| plain(from)) {
        return Ok(variables);
    }
    let maps: Vec<_> =
        remaps.iter().map(|(from, to)| format!("-ffile-prefix-map={}={to}", from.display())).collect();
    for name in C_FLAGS {
        // Builds of C code read the most special of these that is set.
        let special =
            [name.to_owned(), format!("{name}_{target}"), format!("{name}_{}", target.replace('-', "_"))];
        for (index, name) in special.into_iter().chain([format!("TARGET_{name}")]).enumerate() {
            match doors.environment.get(&name) {
                Some(said) => variables.push((name, format!("{said} {}", maps.join(" ")))),
                None if index == 0 => variables.push((name, maps.join(" "))),
                None => {}
            }
        }
    }
    Ok(variables)
}

/// The flags that cargo would give rustc here. A variable hides what configuration files say, so whoever sets one says
/// again what was said before. Source: <https://doc.rust-lang.org/cargo/reference/config.html#buildrustflags>.
fn of_the_user(doors: &Doors, target: &str) -> Result<Vec<String>> {
    let environment = &doors.environment;
    if let Some(encoded) = environment.get("CARGO_ENCODED_RUSTFLAGS") {
        return Ok(encoded.split('\u{1f}').map(str::to_owned).collect());
    }
    if let Some(flags) = environment.get("RUSTFLAGS") {
        return Ok(words(flags));
    }
    let root = doors.workspace.root();
    let mut folders: Vec<_> = root.ancestors().map(|folder| folder.join(".cargo")).collect();
    folders.extend(environment.cargo_home());
    folders.reverse();
    let (mut general, mut special) = (Vec::new(), Vec::new());
    for folder in folders {
        let texts =
            [files::read_text(&folder.join("config"))?, files::read_text(&folder.join("config.toml"))?];
        let Some(text) = texts.into_iter().flatten().next() else { continue };
        let found = declared(&text, target).map_err(|problem| {
            Failure::usage(format!("the compiler's flags of `{}` cannot be kept", folder.display()))
                .why(problem)
                .next("say the flags of a release in RUSTFLAGS, or under `target.TRIPLE.rustflags`")
        })?;
        general.extend(found.0);
        special.extend(found.1);
    }
    let name = target.to_uppercase().replace(['-', '.'], "_");
    special.extend(environment.get(&format!("CARGO_TARGET_{name}_RUSTFLAGS")).map(words).unwrap_or_default());
    general.extend(environment.get("CARGO_BUILD_RUSTFLAGS").map(words).unwrap_or_default());
    Ok(if special.is_empty() { general } else { special })
}

/// Flags for every target and for this one, of one configuration file.
fn declared(text: &str, target: &str) -> std::result::Result<(Vec<String>, Vec<String>), String> {
    let value: Value = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    let flags = |table: Option<&Value>| match table.and_then(|table| table.get("rustflags")) {
        Some(Value::String(said)) => words(said),
        Some(Value::Array(said)) => said.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let targets = value.get("target");
    let tables = targets.and_then(Value::as_table).into_iter().flatten();
    for (name, table) in tables.filter(|(name, _)| name.starts_with("cfg(")) {
        if !flags(Some(table)).is_empty() {
            return Err(format!(
                "`target.'{name}'.rustflags`: only cargo knows for which targets this holds"
            ));
        }
    }
    Ok((flags(value.get("build")), flags(targets.and_then(|targets| targets.get(target)))))
}

fn words(flags: &str) -> Vec<String> {
    flags.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn the_innermost_path_comes_last() {
        let places = Places {
            checkout: Path::new("/users/ann/one"),
            target: Path::new("/users/ann/one/target/release-build"),
            cargo_home: Some(Path::new("/users/ann/.cargo")),
            sysroot: Path::new("/users/ann/.rustup/toolchains/stable"),
            compiler: "c0ffee",
        };
        let text: String =
            remaps(&places).iter().map(|(from, to)| format!("{} -> {to}\n", from.display())).collect();
        expect![[r#"
            /users/ann/one -> /source
            /users/ann/.cargo -> /cargo
            /users/ann/one/target/release-build -> /target
            /users/ann/.rustup/toolchains/stable -> /toolchain
            /users/ann/.rustup/toolchains/stable/lib/rustlib/src/rust -> /rustc/c0ffee
        "#]]
        .assert_eq(&text);
    }

    #[track_caller]
    fn check(text: &str, expected: Expect) {
        expected.assert_eq(&format!("{:?}", declared(text, "x86_64-unknown-linux-gnu")));
    }

    #[test]
    fn flags_of_configuration_files_are_kept() {
        check(
            "[build]\nrustflags = \"-C debuginfo=0  -g\"\n",
            expect![[r#"Ok((["-C", "debuginfo=0", "-g"], []))"#]],
        );
        check(
            "[build]\nrustflags = [\"-g\"]\n[target.x86_64-unknown-linux-gnu]\nrustflags = [\"--cfg\", \"a b\"]\n",
            expect![[r#"Ok((["-g"], ["--cfg", "a b"]))"#]],
        );
        check("[target.aarch64-apple-darwin]\nrustflags = [\"-g\"]\n", expect!["Ok(([], []))"]);
        check(
            "[target.'cfg(unix)']\nrustflags = [\"-g\"]\n",
            expect![[
                r#"Err("`target.'cfg(unix)'.rustflags`: only cargo knows for which targets this holds")"#
            ]],
        );
        check("[target.'cfg(unix)']\nrunner = \"sh\"\n", expect!["Ok(([], []))"]);
        check("[", expect![[r#"Err("unquoted keys cannot be empty, expected letters, numbers, `-`, `_`")"#]]);
    }
}
