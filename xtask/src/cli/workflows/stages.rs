//! What workflows must know of `release/stages.toml`. Whoever deploys reads all of it, and says what is wrong there.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::doors::Doors;
use crate::failure::{Failure, Result};
use crate::files;
use crate::workflows::deploy_workflow::{Deploy, MINUTES_MAX, STAGES, Stage};

#[derive(Debug, Deserialize)]
struct Declared {
    #[serde(default)]
    github: Github,
    #[serde(default)]
    stages: BTreeMap<String, OfStage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Github {
    workflow: bool,
    minutes_max: Option<u32>,
    deployments: bool,
}

#[derive(Debug, Deserialize)]
struct OfStage {
    #[serde(default)]
    after: Vec<String>,
    driver: String,
}

/// How a workflow is to deploy; none where the file does not ask for one.
pub(super) fn deployed(doors: &Doors) -> Result<Option<Deploy>> {
    let Some(text) = files::read_text(&doors.workspace.file(STAGES))? else { return Ok(None) };
    let declared: Declared = toml::from_str(&text).map_err(|error| {
        Failure::usage(format!("`{STAGES}` cannot be read"))
            .why(error.message())
            .next("cargo xtask deploy status")
    })?;
    let stage = |(name, stage): (String, OfStage)| Stage {
        name,
        after: stage.after,
        is_local: stage.driver == "local",
    };
    Ok(declared.github.workflow.then(|| Deploy {
        minutes_max: declared.github.minutes_max.unwrap_or(MINUTES_MAX),
        is_shown: declared.github.deployments,
        stages: declared.stages.into_iter().map(stage).collect(),
    }))
}
