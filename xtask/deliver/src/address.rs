//! Addresses: those of this machine that nobody uses, and whether somebody listens at one.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use anyhow::Context as _;

/// Addresses that nobody listens at. All are held until all are known, so that none is given twice; afterwards another
/// program may take one.
///
/// # Errors
/// Where no port is free.
pub(crate) fn free(count: usize) -> anyhow::Result<Vec<SocketAddr>> {
    let bind = |_| TcpListener::bind(("127.0.0.1", 0)).context("no port is free");
    let held = (0..count).map(bind).collect::<anyhow::Result<Vec<_>>>()?;
    held.iter().map(|listener| listener.local_addr().context("a port without an address")).collect()
}

/// Whether somebody takes connections at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Connected {
    /// Somebody does.
    Yes,
    /// The machine is there, and nobody listens.
    Refused,
    /// Nothing was learnt, and why: no such name, no answer in time.
    Unknown(String),
}

/// Connects to `HOST:PORT`, and hangs up. The limit is for each address that the name has.
pub(crate) fn connect(address: &str, limit: Duration) -> Connected {
    let places = match address.to_socket_addrs() {
        Ok(places) => places,
        Err(error) => return Connected::Unknown(format!("`{address}` has no address: {error}")),
    };
    let mut found = Connected::Unknown(format!("`{address}` has no address"));
    for place in places {
        match TcpStream::connect_timeout(&place, limit) {
            Ok(_) => return Connected::Yes,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => found = Connected::Refused,
            Err(error) => found = Connected::Unknown(error.to_string()),
        }
    }
    found
}
