//! The token that a registry wants: one that was given to this process, or one that GitHub's identity is exchanged for.
//!
//! An exchanged token lives for 30 minutes. It is got when it is needed first, renewed when it is 25 minutes old, and taken
//! back at the end, so that a leaked one is worth nothing.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::Mutex;

use nexus_xtask::clock::Clock;
use nexus_xtask::environment::Environment;
use nexus_xtask::failure::Failure;

use crate::http::Http;
use crate::registry::answer::{self, Refusal};
use crate::trouble::Trouble;

/// The variable with the registry's token.
pub(crate) const TOKEN: &str = "CARGO_REGISTRY_TOKEN";

/// The variables by which GitHub lends a job its identity, and the one that says what started the job.
const IDENTITY_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const IDENTITY_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";
const EVENT: &str = "GITHUB_EVENT_NAME";

/// Events for which the default registry refuses to exchange an identity: they run with the rights of the repository on
/// what strangers sent.
const EVENTS_REFUSED: [&str; 2] = ["pull_request_target", "workflow_run"];

/// The age at which an exchanged token is renewed. It lives for 30 minutes.
const AGE_MAX: Duration = Duration::from_secs(25 * 60);

/// What a token must be allowed to do, by the names that the default registry has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// Create a package.
    PublishNew,
    /// Publish a version of a package that is there.
    PublishUpdate,
    /// Yank and unyank.
    Yank,
}

impl Right {
    fn name(self) -> &'static str {
        match self {
            Right::PublishNew => "publish-new",
            Right::PublishUpdate => "publish-update",
            Right::Yank => "yank",
        }
    }
}

/// How a registry's token is come by.
#[derive(Debug)]
pub(crate) enum Access {
    /// None was given. What needs one is refused then.
    None,
    /// It was given.
    Given(String),
    /// It is exchanged for GitHub's identity.
    Trusted(Trusted),
}

/// How an identity is asked for, and the token that it was exchanged for.
#[derive(Debug)]
pub(crate) struct Trusted {
    address: String,
    token: String,
    minted: Mutex<Option<Minted>>,
}

#[derive(Clone)]
struct Minted {
    token: String,
    at: Timestamp,
    /// Where it was got, and is given back.
    endpoint: String,
}

/// A token is shown to nobody.
impl std::fmt::Debug for Minted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Minted {{ at: {} }}", self.at)
    }
}

impl Access {
    /// Looks at what this process was given. Refuses what cannot work before anything is done.
    pub(crate) fn of(environment: &Environment, trusted: bool) -> Result<Access, Failure> {
        if !trusted {
            return Ok(environment.get(TOKEN).map_or(Access::None, |token| Access::Given(token.to_owned())));
        }
        if let Some(event) = environment.get(EVENT).filter(|event| EVENTS_REFUSED.contains(event)) {
            return Err(Failure::refused(format!("trusted publishing does not work in a `{event}` run"))
                .why("registries refuse it there: such a run has the repository's rights and may hold a stranger's code")
                .next("start the release by a tag or by hand (`workflow_dispatch`)"));
        }
        let (Some(address), Some(token)) = (environment.get(IDENTITY_URL), environment.get(IDENTITY_TOKEN))
        else {
            return Err(Failure::refused("there is no identity to exchange for a token of the registry")
                .why(format!("`{IDENTITY_URL}` and `{IDENTITY_TOKEN}` are set in a GitHub job with the right alone"))
                .next("give the job `permissions: id-token: write`, or set `registry.trusted = false` and a token"));
        };
        let (address, token) = (address.to_owned(), token.to_owned());
        Ok(Access::Trusted(Trusted { address, token, minted: Mutex::new(None) }))
    }

    pub(crate) fn is_trusted(&self) -> bool {
        matches!(self, Access::Trusted(_))
    }

    /// The token, for a request to this interface of a registry.
    pub(crate) async fn token(&self, http: &Http, clock: &Clock, api: &str) -> Result<String, Trouble> {
        match self {
            Access::Given(token) => Ok(token.clone()),
            Access::Trusted(trusted) => trusted.token(http, clock, api).await,
            Access::None => Err(Failure::refused("there is no token for the registry")
                .why(format!("`{TOKEN}` is not set"))
                .next(format!("set `{TOKEN}`, or `registry.trusted = true` where the release runs in GitHub"))
                .into()),
        }
    }

    /// What to say when the registry did not let the token do something.
    pub(crate) fn refused(&self, refusal: &Refusal, doing: &str, right: Right) -> Failure {
        let failure = Failure::refused(format!("the registry's token may not {doing}"))
            .why(format!("the registry says: {}", refusal.said));
        let name = right.name();
        match (self, right) {
            (Access::Trusted(_), Right::PublishUpdate) => failure.next(
                "name this repository, workflow file and environment as a trusted publisher of that package",
            ),
            (Access::Trusted(_), Right::PublishNew | Right::Yank) => {
                failure.why(format!("an exchanged token never has the right `{name}`")).next(format!(
                    "do this one by hand, with a token that has `{name}`; then run the same command again"
                ))
            }
            (Access::None | Access::Given(_), _) if refusal.is_unknown_token() => failure
                .why(format!("it does not know the token in `{TOKEN}`, or not any more"))
                .next(format!("make a token with `{name}`, set `{TOKEN}`, and run the same command again")),
            (Access::None | Access::Given(_), _) => failure
                .why(format!(
                    "this needs a token of an owner with the right `{name}`, for this package's name"
                ))
                .next(format!("make a token with `{name}`, set `{TOKEN}`, and run the same command again")),
        }
    }

    /// Gives the exchanged token back, if there is one. One that cannot be given back ends by itself.
    pub(crate) async fn end(&self, http: &Http) {
        if let Access::Trusted(trusted) = self
            && let Some(minted) = trusted.minted.lock().await.take()
        {
            give_back(http, &minted).await;
        }
    }
}

impl Trusted {
    async fn token(&self, http: &Http, clock: &Clock, api: &str) -> Result<String, Trouble> {
        let mut minted = self.minted.lock().await;
        let now = clock.now();
        if let Some(minted) = minted.as_ref().filter(|minted| !is_old(minted.at, now)) {
            return Ok(minted.token.clone());
        }
        if let Some(old) = minted.take() {
            give_back(http, &old).await;
        }
        let endpoint = format!("{api}/api/v1/trusted_publishing/tokens");
        let token = self.mint(http, now, api, &endpoint).await?;
        *minted = Some(Minted { token: token.clone(), at: now, endpoint });
        Ok(token)
    }

    async fn mint(&self, http: &Http, now: Timestamp, api: &str, endpoint: &str) -> Result<String, Trouble> {
        let next =
            "compare the registry's trusted publisher (repository, workflow file, environment) with this run";
        // The audience is the registry's address without `https://`.
        let audience = api.split_once("://").map_or(api, |(_, host)| host);
        let separator = if self.address.contains('?') { '&' } else { '?' };
        let address = format!("{}{separator}audience={audience}", self.address);
        let authorization = format!("bearer {}", self.token);
        let headers =
            [("authorization", authorization.as_str()), ("accept", "application/json; api-version=2.0")];
        let answer = http.ask(Method::GET, &address, &headers, Bytes::new()).await?;
        let answer = answer::read(&self.address, answer, now)?.map_err(|refusal| {
            Failure::refused("GitHub does not lend this job its identity").why(refusal.said).next(next)
        })?;
        #[derive(Deserialize)]
        struct Identity {
            value: String,
        }
        let identity: Identity = parse(&self.address, &answer.body)?;
        let body = serde_json::json!({ "jwt": identity.value }).to_string();
        let answer =
            http.ask(Method::POST, endpoint, &[("content-type", "application/json")], body.into()).await?;
        let answer = answer::read(endpoint, answer, now)?.map_err(|refusal| {
            Failure::refused("the registry gives no token for the identity of this job")
                .why(refusal.said)
                .next(next)
        })?;
        #[derive(Deserialize)]
        struct Token {
            token: String,
        }
        Ok(parse::<Token>(endpoint, &answer.body)?.token)
    }

    /// Forgets the token, so that the next request gets a new one.
    pub(crate) async fn forget(&self) {
        self.minted.lock().await.take();
    }
}

fn parse<T: serde::de::DeserializeOwned>(address: &str, body: &[u8]) -> Result<T, Failure> {
    // What is not said here is the answer itself: it may hold a token.
    serde_json::from_slice(body).map_err(|_| {
        Failure::refused(format!("`{address}` answers with something else than a token"))
            .next("correct `registry.index` in release/release.toml")
    })
}

async fn give_back(http: &Http, minted: &Minted) {
    let authorization = format!("Bearer {}", minted.token);
    let headers = [("authorization", authorization.as_str())];
    // It ends by itself after 30 minutes; that it could not be ended sooner stops no release.
    http.ask(Method::DELETE, &minted.endpoint, &headers, Bytes::new()).await.ok();
}

/// True when a token is better renewed. A clock that was set back says nothing good about its age either.
fn is_old(minted: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(minted);
    age.is_negative() || age.unsigned_abs() >= AGE_MAX
}
