//! Who may do what, and how often.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{State, refused};
use crate::loopback::server::{Asked, Reply};

/// The token that an identity is lent for.
pub(crate) const LENDER: &str = "lend-me-an-identity";

/// How long an exchanged token lives: the default registry's 30 minutes.
const TOKEN_MINUTES: i64 = 30;

/// What the default registry says to a token that it does not take: one sentence for all of them.
const NOT_ALLOWED: &str = "this token does not have the required permissions to perform this action";

/// What a token may do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rights {
    /// Create packages.
    pub(crate) publish_new: bool,
    /// Publish versions of packages that are there.
    pub(crate) publish_update: bool,
    /// Yank and unyank.
    pub(crate) yank: bool,
    /// The packages that it is for; all of them where nothing is said.
    pub(crate) packages: Option<Vec<String>>,
}

/// How much may be published at a time: token buckets as the default registry has them, for each kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// New packages: how many at once, and seconds until one more may go.
    pub(crate) new: (u32, u32),
    /// New versions of packages that are there.
    pub(crate) update: (u32, u32),
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wanted {
    New,
    Update,
    Yank,
}

/// What is left in each bucket, and since when.
#[derive(Debug, Default)]
pub(super) struct Buckets(BTreeMap<Wanted, (u32, Timestamp)>);

/// Identities that were lent and used, and tokens that were given for them.
#[derive(Debug, Default)]
pub(super) struct Exchanged {
    lent: usize,
    identities: BTreeSet<String>,
    tokens: BTreeMap<String, Timestamp>,
    given: usize,
}

impl Exchanged {
    pub(super) fn forget(&mut self) {
        self.tokens.clear();
    }

    /// How many tokens were given so far, and how many still live.
    #[cfg(test)]
    pub(super) fn count(&self) -> (usize, usize) {
        (self.given, self.tokens.len())
    }
}

impl State {
    /// Whether a request may do this with a package.
    pub(super) fn allowed(&mut self, asked: &Asked, wanted: Wanted, name: &str) -> Result<(), Reply> {
        let token = header(asked, "authorization");
        let token = token.strip_prefix("Bearer ").unwrap_or(token);
        if token.is_empty() {
            return Err(refused(403, "this action requires authentication"));
        }
        if token.starts_with("trusted-") {
            return self.allowed_trusted(token, wanted, name);
        }
        let Some(rights) = self.rules.tokens.get(token) else {
            let any = self.rules.tokens.is_empty();
            return if any { self.within_limits(wanted) } else { Err(refused(403, "authentication failed")) };
        };
        let may = match wanted {
            Wanted::New => rights.publish_new,
            Wanted::Update => rights.publish_update,
            Wanted::Yank => rights.yank,
        };
        let for_this = rights.packages.as_ref().is_none_or(|names| names.iter().any(|known| known == name));
        if may && for_this { self.within_limits(wanted) } else { Err(refused(403, NOT_ALLOWED)) }
    }

    /// A trusted publisher has no limits, cannot create a package, and cannot yank.
    fn allowed_trusted(&self, token: &str, wanted: Wanted, name: &str) -> Result<(), Reply> {
        match wanted {
            Wanted::New => Err(refused(
                403,
                "Trusted Publishing tokens do not support creating new crates. Publish the crate manually, first",
            )),
            Wanted::Yank => Err(refused(403, NOT_ALLOWED)),
            Wanted::Update if !self.rules.known.iter().any(|known| known == name) => {
                Err(refused(403, &format!("The provided access token is not valid for crate `{name}`")))
            }
            Wanted::Update => match self.exchanged.tokens.get(token) {
                Some(until) if *until > self.now() => Ok(()),
                _ => Err(refused(403, "Invalid authentication token")),
            },
        }
    }

    fn within_limits(&mut self, wanted: Wanted) -> Result<(), Reply> {
        let Some(limits) = self.rules.limits else { return Ok(()) };
        let (burst, seconds) = match wanted {
            Wanted::New => limits.new,
            Wanted::Update => limits.update,
            Wanted::Yank => return Ok(()),
        };
        let now = self.now();
        let (left, since) = self.buckets.0.entry(wanted).or_insert((burst, now));
        while *left < burst && *since + SignedDuration::from_secs(seconds.into()) <= now {
            *left += 1;
            *since += SignedDuration::from_secs(seconds.into());
        }
        if *left == burst {
            *since = now;
        }
        if *left == 0 {
            let wait = (*since + SignedDuration::from_secs(seconds.into())).as_second() - now.as_second();
            return Err(too_many(now, wait, true));
        }
        *left -= 1;
        Ok(())
    }

    /// GitHub's side: an identity for an audience, as a value that can be used once.
    pub(super) fn lend(&mut self, asked: &Asked) -> Reply {
        let audience = asked.query.split('&').find_map(|pair| pair.strip_prefix("audience="));
        if !header(asked, "authorization").eq_ignore_ascii_case(&format!("bearer {LENDER}")) {
            return refused(401, "Authentication failed");
        }
        self.exchanged.lent += 1;
        let value = format!("identity-{}-for-{}", self.exchanged.lent, audience.unwrap_or_default());
        Reply::json(200, &json!({ "count": value.len(), "value": value }))
    }

    pub(super) fn exchange(&mut self, asked: &Asked) -> Reply {
        let body: serde_json::Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let Some(identity) = body["jwt"].as_str() else { return refused(400, "Failed to decode JWT") };
        let host = self.base.trim_start_matches("http://");
        if !identity.starts_with("identity-") || !identity.ends_with(&format!("-for-{host}")) {
            return refused(400, "Failed to decode JWT");
        }
        if !self.exchanged.identities.insert(identity.to_owned()) {
            return refused(400, "JWT has already been used");
        }
        self.exchanged.given += 1;
        let token = format!("trusted-{}", self.exchanged.given);
        let until = self.now() + SignedDuration::from_mins(TOKEN_MINUTES);
        self.exchanged.tokens.insert(token.clone(), until);
        Reply::json(200, &json!({ "token": token }))
    }

    pub(super) fn revoke(&mut self, asked: &Asked) -> Reply {
        let Some(token) = header(asked, "authorization").strip_prefix("Bearer ") else {
            return refused(401, "Invalid `Authorization` header: Failed to parse token");
        };
        self.exchanged.tokens.remove(token);
        Reply { headers: Vec::new(), body: Bytes::new(), ..Reply::new(204, "", "") }
    }
}

/// Asks for patience, with a date as the default registry does, or with seconds as others do.
pub(super) fn too_many(now: Timestamp, seconds: i64, dated: bool) -> Reply {
    let then = now + SignedDuration::from_secs(seconds);
    let date = then.strftime("%a, %d %b %Y %T GMT").to_string();
    let said = format!(
        "You have published too many versions in a short period of time. Please try again after {date}"
    );
    refused(429, &said).with("retry-after", if dated { date } else { seconds.to_string() })
}

fn header<'a>(asked: &'a Asked, name: &str) -> &'a str {
    asked.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
