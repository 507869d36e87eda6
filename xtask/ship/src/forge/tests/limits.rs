//! Limits, servers that are broken, tokens without rights, and servers that are no forge.

use super::*;

/// One fault at the first request of a kind, and what observing and applying come to.
#[track_caller]
fn check(wrong: Wrong, expected: Expect) {
    let bench = Bench::with(|state| {
        state.faults = vec![fault("GET releases", 1, wrong), fault("POST releases", 1, wrong)];
    });
    bench.unchanged(|| expected.assert_eq(&format!("{}\n{}", bench.seen(&draft()), bench.done(&draft()))));
    // The second time all is well.
    bench.release();
}

#[test]
fn a_limit_is_waited_for_as_long_as_it_says() {
    check(
        Wrong::Limited(30),
        expect![[r#"
        later: 30 s: GET FORGE/repos/ann/one/releases: You have exceeded a rate limit
        later: 30 s: POST FORGE/repos/ann/one/releases: You have exceeded a rate limit"#]],
    );
    check(
        Wrong::Secondary(45),
        expect![[r#"
        later: 45 s: GET FORGE/repos/ann/one/releases: You have exceeded a secondary rate limit
        later: 45 s: POST FORGE/repos/ann/one/releases: You have exceeded a secondary rate limit"#]],
    );
    check(
        Wrong::Broken,
        expect![[r#"
        later: 2 s: GET FORGE/repos/ann/one/releases: Server Error
        later: 2 s: POST FORGE/repos/ann/one/releases: Server Error"#]],
    );
    let reset = Clock::system().now().as_second() + 600;
    let bench = Bench::with(|state| state.faults = vec![fault("any", 1, Wrong::Exhausted(reset))]);
    let Err(Trouble::Later { wait, .. }) = bench.observe(&draft()) else { panic!("no limit") };
    assert!((590..=601).contains(&wait.as_secs()), "{wait:?}");
}

#[test]
fn html_is_no_answer() {
    check(
        Wrong::Page,
        expect![[r#"
        exit 3: error: GET FORGE/repos/ann/one/releases does not speak as a forge does
          why:  it answers with `text/html` instead of JSON
          next: set `forge.api` in release/release.toml, or GITHUB_API_URL, to the address of the API
        exit 3: error: POST FORGE/repos/ann/one/releases does not speak as a forge does
          why:  it answers with `text/html` instead of JSON
          next: set `forge.api` in release/release.toml, or GITHUB_API_URL, to the address of the API"#]],
    );
}

#[test]
fn a_lost_connection_is_something_to_wait_for() {
    let bench = Bench::with(|state| state.faults = vec![fault("POST releases", 1, Wrong::Dropped)]);
    let told = bench.done(&draft());
    assert!(told.starts_with("later: 2 s: FORGE/repos/ann/one/releases"), "{told}");
    bench.unchanged(|| assert_eq!(bench.seen(&draft()), "absent"));
    let nobody = client(&bench.runtime, "http://127.0.0.1:1", None).unwrap();
    let told = bench.runtime.block_on(nobody.observe(&bench.plan, &bench.manifest, &draft()));
    assert!(matches!(told, Err(Trouble::Later { .. })), "{told:?}");
}

#[test]
fn a_token_that_is_wrong_missing_or_without_rights_is_told() {
    let mut bench = Bench::with(|state| state.read_only = true);
    bench.unchanged(|| {
        expect![[r#"
        exit 3: error: the token lacks the right `contents: write`
          why:  POST FORGE/repos/ann/one/releases: Resource not accessible by integration
          next: give the job or the token behind GITHUB_TOKEN the permission `contents: write`"#]]
        .assert_eq(&bench.done(&draft()))
    });
    bench.forge = client(&bench.runtime, &bench.double.base(), Some("another")).unwrap();
    expect![[r#"
        exit 3: error: the forge does not take the token
          why:  GET FORGE/repos/ann/one/releases: Bad credentials
          next: set GITHUB_TOKEN to a token that is valid and not expired"#]]
    .assert_eq(&bench.seen(&draft()));
    let told = client(&bench.runtime, &bench.double.base(), Some("secret\n")).err().unwrap();
    expect![[r#"
        error: GITHUB_TOKEN holds what cannot be a token
          why:  there is a line end or another control character in it
          next: set GITHUB_TOKEN again, without the line end"#]]
    .assert_eq(&told.to_string());
    assert!(!told.to_string().contains("secret"));
}

#[test]
fn a_repository_that_is_not_there_and_an_address_that_is_none_are_told() {
    let mut bench = Bench::new();
    let elsewhere = |api: &str, repository: &str| {
        bench.runtime.block_on(async { Forge::new(api, repository, None, &Clock::system()) })
    };
    let told =
        |made: Result<Forge, Failure>| made.err().map(|failure| failure.to_string()).unwrap_or_default();
    expect![[r#"
        error: `http://api.example.com` is not encrypted
          why:  a token would be sent in the clear
          next: use an address that begins with https://"#]]
    .assert_eq(&told(elsewhere("http://api.example.com", REPOSITORY)));
    expect![[r#"
        error: `one` is no repository
          next: set `forge.repository = "owner/name"` in release/release.toml"#]]
    .assert_eq(&told(elsewhere("https://api.example.com", "one")));
    let base = bench.double.base();
    bench.double.state().repository = "ann/other".to_owned();
    bench.forge = client(&bench.runtime, &base, Some(TOKEN)).unwrap();
    expect![[r#"
        exit 3: error: there is no repository `ann/one` for this token
          why:  the forge answers 404: it is not there, or the token lacks the right `contents: write`
          next: check `forge.repository` in release/release.toml, and GITHUB_TOKEN"#]]
    .assert_eq(&bench.seen(&draft()));
    expect![[r#"
        exit 3: error: the token lacks the right `contents: write`
          why:  POST FORGE/repos/ann/one/releases: 404, as for something that is not there
          next: give the job or the token behind GITHUB_TOKEN the permission `contents: write`"#]]
    .assert_eq(&bench.done(&draft()));
}

#[test]
fn nothing_is_uploaded_to_another_host() {
    let bench = Bench::with(|state| state.uploads = Some("https://uploads.example.com".to_owned()));
    assert_eq!(bench.done(&draft()), "done");
    bench.unchanged(|| {
        expect![[r#"
        exit 3: error: the forge wants uploads to go to another host
          why:  `https://uploads.example.com/repos/ann/one/releases/2/assets` is not on the host of FORGE/
          next: look at the release in a browser before anything is sent"#]]
        .assert_eq(&bench.done(&upload("one.tar.gz")))
    });
}

#[test]
fn a_list_that_does_not_end_is_given_up() {
    let bench = Bench::with(|state| {
        state.page_max = 1;
        for id in 0..300 {
            state.releases.push(state::Release { id, tag: format!("v{id}"), ..state::Release::default() });
        }
    });
    expect![[r#"
        exit 3: error: the list releases does not end
          why:  200 pages of it were read
          next: check `forge.api` in release/release.toml, or GITHUB_API_URL"#]]
    .assert_eq(&bench.seen(&draft()));
}
