//! The arguments of the load client.

use anyhow::Context as _;

use crate::Address;

/// The most requests of a run: more would only fill memory with times.
const REQUESTS_MAX: u64 = 2_000_000;

/// What is asked of the load client.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    /// Where it goes; clients take turns.
    pub(crate) addresses: Vec<Address>,
    pub(crate) clients: usize,
    /// All connections kept, none kept, or half of them.
    pub(crate) keep: Option<bool>,
    pub(crate) seconds: u64,
    pub(crate) requests_max: u64,
    pub(crate) pause_ms: u64,
    pub(crate) timeout_ms: u64,
    /// `GET /path` or `POST /path`, asked for in turn.
    pub(crate) paths: Vec<(http::Method, String)>,
}

impl Arguments {
    pub(crate) fn parse(words: &[String]) -> anyhow::Result<Arguments> {
        let mut arguments = Arguments {
            addresses: Vec::new(),
            clients: 8,
            keep: None,
            seconds: 10,
            requests_max: REQUESTS_MAX,
            pause_ms: 5,
            timeout_ms: 10_000,
            paths: Vec::new(),
        };
        let mut words = words.iter();
        while let Some(flag) = words.next() {
            let mut value = || words.next().with_context(|| format!("`{flag}` needs a value"));
            match flag.as_str() {
                "--address" => arguments.addresses.push(address(value()?)?),
                "--clients" => arguments.clients = value()?.parse()?,
                "--new" => arguments.keep = Some(false),
                "--keep" => arguments.keep = Some(true),
                "--seconds" => arguments.seconds = value()?.parse()?,
                "--requests" => arguments.requests_max = value()?.parse::<u64>()?.min(REQUESTS_MAX),
                "--pause-ms" => arguments.pause_ms = value()?.parse()?,
                "--timeout-ms" => arguments.timeout_ms = value()?.parse()?,
                "--ask" => arguments.paths.push(path(value()?)?),
                _ => anyhow::bail!(
                    "`{flag}` is no flag; there are --address, --clients, --new, --keep, --seconds, --requests, \
                     --pause-ms, --timeout-ms and --ask 'GET /path'"
                ),
            }
        }
        anyhow::ensure!(!arguments.addresses.is_empty(), "say where to: --address http://127.0.0.1:8080");
        if arguments.paths.is_empty() {
            arguments.paths = ["POST /entries", "GET /entries/newest", "GET /version"]
                .into_iter()
                .map(path)
                .collect::<Result<_, _>>()?;
        }
        Ok(arguments)
    }
}

fn address(text: &str) -> anyhow::Result<Address> {
    if let Some(path) = text.strip_prefix("unix:") {
        return Ok(Address::Unix(path.into()));
    }
    let authority = text.strip_prefix("http://").with_context(|| format!("`{text}`: http:// or unix:"))?;
    Ok(Address::Tcp(authority.trim_end_matches('/').into()))
}

fn path(text: &str) -> anyhow::Result<(http::Method, String)> {
    let (method, path) = text.split_once(' ').with_context(|| format!("`{text}`: METHOD /path"))?;
    Ok((method.parse()?, path.to_owned()))
}
