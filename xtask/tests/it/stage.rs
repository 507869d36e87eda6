//! What is built and staged: the same bytes from another place, refused when a byte is another, installed only when checked.
//!
//! Real cargo builds a small workspace of two libraries and a program, and the real satellite stages it.

mod installer;
mod refused;
mod signed;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::sandbox::{Done, Sandbox};
use crate::satellites::ship;

/// A key that was made for these tests, and signs nothing else.
pub(crate) const SECRET_KEY: &str = "untrusted comment: test key of nexus-xtask, worth nothing\nRWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAM/Apul2OhBpnLwTvEWsBOdL9ewiXQRgoKpmyBgaCL1ds9mU16nr5gBxabY1FRJbbQYkrektx2ObeMJMgMZ/bnQWUbuywm46WAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
pub(crate) const PUBLIC_KEY: &str = "untrusted comment: minisign public key 1A848E5DBA29F033\nRWQz8Cm6XY6EGhxabY1FRJbbQYkrektx2ObeMJMgMZ/bnQWUbuywm46W\n";

pub(crate) const TAG: &str = "v0.2.0";

const WORKSPACE: &str = "[workspace]\nresolver = \"3\"\nmembers = [\"base\", \"mid\", \"tool\"]\n\n[workspace.package]\nversion = \"0.2.0\"\nedition = \"2024\"\nlicense = \"MIT\"\ndescription = \"Part of a test\"\nrepository = \"https://example.invalid/ann/tool\"\n";
const INHERITED: &str = "version.workspace = true\nedition.workspace = true\nlicense.workspace = true\ndescription.workspace = true\nrepository.workspace = true\n";
const LOCK: &str = "version = 4\n\n[[package]]\nname = \"fx-base\"\nversion = \"0.2.0\"\n\n[[package]]\nname = \"fx-mid\"\nversion = \"0.2.0\"\ndependencies = [\n \"fx-base\",\n]\n\n[[package]]\nname = \"fx-tool\"\nversion = \"0.2.0\"\ndependencies = [\n \"fx-mid\",\n]\n";
const TOOL: &str = "//! The program.\n\nfn main() {\n    match std::env::args().nth(1).as_deref() {\n        Some(\"--version\") => println!(\"fx-tool {}\", env!(\"CARGO_PKG_VERSION\")),\n        // The place of a panic is in the binary.\n        _ => panic!(\"{}\", fx_mid::place()),\n    }\n}\n";

/// A workspace that is about to be released, with this in `release/release.toml`.
pub(crate) fn workspace(declared: &str, more: &[(&str, &str)]) -> Sandbox {
    ship();
    let manifest = |name: &str, needed: &str| {
        let needed = match needed {
            "" => String::new(),
            needed => {
                format!("\n[dependencies]\nfx-{needed} = {{ path = \"../{needed}\", version = \"0.2.0\" }}\n")
            }
        };
        format!("[package]\nname = \"fx-{name}\"\n{INHERITED}{needed}")
    };
    let (base, mid, tool) = (manifest("base", ""), manifest("mid", "base"), manifest("tool", "mid"));
    let files = [
        ("Cargo.toml", WORKSPACE),
        ("Cargo.lock", LOCK),
        (".gitignore", "/target/\n/.xtask/\n"),
        ("CHANGELOG.md", "# Changelog\n\n## [0.2.0] - 2026-01-02\n\n### Added\n\n- Everything.\n"),
        ("release/release.toml", declared),
        ("base/Cargo.toml", &base),
        (
            "base/src/lib.rs",
            "//! Base.\n\n/// Its place.\npub fn place() -> &'static str {\n    file!()\n}\n",
        ),
        ("mid/Cargo.toml", &mid),
        (
            "mid/src/lib.rs",
            "//! Mid.\n\n/// Its place.\npub fn place() -> String {\n    fx_base::place().repeat(2)\n}\n",
        ),
        ("tool/Cargo.toml", &tool),
        ("tool/src/main.rs", TOOL),
    ];
    Sandbox::with(&[&files, more].concat())
}

/// The same, built and staged.
pub(crate) fn staged(declared: &str, more: &[(&str, &str)], variables: &[(&str, &str)]) -> Sandbox {
    let mut sandbox = workspace(declared, more);
    for (name, value) in variables {
        sandbox.set(name, value);
    }
    for verb in ["build", "stage"] {
        let done = sandbox.xtask(&["release", verb]);
        assert_eq!(done.code, 0, "{verb}: {}", done.transcript());
    }
    sandbox
}

pub(crate) fn staging(sandbox: &Sandbox) -> PathBuf {
    sandbox.path(".xtask/release/staging")
}

/// The assets of the one release.
pub(crate) fn assets(sandbox: &Sandbox) -> PathBuf {
    staging(sandbox).join("assets").join(TAG)
}

/// Every file below a folder, by path from it.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap().flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => open.push(path),
                false => {
                    let name = path.strip_prefix(folder).unwrap().display().to_string();
                    found.insert(name, path);
                }
            }
        }
    }
    found
}

/// Digests of archives and crates, as the manifest of a staging folder has them.
fn digests(staging: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(staging.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    let files = manifest["files"].as_object().unwrap().iter();
    files
        .filter(|(name, _)| name.ends_with(".crate") || name.ends_with(".tar.gz"))
        .map(|(name, file)| (name.clone(), file["sha256"].as_str().unwrap().to_owned()))
        .collect()
}

/// The version of the host's triple in names.
pub(crate) fn host() -> String {
    let said = Command::new("rustc").args(["--version", "--verbose"]).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    said.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

/// The words that run a program as another user, where that can be: nothing otherwise, and why is printed.
///
/// Root's toolchain may be in a folder that nobody else can enter, so this user may enter every folder.
fn as_somebody_else(owned: &Path) -> &'static [&'static str] {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|said| said.stdout == b"0\n");
    if !is_root || Command::new("setpriv").arg("--version").output().is_err() {
        println!("not shown: another user; that needs root and setpriv");
        return &[];
    }
    assert!(Command::new("chown").args(["-R", "65534:65534"]).arg(owned).status().unwrap().success());
    &[
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
    ]
}

#[test]
fn another_folder_home_user_umask_and_time_give_the_same_bytes() {
    // A compiler asks whether a user may run the linker in the toolchain, and is not told of the right to enter folders:
    // the system's linker then. That the flag gets through is seen by the build of the other user.
    let flags =
        if cfg!(all(target_arch = "x86_64", target_env = "gnu")) { "-Clinker-features=-lld" } else { "" };
    let sandbox = staged("", &[], &[("RUSTFLAGS", flags)]);
    let base = sandbox.root().parent().unwrap().join("elsewhere");
    let clone = base.join("another checkout");
    sandbox.git(&["clone", "--quiet", &sandbox.root().display().to_string(), &clone.display().to_string()]);
    let home = base.join("home");
    std::fs::create_dir_all(&home).unwrap();
    let mut words = as_somebody_else(&base).to_vec();
    words.extend(["sh", "-c", "umask 077; exec \"$0\" release \"$1\"", crate::satellites::front()]);
    for verb in ["build", "stage"] {
        let mut command = sandbox.command(words[0], &words[1..]);
        command.arg(verb).current_dir(&clone).env("HOME", &home).env("TZ", "Pacific/Chatham");
        command.env("CARGO_HOME", home.join("cargo")).env("CARGO_TARGET_DIR", base.join("built"));
        let done: Done = sandbox.finish(command.output().unwrap());
        assert_eq!(done.code, 0, "{verb}: {}", done.transcript());
    }
    let (first, second) = (digests(&staging(&sandbox)), digests(&clone.join(".xtask/release/staging")));
    let host = host();
    let names: Vec<_> = first.keys().map(|name| name.replace(&host, "HOST")).collect();
    assert_eq!(
        names,
        [
            "assets/v0.2.0/fx-tool-0.2.0-HOST-symbols.tar.gz",
            "assets/v0.2.0/fx-tool-0.2.0-HOST.tar.gz",
            "crates/fx-base-0.2.0.crate",
            "crates/fx-mid-0.2.0.crate",
            "crates/fx-tool-0.2.0.crate",
        ]
    );
    assert_eq!(first, second);
    // And nobody's path is in them.
    let folder = sandbox.root().display().to_string();
    for name in ["fx-tool", "symbols/fx-tool.debug"] {
        let built = sandbox.path(&format!(".xtask/release/builds/{host}/fx-tool/{name}"));
        let text = String::from_utf8_lossy(&std::fs::read(built).unwrap()).into_owned();
        assert!(!text.contains(&folder), "{name}");
        assert!(text.contains("src/main.rs"), "{name}");
    }
}

#[test]
fn a_second_build_is_compared_and_kept_for_the_gate() {
    let gates = "[gates.again]\nkind = \"reproducible\"\n\n[gates.tried]\nkind = \"smoke\"\n";
    let sandbox = staged("", &[("release/gates.toml", gates)], &[]);
    let shown = |sandbox: &Sandbox| {
        let table = sandbox.xtask(&["release", "gate"]).stdout;
        let lines = table.lines().filter(|line| line.starts_with("again ") || line.starts_with("tried "));
        lines.map(|line| format!("{}\n", line.trim_end().replace(&host(), "HOST"))).collect::<String>()
    };
    let before = shown(&sandbox);
    assert!(before.contains("nobody has looked yet"), "{before}");
    let done = sandbox.xtask(&["release", "reproducible"]);
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (0, "N files, built twice, are the same\n"),
        "{}",
        done.stderr
    );
    let after = shown(&sandbox);
    assert!(after.contains("builds gave the same"), "{after}");
    assert!(after.contains("binaries ran"), "{after}");
}

#[test]
fn a_build_that_differs_is_found() {
    // The time of the build gets into the program.
    let script = "fn main() {\n    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();\n    println!(\"cargo::rustc-env=NOW={now}\");\n    println!(\"cargo::rerun-if-changed=build.rs\");\n}\n";
    let tool = TOOL.replace("fx-tool {}\", ", "fx-tool {} {}\", env!(\"NOW\"), ");
    let sandbox = staged("", &[("tool/build.rs", script), ("tool/src/main.rs", &tool)], &[]);
    let done = sandbox.xtask(&["release", "reproducible"]);
    assert_eq!(done.code, 1, "{}", done.transcript());
    let error = done.stderr.replace(&host(), "HOST");
    assert!(error.contains("assets/v0.2.0/fx-tool-0.2.0-HOST.tar.gz: is "), "{error}");
    assert!(!error.contains("crate: is "), "{error}");
}
