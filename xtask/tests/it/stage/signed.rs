//! The signature over the list of checksums.

use std::path::Path;

use expect_test::expect;

use super::{PUBLIC_KEY, SECRET_KEY, assets, staged, workspace};
use crate::peers::peer;
use crate::sandbox::Sandbox;

const SIGNED: &str = "[signing]\npublic_key = \"release/key.pub\"\n";

/// A release that is signed with the key of these tests.
pub(super) fn signed() -> Sandbox {
    staged(SIGNED, &[("release/key.pub", PUBLIC_KEY)], &[("MINISIGN_SECRET_KEY", SECRET_KEY)])
}

#[test]
fn minisign_accepts_the_signature_and_refuses_another_list() {
    let Some(minisign) = peer("minisign") else { return };
    let sandbox = signed();
    let verify = |folder: &Path| {
        let mut command = sandbox.command(&minisign.display().to_string(), &["-V", "-m", "SHA256SUMS", "-p"]);
        command.arg(sandbox.path("release/key.pub")).current_dir(folder).output().unwrap()
    };
    let said = verify(&assets(&sandbox));
    assert!(said.status.success(), "{said:?}");
    let said = String::from_utf8(said.stdout).unwrap();
    let commit = sandbox.git(&["rev-parse", "HEAD"]);
    expect![[r#"
        Signature and comment signature verified
        Trusted comment: timestamp:1767323045	file:SHA256SUMS	tag:v0.2.0	commit:COMMIT
    "#]]
    .assert_eq(&said.replace(&commit, "COMMIT"));
    let list = assets(&sandbox).join("SHA256SUMS");
    let text = std::fs::read_to_string(&list).unwrap();
    std::fs::write(&list, text.replacen('a', "b", 1)).unwrap();
    assert!(!verify(&assets(&sandbox)).status.success());
}

#[test]
fn a_release_that_is_to_be_signed_is_not_staged_without_the_key() {
    let mut sandbox = workspace(SIGNED, &[("release/key.pub", PUBLIC_KEY)]);
    assert_eq!(sandbox.xtask(&["release", "build"]).code, 0);
    let done = sandbox.xtask(&["release", "stage"]);
    expect![[r#"
        exit 3
        --- stderr
        error: there is no key to sign with
          why:  `release/key.pub` is what signatures are verified by, and `MINISIGN_SECRET_KEY` is not set
          next: set MINISIGN_SECRET_KEY to the text of the secret key; or, to rehearse only: cargo xtask release stage --rehearsal
    "#]].assert_eq(&done.transcript());

    // The key of somebody else, and what is no key: neither is quoted.
    let line = SECRET_KEY.lines().nth(1).unwrap();
    for wrong in [OTHER_KEY, &line[..40]] {
        sandbox.set("MINISIGN_SECRET_KEY", wrong);
        let done = sandbox.xtask(&["release", "stage"]);
        assert!(![0, 1].contains(&done.code), "{}", done.transcript());
        assert!(!done.transcript().contains(wrong.trim()), "{}", done.transcript());
        assert!(done.stderr.contains("MINISIGN_SECRET_KEY"), "{}", done.transcript());
        assert!(!assets(&sandbox).exists());
    }

    // A rehearsal needs none; what it leaves is not published.
    sandbox.set("MINISIGN_SECRET_KEY", "");
    let done = sandbox.xtask(&["release", "stage", "--rehearsal"]);
    assert_eq!(done.code, 0, "{}", done.transcript());
    let text = std::fs::read_to_string(assets(&sandbox).join("SHA256SUMS.minisig")).unwrap();
    assert!(text.contains("trusted comment: rehearsal\t"), "{text}");
}

/// Another key that was made for these tests.
const OTHER_KEY: &str = "untrusted comment: another test key of nexus-xtask\nRWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA5vvXKbPlIzbN+aRx9sB3e+02s9x2XhIJUohkS3CwgYU4A50jI2bOXI4BC/mN4oZh8XV42HzmOc4Gsnx30sGA1wRHJpgUBf0jAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
