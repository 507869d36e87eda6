//! What the service is told by its variables, read once.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;

use nexus_xtask::environment::Environment;
use nexus_xtask::files;

use crate::faults::Faults;

/// The schemas that the newest program knows.
const SCHEMAS: &str = "1-3";

/// How long a kept connection may be silent once the end was asked for. A short limit loses the request of a slow client.
const IDLE_SECONDS: &str = "10";

/// What the service is told.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) version: String,
    pub(crate) release: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) database: PathBuf,
    pub(crate) schemas: RangeInclusive<u32>,
    pub(crate) idle: Duration,
    pub(crate) notify: Option<String>,
    pub(crate) faults: Faults,
}

impl Settings {
    pub(crate) fn read() -> anyhow::Result<Settings> {
        let environment = Environment::of_process()?;
        let variable = |name: &str| environment.get(name).map(str::to_owned);
        let beside = environment.binary().with_file_name("VERSION");
        let packed = files::read_text(&beside)?.map(|text| text.trim().to_owned());
        let compiled = option_env!("GUESTBOOK_VERSION").unwrap_or(env!("CARGO_PKG_VERSION"));
        let folder =
            variable("STATE_DIRECTORY").map_or_else(|| environment.folder().to_owned(), PathBuf::from);
        let idle = variable("GUESTBOOK_IDLE_SECONDS").unwrap_or_else(|| IDLE_SECONDS.to_owned());
        Ok(Settings {
            version: packed.unwrap_or_else(|| compiled.to_owned()),
            release: variable("XTASK_RELEASE"),
            port: variable("PORT").map(|port| port.parse()).transpose().context("`PORT` is no port")?,
            database: variable("GUESTBOOK_DATABASE")
                .map_or_else(|| folder.join("guestbook.sqlite"), PathBuf::from),
            schemas: schemas(&variable("GUESTBOOK_SCHEMAS").unwrap_or_else(|| SCHEMAS.to_owned()))?,
            idle: Duration::from_secs(idle.parse().context("`GUESTBOOK_IDLE_SECONDS` is no number")?),
            notify: variable("NOTIFY_SOCKET"),
            faults: Faults::parse(&variable("GUESTBOOK_FAULTS").unwrap_or_default())?,
        })
    }
}

fn schemas(text: &str) -> anyhow::Result<RangeInclusive<u32>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.parse().with_context(|| format!("`{text}` is no number of a schema"));
    Ok(number(first)?..=number(last)?)
}
