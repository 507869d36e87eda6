//! Deployments and their statuses.
//!
//! What is not said counts as GitHub counts it: every check of the commit must be green (409 otherwise), the newest
//! branch is merged in, and a success sets earlier deployments of an environment that is not production to inactive.

use serde_json::json;

use super::state::{Deployment, Status};
use super::{Call, error, invalid, not_found, shapes, unprocessable};
use crate::loopback::server::Reply;

/// The states that a status may have.
const STATES: [&str; 7] = ["error", "failure", "inactive", "in_progress", "queued", "pending", "success"];

/// Characters of a description that are taken.
const DESCRIPTION_MAX: usize = 140;

/// The newest first.
pub(super) fn list(call: &Call<'_>) -> Reply {
    let (sha, task, environment) = (call.query("sha"), call.query("task"), call.query("environment"));
    let is = |wanted: &Option<String>, actual: &str| wanted.as_ref().is_none_or(|wanted| wanted == actual);
    let wanted = call.state.deployments.iter().rev().filter(|deployment| {
        is(&sha, &deployment.sha) && is(&task, &deployment.task) && is(&environment, &deployment.environment)
    });
    let show = |deployment: &Deployment| shapes::deployment(call.state, call.base, deployment);
    call.page(wanted, show, |_, items| json!(items))
}

/// The newest first.
pub(super) fn statuses(call: &Call<'_>, id: &str) -> Reply {
    let found = call.state.deployments.iter().find(|deployment| deployment.id.to_string() == id);
    let Some(deployment) = found else { return not_found() };
    let show = |status: &Status| shapes::status(call.state, call.base, deployment, status);
    call.page(deployment.statuses.iter().rev(), show, |_, items| json!(items))
}

pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let body = call.body();
    let text = |field: &str, default: &str| body[field].as_str().unwrap_or(default).to_owned();
    let sha = text("ref", "");
    if sha.is_empty() {
        return invalid("Deployment", "missing_field", "ref", None);
    }
    if !call.state.commits.is_empty() && !call.state.commits.contains(&sha) {
        return unprocessable(&format!("No ref found for: {sha}"));
    }
    let description = text("description", "");
    if description.chars().count() > DESCRIPTION_MAX {
        return invalid("Deployment", "custom", "description", Some("description is too long"));
    }
    let is_green = |check: &super::state::Check| check.conclusion.as_deref() == Some("success");
    let mut checks = call.state.checks.iter().filter(|check| check.commit == sha);
    if body["required_contexts"].as_array().is_none() && !checks.all(is_green) {
        return error(409, &format!("Conflict: Commit status checks failed for {sha}."));
    }
    if body["auto_merge"] != false {
        return Reply::json(202, &json!({ "message": "Auto-merged main into the ref on deployment." }));
    }
    let environment = text("environment", "production");
    let deployment = Deployment {
        id: call.state.fresh(),
        sha,
        task: text("task", "deploy"),
        production: body["production_environment"].as_bool().unwrap_or(environment == "production"),
        environment,
        description,
        payload: if body["payload"].is_null() { json!("") } else { body["payload"].clone() },
        transient: body["transient_environment"] == true,
        statuses: Vec::new(),
    };
    let reply = Reply::json(201, &shapes::deployment(call.state, call.base, &deployment));
    call.state.deployments.push(deployment);
    reply
}

pub(super) fn status(call: &mut Call<'_>, id: &str) -> Reply {
    let body = call.body();
    let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
    let Some(index) = call.state.deployments.iter().position(|deployment| deployment.id.to_string() == id)
    else {
        return not_found();
    };
    let (state, description) = (text("state"), text("description"));
    if !STATES.contains(&state.as_str()) {
        return invalid("DeploymentStatus", "custom", "state", Some("state is not included in the list"));
    }
    if description.chars().count() > DESCRIPTION_MAX {
        return invalid("DeploymentStatus", "custom", "description", Some("description is too long"));
    }
    let id = call.state.fresh();
    let (log_url, environment_url) = (text("log_url"), text("environment_url"));
    let status = Status { id, state, description, log_url, environment_url };
    let is_success = status.state == "success" && body["auto_inactive"] != false;
    let reply = shapes::status(call.state, call.base, &call.state.deployments[index], &status);
    call.state.deployments[index].statuses.push(status);
    if is_success {
        end_earlier(call, index);
    }
    Reply::json(201, &reply)
}

fn end_earlier(call: &mut Call<'_>, index: usize) {
    let environment = call.state.deployments[index].environment.clone();
    for earlier in 0..index {
        let inactive = Status { id: call.state.fresh(), state: "inactive".to_owned(), ..Status::default() };
        let deployment = &mut call.state.deployments[earlier];
        let is_up = deployment.statuses.last().is_some_and(|status| status.state == "success");
        if is_up && deployment.environment == environment && !deployment.production && !deployment.transient {
            deployment.statuses.push(inactive);
        }
    }
}
