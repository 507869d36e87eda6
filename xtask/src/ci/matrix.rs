//! The jobs of a workflow run, from the plan: what GitHub runs, and what the verdict will ask for. Pure.
//!
//! Two texts leave the plan job. The matrix is what GitHub reads: only planned rows. The plan is what the verdict
//! reads: every job with its decision, so that `skipped` can be told apart from `forgotten`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The version of the plan that is written. A reader refuses any other: both come from the same commit.
pub(crate) const VERSION: u32 = 1;

/// The most rows that GitHub takes.
pub(crate) const ROWS_MAX: usize = 256;

/// A job that the plan knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlannedJob {
    /// The job of `cargo xtask ci --job`.
    pub(crate) job: String,
    /// The label of the runner.
    pub(crate) os: String,
    /// Its part of the tests: number and count, both from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shard: Option<(u32, u32)>,
    pub(crate) decision: Decision,
}

/// What the plan says about a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Decision {
    /// It runs, and must succeed.
    Planned,
    /// It does not run, for this reason.
    Skipped(String),
}

/// A step, as far as planning jobs looks at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepOfJob<'a> {
    pub(crate) job: &'a str,
    pub(crate) step: &'a str,
    /// Where it runs; empty for everywhere.
    pub(crate) platforms: &'a [String],
}

/// The step whose tests can be divided.
const DIVIDED: &str = "test";

/// The platforms, as steps name them, and the runners of GitHub.
const RUNNERS: &[(&str, &str)] =
    &[("linux", "ubuntu-latest"), ("macos", "macos-latest"), ("windows", "windows-latest")];

/// Every job with its decision: the output `plan`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rows {
    pub(crate) v: u32,
    pub(crate) jobs: Vec<PlannedJob>,
}

/// A row as GitHub reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// What people see in the list of checks.
    pub(crate) name: String,
    pub(crate) job: String,
    pub(crate) os: String,
    /// `K/N`, or empty where the job is whole.
    pub(crate) shard: String,
}

#[derive(Serialize)]
struct Matrix {
    include: Vec<Row>,
}

/// The jobs of these steps, in the order of the steps. Each runs on Linux, and wherever else one of its steps asks to
/// run. The job that tests is divided, on Linux; elsewhere it is whole.
pub(crate) fn jobs(steps: &[StepOfJob], shards: u32) -> Vec<PlannedJob> {
    let mut names: Vec<&str> = Vec::new();
    for step in steps {
        if !names.contains(&step.job) {
            names.push(step.job);
        }
    }
    names.into_iter().flat_map(|name| rows_of(name, steps, shards)).collect()
}

fn rows_of(name: &str, steps: &[StepOfJob], shards: u32) -> Vec<PlannedJob> {
    let of_job = || steps.iter().filter(|step| step.job == name);
    let planned = |os: &str, shard| PlannedJob {
        job: name.to_owned(),
        os: os.to_owned(),
        shard,
        decision: Decision::Planned,
    };
    let mut rows = Vec::new();
    for (platform, runner) in RUNNERS {
        let asked = of_job().any(|step| step.platforms.iter().any(|asked| asked == platform));
        let everywhere = *platform == "linux" && of_job().any(|step| step.platforms.is_empty());
        let divided = shards > 1 && *platform == "linux" && of_job().any(|step| step.step == DIVIDED);
        match (asked || everywhere, divided) {
            (false, _) => {}
            (true, false) => rows.push(planned(runner, None)),
            (true, true) => rows.extend((1..=shards).map(|number| planned(runner, Some((number, shards))))),
        }
    }
    rows
}

/// The plan of these jobs.
pub(crate) fn rows(jobs: &[PlannedJob]) -> Rows {
    Rows { v: VERSION, jobs: jobs.to_vec() }
}

impl Rows {
    /// The planned rows.
    pub(crate) fn planned(&self) -> Vec<Row> {
        let planned = self.jobs.iter().filter(|job| job.decision == Decision::Planned);
        planned
            .map(|job| Row {
                name: job.to_string(),
                job: job.job.clone(),
                os: job.os.clone(),
                shard: job.shard.map(|(number, count)| format!("{number}/{count}")).unwrap_or_default(),
            })
            .collect()
    }

    /// The output `matrix`: one line of JSON. Without rows it is exactly `{"include":[]}`, which the workflow knows.
    pub(crate) fn matrix(&self) -> String {
        serde_json::to_string(&Matrix { include: self.planned() }).expect("texts and numbers are always JSON")
    }

    /// The output `plan`: one line of JSON.
    pub(crate) fn json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are always JSON")
    }

    /// The lines of `$GITHUB_OUTPUT`. Refused where GitHub would refuse the matrix.
    pub(crate) fn github_output(&self) -> Result<String, String> {
        let count = self.planned().len();
        if count > ROWS_MAX {
            return Err(format!("the plan has {count} rows, GitHub takes at most {ROWS_MAX}"));
        }
        // JSON escapes line ends, so that no name of a job can add an output.
        Ok(format!("matrix={}\nplan={}\n", self.matrix(), self.json()))
    }
}

/// The job as people see it in the list of checks.
impl fmt::Display for PlannedJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.job)?;
        if let Some((number, count)) = self.shard {
            write!(f, " {number}/{count}")?;
        }
        write!(f, " ({})", self.os)
    }
}

#[cfg(test)]
mod tests;
