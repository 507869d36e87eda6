//! The pages as HTML. Pure: values in, the same bytes each time.
//!
//! - Text is escaped where it is put in (maud does), and control characters are taken out before.
//! - Nothing is told by colour alone: every state is a word.
//! - No style and no script is inside a page, so that the policy can forbid both.
//!
//! To add a page: a file here with a function that takes a `Frame` and values, a variant of `Page`, an arm in `portal::page`.

mod parts;
mod overview;
mod pipelines;
mod run;
mod graph;
mod log;
mod deployments;
mod health;
mod resilience;
mod truth;
mod delivery;
mod missing;

pub(crate) use self::delivery::{Delivery, delivery};
pub(crate) use self::deployments::{Deployments, Stage, deployments};
pub(crate) use self::health::{Alerts, Health, alerts, health};
pub(crate) use self::log::{Found, Lines, Log, Logs, log, logs};
pub(crate) use self::missing::missing;
pub(crate) use self::overview::{Overview, overview};
pub(crate) use self::parts::plain;
pub(crate) use self::pipelines::{Pipelines, pipelines};
pub(crate) use self::resilience::{Resilience, resilience};
pub(crate) use self::run::run;
pub(crate) use self::truth::{Truth, truth};

use maud::{DOCTYPE, Markup, html};

use super::site::{MAIN, Page, Place, Site};

/// What a page as a file may do, where no server can say it: nothing but show itself.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'";

/// The page that is made, and what it shares with the others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) site: &'a Site,
    pub(crate) here: &'a Page,
}

impl Frame<'_> {
    fn link(&self, to: &Page) -> String {
        self.site.link(self.here, to)
    }

    fn is_served(&self) -> bool {
        self.site.place == Place::Served
    }

    /// The whole document around what the page says.
    fn document(&self, heading: &str, body: &Markup) -> String {
        let section = self.here.section();
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    @if !self.is_served() { meta http-equiv="Content-Security-Policy" content=(POLICY); }
                    title { (plain(heading)) " · " (plain(&self.site.name)) }
                    link rel="icon" href=(self.site.asset(self.here, "portal.svg")) type="image/svg+xml";
                    link rel="stylesheet" href=(self.site.asset(self.here, "portal.css"));
                    @if self.is_served() { script src=(self.site.asset(self.here, "portal.js")) defer {} }
                }
                body {
                    a.skip href="#content" { "Skip to content" }
                    header {
                        p.name { a href=(self.link(&Page::Overview)) { (plain(&self.site.name)) } }
                        nav aria-label="Pages" { ul {
                            @for page in &MAIN {
                                li { a href=(self.link(page)) aria-current=[(*page == section).then_some("page")] {
                                    (page.title())
                                } }
                            }
                        } }
                        @if self.is_served() { p #live role="status" {} }
                    }
                    main #content tabindex="-1" {
                        h1 { (plain(heading)) }
                        (body)
                    }
                    footer { (self.foot()) }
                }
            }
        };
        page.into_string()
    }

    fn foot(&self) -> Markup {
        let totals = &self.site.totals;
        html! { p {
            (parts::count(totals.events, "event")) " in the journal"
            @if let Some(newest) = totals.newest { ", the newest " (parts::when(newest, self.site.now)) }
            @if totals.broken > 0 { ". " strong { (parts::count(totals.broken, "broken place")) } }
            ". nexus-xtask " (self.site.version) "."
        } }
    }
}
