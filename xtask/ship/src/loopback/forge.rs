//! A double of the part of GitHub's API that a release uses, with the rules that matter to one.
//!
//! - A draft makes no tag, and is found in the list of releases only. Publishing makes the tag where it is missing.
//! - A published release of a repository with immutable releases takes no asset, loses none, and keeps its tag; the tag's
//!   name can never be used again.
//! - What is there already is 422; what is not there, or may not be seen, is 404; a limit is 403 or 429 with the time to
//!   wait. Faults are switched on by [`fault::Fault`].
//! - A list may lag behind ([`state::State::reads_until_visible`]), and has pages.
//!
//! Every exchange can be watched; the tests check each one against GitHub's own description (`contract`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Method;
use serde_json::{Value, json};

use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::satellite::Message;
use nexus_xtask_deliver::release::protocol::forge::ServeForge;

use super::server::{self, Asked, Reply, Running};
use crate::speak;

#[cfg(test)]
pub(crate) mod contract;
mod deployments;
pub(crate) mod fault;
mod pulls;
mod questions;
mod refs;
mod releases;
mod settings;
mod shapes;
pub(crate) mod state;

use fault::Wrong;
use state::{Asset, State};

/// Sees an exchange, before it may be lost on purpose.
pub(crate) type Watch = Arc<dyn Fn(&Asked, &Reply) + Send + Sync>;

/// The server, until it is dropped.
pub(crate) struct Double {
    running: Running,
    state: Arc<Mutex<State>>,
}

/// One request, with what it needs to be answered.
struct Call<'a> {
    state: &'a mut State,
    /// The server's own address.
    base: &'a str,
    asked: &'a Asked,
}

impl Double {
    /// Starts a server that has this state.
    pub(crate) fn start(seed: State, watch: Option<Watch>) -> anyhow::Result<Double> {
        let state = Arc::new(Mutex::new(seed));
        let shared = Arc::clone(&state);
        let running = server::start(move |base| {
            let base = base.to_owned();
            Arc::new(move |asked: &Asked| {
                // A request that panicked has changed nothing that the next one could not read.
                let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
                exchange(&mut state, &base, asked, watch.as_ref())
            })
        })?;
        Ok(Double { running, state })
    }

    /// The address of the API.
    pub(crate) fn base(&self) -> String {
        self.running.base()
    }

    /// What there is, to be looked at or changed.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What there is, as a value that is the same for the same world.
    pub(crate) fn world(&self) -> Value {
        self.state().world()
    }
}

/// Serves a double until this process ends, which it does when its input does.
pub(crate) fn serve(wanted: ServeForge) -> Result<Value> {
    let seed = serde_json::from_value(wanted.seed).map_err(|error| {
        Failure::usage("the seed cannot be read").why(error.to_string()).next("correct it")
    })?;
    let double = Double::start(seed, None)?;
    speak::say(&Message::Note { text: double.base() });
    loop {
        std::thread::park();
    }
}

fn exchange(state: &mut State, base: &str, asked: &Asked, watch: Option<&Watch>) -> Reply {
    let segments = segments(asked);
    let names: Vec<&str> = segments.iter().map(String::as_str).collect();
    let kind = kind(&asked.method, &names);
    let wrong = fault::strike(state, &kind);
    let mut call = Call { state, base, asked };
    let instead = wrong.and_then(fault::instead);
    if wrong == Some(Wrong::Half) {
        releases::cut_off(&mut call, &names);
    }
    let reply = instead.unwrap_or_else(|| answer(&mut call, &names));
    let is_outside = wrong == Some(Wrong::Page) || reply.lost;
    if let Some(watch) = watch.filter(|_| !is_outside) {
        watch(asked, &reply);
    }
    if wrong == Some(Wrong::Lost) { Reply::lost() } else { reply }
}

/// The parts of a path, without their escapes; those of the repository's API are without `repos/OWNER/NAME`.
fn segments(asked: &Asked) -> Vec<String> {
    let decoded = |part: &str| {
        let pair = format!("x={}", part.replace('+', "%2B"));
        url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    asked.path.split('/').skip(1).filter_map(decoded).collect()
}

/// The kind of a request: its method, and its path with `*` for what differs from call to call.
pub(crate) fn kind(method: &Method, segments: &[&str]) -> String {
    let path = match segments {
        ["repos", _, _, rest @ ..] => rest,
        other => other,
    };
    let shown: Vec<&str> = match path {
        ["git", what, ..] if *what != "refs" || path.len() > 2 => vec!["git", what, "*"],
        ["releases", "tags", _] => vec!["releases", "tags", "*"],
        ["commits", _, rest] => vec!["commits", "*", rest],
        ["environments", _] => vec!["environments", "*"],
        ["rules", "branches", ..] => vec!["rules", "branches", "*"],
        ["branches", _, rest] => vec!["branches", "*", rest],
        _ => path
            .iter()
            .map(|part| if part.bytes().all(|byte| byte.is_ascii_digit()) { "*" } else { *part })
            .collect(),
    };
    format!("{method} {}", shown.join("/"))
}

fn answer(call: &mut Call<'_>, segments: &[&str]) -> Reply {
    match segments {
        // For whoever compares worlds from outside of this process.
        ["world"] => Reply::json(200, &call.state.world()),
        ["storage", id] => releases::stored(call, id),
        ["repos", owner, name, rest @ ..] if call.state.repository == format!("{owner}/{name}") => {
            call.permitted().unwrap_or_else(|| of_repository(call, rest))
        }
        [owner, name, "releases", "download", tag, file]
            if call.state.repository == format!("{owner}/{name}") =>
        {
            releases::downloaded(call, tag, file)
        }
        _ => not_found(),
    }
}

fn of_repository(call: &mut Call<'_>, segments: &[&str]) -> Reply {
    match (call.asked.method.as_str(), segments) {
        ("GET", ["releases"]) => releases::list(call),
        ("POST", ["releases"]) => releases::create(call),
        ("GET", ["releases", "tags", tag @ ..]) => releases::of_tag(call, &tag.join("/")),
        ("GET", ["releases", "assets", id]) => releases::asset(call, id),
        ("DELETE", ["releases", "assets", id]) => releases::remove_asset(call, id),
        ("GET", ["releases", id]) => releases::read(call, id),
        ("PATCH", ["releases", id]) => releases::change(call, id),
        ("DELETE", ["releases", id]) => releases::remove(call, id),
        ("GET", ["releases", id, "assets"]) => releases::assets(call, id),
        ("POST", ["releases", id, "assets"]) => releases::upload(call, id),
        ("GET", ["git", "ref", "tags", tag @ ..]) => refs::read(call, &tag.join("/")),
        ("POST", ["git", "refs"]) => refs::create(call),
        ("DELETE", ["git", "refs", "tags", tag @ ..]) => refs::remove(call, &tag.join("/")),
        ("GET", ["git", "tags", object]) => refs::object(call, object),
        ("GET", ["commits", commit, "check-runs"]) => questions::checks(call, commit),
        ("GET", ["actions", "runs"]) => questions::runs(call),
        ("GET", ["issues"]) => questions::issues(call),
        ("GET", ["pulls"]) => pulls::list(call),
        ("POST", ["pulls"]) => pulls::create(call),
        ("PATCH", ["pulls", number]) => pulls::change(call, number),
        ("GET", ["deployments"]) => deployments::list(call),
        ("POST", ["deployments"]) => deployments::create(call),
        ("GET", ["deployments", id, "statuses"]) => deployments::statuses(call, id),
        ("POST", ["deployments", id, "statuses"]) => deployments::status(call, id),
        ("GET", ["environments", name]) => settings::environment(call, name),
        ("GET", ["rules", "branches", branch @ ..]) => settings::branch(call, &branch.join("/")),
        ("GET", ["branches", branch, "protection"]) => settings::protection(call, branch),
        ("GET", ["rulesets"]) => settings::rulesets(call),
        ("GET", ["rulesets", id]) => settings::ruleset(call, id),
        ("GET", ["immutable-releases"]) => settings::immutable(call),
        ("GET", ["actions", "permissions", "workflow"]) => settings::token(call),
        _ => not_found(),
    }
}

impl Call<'_> {
    /// A refusal, where the token is not taken or may not do this.
    fn permitted(&self) -> Option<Reply> {
        let given = self.asked.headers.get("authorization").and_then(|value| value.to_str().ok());
        let expected = self.state.token.as_ref().map(|token| format!("Bearer {token}"));
        if expected.is_some() && given != expected.as_deref() {
            return Some(error(401, "Bad credentials"));
        }
        let is_record = self.asked.path.contains("/deployments");
        let right = if is_record { "deployments=write" } else { "contents=write" };
        (self.state.read_only && self.asked.method != Method::GET).then(|| {
            error(403, "Resource not accessible by integration").with("x-accepted-github-permissions", right)
        })
    }

    /// The value of a word of the query.
    fn query(&self, name: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(self.asked.query.as_bytes());
        pairs.find(|(word, _)| word == name).map(|(_, value)| value.into_owned())
    }

    /// The request's body; null where it is none.
    fn body(&self) -> Value {
        serde_json::from_slice(&self.asked.body).unwrap_or_default()
    }

    /// One page of a list, with the way to the next one. `show` makes the value of an item, `wrap` the answer of the page.
    fn page<T>(
        &self,
        all: impl Iterator<Item = T>,
        show: impl Fn(T) -> Value,
        wrap: impl FnOnce(usize, Vec<Value>) -> Value,
    ) -> Reply {
        let all: Vec<T> = all.collect();
        let number = |name: &str, default: usize| {
            self.query(name).and_then(|text| text.parse().ok()).unwrap_or(default)
        };
        let length = number("per_page", 30).clamp(1, self.state.page_max);
        let page = number("page", 1).max(1);
        let total = all.len();
        let items = all.into_iter().skip((page - 1) * length).take(length).map(show).collect();
        let reply = Reply::json(200, &wrap(total, items));
        if page * length >= total {
            return reply;
        }
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in url::form_urlencoded::parse(self.asked.query.as_bytes()) {
            if name != "page" {
                query.append_pair(&name, &value);
            }
        }
        let query = query.append_pair("page", &(page + 1).to_string()).finish();
        reply.with("link", format!("<{}{}?{query}>; rel=\"next\"", self.base, self.asked.path))
    }
}

fn error(status: u16, message: &str) -> Reply {
    let value = json!({
        "message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string(),
    });
    Reply::json(status, &value)
}

fn not_found() -> Reply {
    error(404, "Not Found")
}

/// 422, with the field that is wrong and why.
fn invalid(resource: &str, code: &str, field: &str, message: Option<&str>) -> Reply {
    let mut problem = json!({ "resource": resource, "code": code, "field": field });
    if let Some(message) = message {
        problem["message"] = json!(message);
    }
    let value = json!({
        "message": "Validation Failed", "errors": [problem], "documentation_url": "https://docs.github.com/rest",
    });
    Reply::json(422, &value)
}

/// 422 in one sentence.
fn unprocessable(message: &str) -> Reply {
    Reply::json(422, &json!({ "message": message, "documentation_url": "https://docs.github.com/rest" }))
}
