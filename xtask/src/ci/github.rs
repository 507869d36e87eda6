//! The two ends of a workflow run: the job that plans and the job that judges.
//!
//! Everything decided here is decided in `matrix`, `proven` and `verdict`; this file reads the variables of the job
//! and writes to the files that GitHub names in them. Without those files (on a laptop) the text is printed.

use std::io::Write as _;

use anyhow::Context as _;

use super::matrix::{self, Decision, PlannedJob};
use super::proven::{self, Answer};
use super::verdict;
use crate::doors::Doors;
use crate::failure::{Exit, Failure, Result};
use crate::files;

/// Prints the jobs of a workflow run, and asks nobody.
pub(crate) fn show(doors: &Doors, jobs: &[PlannedJob]) -> Result<Exit> {
    if doors.terminal.is_json() {
        doors.terminal.json(&matrix::rows(jobs))?;
    } else {
        jobs.iter().for_each(|job| doors.terminal.data(&job.to_string()));
    }
    Ok(Exit::Done)
}

/// Writes the outputs `matrix` and `plan` of the plan job. Where the merge queue proved this commit, nothing is
/// planned again. `default_branch` is the branch that is declared.
pub(crate) fn plan(doors: &Doors, default_branch: &str, jobs: &[PlannedJob]) -> Result<Exit> {
    let answer = proven::ask(doors, default_branch);
    if let Some(sentence) = answer.sentence() {
        doors.terminal.talk(&sentence);
    }
    let rows = matrix::rows(&decided(jobs, &answer));
    let output = rows.github_output().map_err(|problem| {
        Failure::refused(problem).next("declare fewer jobs or shards in release/ci.toml")
    })?;
    for job in &rows.jobs {
        let decision = match &job.decision {
            Decision::Planned => "planned".to_owned(),
            Decision::Skipped(reason) => format!("skipped: {reason}"),
        };
        doors.terminal.talk(&format!("{job}  {decision}"));
    }
    say(doors, "GITHUB_OUTPUT", &output)?;
    Ok(Exit::Done)
}

fn decided(jobs: &[PlannedJob], answer: &Answer) -> Vec<PlannedJob> {
    let Answer::Proven(run) = answer else { return jobs.to_vec() };
    let skipped = |job: &PlannedJob| match &job.decision {
        Decision::Planned => Decision::Skipped(format!("the merge queue proved this commit: {run}")),
        Decision::Skipped(reason) => Decision::Skipped(reason.clone()),
    };
    jobs.iter().map(|job| PlannedJob { decision: skipped(job), ..job.clone() }).collect()
}

/// Judges the run from `NEEDS` (`toJSON(needs)`) and `PLAN` (the plan job's output).
pub(crate) fn judge(doors: &Doors) -> Result<Exit> {
    // A variable that is not set reads as an empty text, and that speaks against the run.
    let variable = |name| doors.environment.get(name).unwrap_or_default();
    let verdict = verdict::judge(variable("NEEDS"), variable("PLAN"));
    if doors.environment.get("GITHUB_STEP_SUMMARY").is_some() {
        say(doors, "GITHUB_STEP_SUMMARY", &format!("```text\n{verdict}\n```\n"))?;
    }
    let exit = if verdict.is_pass() { Exit::Done } else { Exit::No };
    if doors.terminal.is_json() {
        doors.terminal.json(&serde_json::json!({ "pass": verdict.is_pass(), "against": verdict.against }))?;
        return Ok(exit);
    }
    verdict.known.iter().for_each(|line| doors.terminal.data(line));
    if exit == Exit::Done {
        doors.terminal.data("verdict  pass");
        return Ok(exit);
    }
    let failure = Failure { why: verdict.against, ..Failure::no("not everything that was planned passed") };
    Err(failure.next("open the job that is named above; its last lines say how to run it on a laptop"))
}

/// Appends to the file that a variable names, or prints.
fn say(doors: &Doors, variable: &str, text: &str) -> Result<()> {
    let Some(path) = doors.environment.get(variable) else {
        doors.terminal.data(text.trim_end());
        return Ok(());
    };
    let mut file = files::open_append(path.as_ref())?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write to `{path}`"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_skips_what_was_planned_and_keeps_other_reasons() {
        let job = |job: &str, decision| PlannedJob {
            job: job.to_owned(),
            os: "ubuntu-latest".to_owned(),
            shard: None,
            decision,
        };
        let jobs =
            [job("lint", Decision::Planned), job("deep", Decision::Skipped("not affected".to_owned()))];
        let reasons =
            |answer: &Answer| decided(&jobs, answer).into_iter().map(|job| job.decision).collect::<Vec<_>>();
        assert_eq!(
            reasons(&Answer::Proven("run 7".to_owned())),
            [
                Decision::Skipped("the merge queue proved this commit: run 7".to_owned()),
                Decision::Skipped("not affected".to_owned())
            ]
        );
        for answer in [Answer::NotAsked, Answer::NotProven, Answer::Unknown("500".to_owned())] {
            assert_eq!(reasons(&answer)[0], Decision::Planned);
        }
    }
}
