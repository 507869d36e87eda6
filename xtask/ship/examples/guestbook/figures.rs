//! What the service counts, and the text in which Prometheus reads it.

use std::collections::BTreeMap;
use std::fmt::{Arguments, Write as _};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use nexus_xtask::files;

/// Upper bounds of the buckets, in seconds.
const BUCKETS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];

/// Bytes of a page of memory, as `/proc/self/statm` counts them on the machines that this runs on.
const PAGE_BYTES: u64 = 4096;

/// Counted since the process started.
#[derive(Debug, Default)]
pub(crate) struct Figures(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    by_status: BTreeMap<u16, u64>,
    buckets: [u64; BUCKETS.len()],
    count: u64,
    sum: Duration,
}

impl Figures {
    pub(crate) fn request(&self, status: u16, took: Duration) {
        let mut counted = self.0.lock().expect("no panic while counting");
        *counted.by_status.entry(status).or_default() += 1;
        counted.count += 1;
        counted.sum += took;
        for (bucket, bound) in counted.buckets.iter_mut().zip(BUCKETS) {
            *bucket += u64::from(took.as_secs_f64() <= bound);
        }
    }

    /// The text format 0.0.4.
    pub(crate) fn text(&self, version: &str, release: &str) -> String {
        let counted = self.0.lock().expect("no panic while counting");
        let mut text = String::new();
        let mut line =
            |arguments: Arguments<'_>| writeln!(text, "{arguments}").expect("a string takes any text");
        line(format_args!("# TYPE guestbook_requests_total counter"));
        for (status, count) in &counted.by_status {
            line(format_args!("guestbook_requests_total{{status=\"{status}\"}} {count}"));
        }
        line(format_args!("# TYPE guestbook_request_seconds histogram"));
        for (bound, count) in BUCKETS.iter().zip(counted.buckets) {
            line(format_args!("guestbook_request_seconds_bucket{{le=\"{bound}\"}} {count}"));
        }
        line(format_args!("guestbook_request_seconds_bucket{{le=\"+Inf\"}} {}", counted.count));
        line(format_args!("guestbook_request_seconds_sum {}", counted.sum.as_secs_f64()));
        line(format_args!("guestbook_request_seconds_count {}", counted.count));
        line(format_args!("# TYPE guestbook_info gauge"));
        line(format_args!("guestbook_info{{version=\"{version}\",release=\"{release}\"}} 1"));
        if let Some(bytes) = resident_bytes() {
            line(format_args!("# TYPE process_resident_memory_bytes gauge"));
            line(format_args!("process_resident_memory_bytes {bytes}"));
        }
        text
    }
}

/// Memory that the process takes; none where the system does not say.
fn resident_bytes() -> Option<u64> {
    let statm = files::read_text(Path::new("/proc/self/statm")).ok()??;
    Some(statm.split_whitespace().nth(1)?.parse::<u64>().ok()? * PAGE_BYTES)
}
