//! `release/release.toml`: what people declare about their releases. Everything has a default.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::files;
use nexus_xtask::workspace::Workspace;

use crate::declared;

/// The file's name from the root.
pub(crate) const FILE: &str = "release/release.toml";

/// How this workspace is released.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Branches that releases are made from; `*` stands for anything but a slash
    pub(crate) branches: Vec<String>,
    /// The changelog of the workspace, in the form of Keep a Changelog
    pub(crate) changelog: String,
    /// Packages that are released together, with one version and one tag
    pub(crate) groups: BTreeMap<String, Group>,
    /// What is special about a package
    pub(crate) packages: BTreeMap<String, Package>,
    /// Pre-release channels by name
    pub(crate) channels: BTreeMap<String, Channel>,
    /// What is built for people to download
    pub(crate) artifacts: Artifacts,
    /// Where packages are published
    pub(crate) registry: Registry,
    /// Where releases, tags and pull requests are
    pub(crate) forge: Forge,
    /// How artifacts are signed
    pub(crate) signing: Signing,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            branches: vec!["main".to_owned(), "master".to_owned(), "maintenance/*".to_owned()],
            changelog: "CHANGELOG.md".to_owned(),
            groups: BTreeMap::new(),
            packages: BTreeMap::new(),
            channels: BTreeMap::new(),
            artifacts: Artifacts::default(),
            registry: Registry::default(),
            forge: Forge::default(),
            signing: Signing::default(),
        }
    }
}

/// Packages that move in lockstep.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    /// The packages, by name
    pub(crate) packages: Vec<String>,
    /// The tag; `{version}` is filled in
    pub(crate) tag: Option<String>,
}

/// What is special about a package.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Package {
    /// False for a package that is never released
    pub(crate) release: Option<bool>,
    /// The tag; `{package}` and `{version}` are filled in
    pub(crate) tag: Option<String>,
    /// A changelog of its own
    pub(crate) changelog: Option<String>,
}

/// A pre-release channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Channel {
    /// The branches whose releases are pre-releases of this channel
    pub(crate) branches: Vec<String>,
    /// The word in the version: `rc` gives `1.2.0-rc.1`
    pub(crate) identifier: String,
}

/// What is built for people to download.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Artifacts {
    /// The packages whose binaries are built; all that are released and have any, where nothing is said
    pub(crate) packages: Option<Vec<String>>,
    /// Target triples; the triple of this machine's toolchain where nothing is said
    pub(crate) targets: Vec<String>,
    /// Files from the root that go into every archive, beside the binaries
    pub(crate) include: Vec<String>,
    /// Words after which each binary must exit with 0, before anything is published
    pub(crate) smoke: Option<Vec<String>>,
    /// Services that are built, sealed and deployed, and never published
    pub(crate) deployed: Vec<Deployed>,
}

/// A service of this workspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deployed {
    /// The package whose binaries it is
    pub(crate) package: String,
    /// The example of that package that it is, instead of its binaries
    pub(crate) example: Option<String>,
    /// The targets it is built for, among those of the workspace; every one that is not Windows where nothing is said
    #[serde(default)]
    pub(crate) targets: Vec<String>,
}

/// Where packages are published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Registry {
    /// The registry's name, as in `.cargo/config.toml`
    pub(crate) name: String,
    /// The address of its sparse index (`sparse+https://...`); what cargo is configured with, where nothing is said
    pub(crate) index: Option<String>,
    /// How many packages may be new at once, and how long each one more takes
    pub(crate) new_packages: Rate,
    /// How many versions may be published at once, and how long each one more takes
    pub(crate) new_versions: Rate,
    /// True where publishing is by a token that GitHub's identity is exchanged for
    pub(crate) trusted: bool,
}

impl Default for Registry {
    fn default() -> Registry {
        Registry {
            name: "crates-io".to_owned(),
            index: None,
            new_packages: Rate { burst: 5, seconds: 600 },
            new_versions: Rate { burst: 30, seconds: 60 },
            trusted: false,
        }
    }
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rate {
    /// How many go at once
    pub(crate) burst: u32,
    /// Seconds until one more may go
    pub(crate) seconds: u32,
}

/// Where releases, tags and pull requests are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Forge {
    /// `owner/name`; what the manifests say under `repository`, where nothing is said
    pub(crate) repository: Option<String>,
    /// The address of the API; `GITHUB_API_URL` wins
    pub(crate) api: String,
    /// True where published releases cannot be changed any more
    pub(crate) immutable: bool,
}

impl Default for Forge {
    fn default() -> Forge {
        Forge { repository: None, api: "https://api.github.com".to_owned(), immutable: true }
    }
}

/// How artifacts are signed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Signing {
    /// The file with the minisign public key, from the root. The secret key is in the variable `MINISIGN_SECRET_KEY`,
    /// its password in `MINISIGN_PASSWORD`
    pub(crate) public_key: Option<String>,
}

/// What `release/release.toml` says; the defaults where it is not there.
pub(crate) fn load(workspace: &Workspace) -> Result<Config> {
    let Some(text) = files::read_text(&workspace.file(FILE))? else { return Ok(Config::default()) };
    parse(&text)
        .map_err(|finding| Failure::found(Exit::Usage, format!("`{FILE}` cannot be read"), vec![finding]))
}

/// The schema of the file.
pub(crate) fn schema() -> schemars::Schema {
    schemars::schema_for!(Config)
}

fn parse(text: &str) -> std::result::Result<Config, Finding> {
    declared::parse(FILE, "release", text)
}
