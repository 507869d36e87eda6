//! The only source of time. Fixed in tests.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Gives the time of day and measures durations.
#[derive(Clone, Debug)]
pub struct Clock {
    fixed: Option<Timestamp>,
}

/// A point on the monotonic clock, to measure from.
#[derive(Clone, Copy, Debug)]
pub struct Started(Instant);

impl Started {
    /// The time since then.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// The time between then and another, later point.
    pub fn until(&self, later: Started) -> Duration {
        later.0.saturating_duration_since(self.0)
    }
}

impl Clock {
    /// The clock of this machine.
    pub fn system() -> Clock {
        Clock { fixed: None }
    }

    /// A clock that stands still, for tests.
    pub fn fixed(now: Timestamp) -> Clock {
        Clock { fixed: Some(now) }
    }

    /// The time of day, in whole milliseconds.
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub fn now(&self) -> Timestamp {
        let now = self.fixed.unwrap_or_else(Timestamp::now);
        Timestamp::from_millisecond(now.as_millisecond())
            .expect("a valid time stays valid when it is rounded")
    }

    /// Starts to measure.
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub fn start(&self) -> Started {
        Started(Instant::now())
    }
}

impl Clock {
    /// The processor time of every child that ended so far, its own children included.
    ///
    /// # Errors
    /// Where the system does not say (anywhere but on Linux, whose `/proc/self/stat` does).
    pub fn children(&self) -> anyhow::Result<Duration> {
        let stat = crate::files::read_text(std::path::Path::new("/proc/self/stat"))?;
        children(&stat.unwrap_or_default(), ticks_per_second())
            .ok_or_else(|| anyhow::anyhow!("this system does not say how much processor time children took"))
    }

    /// The processor time of a process so far, also when it has ended and nobody has waited for it yet.
    ///
    /// # Errors
    /// Where there is no such process, and where the system does not say (anywhere but on Linux).
    pub fn process(&self, id: u32) -> anyhow::Result<Processor> {
        let stat = crate::files::read_text(std::path::Path::new(&format!("/proc/{id}/stat")))?;
        process(&stat.unwrap_or_default(), ticks_per_second())
            .ok_or_else(|| anyhow::anyhow!("nothing is known of the processor time of process {id}"))
    }
}

/// The processor time of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Processor {
    /// What it took itself, all its threads together, without its children.
    pub taken: Duration,
    /// True when it has ended and nobody has waited for it.
    pub has_ended: bool,
}

#[cfg(unix)]
fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second()
}

#[cfg(not(unix))]
fn ticks_per_second() -> u64 {
    100
}

/// `pid (name) state ...`: the 16th and 17th field are user and system ticks of children that were waited for
/// (proc(5)). The name may hold anything.
fn children(stat: &str, ticks_per_second: u64) -> Option<Duration> {
    ticks(stat, [16, 17], ticks_per_second)
}

/// The 14th and 15th field are its own user and system ticks; the third is `Z` once it has ended.
fn process(stat: &str, ticks_per_second: u64) -> Option<Processor> {
    let (_, rest) = stat.rsplit_once(')')?;
    let has_ended = rest.trim_start().starts_with('Z');
    Some(Processor { taken: ticks(stat, [14, 15], ticks_per_second)?, has_ended })
}

/// The sum of two fields, counted from 1 as proc(5) does.
fn ticks(stat: &str, fields: [usize; 2], ticks_per_second: u64) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(')')?;
    // The first field after the name is the third.
    let rest: Vec<_> = rest.split_whitespace().collect();
    let ticks = |field: usize| rest.get(field - 3)?.parse::<u64>().ok();
    Some(Duration::from_millis((ticks(fields[0])? + ticks(fields[1])?) * 1000 / ticks_per_second))
}

/// A duration as people say it: `0.4s`, `12.3s`, `2m05s`, `1h02m`.
pub fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{:.1}s", duration.as_secs_f64()),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// How long ago something was, in the largest unit that fits: `12 seconds ago`, `3 days ago`.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - then.as_second();
    let (count, unit) = match seconds {
        ..60 => (seconds.max(0), "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..86400 => (seconds / 3600, "hour"),
        _ => (seconds / 86400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural} ago")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_of_children_is_read_past_any_name() {
        let stat = "7 (a) b) R 1 7 7 0 -1 4194304 90 200 0 0 11 22 130 70 20 0 1 0 100 1 1";
        assert_eq!(children(stat, 100), Some(Duration::from_secs(2)));
        assert_eq!(children("7 (a) R 1", 100), None);
        let own = |has_ended| Some(Processor { taken: Duration::from_millis(330), has_ended });
        assert_eq!(process(stat, 100), own(false));
        assert_eq!(process(&stat.replace(") R", ") Z"), 100), own(true));
    }

    #[test]
    fn durations_read_as_people_say_them() {
        for (milliseconds, expected) in
            [(440, "0.4s"), (12_345, "12.3s"), (125_000, "2m05s"), (3_725_000, "1h02m")]
        {
            assert_eq!(spoken(Duration::from_millis(milliseconds)), expected);
        }
    }

    #[test]
    fn ages_use_the_largest_unit_that_fits() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        for (seconds, expected) in [
            (0, "0 seconds ago"),
            (1, "1 second ago"),
            (61, "1 minute ago"),
            (7_200, "2 hours ago"),
            (200_000, "2 days ago"),
        ] {
            assert_eq!(ago(Timestamp::from_second(1_000_000 - seconds).unwrap(), now), expected);
        }
        assert_eq!(ago(Timestamp::from_second(1_000_100).unwrap(), now), "0 seconds ago");
    }
}
