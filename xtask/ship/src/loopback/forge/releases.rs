//! Releases and their assets.

use serde_json::{Value, json};

use super::state::{Release, State};
use super::{Asset, Call, error, invalid, not_found, shapes, unprocessable};
use crate::loopback::server::Reply;

/// Drafts are in the list for whoever may write; something new may be missing for a while.
pub(super) fn list(call: &mut Call<'_>) -> Reply {
    let sees_drafts = !call.state.read_only;
    let seen = |release: &&Release| release.hidden == 0 && (sees_drafts || !release.draft);
    let newest_first = call.state.releases.iter().rev().filter(seen);
    let show = |release: &Release| shapes::release(call.state, call.base, release);
    let reply = call.page(newest_first, show, |_, items| Value::Array(items));
    for release in &mut call.state.releases {
        release.hidden = release.hidden.saturating_sub(1);
    }
    reply
}

pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let body = call.body();
    let Some(tag) = body["tag_name"].as_str().filter(|tag| !tag.is_empty()) else {
        return invalid("Release", "missing_field", "tag_name", None);
    };
    let draft = body["draft"] == true;
    // Two drafts may well have the same tag; two releases may not.
    if !draft && call.state.releases.iter().any(|release| !release.draft && release.tag == tag) {
        return invalid("Release", "already_exists", "tag_name", None);
    }
    let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
    let mut release = Release {
        id: call.state.fresh(),
        tag: tag.to_owned(),
        name: text("name"),
        body: text("body"),
        target: body["target_commitish"].as_str().unwrap_or("main").to_owned(),
        draft: true,
        prerelease: body["prerelease"] == true,
        hidden: call.state.reads_until_visible,
        ..Release::default()
    };
    if !draft && let Err(reply) = publish(call.state, &mut release, &body) {
        return reply;
    }
    let reply = Reply::json(201, &shapes::release(call.state, call.base, &release));
    call.state.releases.push(release);
    reply
}

/// Publishing makes the tag where it is missing, and freezes the release where releases are immutable.
fn publish(state: &mut State, release: &mut Release, body: &Value) -> Result<(), Reply> {
    if state.burned.contains(&release.tag) {
        let why = "tag_name was used by an immutable release";
        return Err(invalid("Release", "custom", "tag_name", Some(why)));
    }
    let others = state.releases.iter().filter(|other| other.id != release.id && !other.draft);
    if others.into_iter().any(|other| other.tag == release.tag) {
        return Err(invalid("Release", "already_exists", "tag_name", None));
    }
    release.draft = false;
    release.make_latest = body["make_latest"].as_str().unwrap_or("true").to_owned();
    release.immutable = state.immutable;
    if state.immutable {
        state.burned.insert(release.tag.clone());
    }
    let target = release.target.clone();
    state.tags.entry(release.tag.clone()).or_insert(target);
    Ok(())
}

/// A draft has no tag, so it is not found by one.
pub(super) fn of_tag(call: &Call<'_>, tag: &str) -> Reply {
    let found = call.state.releases.iter().find(|release| !release.draft && release.tag == tag);
    found.map_or_else(not_found, |release| shown(call, release))
}

pub(super) fn read(call: &Call<'_>, id: &str) -> Reply {
    let found = call.state.releases.iter().find(|release| release.id.to_string() == id);
    found.map_or_else(not_found, |release| shown(call, release))
}

fn shown(call: &Call<'_>, release: &Release) -> Reply {
    Reply::json(200, &shapes::release(call.state, call.base, release))
}

pub(super) fn change(call: &mut Call<'_>, id: &str) -> Reply {
    let body = call.body();
    let Some(index) = call.state.releases.iter().position(|release| release.id.to_string() == id) else {
        return not_found();
    };
    let mut release = call.state.releases[index].clone();
    let moves = ["tag_name", "target_commitish"].iter().any(|field| !body[*field].is_null());
    if release.immutable && (moves || body["draft"] == true) {
        return unprocessable("Cannot change the tag of an immutable release");
    }
    let text = |field: &str, old: &str| body[field].as_str().unwrap_or(old).to_owned();
    release.tag = text("tag_name", &release.tag);
    release.name = text("name", &release.name);
    release.body = text("body", &release.body);
    release.target = text("target_commitish", &release.target);
    release.make_latest = text("make_latest", &release.make_latest);
    release.prerelease = body["prerelease"].as_bool().unwrap_or(release.prerelease);
    if release.draft
        && body["draft"] == false
        && let Err(reply) = publish(call.state, &mut release, &body)
    {
        return reply;
    }
    if !release.draft && body["draft"] == true {
        release.draft = true;
    }
    call.state.releases[index] = release;
    shown(call, &call.state.releases[index])
}

/// The tag stays; that of an immutable release cannot be used again.
pub(super) fn remove(call: &mut Call<'_>, id: &str) -> Reply {
    let before = call.state.releases.len();
    call.state.releases.retain(|release| release.id.to_string() != id);
    if call.state.releases.len() == before { not_found() } else { Reply::new(204, "", "") }
}

pub(super) fn assets(call: &mut Call<'_>, id: &str) -> Reply {
    let Some(index) = call.state.releases.iter().position(|release| release.id.to_string() == id) else {
        return not_found();
    };
    let release = &call.state.releases[index];
    let seen = release.assets.iter().filter(|asset| asset.hidden == 0);
    let show = |asset: &Asset| shapes::asset(&call.state.repository, call.base, &release.tag, asset);
    let reply = call.page(seen, show, |_, items| Value::Array(items));
    for asset in &mut call.state.releases[index].assets {
        asset.hidden = asset.hidden.saturating_sub(1);
    }
    reply
}

pub(super) fn upload(call: &mut Call<'_>, id: &str) -> Reply {
    let Some(name) = call.query("name").filter(|name| !name.is_empty()) else {
        return invalid("ReleaseAsset", "missing_field", "name", None);
    };
    let Some(index) = call.state.releases.iter().position(|release| release.id.to_string() == id) else {
        return not_found();
    };
    if call.state.releases[index].immutable {
        return unprocessable("Cannot upload assets to an immutable release.");
    }
    let name = renamed(&name);
    if call.state.releases[index].assets.iter().any(|asset| asset.name == name) {
        return invalid("ReleaseAsset", "already_exists", "name", None);
    }
    let asset = Asset {
        id: call.state.fresh(),
        name,
        bytes: call.asked.body.clone(),
        complete: true,
        digested: true,
        hidden: call.state.reads_until_visible,
    };
    let release = &mut call.state.releases[index];
    release.assets.push(asset.clone());
    let tag = release.tag.clone();
    Reply::json(201, &shapes::asset(&call.state.repository, call.base, &tag, &asset))
}

/// GitHub renames files with special characters, and those with a period at an end.
fn renamed(name: &str) -> String {
    let plain = |character: char| {
        if character.is_alphanumeric() || "._-+@".contains(character) { character } else { '.' }
    };
    name.chars().map(plain).collect::<String>().trim_matches('.').to_owned()
}

/// An upload that was cut off leaves a file that is not whole.
pub(super) fn cut_off(call: &mut Call<'_>, segments: &[&str]) {
    let name = call.query("name").unwrap_or_default();
    let id = call.state.fresh();
    let bytes = call.asked.body.slice(..call.asked.body.len() / 2);
    if let ["repos", _, _, "releases", release, "assets"] = segments
        && let Some(release) = call.state.releases.iter_mut().find(|known| known.id.to_string() == *release)
    {
        release.assets.push(Asset { id, name: renamed(&name), bytes, ..Asset::default() });
    }
}

/// The asset as JSON, or the way to its bytes.
pub(super) fn asset(call: &Call<'_>, id: &str) -> Reply {
    let Some((release, asset)) = find(call.state, id) else { return not_found() };
    let accepted = call.asked.headers.get("accept").and_then(|value| value.to_str().ok());
    if accepted == Some("application/octet-stream") {
        return Reply::new(302, "text/html", "").with("location", format!("{}/storage/{id}", call.base));
    }
    Reply::json(200, &shapes::asset(&call.state.repository, call.base, &release.tag, asset))
}

pub(super) fn remove_asset(call: &mut Call<'_>, id: &str) -> Reply {
    let Some((release, asset)) = find(call.state, id) else { return not_found() };
    if release.immutable {
        return unprocessable("Cannot delete asset from an immutable release");
    }
    let (release, asset) = (release.id, asset.id);
    for known in call.state.releases.iter_mut().filter(|known| known.id == release) {
        known.assets.retain(|known| known.id != asset);
    }
    Reply::new(204, "", "")
}

fn find<'a>(state: &'a State, id: &str) -> Option<(&'a Release, &'a Asset)> {
    state.releases.iter().find_map(|release| {
        let asset = release.assets.iter().find(|asset| asset.id.to_string() == id)?;
        Some((release, asset))
    })
}

/// Where the bytes are: another service, which refuses the API's token.
pub(super) fn stored(call: &Call<'_>, id: &str) -> Reply {
    if call.asked.headers.contains_key("authorization") {
        return error(400, "Only one auth mechanism allowed");
    }
    let found = find(call.state, id);
    found
        .map_or_else(not_found, |(_, asset)| Reply::new(200, "application/octet-stream", asset.bytes.clone()))
}

/// What everybody can fetch.
pub(super) fn downloaded(call: &Call<'_>, tag: &str, file: &str) -> Reply {
    let release = call.state.releases.iter().find(|release| !release.draft && release.tag == tag);
    let asset = release.and_then(|release| release.assets.iter().find(|asset| asset.name == file));
    asset.map_or_else(
        || Reply::json(404, &json!({ "message": "Not Found" })),
        |asset| Reply::new(200, "application/octet-stream", asset.bytes.clone()),
    )
}
