//! The metrics of the journal, folded from the index event by event: memory does not follow the journal, and a scrape takes in only
//! what came since the one before.

use rusqlite::Connection;

use nexus_xtask::journal::Report;
use nexus_xtask_deliver::observe::metrics::Metrics;

use super::index::{Index, ask};

/// What was folded so far.
#[derive(Debug, Default)]
pub(crate) struct Scraped {
    metrics: Metrics,
    last: Option<ask::Cursor>,
    events: u64,
}

impl Scraped {
    /// The metrics of all that the index has.
    pub(crate) fn text(&mut self, index: &Index) -> anyhow::Result<String> {
        index.ask(|asked| {
            self.take_in(asked)?;
            let totals = ask::totals(asked)?;
            // An event of another writer may come late, and belong before what was folded; or the journal began anew.
            if self.events != totals.events {
                *self = Scraped::default();
                self.take_in(asked)?;
            }
            // How many places there are is all that is said of them.
            let broken = (0..totals.broken).map(|_| String::new()).collect();
            let report = Report { broken, ..Report::default() };
            Ok(self.metrics.text(&report, env!("CARGO_PKG_VERSION")))
        })
    }

    fn take_in(&mut self, asked: &Connection) -> rusqlite::Result<()> {
        let after = self.last.clone();
        ask::each(asked, after.as_ref(), |line, cursor| {
            self.metrics.take(line);
            self.events += 1;
            self.last = Some(cursor);
        })
    }
}
