//! What a visitor sees who asked for what is not there.

use maud::html;

use super::Frame;
use super::parts::plain;
use crate::observe::portal::site::Page;

/// The page, with the reason.
pub(crate) fn missing(frame: Frame<'_>, heading: &str, why: &str) -> String {
    let body = html! {
        p { (plain(why)) }
        p { a href=(frame.link(&Page::Overview)) { "To the overview" } }
    };
    frame.document(heading, &body)
}
