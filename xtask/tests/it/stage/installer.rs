//! The installer, run by `sh` on what was staged.

use std::path::Path;

use expect_test::{Expect, expect};

use super::signed::signed;
use super::{assets, host, staged};
use crate::peers::peer;
use crate::sandbox::{Done, Sandbox};

/// Runs the installer with only these programs on `PATH`; all where none is named.
fn install(sandbox: &Sandbox, only: &[&str], words: &[&str]) -> Done {
    let script = assets(sandbox).join("fx-tool-install.sh");
    let address = format!(
        "file://{}",
        assets(sandbox).display().to_string().replace(' ', "%20").replace('é', "%C3%A9")
    );
    let mut command = sandbox.command("sh", &[&script.display().to_string(), "--from", &address]);
    command.args(words);
    if !only.is_empty() {
        let folder = sandbox.root().parent().unwrap().join("few");
        std::fs::create_dir_all(&folder).unwrap();
        for name in only {
            let path = sandbox.variable("PATH");
            let mut found = std::env::split_paths(&path).map(|folder| folder.join(name));
            let found = found.find(|path| path.exists()).unwrap_or_else(|| panic!("no {name}"));
            let link = folder.join(name);
            if !link.exists() {
                std::os::unix::fs::symlink(found, link).unwrap();
            }
        }
        command.env("PATH", folder);
    }
    sandbox.finish(command.output().unwrap())
}

/// What the script needs beside something to download and something to check with.
const NEEDED: [&str; 13] =
    ["sh", "tar", "gzip", "uname", "mktemp", "rm", "awk", "cut", "mkdir", "cp", "chmod", "mv", "curl"];

fn installed(sandbox: &Sandbox) -> std::path::PathBuf {
    sandbox.root().parent().unwrap().join("home/.local/bin/fx-tool")
}

#[track_caller]
fn check_refused(done: &Done, sandbox: &Sandbox, expected: Expect) {
    expected.assert_eq(&done.transcript().replace(&host(), "HOST"));
    assert!(!installed(sandbox).exists());
}

#[test]
fn installs_what_the_list_names() {
    let sandbox = staged("", &[], &[]);
    let done = install(&sandbox, &[], &[]);
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (0, "installed BASE/home/.local/bin/fx-tool\n"),
        "{}",
        done.stderr
    );
    let said = sandbox.command(&installed(&sandbox).display().to_string(), &["--version"]).output().unwrap();
    assert_eq!(String::from_utf8(said.stdout).unwrap(), "fx-tool 0.2.0\n");
    // Each of the ways to check is enough.
    for checker in ["sha256sum", "openssl"] {
        std::fs::remove_file(installed(&sandbox)).unwrap();
        let done = install(&sandbox, &[&NEEDED[..], &[checker]].concat(), &[]);
        assert_eq!(done.code, 0, "{checker}: {}", done.transcript());
        std::fs::remove_file(sandbox.root().parent().unwrap().join("few").join(checker)).unwrap();
    }
}

#[test]
fn installs_nothing_that_cannot_be_checked() {
    let sandbox = staged("", &[], &[]);
    check_refused(
        &install(&sandbox, &NEEDED, &[]),
        &sandbox,
        expect![[r#"
        exit 1
        --- stderr
        error: there is no sha256sum, shasum or openssl to check the download with
          next: install one of them
    "#]],
    );
    check_refused(
        &install(&sandbox, &[], &["--signed"]),
        &sandbox,
        expect![[r#"
        exit 1
        --- stderr
        error: this release is not signed
    "#]],
    );
    check_refused(
        &install(&sandbox, &[], &["--target", "m68k"]),
        &sandbox,
        expect![[r#"
        exit 1
        --- stderr
        error: the list of checksums has no line for fx-tool-0.2.0-m68k.tar.gz: nothing is installed
    "#]],
    );
    let archive = assets(&sandbox).join(format!("fx-tool-0.2.0-{}.tar.gz", host()));
    let whole = std::fs::read(&archive).unwrap();
    let mut bytes = whole.clone();
    bytes[20] ^= 1;
    std::fs::write(&archive, bytes).unwrap();
    check_refused(
        &install(&sandbox, &[], &[]),
        &sandbox,
        expect![[r#"
        exit 1
        --- stderr
        error: fx-tool-0.2.0-HOST.tar.gz has sha256 DIGEST, and the list says DIGEST: nothing is installed
    "#]],
    );
    std::fs::write(&archive, whole).unwrap();
    let list = assets(&sandbox).join("SHA256SUMS");
    let text = std::fs::read_to_string(&list).unwrap();
    let without: String =
        text.lines().filter(|line| !line.contains("gnu.tar")).map(|line| format!("{line}\n")).collect();
    std::fs::write(&list, without).unwrap();
    check_refused(
        &install(&sandbox, &[], &[]),
        &sandbox,
        expect![[r#"
        exit 1
        --- stderr
        error: the list of checksums has no line for fx-tool-0.2.0-HOST.tar.gz: nothing is installed
    "#]],
    );
    std::fs::remove_file(&list).unwrap();
    let done = install(&sandbox, &[], &[]);
    assert_eq!(done.code, 1, "{}", done.transcript());
    assert!(!installed(&sandbox).exists());
}

#[test]
fn a_script_that_was_cut_off_does_nothing() {
    let sandbox = staged("", &[], &[]);
    let path = assets(&sandbox).join("fx-tool-install.sh");
    let whole = std::fs::read_to_string(&path).unwrap();
    for length in [whole.len() / 4, whole.len() / 2, whole.len() - 12] {
        std::fs::write(&path, &whole[..length]).unwrap();
        install(&sandbox, &[], &[]);
        assert!(!installed(&sandbox).exists(), "{length}");
    }
}

#[test]
fn verifies_the_signature_where_it_can() {
    let Some(minisign) = peer("minisign") else { return };
    let mut sandbox = signed();
    let path = format!("{}:{}", minisign.parent().unwrap().display(), sandbox.variable("PATH"));
    sandbox.set("PATH", &path);
    assert_eq!(install(&sandbox, &[], &["--signed"]).code, 0);
    std::fs::remove_file(installed(&sandbox)).unwrap();
    let list = assets(&sandbox).join("SHA256SUMS");
    let text = std::fs::read_to_string(&list).unwrap();
    std::fs::write(&list, text + &format!("{}  more\n", "0".repeat(64))).unwrap();
    let done = install(&sandbox, &[], &[]);
    assert_eq!(done.code, 1, "{}", done.transcript());
    assert!(done.stderr.contains("does not hold: nothing is installed"), "{}", done.transcript());
    assert!(!installed(&sandbox).exists());
}

#[test]
fn shellcheck_has_nothing_to_say() {
    let Some(shellcheck) = peer("shellcheck") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("ship/src/stage/installer.sh");
    let judge = |path: &Path| std::process::Command::new(&shellcheck).arg(path).output().unwrap();
    let said = judge(&script);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    // And it would have said something.
    let sandbox = Sandbox::bare();
    sandbox.write("bad.sh", "#!/bin/sh\nrm $1/*\n");
    assert!(!judge(&sandbox.path("bad.sh")).status.success());
}
