//! Check runs, workflow runs, issues.

use serde_json::json;

use super::{Call, shapes};
use crate::loopback::server::Reply;

pub(super) fn checks(call: &Call<'_>, commit: &str) -> Reply {
    let all = call.state.checks.iter().enumerate();
    let of_commit = all.filter(|(_, check)| check.commit == commit);
    let show = |(index, check)| shapes::check(call.state, call.base, index, check);
    call.page(of_commit, show, |total, items| json!({ "total_count": total, "check_runs": items }))
}

/// Each check has a workflow run of its own here; a real one has many.
pub(super) fn runs(call: &Call<'_>) -> Reply {
    let commit = call.query("head_sha");
    let all = call.state.checks.iter().enumerate();
    let wanted = all.filter(|(_, check)| commit.as_ref().is_none_or(|commit| check.commit == *commit));
    let show = |(index, check)| shapes::run(call.state, call.base, index, check);
    call.page(wanted, show, |total, items| json!({ "total_count": total, "workflow_runs": items }))
}

pub(super) fn issues(call: &Call<'_>) -> Reply {
    let state = call.query("state").unwrap_or_else(|| "open".to_owned());
    let labels = call.query("labels").unwrap_or_default();
    let wanted = call.state.issues.iter().filter(|issue| {
        let is_in_state = state == "all" || issue.open == (state == "open");
        let mut labels = labels.split(',').filter(|label| !label.is_empty());
        is_in_state && labels.all(|label| issue.labels.iter().any(|known| known == label))
    });
    call.page(wanted, |issue| shapes::issue(call.state, call.base, issue), |_, items| json!(items))
}
