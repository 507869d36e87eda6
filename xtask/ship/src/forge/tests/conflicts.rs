//! A world that is not the plan's: told line by line, and left as it is.

use super::*;

/// Seeds a world, looks at an effect, and sees that nothing was changed.
#[track_caller]
fn check(change: impl FnOnce(&mut State), action: Action, expected: Expect) {
    check_all(change, &[action], expected);
}

/// As [`check`], for effects that are all told the same.
#[track_caller]
fn check_all(change: impl FnOnce(&mut State), actions: &[Action], expected: Expect) {
    let bench = Bench::with(change);
    bench.unchanged(|| actions.iter().for_each(|action| expected.assert_eq(&bench.seen(action))));
}

fn asset(id: u64, name: &str, bytes: &'static str) -> state::Asset {
    state::Asset { id, name: name.to_owned(), bytes: bytes.into(), complete: true, digested: true, hidden: 0 }
}

/// The planned release with these files.
fn planned(draft: bool, assets: Vec<state::Asset>) -> state::Release {
    state::Release {
        id: 10,
        tag: TAG.to_owned(),
        name: TAG.to_owned(),
        body: "Added:\r\n\r\n- One.".to_owned(),
        target: COMMIT.to_owned(),
        draft,
        immutable: !draft,
        make_latest: "legacy".to_owned(),
        assets,
        ..state::Release::default()
    }
}

fn whole() -> Vec<state::Asset> {
    vec![asset(20, "one.tar.gz", "archive"), asset(21, "SHA256SUMS", "sums")]
}

#[test]
fn a_tag_on_another_commit() {
    let seed = |state: &mut State| drop(state.tags.insert(TAG.to_owned(), OTHER.to_owned()));
    check(
        seed,
        tag(),
        expect![[r#"
        - one/v1.0.0: 1111111111111111111111111111111111111111
        + one/v1.0.0: 2222222222222222222222222222222222222222"#]],
    );
}

#[test]
fn an_annotated_tag_is_followed_to_its_commit() {
    let (one, two) = ("a".repeat(40), "b".repeat(40));
    let seed = |target: &'static str| {
        let (one, two) = (one.clone(), two.clone());
        move |state: &mut State| {
            state.tags.insert(TAG.to_owned(), one.clone());
            state.annotated.insert(one, two.clone());
            state.annotated.insert(two, target.to_owned());
        }
    };
    check(seed(COMMIT), tag(), expect!["same"]);
    check(
        seed(OTHER),
        tag(),
        expect![[r#"
        - one/v1.0.0: 1111111111111111111111111111111111111111
        + one/v1.0.0: 2222222222222222222222222222222222222222"#]],
    );
}

#[test]
fn two_drafts_of_one_tag() {
    let seed = |state: &mut State| {
        state.releases =
            vec![planned(true, Vec::new()), state::Release { id: 11, ..planned(true, Vec::new()) }];
    };
    check_all(
        seed,
        &[draft(), upload("one.tar.gz"), announce()],
        expect![[r#"
        - one release of `one/v1.0.0`
        + draft `one/v1.0.0`: FORGE/ann/one/releases/tag/one/v1.0.0
        + draft `one/v1.0.0`: FORGE/ann/one/releases/tag/one/v1.0.0"#]],
    );
}

#[test]
fn a_draft_with_other_notes_name_or_target() {
    let seed = |state: &mut State| {
        state.releases = vec![state::Release {
            name: "One".to_owned(),
            body: "Added:\n\n- Two.\u{1b}[0m\n".to_owned(),
            target: OTHER.to_owned(),
            prerelease: true,
            ..planned(true, Vec::new())
        }];
    };
    check(
        seed,
        draft(),
        expect![[r#"
        - name: one/v1.0.0
        + name: One
        - pre-release: no
        + pre-release: yes
        - target: 1111111111111111111111111111111111111111
        + target: 2222222222222222222222222222222222222222
        - notes: - One.
        + notes: - Two."#]],
    );
}

#[test]
fn an_asset_with_another_digest() {
    let seed =
        |state: &mut State| state.releases = vec![planned(true, vec![asset(20, "one.tar.gz", "another")])];
    check_all(
        seed,
        &[upload("one.tar.gz"), announce()],
        expect![[r#"
        - one.tar.gz: sha256 0eb3e36bfb24dcd9bb1d1bece1531216b59539a8fde17ee80224af0653c92aa3, 7 bytes
        + one.tar.gz: sha256 ae448ac86c4e8e4dec645729708ef41873ae79c6dff84eff73360989487f08e5, 7 bytes"#]],
    );
}

#[test]
fn an_asset_without_a_digest_is_downloaded_and_compared() {
    let seed = |bytes: &'static str| {
        move |state: &mut State| {
            let asset = state::Asset { digested: false, ..asset(20, "one.tar.gz", bytes) };
            state.releases = vec![planned(true, vec![asset])];
        }
    };
    check(seed("archive"), upload("one.tar.gz"), expect!["same"]);
    check(
        seed("another"),
        upload("one.tar.gz"),
        expect![[r#"
        - one.tar.gz: sha256 0eb3e36bfb24dcd9bb1d1bece1531216b59539a8fde17ee80224af0653c92aa3, 7 bytes
        + one.tar.gz: sha256 ae448ac86c4e8e4dec645729708ef41873ae79c6dff84eff73360989487f08e5, 7 bytes"#]],
    );
}

#[test]
fn an_immutable_release_with_other_content() {
    let seed = |state: &mut State| {
        state.tags.insert(TAG.to_owned(), COMMIT.to_owned());
        let assets = vec![asset(20, "one.tar.gz", "another"), asset(22, "extra.txt", "more")];
        state.releases = vec![state::Release { body: "Other.".to_owned(), ..planned(false, assets) }];
    };
    check(
        seed,
        draft(),
        expect![[r#"
        - notes: Added:
        + notes: Other."#]],
    );
    check(
        seed,
        upload("SHA256SUMS"),
        expect![[r#"
        - SHA256SUMS: sha256 2220e3c51f099b5308c70ed91977af4887c71fe1f8f6c3fedafe7c9f623f301f, 4 bytes
        + SHA256SUMS: not there (the release is published and takes no file)"#]],
    );
    check(
        seed,
        announce(),
        expect![[r#"
        - notes: Added:
        + notes: Other.
        - one.tar.gz: sha256 0eb3e36bfb24dcd9bb1d1bece1531216b59539a8fde17ee80224af0653c92aa3, 7 bytes
        + one.tar.gz: sha256 ae448ac86c4e8e4dec645729708ef41873ae79c6dff84eff73360989487f08e5, 7 bytes
        + extra.txt: not planned
        - SHA256SUMS: sha256 2220e3c51f099b5308c70ed91977af4887c71fe1f8f6c3fedafe7c9f623f301f, 4 bytes
        + SHA256SUMS: not there"#]],
    );
}

#[test]
fn a_published_release_with_the_same_content_is_the_same_and_one_that_can_be_changed_is_not() {
    let seed = |state: &mut State| {
        state.tags.insert(TAG.to_owned(), COMMIT.to_owned());
        state.releases = vec![planned(false, whole())];
    };
    check(seed, announce(), expect!["same"]);
    let seed = |state: &mut State| {
        state.releases = vec![state::Release { immutable: false, ..planned(false, whole()) }];
    };
    check(
        seed,
        announce(),
        expect![[r#"
        - immutable
        + can still be changed: immutable releases are off in the repository's settings"#]],
    );
}

#[test]
fn an_incomplete_draft_is_not_published() {
    let bench =
        Bench::with(|state| state.releases = vec![planned(true, vec![asset(20, "one.tar.gz", "archive")])]);
    bench.unchanged(|| {
        expect!["absent"].assert_eq(&bench.seen(&announce()));
        expect![[r#"
            exit 4: error: the draft of `one/v1.0.0` is not what was planned
              why:  - SHA256SUMS: sha256 2220e3c51f099b5308c70ed91977af4887c71fe1f8f6c3fedafe7c9f623f301f, 4 bytes
              why:  + SHA256SUMS: not there
              next: look at the release in a browser; what is right there decides"#]].assert_eq(&bench.done(&announce()));
    });
}

#[test]
fn a_draft_with_a_file_that_is_not_planned_is_not_published() {
    let mut assets = whole();
    assets.push(asset(22, "extra.txt", "more"));
    let bench = Bench::with(|state| state.releases = vec![planned(true, assets)]);
    bench.unchanged(|| expect!["+ extra.txt: not planned"].assert_eq(&bench.seen(&announce())));
}

#[test]
fn a_tag_name_that_an_immutable_release_had_is_used_up() {
    let bench = Bench::with(|state| state.burned = BTreeSet::from([TAG.to_owned()]));
    for action in [draft(), upload("one.tar.gz"), upload("SHA256SUMS")] {
        assert_eq!(bench.done(&action), "done");
    }
    bench.unchanged(|| {
        expect![[r#"
            exit 4: error: the tag `one/v1.0.0` cannot be made
              why:  Repository rule violations found\n\nCannot create ref due to creations being restricted.\n
              why:  the name of a tag that an immutable release had can never be used again
              next: release the next version: cargo xtask release propose"#]]
        .assert_eq(&bench.done(&tag()));
        expect![[r#"
            exit 4: error: the release of `one/v1.0.0` cannot be published
              why:  Validation Failed; tag_name custom tag_name was used by an immutable release
              why:  the name of a tag that an immutable release had can never be used again
              next: release the next version: cargo xtask release propose"#]]
        .assert_eq(&bench.done(&announce()));
    });
}

#[test]
fn what_appeared_between_looking_and_doing_is_looked_at_again() {
    let bench = Bench::with(|state| {
        state.tags.insert(TAG.to_owned(), OTHER.to_owned());
        state.releases = vec![planned(true, whole())];
    });
    bench.unchanged(|| {
        expect!["later: 1 s: the tag `one/v1.0.0` cannot be made: Reference already exists"]
            .assert_eq(&bench.done(&tag()));
        expect!["later: 1 s: `one.tar.gz` cannot be uploaded: Validation Failed; name already_exists"]
            .assert_eq(&bench.done(&upload("one.tar.gz")));
    });
}

#[test]
fn a_staged_file_that_was_tampered_with_is_not_sent() {
    let bench = Bench::with(|state| state.releases = vec![planned(true, Vec::new())]);
    files::write(&bench.staging.join("assets/a/one.tar.gz"), "tampered").unwrap();
    bench.unchanged(|| {
        expect![[r#"
            exit 3: error: `assets/a/one.tar.gz` is not the file that was sealed
              why:  its digest is another one than the manifest's
              next: cargo xtask release stage"#]]
        .assert_eq(&bench.done(&upload("one.tar.gz")));
    });
}
