//! The smallest service that can be deployed: takes its socket by the protocol of systemd, says `READY=1`, answers
//! `GET /version`, and drains on SIGTERM. The contract suite deploys it, good and broken.
//!
//! Variables: `VERSION` is what it says it is; `READY` is `no` (never ready) or `die` (ends at once with a last word);
//! `DRAIN` is `no` (SIGTERM ends nothing).

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a program of its own, outside of the doors"
)]

#[cfg(target_os = "linux")]
mod service {
    use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
    use std::net::TcpListener;
    use std::os::fd::AsFd as _;
    use std::os::unix::net::{UnixDatagram, UnixListener};
    use std::process::ExitCode;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    /// How long a connection without a request stays open once the service drains: a request may be on its way.
    const IDLE: Duration = Duration::from_secs(3);

    struct Service {
        version: String,
        is_draining: AtomicBool,
        connections: AtomicUsize,
        secret: String,
    }

    trait Connection: std::io::Read + std::io::Write + Send {
        fn split(&self) -> std::io::Result<Box<dyn Connection>>;
        fn limit(&self, limit: Duration) -> std::io::Result<()>;
    }

    macro_rules! connection {
        ($stream:ty) => {
            impl Connection for $stream {
                fn split(&self) -> std::io::Result<Box<dyn Connection>> {
                    Ok(Box::new(self.try_clone()?))
                }
                fn limit(&self, limit: Duration) -> std::io::Result<()> {
                    self.set_nonblocking(false)?;
                    self.set_read_timeout(Some(limit))
                }
            }
        };
    }
    connection!(std::net::TcpStream);
    connection!(std::os::unix::net::UnixStream);

    enum Listener {
        Tcp(TcpListener),
        Unix(UnixListener),
    }

    impl Listener {
        fn accept(&self) -> std::io::Result<Box<dyn Connection>> {
            Ok(match self {
                Listener::Tcp(listener) => {
                    let (stream, _) = listener.accept()?;
                    stream.set_nodelay(true)?;
                    Box::new(stream)
                }
                Listener::Unix(listener) => Box::new(listener.accept()?.0),
            })
        }
    }

    fn variable(name: &str) -> String {
        std::env::var(name).unwrap_or_default()
    }

    /// The socket at descriptor 3, which is a TCP socket or one of the file system.
    fn listener() -> std::io::Result<Listener> {
        let mut handed = listenfd::ListenFd::from_env();
        let missing = || std::io::Error::new(ErrorKind::NotFound, "no socket was handed over");
        if let Ok(Some(listener)) = handed.take_unix_listener(0) {
            listener.set_nonblocking(true)?;
            return Ok(Listener::Unix(listener));
        }
        let listener = handed.take_tcp_listener(0)?.ok_or_else(missing)?;
        listener.set_nonblocking(true)?;
        Ok(Listener::Tcp(listener))
    }

    fn notify(text: &str) -> std::io::Result<()> {
        use std::os::linux::net::SocketAddrExt as _;
        let path = variable("NOTIFY_SOCKET");
        let socket = UnixDatagram::unbound()?;
        let address = match path.strip_prefix('@') {
            Some(name) => std::os::unix::net::SocketAddr::from_abstract_name(name)?,
            None => std::os::unix::net::SocketAddr::from_pathname(path)?,
        };
        socket.send_to_addr(text.as_bytes(), &address).map(|_| ())
    }

    pub(super) fn main() -> ExitCode {
        match run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        }
    }

    fn run() -> std::io::Result<()> {
        if variable("READY") == "die" {
            return Err(std::io::Error::other("the table `notes` has no column `author`"));
        }
        let listener = listener()?;
        let secret = match std::fs::read_to_string(variable("WORD_FILE")) {
            Ok(text) => text.trim().to_owned(),
            Err(_) => String::new(),
        };
        let service = Arc::new(Service {
            version: variable("VERSION"),
            is_draining: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            secret,
        });
        let stopping = Arc::new(AtomicBool::new(false));
        if variable("DRAIN") == "no" {
            signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::new(AtomicBool::new(false)))?;
        } else {
            signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&stopping))?;
        }
        eprintln!("{} serves", service.version);
        if variable("READY") != "no" {
            notify("READY=1\n")?;
        }
        while !stopping.load(Ordering::SeqCst) {
            let socket = match &listener {
                Listener::Tcp(listener) => listener.as_fd(),
                Listener::Unix(listener) => listener.as_fd(),
            };
            let mut sockets = [PollFd::from_borrowed_fd(socket, PollFlags::IN)];
            poll(&mut sockets, Some(&Timespec { tv_sec: 0, tv_nsec: 20_000_000 })).ok();
            // Another instance may have been faster: then there is nothing.
            if let Ok(connection) = listener.accept() {
                let service = Arc::clone(&service);
                service.connections.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    serve(&service, connection.as_ref()).ok();
                    service.connections.fetch_sub(1, Ordering::SeqCst);
                });
            }
        }
        service.is_draining.store(true, Ordering::SeqCst);
        drop(listener);
        let started = Instant::now();
        while service.connections.load(Ordering::SeqCst) > 0 && started.elapsed() < IDLE {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        Ok(())
    }

    fn serve(service: &Service, connection: &dyn Connection) -> std::io::Result<()> {
        connection.limit(Duration::from_secs(30))?;
        let mut reader = BufReader::new(connection.split()?);
        let mut writer = connection.split()?;
        loop {
            let mut request = String::new();
            if reader.read_line(&mut request)? == 0 {
                return Ok(());
            }
            let mut header = String::new();
            while reader.read_line(&mut header)? > 2 {
                header.clear();
            }
            let (status, body) = match request.split(' ').nth(1) {
                Some("/version") => ("200 OK", service.version.clone()),
                Some("/livez" | "/readyz") => ("200 OK", "ok".into()),
                Some("/secret") => ("200 OK", service.secret.clone()),
                Some("/process") => ("200 OK", std::process::id().to_string()),
                _ => ("404 Not Found", String::new()),
            };
            let is_last = service.is_draining.load(Ordering::SeqCst);
            let keep = if is_last { "close" } else { "keep-alive" };
            let length = body.len();
            writer.write_all(
                format!("HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\nconnection: {keep}\r\n\r\n{body}").as_bytes(),
            )?;
            if is_last {
                return Ok(());
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    service::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {}
