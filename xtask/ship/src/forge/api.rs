//! Asks the forge's API, by octocrab. One try for each question: whoever asks knows when it may be asked again.
//!
//! Nothing is sent to another host than the API's own and its host for uploads, and the token to no other. octocrab's own
//! calls for single things are not used: they lose the headers that say how long to wait, its upload goes wherever an
//! answer says, and it does not escape the name of a file.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use octocrab::Octocrab;
use octocrab::service::middleware::retry::RetryConfig;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use nexus_xtask::clock::Clock;
use nexus_xtask::failure::Failure;

use super::answer::{self, Said};
use crate::http::Http;
use crate::trouble::Trouble;

/// How long a whole exchange may take; an upload may be large.
const LIMIT: Duration = Duration::from_secs(300);

/// How long to wait after a connection that was lost.
const PAUSE: Duration = Duration::from_secs(2);

/// The length of a page that is asked for: the most that GitHub gives.
const PAGE: &str = "100";

/// Pages that are read at most: a list that does not end is no list.
const PAGES_MAX: usize = 200;

/// One repository of a forge.
pub(super) struct Api {
    octocrab: Octocrab,
    base: Url,
    owner: String,
    name: String,
    clock: Clock,
}

/// A question, and the right that it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask<'a> {
    method: &'a Method,
    /// The parts of the path below the repository; each is escaped.
    path: &'a [&'a str],
    query: &'a [(&'a str, &'a str)],
    body: Option<&'a Value>,
    right: &'a str,
}

impl<'a> Ask<'a> {
    /// Reads.
    pub(super) fn get(path: &'a [&'a str], right: &'a str) -> Ask<'a> {
        Ask { method: &Method::GET, path, query: &[], body: None, right }
    }

    /// Creates.
    pub(super) fn post(path: &'a [&'a str], body: &'a Value, right: &'a str) -> Ask<'a> {
        Ask { method: &Method::POST, body: Some(body), ..Ask::get(path, right) }
    }

    /// Changes.
    pub(super) fn patch(path: &'a [&'a str], body: &'a Value, right: &'a str) -> Ask<'a> {
        Ask { method: &Method::PATCH, body: Some(body), ..Ask::get(path, right) }
    }

    /// Removes.
    pub(super) fn delete(path: &'a [&'a str], right: &'a str) -> Ask<'a> {
        Ask { method: &Method::DELETE, ..Ask::get(path, right) }
    }

    /// Adds what follows the `?`.
    pub(super) fn with(self, query: &'a [(&'a str, &'a str)]) -> Ask<'a> {
        Ask { query, ..self }
    }
}

/// An answer before it is understood.
struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: Bytes,
}

impl Api {
    /// The API at an address, for a repository `owner/name`.
    pub(super) fn new(
        address: &str,
        repository: &str,
        token: Option<&str>,
        clock: &Clock,
    ) -> Result<Api, Failure> {
        let base = parsed(address)?;
        let (owner, name) = repository
            .split_once('/')
            .filter(|(owner, name)| !owner.is_empty() && !name.is_empty() && !name.contains('/'))
            .ok_or_else(|| {
                Failure::usage(format!("`{repository}` is no repository"))
                    .next("set `forge.repository = \"owner/name\"` in release/release.toml")
            })?;
        let origin = |url: &Url| http::Uri::try_from(url.origin().ascii_serialization());
        let mut builder = Octocrab::builder()
            .add_retry_config(RetryConfig::None)
            .set_connect_timeout(Some(Duration::from_secs(20)))
            // Without the path of the base, which every address here has already.
            .base_uri(origin(&base).context("an origin is an address")?)
            .and_then(|builder| builder.upload_uri(uploads(&base).as_str()))
            .context("an origin is an address")?;
        if let Some(token) = token {
            if http::HeaderValue::from_str(token).is_err() {
                return Err(Failure::refused("GITHUB_TOKEN holds what cannot be a token")
                    .why("there is a line end or another control character in it")
                    .next("set GITHUB_TOKEN again, without the line end"));
            }
            builder = builder.personal_token(token.to_owned());
        }
        let octocrab = builder.build().context("this system has no certificates to check servers by")?;
        Ok(Api { octocrab, base, owner: owner.to_owned(), name: name.to_owned(), clock: clock.clone() })
    }

    /// Asks once, and says what the answer means.
    pub(super) async fn ask(&self, ask: Ask<'_>) -> Result<Said, Trouble> {
        let address = self.address(ask.path, ask.query)?;
        let mut request = self.request(ask.method, &address);
        let body = match ask.body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                body.to_string()
            }
            None => String::new(),
        };
        let answer = self.exchange(request, body.into(), &address).await?;
        self.understood(&answer, ask.method, &address, ask.right).map(|(said, _)| said)
    }

    /// Reads one thing; nothing where it is not there.
    pub(super) async fn read<T: DeserializeOwned>(&self, ask: Ask<'_>) -> Result<Option<T>, Trouble> {
        match self.ask(ask).await? {
            Said::Value(value) => shaped(value, ask.path).map(Some),
            Said::Absent => Ok(None),
            Said::Invalid(why) => Err(refuses(why)),
        }
    }

    /// Reads a list, all its pages. `key` is the field that holds it; empty where the answer is the list.
    pub(super) async fn list<T: DeserializeOwned>(&self, ask: Ask<'_>, key: &str) -> Result<Vec<T>, Trouble> {
        let mut all = Vec::new();
        for page in 1..=PAGES_MAX {
            let number = page.to_string();
            let mut query = ask.query.to_vec();
            query.extend([("per_page", PAGE), ("page", number.as_str())]);
            let address = self.address(ask.path, &query)?;
            let answer = self.exchange(self.request(ask.method, &address), Bytes::new(), &address).await?;
            let (said, has_more) = self.understood(&answer, ask.method, &address, ask.right)?;
            match said {
                Said::Value(mut value) => {
                    let list = if key.is_empty() { value } else { value[key].take() };
                    all.extend(shaped::<Vec<T>>(list, ask.path)?);
                }
                Said::Absent => return Err(self.unseen(ask.right)),
                Said::Invalid(why) => return Err(refuses(why)),
            }
            if !has_more {
                return Ok(all);
            }
        }
        Err(Failure::refused(format!("the list {} does not end", ask.path.join("/")))
            .why(format!("{PAGES_MAX} pages of it were read"))
            .next("check `forge.api` in release/release.toml, or GITHUB_API_URL")
            .into())
    }

    /// Sends a file to where a release takes it.
    pub(super) async fn upload(
        &self,
        to: &str,
        name: &str,
        bytes: Bytes,
        right: &str,
    ) -> Result<Said, Trouble> {
        let place = to.split('{').next().unwrap_or_default();
        let mut address = Url::parse(place).with_context(|| format!("`{place}` is no address"))?;
        if address.origin() != self.base.origin() && address.origin() != uploads(&self.base).origin() {
            return Err(Failure::refused("the forge wants uploads to go to another host")
                .why(format!("`{place}` is not on the host of {}", self.base))
                .next("look at the release in a browser before anything is sent")
                .into());
        }
        address.query_pairs_mut().append_pair("name", name);
        let request =
            self.request(&Method::POST, &address).header("content-type", "application/octet-stream");
        let answer = self.exchange(request, bytes, &address).await?;
        self.understood(&answer, &Method::POST, &address, right).map(|(said, _)| said)
    }

    /// Fetches a file: from the API, or from where it sends us, without the token then.
    pub(super) async fn download(&self, path: &[&str], right: &str) -> Result<Bytes, Trouble> {
        let address = self.address(path, &[])?;
        let request = http::Request::builder()
            .method(Method::GET)
            .uri(address.as_str())
            .header("accept", "application/octet-stream");
        let answer = self.exchange(request, Bytes::new(), &address).await?;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        let place = answer.headers.get("location").filter(|_| answer.status.is_redirection());
        let Some(place) = place.and_then(|place| place.to_str().ok()) else {
            let (said, _) = self.understood(&answer, &Method::GET, &address, right)?;
            return Err(refuses(format!("{}: {said:?}", shown(&address))));
        };
        let place = parsed(place)?;
        let answer = Http::new()?.ask(Method::GET, place.as_str(), &[], Bytes::new()).await?;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        Err(Trouble::Later {
            wait: PAUSE,
            why: format!("{}: {}", place.host_str().unwrap_or_default(), answer.status),
        })
    }

    /// That the repository itself cannot be seen.
    fn unseen(&self, right: &str) -> Trouble {
        Failure::refused(format!("there is no repository `{}/{}` for this token", self.owner, self.name))
            .why(format!("the forge answers 404: it is not there, or the token lacks the right `{right}`"))
            .next("check `forge.repository` in release/release.toml, and GITHUB_TOKEN")
            .into()
    }

    fn address(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url, Trouble> {
        let mut address = self.base.clone();
        address
            .path_segments_mut()
            .map_err(|()| anyhow::anyhow!("the API's address has a path"))?
            .pop_if_empty()
            .extend(["repos", &self.owner, &self.name])
            .extend(path);
        if !query.is_empty() {
            address.query_pairs_mut().extend_pairs(query);
        }
        Ok(address)
    }

    fn request(&self, method: &Method, address: &Url) -> http::request::Builder {
        http::Request::builder()
            .method(method)
            .uri(address.as_str())
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28")
    }

    async fn exchange(
        &self,
        request: http::request::Builder,
        body: Bytes,
        address: &Url,
    ) -> Result<Answer, Trouble> {
        let lost = |why: String| Trouble::Later { wait: PAUSE, why: format!("{}: {why}", shown(address)) };
        let request = request.body(octocrab::OctoBody::from(body)).context("an address is one")?;
        let exchange = async {
            let response = self.octocrab.send(request).await.map_err(|error| lost(spelled_out(&error)))?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| lost(spelled_out(&error)))?.to_bytes();
            Ok(Answer { status: parts.status, headers: parts.headers, body })
        };
        match tokio::time::timeout(LIMIT, exchange).await {
            Ok(answered) => answered,
            Err(_) => Err(lost(format!("no answer within {} s", LIMIT.as_secs()))),
        }
    }

    /// What an answer means, and whether another page follows.
    fn understood(
        &self,
        answer: &Answer,
        method: &Method,
        address: &Url,
        right: &str,
    ) -> Result<(Said, bool), Trouble> {
        let line = format!("{method} {}", shown(address));
        let now = self.clock.now().as_second();
        let said = answer::read(answer.status, &answer.headers, &answer.body, (&line, right), now)?;
        if said == Said::Absent && *method != Method::GET {
            // GitHub hides what a token may not write to.
            return Err(answer::missing(&line, None, right, "404, as for something that is not there"));
        }
        let links = answer.headers.get("link").and_then(|links| links.to_str().ok()).unwrap_or_default();
        Ok((said, links.contains("rel=\"next\"")))
    }
}

/// An address that a token may be sent to: encrypted, or on this machine.
fn parsed(address: &str) -> Result<Url, Failure> {
    let url = Url::parse(address).map_err(|error| {
        Failure::usage(format!("`{address}` is no address"))
            .why(error.to_string())
            .next("set `forge.api` in release/release.toml, or GITHUB_API_URL")
    })?;
    let is_local = match url.host() {
        Some(url::Host::Ipv4(host)) => host.is_loopback(),
        Some(url::Host::Ipv6(host)) => host.is_loopback(),
        Some(url::Host::Domain(host)) => host == "localhost",
        None => false,
    };
    if url.scheme() == "https" || (url.scheme() == "http" && is_local) {
        return Ok(url);
    }
    Err(Failure::refused(format!("`{address}` is not encrypted"))
        .why("a token would be sent in the clear")
        .next("use an address that begins with https://"))
}

/// Where releases take files: `uploads.` in place of `api.`, as on github.com; the same host elsewhere.
fn uploads(base: &Url) -> Url {
    let mut uploads = base.clone();
    uploads.set_path("");
    if let Some(rest) = base.host_str().and_then(|host| host.strip_prefix("api.")) {
        let host = format!("uploads.{rest}");
        // A name with another first part is still a name.
        uploads.set_host(Some(&host)).ok();
    }
    uploads
}

/// A refusal that nothing here knows more about.
fn refuses(why: String) -> Trouble {
    Failure::refused("the forge refuses").why(why).next("check `forge` in release/release.toml").into()
}

/// An address without what follows the `?`.
fn shown(address: &Url) -> String {
    let mut shown = address.clone();
    shown.set_query(None);
    shown.to_string()
}

fn shaped<T: DeserializeOwned>(value: Value, path: &[&str]) -> Result<T, Trouble> {
    serde_json::from_value(value).map_err(|error| {
        Failure::refused(format!("the forge's answer about {} is not as described", path.join("/")))
            .why(error.to_string())
            .next("check `forge.api` in release/release.toml, or GITHUB_API_URL")
            .into()
    })
}

/// An error with all that caused it.
fn spelled_out(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_encrypted_addresses_and_to_this_machine_alone() {
        for (address, is_taken) in [
            ("https://api.github.com", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:80", true),
            ("http://api.github.com", false),
            ("http://127.0.0.1.example.com", false),
            ("ftp://127.0.0.1", false),
            ("api.github.com", false),
        ] {
            assert_eq!(parsed(address).is_ok(), is_taken, "{address}");
        }
    }

    #[test]
    fn uploads_go_to_the_host_that_belongs_to_the_api() {
        for (api, expected) in [
            ("https://api.github.com", "https://uploads.github.com/"),
            ("https://git.example.com/api/v3", "https://git.example.com/"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
        ] {
            assert_eq!(uploads(&Url::parse(api).unwrap()).as_str(), expected);
        }
    }
}
