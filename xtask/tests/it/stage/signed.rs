//! The signature over the list of checksums.

use expect_test::expect;

use super::{PUBLIC_KEY, SECRET_KEY, assets, workspace};

const SIGNED: &str = "[signing]\npublic_key = \"release/key.pub\"\n";

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
