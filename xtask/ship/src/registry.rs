//! A registry of packages: whether a version is there with the staged bytes, and how it gets there.
//!
//! - The identity of a published version is the checksum in the sparse index. The same is left, another is a conflict.
//! - Publishing sends the staged bytes, with what the normalised manifest inside of them says
//!   ([`metadata`]): nothing is packed again, so what was gated is what is published.
//! - A registry that took a version may show it late. A registry that says "already there" is believed that far and no
//!   further: the checksum decides when the effect is looked at again.

use std::path::Path;

use anyhow::Context as _;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::{Method, StatusCode};
use semver::Version;
use tokio::sync::OnceCell;

use nexus_xtask::clock::Clock;
use nexus_xtask::digest::Digest;
use nexus_xtask::environment::Environment;
use nexus_xtask::failure::{Exit, Failure, Finding};
use nexus_xtask::files;
use nexus_xtask::satellite::Message;
use nexus_xtask_deliver::release::effect::Observed;
use nexus_xtask_deliver::release::manifest::Manifest;
use nexus_xtask_deliver::release::plan::{Action, Package, Plan};
use nexus_xtask_deliver::release::protocol::Endpoints;

use crate::http::{Answer, Http};
use crate::registry::access::{Access, Right};
use crate::registry::answer::Refusal;
use crate::registry::index::{Line, Settings};
use crate::registry::metadata::Goes;
use crate::registry::packed::Packed;
use crate::speak;
use crate::trouble::Trouble;

pub(crate) mod access;
mod answer;
pub(crate) mod index;
pub(crate) mod metadata;
pub(crate) mod packed;

/// The name of the registry that manifests mean where they name none.
const DEFAULT: &str = "crates-io";

/// A registry.
#[derive(Debug)]
pub(crate) struct Registry {
    http: Http,
    clock: Clock,
    environment: Environment,
    access: Access,
    /// The address of the sparse index, without `sparse+` and without a slash at its end.
    index: String,
    settings: OnceCell<Settings>,
}

/// What is done about a version that was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Yank {
    /// Nobody new gets it.
    Yank,
    /// It is to be had again.
    #[cfg_attr(not(test), expect(dead_code, reason = "no command takes a yank back yet; the client can"))]
    Unyank,
}

impl Registry {
    /// The registry of these endpoints. Refuses what cannot work before anything is asked.
    pub(crate) fn new(
        http: &Http,
        clock: &Clock,
        environment: &Environment,
        endpoints: &Endpoints,
    ) -> Result<Registry, Failure> {
        Ok(Registry {
            http: http.clone(),
            clock: clock.clone(),
            environment: environment.clone(),
            access: Access::of(environment, endpoints.trusted)?,
            index: endpoints.registry.trim_start_matches("sparse+").trim_end_matches('/').to_owned(),
            settings: OnceCell::new(),
        })
    }

    /// Whether a plan can be published there at all: the registry takes uploads, there is a token, and with trusted
    /// publishing no package is new.
    pub(crate) async fn check(&self, plan: &Plan) -> Result<(), Trouble> {
        self.api().await?;
        if !self.access.is_trusted() {
            self.token().await?;
            return Ok(());
        }
        let mut findings = Vec::new();
        for package in &plan.packages {
            if self.lines(&package.name).await?.is_empty() {
                let problem =
                    format!("`{}` is not there yet, and trusted publishing cannot create it", package.name);
                let next =
                    "publish its first version by hand with a token, and name this workflow as its publisher";
                findings.push(Finding::at("", 0, problem, next));
            }
        }
        if findings.is_empty() {
            return Ok(());
        }
        Err(Failure::found(Exit::Refused, "the registry does not know every package", findings).into())
    }

    /// What the index says about the version that an action publishes.
    pub(crate) async fn observe(
        &self,
        plan: &Plan,
        manifest: &Manifest,
        action: &Action,
    ) -> Result<Observed, Trouble> {
        let (package, file) = published(plan, action)?;
        let staged = manifest.files.get(file).with_context(|| format!("`{file}` is not staged"))?;
        Ok(match self.line(&package.name, &package.version).await? {
            None => Observed::Absent,
            Some(line) if line.cksum == staged.sha256 => Observed::Same,
            Some(line) => Observed::Different(vec![
                format!("- {} {} sha256:{}", package.name, package.version, staged.sha256),
                format!("+ {} {} sha256:{}", package.name, package.version, line.cksum),
            ]),
        })
    }

    /// Publishes the staged bytes. The index may show them later; what it shows is for whoever observes.
    pub(crate) async fn apply(
        &self,
        plan: &Plan,
        manifest: &Manifest,
        staging: &Path,
        action: &Action,
    ) -> Result<(), Trouble> {
        let (package, file) = published(plan, action)?;
        let staged = manifest.files.get(file).with_context(|| format!("`{file}` is not staged"))?;
        let path = staging.join(file);
        let bytes =
            Bytes::from(files::read(&path)?.with_context(|| format!("there is no `{}`", path.display()))?);
        if Digest::of(&bytes) != staged.sha256 {
            return Err(Failure::new(Exit::Conflict, format!("`{file}` is not what was staged"))
                .why(format!("- sha256:{}\n+ sha256:{}", staged.sha256, Digest::of(&bytes)))
                .next("stage again: cargo xtask release stage")
                .into());
        }
        let request =
            self.request(plan, package, bytes).with_context(|| format!("`{file}` is no package"))?;
        self.upload(package, request?).await
    }

    /// Yanks a version, or takes that back. It is no trouble when that is so already.
    pub(crate) async fn yank(&self, name: &str, version: &Version, what: Yank) -> Result<(), Trouble> {
        let wanted = what == Yank::Yank;
        let line = self.line(name, version).await?.ok_or_else(|| {
            Failure::refused(format!("`{name}` {version} is not published"))
                .why(format!("the index at {} does not name it", self.index))
                .next("see what is published: cargo xtask release status")
        })?;
        if line.yanked == wanted {
            return Ok(());
        }
        let (method, word) = if wanted { (Method::DELETE, "yank") } else { (Method::PUT, "unyank") };
        let address = format!("{}/api/v1/crates/{name}/{version}/{word}", self.api().await?);
        match self.send(method, &address, Bytes::new()).await? {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.is_about_rights() => {
                let doing = format!("{word} `{name}` {version}");
                Err(self.access.refused(&refusal, &doing, Right::Yank).into())
            }
            Err(refusal) => Err(Failure::no(format!("the registry does not {word} `{name}` {version}"))
                .why(refusal.said)
                .next("see what is published: cargo xtask release status")
                .into()),
        }
    }

    /// Gives back what was lent for publishing. To be called at the end, however that came.
    pub(crate) async fn end(&self) {
        self.access.end(&self.http).await;
    }

    /// The line of a version in the index; `None` where there is none.
    pub(crate) async fn line(&self, name: &str, version: &Version) -> Result<Option<Line>, Trouble> {
        let lines = self.lines(name).await?;
        // Build metadata does not make another version for a registry.
        let is_it =
            |line: &Line| Version::parse(&line.vers).is_ok_and(|found| found.cmp_precedence(version).is_eq());
        Ok(lines.into_iter().find(is_it))
    }

    async fn lines(&self, name: &str) -> Result<Vec<Line>, Trouble> {
        let settings = self.settings().await?;
        let address = format!("{}/{}", self.index, index::path(name));
        let answer = self.read(&address, settings.auth_required).await?;
        if is_nothing(answer.status) {
            return Ok(Vec::new());
        }
        let answer = self.understood(&address, answer)?;
        Ok(index::lines(&String::from_utf8_lossy(&answer.body)))
    }

    async fn settings(&self) -> Result<&Settings, Trouble> {
        let read = async {
            let address = format!("{}/config.json", self.index);
            let mut answer = self.read(&address, false).await?;
            if answer.status == StatusCode::UNAUTHORIZED {
                answer = self.read(&address, true).await?;
            }
            let answer = self.understood(&address, answer)?;
            serde_json::from_slice(&answer.body).map_err(|error| {
                Trouble::Failed(
                    Failure::usage(format!("`{}` is no sparse index", self.index))
                        .why(format!("its config.json cannot be read: {error}"))
                        .next("correct `registry.index` in release/release.toml"),
                )
            })
        };
        self.settings.get_or_try_init(|| read).await
    }

    /// Where the registry takes uploads, without a slash at its end.
    async fn api(&self) -> Result<&str, Trouble> {
        let settings = self.settings().await?;
        let api = settings.api.as_deref().ok_or_else(|| {
            Failure::usage(format!("`{}` is an index that takes no uploads", self.index))
                .why("its config.json names no `api`")
                .next("correct `registry.index` in release/release.toml")
        })?;
        Ok(api.trim_end_matches('/'))
    }

    async fn token(&self) -> Result<String, Trouble> {
        // A private index may want a token for its config.json: the interface is not known by then.
        let api = self.settings.get().and_then(|settings| settings.api.as_deref()).unwrap_or(&self.index);
        self.access.token(&self.http, &self.clock, api.trim_end_matches('/')).await
    }

    /// Reads from the index, past every cache that can be asked to step aside: nothing is asked conditionally.
    async fn read(&self, address: &str, authorized: bool) -> Result<Answer, Trouble> {
        let token = if authorized { self.token().await? } else { String::new() };
        let mut headers = vec![("cache-control", "no-cache")];
        if authorized {
            headers.push(("authorization", &token));
        }
        self.http.ask(Method::GET, address, &headers, Bytes::new()).await
    }

    fn understood(&self, address: &str, answer: Answer) -> Result<Answer, Trouble> {
        answer::read(address, answer, self.clock.now())?.map_err(|refusal| {
            Failure::refused("the registry's index cannot be read")
                .why(format!("{address}: {}: {}", refusal.status, self.environment.mask(&refusal.said)))
                .next("correct `registry.index` in release/release.toml, or the token")
                .into()
        })
    }

    /// Sends a request that needs a token. An exchanged token that the registry does not know any more is renewed once.
    async fn send(
        &self,
        method: Method,
        address: &str,
        body: Bytes,
    ) -> Result<Result<Answer, Refusal>, Trouble> {
        let mut renewed = false;
        loop {
            let token = self.token().await?;
            let headers = [("authorization", token.as_str()), ("accept", "application/json")];
            let answer = self.http.ask(method.clone(), address, &headers, body.clone()).await?;
            let read = answer::read(address, answer, self.clock.now())?;
            match (&read, &self.access) {
                (Err(refusal), Access::Trusted(trusted)) if refusal.is_stale_token() && !renewed => {
                    trusted.forget().await;
                    renewed = true;
                }
                _ => {
                    return Ok(read.map_err(|refusal| Refusal {
                        said: self.environment.mask(&refusal.said).replace(&token, "***"),
                        ..refusal
                    }));
                }
            }
        }
    }

    /// The body of an upload: the length of what is said, what is said, the length of the package, the package.
    fn request(
        &self,
        plan: &Plan,
        package: &Package,
        bytes: Bytes,
    ) -> anyhow::Result<Result<Bytes, Failure>> {
        let packed = Packed::read(bytes.clone())?;
        let inside = (packed.manifest.package.name.as_str(), packed.manifest.package.version.as_str());
        let version = package.version.to_string();
        anyhow::ensure!(
            inside == (package.name.as_str(), version.as_str()),
            "it holds `{}` {} instead of `{}` {version}",
            inside.0,
            inside.1,
            package.name
        );
        let along: Vec<_> = plan.packages.iter().map(|package| package.name.as_str()).collect();
        let other = Goes::Other { index: &self.index, along: &along };
        let goes = if plan.registry == DEFAULT { Goes::Default } else { other };
        let metadata = match metadata::metadata(&packed, goes) {
            Ok(metadata) => serde_json::to_vec(&metadata)?,
            Err(failure) => return Ok(Err(failure)),
        };
        let mut request = BytesMut::with_capacity(metadata.len() + bytes.len() + 8);
        request.put_u32_le(u32::try_from(metadata.len()).context("its manifest says too much")?);
        request.put_slice(&metadata);
        request.put_u32_le(u32::try_from(bytes.len()).context("it is too large")?);
        request.put_slice(&bytes);
        Ok(Ok(request.freeze()))
    }

    async fn upload(&self, package: &Package, request: Bytes) -> Result<(), Trouble> {
        let address = format!("{}/api/v1/crates/new", self.api().await?);
        let what = format!("`{}` {}", package.name, package.version);
        let refusal = match self.send(Method::PUT, &address, request).await? {
            Ok(answer) => {
                warnings(&what, &answer);
                return Ok(());
            }
            Err(refusal) => refusal,
        };
        if refusal.is_duplicate() {
            // Published by a run whose answer was lost, or by somebody else: the index tells which.
            return Ok(());
        }
        if refusal.is_about_rights() {
            let is_new = self.lines(&package.name).await?.is_empty();
            let right = if is_new { Right::PublishNew } else { Right::PublishUpdate };
            return Err(self.access.refused(&refusal, &format!("publish {what}"), right).into());
        }
        Err(Failure::no(format!("the registry does not take {what}"))
            .why(format!("{}: {}", refusal.status, refusal.said))
            .next("correct what it names, then release the next version: this one is staged with the fault inside")
            .into())
    }
}

/// The package that an action publishes, and its file.
fn published<'a>(plan: &'a Plan, action: &'a Action) -> Result<(&'a Package, &'a str), Failure> {
    let Action::Publish { package, file } = action else {
        return Err(Failure::usage("a registry publishes packages and does nothing else"));
    };
    let found = plan.package(package);
    Ok((found.with_context(|| format!("the plan does not name a package `{package}`"))?, file))
}

/// What an index says about a package that it does not know (cargo's reference, "Sparse Protocol").
fn is_nothing(status: StatusCode) -> bool {
    [StatusCode::NOT_FOUND, StatusCode::GONE, StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS].contains(&status)
}

/// Says what the registry took with a remark.
fn warnings(what: &str, answer: &Answer) {
    let said = serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap_or_default();
    let Some(kinds) = said["warnings"].as_object() else { return };
    for (kind, values) in kinds {
        for value in values.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str) {
            let text = match kind.as_str() {
                "invalid_categories" => {
                    format!("the registry does not know the category `{value}` of {what}")
                }
                "invalid_badges" => format!("the registry does not know the badge `{value}` of {what}"),
                _ => format!("the registry says of {what}: {value}"),
            };
            speak::say(&Message::Note { text });
        }
    }
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod stranger;
#[cfg(test)]
mod tests;
