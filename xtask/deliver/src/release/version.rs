//! The next version of a unit. Pure.
//!
//! What breaks, adds or mends raises a version as cargo reads versions: in `0.y.z` a breaking change raises `y` and
//! everything else `z`; in `0.0.z` every version breaks.

use semver::{Prerelease, Version};
use serde::Serialize;

/// What a change asks of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bump {
    /// It mends
    Patch,
    /// It adds
    Minor,
    /// It breaks
    Major,
}

impl Bump {
    /// The word of a change file.
    pub(crate) fn of(word: &str) -> Option<Bump> {
        match word {
            "major" => Some(Bump::Major),
            "minor" => Some(Bump::Minor),
            "patch" => Some(Bump::Patch),
            _ => None,
        }
    }

    /// The word that people read.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Bump::Patch => "patch",
            Bump::Minor => "minor",
            Bump::Major => "major",
        }
    }
}

/// What a unit was and what is asked of it.
#[derive(Clone, Debug)]
pub(crate) struct Asked<'a> {
    /// The version in the manifests.
    pub(crate) manifest: &'a Version,
    /// The highest release in the history of this commit that is no pre-release.
    pub(crate) stable: Option<&'a Version>,
    /// The highest release in the history of this commit.
    pub(crate) last: Option<&'a Version>,
    /// Releases with tags outside of that history.
    pub(crate) elsewhere: &'a [Version],
    /// The word of the pre-release channel.
    pub(crate) channel: Option<&'a str>,
    /// The line that a maintenance branch keeps: `1.x` or `1.2.x`.
    pub(crate) line: Option<&'a str>,
    /// What the changes since the last stable release ask for.
    pub(crate) bump: Option<Bump>,
    /// True when something changed since the last release of any kind.
    pub(crate) is_fresh: bool,
}

/// A version that cannot be: what is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) problem: String,
    pub(crate) next: String,
}

/// What to do where a maintenance branch has no room for a version.
const MAINTAIN: &str = "leave what breaks or adds out of the maintenance branch";

/// A version, raised.
pub(crate) fn raised(version: &Version, bump: Bump) -> Version {
    let Version { major, minor, patch, .. } = *version;
    match (bump, major, minor) {
        (Bump::Patch, ..) | (_, 0, 0) | (Bump::Minor, 0, _) => Version::new(major, minor, patch + 1),
        (Bump::Minor, ..) | (Bump::Major, 0, _) => Version::new(major, minor + 1, 0),
        (Bump::Major, ..) => Version::new(major + 1, 0, 0),
    }
}

/// The version that would be released now; `None` where nothing is due.
pub(crate) fn next(asked: &Asked) -> Result<Option<Version>, Refusal> {
    let Asked { manifest, last, .. } = asked;
    if let Some(last) = last
        && manifest < last
    {
        return Err(Refusal {
            problem: format!("the manifest says {manifest}, which is lower than the last release, {last}"),
            next: format!("set the version to {last} or higher in the manifest"),
        });
    }
    let Some(target) = target(asked) else { return Ok(None) };
    let next = match asked.channel {
        None => target,
        Some(identifier) => prerelease(asked, &target, identifier)?,
    };
    require_higher(asked, &next)?;
    require_free(asked, &next)?;
    require_line(asked, &next)?;
    Ok(Some(next))
}

/// What is due before a channel has its say. The manifest may be ahead of what the changes ask for: a person, or a
/// release that was prepared and not yet published, chose that version.
fn target(asked: &Asked) -> Option<Version> {
    let Asked { manifest, last, .. } = asked;
    let Some(last) = last else { return Some((*manifest).clone()) };
    let is_ahead = manifest > last;
    let is_due = match (asked.channel, last.pre.is_empty()) {
        // The release that a pre-release announced is due without another change.
        (None, false) => true,
        (Some(_), false) => asked.is_fresh,
        (_, true) => asked.bump.is_some(),
    };
    if !is_ahead && !is_due {
        return None;
    }
    let announced = (!last.pre.is_empty()).then(|| base(last));
    let changed = asked.stable.zip(asked.bump).map(|(stable, bump)| raised(stable, bump));
    let ahead = is_ahead.then(|| (*manifest).clone());
    announced.into_iter().chain(changed).chain(ahead).max()
}

fn base(version: &Version) -> Version {
    Version::new(version.major, version.minor, version.patch)
}

/// The next pre-release of a version: one more than the highest of its channel.
fn prerelease(asked: &Asked, target: &Version, identifier: &str) -> Result<Version, Refusal> {
    let number = |version: &Version| -> Option<u64> {
        let rest = version.pre.strip_prefix(identifier)?.strip_prefix('.')?;
        rest.parse().ok().filter(|_| base(version) == base(target))
    };
    if target == asked.manifest && Some(target) != asked.last && number(target).is_some() {
        return Ok(target.clone());
    }
    let highest = asked.last.into_iter().chain(asked.elsewhere).filter_map(number).max().unwrap_or(0);
    let pre = Prerelease::new(&format!("{identifier}.{}", highest + 1)).map_err(|error| Refusal {
        problem: format!("`{identifier}` cannot stand in a version: {error}"),
        next: "use letters and digits in `channels.NAME.identifier`".to_owned(),
    })?;
    Ok(Version { pre, ..base(target) })
}

fn require_higher(asked: &Asked, next: &Version) -> Result<(), Refusal> {
    match asked.last {
        Some(last) if next <= last => Err(Refusal {
            problem: format!("{next} would be lower than the last release, {last}"),
            next: "release from the channel of the last pre-release or a later one; the words are compared as text"
                .to_owned(),
        }),
        _ => Ok(()),
    }
}

/// A version that another branch released, or, on a maintenance branch, one that would pass it.
fn require_free(asked: &Asked, next: &Version) -> Result<(), Refusal> {
    if asked.elsewhere.contains(next) {
        return Err(Refusal {
            problem: format!("{next} is released already, from a commit that is not in this history"),
            next: "merge the branch that has its tag, or ask for a higher version by a change file"
                .to_owned(),
        });
    }
    let newer = asked.elsewhere.iter().filter(|other| other.pre.is_empty() && Some(*other) > asked.last);
    match newer.min().filter(|newer| asked.line.is_some() && *newer < next) {
        Some(newer) => Err(Refusal {
            problem: format!("{next} would pass {newer}, which another branch released"),
            next: MAINTAIN.to_owned(),
        }),
        None => Ok(()),
    }
}

fn require_line(asked: &Asked, next: &Version) -> Result<(), Refusal> {
    let (Some(line), Some(last)) = (asked.line, asked.last) else { return Ok(()) };
    // The branch may be named after another unit's line, or after no line at all.
    if is_on(line, last) && !is_on(line, next) {
        return Err(Refusal {
            problem: format!("{next} is outside of the line {line} that this branch maintains"),
            next: MAINTAIN.to_owned(),
        });
    }
    Ok(())
}

/// True for a version of a line such as `1.x`, `1.2.x` or `1`.
fn is_on(line: &str, version: &Version) -> bool {
    let parts = [version.major, version.minor, version.patch];
    let words = line.strip_prefix('v').unwrap_or(line).split('.').take_while(|word| *word != "x");
    let mut numbers = words.map(str::parse::<u64>).zip(parts).peekable();
    numbers.peek().is_some() && numbers.all(|(word, part)| word == Ok(part))
}

#[cfg(test)]
mod tests;
