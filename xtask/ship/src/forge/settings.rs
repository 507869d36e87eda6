//! How a repository is set up: what a maintainer's own token may read.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use nexus_xtask_deliver::release::protocol::forge::{AskSettings, Environment, Rules, Settings};

use super::Forge;
use super::api::Ask;
use crate::trouble::Trouble;

const RIGHT: &str = "administration: read";

#[derive(Deserialize)]
struct Place {
    #[serde(default)]
    protection_rules: Vec<Protection>,
    deployment_branch_policy: Option<Value>,
}

#[derive(Deserialize)]
struct Protection {
    #[serde(default)]
    prevent_self_review: bool,
    #[serde(default)]
    reviewers: Vec<Reviewer>,
}

#[derive(Deserialize)]
struct Reviewer {
    reviewer: Whoever,
}

/// A user has a login, a team a slug.
#[derive(Deserialize)]
struct Whoever {
    login: Option<String>,
    slug: Option<String>,
}

#[derive(Deserialize)]
struct Rule {
    #[serde(rename = "type")]
    kind: String,
}

/// The protection of a branch, as it was before there were rules.
#[derive(Deserialize)]
struct BranchProtection {
    allow_deletions: Option<Switch>,
    allow_force_pushes: Option<Switch>,
    required_pull_request_reviews: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Switch {
    enabled: bool,
}

#[derive(Deserialize)]
struct Ruleset {
    id: u64,
}

#[derive(Deserialize)]
struct RulesetWhole {
    name: String,
    enforcement: String,
    conditions: Option<Conditions>,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Conditions {
    ref_name: Option<Names>,
}

#[derive(Default, Deserialize)]
struct Names {
    #[serde(default)]
    include: Vec<String>,
    #[serde(default)]
    exclude: Vec<String>,
}

#[derive(Deserialize)]
struct Immutable {
    enabled: bool,
}

#[derive(Deserialize)]
struct TokenRights {
    default_workflow_permissions: String,
}

impl Forge {
    /// How the repository is set up.
    pub(crate) async fn settings(&self, wanted: &AskSettings) -> Result<Settings, Trouble> {
        let mut environments = BTreeMap::new();
        for name in &wanted.environments {
            environments.insert(name.clone(), self.environment(name).await?);
        }
        let mut branches = BTreeMap::new();
        for name in &wanted.branches {
            branches.insert(name.clone(), self.branch_rules(name).await?);
        }
        let immutable: Option<Immutable> = self.api.read(Ask::get(&["immutable-releases"], RIGHT)).await?;
        let token: Option<TokenRights> =
            self.api.read(Ask::get(&["actions", "permissions", "workflow"], RIGHT)).await?;
        Ok(Settings {
            environments,
            branches,
            tags: self.tag_rules().await?,
            immutable: immutable.is_some_and(|immutable| immutable.enabled),
            // What cannot be read counts as too much.
            token_writes: token.is_none_or(|token| token.default_workflow_permissions != "read"),
        })
    }

    /// The types of the rules of a branch, and of those that its protection of the older kind amounts to.
    async fn branch_rules(&self, branch: &str) -> Result<Vec<String>, Trouble> {
        let path = ["rules", "branches", branch];
        let rules: Vec<Rule> = self.api.list(Ask::get(&path, "metadata: read"), "").await?;
        let mut kinds: BTreeSet<String> = rules.into_iter().map(|rule| rule.kind).collect();
        let protection: Option<BranchProtection> =
            self.api.read(Ask::get(&["branches", branch, "protection"], RIGHT)).await?;
        if let Some(protection) = protection {
            let is_off = |switch: &Option<Switch>| switch.as_ref().is_some_and(|switch| !switch.enabled);
            for (rule, holds) in [
                ("deletion", is_off(&protection.allow_deletions)),
                ("non_fast_forward", is_off(&protection.allow_force_pushes)),
                ("pull_request", protection.required_pull_request_reviews.is_some()),
            ] {
                if holds {
                    kinds.insert(rule.to_owned());
                }
            }
        }
        Ok(kinds.into_iter().collect())
    }

    async fn environment(&self, name: &str) -> Result<Option<Environment>, Trouble> {
        let place: Option<Place> =
            self.api.read(Ask::get(&["environments", name], "environments: read")).await?;
        Ok(place.map(|place| {
            let rules = place.protection_rules;
            let prevents_self_review = rules.iter().any(|rule| rule.prevent_self_review);
            let reviewers = rules.into_iter().flat_map(|rule| rule.reviewers);
            Environment {
                reviewers: reviewers.filter_map(|one| one.reviewer.login.or(one.reviewer.slug)).collect(),
                prevents_self_review,
                limits_branches: place.deployment_branch_policy.is_some_and(|policy| !policy.is_null()),
            }
        }))
    }

    async fn tag_rules(&self) -> Result<Vec<Rules>, Trouble> {
        let query = [("targets", "tag"), ("includes_parents", "true")];
        let sets: Vec<Ruleset> = self.api.list(Ask::get(&["rulesets"], RIGHT).with(&query), "").await?;
        let mut all = Vec::new();
        for set in sets {
            let number = set.id.to_string();
            let whole: Option<RulesetWhole> = self.api.read(Ask::get(&["rulesets", &number], RIGHT)).await?;
            let Some(whole) = whole else { continue };
            let names = whole.conditions.and_then(|conditions| conditions.ref_name).unwrap_or_default();
            all.push(Rules {
                name: whole.name,
                is_active: whole.enforcement == "active",
                include: names.include,
                exclude: names.exclude,
                rules: whole.rules.into_iter().map(|rule| rule.kind).collect(),
            });
        }
        Ok(all)
    }
}
