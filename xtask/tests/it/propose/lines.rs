//! Pre-release channels and maintenance branches: what a release is compared with depends on the branch.

use expect_test::expect;

use super::*;

#[test]
fn channels_count_their_pre_releases_and_are_promoted() {
    let channel = "write release/release.toml | [channels.next]\\nbranches = ['next']\\nidentifier = 'rc'\n";
    let begin = format!("packages alpha=1.1.0\ntag v1.1.0\n{channel}branch next\ncommit alpha | feat: x\n");
    check(
        &begin,
        expect![[r#"
        1 of 1 release unit due, by 1 commit, channel next
          alpha  1.1.0 -> 1.2.0-rc.1  minor  1 feature
    "#]],
    );
    let one = format!("{begin}version alpha 1.2.0-rc.1\ntag v1.2.0-rc.1\n");
    check(
        &one,
        expect![[r#"
            nothing is due: 2 commits looked at, channel next
            not due: unchanged: alpha
        "#]],
    );
    check(
        &format!("{one}commit alpha | fix: y\n"),
        expect![[r#"
        1 of 1 release unit due, by 3 commits, channel next
          alpha  1.2.0-rc.1 -> 1.2.0-rc.2  minor  1 fix
    "#]],
    );
    check(
        &format!("{one}checkout main\nmerge next\n"),
        expect![[r#"
        1 of 1 release unit due, by 3 commits
          alpha  1.2.0-rc.1 -> 1.2.0  minor  announced by 1.2.0-rc.1, 1 feature
    "#]],
    );
    let alpha = channel.replace("'rc'", "'alpha'");
    check(
        &format!("{one}commit alpha | fix: y\n{alpha}"),
        expect![[r#"
        exit Some(2)
        `alpha`: 1.2.0-alpha.1 would be lower than the last release, 1.2.0-rc.1
          next: release from the channel of the last pre-release or a later one; the words are compared as text
        error: no version can be proposed
    "#]],
    );
    check(
        "packages alpha=1.2.0-rc.1\ntag v1.2.0\ncommit alpha | fix: y\n",
        expect![[r#"
        exit Some(2)
        `alpha`: the manifest says 1.2.0-rc.1, which is lower than the last release, 1.2.0
          next: set the version to 1.2.0 or higher in the manifest
        error: no version can be proposed
    "#]],
    );
}

#[test]
fn a_maintenance_branch_looks_at_its_own_releases() {
    let begin = "packages alpha=1.2.0\ntag v1.2.0\nbranch maintenance/1.x\ncheckout main\ncommit alpha | feat!: x\n\
                 version alpha 2.0.0\ntag v2.0.0\n";
    check(
        &format!("{begin}checkout maintenance/1.x\ncommit alpha | fix: old\n"),
        expect![[r#"
        1 of 1 release unit due, by 1 commit
          alpha  1.2.0 -> 1.2.1  patch  1 fix
    "#]],
    );
    check(
        &format!("{begin}checkout maintenance/1.x\ncommit alpha | feat!: old\n"),
        expect![[r#"
        exit Some(2)
        `alpha`: 2.0.0 is released already, from a commit that is not in this history
          next: merge the branch that has its tag, or ask for a higher version by a change file
        error: no version can be proposed
    "#]],
    );
    // Released there and not merged back: the main branch cannot take the same version.
    let hotfix = "packages alpha=1.2.0\ntag v1.2.0\nbranch maintenance/1.2.x\nversion alpha 1.2.1\ntag v1.2.1\n\
                  checkout main\ncommit alpha | fix: other\n";
    check(
        hotfix,
        expect![[r#"
        exit Some(2)
        `alpha`: 1.2.1 is released already, from a commit that is not in this history
          next: merge the branch that has its tag, or ask for a higher version by a change file
        error: no version can be proposed
    "#]],
    );
    check(
        &format!("{hotfix}commit alpha | feat: more\nbranch elsewhere\n"),
        expect![[r#"
        1 of 1 release unit due, by 2 commits
          alpha  1.2.0 -> 1.3.0  minor  1 feature, 1 fix
        note: `elsewhere` is no branch that releases are made from
    "#]],
    );
}
