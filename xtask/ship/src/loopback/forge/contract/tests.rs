//! The checker itself: a good exchange passes, and each single thing that is wrong with it is told.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::super::Double;
use super::super::state::State;
use super::*;

/// An exchange that is as described: a draft, made by the double.
fn good() -> (Asked, Reply) {
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    let watch: Watch = Arc::new(move |asked: &Asked, reply: &Reply| {
        *keep.lock().unwrap() = Some((asked.clone(), reply.clone()));
    });
    let double = Double::start(State::of("ann/one"), Some(watch)).unwrap();
    let body =
        json!({ "tag_name": "v1", "name": "v1", "body": "Notes.", "draft": true, "prerelease": false });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let address = format!("{}/repos/ann/one/releases", double.base());
    let headers = [("content-type", "application/json")];
    let ask = async {
        let http = crate::http::Http::new().unwrap();
        http.ask(http::Method::POST, &address, &headers, body.to_string().into()).await
    };
    assert_eq!(runtime.block_on(ask).unwrap().status.as_u16(), 201);
    kept.lock().unwrap().take().unwrap()
}

/// What is said of the good exchange after one change to it.
#[track_caller]
fn check(change: impl FnOnce(&mut Asked, &mut Reply), expected: Expect) {
    let (mut asked, mut reply) = good();
    change(&mut asked, &mut reply);
    expected.assert_eq(&problems(&asked, &reply).join("\n"));
}

/// The good exchange with one field of the request, or of the answer, changed.
fn request(change: impl FnOnce(&mut Value)) -> impl FnOnce(&mut Asked, &mut Reply) {
    move |asked, _| {
        let mut body = serde_json::from_slice(&asked.body).unwrap();
        change(&mut body);
        asked.body = body.to_string().into();
    }
}

fn answered(change: impl FnOnce(&mut Value)) -> impl FnOnce(&mut Asked, &mut Reply) {
    move |_, reply| {
        let mut body = serde_json::from_slice(&reply.body).unwrap();
        change(&mut body);
        reply.body = body.to_string().into();
    }
}

fn without(field: &'static str) -> impl FnOnce(&mut Value) {
    move |body| drop(body.as_object_mut().unwrap().remove(field))
}

#[test]
fn what_is_as_described_passes() {
    check(|_, _| {}, expect![""]);
}

#[test]
fn a_request_with_a_wrong_a_missing_or_an_unknown_part_is_told() {
    check(
        request(without("tag_name")),
        expect![[r#"POST /repos/ann/one/releases: the request: "tag_name" is a required property"#]],
    );
    check(
        request(|body| body["draft"] = json!("yes")),
        expect![[r#"POST /repos/ann/one/releases: the request at /draft: "yes" is not of type "boolean""#]],
    );
    check(
        request(|body| body["make_latest"] = json!("newest")),
        expect![[
            r#"POST /repos/ann/one/releases: the request at /make_latest: "newest" is not one of "true", "false" or "legacy""#
        ]],
    );
    check(
        request(|body| body["make_lates"] = json!("true")),
        expect![
            "POST /repos/ann/one/releases: the request: Additional properties are not allowed ('make_lates' was unexpected)"
        ],
    );
    check(
        |asked, _| asked.body = "{".into(),
        expect![
            "POST /repos/ann/one/releases: the request is no JSON: EOF while parsing an object at line 1 column 1"
        ],
    );
    check(
        |asked, _| drop(asked.headers.remove("content-type")),
        expect!["POST /repos/ann/one/releases: the body must not be of the type ``"],
    );
    check(
        |asked, _| asked.query = "per_pages=100".to_owned(),
        expect!["POST /repos/ann/one/releases: `per_pages` is no parameter"],
    );
    check(
        |asked, _| asked.method = http::Method::PUT,
        expect!["PUT /repos/ann/one/releases: no such method"],
    );
    check(
        |asked, _| asked.path = "/repos/ann/one/release".to_owned(),
        expect!["POST /repos/ann/one/release: no such path"],
    );
    let upload = |query: &'static str, kind: &'static str| {
        move |asked: &mut Asked, reply: &mut Reply| {
            asked.path = "/repos/ann/one/releases/seven/assets".to_owned();
            asked.query = query.to_owned();
            asked.headers.insert("content-type", kind.parse().unwrap());
            reply.status = 404;
            reply.body = json!({ "message": "Not Found" }).to_string().into();
        }
    };
    check(
        upload("", "application/octet-stream"),
        expect![[r#"
        POST /repos/ann/one/releases/seven/assets: the parameter `name` is missing
        POST /repos/ann/one/releases/seven/assets: `release_id`: "seven" is not of type "integer""#]],
    );
    check(
        upload("name=a", "application/gzip"),
        expect![[r#"
        POST /repos/ann/one/releases/seven/assets: `release_id`: "seven" is not of type "integer"
        POST /repos/ann/one/releases/seven/assets: the body must not be of the type `application/gzip`"#]],
    );
}

#[test]
fn an_answer_with_a_wrong_a_missing_or_an_unknown_part_is_told() {
    check(
        answered(without("upload_url")),
        expect![[r#"POST /repos/ann/one/releases: the answer: "upload_url" is a required property"#]],
    );
    check(
        answered(|body| body["id"] = json!("1")),
        expect![[r#"POST /repos/ann/one/releases: the answer at /id: "1" is not of type "integer""#]],
    );
    check(
        answered(|body| body["draft"] = Value::Null),
        expect![[r#"POST /repos/ann/one/releases: the answer at /draft: null is not of type "boolean""#]],
    );
    check(
        answered(|body| body["imutable"] = json!(true)),
        expect![
            "POST /repos/ann/one/releases: the answer: Additional properties are not allowed ('imutable' was unexpected)"
        ],
    );
    check(
        answered(|body| body["created_at"] = json!("yesterday")),
        expect![[
            r#"POST /repos/ann/one/releases: the answer at /created_at: "yesterday" is not a "date-time""#
        ]],
    );
    check(
        answered(|body| body["author"]["login"] = json!(1)),
        expect![[r#"POST /repos/ann/one/releases: the answer at /author/login: 1 is not of type "string""#]],
    );
    check(
        answered(|body| body["assets"] = json!([{ "id": 1 }])),
        expect![[r#"
        POST /repos/ann/one/releases: the answer at /assets/0: "name" is a required property
        POST /repos/ann/one/releases: the answer at /assets/0: "content_type" is a required property
        POST /repos/ann/one/releases: the answer at /assets/0: "size" is a required property
        POST /repos/ann/one/releases: the answer at /assets/0: "digest" is a required property
        POST /repos/ann/one/releases: the answer at /assets/0: "state" is a required property
        POST /repos/ann/one/releases: the answer at /assets/0: "url" is a required property
        POST /repos/ann/one/releases: the answer at /assets/0: "node_id" is a required property
        POST /repos/ann/one/releases: the answer at /assets/0: "download_count" is a required property
        POST /repos/ann/one/releases: the answer at /assets/0: "label" is a required property
        POST /repos/ann/one/releases: the answer at /assets/0: "uploader" is a required property
        POST /repos/ann/one/releases: the answer at /assets/0: "browser_download_url" is a required property
        POST /repos/ann/one/releases: the answer at /assets/0: "created_at" is a required property
        POST /repos/ann/one/releases: the answer at /assets/0: "updated_at" is a required property"#]],
    );
    check(
        |_, reply| reply.status = 200,
        expect!["POST /repos/ann/one/releases: the status 200 is not described"],
    );
    check(
        |_, reply| reply.body = "<html>".into(),
        expect!["POST /repos/ann/one/releases: the answer is no JSON: expected value at line 1 column 1"],
    );
    check(
        |_, reply| reply.headers.clear(),
        expect!["POST /repos/ann/one/releases: the answer must not be of the type ``"],
    );
    let error = |value: Value| {
        move |_: &mut Asked, reply: &mut Reply| {
            reply.status = 422;
            reply.body = value.to_string().into();
        }
    };
    check(
        error(json!({ "message": "no" })),
        expect![[r#"POST /repos/ann/one/releases: the answer: "documentation_url" is a required property"#]],
    );
    check(
        error(json!({ "message": "no", "documentation_url": "d", "errors": [{ "field": "x" }] })),
        expect![[r#"POST /repos/ann/one/releases: the answer at /errors/0: "code" is a required property"#]],
    );
}

#[test]
fn a_literal_part_of_a_path_wins_and_a_reference_may_hold_slashes() {
    for (path, expected) in [
        ("/repos/a/b/releases/7", Some("/repos/{owner}/{repo}/releases/{release_id}")),
        ("/repos/a/b/releases/assets/7", Some("/repos/{owner}/{repo}/releases/assets/{asset_id}")),
        ("/repos/a/b/releases/7/assets", Some("/repos/{owner}/{repo}/releases/{release_id}/assets")),
        ("/repos/a/b/releases/tags/x/v1", Some("/repos/{owner}/{repo}/releases/tags/{tag}")),
        ("/repos/a/b/git/ref/tags/x/v1", Some("/repos/{owner}/{repo}/git/ref/{ref}")),
        ("/repos/a/b/git/refs", Some("/repos/{owner}/{repo}/git/refs")),
        ("/repos/a/b", None),
        ("/repos/a/b/nothing", None),
    ] {
        assert_eq!(template(path), expected, "{path}");
    }
}
