//! What observations mean. Nothing here looks outside.

use jiff::Timestamp;

use serde::Serialize;

use super::config::RestoreDrill;
use super::evidence::{Age, Created, Drilled, Kept, Size};
use super::restic::Snapshot;

/// Why a dump does not count as a backup, before it is stored; nothing where it does.
pub fn of_dump(
    last: Option<&Created>,
    size: &Size,
    shrink_percent_max: u64,
    reason: Option<&str>,
) -> Vec<String> {
    let mut reasons = Vec::new();
    if size.files == 0 || size.bytes == 0 {
        reasons.push("it is empty: the engine ended well and left no artifact".to_owned());
    } else if let Some(last) = last
        && reason.is_none()
        && u128::from(size.bytes) * 100
            < u128::from(last.size.bytes) * u128::from(100 - shrink_percent_max.min(100))
    {
        reasons.push(format!(
            "it shrank from {} to {} bytes, more than the {shrink_percent_max} % that need no reason",
            last.size.bytes, size.bytes
        ));
    }
    reasons
}

/// Why what came back is not what was backed up; nothing where it is.
pub fn of_restored(wanted: &Size, came: &Size) -> Option<String> {
    if came.digest == wanted.digest {
        return None;
    }
    Some(if came.files == 0 || came.bytes == 0 {
        "the backup is empty".to_owned()
    } else if came.bytes < wanted.bytes {
        format!("the backup is truncated: {} of {} bytes came back", came.bytes, wanted.bytes)
    } else {
        format!(
            "the backup is corrupt: what came back has digest {}, not {}",
            came.digest.short(),
            wanted.digest.short()
        )
    })
}

/// Why what came back of a snapshot is not what is known of it; nothing where it is, or where nothing is known.
pub fn of_known(last: &Kept<Created>, snapshot: &str, came: &Size) -> Option<String> {
    match last {
        Kept::Whole(last) if last.snapshot == snapshot => of_restored(&last.size, came),
        Kept::Whole(_) | Kept::Absent | Kept::Tampered(_) => None,
    }
}

/// What is removed of a backup, and what stays.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prune {
    /// Snapshots that go.
    pub go: Vec<Snapshot>,
    /// Snapshots that stay.
    pub stay: Vec<Snapshot>,
}

/// Which snapshots go: those that the rule does not keep, but never the newest one that was read back.
///
/// # Errors
/// Why nothing may go: no snapshot that is there is known to be good, so any of them may be the only one.
pub fn of_prune(last: &Kept<Created>, all: &[Snapshot], expendable: Vec<Snapshot>) -> Result<Prune, String> {
    let good = match last {
        Kept::Whole(last) => &last.snapshot,
        Kept::Absent => return Err("no backup was ever made and read back here".to_owned()),
        Kept::Tampered(why) => {
            return Err(format!("what is known of the last backup does not prove itself: {why}"));
        }
    };
    if !all.iter().any(|snapshot| snapshot.id == *good) {
        return Err(format!("the snapshot {} that was read back is not in the repository", short(good)));
    }
    let goes = |snapshot: &Snapshot| {
        snapshot.id != *good && expendable.iter().any(|expendable| expendable.id == snapshot.id)
    };
    let (go, stay) = all.iter().cloned().partition(goes);
    Ok(Prune { go, stay })
}

/// Why the newest snapshot in the repository is not the one that was made last; nothing where it is.
pub fn of_snapshot(last: &Kept<Created>, newest: Option<&str>) -> Option<String> {
    match (last, newest) {
        (Kept::Absent, _) => Some("no backup was ever made and read back here".to_owned()),
        (Kept::Tampered(why), _) => {
            Some(format!("what is known of the last backup does not prove itself: {why}"))
        }
        (Kept::Whole(_), None) => Some("the repository holds no snapshot of this backup".to_owned()),
        (Kept::Whole(last), Some(newest)) if last.snapshot != newest => Some(format!(
            "the backup is stale: the repository's newest snapshot is {}, the one made last is {} of {}",
            short(newest),
            short(&last.snapshot),
            last.at
        )),
        (Kept::Whole(_), Some(_)) => None,
    }
}

/// Which limits the figures of a drill break.
pub fn of_figures(drill: &RestoreDrill, drilled: &Drilled) -> Vec<String> {
    let mut reasons = Vec::new();
    match drilled.recovery_ms {
        Some(0) => reasons.push("recovery took no time at all: nothing was measured".to_owned()),
        Some(took) if took > drill.recovery_seconds_max.saturating_mul(1000) => {
            reasons.push(format!("recovery took {took} ms, the limit is {} s", drill.recovery_seconds_max))
        }
        Some(_) | None => {}
    }
    match drilled.newest_age_seconds {
        Some(age) if age < 0 => {
            reasons.push(format!("the newest record is {} s in the future: a clock is wrong", -age));
        }
        Some(age) if age.unsigned_abs() > drill.newest_age_seconds_max => reasons.push(format!(
            "the backup is old: its newest record is {age} s old, the limit is {} s",
            drill.newest_age_seconds_max
        )),
        Some(_) | None => {}
    }
    reasons
}

/// What the last drill is worth now.
pub fn age(kept: Kept<Drilled>, now: Timestamp, age_days_max: u64) -> Age {
    ended(kept.map(|drilled| (drilled.at, drilled.reasons)), now, age_days_max)
}

/// What any drill is worth now that ended at this time, with these reasons why it was red.
pub fn ended(kept: Kept<(Timestamp, Vec<String>)>, now: Timestamp, age_days_max: u64) -> Age {
    match kept {
        Kept::Absent => Age::Missing,
        Kept::Tampered(why) => Age::Tampered(why),
        Kept::Whole((_, reasons)) if !reasons.is_empty() => Age::Failed(reasons),
        Kept::Whole((at, _)) => match now.as_second() - at.as_second() {
            age if age < 0 => Age::Tampered("it is from the future".to_owned()),
            age if age.unsigned_abs() > age_days_max.saturating_mul(86_400) => Age::Expired(age),
            age => Age::Good(age),
        },
    }
}

/// A snapshot's name as restic shows it.
pub fn short(snapshot: &str) -> &str {
    snapshot.get(..8).unwrap_or(snapshot)
}

#[cfg(test)]
mod tests;
