//! What goes wrong on purpose: `GUESTBOOK_FAULTS`, several with commas between.
//!
//! | fault | what goes wrong |
//! |---|---|
//! | `never_ready` | it lives and has started, and is never ready |
//! | `start:MS` | starting takes so long; requests that need the database wait for it |
//! | `flap:SECONDS` | ready and not ready in turns of so many seconds |
//! | `exit:SECONDS` | the process dies after so many seconds |
//! | `fail:PERCENT:SECONDS` | once so many seconds have passed, that share of the requests for entries is answered 500 |
//! | `slow:MS` | each request for entries takes so much longer |
//! | `leak:KIB` | each request for entries keeps so much memory |
//! | `forget` | entries are acknowledged and kept in memory alone |
//! | `html` | every path is answered with 200 and a page |
//! | `version:TEXT` | it says that it is another version |
//! | `release:TEXT` | it says that it is another release |

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;

/// The planted faults.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) never_ready: bool,
    pub(crate) start: Duration,
    pub(crate) flap: Option<Duration>,
    pub(crate) exit: Option<Duration>,
    pub(crate) fail: Option<(u64, Duration)>,
    pub(crate) slow: Duration,
    pub(crate) leak_kib: usize,
    pub(crate) forget: bool,
    pub(crate) html: bool,
    pub(crate) version: Option<String>,
    pub(crate) release: Option<String>,
}

impl Faults {
    pub(crate) fn parse(text: &str) -> anyhow::Result<Faults> {
        let mut faults = Faults::default();
        for fault in text.split(',').map(str::trim).filter(|fault| !fault.is_empty()) {
            let words: Vec<&str> = fault.split(':').collect();
            let number = |text: &str| text.parse::<u64>().with_context(|| format!("`{fault}`: no number"));
            match words[..] {
                ["never_ready"] => faults.never_ready = true,
                ["start", limit] => faults.start = Duration::from_millis(number(limit)?),
                ["flap", turn] => faults.flap = Some(Duration::from_secs(number(turn)?.max(1))),
                ["exit", after] => faults.exit = Some(Duration::from_secs(number(after)?)),
                ["fail", percent, after] => {
                    faults.fail = Some((number(percent)?, Duration::from_secs(number(after)?)));
                }
                ["slow", by] => faults.slow = Duration::from_millis(number(by)?),
                ["leak", kib] => faults.leak_kib = usize::try_from(number(kib)?)?,
                ["forget"] => faults.forget = true,
                ["html"] => faults.html = true,
                ["version", version] => faults.version = Some(version.to_owned()),
                ["release", release] => faults.release = Some(release.to_owned()),
                _ => anyhow::bail!("`{fault}` is no fault"),
            }
        }
        Ok(faults)
    }
}

/// What the faults of requests have done so far.
#[derive(Debug, Default)]
pub(crate) struct Struck {
    requests: AtomicU64,
    kept: Mutex<Vec<Vec<u8>>>,
}

impl Struck {
    /// Keeps memory, and says whether this request fails. The failing ones are spread evenly, without dice.
    pub(crate) fn request(&self, faults: &Faults, age: Duration) -> bool {
        if faults.leak_kib > 0 {
            // Written, because memory that is not written to is not taken.
            let mut kept = self.kept.lock().expect("no panic while memory is kept");
            kept.push(vec![1; faults.leak_kib << 10]);
        }
        match faults.fail {
            Some((percent, after)) if age >= after => {
                let before = self.requests.fetch_add(1, Ordering::Relaxed);
                (before + 1) * percent / 100 > before * percent / 100
            }
            Some(_) | None => false,
        }
    }
}
