//! A call as the words that the target's script takes. Pure.

use std::path::Path;
use std::time::Duration;

use crate::deploy::contract::{Bundle, Call, Fence, ReleaseId};

use super::variables;

/// How long a service may take until it says that it is ready, unless a driver is told otherwise.
pub const READY_SECONDS: u32 = 60;

/// The longest that instances get to end when the host goes back.
const REVERT_SECONDS: u32 = 30;

/// What a call may take beyond what it says itself: a busy machine, a slow disk.
const SLACK: Duration = Duration::from_secs(30);

/// What an archive may take to arrive and to be unpacked.
const STAGE_LIMIT: Duration = Duration::from_secs(15 * 60);

/// The words of a call, the first one its name.
pub fn words(call: &Call, deployment: &str, fence: Fence, ready_seconds: u32) -> Vec<String> {
    let mut words = vec![call.word().to_owned(), fence.0.to_string(), named(deployment)];
    match call {
        Call::Observe => {}
        Call::Stage { bundle } => words.extend(staged(bundle)),
        Call::Arm { to, seconds } => words.extend([or_none(to.as_ref()), seconds.to_string()]),
        Call::Start { release } | Call::Switch { release } => {
            words.extend([release.0.clone(), ready_seconds.to_string()]);
        }
        Call::Drain { keep, seconds } => words.extend([keep.0.clone(), seconds.to_string()]),
        Call::Confirm { release } | Call::Crash { release } => words.push(release.0.clone()),
        Call::Revert { to } => words.extend([or_none(to.as_ref()), ready_seconds.to_string()]),
        Call::Prune { keep } => words.extend(keep.iter().map(|release| release.0.clone())),
        Call::Note { kind, labels } => {
            words.push(kind.clone());
            words.push(serde_json::to_string(labels).expect("names and values are JSON"));
        }
        Call::Hold { hold } => words.push(match hold {
            Some(hold) => serde_json::to_string(hold).expect("a hold is JSON"),
            None => NONE.to_owned(),
        }),
    }
    words
}

/// A release's id as the target names folders and units: the name of a unit cannot hold a `+`.
pub fn key(release: &ReleaseId) -> String {
    release.0.replace('+', ":")
}

/// The release of such a key.
pub fn id(key: &str) -> ReleaseId {
    ReleaseId(key.replace(':', "+"))
}

/// The words of a call as they are shown before anybody has a lock.
pub fn shown(call: &Call, ready_seconds: u32) -> Vec<String> {
    let mut words = words(call, "DEPLOYMENT", Fence(0), ready_seconds);
    words[1] = "FENCE".into();
    words
}

/// The words of the session that holds the lock.
pub fn lock_words(who: &str, deployment: &str) -> Vec<String> {
    vec!["lock".into(), "0".into(), named(deployment), who.to_owned()]
}

/// The words that print the journal.
pub fn journal_words() -> Vec<String> {
    vec!["journal".into(), "0".into(), NONE.into()]
}

/// The words that print what instances of a release, or of all, said.
pub fn log_words(release: Option<&ReleaseId>, lines: u32) -> Vec<String> {
    vec!["log".into(), "0".into(), NONE.into(), lines.to_string(), or_none(release)]
}

/// The file that a call brings along: the archive of a release.
pub fn input(call: &Call) -> Option<&Path> {
    match call {
        Call::Stage { bundle } => Some(&bundle.archive),
        Call::Observe
        | Call::Arm { .. }
        | Call::Start { .. }
        | Call::Switch { .. }
        | Call::Drain { .. }
        | Call::Confirm { .. }
        | Call::Revert { .. }
        | Call::Prune { .. }
        | Call::Note { .. }
        | Call::Crash { .. }
        | Call::Hold { .. } => None,
    }
}

/// How long a call may take before the target counts as unreachable.
pub fn limit(call: &Call, ready_seconds: u32) -> Duration {
    let own = match call {
        Call::Observe
        | Call::Arm { .. }
        | Call::Confirm { .. }
        | Call::Note { .. }
        | Call::Crash { .. }
        | Call::Hold { .. }
        | Call::Prune { .. } => Duration::ZERO,
        Call::Stage { .. } => STAGE_LIMIT,
        Call::Start { .. } | Call::Switch { .. } | Call::Revert { .. } => {
            Duration::from_secs(u64::from(ready_seconds + REVERT_SECONDS))
        }
        Call::Drain { seconds, .. } => Duration::from_secs(u64::from(*seconds)),
    };
    own + SLACK
}

const NONE: &str = "-";

fn named(deployment: &str) -> String {
    if deployment.is_empty() { NONE.into() } else { deployment.to_owned() }
}

fn or_none(release: Option<&ReleaseId>) -> String {
    release.map_or_else(|| NONE.to_owned(), |release| release.0.clone())
}

fn staged(bundle: &Bundle) -> [String; 5] {
    [
        bundle.id.0.clone(),
        bundle.digest.to_string(),
        bundle.program.clone(),
        bundle.secrets.join(" "),
        variables::render(&bundle.configuration),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_words() {
        let check = |call: Call, expect: expect_test::Expect| {
            expect.assert_eq(&words(&call, "d1", Fence(7), 60).join(" | "));
        };
        let release = ReleaseId("0.4.0-0123456789ab".into());
        check(Call::Observe, expect_test::expect!["observe | 7 | d1"]);
        check(Call::Arm { to: None, seconds: 90 }, expect_test::expect!["arm | 7 | d1 | - | 90"]);
        check(
            Call::Drain { keep: release.clone(), seconds: 20 },
            expect_test::expect!["drain | 7 | d1 | 0.4.0-0123456789ab | 20"],
        );
        check(
            Call::Note { kind: "deploy.begun".into(), labels: [("by".into(), "a \"b\"".into())].into() },
            expect_test::expect![[r#"note | 7 | d1 | deploy.begun | {"by":"a \"b\""}"#]],
        );
        check(Call::Hold { hold: None }, expect_test::expect!["hold | 7 | d1 | -"]);
    }
}
