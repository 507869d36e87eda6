use expect_test::{Expect, expect};
use minisign::KeyPair;

use super::*;
use nexus_xtask_deliver::release::protocol::Endpoints;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn sign(keys: &KeyPair, list: &str) -> Bytes {
    let signed = minisign::sign(None, &keys.sk, list.as_bytes(), Some("v1.2.0"), None).unwrap();
    Bytes::from(signed.into_string())
}

fn list(files: &BTreeMap<String, Bytes>) -> String {
    sums::text(files.iter().map(|(name, bytes)| (name.as_str(), Digest::of(bytes))))
}

/// A release with two archives, and what a stranger wants to know of it.
fn whole(keys: &KeyPair) -> (Verify, Fetched) {
    let mut files: BTreeMap<String, Bytes> = ["one.tar.gz", "two.tar.gz"]
        .map(|name| (name.to_owned(), Bytes::from(format!("the bytes of {name}"))))
        .into();
    let subject: Vec<_> = files
        .iter()
        .map(|(name, bytes)| {
            serde_json::json!({ "name": name, "digest": { "sha256": Digest::of(bytes).to_string() } })
        })
        .collect();
    let statement = serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "t",
                "externalParameters": { "repository": "r", "ref": "refs/tags/v1.2.0", "targets": [] },
                "internalParameters": {
                    "plan": Digest::of("plan").to_string(),
                    "configuration": Digest::of("c").to_string(),
                    "tools": {},
                },
                "resolvedDependencies": [{ "uri": "git+r", "digest": { "gitCommit": COMMIT } }],
            },
            "runDetails": { "builder": { "id": "b" }, "metadata": {} },
        },
    });
    files.insert(PROVENANCE.to_owned(), Bytes::from(statement.to_string()));
    let list = list(&files);
    files.insert(SIGNATURE.to_owned(), sign(keys, &list));
    files.insert(SUMS.to_owned(), Bytes::from(list));
    let endpoints = Endpoints { forge: String::new(), registry: String::new(), trusted: false };
    let wanted = Verify {
        endpoints,
        repository: "ann/one".to_owned(),
        tag: "v1.2.0".to_owned(),
        commit: COMMIT.to_owned(),
        public_key: Some(keys.pk.to_base64()),
        packages: Vec::new(),
        host: "x86_64-unknown-linux-gnu".to_owned(),
        folder: "verify".into(),
    };
    (wanted, Fetched { commit: Some(COMMIT.to_owned()), files })
}

#[track_caller]
fn check(change: impl FnOnce(&mut Fetched), expected: Expect) {
    let keys = KeyPair::generate_unencrypted_keypair().unwrap();
    let (wanted, mut fetched) = whole(&keys);
    change(&mut fetched);
    expected.assert_eq(&judge(&wanted, &fetched).problems.join("\n"));
}

#[test]
fn a_whole_release_holds() {
    check(|_| {}, expect![""]);
}

#[test]
fn a_swapped_asset_is_found() {
    check(
        |fetched| {
            fetched.files.insert("one.tar.gz".to_owned(), Bytes::from("other"));
        },
        expect![[r#"
            `one.tar.gz` is d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa, and `SHA256SUMS` says 6fd99d4b8ac9ec2b8e125b7fd0afecf9488fe72547ab89f2c26292aeca7ef797
            `provenance.intoto.json` names other bytes of `one.tar.gz`"#]],
    );
}

#[test]
fn a_missing_asset_is_found() {
    check(
        |fetched| {
            fetched.files.remove("two.tar.gz");
        },
        expect!["`two.tar.gz` is in `SHA256SUMS` and not in the release"],
    );
}

#[test]
fn an_extra_asset_is_found() {
    check(
        |fetched| {
            fetched.files.insert("three.tar.gz".to_owned(), Bytes::from("more"));
        },
        expect![[r#"
            `three.tar.gz` is in the release and not in `SHA256SUMS`
            `provenance.intoto.json` does not name `three.tar.gz`"#]],
    );
}

#[test]
fn a_wrong_line_is_found() {
    check(
        |fetched| {
            let text = String::from_utf8_lossy(&fetched.files[SUMS]).replacen("one", "eno", 1);
            fetched.files.insert(SUMS.to_owned(), Bytes::from(text));
        },
        expect![[r#"
            `eno.tar.gz` is in `SHA256SUMS` and not in the release
            `one.tar.gz` is in the release and not in `SHA256SUMS`
            `SHA256SUMS.minisig` does not verify by the key of the tag: The signature verification failed"#]],
    );
}

#[test]
fn a_foreign_signature_is_found() {
    check(
        |fetched| {
            let others = KeyPair::generate_unencrypted_keypair().unwrap();
            let text = String::from_utf8_lossy(&fetched.files[SUMS]).into_owned();
            fetched.files.insert(SIGNATURE.to_owned(), sign(&others, &text));
        },
        expect![
            "`SHA256SUMS.minisig` does not verify by the key of the tag: The signature was created with a different key than the one provided"
        ],
    );
}

#[test]
fn a_tag_that_was_moved_is_found() {
    check(
        |fetched| fetched.commit = Some("f".repeat(40)),
        expect![
            "`v1.2.0` leads to ffffffffffffffffffffffffffffffffffffffff at the forge, and to 0123456789abcdef0123456789abcdef01234567 here"
        ],
    );
}
