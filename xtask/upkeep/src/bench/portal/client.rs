//! One kept connection that asks, and waits for the whole answer.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::Context as _;

/// The longest that one answer may take.
const LIMIT: Duration = Duration::from_secs(120);

/// A connection.
pub(super) struct Client {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Client {
    pub(super) fn connect(address: &str) -> anyhow::Result<Client> {
        let stream = TcpStream::connect(address).with_context(|| format!("nobody is at {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LIMIT))?;
        Ok(Client { stream: BufReader::new(stream), host: address.to_owned() })
    }

    /// The length of the answer, which must be 200.
    pub(super) fn get(&mut self, path: &str) -> anyhow::Result<usize> {
        let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.host);
        self.stream.get_mut().write_all(head.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        anyhow::ensure!(line.starts_with("HTTP/1.1 200 "), "{path}: {}", line.trim_end());
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            if line.trim_end().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(length)
    }
}
