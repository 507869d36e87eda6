//! Listening sockets: handed over by whoever starts the portal, or bound here. And the word that goes back: ready.

use std::net::{IpAddr, SocketAddr};

use anyhow::Context as _;
use listenfd::ListenFd;
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

/// A listening socket.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// A connection.
#[derive(Debug)]
pub(super) enum Stream {
    /// With who is at the other end.
    Tcp(TcpStream, IpAddr),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Listener {
    /// The next connection. Nothing is lost when the wait is given up.
    pub(super) async fn accept(&self) -> std::io::Result<Stream> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream, peer.ip()))
            }
            #[cfg(unix)]
            Listener::Unix(listener) => Ok(Stream::Unix(listener.accept().await?.0)),
        }
    }

    /// Where it listens; `None` for one of the file system.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self {
            // An address that the system does not tell is taken for the widest.
            Listener::Tcp(listener) => {
                Some(listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0))))
            }
            #[cfg(unix)]
            Listener::Unix(_) => None,
        }
    }

    /// The same for people.
    pub(super) fn said(&self) -> String {
        match self {
            Listener::Tcp(_) => {
                self.address().map_or_else(String::new, |address| format!("http://{address}/"))
            }
            #[cfg(unix)]
            Listener::Unix(listener) => {
                let address = listener.local_addr().ok();
                let path = address.as_ref().and_then(|address| address.as_pathname());
                format!("unix:{}", path.map(|path| path.display().to_string()).unwrap_or_default())
            }
        }
    }
}

/// Every socket that was handed over; without one, the address. And which of both it was: true is handed over.
pub(super) fn listeners(address: SocketAddr) -> anyhow::Result<(Vec<Listener>, bool)> {
    let mut handed = ListenFd::from_env();
    let mut listeners = Vec::new();
    for index in 0..handed.len() {
        listeners.push(taken(&mut handed, index).with_context(|| format!("socket {index} is of no use"))?);
    }
    if listeners.is_empty() {
        let bound = std::net::TcpListener::bind(address)?;
        bound.set_nonblocking(true)?;
        listeners.push(Listener::Tcp(TcpListener::from_std(bound)?));
    }
    Ok((listeners, handed.len() > 0))
}

fn taken(handed: &mut ListenFd, index: usize) -> anyhow::Result<Listener> {
    if let Ok(Some(listener)) = handed.take_tcp_listener(index) {
        listener.set_nonblocking(true)?;
        return Ok(Listener::Tcp(TcpListener::from_std(listener)?));
    }
    #[cfg(unix)]
    {
        let listener = handed.take_unix_listener(index)?.context("it was taken already")?;
        listener.set_nonblocking(true)?;
        Ok(Listener::Unix(UnixListener::from_std(listener)?))
    }
    #[cfg(not(unix))]
    anyhow::bail!("it does not listen on TCP")
}

/// Tells the one who started the portal how it is, as sd_notify(3) says: a datagram to `NOTIFY_SOCKET`.
#[cfg(unix)]
pub(super) fn notify(address: Option<&str>, state: &str) -> anyhow::Result<()> {
    let Some(address) = address else { return Ok(()) };
    let socket = std::os::unix::net::UnixDatagram::unbound()?;
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
            let sent = socket.send_to(state.as_bytes(), address);
            sent.with_context(|| format!("cannot notify `{address}`"))?;
        }
    }
    Ok(())
}

/// Nobody is told where there is no such socket.
#[cfg(not(unix))]
pub(super) fn notify(_address: Option<&str>, _state: &str) -> anyhow::Result<()> {
    Ok(())
}
