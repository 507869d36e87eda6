//! The workflow that releases: gate, build, stage, publish. It starts from a tag or by hand, and ends in the same executor.
//!
//! - Rights that reach the world are in one job, `publish`, behind an environment whose reviewers see the seal first.
//! - Nothing is restored from a cache: what an earlier run left would be part of what is published.
//! - Each job names the results that it needs. Without that, a job after a skipped one is skipped itself, and a skipped
//!   job counts as a success for whoever asks carelessly.

use super::config::Config;
use super::model::{Access, Concurrency, Event, Job, Permission, Step, Work, Workflow};
use super::parts::{RUNNER, checkout_all, environment, front_to_release, reads_sources};
use super::{ENVIRONMENT, Front, SIGNING};

/// Minutes for a job that builds the front, and asks or sends.
const SHORT_MINUTES_MAX: u32 = 60;

/// Minutes for a build of everything from nothing.
const BUILD_MINUTES_MAX: u32 = 180;

const BUILDS: &str = ".xtask/release/builds";
pub(super) const STAGING: &str = ".xtask/release/staging";

/// A release without binaries has this matrix, and no job of it runs; GitHub itself refuses a matrix without rows.
const IS_BUILT: &str = r#"needs.gate.result == 'success' && needs.gate.outputs.matrix != '{"include":[]}'"#;

/// The one skipped job that is as good as a success: a build where the plan builds nothing.
const IS_STAGED: &str = r#"!cancelled() && needs.gate.result == 'success' && (needs.build.result == 'success' || (needs.build.result == 'skipped' && needs.gate.outputs.matrix == '{"include":[]}'))"#;

const IS_PUBLISHED: &str =
    "!cancelled() && needs.gate.result == 'success' && needs.stage.result == 'success'";

/// How workflows of this workspace are to release it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    /// The tags that start a release, as patterns of GitHub's.
    pub(crate) tags: Vec<String>,
    /// True where artifacts are signed: the job that stages them gets the key.
    pub(crate) signed: bool,
    /// True where the registry takes GitHub's identity; else the job that publishes gets the registry's token.
    pub(crate) trusted: bool,
}

pub(super) fn workflow(config: &Config, front: &Front, release: &Release) -> Workflow {
    Workflow {
        about: &[
            "Releases a commit: asks the gates, builds and stages what the plan names, and publishes it after a reviewer of",
            "the environment said yes. A run that died is repaired by the same run again: what is done already is left.",
            "A push of more than three tags at once starts no workflow; start it by hand then.",
        ],
        name: "xtask release",
        events: vec![Event::Tags(release.tags.clone()), Event::Dispatch(vec![])],
        // The tags of one commit have one plan. A run that waits finds everything done; one that GitHub drops because
        // another waits too would have found the same.
        concurrency: Some(Concurrency {
            group: "${{ github.workflow }}-${{ github.sha }}".into(),
            cancel: "false",
        }),
        environment: environment(),
        jobs: vec![
            gate(config, front),
            build(config, front),
            stage(config, front, release),
            publish(config, front, release),
        ],
    }
}

/// What the gates ask of GitHub.
fn reads_evidence() -> [Permission; 3] {
    let reads = |scope, why| Permission { scope, access: Access::Read, why };
    [
        reads("actions", "to ask which workflow a check belongs to"),
        reads("checks", "to ask whether the checks of this commit passed"),
        reads("issues", "to ask whether an issue blocks the release"),
    ]
}

fn gate(config: &Config, front: &Front) -> Job {
    let mut permissions = vec![reads_sources()];
    permissions.extend(reads_evidence());
    Job {
        id: "gate".into(),
        about: &["Every gate that can be asked before something is built; all verdicts at once."],
        name: "gate".into(),
        needs: vec![],
        condition: None,
        environment: None,
        concurrency: None,
        permissions,
        work: Work::Steps {
            runs_on: RUNNER,
            timeout_minutes: SHORT_MINUTES_MAX,
            matrix: None,
            outputs: vec![("matrix", "${{ steps.plan.outputs.matrix }}".to_owned())],
            steps: vec![
                checkout_all(config),
                front_to_release(front),
                Step::run("Plan", "exec cargo xtask release plan --github").id("plan"),
                Step::run("Ask the gates", "exec cargo xtask release gate")
                    .with("GITHUB_TOKEN", "${{ github.token }}"),
            ],
        },
    }
}

fn build(config: &Config, front: &Front) -> Job {
    Job {
        id: "build".into(),
        about: &["The binaries of each target, from nothing. Skipped only where the plan has none."],
        name: "build ${{ matrix.target }}".into(),
        needs: vec!["gate".into()],
        condition: Some(IS_BUILT.into()),
        environment: None,
        concurrency: None,
        permissions: vec![reads_sources()],
        work: Work::Steps {
            runs_on: "${{ matrix.os }}",
            timeout_minutes: BUILD_MINUTES_MAX,
            matrix: Some("${{ fromJSON(needs.gate.outputs.matrix) }}"),
            outputs: vec![],
            steps: vec![
                checkout_all(config),
                front_to_release(front),
                Step::run(
                    "Build",
                    format!(r#"exec cargo xtask release build --target "$TARGET" --output {BUILDS}"#),
                )
                .with("TARGET", "${{ matrix.target }}"),
                upload(config, "Keep the binaries", "builds-${{ matrix.target }}", BUILDS),
            ],
        },
    }
}

fn stage(config: &Config, front: &Front, release: &Release) -> Job {
    let stage = Step::run("Stage", format!("exec cargo xtask release stage --output {STAGING}"));
    let stage = match release.signed {
        true => stage
            .with("MINISIGN_SECRET_KEY", "${{ secrets.MINISIGN_SECRET_KEY }}")
            .with("MINISIGN_PASSWORD", "${{ secrets.MINISIGN_PASSWORD }}"),
        false => stage,
    };
    let builds = [("pattern", "builds-*"), ("path", BUILDS), ("merge-multiple", "true")];
    Job {
        id: "stage".into(),
        about: &[
            "Everything that is published, in one folder. The seal over it is what reviewers and approvals are about.",
        ],
        name: "stage".into(),
        needs: vec!["gate".into(), "build".into()],
        condition: Some(IS_STAGED.into()),
        environment: release.signed.then(|| SIGNING.into()),
        concurrency: None,
        permissions: vec![reads_sources()],
        work: Work::Steps {
            runs_on: RUNNER,
            timeout_minutes: BUILD_MINUTES_MAX,
            matrix: None,
            outputs: vec![],
            steps: vec![
                checkout_all(config),
                front_to_release(front),
                Step::pinned(&config.pins, "Get the binaries", "actions/download-artifact", &builds),
                stage,
                upload(config, "Keep the staging folder", "staging", STAGING),
            ],
        },
    }
}

fn publish(config: &Config, front: &Front, release: &Release) -> Job {
    let writes = |scope, why| Permission { scope, access: Access::Write, why };
    let identity = match release.trusted {
        true => "to attest who built it, and to get the registry's token",
        false => "to attest who built it",
    };
    let mut permissions = reads_evidence().to_vec();
    permissions.extend([
        writes("contents", "to make the tag and the release"),
        writes("id-token", identity),
        writes("attestations", "to keep the attestation"),
    ]);
    let folders = format!("{STAGING}/assets\n{STAGING}/crates\n");
    let command = format!("exec cargo xtask release publish --staging {STAGING} --execute");
    let publish = Step::run("Publish", command).with("GITHUB_TOKEN", "${{ github.token }}");
    let publish = match release.trusted {
        true => publish,
        false => publish.with("CARGO_REGISTRY_TOKEN", "${{ secrets.CARGO_REGISTRY_TOKEN }}"),
    };
    let staged = [("name", "staging"), ("path", STAGING)];
    Job {
        id: "publish".into(),
        about: &[
            "The only job that may change something outside. A reviewer of its environment lets it start; the gates are asked",
            "again before the first effect. An environment that nobody set up has no reviewers: `doctor --github` says so.",
        ],
        name: "publish".into(),
        needs: vec!["gate".into(), "stage".into()],
        condition: Some(IS_PUBLISHED.into()),
        environment: Some(ENVIRONMENT.into()),
        concurrency: None,
        permissions,
        work: Work::Steps {
            runs_on: RUNNER,
            timeout_minutes: BUILD_MINUTES_MAX,
            matrix: None,
            outputs: vec![],
            steps: vec![
                checkout_all(config),
                front_to_release(front),
                Step::pinned(&config.pins, "Get the staging folder", "actions/download-artifact", &staged),
                // Before anything is public: an immutable release takes nothing afterwards.
                Step::pinned(&config.pins, "Attest", "actions/attest", &[("subject-path", &folders)]),
                publish,
            ],
        },
    }
}

/// Hands a hidden folder to later jobs. A job that is run again replaces what it handed over before.
fn upload(config: &Config, name: &'static str, artifact: &str, path: &str) -> Step {
    let with = [
        ("name", artifact),
        ("path", path),
        ("include-hidden-files", "true"),
        ("if-no-files-found", "error"),
        ("overwrite", "true"),
        ("retention-days", "30"),
    ];
    Step::pinned(&config.pins, name, "actions/upload-artifact", &with)
}
