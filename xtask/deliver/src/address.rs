//! Addresses of this machine, for what runs here for a moment.

use std::net::{SocketAddr, TcpListener};

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
