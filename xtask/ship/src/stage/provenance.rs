//! Who built what from what: an in-toto statement with the provenance predicate of SLSA.
//!
//! Sources: <https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md>,
//! <https://slsa.dev/spec/v1.0/provenance>. No time is in it, so the same build gives the same statement. It is signed
//! by way of the list of checksums, and says no more than whoever signs that list can vouch for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use nexus_xtask::digest::Digest;
use nexus_xtask::environment::Environment;
use nexus_xtask::failure::Result;
use nexus_xtask_deliver::release::manifest::Manifest;
use nexus_xtask_deliver::release::plan::{Artifact, Kind, Plan, Release};
use nexus_xtask_deliver::release::staging;

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const PREDICATE: &str = "https://slsa.dev/provenance/v1";

/// The statement.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    pub(crate) subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    pub(crate) predicate: Predicate,
}

/// A file that the statement is about.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) digest: BTreeMap<String, String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Predicate {
    pub(crate) build_definition: BuildDefinition,
    run_details: RunDetails,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BuildDefinition {
    build_type: String,
    external_parameters: External,
    internal_parameters: Internal,
    pub(crate) resolved_dependencies: Vec<Resolved>,
}

/// What whoever started the build chose.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct External {
    repository: String,
    #[serde(rename = "ref")]
    reference: String,
    targets: Vec<String>,
}

/// What the toolkit chose.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Internal {
    plan: Digest,
    configuration: Digest,
    tools: BTreeMap<String, String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Resolved {
    uri: String,
    pub(crate) digest: BTreeMap<String, String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct RunDetails {
    builder: Builder,
    metadata: Metadata,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Builder {
    id: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Metadata {
    #[serde(rename = "invocationId", skip_serializing_if = "Option::is_none", default)]
    invocation: Option<String>,
}

/// Where a build runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The repository's address for people.
    repository: String,
    builder: String,
    invocation: Option<String>,
}

impl Origin {
    /// In a GitHub job its workflow is the builder. Anywhere else it is whoever ran the command, and nobody vouches.
    pub(crate) fn of(environment: &Environment, repository: &str) -> Origin {
        let workflow = environment.get("GITHUB_WORKFLOW_REF").filter(|_| environment.is_github());
        let server = environment.get("GITHUB_SERVER_URL").unwrap_or("https://github.com");
        let run = || {
            let name = environment.get("GITHUB_REPOSITORY")?;
            let run = environment.get("GITHUB_RUN_ID")?;
            let attempt = environment.get("GITHUB_RUN_ATTEMPT").unwrap_or("1");
            Some(format!("{server}/{name}/actions/runs/{run}/attempts/{attempt}"))
        };
        Origin {
            repository: repository.to_owned(),
            builder: match workflow {
                Some(workflow) => format!("{server}/{workflow}"),
                None => format!("{}#local", env!("CARGO_PKG_REPOSITORY")),
            },
            invocation: workflow.and_then(|_| run()),
        }
    }
}

/// The statement about everything of a release that is staged so far: its assets, and the crates that go with it.
pub(crate) fn text(
    plan: &Plan,
    release: &Release,
    manifest: &Manifest,
    origin: &Origin,
    lock: Option<Digest>,
) -> Result<String> {
    let belongs = |artifact: &&Artifact| match artifact.kind {
        Kind::Crate => artifact.package.as_ref().is_some_and(|package| release.packages.contains(package)),
        _ => artifact.release.as_deref() == Some(&release.tag),
    };
    let one = |name: &str, value: String| BTreeMap::from([(name.to_owned(), value)]);
    let mut subject: Vec<_> = plan
        .artifacts
        .iter()
        .filter(belongs)
        .filter_map(|artifact| {
            let staged = manifest.files.get(&artifact.file)?;
            Some(Subject {
                name: artifact.name().to_owned(),
                digest: one("sha256", staged.sha256.to_string()),
            })
        })
        .collect();
    subject.sort_by(|a, b| a.name.cmp(&b.name));
    let reference = format!("refs/tags/{}", release.tag);
    let mut resolved = vec![Resolved {
        uri: format!("git+{}@{reference}", origin.repository),
        digest: one("gitCommit", plan.commit.clone()),
    }];
    resolved.extend(
        lock.map(|lock| Resolved {
            uri: "file:Cargo.lock".to_owned(),
            digest: one("sha256", lock.to_string()),
        }),
    );
    let statement = Statement {
        kind: STATEMENT.to_owned(),
        subject,
        predicate_type: PREDICATE.to_owned(),
        predicate: Predicate {
            build_definition: BuildDefinition {
                build_type: format!("{}/release/build/v1", env!("CARGO_PKG_REPOSITORY")),
                external_parameters: External {
                    repository: origin.repository.clone(),
                    reference,
                    targets: plan.targets.clone(),
                },
                internal_parameters: Internal {
                    plan: plan.digest(),
                    configuration: plan.configuration,
                    tools: plan.tools.clone(),
                },
                resolved_dependencies: resolved,
            },
            run_details: RunDetails {
                builder: Builder { id: origin.builder.clone() },
                metadata: Metadata { invocation: origin.invocation.clone() },
            },
        },
    };
    staging::text(&statement)
}

/// Reads a statement; says why it is none of the kind that is made here.
pub(crate) fn parse(text: &[u8]) -> std::result::Result<Statement, String> {
    let statement: Statement = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if statement.kind != STATEMENT || statement.predicate_type != PREDICATE {
        return Err(format!("it is a `{}` about `{}`", statement.kind, statement.predicate_type));
    }
    Ok(statement)
}
