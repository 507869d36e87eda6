//! Tags.

use super::{Call, error, not_found, shapes, unprocessable};
use crate::loopback::server::Reply;

pub(super) fn read(call: &Call<'_>, tag: &str) -> Reply {
    match call.state.tags.get(tag) {
        Some(object) => Reply::json(200, &shapes::reference(call.state, call.base, tag, object)),
        None => not_found(),
    }
}

pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let body = call.body();
    let reference = body["ref"].as_str().and_then(|reference| reference.strip_prefix("refs/tags/"));
    let (Some(tag), Some(commit)) = (reference, body["sha"].as_str()) else {
        return unprocessable("Reference name must start with 'refs/'");
    };
    if !call.state.commits.is_empty() && !call.state.commits.contains(commit) {
        return unprocessable("Object does not exist");
    }
    if call.state.tags.contains_key(tag) {
        return unprocessable("Reference already exists");
    }
    if call.state.burned.contains(tag) {
        return unprocessable(
            "Repository rule violations found\n\nCannot create ref due to creations being restricted.\n",
        );
    }
    call.state.tags.insert(tag.to_owned(), commit.to_owned());
    Reply::json(201, &shapes::reference(call.state, call.base, tag, commit))
}

pub(super) fn remove(call: &mut Call<'_>, tag: &str) -> Reply {
    let is_kept = call.state.releases.iter().any(|release| release.immutable && release.tag == tag);
    if is_kept {
        return unprocessable("Repository rule violations found\n\nCannot delete this tag\n");
    }
    match call.state.tags.remove(tag) {
        Some(_) => Reply::new(204, "", ""),
        None => unprocessable("Reference does not exist"),
    }
}

/// An annotated tag.
pub(super) fn object(call: &Call<'_>, object: &str) -> Reply {
    match call.state.annotated.get(object) {
        Some(target) => Reply::json(200, &shapes::annotated(call.state, call.base, object, target)),
        None => error(404, "Not Found"),
    }
}
