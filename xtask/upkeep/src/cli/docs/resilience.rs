//! The part of `docs/resilience.md` that says what is declared: it is made from `release/resilience.toml`, between two
//! lines; what is around them is written by people.

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::Result;
use nexus_xtask::files;
use nexus_xtask_deliver::resilience::{config, report};

/// The document's path from the root.
pub(super) const FILE: &str = "docs/resilience.md";

/// What is between these is made.
const BEGIN: &str = "<!-- Made from release/resilience.toml by `cargo xtask docs --write`. Do not edit. -->";
const END: &str = "<!-- The end of what is made. -->";

/// What a document begins with that nobody has written yet.
const HEAD: &str = "# Resilience\n\n";

/// The document as it must be; none where nothing is declared.
///
/// # Errors
/// Where the declaration cannot be used.
pub(super) fn page(doors: &Doors) -> Result<Option<String>> {
    if !doors.workspace.file(config::FILE).is_file() {
        return Ok(None);
    }
    let config = config::load(&doors.workspace)?;
    let written = files::read_text(&doors.workspace.file(FILE))?.unwrap_or_else(|| HEAD.to_owned());
    Ok(Some(put(&written, &report::document(&config))))
}

/// Puts the part between its lines; at the end, where they are not there.
fn put(written: &str, part: &str) -> String {
    let (before, after) = match written.split_once(BEGIN) {
        Some((before, rest)) => (before, rest.split_once(END).map_or("\n", |(_, after)| after)),
        None => (written, "\n"),
    };
    format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", part.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_stays_around_what_is_made() {
        let first = put("# R\n\nAbout.\n\n", "one\n");
        assert_eq!(first, format!("# R\n\nAbout.\n\n{BEGIN}\n\none\n\n{END}\n"));
        let second = put(&format!("{first}\n## More\n"), "two");
        assert_eq!(second, format!("# R\n\nAbout.\n\n{BEGIN}\n\ntwo\n\n{END}\n\n## More\n"));
        assert_eq!(put(&second, "two"), second);
    }
}
