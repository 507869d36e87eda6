//! Which pages there are, and how one leads to another. Links are relative, so that the same pages work as files in any folder
//! and behind a proxy that puts a folder in front.

use jiff::Timestamp;

use super::index::ask::Totals;

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Overview,
    Pipelines,
    /// A recorded run.
    Run(String),
    /// The log of a step, by its place in the plan of a run.
    Log(String, usize),
    Deployments,
    Health,
    Logs,
    Alerts,
    Resilience,
    Truth,
    Delivery,
    /// What is asked for is not there; so many folders below the first page.
    Missing(usize),
}

/// The pages that every page leads to, in the order in which they are read.
pub(crate) const MAIN: [Page; 9] = [
    Page::Overview,
    Page::Pipelines,
    Page::Deployments,
    Page::Health,
    Page::Alerts,
    Page::Logs,
    Page::Resilience,
    Page::Truth,
    Page::Delivery,
];

/// Where the pages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A server answers: there are filters, older entries, and pages that keep themselves fresh.
    Served,
    /// They are files.
    Files,
}

/// What all pages share.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// What the portal is about.
    pub(crate) name: String,
    pub(crate) place: Place,
    /// The time that ages are counted to.
    pub(crate) now: Timestamp,
    pub(crate) totals: Totals,
    pub(crate) version: String,
}

/// What a visitor asks beside the page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Question {
    /// Where older entries go on.
    pub(crate) before: Option<super::index::ask::Cursor>,
    /// A text that lines must hold.
    pub(crate) text: String,
    /// A word that what is listed must have: an outcome, a state.
    pub(crate) word: String,
}

impl Page {
    /// Its name in the navigation and in the title.
    pub(crate) fn title(&self) -> String {
        match self {
            Page::Overview => "Overview".into(),
            Page::Pipelines => "Pipelines".into(),
            Page::Run(run) => format!("Run {run}"),
            Page::Log(run, place) => format!("Log {} of run {run}", place + 1),
            Page::Deployments => "Deployments".into(),
            Page::Health => "Health".into(),
            Page::Logs => "Logs".into(),
            Page::Alerts => "Alerts".into(),
            Page::Resilience => "Resilience".into(),
            Page::Truth => "Truth".into(),
            Page::Delivery => "Delivery".into(),
            Page::Missing(_) => "Not found".into(),
        }
    }

    /// The page of the navigation that it belongs to.
    pub(crate) fn section(&self) -> Page {
        match self {
            Page::Run(_) => Page::Pipelines,
            Page::Log(..) => Page::Logs,
            other => other.clone(),
        }
    }

    /// Its path from the first page, without an ending.
    fn path(&self) -> String {
        match self {
            Page::Overview => String::new(),
            Page::Run(run) => format!("runs/{run}"),
            Page::Log(run, place) => format!("runs/{run}/{}", place + 1),
            Page::Missing(depth) => "-/".repeat(*depth),
            other => other.title().to_lowercase(),
        }
    }

    /// The page with this path, as a server is asked for it.
    pub(crate) fn at(path: &str) -> Option<Page> {
        let path = path.strip_prefix('/')?;
        if let Some(main) = MAIN.into_iter().find(|page| page.path() == path) {
            return Some(main);
        }
        let rest = path.strip_prefix("runs/")?;
        let (run, log) = rest.split_once('/').map_or((rest, None), |(run, log)| (run, Some(log)));
        if !super::index::is_run(run) {
            return None;
        }
        match log {
            None => Some(Page::Run(run.to_owned())),
            // One spelling for each page: no sign, no zeros in front.
            Some(log) => {
                let place = log.parse::<usize>().ok().filter(|place| place.to_string() == log)?;
                Some(Page::Log(run.to_owned(), place.checked_sub(1)?))
            }
        }
    }

    /// Where a server has it.
    pub(crate) fn address(&self) -> String {
        format!("/{}", self.path())
    }

    /// The name of its file.
    pub(crate) fn file(&self) -> String {
        match self {
            Page::Overview => "index.html".into(),
            other => format!("{}.html", other.path()),
        }
    }

    fn depth(&self) -> usize {
        self.path().matches('/').count()
    }
}

impl Site {
    /// The way from one page to another.
    pub(crate) fn link(&self, from: &Page, to: &Page) -> String {
        let up = "../".repeat(from.depth());
        match self.place {
            Place::Files => format!("{up}{}", to.file()),
            Place::Served if *to == Page::Overview && up.is_empty() => "./".to_owned(),
            Place::Served => format!("{up}{}", to.path()),
        }
    }

    /// The way from a page to a file that is no page.
    pub(crate) fn asset(&self, from: &Page, name: &str) -> String {
        format!("{}{name}", "../".repeat(from.depth()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(place: Place) -> Site {
        let now = Timestamp::UNIX_EPOCH;
        Site { name: "shop".into(), place, now, totals: Totals::default(), version: "1.0.0".into() }
    }

    #[track_caller]
    fn check(path: &str, expected: Option<Page>) {
        assert_eq!(Page::at(path), expected, "{path}");
        if let Some(page) = expected {
            assert_eq!(page.address(), path);
        }
    }

    #[test]
    fn a_path_is_one_page_and_a_page_has_one_path() {
        MAIN.iter().for_each(|page| check(&page.address(), Some(page.clone())));
        check("/runs/20260304T080000000Z-79b1", Some(Page::Run("20260304T080000000Z-79b1".into())));
        check("/runs/a/3", Some(Page::Log("a".into(), 2)));
        for path in [
            "",
            "/runs",
            "/runs/",
            "/runs/..",
            "/runs/a/0",
            "/runs/a/03",
            "/runs/a/+3",
            "/runs/a/3/",
            "/Health",
        ] {
            check(path, None);
        }
    }

    #[test]
    fn links_lead_from_any_depth_to_any_page() {
        let log = Page::Log("a".into(), 0);
        for (place, from, to, expected) in [
            (Place::Served, &Page::Overview, &Page::Overview, "./"),
            (Place::Served, &Page::Overview, &log, "runs/a/1"),
            (Place::Served, &log, &Page::Overview, "../../"),
            (Place::Served, &log, &Page::Run("a".into()), "../../runs/a"),
            (Place::Served, &Page::Missing(3), &Page::Health, "../../../health"),
            (Place::Files, &Page::Health, &Page::Overview, "index.html"),
            (Place::Files, &log, &Page::Truth, "../../truth.html"),
        ] {
            assert_eq!(site(place).link(from, to), expected);
        }
    }
}
