use super::*;

fn step() -> Step {
    Step {
        timeout: std::time::Duration::from_secs(2),
        ..Step::new("x".parse().unwrap(), "lint", vec!["prog".into(), "a".into()])
    }
}

#[test]
fn how_a_program_ended_becomes_an_outcome() {
    let stop = Stop::default();
    let cases = [
        (Ok(Ended::Exit(0)), 1, None, Outcome::Passed),
        (Ok(Ended::Exit(0)), 2, None, Outcome::Flaky { attempt: 2 }),
        (Ok(Ended::Exit(0)), 1, Some("dist"), Outcome::OutputMissing { output: "dist".into() }),
        (Ok(Ended::Exit(7)), 1, None, Outcome::Failed { exit: 7 }),
        (Ok(Ended::Signal(11)), 1, None, Outcome::Killed { signal: 11 }),
        (
            Ok(Ended::NotStarted("is no program".into())),
            1,
            None,
            Outcome::Broken { why: "`prog a` is no program".into() },
        ),
        (Err("full disk".to_owned()), 1, None, Outcome::Broken { why: "full disk".into() }),
    ];
    for (ended, attempt, missing, expected) in cases {
        assert_eq!(of_end(&step(), ended, attempt, stop, missing.map(str::to_owned)), expected);
    }
    let missing = of_end(&step(), Ok(Ended::Missing), 1, stop, None);
    assert!(matches!(&missing, Outcome::Unavailable { tool, .. } if tool == "prog") && !missing.is_pass());
}

#[test]
fn a_program_that_we_ended_did_not_pass_whatever_its_status_says() {
    let timed_out = Stop { timed_out: true, ..Stop::default() };
    let interrupted = Stop { interrupted: true, ..Stop::default() };
    assert_eq!(of_end(&step(), Ok(Ended::Exit(0)), 1, timed_out, None), Outcome::TimedOut { limit_ms: 2000 });
    assert_eq!(of_end(&step(), Ok(Ended::Exit(0)), 1, interrupted, None), Outcome::Interrupted);
}

#[test]
fn only_evidence_makes_a_run_pass() {
    let skipped = Outcome::Skipped { reason: String::new() };
    let unavailable = Outcome::Unavailable { tool: "t".into(), install: "i".into() };
    let not_run = Outcome::NotRun { reason: String::new() };
    let cases: [(&[Outcome], bool, Status); 9] = [
        (&[Outcome::Passed, skipped.clone()], true, Status::Passed),
        (&[Outcome::Passed, Outcome::Flaky { attempt: 2 }], true, Status::Passed),
        (std::slice::from_ref(&skipped), true, Status::Nothing),
        (&[], true, Status::Nothing),
        (&[Outcome::Passed, unavailable.clone()], false, Status::Incomplete),
        (&[Outcome::Passed, unavailable.clone()], true, Status::Unavailable),
        (&[Outcome::Passed, Outcome::Unknown], true, Status::Failed),
        (&[Outcome::Passed, not_run], true, Status::Failed),
        (&[Outcome::Failed { exit: 1 }, unavailable], true, Status::Failed),
    ];
    for (outcomes, required, expected) in cases {
        assert_eq!(status(outcomes, &vec![required; outcomes.len()], false), expected, "{outcomes:?}");
    }
    assert_eq!(status(&[Outcome::Passed], &[true], true), Status::Interrupted);
}
