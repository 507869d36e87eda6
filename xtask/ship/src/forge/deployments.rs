//! Deployments, as people see them at the forge. Best effort: whatever goes wrong here is told, and stops nothing.
//!
//! The forge is told to merge nothing (`auto_merge`) and to wait for no check (`required_contexts`): what may be deployed is
//! decided by gates, and this is a record. A rollback is a deployment of its own.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use nexus_xtask_deliver::deploy::protocol::{Announce, Announced};

use super::Forge;
use super::answer::Said;
use super::api::Ask;
use super::releases::refused;
use crate::trouble::Trouble;

const RIGHT: &str = "deployments: write";

/// Characters of a description that the forge takes.
const DESCRIPTION_MAX: usize = 140;

#[derive(Deserialize)]
struct Recorded {
    id: u64,
    payload: Value,
}

impl Forge {
    /// Makes a deployment where there is none yet, and says how far it is.
    pub(crate) async fn announce_deployment(&self, wanted: &Announce) -> Announced {
        let limit = Duration::from_millis(wanted.limit_ms);
        let mut deployment = wanted.deployment;
        let work = async {
            let id = match deployment {
                Some(id) => id,
                None => *deployment.insert(self.record(wanted).await?),
            };
            self.deployment_status(wanted, id).await
        };
        let problem = match tokio::time::timeout(limit, work).await {
            Ok(Ok(())) => None,
            Ok(Err(trouble)) => Some(told(trouble)),
            Err(_) => Some(format!("the forge did not answer within {} ms", wanted.limit_ms)),
        };
        Announced { deployment, problem }
    }

    /// The number of the record: of the one that is there, where an earlier answer was lost.
    async fn record(&self, wanted: &Announce) -> Result<u64, Trouble> {
        let query = [
            ("sha", wanted.commit.as_str()),
            ("task", wanted.task.as_str()),
            ("environment", wanted.environment.as_str()),
        ];
        let there: Vec<Recorded> = self.api.list(Ask::get(&["deployments"], RIGHT).with(&query), "").await?;
        if let Some(there) = there.iter().find(|there| there.payload["id"] == wanted.id.as_str()) {
            return Ok(there.id);
        }
        let body = json!({
            "ref": wanted.commit,
            "task": wanted.task,
            "auto_merge": false,
            "required_contexts": [],
            "payload": { "id": wanted.id, "seal": wanted.seal, "release": wanted.release },
            "environment": wanted.environment,
            "description": cut(&wanted.description),
            "transient_environment": false,
            "production_environment": wanted.production,
        });
        match self.api.ask(Ask::post(&["deployments"], &body, RIGHT)).await? {
            Said::Value(value) => {
                let recorded: Recorded = serde_json::from_value(value).map_err(anyhow::Error::from)?;
                Ok(recorded.id)
            }
            said => Err(refused("the deployment cannot be recorded", said)),
        }
    }

    async fn deployment_status(&self, wanted: &Announce, id: u64) -> Result<(), Trouble> {
        let mut body = json!({
            "state": wanted.progress.word(),
            "environment": wanted.environment,
            "description": cut(&wanted.description),
        });
        for (field, value) in [("log_url", &wanted.log_url), ("environment_url", &wanted.environment_url)] {
            if let Some(value) = value {
                body[field] = json!(value);
            }
        }
        let id = id.to_string();
        match self.api.ask(Ask::post(&["deployments", &id, "statuses"], &body, RIGHT)).await? {
            Said::Value(_) => Ok(()),
            said => Err(refused(&format!("the deployment {id} takes no status"), said)),
        }
    }
}

fn told(trouble: Trouble) -> String {
    match trouble {
        Trouble::Later { why, .. } => why,
        Trouble::Failed(failure) => failure.in_one_line(),
    }
}

/// As much of a text as the forge takes; the end says that there was more.
fn cut(text: &str) -> String {
    if text.chars().count() <= DESCRIPTION_MAX {
        return text.to_owned();
    }
    text.chars().take(DESCRIPTION_MAX - 1).chain(['…']).collect()
}
