//! A client that counts and never tries again.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// One request on a connection of its own, to `http://...` or `unix:...`.
pub(crate) fn ask(address: &str, path: &str) -> Result<String, String> {
    let limit = Some(Duration::from_secs(10));
    let answer = if let Some(socket) = address.strip_prefix("unix:") {
        UnixStream::connect(socket).and_then(|stream| {
            stream.set_read_timeout(limit)?;
            request(&mut BufReader::new(stream.try_clone()?), &mut &stream, path, "close")
        })
    } else {
        TcpStream::connect(address.trim_start_matches("http://")).and_then(|stream| {
            stream.set_read_timeout(limit)?;
            request(&mut BufReader::new(stream.try_clone()?), &mut &stream, path, "close")
        })
    };
    answer.map(|(body, _)| body).map_err(|error| error.to_string())
}

/// The body, and whether the connection stays.
fn request<R: Read>(
    reader: &mut BufReader<R>,
    writer: &mut dyn Write,
    path: &str,
    connection: &str,
) -> std::io::Result<(String, bool)> {
    let bad = |why: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, why.to_owned());
    writer.write_all(
        format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: {connection}\r\n\r\n").as_bytes(),
    )?;
    let mut line = String::new();
    reader.read_line(&mut line)?;
    if !line.starts_with("HTTP/1.1 200") {
        return Err(bad(&format!("answered `{}`", line.trim())));
    }
    let (mut length, mut stays) = (0, true);
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? <= 2 {
            break;
        }
        let header = header.to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(|_| bad("no length"))?;
        }
        stays &= header.trim() != "connection: close";
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((String::from_utf8_lossy(&body).into_owned(), stays))
}

/// What a load saw.
#[derive(Default)]
pub(crate) struct Counted {
    pub(crate) requests: u64,
    pub(crate) failures: Vec<String>,
}

/// Clients that ask on and on: half of them on a new connection each time, half on one that is kept as long as the
/// service keeps it.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<std::thread::JoinHandle<Counted>>,
}

impl Load {
    pub(crate) fn start(address: &str, clients: usize) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let clients =
            (0..clients).map(|number| {
                let (stop, address) = (Arc::clone(&stop), address.trim_start_matches("http://").to_owned());
                std::thread::spawn(move || {
                    if number % 2 == 0 { fresh(&stop, &address) } else { kept(&stop, &address) }
                })
            });
        Load { clients: clients.collect(), stop }
    }

    pub(crate) fn end(self) -> Counted {
        self.stop.store(true, Ordering::SeqCst);
        let mut all = Counted::default();
        for client in self.clients {
            let counted = client.join().unwrap();
            all.requests += counted.requests;
            all.failures.extend(counted.failures);
        }
        all
    }
}

fn fresh(stop: &AtomicBool, address: &str) -> Counted {
    let mut counted = Counted::default();
    while !stop.load(Ordering::SeqCst) {
        counted.requests += 1;
        if let Err(why) = ask(address, "/version") {
            counted.failures.push(format!("new connection: {why}"));
        }
        // A client that asks without a pause runs out of local ports, which is no failure of the service.
        std::thread::park_timeout(Duration::from_millis(2));
    }
    counted
}

fn kept(stop: &AtomicBool, address: &str) -> Counted {
    let mut counted = Counted::default();
    let mut connection: Option<(BufReader<TcpStream>, TcpStream)> = None;
    while !stop.load(Ordering::SeqCst) {
        counted.requests += 1;
        let asked = (|| {
            if connection.is_none() {
                let stream = TcpStream::connect(address)?;
                stream.set_read_timeout(Some(Duration::from_secs(10)))?;
                stream.set_nodelay(true)?;
                connection = Some((BufReader::new(stream.try_clone()?), stream));
            }
            let (reader, writer) = connection.as_mut().unwrap();
            request(reader, writer, "/version", "keep-alive")
        })();
        match asked {
            Ok((_, true)) => {}
            Ok((_, false)) => connection = None,
            Err(error) => {
                counted.failures.push(format!("kept connection: {error}"));
                connection = None;
            }
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    counted
}
