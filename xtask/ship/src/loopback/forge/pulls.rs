//! Pull requests.

use serde_json::json;

use super::state::Pull;
use super::{Call, invalid, not_found, shapes};
use crate::loopback::server::Reply;

pub(super) fn list(call: &Call<'_>) -> Reply {
    let owner = call.state.repository.split('/').next().unwrap_or_default();
    let (head, base) = (call.query("head"), call.query("base"));
    let wanted = call.state.pulls.iter().filter(|pull| {
        pull.open
            && head.as_ref().is_none_or(|head| *head == format!("{owner}:{}", pull.head))
            && base.as_ref().is_none_or(|base| *base == pull.base)
    });
    call.page(wanted, |pull| shapes::pull(call.state, call.base, pull, false), |_, items| json!(items))
}

pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let body = call.body();
    let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
    let (head, base) = (text("head"), text("base"));
    for (field, value) in [("head", &head), ("base", &base)] {
        if value.is_empty() {
            return invalid("PullRequest", "missing_field", field, None);
        }
    }
    if call.state.pulls.iter().any(|pull| pull.open && pull.head == head && pull.base == base) {
        let why = format!("A pull request already exists for {head}.");
        return invalid("PullRequest", "custom", "head", Some(&why));
    }
    let number = call.state.pulls.iter().map(|pull| pull.number).max().unwrap_or(0) + 1;
    let pull = Pull { number, head, base, title: text("title"), body: text("body"), open: true };
    let reply = Reply::json(201, &shapes::pull(call.state, call.base, &pull, true));
    call.state.pulls.push(pull);
    reply
}

pub(super) fn change(call: &mut Call<'_>, number: &str) -> Reply {
    let body = call.body();
    let Some(index) = call.state.pulls.iter().position(|pull| pull.number.to_string() == number) else {
        return not_found();
    };
    let pull = &mut call.state.pulls[index];
    for (field, value) in [("title", &mut pull.title), ("body", &mut pull.body), ("base", &mut pull.base)] {
        if let Some(text) = body[field].as_str() {
            *value = text.to_owned();
        }
    }
    if let Some(state) = body["state"].as_str() {
        pull.open = state == "open";
    }
    let pull = call.state.pulls[index].clone();
    Reply::json(200, &shapes::pull(call.state, call.base, &pull, true))
}
