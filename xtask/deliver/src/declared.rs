//! What people declare below `release/`, read from TOML.

use serde::de::DeserializeOwned;

use nexus_xtask::failure::Finding;

/// What a text says, or the line that makes it no such thing. `schema` is the name of its schema.
pub(crate) fn parse<T: DeserializeOwned>(file: &str, schema: &str, text: &str) -> Result<T, Finding> {
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = text[..start].matches('\n').count() + 1;
        Finding::at(file, line, error.message(), format!("see release/schema/{schema}.json"))
    })
}

/// `90s`, `5m`, `12h`, `7d` in seconds; none where it is no such thing.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let count: u64 = text[..text.len() - 1].parse().ok()?;
    count.checked_mul(factor).filter(|seconds| *seconds > 0)
}
