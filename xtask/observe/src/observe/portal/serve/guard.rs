//! Who may look, and how often.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine as _;
use subtle::ConstantTimeEq as _;

use nexus_xtask::clock::{Clock, Started};
use nexus_xtask::digest::Digest;

/// What one visitor may ask at once, and in each second after.
const BURST: f64 = 120.0;
const PER_SECOND: f64 = 20.0;

/// What all visitors behind a proxy may ask together: it is the proxy that tells them apart.
const PROXIED_TIMES: f64 = 10.0;

/// Visitors that are remembered: whoever has more addresses than that is limited with all of them together.
const PEERS_MAX: usize = 4096;

/// Who is at the other end; `None` on a socket of the file system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) Option<IpAddr>);

/// Who can reach the portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exposure {
    /// Who is on this machine.
    Loopback,
    /// Whom a proxy lets in.
    Proxied,
    /// Everybody.
    Public,
}

/// What a visitor must know.
#[derive(Debug)]
pub(super) struct Token(String);

impl Token {
    pub(super) fn of(text: &str) -> Token {
        Token(Digest::of(text).to_string())
    }

    /// Digests have one length, so the time that this takes says nothing about the token.
    fn is(&self, given: &str) -> bool {
        let given = Digest::of(given).to_string();
        bool::from(self.0.as_bytes().ct_eq(given.as_bytes()))
    }
}

/// Decides about each request.
#[derive(Debug)]
pub(super) struct Guard {
    exposure: Exposure,
    token: Option<Token>,
    begun: Started,
    buckets: Mutex<HashMap<Option<IpAddr>, Bucket>>,
}

/// What a visitor may still ask.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    at: f64,
}

impl Guard {
    pub(super) fn new(exposure: Exposure, token: Option<Token>, clock: Clock) -> Guard {
        Guard { exposure, token, begun: clock.start(), buckets: Mutex::default() }
    }

    /// What a request is refused with. Whether the service lives may be asked by everybody, and as often as they like: that is
    /// `is_open`.
    pub(super) fn refuses(&self, peer: Peer, headers: &HeaderMap, is_open: bool) -> Option<StatusCode> {
        if self.exposure == Exposure::Loopback && !is_local(headers) {
            return Some(StatusCode::MISDIRECTED_REQUEST);
        }
        if is_open {
            return None;
        }
        if self.exposure != Exposure::Loopback && !self.has_left(peer) {
            return Some(StatusCode::TOO_MANY_REQUESTS);
        }
        match &self.token {
            Some(token) if !knows(token, headers) => Some(StatusCode::UNAUTHORIZED),
            _ => None,
        }
    }

    fn has_left(&self, peer: Peer) -> bool {
        let times = if self.exposure == Exposure::Proxied { PROXIED_TIMES } else { 1.0 };
        let now = self.begun.elapsed().as_secs_f64();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= PEERS_MAX {
            let is_full = |bucket: &Bucket| bucket.left + (now - bucket.at) * PER_SECOND >= BURST;
            buckets.retain(|_, bucket| !is_full(bucket));
        }
        let key = if buckets.len() < PEERS_MAX || buckets.contains_key(&peer.0) { peer.0 } else { None };
        let bucket = buckets.entry(key).or_insert(Bucket { left: BURST * times, at: now });
        bucket.left = (bucket.left + (now - bucket.at) * PER_SECOND * times).min(BURST * times);
        bucket.at = now;
        if bucket.left < 1.0 {
            return false;
        }
        bucket.left -= 1.0;
        true
    }
}

/// True where the request names this machine: a name that somebody else chose could lead here as well.
fn is_local(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return true };
    let Ok(host) = host.to_str() else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// `Authorization: Bearer TOKEN`, or `Basic` with the token as password and any name.
fn knows(token: &Token, headers: &HeaderMap) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|given| given.to_str().ok()).unwrap_or_default();
    let (scheme, given) = given.split_once(' ').unwrap_or_default();
    if scheme.eq_ignore_ascii_case("bearer") {
        return token.is(given.trim());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return false;
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(given.trim()).unwrap_or_default();
    let text = String::from_utf8(decoded).unwrap_or_default();
    text.split_once(':').is_some_and(|(_, password)| token.is(password))
}
