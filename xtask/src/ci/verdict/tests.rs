use expect_test::{Expect, expect};
use serde_json::json;

use super::super::matrix::{PlannedJob, rows};
use super::*;

fn job(job: &str, decision: Decision) -> PlannedJob {
    PlannedJob { job: job.to_owned(), os: "ubuntu-latest".to_owned(), shard: None, decision }
}

fn two() -> Rows {
    rows(&[job("lint", Decision::Planned), job("test", Decision::Planned)])
}

fn proven() -> Rows {
    let reason = "the merge queue proved this commit in run 7";
    rows(&[
        job("lint", Decision::Skipped(reason.to_owned())),
        job("test", Decision::Skipped(reason.to_owned())),
    ])
}

/// `toJSON(needs)` of a run with these results and this plan.
fn needs(plan_result: &str, checks_result: &str, plan: &Rows) -> String {
    let outputs = json!({ "matrix": plan.matrix(), "plan": plan.json() });
    json!({
        "plan": { "result": plan_result, "outputs": outputs },
        "checks": { "result": checks_result, "outputs": {} },
    })
    .to_string()
}

#[track_caller]
fn check(needs: &str, plan: &str, expected: Expect) {
    expected.assert_eq(&judge(needs, plan).to_string());
}

#[test]
fn everything_planned_succeeded() {
    check(
        &needs("success", "success", &two()),
        &two().json(),
        expect![[r#"
        planned  lint (ubuntu-latest)
        planned  test (ubuntu-latest)
        verdict  pass"#]],
    );
}

#[test]
fn a_mixed_plan_passes_on_its_planned_rows() {
    let plan =
        rows(&[job("lint", Decision::Planned), job("deep", Decision::Skipped("not affected".to_owned()))]);
    check(
        &needs("success", "success", &plan),
        &plan.json(),
        expect![[r#"
        planned  lint (ubuntu-latest)
        skipped  deep (ubuntu-latest): not affected
        verdict  pass"#]],
    );
}

#[test]
fn skipped_passes_where_the_plan_said_so() {
    check(
        &needs("success", "skipped", &proven()),
        &proven().json(),
        expect![[r#"
        skipped  lint (ubuntu-latest): the merge queue proved this commit in run 7
        skipped  test (ubuntu-latest): the merge queue proved this commit in run 7
        verdict  pass"#]],
    );
}

#[test]
fn skipped_fails_where_the_plan_did_not_say_so() {
    check(
        &needs("success", "skipped", &two()),
        &two().json(),
        expect![[r#"
        planned  lint (ubuntu-latest)
        planned  test (ubuntu-latest)
        against  `checks` was skipped, and the plan did not say so; planned were lint (ubuntu-latest), test (ubuntu-latest)
        verdict  fail"#]],
    );
}

#[test]
fn a_failed_or_cancelled_row_fails() {
    check(
        &needs("success", "failure", &two()),
        &two().json(),
        expect![[r#"
        planned  lint (ubuntu-latest)
        planned  test (ubuntu-latest)
        against  `checks` failed; planned were lint (ubuntu-latest), test (ubuntu-latest)
        verdict  fail"#]],
    );
    check(
        &needs("success", "cancelled", &two()),
        &two().json(),
        expect![[r#"
        planned  lint (ubuntu-latest)
        planned  test (ubuntu-latest)
        against  `checks` was cancelled; planned were lint (ubuntu-latest), test (ubuntu-latest)
        verdict  fail"#]],
    );
}

#[test]
fn a_result_nobody_knows_fails() {
    check(
        &needs("success", "neutral", &two()),
        &two().json(),
        expect![[r#"
        planned  lint (ubuntu-latest)
        planned  test (ubuntu-latest)
        against  `checks` ended with `neutral`, which is no result that this xtask knows; planned were lint (ubuntu-latest), test (ubuntu-latest)
        verdict  fail"#]],
    );
    check(
        &needs("success", "", &two()),
        &two().json(),
        expect![[r#"
        planned  lint (ubuntu-latest)
        planned  test (ubuntu-latest)
        against  `checks` ended with ``, which is no result that this xtask knows; planned were lint (ubuntu-latest), test (ubuntu-latest)
        verdict  fail"#]],
    );
    check(
        &needs("success", "Success", &two()),
        &two().json(),
        expect![[r#"
        planned  lint (ubuntu-latest)
        planned  test (ubuntu-latest)
        against  `checks` ended with `Success`, which is no result that this xtask knows; planned were lint (ubuntu-latest), test (ubuntu-latest)
        verdict  fail"#]],
    );
}

#[test]
fn a_plan_job_that_failed_leaves_an_empty_output() {
    let needs = json!({
        "plan": { "result": "failure", "outputs": {} },
        "checks": { "result": "skipped", "outputs": {} },
    });
    check(
        &needs.to_string(),
        "",
        expect![[r#"
        against  `plan` failed
        against  there is no plan: the plan job did not get to its end
        verdict  fail"#]],
    );
}

#[test]
fn a_plan_job_that_failed_after_it_wrote_its_outputs_fails() {
    check(
        &needs("failure", "success", &two()),
        &two().json(),
        expect![[r#"
        planned  lint (ubuntu-latest)
        planned  test (ubuntu-latest)
        against  `plan` failed
        verdict  fail"#]],
    );
    check(
        &needs("cancelled", "skipped", &proven()),
        &proven().json(),
        expect![[r#"
        skipped  lint (ubuntu-latest): the merge queue proved this commit in run 7
        skipped  test (ubuntu-latest): the merge queue proved this commit in run 7
        against  `plan` was cancelled
        verdict  fail"#]],
    );
    check(
        &needs("skipped", "skipped", &proven()),
        &proven().json(),
        expect![[r#"
        skipped  lint (ubuntu-latest): the merge queue proved this commit in run 7
        skipped  test (ubuntu-latest): the merge queue proved this commit in run 7
        against  `plan` was skipped, and the plan did not say so
        verdict  fail"#]],
    );
}

#[test]
fn an_empty_plan_of_a_job_that_succeeded_fails() {
    check(
        &needs("success", "skipped", &rows(&[])),
        "",
        expect![[r#"
        against  there is no plan: the plan job did not get to its end
        verdict  fail"#]],
    );
    check(
        &needs("success", "skipped", &rows(&[])),
        &rows(&[]).json(),
        expect![[r#"
        against  the plan has no jobs at all
        verdict  fail"#]],
    );
}

#[test]
fn outputs_that_are_null_are_none() {
    let needs = json!({
        "plan": { "result": "success", "outputs": null },
        "checks": { "result": "success", "outputs": null },
    });
    check(
        &needs.to_string(),
        &two().json(),
        expect![[r#"
        planned  lint (ubuntu-latest)
        planned  test (ubuntu-latest)
        against  there is no matrix: the plan job did not get to its end
        verdict  fail"#]],
    );
}

#[test]
fn missing_entries_fail() {
    let outputs = json!({ "matrix": two().matrix() });
    let only_plan = json!({ "plan": { "result": "success", "outputs": outputs } });
    check(
        &only_plan.to_string(),
        &two().json(),
        expect![[r#"
        planned  lint (ubuntu-latest)
        planned  test (ubuntu-latest)
        against  the result of `checks` is missing
        verdict  fail"#]],
    );
    let only_checks = json!({ "checks": { "result": "success", "outputs": {} } });
    check(
        &only_checks.to_string(),
        &two().json(),
        expect![[r#"
        planned  lint (ubuntu-latest)
        planned  test (ubuntu-latest)
        against  the result of `plan` is missing
        against  there is no matrix: the plan job did not get to its end
        verdict  fail"#]],
    );
    check(
        "{}",
        &two().json(),
        expect![[r#"
        planned  lint (ubuntu-latest)
        planned  test (ubuntu-latest)
        against  the result of `plan` is missing
        against  there is no matrix: the plan job did not get to its end
        against  the result of `checks` is missing
        verdict  fail"#]],
    );
}

#[test]
fn garbage_fails() {
    check(
        "",
        &two().json(),
        expect![[r#"
        against  the results of the jobs cannot be read: EOF while parsing a value at line 1 column 0
        verdict  fail"#]],
    );
    check(
        "null",
        &two().json(),
        expect![[r#"
        against  the results of the jobs cannot be read: invalid type: null, expected a map at line 1 column 4
        verdict  fail"#]],
    );
    check(
        "{\"plan\":{}}",
        &two().json(),
        expect![[r#"
        against  the results of the jobs cannot be read: missing field `result` at line 1 column 10
        verdict  fail"#]],
    );
    check(
        &needs("success", "success", &two()),
        "not json",
        expect![[r#"
        against  the plan cannot be read: expected ident at line 1 column 2
        verdict  fail"#]],
    );
    check(
        &needs("success", "success", &two()),
        "{\"v\":1}",
        expect![[r#"
        against  the plan cannot be read: missing field `jobs` at line 1 column 7
        verdict  fail"#]],
    );
    check(
        &needs("success", "success", &two()),
        "{\"v\":2,\"jobs\":[]}",
        expect![[r#"
        against  the plan has version 2, this xtask reads 1
        verdict  fail"#]],
    );
    check(
        &needs("success", "success", &two()),
        "{\"v\":1,\"jobs\":[{\"job\":\"a\",\"os\":\"b\",\"decision\":\"maybe\"}]}",
        expect![[r#"
            against  the plan cannot be read: unknown variant `maybe`, expected `planned` or `skipped` at line 1 column 53
            verdict  fail"#]],
    );
}

#[test]
fn a_matrix_that_is_not_the_plans_fails() {
    let one = rows(&[job("lint", Decision::Planned)]);
    check(
        &needs("success", "success", &one),
        &two().json(),
        expect![[r#"
        planned  lint (ubuntu-latest)
        planned  test (ubuntu-latest)
        against  the matrix that ran is not the one of the plan
        verdict  fail"#]],
    );
}

#[test]
fn checks_that_ran_although_nothing_was_planned_fail() {
    check(
        &needs("success", "success", &proven()),
        &proven().json(),
        expect![[r#"
        skipped  lint (ubuntu-latest): the merge queue proved this commit in run 7
        skipped  test (ubuntu-latest): the merge queue proved this commit in run 7
        against  the plan plans nothing, and `checks` is `success`
        verdict  fail"#]],
    );
}

#[test]
fn any_other_job_that_is_waited_for_must_succeed() {
    let mut needs: serde_json::Value = serde_json::from_str(&needs("success", "success", &two())).unwrap();
    needs["deploy"] = json!({ "result": "skipped", "outputs": {} });
    check(
        &needs.to_string(),
        &two().json(),
        expect![[r#"
        planned  lint (ubuntu-latest)
        planned  test (ubuntu-latest)
        against  `deploy` was skipped, and the plan did not say so
        verdict  fail"#]],
    );
    needs["deploy"]["result"] = json!("success");
    assert!(judge(&needs.to_string(), &two().json()).is_pass());
}
