//! Listening sockets: handed over by whoever starts the service, or bound here. And the word that goes back: ready.

use std::net::Ipv4Addr;
use std::os::unix::net::UnixDatagram;

use anyhow::Context as _;
use listenfd::ListenFd;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// A listening socket.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A connection.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Listener {
    /// The next connection. Nothing is lost when the wait is given up.
    pub(crate) async fn accept(&self) -> std::io::Result<Stream> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            Listener::Unix(listener) => Ok(Stream::Unix(listener.accept().await?.0)),
        }
    }
}

/// Every socket that was handed over; without one, the port.
pub(crate) async fn listeners(port: Option<u16>) -> anyhow::Result<Vec<Listener>> {
    let mut handed = ListenFd::from_env();
    let mut listeners = Vec::new();
    for index in 0..handed.len() {
        listeners.push(taken(&mut handed, index).with_context(|| format!("socket {index} is of no use"))?);
    }
    if listeners.is_empty() {
        let port = port.context("no socket was handed over (LISTEN_FDS), and there is no `PORT`")?;
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        listeners.push(Listener::Tcp(bound.with_context(|| format!("cannot bind port {port}"))?));
    }
    Ok(listeners)
}

fn taken(handed: &mut ListenFd, index: usize) -> anyhow::Result<Listener> {
    if let Ok(Some(listener)) = handed.take_tcp_listener(index) {
        listener.set_nonblocking(true)?;
        return Ok(Listener::Tcp(TcpListener::from_std(listener)?));
    }
    let listener = handed.take_unix_listener(index)?.context("it was taken already")?;
    listener.set_nonblocking(true)?;
    Ok(Listener::Unix(UnixListener::from_std(listener)?))
}

/// Tells the one who started the service how it is, as sd_notify(3) says: a datagram to `NOTIFY_SOCKET`.
pub(crate) fn notify(address: Option<&str>, state: &str) -> anyhow::Result<()> {
    let Some(address) = address else { return Ok(()) };
    let socket = UnixDatagram::unbound()?;
    match address.strip_prefix('@') {
        #[cfg(target_os = "linux")]
        Some(name) => {
            use std::os::linux::net::SocketAddrExt as _;
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
            socket.send_to_addr(state.as_bytes(), &address)?;
        }
        #[cfg(not(target_os = "linux"))]
        Some(_) => anyhow::bail!("`{address}` is an address of Linux alone"),
        None => {
            socket
                .send_to(state.as_bytes(), address)
                .with_context(|| format!("cannot notify `{address}`"))?;
        }
    }
    Ok(())
}
