use expect_test::expect;

use super::*;

fn job(job: &str, shard: Option<(u32, u32)>, decision: Decision) -> PlannedJob {
    PlannedJob { job: job.to_owned(), os: "ubuntu-latest".to_owned(), shard, decision }
}

#[test]
fn github_reads_planned_rows_and_the_verdict_reads_all() {
    let rows = rows(&[
        job("lint", None, Decision::Planned),
        job("test", Some((1, 2)), Decision::Planned),
        job("test", Some((2, 2)), Decision::Planned),
        job("deep", None, Decision::Skipped("proven by run 7".to_owned())),
    ]);
    expect![[r#"
        matrix={"include":[{"name":"lint (ubuntu-latest)","job":"lint","os":"ubuntu-latest","shard":""},{"name":"test 1/2 (ubuntu-latest)","job":"test","os":"ubuntu-latest","shard":"1/2"},{"name":"test 2/2 (ubuntu-latest)","job":"test","os":"ubuntu-latest","shard":"2/2"}]}
        plan={"v":1,"jobs":[{"job":"lint","os":"ubuntu-latest","decision":"planned"},{"job":"test","os":"ubuntu-latest","shard":[1,2],"decision":"planned"},{"job":"test","os":"ubuntu-latest","shard":[2,2],"decision":"planned"},{"job":"deep","os":"ubuntu-latest","decision":{"skipped":"proven by run 7"}}]}
    "#]]
    .assert_eq(&rows.github_output().unwrap());
    assert_eq!(serde_json::from_str::<Rows>(&rows.json()).unwrap(), rows);
}

#[test]
fn nothing_planned_is_a_text_of_its_own() {
    assert_eq!(rows(&[]).matrix(), r#"{"include":[]}"#);
    assert_eq!(rows(&[job("lint", None, Decision::Skipped("no".to_owned()))]).matrix(), r#"{"include":[]}"#);
}

#[test]
fn a_name_with_a_line_end_adds_no_output() {
    let rows = rows(&[job("lint\nplan={}", None, Decision::Planned)]);
    assert_eq!(rows.github_output().unwrap().lines().count(), 2);
}

#[test]
fn more_rows_than_github_takes_are_refused() {
    let many = vec![job("lint", None, Decision::Planned); ROWS_MAX];
    assert!(rows(&many).github_output().is_ok());
    let more = vec![job("lint", None, Decision::Planned); ROWS_MAX + 1];
    assert_eq!(rows(&more).github_output().unwrap_err(), "the plan has 257 rows, GitHub takes at most 256");
}

#[test]
fn jobs_come_from_steps() {
    let (linux, both) = (["linux".to_owned()], ["macos".to_owned(), "windows".to_owned()]);
    let step = |job, step, platforms| StepOfJob { job, step, platforms };
    let steps = [
        step("lint", "fmt", &[][..]),
        step("lint", "shellcheck", &linux),
        step("test", "test", &[]),
        step("test", "doctest", &[]),
        step("apple", "xcode", &both),
    ];
    let shown = |shards| jobs(&steps, shards).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        shown(1),
        ["lint (ubuntu-latest)", "test (ubuntu-latest)", "apple (macos-latest)", "apple (windows-latest)"]
    );
    assert_eq!(
        shown(2),
        [
            "lint (ubuntu-latest)",
            "test 1/2 (ubuntu-latest)",
            "test 2/2 (ubuntu-latest)",
            "apple (macos-latest)",
            "apple (windows-latest)"
        ]
    );
}
