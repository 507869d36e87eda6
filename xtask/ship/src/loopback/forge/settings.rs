//! What is set up for the repository: environments, rules, immutable releases, the token of workflows.

use serde_json::json;

use super::{Call, error, not_found, shapes};
use crate::loopback::server::Reply;

pub(super) fn environment(call: &Call<'_>, name: &str) -> Reply {
    match call.state.environments.get(name) {
        Some(found) => Reply::json(200, &shapes::environment(call.state, call.base, name, found)),
        None => not_found(),
    }
}

pub(super) fn branch(call: &Call<'_>, branch: &str) -> Reply {
    let rules = call.state.branches.get(branch).into_iter().flatten();
    call.page(rules, |rule| shapes::rule(call.state, rule), |_, items| json!(items))
}

/// The older way to protect a branch.
pub(super) fn protection(call: &Call<'_>, branch: &str) -> Reply {
    let Some(rules) = call.state.protected.get(branch) else { return error(404, "Branch not protected") };
    Reply::json(200, &shapes::protection(call.state, call.base, branch, rules))
}

pub(super) fn rulesets(call: &Call<'_>) -> Reply {
    let targets = call.query("targets");
    let wanted = call.state.rulesets.iter().filter(|set| {
        targets.as_ref().is_none_or(|targets| targets.split(',').any(|target| target == set.target))
    });
    call.page(wanted, |set| shapes::ruleset(call.state, set, false), |_, items| json!(items))
}

pub(super) fn ruleset(call: &Call<'_>, id: &str) -> Reply {
    match call.state.rulesets.iter().find(|set| set.id.to_string() == id) {
        Some(set) => Reply::json(200, &shapes::ruleset(call.state, set, true)),
        None => not_found(),
    }
}

pub(super) fn immutable(call: &Call<'_>) -> Reply {
    if call.state.immutable {
        Reply::json(200, &json!({ "enabled": true, "enforced_by_owner": false }))
    } else {
        not_found()
    }
}

pub(super) fn token(call: &Call<'_>) -> Reply {
    let rights = if call.state.token_writes { "write" } else { "read" };
    let value = json!({
        "default_workflow_permissions": rights, "can_approve_pull_request_reviews": false,
    });
    Reply::json(200, &value)
}
